"""Positions of every moment in every view, so that the page can mark and select moments by itself.

A moment is a step of a run. The page requests them once for each set of runs.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from flask import Flask, Response
from numpy.typing import NDArray

from hmmrnn.analysis.selection_contrast import SelectionContrast, contrast_selection, within
from hmmrnn.analysis.trajectory_summary import TrajectorySummary
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.report.live_page import pack_array
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import compact_json, explored_of_link


def register(server: Flask) -> None:
    """Register the addresses under which moments are fetched, and neurons compared inside and outside of some."""
    server.add_url_rule("/moments", "moments", moments)
    server.add_url_rule("/contrast", "contrast", neurons)


def _of_link(answer: Callable[[Explored], dict[str, Any]]) -> Callable[[], Response]:
    """Make a function of a scenario one of the link. What is refused is no failed request, but an answer."""

    @wraps(answer)
    def answered() -> Response:
        try:
            return compact_json(answer(explored_of_link()))
        except (ValueError, FloatingPointError) as error:
            return compact_json({"refused": sentence(error)})

    return answered


@_of_link
def moments(explored: Explored) -> dict[str, Any]:
    """Every step of every run of a scenario that is drawn, and of what it is compared with."""
    explored = queries.pictured(explored)
    plane = queries.plane_of(explored)
    return {
        "scale": plane.scale[:2].tolist(),
        "now": pack_moments(queries.summary_of(explored)),
        "reference": pack_moments(queries.summary_of(explored.reference)) if explored.scenario.compared else None,
    }


def pack_moments(motion: TrajectorySummary) -> dict[str, Any]:
    """Place (B, T, C), output (B, T), -1 where nothing is drawn, and probabilities (B, T, O) of each moment."""
    drawn = np.isfinite(motion.points[..., 0])
    return {
        "points": pack_array(motion.points, "f4"),
        "output": pack_array(np.where(drawn, motion.output, -1), "i1"),
        "probabilities": pack_array(motion.probabilities, "f4"),
    }


@_of_link
def neurons(explored: Explored) -> dict[str, Any]:
    """How each neuron differs between the moments that a scenario selects and all others."""
    found = contrast_of(explored)
    # JSON has no infinity: of a neuron without variance only the means are sent.
    effect = [float(value) if np.isfinite(value) else None for value in found.effect]
    return {
        "effect": effect,
        "inside": found.inside.tolist(),
        "outside": found.outside.tolist(),
        "n_inside": found.n_inside,
        "n_outside": found.n_outside,
    }


def contrast_of(explored: Explored) -> SelectionContrast:
    """The neurons inside the selection of a scenario against outside.

    Raises:
        ValueError: nothing is selected, or everything.
    """
    explored = queries.pictured(explored)
    points = queries.summary_of(explored).points
    selected = selection_of(explored.scenario, points)
    return contrast_selection(queries.pictured_run_of(explored).pre_activation, selected, np.isfinite(points[..., 0]))


def selection_of(scenario: Scenario, points: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(B, T) which moments, at points (B, T, C), lie within both the area and the span of a scenario."""
    selected = np.isfinite(points[..., 0])
    if scenario.area is not None:
        selected &= within(points[..., :2], np.reshape(scenario.area, (-1, 2)))
    if scenario.span is not None:
        first, last = scenario.span
        selected[:, : first - 1] = False
        selected[:, last:] = False
    return selected
