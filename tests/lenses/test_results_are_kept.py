"""Results of six lenses, and the networks in them, come back from the cache as they were."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from hmmrnn.explorer.lens_answers import LensAnswer
from hmmrnn.model.network import Network
from hmmrnn.storage.result_files import read_result, write_result
from tests.figures.lenses.test_curves import DRAWN, taught
from tests.networks import random_network


def same(one: object, other: object) -> bool:
    if isinstance(one, Network):
        return isinstance(other, Network) and np.array_equal(one.W_hh, other.W_hh) and one.metadata == other.metadata
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, tuple):
        return isinstance(other, tuple) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("name", DRAWN)
def test_a_result_comes_back_as_it_was(name) -> None:
    made = DRAWN[name][1]()
    back = read_result(write_result(LensAnswer(made, None)))
    assert same(made, back.now)


def test_students_come_back_as_networks() -> None:
    made = replace(taught(), students=(random_network(n=4), random_network(n=5)))
    assert same(made, read_result(write_result(made)))
