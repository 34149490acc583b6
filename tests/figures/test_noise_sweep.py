"""The figure of a noise sweep shows its numbers and its line, and says how far from proportion the network is."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.gain_sweep import GainSweep
from hmmrnn.analysis.noise_sweep import NoiseSweep
from hmmrnn.figures.noise_sweep import draw_noise_sweep
from hmmrnn.figures.theme import LIGHT
from tests.figures.results import SIGMAS, noise_sweep_of
from tests.gain_sweeps import axis_of, sweep, texts, traces, with_nan


@pytest.fixture(scope="module")
def drawn() -> tuple[NoiseSweep, GainSweep, go.Figure]:
    swept, resonance = noise_sweep_of(), sweep(3)
    return swept, resonance, draw_noise_sweep(swept, resonance, LIGHT)


def test_curves_are_the_numbers_with_their_errors(drawn):
    swept, resonance, figure = drawn
    shown = {
        "orbit radius": (swept, SIGMAS, "radius"),
        "steps per switch": (swept, SIGMAS, "interval"),
        "CV by sigma": (swept, SIGMAS, "interval_cv"),
        "CV by mu": (resonance, resonance.mu, "interval_cv"),
    }
    for name, (source, x, field) in shown.items():
        (curve,) = traces(figure, name)
        np.testing.assert_array_equal(curve.x, x)
        np.testing.assert_array_equal(curve.y, getattr(source, field))
        np.testing.assert_array_equal(curve.error_y.array, getattr(source, f"{field}_se"))


def test_the_line_is_drawn_and_said(drawn):
    _, _, figure = drawn
    (line,) = traces(figure, "fit")
    np.testing.assert_allclose(line.x, [0, 4])
    np.testing.assert_allclose(line.y, [-0.25, 9.75])
    assert "radius = 2.5 sigma − 0.25 (R² 0.988)" in texts(figure)


@pytest.mark.parametrize(
    ("intercept", "said"), [(1e-15, "2.5 sigma (R²"), (-1e-15, "2.5 sigma (R²"), (0.5, "2.5 sigma + 0.5 (R²")]
)
def test_the_line_is_said_without_what_is_rounding(intercept, said):
    figure = draw_noise_sweep(noise_sweep_of(intercept=intercept), None, LIGHT)
    assert any(said in text for text in texts(figure))


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (
            {},
            "Not in proportion (the network has biases, or cells that do not scale): "
            "h(sigma) = sigma · h(1) is off by up to 0.3 of the largest activity",
        ),
        (
            {"relative_deviation": 3.24e-15, "biased": False},
            "Exactly in proportion: h(sigma) = sigma · h(1) to within 3.2e-15 of the largest activity",
        ),
        ({"biased": False}, "Not in proportion: h(sigma) = sigma · h(1) is off by up to 0.3 of the largest activity"),
        ({"relative_deviation": np.nan}, "h(sigma) = sigma · h(1): cannot be judged, as runs diverge"),
        (
            {"reference_sigma": 0.5, "relative_deviation": 0.0},
            "Exactly in proportion: h(sigma) = sigma/0.5 · h(0.5) to within 0 of the largest activity",
        ),
    ],
)
def test_says_how_far_from_proportion_it_is(own, said):
    assert said in texts(draw_noise_sweep(noise_sweep_of(**own), None, LIGHT))


def test_contours_are_at_the_levels_that_enclose_the_steps(drawn):
    swept, _, figure = drawn
    contours = [trace for trace in figure.data if trace.type == "contour"]
    assert len(contours) == 3 * 2
    for place, trace in enumerate(contours):
        np.testing.assert_array_equal(trace.z, swept.density[place // 2])
        level = swept.contour_levels[place // 2, place % 2]
        assert (trace.contours.start, trace.contours.end) == (level, level)
        np.testing.assert_allclose(trace.x, [-1.6, -0.8, 0, 0.8, 1.6], atol=1e-12)
        np.testing.assert_allclose(trace.y, [0.5, 1.5, 2.5, 3.5])
    assert [trace.name for trace in contours[:2]] == ["sigma = 1, 50 %", "sigma = 1, 90 %"]
    assert len({trace.colorscale for trace in contours}) == 3


def test_both_measures_of_regularity_have_one_scale(drawn):
    _, resonance, figure = drawn
    by_noise, by_gain = (axis_of(figure, traces(figure, f"CV by {letter}")[0], "y").range for letter in ("sigma", "mu"))
    assert by_noise == by_gain
    assert by_gain[1] >= (resonance.interval_cv + resonance.interval_cv_se).max()
    assert "against the gain of 4 kick neurons" in texts(figure)
    assert {shape.x0 for shape in figure.layout.shapes if shape.type == "line"} == {1}


def test_without_a_kick_group_there_is_no_resonance():
    figure = draw_noise_sweep(noise_sweep_of(), None, LIGHT)
    assert not traces(figure, "CV by mu")
    assert not any("kick" in text for text in texts(figure))


def test_it_has_ten_axes_and_fits_a_page(drawn):
    _, _, figure = drawn
    assert len([name for name in figure.layout if name.startswith(("xaxis", "yaxis"))]) == 2 * 5
    assert 500 < figure.layout.height < 600


def test_each_missing_number_has_its_reason():
    one = noise_sweep_of()
    few = [True, True, False, True]
    gone = with_nan(one, [False, False, False, True], "radius", "radius_se")
    gone |= with_nan(one, [True, False, False, True], "interval") | with_nan(one, few, "interval_cv")
    diverged = np.array([False, False, False, True])
    said = texts(draw_noise_sweep(replace(one, **gone, diverged=diverged), None, LIGHT))
    assert (said.count("diverges"), said.count("no switch seen"), said.count("too few intervals")) == (3, 2, 1)


def test_what_diverges_has_no_contour_and_without_errors_there_is_no_line():
    one = noise_sweep_of(slope=np.nan, intercept=np.nan, r_squared=np.nan)
    density = one.density.copy()
    density[2] = np.nan
    figure = draw_noise_sweep(replace(one, density=density), None, LIGHT)
    assert len([trace for trace in figure.data if trace.type == "contour"]) == 4
    assert not traces(figure, "fit")
    assert "orbit radius (no line fitted)" in texts(figure)


def test_a_single_sigma_can_be_drawn():
    one = noise_sweep_of()
    cut = {name: getattr(one, name)[:1] for name in ("density", "contour_levels", "contour_sigma")}
    figure = draw_noise_sweep(replace(one, **cut), None, LIGHT)
    assert len([trace for trace in figure.data if trace.type == "contour"]) == 2
