"""What is being looked at? One small value that decides everything on the page.

A `Scenario` is the element of the undo stack, the permalink, the cache key and the argument of every query.
The server keeps nothing per viewer: any web process can answer any request from the scenario alone.

    /?model=linear-2&ablate=13,22&gain=5,6:0.5:recurrent&sigma=1.0&seed=0&steps=400&trajectories=10&colour=output

`ablate` lists single neurons that are silenced, each for itself; each `gain` is one intervention on a group,
as neurons:mu:target. `pair=0-2` chooses the plane of two outputs, `view=3d` a third axis. What is compared with has the
same parameters with `a_` before them. How it is looked at: `tab`, `map` (colour of the region map), `without_noise=1`,
`area` and `span` (a selection in the plane, in time), `picked` (a neuron), `camera`, `beside=1`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
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
TABS = (
    "neuron-table",
    "activity",
    "kick-proof",
    "gain-sweep",
    "noise",
    "spectrum",
    "readout",
    "emergence",
    "fidelity",
    "report",
    "about",
)
MAP_COLOURS = ("region", "residency", "sign_changes", "unstable")
MAX_CORNERS = 60
# Ends of the axes of two dimensions; place, middle and upward direction of a camera in three.
CAMERA_NUMBERS = {2: 4, 3: 9}
FAR = 1_000_000

_KNOWN = (
    *("model", "ablate", "gain", "sigma", "seed", "steps", "trajectories", "colour", "neuron", "pair", "view"),
    *("tab", "map", "without_noise", "area", "span", "picked", "camera", "a_ablate", "a_gain", "a_sigma", "beside"),
)
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Against:
    """What a scenario is compared with: the same network, seed and window.

    Attributes:
        interventions: as of a scenario.
        sigma: standard deviation of each noise input, 0 to 5; the noise is the same, scaled.

    Raises:
        ValueError: a value is out of range.
    """

    interventions: tuple[Intervention, ...] = ()
    sigma: float = 1.0

    def __post_init__(self) -> None:
        _check_range("a_sigma", self.sigma, 0, MAX_SIGMA)
        _check_interventions(self.interventions)


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
        tab: the open tab.
        map: what the region map is coloured by.
        without_noise: whether runs without noise are shown.
        area: a selection in the plane, as corners x, y, x, y...: at least three; None selects everywhere.
        span: a selection in time, the first and the last step; None selects all steps.
        picked: a neuron that is looked at, without being touched.
        camera: of the state space, where a hand has moved it: the ends of both axes, or in three dimensions the
            camera's place, middle and upward direction.
        against: what is compared with, instead of the intact network.
        beside: whether that is drawn beside the present network rather than behind it.

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
    tab: str = TABS[0]
    map: str = MAP_COLOURS[0]
    without_noise: bool = False
    area: tuple[float, ...] | None = None
    span: tuple[int, int] | None = None
    picked: int | None = None
    camera: tuple[float, ...] | None = None
    against: Against | None = None
    beside: bool = False

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
        _check_choice("colour", self.colour, COLOURS)
        _check_choice("tab", self.tab, TABS)
        _check_choice("map", self.map, MAP_COLOURS)
        _check_interventions(self.interventions)
        if self.pair is not None and not 0 <= self.pair[0] < self.pair[1] <= MAX_SEED:
            raise ValueError(
                f"pair must be two outputs, the lower one first, as in 0-2; got {self.pair[0]}-{self.pair[1]}"
            )
        if self.dimensions not in DIMENSIONS:
            raise ValueError(f"dimensions must be 2 or 3; got {self.dimensions}")
        if self.picked is not None:
            _check_range("picked", self.picked, 0, MAX_SEED)
        self._check_selection()
        self._check_camera()

    def _check_selection(self) -> None:
        if self.area is not None:
            if len(self.area) % 2 or not 6 <= len(self.area) <= 2 * MAX_CORNERS:
                raise ValueError(
                    f"area must be 3 to {MAX_CORNERS} corners, each as x and y; got {len(self.area)} numbers"
                )
            for number in self.area:
                _check_range("area", number, -FAR, FAR)
        if self.span is not None and not 1 <= self.span[0] <= self.span[1] <= self.steps:
            raise ValueError(
                f"span must be the first and the last step, from 1 to {self.steps}, as in 20-80; "
                f"got {self.span[0]}-{self.span[1]}"
            )

    def _check_camera(self) -> None:
        if self.camera is None:
            return
        wanted = CAMERA_NUMBERS[self.dimensions]
        if len(self.camera) != wanted:
            raise ValueError(f"camera must be {wanted} numbers in {self.dimensions} dimensions; got {len(self.camera)}")
        for number in self.camera:
            _check_range("camera", number, -FAR, FAR)

    @property
    def intact(self) -> Scenario:
        """The same scenario with every neuron left alone."""
        return replace(self, interventions=(), against=None, beside=False)

    @property
    def reference(self) -> Scenario:
        """What the network as it is now is compared with: what was kept for that, or the intact network."""
        if self.against is None:
            return self.intact
        return replace(self.intact, interventions=self.against.interventions, sigma=self.against.sigma)

    @property
    def compared(self) -> bool:
        """Whether there is anything to compare the network as it is now with."""
        return bool(self.interventions) or self.against is not None

    @property
    def drawn(self) -> Scenario:
        """The same scenario without what only the page itself shows: the key by which it knows a figure."""
        return replace(self, tab=TABS[0], area=None, span=None, picked=None, camera=None)

    @property
    def motion(self) -> Scenario:
        """The same scenario without what only changes its look: the key of everything computed from its states."""
        ordered = tuple(sorted(self.interventions, key=_order))
        return Scenario(
            model=self.model,
            sigma=self.sigma,
            seed=self.seed,
            steps=self.steps,
            trajectories=self.trajectories,
            interventions=ordered,
            pair=self.pair,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the page's store holds them."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        against = self.against and {
            "interventions": _all_plain(self.against.interventions),
            "sigma": self.against.sigma,
        }
        return {**plain, "interventions": _all_plain(self.interventions), "against": against}

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
                pair=_two("pair", data.get("pair")),
                dimensions=_whole("dimensions", data.get("dimensions", cls.dimensions)),
                tab=str(data.get("tab", cls.tab)),
                map=str(data.get("map", cls.map)),
                without_noise=_yes("without_noise", data.get("without_noise", False)),
                area=_numbers("area", data.get("area")),
                span=_two("span", data.get("span")),
                picked=None if data.get("picked") is None else _whole("picked", data["picked"]),
                camera=_numbers("camera", data.get("camera")),
                against=_against(data.get("against")),
                beside=_yes("beside", data.get("beside", False)),
            )
        except (TypeError, KeyError, OverflowError) as error:
            raise ValueError(f"the scenario could not be read ({error}); open a link copied from this page") from error

    def to_query(self) -> str:
        """The query string of this scenario's link, without the question mark."""
        pairs: list[tuple[str, str]] = [("model", self.model)]
        pairs += _intervention_pairs(self.interventions, "")
        pairs += [("sigma", _number(self.sigma)), ("seed", str(self.seed))]
        pairs += [("steps", str(self.steps)), ("trajectories", str(self.trajectories)), ("colour", self.colour)]
        if self.colour == "neuron":
            pairs.append(("neuron", str(self.neuron)))
        if self.pair is not None:
            pairs.append(("pair", f"{self.pair[0]}-{self.pair[1]}"))
        if self.dimensions != type(self).dimensions:
            pairs.append(("view", f"{self.dimensions}d"))
        pairs += self._look()
        if self.against is not None:
            pairs += _intervention_pairs(self.against.interventions, "a_")
            pairs.append(("a_sigma", _number(self.against.sigma)))
        if self.beside:
            pairs.append(("beside", "1"))
        return urlencode(pairs, safe=",:")

    def _look(self) -> list[tuple[str, str]]:
        cls, pairs = type(self), []
        if self.tab != cls.tab:
            pairs.append(("tab", self.tab))
        if self.map != cls.map:
            pairs.append(("map", self.map))
        if self.without_noise:
            pairs.append(("without_noise", "1"))
        if self.area is not None:
            pairs.append(("area", ",".join(map(_number, self.area))))
        if self.span is not None:
            pairs.append(("span", f"{self.span[0]}-{self.span[1]}"))
        if self.picked is not None:
            pairs.append(("picked", str(self.picked)))
        if self.camera is not None:
            pairs.append(("camera", ",".join(map(_number, self.camera))))
        return pairs

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
        touched: dict[str, list[dict[str, Any]]] = {"": [], "a_": []}
        for key, value in parse_qsl(query.lstrip("?"), keep_blank_values=True):
            if key not in _KNOWN:
                raise ValueError(f"unknown link parameter {key!r}; known are {', '.join(_KNOWN)}")
            prefix = "a_" if key.startswith("a_") else ""
            if key.endswith("ablate"):
                touched[prefix] += [{"neurons": [i], "mu": 0.0, "target": "unit"} for i in _indices(value)]
            elif key.endswith("gain"):
                touched[prefix].append(_read_gain(value))
            elif key == "view":
                data["dimensions"] = _read_view(value)
            else:
                data[key] = _READERS[key](key, value)
        if touched["a_"] or "a_sigma" in data:
            sigma = data.pop("a_sigma", Against.sigma)
            data["against"] = {"interventions": touched["a_"], "sigma": sigma}
        return cls.from_dict({**data, "interventions": touched[""]})


