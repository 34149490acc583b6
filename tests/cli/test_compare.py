"""The compare command: its table in CSV, its line of JSON, and what it refuses."""

from __future__ import annotations

import csv
import io
import json

import pytest

from hmmrnn import cli
from hmmrnn.comparison import dynamical_similarity
from hmmrnn.model.checkpoint import save
from tests.cli.shell import refusal
from tests.networks import random_network


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    paths = [folder / f"{name}.safetensors" for name in ("one", "two")]
    for seed, path in enumerate(paths):
        save(random_network(n=8, m=3, o=2, seed=seed), path)
    return [str(path) for path in paths]


def test_a_table_with_a_row_for_each_network(capsys, files) -> None:
    assert cli.main(["compare", *files, "--kick", "known", "--progress", "none"]) == 0
    captured = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    assert [row["network"] for row in rows] == ["one.safetensors", "two.safetensors"]
    assert rows[0]["transition_error"] == ""
    assert float(rows[0]["switch_rate"]) > float(rows[0]["switch_rate_se"]) > 0
    assert float(rows[1]["leave_rate_1_se"]) > 0
    assert "no fidelity: " in captured.err


def test_one_line_of_json_and_a_file(capsys, files, tmp_path) -> None:
    assert cli.main(["compare", *files, "--kick", "known", "--json", "--progress", "none"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["networks"] == files
    assert said["r2"][0][0] == pytest.approx(1, abs=1e-4)
    assert said["transition_error"] == [None, None]
    table = str(tmp_path / "table.csv")
    assert cli.main(["compare", *files, "--kick", "known", "--out", table, "--progress", "none"]) == 0
    assert (tmp_path / "table.csv").read_text().startswith("network,transition_error,")


def test_kick_neurons_of_shipped_networks_are_known_and_others_are_searched_for(capsys, files) -> None:
    assert cli.main(["compare", "linear-2", "linear-3", "--json", "--progress", "none"]) == 0
    captured = capsys.readouterr()
    assert "searching" not in captured.err
    said = json.loads(captured.out)
    assert max(said["kick_effect"]) < 0.2 < min(said["kick_effect_null"])
    assert said["kick_matched"] == [[1.0, 1.0], [1.0, 1.0]]
    assert [group["exit"] for group in said["kick_groups"]["linear-2"]] == ["output 0", "output 2"]
    assert said["silenced_0->any"][0] == said["kick_groups"]["linear-2"][0]["leave_rate_ratio"]
    assert cli.main(["compare", "linear-2", files[0], "--progress", "none"]) == 0
    captured = capsys.readouterr()
    assert "searching for the kick neurons of 1 of 2 networks" in captured.err
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    assert float(rows[0]["kick_effect"]) == pytest.approx(said["kick_effect"][0], abs=1e-5)
    assert "no kick effect" not in captured.err


def test_what_is_not_installed_is_said(capsys, files, monkeypatch) -> None:
    monkeypatch.setattr(dynamical_similarity, "has_dsa", lambda: False)
    assert "pip install 'hmmrnn[similarity]'" in refusal(capsys, "compare", *files, "--dsa", "--progress", "none")


def test_refusals(capsys, files) -> None:
    assert "2 to 60 different networks" in refusal(capsys, "compare", files[0], "--progress", "none")
    assert "no file and no shipped network" in refusal(capsys, "compare", files[0], "linear-9")
