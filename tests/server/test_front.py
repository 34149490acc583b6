"""Slow clients: what they hold, how long, and what they are answered."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from hmmrnn.server import front
from tests.programs import PATIENCE_SECONDS, eventually

LARGE = 50_000_000
GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
THREADS = 2


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    path, sent = environ["PATH_INFO"], len(environ["wsgi.input"].read())
    body = bytes(LARGE) if path == "/large" else f"{path} {sent}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


class Served:
    """A server of this test, and the clients that it has made."""

    def __init__(self, most: int, clients: ExitStack) -> None:
        self.clients, self.connections = clients, dict[int, Any]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = front.listen(application, self.listener, self.connections, THREADS, most)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.turn)
        self.thread.start()

    def turn(self) -> None:
        while not self.ended.is_set():
            front.turn(self.connections, 0.05)

    def client(self, sends: bytes = b"") -> socket.socket:
        made = self.clients.enter_context(socket.create_connection(self.listener.getsockname(), PATIENCE_SECONDS))
        made.sendall(sends)
        return made

    def end(self) -> None:
        self.ended.set()
        self.thread.join(PATIENCE_SECONDS)
        self.server.task_dispatcher.shutdown()
        for channel in list(self.server.active_channels.values()):
            channel.handle_close()
        self.server.close()
        self.listener.close()


@pytest.fixture
def most() -> int:
    return 200


@pytest.fixture
def served(most) -> Iterator[Served]:
    with ExitStack() as clients:
        made = Served(most, clients)
        try:
            yield made
        finally:
            made.end()


@pytest.fixture
def hurried(monkeypatch) -> None:
    """A client has a moment, and not twenty seconds; the loop looks at once."""
    monkeypatch.setattr(front, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(front, "RATE", 1e9)
    monkeypatch.setattr(front, "LOOP_SECONDS", 0)


def answer(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of the answer that comes."""
    with client.makefile("rb") as file:
        status, size = int(file.readline().split()[1]), 0
        while (line := file.readline()).strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        return status, file.read(size)


def ended(client: socket.socket) -> bool:
    """Whether nothing more comes, whatever has come until then."""
    try:
        while client.recv(1_000_000):
            pass
    except ConnectionResetError:
        pass
    return True


def test_those_who_send_or_read_nothing_hold_no_thread(served: Served) -> None:
    for sends in (GET[:-2] % b"", POST % (b"/", 10) + b"{", GET % b"large"):
        for _ in range(4 * THREADS):
            served.client(sends)
    assert answer(served.client(GET % b"here")) == (200, b"/here 0")


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("sends", [GET[:-2] % b"", POST % (b"/", 10) + b"{"])
def test_a_request_that_never_ends_is_broken_off_in_a_sentence(served: Served, sends) -> None:
    client = served.client(sends)
    status, body = answer(client)
    assert status == 408
    assert "too slowly" in json.loads(body)["refused"]
    assert ended(client)


@pytest.mark.usefixtures("hurried")
def test_dripping_does_not_prolong_it(served: Served) -> None:
    client, broken_off = served.client(POST % (b"/", 1000)), threading.Event()

    def drip() -> None:
        while not broken_off.wait(0.05):
            try:
                client.send(b"x")
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        assert ended(client)
    finally:
        broken_off.set()
        dripping.join()


@pytest.mark.usefixtures("hurried")
def test_a_reader_that_does_not_read_is_broken_off(served: Served) -> None:
    client = served.client(GET % b"large")
    assert client.recv(1) == b"H"
    eventually(lambda: not served.server.active_channels)


@pytest.mark.parametrize(("state", "moved", "seconds", "late"), [
    (front.RECEIVING, 0, 19, False), (front.RECEIVING, 0, 21, True),
    # A byte a second; 20 MB over a line of 200 kB/s.
    (front.RECEIVING, 21, 21, True), (front.RECEIVING, 19_900_000, 99, False),
    (front.SENDING, 0, 21, True), (front.SENDING, 5_000_000, 100, False),
    (front.IDLE, 0, 21, True), (front.WORKING, 0, 3600, False),
])  # fmt: skip
def test_how_long_a_client_may_take(state, moved, seconds, late) -> None:
    patience = front.Patience()
    patience.look(state, 1, 0, now=1000.0)
    patience.look(state, 1, moved, now=1000.0 + seconds)
    assert patience.over(1000.0 + seconds) is late


def test_each_request_has_its_own_time() -> None:
    patience = front.Patience()
    for number in range(5):
        patience.look(front.RECEIVING, number, 0, now=15.0 * number)
        assert not patience.over(15.0 * number)


@pytest.mark.parametrize(("path", "size", "status"), [
    ("/views", front.MAX_BODY_BYTES, 413), ("/files", front.MAX_BODY_BYTES, 200),
    ("/files", front.MAX_LARGE_BODY_BYTES, 413),
])  # fmt: skip
def test_how_large_a_body_may_be(served: Served, path, size, status) -> None:
    client = served.client(POST % (path.encode(), size) + (bytes(size) if status == 200 else b""))
    found, body = answer(client)
    assert found == status
    assert b"larger than anything" in body if status == 413 else body == f"{path} {size}".encode()


def test_a_link_that_is_too_long_is_refused_in_a_sentence(served: Served) -> None:
    status, body = answer(served.client(b"GET /?" + b"x" * front.MAX_HEADER_BYTES))
    assert (status, json.loads(body)["refused"].endswith("shorten the link.")) == (431, True)


def test_of_requests_sent_at_once_the_first_is_answered(served: Served) -> None:
    client = served.client(b"".join(GET % str(i).encode() for i in range(20)))
    assert answer(client) == (200, b"/0 0")
    assert ended(client)


class TestFull:
    @pytest.fixture
    def most(self) -> int:
        return 20

    def test_the_one_that_waits_longest_makes_room(self, served: Served) -> None:
        waiting = [served.client() for _ in range(served.server.adj.connection_limit)]
        assert answer(served.client(GET % b"here")) == (200, b"/here 0")
        assert ended(waiting[0])


@pytest.mark.parametrize(
    ("room", "processes", "most"),
    [(512_000_000, 2, 128_000_000), (512_000_000, 1, 256_000_000), (10**12, 2, front.MAX_HELD_BYTES)],
)
def test_what_is_held_fits_into_the_room_for_temporary_files(monkeypatch, room, processes, most) -> None:
    monkeypatch.setattr(front.shutil, "disk_usage", lambda _path: SimpleNamespace(total=room))
    assert front.most_held(processes) == most
