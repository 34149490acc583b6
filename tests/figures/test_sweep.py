"""The figure of a sweep shows each training once, at its sizes, with the gate, and what has no value yet as such."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.figures.sweep import ENDED, MISSING, SMALLEST, M, Mark, Measure, N, draw_sweep
from hmmrnn.figures.theme import LIGHT, THEMES

ERROR = Measure("Transition error", (0, 0.03))
RATIO = Measure("Volatility ratio", (0.9, 1.1))
GAP = Measure("Log-likelihood gap (nats)", None)
FAMILIES, NEURONS, INPUTS, SEEDS = ("linear-2", "linear-3"), (50, 150), (1, 10, 100), (0, 1)


def value_of(family: str, n: int, m: int, seed: int) -> float:
    return (1 + FAMILIES.index(family)) * 10 / (n * m) * (1 + seed)


def grid(**special: tuple[float | None, bool]) -> list[Mark]:
    """A mark for each place of the grid; `special` gives value and whether it has ended, by "family n m seed"."""
    marks = []
    for family in FAMILIES:
        for n in NEURONS:
            for m in INPUTS:
                for seed in SEEDS:
                    key = f"{family} {n} {m} {seed}"
                    value, ended = special.get(key, (value_of(family, n, m, seed), False))
                    marks.append(Mark(family, n, m, seed, value, f"words of {key}", ended))
    return marks


def of_panel(figure: go.Figure, place: int) -> dict[str, go.Scatter]:
    """The traces of a panel by their names."""
    name = "x" if place == 0 else f"x{place + 1}"
    return {trace.name: trace for trace in figure.data if trace.xaxis == name}


def texts(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


@pytest.mark.parametrize("theme", list(THEMES))
@pytest.mark.parametrize(("across", "series"), [(M, NEURONS), (N, INPUTS)])
def test_every_training_is_one_mark_at_its_sizes(theme, across, series) -> None:
    figure = draw_sweep(grid(), ERROR, across, THEMES[theme])
    letter, places = ("N", INPUTS) if across == M else ("M", NEURONS)
    for panel, family in enumerate(FAMILIES):
        traces = of_panel(figure, panel)
        assert family in texts(figure)
        for size in series:
            trace = traces[f"{letter} = {size}"]
            expected = [
                (place, value_of(family, *((size, at) if across == M else (at, size)), seed))
                for place, at in enumerate(places)
                for seed in SEEDS
            ]
            np.testing.assert_array_equal(np.round(trace.x), [place for place, _ in expected])
            np.testing.assert_allclose(10 ** np.array(trace.y), [value for _, value in expected])
        every = np.concatenate([traces[f"{letter} = {size}"].x for size in series])
        assert len(set(every)) == len(every), "no mark hides another one"
        assert traces[MISSING].x == traces[ENDED].x == ()
    colours = {of_panel(figure, 0)[f"{letter} = {size}"].marker.color for size in series}
    symbols = {of_panel(figure, 0)[f"{letter} = {size}"].marker.symbol for size in series}
    assert len(colours) == len(symbols) == len(series)
    assert colours <= set(THEMES[theme].outputs)


def test_pointing_at_a_mark_says_which_training_it_is() -> None:
    trace = of_panel(draw_sweep(grid(), ERROR, M, LIGHT), 1)["N = 150"]
    assert trace.text[0] == "N = 150, M = 1, seed 0<br>words of linear-3 150 1 0"
    assert trace.text[-1] == "N = 150, M = 100, seed 1<br>words of linear-3 150 100 1"


@pytest.mark.parametrize("across", [M, N])
def test_what_has_no_value_has_its_place_below_the_others(across) -> None:
    special = {"linear-2 50 10 1": (None, False), "linear-2 150 1 0": (None, True)}
    whole, figure = (draw_sweep(marks, ERROR, across, LIGHT) for marks in (grid(), grid(**special)))
    traces = of_panel(figure, 0)
    assert [text.partition("<br>")[0] for text in traces[MISSING].text] == ["N = 50, M = 10, seed 1"]
    assert [text.partition("<br>")[0] for text in traces[ENDED].text] == ["N = 150, M = 1, seed 0"]
    for name in (MISSING, ENDED):
        (x,) = traces[name].x
        known = [at for trace in of_panel(whole, 0).values() if " = " in trace.name for at in trace.x]
        assert x in known, "where its value will be"
        axis = figure.layout.yaxis
        assert axis.range[0] < traces[name].y[0] < min(y for t in traces.values() if " = " in t.name for y in t.y)
        assert axis.ticktext[axis.tickvals.index(traces[name].y[0])] == "none"
    assert of_panel(figure, 1)[MISSING].x == ()
    key = texts(figure)[[MISSING in text for text in texts(figure)].index(True)]
    assert all(words in key for words in (MISSING, ENDED, "gate"))


@pytest.mark.parametrize(
    ("measure", "gates"), [(ERROR, [math.log10(0.03)]), (RATIO, [0.9, 1.1]), (GAP, [])], ids=["error", "ratio", "gap"]
)
def test_the_gate_is_a_line_in_every_panel_and_within_sight(measure, gates) -> None:
    figure = draw_sweep(grid(), measure, M, LIGHT)
    for place in range(len(FAMILIES)):
        name = "x" if place == 0 else f"x{place + 1}"
        lines = [trace for trace in figure.data if trace.xaxis == name and trace.name == "gate"]
        assert [trace.y for trace in lines] == [(gate, gate) for gate in gates]
        assert all(trace.x == (-0.5, len(INPUTS) - 0.5) for trace in lines)
    low, high = figure.layout.yaxis.range
    assert all(low < gate < high for gate in gates)
    assert figure.layout.yaxis.title.text == measure.title
    assert figure.layout.xaxis.title.text == "M (noise inputs)"
    assert figure.layout.xaxis.ticktext == ("1", "10", "100")
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range, "panels can be compared"


@pytest.mark.parametrize("measure", [ERROR, RATIO, GAP])
def test_all_values_are_within_sight_and_ticks_say_what_they_are(measure) -> None:
    figure = draw_sweep(grid(**{"linear-2 50 1 0": (0.0, False), "linear-3 50 1 0": (7.5, False)}), measure, M, LIGHT)
    low, high = figure.layout.yaxis.range
    ys = [y for trace in figure.data if " = " in trace.name for y in trace.y]
    assert low < min(ys) <= max(ys) <= high
    ticks = dict(zip(figure.layout.yaxis.ticktext[1:], figure.layout.yaxis.tickvals[1:], strict=True))
    shown = (lambda text: math.log10(float(text))) if measure is ERROR else float
    assert all(value == pytest.approx(shown(text)) for text, value in ticks.items())
    assert len(ticks) >= 4
    if measure is ERROR:
        # An error that a header's four digits cannot tell from 0 is at the least that they can tell.
        assert min(ys) == math.log10(SMALLEST)


@pytest.mark.parametrize("value", [None, 0.0, 1.0])
@pytest.mark.parametrize("measure", [ERROR, RATIO, GAP])
def test_a_sweep_of_one_is_drawn_with_and_without_a_value(measure, value) -> None:
    figure = draw_sweep([Mark("cyclic", 50, 1, 0, value, "")], measure, M, LIGHT)
    (known,) = (trace for trace in figure.data if trace.name == "N = 50")
    assert len(known.x) == (value is not None)
    low, high = figure.layout.yaxis.range
    assert math.isfinite(low)
    assert low < high


def test_six_families_take_two_rows_of_equal_panels() -> None:
    families = ("linear-2", "linear-3", "linear-4", "linear-5", "fully-connected", "cyclic")
    figure = draw_sweep([Mark(family, 50, 1, 0, 0.1, "") for family in families], ERROR, M, LIGHT)
    axes = [figure.layout["xaxis" if not place else f"xaxis{place + 1}"] for place in range(6)]
    assert axes[0].domain == axes[4].domain
    assert axes[1].domain == axes[5].domain
    below, above = figure.layout.yaxis5.domain, figure.layout.yaxis.domain
    assert below[1] < above[0]
    assert figure.layout.yaxis5.title.text == ERROR.title
