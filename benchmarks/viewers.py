"""What do many viewers do at once? Each silences neurons of its own, about one a second, and looks at what comes back.

A file for locust, which runs it in a process of its own (load.py). Each viewer asks what the page would ask, in the
same order: the fast views and the list when a hand clicks; the region map and the moments once it rests, if the server
has a turn for it. Of every answer it is checked that it is about the viewer's own scenario.
"""

from __future__ import annotations

import itertools
import random
import re
import time
from dataclasses import replace
from typing import Any

from locust import FastHttpUser, constant_pacing, task

from hmmrnn.dashboard.callbacks.link import DEFAULT_MODEL
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.network import Intervention
from tests.wire import payload

PATIENCE_SECONDS = 60.0
# As in assets/scenario.js: when a hand counts as resting, and when one who was turned away asks again.
REST_SECONDS, BUSY_SECONDS = 0.25, 0.75
MOST_SILENCED = 6
# Every shipped network has at least as many.
NEURONS = 150

_numbers = itertools.count()


class Viewer(FastHttpUser):
    """One page, with a scenario that nobody else has."""

    wait_time = constant_pacing(1.0)
    network_timeout = connection_timeout = PATIENCE_SECONDS

    def on_start(self) -> None:
        """Open the page."""
        number = next(_numbers)
        self.random = random.Random(number)
        # Nobody else has this seed, so no answer can be that of another viewer by chance.
        self.scenario = Scenario(DEFAULT_MODEL, seed=1000 + number)
        self.client.get("/", name="page")
        self.client.get("/_dash-layout", name="layout")
        known = self.client.get("/_dash-dependencies", name="dependencies").json()
        self.callbacks = [one for one in known if not one["clientside_function"]]

    @task
    def silence(self) -> None:
        """Click on a neuron, and look at the answers until the next click is due."""
        began = time.monotonic()
        touched = {i for item in self.scenario.interventions for i in item.neurons}
        neuron = self.random.choice([i for i in range(NEURONS) if i not in touched])
        kept = self.scenario.interventions[-MOST_SILENCED + 1 :]
        self.scenario = replace(self.scenario, interventions=(*kept, Intervention((neuron,), 0.0, "unit")))
        asked = self.scenario.to_dict()
        self._ask("fast views", "numbers.children", {"scenario": asked}, self._own_fast)
        self._ask("list", "interventions.children", {"intervention-list": asked}, None)
        time.sleep(REST_SECONDS)
        if time.monotonic() - began < 1.0:
            self._look_closer(asked, began)

    def _look_closer(self, asked: dict[str, Any], began: float) -> None:
        """What a page asks for once the hand rests; turned away, again as long as nothing else has been clicked."""
        with self.client.get(f"/moments?{self.scenario.to_query()}", name="moments", catch_response=True) as answer:
            if answer.status_code == 200 and "refused" in answer.json():
                answer.failure(answer.json()["refused"])
        while self._ask("region map", "region-map-answered.data", {"settled": asked}, self._own_slow) == "busy":
            time.sleep(BUSY_SECONDS)
            if time.monotonic() - began >= 1.0:
                return

    def _ask(self, name: str, output: str, values: dict[str, Any], check: Any) -> str:
        (callback,) = [one for one in self.callbacks if output in re.split(r"\.\.\.|\.\.", one["output"])]
        asked = payload(callback, {**values, "theme": "light", "kick": None})
        with self.client.post("/_dash-update-component", json=asked, name=name, catch_response=True) as answer:
            if answer.status_code not in (200, 204):
                answer.failure(f"status {answer.status_code}")
                return "failed"
            if check is None or answer.status_code == 204:
                return "answered"
            found, wrong = check(answer.json()["response"])
            if wrong:
                answer.failure(wrong)
            if found == "busy":
                # Counted by itself: to be turned away takes no time.
                answer.request_meta["name"] = f"{name}, turned away"
            return str(found)

    def _own_fast(self, response: dict[str, Any]) -> tuple[str, str]:
        own = self.scenario.drawn.to_query()
        seen = {response[view]["figure"]["layout"]["meta"] for view in ("state-space", "orbit")}
        shown = response["state-space-answered"]["data"]
        if "refused" in shown:
            return "refused", shown["refused"]
        right = seen == {own} and shown["shown"] == self.scenario.to_dict()
        return "answered", "" if right else f"asked for {own} and got {sorted(seen)}"

    def _own_slow(self, response: dict[str, Any]) -> tuple[str, str]:
        data = response["region-map-answered"]["data"]
        wrong = "" if data["scenario"] == self.scenario.to_dict() else "the region map of another scenario came"
        return "busy" if data.get("busy") else "answered", wrong
