"""Numbers in words."""

import pytest

from hmmrnn.figures.words import say_count


@pytest.mark.parametrize(("count", "words"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (12_345, "12,345 runs")])
def test_one_is_singular(count, words):
    assert say_count(count, "run") == words
