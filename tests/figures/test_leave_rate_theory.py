"""Predicted leave rates as a figure: marks of every exit, what they are compared with, and the numbers in words."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.leave_rate_theory import LAGS, LeaveRateTheory, Process
from hmmrnn.figures.leave_rate_theory import describe_prediction, draw_leave_rate_theory
from hmmrnn.figures.theme import DARK, LIGHT
from tests.figures.inspection import axes_of, named

EXITS = ((0, 1), (0, 2), (1, None))
E = len(EXITS)


def process(rng: np.random.Generator) -> Process:
    values = ("distance", "noise", "memory", "crossing_rate", "counted")
    numbers = {name: 0.05 + 0.1 * rng.random(E) for name in values}
    errors = {f"{name}_se": 0.01 * rng.random(E) for name in values}
    return Process(**numbers, **errors, rice=rng.random(E), autocorrelation=rng.random((E, LAGS + 1)))


def theory() -> LeaveRateTheory:
    rng = np.random.default_rng(0)
    measured = ("chance", "missed", "predicted", "from_silenced", "measured")
    return LeaveRateTheory(
        exits=EXITS, groups=((1, 2), (3,), (4, 5, 6)), intact=process(rng), silenced=process(rng),
        input_noise=rng.random(E), without_memory=0.1 * rng.random(E),
        **{name: 0.1 * rng.random(E) for name in measured}, **{f"{name}_se": 0.01 * rng.random(E) for name in measured},
        null_chance=rng.random((E, 20)), null_missed=rng.random((E, 20)), sigma=0.5, seed=3, runs=8, steps=400,
    )  # fmt: skip


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_exit_has_its_marks_in_the_colour_of_its_output(theme):
    found = theory()
    figure = draw_leave_rate_theory(found, theme)
    of = {
        "predicted": found.predicted,
        "predicted, group silenced": found.from_silenced,
        "predicted without memory": found.without_memory,
    }
    for e, name in enumerate(found.exit_names):
        for kind, rates in of.items():
            mark = named(figure, f"{kind}, {name}")
            assert (mark.x[0], mark.y[0]) == (found.measured[e], rates[e])
            assert mark.error_x.array[0] == found.measured_se[e]
            assert mark.marker.color == theme.colour_of(EXITS[e][0])
        crossing = named(figure, f"crossing rate, {name}, group silenced")
        assert (crossing.x[0], crossing.y[0]) == (found.silenced.counted[e], found.silenced.crossing_rate[e])
        np.testing.assert_allclose(named(figure, f"memory, {name}").y, found.intact.autocorrelation[e], atol=1e-4)
        np.testing.assert_allclose(named(figure, f"random groups, {name}").y, found.null_chance[e], atol=1e-3)
        assert named(figure, f"chance, {name}").y[0] == pytest.approx(found.chance[e], abs=1e-4)
    alike = [named(figure, f"predicted, {name}").marker.symbol for name in found.exit_names[:2]]
    assert alike[0] != alike[1]


def test_every_axis_is_named():
    axes = axes_of(draw_leave_rate_theory(theory(), LIGHT))
    assert len(axes) == 8
    assert all(axis["title"]["text"] for axis in axes.values())


def test_the_numbers_are_said():
    found = theory()
    figure = draw_leave_rate_theory(found, LIGHT, width=10_000)
    text = " ".join(note.text for note in figure.layout.annotations).replace("\u00a0", " ").replace("&nbsp;", " ")
    for e, name in enumerate(found.exit_names):
        assert f"{name}: predicted {found.predicted[e]:.3g} ± {found.predicted_se[e]:.2g}, measured" in text
        assert f"a crossing leads to {100 * (1 - found.missed[e]):.0f} % of the exits" in text
    low, high = found.ratio.min(), found.ratio.max()
    assert describe_prediction(found) == (
        f"predicted leave rates are {low:.2f} to {high:.2f} of measured (3 of 3 exits); 8 runs of 400 steps for the "
        "prediction, as many others for the measurement, 20 random groups, sigma 0.5, seed 3"
    )


def test_a_range_whose_ends_read_alike_is_one_number():
    found = theory()
    alike = replace(found, predicted=0.781 * found.measured)
    assert describe_prediction(alike).startswith("predicted leave rates are 0.78 of measured (3 of 3 exits)")


def test_an_exit_without_prediction_says_so():
    found = theory()
    unknown = replace(found, predicted=np.where(np.arange(E) == 1, np.nan, found.predicted))
    text = " ".join(note.text for note in draw_leave_rate_theory(unknown, LIGHT).layout.annotations)
    assert "too few steps or no noise to predict from" in text
    assert "(2 of 3 exits)" in describe_prediction(unknown)
    nothing = replace(found, predicted=np.full(E, np.nan))
    assert describe_prediction(nothing).startswith("no rate is predicted (0 of 3 exits)")
