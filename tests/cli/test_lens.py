"""The lens command: its line of JSON, its table, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hmmrnn import Network, cli, lenses
from hmmrnn.cli import lens as command
from hmmrnn.lenses.made_networks import make_mixture, make_truncation
from hmmrnn.lenses.sparse_recordings import SHARES, train_and_compare
from hmmrnn.model.checkpoint import load, save
from hmmrnn.training.students import StudentConfig
from tests.cli.shell import refusal
from tests.networks import random_network


@pytest.fixture
def file(tmp_path):
    save(random_network(), tmp_path / "net.safetensors")
    return str(tmp_path / "net.safetensors")


def test_one_line_of_json(capsys, file) -> None:
    assert cli.main(["lens", "current", file, "--seed", "3", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    said = json.loads(captured.out)
    seen = lenses.current(random_network(), seed=3)
    rates = {f"area_rate{kind}": getattr(seen, f"area_rate{kind}") for kind in ("", "_se", "_null")}
    assert [said.pop(key) for key in ("lens", "network", "seed")] == ["current", file, 3]
    assert rates == pytest.approx({key: said.pop(key) for key in rates})
    assert said.keys() == {"entropy_production", "entropy_production_se", "entropy_production_null"}
    assert "100%" in captured.err


def test_several_seeds_give_mean_and_spread(capsys, file) -> None:
    assert cli.main(["lens", "current", file, "--seed", "3", "--seeds", "3", "--json", "--progress", "none"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["seeds"] == [3, 4, 5]
    seen = [lenses.current(random_network(), seed=seed).area_rate for seed in said["seeds"]]
    assert said["area_rate"] == pytest.approx(np.mean(seen))
    assert said["area_rate_se"] == pytest.approx(np.std(seen, ddof=1))
    assert cli.main(["lens", "memory", file, "--seeds", "2", "--progress", "none"]) == 0
    assert "accuracy 1 " in capsys.readouterr().out


def test_a_table_without_progress(capsys, file) -> None:
    assert cli.main(["lens", "current", file, "--progress", "none"]) == 0
    captured = capsys.readouterr()
    assert [line.split()[0] for line in captured.out.splitlines()] == ["area_rate", "entropy_production"]
    assert all(" ± " in line and "   null " in line for line in captured.out.splitlines())
    assert captured.err == ""


def test_a_number_for_each_of_several_things() -> None:
    lens = lenses.Lens("a", "A", "P", "H", "m:a", ("barriers", "exponents"))
    numbers = {"barriers": {"0->1": 2.0, "1->0": 0.5}, "barriers_se": {"0->1": 0.1, "1->0": 0.2}, "exponents": [-1.0]}
    assert list(command.table(lens, numbers)) == [
        "barriers 0->1                2 ± 0.1",
        "barriers 1->0                0.5 ± 0.2",
        "exponents                    -1",
    ]


def test_a_shipped_network_by_name() -> None:
    assert command.open_network("linear-2").n_neurons == command.open_network("linear-2-seed-1").n_neurons == 150
    with pytest.raises(ValueError, match=r"linear-9 is no file and no shipped network; those are cyclic, fully-"):
        command.open_network("linear-9")


@pytest.mark.parametrize("given", [["analyse"], ["circuits", "--output", "0"], ["lens", "rank"], ["live"]])
def test_every_command_that_looks_at_a_network_takes_such_names(capsys, given) -> None:
    assert "linear-9 is no file and no shipped network; those are cyclic, " in refusal(capsys, *given, "linear-9")


def test_refusals(capsys, tmp_path, file) -> None:
    assert "argument NAME: invalid choice: 'flow'" in refusal(capsys, "lens", "flow", file)
    assert "nowhere.safetensors" in refusal(capsys, "lens", "current", "nowhere.safetensors")
    save(Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4)), tmp_path / "grows.safetensors")
    said = refusal(capsys, "lens", "current", tmp_path / "grows.safetensors", "--progress", "none")
    assert "the lens current shows nothing of" in said
    assert "grows without bound, from step" in said


def test_a_network_that_a_lens_makes_is_written(capsys, tmp_path, file, monkeypatch) -> None:
    network = random_network()
    for argv, wanted in (
        (["halves", "--alpha", "0.5", "--beta", "1.5"], make_mixture(network, 0.5, 1.5)),
        (["rank", "--rank", "2", "--truncation", "svd"], make_truncation(network, "svd", 2)),
    ):
        out = tmp_path / f"{argv[0]}.safetensors"
        assert cli.main(["lens", argv[0], file, *argv[1:], "--out", str(out)]) == 0
        assert capsys.readouterr().out == f"{out}\n"
        assert np.array_equal(load(out).W_hh, wanted.W_hh)
    out = tmp_path / "student.safetensors"
    students = train_and_compare(network, SHARES, StudentConfig(steps=2, batch=2), {})
    monkeypatch.setattr(command, "_look", lambda *_: students)
    assert cli.main(["lens", "sparse", file, "--student", "outputs", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert np.allclose(load(out).W_hh, students.students[-1].W_hh, atol=1e-6)
    out = tmp_path / "none.safetensors"
    assert "the lens current makes no network" in refusal(capsys, "lens", "current", file, "--out", out)
    assert "alpha must be from 0 to 2; got 3" in refusal(capsys, "lens", "halves", file, "--alpha", 3, "--out", out)
    assert "must end in .safetensors" in refusal(capsys, "lens", "halves", file, "--out", tmp_path / "a.txt")
    assert not out.exists()


def test_kick_groups_are_sought_where_they_are_asked_for(capsys, file, monkeypatch) -> None:
    sought = []

    def groups(network, on_progress):
        sought.append(network.n_neurons)
        return {"kick 0": (1, 2)}

    monkeypatch.setattr(command, "kick_groups", groups)
    assert cli.main(["lens", "messages", file, "--groups", "kick", "--json", "--progress", "none"]) == 0
    assert "rest<-kick 0" in json.loads(capsys.readouterr().out)["shares"]
    assert cli.main(["lens", "current", file, "--groups", "kick", "--json", "--progress", "none"]) == 0
    assert sought == [16]
