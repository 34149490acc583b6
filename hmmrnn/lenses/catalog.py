"""The list of lenses, each with its paper, its help, its function, and the names of its numbers.

Command line, page and documentation are made from this list. Adding a lens takes its module and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.analysis.orbit import Plane
from hmmrnn.model.network import Network, few_threads

Groups = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Lens:
    """One lens.

    Attributes:
        id: its name on the command line, in links, and of its function.
        title: of its card.
        paper: what it is taken from.
        help: one paragraph: what it measures, and how to read it.
        home: "module:function" within this package.
        numbers: fields of the result that other programs get, each with its standard error and null where there is one.
        takes: of "plane" and "groups", those that the function takes besides network and seed.
    """

    id: str
    title: str
    paper: str
    help: str
    home: str
    numbers: tuple[str, ...]
    takes: frozenset[str] = frozenset()

    @property
    def function(self) -> Callable[..., Any]:
        """The function; its module is imported with the first use."""
        module, _, name = self.home.partition(":")
        found: Callable[..., Any] = getattr(import_module(f"hmmrnn.lenses.{module}"), name)
        return found

    def look(
        self,
        network: Network,
        seed: int = 0,
        plane: Plane | None = None,
        groups: Groups | None = None,
        on_progress: ProgressCallback = no_progress,
    ) -> Any:
        """The result for a network; a plane or groups that the lens does not take are left out.

        Raises:
            ValueError: the network has nothing that the lens could measure; the sentence says why.
        """
        given = {name: value for name, value in (("plane", plane), ("groups", groups)) if name in self.takes}
        # The products of most lenses are too small for a second thread of BLAS to gain anything.
        with few_threads(network):
            return self.function(network, seed, **given, on_progress=on_progress)


LENSES: tuple[Lens, ...] = (
    Lens(
        id="current",
        title="Drift and diffusion",
        paper="Drift-Diffusion Matching",
        help="Where a state of the plane goes in one step on average (drift), how far noise spreads it (diffusion), "
        "and the current of probability that is left when both directions of time are set off against each other. A "
        "process that looks the same backwards has no current. The area rate says how much area the state circles in "
        "a step; the entropy production, how well forward and backward can be told apart, as a lower bound from runs "
        "that were held out. The null is the same with half of the runs reversed in time.",
        home="drift_diffusion:current",
        numbers=("area_rate", "entropy_production"),
        takes=frozenset({"plane"}),
    ),
)


def lens_named(name: str) -> Lens:
    """The lens with an id.

    Raises:
        ValueError: there is none.
    """
    for lens in LENSES:
        if lens.id == name:
            return lens
    raise ValueError(f"the lens must be one of {', '.join(lens.id for lens in LENSES)}; got {name!r}")


def headline(lens: Lens, result: Any) -> dict[str, Any]:
    """The numbers of a result as plain values: each with its `_se` and `_null` where the result has one."""
    names = [f"{name}{kind}" for name in lens.numbers for kind in ("", "_se", "_null")]
    return {name: _plain(getattr(result, name)) for name in names if hasattr(result, name)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
