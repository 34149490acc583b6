"""The shelf of networks: named by their files, read without torch, and never reached by a path."""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hmmrnn.checkpoint import fingerprint, load, save
from hmmrnn.dashboard import catalog, conversion
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.hmm import HMM, PRESETS
from hmmrnn.network import Network
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def models(empty_world) -> Path:
    """An empty models folder."""
    return empty_world.models


def names() -> list[str]:
    return [item.name for item in catalog.entries()]


def put(models: Path, name: str, network: Network | None = None, **metadata: str) -> Path:
    path = models / f"{name}.safetensors"
    save(replace(network or random_network(), metadata=metadata), path)
    return path


def put_pth(path: Path, network: Network) -> Path:
    """A state dict as the paper's code saves it."""
    tensors = {"rnn.weight_ih_l0": network.W_ih, "rnn.weight_hh_l0": network.W_hh, "fc.weight": network.W_out}
    torch.save({name: torch.tensor(array) for name, array in tensors.items()}, path)
    return path


@pytest.fixture
def conversions(monkeypatch) -> list[list[str]]:
    """The commands of the conversions that were started; each of them really runs."""
    started, run = [], subprocess.run

    def recorded(command, **more):
        started.append(command)
        return run(command, **more)

    monkeypatch.setattr(conversion.subprocess, "run", recorded)
    return started


class TestShelf:
    def test_networks_are_named_by_their_files(self, models):
        for name in ("linear-2", "a.b_c", "Zeta"):
            put(models, name)
        (models / "notes.txt").write_text("not a network")
        (models / "folder.safetensors").mkdir()
        assert names() == ["Zeta", "a.b_c", "linear-2"]

    def test_an_entry_says_what_the_file_is(self, models):
        path = put(models, "net", random_network(n=9, m=4, o=2), family="cyclic")
        item = catalog.entry("net")
        assert (item.name, item.path, item.fingerprint) == ("net", path, fingerprint(path))
        header = item.header
        assert (header.n_neurons, header.n_inputs, header.n_outputs) == (9, 4, 2)
        assert dict(header.metadata) == {"family": "cyclic"}

    def test_the_network_of_a_name_is_the_one_in_the_file(self, models):
        put(models, "net", random_network(seed=3, bias=True))
        found, expected = catalog.network("net"), random_network(seed=3, bias=True)
        for name in ("W_hh", "W_ih", "W_out", "b_h", "b_out"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))

    def test_a_network_is_read_once(self, models):
        put(models, "net")
        assert catalog.network("net") is catalog.network("net")

    def test_an_unknown_name_says_which_there_are(self, models):
        put(models, "one")
        put(models, "two")
        with pytest.raises(ValueError, match="there is no network 'three'; there are one, two in the models folder"):
            catalog.network("three")

    def test_an_empty_shelf_says_so(self, models):
        assert catalog.entries() == ()
        with pytest.raises(ValueError, match="there is no network 'net'; there are none in the models folder"):
            catalog.entry("net")

    def test_a_folder_that_is_not_there_is_an_empty_shelf(self, models):
        models.rmdir()
        assert catalog.entries() == ()

    def test_the_folder_is_what_the_environment_says(self, models, tmp_path, monkeypatch):
        put(models, "one")
        (tmp_path / "others").mkdir()
        put(tmp_path / "others", "other")
        assert names() == ["one"]
        monkeypatch.setenv("HMMRNN_MODELS", str(tmp_path / "others"))
        assert names() == ["other"]

    @pytest.mark.parametrize("value", [None, ""])
    def test_without_a_choice_it_is_the_shipped_folder(self, models, monkeypatch, value):
        monkeypatch.delenv("HMMRNN_MODELS")
        if value is not None:
            monkeypatch.setenv("HMMRNN_MODELS", value)
        assert catalog.models_folder() == ROOT / "models"

    @pytest.mark.parametrize("name", ["../secret", "./net", "sub/net", "net.safetensors", "", "/etc/passwd", "..\\net"])
    def test_a_name_is_never_a_path(self, models, name):
        put(models, "net")
        put(models.parent, "secret")
        (models / "sub").mkdir()
        put(models / "sub", "net")
        with pytest.raises(ValueError, match="there is no network"):
            catalog.network(name)

    @pytest.mark.parametrize("name", ["my net", "réseau", "-net", "net (2)", "n" * 120])
    def test_every_network_that_is_offered_can_be_opened(self, models, name, caplog):
        put(models, name)
        put(models, "net")
        # A file that no link can name may be left out, with its reason; it may not be offered and then refused.
        offered = [Scenario(model).model for model in names()]
        assert "net" in offered
        assert name in offered or name in caplog.text


