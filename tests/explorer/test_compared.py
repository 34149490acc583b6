"""Networks to compare: how an address names them, and what is measured of each only once."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from hmmrnn.comparison.side_by_side import compare_networks
from hmmrnn.explorer import compared, queries
from hmmrnn.explorer.compared import ComparisonQuestion, compare, digest_of, items_of, read_item, series_of, sizes_of
from hmmrnn.explorer.explored import Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.explorer.shipped_question import KICK_NEURONS, KICK_NEURONS_VERSION, ask_shipped, shipped_kick_neurons
from hmmrnn.model.checkpoint import save
from hmmrnn.model.inputs import with_sigma
from hmmrnn.model.network import Intervention, intervene
from hmmrnn.shipped import MODELS
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.model_registry import ModelRegistry
from tests.networks import random_network


@pytest.fixture
def explorer(tmp_path) -> Explorer:
    folder = tmp_path / "models"
    (folder / "emergence" / "small").mkdir(parents=True)
    for seed, name in enumerate(("one", "two")):
        save(random_network(n=9, m=3, o=2, seed=seed), folder / f"{name}.safetensors")
    for step in (1, 20):
        save(random_network(n=9, m=3, o=2, seed=step), folder / "emergence" / "small" / f"step-{step:05d}.safetensors")
    answers = AnswerCache(tmp_path / "cache", 50 * 2**20)
    return Explorer(ModelRegistry(folder, tmp_path / "opened", tmp_path / "converted"), answers)


def test_items_are_read_as_they_are_written():
    assert read_item("linear-2").label == "linear-2"
    silenced = read_item("linear-2!13.22+5:0.5:recurrent")
    assert silenced.interventions == (Intervention((13, 22), 0.0, "unit"), Intervention((5,), 0.5, "recurrent"))
    assert silenced.label == "linear-2; 13, 22 silenced; 5 at mu 0.5 (recurrent)"
    assert read_item("linear-2@step-00304").label == "linear-2, step 304"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "2 to 60 different networks can be compared; got 0"),
        ("one", "2 to 60 different networks can be compared; got 1"),
        (",".join(f"n{i}" for i in range(61)), "2 to 60 different networks can be compared; got 61"),
        ("one,two,one", "one is chosen twice"),
        ("one,../etc", "a network to compare is named as in its link"),
        ("one,two@../x", "a network to compare is named as in its link"),
        ("one,two!a", "interventions are written as neurons:mu:target"),
        ("one,two!3:1:all", "interventions are written as neurons:mu:target"),
    ],
)
def test_what_cannot_be_compared_is_said(text, words):
    with pytest.raises(ValueError, match=words):
        items_of(text)


def test_a_comparison_is_that_of_the_networks_themselves(explorer, monkeypatch):
    question = ComparisonQuestion(("one", "one!3", "small@step-00020"), seed=4)
    shares: list[float] = []
    found = compare(explorer, question, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    one = explorer.models.network("one")
    networks = {
        "one": one,
        "one; 3 silenced": intervene(one, [Intervention((3,))]),
        "step": random_network(9, 3, 2, 20),
    }
    alone = compare_networks(networks, seed=4)
    np.testing.assert_allclose(found.switch_rate, alone.switch_rate)
    np.testing.assert_allclose(found.pairs["r2"], alone.pairs["r2"], atol=1e-5)
    assert found.names == ("one", "one; 3 silenced", "small, step 20")
    # A further network is measured, the others are not measured again.
    measured = []
    monkeypatch.setattr(compared, "measure_side", lambda network, *more: measured.append(network))
    with pytest.raises(ValueError, match="two networks are needed"):
        compare(explorer, ComparisonQuestion(("two", "one"), seed=4))
    assert len(measured) == 1


def test_networks_are_compared_under_the_noise_that_is_asked_for(explorer):
    networks = {name: with_sigma(explorer.models.network(name), 0.5) for name in ("one", "two")}
    alone = compare_networks(networks, seed=4)
    found = compare(explorer, ComparisonQuestion(("one", "two"), seed=4, sigma=0.5))
    np.testing.assert_allclose(found.lyapunov, alone.lyapunov)
    np.testing.assert_allclose(found.pairs["W_ih"], alone.pairs["W_ih"])
    assert not np.allclose(found.orbits, compare(explorer, ComparisonQuestion(("one", "two"), seed=4)).orbits)


def test_kick_neurons_are_searched_for_only_if_asked(explorer, monkeypatch):
    searched = []
    monkeypatch.setattr(compared, "search_kick_neurons", lambda *of: searched.append(of))
    compare(explorer, ComparisonQuestion(("one", "two")))
    assert searched == []
    compare(explorer, ComparisonQuestion(("one", "two"), search=True))
    assert len(searched) == 2


def test_what_is_gone_is_said_and_another_file_is_another_comparison(explorer):
    question = ComparisonQuestion(("one", "small@step-00001"))
    assert sizes_of(explorer, question) == [9, 9]
    assert series_of(explorer) == {"small": ("step-00001", "step-00020")}
    before = digest_of(explorer, question)
    folder = explorer.models.models / "emergence" / "small"
    shutil.copy(folder / "step-00020.safetensors", folder / "step-00001.safetensors")
    assert digest_of(explorer, question) != before
    with pytest.raises(ValueError, match="there is no snapshot small, step 2"):
        digest_of(explorer, ComparisonQuestion(("one", "small@step-00002")))
    with pytest.raises(ValueError, match="there is no network 'gone'"):
        digest_of(explorer, ComparisonQuestion(("one", "gone")))


def test_the_command_line_asks_for_shipped_kick_neurons_as_the_page_does(tmp_path):
    path = MODELS / "linear-2.safetensors"
    explorer = Explorer(ModelRegistry(MODELS, tmp_path, tmp_path), AnswerCache(tmp_path / "cache", 50 * 2**20))
    explored = explorer.resolve(Scenario("linear-2"))
    asked = ask_shipped(KICK_NEURONS, KICK_NEURONS_VERSION, explored.fingerprint, Scenario("any"))
    assert queries.kick_neurons_of.question(explored) == asked
    assert shipped_kick_neurons(path).groups[0].neurons
