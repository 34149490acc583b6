"""The circuits command: its line of JSON, and what it refuses."""

from __future__ import annotations

import json

import pytest

from hmmrnn import cli
from hmmrnn.analysis.circuits import RESAMPLED, find_circuits
from hmmrnn.model.checkpoint import save
from tests.cli.shell import refusal
from tests.networks import planted_switch


@pytest.fixture
def file(tmp_path):
    save(planted_switch(hold=2, integrators=4, echoes=1, idle=2).network, tmp_path / "net.safetensors")
    return str(tmp_path / "net.safetensors")


def test_one_line_of_json(capsys, file) -> None:
    given = ["circuits", file, "--output", "1", "--hold", "resampled", "--seed", "3", "--progress", "none"]
    assert cli.main(given) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    said = json.loads(captured.out)
    found = find_circuits(planted_switch(hold=2, integrators=4, echoes=1, idle=2).network, 1, None, RESAMPLED, 3)
    assert (said["output"], said["to"], said["hold"], said["seed"]) == (1, None, "resampled", 3)
    for name in ("sufficient", "necessary"):
        circuit = getattr(found, name)
        assert said[name]["neurons"] == list(circuit.neurons)
        assert said[name]["ratio"] == pytest.approx(circuit.ratio, rel=1e-4)
        assert len(said[name]["null_ratio"]) == 3


def test_an_exit_that_is_never_taken_is_refused(capsys, file) -> None:
    assert "output 2 does not exist" in refusal(capsys, "circuits", file, "--output", "2")
    assert "--output" in refusal(capsys, "circuits", file)
