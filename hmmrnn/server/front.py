"""The web process: a thread works on a request once it has arrived whole, and is free while the answer is sent.

Waitress reads and writes all connections in one loop, and hands only complete requests to its threads; gunicorn starts
and supervises such processes. A client that sends or reads slowly holds a connection and no thread. It has
GRACE_SECONDS, and a second more for each RATE bytes that have come or gone, for a request and for an answer each: a
file of 20 MB may take seven minutes, a byte a second is broken off. When connections or memory run short, those that
have waited longest for their client go first.
"""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import Error

GRACE_SECONDS, RATE = 20.0, 50_000
# An open connection without a request is kept for the next one.
IDLE_SECONDS = 20.0
# While the process ends, such a connection is kept a little longer: a request may be on its way.
LINGER_SECONDS = 2.0
MAX_CONNECTIONS = 2000
# From this share of them on the oldest make room for new ones.
FULL = 0.8
# Files for the body, the answer and the connection itself.
FILES_EACH, OTHER_FILES = 3, 200
# Of one process, on disk: what has come of unfinished requests, and what has not gone of answers; at most this, and so
# much of the room for temporary files that all processes together leave half of it.
MAX_HELD_BYTES, HELD_SHARE = 600_000_000, 0.5
MAX_HEADER_BYTES = 65_536
# Of a request; what the address itself permits is less, and refused there in its own words.
MAX_BODY_BYTES = 2_000_000
# An uploaded network.
LARGE_BODY_PATHS, MAX_LARGE_BODY_BYTES = frozenset({"/files"}), 24_000_000
LOOP_SECONDS = 1
IDLE, RECEIVING, WORKING, SENDING = "idle", "receiving", "working", "sending"


@dataclass
class Patience:
    """How long a connection has waited for its client."""

    key: tuple[str, Any] = ("", None)  # the state of the connection, and which request or answer that is about
    since: float = 0.0  # when that began, in seconds
    allowed: float = math.inf  # seconds that the client may take for it

    def look(self, state: str, about: Any, moved: int, now: float) -> None:
        """Note the state of the connection, and how many bytes have come or gone since that began."""
        if self.key != (state, about):
            self.key, self.since = (state, about), now
        allowed = {IDLE: IDLE_SECONDS, WORKING: math.inf}
        self.allowed = allowed.get(state, GRACE_SECONDS + moved / RATE)

    def over(self, now: float) -> bool:
        """Whether the client has taken longer than it may."""
        return now - self.since > self.allowed


class _TooSlow(Error):
    code, reason = 408, "Request Timeout"


class _Parser(HTTPRequestParser):
    """Reads a request; how large its body may be depends on its address."""

    def parse_header(self, header_plus: bytes) -> None:
        self.adj: Adjustments
        super().parse_header(header_plus)
        if self.path in LARGE_BODY_PATHS:
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = MAX_LARGE_BODY_BYTES


