"""The scenario: which network, under which noise, with which interventions, shown how.

A `Scenario` is the element of the undo stack, the link, the cache key and the argument of every query. The server keeps
nothing per viewer: any web process can answer any request from the scenario alone.

    /?model=linear-2&ablate=13,22&gain=5,6:0.5:recurrent&sigma=1.0&seed=0&steps=400&trajectories=10&colour=output

`ablate` lists single neurons that are silenced, each for itself; each `gain` is one intervention on a group, as
neurons:mu:target. `input=0.5` is a constant input (one number, or one for each input), `sequence` names a table of
inputs that the server keeps, `start` says where runs begin. `pair=0-2` chooses the plane of two outputs, `view=3d` a
third axis. The comparison has the same parameters with `a_` before them.

How it is shown: `large` (the view that fills its chapter), `map` (colour of the region map), `without_noise=1`,
`paths=1`, `area` and `span` (a selection in the plane, in time), `picked` (a neuron), `camera`, `beside=1`. `tab`, the
open tab of links of version 0.1, is read and no part of the scenario.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from hmmrnn.explorer.link import (
    DIMENSIONS,
    READERS,
    TWO_NUMBERS,
    indices,
    intervention_pairs,
    joined,
    number,
    read_gain,
    read_view,
)
from hmmrnn.model.metadata import MODEL_NAME
from hmmrnn.model.network import Intervention
from hmmrnn.storage.input_tables import CONSTANT, SEQUENCE

COLOURS = {
    "output": "Output",
    "region": "Region",
    "residency": "Residency time",
    "speed": "Speed",
    "neuron": "Pre-activation of a neuron",
}
MAP_COLOURS = ("region", "residency", "sign_changes", "unstable")
MAX_SIGMA = 5.0
MAX_MU = 2.0
MAX_SEED = 2**31 - 1
STEPS = (50, 2000)
TRAJECTORIES = (1, 64)
MAX_STATES = 32_000
MAX_INTERVENTIONS = 200
# A proxy in front of a server may read no more than eight kilobytes of an address.
MAX_LINK = 8000
STARTS = {"zero": "Zero", "learned": "Learned with the weights", "random": "Random"}
TABLE = re.compile(f"[0-9a-f]{{31}}[{CONSTANT}{SEQUENCE}]")
VIEW_NAME = re.compile(r"[a-z][a-z-]{0,39}")
# The parameter and the field that named a tab in version 0.1.
OLD_TAB = "tab"
MAX_CORNERS = 60
# Ends of the axes of two dimensions; place, middle and upward direction of a camera in three.
CAMERA_NUMBERS = {2: 4, 3: 9}
FAR = 1_000_000

_KNOWN = (
    *("model", "ablate", "gain", "sigma", "seed", "steps", "trajectories", "colour", "neuron", "pair", "view"),
    *(
        "large",
        OLD_TAB,
        "map",
        "without_noise",
        "paths",
        "area",
        "span",
        "picked",
        "camera",
        "input",
        "sequence",
        "start",
    ),
    *("a_ablate", "a_gain", "a_sigma", "beside"),
)
_CONFIG = ConfigDict(extra="forbid")
# A link whose signs are all written as %2C.
_MAX_WRITTEN = 3 * MAX_LINK
# Neurons that a link has room for, each with a gain of its own.
_CERTAINLY_FIT = 100
# Numbers of an input that a sentence names.
_SAID = 4


# ---- the forms of values; each refusal says what was expected, after the name of the field ----


def _between(low: float, high: float) -> AfterValidator:
    def check(value: Any) -> Any:
        if not low <= value <= high:
            got = f"{value:g}" if isinstance(value, float) else _short(value)
            raise ValueError(f"must be from {low:,} to {high:,}; got {got}")
        return value

    return AfterValidator(check)


def _one_of(known: Collection[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"must be one of {', '.join(known)}; got {_short(value)}")
        return value

    return AfterValidator(check)


def _named(form: re.Pattern[str], description: str) -> AfterValidator:
    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise ValueError(f"must be {description}; got {_short(value)}")
        return value

    return AfterValidator(check)


def _few(items: tuple[Intervention, ...]) -> tuple[Intervention, ...]:
    if len(items) > MAX_INTERVENTIONS:
        raise ValueError(f"at most {MAX_INTERVENTIONS} interventions are kept; got {len(items)}")
    for item in items:
        if not item.neurons:
            raise ValueError("an intervention must name at least one neuron; got none")
        if item.mu > MAX_MU:
            raise ValueError(f"mu must be from 0 to {MAX_MU}; got {item.mu:g}")
    return items


def _ordered(pair: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= pair[0] < pair[1] <= MAX_SEED:
        raise ValueError(f"must be two outputs, the lower one first, as in 0-2; got {pair[0]}-{pair[1]}")
    return pair


Sigma = Annotated[float, _between(0, MAX_SIGMA)]
Index = Annotated[int, _between(0, MAX_SEED)]
Place = Annotated[float, _between(-FAR, FAR)]
Interventions = Annotated[tuple[Intervention, ...], AfterValidator(_few)]


@dataclass(frozen=True, config=_CONFIG)
class Against:
    """What a scenario is compared with: the same network, seed and window.

    Raises:
        ValueError: a value is out of range.
    """

    interventions: Interventions = ()  # as of a scenario
    sigma: Sigma = 1.0  # standard deviation of each noise input, 0 to 5; the noise is the same, scaled


@dataclass(frozen=True, config=_CONFIG)
class Scenario:
    """Which network, under which noise, with which interventions, shown how.

    Raises:
        ValueError: a value is out of range.
    """

    # Name of a network in the models folder, without its suffix.
    model: Annotated[str, _named(MODEL_NAME, "the name of a network, of letters, digits, dot and dash")]
    sigma: Sigma = 1.0  # standard deviation of each noise input, 0 to 5
    seed: Index = 0  # seed of the noise
    steps: Annotated[int, _between(*STEPS)] = 400  # T, the window of each trajectory in time steps, 50 to 2,000
    trajectories: Annotated[int, _between(*TRAJECTORIES)] = 10  # B, 1 to 64; at most 32,000 steps in all
    colour: Annotated[str, _one_of(COLOURS)] = "output"  # what the state space is coloured by, a key of `COLOURS`
    neuron: Index = 0  # the neuron whose pre-activation colours the states when colour is "neuron"
    interventions: Interventions = ()  # in the order in which they were made; mu from 0 to 2
    # Two outputs, the lower one first, if the plane is that of the stretches which visit only them and if only their
    # states are shown; None for the plane of all states.
    pair: Annotated[tuple[int, int], AfterValidator(_ordered)] | None = None
    dimensions: int = 2  # of the state space: 2 or 3
    # The view that fills its chapter; None if all of them are shown.
    large: Annotated[str, _named(VIEW_NAME, "the name of a view")] | None = None
    map: Annotated[str, _one_of(MAP_COLOURS)] = MAP_COLOURS[0]  # what the region map is coloured by
    without_noise: bool = False  # whether runs without noise are shown
    paths: bool = False  # whether the ways between the outputs are shown
    # A selection in the plane, as corners x, y, x, y...: at least three; None selects everywhere.
    area: tuple[Place, ...] | None = None
    span: tuple[int, int] | None = None  # a selection in time, the first and the last step; None selects all steps
    picked: Index | None = None  # a neuron that is marked in every view, without an intervention on it
    # Of the state space, where the user has moved it: the ends of both axes, or in three dimensions the camera's
    # place, middle and upward direction.
    camera: tuple[Place, ...] | None = None
    against: Against | None = None  # what is compared with, instead of the intact network
    beside: bool = False  # whether that is drawn beside the present network rather than behind it
    # An input that is the same at every step, beside the noise: one number for all inputs, or one for each.
    input: tuple[Place, ...] | None = None
    # A table of inputs, by the digest under which it is kept; it begins anew after its last row.
    sequence: Annotated[str, _named(TABLE, "the digest under which a table of inputs is kept")] | None = None
    start: Annotated[str, _one_of(STARTS)] = "zero"  # the state before the first step of the shown runs

    def __post_init__(self) -> None:
        if self.input is not None and (not self.input or self.sequence is not None):
            raise ValueError("input must be one number or one for each input, and not beside a sequence")
        if self.steps * self.trajectories > MAX_STATES:
            raise ValueError(
                f"steps times trajectories must be at most {MAX_STATES:,}; "
                f"got {self.steps:,} x {self.trajectories} = {self.steps * self.trajectories:,}"
            )
        if self.dimensions not in DIMENSIONS:
            raise ValueError(f"dimensions must be 2 or 3; got {self.dimensions}")
        if self.area is not None and (len(self.area) % 2 or not 6 <= len(self.area) <= 2 * MAX_CORNERS):
            raise ValueError(f"area must be 3 to {MAX_CORNERS} corners, each as x and y; got {len(self.area)} numbers")
        if self.span is not None and not 1 <= self.span[0] <= self.span[1] <= self.steps:
            raise ValueError(
                f"span must be the first and the last step, from 1 to {self.steps}, as in 20-80; "
                f"got {self.span[0]}-{self.span[1]}"
            )
        wanted = CAMERA_NUMBERS[self.dimensions]
        if self.camera is not None and len(self.camera) != wanted:
            raise ValueError(f"camera must be {wanted} numbers in {self.dimensions} dimensions; got {len(self.camera)}")
        self._check_link()

    def _check_link(self) -> None:
        """Raise ValueError if no link could hold the scenario."""
        against = self.against.interventions if self.against else ()
        numbers = sum(len(item.neurons) for item in (*self.interventions, *against)) + len(self.input or ())
        if numbers < _CERTAINLY_FIT:
            return
        length = len(self.to_query())
        if length > MAX_LINK:
            raise ValueError(
                f"the link of a scenario may have {MAX_LINK:,} characters; this one has {length:,}; act on fewer "
                f"neurons, put those that share a gain into one intervention, or bring a long input as a table of one "
                f"row"
            )

    @property
    def intact(self) -> Scenario:
        """The same scenario without interventions."""
        return replace(self, interventions=(), against=None, beside=False)

    @property
    def reference(self) -> Scenario:
        """The comparison: what was pinned as A, or the intact network."""
        if self.against is None:
            return self.intact
        return replace(self.intact, interventions=self.against.interventions, sigma=self.against.sigma)

    @property
    def compared(self) -> bool:
        """Whether the comparison differs from the network as it is now."""
        return bool(self.interventions) or self.against is not None

    @property
    def drawn(self) -> Scenario:
        """The same scenario without what only the page itself shows: the key by which it knows a figure."""
        return replace(self, large=None, area=None, span=None, picked=None, camera=None)

    @property
    def simulated(self) -> Scenario:
        """The same scenario without what only changes its look: the key of everything computed from its states."""
        return Scenario(
            model=self.model,
            sigma=self.sigma,
            seed=self.seed,
            steps=self.steps,
            trajectories=self.trajectories,
            interventions=tuple(sorted(self.interventions, key=lambda item: (item.target, item.neurons, item.mu))),
            pair=self.pair,
            input=self.input,
            sequence=self.sequence,
            start=self.start,
        )

    @property
    def is_steady(self) -> bool:
        """Whether the input beside the noise stays as it is."""
        return self.sequence is None or self.sequence.endswith(CONSTANT)

    @property
    def entering(self) -> dict[str, Any]:
        """What enters the network at every step, as plain fields: a sequence that changes is left out."""
        return {"input": self.input, "sequence": self.sequence if self.is_steady else None}

    def alone(self, **kept: Any) -> Scenario:
        """The network and what enters it, and of all else only what is named."""
        return Scenario(self.model, input=self.input, sequence=self.sequence, **kept)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the page's store holds them."""
        plain: dict[str, Any] = _SCENARIO.dump_python(self, mode="json")
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scenario:
        """Build a scenario from what a page sent.

        Raises:
            ValueError: a field is unknown, has another type or is out of range.
        """
        try:
            # As JSON, where a list may stand for a tuple, but no text for a number.
            return _SCENARIO.validate_json(json.dumps(_without_tab(data)), strict=True)
        except ValidationError as error:
            raise ValueError(_sentence(error, data)) from error

    def to_query(self) -> str:
        """The query string of this scenario's link, without the question mark."""
        pairs: list[tuple[str, str]] = [("model", self.model)]
        pairs += intervention_pairs(self.interventions, "")
        pairs += [("sigma", number(self.sigma)), ("seed", str(self.seed))]
        pairs += [("steps", str(self.steps)), ("trajectories", str(self.trajectories)), ("colour", self.colour)]
        optional: list[tuple[bool, str, str]] = [
            (self.colour == "neuron", "neuron", str(self.neuron)),
            (self.pair is not None, "pair", joined("-", self.pair)),
            (self.dimensions != Scenario.dimensions, "view", f"{self.dimensions}d"),
            (self.large is not None, "large", str(self.large)),
            (self.map != Scenario.map, "map", self.map),
            (self.without_noise, "without_noise", "1"),
            (self.paths, "paths", "1"),
            (self.area is not None, "area", ",".join(map(number, self.area or ()))),
            (self.span is not None, "span", joined("-", self.span)),
            (self.picked is not None, "picked", str(self.picked)),
            (self.camera is not None, "camera", ",".join(map(number, self.camera or ()))),
            (self.input is not None, "input", ",".join(map(number, self.input or ()))),
            (self.sequence is not None, "sequence", str(self.sequence)),
            (self.start != Scenario.start, "start", self.start),
        ]
        pairs += [(key, value) for said, key, value in optional if said]
        if self.against is not None:
            pairs += intervention_pairs(self.against.interventions, "a_")
            pairs.append(("a_sigma", number(self.against.sigma)))
        if self.beside:
            pairs.append(("beside", "1"))
        return urlencode(pairs, safe=",:")

    @classmethod
    def from_query(cls, query: str, default_model: str) -> Scenario:
        """Read a link; what it does not say is as in a new scenario.

        Raises:
            ValueError: a parameter is unknown, unreadable or out of range.
        """
        if len(query) > _MAX_WRITTEN:
            raise ValueError(f"a link may have {MAX_LINK:,} characters; got {len(query):,}; copy it again")
        data: dict[str, Any] = {"model": default_model}
        touched: dict[str, list[Intervention]] = {"": [], "a_": []}
        for key, value in parse_qsl(query.lstrip("?"), keep_blank_values=True):
            if key not in _KNOWN:
                raise ValueError(f"unknown link parameter {key!r}; known are {', '.join(_KNOWN)}")
            prefix = "a_" if key.startswith("a_") else ""
            if key.endswith("ablate"):
                touched[prefix] += [Intervention((i,)) for i in indices(value)]
            elif key.endswith("gain"):
                touched[prefix].append(read_gain(value))
            elif key == OLD_TAB:
                continue
            elif key == "view":
                data["dimensions"] = read_view(value)
            else:
                data[key] = READERS[key](key, value) if key in READERS else value
        sigma = data.pop("a_sigma", None)
        if touched["a_"] or sigma is not None:
            data["against"] = {"interventions": touched["a_"], **({} if sigma is None else {"sigma": sigma})}
        data["interventions"] = touched[""]
        try:
            return _SCENARIO.validate_python(data)
        except ValidationError as error:
            raise ValueError(_sentence(error, data)) from error


