"""Viewers for a load test: each silences neurons of its own, about one a second, and fetches what the page would.

A file for locust, which runs it in a process of its own (load.py). Each viewer asks what the bench asks of a small
network, in the same order: nothing at a click, which the page answers by itself; the region map once the scenario
rests, if the server has a turn for it, again until it is computed; and then what it adds to the orbit. Of every
answer it is checked that it is about the viewer's own scenario.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import time
from dataclasses import replace
from typing import Any

from locust import FastHttpUser, constant_pacing, task
from locust.exception import StopUser

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import Intervention
from tests.wire import question

PATIENCE_SECONDS = 60.0
# Between two clicks of a viewer.
PACE_SECONDS = 1.0
# With a number of clicks each viewer waits for all answers and leaves after the last one; the last viewer ends the run.
CLICKS = int(os.environ.get("VIEWER_CLICKS", "0"))
# Stands in the table for a click, with the time by which it came late.
CLICK = "click, late by"
# As in assets/core/requests.mjs: when a scenario rests, and when a viewer that was turned away asks again.
REST_SECONDS, BUSY_SECONDS = 0.25, 0.75
MOST_SILENCED = 6
# Every shipped network has at least as many.
NEURONS = 150

_numbers, _left = itertools.count(), itertools.count(1)
# Whose each figure is that has come, by what it draws.
_owners: dict[str, int] = {}

# What the views of an answer get, by component.
Shown = dict[str, dict[str, Any]]


class Viewer(FastHttpUser):
    """One page, with a scenario of its own."""

    wait_time = constant_pacing(PACE_SECONDS)
    network_timeout = connection_timeout = PATIENCE_SECONDS

    def on_start(self) -> None:
        """Open the page."""
        number = next(_numbers)
        self.random = random.Random(number)
        # No other viewer has this seed, so no answer can be that of another viewer by chance.
        self.scenario = Scenario(DEFAULT_MODEL, seed=1000 + number)
        self.client.get("/bench", name="page")
        self.due, self.clicks = time.monotonic(), 0

    def on_stop(self) -> None:
        """End the run with the last viewer who leaves."""
        if next(_left) == self.environment.parsed_options.num_users:
            self.environment.runner.quit()

    @task
    def silence(self) -> None:
        """Click on a neuron, and look at the answers until the next click is due."""
        if CLICKS and self.clicks == CLICKS:
            raise StopUser
        self.clicks += 1
        began = time.monotonic()
        self._note_click(max(0.0, began - self.due))
        self.due = began + PACE_SECONDS
        touched = {i for item in self.scenario.interventions for i in item.neurons}
        neuron = self.random.choice([i for i in range(NEURONS) if i not in touched])
        kept = self.scenario.interventions[-MOST_SILENCED + 1 :]
        self.scenario = replace(self.scenario, interventions=(*kept, Intervention((neuron,), 0.0, "unit")))
        for name, view in (("region map", ids.REGION_MAP), ("orbit", ids.ORBIT)):
            time.sleep(REST_SECONDS if view == ids.REGION_MAP else 0.0)
            while (answer := self._ask(name, view)) in ("busy", "computing"):
                if answer == "busy":
                    time.sleep(BUSY_SECONDS)
                if not CLICKS and time.monotonic() - began >= PACE_SECONDS:
                    break
            if answer != "answered":
                return

    def _note_click(self, late_seconds: float) -> None:
        """Write down that there was a click, and by how much it came late, because the one before was answered late."""
        facts = {"request_type": "", "response_length": 0, "exception": None, "context": {}}
        self.environment.events.request.fire(name=CLICK, response_time=1000 * late_seconds, **facts)

    def _ask(self, name: str, view: str) -> str:
        asked = question(self.scenario, view, settled=True)
        with self.client.post("/views", json=asked, name=name, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
                return "failed"
            found = answer.json()
            for why, words in (("busy", "turned away"), ("computing", "being computed")):
                if found.get(why):
                    # Counted by itself.
                    answer.request_meta["name"] = f"{name}, {words}"
                    return why
            wrong = found.get("refused") or fault_of_figure(self.scenario.seed, dict(found["updates"]), view)
            if wrong:
                answer.failure(wrong)
            return "answered"


def fault_of_figure(seed: int, shown: Shown, view: str) -> str:
    """Whether another viewer, with another seed, has got this figure too, in words; empty if not."""
    drawn = hashlib.sha256(json.dumps(shown[view]["figure"]["data"]).encode()).hexdigest()
    owner = _owners.setdefault(drawn, seed)
    return "" if owner == seed else f"the {view} of seed {owner} came to seed {seed}"
