"""Files that people bring: taken in pieces, checked in another process, kept under their content, refused in words."""

from __future__ import annotations

import io
import json
import pickle
import re
import secrets
import threading
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import Signer
from safetensors.numpy import save_file
from werkzeug.test import TestResponse

from hmmrnn import HMM, load, save
from hmmrnn.model.checkpoint import fingerprint
from hmmrnn.model.metadata import MODEL_NAME, known_target, mark_of
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from hmmrnn.server import uploads
from hmmrnn.server.auth import requester
from hmmrnn.server.services import services
from hmmrnn.storage.sandboxed_import import Limits, convert
from hmmrnn.tasks import queue, store
from tests.networks import network_of_cell, random_network
from tests.programs import PATIENCE_SECONDS, at_once

pytest_plugins = ["tests.fixtures_dashboard"]

ROOT = Path(__file__).resolve().parents[2]
KEY = b"signs the names of browsers"
OWN_PAGE = {"X-Requested-With": "test"}
WEIGHTS = ("W_hh", "W_ih", "W_out", "b_h", "b_out")
# Who brought what the client sends.
MINE = {"brought_by": mark_of("at 127.0.0.1")}
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 119000\n"
# A PNG of one pixel begins like this.
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)


def read_here(source: Path, destination: Path, _: Limits) -> None:
    """Read a file in this process, which is quicker, where a process of its own is not what is tested."""
    save(load(source), destination)


