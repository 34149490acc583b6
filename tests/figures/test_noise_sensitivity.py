"""The figure of the noise sensitivity shows every curve with its band, and says what was looked at."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.noise_sensitivity import NoiseSensitivity
from hmmrnn.analysis.regions import CLUSTER, TRANSITION
from hmmrnn.figures.noise_sensitivity import draw_noise_sensitivity
from hmmrnn.figures.theme import LIGHT
from tests.figures.results import SENSITIVITY_STEPS as T
from tests.figures.results import noise_sensitivity
from tests.gain_sweeps import texts, traces


@pytest.fixture(scope="module")
def result() -> NoiseSensitivity:
    return noise_sensitivity()


@pytest.fixture(scope="module")
def figure(result) -> go.Figure:
    return draw_noise_sensitivity(result, LIGHT)


def test_curves_are_the_numbers_in_the_colours_of_the_regions(result, figure):
    for r, (region, label) in enumerate(((CLUSTER, "cluster"), (TRANSITION, "transition"))):
        for g, gamma in enumerate(("0", "0.5", "1")):
            trace, distance = traces(figure, f"{label}, γ = {gamma}")
            np.testing.assert_array_equal(trace.x, np.arange(1, T + 1))
            np.testing.assert_array_equal(trace.y, result.trace[r, g])
            np.testing.assert_array_equal(distance.y, result.distance[r, g])
            assert trace.line.color == distance.line.color == LIGHT.regions[region]
            assert trace.yaxis != distance.yaxis
    dashes = [traces(figure, f"cluster, γ = {gamma}")[0].line.dash for gamma in ("0", "0.5", "1")]
    assert len(set(dashes)) == 3


def test_bands_reach_one_error_to_either_side(result, figure):
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 2 * 2 * 3
    np.testing.assert_allclose(bands[0].y[:T], result.trace[0, 0] + result.trace_se[0, 0])
    np.testing.assert_allclose(bands[0].y[T:], (result.trace[0, 0] - result.trace_se[0, 0])[::-1])


def test_says_what_was_looked_at(figure):
    said = " ".join(texts(figure))
    assert "cluster (24 of 1,205 states)" in said
    assert "transition (7 of 7 states, 2 diverge)" in said
    assert "32 rollouts each, sigma = 0.5" in said
    assert all(f"γ = {gamma}" in said for gamma in ("0", "0.5", "1"))


def test_axes_say_what_they_show_and_it_fits_a_tab(figure):
    axes = [figure.layout[name] for name in figure.layout if name.startswith(("xaxis", "yaxis"))]
    assert {axis.title.text for axis in axes} == {"steps after the state", "activity²", "activity"}
    assert figure.layout.height <= 330


def test_a_region_without_states_is_said_and_not_drawn(result):
    trace = result.trace.copy()
    trace[1] = np.nan
    without = replace(result, trace=trace, counts=np.array([24, 0]), available=np.array([24, 0]))
    figure = draw_noise_sensitivity(without, LIGHT)
    assert not [one for one in figure.data if one.name and one.name.startswith("transition")]
    assert any("transition (no state seen" in text for text in texts(figure))


def test_a_single_state_has_curves_without_bands(result):
    unsure = np.full((2, 3, T), np.nan)
    figure = draw_noise_sensitivity(replace(result, trace_se=unsure, distance_se=unsure), LIGHT)
    assert not [trace for trace in figure.data if trace.fill == "toself"]
    assert len(figure.data) == 2 * 2 * 3


def test_a_band_ends_where_rollouts_diverge(result):
    trace = result.trace.copy()
    trace[0, 0, 4:] = np.nan
    figure = draw_noise_sensitivity(replace(result, trace=trace), LIGHT)
    band = next(one for one in figure.data if one.fill == "toself")
    np.testing.assert_array_equal(band.x, [1, 2, 3, 4, 4, 3, 2, 1])
