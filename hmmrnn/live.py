"""What does a page need to run a network by itself? Its weights, the plane it is looked at in, and what lies behind it.

    share of a cell  = visited states in it / all visited states        region of a cell = the commonest label in it

The time loop of a page is `assets/live/engine.mjs`; what is written here it reads. Arrays travel as base64 of their
little-endian bytes, so that the network in the page is the one in the file, bit by bit.

Source: Torre et al. (2025), section 4 (plane of PC1 and PC2; cluster, kick zone, transition).
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import ArrayLike, NDArray

import hmmrnn
from hmmrnn.figures.theme import REGION_LABELS, THEMES, Theme
from hmmrnn.kick import KickGroup, KickNeurons
from hmmrnn.landscape import SAMPLED_STATES
from hmmrnn.network import Floats, Network
from hmmrnn.regions import REGIONS, residency
from hmmrnn.simulation import simulate
from hmmrnn.statespace import Plane, fit_plane

PAGES = Environment(loader=PackageLoader("hmmrnn"), autoescape=True, undefined=StrictUndefined)
ASSETS = Path(__file__).resolve().parents[1] / "assets"
# Runs, steps and first steps left out, as for the plane of the dashboard.
EXPLORED_RUNS, EXPLORED_STEPS, TRANSIENT = 16, 1000, 100
CELLS = 48
# Of the extent, on each side of the outermost points.
MARGIN = 0.04
UNTOUCHED: dict[str, Any] = {"sigma": 1.0, "seed": 0, "interventions": []}

_KINDS = {"f4": "<f4", "f8": "<f8", "i1": "<i1"}
_WEIGHTS = ("W_hh", "W_ih", "W_out", "b_h", "b_out")
_IMPORT = re.compile(r'^import\s+(?:\{[\w\s,$]*\}\s*from\s*)?"\./([\w-]+\.mjs)";[ \t]*\n?', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function|let)\b)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:async )?(?:class|const|function\*?|let|var)\s+([\w$]+)", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_RENAMED = re.compile(r"^import\b[^;]*\bas\b[^;]*;", re.MULTILINE)


# ---- what lies behind ----


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A plane in G x G cells: how often each is visited, and which region it is of.

    Attributes:
        x, y: (2,) lowest and highest coordinate, in units of activity.
        share: (G, G) share of the visited states in each cell; rows along y, from low to high.
        region: (G, G) index in `REGIONS` of the commonest label in the cell; where it holds only visited states without
            a label, of the nearest label; -1 elsewhere.
        states: number of visited states.
    """

    x: Floats
    y: Floats
    share: NDArray[np.float32]
    region: NDArray[np.int8]
    states: int


def backdrop(visited: ArrayLike, points: ArrayLike, region: ArrayLike, cells: int = CELLS) -> Backdrop:
    """Divide a plane into cells.

    Args:
        visited: (V, C) coordinates of visited states, of which the first two count; those that are not finite are
            left out.
        points: (S, C) coordinates of the states with a label, some of the visited ones or others.
        region: (S,) their labels, of `REGIONS`.
        cells: G, number of cells along each axis.

    Raises:
        ValueError: a shape does not fit, a label is unknown, cells is below 1, or no visited state is finite.
    """
    seen, there = _points("visited", visited), _points("points", points)
    label = np.asarray(region)
    if label.shape != there.shape[:1]:
        raise ValueError(f"region must have shape ({len(there)},), one label for each point; got {label.shape}")
    unknown = sorted({str(name) for name in label} - set(REGIONS))
    if unknown:
        raise ValueError(f"region must hold labels of {', '.join(REGIONS)}; got {unknown[0]!r}")
    if cells < 1:
        raise ValueError(f"cells must be >= 1; got {cells}")
    finite = np.isfinite(there).all(axis=1)
    seen, there, label = seen[np.isfinite(seen).all(axis=1)], there[finite], label[finite]
    if not len(seen):
        raise ValueError("visited must hold at least one finite point; got none")
    low, high = _extent(np.concatenate([seen, there]), MARGIN)
    counts = _counts(_position(seen, low, high, cells), cells)
    arrays = {
        "x": np.array([low[0], high[0]]),
        "y": np.array([low[1], high[1]]),
        "share": (counts / len(seen)).astype(np.float32),
        "region": _commonest(_position(there, low, high, cells), label, counts > 0),
    }
    for array in arrays.values():
        array.setflags(write=False)
    return Backdrop(**arrays, states=len(seen))


