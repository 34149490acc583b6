"""The networks that can be opened: named by their files, read without torch, and never reached by a path."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import fingerprint, load, save
from hmmrnn.model.network import Network
from hmmrnn.storage import sandboxed_import
from hmmrnn.storage.model_registry import LIMITS, MORE, ModelRegistry, UnknownNetworkError
from tests.networks import random_network

LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90112\n"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """An empty models folder."""
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def registry(models: Path) -> ModelRegistry:
    (models.parent / "opened").mkdir()
    return ModelRegistry(models, models.parent / "opened", models.parent / "converted")


def names(registry: ModelRegistry) -> list[str]:
    return [item.name for item in registry.entries()]


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

    monkeypatch.setattr(sandboxed_import.subprocess, "run", recorded)
    return started


class TestShelf:
    def test_networks_are_named_by_their_files(self, models, registry):
        for name in ("linear-2", "a.b_c", "Zeta"):
            put(models, name)
        (models / "notes.txt").write_text("not a network")
        (models / "folder.safetensors").mkdir()
        assert names(registry) == ["Zeta", "a.b_c", "linear-2"]

    def test_an_entry_says_what_the_file_is(self, models, registry):
        path = put(models, "net", random_network(n=9, m=4, o=2), family="cyclic")
        item = registry.entry("net")
        assert (item.name, item.path, item.fingerprint) == ("net", path, fingerprint(path))
        header = item.header
        assert (header.n_neurons, header.n_inputs, header.n_outputs) == (9, 4, 2)
        assert dict(header.metadata) == {"family": "cyclic"}

    def test_the_network_of_a_name_is_the_one_in_the_file(self, models, registry):
        put(models, "net", random_network(seed=3, bias=True))
        found, expected = registry.network("net"), random_network(seed=3, bias=True)
        for name in ("W_hh", "W_ih", "W_out", "b_h", "b_out"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))

    def test_a_network_is_read_once(self, models, registry):
        put(models, "net")
        assert registry.network("net") is registry.network("net")

    def test_an_unknown_name_may_be_of_a_network_that_is_gone(self, models, registry):
        put(models, "one")
        words = "there is no network 'three' here; it may have been renamed or removed"
        with pytest.raises(UnknownNetworkError, match=words) as raised:
            registry.network("three")
        assert raised.value.name == "three"

    def test_an_empty_shelf_says_so(self, models, registry):
        assert registry.entries() == ()
        with pytest.raises(ValueError, match="there is no network 'net' here, nor any other; train one, or put a file"):
            registry.entry("net")

    def test_a_folder_that_is_not_there_is_an_empty_shelf(self, models, registry):
        models.rmdir()
        assert registry.entries() == ()

    def test_of_two_networks_with_one_name_the_one_in_the_models_folder_counts(self, models, registry):
        put(models, "net", random_network(seed=1))
        put(registry.opened, "net", random_network(seed=2))
        put(registry.opened, "own")
        assert names(registry) == ["net", "own"]
        np.testing.assert_array_equal(registry.network("net").W_hh, random_network(seed=1).W_hh)

    def test_to_find_a_name_lists_no_folder(self, models, registry, monkeypatch):
        put(models, "net")
        monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("it listed a folder"))
        assert registry.entry("net").name == "net"

    @pytest.mark.parametrize("name", ["../secret", "./net", "sub/net", "net.safetensors", "", "/etc/passwd", "..\\net"])
    def test_a_name_is_never_a_path(self, models, registry, name):
        put(models, "net")
        put(models.parent, "secret")
        (models / "sub").mkdir()
        put(models / "sub", "net")
        with pytest.raises(ValueError, match="there is no network"):
            registry.network(name)

    @pytest.mark.parametrize("name", ["my net", "réseau", "-net", "net (2)", "n" * 120])
    def test_every_network_that_is_offered_can_be_opened(self, models, registry, name, caplog):
        put(models, name)
        put(models, "net")
        # A file that no link can name may be left out, with its reason; it may not be offered and then refused.
        offered = [Scenario(model).model for model in names(registry)]
        assert "net" in offered
        assert name in offered or name in caplog.text


class TestChange:
    def test_changed_content_is_another_network(self, models, registry):
        put(models, "net", random_network(seed=1))
        before, read = registry.entry("net").fingerprint, registry.network("net")
        path = put(models, "net", random_network(seed=2))
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
        assert registry.entry("net").fingerprint != before
        np.testing.assert_array_equal(registry.network("net").W_hh, random_network(seed=2).W_hh)
        assert registry.network("net") is not read

    def test_a_file_that_comes_or_goes_is_seen_without_a_restart(self, models, registry):
        put(models, "one")
        assert names(registry) == ["one"]
        path = put(models, "two")
        assert names(registry) == ["one", "two"]
        path.unlink()
        assert names(registry) == ["one"]


class TestBadFiles:
    def test_a_bad_file_is_left_out_and_logged_with_its_reason(self, models, registry, caplog):
        put(models, "good")
        (models / "pointer.safetensors").write_text(LFS_POINTER)
        (models / "broken.safetensors").write_bytes(b"\xff" * 100)
        with caplog.at_level(logging.WARNING, logger="hmmrnn.storage.model_registry"):
            assert names(registry) == ["good"]
        assert "pointer.safetensors is not offered: pointer.safetensors is a Git LFS pointer" in caplog.text
        assert "broken.safetensors is not offered" in caplog.text

    def test_a_network_of_numbers_that_are_none_is_refused_when_it_is_opened(self, models, registry):
        path = put(models, "net")
        data = bytearray(path.read_bytes())
        data[-8:] = np.array([np.nan], "<f8").tobytes()
        path.write_bytes(data)
        assert names(registry) == ["net"]
        with pytest.raises(ValueError, match=r"net\.safetensors: .* holds 1 NaN and 0 infinite values"):
            registry.network("net")

    def test_a_bad_torch_file_is_looked_at_once_and_left_out(self, models, registry, conversions, caplog):
        put(models, "good")
        (models / "pointer.pth").write_text(LFS_POINTER)
        (models / "cut.pth").write_bytes(b"PK\x03\x04")
        assert [names(registry) for _ in range(3)] == [["good"]] * 3
        assert len(conversions) == 1
        assert caplog.text.count("cut.pth is not offered: cut.pth is truncated or damaged") == 1
        assert "pointer.pth is not offered: pointer.pth is a Git LFS pointer" in caplog.text

    @pytest.mark.parametrize("ending", [".pt", ".ckpt", ".npz"])
    def test_files_by_other_endings_are_offered(self, models, registry, ending):
        network = random_network()
        if ending == ".npz":
            np.savez(models / "net.npz", W_hh=network.W_hh, W_ih=network.W_ih, W_out=network.W_out)
        else:
            put_pth(models / f"net{ending}", network)
        assert names(registry) == ["net"]
        np.testing.assert_allclose(registry.network("net").W_hh, network.W_hh, atol=1e-6)

    def test_a_file_that_could_be_read_in_several_ways_is_left_out_with_the_reason(self, models, registry, caplog):
        np.savez(models / "net.npz", Wrec=np.eye(3), Win=np.ones((3, 2)), Wout=np.ones((2, 3)))
        assert names(registry) == []
        assert "net.npz is not offered: " in caplog.text
        assert "could be read in several ways" in caplog.text

    def test_a_torch_file_that_takes_too_long_hides_no_other_network(self, models, caplog):
        put(models, "good")
        put_pth(models / "slow.pth", random_network())
        hurried = ModelRegistry(models, models, models.parent / "converted", replace(LIMITS, seconds=0))
        assert names(hurried) == ["good"]
        assert "slow.pth is not offered" in caplog.text


class TestTorchFiles:
    def test_a_torch_file_is_converted_once_by_another_process(self, models, registry, conversions):
        network = random_network()
        path = put_pth(models / "paper.pth", network)
        item = registry.entry("paper")
        assert names(registry) == ["paper"]
        assert [command[:3] for command in conversions] == [[sys.executable, "-m", "hmmrnn.storage.sandboxed_import"]]
        assert item.path.suffix == ".safetensors"
        assert item.path.parent == models.parent / "converted"
        np.testing.assert_array_equal(registry.network("paper").W_hh, network.W_hh)
        np.testing.assert_array_equal(load(path).W_hh, network.W_hh)
        another = ModelRegistry(models, models, models.parent / "converted")
        assert another.entry("paper").fingerprint == item.fingerprint
        assert len(conversions) == 1


class TestMany:
    """The cost of a click does not grow with the number of networks."""

    def test_a_network_is_found_without_listing_folders(self, models, registry, monkeypatch):
        put(models, "net")
        registry.entry("net")
        monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("a folder was listed"))
        assert registry.entry("net").name == "net"

    def test_a_list_is_read_again_only_when_a_file_has_come_or_gone(self, models, registry, monkeypatch):
        put(models, "one")
        os.utime(models, (1, 1))
        os.utime(registry.opened, (1, 1))
        assert names(registry) == ["one"]
        with monkeypatch.context() as patch:
            patch.setattr(Path, "glob", lambda *_: pytest.fail("a folder was listed"))
            assert names(registry) == ["one"]
        put(models, "two")
        assert names(registry) == ["one", "two"]

    def test_more_networks_than_versions_before_remembered_are_read_once(self, registry, monkeypatch):
        data = put(registry.opened, "net-0").read_bytes()
        for i in range(1, 4200):
            (registry.opened / f"net-{i}.safetensors").write_bytes(data)
        assert len(registry.entries()) == 4200
        monkeypatch.setattr(
            "hmmrnn.storage.model_registry.read_metadata", lambda _: pytest.fail("a file was read again")
        )
        (registry.opened / "net-0.safetensors").unlink()
        assert len(registry.entries()) == 4199


class TestChanges:
    """What was brought here is renamed and removed; what the server begins with stays."""

    def test_renamed(self, registry):
        put(registry.opened, "old", family="cyclic")
        registry.rename("old", "new")
        assert names(registry) == ["new"]
        assert registry.entry("new").header.metadata == {"family": "cyclic"}

    def test_removed(self, registry):
        put(registry.opened, "old")
        registry.remove("old")
        assert names(registry) == []

    @pytest.mark.parametrize("change", [lambda at: at.remove("shipped"), lambda at: at.rename("shipped", "mine")])
    def test_what_the_server_begins_with_stays(self, models, registry, change):
        put(models, "shipped")
        with pytest.raises(ValueError, match="shipped lies in the folder of networks that this server begins with"):
            change(registry)
        assert names(registry) == ["shipped"]

    @pytest.mark.parametrize("new", ["taken", "shipped"])
    def test_no_other_network_is_replaced(self, models, registry, new):
        put(models, "shipped")
        put(registry.opened, "taken", random_network(n=9))
        put(registry.opened, "old")
        with pytest.raises(ValueError, match=f"there is a network {new} already; choose another name"):
            registry.rename("old", new)
        assert names(registry) == ["shipped", "old", "taken"]
        assert registry.entry("taken").header.n_neurons == 9

    @pytest.mark.parametrize("new", ["", "../x", "a/b", ".hidden", "a b", "x" * 101])
    def test_a_name_is_never_a_path(self, registry, new):
        put(registry.opened, "old")
        with pytest.raises(ValueError, match="a network is called by at most 100 letters"):
            registry.rename("old", new)


class TestFurtherNetworks:
    """Those in the folder of further networks within the models folder."""

    @pytest.fixture
    def more(self, models) -> Path:
        (models / MORE).mkdir()
        return models / MORE

    def test_they_are_listed_only_on_request(self, models, registry, more):
        put(models, "net")
        put(registry.opened, "own")
        put(more, "net-seed-1")
        assert names(registry) == ["net", "own"]
        assert [item.name for item in registry.entries(more=True)] == ["net", "own", "net-seed-1"]

    def test_they_are_opened_by_their_names_and_stay(self, models, registry, more):
        put(more, "net-seed-1", random_network(seed=4))
        np.testing.assert_array_equal(registry.network("net-seed-1").W_hh, random_network(seed=4).W_hh)
        assert not registry.is_own(registry.entry("net-seed-1"))
        with pytest.raises(ValueError, match="stays there"):
            registry.remove("net-seed-1")

    def test_of_the_same_name_others_come_first(self, models, registry, more):
        put(more, "net", random_network(seed=1))
        put(registry.opened, "net", random_network(seed=2))
        np.testing.assert_array_equal(registry.network("net").W_hh, random_network(seed=2).W_hh)
