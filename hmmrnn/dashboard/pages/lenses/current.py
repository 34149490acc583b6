"""Drift and diffusion: density, drift and probability current in the plane."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.drift_diffusion import draw_drift_diffusion
from hmmrnn.lenses.drift_diffusion import DriftDiffusion


def words(seen: DriftDiffusion) -> str:
    """How many runs, and the circulation of each pair of outputs with an orbit of its own."""
    pairs = ", ".join(
        f"{a} and {b}: {pair.area_rate:.2g} ± {pair.area_rate_se:.1g}" for pair in seen.pairs for a, b in [pair.pair]
    )
    said = f"; area rate in the orbit of outputs {pairs}" if pairs else ""
    return f"{seen.runs} runs of {seen.steps:,} steps, seed {seen.seed}{said}"


VIEW = lens_view("current", draw_drift_diffusion, words, in_plane=True)
