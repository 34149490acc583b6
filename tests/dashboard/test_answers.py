"""Turns of slow answers, bodies of views that come with their first result, and figures of both themes."""

import re
import threading
from dataclasses import replace

import pytest

from hmmrnn.dashboard import answers, chapters, ids
from hmmrnn.dashboard.answers import answer_claims, answer_views
from hmmrnn.dashboard.pages.regions import region_map
from hmmrnn.dashboard.view import FAST, SLOW
from hmmrnn.explorer import cost, experiments
from hmmrnn.figures.theme import THEMES
from hmmrnn.model.checkpoint import save
from hmmrnn.report.claims import Claim
from hmmrnn.server.turns import turn
from tests.dashboard.page import MODEL, fast, question, settled, show, values_of
from tests.networks import random_network
from tests.programs import PATIENCE_SECONDS, eventually

pytest_plugins = ["tests.fixtures_dashboard"]


class TestTurns:
    """One slow answer at a time, so that fast ones get through."""

    @pytest.fixture
    def asked(self, intact, monkeypatch):
        monkeypatch.setattr(answers, "WAIT_SECONDS", 0.0)
        return question(intact, ids.REGION_MAP, settled=True)

    def test_a_question_without_its_turn_is_answered_busy(self, asked, intact):
        with turn(0.0):
            assert answer_views(asked) == {"busy": True}
            assert answer_views(question(intact, ids.ORBIT))["updates"], "fast ones need no turn"
        assert answer_views(asked)["updates"]

    def test_what_takes_longer_is_asked_for_again_until_it_is_there(self, asked, monkeypatch):
        monkeypatch.setattr(answers, "ANSWER_SECONDS", 0.0)
        goes_on, compute = threading.Event(), region_map.VIEW.compute

        def slowly(explored):
            goes_on.wait(PATIENCE_SECONDS)
            return compute(explored)

        monkeypatch.setattr(answers, "_view", lambda _name: replace(region_map.VIEW, compute=slowly))
        assert answer_views(asked) == answer_views(asked) == {"computing": True}
        assert answer_views({**asked, "theme": "dark"}) == {"busy": True}, "another one has the turn"
        goes_on.set()
        found: list[dict] = []
        eventually(lambda: found.append(answer_views(asked)) or "updates" in found[-1])
        assert dict(found[-1]["updates"])[ids.REGION_MAP]["figure"]

    def test_an_answer_that_fails_lets_the_next_one_through(self, asked):
        with pytest.raises(ValueError, match="must be from 0 to 5"):
            answer_views({**asked, "scenario": {**asked["scenario"], "sigma": 9.0}})
        assert answer_views(asked)["updates"]

    def test_one_that_fails_while_it_is_computed_is_refused_once(self, asked, monkeypatch):
        def fail(_explored):
            raise ValueError("it can't be done")

        with monkeypatch.context() as patch:
            patch.setattr(answers, "_view", lambda _name: replace(region_map.VIEW, compute=fail))
            with pytest.raises(ValueError, match="it can't be done"):
                answer_views(asked)
        assert answer_views(asked)["updates"]


@pytest.mark.parametrize("view", ["nowhere", "report", ids.LIVE, ids.REGION_MAP])
def test_a_view_that_is_not_answered_here_is_refused(intact, view):
    with pytest.raises(ValueError, match=r"there is no such view|once the scenario has settled"):
        answer_views(question(intact, view))


def test_a_body_comes_with_its_first_result_in_it(intact):
    asked = question(intact, ids.STATE_SPACE, fresh=[ids.STATE_SPACE])
    (place, props), *rest = answer_views(asked)["updates"]
    later = values_of(answer_views({**asked, "fresh": []})["updates"])
    (graph,) = props["children"]
    assert (place, graph.id) == (ids.body(ids.STATE_SPACE), ids.STATE_SPACE)
    assert graph.figure == later[ids.STATE_SPACE]
    assert values_of(rest) == {ids.caption(ids.STATE_SPACE): later[ids.caption(ids.STATE_SPACE)]}


