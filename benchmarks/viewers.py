"""Viewers for a load test: each silences neurons of its own, about one a second, and fetches what the page would.

A file for locust, which runs it in a process of its own (load.py). Each viewer asks what the bench asks, in the same
order: the fast views at a click; the region map and the moments once the scenario rests, if the server has a turn for
it. Of every answer it is checked that it is about the viewer's own scenario.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from locust import FastHttpUser, constant_pacing, task

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import Intervention
from tests.wire import FAST_VIEWS, question

PATIENCE_SECONDS = 60.0
# As in assets/core/requests.mjs: when a scenario rests, and when a viewer that was turned away asks again.
REST_SECONDS, BUSY_SECONDS = 0.25, 0.75
MOST_SILENCED = 6
# Every shipped network has at least as many.
NEURONS = 150

_numbers = itertools.count()
# Whose each figure is that has come, by what it draws.
_owners: dict[str, int] = {}

# What the views of an answer get, by component.
Shown = dict[str, dict[str, Any]]


class Viewer(FastHttpUser):
    """One page, with a scenario of its own."""

    wait_time = constant_pacing(1.0)
    network_timeout = connection_timeout = PATIENCE_SECONDS

    def on_start(self) -> None:
        """Open the page."""
        number = next(_numbers)
        self.random = random.Random(number)
        # No other viewer has this seed, so no answer can be that of another viewer by chance.
        self.scenario = Scenario(DEFAULT_MODEL, seed=1000 + number)
        self.client.get("/bench", name="page")
        self.client.get("/_dash-layout", name="layout")

    @task
    def silence(self) -> None:
        """Click on a neuron, and look at the answers until the next click is due."""
        began = time.monotonic()
        touched = {i for item in self.scenario.interventions for i in item.neurons}
        neuron = self.random.choice([i for i in range(NEURONS) if i not in touched])
        kept = self.scenario.interventions[-MOST_SILENCED + 1 :]
        self.scenario = replace(self.scenario, interventions=(*kept, Intervention((neuron,), 0.0, "unit")))
        self._ask("fast views", question(self.scenario, *FAST_VIEWS), self._fault_of_fast)
        time.sleep(REST_SECONDS)
        if time.monotonic() - began < 1.0:
            self._look_closer(began)

    def _look_closer(self, began: float) -> None:
        """What a page asks for once the viewer pauses; turned away, again as long as nothing else has been clicked."""
        with self.client.get(f"/moments?{self.scenario.to_query()}", name="moments", catch_response=True) as answer:
            if answer.status_code == 200 and "refused" in answer.json():
                answer.failure(answer.json()["refused"])
        asked = question(self.scenario, ids.REGION_MAP, settled=True)
        while self._ask("region map", asked, self._fault_of_slow) == "busy":
            time.sleep(BUSY_SECONDS)
            if time.monotonic() - began >= 1.0:
                return

    def _ask(self, name: str, asked: dict[str, Any], fault: Callable[[Shown], str]) -> str:
        with self.client.post("/views", json=asked, name=name, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
                return "failed"
            found = answer.json()
            if found.get("busy"):
                # Counted by itself: to be turned away takes no time.
                answer.request_meta["name"] = f"{name}, turned away"
                return "busy"
            wrong = found["refused"] if "refused" in found else fault(dict(found["updates"]))
            if wrong:
                answer.failure(wrong)
            return "answered"

    def _fault_of_fast(self, shown: Shown) -> str:
        """Why numbers and figures are not those of the viewer's own scenario; empty if they are."""
        own, seen = self.scenario.drawn.to_query(), shown[ids.NUMBERS]["values"]["of"]
        if seen != own:
            return f"asked for {own} and got {seen}"
        return fault_of_figures(self.scenario.seed, shown, ids.STATE_SPACE, ids.ORBIT)

    def _fault_of_slow(self, shown: Shown) -> str:
        return fault_of_figures(self.scenario.seed, shown, ids.REGION_MAP)


def fault_of_figures(seed: int, shown: Shown, *views: str) -> str:
    """Which figure another viewer, with another seed, has got too; empty if there is none."""
    for view in views:
        drawn = hashlib.sha256(json.dumps(shown[view]["figure"]["data"]).encode()).hexdigest()
        owner = _owners.setdefault(drawn, seed)
        if owner != seed:
            return f"the {view} of seed {owner} came to seed {seed}"
    return ""
