"""Tests of the command line: what it prints, where it writes, its exit status, and one sentence for bad input."""

from __future__ import annotations

import json
import math
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import hmmrnn
from hmmrnn import HMM, Network, cli
from hmmrnn.checkpoint import fingerprint, load, save
from hmmrnn.dashboard import folders
from hmmrnn.fidelity import fidelity
from hmmrnn.kick import EXCITE, Picture
from hmmrnn.matching import matching
from hmmrnn.network import Intervention
from hmmrnn.provenance import target
from hmmrnn.summary import summary
from hmmrnn.training import FIDELITY_NUMBERS, Progress, TrainingResult, train
from tests.networks import kick_group, random_network

TINY = ("--neurons", "8", "--inputs", "4", "--steps", "3", "--batch", "8")
ROOT = Path(__file__).resolve().parents[1]


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


class TestPackage:
    def test_exports_the_contract(self) -> None:
        contract = (
            "HMM Network Intervention TrainingConfig load save simulate fit_plane residency detect_kick_neurons "
            "intervene fidelity train"
        )
        assert {*contract.split(), "__version__"} == set(hmmrnn.__all__)
        assert all(callable(getattr(hmmrnn, name)) for name in contract.split())

    def test_fidelity_is_the_function_and_the_module_can_be_reached(self) -> None:
        code = (
            "import hmmrnn; from hmmrnn.fidelity import Fidelity, fidelity; import hmmrnn.fidelity;"
            "import sys; sys.exit(hmmrnn.fidelity is not fidelity)"
        )
        assert python("-c", code).returncode == 0

    @pytest.mark.parametrize("module", ["hmmrnn", "hmmrnn.cli"])
    def test_import_is_light(self, module) -> None:
        heavy = {"torch", "dash", "sklearn", "scipy", "plotly", "geomloss", "tqdm"}
        done = python("-c", f"import sys, {module}; print({heavy} & set(sys.modules))")
        assert done.stdout == "set()\n", done.stderr


class TestParser:
    def test_version(self) -> None:
        assert python("-m", "hmmrnn", "--version").stdout.strip() == hmmrnn.__version__

    @pytest.mark.parametrize(
        ("command", "told"),
        [
            ((), ["serve", "worker", "train", "analyse", "live", "convert"]),
            (("worker",), ["--trainings", "--only", "errands", "HMMRNN_REDIS_URL", "HMMRNN_DATA"]),
            (("serve",), ["--host", "--port", "--models", "--workers", "--open", "HMMRNN_PORT", "8050"]),
            (("train",), ["--preset", "--recipe", "--out", "--seed", "--steps", "fully-connected", "Ctrl-C", "(150)"]),
            (("analyse",), ["NETWORK", "--out", "--seed"]),
            (("live",), ["NETWORK", "--out", "--seed", "--no-groups", "NAME.html"]),
            (("convert",), ["SRC", "DST", ".pth"]),
        ],
    )
    def test_help(self, capsys, command, told) -> None:
        with pytest.raises(SystemExit) as stop:
            cli.main([*command, "--help"])
        text = capsys.readouterr().out
        assert stop.value.code == 0
        assert [word for word in told if word not in text] == []
        assert "None" not in text

    @pytest.mark.parametrize(
        ("argv", "sentence"),
        [
            ("", "the following arguments are required: COMMAND"),
            ("fly", "argument COMMAND: invalid choice: 'fly'"),
            ("train --out a.safetensors", "one of the arguments --preset --hmm is required"),
            ("train --preset cyclic --hmm a.json --out a.safetensors", "--hmm: not allowed with argument --preset"),
            ("worker --only sweeps", "--only: invalid choice: 'sweeps'"),
            ("worker --trainings 0", r"--trainings: must be a whole number >= 1; got '0'"),
            ("train --preset linear-9 --out a.safetensors", "invalid choice: 'linear-9'"),
            ("train --preset cyclic --out a.safetensors --steps 0", r"--steps: must be a whole number >= 1; got '0'"),
            ("train --preset cyclic --out a.safetensors --batch 1", r"--batch: must be a whole number >= 2; got '1'"),
            ("train --preset cyclic --out a.safetensors --seed -1", r"--seed: must be a whole number >= 0; got '-1'"),
            (
                "train --preset cyclic --out a.safetensors --seed 1.5",
                r"--seed: must be a whole number >= 0; got '1\.5'",
            ),
            ("train --preset cyclic --out a --snapshots b --at 5", "--at: must be FIRST:LAST:EVERY, as in .*; got '5'"),
            ("train --preset cyclic --out a --snapshots b --at 1:2:0", "--at: must be FIRST:LAST:EVERY"),
            ("live a.safetensors --seed 2147483648", "--seed: must be a whole number from 0 to 2147483647; got"),
            ("serve --port 70000", "--port: must be a whole number from 1 to 65535; got '70000'"),
            ("serve --workers x", "--workers: must be a whole number >= 1; got 'x'"),
        ],
    )
    def test_bad_arguments(self, capsys, argv, sentence) -> None:
        assert re.search(sentence, refusal(capsys, *argv.split()))

    def test_bad_environment(self, capsys, monkeypatch) -> None:
        monkeypatch.setenv("HMMRNN_PORT", "http")
        assert "--port: must be a whole number from 1 to 65535; got 'http'" in refusal(capsys, "serve")


