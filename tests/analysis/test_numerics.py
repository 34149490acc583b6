"""Pieces that run at once give what they give one after the other."""

import threading

import pytest

from hmmrnn.analysis import numerics
from hmmrnn.analysis.numerics import on_all_cores
from tests.programs import PATIENCE_SECONDS


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items(monkeypatch, threads):
    monkeypatch.setattr(numerics, "THREADS", threads)
    assert on_all_cores(lambda x: x * x, range(20)) == [x * x for x in range(20)]
    assert on_all_cores(lambda x: x, []) == []


def test_two_run_at_once(monkeypatch):
    monkeypatch.setattr(numerics, "THREADS", 2)
    # Each waits for the other: one after the other they would not end.
    meet = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    assert sorted(on_all_cores(lambda _: meet.wait(), range(2))) == [0, 1]


def test_what_one_raises_is_raised(monkeypatch):
    monkeypatch.setattr(numerics, "THREADS", 2)

    def fails(x: int) -> int:
        if x == 3:
            raise FloatingPointError("of item 3")
        return x

    with pytest.raises(FloatingPointError, match="of item 3"):
        on_all_cores(fails, range(6))
