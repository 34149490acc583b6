"""The live command: the page it writes, and the networks that have none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from hmmrnn import Network, cli
from hmmrnn.cli import live
from hmmrnn.model.checkpoint import save
from tests.cli.shell import contracting, refusal
from tests.networks import kick_group, network_of_cell, random_network


class TestLive:
    def payload(self, path: Path) -> dict[str, Any]:
        data = re.search(r'id="hmmrnn-live-data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
        assert data is not None
        return json.loads(data[1])

    def test_writes_the_page_of_a_network_with_its_kick_groups(self, capsys, tmp_path, monkeypatch) -> None:
        seeds = []

        def found(network: Network, seed: int, on_progress: Callable[[float], None]) -> SimpleNamespace:
            seeds.append(seed)
            on_progress(0.5)
            return SimpleNamespace(groups=(kick_group(0, (3, 5)), kick_group(1, ())))

        monkeypatch.setattr(live, "detect_kick_neurons", found)
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
    ):
        monkeypatch.setattr(live, "detect_kick_neurons", None)
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
        assert caplog.messages[-1].startswith("the page has no kick groups: ")

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

    def test_a_cell_that_no_page_steps_is_refused_before_its_groups_are_sought(self, capsys, tmp_path, monkeypatch):
        monkeypatch.setattr(live, "detect_kick_neurons", None)
        save(network_of_cell("gru"), tmp_path / "gru.safetensors")
        said = refusal(capsys, "live", tmp_path / "gru.safetensors", "--out", tmp_path / "page.html")
        assert "the live view does not apply to a GRU network" in said

    def test_another_suffix(self, capsys, tmp_path) -> None:
        save(contracting(), tmp_path / "net.safetensors")
        said = refusal(capsys, "live", tmp_path / "net.safetensors", "--out", tmp_path / "page.txt")
        assert "the file to write must end in .html; got" in said