class TestDestination:
    """Every command that writes looks at the place before it works."""

    @pytest.fixture(autouse=True)
    def no_work(self, monkeypatch) -> None:
        def work(*_: object) -> None:
            raise AssertionError("work began before the destination was looked at")

        monkeypatch.setattr(cli.train, "train", work)
        monkeypatch.setattr(cli.convert, "save", work)
        monkeypatch.setattr(cli.analyse, "summary", work)
        monkeypatch.setattr(cli.analyse, "findings", work)

    @pytest.fixture
    def commands(self, tmp_path) -> list[list[object]]:
        save(contracting(), tmp_path / "net.safetensors")
        net = tmp_path / "net.safetensors"
        return [["train", "--preset", "cyclic", "--out"], ["convert", net]]

    def test_no_folder(self, capsys, tmp_path, commands) -> None:
        for command in commands:
            out = tmp_path / "nowhere" / "a.safetensors"
            assert f"the folder {out.parent} does not exist" in refusal(capsys, *command, out)

    def test_is_a_folder(self, capsys, tmp_path, commands) -> None:
        (tmp_path / "a.safetensors").mkdir()
        for command in commands:
            assert "is a folder; expected the name of a file" in refusal(capsys, *command, tmp_path / "a.safetensors")

    def test_folder_without_permission(self, capsys, tmp_path, commands, monkeypatch) -> None:
        def refused(**_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(cli.command.tempfile, "TemporaryFile", refused)
        sentence = f"cannot write to the folder {tmp_path}: Permission denied"
        for command in commands:
            assert sentence in refusal(capsys, *command, tmp_path / "a.safetensors")
        assert sentence in refusal(capsys, "analyse", tmp_path / "net.safetensors", "--out", tmp_path)

    def test_a_report_needs_the_name_of_a_folder(self, capsys, tmp_path, commands) -> None:
        net = tmp_path / "net.safetensors"
        assert "is a file; expected the name of a folder" in refusal(capsys, "analyse", net, "--out", net)
        assert not list(tmp_path.glob("**/report.html"))

    def test_another_suffix(self, capsys, tmp_path, commands) -> None:
        for command in commands:
            assert "must end in .safetensors; got" in refusal(capsys, *command, tmp_path / "a.pth")


class TestTrain:
    def test_saves_and_tells(self, capsys, caplog, tmp_path) -> None:
        out = tmp_path / "net.safetensors"
        status = cli.main(["train", "--preset", "linear-2", "--out", str(out), "--seed", "5", *TINY])
        captured = capsys.readouterr()
        told = json.loads(captured.out)
        network = load(out)
        assert captured.out.count("\n") == 1
        assert (network.n_neurons, network.n_inputs, network.metadata["seed"]) == (8, 4, "5")
        assert (told["out"], told["family"], told["seed"], told["steps"]) == (str(out), "linear-2", 5, 3)
        assert not told["stopped"]
        # The file is judged anew: what was told is what anyone can measure on it.
        judged = fidelity(network, HMM.preset("linear-2"))
        assert told["fidelity"] == pytest.approx({name: getattr(judged, name) for name in told["fidelity"]}, abs=1e-12)
        assert set(told["fidelity"]) == set(FIDELITY_NUMBERS)
        assert told["passes"] is judged.passes is False
        assert status == 1
        assert told["failures"] == list(judged.failures)
        assert caplog.messages[-1] == f"saved {out}, but it fails the fidelity gate: {'; '.join(judged.failures)}"
        for word in ("loss=", "floor=", "plateau=", "3/3"):
            assert word in captured.err

    def test_any_hmm_can_be_the_target(self, capsys, tmp_path) -> None:
        hmm = HMM(A=[[0.7, 0.3], [0.2, 0.8]], B=[[0.5, 0.5], [0.1, 0.9]])
        (tmp_path / "hmm.json").write_text(json.dumps({"A": hmm.A.tolist(), "B": hmm.B.tolist()}))
        out = tmp_path / "net.safetensors"
        cli.main(["train", "--hmm", str(tmp_path / "hmm.json"), "--out", str(out), *TINY])
        told = json.loads(capsys.readouterr().out)
        network = load(out)
        assert told["family"] == "custom"
        assert network.n_outputs == 2
        assert target(network.metadata, 2).equals(hmm)

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"\xff\xfe", "hmm.json is no text; expected JSON with the matrices A and B"),
            (b"A = 1", "hmm.json is not JSON"),
            (b"[1]", "an HMM must have matrices A and B"),
            (b'{"A": [[0.4, 0.4]], "B": [[1]]}', "row 0 of A must sum to 1; got 0.8"),
        ],
    )
    def test_a_bad_hmm_is_refused(self, capsys, tmp_path, content, sentence) -> None:
        (tmp_path / "hmm.json").write_bytes(content)
        out = tmp_path / "net.safetensors"
        assert sentence in refusal(capsys, "train", "--hmm", tmp_path / "hmm.json", "--out", out)
        assert not out.exists()

    def test_any_setting_of_the_recipe_can_be_another(self, capsys, tmp_path) -> None:
        out = tmp_path / "net.safetensors"
        settings = ["--set", "orthogonal=false", "--set", "pair_weight=2.5"]
        cli.main(["train", "--preset", "linear-2", *TINY, "--out", str(out), *settings])
        metadata = load(out).metadata
        assert (metadata["orthogonal"], metadata["pair_weight"], metadata["batch"]) == ("False", "2.5", "8")
        assert "orthogonal" not in metadata["departures"]
        assert "pair_weight 2.5 (paper: 0.0)" in metadata["departures"]

    @pytest.mark.parametrize(
        ("setting", "sentence"),
        [
            ("carry", "--set must be NAME=VALUE with one of learning_rate"),
            ("colour=red", "--set must be NAME=VALUE with one of"),
            ("carry=yes", "the value of --set carry must be a number, true or false; got 'yes'"),
            ("carry=1", "carry must be of type bool; got 1"),
            ("clip=-1", "clip must be > 0; got -1"),
        ],
    )
    def test_a_bad_setting_is_refused(self, capsys, tmp_path, setting, sentence) -> None:
        command = ["train", "--preset", "linear-2", "--out", tmp_path / "net.safetensors", "--set", setting]
        assert sentence in refusal(capsys, *command)

    def test_goes_on_from_a_state_file(self, capfd, caplog, tmp_path, monkeypatch) -> None:
        whole, resumed, state = (tmp_path / name for name in ("whole.safetensors", "resumed.safetensors", "state"))
        command = ["train", "--preset", "linear-2", *TINY, "--out"]
        cli.main([*command, str(whole)])

        def interrupted(config, on_progress, should_stop, state_file) -> TrainingResult:
            return train(config, on_progress, iter([False, True]).__next__, state_file)

        with monkeypatch.context() as patch:
            patch.setattr(cli.train, "train", interrupted)
            cli.main([*command, str(resumed), "--state", str(state)])
        assert load(resumed).metadata["steps_done"] == "1"
        cli.main([*command, str(resumed), "--state", str(state)])
        assert load(resumed).metadata["steps_done"] == "3"
        for name in ("W_hh", "W_ih", "W_out"):
            np.testing.assert_array_equal(getattr(load(resumed), name), getattr(load(whole), name))

    def test_a_state_of_another_run_is_refused(self, capsys, tmp_path) -> None:
        out, state = tmp_path / "net.safetensors", tmp_path / "state"
        command = ["train", "--preset", "linear-2", *TINY, "--out", str(out), "--state", str(state)]
        cli.main(command)
        before = out.read_bytes()
        capsys.readouterr()
        assert "belongs to a training with other settings" in refusal(
            capsys, *command, "--seed", "9", "--progress", "none"
        )
        assert out.read_bytes() == before

    def test_snapshots_are_networks(self, capsys, tmp_path) -> None:
        folder = tmp_path / "series"
        argv = ["--snapshots", str(folder), "--at", "1:3:2,5::4", "--steps", "10", "--out"]
        cli.main(["train", "--preset", "linear-2", *TINY, *argv, str(tmp_path / "net.safetensors")])
        assert [path.name for path in sorted(folder.iterdir())] == [
            f"step-{step:05d}.safetensors" for step in (1, 3, 5, 9, 10)
        ]
        last = load(folder / "step-00010.safetensors")
        assert last.metadata["steps_done"] == "10"
        np.testing.assert_array_equal(last.W_hh, load(tmp_path / "net.safetensors").W_hh)

    def test_progress_for_programs(self, capsys, tmp_path) -> None:
        out = str(tmp_path / "net.safetensors")
        cli.main(["train", "--preset", "linear-2", *TINY, "--out", out, "--progress", "json"])
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        assert [line["step"] for line in lines] == [1, 2, 3]
        assert all(line["loss"] > 0 and line["steps"] == 3 and line["floor"] < line["plateau"] for line in lines)

    def test_no_progress(self, capsys, tmp_path) -> None:
        out = str(tmp_path / "net.safetensors")
        cli.main(["train", "--preset", "linear-2", *TINY, "--out", out, "--progress", "none"])
        assert "loss" not in capsys.readouterr().err

    def test_status_is_zero_for_a_faithful_network(self, capsys, tmp_path, monkeypatch) -> None:
        # A target whose two states are one: independent symbols of equal shares, which a network without
        # readout weights emits exactly.
        coin = HMM(A=[[0.5, 0.5], [0.5, 0.5]], B=[[0.5, 0.5], [0.5, 0.5]])
        network = Network(np.zeros((2, 2)), np.ones((2, 1)), np.zeros((2, 2)))
        result = TrainingResult(network, np.ones(3), 1.0, 2.0, stopped=False, fidelity=fidelity(network, coin))
        monkeypatch.setattr(cli.train, "train", lambda *_: result)
        assert cli.main(["train", "--preset", "linear-2", "--out", str(tmp_path / "net.safetensors")]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["passes"]
        assert told["failures"] == []

    def test_first_interrupt_stops_and_saves(self, capfd, caplog, tmp_path, monkeypatch) -> None:
        def interrupted(config, on_progress, should_stop, state_file) -> TrainingResult:
            def press(progress: Progress) -> None:
                on_progress(progress)
                if progress.step == 2:
                    signal.raise_signal(signal.SIGINT)

            return train(config, press, should_stop, state_file)

        monkeypatch.setattr(cli.train, "train", interrupted)
        before = signal.getsignal(signal.SIGINT)
        out = tmp_path / "net.safetensors"
        argv = ["train", "--preset", "linear-2", "--out", str(out), *TINY[:4], "--steps", "50", "--batch", "8"]
        assert cli.main(argv) == 1
        captured = capfd.readouterr()
        told = json.loads(captured.out)
        assert told["stopped"]
        assert told["steps"] == 2
        assert load(out).metadata["steps_done"] == "2"
        assert "stopping after this step, then judging and saving" in captured.err
        assert "stopped after 2 of 50 steps; saved what was reached" in caplog.messages
        assert signal.getsignal(signal.SIGINT) is before

    def test_second_interrupt_gives_up(self, request, capsys, tmp_path, monkeypatch) -> None:
        def interrupted(*_: object) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        # As in a shell; a process that runs tests for another may be deaf to Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
        monkeypatch.setattr(cli.train, "train", interrupted)
        assert cli.main(["train", "--preset", "linear-2", "--out", str(tmp_path / "net.safetensors")]) == 130
        assert "train: interrupted; nothing was written" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_divergence(self, capsys, caplog, tmp_path, monkeypatch) -> None:
        def diverging(*_: object) -> None:
            raise FloatingPointError("training diverged at step 7: the loss is nan; lower the learning rate or clip")

        monkeypatch.setattr(cli.train, "train", diverging)
        assert cli.main(["train", "--preset", "linear-2", "--out", str(tmp_path / "net.safetensors")]) == 1
        assert capsys.readouterr().out == ""
        assert caplog.messages[0].startswith("training diverged at step 7")
        assert list(tmp_path.iterdir()) == []


class TestAnalyse:
    def test_of_a_network_that_is_known(self, capsys, tmp_path) -> None:
        path = tmp_path / "net.safetensors"
        network = contracting({"family": "linear-2", "recipe": "by hand"})
        save(network, path)
        assert cli.main(["analyse", str(path), "--seed", "3"]) == 0
        captured = capsys.readouterr()
        told = json.loads(captured.out)
        assert captured.out.count("\n") == 1
        assert told["sha256"] == fingerprint(path)
        assert told["sizes"] == {"neurons": 8, "inputs": 4, "outputs": 3, "biased": False}
        assert told["provenance"] == {"family": "linear-2", "recipe": "by hand"}
        judged = fidelity(network, HMM.preset("linear-2"), seed=3)
        assert told["fidelity"]["fidelity"]["transition_error"] == pytest.approx(judged.transition_error)
        assert told["fidelity"]["passes"] is False
        # Halving at every step leads every start to the origin.
        assert sum(told["fixed_point"]["outcomes"].values()) == told["fixed_point"]["starts"]
        assert told["fixed_point"]["outcomes"] == {"converged": 1000}
        assert told["fixed_point"]["fixed_points"] == 1
        assert told["fixed_point"]["largest_activity"] < 1e-6
        regions = dict(told["regions"])
        assert regions.pop("states") == 1000
        assert sum(regions.values()) == pytest.approx(1)
        matched = matching(network, HMM.preset("linear-2"), seed=3)
        assert (told["matching"]["distance"], told["matching"]["floor"]) == pytest.approx(
            (matched.distance, matched.floor)
        )
        shares = np.array(told["decoding"]["state_given_output"], dtype=float)
        assert shares.shape == (3, 2)
        np.testing.assert_allclose(np.nansum(shares, axis=1)[~np.isnan(shares).all(axis=1)], 1)
        for stage in cli.analyse.STAGES:
            assert stage in captured.err

    def test_without_a_bar(self, capsys, tmp_path) -> None:
        save(contracting(), tmp_path / "net.safetensors")
        cli.main(["analyse", str(tmp_path / "net.safetensors"), "--progress", "none"])
        assert "stage" not in capsys.readouterr().err

    def test_writes_a_report_and_its_numbers_into_a_new_folder(self, capsys, tmp_path) -> None:
        path, out = tmp_path / "small.safetensors", tmp_path / "new" / "report"
        save(contracting({"family": "linear-2"}), path)
        assert cli.main(["analyse", str(path), "--out", str(out), "--seed", "2"]) == 0
        captured = capsys.readouterr()
        assert captured.out == f"{out / 'report.html'}\n"
        told = json.loads((out / "numbers.json").read_text())
        assert (told["sha256"], told["seed"]) == (fingerprint(path), 2)
        page = (out / "report.html").read_text()
        assert "<title>small: how it computes</title>" in page
        for claim in told["claims"]:
            assert claim["text"] in page
        assert "100%" in captured.err

    def test_a_network_without_a_plane_is_refused_in_a_sentence(self, capsys, tmp_path) -> None:
        save(Network([[0.5]], [[1.0]], [[1.0], [-1.0]]), tmp_path / "one.safetensors")
        said = refusal(capsys, "analyse", tmp_path / "one.safetensors", "--out", tmp_path / "out")
        assert "no report can be made of" in said
        assert "takes at least 2 neurons; got a network of 1" in said
        assert not list((tmp_path / "out").iterdir())

    def test_snapshots_of_its_family_are_looked_at_as_well(self, tmp_path) -> None:
        series = tmp_path / "emergence" / "linear-2"
        series.mkdir(parents=True)
        for step in (10, 20, 30):
            save(contracting({"steps_done": str(step), "loss": "30.0"}), series / f"step-{step:05d}.safetensors")
        save(contracting({"family": "linear-2"}), tmp_path / "net.safetensors")
        cli.main(["analyse", str(tmp_path / "net.safetensors"), "--out", str(tmp_path / "out")])
        claims = json.loads((tmp_path / "out" / "numbers.json").read_text())["claims"]
        (emergence,) = (claim for claim in claims if claim["key"] == "emergence")
        assert emergence["verdict"] == "not reproduced"
        assert "In 3 snapshots from step 10 to 30 no orbit opens" in emergence["sentence"]

    @pytest.mark.parametrize(
        ("metadata", "n_outputs", "reason"),
        [
            ({}, 3, "the metadata names no HMM family"),
            ({"family": "custom"}, 3, "the metadata names the HMM family 'custom', which is no preset"),
            ({"family": "cyclic"}, 2, "cyclic has 3 outputs and the network 2"),
        ],
    )
    def test_fidelity_is_skipped_without_a_family(self, metadata, n_outputs, reason) -> None:
        told = summary(contracting(metadata, n_outputs))
        assert [told[name] for name in ("fidelity", "matching", "decoding")] == [{"skipped": reason}] * 3

    def test_divergence_is_said(self) -> None:
        grows = Network(2 * np.eye(4), np.ones((4, 2)), np.ones((3, 4)))
        found = summary(grows)
        for name in ("fixed_point", "regions", "decoding", "kick_groups"):
            assert "diverges within" in found[name]["skipped"]

    def test_kick_groups(self, monkeypatch) -> None:
        tried = Picture(EXCITE, Intervention((1,), 2.0, "recurrent"), 0.05, np.ones(3), bounded=True, proven=True)
        groups = (
            kick_group(0, (3, 5), 0.05),
            kick_group(2, (), 1.0, (), proven=False, to=0, pictures=(tried,)),
        )
        seeds = []

        def found(network: Network, seed: int) -> SimpleNamespace:
            seeds.append(seed)
            return SimpleNamespace(groups=groups)

        monkeypatch.setattr(sys.modules["hmmrnn.summary"], "detect_kick_neurons", found)
        told = json.loads(json.dumps(cli.command.jsonable(summary(contracting(), seed=4)["kick_groups"])))
        first, second = told
        assert (first["output"], first["to"], first["neurons"], first["proven"]) == (0, None, [3, 5], True)
        assert (first["leave_rate_ratio"], first["median_control_ratio"], first["controls"]) == (0.05, 1.0, 3)
        assert (first["percentile"], first["pictures"]) == (0, [])
        assert (second["to"], second["neurons"], second["percentile"]) == (0, [], None)
        shown = {"kind": "excite", "neurons": [1], "mu": 2.0, "target": "recurrent", "leave_rate_ratio": 0.05}
        assert second["pictures"] == [{**shown, "bounded": True, "proven": True}]
        assert seeds == [4]

    def test_bad_file(self, capsys, tmp_path) -> None:
        assert "nowhere.pth does not exist" in refusal(capsys, "analyse", tmp_path / "nowhere.pth")


class TestLive:
    def payload(self, path: Path) -> dict[str, Any]:
        data = re.search(r'id="hmmrnn-live-data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
        assert data is not None
        return json.loads(data[1])

    def test_writes_the_page_of_a_network_with_its_kick_groups(self, capsys, tmp_path, monkeypatch) -> None:
        seeds = []

        def found(network: Network, seed: int, tell: Callable[[float], None]) -> SimpleNamespace:
            seeds.append(seed)
            tell(0.5)
            return SimpleNamespace(groups=(kick_group(0, (3, 5)), kick_group(1, ())))

        monkeypatch.setattr(cli.live, "detect_kick_neurons", found)
        network, out = random_network(), tmp_path / "page.html"
        save(network, tmp_path / "net.safetensors")
        assert cli.main(["live", str(tmp_path / "net.safetensors"), "--out", str(out), "--seed", "4"]) == 0
        captured = capsys.readouterr()
        assert captured.out == f"{out}\n"
        assert "100%" in captured.err
        told = self.payload(out)
        assert (told["name"], told["neurons"], told["scenario"]["seed"]) == ("net", 16, 4)
        assert [group["neurons"] for group in told["groups"]] == [[3, 5]]
        assert told["backdrop"]["states"] == 16 * 900
        assert seeds == [4]

    def test_without_groups_nothing_is_sought_and_the_page_is_named_after_the_network(
        self, capsys, tmp_path, monkeypatch
    ) -> None:
        monkeypatch.setattr(cli.live, "detect_kick_neurons", None)
        monkeypatch.chdir(tmp_path)
        save(random_network(), tmp_path / "net.safetensors")
        assert cli.main(["live", "net.safetensors", "--no-groups"]) == 0
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("hmmrnn-live-net.html\n", "")
        assert self.payload(tmp_path / "hmmrnn-live-net.html")["groups"] is None

    def test_a_network_that_diverges_has_a_page_and_no_groups(self, caplog, tmp_path) -> None:
        save(Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4)), tmp_path / "grows.safetensors")
        out = tmp_path / "page.html"
        assert cli.main(["live", str(tmp_path / "grows.safetensors"), "--out", str(out), "--progress", "none"]) == 0
        assert self.payload(out)["groups"] is None
        assert caplog.messages[-1].startswith("the page does without kick groups: ")

    def test_what_has_no_plane_is_refused_in_a_sentence(self, capsys, tmp_path) -> None:
        save(Network([[0.5]], [[1.0]], [[1.0], [-1.0]]), tmp_path / "one.safetensors")
        save(Network(np.eye(3), np.zeros((3, 1)), np.ones((2, 3))), tmp_path / "dead.safetensors")
        for name, sentence in (
            ("one", "a plane takes at least 2 neurons; got a network of 1"),
            ("dead", "all 14,400 are identical"),
        ):
            out = tmp_path / f"{name}.html"
            said = refusal(capsys, "live", tmp_path / f"{name}.safetensors", "--no-groups", "--out", out)
            assert "no page can be made of" in said
            assert sentence in said
            assert not out.exists()

    def test_another_suffix(self, capsys, tmp_path) -> None:
        save(contracting(), tmp_path / "net.safetensors")
        said = refusal(capsys, "live", tmp_path / "net.safetensors", "--out", tmp_path / "page.txt")
        assert "the file to write must end in .html; got" in said


