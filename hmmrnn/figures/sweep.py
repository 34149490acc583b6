"""The fidelity of the trained networks of a sweep against N and M: one panel per family, one mark per training.

Errors are drawn on a logarithmic scale, because they range from a tenth of the gate's limit to a hundred times that.
Trainings without a value have a mark below the others, so that gaps in the grid can be seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from hmmrnn.figures.panels import Panel, Row, draw, paint, split_columns, stack_rows
from hmmrnn.figures.theme import Theme

N, M = "n_neurons", "n_inputs"
SIZES = {N: "N", M: "M"}
AXES = {N: "N (recurrent units)", M: "M (noise inputs)"}
MISSING, ENDED = "not there yet", "failed, cancelled or lost"
SYMBOLS = ("circle", "diamond", "cross", "square", "triangle-up", "star")
# The same in a line of text.
SIGNS = ("●", "◆", "✚", "■", "▲", "★")
OPEN_SYMBOLS, OPEN_SIGNS = {MISSING: "circle-open", ENDED: "x-thin-open"}, {MISSING: "○", ENDED: "✕"}
HEIGHT, GAP, PANELS_A_ROW = 210, 0.022, 4
# Shares: of a place on the x axis that its marks take, and of the y axis that is kept for marks without a value.
SPREAD, STRIP = 0.7, 0.14
# The smallest error that is known: files store four digits after the point.
SMALLEST = 1e-4
TICKS = 5


@dataclass(frozen=True)
class Mark:
    """One training."""

    family: str  # the HMM's
    # n_neurons, n_inputs, seed: its place in the grid.
    n_neurons: int
    n_inputs: int
    seed: int
    value: float | None  # of the measure; None if there is none
    words: str  # its state, for the hover text
    ended: bool = False  # whether it has ended without a value


@dataclass(frozen=True)
class Measure:
    """The measure of fidelity that is drawn."""

    title: str  # with its unit, if it has one
    gate: tuple[float, float] | None  # smallest and largest value that pass; None if all do

    @property
    def is_error(self) -> bool:
        """Whether it is best at 0 and never below; it is then drawn on a logarithmic scale."""
        return self.gate is not None and self.gate[0] == 0

    @property
    def limits(self) -> tuple[float, ...]:
        """The values at which a line marks the gate."""
        if self.gate is None:
            return ()
        return (self.gate[1],) if self.is_error else self.gate


def draw_sweep(marks: Sequence[Mark], measure: Measure, across: str, theme: Theme) -> go.Figure:
    """Draw a measure of all trainings against one size, `across`; the other one has colours and symbols."""
    families = list(dict.fromkeys(mark.family for mark in marks))
    scale = _Scale(measure, [mark.value for mark in marks if mark.value is not None])
    grid = _Grid(marks, across)
    rows = []
    for start in range(0, len(families), PANELS_A_ROW):
        shown = families[start : start + PANELS_A_ROW]
        panels = [
            Panel(
                _traces([mark for mark in marks if mark.family == family], grid, scale, theme),
                grid.axis(),
                scale.axis(labelled=not place),
                family,
            )
            for place, family in enumerate(shown)
        ]
        # Panels of the same width, also in a last row that is not full.
        edges = split_columns(min(PANELS_A_ROW, len(families)), GAP)[: len(shown)]
        rows.append(Row(panels, edges, HEIGHT, [] if start else [_key(grid, measure, theme)]))
    return stack_rows(rows, theme, still=True)


class _Scale:
    """The y axis, the same in all panels, with a strip below it for marks without a value."""

    def __init__(self, measure: Measure, values: Sequence[float]) -> None:
        self.measure = measure
        bounds = [self.place(value) for value in (*values, *measure.limits, *(() if measure.is_error else (0.0,)))]
        low, high = min(bounds), max(bounds)
        # Whole powers of ten, or some room above.
        self.low = math.floor(low) if measure.is_error else low
        self.high = math.ceil(high + 1e-9) if measure.is_error else low + 1.06 * ((high - low) or 1.0)
        self.strip = self.low - STRIP * (self.high - self.low) / 2

    def place(self, value: float) -> float:
        return math.log10(max(value, SMALLEST)) if self.measure.is_error else value

    def axis(self, labelled: bool) -> dict[str, Any]:
        ticks = self._ticks()
        return {
            "title": self.measure.title if labelled else "",
            "range": [self.low - STRIP * (self.high - self.low), self.high],
            "tickvals": [self.strip, *(self.place(tick) for tick in ticks)],
            "ticktext": ["none", *(f"{tick:g}" for tick in ticks)],
            "showticklabels": labelled,
            "ticks": "outside" if labelled else "",
        }

    def _ticks(self) -> list[float]:
        if self.measure.is_error:
            return [10.0**power for power in range(round(self.low), round(self.high) + 1)]
        rough = (self.high - self.low) / TICKS
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(count * step, 10) for count in range(first, last + 1)]


class _Grid:
    """The x axis: a place for each size, in which the other size and the seeds are side by side."""

    def __init__(self, marks: Sequence[Mark], across: str) -> None:
        self.across, self.series = across, M if across == N else N
        self.places = sorted({getattr(mark, across) for mark in marks})
        self.others = sorted({getattr(mark, self.series) for mark in marks})
        self.seeds = sorted({mark.seed for mark in marks})

    def x(self, mark: Mark) -> float:
        count = len(self.others) * len(self.seeds)
        at = self.others.index(getattr(mark, self.series)) * len(self.seeds) + self.seeds.index(mark.seed)
        return float(self.places.index(getattr(mark, self.across)) + SPREAD * ((at + 0.5) / count - 0.5))

    def axis(self) -> dict[str, Any]:
        return {
            "title": AXES[self.across],
            "range": [-0.5, len(self.places) - 0.5],
            "tickvals": list(range(len(self.places))),
            "ticktext": [f"{place:,}" for place in self.places],
            "showgrid": False,
        }


def _traces(marks: Sequence[Mark], grid: _Grid, scale: _Scale, theme: Theme) -> list[Any]:
    ends = [-0.5, len(grid.places) - 0.5]
    line = {"color": theme.text, "width": 1.5, "dash": "dash"}
    gates = [draw("lines", ends, [scale.place(limit)] * 2, "gate", line=line) for limit in scale.measure.limits]
    known = [
        _marks([mark for mark in marks if mark.value is not None and getattr(mark, grid.series) == size], grid, scale)
        for size in grid.others
    ]
    for place, trace in enumerate(known):
        colour = theme.colour_of(place)
        look = {"color": colour, "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8}
        trace.update(name=f"{SIZES[grid.series]} = {grid.others[place]}", marker=look)
    missing = []
    for name, ended in ((MISSING, False), (ENDED, True)):
        trace = _marks([mark for mark in marks if mark.value is None and mark.ended == ended], grid, scale)
        look = {"color": theme.muted, "symbol": OPEN_SYMBOLS[name], "size": 7, "line": {"width": 1.5}}
        missing.append(trace.update(name=name, marker=look))
    return [*gates, *known, *missing]


def _marks(marks: Sequence[Mark], grid: _Grid, scale: _Scale) -> Any:
    y = [scale.strip if mark.value is None else scale.place(mark.value) for mark in marks]
    text = [f"N = {mark.n_neurons}, M = {mark.n_inputs}, seed {mark.seed}<br>{mark.words}" for mark in marks]
    return draw("markers", [grid.x(mark) for mark in marks], y, "", "%{text}", text=text, cliponaxis=False)


def _key(grid: _Grid, measure: Measure, theme: Theme) -> str:
    """The meaning of colours, symbols and the line, as a line of text."""
    marks = [
        (theme.colour_of(place), SIGNS[place % len(SIGNS)], f"{SIZES[grid.series]} = {size}")
        for place, size in enumerate(grid.others)
    ]
    marks += [(theme.muted, sign, name) for name, sign in OPEN_SIGNS.items()]
    marks += [(theme.text, "- -", "gate")] if measure.limits else []
    return "&nbsp;&nbsp; ".join(f"{paint(colour, sign)} {name}" for colour, sign, name in marks)
