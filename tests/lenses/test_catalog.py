"""The list of lenses: each entry names a function of the package, and results have the fields that it promises."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

import numpy as np
import pytest

import hmmrnn
from hmmrnn import lenses
from hmmrnn.lenses.catalog import LENSES, Lens, headline, lens_named
from hmmrnn.model.network import Network, Result


def test_every_module_is_a_lens_or_listed_beside_them() -> None:
    homes = [lens.home.partition(":")[0] for lens in LENSES]
    beside = re.findall(r"^\| `(\w+)`", lenses.__doc__ or "", re.MULTILINE)
    assert sorted([*homes, *beside]) == sorted(module.name for module in iter_modules(lenses.__path__))


@pytest.mark.parametrize("lens", LENSES, ids=lambda lens: lens.id)
class TestEntry:
    def test_its_function_is_the_one_public_function_of_its_name(self, lens) -> None:
        module, _, name = lens.home.partition(":")
        assert name == lens.id != module
        assert getattr(lenses, lens.id) is lens.function
        assert getattr(hmmrnn.lenses, lens.id) is getattr(import_module(f"hmmrnn.lenses.{module}"), lens.id)
        assert inspect.signature(lens.function).parameters.keys() == {"network", "seed", *lens.takes, "on_progress"}

    def test_its_words(self, lens) -> None:
        assert lens.paper
        assert lens.title[0].isupper()
        assert 100 < len(lens.help) < 900
        assert "\n" not in lens.help
        assert lens.help.endswith(".")

    def test_its_result_has_its_numbers(self, lens) -> None:
        kind = inspect.signature(lens.function, eval_str=True).return_annotation
        assert issubclass(kind, Result)
        fields = {*kind.__dataclass_fields__, *(name for name, _ in inspect.getmembers(kind))}
        assert set(lens.numbers) <= fields

    def test_a_network_that_diverges_is_refused_in_a_sentence(self, lens) -> None:
        grows = Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4), metadata={"family": "linear-2"})
        with pytest.raises(ValueError, match=r"grows without bound, from step \d+ on"):
            lens.look(grows, 0)


def test_an_unknown_lens() -> None:
    assert lens_named("current").title == "Drift and diffusion"
    with pytest.raises(ValueError, match=r"the lens must be one of current.*; got 'flow'"):
        lens_named("flow")
    with pytest.raises(AttributeError, match="no attribute 'flow'"):
        _ = lenses.flow


def test_the_headline_has_errors_and_nulls() -> None:
    @dataclass(frozen=True)
    class Found(Result):
        rate: float
        rate_se: float
        rate_null: float
        barriers: dict[str, np.float64]
        path: np.ndarray

    found = Found(1.0, 0.1, np.float64(0.0), MappingProxyType({"0->1": np.float64(2.0)}), np.arange(2))
    lens = Lens("a", "A", "P", "H", "m:a", ("rate", "barriers", "path"))
    wanted = {"rate": 1.0, "rate_se": 0.1, "rate_null": 0.0, "barriers": {"0->1": 2.0}, "path": [0, 1]}
    assert headline(lens, found) == wanted
    assert type(headline(lens, found)["rate_null"]) is float
