"""Results as files: read back as they were written, from nothing but data, and never wrong when damaged."""

import json
import sys
from dataclasses import dataclass, fields, is_dataclass
from io import BytesIO

import numpy as np
import pytest

from hmmrnn.analysis import kick_neurons
from hmmrnn.analysis.kick_neurons import AlternativeTest
from hmmrnn.analysis.populations import SweptPopulation
from hmmrnn.explorer.experiments import NoiseEffects
from hmmrnn.model.network import Intervention
from hmmrnn.storage.result_files import UnreadableResultError, read_result, write_result
from tests.networks import kick_group, random_network

GROUP = kick_group(
    1,
    (3, 0),
    to=2,
    alternatives=(AlternativeTest("noise", Intervention((4,), 0.0, "input"), np.nan, np.zeros(0), True, False),),
)


@dataclass
class Foreign:
    """A dataclass of another package."""


def same(one, other) -> bool:
    """Whether two results are equal to the last bit, and of the same types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    return repr(one) == repr(other)


@pytest.mark.parametrize(
    "result",
    [
        *(None, True, 7, 0.1, float("nan"), -0.0, "σ", [1, [2.5, None]], (), (1, (2, "a"))),
        {(0, None): 1.5, "a": {"b": ()}},
        GROUP,
        {SweptPopulation("kick", "kick", 0, (1, 2), "recurrent"): np.arange(3)},
        NoiseEffects(sweep=None, sensitivity=None, resonance=None),
        np.array([np.nan, -0.0, np.inf]),
        np.zeros((0, 3), np.float32),
        np.array(5),
        np.array([[1 + 2j, np.nan]]),
        np.array(["cluster", "ω"]),
        np.array([[True, False]]),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        random_network().W_hh,
    ],
    ids=lambda result: type(result).__name__,
)
def test_a_result_is_read_as_it_was_written(result):
    assert same(read_result(write_result(result)), result)


def test_a_number_of_numpy_becomes_the_same_of_python():
    assert same(read_result(write_result((np.float64(0.1), np.int32(3), np.bool_(True)))), (0.1, 3, True))


def test_equal_results_have_equal_files():
    assert write_result(GROUP) == write_result(read_result(write_result(GROUP)))


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        read_result(write_result(np.zeros(3)))[0] = 1


@pytest.mark.parametrize(
    "foreign",
    [object(), {1, 2}, np.array([object()]), b"bytes", sys.version_info, Foreign()],
    ids=lambda foreign: type(foreign).__name__,
)
def test_what_is_neither_plain_nor_of_this_package_is_not_written(foreign):
    with pytest.raises(TypeError, match="a result may hold plain values, arrays and records of hmmrnn; got"):
        write_result([foreign])


def test_a_damaged_file_is_read_as_it_was_or_not_at_all():
    data = write_result(GROUP)
    survived = 0
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        try:
            assert same(read_result(bytes(damaged)), GROUP)
            survived += 1
        except UnreadableResultError:
            pass
    # Times and rights of the members of the archive say nothing of the result.
    assert survived < len(data) / 2
    for end in range(0, len(data), 7):
        with pytest.raises(UnreadableResultError):
            read_result(data[:end])


@pytest.mark.parametrize(
    "tree",
    [
        {"record": ["os:system", [["command", "true"]]]},
        {"record": ["hmmrnn.cli:main", [["argv", []]]]},
        {"record": ["hmmrnn.nowhere:KickGroup", []]},
        {"record": ["hmmrnn.analysis.kick_neurons:KickGroup", [["output", 1]]]},
        {"set": [1]},
        {"array": 1},
        {},
    ],
    ids=json.dumps,
)
def test_a_file_of_anything_else_is_not_read(tree):
    file = BytesIO()
    np.savez_compressed(file, np.frombuffer(json.dumps(tree).encode(), np.uint8))
    with pytest.raises(UnreadableResultError):
        read_result(file.getvalue())


def test_a_result_of_other_code_is_not_read(monkeypatch):
    data = write_result(GROUP)
    monkeypatch.delattr(kick_neurons, "AlternativeTest")
    with pytest.raises(UnreadableResultError, match="AlternativeTest"):
        read_result(data)
