"""Numbers in words."""

import pytest

from hmmrnn.figures.words import say_count, say_ordinal


@pytest.mark.parametrize(("count", "words"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (12_345, "12,345 runs")])
def test_one_is_singular(count, words):
    assert say_count(count, "run") == words


def test_places_in_an_order():
    assert [say_ordinal(place) for place in (1, 3, 10, 11, 1200)] == [
        "first", "third", "tenth", "number 11", "number 1,200",
    ]  # fmt: skip