def _intervention_pairs(interventions: tuple[Intervention, ...], prefix: str) -> list[tuple[str, str]]:
    """Parameters of a link. Silenced neurons that follow each other share one; the order is that of the list."""
    pairs: list[tuple[str, str]] = []
    for alone, items in groupby(interventions, key=_is_ablation):
        if alone:
            pairs.append((f"{prefix}ablate", ",".join(str(item.neurons[0]) for item in items)))
        else:
            pairs += [(f"{prefix}gain", _gain(item)) for item in items]
    return pairs


def _check_choice(name: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def _check_interventions(interventions: tuple[Intervention, ...]) -> None:
    if len(interventions) > MAX_INTERVENTIONS:
        raise ValueError(f"at most {MAX_INTERVENTIONS} interventions are kept; got {len(interventions)}")
    for item in interventions:
        _check_range("mu", item.mu, 0, MAX_MU)


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:,} to {high:,}; got {value:g}")


def _order(item: Intervention) -> tuple[Any, ...]:
    return (item.target, item.neurons, item.mu)


def _is_ablation(item: Intervention) -> bool:
    return len(item.neurons) == 1 and item.mu == 0 and item.target == "unit"


def _all_plain(items: tuple[Intervention, ...]) -> list[dict[str, Any]]:
    return [{"neurons": list(item.neurons), "mu": item.mu, "target": item.target} for item in items]


