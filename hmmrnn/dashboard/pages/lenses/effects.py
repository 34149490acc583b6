"""Causal effects: what silencing each neuron does to the exits and to all other neurons."""

from __future__ import annotations

import numpy as np

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.causal_effects import draw_effects
from hmmrnn.lenses.causal_effects import Effects


def words(seen: Effects) -> str:
    """The strongest effects, and how many neurons are beyond the band of chance."""
    strongest = ", ".join(
        f"neuron {neuron} on {exit.replace('->', ' → ')} {effect:+.3f} ± {error:.1g} (band {band:.3f})"
        for (neuron, exit, effect), error, band in zip(
            seen.strongest[:3], seen.strongest_se, seen.strongest_null, strict=False
        )
    )
    beyond = int((np.abs(seen.effect) > seen.band).any(axis=1).sum())
    return f"{strongest or 'no effect'}; {beyond} of {len(seen.effect)} neurons are beyond the band; seed {seen.seed}"


VIEW = lens_view("effects", draw_effects, words)
