"""The sweep command without workers: what it refuses, what it takes from the sweep that is there, and --cancel."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hmmrnn import cli
from hmmrnn.cli import sweep as sweep_command
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, sweep_runner, sweeps
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.sweep_runner import SweepRunner
from hmmrnn.tasks.sweeps import Sweep
from tests.cli.shell import refusal
from tests.programs import PATIENCE_SECONDS, ROOT, eventually, start_program
from tests.sweeps import done, failed, small_sweep

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture(autouse=True)
def world(empty_world):
    return empty_world


def test_help_names_the_grid_of_the_paper(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["sweep", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    for words in ("(50 150 200)", "(1 10 100 200)", "(0 1 2)", "(linear-2 linear-3 linear-4 linear-5)", "144"):
        assert words in text


@pytest.mark.parametrize(("argv", "sentence"), [
    ("--families linear-9", "--families: invalid choice: 'linear-9'"),
    ("--neurons 0", "--neurons: must be a whole number from 1 to 2048; got '0'"),
    ("--neurons 50 4000", "--neurons: must be a whole number from 1 to 2048; got '4000'"),
    ("--inputs x", "--inputs: must be a whole number from 1 to 2048; got 'x'"),
    ("--seeds -1", "--seeds: must be a whole number from 0 to 2147483647; got '-1'"),
    ("--seeds", "--seeds: expected at least one argument"),
    ("--steps 0", "--steps: must be a whole number >= 1; got '0'"),
    ("--workers 0", "--workers: must be a whole number >= 1; got '0'"),
    ("--recipe slow", "--recipe: invalid choice: 'slow'"),
    ("--seeds 1 1", "seeds: values must be different from each other; got [1, 1]"),
    ("--name a/b", "name: must be of at most 40 letters, digits and dashes, no dash first; got 'a/b'"),
    ("--set colour=red", "--set must be NAME=VALUE with one of"), ("--set clip=-1", "clip must be > 0; got -1"),
    ("--out results.txt", "the file to write must end in .csv; got results.txt"),
    ("--name other --cancel", "there is no sweep 'other' to cancel; there are none"),
])  # fmt: skip
def test_bad_input_is_refused_in_a_sentence_and_nothing_is_begun(capsys, argv, sentence) -> None:
    assert sentence in refusal(capsys, "sweep", *argv.split())
    assert list(services().data.sweeps.iterdir()) == []
    assert services().trainings.listing() == ()


def test_another_grid_under_the_same_name_is_refused(capsys) -> None:
    services().sweeps.keep(small_sweep())
    sentence = refusal(capsys, "sweep", "--name", "small", "--neurons", "9")
    assert "the sweep small is there with other neurons (6)" in sentence


def test_one_that_is_run_by_another_command_is_refused(capsys) -> None:
    services().sweeps.keep(small_sweep())
    with sweep_runner.hold(services().sweeps, small_sweep()):
        assert "the sweep small is being run by another command" in refusal(capsys, "sweep", "--name", "small")


def test_what_has_ended_is_printed_and_written(capsys, tmp_path) -> None:
    sweep, out = small_sweep(), tmp_path / "results.csv"
    services().sweeps.keep(sweep)
    for training in sweep.trainings:
        services().trainings.submit(training.config)
        done(training)
    assert cli.main(["sweep", "--name", "small", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    expected = {"sweep": "small", "trainings": 4, "out": str(out), "done": 4, "passes": 4, "failed": 0}
    told = json.loads(captured.out)
    assert {name: told[name] for name in expected} == expected
    assert "4/4" in captured.err
    assert out.read_text() == sweeps.csv_text(sweep, services().sweeps.table_now(sweep))
    failed(sweep.trainings[0])
    assert cli.main(["sweep", "--name", "small", "--progress", "none"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 1


def test_settings_are_those_of_the_train_command(monkeypatch) -> None:
    def nothing_is_left(_: SweepRunner) -> bool:
        return False

    monkeypatch.setattr(SweepRunner, "advance", nothing_is_left)
    argv = "--name mine --families cyclic --recipe paper --steps 9 --length 20 --set clip=0.5 --set carry=false"
    cli.main(["sweep", *argv.split(), "--progress", "none"])
    changes = {"carry": False, "clip": 0.5, "length": 20, "steps": 9}
    assert services().sweeps.find("mine") == Sweep(name="mine", families=("cyclic",), recipe="paper", changes=changes)


def test_trouble_is_said_once_and_waited_out(caplog, capsys, monkeypatch) -> None:
    sweep = small_sweep()
    services().sweeps.keep(sweep)
    answers = iter([queue.QueueGoneError("Redis does not answer"), OSError(28, "No space left on device"), None])
    last = [queue.QueueGoneError("Redis does not answer")] * 3

    def advance(self: SweepRunner) -> bool:
        error = last.pop() if last else next(answers)
        if error is not None:
            raise error
        return False

    monkeypatch.setattr(SweepRunner, "advance", advance)
    monkeypatch.setattr(sweep_command, "LOOK_EVERY_SECONDS", 0.0)
    assert cli.main(["sweep", "--name", "small", "--progress", "none"]) == 1
    said = [message for message in caplog.messages if message.startswith("the sweep waits")]
    assert said == ["the sweep waits: Redis does not answer", "the sweep waits: [Errno 28] No space left on device"]
    assert json.loads(capsys.readouterr().out)["done"] == 0


def test_without_a_worker_it_says_so_and_cancelled_it_ends(capsys) -> None:
    services().sweeps.keep(small_sweep())
    code = (
        "import sys, hmmrnn.cli.sweep as sweep; from hmmrnn import cli; sweep.MISSED_AFTER_SECONDS = 0.0;"
        "sys.exit(cli.main(['sweep', '--name', 'small', '--progress', 'none']))"
    )
    process = start_program(
        [sys.executable, "-c", code], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    eventually(lambda: len(services().queues.waiting(queue.TRAIN)) == 2)
    assert cli.main(["sweep", "--name", "small", "--cancel"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["withdrawn"], told["cancelled"], told["waiting"]) == (2, 2, 0)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert (json.loads(out)["done"], json.loads(out)["planned"]) == (0, 2)
    assert err.count("no worker is running, so nothing is trained; start some with python -m hmmrnn worker") == 1
    states = [row.state for row in services().sweeps.table_now(small_sweep())]
    assert states == [TaskState.CANCELLED, TaskState.CANCELLED, sweeps.PLANNED, sweeps.PLANNED]