class TestConvert:
    def test_torch_to_safetensors(self, tmp_path, capsys) -> None:
        source, destination = tmp_path / "paper.pth", tmp_path / "net.safetensors"
        torch.manual_seed(0)
        tensors = {
            "rnn.weight_ih_l0": torch.randn(6, 4),
            "rnn.weight_hh_l0": torch.randn(6, 6),
            "fc.weight": torch.randn(3, 6),
        }
        torch.save(tensors, source)
        assert cli.main(["convert", str(source), str(destination)]) == 0
        before, after = load(source), load(destination)
        assert all(np.array_equal(getattr(before, name), getattr(after, name)) for name in ("W_hh", "W_ih", "W_out"))
        assert after.metadata == {"source": "paper.pth"}
        assert capsys.readouterr().out == ""

    def test_bad_file_leaves_the_destination_alone(self, capsys, tmp_path) -> None:
        source, destination = tmp_path / "empty.pth", tmp_path / "net.safetensors"
        source.touch()
        save(contracting(), destination)
        before = destination.read_bytes()
        assert "convert: empty.pth is empty (0 bytes)" in refusal(capsys, "convert", source, destination)
        assert destination.read_bytes() == before

    def test_the_process_says_one_sentence_without_a_traceback(self, tmp_path) -> None:
        (tmp_path / "net.pth").write_bytes(b"PK\x03\x04 cut off")
        done = python("-m", "hmmrnn", "convert", tmp_path / "net.pth", tmp_path / "net.safetensors")
        assert done.returncode == 2
        assert re.fullmatch(r"python -m hmmrnn convert: net\.pth is truncated or damaged: [^\n]*\n", done.stderr)


