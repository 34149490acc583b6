"""Scenarios of the planted network that several views are tested with."""

import json
from dataclasses import replace

import pytest

from hmmrnn.dashboard.components.kick_groups import describe_kick_groups
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import Intervention
from tests.dashboard.page import MODEL, B, T, plain


@pytest.fixture
def intact(dashboard) -> Scenario:
    return Scenario(MODEL, seed=3, steps=T, trajectories=B)


@pytest.fixture
def touched(dashboard, intact) -> Scenario:
    """The kick neurons out of output 0 silenced, and another neuron beside them."""
    group = Intervention(dashboard.switch.kick_of(0))
    return replace(intact, interventions=(group, Intervention((dashboard.switch.hold[1][0],))))


@pytest.fixture
def kick(dashboard) -> dict:
    """The kick groups as they come back from the page: through JSON."""
    return json.loads(json.dumps(describe_kick_groups(plain())))