class TestChange:
    def test_changed_content_is_another_network(self, models):
        put(models, "net", random_network(seed=1))
        before, read = catalog.entry("net").fingerprint, catalog.network("net")
        path = put(models, "net", random_network(seed=2))
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
        assert catalog.entry("net").fingerprint != before
        np.testing.assert_array_equal(catalog.network("net").W_hh, random_network(seed=2).W_hh)
        assert catalog.network("net") is not read

    def test_a_file_that_comes_or_goes_is_seen_without_a_restart(self, models):
        put(models, "one")
        assert names() == ["one"]
        path = put(models, "two")
        assert names() == ["one", "two"]
        path.unlink()
        assert names() == ["one"]


class TestBadFiles:
    def test_a_bad_file_is_left_out_and_logged_with_its_reason(self, models, caplog):
        put(models, "good")
        (models / "pointer.safetensors").write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90112\n"
        )
        (models / "broken.safetensors").write_bytes(b"\xff" * 100)
        with caplog.at_level(logging.WARNING, logger="hmmrnn.dashboard.catalog"):
            assert names() == ["good"]
        assert "pointer.safetensors is not offered: pointer.safetensors is a Git LFS pointer" in caplog.text
        assert "broken.safetensors is not offered" in caplog.text

    def test_a_network_of_numbers_that_are_none_is_refused_when_it_is_opened(self, models):
        path = put(models, "net")
        data = bytearray(path.read_bytes())
        data[-8:] = np.array([np.nan], "<f8").tobytes()
        path.write_bytes(data)
        assert names() == ["net"]
        with pytest.raises(ValueError, match=r"net\.safetensors: .* holds 1 NaN and 0 infinite values"):
            catalog.network("net")

    def test_a_bad_torch_file_is_left_out_with_the_sentence_of_the_reader(self, models, caplog):
        put(models, "good")
        (models / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90112\n")
        assert names() == ["good"]
        assert "pointer.pth is not offered: pointer.pth is a Git LFS pointer" in caplog.text

    def test_a_bad_torch_file_is_looked_at_once(self, models, conversions):
        (models / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90112\n")
        for _ in range(3):
            catalog.entries()
        assert len(conversions) == 1

    def test_a_torch_file_that_takes_too_long_hides_no_other_network(self, models, monkeypatch, caplog):
        put(models, "good")
        put_pth(models / "slow.pth", random_network())
        monkeypatch.setattr(catalog, "LIMITS", replace(catalog.LIMITS, seconds=0))
        assert names() == ["good"]
        assert "slow.pth is not offered" in caplog.text


class TestTorchFiles:
    def test_a_torch_file_is_converted_once_by_another_process(self, models, conversions):
        network = random_network()
        path = put_pth(models / "paper.pth", network)
        item = catalog.entry("paper")
        assert names() == ["paper"]
        assert [command[:3] for command in conversions] == [[sys.executable, "-m", "hmmrnn.dashboard.conversion"]]
        assert item.path.suffix == ".safetensors"
        assert item.path.parent.parent == Path(os.environ["HMMRNN_CACHE"]) / "hmmrnn"
        np.testing.assert_array_equal(catalog.network("paper").W_hh, network.W_hh)
        np.testing.assert_array_equal(load(path).W_hh, network.W_hh)
        # Another process finds the copy.
        catalog._entry.cache_clear()
        assert catalog.entry("paper").fingerprint == item.fingerprint
        assert len(conversions) == 1

    def test_it_works_with_a_folder_named_relative_to_where_the_server_was_started(self, models, monkeypatch):
        put_pth(models / "paper.pth", random_network())
        monkeypatch.chdir(models.parent)
        monkeypatch.setenv("HMMRNN_MODELS", models.name)
        assert names() == ["paper"]


class TestTarget:
    @pytest.mark.parametrize("family", list(PRESETS))
    def test_the_family_in_the_provenance_is_the_target(self, family):
        network = replace(random_network(o=3), metadata={"family": family})
        assert catalog.target(network).name == family
        np.testing.assert_array_equal(catalog.target(network).A, HMM.preset(family).A)

    @pytest.mark.parametrize("metadata", [{}, {"family": "spiral"}, {"family": ""}])
    def test_without_a_known_family_there_is_none(self, metadata):
        assert catalog.target(replace(random_network(o=3), metadata=metadata)) is None

    def test_a_family_with_another_number_of_outputs_is_no_target(self):
        assert catalog.target(replace(random_network(o=2), metadata={"family": "linear-2"})) is None