def _points(name: str, given: ArrayLike) -> Floats:
    points = np.asarray(given, dtype=np.float64)
    if points.ndim < 2 or points.shape[-1] < 2:
        raise ValueError(f"{name} must have two coordinates or more, as in (V, 2); got shape {points.shape}")
    return points.reshape(-1, points.shape[-1])[:, :2]


def _extent(points: Floats, margin: float) -> tuple[Floats, Floats]:
    """(2,) lowest and (2,) highest coordinates of finite points; never the same."""
    low, high = points.min(axis=0), points.max(axis=0)
    flat = high <= low
    low, high = np.where(flat, low - 1.0, low), np.where(flat, high + 1.0, high)
    return low - margin * (high - low), high + margin * (high - low)


def _position(points: Floats, low: Floats, high: Floats, cells: int) -> Floats:
    """Coordinates in units of cells, from 0 to G."""
    return (points - low) / (high - low) * cells


def _counts(position: Floats, cells: int) -> NDArray[np.int64]:
    """(G, G) number of points in each cell; rows along y."""
    column, row = np.clip(position.astype(np.int64), 0, cells - 1).T
    return np.bincount(row * cells + column, minlength=cells * cells).reshape(cells, cells)


def _commonest(position: Floats, label: NDArray[np.str_], visited: NDArray[np.bool_]) -> NDArray[np.int8]:
    """(G, G) index in `REGIONS` of the label of each cell; -1 where there is none and none is needed."""
    cells = len(visited)
    counts = np.array([_counts(position[label == name], cells) for name in REGIONS])
    region = np.where(counts.any(axis=0), counts.argmax(axis=0), -1).astype(np.int8)
    if len(position):
        index = np.array([REGIONS.index(name) for name in label])
        # Cells are as far apart as they are drawn: both axes of the plane are shown equally long.
        for row, column in np.argwhere(visited & (region < 0)):
            apart = ((position - (column + 0.5, row + 0.5)) ** 2).sum(axis=1)
            region[row, column] = index[apart.argmin()]
    return region


@dataclass(frozen=True, eq=False)
class Explored:
    """A network as it is looked at without further questions.

    Attributes:
        plane: of its states.
        visited: (V, C) coordinates of the states of its runs.
        backdrop: None if it diverges so fast that no state could be labelled.
    """

    plane: Plane
    visited: Floats
    backdrop: Backdrop | None


def explore(network: Network, seed: int = 0) -> Explored:
    """Run a network under noise of sigma = 1, fit its plane, and label some of the states.

    Args:
        network: the network, intact or intervened upon.
        seed: of the runs and of the realisations behind the labels.

    Raises:
        ValueError: the network has a single neuron or stays in one state, so there is no plane; or seed is negative.
    """
    if network.n_neurons < 2:
        raise ValueError("a plane takes at least 2 neurons; got a network of 1")
    run = simulate(network, EXPLORED_STEPS, EXPLORED_RUNS, seed=seed)
    settled = run.h[:, TRANSIENT:][run.valid[:, TRANSIENT:]]
    # A network that diverges before that has no other states than those of the transient.
    states = settled if len(settled) > 1 else run.h[run.valid]
    plane = fit_plane(states)
    visited = plane.project(states)
    some = np.random.default_rng(seed).permutation(len(states))[:SAMPLED_STATES]
    try:
        label = residency(network, states[some], seed=seed).region
    except FloatingPointError:
        return Explored(plane, visited, None)
    return Explored(plane, visited, backdrop(visited, visited[some], label))


