"""What the tests share: reproducible examples for hypothesis, and the planted networks."""

import os
from pathlib import Path

# Before NumPy is loaded, and for every program that a test starts, as `serve` does it: processes whose BLAS has threads
# on every core spin waiting for each other. Beside one busy process, spectra took seven times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from hmmrnn.model.network import Network
from tests.networks import PlantedSwitch, no_kick_network, planted_switch

# The same examples on every machine; a deadline would make a busy machine fail.
settings.register_profile("suite", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run first what takes longest: the browser tests, then the files with slow ones."""
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in ("browser", "slow")])


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of a run of the tests see."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def planted() -> PlantedSwitch:
    """Two outputs, each left by a planted group of three kick neurons."""
    return planted_switch()


@pytest.fixture(scope="session")
def planted_ring() -> PlantedSwitch:
    """Three outputs that follow each other 0, 1, 2, 0, each left by a planted group of three kick neurons."""
    return planted_switch(n_outputs=3, pairs=[(0, 1), (1, 2), (2, 0)])


@pytest.fixture(scope="session")
def no_kick() -> Network:
    """Two outputs that switch, and no small group that is responsible for it."""
    return no_kick_network()
