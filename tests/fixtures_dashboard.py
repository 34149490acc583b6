"""Small networks, and the services of a dashboard that offers them.

A test module gets these fixtures with `pytest_plugins = ["tests.fixtures_dashboard"]`: the shelf and everything that is
computed from it then exist once for all modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dash import Dash
from flask.testing import FlaskClient

from hmmrnn.analysis import orbit
from hmmrnn.cli.worker import functions_for
from hmmrnn.dashboard import answers
from hmmrnn.dashboard.app import create_app
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Intervention, Network
from hmmrnn.server.services import services
from hmmrnn.tasks import short_tasks
from hmmrnn.tasks.queue import SHORT_TASKS
from hmmrnn.tasks.store import Store
from tests.networks import PlantedSwitch, planted_switch, random_network
from tests.programs import PATIENCE_SECONDS
from tests.services import rebuild_services, services_of_environment

# Doubled, this self-excitation makes its neuron grow without end; as it is, the neuron does no more than any other.
FUSE_SELF = 0.7


@dataclass(frozen=True, eq=False)
class Shelf:
    """Networks for the dashboard.

    Attributes:
        models: the folder with four networks: `linear-2`, a planted switch between three outputs, which is what a page
            opens by itself; `anonymous`, with biases and without provenance; `mislabelled`, with two outputs and the
            name of a family that has three; `growing`, which diverges under any noise.
        cache: the folder that all tests of all processes share, so that nothing is computed twice.
        data: the folder for what is trained or opened, of the test's own.
        switch: where what is in `linear-2`.
        fuse: the neuron of `linear-2` that diverges if mu is 2, and does nothing else.
    """

    models: Path
    cache: Path
    data: Path
    switch: PlantedSwitch
    fuse: int


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, common: Path) -> Shelf:
    """The networks, written once."""
    models, answers = tmp_path_factory.mktemp("models"), common / "answers-on-the-shelf"
    answers.mkdir(exist_ok=True)
    ring = [(0, 1), (1, 2), (2, 0)]
    switch = planted_switch(n_outputs=3, pairs=ring, hold=4, integrators=8, kick=3, echoes=1, idle=3)
    fuse = switch.idle[0]
    W_hh = switch.network.W_hh.copy()
    W_hh[fuse, fuse] = FUSE_SELF
    network = replace(switch.network, W_hh=W_hh, metadata={"family": "fully-connected", "fidelity_passes": "false"})
    save(network, models / "linear-2.safetensors")
    save(random_network(12, 4, 3, bias=True), models / "anonymous.safetensors")
    save(replace(random_network(12, 4, 2), metadata={"family": "linear-2"}), models / "mislabelled.safetensors")
    growing = Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4), metadata={"family": "linear-2"})
    save(growing, models / "growing.safetensors")
    data = tmp_path_factory.mktemp("data")
    return Shelf(models, answers, data, replace(switch, network=network), fuse)


@pytest.fixture
def dashboard(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Services that offer the small networks; short tasks are done at once, in this process."""
    monkeypatch.setattr(short_tasks, "request", _do_here)
    yield from world_of(replace(shelf, data=tmp_path / "data"), monkeypatch)


@pytest.fixture(scope="module")
def app(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dash]:
    """The application on the small networks, built once for all tests of a module; it is left as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(short_tasks, "request", _do_here)
        for _ in world_of(replace(shelf, data=tmp_path_factory.mktemp("data")), patch):
            yield create_app()


@pytest.fixture
def client(app: Dash) -> FlaskClient:
    """A browser of its own on the shared application."""
    return app.server.test_client()


@pytest.fixture
def blown(dashboard: Shelf, intact: Scenario) -> Scenario:
    """The self-excitation of one neuron doubled, so that it grows without end."""
    return replace(intact, interventions=(Intervention((dashboard.fuse,), mu=2.0),))


@pytest.fixture
def stretches_longer_than(dashboard: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Choose from how many steps on a stretch counts for the plane of a pair."""

    def choose(steps: int) -> None:
        monkeypatch.setattr(orbit, "PAIR_LONGER_THAN", steps)
        # The common cache may know planes that were fitted by the usual rule.
        monkeypatch.setenv("HMMRNN_CACHE", str(tmp_path / "answers"))
        rebuild_services()

    return choose


@pytest.fixture
def empty_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Services with a models folder and a cache of the test's own, both empty."""
    yield from empty_world_in(tmp_path, monkeypatch)


def empty_world_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Services with all their folders, empty, in one."""
    (folder / "models").mkdir()
    no_switch = PlantedSwitch(random_network(), {}, {}, {}, {}, ())
    yield from world_of(Shelf(folder / "models", folder / "cache", folder / "data", no_switch, -1), monkeypatch)


def world_of(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Services with the folders of a shelf."""
    monkeypatch.setenv("HMMRNN_MODELS", str(shelf.models))
    monkeypatch.setenv("HMMRNN_CACHE", str(shelf.cache))
    monkeypatch.setenv("HMMRNN_DATA", str(shelf.data))
    monkeypatch.delenv("HMMRNN_REDIS_URL", raising=False)
    monkeypatch.setattr(answers, "ANSWER_SECONDS", PATIENCE_SECONDS)
    with services_of_environment():
        yield shelf


def _do_here(_store: Store, work: str, *args: Any) -> Any:
    outcome, response = functions_for(services(), SHORT_TASKS)[work](*args)
    assert outcome == short_tasks.RESPONSE, response
    return response
