"""The network's long-run statistics beside its HMM's, and the hidden states decoded from its emissions.

The rows have fixed heights in pixels, so that text keeps its size however many there are. Numbers are written into the
cells of matrices where they fit on a narrow page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.decoding import Decoding
from hmmrnn.analysis.fidelity import LAGS, Fidelity
from hmmrnn.analysis.matched_distance import MatchedDistances
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.figures.panels import FOOT, LINE, Floats, Panel, Row, draw, draw_cells, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import FONT_SIZE, REGION_LABELS, Theme, make_line, make_note

# In pixels: inside the plots of a row.
BARS, POINT, CELL, SMALL_CELL = 84, 36, 36, 20
# The least width that is left for plots, and the widths of a cell that hold a number with one decimal and its error
# below it, or a whole number.
NARROW, FULL_TEXT, SHORT_TEXT = 324, 34, 20
# Shares of the width: between panels, between panels with labels of their own, and for labels that are words.
GAP, WIDE_GAP, NAMES = 0.02, 0.17, 0.115
# Of the room of a symbol, between its bars and the next symbol's.
BAR_GAP = 0.25
# Percentage points below which a difference is not painted in full colour.
LEAST_DIFFERENCE = 5.0
# The least number that would be written as 10.0.
WHOLE = 9.95


@dataclass(frozen=True, eq=False)
class Verdict:
    """The comparison of a network with its HMM."""

    fidelity: Fidelity  # statistics of long runs
    # matching, decoding: matched sequences and hidden states, which take longer; None if they are not known.
    matching: MatchedDistances | None = None
    decoding: Decoding | None = None


def draw_fidelity(now: Verdict, intact: Verdict | None, theme: Theme) -> go.Figure:
    """Draw what a network emits beside its HMM; the height of the layout is what the figure needs, in pixels."""
    known = {"network": now} if intact is None else {"intact": intact, "now": now}
    judged = {name: verdict.fidelity for name, verdict in known.items()}
    matched = {name: verdict.matching for name, verdict in known.items() if verdict.matching is not None}
    decoded = {name: verdict.decoding for name, verdict in known.items() if verdict.decoding is not None}
    rows = [_long_runs(judged, theme), _numbers(judged, matched, theme), *_transitions(judged, theme)]
    return stack_rows([*rows, *_hidden_states(decoded, theme)], theme, still=True, bargap=BAR_GAP)


def _look(name: str, theme: Theme) -> tuple[str, str, str]:
    """Colour, marker and dash: HMM and network like the letters, open and filled, the intact network as a ghost.

    None has a colour of the outputs, which stand beside them.
    """
    looks = {"HMM": (theme.text, "circle-open", "dot"), "intact": (theme.ghost, "square", "dash")}
    return looks.get(name, (theme.text, "diamond", "solid"))


# ---- long runs ----


def _long_runs(judged: dict[str, Fidelity], theme: Theme) -> Row:
    """Shares of the symbols, and how often two symbols some steps apart are equal."""
    any_of_them = next(iter(judged.values()))
    symbols = [str(o) for o in range(len(any_of_them.marginal))]
    bars = [_bars(symbols, any_of_them.target_marginal, None, "HMM", theme)]
    bars += [_bars(symbols, one.marginal, one.marginal_se, name, theme) for name, one in judged.items()]
    lines = [_line(any_of_them.target_agreement, None, "HMM", theme)]
    lines += [_line(one.agreement, one.agreement_se, name, theme) for name, one in judged.items()]
    share = {"title": "share", "range": [0, 1.05], "nticks": 3}
    lag = {"title": "lag (steps)", "type": "log", "tickvals": list(LAGS), "tickangle": 0}
    lag["range"] = [np.log10(LAGS[0]) - 0.1, np.log10(LAGS[-1]) + 0.1]
    left = Panel(bars, {"title": "symbol", "type": "category", "tickangle": 0}, share)
    right = Panel(lines, lag, {**share, "title": ""}, "P(same symbol at lag)")
    # A legend would be laid out anew, and wrongly, when the graph grows.
    key = f"□ HMM (exact)&nbsp;&nbsp;&nbsp;{write_key((name, _look(name, theme)[0]) for name in judged)}"
    return Row([left, right], split_columns(2, WIDE_GAP), BARS, [key])


def _bars(x: Sequence[str], y: Floats, error: Floats | None, name: str, theme: Theme) -> Any:
    colour = _look(name, theme)[0]
    exact = error is None
    return go.Bar(
        x=x,
        y=y,
        name=f"share, {name}",
        marker={"color": theme.ground if exact else colour, "line": {"color": colour, "width": 1.5}},
        error_y=_error_bars(error, theme),
        customdata=_precisely(y, error),
        hovertemplate=f"{name}: %{{customdata}}<extra></extra>",
    )


def _line(y: Floats, error: Floats | None, name: str, theme: Theme) -> Any:
    colour, symbol, dash = _look(name, theme)
    look = {
        "line": {"color": colour, "width": 1.5, "dash": dash},
        "marker": {"color": colour, "size": 7, "symbol": symbol},
        "error_y": _error_bars(error, theme),
    }
    hover = f"{name}, %{{x}} steps apart: %{{customdata}}"
    return draw(
        "lines+markers", LAGS, y, f"P(same symbol at lag), {name}", hover, customdata=_precisely(y, error), **look
    )


def _error_bars(error: Floats | None, theme: Theme) -> dict[str, Any]:
    array = None if error is None else np.nan_to_num(error)
    return {"type": "data", "array": array, "visible": error is not None, "color": theme.text, "thickness": 1.2}


def _precisely(values: Floats, errors: Floats | None) -> list[str]:
    """Four decimals, with the error if there is one, for the hover text."""
    known = np.full(len(values), np.nan) if errors is None else errors
    return [
        _signed(value, "", 4) + (f" ± {error:.4f}" if np.isfinite(error) else "")
        for value, error in zip(values, known, strict=True)
    ]


# ---- single numbers ----


@dataclass(frozen=True, eq=False)
class _Measure:
    """Number and standard error (NaN where it is exact) for HMM, intact network and network.

    `basis` names the runs behind them, in the hover text.
    """

    title: str
    pairs: Sequence[tuple[float, float]]
    digits: int
    basis: str


def _numbers(judged: dict[str, Fidelity], matched: dict[str, MatchedDistances], theme: Theme) -> Row:
    """Symbol switch rate, likelihood and, once it is known, the matched distance."""
    any_of_them = next(iter(judged.values()))
    volatility = [(any_of_them.target_volatility, np.nan), *((f.volatility, f.volatility_se) for f in judged.values())]
    own = any_of_them.target_log_likelihood, any_of_them.target_log_likelihood_se
    likelihood = [own, *((one.log_likelihood, one.log_likelihood_se) for one in judged.values())]
    runs = f"{any_of_them.trajectories} runs of {any_of_them.steps:,} steps"
    measures = [
        _Measure("symbol switch<br>rate (per step)", volatility, 3, runs),
        _Measure("log-likelihood<br>(nats/symbol)", likelihood, 3, runs),
    ]
    if len(matched) == len(judged):
        first = next(iter(matched.values()))
        distance = [(first.floor, first.floor_se), *((one.distance, one.distance_se) for one in matched.values())]
        basis = f"Euclidean, {len(first.floors)} batches of {first.size} sequences of {first.length} steps"
        measures.append(_Measure("matched<br>distance", distance, 2, basis))
    names = ["HMM", *judged]
    panels = [_points(names, one, theme) for one in measures]
    labelled = replace(panels[0], y={**panels[0].y, "showticklabels": True})
    edges = split_columns(len(measures), 3 * GAP, NAMES)
    return Row([labelled, *panels[1:]], edges, POINT * len(names), foot=FOOT + LINE)


def _points(names: Sequence[str], measure: _Measure, theme: Theme) -> Panel:
    """A point with its number for each name, and a line through all of them at the HMM's value."""
    colours, symbols, _ = zip(*(_look(name, theme) for name in names), strict=True)
    values, errors = np.array(measure.pairs).T
    drawn = np.isfinite(values)
    points = draw(
        "markers+text",
        np.where(drawn, values, np.nan),
        names,
        measure.title.replace("<br>", " "),
        f"%{{y}}: %{{customdata}}<br>{measure.basis}",
        marker={"color": colours, "size": 9, "symbol": symbols, "line": {"color": colours, "width": 1.5}},
        error_x=_error_bars(np.where(drawn, errors, np.nan), theme),
        text=[_signed(value, "", measure.digits) for value in values],
        textposition="top center",
        textfont={"size": FONT_SIZE, "color": theme.text},
        cliponaxis=False,
        customdata=_precisely(values, errors),
    )
    reach = float(np.abs(values[drawn]).max(initial=0)) or 1.0
    ends = [-1.4 * reach, 0.1 * reach] if np.any(values < 0) else [-0.05 * reach, 1.4 * reach]
    x = {"title": measure.title, "range": ends, "nticks": 3, "showgrid": False}
    y = {"type": "category", "range": [len(names) - 0.6, -0.8], "showticklabels": False, "ticks": ""}
    level = make_line(theme, colour=theme.ghost, x=values[0], y0=0, y1=1)
    missing = [
        make_note("−∞" if value < 0 else "none", y=name, x=0.5, xref="domain", yref="axis")
        for name, value in zip(names, values, strict=True)
        if not np.isfinite(value)
    ]
    return Panel([points], x, y, notes=missing, shapes=[level] if drawn[0] else [])


