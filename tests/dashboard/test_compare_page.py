"""The page that compares networks, without a browser: choices, the task, its answer as table, figures and CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest
from flask import current_app
from plotly.utils import PlotlyJSONEncoder

from hmmrnn.dashboard.pages.compare import ids
from hmmrnn.dashboard.pages.compare.compare import question_of
from hmmrnn.dashboard.pages.compare.compare_watch import cancel, download, list_choices, watch_comparison
from hmmrnn.explorer.compared import compare
from hmmrnn.figures.side_by_side import PAIRS
from hmmrnn.model.checkpoint import save
from hmmrnn.server.services import services
from hmmrnn.tasks.comparisons import NAME
from hmmrnn.tasks.experiments import run_experiment
from hmmrnn.tasks.store import EXPERIMENT, LEFT_AT, TaskState
from hmmrnn.tasks.task import Task
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture(autouse=True)
def world(empty_world):
    for seed, name in enumerate(("one", "two", "three")):
        save(random_network(n=8, m=3, o=2, seed=seed), services().data.networks / f"{name}.safetensors")
    return empty_world


def ask(
    of: str, pair: str = "r2", wanted: bool = True, again: bool = False, seen: dict | None = None, sigma: float = 1.0
) -> dict:
    question = {
        "of": of,
        "seed": 0,
        "sigma": sigma,
        "pair": pair,
        "theme": "dark",
        "wanted": wanted,
        "again": again,
        "seen": seen or {},
    }
    return json.loads(json.dumps(watch_comparison(question), cls=PlotlyJSONEncoder))


def drawn(answer: dict) -> dict:
    """Every property by the id of its component."""
    return {id: props for part in answer["parts"].values() for id, props in part["updates"]}


def waiting() -> list:
    return [args for args in services().store.queues.waiting("experiment") if args[2] == NAME]


def work() -> None:
    """What a worker does with the one comparison that waits."""
    (given,) = waiting()
    run_experiment(
        services().store, lambda _name, of, on_progress: compare(services().explorer, of, on_progress), *given
    )


def csv_of(of: str):
    """The answer to the download of a table."""
    with current_app.test_request_context("/?seed=0"):
        return download(of)


def test_a_comparison_waits_is_computed_and_is_shown():
    of = "one,two,one!3"
    first = ask(of)
    assert first["again"] == 0.7
    shown = drawn(first)
    assert "No worker is running" in shown[ids.SIDES_STATE]["children"]
    assert not shown[ids.SIDES_CANCEL]["hidden"]
    assert shown[ids.SIDES_RESULTS]["hidden"]
    assert csv_of(of).status_code == 404
    work()
    done = ask(of)
    assert done["again"] is None
    shown = drawn(done)
    assert not shown[ids.SIDES_RESULTS]["hidden"]
    assert shown[ids.SIDES_CANCEL]["hidden"]
    rows, heads = shown[ids.SIDES_TABLE]["rowData"], shown[ids.SIDES_TABLE]["columnDefs"]
    assert [row["name"] for row in rows] == ["one", "two", "one; 3 silenced"]
    rate = next(head for head in heads if head["headerName"] == "Switches per step")
    assert f"params.data.{rate['field']}se" in rate["valueFormatter"]["function"]
    assert rows[0][f"{rate['field']}se"] > 0
    assert "no kick effect" in json.dumps(shown[ids.SIDES_NOTES])
    found = services().comparisons.known(question_of(of, 0))
    assert rows[1][rate["field"]] == pytest.approx(found.switch_rate[1])
    table = list(csv.DictReader(io.StringIO(csv_of(of).get_data(as_text=True))))
    assert float(table[1]["switch_rate"]) == pytest.approx(found.switch_rate[1], rel=1e-4)
    assert float(table[1]["switch_rate_se"]) == pytest.approx(found.switch_rate_se[1], rel=1e-4)


@pytest.mark.parametrize(("sigma", "more"), [(1.0, ""), (0.5, "; kick neurons are those at sigma 1")])
def test_a_comparison_follows_the_noise_of_the_open_network(sigma, more):
    of = "one,two"
    ask(of, sigma=sigma)
    work()
    shown = drawn(ask(of, sigma=sigma))
    words = f"2 networks side by side, noise of seed 0, sigma {sigma:g}{more}."
    assert shown[ids.SIDES_STATE]["children"] == words
    assert shown[ids.SIDES_CSV]["href"].endswith(f"seed=0&sigma={sigma:g}")


def test_without_noise_nothing_is_compared():
    assert ask("one,two", sigma=0.0)["unknown"].startswith("Without noise nothing can be compared; choose a sigma")


def test_only_what_changes_is_sent_again():
    of = "one,two"
    ask(of)
    work()
    done = ask(of)
    seen = {name: part["stamp"] for name, part in done["parts"].items()}
    assert ask(of, seen=seen)["parts"] == {}
    other = ask(of, pair="orbit_distance", seen=seen)
    assert list(other["parts"]) == ["pairs"]
    assert drawn(other)[ids.SIDES_PAIR_WORDS]["children"] == PAIRS["orbit_distance"].words


def test_a_comparison_that_is_cancelled_is_left_and_can_be_asked_for_again():
    of = "one,two"
    ask(of)
    ((id, *_),) = waiting()
    cancel({"of": of, "seed": 0, "sigma": 1.0})
    assert Task(services().store, EXPERIMENT, id).get(LEFT_AT) is not None
    left = ask(of, wanted=False)
    assert left["again"] is None
    assert "Cancelled" in drawn(left)[ids.SIDES_STATE]["children"]
    assert ask(of)["again"] == 0.7


def test_a_comparison_that_failed_says_why_and_is_tried_again():
    save(random_network(n=8, m=3, o=2), services().data.networks / "gone.safetensors")
    of = "one,gone"
    ask(of)
    ((id, *_),) = waiting()
    Task(services().store, EXPERIMENT, id).move(TaskState.FAILED, "the disk is full")
    assert drawn(ask(of))[ids.SIDES_STATE]["children"] == "The disk is full."
    assert ask(of, again=True)["again"] == 0.7
    services().models.remove("gone")
    assert "There is no network 'gone'" in ask(of)["unknown"]


@pytest.mark.parametrize("of", ["", "one", "one,one", "one,two;more", ",".join(f"n{i}" for i in range(61)), "a b,c"])
def test_what_cannot_be_compared_gets_a_sentence(of):
    assert ask(of)["unknown"].endswith(".")


def test_choices_are_found_by_a_text():
    listed = list_choices({"text": "T"})
    assert {one["item"] for one in listed["networks"]} >= {"two", "three"}
    (one,) = list_choices({"text": "one "})["networks"]
    assert one["item"] == "one"
    assert "N = 8" in one["label"]