class _Refusal(ErrorTask):
    """The answer to what is not a request, or one that is too large or too slow: a sentence that the page shows."""

    def execute(self) -> None:
        error = self.request.error
        text = _SENTENCES.get(error.code, f"This is not a request that a browser sends: {error.body}.")
        body = json.dumps({"refused": text, "state": "refused", "sentence": text}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


_SENTENCES = {
    408: "The request came too slowly and was broken off; try again on a faster line.",
    413: "The request is larger than anything that this server takes; send less.",
    500: "The server could not answer this; its log says why.",
    431: f"The address and headers have more than {MAX_HEADER_BYTES:,} bytes; shorten the link.",
}


class _Channel(HTTPChannel):
    """A connection whose client has only so long."""

    request: _Parser | None
    parser_class = _Parser
    error_task_class = _Refusal

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent, self.emptied, self.patience = 0, 0, Patience()
        self.hasty = False
        super().__init__(*args, **kwargs)
        self.look(time.monotonic())

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self.sent += sent
        if sent and sent == self.total_outbufs_len:
            self.sent, self.emptied = 0, self.emptied + 1
        return sent

    def received(self, data: bytes) -> bool:
        """Take what has come; of requests that are sent without waiting for an answer, the first one alone."""
        taken: bool = super().received(data)
        with self.requests_lock:
            # A few bytes could ask for any number of large answers at once. No browser sends requests like that.
            self.hasty = self.hasty or len(self.requests) > 1
            del self.requests[1:]
        return taken

    def service(self) -> None:
        """Answer the request; after a client that did not wait, the connection ends."""
        super().service()
        if self.hasty:
            self.close_when_flushed = True
            self.server.pull_trigger()

    def look(self, now: float) -> None:
        """Note how long the connection has waited for its client."""
        request = self.request
        if self.total_outbufs_len:
            self.patience.look(SENDING, self.emptied, self.sent, now)
        elif self.requests:
            self.patience.look(WORKING, None, 0, now)
        elif request is not None:
            self.patience.look(RECEIVING, request, request.body_bytes_received, now)
        else:
            self.patience.look(IDLE, self.emptied, 0, now)

    @property
    def state(self) -> str:
        """Whether it is idle, receiving, working or sending."""
        return self.patience.key[0]

    @property
    def held(self) -> int:
        """Bytes that are kept for it."""
        return int(self.total_outbufs_len) + (self.request.body_bytes_received if self.request else 0)

    def break_off(self) -> None:
        """Say that the request came too slowly, or just close where nothing can be said. Called in the loop alone."""
        with self.requests_lock:
            request = self.request
            if self.state == RECEIVING and request is not None and not self.requests:
                request.error, self.request = _TooSlow(""), None
                self.requests.append(request)
                self.server.add_task(self)
                return
        self.handle_close()


class _Server(TcpWSGIServer):
    """Connections of one listening socket."""

    channel_class = _Channel
    most_held = MAX_HELD_BYTES

    def maintenance(self, now: float) -> None:
        """Break off clients that have taken too long, and more of them while connections or memory run short."""
        now = time.monotonic()
        channels = list(self.active_channels.values())
        for channel in channels:
            channel.look(now)
        late = [channel for channel in channels if channel.patience.over(now)]
        for channel in late or self._pressed(channels):
            channel.break_off()

    def _pressed(self, channels: list[_Channel]) -> list[_Channel]:
        """Those that go to make room: the ones that have waited longest for their client."""
        too_many = len(channels) - int(FULL * self.adj.connection_limit)
        too_much = sum(channel.held for channel in channels) - self.most_held
        chosen: list[_Channel] = []
        for channel in sorted(channels, key=lambda channel: channel.patience.since):
            if too_many <= 0 and too_much <= 0:
                break
            if channel.state != WORKING and (too_many > 0 or channel.held):
                chosen.append(channel)
                too_many, too_much = too_many - 1, too_much - channel.held
        return chosen

    def busy(self) -> Iterator[_Channel]:
        """The connections that the process should not end before."""
        now = time.monotonic()
        for channel in list(self.active_channels.values()):
            channel.look(now)
            if channel.state != IDLE or now - channel.patience.since < LINGER_SECONDS:
                yield channel


class WebProcess(Worker):
    """A process that gunicorn starts and supervises: connections in one loop, requests in threads.

    Given to gunicorn as `--worker-class hmmrnn.server.front.WebProcess`.
    """

    def run(self) -> None:
        """Serve until this process is asked to end or its parent is gone; then finish what is under way."""
        self.connections: dict[int, Any] = {}
        most = _most_connections()
        self.servers = [
            listen(self.wsgi, listener.sock, self.connections, self.cfg.threads, most) for listener in self.sockets
        ]
        for server in self.servers:
            server.most_held = most_held(self.cfg.workers)
        while self.alive and self.ppid == os.getppid():
            self._turn()
        for server in self.servers:
            server.accepting = False
        until = time.monotonic() + self.cfg.graceful_timeout
        while time.monotonic() < until and any(next(server.busy(), None) for server in self.servers):
            self._turn()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End the loop at once, rather than after its next turn."""
        super().handle_exit(sig, frame)
        for server in getattr(self, "servers", ()):
            server.pull_trigger()

    def _turn(self) -> None:
        self.notify()
        turn(self.connections)


def listen(application: Any, listener: socket.socket, connections: dict[int, Any], threads: int, most: int) -> _Server:
    """Answer at a listening socket, as far as the loop over `connections` turns.

    Args:
        application: by WSGI.
        listener: where clients connect.
        connections: all that the loop reads and writes; the new ones are added.
        threads: number of requests that are answered at the same time.
        most: number of connections that may be open at the same time.
    """
    adjustments = Adjustments(
        threads=threads,
        connection_limit=most,
        cleanup_interval=LOOP_SECONDS,
        max_request_header_size=MAX_HEADER_BYTES,
        max_request_body_size=MAX_BODY_BYTES,
        # An answer never waits for its reader in a thread.
        outbuf_high_watermark=sys.maxsize,
        # The application knows how many proxies to trust.
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,
        ident=None,
    )
    where = (listener.family, listener.type, listener.proto, listener.getsockname())
    return _Server(application, connections, True, listener, adj=adjustments, sockinfo=where, bind_socket=False)


def turn(connections: dict[int, Any], seconds: float = LOOP_SECONDS) -> None:
    """Read and write what can be read and written, after waiting for it at most so long."""
    wasyncore.poll2(seconds, connections)


def most_held(processes: int) -> int:
    """Bytes that each of so many processes may hold for its clients.

    Waitress keeps what is larger than 1 MB in the folder for temporary files, which may be a small one in memory.
    """
    room = shutil.disk_usage(tempfile.gettempdir()).total
    return min(MAX_HELD_BYTES, int(HELD_SHARE * room / processes))


def _most_connections() -> int:
    """How many connections this process may hold: as many as the system gives it files for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_EACH * MAX_CONNECTIONS + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return (most - OTHER_FILES) // FILES_EACH
