"""A process whose memory is bounded says so, and goes on."""

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
