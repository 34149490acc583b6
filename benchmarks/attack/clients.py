"""Attacks of slow clients and of pages of other sites."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from benchmarks.attack.trial import PATIENCE_SECONDS, Outcome, Trial, Victim

# What a monitor must get its answer within, whatever others do.
HEALTHY_SECONDS = 1.0
SLOW = 50
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-More: "
BODY = b"POST /views HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
READ = b"GET /assets/main.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
PICTURE = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}
COSTLY = ("/live/page", "/live/backdrop", "/run.npz", "/moments", "/report")


def _slow(words: str, sends: bytes) -> Callable[[Victim, int], Outcome]:
    """A trial of clients that send something and then no more."""

    def run(victim: Victim, scale: int) -> Outcome:
        with ExitStack() as clients:
            for _ in range(SLOW * scale):
                made = socket.create_connection(("127.0.0.1", victim.server.port), PATIENCE_SECONDS)
                clients.enter_context(made).sendall(sends)
            # The best of some: the machine of a test is busy with other things too.
            answers = [victim.get("/healthz") for _ in range(5)]
        best = min((answer.seconds for answer in answers if answer.status == 200), default=PATIENCE_SECONDS)
        seen = f"/healthz after {best:.3f} s, in {sum(answer.status == 200 for answer in answers)} of {len(answers)}"
        return Outcome(f"{SLOW * scale} clients that {words}", seen, best < HEALTHY_SECONDS)

    return run


def _scripts(victim: Victim, scale: int) -> Outcome:
    """The largest script of the page, asked for by many at once who read it."""
    page = victim.get("/").body.decode()
    (path,) = set(re.findall(r'href="([^"]*/plotly/[^"]*plotly[^"]*\.js)"', page))
    count = SLOW * scale
    began = time.monotonic()
    with ThreadPoolExecutor(count) as threads:
        found = list(threads.map(lambda _: victim.send(path, None, "GET", Accept_Encoding="gzip"), range(count)))
        alive = victim.get("/healthz")
    whole = sum(answer.status == 200 and len(answer.body) == len(found[0].body) for answer in found)
    seen = f"{whole} answered within {time.monotonic() - began:.1f} s; /healthz then: {alive.status}"
    return Outcome(f"{count} requests for {len(found[0].body):,} bytes of plotly.min.js", seen, whole == count)


def _pictures(victim: Victim, scale: int) -> Outcome:
    """Costly addresses as pictures on a page of another site."""
    paths = [f"{path}?model=small&seed={seed}" for seed in range(scale) for path in COSTLY]
    began = time.monotonic()
    found = [victim.send(path, None, "GET", **PICTURE).status for path in paths]
    seen = f"{found.count(403)} refused, in {time.monotonic() - began:.1f} s"
    return Outcome(f"{len(paths)} pictures of costly addresses", seen, set(found) == {403})


def _rebinding(victim: Victim, scale: int) -> Outcome:
    """Requests under the name of another site that means this machine."""
    asked = [("/link?", None, "GET"), ("/", None, "GET"), ("/views", b"{}", "POST"), ("/files", b"x", "POST")] * scale
    headers = {"Host": "evil.example", "Content_Type": "application/json", "X_Requested_With": "x"}
    found = [victim.send(path, body, method, **headers).status for path, body, method in asked]
    return Outcome(f"{len(asked)} requests as evil.example", f"{found.count(421)} refused", set(found) == {421})


def _pipelined(victim: Victim, scale: int) -> Outcome:
    """One connection that asks for many large answers and reads none."""
    count = 80 * scale
    with socket.create_connection(("127.0.0.1", victim.server.port), PATIENCE_SECONDS) as client:
        client.sendall(b"GET /_dash-layout HTTP/1.1\r\nHost: localhost\r\n\r\n" * count)
        client.settimeout(PATIENCE_SECONDS)
        received = bytearray()
        try:
            while piece := client.recv(1_000_000):
                received += piece
        except ConnectionResetError:
            pass
    answers = received.count(b"HTTP/1.1 200")
    return Outcome(f"{count} requests at once on one connection", f"{answers} answered", answers <= 1)


TRIALS = (
    Trial("Half a header", "40 held all threads for good", _slow("send half a header", HEAD)),
    Trial("Half a body", "40 held all threads for good", _slow("send half a body", BODY)),
    Trial("Readers that do not read", "40 held all threads for good", _slow("do not read", READ)),
    Trial("Idle connections", "not measured", _slow("connect and send nothing", b"")),
    Trial("A large script for many", "each was compressed anew, one after another", _scripts),
    Trial("Many requests at once", "all answered", _pipelined),
    Trial("Pictures on a page of another site", "computed outside of the turns", _pictures),
    Trial("A name of another site", "answered, so that its page could read and write everything", _rebinding),
)
