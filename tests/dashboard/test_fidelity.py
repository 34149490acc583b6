"""Fidelity: the verdict and what it rests on, and what is left out without a worker or without an HMM."""

from dataclasses import replace

import numpy as np

from hmmrnn.dashboard import ids, work
from hmmrnn.dashboard.pages.emulation import fidelity
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.services import resolve
from tests.dashboard.page import named, names, show

pytest_plugins = ["tests.fixtures_dashboard"]

CAPTION = ids.caption("fidelity")


def shown(scenario: Scenario) -> dict:
    return show(fidelity.VIEW, scenario)


def test_it_says_the_verdict_and_on_what_it_rests(intact):
    found, judged = shown(intact), queries.fidelity_of(resolve(intact))
    assert found[CAPTION] == f"64 runs of 2,000 steps from h = 0, seed 3: {'; '.join(judged.failures)}"
    assert not judged.passes
    np.testing.assert_array_equal(named(found["fidelity"], "share, network").y, judged.marginal)
    assert "share, intact" not in names(found["fidelity"])


def test_it_shows_the_analyses_that_a_worker_makes(intact):
    figure, explored = shown(intact)["fidelity"], resolve(intact)
    matched, decoded = queries.matched_distances_of(explored), queries.decoding_of(explored)
    np.testing.assert_array_equal(named(figure, "matched distance").x, [matched.floor, matched.distance])
    np.testing.assert_array_equal(named(figure, "P(state | output), %").z, 100 * decoded.state_given_output)


def test_without_a_worker_it_shows_what_needs_none(intact, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise work.NoWorkerError("no worker is running")

    monkeypatch.setattr(work, "analyse", fail)
    found = shown(intact)
    assert found[CAPTION].endswith("matched distance and hidden states need a worker, and none answers")
    assert "no worker is running" in caplog.text
    judged = queries.fidelity_of(resolve(intact))
    np.testing.assert_array_equal(named(found["fidelity"], "share, network").y, judged.marginal)
    assert "matched distance" not in names(found["fidelity"])


def test_an_intervention_stands_beside_the_intact_network_and_takes_more_height(intact, touched):
    found, alone = shown(touched), shown(intact)
    figure = found["fidelity"]
    for name, scenario in (("intact", intact), ("now", touched)):
        judged, matched = queries.fidelity_of(resolve(scenario)), queries.matched_distances_of(resolve(scenario))
        np.testing.assert_array_equal(named(figure, f"P(same symbol at lag), {name}").y, judged.agreement)
        place = list(named(figure, "matched distance").y).index(name)
        assert named(figure, "matched distance").x[place] == matched.distance
    for each in (found, alone):
        assert each["fidelity style"] == {"--height": f"{each['fidelity'].layout.height}px"}
    assert alone["fidelity"].layout.height < figure.layout.height


def test_runs_that_the_hmm_cannot_emit_are_said(intact, monkeypatch):
    explored = resolve(intact)
    decoded = replace(queries.decoding_of(explored), impossible=2)
    answers = {"matching": queries.matched_distances_of(explored), "decoding": decoded}
    monkeypatch.setattr(work, "analyse", lambda name, explored: answers[name])
    assert shown(intact)[CAPTION].endswith("; the HMM cannot emit 2 of the runs shown")


def test_without_a_known_hmm_no_other_networks_figure_stays(intact):
    found = shown(replace(intact, model="anonymous"))
    assert found[CAPTION] == "this network's file names no known HMM to compare it with"
    assert found["fidelity"]["data"] == []
    assert found["fidelity style"] == {}
