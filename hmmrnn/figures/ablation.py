"""The paper's ablations beside its published curves: critical pairs and upward switches against the gain.

One row of panels for each kick triple, one panel for each population that is scaled, and a row of switches.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.published.ablation import (
    CONTROL,
    KICK,
    NOISE,
    RUNS,
    STEPS,
    WINDOW,
    Ablation,
    Ablations,
    PublishedAblation,
)
from hmmrnn.figures.panels import (
    Floats,
    Panel,
    Row,
    draw_band,
    draw_line_at,
    draw_measured,
    shade_unknown,
    split_columns,
    stack_rows,
    write_key,
)
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count

HEIGHT, GAP = 170, 0.07
GAINS = {"title": "gain mu", "range": [-0.08, 1.98], "nticks": 5}
HEADINGS = {KICK: "kick triple, recurrent input", NOISE: "its 60 strongest inputs, noise", CONTROL: "control, noise"}


def draw_ablations(found: Ablations, published: PublishedAblation, theme: Theme) -> go.Figure:
    """Draw the ablations of one network; the height of the layout is what the figure needs, in pixels."""
    every = [*found.kick, *found.noise, found.control]
    highest = max(float(np.nanmax(one.pairs + np.nan_to_num(one.pairs_se), initial=0)) for one in every)
    rows = []
    for which, (kick, noise) in enumerate(zip(found.kick, found.noise, strict=True)):
        curves = {one.kind: published.pairs[one.kind][which] for one in (kick, noise, found.control)}
        top = max(highest, *(max(np.add(*curve)) for curve in curves.values()))
        panels = [_pairs(one, curves[one.kind], 1.05 * top, theme) for one in (kick, noise, found.control)]
        title = f"<b>Kick triple of output {kick.output}</b> (neurons {', '.join(map(str, kick.neurons))})"
        rows.append(Row(panels, split_columns(3, GAP), HEIGHT, [*([] if which else _key(theme)), title]))
    most = max(float(one.switches.mean(axis=0).max()) for one in every)
    together = [found.kick, found.noise, (found.control,)]
    top = 1.15 * max(most, sum(published.switches))
    panels = [_switches(several, published, top, theme) for several in together]
    rows.append(Row(panels, split_columns(3, GAP), HEIGHT, [f"<b>Upward switches in {STEPS:,} steps</b>"]))
    return stack_rows(rows, theme)


def describe_ablations(found: Ablations) -> str:
    """How often each triple stops the switching, in numbers."""
    said = []
    for one in found.kick:
        at_zero, at_one = one.switches[:, 0], one.switches[:, int(np.argmin(np.abs(one.mu - 1)))]
        stopped = int((at_zero <= 1).sum())
        text = (
            f"with the recurrent input of the triple of output {one.output} silenced {at_zero.mean():.1f} upward "
            f"switches are left of {at_one.mean():.1f} ({say_count(stopped, 'run')} of {len(at_zero)} with one at most)"
        )
        lost = int(one.diverged[0])
        said.append(f"{text}, and activity grows without bound in {lost} of {len(at_zero)} runs" if lost else text)
    return f"{RUNS} runs of {STEPS:,} steps at each of {len(found.control.mu)} gains: " + "; ".join(said)


def _key(theme: Theme) -> list[str]:
    marks = [("published: mean ± s.d. between runs of one two-state network", theme.ghost)]
    windows = f"○ fewer than two switches: the {WINDOW} steps around those of mu = 1"
    here = f"● here, ± 1 standard error; {windows}"
    return [write_key(marks), here]


def _colour(one: Ablation, theme: Theme) -> str:
    return theme.muted if one.kind == CONTROL else theme.colour_of(one.output)


def _pairs(one: Ablation, published: tuple[list[float], list[float]], top: float, theme: Theme) -> Panel:
    """Critical pairs around a switch, here and published."""
    mean, spread = (np.array(values) for values in published)
    gains = np.arange(len(mean)) / 10
    band = draw_band(gains, mean - spread, mean + spread, theme.grid)
    line = draw_measured(
        gains,
        mean,
        np.full(len(mean), np.nan),
        "published",
        theme.ghost,
        theme,
        mode="lines",
        hovertemplate=_hover("published: critical pairs"),
    )
    symbols = np.where(one.fallback, "circle-open", "circle").tolist()
    here = draw_measured(
        one.mu,
        one.pairs,
        one.pairs_se,
        "here",
        _colour(one, theme),
        theme,
        symbol=symbols,
        hovertemplate=_hover("critical pairs"),
    )
    notes, shapes = shade_unknown({"not finite": np.isnan(one.pairs)}, one.mu, theme)
    y = {"title": "critical pairs (sum)", "range": [0, top], "nticks": 5}
    return Panel([band, line, here], dict(GAINS), y, HEADINGS[one.kind], notes, [*shapes, draw_line_at(1, theme)])


def _switches(several: tuple[Ablation, ...], published: PublishedAblation, top: float, theme: Theme) -> Panel:
    """Upward switches, mean of the runs, with the published number at gain 1."""
    traces: list[Any] = []
    for one in several:
        error = one.switches.std(axis=0, ddof=1) / np.sqrt(len(one.switches))
        name = "control" if one.kind == CONTROL else f"output {one.output}"
        mean = one.switches.mean(axis=0)
        look = {"hovertemplate": _hover(f"{name}: upward switches")}
        traces.append(draw_measured(one.mu, mean, error, name, _colour(one, theme), theme, **look))
    value, spread = (np.array([number]) for number in published.switches)
    look = {"mode": "markers", "symbol": "diamond", "hovertemplate": _hover("published: upward switches")}
    traces.append(draw_measured(np.array([1.0]), value, spread, "published", theme.ghost, theme, **look))
    away: Floats = np.sum([one.diverged for one in several], axis=0)
    notes, shapes = shade_unknown({"runs away": away > 0}, several[0].mu, theme)
    y = {"title": "switches", "range": [0, top], "nticks": 5}
    return Panel(traces, dict(GAINS), y, HEADINGS[several[0].kind], notes, [*shapes, draw_line_at(1, theme)])


def _hover(what: str) -> str:
    return f"mu = %{{x:.2g}}: {what} %{{customdata}}<extra></extra>"
