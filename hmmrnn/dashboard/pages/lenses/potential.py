"""Potential and barriers: the landscape of the states in the plane."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.potential_barriers import draw_potential
from hmmrnn.lenses.potential_barriers import Potential


def words(seen: Potential) -> str:
    """How many runs and steps."""
    return f"{seen.runs} runs of {seen.steps:,} steps, seed {seen.seed}"


VIEW = lens_view("potential", draw_potential, words, in_plane=True)
