"""The state space in three dimensions shows the same states as in two, at most so many, with their depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.figures.state_space import MAX_STATES_3D, Colouring, drawn_states, state_space
from hmmrnn.figures.theme import DARK, LIGHT, REGION_LABELS
from hmmrnn.motion import Motion, observe
from hmmrnn.regions import REGIONS
from hmmrnn.simulation import draw_noise, simulate
from hmmrnn.statespace import fit_plane
from tests.networks import random_network

B, T = 5, 90


def seen(trajectories: int, steps: int) -> Motion:
    network = random_network(n=14, m=4, o=3, seed=2)
    plane = fit_plane(simulate(network, 300, 4))
    return observe(network, plane, draw_noise(network.n_inputs, steps, trajectories, 1.0, 3), 1.0, 3, None)


@pytest.fixture(scope="module")
def now() -> Motion:
    return seen(B, T)


@pytest.fixture(scope="module")
def many() -> Motion:
    return seen(10, 703)


def named(figure: go.Figure, name: str):
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def places(trace) -> np.ndarray:
    return np.stack([trace.x, trace.y, trace.z], axis=-1)


def test_each_state_is_where_it_is_with_its_depth(now):
    figure = state_space(now, now, Colouring("output"), LIGHT, dimensions=3)
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    for output in np.unique(now.output):
        trace, there = named(figure, f"output {output}"), now.output == output
        np.testing.assert_array_equal(places(trace), now.points[there])
        np.testing.assert_array_equal(trace.customdata, np.argwhere(there) + [0, 1])
        assert trace.marker.color == LIGHT.outputs[output]
        assert "PC3 %{z" in trace.hovertemplate
    np.testing.assert_array_equal(places(named(figure, "run 1")), now.points[0])
    np.testing.assert_array_equal(places(named(figure, "intact")), now.points.reshape(-1, 3))


def test_all_else_has_its_depth_too(now):
    rest, paths = np.array([[1.0, 2.0, 3.0]]), np.arange(24.0).reshape(2, 4, 3)
    figure = state_space(now, None, Colouring("output"), LIGHT, rest, paths, dimensions=3)
    np.testing.assert_array_equal(places(named(figure, "fixed point")), rest)
    np.testing.assert_array_equal(named(figure, "without noise").z, [2, 5, 8, 11, np.nan, 14, 17, 20, 23, np.nan])


def test_values_and_regions_colour_the_same_states_as_in_the_plane(now):
    values = np.full((B, T), np.nan)
    values[1, 4], values[3, 0] = 2.0, 5.0
    trace = named(state_space(now, None, Colouring("value", values), LIGHT, dimensions=3), "value")
    np.testing.assert_array_equal(trace.marker.color, [2.0, 5.0])
    np.testing.assert_array_equal(places(trace), now.points[[1, 3], [4, 0]])
    region = np.full((B, T), "", dtype="<U10")
    region[0, :4] = REGIONS
    figure = state_space(now, None, Colouring("region", region=region), DARK, dimensions=3)
    for step, name in enumerate(REGIONS):
        np.testing.assert_array_equal(places(named(figure, REGION_LABELS[name])), now.points[0, step : step + 1])


def test_of_many_states_so_many_are_drawn_as_can_be_turned_and_evenly(many):
    drawn = drawn_states(many, Colouring("output"), 3)
    assert MAX_STATES_3D / 2 < drawn.sum() <= MAX_STATES_3D
    at = np.flatnonzero(drawn)
    assert set(np.diff(at)) == {4}
    figure = state_space(many, many, Colouring("output"), LIGHT, dimensions=3)
    shown = [trace for trace in figure.data if trace.name.startswith("output")]
    assert sum(len(trace.x) for trace in shown) == drawn.sum() == len(named(figure, "intact").x)
    assert drawn_states(many, Colouring("output"), 2).all()


def test_states_that_cannot_be_coloured_do_not_count(many):
    values = np.full(many.output.shape, np.nan)
    values[:, ::50] = 1.0
    np.testing.assert_array_equal(drawn_states(many, Colouring("value", values), 3), np.isfinite(values))
    points = many.points.copy()
    points[:, 100:] = np.nan
    cut = replace(many, points=points)
    np.testing.assert_array_equal(drawn_states(cut, Colouring("output"), 3), np.isfinite(points[..., 0]))


def test_the_axes_hold_every_state_and_a_redraw_keeps_the_view(now):
    figure = state_space(now, None, Colouring("output"), DARK, dimensions=3)
    scene = figure.layout.scene
    for axis, values in zip((scene.xaxis, scene.yaxis, scene.zaxis), now.points.reshape(-1, 3).T, strict=True):
        assert axis.range[0] < values.min() < values.max() < axis.range[1]
        assert axis.title.text.startswith("PC")
    assert scene.bgcolor == DARK.ground
    assert figure.layout.uirevision == "keep"