def test_claims_are_there_once_they_have_been_judged(dashboard, monkeypatch):
    asked = {"model": MODEL, "sections": ["kick", "orbit"]}
    assert answer_claims(asked) == {"claims": []}
    judged = [
        Claim(name, section, f"{name}?", 2.0, 0.1, 1.0, 0.1, "weaker", "2, 1.", "reproduced", "3.")
        for name, section in (("a", "kick"), ("b", "readout"))
    ]
    found = experiments.Claims(tuple(judged))
    monkeypatch.setattr(answers.services().experiments, "known_result", lambda *given: found)
    wanted = {"key": "a", "title": "a?", "verdict": "weaker", "test": "reproduced", "sentence": "2, 1. 3.", "note": ""}
    assert answer_claims(asked) == {"claims": [wanted]}


def test_a_claim_on_another_networks_training_says_so(empty_world, monkeypatch):
    folder = empty_world.models / "emergence" / "linear-2"
    folder.mkdir(parents=True)
    own, other = (replace(random_network(seed=seed), metadata={"family": "linear-2"}) for seed in (1, 2))
    save(own, folder / "step-00001.safetensors")
    for name, network in (("own", own), ("other", other)):
        save(network, empty_world.models / f"{name}.safetensors")
    judged = Claim("emergence", "emergence", "It opens", 2.0, 0.1, 1.0, 0.1, "weaker", "2, 1.", "reproduced", "3.")
    found = experiments.Claims((judged, replace(judged, key="orbit", section="orbit")))
    monkeypatch.setattr(answers.services().experiments, "known_result", lambda *given: found)
    notes = {
        name: [claim["note"] for claim in answer_claims({"model": name, "sections": ["emergence", "orbit"]})["claims"]]
        for name in ("own", "other")
    }
    assert notes == {"own": ["", ""], "other": ["judged on another training", ""]}


@pytest.mark.parametrize("theme", list(THEMES))
def test_every_figure_has_titled_axes_and_the_ground_of_the_page(touched, kick, theme):
    shown, later = fast(replace(touched, without_noise=True), theme), settled(replace(touched, colour="region"), theme)
    figures = {"state space": shown[0], "orbit": shown[2]}
    figures |= {f"{name}, later": later[name] for name in (ids.REGION_MAP, ids.ORBIT, ids.STATE_SPACE)}
    for view in chapters.shown_views():
        if view.kind in (FAST, SLOW) and view.graph_ids:
            figures[view.id] = show(view, touched, theme)[view.graph_ids[0]]
    assert len(figures) > 8
    for name, figure in figures.items():
        layout = figure.to_plotly_json()["layout"]
        assert layout["paper_bgcolor"] == THEMES[theme].ground
        axes = {axis: own for axis, own in layout.items() if re.fullmatch(r"[xy]axis\d*", axis)}
        bare = [axis for axis, own in axes.items() if own.get("visible", True) and not own["title"]["text"]]
        # Where there is no room at the axis, a note on the figure says what it shows.
        assert len(bare) <= len(layout.get("annotations", ())), f"{bare} of {name} without a title"


def test_of_a_large_network_the_first_runs_come_first(intact, monkeypatch):
    monkeypatch.setattr(cost, "QUICK_PRODUCTS", 1000)
    scenario = replace(intact, seed=977)
    views = [ids.STATE_SPACE, ids.ORBIT, ids.NUMBERS, ids.CONNECTIVITY]
    first, whole = (answer_views(question(scenario, *views, few=few)) for few in (True, False))
    assert first["more"] == views[:3]
    assert "more" not in whole
    runs = f"3 of {scenario.trajectories} runs"
    shown, all_shown = values_of(first["updates"]), values_of(whole["updates"])
    for view in (ids.STATE_SPACE, ids.ORBIT):
        assert runs in shown[ids.caption(view)]
        assert runs not in all_shown[ids.caption(view)]
    assert shown[ids.NUMBERS]["runs"] == runs
    assert shown[ids.NUMBERS]["of"] != all_shown[ids.NUMBERS]["of"] == scenario.drawn.to_query()
    assert "runs" not in all_shown[ids.NUMBERS]
    assert answer_views(question(scenario, *views, few=True)) == whole, "all are known now"
