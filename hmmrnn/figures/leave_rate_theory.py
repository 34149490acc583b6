"""Predicted beside measured leave rates, and what the prediction is made of, one mark or line for each exit."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.leave_rate_theory import LeaveRateTheory
from hmmrnn.figures.kick_effects import write_lines
from hmmrnn.figures.panels import Floats, Panel, Row, draw, format_values, paint, split_columns, stack_rows
from hmmrnn.figures.theme import Theme, make_line

# In pixels: a panel, and the width of a line of text.
HEIGHT, TEXT_WIDTH = 260, 680
# Between two panels, all of them together, and left of them, as shares of the width.
GAP, INSET, LEFT = 0.12, 0.98, 0.02
# Room beyond the largest value of an axis.
ROOM = 1.12
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "star")


def draw_leave_rate_theory(found: LeaveRateTheory, theme: Theme, width: int = TEXT_WIDTH) -> go.Figure:
    """Draw the prediction; the layout has the height that the figure needs.

    Args:
        width: pixels that a line of text may take.
    """
    edges = [(INSET * left, INSET * right) for left, right in split_columns(2, GAP, LEFT)]
    rows = [
        Row([_leave_rates(found, theme), _crossings(found, theme)], edges, HEIGHT, _key(found, theme)),
        Row([_chances(found, theme), _memories(found, theme)], edges, HEIGHT),
        write_lines(_describe(found), "What the prediction is made of", width),
    ]
    return stack_rows(rows, theme, still=True)


def describe_prediction(found: LeaveRateTheory) -> str:
    """How far the prediction goes, and from how many runs, in a line."""
    known = found.ratio[np.isfinite(found.ratio)]
    ends = list(dict.fromkeys(f"{end:.2f}" for end in (known.min(), known.max()))) if len(known) else []
    reach = f"predicted leave rates are {' to '.join(ends)} of measured" if ends else "no rate is predicted"
    return (
        f"{reach} ({len(known)} of {len(found.exits)} exits); {found.runs} runs of {found.steps:,} steps for the "
        f"prediction, as many others for the measurement, {found.null_chance.shape[1]} random groups, sigma "
        f"{found.sigma:g}, seed {found.seed}"
    )


def _key(found: LeaveRateTheory, theme: Theme) -> list[str]:
    """The meaning of colours and symbols, as lines of text."""
    exits = [
        paint(theme.colour_of(a), "●■◆▲▼★"[_place(found, e)]) + f" {name.replace('output ', '')}"
        for e, ((a, _), name) in enumerate(zip(found.exits, found.exit_names, strict=True))
    ]
    signs = "filled: as it is&nbsp;&nbsp; open: kick group silenced&nbsp;&nbsp; ✕ steps shuffled in time (no memory)"
    return ["exit&nbsp;&nbsp; " + "&nbsp;&nbsp; ".join(exits), signs]


def _place(found: LeaveRateTheory, e: int) -> int:
    """The number of an exit among those out of the same output, which have a symbol and a dash each."""
    alike = [i for i, (a, _) in enumerate(found.exits) if a == found.exits[e][0]]
    return alike.index(e) % len(SYMBOLS)


def _look(found: LeaveRateTheory, e: int, theme: Theme, kind: str = "") -> dict[str, Any]:
    symbol = "x-thin" if kind == "shuffled" else SYMBOLS[_place(found, e)] + ("-open" if kind == "silenced" else "")
    colour = theme.colour_of(found.exits[e][0])
    return {"marker": {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2, "color": colour}}}


def _errors(theme: Theme, **errors: float) -> dict[str, Any]:
    """Bars of one standard error along x and y."""
    look = {"type": "data", "color": theme.muted, "thickness": 1, "width": 0}
    return {f"error_{axis}": {**look, "array": [float(np.nan_to_num(error))]} for axis, error in errors.items()}


def _leave_rates(found: LeaveRateTheory, theme: Theme) -> Panel:
    """The prediction against the measurement: on the dotted line they are equal."""
    traces = []
    of = {
        "shuffled": (found.without_memory, np.zeros(len(found.exits))),
        "silenced": (found.from_silenced, found.from_silenced_se),
        "": (found.predicted, found.predicted_se),
    }
    words = {"": "predicted", "silenced": "predicted, group silenced", "shuffled": "predicted without memory"}
    for kind, (rates, errors) in of.items():
        for e, name in enumerate(found.exit_names):
            said = f"{words[kind]}, {name}"
            hover = f"{said}: %{{y:.4f}}<br>measured: %{{x:.4f}}"
            bars = _errors(theme, x=found.measured_se[e], y=errors[e])
            traces.append(
                draw("markers", [found.measured[e]], [rates[e]], said, hover, **_look(found, e, theme, kind), **bars)
            )
    end = ROOM * float(np.nanmax([found.measured, *(rates for rates, _ in of.values())], initial=0.01))
    return _equal("measured leave rate (per step)", "predicted (per step)", end, traces, "Leave rate", theme)


def _crossings(found: LeaveRateTheory, theme: Theme) -> Panel:
    """The crossing rate by the formula against the counted one."""
    traces, ends = [], [0.01]
    for kind, of in (("silenced", found.silenced), ("", found.intact)):
        for e, name in enumerate(found.exit_names):
            said = f"crossing rate, {name}" + (", group silenced" if kind else "")
            hover = f"{said}<br>by the formula: %{{y:.4f}}<br>counted: %{{x:.4f}}"
            bars = _errors(theme, x=of.counted_se[e], y=of.crossing_rate_se[e])
            look = {**_look(found, e, theme, kind), **bars}
            traces.append(draw("markers", [of.counted[e]], [of.crossing_rate[e]], said, hover, **look))
        ends += [*of.counted, *of.crossing_rate]
    end = ROOM * float(np.nanmax(ends))
    return _equal("counted crossings (per step)", "formula (per step)", end, traces, "Crossings of zero", theme)


def _equal(x: str, y: str, end: float, traces: list[Any], heading: str, theme: Theme) -> Panel:
    axis = {"range": [0, end], "nticks": 6}
    diagonal = make_line(theme, x0=0, x1=end, y0=0, y1=1)
    return Panel(traces, {"title": x, **axis}, {"title": y, **axis}, heading=heading, shapes=[diagonal])


def _chances(found: LeaveRateTheory, theme: Theme) -> Panel:
    """The chance of each exit beside that of the random groups."""
    traces = []
    for e, name in enumerate(found.exit_names):
        null = found.null_chance[e][np.isfinite(found.null_chance[e])]
        size = len(found.groups[e])
        spread = (e + np.linspace(-0.3, 0.3, len(null))).round(3)
        random = {"size": 4, "color": theme.ghost, "opacity": 0.7}
        hover = f"random group of {size}: %{{y}}"
        traces.append(draw("markers", spread, null.round(3), f"random groups, {name}", hover, marker=random))
        said = f"chance, {name}"
        bars = _errors(theme, y=found.chance_se[e])
        value = [found.chance[e].round(4)]
        traces.append(draw("markers", [e], value, said, f"{said}: %{{y}}", **_look(found, e, theme), **bars))
    ticks = [name.replace("output ", "") for name in found.exit_names]
    x = {"title": "exit", "tickvals": list(range(len(ticks))), "ticktext": ticks, "range": [-0.5, len(ticks) - 0.5]}
    heading = "Chance that a crossing becomes a switch"
    return Panel(traces, {**x, "showgrid": False}, {"title": "share of crossings", "range": [-0.03, 1.03]}, heading)


def _memories(found: LeaveRateTheory, theme: Theme) -> Panel:
    """How long the process remembers, as it is and with the group silenced."""
    traces = []
    lags = np.arange(found.intact.autocorrelation.shape[1])
    for kind, of in (("group silenced", found.silenced), ("", found.intact)):
        for e, name in enumerate(found.exit_names):
            said = f"memory, {name}" + (f", {kind}" if kind else "")
            colour = theme.colour_of(found.exits[e][0])
            line = {"color": colour, "width": 1 if kind else 2.5, "dash": DASHES[_place(found, e)]}
            hover = f"{said}<br>%{{x}} steps later: %{{y:.2f}}"
            traces.append(draw("lines", lags, of.autocorrelation[e].round(4), said, hover, line=line))
    x = {"title": "steps later", "range": [0, int(lags[-1])]}
    y = {"title": "correlation", "zeroline": True, "zerolinecolor": theme.muted, "range": [-0.4, 1.03]}
    return Panel(traces, x, y, heading="Memory (thin: kick group silenced)")


def _describe(found: LeaveRateTheory) -> list[str]:
    """The numbers of each exit, in words."""
    return [_sentence(found, e) for e in range(len(found.exits))]


def _sentence(found: LeaveRateTheory, e: int) -> str:
    name, of = found.exit_names[e], found.intact
    if not np.isfinite(found.predicted[e]):
        return f"{name}: too few steps or no noise to predict from"
    level = of.distance[e] / of.noise[e]
    kept = _percent(of.crossing_rate[e] / of.counted[e])
    return (
        f"{name}: predicted {_value(found.predicted, found.predicted_se, e)}, measured "
        f"{_value(found.measured, found.measured_se, e)} per step, {_percent(found.ratio[e])}. The formula gives "
        f"{kept} of the crossings, and a crossing leads to {_percent(1 - found.missed[e])} of the exits. Distance "
        f"{level:.2f} standard deviations, memory {_value(of.memory, of.memory_se, e)}, chance "
        f"{_value(found.chance, found.chance_se, e)} (random groups {np.nanmedian(found.null_chance[e]):.2f}, "
        f"p = {found.null_share[e]:.2g})"
    )


def _value(values: Floats, errors: Floats, e: int) -> str:
    return format_values(values[e : e + 1], errors[e : e + 1])[0]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
