"""What tests with faults say and expect."""

from __future__ import annotations

import json
import os
import time
import urllib.error
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.dashboard import ids
from hmmrnn.explorer import experiments as kinds
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import services
from hmmrnn.tasks.store import TaskState
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import fit
from tests.browser.conftest import Server
from tests.programs import children, eventually, memory, noted
from tests.wire import Wire

ROUNDS = int(os.environ.get("HMMRNN_ROUNDS", "1"))
KNOWN_DIGITS = 5e-5
SCENARIO = Scenario("linear-2", steps=100, trajectories=2)


def state_of(training_id: str) -> TaskState:
    return services().trainings.look_at(training_id).state


def command(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def web_processes(server: Server) -> list[int]:
    """The processes that answer, below the one that keeps them running."""
    (leader,) = [child for child in children(server.process.pid) if command(child) == command(server.process.pid)]
    return children(leader)


def worker_that_works(server: Server, name: str) -> int:
    """Of the processes of a queue's worker, the one with the job."""
    (worker,) = [child for child in children(server.process.pid) if f"--only {name}" in command(child)]
    return max(children(worker), key=memory)


def ablated(neuron: int) -> Scenario:
    return replace(SCENARIO, interventions=(Intervention((neuron,)),))


def views(wire: Wire, neuron: int) -> dict[str, Any]:
    """The fast views with one neuron silenced, as the page gets them."""
    found = wire.fast(ablated(neuron))
    assert found[ids.NUMBERS]["values"]["of"] == ablated(neuron).to_query()
    return found


def noise(wire: Wire) -> dict[str, Any]:
    """What the page gets when it asks for the noise experiment."""
    asked = {"view": kinds.NOISE, "scenario": SCENARIO.to_dict(), "theme": "light", "leave": [], "fresh": False}
    found: dict[str, Any] = wire.ask("/tasks", {**asked, "wanted": True, "again": False})
    return found


def without_failing(act: Callable[[], Any]) -> Any:
    """What an act gives, tried again while no server answers, as the page does it."""
    given: list[Any] = []

    def tried() -> bool:
        with suppress(urllib.error.URLError, ConnectionError, json.JSONDecodeError):
            given.append(act())
        return bool(given)

    eventually(tried)
    return given[0]


def well_again(what: str, holds: Callable[[], object]) -> None:
    began = time.monotonic()
    eventually(lambda: without_failing(holds))
    noted(what, round(time.monotonic() - began, 2))


def expect_undisturbed(job_id: str, config: TrainingConfig) -> None:
    """The network that came of a training is the one that would have come of it without any fault."""
    whole = fit(config)
    found = load(services().data.networks / f"{services().trainings.look_at(job_id).model}.safetensors")
    for name in ("W_hh", "W_ih", "W_out"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole.network, name))
    np.testing.assert_allclose(services().trainings.losses(job_id), whole.losses, atol=KNOWN_DIGITS)


def expect_whole_files(data: Path) -> None:
    """Every network in the data folder can be read."""
    for path in data.rglob("*.safetensors"):
        load(path)
    assert not [path for path in (data / "networks").glob("*") if path.name.endswith((".partial", ".tmp"))]


def reaches(job_id: str, step: int) -> None:
    eventually(lambda: services().trainings.look_at(job_id).step >= step)


def said_of(wire: Wire, job_id: str) -> str:
    """What the page of a training says of it."""
    parts = wire.ask("/watch/training", {"theme": "light", "seen": {}, "job": job_id})["parts"]
    return str(dict(parts["job"]["updates"])["job-state"]["children"])