# ---- matrices ----


@dataclass(frozen=True, eq=False)
class _Matrix:
    """Probabilities (rows, columns) or differences of such, with standard errors and the steps they were counted on."""

    heading: str
    values: Floats
    errors: Floats | None = None
    signed: bool = False
    counts: NDArray[np.integer] | None = None


@dataclass(frozen=True)
class _Axes:
    """Titles and labels of columns and rows."""

    x: str
    columns: Sequence[str]
    y: str
    rows: Sequence[str]


def _transitions(judged: dict[str, Fidelity], theme: Theme) -> list[Row]:
    """Emission transition matrices of HMM and network, and how far the network's are from the HMM's."""
    target = next(iter(judged.values())).target_transitions
    own = [_Matrix(name, one.transitions, one.transitions_se) for name, one in judged.items()]
    away = [_Matrix(f"{one.heading} − HMM", one.values - target, one.errors, signed=True) for one in own]
    shares = [_Matrix("HMM (exact)", target), *own]
    symbols = [str(o) for o in range(len(target))]
    axes = _Axes("next symbol", symbols, "symbol", symbols)
    title = "P(next symbol | symbol), %"
    if len(judged) == 1:
        return [_matrices([*shares, *away], split_columns(3, GAP), axes, theme, title)]
    return [
        _matrices(shares, split_columns(3, GAP), axes, theme, title),
        _matrices(away, split_columns(3, GAP)[1:], axes, theme, "Difference, percentage points"),
    ]


