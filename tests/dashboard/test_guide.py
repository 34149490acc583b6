"""The texts of the guide fit the page: its ids and its cases, and no number that holds for one network only."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from hmmrnn.analysis.regions import KICK_ZONE_UP_TO, TRANSITION_BELOW
from hmmrnn.dashboard import chapters, guide
from hmmrnn.dashboard.components.page import page
from hmmrnn.dashboard.guide import KEYS, TERMS, TOUR, Step

# "run 1" is what the page calls it.
TYPED = {"1", str(TRANSITION_BELOW), str(KICK_ZONE_UP_TO)}
by_step = pytest.mark.parametrize("step", TOUR, ids=[step.key for step in TOUR])


@by_step
def test_a_step_has_words_for_every_case_it_can_meet(step: Step) -> None:
    assert set(step.texts) <= set(guide.CASES)
    assert guide.ALWAYS in step.texts or {guide.SEARCHING, guide.NONE} < set(step.texts)
    if step.scene == guide.KICK:
        assert {guide.PROVEN, guide.PROVEN_EXIT, guide.WEAK} < set(step.texts)


@by_step
def test_no_number_of_one_network_is_typed_into_the_words(step: Step) -> None:
    for text in step.texts.values():
        assert set(re.findall(r"\d+", text)) <= TYPED
        assert set(re.findall(r"{(\w+)}", text)) <= set(guide.FILLED)


def test_every_value_that_is_filled_in_is_asked_for() -> None:
    texts = " ".join(text for step in TOUR for text in step.texts.values())
    assert set(re.findall(r"{(\w+)}", texts)) == set(guide.FILLED)


@by_step
def test_a_step_points_at_what_is_on_the_page(step: Step) -> None:
    laid_out = json.dumps(page([]).to_plotly_json(), default=lambda part: part.to_plotly_json())
    for name in re.findall(r"[#.]([\w-]+)", " ".join(step.targets)):
        assert re.search(rf'"(id|className)": "([^"]* )?{name}[" ]', laid_out), name
    assert step.view in ("", *chapters.views_by_id())
    assert step.scene in guide.SCENES


@by_step
def test_a_card_is_read_at_a_glance(step: Step) -> None:
    for text in step.texts.values():
        assert len(text) <= 400
        assert text.endswith((".", "}"))


def test_terms_keys_and_steps_have_names_of_their_own() -> None:
    for names in ([term.name for term in TERMS], [key.keys for key in KEYS], [step.key for step in TOUR]):
        assert len(set(names)) == len(names)


def test_the_page_gets_all_of_it() -> None:
    server = Flask("test")
    guide.register(server)
    sent = server.test_client().get("/guide").get_json()
    assert [
        Step(**{**step, "targets": tuple(step["targets"]), "rows": tuple(step["rows"])}) for step in sent["tour"]
    ] == list(TOUR)
    assert [guide.Term(**term) for term in sent["terms"]] == list(TERMS)
    assert [guide.Key(**key) for key in sent["keys"]] == list(KEYS)
