"""Occupancy of the plane, radius of the orbit and regularity of switching against the strength of the noise, sigma.

The coefficient of variation of the intervals is drawn against the gain of the kick neurons as well. Where it is least,
switching is most like a clock's: stochastic resonance.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.gain_sweep import GainSweep
from hmmrnn.analysis.noise_sweep import ENCLOSED, NoiseSweep
from hmmrnn.analysis.switching import SwitchingSweep
from hmmrnn.figures.panels import (
    Floats,
    Panel,
    Row,
    draw,
    draw_line_at,
    draw_measured,
    shade_unknown,
    split_columns,
    stack_rows,
    write_key,
)
from hmmrnn.figures.theme import Theme

HEIGHT, GAP = 165, 0.085
# Below this, a deviation from proportion is rounding.
ROUNDING = 1e-9
WIDTHS = (2.2, 1.0)


def draw_noise_sweep(sweep: NoiseSweep, resonance: GainSweep | None, theme: Theme) -> go.Figure:
    """Draw a noise sweep; the height of the layout is what the figure needs, in pixels."""
    runs = f"{sweep.trajectories} runs of {sweep.steps:,} steps at each sigma, the same noise scaled"
    top = Row(
        [_occupancy(sweep, theme), _radius(sweep, theme), _interval(sweep, theme)],
        split_columns(3, GAP),
        HEIGHT,
        [f"{runs}; bars: ± 1 standard error", _proportion(sweep), _contour_key(sweep, theme)],
    )
    regularity = _regularity(sweep, resonance, theme)
    line = "<b>Regularity</b> (CV: coefficient of variation of the intervals; 1: at random, 0: a clock)"
    return stack_rows([top, Row(regularity, split_columns(2, GAP)[: len(regularity)], HEIGHT, [line])], theme)


def _proportion(sweep: NoiseSweep) -> str:
    """How nearly h(sigma) = sigma / sigma_0 h(sigma_0) holds, in words."""
    one = sweep.reference_sigma
    rule = f"h(sigma) = {'sigma' if one == 1 else f'sigma/{one:g}'} · h({one:g})"
    if np.isnan(sweep.relative_deviation):
        return f"{rule}: cannot be judged, as runs diverge"
    size = f"{sweep.relative_deviation:.2g} of the largest activity"
    if sweep.relative_deviation < ROUNDING:
        return f"Exactly in proportion: {rule} to within {size}"
    why = " (the network has biases, or cells that do not scale)" if sweep.biased else ""
    return f"Not in proportion{why}: {rule} is off by up to {size}"


def _colours(sweep: NoiseSweep, theme: Theme) -> list[str]:
    """One for each sigma whose occupancy is drawn, from the weakest to the strongest."""
    every = [theme.muted, theme.text, theme.accent]
    return every[len(every) - len(sweep.contour_sigma) :]


def _contour_key(sweep: NoiseSweep, theme: Theme) -> str:
    names = [f"sigma = {sigma:g}" for sigma in sweep.contour_sigma]
    inside = " and ".join(f"{100 * share:g} %" for share in ENCLOSED)
    marks = zip(names, _colours(sweep, theme), strict=True)
    return write_key(marks, f"contours: {inside} of the steps inside")


def _occupancy(sweep: NoiseSweep, theme: Theme) -> Panel:
    x, y = ((edges[1:] + edges[:-1]) / 2 for edges in (sweep.edges_x, sweep.edges_y))
    traces = []
    shown = zip(sweep.contour_sigma, sweep.density, sweep.contour_levels, _colours(sweep, theme), strict=True)
    for sigma, density, levels, colour in shown:
        if np.isnan(density).any():
            continue
        for share, level, width in zip(ENCLOSED, levels, WIDTHS, strict=True):
            traces.append(
                go.Contour(
                    x=x,
                    y=y,
                    z=density,
                    name=f"sigma = {sigma:g}, {100 * share:g} %",
                    contours={"start": level, "end": level, "size": 1, "coloring": "lines"},
                    autocontour=False,
                    colorscale=[[0, colour], [1, colour]],
                    line={"width": width, "smoothing": 1},
                    showscale=False,
                    hoverinfo="skip",
                )
            )
    return Panel(
        traces, {"title": "PC1 (activity)", "nticks": 5}, {"title": "PC2 (activity)", "nticks": 5}, "occupancy"
    )


def _sigma_axis(sweep: NoiseSweep) -> dict[str, Any]:
    return {"title": "noise sigma", "range": [0, 1.05 * float(sweep.sigmas[-1])], "nticks": 5}


def _measured(sweep: NoiseSweep, y: Floats, error: Floats, name: str, theme: Theme, mode: str) -> Any:
    hover = f"sigma = %{{x:.3g}}: {name} %{{customdata}}<extra></extra>"
    return draw_measured(sweep.sigmas, y, error, name, theme.text, theme, hovertemplate=hover, mode=mode)


def _radius(sweep: NoiseSweep, theme: Theme) -> Panel:
    traces = [_measured(sweep, sweep.radius, sweep.radius_se, "orbit radius", theme, "markers")]
    if np.isfinite(sweep.slope):
        x = np.array([0.0, sweep.sigmas[-1]])
        line = {"color": theme.accent, "width": 1.5, "dash": "dash"}
        traces = [draw("lines", x, sweep.intercept + sweep.slope * x, "fit", line=line), *traces]
    notes, shapes = shade_unknown({"diverges": sweep.diverged}, sweep.sigmas, theme)
    y = {"title": "activity", "rangemode": "tozero", "nticks": 5}
    return Panel(traces, _sigma_axis(sweep), y, _line(sweep), notes, shapes)


def _line(sweep: NoiseSweep) -> str:
    """The fitted line in words, as the heading of its panel."""
    if np.isnan(sweep.slope):
        return "orbit radius (no line fitted)"
    sign = "−" if sweep.intercept < -ROUNDING else "+"
    shift = "" if abs(sweep.intercept) < ROUNDING else f" {sign} {abs(sweep.intercept):.2g}"
    return f"radius = {sweep.slope:.3g} sigma{shift} (R² {sweep.r_squared:.3f})"


def _interval(sweep: NoiseSweep, theme: Theme) -> Panel:
    traces = [_measured(sweep, sweep.interval, sweep.interval_se, "steps per switch", theme, "lines+markers")]
    still = np.isnan(sweep.interval) & ~sweep.diverged
    notes, shapes = shade_unknown({"diverges": sweep.diverged, "no switch seen": still}, sweep.sigmas, theme)
    y = {"title": "steps", "rangemode": "tozero", "nticks": 5}
    return Panel(traces, _sigma_axis(sweep), y, "mean interval", notes, shapes)


def _regularity(sweep: NoiseSweep, resonance: GainSweep | None, theme: Theme) -> list[Panel]:
    """The coefficient of variation against the noise and, if it is known, against the gain, on one scale."""
    by_noise = _variation(sweep, sweep.sigmas, "sigma", theme)
    panels = [Panel(by_noise[0], _sigma_axis(sweep), {"title": "CV"}, "against the noise", *by_noise[1:])]
    highest = _highest(sweep)
    if resonance is not None:
        traces, notes, shapes = _variation(resonance, resonance.mu, "mu", theme)
        x = {"title": "gain mu of the recurrent input", "nticks": 5}
        heading = f"against the gain of {len(resonance.neurons)} kick neurons"
        panels.append(Panel(traces, x, {"title": "CV"}, heading, notes, [*shapes, draw_line_at(1, theme)]))
        highest = max(highest, _highest(resonance))
    for panel in panels:
        panel.y.update(range=[0, 1.05 * highest], nticks=5)
    return panels


def _highest(sweep: SwitchingSweep) -> float:
    """The top of the highest error bar, and at least 1, the value of random switching."""
    top = sweep.interval_cv + np.nan_to_num(sweep.interval_cv_se)
    return float(np.nan_to_num(top).max(initial=1.0))


def _variation(
    sweep: SwitchingSweep, x: Floats, letter: str, theme: Theme
) -> tuple[list[Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Traces, notes and shapes."""
    hover = f"{letter} = %{{x:.3g}}: CV %{{customdata}}<extra></extra>"
    trace = draw_measured(
        x, sweep.interval_cv, sweep.interval_cv_se, f"CV by {letter}", theme.text, theme, hovertemplate=hover
    )
    still = np.isnan(sweep.interval) & ~sweep.diverged
    few = np.isnan(sweep.interval_cv) & ~still & ~sweep.diverged
    reasons = {"diverges": sweep.diverged, "no switch seen": still, "too few intervals": few}
    return [trace], *shade_unknown(reasons, x, theme)
