"""The figure of the noise sensitivity shows every curve with its band, and says what was looked at."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.experiments.sensitivity import NoiseSensitivity
from hmmrnn.figures.sensitivity import sensitivity
from hmmrnn.figures.theme import LIGHT, THEMES, Theme
from hmmrnn.regions import CLUSTER, TRANSITION
from tests.gain_sweeps import texts, traces

T = 9


@pytest.fixture(scope="module")
def result() -> NoiseSensitivity:
    rng = np.random.default_rng(0)
    made = {name: rng.random((2, 3, T)) for name in ("trace", "trace_se", "distance", "distance_se")}
    return NoiseSensitivity(
        regions=(CLUSTER, TRANSITION), gammas=np.array([0, 0.5, 1]), **made,
        counts=np.array([24, 7]), available=np.array([1205, 7]), diverged=np.array([0, 2]),
        rollouts=32, sigma=0.5, seed=0,
    )  # fmt: skip


@pytest.fixture(scope="module", params=list(THEMES))
def drawn(request, result) -> tuple[Theme, go.Figure]:
    theme = THEMES[request.param]
    return theme, sensitivity(result, theme)


def test_curves_are_the_numbers_in_the_colours_of_the_regions(result, drawn):
    theme, figure = drawn
    for r, (region, label) in enumerate(((CLUSTER, "cluster"), (TRANSITION, "transition"))):
        for g, gamma in enumerate(("0", "0.5", "1")):
            trace, distance = traces(figure, f"{label}, γ = {gamma}")
            np.testing.assert_array_equal(trace.x, np.arange(1, T + 1))
            np.testing.assert_array_equal(trace.y, result.trace[r, g])
            np.testing.assert_array_equal(distance.y, result.distance[r, g])
            assert trace.line.color == distance.line.color == theme.regions[region]
            assert trace.yaxis != distance.yaxis
    dashes = [traces(figure, f"cluster, γ = {gamma}")[0].line.dash for gamma in ("0", "0.5", "1")]
    assert len(set(dashes)) == 3


def test_bands_reach_one_error_to_either_side(result, drawn):
    _, figure = drawn
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 2 * 2 * 3
    np.testing.assert_allclose(bands[0].y[:T], result.trace[0, 0] + result.trace_se[0, 0])
    np.testing.assert_allclose(bands[0].y[T:], (result.trace[0, 0] - result.trace_se[0, 0])[::-1])


def test_says_what_was_looked_at(drawn):
    _, figure = drawn
    said = " ".join(texts(figure))
    assert "cluster (24 of 1,205 states)" in said
    assert "transition (7 of 7 states, 2 diverge)" in said
    assert "32 rollouts each, σ = 0.5" in said
    assert all(f"γ = {gamma}" in said for gamma in ("0", "0.5", "1"))


def test_every_axis_has_a_title_and_it_fits_a_tab(drawn):
    _, figure = drawn
    axes = [figure.layout[name] for name in figure.layout if name.startswith(("xaxis", "yaxis"))]
    titles = {axis.title.text for axis in axes}
    assert (len(axes), titles) == (4, {"steps after the state", "activity²", "activity"})
    assert figure.layout.height <= 330


def test_a_region_without_states_is_said_and_not_drawn(result):
    trace = result.trace.copy()
    trace[1] = np.nan
    without = replace(result, trace=trace, counts=np.array([24, 0]), available=np.array([24, 0]))
    figure = sensitivity(without, LIGHT)
    assert not [one for one in figure.data if one.name and one.name.startswith("transition")]
    assert any("transition (no state seen" in text for text in texts(figure))


def test_a_single_state_has_curves_without_bands(result):
    unsure = np.full((2, 3, T), np.nan)
    figure = sensitivity(replace(result, trace_se=unsure, distance_se=unsure), LIGHT)
    assert not [trace for trace in figure.data if trace.fill == "toself"]
    assert len(figure.data) == 2 * 2 * 3


def test_a_band_ends_where_rollouts_diverge(result):
    trace = result.trace.copy()
    trace[0, 0, 4:] = np.nan
    figure = sensitivity(replace(result, trace=trace), LIGHT)
    band = next(one for one in figure.data if one.fill == "toself")
    np.testing.assert_array_equal(band.x, [1, 2, 3, 4, 4, 3, 2, 1])