# ---- plain values ----


def packed(array: NDArray[Any], kind: str) -> dict[str, Any]:
    """An array in plain values: its kind, its little-endian bytes in base64, and its shape.

    Args:
        array: of any shape; its values must fit the kind.
        kind: "f4", "f8" or "i1".

    Raises:
        ValueError: the kind is another.
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}; got {kind!r}")
    data = np.ascontiguousarray(array, dtype=_KINDS[kind]).tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(data).decode("ascii"), "shape": list(array.shape)}


def live_network(network: Network, plane: Plane, name: str, visited: ArrayLike) -> dict[str, Any]:
    """What a page needs to step a network and to draw it, in plain values.

    Args:
        network: the network before any intervention that the page may make.
        plane: that it is looked at in; the first two of its directions are drawn.
        name: what the network is called.
        visited: (V, C) coordinates of visited states, from which the range of the picture is taken.

    Returns:
        name, sizes, weights (in single precision if that holds all of them exactly), plane, themes and region labels.

    Raises:
        ValueError: the plane has a single direction, is of another network, or visited has another shape.
    """
    if len(plane.components) < 2:
        raise ValueError(f"plane must have at least 2 directions to be drawn; got {len(plane.components)}")
    if plane.mean.shape != (network.n_neurons,):
        raise ValueError(f"plane must be of a network of {network.n_neurons} neurons; got one of {len(plane.mean)}")
    weights = {key: getattr(network, key) for key in _WEIGHTS}
    kind = "f4" if all(_is_single(array) for array in weights.values()) else "f8"
    return {
        "name": name,
        "neurons": network.n_neurons,
        "inputs": network.n_inputs,
        "outputs": network.n_outputs,
        "weights": {key: packed(array, kind) for key, array in weights.items()},
        "plane": {
            "mean": packed(plane.mean, "f8"),
            "components": packed(plane.components[:2], "f8"),
            "scale": plane.scale[:2].tolist(),
            "range": _range(_points("visited", visited)),
        },
        "themes": {key: _colours(theme) for key, theme in THEMES.items()},
        "region_labels": dict(REGION_LABELS),
    }


def _is_single(array: Floats) -> bool:
    """Whether single precision holds every value exactly."""
    with np.errstate(over="ignore"):
        return bool((array.astype(np.float32) == array).all())


def _range(visited: Floats) -> list[list[float]]:
    finite = visited[np.isfinite(visited).all(axis=1)]
    if not len(finite):
        return [[-1.0, 1.0], [-1.0, 1.0]]
    low, high = _extent(finite, 0.0)
    return [[float(low[axis]), float(high[axis])] for axis in (0, 1)]


def _colours(theme: Theme) -> dict[str, Any]:
    single = {key: getattr(theme, key) for key in ("ground", "text", "muted", "grid", "ghost", "accent")}
    return {**single, "outputs": list(theme.outputs), "regions": dict(theme.regions)}


def live_backdrop(found: Backdrop) -> dict[str, Any]:
    """A backdrop in plain values; its regions are numbers in the list of names beside them."""
    return {
        "x": found.x.tolist(),
        "y": found.y.tolist(),
        "cells": len(found.share),
        "share": packed(found.share, "f4"),
        "region": packed(found.region, "i1"),
        "regions": list(REGIONS),
        "states": found.states,
    }


def live_groups(kick: KickNeurons) -> list[dict[str, Any]]:
    """The kick groups that have neurons, in plain values."""
    return [
        {
            "output": group.output,
            "to": group.to,
            "neurons": list(group.neurons),
            "name": group_label(group),
            "proven": bool(group.proven),
        }
        for group in kick.groups
        if group.neurons
    ]


def group_label(group: KickGroup) -> str:
    """A kick group in words."""
    if group.to is None:
        return f"kick group of output {group.output}"
    return f"kick group {group.output} → {group.to}"


def live_payload(
    network: Network,
    plane: Plane,
    name: str,
    visited: ArrayLike,
    backdrop: Backdrop | None = None,
    kick: KickNeurons | None = None,
    scenario: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that a saved page holds, in plain values.

    Args:
        network, plane, name, visited: as for `live_network`.
        backdrop: of the intact network; None leaves the ground blank.
        kick: its kick neurons; None if they were not sought.
        scenario: what the page begins with, any of sigma, seed and interventions (a list of neurons, mu and target).

    Raises:
        ValueError: as for `live_network`, or the scenario has another part.
    """
    given = dict(scenario or {})
    if not given.keys() <= UNTOUCHED.keys():
        raise ValueError(f"a scenario may have {', '.join(UNTOUCHED)}; got {', '.join(map(str, given))}")
    return {
        **live_network(network, plane, name, visited),
        "backdrop": None if backdrop is None else live_backdrop(backdrop),
        "groups": None if kick is None else live_groups(kick),
        "scenario": {**UNTOUCHED, **given},
        "version": hmmrnn.__version__,
    }


