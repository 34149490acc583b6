"""The page of a training while it runs: its figure, its words, and what can be done with it."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.utils import PlotlyJSONEncoder

from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.dashboard.ids import MODEL, frame
from hmmrnn.dashboard.pages.train import form as form_page
from hmmrnn.dashboard.pages.train import ids, training
from hmmrnn.dashboard.pages.train.form import config_of
from hmmrnn.dashboard.pages.train.training import (
    LISTED,
    duration,
    fidelity_table,
    job_list,
    progress_share,
    progress_table,
)
from hmmrnn.dashboard.pages.train.training_watch import OFTEN, SELDOM, watch_training
from hmmrnn.figures.theme import LIGHT, THEMES
from hmmrnn.figures.training import FEW_STEPS, X_TITLE, Y_TITLE, draw_loss_curve
from hmmrnn.model.hmm import HMM
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, store, training_run, trainings
from hmmrnn.tasks.store import TaskState, TrainingProgress
from hmmrnn.training.config import TrainingConfig
from tests.dashboard.training_page import (
    FOUND,
    OWN,
    TOLD,
    ask,
    command,
    finish,
    move,
    small,
    snapshot,
    submitted,
    text,
    under_way,
)

pytest_plugins = ["tests.fixtures_dashboard"]
pytestmark = pytest.mark.usefixtures("empty_world")


def stamps(answer: dict) -> dict:
    return {name: part["stamp"] for name, part in answer["parts"].items()}


def drawn(answer: dict) -> dict:
    """Every property that an answer sets, by id and name."""
    return {
        (component, prop): value
        for part in answer["parts"].values()
        for component, props in part["updates"]
        for prop, value in props.items()
    }


class TestFigure:
    def test_it_shows_the_losses_between_floor_and_plateau(self):
        losses = [5.0, 4.0, 3.5, 3.0]
        figure = draw_loss_curve(losses, 2.0, 6.0, 40, LIGHT)
        loss, plateau, floor = figure.data
        assert loss.line.color == LIGHT.outputs[0]
        assert {plateau.line.color, floor.line.color} == {LIGHT.text}
        np.testing.assert_array_equal(loss.x, [1, 2, 3, 4])
        np.testing.assert_array_equal(loss.y, losses)
        for line, value, name in ((plateau, 6.0, "independent symbols"), (floor, 2.0, "HMM against HMM")):
            assert (list(line.x), list(line.y)) == ([0, 40], [value, value])
            assert name in line.name
            assert f"{value:.2f}" in line.name
        assert plateau.line.dash != floor.line.dash
        assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (X_TITLE, Y_TITLE)
        assert list(figure.layout.xaxis.range) == [0, 40]

    def test_before_the_first_step_there_are_only_the_axes(self):
        figure = draw_loss_curve([], None, None, 40, LIGHT)
        assert [len(trace.x) for trace in figure.data] == [0]
        # Nothing is known of the height yet.
        assert not figure.layout.yaxis.showticklabels
        assert figure.layout.xaxis.title.text == X_TITLE

    def test_a_single_step_can_be_seen(self):
        assert "markers" in draw_loss_curve([1.0], None, None, 40, LIGHT).data[0].mode
        assert "markers" not in draw_loss_curve([1.0] * (FEW_STEPS + 1), None, None, 40, LIGHT).data[0].mode


class TestWatching:
    def test_a_training_that_waits_shows_its_place(self):
        first, second = submitted(seed=1), submitted(seed=2)
        assert drawn(ask(second))[ids.JOB_STATE, "children"] == "Waiting: no worker is running now."
        services().store.entry(store.WORKER, queue.TRAININGS).beat()
        assert drawn(ask(second))[ids.JOB_STATE, "children"] == "Waiting: one training is before it."
        assert drawn(ask(first))[ids.JOB_STATE, "children"] == "Waiting: it is the next one."
        under_way(first)
        third = submitted(seed=3)
        assert drawn(ask(third))[ids.JOB_STATE, "children"] == "Waiting: 2 trainings are before it."

    def test_a_training_that_runs_shows_how_it_goes(self):
        job_id = submitted()
        under_way(job_id)
        said = drawn(ask(job_id))
        assert said[ids.JOB_TITLE, "children"] == "linear-2: N = 8, M = 4, seed 0, fast recipe"
        assert said[ids.JOB_STATE, "children"] == "Training: step 30 of 40, about 20 s left."
        assert float(said[ids.JOB_PROGRESS, "value"]) == pytest.approx(0.75)
        numbers = text(said[ids.JOB_NUMBERS, "children"])
        for words in ("30 of 40", "Loss 3.50", "2.25", "7.75", "Steps per second 0.50", "Time left 20 s", "1 min 15 s"):
            assert words in numbers
        assert said[ids.JOB_LOSS, "figure"]["data"][0]["name"] == "loss"
        assert said[ids.JOB_LOSS, "figure"]["layout"]["paper_bgcolor"] == LIGHT.ground

    def test_a_page_that_is_opened_while_trainings_run_gets_each_part_before_what_is_in_it(self):
        jobs = [submitted(seed=seed) for seed in range(3)]
        for job_id in jobs[:2]:
            under_way(job_id)
        there = json.loads(json.dumps(training.layout(), cls=PlotlyJSONEncoder))
        for part in ask(jobs[0])["parts"].values():
            for component, props in part["updates"]:
                assert f'"{component}"' in json.dumps(there)
                there.append(props)

    def test_the_figure_has_every_loss(self):
        job_id = submitted()
        under_way(job_id)
        answer = watch_training({"job": job_id, "theme": "dark", "seen": {}})
        figure = answer["parts"]["loss"]["updates"][0][1]["figure"]
        losses = services().trainings.losses(job_id)
        expected = draw_loss_curve(losses, TOLD["floor"], TOLD["plateau"], 40, THEMES["dark"])
        assert isinstance(figure, go.Figure)
        assert figure.to_dict().keys() == expected.to_dict().keys()
        np.testing.assert_array_equal(figure.data[0].y, np.arange(30, dtype=np.float32))
        assert figure.to_json() == expected.to_json()

    def test_the_fidelity_of_the_snapshot_stands_beside_its_step_and_the_gate(self):
        job_id = submitted()
        under_way(job_id)
        told = text(drawn(ask(job_id))[ids.JOB_FIDELITY, "children"])
        assert "Transition error 0.010 ≤ 0.03 ✓" in told
        assert "Marginal error 0.200 ≤ 0.03 ✗" in told
        assert "Symbol switch rate, ratio 1.050 0.9 to 1.1 ✓" in told
        assert "Lag error not known ≤ 0.08 ✗" in told
        assert told.endswith("Of the snapshot at step 20, judged on 32 runs of 500 steps.")
        under_way(job_id, fidelity={**FOUND, "diverged": 3})
        assert text(drawn(ask(job_id))[ids.JOB_FIDELITY, "children"]).endswith("3 of these runs diverged.")

    def test_the_words_name_the_real_length_of_the_runs(self):
        runs, steps = training_run.SNAPSHOT_RUNS, training_run.SNAPSHOT_STEPS
        assert training.SNAPSHOT_TEST == f"{runs} runs of {steps} steps"
        last = inspect.signature(measure_fidelity).parameters
        assert training.LAST_TEST == f"{last['trajectories'].default} runs of {last['steps'].default:,} steps"

    def test_what_has_not_changed_is_not_sent_again(self):
        job_id = submitted()
        under_way(job_id)
        first = ask(job_id)
        assert set(first["parts"]) == {"list", "running", "job", "loss"}
        assert ask(job_id, seen=stamps(first))["parts"] == {}
        under_way(job_id, step=31)
        again = ask(job_id, seen=stamps(first))
        assert set(again["parts"]) == {"running", "job", "loss"}
        assert drawn(again)[ids.job_words(job_id), "children"] == "running, 77 %"
        assert float(drawn(again)[ids.job_bar(job_id), "value"]) == 0.775
        second = {**stamps(first), **stamps(ask(job_id))}
        under_way(job_id, step=31, seconds=80.0)
        assert set(ask(job_id, seen=second)["parts"]) == {"job"}

    def test_another_theme_and_another_training_redraw_the_loss(self):
        one, other = submitted(seed=1), submitted(seed=2)
        for job_id in (one, other):
            under_way(job_id)
        seen = stamps(ask(one))
        assert set(ask(one, "dark", seen)["parts"]) == {"loss"}
        assert "loss" in ask(other, "light", seen)["parts"]

    @pytest.mark.parametrize("job_id", ["0123456789ab", "", "../../etc", "x" * 5000, "<b>"])
    def test_a_training_that_is_not_there_is_a_sentence(self, job_id):
        answer = ask(job_id)
        if job_id:
            assert answer["unknown"].startswith("There is no training")
            assert answer["unknown"].endswith(".")
            assert "parts" not in answer
        else:
            assert "unknown" not in answer

    def test_the_list_has_every_training_and_links_to_it(self):
        one, other = submitted(seed=1), submitted(seed=2)
        under_way(one)
        services().store.entry(store.WORKER, queue.TRAININGS).beat()
        entries = drawn(ask(one))[ids.JOB_LIST, "children"]
        links = {link["props"]["href"]: link["props"] for link in (entry["props"]["children"] for entry in entries)}
        assert set(links) == {f"/train/{one}", f"/train/{other}"}
        assert "running, 75 %" in text(links[f"/train/{one}"]["children"])
        assert "waiting, 1 before it" in text(links[f"/train/{other}"]["children"])
        assert links[f"/train/{one}"]["aria-current"] == "page"
        assert "aria-current" not in links[f"/train/{other}"]

    def test_of_a_long_list_only_what_runs_is_sent_again(self):
        one, *_ = (submitted(seed=seed) for seed in range(5))
        under_way(one)
        first = ask()
        under_way(one, step=31)
        assert set(ask(seen=stamps(first))["parts"]) == {"running"}
        services().trainings.cancel(submitted(seed=4))
        assert "list" in ask(seen=stamps(first))["parts"]

    def test_the_list_says_that_it_is_empty(self):
        assert text(job_list((), "")) == "None yet."

    def test_the_list_holds_the_newest_and_the_one_that_is_open_and_says_how_many_are_left_out(self):
        config = TrainingConfig.preset("linear-2")
        many = [trainings.Training(f"{i:012x}", config, TaskState.DONE) for i in range(LISTED + 50)]
        items = job_list(many, many[-1].id)
        links = [item.children.href for item in items[:-1]]
        assert links == [f"/train/{job.id}" for job in [*many[:LISTED], many[-1]]]
        assert text(items[-1]) == "49 older ones are not listed; each opens at its own address."

    def test_it_asks_again_as_long_as_something_can_change(self):
        assert ask()["again"] == SELDOM
        job_id = submitted()
        assert ask()["again"] == ask(job_id)["again"] == OFTEN
        under_way(job_id)
        assert ask(job_id)["again"] == OFTEN
        finish(job_id)
        assert ask(job_id)["again"] is None
        assert ask()["again"] == SELDOM
        other = submitted(seed=7)
        assert ask(job_id)["again"] == OFTEN
        command("cancel", other)
        # Another user can resume it.
        assert ask(other)["again"] == SELDOM

    @pytest.mark.parametrize(("prepare", "shown"), [
        (lambda job_id: None, {ids.JOB_CANCEL}), (under_way, {ids.JOB_CANCEL}),
        (lambda job_id: (under_way(job_id), snapshot(job_id)), {ids.JOB_EXPLORE, ids.JOB_CANCEL}),
        (lambda job_id: (under_way(job_id), services().trainings.cancel(job_id)), set()),
        (lambda job_id: services().trainings.cancel(job_id), {ids.JOB_RESUME}),
        (lambda job_id: move(job_id, TaskState.RUNNING), {ids.JOB_RESUME}),
        (lambda job_id: move(job_id, TaskState.FAILED, "it diverged"), {ids.JOB_RESUME}),
        (lambda job_id: (snapshot(job_id), finish(job_id)), {ids.JOB_EXPLORE}),
    ])  # fmt: skip
    def test_only_what_can_be_done_is_offered(self, prepare, shown):
        job_id = submitted()
        prepare(job_id)
        said = drawn(ask(job_id))
        buttons = (ids.JOB_EXPLORE, ids.JOB_RESUME, ids.JOB_CANCEL)
        assert {button for button in buttons if not said[frame(button), "hidden"]} == shown

    def test_when_it_is_done_the_network_is_in_the_picker_with_its_verdict(self):
        job_id = submitted()
        assert (MODEL, "data") not in drawn(ask(job_id))
        under_way(job_id)
        name = finish(job_id, fidelity_passes="true", fidelity_transition_error="0.0123", fidelity_lag_error="nan")
        answer = ask(job_id)
        said = drawn(answer)
        assert name in {choice["value"] for choice in said[MODEL, "data"]}
        assert said[ids.JOB_STATE, "children"] == f"Done: it is the network {name}."
        assert said[ids.JOB_EXPLORE, "children"] == "Open network"
        assert float(said[ids.JOB_PROGRESS, "value"]) == 1
        told = text(said[ids.JOB_FIDELITY, "children"])
        assert "Transition error 0.012 ≤ 0.03 ✓" in told
        assert "Lag error not known" in told
        assert told.endswith("It matches its HMM, judged on 256 runs of 2,000 steps.")
        assert ask(job_id, seen=stamps(answer))["parts"] == {}

    def test_the_departures_stand_beside_it(self):
        said = text(drawn(ask(submitted()))[ids.JOB_DEPARTURES, "children"])
        for words in config_of(small()).departures.values():
            assert words.replace("True", "yes").replace("False", "no") in said


class TestWords:
    def job(self, state: str, **changes) -> trainings.Training:
        config = TrainingConfig.preset("linear-2", steps=40)
        job = trainings.Training("0" * 12, config, TaskState(state), progress=TrainingProgress(**TOLD))
        return replace(job, **changes)

    @pytest.mark.parametrize(
        ("state", "changes", "said"),
        [
            (TaskState.RUNNING, {"progress": None}, "Training: at its first step."),
            (
                TaskState.RUNNING,
                {"progress": TrainingProgress(**{**TOLD, "steps_per_second": None})},
                "Training: step 30 of 40.",
            ),
            (
                TaskState.RUNNING,
                {"progress": TrainingProgress(**{**TOLD, "step": 40})},
                "Trained; it is now judged on 256 runs of 2,000 steps.",
            ),
            (TaskState.FAILED, {"reason": "training diverged."}, "Failed: training diverged."),
            (TaskState.CANCELLED, {}, "Cancelled at step 30, from where it can go on."),
        ],
    )
    def test_each_state_is_a_sentence(self, state, changes, said):
        assert training.state_words(self.job(state, **changes), worker=True, cancelling=False, kept=True) == said

    def test_a_stop_that_is_under_way_is_said(self):
        said = training.state_words(self.job(TaskState.RUNNING), worker=True, cancelling=True, kept=True)
        assert said == "Cancelling: it stops after the present step."

    def test_it_says_how_much_was_lost(self):
        lost = self.job(TaskState.LOST)
        assert "at most seconds before step 30" in training.state_words(lost, worker=True, cancelling=False, kept=True)
        assert "Start it again" in training.state_words(lost, worker=True, cancelling=False, kept=False)
        cancelled = training.state_words(self.job(TaskState.CANCELLED), worker=True, cancelling=False, kept=False)
        assert cancelled == "Cancelled before it began."

    def test_no_number_is_shown_before_there_is_one(self):
        assert text(progress_table(self.job(TaskState.RUNNING, progress=None))) == "No step has been made yet."
        assert text(fidelity_table({}, "Later.")) == "Later."

    def test_the_share_is_of_the_whole_training(self):
        assert progress_share(self.job(TaskState.CANCELLED)) == 0.75
        assert progress_share(self.job(TaskState.WAITING, progress=None)) == 0
        assert progress_share(self.job(TaskState.DONE)) == 1

    def test_an_hmm_is_called_by_its_family_or_its_size(self):
        assert form_page.target_name(HMM.preset("cyclic")) == "cyclic"
        assert form_page.target_name(HMM.from_dict(OWN)) == "own HMM of 2 states and 2 symbols"
        assert form_page.target_name(HMM.from_dict({**OWN, "name": "mouse 7"})) == "mouse 7"

    @pytest.mark.parametrize(("seconds", "words"), [
        (0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (754, "12 min 34 s"), (3600, "1 h 0 min"),
        (9000, "2 h 30 min"),
    ])  # fmt: skip
    def test_a_time_in_its_two_largest_units(self, seconds, words):
        assert duration(seconds) == words