def _hidden_states(decoded: dict[str, Decoding], theme: Theme) -> list[Row]:
    """Region and output of the network at the steps that are decoded as each state of the HMM."""
    if not decoded:
        return []
    seen = np.any([one.region_counts.sum(axis=0) > 0 for one in decoded.values()], axis=0)
    regions = []
    for name, found in decoded.items():
        share, error = found.region_given_state.T[seen], found.region_given_state_se.T[seen]
        regions.append(_Matrix(name, share, error, counts=found.region_counts.T[seen]))
    states = [
        _Matrix(name, one.state_given_output, one.state_given_output_se, counts=one.output_counts)
        for name, one in decoded.items()
    ]
    n_outputs, n_states = states[0].values.shape
    numbers = [str(k) for k in range(n_states)]
    labels = [REGION_LABELS[name] for name, there in zip(REGIONS, seen, strict=True) if there]
    by_region = _Axes("decoded state", numbers, "", labels)
    by_output = _Axes("decoded state", numbers, "output", [str(o) for o in range(n_outputs)])
    headings = "P(region | state), %", "P(state | output), %"
    if len(decoded) > 1:
        edges = split_columns(len(decoded), GAP, NAMES)
        return [
            _matrices(regions, edges, by_region, theme, f"Decoded states: {headings[0]}"),
            _matrices(states, edges, by_output, theme, f"Decoded states: {headings[1]}"),
        ]
    title = "Hidden states decoded from emissions"
    edges = split_columns(2, WIDE_GAP, NAMES)
    one = _matrices([replace(regions[0], heading=headings[0])], edges[:1], by_region, theme, title)
    other = _matrices([replace(states[0], heading=headings[1])], edges[1:], by_output, theme)
    return [replace(one, panels=[*one.panels, *other.panels], edges=edges, height=max(one.height, other.height))]


