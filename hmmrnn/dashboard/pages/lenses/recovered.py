"""HMM recovered: what the network's emissions ask for, beside the target."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.hmm_recovery import draw_recovered
from hmmrnn.lenses.hmm_recovery import Recovered


def words(seen: Recovered) -> str:
    """How many emissions it is of."""
    return f"{seen.emissions:,} emissions, seed {seen.seed}"


VIEW = lens_view("recovered", draw_recovered, words, makes=True)
