"""A page that runs a network by itself: its weights, its plane, the occupancy behind it and its kick groups, as JSON.

The time loop of the page is `assets/engine/network.mjs`, which reads this JSON. Arrays are base64 of their
little-endian bytes, so that the network in the page is exactly the one in the file.

Source: Torre et al. (2025), section 4 (plane of PC1 and PC2; cluster, kick zone, transition).
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import ArrayLike, NDArray

import hmmrnn
from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.occupancy_grid import OccupancyGrid, coordinates, extent
from hmmrnn.analysis.orbit import Plane, check_plane
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.figures.theme import DARK, LIGHT, REGION_LABELS, THEMES, Theme
from hmmrnn.model.cells import refuse_unless
from hmmrnn.model.checkpoint import is_single
from hmmrnn.model.network import Floats, Network
from hmmrnn.shipped import ASSETS

PAGES = Environment(loader=PackageLoader("hmmrnn.report"), autoescape=True, undefined=StrictUndefined)
ENGINE_STEPS = (
    "its engine in the page steps cells without gates whose readout sees activity alone; every other view shows this "
    "network, computed by the server"
)
UNTOUCHED: dict[str, Any] = {"sigma": 1.0, "seed": 0, "interventions": []}
_MAY = (*UNTOUCHED, "start")

_KINDS = {"f4": "<f4", "f8": "<f8", "i1": "<i1"}
_WEIGHTS = ("W_hh", "W_ih", "W_out", "b_h", "b_out")
_IMPORT = re.compile(r'^import\s+(?:\{[\w\s,$]*\}\s*from\s*)?"(\.{1,2}/[\w/-]+\.mjs)";[ \t]*\n?', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function|let)\b)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:async )?(?:class|const|function\*?|let|var)\s+([\w$]+)", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_RENAMED = re.compile(r"^import\b[^;]*\bas\b[^;]*;", re.MULTILINE)


# ---- plain values ----


def pack_array(array: NDArray[Any], kind: str) -> dict[str, Any]:
    """Pack an array into plain values: its kind ("f4", "f8" or "i1"), its little-endian bytes in base64, and its shape.

    Raises:
        ValueError: the kind is another.
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}; got {kind!r}")
    data = np.ascontiguousarray(array, dtype=_KINDS[kind]).tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(data).decode("ascii"), "shape": list(array.shape)}


def describe_network(network: Network, plane: Plane, name: str, visited: ArrayLike) -> dict[str, Any]:
    """Describe a network as a page needs it to run and draw it, in single precision if that loses nothing.

    Args:
        plane: of its states; the first two directions are drawn.
        visited: (V, C) coordinates of visited states, which give the range of the axes.

    Raises:
        ValueError: the plane has a single direction or belongs to another network, or visited has another shape.
        NotApplicableError: the network is none that the engine of the page can step.
    """
    refuse_unsteppable(network)
    check_plane(network, plane)
    weights = {key: getattr(network, key) for key in _WEIGHTS}
    kind = "f4" if all(is_single(array) for array in weights.values()) else "f8"
    cell = {"cell": network.cell, "alpha": network.alpha, "leak": network.leak}
    given = {} if network.constant is None else {"given": pack_array(network.W_ih @ network.constant, "f8")}
    start = {} if network.h0 is None else {"start": pack_array(network.h0, "f8")}
    return {
        **({} if network.is_plain_relu else cell),
        **given,
        **start,
        "name": name,
        "neurons": network.n_neurons,
        "inputs": network.n_inputs,
        "outputs": network.n_outputs,
        "weights": {key: pack_array(array, kind) for key, array in weights.items()},
        "plane": {
            "mean": pack_array(plane.mean, "f8"),
            "components": pack_array(plane.components[:2], "f8"),
            "scale": plane.scale[:2].tolist(),
            "range": _range(coordinates("visited", visited)),
        },
        "themes": {key: list_colours(theme) for key, theme in THEMES.items()},
        "region_labels": dict(REGION_LABELS),
    }


def runs_in_page(network: Network) -> bool:
    """Whether the engine of the page can step a network."""
    return not network.kind.is_gated and network.W_skip is None


def refuse_unsteppable(network: Network) -> None:
    """Raise NotApplicableError unless the engine of the page can step a network."""
    refuse_unless(runs_in_page(network), "the live view", network, ENGINE_STEPS)


def _range(visited: Floats) -> list[list[float]]:
    finite = visited[np.isfinite(visited).all(axis=1)]
    if not len(finite):
        return [[-1.0, 1.0], [-1.0, 1.0]]
    low, high = extent(finite, 0.0)
    return [[float(low[axis]), float(high[axis])] for axis in (0, 1)]


