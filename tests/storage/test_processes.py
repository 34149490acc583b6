"""A process whose memory is bounded says so, and goes on; signals are noted whenever they come."""

from __future__ import annotations

import subprocess
import sys

import pytest

BOUNDED = """
from hmmrnn.storage.processes import bound_memory
bound_memory({megabytes})
try:
    kept = bytearray(2**30)
    print("there is room")
except MemoryError:
    print("there is none for", len(bytearray(2**20)) and "so much")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such bound")
@pytest.mark.parametrize(("megabytes", "words"), [(600, "there is none for so much"), (4096, "there is room")])
def test_beyond_the_bound_there_is_a_memory_error(megabytes: int, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED.format(megabytes=megabytes)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == words


PESTERED = """
import os, signal, threading, time
from hmmrnn.storage.processes import noted_signals

sent = threading.Event()

def pester():
    for _ in range(2000):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1e-4)
    sent.set()

with noted_signals() as signalled:
    assert not signalled.wait(1e-3)
    sender = threading.Thread(target=pester)
    sender.start()
    while not sent.is_set():
        signalled.wait(1e-6)
    sender.join()
    print(signalled.is_set(), signalled.wait(1e9))
"""


def test_a_signal_that_comes_while_one_is_waited_for_holds_nothing_up() -> None:
    done = subprocess.run([sys.executable, "-c", PESTERED], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout.split(), done.stderr[-500:]) == (["True", "True"], "")
