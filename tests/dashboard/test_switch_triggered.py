"""Switch-triggered average: what is averaged is what the network as it is now does."""

from dataclasses import replace

import numpy as np

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.pages.kick_neurons import switch_triggered
from hmmrnn.explorer import queries
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import resolve
from tests.dashboard.page import plain, show

pytest_plugins = ["tests.fixtures_dashboard"]

NAME = "switch-average"


def test_it_shows_every_exit_of_the_ring_and_counts_its_switches(intact, kick):
    shown, found = show(switch_triggered.VIEW, intact, "dark"), queries.switch_average_of(resolve(intact))
    assert found.exits == ((0, 1), (1, 2), (2, 0))
    # The groups cross zero before their switch, and only at their own exit.
    for e in range(3):
        assert found.populations[e].output == e
        assert found.crossing[e, e] < 0
    kicks = [trace for trace in shown[NAME].data if trace.name == "kick group 1 → 2"]
    np.testing.assert_allclose([trace.y for trace in kicks], found.mean[:, :, 1], atol=1e-4)
    assert shown[ids.caption(NAME)].startswith(
        f"{found.counts.sum():,} switches, each counted once, in 32 runs of 1,000 steps; left out: "
        f"{found.left_out:,} too near to the start (step 100) or end of a run"
    )


def test_where_nothing_switches_any_more_it_says_so(dashboard, intact, kick):
    everything = Intervention(tuple(range(51)))
    shown = show(switch_triggered.VIEW, replace(intact, interventions=(everything,)))
    assert not shown[NAME].data
    assert shown[ids.caption(NAME)].startswith("in 32 runs of 1,000 steps no exit is taken often enough to average")


def test_without_kick_neurons_it_says_so(dashboard):
    shown = show(switch_triggered.VIEW, plain(model="growing", steps=60).scenario)
    assert shown[ids.caption(NAME)] == switch_triggered.NO_GROUPS
    assert shown[NAME]["data"] == []