def list_colours(theme: Theme) -> dict[str, Any]:
    """List the colours of a theme that a page's own drawing needs."""
    single = {key: getattr(theme, key) for key in ("ground", "text", "muted", "grid", "ghost", "accent")}
    return {**single, "outputs": list(theme.outputs), "regions": dict(theme.regions)}


def describe_occupancy(found: OccupancyGrid) -> dict[str, Any]:
    """Describe an occupancy grid in plain values; its regions are positions in the list of names beside them."""
    return {
        "x": found.x.tolist(),
        "y": found.y.tolist(),
        "cells": len(found.share),
        "share": pack_array(found.share, "f4"),
        "region": pack_array(found.region, "i1"),
        "regions": list(REGIONS),
        "states": found.states,
    }


def describe_kick_groups(kick: KickNeurons) -> list[dict[str, Any]]:
    """Describe the kick groups that have neurons, in plain values."""
    names = ("output", "to", "neurons", "name", "proven")
    found = [{name: getattr(group, name) for name in names} for group in kick.groups if group.neurons]
    return [{**group, "neurons": list(group["neurons"])} for group in found]


def build_live_payload(
    network: Network,
    plane: Plane,
    name: str,
    visited: ArrayLike,
    backdrop: OccupancyGrid | None = None,
    kick: KickNeurons | None = None,
    scenario: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build the JSON of a saved page, in plain values.

    Args:
        backdrop: of the intact network; None leaves the ground blank.
        scenario: at first: any of sigma, seed, start and interventions (a list of neurons, mu and target).

    Raises:
        ValueError: as for `describe_network`, or the scenario has another part.
    """
    given = dict(scenario or {})
    if not given.keys() <= set(_MAY):
        raise ValueError(f"a scenario may have {', '.join(_MAY)}; got {', '.join(map(str, given))}")
    return {
        **describe_network(network, plane, name, visited),
        "backdrop": None if backdrop is None else describe_occupancy(backdrop),
        "groups": None if kick is None else describe_kick_groups(kick),
        "scenario": {**UNTOUCHED, **given},
        "version": hmmrnn.__version__,
    }


# ---- one page ----


def write_live_page(payload: Mapping[str, Any]) -> str:
    """Write a page that runs a network by itself, without a server or a network connection.

    Raises:
        ValueError: a script or the style sheet cannot stand in a page, or the payload holds a NaN.
    """
    return PAGES.get_template("live.html").render(
        name=payload["name"], live=fill_live_parts(payload), light=LIGHT.css_variables(), dark=DARK.css_variables()
    )


def fill_live_parts(payload: Mapping[str, Any], scheme: str = "") -> dict[str, str]:
    """Make the parts that `live_part.html` puts into a page: style, data, worker, script and scheme.

    Args:
        scheme: "light" or "dark" in a page that has only this one; empty to follow the reader's system.

    Raises:
        ValueError: as for `write_live_page`.
    """
    style = (ASSETS / "live.css").read_text(encoding="utf-8")
    if "</style" in style.lower():
        raise ValueError("live.css must not contain </style, which would end it within a page")
    # Text in a script element must not look like a tag.
    data = json.dumps(payload, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    worker, script = (join_modules(ASSETS / "live" / name) for name in ("worker.mjs", "saved.mjs"))
    return {"style": style, "data": data, "worker": worker, "script": script, "scheme": scheme}


def join_modules(entry: Path) -> str:
    """Join a JavaScript module and all that it imports into one script, each after the modules that it imports.

    The modules then share one scope: their top-level names must differ. They may only import by name, from files
    of other names, and export declarations.

    Raises:
        ValueError: two modules declare the same name, one imports or exports in another way, or the text would end the
            script element that holds it.
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
    for imported in _IMPORT.findall(text):
        source = (path.parent / imported).resolve()
        if source.name in above:
            raise ValueError(f"modules must not import each other in a circle; got {' '.join([*above, source.name])}")
        if source.name not in texts:
            _collect(source, texts, above)
    plain = _EXPORT.sub("", _IMPORT.sub("", text))
    for left in _LEFT.findall(plain):
        raise ValueError(f"{path.name} must import from files and export declarations; got {left!r}")
    if re.search(r"</script|<!--", plain, re.IGNORECASE):
        raise ValueError(f"{path.name} must not contain </script or <!--, which would end it within a page")
    texts[path.name] = plain
