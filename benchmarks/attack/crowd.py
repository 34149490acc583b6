"""Viewers beside attackers: pages are used while others drip, flood with questions that are refused, and upload."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from tempfile import TemporaryFile

from benchmarks.attack.questions import views
from benchmarks.attack.trial import PATIENCE_SECONDS, Outcome, Trial, Victim
from benchmarks.load import locust
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.shipped import MODELS

# Of the short trial, and of the long one.
VIEWERS, MINUTES = {1: 3, 10: 50}, {1: 0.1, 10: 3.0}
DRIPPING = 20
DRIP_SECONDS = 1.0
BEGUN = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-More: "


class Attackers:
    """What goes on beside the viewers until it is stopped: each attack in a thread of its own, counted."""

    def __init__(self, victim: Victim) -> None:
        self.victim, self.stopped = victim, threading.Event()
        self.counts = {"drips": 0, "refused": 0, "uploads": 0}
        self.threads: list[threading.Thread] = []

    def begin(self, attack: Callable[[], None]) -> None:
        """Attack from now on."""
        self.threads.append(threading.Thread(target=attack))
        self.threads[-1].start()

    def stop(self) -> None:
        """Stop all attacks, and wait until they have ended."""
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def drip(self, clients: int) -> None:
        """So many clients that send a byte of their header a second; one that is sent away comes again."""
        with ExitStack() as stack:
            made: list[socket.socket | None] = [None] * clients
            while not self.stopped.wait(DRIP_SECONDS):
                for i, client in enumerate(made):
                    try:
                        if client is None:
                            made[i] = self._begun(stack)
                        else:
                            client.send(b"a")
                        self.counts["drips"] += 1
                    except OSError:
                        made[i] = None

    def _begun(self, stack: ExitStack) -> socket.socket:
        made = stack.enter_context(socket.create_connection(("127.0.0.1", self.victim.server.port), PATIENCE_SECONDS))
        made.sendall(BEGUN)
        made.setblocking(False)
        return made

    def ask(self) -> None:
        """Questions that are refused, one after the other."""
        question = views({"model": DEFAULT_MODEL, "sigma": 9.0}, ["orbit"])
        while not self.stopped.is_set():
            self.counts["refused"] += self.victim.ask("/views", question).refused

    def upload(self) -> None:
        """Files that are no networks, one after the other."""
        for number in count():
            if self.stopped.is_set():
                return
            body = b"no network " + str(number).encode()
            self.victim.send(f"/files?name=flood-{number}.pth", body, X_Requested_With="attack")
            self.counts["uploads"] += 1


def _viewers(victim: Victim, scale: int) -> Outcome:
    shutil.copy(MODELS / f"{DEFAULT_MODEL}.safetensors", victim.models)
    attackers, viewers, minutes = Attackers(victim), VIEWERS[scale], MINUTES[scale]
    began = time.monotonic()
    try:
        attackers.begin(lambda: attackers.drip(DRIPPING * scale))
        attackers.begin(attackers.ask)
        attackers.begin(attackers.upload)
        with TemporaryFile("w+") as said, locust(victim.server.url, viewers, minutes, said) as process:
            process.wait()
            said.seek(0)
            requests = json.loads(said.read())
    finally:
        attackers.stop()
    clicks = sum(one["num_requests"] for one in requests if one["name"].startswith("click"))
    failed, asked = (sum(one[name] for one in requests) for name in ("num_failures", "num_requests"))
    asked -= clicks
    counts = attackers.counts
    sent = (
        f"{viewers} viewers who click once a second for {60 * minutes:.0f} s, beside {DRIPPING * scale} clients "
        f"that send a byte a second, one that asks {counts['refused']:,} questions that are refused, and one that "
        f"uploads {counts['uploads']:,} files"
    )
    seen = (
        f"{clicks:,} clicks and {asked:,} answers to viewers, {failed} of them failed, "
        f"in {time.monotonic() - began:.0f} s"
    )
    return Outcome(sent, seen, failed == 0 < asked and min(counts.values()) > 0)


TRIALS = (Trial("Viewers beside attackers", "not measured", _viewers),)
