"""The train command: what it saves and reports, its settings, its snapshots, and Ctrl-C."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

from hmmrnn import HMM, Network, cli
from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.cli import train as train_command
from hmmrnn.cli.train import hmm_from_file
from hmmrnn.model.checkpoint import load
from hmmrnn.model.metadata import target
from hmmrnn.training.trainer import FIDELITY_NUMBERS, Progress, TrainingResult, train
from tests.cli.shell import refusal

TINY = ("--neurons", "8", "--inputs", "4", "--steps", "3", "--batch", "8")


class TestTrain:
    def test_saves_and_prints(self, capsys, caplog, tmp_path) -> None:
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
        judged = measure_fidelity(network, HMM.preset("linear-2"))
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
        cli.main(["train", "--hmm", str(tmp_path / "hmm.json"), "--out", str(out), *TINY, "--progress", "none"])
        captured = capsys.readouterr()
        told = json.loads(captured.out)
        assert "loss" not in captured.err
        network = load(out)
        assert told["family"] == "custom"
        assert network.n_outputs == 2
        assert target(network.metadata, 2).equals(hmm)

    def test_an_hmm_may_be_text_of_a_program_or_arrays(self, capsys, caplog, tmp_path) -> None:
        text = "transmat_ = [[0.5 0.5]\n [0.667 0.333]]\nemissionprob_ = [[0.333 0.333 0.333]\n [0 0.5 0.5]]"
        (tmp_path / "hmm.txt").write_text(text)
        np.savez(tmp_path / "hmm.npz", A=[[0.5, 0.5], [0.667, 0.333]], B=[[1 / 3] * 3, [0, 0.5, 0.5]], pi=[0.5, 0.5])
        found = [hmm_from_file(tmp_path / name) for name in ("hmm.txt", "hmm.npz")]
        assert found[0].equals(found[1])
        cli.main(["train", "--hmm", str(tmp_path / "hmm.txt"), "--out", str(tmp_path / "a.safetensors"), *TINY])
        assert "1 of 2 rows of B divided by the sum, which is 0.999 by rounding" in caplog.messages
        capsys.readouterr()
        (tmp_path / "bad.npz").write_bytes(b"no archive")
        sentence = refusal(capsys, "train", "--hmm", tmp_path / "bad.npz", "--out", tmp_path / "b.safetensors")
        assert "is no .npz of plain arrays" in sentence

    @pytest.mark.parametrize(("content", "sentence"), [
        (b"\xff\xfe", "hmm.json is not text; expected JSON with the matrices A and B"),
        (b"A = 1", "an HMM must have matrices A and B"), (b"[1]", "hmm.json is no HMM: expected the matrices A and B"),
        (b"A = x", "hmm.json: expected numbers"), (b'{"A": [[1]], "B": [[1]]}', "emits symbol 0 alone in the long run"),
        (b'{"A": [[0.4, 0.4]], "B": [[1]]}', "row 0 of A must sum to 1; got 0.8"),
    ])  # fmt: skip
    def test_a_bad_hmm_is_refused(self, capsys, tmp_path, content, sentence) -> None:
        (tmp_path / "hmm.json").write_bytes(content)
        out = tmp_path / "net.safetensors"
        assert sentence in refusal(capsys, "train", "--hmm", tmp_path / "hmm.json", "--out", out)
        assert not out.exists()

    def test_it_goes_on_from_another_network_and_notes_what_it_is_for(self, capsys, tmp_path) -> None:
        first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
        cli.main(["train", "--preset", "linear-2", "--out", str(first), "--seed", "5", *TINY])
        more = ["--start", str(first), "--note", "a second sitting"]
        cli.main(["train", "--preset", "linear-2", "--out", str(second), *TINY, *more])
        metadata = load(second).metadata
        assert metadata["started_from"].startswith("recipe fast, seed 5, steps_done 3, weights ")
        assert metadata["note"] == "a second sitting"
        capsys.readouterr()
        said = refusal(capsys, "train", "--preset", "linear-2", "--out", second, "--note", "x" * 301)
        assert "--note has at most 300 characters; got 301" in said
        said = refusal(capsys, "train", "--preset", "linear-2", "--out", second, "--start", first, "--progress", "none")
        assert "must have N, M, O = (150, 100, 3)" in said

    def test_any_setting_of_the_recipe_can_be_another(self, capsys, tmp_path) -> None:
        out = tmp_path / "net.safetensors"
        settings = ["--set", "orthogonal=false", "--set", "pair_weight=2.5"]
        cli.main(["train", "--preset", "linear-2", *TINY, "--out", str(out), *settings])
        metadata = load(out).metadata
        assert (metadata["orthogonal"], metadata["pair_weight"], metadata["batch"]) == ("False", "2.5", "8")
        assert "orthogonal" not in metadata["departures"]
        assert "pair_weight 2.5 (paper: 0.0)" in metadata["departures"]

    @pytest.mark.parametrize(("setting", "sentence"), [
        ("carry", "--set must be NAME=VALUE with one of learning_rate"),
        ("colour=red", "--set must be NAME=VALUE with one of"),
        ("carry=yes", "the value of --set carry must be a number, true or false; got 'yes'"),
        ("carry=1", "carry must be of type bool; got 1"), ("clip=-1", "clip must be > 0; got -1"),
    ])  # fmt: skip
    def test_a_bad_setting_is_refused(self, capsys, tmp_path, setting, sentence) -> None:
        command = ["train", "--preset", "linear-2", "--out", tmp_path / "net.safetensors", "--set", setting]
        assert sentence in refusal(capsys, *command)

    def test_goes_on_from_a_state_file(self, capfd, caplog, tmp_path, monkeypatch) -> None:
        whole, resumed, state = (tmp_path / name for name in ("whole.safetensors", "resumed.safetensors", "state"))
        command = ["train", "--preset", "linear-2", *TINY, "--out"]
        cli.main([*command, str(whole)])

        def interrupted(config, on_progress, should_stop, state_file, start) -> TrainingResult:
            return train(config, on_progress, iter([False, True]).__next__, state_file)

        with monkeypatch.context() as patch:
            patch.setattr(train_command, "train", interrupted)
            cli.main([*command, str(resumed), "--state", str(state)])
        assert load(resumed).metadata["steps_done"] == "1"
        cli.main([*command, str(resumed), "--state", str(state)])
        assert load(resumed).metadata["steps_done"] == "3"
        for name in ("W_hh", "W_ih", "W_out"):
            np.testing.assert_array_equal(getattr(load(resumed), name), getattr(load(whole), name))

    def test_snapshots_are_networks_and_each_step_is_a_line_for_programs(self, capsys, tmp_path) -> None:
        folder = tmp_path / "series"
        argv = ["--snapshots", str(folder), "--at", "1:3:2,5::4", "--steps", "10", "--progress", "json", "--out"]
        cli.main(["train", "--preset", "linear-2", *TINY, *argv, str(tmp_path / "net.safetensors")])
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        assert [line["step"] for line in lines] == list(range(1, 11))
        assert all(line["loss"] > 0 and line["steps"] == 10 and line["floor"] < line["plateau"] for line in lines)
        assert [path.name for path in sorted(folder.iterdir())] == [
            f"step-{step:05d}.safetensors" for step in (1, 3, 5, 9, 10)
        ]
        last = load(folder / "step-00010.safetensors")
        assert last.metadata["steps_done"] == "10"
        np.testing.assert_array_equal(last.W_hh, load(tmp_path / "net.safetensors").W_hh)

    def test_status_is_zero_for_a_faithful_network(self, capsys, tmp_path, monkeypatch) -> None:
        # A target whose two states are one: independent symbols of equal shares, which a network without
        # readout weights emits exactly.
        coin = HMM(A=[[0.5, 0.5], [0.5, 0.5]], B=[[0.5, 0.5], [0.5, 0.5]])
        network = Network(np.zeros((2, 2)), np.ones((2, 1)), np.zeros((2, 2)))
        result = TrainingResult(network, np.ones(3), 1.0, 2.0, stopped=False, fidelity=measure_fidelity(network, coin))
        monkeypatch.setattr(train_command, "train", lambda *_: result)
        assert cli.main(["train", "--preset", "linear-2", "--out", str(tmp_path / "net.safetensors")]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["passes"]
        assert told["failures"] == []

    def test_first_interrupt_stops_and_saves(self, capfd, caplog, tmp_path, monkeypatch) -> None:
        def interrupted(config, on_progress, should_stop, state_file, start) -> TrainingResult:
            def press(progress: Progress) -> None:
                on_progress(progress)
                if progress.step == 2:
                    signal.raise_signal(signal.SIGINT)

            return train(config, press, should_stop, state_file)

        monkeypatch.setattr(train_command, "train", interrupted)
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
        assert "stopped after 2 of 50 steps; saved the network as it is" in caplog.messages
        assert signal.getsignal(signal.SIGINT) is before

    def test_second_interrupt_gives_up(self, request, capsys, tmp_path, monkeypatch) -> None:
        def interrupted(*_: object) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        # As in a shell; a process that runs tests for another may be deaf to Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
        monkeypatch.setattr(train_command, "train", interrupted)
        assert cli.main(["train", "--preset", "linear-2", "--out", str(tmp_path / "net.safetensors")]) == 130
        assert "train: interrupted; nothing was written" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_divergence(self, capsys, caplog, tmp_path, monkeypatch) -> None:
        def diverging(*_: object) -> None:
            raise FloatingPointError("training diverged at step 7: the loss is nan; lower the learning rate or clip")

        monkeypatch.setattr(train_command, "train", diverging)
        assert cli.main(["train", "--preset", "linear-2", "--out", str(tmp_path / "net.safetensors")]) == 1
        assert capsys.readouterr().out == ""
        assert caplog.messages[0].startswith("training diverged at step 7")
        assert list(tmp_path.iterdir()) == []