@pytest.fixture(autouse=True)
def shelf(empty_world, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of opened networks, empty at first, as all others are."""
    monkeypatch.setattr(services().uploads, "_convert", read_here)
    return services().data.networks


@pytest.fixture
def own_process(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in a process of its own, as a worker does it."""
    monkeypatch.setattr(services().uploads, "_convert", convert)


@pytest.fixture
def client(shelf: Path) -> FlaskClient:
    """A browser on a server that receives files."""
    server, built = Flask("test"), services()
    shown = lambda _opened: [{"value": item.name, "label": item.name.upper()} for item in built.models.entries()]  # noqa: E731
    requester.register(server, KEY)
    uploads.register(server, built.uploads, shown)
    return server.test_client()


def send(client: FlaskClient, name: str, data: bytes) -> TestResponse:
    return client.post("/files", query_string={"name": name}, data=data, headers=OWN_PAGE)


def stream(
    client: FlaskClient, name: str, body: io.RawIOBase, length: int | None, terminated: bool = True
) -> TestResponse:
    """Send what comes out of a stream.

    Args:
        length: what the request says of its length; in chunks if None.
        terminated: whether the server sees to the end of the stream itself, as gunicorn does.
    """
    said = {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": str(length)}
    flag = {"wsgi.input_terminated": True} if terminated else {}
    overrides = {"wsgi.input": body, **said, **flag}
    return client.post("/files", query_string={"name": name}, headers=OWN_PAGE, environ_overrides=overrides)


def work() -> int:
    """Do everything that waits, as a worker does; returns how much that was."""
    done = 0
    for lane in services().queues.lanes(queue.SHORT_TASKS):
        while (task := lane.dequeue()) is not None:
            lane.execute(task)
            done += 1
    return done


def opened(client: FlaskClient, name: str, data: bytes) -> dict[str, Any]:
    """Send a file, have it checked, and return what has become of it."""
    sent = send(client, name, data)
    assert sent.status_code == 202, sent.text
    work()
    assert incoming() == []
    return client.get(f"/files/{sent.json['file']}").json


def refusal(client: FlaskClient, name: str, data: bytes) -> str:
    """The sentence with which a file is refused; nothing of it may stay."""
    found = opened(client, name, data)
    assert set(found) == {"state", "sentence"}
    assert found["state"] == "refused"
    assert services().models.entries() == ()
    assert found["sentence"].startswith(name)
    assert found["sentence"].endswith(".")
    assert found["sentence"].count("\n") == 0
    assert str(services().data.path) not in found["sentence"]
    return found["sentence"]


def incoming() -> list[str]:
    return [path.name for path in services().data.incoming.iterdir()]


def tensors(network: Network, bias: bool = False) -> dict[str, np.ndarray]:
    named = {"rnn.weight_ih_l0": network.W_ih, "rnn.weight_hh_l0": network.W_hh, "fc.weight": network.W_out}
    if bias:
        named |= {"rnn.bias_ih_l0": 0.25 * network.b_h, "rnn.bias_hh_l0": 0.75 * network.b_h, "fc.bias": network.b_out}
    return {name: np.ascontiguousarray(array) for name, array in named.items()}


def pth(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def state(network: Network, bias: bool = False, prefix: str = "") -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": torch.tensor(array) for name, array in tensors(network, bias).items()}


def safetensors(arrays: dict[str, np.ndarray], tmp_path: Path, **metadata: str) -> bytes:
    path = tmp_path / "made.safetensors"
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata or None)
    return path.read_bytes()


def equal(one: Network, two: Network) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in WEIGHTS)


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


class TestSending:
    def test_a_file_is_taken_and_waits_to_be_checked(self, client: FlaskClient) -> None:
        sent = send(client, "lin2.pth", LFS_POINTER)
        digest = fingerprint(LFS_POINTER)
        assert (sent.status_code, sent.json) == (202, {"file": digest})
        assert (services().data.incoming / digest).read_bytes() == LFS_POINTER
        assert [args[:2] for args in services().queues.waiting(queue.CHECK)] == [(digest, "lin2.pth")]

    def test_a_page_of_another_site_cannot_send(self, client: FlaskClient) -> None:
        sent = client.post("/files?name=lin2.pth", data=LFS_POINTER, headers={"Origin": "https://elsewhere.example"})
        assert sent.status_code == 403
        assert "X-Requested-With" in sent.json["sentence"]
        assert incoming() == []
        assert services().queues.waiting(queue.CHECK) == []
        # Nor may it ask whether it could.
        asked = client.options("/files", headers={"Access-Control-Request-Headers": "X-Requested-With"})
        assert not [name for name in asked.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118

    def test_what_says_that_it_is_too_large_is_not_read(self, client: FlaskClient) -> None:
        body = _Body(uploads.MAX_BYTES + 1)
        sent = stream(client, "big.pth", body, uploads.MAX_BYTES + 1)
        assert sent.status_code == 413
        assert sent.json["sentence"].startswith("big.pth has more than 20,000,000 bytes (20 MB)")
        assert body.given == 0
        assert incoming() == []

    @pytest.mark.parametrize("size", [uploads.MAX_BYTES + 1, None], ids=["one byte too many", "without end"])
    def test_what_turns_out_to_be_too_large_is_dropped(self, client: FlaskClient, size: int | None) -> None:
        body = _Body(size)
        sent = stream(client, "big.pth", body, length=None)
        assert sent.status_code == 413
        assert uploads.MAX_BYTES < body.given <= uploads.MAX_BYTES + uploads.PIECE_BYTES
        assert incoming() == []
        assert services().queues.waiting(queue.CHECK) == []

    def test_the_largest_file_passes_through_in_small_pieces(self, client: FlaskClient) -> None:
        body = _Body(uploads.MAX_BYTES)
        tracemalloc.start()
        sent = stream(client, "big.pth", body, uploads.MAX_BYTES)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sent.status_code == 202
        assert (services().data.incoming / sent.json["file"]).stat().st_size == uploads.MAX_BYTES
        assert body.largest <= uploads.PIECE_BYTES
        assert peak < 20 * uploads.PIECE_BYTES

    @pytest.mark.parametrize("ends", ["as gunicorn says it", "as other servers do", "with an error"])
    def test_an_upload_that_breaks_off_leaves_nothing(self, client: FlaskClient, ends: str) -> None:
        body = _Failing() if ends == "with an error" else _Body(500_000)
        sent = stream(client, "net.pth", body, 1_000_000, terminated=ends != "as other servers do")
        assert sent.status_code == 400
        # Where the server does not see to the end, its own answer comes first.
        if ends != "as other servers do":
            assert sent.json["sentence"] == "net.pth did not arrive whole; open it again."
        assert incoming() == []
        assert services().queues.waiting(queue.CHECK) == []

    def test_equal_files_at_once(self, client: FlaskClient, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data, network = pth(state(random_network())), random_network()
        meet = threading.Barrier(2)

        def read_at_once(_source: Path, destination: Path, _limits: Limits) -> None:
            if together:
                meet.wait(PATIENCE_SECONDS)
            save(network, destination)

        monkeypatch.setattr(services().uploads, "_convert", read_at_once)
        together = False
        answers = at_once(*(lambda i=i: send(client.application.test_client(), f"net{i}.pth", data) for i in range(6)))
        assert {(answer.status_code, answer.json["file"]) for answer in answers} == {(202, fingerprint(data))}
        # Two workers that read the same content at the same time: the second file came while the first was read.
        together = True
        first = threading.Thread(target=services().uploads.check, args=(fingerprint(data), "net0.pth"))
        first.start()
        while incoming_digests():
            assert first.is_alive()
        send(client, "net1.pth", data)
        services().uploads.check(fingerprint(data), "net1.pth")
        first.join()
        assert work() == 7
        assert incoming() == []
        assert len([path for path in shelf.iterdir() if path.name[0] != "."]) == 1
        assert client.get(f"/files/{fingerprint(data)}").json["state"] == "ready"

    def test_only_so_many_files_may_wait(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploads, "MAX_INCOMING", 2)
        assert [send(client, "net.pth", data).status_code for data in (b"1", b"2", b"3")] == [202, 202, 503]
        work()
        assert send(client, "net.pth", b"3").status_code == 202

    def test_what_a_process_left_that_is_gone_is_swept_away(self, client, monkeypatch):
        send(client, "waits.pth", b"1")
        (services().data.incoming / ".cut.partial").write_bytes(b"half")
        (services().data.incoming / ".check-1").mkdir()
        (services().data.incoming / ".check-1" / "net.pth").write_bytes(b"whole")
        monkeypatch.setattr(uploads, "ABANDONED_SECONDS", 0.0)
        # Until the clock of the file system has moved on.
        while any(uploads._age(path) <= 0 for path in services().data.incoming.iterdir()):
            pass
        send(client, "net.pth", b"2")
        assert set(incoming()) == {fingerprint(b"1"), fingerprint(b"2")}

    def test_the_page_and_the_server_know_the_same_limit(self) -> None:
        script = (ROOT / "assets" / "pages" / "uploads.mjs").read_text(encoding="utf-8")
        (limit,) = re.findall(r"MAX_BYTES = ([\d_]+)", script)
        assert int(limit) == uploads.MAX_BYTES


class _Body(io.RawIOBase):
    """Zeros that are made when they are asked for.

    Attributes:
        given: bytes that have been read.
        largest: the most that was asked for at once.
    """

    def __init__(self, size: int | None) -> None:
        self.size, self.given, self.largest = size, 0, 0

    def read(self, size: int = -1) -> bytes:
        self.largest = max(self.largest, size if size >= 0 else 10**9)
        piece = bytes(size if self.size is None else min(size, self.size - self.given))
        self.given += len(piece)
        return piece

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class _Failing(io.RawIOBase):
    def read(self, _size: int = -1) -> bytes:
        raise ConnectionResetError


def incoming_digests() -> list[str]:
    return [name for name in incoming() if uploads.DIGEST.fullmatch(name)]


class TestLooking:
    digest = fingerprint(LFS_POINTER)

    def test_with_a_worker_it_is_being_checked(self, client: FlaskClient) -> None:
        services().store.entry(store.WORKER, queue.SHORT_TASKS).beat()
        send(client, "lin2.pth", LFS_POINTER)
        found = client.get(f"/files/{self.digest}")
        assert found.json == {"state": "checking"}
        assert found.headers["Cache-Control"] == "no-store"

    def test_without_a_worker_it_is_kept_until_one_is_back(self, client: FlaskClient) -> None:
        data = pth(state(random_network()))
        send(client, "lin2.pth", data)
        assert client.get(f"/files/{fingerprint(data)}").json == {
            "state": "checking",
            "sentence": "No worker is running: lin2.pth is kept, and checked when one is back.",
        }
        assert work() == 1
        assert client.get(f"/files/{fingerprint(data)}").json["state"] == "ready"

    def test_a_check_whose_worker_was_killed_does_not_go_on_for_ever(self, client, monkeypatch):
        services().store.entry(store.WORKER, queue.SHORT_TASKS).beat()
        send(client, "lin2.pth", LFS_POINTER)
        later = time.time() + uploads.LIMITS.seconds + store.LOST_AFTER_SECONDS + 1
        monkeypatch.setattr(uploads.time, "time", lambda: later)
        services().store.entry(store.WORKER, queue.SHORT_TASKS).beat()
        # As long as it waits for its turn, nothing is lost.
        assert client.get(f"/files/{self.digest}").json["state"] == "checking"
        services().queues.queue(queue.SHORT_TASKS, quick=True).dequeue()
        assert client.get(f"/files/{self.digest}").json == {
            "state": "refused",
            "sentence": "The check of lin2.pth was broken off; open it again.",
        }
        monkeypatch.undo()

    def test_a_file_that_was_not_sent(self, client: FlaskClient) -> None:
        assert client.get(f"/files/{'0' * 64}").json == {
            "state": "refused",
            "sentence": "This file is not here; open it again.",
        }

    @pytest.mark.parametrize(
        "digest", ["abc", "..%2F..%2Fetc%2Fpasswd", "0" * 63, "0" * 65, "A" * 64, f"{'0' * 64}%0A"]
    )
    def test_only_a_hash_is_looked_for(self, client: FlaskClient, digest: str) -> None:
        assert client.get(f"/files/{digest}").status_code == 404

    def test_an_open_network_is_found_without_the_queue_remembering_it(self, client, tmp_path):
        data = pth(state(random_network()))
        first = opened(client, "lin2.pth", data)
        services().store.entry(store.FILE, fingerprint(data)).discard(store.CHECKED)
        assert client.get(f"/files/{fingerprint(data)}").json == first

    def test_a_file_on_the_shelf_that_is_no_network_does_no_harm(self, client: FlaskClient, shelf: Path) -> None:
        (shelf / f"net-{self.digest[:8]}.safetensors").write_bytes(b"rubbish")
        assert client.get(f"/files/{self.digest}").json["state"] == "refused"


def network_file(seed: int) -> bytes:
    """A network as torch saves it."""
    network = random_network(seed=seed)
    return pth(
        {
            "rnn.weight_ih_l0": torch.tensor(network.W_ih),
            "rnn.weight_hh_l0": torch.tensor(network.W_hh),
            "fc.weight": torch.tensor(network.W_out),
        }
    )


class TestRoom:
    """Networks have so much room together, and those of one requester a quarter of it."""

    def test_the_file_that_comes_once_there_is_no_room_left_is_refused(self, client, monkeypatch):
        assert opened(client, "one.safetensors", network_file(1))["state"] == uploads.READY
        held = sum(item.size for item in services().models.entries())
        monkeypatch.setattr(services().uploads, "quota", held)
        sent = send(client, "two.safetensors", network_file(2))
        words = r"two.safetensors cannot be kept: the networks of this server take 0 MB, and may take 0 MB; remove some"
        assert sent.status_code == 507
        assert re.match(words, sent.json["sentence"])
        assert incoming() == []

    def test_what_one_has_brought_counts_for_that_one_alone(self, client, monkeypatch):
        assert opened(client, "one.safetensors", network_file(1))["state"] == uploads.READY
        held = sum(item.size for item in services().models.entries())
        monkeypatch.setattr(services().uploads, "quota", uploads.SHARES * held)
        assert send(client, "two.safetensors", network_file(2)).status_code == 507
        become_another(client)
        assert send(client, "two.safetensors", network_file(2)).status_code == 202

    def test_what_comes_from_one_address_is_bounded_whatever_its_browsers_are_called(self, client, monkeypatch):
        size = len(network_file(1))
        monkeypatch.setattr(services().uploads, "quota", uploads.ADDRESS_SHARES * 2 * size)
        for number in (1, 2):
            become_another(client)
            assert send(client, "net.safetensors", network_file(number)).status_code == 202
        become_another(client)
        refused = send(client, "more.safetensors", network_file(3))
        assert refused.status_code == 429
        assert "have come from your address within a day" in refused.json["sentence"]
        client.environ_base["REMOTE_ADDR"] = "10.1.2.3"
        assert send(client, "more.safetensors", network_file(3)).status_code == 202

    def test_of_one_address_only_so_many_files_may_wait(self, client, monkeypatch):
        monkeypatch.setattr(uploads, "MAX_INCOMING_ADDRESS", 2)
        found = []
        for data in (b"1", b"2", b"3"):
            become_another(client)
            found.append(send(client, "net.pth", data).status_code)
        assert found == [202, 202, 503]
        client.environ_base["REMOTE_ADDR"] = "10.1.2.3"
        assert send(client, "net.pth", b"3").status_code == 202

    def test_counters_that_cannot_be_used_refuse_no_file(self, client):
        services().uploads.counters.file.write_bytes(b"no database" * 1000)
        assert send(client, "one.safetensors", network_file(1)).status_code == 202


def test_what_is_kept_of_files_is_bounded(client, monkeypatch):
    monkeypatch.setattr(uploads, "REMEMBERED", 3)
    assert opened(client, "net.safetensors", network_file(1))["state"] == uploads.READY
    for number in range(6):
        assert opened(client, "net.pth", f"no network {number}".encode())["state"] == uploads.REFUSED
    keys = map(str, services().queues.queue(queue.TRAININGS).storage.result_items())
    assert len([key for key in keys if key.startswith(f"{store.FILE}:check")]) == 3


def become_another(client: FlaskClient) -> None:
    """Have the browser get a new name."""
    name = secrets.token_hex(8)
    client.set_cookie(requester.COOKIE, Signer(KEY, salt=requester.SALT).sign(name).decode())
