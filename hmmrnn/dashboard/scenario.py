"""What is being looked at? One small value that decides everything on the page.

A `Scenario` is the element of the undo stack, the permalink, the cache key and the argument of every query.
The server keeps nothing per viewer: any web process can answer any request from the scenario alone.

    /?model=linear-2&ablate=13,22&gain=5,6:0.5:recurrent&sigma=1.0&seed=0&steps=400&trajectories=10&colour=output

`ablate` lists single neurons that are silenced, each for itself; each `gain` is one intervention on a group,
as neurons:mu:target. `pair=0-2` chooses the plane of two outputs, `view=3d` a third axis.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlencode

from hmmrnn.network import Intervention

COLOURS = {
    "output": "Output",
    "region": "Region",
    "residency": "Residency time",
    "speed": "Speed",
    "neuron": "Pre-activation of a neuron",
}
MAX_SIGMA = 5.0
MAX_MU = 2.0
MAX_SEED = 2**31 - 1
STEPS = (50, 2000)
TRAJECTORIES = (1, 64)
MAX_STATES = 32_000
MAX_INTERVENTIONS = 200

DIMENSIONS = (2, 3)

_KNOWN = ("model", "sigma", "seed", "steps", "trajectories", "colour", "neuron", "pair", "view", "ablate", "gain")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Scenario:
    """Which network, under which noise, with which neurons touched, seen how.

    Attributes:
        model: name of a network in the models folder, without its suffix.
        sigma: standard deviation of each noise input, 0 to 5.
        seed: seed of the noise.
        steps: T, the window of each trajectory in time steps, 50 to 2,000.
        trajectories: B, 1 to 64; at most 32,000 steps in all.
        colour: what the state space is coloured by, a key of `COLOURS`.
        neuron: the neuron whose pre-activation colours the states when colour is "neuron".
        interventions: in the order in which they were made; mu from 0 to 2.
        pair: two outputs, the lower one first, if the plane is that of the stretches which visit only them and if only
            their states are shown; None for the plane of all states.
        dimensions: of the state space: 2 or 3.

    Raises:
        ValueError: a value is out of range.
    """

    model: str
    sigma: float = 1.0
    seed: int = 0
    steps: int = 400
    trajectories: int = 10
    colour: str = "output"
    neuron: int = 0
    interventions: tuple[Intervention, ...] = ()
    pair: tuple[int, int] | None = None
    dimensions: int = 2

    def __post_init__(self) -> None:
        if not MODEL_NAME.fullmatch(self.model):
            raise ValueError(
                f"model must be the name of a network, of letters, digits, dot and dash; got {self.model!r}"
            )
        _check_range("sigma", self.sigma, 0, MAX_SIGMA)
        _check_range("seed", self.seed, 0, MAX_SEED)
        _check_range("steps", self.steps, *STEPS)
        _check_range("trajectories", self.trajectories, *TRAJECTORIES)
        _check_range("neuron", self.neuron, 0, MAX_SEED)
        if self.steps * self.trajectories > MAX_STATES:
            raise ValueError(
                f"steps times trajectories must be at most {MAX_STATES:,}; "
                f"got {self.steps:,} x {self.trajectories} = {self.steps * self.trajectories:,}"
            )
        if self.colour not in COLOURS:
            raise ValueError(f"colour must be one of {', '.join(COLOURS)}; got {self.colour!r}")
        if len(self.interventions) > MAX_INTERVENTIONS:
            raise ValueError(f"at most {MAX_INTERVENTIONS} interventions are kept; got {len(self.interventions)}")
        for item in self.interventions:
            _check_range("mu", item.mu, 0, MAX_MU)
        if self.pair is not None and not 0 <= self.pair[0] < self.pair[1] <= MAX_SEED:
            raise ValueError(
                f"pair must be two outputs, the lower one first, as in 0-2; got {self.pair[0]}-{self.pair[1]}"
            )
        if self.dimensions not in DIMENSIONS:
            raise ValueError(f"dimensions must be 2 or 3; got {self.dimensions}")

    @property
    def intact(self) -> Scenario:
        """The same scenario with every neuron left alone."""
        return replace(self, interventions=())

    @property
    def motion(self) -> Scenario:
        """The same scenario without what only changes its look: the key of everything computed from its states."""
        ordered = tuple(sorted(self.interventions, key=_order))
        return replace(self, colour="output", neuron=0, dimensions=2, interventions=ordered)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the page's store holds them."""
        pair = None if self.pair is None else list(self.pair)
        return {**asdict(self), "interventions": [_plain(item) for item in self.interventions], "pair": pair}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scenario:
        """Build a scenario from what a page sent.

        Raises:
            ValueError: a field is unknown, has another type or is out of range.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a scenario must map names to values; got {type(data).__name__}")
        known = set(cls.__dataclass_fields__)
        if "model" not in data or not set(data) <= known:
            raise ValueError(f"a scenario has a model and may have {', '.join(sorted(known))}; got {sorted(data)}")
        try:
            return cls(
                model=str(data["model"]),
                sigma=float(data.get("sigma", cls.sigma)),
                seed=_whole("seed", data.get("seed", cls.seed)),
                steps=_whole("steps", data.get("steps", cls.steps)),
                trajectories=_whole("trajectories", data.get("trajectories", cls.trajectories)),
                colour=str(data.get("colour", cls.colour)),
                neuron=_whole("neuron", data.get("neuron", cls.neuron)),
                interventions=tuple(_intervention(item) for item in data.get("interventions", ())),
                pair=_pair(data.get("pair")),
                dimensions=_whole("dimensions", data.get("dimensions", cls.dimensions)),
            )
        except (TypeError, KeyError, OverflowError) as error:
            raise ValueError(f"the scenario could not be read ({error}); open a link copied from this page") from error

    def to_query(self) -> str:
        """The query string of this scenario's link, without the question mark."""
        pairs: list[tuple[str, str]] = [("model", self.model)]
        # Silenced neurons that follow each other share one parameter; the order is that of the interventions.
        for alone, items in groupby(self.interventions, key=_is_ablation):
            if alone:
                pairs.append(("ablate", ",".join(str(item.neurons[0]) for item in items)))
            else:
                pairs += [("gain", _gain(item)) for item in items]
        pairs += [("sigma", _number(self.sigma)), ("seed", str(self.seed))]
        pairs += [("steps", str(self.steps)), ("trajectories", str(self.trajectories)), ("colour", self.colour)]
        if self.colour == "neuron":
            pairs.append(("neuron", str(self.neuron)))
        if self.pair is not None:
            pairs.append(("pair", f"{self.pair[0]}-{self.pair[1]}"))
        if self.dimensions != type(self).dimensions:
            pairs.append(("view", f"{self.dimensions}d"))
        return urlencode(pairs, safe=",:")

    @classmethod
    def from_query(cls, query: str, default_model: str) -> Scenario:
        """Read a link; what it does not say is as in a new scenario.

        Args:
            query: with or without the question mark.
            default_model: the network to open if the link names none.

        Raises:
            ValueError: a parameter is unknown, unreadable or out of range.
        """
        data: dict[str, Any] = {"model": default_model}
        interventions: list[dict[str, Any]] = []
        for key, value in parse_qsl(query.lstrip("?"), keep_blank_values=True):
            if key not in _KNOWN:
                raise ValueError(f"unknown link parameter {key!r}; known are {', '.join(_KNOWN)}")
            if key == "ablate":
                interventions += [{"neurons": [i], "mu": 0.0, "target": "unit"} for i in _indices(value)]
            elif key == "gain":
                interventions.append(_read_gain(value))
            elif key in ("model", "colour"):
                data[key] = value
            elif key == "pair":
                data[key] = _read_pair(value)
            elif key == "view":
                data["dimensions"] = _read_view(value)
            else:
                data[key] = _read_number(key, value)
        return cls.from_dict({**data, "interventions": interventions})


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:,} to {high:,}; got {value:g}")