APP = """
import json, os

def server(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    told = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "HMMRNN_MODELS")}
    return [json.dumps({**told, "folder": os.getcwd()}).encode()]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TestServe:
    @pytest.fixture
    def root(self, tmp_path) -> Path:
        """A stand-in for the repository, with an app that starts at once and answers everything."""
        (tmp_path / "app.py").write_text(APP)
        (tmp_path / "models").mkdir()
        return tmp_path

    def start(self, root: Path, *argv: str, **environment: str) -> subprocess.Popen[str]:
        code = (
            "import pathlib, sys; from hmmrnn import cli; cli.serve.ROOT = pathlib.Path(sys.argv[1]);"
            "sys.exit(cli.main(sys.argv[2:]))"
        )
        told = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "3", "HMMRNN_DATA": str(root / "data")}
        env = {**os.environ, **told, **environment}
        env.pop("OPENBLAS_NUM_THREADS", None)
        return subprocess.Popen(
            [sys.executable, "-c", code, root, "serve", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_serves_until_told_to_stop(self, root, number, monkeypatch) -> None:
        port = free_port()
        opened: list[str] = []
        monkeypatch.setattr(cli.serve.webbrowser, "open", lambda url: bool(opened.append(url)) or True)
        with self.start(root, "--port", str(port), "--models", str(root / "models")) as process:
            url = f"http://127.0.0.1:{port}/"
            try:
                assert cli.serve.open_when_healthy(url, os.getppid(), patience=30)
                assert opened == [url]
                with cli.serve.urllib.request.urlopen(url) as answer:
                    told = json.load(answer)
            finally:
                process.send_signal(number)
                out, err = process.communicate(timeout=5)
        assert out == f"serving {url} on 127.0.0.1:{port}; Ctrl-C stops it\n"
        # On a busy machine a worker that is still importing is ended the hard way, and gunicorn says so.
        assert all("was sent SIGKILL" in line for line in err.splitlines())
        assert told == {
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "3",
            "HMMRNN_MODELS": str(root / "models"),
            "folder": str(root),
        }
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))

    @pytest.mark.parametrize("command", ["serve", "worker"])
    def test_a_data_folder_that_cannot_be_written_to_is_said(self, capsys, tmp_path, monkeypatch, command) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("HMMRNN_DATA", str(tmp_path / "file"))
        folders.data.cache_clear()
        argv = ["serve", "--port", str(free_port())] if command == "serve" else ["worker"]
        assert "cannot be written to (File exists); name another with HMMRNN_DATA" in refusal(capsys, *argv)
        folders.data.cache_clear()

    def test_opens_the_browser(self, root) -> None:
        os.mkfifo(root / "opened")
        browser = root / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {root}/opened\n')
        browser.chmod(0o700)
        port = free_port()
        opened = os.open(root / "opened", os.O_RDONLY | os.O_NONBLOCK)
        argv = ("--open", "--port", str(port), "--models", str(root / "models"))
        with self.start(root, *argv, BROWSER=f"{browser} %s") as process:
            try:
                ready, _, _ = select.select([opened], [], [], 30)
                assert ready
                assert os.read(opened, 100).decode() == f"http://127.0.0.1:{port}/\n"
            finally:
                os.close(opened)
                process.terminate()
                process.communicate(timeout=5)

    def test_port_in_use(self, capsys, root, monkeypatch) -> None:
        monkeypatch.setattr(cli.serve, "ROOT", root)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            sentence = refusal(capsys, "serve", "--port", port, "--models", root)
        assert f"port {port} on 127.0.0.1 is in use" in sentence

    def test_host_that_is_not_ours(self, capsys, root, monkeypatch) -> None:
        monkeypatch.setattr(cli.serve, "ROOT", root)
        # 192.0.2.0/24 is set aside for documentation: no machine has such an address.
        sentence = refusal(capsys, "serve", "--host", "192.0.2.1", "--models", root)
        assert "cannot listen on 192.0.2.1:8050" in sentence

    def test_no_folder_of_networks(self, capsys, root, monkeypatch) -> None:
        monkeypatch.setattr(cli.serve, "ROOT", root)
        monkeypatch.setenv("HMMRNN_MODELS", str(root / "nowhere"))
        assert f"networks {root}/nowhere does not exist; name another with --models" in refusal(capsys, "serve")

    def test_no_app(self, capsys, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(cli.serve, "ROOT", tmp_path)
        assert f"{tmp_path} has no app.py" in refusal(capsys, "serve")

    def test_gives_up_on_a_server_that_never_answers(self, monkeypatch) -> None:
        monkeypatch.setattr(cli.serve.webbrowser, "open", lambda url: pytest.fail("opened a page that is not served"))
        assert not cli.serve.open_when_healthy(f"http://127.0.0.1:{free_port()}/", os.getppid(), patience=0.2)

    def test_gives_up_without_the_server(self, monkeypatch) -> None:
        monkeypatch.setattr(cli.serve, "_healthy", lambda url: pytest.fail("asked for a server that is gone"))
        assert not cli.serve.open_when_healthy("http://127.0.0.1:1/", os.getpid())

    @pytest.mark.parametrize(
        ("host", "bind", "url"),
        [
            ("127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:80/"),
            ("0.0.0.0", "0.0.0.0:80", "http://127.0.0.1:80/"),
            ("::1", "[::1]:80", "http://[::1]:80/"),
            ("::", "[::]:80", "http://[::1]:80/"),
            ("lab.example", "lab.example:80", "http://lab.example:80/"),
        ],
    )
    def test_addresses(self, host, bind, url) -> None:
        command = cli.serve._server_command(host, 80, workers=2)
        assert command[command.index("--bind") + 1] == bind
        assert cli.serve._url(host, 80) == url


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": math.nan, "b": [np.float64(2), math.inf]}, '{"a": null, "b": [2.0, null]}'),
        ({"n": np.int64(3), "yes": np.bool_(True), 5: None}, '{"n": 3, "yes": true, "5": null}'),
    ],
)
def test_json_is_what_every_reader_accepts(capsys, value, text) -> None:
    cli.command.write_json(value)
    assert capsys.readouterr().out == text + "\n"
