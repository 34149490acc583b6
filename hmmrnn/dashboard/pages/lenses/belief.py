"""Belief: what activity tells of the HMM's belief, and the belief of activity."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.belief_states import draw_belief
from hmmrnn.lenses.belief_states import Belief


def words(seen: Belief) -> str:
    """How many switches and states were looked at."""
    return f"{seen.switches:,} switches, {seen.region_counts.sum():,} states with a region, seed {seen.seed}"


VIEW = lens_view("belief", draw_belief, words)
