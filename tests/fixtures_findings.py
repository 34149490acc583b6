"""Everything that is known of one small network, found out once for all processes that run the tests."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from filelock import FileLock

from hmmrnn.findings import Findings, findings
from tests.networks import planted_switch


@pytest.fixture(scope="session")
def studied(common: Path) -> Findings:
    """What is found in a network with two planted kick groups."""
    path = common / "findings.pickle"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            network = planted_switch(hold=4, integrators=8, kick=2, echoes=1, idle=3).network
            path.write_bytes(pickle.dumps(findings(network, seed=3)))
    found: Findings = pickle.loads(path.read_bytes())
    return found
