"""The analyse command: the numbers of a network as JSON, and its report."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from hmmrnn import HMM, Network, cli
from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.analysis.kick_neurons import EXCITE, AlternativeTest
from hmmrnn.analysis.matched_distance import match_sequences
from hmmrnn.cli import analyse
from hmmrnn.lenses.catalog import LENSES
from hmmrnn.model.checkpoint import fingerprint, save
from hmmrnn.model.network import Intervention
from hmmrnn.report.summary import summarise
from tests.cli.shell import contracting, refusal
from tests.networks import kick_group


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
        judged = measure_fidelity(network, HMM.preset("linear-2"), seed=3)
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
        matched = match_sequences(network, HMM.preset("linear-2"), seed=3)
        assert told["matching"]["distance"] == pytest.approx(matched.distance)
        assert told["matching"]["floor"] == pytest.approx(matched.floor)
        shares = np.array(told["decoding"]["state_given_output"], dtype=float)
        assert shares.shape == (3, 2)
        np.testing.assert_allclose(np.nansum(shares, axis=1)[~np.isnan(shares).all(axis=1)], 1)
        for stage in analyse.STAGES:
            assert stage in captured.err

    def test_without_a_bar(self, capsys, tmp_path) -> None:
        save(contracting(), tmp_path / "net.safetensors")
        cli.main(["analyse", str(tmp_path / "net.safetensors"), "--progress", "none"])
        assert "stage" not in capsys.readouterr().err

    def test_writes_a_report_with_its_snapshots_and_numbers_into_a_new_folder(
        self, capsys, tmp_path, monkeypatch
    ) -> None:
        # All of them are looked through in tests/report/test_lens_numbers.py, and take most of the time.
        lens = LENSES[0]
        monkeypatch.setattr("hmmrnn.report.lens_numbers.LENSES", (lens,))
        series = tmp_path / "emergence" / "linear-2"
        series.mkdir(parents=True)
        for step in (10, 20, 30):
            save(contracting({"steps_done": str(step), "loss": "30.0"}), series / f"step-{step:05d}.safetensors")
        path, out = tmp_path / "small.safetensors", tmp_path / "new" / "report"
        save(contracting({"family": "linear-2"}), path)
        assert cli.main(["analyse", str(path), "--out", str(out), "--seed", "2"]) == 0
        captured = capsys.readouterr()
        assert captured.out == f"{out / 'report.html'}\n"
        assert "100%" in captured.err
        numbers = json.loads((out / "numbers.json").read_text())
        assert (numbers["sha256"], numbers["seed"]) == (fingerprint(path), 2)
        page = (out / "report.html").read_text()
        assert "<title>small: how it computes</title>" in page
        assert lens.title in page
        claims = {claim["key"]: claim for claim in numbers["claims"]}
        assert all(claim["text"] in page for claim in claims.values())
        assert claims["emergence"]["test"] == "not reproduced"
        assert "In 3 snapshots from step 10 to 30 no orbit opens" in claims["emergence"]["evidence"]

    def test_a_network_without_a_plane_is_refused_in_a_sentence(self, capsys, tmp_path) -> None:
        save(Network([[0.5]], [[1.0]], [[1.0], [-1.0]]), tmp_path / "one.safetensors")
        said = refusal(capsys, "analyse", tmp_path / "one.safetensors", "--out", tmp_path / "out")
        assert "no report can be made of" in said
        assert "takes at least 2 neurons; got a network of 1" in said
        assert not list((tmp_path / "out").iterdir())

    @pytest.mark.parametrize(("metadata", "n_outputs", "reason"), [
        ({}, 3, "the metadata names no HMM family"),
        ({"family": "custom"}, 3, "the metadata names the HMM family 'custom', which is no preset"),
        ({"family": "cyclic"}, 2, "cyclic has 3 outputs and the network 2"),
    ])  # fmt: skip
    def test_fidelity_is_skipped_without_a_family(self, metadata, n_outputs, reason) -> None:
        told = summarise(contracting(metadata, n_outputs))
        assert [told[name] for name in ("fidelity", "matching", "decoding")] == [{"skipped": reason}] * 3

    def test_divergence_is_said(self) -> None:
        grows = Network(2 * np.eye(4), np.ones((4, 2)), np.ones((3, 4)))
        found = summarise(grows)
        for name in ("fixed_point", "regions", "decoding", "kick_groups"):
            assert "diverges within" in found[name]["skipped"]

    def test_kick_groups(self, monkeypatch) -> None:
        tried = AlternativeTest(
            EXCITE, Intervention((1,), 2.0, "recurrent"), 0.05, np.ones(3), bounded=True, proven=True
        )
        groups = (kick_group(0, (3, 5), 0.05), kick_group(2, (), 1.0, (), proven=False, to=0, alternatives=(tried,)))
        seeds = []

        def found(network: Network, seed: int) -> SimpleNamespace:
            seeds.append(seed)
            return SimpleNamespace(groups=groups)

        monkeypatch.setattr(sys.modules["hmmrnn.report.summary"], "detect_kick_neurons", found)
        told = json.loads(json.dumps(cli.common.jsonable(summarise(contracting(), seed=4)["kick_groups"])))
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