def _intervention(item: Mapping[str, Any]) -> Intervention:
    neurons = tuple(_whole("neuron", i) for i in item["neurons"])
    if not neurons:
        raise ValueError("an intervention must name at least one neuron; got none")
    return Intervention(neurons, float(item.get("mu", 0.0)), str(item.get("target", "unit")))


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        raise ValueError(f"{name} must be a whole number; got {value!r}")
    return int(value)


def _two(name: str, given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ValueError(f"{name} must be two whole numbers, the lower one first; got {given!r}")
    return _whole(name, given[0]), _whole(name, given[1])


def _numbers(name: str, given: Any) -> tuple[float, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple) or any(isinstance(x, bool) or not isinstance(x, int | float) for x in given):
        raise ValueError(f"{name} must be a list of numbers; got {given!r}")
    return tuple(float(x) for x in given)


def _yes(name: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise ValueError(f"{name} must be true or false; got {given!r}")
    return given


def _against(given: Any) -> Against | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not set(given) <= {"interventions", "sigma"}:
        raise ValueError(f"against must have interventions and a sigma; got {given!r}")
    items = tuple(_intervention(item) for item in given.get("interventions", ()))
    return Against(items, float(given.get("sigma", Against.sigma)))


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


def _read_two(name: str, text: str) -> list[int]:
    if not re.fullmatch(r"\d{1,6}-\d{1,6}", text):
        raise ValueError(f"{name} must be two whole numbers, the lower one first, as in 0-2; got {text!r}")
    return [int(part) for part in text.split("-")]


def _read_numbers(name: str, text: str) -> list[float]:
    return [_read_number(name, part) for part in text.split(",")]


def _read_yes(name: str, text: str) -> bool:
    if text != "1":
        raise ValueError(f"{name} must be 1 or left out; got {text!r}")
    return True


def _read_text(name: str, text: str) -> str:
    return text


def _read_view(text: str) -> int:
    if text not in [f"{d}d" for d in DIMENSIONS]:
        raise ValueError(f"view must be 2d or 3d; got {text!r}")
    return int(text[0])


def _read_number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number; got {text!r}") from None


_READERS: dict[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(("model", "colour", "tab", "map"), _read_text),
    **dict.fromkeys(("pair", "span"), _read_two),
    **dict.fromkeys(("area", "camera"), _read_numbers),
    **dict.fromkeys(("without_noise", "beside"), _read_yes),
    **dict.fromkeys(("sigma", "seed", "steps", "trajectories", "neuron", "picked", "a_sigma"), _read_number),
}