def say_input(scenario: Scenario) -> str:
    """The input of a scenario beside the noise, in words; empty without any."""
    if scenario.sequence is not None:
        return f"table {scenario.sequence[:8]}"
    some = [f"{value:g}" for value in (scenario.input or ())[:_SAID]]
    return ", ".join([*some, "…"] if len(scenario.input or ()) > _SAID else some)


def _without_tab(data: Any) -> Any:
    """What a page of version 0.1 has kept, without what is no field any more; anything else as it is."""
    return {name: data[name] for name in data if name != OLD_TAB} if isinstance(data, Mapping) else data


_SCENARIO = TypeAdapter(Scenario)
_EXPECTED = {
    "int": "must be a whole number",
    "finite": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "tuple": "must be a list",
    "dataclass": "must map names to values",
    "missing": "is missing",
    "unexpected": "is not a field of it",
}


def _sentence(error: ValidationError, data: Any) -> str:
    """The first of the reasons why something is no scenario, as one sentence."""
    first = error.errors(include_url=False)[0]
    kind, where = first["type"], [part for part in first["loc"] if isinstance(part, str)]
    if kind in ("missing", "unexpected_keyword_argument") and len(where) == 1:
        known = ", ".join(sorted(Scenario.__dataclass_fields__))
        return f"a scenario has a model and may have {known}; got {_short(sorted(data))}"
    if where[-1:] == ["neurons"] and isinstance(first["loc"][-1], int):
        return f"neuron must be a whole number; got {_short(first['input'])}"
    if kind == "value_error":
        said = str(first["ctx"]["error"])
        return f"{_name(where)} {said}" if said.startswith("must ") else said
    if where in (["pair"], ["span"]):
        # Of each number, or of how many there are.
        whole = "a whole number" if len(first["loc"]) > 1 and "tuple" not in kind else TWO_NUMBERS
        return f"{where[0]} must be {whole}; got {_short(first['input'])}"
    expected = _EXPECTED.get(kind.partition("_")[0], first["msg"].lower())
    name = ".".join(where[-2:]) if kind == "unexpected_keyword_argument" else _name(where)
    return f"{name} {expected}; got {_short(first['input'])}"


def _name(where: list[str]) -> str:
    if where[:1] == ["against"] and where[-1] == "sigma":
        return "a_sigma"
    return where[-1] if where else "a scenario"


def _short(value: Any, length: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= length else f"{text[:length]}…"
