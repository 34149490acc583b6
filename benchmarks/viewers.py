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
        self.callbacks = self.client.get("/_dash-dependencies", name="dependencies").json()

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
        payload = _payload(self.callbacks, output, {**values, "theme": "light"})
        with self.client.post("/_dash-update-component", json=payload, name=name, catch_response=True) as answer:
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


def _payload(callbacks: list[dict[str, Any]], output: str, values: dict[str, Any]) -> dict[str, Any]:
    """What a page sends when an input of the callback with this output has changed."""
    found = [
        item
        for item in callbacks
        if not item["clientside_function"] and output in re.split(r"\.\.\.|\.\.", item["output"])
    ]
    if len(found) != 1:
        raise ValueError(f"{len(found)} callbacks have the output {output}; expected one")
    (callback,) = found
    names = [name for name in re.split(r"\.\.\.|\.\.", callback["output"]) if name]
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    filled = {
        part: [{"id": wire["id"], "property": wire["property"], "value": values.get(wire["id"])} for wire in wires]
        for part, wires in (("inputs", callback["inputs"]), ("state", callback["state"]))
    }
    first = next(wire for wire in callback["inputs"] if wire["id"] in values)
    return {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        **filled,
        "changedPropIds": [f"{first['id']}.{first['property']}"],
    }
