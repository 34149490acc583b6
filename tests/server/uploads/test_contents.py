"""What is in files that people bring: checked in another process, kept under its content, refused in words."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flask.testing import FlaskClient

from hmmrnn import HMM, load, save
from hmmrnn.model.checkpoint import fingerprint
from hmmrnn.model.metadata import MODEL_NAME, known_target
from hmmrnn.model.simulation import simulate
from hmmrnn.server import uploads
from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from tests.networks import network_of_cell, random_network
from tests.server.uploads.brought import (
    LFS_POINTER,
    MINE,
    OWN_PAGE,
    PICTURE,
    equal,
    incoming,
    opened,
    pth,
    refusal,
    safetensors,
    send,
    state,
    tensors,
    work,
)

pytest_plugins = ["tests.fixtures_dashboard"]


class TestGoodFiles:
    @pytest.mark.usefixtures("own_process")
    def test_a_file_that_could_be_read_in_several_ways_asks_and_opens_by_a_mapping(self, client: FlaskClient) -> None:
        content = io.BytesIO()
        np.savez(content, wrec=np.eye(3), win=np.ones((3, 2)), wout=np.ones((2, 3)))
        found = opened(client, "mine.npz", content.getvalue())
        assert found["state"] == "refused"
        assert found["asked"]["shapes"] == {"wrec": [3, 3], "win": [3, 2], "wout": [2, 3]}
        for cell in ("tanh", "relu"):
            mapping = json.dumps({**found["asked"]["proposal"], "cell": cell})
            query = {"name": "mine.npz", "mapping": mapping}
            sent = client.post("/files", query_string=query, data=content.getvalue(), headers=OWN_PAGE)
            work()
            ready = client.get(f"/files/{sent.json['file']}").json
            # Read in two ways it is two networks.
            assert services().models.network(ready["model"]).cell == cell

    @pytest.mark.usefixtures("own_process")
    def test_a_preview_shows_a_wrong_activation_and_keeps_nothing(self, client: FlaskClient) -> None:
        network = network_of_cell("tanh", n=30, bias=False)
        content, before = io.BytesIO(), services().models.entries()
        np.savez(content, wrec=10 * network.W_hh, win=network.W_ih, wout=network.W_out)
        roles = {"W_hh": "wrec", "W_ih": "win", "W_out": "wout"}
        largest = {}
        for cell in ("tanh", "relu"):
            query = {"name": "mine.npz", "mapping": json.dumps({**roles, "cell": cell}), "preview": "1"}
            sent = client.post("/files", query_string=query, data=content.getvalue(), headers=OWN_PAGE)
            work()
            found = client.get(f"/files/{sent.json['file']}").json
            assert found["state"] == "preview"
            right = simulate(replace(network, W_hh=10 * network.W_hh, cell=cell), 100).h[0]
            np.testing.assert_allclose(found["preview"]["activity"], right[:, found["preview"]["neurons"]].T)
            largest[cell] = found["preview"]["largest"]
            assert largest[cell] == pytest.approx(np.abs(right).max())
        assert largest["tanh"] <= 1 < 1e6 < largest["relu"]
        assert services().models.entries() == before
        assert incoming() == []

    def test_a_mapping_that_is_none_is_refused(self, client: FlaskClient) -> None:
        for mapping in ("no JSON", "[1]", json.dumps({"W_hh": ["a"]}), json.dumps({"W_hh": "a" * 5000})):
            sent = client.post(
                "/files", query_string={"name": "a.pth", "mapping": mapping}, data=b"x", headers=OWN_PAGE
            )
            assert sent.status_code == 400
            assert "A mapping is a JSON object of terms by their roles" in sent.json["sentence"]
        assert incoming() == []

    @pytest.mark.usefixtures("own_process")
    def test_a_torch_file_opens_with_its_weights(self, client: FlaskClient) -> None:
        network = random_network()
        data = pth(state(network))
        name = f"lin2-{fingerprint(data)[:8]}"
        assert opened(client, "lin2.pth", data) == {
            "state": "ready",
            "model": name,
            "choices": [{"value": name, "label": name.upper()}],
        }
        found = services().models.network(name)
        assert equal(found, network)
        # What a torch file says of its source is its own name, whatever it was called while it was checked.
        assert "ReLU is assumed" in found.metadata["read_as"]
        assert {key: text for key, text in found.metadata.items() if key != "read_as"} == {
            "source": "lin2.pth",
            "opened_as": "lin2.pth",
            "opened_sha256": fingerprint(data),
            **MINE,
        }

    def test_a_safetensors_file_opens_with_all_that_it_says_of_itself(self, client, shelf, tmp_path):
        network = replace(random_network(bias=True), metadata={"family": "linear-2", "note": "süß"})
        save(network, tmp_path / "mine.safetensors")
        data = (tmp_path / "mine.safetensors").read_bytes()
        found = load(shelf / f"{opened(client, 'mine.safetensors', data)['model']}.safetensors")
        assert equal(found, network)
        digest = fingerprint(data)
        assert found.metadata == {**network.metadata, "opened_as": "mine.safetensors", "opened_sha256": digest, **MINE}
        assert [path.suffix for path in shelf.iterdir() if not path.name.startswith(".")] == [".safetensors"]

    @pytest.mark.parametrize("metadata", [
        {"family": "spiral"}, {"family": ""}, {"family": "x" * 1000}, {"family": "<script>alert(1)</script>"},
        {"hmm": "not JSON"}, {"hmm": json.dumps({"A": [[1]], "B": [[1, 2]]})},
        {"family": "own", "hmm": json.dumps(HMM.preset("cyclic").to_dict())},
        {"opened_sha256": "0" * 64, "opened_as": "before"},
    ], ids=lambda metadata: str(metadata)[:30])  # fmt: skip
    def test_it_opens_with_any_provenance(self, client: FlaskClient, tmp_path: Path, metadata: dict[str, str]) -> None:
        network = random_network()
        data = safetensors(tensors(network), tmp_path, **metadata)
        found = services().models.network(opened(client, "net.safetensors", data)["model"])
        assert equal(found, network)
        assert found.metadata == {
            **metadata,
            "opened_as": "net.safetensors",
            "opened_sha256": fingerprint(data),
            **MINE,
        }
        known_target(found.metadata, found.n_outputs)

    def test_the_same_content_is_the_same_network_under_every_name(self, client: FlaskClient) -> None:
        data = pth(state(random_network()))
        first = opened(client, "lin2.pth", data)
        again = send(client, "other.pth", data)
        assert again.status_code == 202
        assert services().queues.waiting(queue.CHECK) == []
        assert incoming() == []
        assert client.get(f"/files/{again.json['file']}").json == first

    def test_other_content_under_the_same_name_is_another_network(self, client: FlaskClient) -> None:
        models = {opened(client, "lin2.pth", pth(state(random_network(seed=seed))))["model"] for seed in (1, 2)}
        assert len(models) == 2
        assert {item.name for item in services().models.entries()} == models

    def test_a_network_keeps_its_name_from_one_with_the_same_first_digits(self, client, shelf):
        data = pth(state(random_network()))
        taken = shelf / f"lin2-{fingerprint(data)[:8]}.safetensors"
        save(random_network(seed=9), taken)
        before = taken.read_bytes()
        assert opened(client, "lin2.pth", data)["model"] == f"lin2-{fingerprint(data)[:16]}"
        assert taken.read_bytes() == before

    def test_a_network_that_was_removed_can_be_opened_again(self, client: FlaskClient, shelf: Path) -> None:
        data = pth(state(random_network()))
        first = opened(client, "lin2.pth", data)
        (shelf / f"{first['model']}.safetensors").unlink()
        assert client.get(f"/files/{fingerprint(data)}").json["state"] != "ready"
        assert opened(client, "lin2.pth", data) == first


class TestNames:
    @pytest.mark.parametrize(("name", "shown", "stem"), [
        ("lin2.pth", "lin2.pth", "lin2"), ("Model.v2.PT", "Model.v2.PT", "Model.v2"),
        ("../../etc/passwd.pth", "passwd.pth", "passwd"), ("/abs/olute.pth", "olute.pth", "olute"),
        ("C:\\Users\\me\\net.pth", "net.pth", "net"), ("réseau (2).pth", "réseau (2).pth", "reseau_2"),
        ("模型.pth", "模型.pth", "network"), ("..", "..", "network"), (".pth", ".pth", "network"),
        ("", "unnamed", "unnamed"), ("-rf *.pth", "-rf *.pth", "rf"), ("a\x00b\nc.pth", "a?b?c.pth", "abc"),
        ("$(touch x).pth", "$(touch x).pth", "touch_x"),
        (f"{'n' * 300}.safetensors", f"{'n' * 60}…{'n' * 48}.safetensors", f"{'n' * 60}"),
    ])  # fmt: skip
    def test_every_name_becomes_one_that_a_link_can_say(self, client, shelf, name, shown, stem):
        data = pth(state(random_network()))
        found = opened(client, name, data)
        assert found["model"] == f"{stem}-{fingerprint(data)[:8]}"
        assert MODEL_NAME.fullmatch(found["model"])
        assert services().models.network(found["model"]).metadata["opened_as"] == shown
        assert [path.name for path in shelf.iterdir() if path.name[0] != "."] == [f"{found['model']}.safetensors"]

    def test_a_file_is_refused_by_the_name_that_its_owner_knows(self, client: FlaskClient) -> None:
        name = "réseau (2).pth"
        assert refusal(client, name, LFS_POINTER).startswith(f"{name} is a Git LFS pointer")


class TestBadFiles:
    def test_a_git_lfs_pointer(self, client: FlaskClient) -> None:
        assert refusal(client, "lin2.pth", LFS_POINTER) == (
            f"lin2.pth is a Git LFS pointer ({len(LFS_POINTER)} bytes) to a file of 119,000 bytes, not the network "
            f"itself; run `git lfs pull` in its repository and open the file again."
        )

    @pytest.mark.usefixtures("own_process")
    def test_code_is_refused_by_its_name_and_does_not_run(self, client: FlaskClient, tmp_path: Path) -> None:
        proof = tmp_path / "it-ran"
        data = pth({**state(random_network()), "extra": _Code(proof)})
        text = refusal(client, "net.pth", data)
        assert "is a pickle that asks for the code of" in text
        assert "which was refused and not run" in text
        assert not proof.exists()
        # The control: a reader that trusts the file runs what is in it.
        torch.load(io.BytesIO(data), weights_only=False)["extra"].close()
        assert proof.exists()

    def test_a_plain_pickle_is_not_opened(self, client: FlaskClient, tmp_path: Path) -> None:
        proof = tmp_path / "it-ran"
        assert "which can hold code and was not opened" in refusal(client, "net.pth", pickle.dumps(_Code(proof)))
        assert not proof.exists()

    @pytest.mark.parametrize(("name", "data", "words"), [
        ("net.pth", b"", "is empty (0 bytes)"), ("net.pth", PICTURE, "is a PNG picture, not a network"),
        ("picture.png", PICTURE, "is a PNG picture, not a network"),
        ("notes.safetensors", b"dear diary", "is a text file, not a network"),
        ("net.pth", pth(state(random_network()))[:-100], "is truncated"),
        ("net.pth", pth({**state(random_network(n=6)), "fc.weight": torch.zeros(3, 5)}), "has shape (3, 5); expected"),
    ], ids=lambda given: str(given)[:20])  # fmt: skip
    def test_something_else(self, client: FlaskClient, name: str, data: bytes, words: str) -> None:
        assert words in refusal(client, name, data)

    def test_more_metadata_than_every_page_should_read(self, client: FlaskClient, tmp_path: Path) -> None:
        data = safetensors(tensors(random_network()), tmp_path, family="x" * uploads.MAX_METADATA)
        assert "has metadata of 65,542 characters; expected at most 65,536" in refusal(client, "net.safetensors", data)

    def test_what_was_refused_is_looked_at_again(self, client: FlaskClient) -> None:
        refusal(client, "one.pth", LFS_POINTER)
        assert refusal(client, "two.pth", LFS_POINTER).startswith("two.pth is a Git LFS pointer")

    def test_other_networks_stay(self, client: FlaskClient) -> None:
        good = opened(client, "good.pth", pth(state(random_network())))
        assert opened(client, "bad.pth", LFS_POINTER)["state"] == "refused"
        assert [item.name for item in services().models.entries()] == [good["model"]]


class _Code:
    """Something that makes a file as soon as it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.proof), "w")
