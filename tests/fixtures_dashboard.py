"""A shelf of small networks, and the folders that the dashboard reads and writes, for the tests of its rooms.

A test module gets these fixtures with `pytest_plugins = ["tests.fixtures_dashboard"]`: the shelf and everything that is
computed from it then exist once for all modules.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hmmrnn.checkpoint import save
from hmmrnn.dashboard import catalog, folders, queries, queue, redis_server, stores
from hmmrnn.network import Network
from tests.networks import PlantedSwitch, planted_switch, random_network

# Doubled, this self-excitation makes its neuron grow without end; as it is, the neuron does no more than any other.
FUSE_SELF = 0.7


@dataclass(frozen=True, eq=False)
class Shelf:
    """Networks for the dashboard.

    Attributes:
        models: the folder with four networks: `linear-2`, a planted switch between three outputs, which is what a page
            opens by itself; `anonymous`, with biases and without provenance; `mislabelled`, with two outputs and the
            name of a family that has three; `growing`, which diverges under any noise.
        cache: the folder that all tests share, so that nothing is computed twice.
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
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The networks, written once."""
    models, answers = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("cache")
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
    """The dashboard's modules with the shelf as their models folder; errands are run at once, in this process."""
    monkeypatch.setattr(queue, "errand", _run_here)
    yield from _world(replace(shelf, data=tmp_path / "data"), monkeypatch)


@pytest.fixture
def stretches_longer_than(dashboard: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Choose from how many steps on a stretch counts for the plane of a pair."""

    def choose(steps: int) -> None:
        monkeypatch.setattr(queries, "PAIR_LONGER_THAN", steps)
        # The common cache may know planes that were fitted by the usual rule.
        monkeypatch.setenv("HMMRNN_CACHE", str(tmp_path / "answers"))
        _forget()

    return choose


@pytest.fixture
def empty_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """The dashboard's modules with a models folder and a cache of the test's own, both empty."""
    (tmp_path / "models").mkdir()
    no_switch = PlantedSwitch(random_network(), {}, {}, {}, {}, ())
    yield from _world(Shelf(tmp_path / "models", tmp_path / "cache", tmp_path / "data", no_switch, -1), monkeypatch)


def _world(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("HMMRNN_MODELS", str(shelf.models))
    monkeypatch.setenv("HMMRNN_CACHE", str(shelf.cache))
    monkeypatch.setenv("HMMRNN_DATA", str(shelf.data))
    monkeypatch.delenv("HMMRNN_REDIS_URL", raising=False)
    _forget()
    yield shelf
    _forget()


def _run_here(name: str, *args: Any) -> Any:
    outcome, answer = pkgutil.resolve_name(queue.WORK[name][1])(*args)
    assert outcome == queue.ANSWER, answer
    return answer


def _forget() -> None:
    """Make the modules read the environment and the files anew, as a new process would."""
    if redis_server.pool.cache_info().currsize:
        redis_server.pool().disconnect()
    for remembered in (
        stores.folder,
        stores.most_bytes,
        stores._own,
        stores._shared,
        redis_server.pool,
        catalog._entry,
        catalog._load,
        folders.data,
        queries._noise,
        queue._make,
    ):
        remembered.cache_clear()
