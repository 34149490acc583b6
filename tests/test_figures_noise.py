"""The figure of a noise sweep shows its numbers and its line, and says how far from proportion the network is."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.experiments.gains import GainSweep
from hmmrnn.experiments.noise import NoiseSweep
from hmmrnn.figures.noise import noise
from hmmrnn.figures.theme import LIGHT, THEMES
from tests.gain_sweeps import axis_of, sweep, texts, traces, with_nan

SIGMAS = np.array([0.5, 1.0, 2.0, 4.0])


def noise_sweep_of(seed: int = 0, **own) -> NoiseSweep:
    rng = np.random.default_rng(seed)
    means = ("radius", "interval", "interval_cv")
    made = {
        **{name: 1 + rng.random(4) for name in means},
        **{f"{name}_se": 0.1 * rng.random(4) for name in means},
        "sigmas": SIGMAS, "intervals": np.full(4, 90), "switches": np.full(4, 99),
        "slope": 2.5, "slope_se": 0.1, "intercept": -0.25, "intercept_se": 0.1, "r_squared": 0.98765,
        "deviation": np.array([0.3, 0, 0.1, 0.2]), "relative_deviation": 0.3, "reference_sigma": 1.0, "biased": True,
        "contour_sigma": SIGMAS[1:], "edges_x": np.linspace(-2, 2, 6), "edges_y": np.linspace(0, 4, 5),
        "density": rng.random((3, 4, 5)), "contour_levels": np.array([[0.8, 0.1], [0.7, 0.2], [0.6, 0.3]]),
        "diverged": np.zeros(4, bool), "seed": 0, "trajectories": 24, "steps": 1500,
    }  # fmt: skip
    return NoiseSweep(**{**made, **own})


@pytest.fixture(scope="module", params=list(THEMES))
def drawn(request) -> tuple[NoiseSweep, GainSweep, go.Figure]:
    swept, resonance = noise_sweep_of(), sweep(3)
    return swept, resonance, noise(swept, resonance, THEMES[request.param])


def test_curves_are_the_numbers_with_their_errors(drawn):
    swept, resonance, figure = drawn
    shown = {
        "orbit radius": (swept, SIGMAS, "radius"),
        "steps per switch": (swept, SIGMAS, "interval"),
        "CV by σ": (swept, SIGMAS, "interval_cv"),
        "CV by μ": (resonance, resonance.mu, "interval_cv"),
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
    assert "radius = 2.5 σ − 0.25 (R² 0.988)" in texts(figure)


@pytest.mark.parametrize(("intercept", "said"), [(1e-15, "2.5 σ (R²"), (-1e-15, "2.5 σ (R²"), (0.5, "2.5 σ + 0.5 (R²")])
def test_the_line_is_said_without_what_is_rounding(intercept, said):
    figure = noise(noise_sweep_of(intercept=intercept), None, LIGHT)
    assert any(said in text for text in texts(figure))


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({}, "Not in proportion (the network has biases): h(σ) = σ · h(1) is off by up to 0.3 of the largest activity"),
        (
            {"relative_deviation": 3.24e-15, "biased": False},
            "Exactly in proportion: h(σ) = σ · h(1) to within 3.2e-15 of the largest activity",
        ),
        ({"biased": False}, "Not in proportion: h(σ) = σ · h(1) is off by up to 0.3 of the largest activity"),
        ({"relative_deviation": np.nan}, "h(σ) = σ · h(1): cannot be judged, as runs diverge"),
        (
            {"reference_sigma": 0.5, "relative_deviation": 0.0},
            "Exactly in proportion: h(σ) = σ/0.5 · h(0.5) to within 0 of the largest activity",
        ),
    ],
)
def test_says_how_far_from_proportion_it_is(own, said):
    assert said in texts(noise(noise_sweep_of(**own), None, LIGHT))


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
    assert [trace.name for trace in contours[:2]] == ["σ = 1, 50 %", "σ = 1, 90 %"]
    assert len({trace.colorscale for trace in contours}) == 3


def test_both_measures_of_regularity_have_one_scale(drawn):
    _, resonance, figure = drawn
    by_noise, by_gain = (axis_of(figure, traces(figure, f"CV by {letter}")[0], "y").range for letter in "σμ")
    assert by_noise == by_gain
    assert by_gain[1] >= (resonance.interval_cv + resonance.interval_cv_se).max()
    assert "against the gain of 4 kick neurons" in texts(figure)
    assert {shape.x0 for shape in figure.layout.shapes if shape.type == "line"} == {1}


def test_without_a_kick_group_there_is_no_resonance():
    figure = noise(noise_sweep_of(), None, LIGHT)
    assert not traces(figure, "CV by μ")
    assert not any("kick" in text for text in texts(figure))


def test_every_axis_has_a_title(drawn):
    _, _, figure = drawn
    axes = [figure.layout[name] for name in figure.layout if name.startswith(("xaxis", "yaxis"))]
    assert len(axes) == 2 * 5
    assert all(axis.title.text for axis in axes)
    assert 500 < figure.layout.height < 600


def test_reasons_for_missing_numbers_are_told_apart():
    one = noise_sweep_of()
    few = [True, True, False, True]
    gone = with_nan(one, [False, False, False, True], "radius", "radius_se")
    gone |= with_nan(one, [True, False, False, True], "interval") | with_nan(one, few, "interval_cv")
    diverged = np.array([False, False, False, True])
    said = texts(noise(replace(one, **gone, diverged=diverged), None, LIGHT))
    assert (said.count("diverges"), said.count("no switch seen"), said.count("too few intervals")) == (3, 2, 1)


def test_what_diverges_has_no_contour_and_without_errors_there_is_no_line():
    one = noise_sweep_of(slope=np.nan, intercept=np.nan, r_squared=np.nan)
    density = one.density.copy()
    density[2] = np.nan
    figure = noise(replace(one, density=density), None, LIGHT)
    assert len([trace for trace in figure.data if trace.type == "contour"]) == 4
    assert not traces(figure, "fit")
    assert "orbit radius (no line fitted)" in texts(figure)


def test_a_single_sigma_can_be_drawn():
    one = noise_sweep_of()
    cut = {name: getattr(one, name)[:1] for name in ("density", "contour_levels", "contour_sigma")}
    figure = noise(replace(one, **cut), None, LIGHT)
    assert len([trace for trace in figure.data if trace.type == "contour"]) == 2