# ---- one page ----


def live_page(payload: Mapping[str, Any]) -> str:
    """A page that runs a network by itself, without a server or a network connection.

    Args:
        payload: of `live_payload`.

    Raises:
        ValueError: a script or the style sheet cannot stand in a page, or the payload holds a NaN.
    """
    return PAGES.get_template("live.html").render(name=payload["name"], live=live_parts(payload))


def live_parts(payload: Mapping[str, Any], scheme: str = "") -> dict[str, str]:
    """What `live_part.html` puts into a page: style, data, worker, script and scheme.

    Args:
        payload: of `live_payload`.
        scheme: "light" or "dark" in a page that is only that; empty to follow the reader's wish.

    Raises:
        ValueError: as for `live_page`.
    """
    style = (ASSETS / "live.css").read_text(encoding="utf-8")
    if "</style" in style.lower():
        raise ValueError("live.css must not contain </style, which would end it within a page")
    # Nothing within a script element may look like a tag.
    data = json.dumps(payload, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    worker, script = (joined(ASSETS / "live" / name) for name in ("worker.mjs", "saved.mjs"))
    return {"style": style, "data": data, "worker": worker, "script": script, "scheme": scheme}


def joined(entry: Path) -> str:
    """One script of a module and all that it imports, each once, behind what it imports itself.

    Modules share one scope then: their top-level names must differ. They may import by name, from beside them, and
    export what they declare.

    Args:
        entry: the module that is wanted.

    Raises:
        ValueError: two modules declare the same name, one imports or exports in another way, or the text would end the
            script element that it stands in.
    """
    texts: dict[str, str] = {}
    _collect(entry, texts, [])
    declared = Counter(name for text in texts.values() for name in _DECLARED.findall(text))
    twice = [name for name, times in declared.items() if times > 1]
    if twice:
        raise ValueError(f"top-level names of {', '.join(texts)} must differ; got {twice[0]} more than once")
    return "\n".join(texts.values())


def _collect(path: Path, texts: dict[str, str], under_way: list[str]) -> None:
    """Add the text of a module to `texts`, after those of the modules that it imports."""
    text = path.read_text(encoding="utf-8")
    if _RENAMED.search(text):
        raise ValueError(f"{path.name} must import names as they are; got {_RENAMED.findall(text)[0]!r}")
    above = [*under_way, path.name]
    for name in _IMPORT.findall(text):
        if name in above:
            raise ValueError(f"modules must not import each other in a circle; got {' '.join([*above, name])}")
        if name not in texts:
            _collect(path.parent / name, texts, above)
    plain = _EXPORT.sub("", _IMPORT.sub("", text))
    for left in _LEFT.findall(plain):
        raise ValueError(f"{path.name} must import from beside it and export declarations; got {left!r}")
    if re.search(r"</script|<!--", plain, re.IGNORECASE):
        raise ValueError(f"{path.name} must not contain </script or <!--, which would end it within a page")
    texts[path.name] = plain
