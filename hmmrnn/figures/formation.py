"""Formation of the mechanism in training: loss, switching, fidelity, weights and silencing against the optimizer step.

Published values are dotted lines. Colours are outputs; circles and solid lines are three neurons, squares and dashed
lines six.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.fidelity import (
    MAX_LAG_ERROR,
    MAX_MARGINAL_ERROR,
    MAX_TRANSITION_ERROR,
    MAX_VOLATILITY_DEVIATION,
)
from hmmrnn.analysis.formation import SIZES, Formation
from hmmrnn.figures.panels import (
    Floats,
    Panel,
    Row,
    draw,
    draw_band,
    draw_measured,
    split_columns,
    stack_rows,
    write_key,
)
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_note

HEIGHT, GAP = 170, 0.11
X_TITLE = "optimizer step"
SYMBOLS, DASHES = ("circle", "square"), ("solid", "dash")
# Of the errors of the gate: name, limit and symbol.
ERRORS = (
    ("transition_error", MAX_TRANSITION_ERROR, "circle"),
    ("marginal_error", MAX_MARGINAL_ERROR, "square"),
    ("lag_error", MAX_LAG_ERROR, "diamond"),
)
NULL_ENDS = (0.05, 0.95)
# No leave rate is drawn further out than so many times the intact one.
MOST_RATIO = 3.0

Published = Mapping[str, Sequence[float]]


def draw_formation(result: Formation, published: Published, theme: Theme) -> go.Figure:
    """Draw a series of snapshots; the height of the layout is what the figure needs, in pixels.

    Args:
        published: values of the paper's own network that are drawn as lines: "switching", "within", "between" and
            "recurrent"; what is missing is not drawn.
    """
    rows = [
        (_loss(result, theme), _switching(result, published, theme)),
        (_volatility(result, theme), _errors(result, theme)),
        (_weights(result, "within", published, theme), _weights(result, "between", published, theme)),
        (_silenced(result, "recurrent", published, theme), _silenced(result, "unit", published, theme)),
    ]
    edges = split_columns(2, GAP, left=0.02)
    key = _key(result, theme)
    return stack_rows(
        [Row(panels, edges, HEIGHT, key if not place else ()) for place, panels in enumerate(rows)], theme, still=True
    )


def _key(result: Formation, theme: Theme) -> list[str]:
    outputs = [(f"leaving output {o}", theme.colour_of(o)) for o in result.outputs]
    marks = "● 3 neurons&nbsp;&nbsp;■ 6 neurons&nbsp;&nbsp;open: activity runs away"
    return [write_key(outputs, marks), "bars: ± 1 standard error; dotted: the paper's own network"]


def _panel(result: Formation, heading: str, title: str, traces: list[Any], lines: list[Any], **more: Any) -> Panel:
    x = result.steps_done
    margin = 0.06 * max(1, int(x[-1] - x[0]))
    axis = {"title": X_TITLE, "tickformat": ",d", "nticks": 6, "range": [int(x[0]) - margin, int(x[-1]) + margin]}
    y = {"title": title, "nticks": 5, **more.pop("y", {})}
    return Panel([*lines, *traces], axis, y, heading, **more)


def _level(result: Formation, value: float, name: str, theme: Theme, dash: str = "dot") -> Any:
    """A horizontal line at a value, with its name for the mouse."""
    ends = result.steps_done[[0, -1]]
    line = {"color": theme.text, "width": 1.2, "dash": dash}
    return draw("lines", ends, [value] * 2, name, f"{name}: {value:.3g}", line=line)


def _named(value: float, text: str, theme: Theme, side: str = "bottom") -> dict[str, Any]:
    """The name of a line, at its right end."""
    look = {"xref": "domain", "x": 0.99, "xanchor": "right", "yref": "axis", "y": value, "yanchor": side}
    return make_note(text, font={"size": FONT_SIZE, "color": theme.muted}, **look)


def _published(result: Formation, values: Sequence[float], theme: Theme) -> tuple[list[Any], list[dict[str, Any]]]:
    """Lines at published values, the highest of them named."""
    lines = [_level(result, value, "published", theme) for value in values]
    return lines, [_named(max(values), "published", theme)] if values else []


def _curve(result: Formation, y: Floats, error: Floats | None, name: str, colour: str, theme: Theme, **own: Any) -> Any:
    error = np.full(len(y), np.nan) if error is None else error
    hover = f"step %{{x:,}}<br>{name} %{{customdata}}<extra></extra>"
    return draw_measured(result.steps_done.astype(float), y, error, name, colour, theme, hovertemplate=hover, **own)


def _loss(result: Formation, theme: Theme) -> Panel:
    levels = ((result.loss_floor, "HMM itself"), (result.loss_plateau, "independent symbols"))
    known = [(value, name) for value, name in levels if np.isfinite(value)]
    return _panel(
        result,
        "loss: Sinkhorn divergence",
        "differing symbols",
        [_curve(result, result.loss, None, "loss", theme.text, theme)],
        [_level(result, value, name, theme, "dash") for value, name in known],
        notes=[_named(value, name, theme) for value, name in known],
        y={"rangemode": "tozero"},
    )


def _switching(result: Formation, published: Published, theme: Theme) -> Panel:
    lines, notes = _published(result, published.get("switching", ()), theme)
    curve = _curve(result, result.switching, result.switching_se, "output changes", theme.text, theme)
    heading = "changes of the output"
    return _panel(result, heading, "per step", [curve], lines, notes=notes, y={"rangemode": "tozero"})


def _volatility(result: Formation, theme: Theme) -> Panel:
    low, high = 1 - MAX_VOLATILITY_DEVIATION, 1 + MAX_VOLATILITY_DEVIATION
    x = result.steps_done[[0, -1]].astype(float)
    gate = draw_band(x, np.full(2, low), np.full(2, high), theme.grid)
    curve = _curve(result, result.volatility, result.volatility_se, "symbol switch rate", theme.text, theme)
    notes = [_named(high, "as its HMM", theme)]
    heading = "symbol switch rate, over the HMM's"
    return _panel(result, heading, "ratio", [curve], [gate, _level(result, 1.0, "HMM", theme, "dash")], notes=notes)


def _errors(result: Formation, theme: Theme) -> Panel:
    curves = [
        _curve(result, getattr(result, name) / limit, None, name.replace("_", " "), theme.text, theme, symbol=symbol)
        for name, limit, symbol in ERRORS
    ]
    heading = "errors: ● transition, ■ marginal, ◆ lag"
    gate = _level(result, 1.0, "fidelity gate", theme, "dash")
    # On a logarithmic axis a note is placed by the exponent.
    notes = [_named(0.0, "fidelity gate", theme)]
    return _panel(
        result, heading, "over the gate's", curves, [gate], notes=notes, y={"type": "log", "tickformat": "~g"}
    )


def _weights(result: Formation, which: str, published: Published, theme: Theme) -> Panel:
    lines, notes = _published(result, published.get(which, ()), theme)
    values, errors = getattr(result, which), getattr(result, f"{which}_se")
    of = "triple" if which == "within" else "triple, from the other"
    curves = [
        _curve(result, values[:, k], errors[:, k], f"{of} of output {o}", theme.colour_of(o), theme)
        for k, o in enumerate(result.outputs)
    ]
    heading = "weights within triples" if which == "within" else "weights onto a triple from the other"
    return _panel(result, heading, "mean of W_hh", curves, lines, notes=notes)


def _silenced(result: Formation, which: str, published: Published, theme: Theme) -> Panel:
    lines, notes = _published(result, published.get(which, ()), theme)
    values, errors, bounded = (getattr(result, f"{which}{end}") for end in ("", "_se", "_bounded"))
    curves = [
        _curve(
            result,
            np.minimum(values[:, k, s], MOST_RATIO),
            errors[:, k, s],
            f"{size} neurons of output {o}",
            theme.colour_of(o),
            theme,
            symbol=[f"{SYMBOLS[s]}{'' if fine else '-open'}" for fine in bounded[:, k, s]],
            dash=DASHES[s],
        )
        for k, o in enumerate(result.outputs)
        for s, size in enumerate(SIZES)
    ]
    bands: list[Any] = []
    if which == "recurrent":
        bands = [_null(result, theme)]
    heading = "recurrent input silenced (grey: random triples)" if which == "recurrent" else "all input silenced"
    y = {"range": [-0.05 * MOST_RATIO, 1.05 * MOST_RATIO]}
    one = _level(result, 1.0, "as it is", theme, "dash")
    return _panel(result, heading, "leave rate over intact", curves, [*bands, one, *lines], notes=notes, y=y)


def _null(result: Formation, theme: Theme) -> Any:
    """The middle of what random triples do, over both outputs."""
    both = result.null.reshape(len(result.steps_done), -1)
    low, high = np.full((2, len(both)), np.nan)
    known = np.isfinite(both).any(axis=1)
    if known.any():
        low[known], high[known] = np.nanquantile(both[known], NULL_ENDS, axis=1)
    x = result.steps_done.astype(float)
    return draw_band(x, low, np.minimum(high, MOST_RATIO), theme.grid)
