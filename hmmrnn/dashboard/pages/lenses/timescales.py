"""Time scales: how fast a push is forgotten under noise, and eigenvalues by region."""

from __future__ import annotations

import numpy as np

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.time_scales import draw_time_scales
from hmmrnn.figures.theme import REGION_LABELS
from hmmrnn.lenses.time_scales import TimeScales


def words(seen: TimeScales) -> str:
    """The largest exponent with its null, and the time scales of the regions."""
    slow = ", ".join(
        f"{REGION_LABELS[region]} {scale:.1f}" if np.isfinite(scale) else f"{REGION_LABELS[region]} none (it grows)"
        for region, scale in zip(seen.regions, seen.leading, strict=True)
        if not np.isnan(scale)
    )
    largest = f"{seen.lyapunov[0]:.3f} ± {seen.lyapunov_se[0]:.1g} nats per step (null {seen.lyapunov_null[0]:.3f})"
    gates = ", ".join(
        f"{REGION_LABELS[region]} {np.median(scales):.1f}"
        for region, scales in zip(seen.regions, seen.gate_time_scale, strict=True)
        if np.isfinite(scales).any()
    )
    kept = f"; of the gate that keeps the state, median over neurons: {gates}" if gates else ""
    return f"largest exponent {largest}; time scale of the largest eigenvalue, in steps: {slow}{kept}; seed {seen.seed}"


VIEW = lens_view("timescales", draw_time_scales, words)
