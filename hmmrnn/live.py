"""What does a page need to run a network by itself? Its weights, the plane it is looked at in, and what lies behind it.

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
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import ArrayLike, NDArray

import hmmrnn
from hmmrnn.backdrop import Backdrop, coordinates, extent
from hmmrnn.figures.theme import REGION_LABELS, THEMES, Theme
from hmmrnn.kick import KickGroup, KickNeurons
from hmmrnn.network import Floats, Network
from hmmrnn.regions import REGIONS
from hmmrnn.statespace import Plane

PAGES = Environment(loader=PackageLoader("hmmrnn"), autoescape=True, undefined=StrictUndefined)
ASSETS = Path(__file__).resolve().parents[1] / "assets"
UNTOUCHED: dict[str, Any] = {"sigma": 1.0, "seed": 0, "interventions": []}

_KINDS = {"f4": "<f4", "f8": "<f8", "i1": "<i1"}
_WEIGHTS = ("W_hh", "W_ih", "W_out", "b_h", "b_out")
_IMPORT = re.compile(r'^import\s+(?:\{[\w\s,$]*\}\s*from\s*)?"\./([\w-]+\.mjs)";[ \t]*\n?', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function|let)\b)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:async )?(?:class|const|function\*?|let|var)\s+([\w$]+)", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_RENAMED = re.compile(r"^import\b[^;]*\bas\b[^;]*;", re.MULTILINE)


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
            "range": _range(coordinates("visited", visited)),
        },
        "themes": {key: theme_colours(theme) for key, theme in THEMES.items()},
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
    low, high = extent(finite, 0.0)
    return [[float(low[axis]), float(high[axis])] for axis in (0, 1)]


def theme_colours(theme: Theme) -> dict[str, Any]:
    """The colours of a theme that a page's own drawing needs, in plain values."""
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