def _order(item: Intervention) -> tuple[Any, ...]:
    return (item.target, item.neurons, item.mu)


def _is_ablation(item: Intervention) -> bool:
    return len(item.neurons) == 1 and item.mu == 0 and item.target == "unit"


def _plain(item: Intervention) -> dict[str, Any]:
    return {"neurons": list(item.neurons), "mu": item.mu, "target": item.target}


def _intervention(item: Mapping[str, Any]) -> Intervention:
    neurons = tuple(_whole("neuron", i) for i in item["neurons"])
    if not neurons:
        raise ValueError("an intervention must name at least one neuron; got none")
    return Intervention(neurons, float(item.get("mu", 0.0)), str(item.get("target", "unit")))


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        raise ValueError(f"{name} must be a whole number; got {value!r}")
    return int(value)


def _pair(given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ValueError(f"pair must be two outputs; got {given!r}")
    return _whole("output", given[0]), _whole("output", given[1])


def _number(value: float) -> str:
    # The page writes the same link in JavaScript, so the form is fixed: at most 4 decimals, at least 1.
    whole, decimals = f"{value:.4f}".split(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


def _gain(item: Intervention) -> str:
    return f"{','.join(map(str, item.neurons))}:{_number(item.mu)}:{item.target}"


def _read_gain(text: str) -> dict[str, Any]:
    parts = text.split(":")
    if len(parts) != 3:
        raise ValueError(f"gain must be neurons:mu:target, as in 5,6:0.5:recurrent; got {text!r}")
    return {"neurons": _indices(parts[0]), "mu": _read_number("mu", parts[1]), "target": parts[2]}


def _indices(text: str) -> list[int]:
    if not re.fullmatch(r"\d{1,6}(,\d{1,6})*", text):
        raise ValueError(f"neurons must be whole numbers with commas between, as in 13,22; got {text!r}")
    return [int(part) for part in text.split(",")]


def _read_pair(text: str) -> list[int]:
    if not re.fullmatch(r"\d{1,6}-\d{1,6}", text):
        raise ValueError(f"pair must be two outputs, the lower one first, as in 0-2; got {text!r}")
    return [int(part) for part in text.split("-")]


def _read_view(text: str) -> int:
    if text not in [f"{d}d" for d in DIMENSIONS]:
        raise ValueError(f"view must be 2d or 3d; got {text!r}")
    return int(text[0])


def _read_number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number; got {text!r}") from None
