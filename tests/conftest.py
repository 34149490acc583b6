"""What the tests share: reproducible examples for hypothesis, the planted networks, and who runs what."""

import os
from pathlib import Path
from typing import Any

# Before NumPy is loaded, and for every program that a test starts, as `serve` does it: processes whose BLAS has threads
# on every core spin waiting for each other. Beside one busy process, spectra took seven times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from hmmrnn.network import Network
from tests.networks import PlantedSwitch, no_kick_network, planted_switch

# The same examples on every machine; a deadline would make a busy machine fail.
settings.register_profile("suite", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("suite")


# Browser tests in three parts that take about as long; what is named nowhere is the third.
PARTS = {
    "browser, at work": (
        "test_experiments.py",
        "test_faults.py",
        "test_files.py",
        "test_opening.py",
        "test_report.py",
        "test_signin.py",
        "test_sweep.py",
        "test_training.py",
    ),
    "browser, live": (
        "test_guide.py",
        "test_links.py",
        "test_live.py",
        "test_live_saved.py",
        "test_page.py",
        "test_takeaway.py",
    ),
}
# Begun before the others, so that no process has to wait at the end for one that has only just begun a long file.
LONGEST = (
    "test_faults.py",
    "test_worker.py",
    "test_sweep_workers.py",
    "test_bad_input.py",
    "test_kick.py",
    "test_callbacks.py",
    "test_findings.py",
    "test_emergence.py",
)


class ThreeBrowsers(LoadScopeScheduling):
    """Runs the browser tests in three groups, each in one process and one test after another; the rest file by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith("tests/browser/"):
            return file
        return next((part for part, files in PARTS.items() if file.endswith(files)), "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.path.parent.name == "browser":
        return 0
    return 1 if item.path.name in LONGEST else 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ThreeBrowsers:
    return ThreeBrowsers(config, log)


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
