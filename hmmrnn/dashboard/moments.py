"""Where is the network at each moment? What a page needs to mark one moment in every view at once, and to select some.

A moment is a step of a run. The page asks once for each set of runs; from then on it answers the hand by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from flask import Flask, Response, request
from numpy.typing import NDArray

from hmmrnn.contrast import Contrast, contrast, within
from hmmrnn.dashboard import queries
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.figures.theme import THEMES
from hmmrnn.live import packed, theme_colours
from hmmrnn.motion import Motion


def register(server: Flask) -> None:
    """Register the addresses under which moments are fetched, and neurons compared inside and outside of some."""
    server.add_url_rule("/moments", "moments", moments)
    server.add_url_rule("/contrast", "contrast", neurons)


def _of_link(answer: Callable[[Scenario], dict[str, Any]]) -> Callable[[], Response]:
    """Make a function of a scenario one of the link. What is refused is no failed request, but an answer."""

    @wraps(answer)
    def answered() -> Response:
        try:
            content = answer(Scenario.from_query(request.query_string.decode("utf-8", "replace"), default_model=""))
        except (ValueError, FloatingPointError) as error:
            content = {"refused": sentence(error)}
        return Response(json.dumps(content, separators=(",", ":"), allow_nan=False), mimetype="application/json")

    return answered


@_of_link
def moments(scenario: Scenario) -> dict[str, Any]:
    """Every step of every run of a scenario, and of what it is compared with."""
    plane = queries.plane_of_scenario(scenario)
    return {
        "scale": plane.scale[:2].tolist(),
        "themes": {name: theme_colours(theme) for name, theme in THEMES.items()},
        "now": _packed(queries.motion_of(scenario)),
        "reference": _packed(queries.motion_of(scenario.reference)) if scenario.compared else None,
    }


def _packed(motion: Motion) -> dict[str, Any]:
    drawn = np.isfinite(motion.points[..., 0])
    return {
        "points": packed(motion.points, "f4"),
        "output": packed(np.where(drawn, motion.output, -1), "i1"),
        "probabilities": packed(motion.probabilities, "f4"),
    }


@_of_link
def neurons(scenario: Scenario) -> dict[str, Any]:
    """How each neuron differs between the moments that a scenario selects and all others."""
    found = contrast_of(scenario)
    # JSON has no infinity: a neuron that only jumps is told by its means.
    effect = [float(value) if np.isfinite(value) else None for value in found.effect]
    return {
        "effect": effect,
        "inside": found.inside.tolist(),
        "outside": found.outside.tolist(),
        "n_inside": found.n_inside,
        "n_outside": found.n_outside,
    }


def contrast_of(scenario: Scenario) -> Contrast:
    """The neurons inside the selection of a scenario against outside.

    Raises:
        ValueError: nothing is selected, or everything.
    """
    run = queries.run_of(scenario)
    selected = selection_of(scenario)
    drawn = np.isfinite(queries.motion_of(scenario).points[..., 0])
    return contrast(run.pre_activation, selected, drawn)


def selection_of(scenario: Scenario) -> NDArray[np.bool_]:
    """(B, T) which moments lie within both the area and the span of a scenario."""
    points = queries.motion_of(scenario).points[..., :2]
    selected = np.isfinite(points[..., 0])
    if scenario.area is not None:
        selected &= within(points, np.reshape(scenario.area, (-1, 2)))
    if scenario.span is not None:
        first, last = scenario.span
        selected[:, : first - 1] = False
        selected[:, last:] = False
    return selected
