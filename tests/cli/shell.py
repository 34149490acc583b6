"""What the tests of the commands share: a refused command line, a small network, a Python process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from hmmrnn import Network, cli

ROOT = Path(__file__).resolve().parents[2]


def python(*args: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False, cwd=ROOT, **options)


def refusal(capsys, *argv: object) -> str:
    """The one line that a command line with bad input leaves on stderr."""
    try:
        status = cli.main([str(arg) for arg in argv])
    except SystemExit as stop:  # argparse ends the process by itself
        status = stop.code
    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def contracting(metadata: dict[str, str] | None = None, n_outputs: int = 3) -> Network:
    """A network without bias whose activity halves at every step: the origin is its one fixed point."""
    rng = np.random.default_rng(0)
    return Network(0.5 * np.eye(8), rng.normal(size=(8, 4)), rng.normal(size=(n_outputs, 8)), metadata=metadata or {})
