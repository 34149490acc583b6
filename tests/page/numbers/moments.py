"""Moments of runs: phase, profile, switches, and the states within a polygon."""

from __future__ import annotations

import numpy as np

from hmmrnn.analysis.orbit import emission_along_orbit, fit_plane, orbit_phase
from hmmrnn.analysis.selection_contrast import within
from hmmrnn.model.simulation import simulate
from hmmrnn.report.live_page import pack_array
from tests.page.numbers.given import Numbers, shipped


def moments() -> Numbers:
    """Runs as the page holds them, and what Python takes from them: phase, profile, and the states within a polygon."""
    network = shipped()
    run = simulate(network, 400, 6, seed=2)
    plane = fit_plane(run.h)
    points = plane.project(run.h)[..., :2].astype(np.float32).astype(float)
    probabilities = run.probabilities.astype(np.float32).astype(float)
    phase = orbit_phase(points, plane)
    profile = emission_along_orbit(phase, probabilities)
    star = [
        value
        for r, a in zip((2, 0.6) * 5, np.arange(10) * np.pi / 5, strict=True)
        for value in (float(r * np.cos(a) * plane.scale[0]), float(r * np.sin(a) * plane.scale[1]))
    ]
    chosen = within(points, np.reshape(star, (-1, 2)))
    assert 0 < chosen.sum() < chosen.size
    switched = np.flatnonzero(np.diff(run.output[0])) + 2
    return {
        "points": pack_array(points, "f4"),
        "output": pack_array(run.output, "i1"),
        "probabilities": pack_array(probabilities, "f4"),
        "scale": plane.scale[:2].tolist(),
        "phase": pack_array(phase, "f8"),
        "median": [None if np.isnan(row).any() else row.tolist() for row in profile.median],
        "polygon": star,
        "within": chosen.ravel().astype(int).tolist(),
        "switches": switched.tolist(),
    }
