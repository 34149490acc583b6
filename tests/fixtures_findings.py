"""What is known of one small network, found out once for all processes that run the tests."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from filelock import FileLock

from hmmrnn.report import findings
from hmmrnn.report.findings import Findings, gather_findings
from tests.networks import PlantedSwitch, planted_switch

Studied = tuple[Findings, list[float]]


@pytest.fixture(scope="session")
def small_switch() -> PlantedSwitch:
    """A network with two planted kick groups."""
    return planted_switch(hold=4, integrators=8, kick=2, echoes=1, idle=3)


@pytest.fixture(scope="session")
def _studied(common: Path, small_switch: PlantedSwitch) -> Studied:
    path = common / "findings.pickle"
    with FileLock(f"{path}.lock"), pytest.MonkeyPatch.context() as patch:
        if not path.exists():
            # Each further seed is a search of its own.
            patch.setattr(findings, "SEEDS_COMPARED", 2)
            shares: list[float] = []
            found = gather_findings(small_switch.network, seed=3, on_progress=shares.append)
            path.write_bytes(pickle.dumps((found, shares)))
    studied: Studied = pickle.loads(path.read_bytes())
    return studied


@pytest.fixture(scope="session")
def studied(_studied: Studied) -> Findings:
    """What is found in the network with two planted kick groups."""
    return _studied[0]


@pytest.fixture(scope="session")
def studied_progress(_studied: Studied) -> list[float]:
    """The shares of the analyses that were reported as done, in this order."""
    return _studied[1]