def _matrices(
    matrices: Sequence[_Matrix], edges: Sequence[tuple[float, float]], axes: _Axes, theme: Theme, title: str = ""
) -> Row:
    """Matrices with the same rows and columns beside each other; the labels of the rows are at the first."""
    cell = NARROW * (edges[0][1] - edges[0][0]) / len(axes.columns)
    digits = 1 if cell >= FULL_TEXT else 0 if cell >= SHORT_TEXT else None
    furthest = max([LEAST_DIFFERENCE, *(100 * np.nanmax(np.abs(m.values), initial=0) for m in matrices if m.signed)])
    panels = []
    for place, matrix in enumerate(matrices):
        scale = f" (±{furthest:.0f})" if matrix.signed and digits is None else ""
        bare = {"type": "category", "ticks": "", "showgrid": False}
        x = {"title": axes.x, "tickangle": 0, **bare}
        y = {"title": "" if place else axes.y, "autorange": "reversed", "showticklabels": place == 0, **bare}
        heat = _heatmap(matrix, axes, digits, furthest, theme)
        panels.append(Panel([heat], x, y, matrix.heading + scale))
    height = len(axes.rows) * (CELL if digits == 1 else SMALL_CELL)
    return Row(panels, edges, height, [f"<b>{title}</b>"] if title else [])


def _heatmap(matrix: _Matrix, axes: _Axes, digits: int | None, furthest: float, theme: Theme) -> Any:
    values = 100 * matrix.values
    errors = np.full(values.shape, np.nan) if matrix.errors is None else 100 * matrix.errors
    sign, unit = ("+", "points") if matrix.signed else ("", "%")
    pairs = [list(zip(*rows, strict=True)) for rows in zip(values, errors, strict=True)]
    hover = [[_describe(*pair, sign, unit) for pair in row] for row in pairs]
    if matrix.counts is not None:
        hover = [
            [f"{text}<br>{n:,} steps" for text, n in zip(*rows, strict=True)]
            for rows in zip(hover, matrix.counts, strict=True)
        ]
    text = None if digits is None else [[_written(*pair, sign, digits) for pair in row] for row in pairs]
    about = f"{axes.y} %{{y}}, {axes.x} %{{x}}: %{{customdata}}<extra>{matrix.heading}</extra>".lstrip()
    look = {"textfont": {"size": FONT_SIZE, "color": theme.text}, "hovertemplate": about, "customdata": hover}
    ends = (-furthest, furthest) if matrix.signed else (0, 100)
    colours = _scale(matrix.signed, written=text is not None, theme=theme)
    return draw_cells(values, ends, colours, "", text, x=axes.columns, y=axes.rows, name=matrix.heading, **look)


def _scale(signed: bool, written: bool, theme: Theme) -> Any:
    """Colours from low to high: those that letters can be read on, or all of them where nothing is written."""
    if not written:
        return theme.diverging if signed else theme.sequential
    if not signed:
        return [[0.0, theme.ground], [1.0, theme.ghost]]
    inner = theme.diverging[1:-1]
    return [[place / (len(inner) - 1), colour] for place, (_, colour) in enumerate(inner)]


def _written(value: float, error: float, sign: str, digits: int) -> str:
    """The text of a cell: the number and, if there is room for decimals, its error below it."""
    if not np.isfinite(value):
        return ""
    # A sign and two digits before the point leave no room for one behind it.
    number = _signed(value, sign, 0 if sign and abs(value) >= WHOLE else digits)
    return f"{number}<br>±{_signed(error, '', 0 if error >= WHOLE else 1)}" if digits and np.isfinite(error) else number


def _describe(value: float, error: float, sign: str, unit: str) -> str:
    """The hover text of a cell."""
    if not np.isfinite(value):
        return "never seen"
    number = _signed(value, sign, 2)
    return f"{number} ± {error:.2f} {unit}" if np.isfinite(error) else f"{number} {unit}"


def _signed(value: float, sign: str, digits: int) -> str:
    # Rounded first: a difference that rounds to nothing has no sign. A true minus is as wide as the plus.
    rounded = round(float(value), digits)
    return f"{rounded or 0.0:{sign if rounded else ''}.{digits}f}".replace("-", "−")
