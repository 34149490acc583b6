"""Sweeps by the command and real workers, which are killed in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.model.checkpoint import load
from hmmrnn.server.services import services
from hmmrnn.tasks import sweeps
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.sweeps import Sweep
from hmmrnn.training.trainer import fit
from tests.programs import PATIENCE_SECONDS, ROOT, descendants, eventually, gone, start_program

pytest_plugins = ["tests.fixtures_dashboard"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("empty_world")]

# The steps are enough to be met in the middle of a training.
GRID = ("--families", "linear-2", "cyclic", "--neurons", "8", "--inputs", "1", "3", "--seeds", "5")
SMALL = ("--batch", "8", "--length", "10")
STEPS = 200


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
        self.started.append(start_program(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return self.started[-1]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[SweepProcess]:
    made = SweepProcess(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def the_sweep() -> Sweep:
    found = services().sweeps.find("small")
    assert found is not None
    return found


def states() -> list[str]:
    return [row.state for row in services().sweeps.table_now(the_sweep())]


def one_done_and_another_begun() -> bool:
    if services().sweeps.find("small") is None:
        return False
    rows = services().sweeps.table_now(the_sweep())
    return TaskState.DONE in states() and any(row.state == TaskState.RUNNING and row.share > 0 for row in rows)


def files() -> dict[str, tuple[int, int]]:
    """Each network that is there, and what tells whether its file has been written again."""
    there = {path.stem: path.stat() for path in services().data.networks.glob("[!.]*.safetensors")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in there.items()}


def test_killed_with_its_workers_it_goes_on_and_trains_each_network_once(command: SweepProcess) -> None:
    first = command.start(*GRID, *SMALL, "--steps", str(STEPS), "--workers", "1")
    eventually(one_done_and_another_begun)
    below = descendants(first.pid)
    assert len(below) >= 2 + 2
    first.kill()
    eventually(lambda: all(map(gone, below)))
    before = files()
    assert before
    assert states() != [TaskState.DONE] * 4

    # Its grid is known by its name.
    second = command.start("--workers", "1")
    out, err = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 0, err
    summary = json.loads(out)
    expected = ("small", 4, 4, str(command.out))
    assert (summary["sweep"], summary["trainings"], summary["done"], summary["out"]) == expected
    assert {name: files()[name] for name in before} == before, "what was done is not done again"
    assert len(files()) == 4
    rows = services().sweeps.table_now(the_sweep())
    assert command.out.read_text() == sweeps.csv_text(the_sweep(), rows)
    for row in [row for row in rows if row.model not in before][:2]:
        found = load(services().data.networks / f"{row.model}.safetensors")
        undisturbed = fit(row.training.config).network
        for weights in ("W_hh", "W_ih", "W_out"):
            np.testing.assert_array_equal(getattr(found, weights), getattr(undisturbed, weights))

    again = command.start()
    again.communicate(timeout=PATIENCE_SECONDS)
    assert again.returncode == 0
    assert {name: files()[name] for name in before} == before


def test_ctrl_c_says_how_to_go_on(command: SweepProcess) -> None:
    process = command.start(*GRID, *SMALL, "--steps", "1000000", "--workers", "1")
    eventually(lambda: services().sweeps.find("small") is not None and TaskState.RUNNING in states())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert out == ""
    assert "stopped with 0 of 4 done" in err
    assert "the same command continues with the rest, and --name small --cancel removes what waits" in err
    # What was being trained was put back, at its place.
    assert states()[0] == TaskState.WAITING, states()
    assert set(states()) == {TaskState.WAITING, sweeps.PLANNED}
