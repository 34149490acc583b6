"""Sweeps by the command and real workers, which are killed in the middle, on SQLite and on a real Redis."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.checkpoint import load
from hmmrnn.dashboard import folders, jobs, sweeps
from hmmrnn.dashboard.callbacks.sweep import results, watched
from hmmrnn.dashboard.sweeps import COLUMNS, Sweep
from hmmrnn.fidelity import Fidelity, fidelity
from hmmrnn.hmm import HMM
from hmmrnn.network import Network
from hmmrnn.training import FIDELITY_NUMBERS, fit
from tests.programs import PATIENCE_SECONDS, ROOT, WorkerProcess, eventually

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

# The steps are enough to be met in the middle of a training.
GRID = ("--families", "linear-2", "cyclic", "--neurons", "8", "--inputs", "1", "3", "--seeds", "5")
SMALL = ("--batch", "8", "--length", "10")
STEPS = 400


@dataclass
class SweepProcess:
    """The sweep command, as it is typed; always of the same sweep and the same file of results."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def out(self) -> Path:
        return self.folder / "results.csv"

    def start(self, *argv: str) -> subprocess.Popen[str]:
        always = ["--name", "small", "--out", str(self.out), "--progress", "json"]
        command = [sys.executable, "-m", "hmmrnn", "sweep", *always, *argv]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.started.append(
            subprocess.Popen(
                command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        )
        return self.started[-1]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[SweepProcess]:
    made = SweepProcess(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.fixture
def worker(empty_world) -> Iterator[WorkerProcess]:
    """A worker that is not started yet."""
    made = WorkerProcess()
    yield made
    if made.process is not None:
        made.process.terminate()
        made.process.wait(PATIENCE_SECONDS)


def the_sweep() -> Sweep:
    found = sweeps.find("small")
    assert found is not None
    return found


def states() -> list[str]:
    return [row.state for row in sweeps.table_now(the_sweep())]


def one_done_and_another_begun() -> bool:
    if sweeps.find("small") is None:
        return False
    rows = sweeps.table_now(the_sweep())
    return jobs.DONE in states() and any(row.state == jobs.RUNNING and row.share > 0 for row in rows)


def files() -> dict[str, tuple[int, int]]:
    """Each network that is there, and what tells whether its file has been written again."""
    there = {path.stem: path.stat() for path in folders.networks().glob("[!.]*.safetensors")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in there.items()}


def gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be buried counts as ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def started_by(pid: int) -> list[int]:
    """A process's children, and theirs."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(below for child in children for below in started_by(child))]


@cache
def undisturbed(job_id: str) -> Network:
    """What a training of the sweep gives that nothing happens to. The grid is the same wherever its queue is."""
    (training,) = (training for training in the_sweep().trainings if training.id == job_id)
    return fit(training.config).network


@cache
def verdict_on(job_id: str, family: str) -> Fidelity:
    return fidelity(undisturbed(job_id), HMM.preset(family))


def judged_anew() -> list[dict[str, str]]:
    """The lines that the file of results must have, by what undisturbed networks are found to be."""
    lines = []
    for row in sweeps.table_now(the_sweep()):
        config = row.training.config
        network = load(folders.networks() / f"{row.model}.safetensors")
        found = verdict_on(row.id, config.hmm.name)
        numbers = {name: f"{float(f'{getattr(found, name):.4f}')}" for name in FIDELITY_NUMBERS}
        lines.append(
            {
                "family": config.hmm.name,
                "n_neurons": str(network.n_neurons),
                "n_inputs": str(network.n_inputs),
                "seed": network.metadata["seed"],
                "recipe": "fast",
                "state": "done",
                "job_id": row.id,
                "model": row.model,
                **{name: "" if text == "nan" else text for name, text in numbers.items()},
                "passes": str(found.passes).lower(),
                "steps": network.metadata["steps_done"],
            }
        )
    return lines


def on_the_page() -> list[dict[str, object]]:
    question = {"turn": 1, "sweep": "small", "theme": "light", "measure": "lag_error", "across": "n_inputs", "seen": {}}
    answer = watched(question)
    ((_, look),) = answer["parts"]["rows"]["draws"]
    return list(look["rowData"])


@pytest.mark.usefixtures("either_queue")
def test_a_sweep_whose_command_and_worker_are_killed_trains_each_network_once(
    command: SweepProcess, worker: WorkerProcess
) -> None:
    first = command.start(*GRID, *SMALL, "--steps", str(STEPS))
    worker.start()
    eventually(one_done_and_another_begun)
    first.kill()
    worker.kill_the_one_that_works()
    before = files()
    assert before
    assert states() != [jobs.DONE] * 4

    # Its grid is known by its name.
    second = command.start()
    out, err = second.communicate(timeout=4 * PATIENCE_SECONDS)
    assert second.returncode == 0, err
    told = json.loads(out)
    assert (told["sweep"], told["trainings"], told["done"], told["out"]) == ("small", 4, 4, str(command.out))

    assert len(files()) == 4
    assert {name: files()[name] for name in before} == before, "what was done is not done again"
    for row in sweeps.table_now(the_sweep()):
        trained, expected_network = load(folders.networks() / f"{row.model}.safetensors"), undisturbed(row.id)
        for weights in ("W_hh", "W_ih", "W_out"):
            np.testing.assert_array_equal(getattr(trained, weights), getattr(expected_network, weights))

    with command.out.open(newline="") as file:
        lines = list(csv.DictReader(file))
    expected = judged_anew()
    assert [{name: line[name] for name in expected[0]} for line in lines] == expected
    assert list(lines[0]) == list(COLUMNS)
    assert [str(line["steps"]) for line in lines] == [str(STEPS)] * 4
    for line, row in zip(lines, on_the_page(), strict=True):
        assert {name: "" if row[name] is None else str(row[name]) for name in FIDELITY_NUMBERS} == {
            name: line[name] for name in FIDELITY_NUMBERS
        }
        assert row["gate"] == ("✓ passes" if line["passes"] == "true" else "✗ fails")
    assert results("small").get_data(as_text=True) == command.out.read_text()

    again = command.start()
    again.communicate(timeout=PATIENCE_SECONDS)
    assert again.returncode == 0
    assert {name: files()[name] for name in before} == before


@pytest.mark.usefixtures("empty_world")
class TestWithWorkers:
    """Sweeps that bring their own workers."""

    def test_killed_it_leaves_no_worker_behind_and_goes_on_where_it_was(self, command: SweepProcess) -> None:
        first = command.start(*GRID, *SMALL, "--steps", str(STEPS), "--workers", "2")
        eventually(one_done_and_another_begun)
        below = started_by(first.pid)
        assert len(below) >= 2 + 2
        first.kill()
        eventually(lambda: all(gone(pid) for pid in below))
        before = files()

        second = command.start("--workers", "2")
        out, err = second.communicate(timeout=4 * PATIENCE_SECONDS)
        assert second.returncode == 0, err
        assert json.loads(out)["done"] == 4
        assert {name: files()[name] for name in before} == before
        assert len(files()) == 4

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_told_to_stop_it_says_how_to_go_on(self, command: SweepProcess, number) -> None:
        process = command.start(*GRID, *SMALL, "--steps", "1000000", "--workers", "1")
        eventually(lambda: sweeps.find("small") is not None and jobs.RUNNING in states())
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 130
        assert out == ""
        assert "stopped with 0 of 4 done" in err
        assert "the same command goes on with the rest, and --name small --cancel takes what waits" in err
        # What was being trained was put back, at its place.
        assert states()[0] == jobs.WAITING, states()
        assert set(states()) == {jobs.WAITING, sweeps.PLANNED}

    def test_what_diverges_is_a_row_with_its_reason_and_the_rest_goes_on(self, command: SweepProcess) -> None:
        process = command.start(*GRID, *SMALL, "--steps", "50", "--set", "learning_rate=1e30", "--workers", "1")
        out, err = process.communicate(timeout=4 * PATIENCE_SECONDS)
        assert process.returncode == 1, err
        assert json.loads(out)["failed"] == 4
        with command.out.open(newline="") as file:
            lines = list(csv.DictReader(file))
        assert [line["state"] for line in lines] == ["failed"] * 4
        assert all("training diverged at step" in line["reason"] for line in lines)
        assert [line["transition_error"] for line in lines] == [""] * 4
