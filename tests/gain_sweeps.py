"""A made-up gain sweep, and what the tests of figures look for in one."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.gain_sweep import GainSweep

MU = np.linspace(0, 2, 5)


def sweep(seed: int = 0, **own) -> GainSweep:
    """Three outputs, of which the second is never visited; all numbers differ."""
    rng = np.random.default_rng(seed)
    means = ("interval", "interval_cv", "critical_pairs", "critical_pairs_anywhere")
    rate = rng.random((5, 3)) / 10
    rate[:, 1] = np.nan
    made = {
        **{name: 1 + 9 * rng.random(5) for name in means},
        **{f"{name}_se": 0.1 * rng.random(5) for name in means},
        "neurons": np.arange(4), "target": "recurrent", "mu": MU,
        "leave_rate": rate, "leave_rate_se": 0.1 * rate,
        "intervals": np.full(5, 90), "switches": np.full(5, 99),
        "path_mu": np.array([0, 1, 1.9]), "paths": rng.standard_normal((3, 2, 6, 3)),
        "diverged": np.zeros(5, bool), "sigma": 1.0, "seed": 0, "trajectories": 16, "steps": 1500,
    }  # fmt: skip
    return GainSweep(**{**made, **own})


def with_nan(one: GainSweep, where: list[bool], *names: str) -> dict[str, np.ndarray]:
    """Those numbers of a sweep, NaN at some gains."""
    changed = {}
    for name in names:
        changed[name] = getattr(one, name).copy()
        changed[name][np.array(where)] = np.nan
    return changed


def traces(figure: go.Figure, name: str) -> list:
    """Those of a name, one for each population in turn."""
    return [trace for trace in figure.data if trace.name == name]


def texts(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def axis_of(figure: go.Figure, trace, letter: str):
    anchor = getattr(trace, f"{letter}axis")
    return figure.layout[f"{letter}axis{anchor[1:]}"]
