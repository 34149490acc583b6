"""Files as they are sent: in pieces, over bad connections, looked at while they come, and within bounds."""

from __future__ import annotations

import io
import re
import secrets
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from flask.testing import FlaskClient
from itsdangerous import Signer

from hmmrnn import save
from hmmrnn.model.checkpoint import fingerprint
from hmmrnn.server import uploads
from hmmrnn.server.auth import requester
from hmmrnn.server.services import services
from hmmrnn.storage.sandboxed_import import Limits
from hmmrnn.tasks import queue, store
from tests.networks import random_network
from tests.programs import PATIENCE_SECONDS, ROOT, at_once
from tests.server.uploads.brought import LFS_POINTER, incoming, opened, pth, send, state, stream, work
from tests.server.uploads.conftest import KEY

pytest_plugins = ["tests.fixtures_dashboard"]


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
