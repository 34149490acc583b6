"""Scenarios as the page holds them, and the steps of the tour."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from hmmrnn.dashboard.guide import TOUR
from hmmrnn.explorer.scenario import Against, Scenario
from hmmrnn.model.network import Intervention
from tests.page.numbers.given import Numbers


def scenarios() -> Numbers:
    """Scenarios as the page holds them, each with its link."""
    one, group = Intervention((3,)), Intervention((5, 6), 1 / 3, "recurrent")
    two = Scenario("linear-2")
    found = [
        two,
        replace(two, sigma=0.125, seed=2**31 - 1, steps=50, trajectories=1, colour="speed"),
        replace(two, colour="neuron", neuron=11, interventions=(one, Intervention((1,)), group, Intervention((4,)))),
        replace(
            two,
            interventions=(Intervention((7,), 0.0, "input"), Intervention((8, 2)), one),
            without_noise=True,
            paths=True,
        ),
        replace(two, pair=(0, 2), dimensions=3, camera=tuple(np.linspace(-2, 2, 9).tolist()), large="readout"),
        replace(two, map="residency", area=(0.0, 0.5, -1.25, 2.0, 3.00004, 1e-5), span=(20, 80), picked=0),
        replace(two, camera=(-1.0, 1.0, -123456.789, 0.00005)),
        replace(two, against=Against((one, Intervention((9,)), group), 0.5), beside=True),
        replace(two, against=Against(), interventions=(one,)),
        replace(two, input=(0.5,), start="random"),
        replace(two, input=(1 / 3, 0.0, -2.0), against=Against((), 0.5)),
        replace(two, sequence=f"{'0123456789abcdef' * 2}"[:31] + "s", start="learned", beside=True),
    ]
    return {"scenarios": [{"scenario": each.to_dict(), "link": f"?{each.to_query()}"} for each in found]}


def tour() -> Numbers:
    """The steps of the tour, and the scenario that a page opens by itself."""
    return {"steps": [asdict(step) for step in TOUR], "defaults": Scenario("linear-2").to_dict()}
