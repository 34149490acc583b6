"""The disk of a server is full, and then not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hmmrnn.model.checkpoint import save
from hmmrnn.model.hmm import HMM
from hmmrnn.server.services import services
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import RESUMABLE
from tests.browser.conftest import Server
from tests.faults.words import (
    ROUNDS,
    expect_undisturbed,
    expect_whole_files,
    reaches,
    state_of,
    views,
    well_again,
)
from tests.networks import random_network
from tests.programs import eventually
from tests.services import rebuild_services
from tests.sweeps import short_training
from tests.wire import Wire

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_dashboard"]
DISK_BYTES = 32 * 2**20
FORM = {
    **{"A": HMM.preset("linear-2").A.tolist(), "B": HMM.preset("linear-2").B.tolist(), "recipe": "fast"},
    **{"neurons": 4, "inputs": 2, "seed": 1, "steps": 1},
}


@pytest.mark.faults
class TestDisk:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[Path]:
        """A file system of its own, with little room."""
        place = tmp_path / "disk"
        place.mkdir()
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        mount = [*as_root, "mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},uid={os.getuid()}", "tmpfs", str(place)]
        done = subprocess.run(mount, capture_output=True, text=True) if shutil.which("mount") else None
        if done is None or done.returncode:
            pytest.skip("a small file system can be mounted by root only")
        yield place
        subprocess.run([*as_root, "umount", "--lazy", str(place)], check=True)

    @pytest.fixture
    def server(self, disk: Path, dashboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
        """A server whose folders are on the small disk."""
        monkeypatch.setenv("HMMRNN_DATA", str(disk / "data"))
        rebuild_services()
        running = Server(disk, disk / "data")
        running.log = tmp_path / "server.log"
        running.start()
        yield running
        running.stop()

    @pytest.mark.parametrize("_round", range(ROUNDS))
    def test_it_is_full_and_then_not(self, disk: Path, server: Server, tmp_path: Path, _round: int) -> None:
        wire, config = Wire(server.url), short_training(seed=8, steps=2000)
        job_id = services().trainings.submit(config)
        reaches(job_id, 50)
        wanted = views(wire, 1)
        save(random_network(40, 10, 3), tmp_path / "net.safetensors")
        content = (tmp_path / "net.safetensors").read_bytes()
        with full(disk / "filler") as fill:
            assert views(wire, 1) == wanted
            meanwhile = views(wire, 2)
            # For what is not kept yet, older answers were removed.
            fill()
            refused = wire.fetch("/files?name=net.safetensors", content, "application/octet-stream")
            assert refused["state"] == "refused"
            assert "its disk is full" in refused["sentence"]
            command = {"command": "train", "of": FORM}
            assert re.search("disk.* full", wire.ask("/train/command", command)["refused"])
            # Until the training has wanted to write.
            eventually(lambda: "No space left" in server.log.read_text() or "full" in server.log.read_text())
        well_again("disk full: views", lambda: views(wire, 2) == meanwhile)
        sent = wire.fetch("/files?name=net.safetensors", content, "application/octet-stream")
        well_again("disk full: upload", lambda: wire.fetch(f"/files/{sent['file']}")["state"] == "ready")
        began = wire.ask("/train/command", command)["job"]
        eventually(lambda: state_of(job_id) in (TaskState.RUNNING, TaskState.DONE, *RESUMABLE))
        if state_of(job_id) in RESUMABLE:
            services().trainings.resume(job_id)
        eventually(lambda: {state_of(one) for one in (job_id, began)} == {TaskState.DONE})
        expect_undisturbed(job_id, config)
        expect_whole_files(server.data)


@contextmanager
def full(filler: Path) -> Iterator[Callable[[], None]]:
    """A file system without any room, and what fills it again."""
    with filler.open("wb", buffering=0) as file:

        def fill() -> None:
            with suppress(OSError):
                while True:
                    file.write(bytes(4096))

        fill()
        yield fill
    filler.unlink()
