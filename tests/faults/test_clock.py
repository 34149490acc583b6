"""The clock of a machine jumps while its server works."""

from __future__ import annotations

from pathlib import Path

import pytest

from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from tests.browser.conftest import Server
from tests.faults.words import expect_undisturbed, noise, reaches, said_of, views, well_again
from tests.programs import eventually
from tests.sweeps import short_training
from tests.wire import Wire

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_dashboard"]
HOUR = 3600.0
# The clock of a process, as far as Python is asked for it.
WRONG_CLOCK = """
import os, time
right = time.time
def wrong():
    with open(os.environ["HMMRNN_TEST_CLOCK"]) as file:
        return right() + float(file.read() or 0)
time.time = wrong
"""


@pytest.mark.faults
class TestClock:
    @pytest.fixture
    def clock(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A file that holds by how many seconds the clock of every process that is started from now on is wrong."""
        (tmp_path / "sitecustomize.py").write_text(WRONG_CLOCK)
        (tmp_path / "clock").write_text("0")
        monkeypatch.setenv("HMMRNN_TEST_CLOCK", str(tmp_path / "clock"))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return tmp_path / "clock"

    def test_it_jumps_by_an_hour_forth_and_back(self, clock: Path, server: Server) -> None:
        wire, config = Wire(server.url), short_training(seed=7, steps=2500)
        job_id = services().trainings.submit(config)
        reaches(job_id, 50)
        noise(wire)
        for wrong_by in (HOUR, 0.0, -HOUR):
            step = services().trainings.look_at(job_id).step
            clock.write_text(str(wrong_by))
            what = f"clock jumps {'forth' if wrong_by > 0 else 'back'} by an hour"
            well_again(what, lambda: said_of(wire, job_id).startswith("Training"))
            eventually(lambda step=step: services().trainings.look_at(job_id).step > step + 50)
            assert said_of(wire, job_id).startswith(("Training", "Trained", "Done"))
            views(wire, 1)
        eventually(lambda: said_of(wire, job_id).startswith("Done"))
        expect_undisturbed(job_id, config)
        eventually(lambda: not noise(wire)["unfinished"])
        eventually(lambda: [services().queues.waiting(work) for work in (queue.TRAIN, queue.EXPERIMENT)] == [[], []])
