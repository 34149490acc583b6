"""Resolving once: one look-up in the registry and one reading of each kept answer for a request."""

from collections import Counter
from dataclasses import replace

import pytest

from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import resolve
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.model_registry import ModelRegistry
from tests.dashboard.page import fast, settled

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture
def touched(dashboard) -> Scenario:
    """A scenario with an intervention, so that two networks are shown."""
    return Scenario("linear-2", steps=100, trajectories=3, interventions=(Intervention((3,)),), without_noise=True)


@pytest.fixture
def counted(monkeypatch) -> Counter:
    """How often the registry lists its networks, and each key of the cache is read and its answer unpickled."""
    counts: Counter = Counter()
    look_up = AnswerCache.look_up

    def counting(function):
        return lambda *args: counts.update(registry=1) or function(*args)

    def reading(self, key, question=None):
        found = look_up(self, key, question)
        counts[key, "found" if found is not None else "missed"] += 1
        return found

    for name in ("entry", "entries"):
        monkeypatch.setattr(ModelRegistry, name, counting(getattr(ModelRegistry, name)))
    monkeypatch.setattr(AnswerCache, "look_up", reading)
    return counts


@pytest.mark.parametrize("request_of", [fast, settled])
def test_a_cached_request_looks_once_into_the_registry_and_reads_each_answer_once(touched, counted, request_of):
    scenario = replace(touched, colour="region")
    request_of(scenario)
    counted.clear()
    request_of(scenario)
    assert counted.pop("registry") == 1
    assert counted
    assert set(counted.values()) == {1}
    assert {state for _, state in counted} == {"found"}


def test_a_query_depends_on_its_part_of_the_scenario_alone(touched, counted):
    queries.summary_of(resolve(touched))
    counted.clear()
    queries.summary_of(resolve(replace(touched, colour="speed", large="noise", picked=3)))
    assert {state for _, state in (key for key in counted if key != "registry")} == {"found"}


def test_what_is_known_is_given_and_what_is_not_is_not_computed(touched, counted):
    explored = resolve(replace(touched, seed=977))
    assert queries.summary_of.known(explored) is None
    motion = queries.summary_of(explored)
    assert queries.summary_of.known(explored) is motion
    assert queries.summary_of(explored) is motion, "in one request, the same object"


def test_the_comparison_is_of_the_same_request(touched):
    explored = resolve(touched)
    assert explored.reference.answers is explored.answers
    assert explored.reference.network is explored.network
    assert explored.intact.now.W_hh.tolist() == explored.network.W_hh.tolist()
    assert explored.now.W_hh[3].tolist() == [0.0] * explored.network.n_neurons


def test_an_unknown_network_is_refused(dashboard):
    with pytest.raises(ValueError, match="there is no network 'other'"):
        resolve(Scenario("other"))
