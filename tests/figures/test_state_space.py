"""The state space shows each state where it is; in three dimensions at most 2,000 of them, with their depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.orbit import fit_plane
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.analysis.trajectory_summary import TrajectorySummary, summarise_trajectories
from hmmrnn.analysis.unstable_directions import REPELLOR, SADDLE, STABLE, SeenPoints
from hmmrnn.figures.state_space import MAX_STATES_3D, Colouring, draw_state_space, find_drawn_states, plane_range
from hmmrnn.figures.theme import DARK, LIGHT, REGION_LABELS, REGION_SYMBOLS
from hmmrnn.model.simulation import draw_noise, simulate
from tests.figures.conftest import B, T
from tests.figures.inspection import named, names
from tests.networks import random_network


def seen(trajectories: int, steps: int) -> TrajectorySummary:
    network = random_network(n=14, m=4, o=3, seed=2)
    plane = fit_plane(simulate(network, 300, 4))
    noise = draw_noise(network.n_inputs, steps, trajectories, 1.0, 3)
    return summarise_trajectories(network, plane, noise, 1.0, 3, None)


@pytest.fixture(scope="module")
def many() -> TrajectorySummary:
    return seen(10, 703)


def places(trace) -> np.ndarray:
    return np.stack([trace.x, trace.y, *([trace.z] if trace.type == "scatter3d" else [])], axis=-1)


def test_all_else_has_its_depth_too(now):
    rest, paths = np.array([[1.0, 2.0, 3.0]]), np.arange(24.0).reshape(2, 4, 3)
    figure = draw_state_space(now, None, Colouring("output"), LIGHT, rest, paths, dimensions=3)
    np.testing.assert_array_equal(places(named(figure, "fixed point")), rest)
    np.testing.assert_array_equal(named(figure, "without noise").z, [2, 5, 8, 11, np.nan, 14, 17, 20, 23, np.nan])


def test_of_many_states_so_many_are_drawn_as_can_be_turned_and_evenly(many):
    drawn = find_drawn_states(many, Colouring("output"), 3)
    assert MAX_STATES_3D / 2 < drawn.sum() <= MAX_STATES_3D
    at = np.flatnonzero(drawn)
    assert set(np.diff(at)) == {4}
    figure = draw_state_space(many, many, Colouring("output"), LIGHT, dimensions=3)
    shown = [trace for trace in figure.data if trace.name.startswith("output")]
    assert sum(len(trace.x) for trace in shown) == drawn.sum() == len(named(figure, "intact").x)
    assert find_drawn_states(many, Colouring("output"), 2).all()


def test_states_that_cannot_be_coloured_do_not_count(many):
    values = np.full(many.output.shape, np.nan)
    values[:, ::50] = 1.0
    np.testing.assert_array_equal(find_drawn_states(many, Colouring("value", values), 3), np.isfinite(values))
    points = many.points.copy()
    points[:, 100:] = np.nan
    cut = replace(many, points=points)
    np.testing.assert_array_equal(find_drawn_states(cut, Colouring("output"), 3), np.isfinite(points[..., 0]))


def test_the_axes_hold_every_state_and_a_redraw_keeps_the_view(now):
    figure = draw_state_space(now, None, Colouring("output"), DARK, dimensions=3)
    scene = figure.layout.scene
    for axis, values in zip((scene.xaxis, scene.yaxis, scene.zaxis), now.points.reshape(-1, 3).T, strict=True):
        assert axis.range[0] < values.min() < values.max() < axis.range[1]
        assert axis.title.text.startswith("PC")
    assert scene.bgcolor == DARK.ground
    assert figure.layout.uirevision == "keep"


class TestStateSpace:
    @pytest.mark.parametrize("dimensions", [2, 3])
    def test_states_are_drawn_by_output_where_they_are(self, now, intact, dimensions):
        figure = draw_state_space(now, intact, Colouring("output"), LIGHT, dimensions=dimensions)
        assert {trace.type for trace in figure.data} == ({"scatter3d"} if dimensions == 3 else {"scattergl"})
        for output in np.unique(now.output):
            trace, there = named(figure, f"output {output}"), now.output == output
            np.testing.assert_array_equal(places(trace), now.points[there][:, :dimensions])
            np.testing.assert_array_equal(trace.customdata, np.argwhere(there) + [0, 1])
            assert trace.marker.color == LIGHT.outputs[output]
            assert ("PC3 %{z" in trace.hovertemplate) == (dimensions == 3)
        np.testing.assert_array_equal(places(named(figure, "run 1")), now.points[0, :, :dimensions])
        np.testing.assert_array_equal(places(named(figure, "intact")), intact.points.reshape(-1, 3)[:, :dimensions])

    def test_the_ghost_is_the_intact_run_and_only_there_if_something_is_touched(self, now, intact):
        assert "intact" not in names(draw_state_space(now, None, Colouring("output"), LIGHT))
        figure = draw_state_space(now, intact, Colouring("output"), LIGHT)
        assert named(figure, "intact").marker.color == LIGHT.ghost
        # Drawn first, so that it lies behind.
        assert figure.data[0].name == "intact"

    def test_values_colour_the_states_that_they_belong_to(self, now):
        figure = draw_state_space(now, None, Colouring("speed (plane units per step)", now.speed), LIGHT)
        trace = named(figure, "speed (plane units per step)")
        np.testing.assert_array_equal(trace.marker.color, now.speed.ravel())
        np.testing.assert_array_equal(trace.x, now.points[..., 0].ravel())
        assert trace.marker.cmin is None

    def test_values_with_a_sign_have_a_scale_that_is_centred_on_zero(self, now):
        values = np.linspace(-1, 3, B * T).reshape(B, T)
        trace = named(draw_state_space(now, None, Colouring("value", values), LIGHT), "value")
        assert trace.marker.cmin == -trace.marker.cmax < 0
        assert [colour for _, colour in trace.marker.colorscale] == [colour for _, colour in LIGHT.diverging]

    @pytest.mark.parametrize("dimensions", [2, 3])
    def test_states_without_a_value_are_not_drawn(self, now, dimensions):
        values = np.full((B, T), np.nan)
        values[1, 4], values[3, 0] = 2.0, 5.0
        figure = draw_state_space(now, None, Colouring("value", values), LIGHT, dimensions=dimensions)
        trace = named(figure, "value")
        np.testing.assert_array_equal(trace.marker.color, [2.0, 5.0])
        np.testing.assert_array_equal(trace.customdata, [[1, 5], [3, 1]])
        np.testing.assert_array_equal(places(trace), now.points[[1, 3], [4, 0], :dimensions])

    @pytest.mark.parametrize("dimensions", [2, 3])
    def test_regions_have_their_colour_and_their_symbol(self, now, dimensions):
        region = np.full((B, T), "", dtype="<U10")
        region[0, :3] = REGIONS[:3]
        figure = draw_state_space(now, None, Colouring("region", region=region), DARK, dimensions=dimensions)
        for step, name in enumerate(REGIONS[:3]):
            trace = named(figure, REGION_LABELS[name])
            np.testing.assert_array_equal(places(trace), now.points[0, step : step + 1, :dimensions])
            assert trace.marker.color == DARK.regions[name]
            assert dimensions == 3 or trace.marker.symbol == REGION_SYMBOLS[name]
        assert REGION_LABELS[REGIONS[3]] not in names(figure)

    def test_what_comes_after_a_divergence_is_not_drawn(self, now):
        points = now.points.copy()
        points[:, 50:] = np.nan
        cut = replace(now, points=points)
        figure = draw_state_space(cut, cut, Colouring("output"), LIGHT)
        drawn = sum(len(trace.x) for trace in figure.data if trace.name.startswith("output"))
        assert drawn == len(named(figure, "intact").x) == 50 * B
        assert np.isfinite(figure.layout.xaxis.range).all()

    def test_fixed_points_and_runs_without_noise_are_drawn_where_they_are(self, now):
        rest, paths = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.arange(24.0).reshape(2, 4, 3)
        figure = draw_state_space(now, None, Colouring("output"), LIGHT, rest, paths)
        star, decay = named(figure, "fixed point"), named(figure, "without noise")
        np.testing.assert_array_equal(np.stack([star.x, star.y], axis=-1), rest[:, :2])
        np.testing.assert_array_equal(decay.x, [0, 3, 6, 9, np.nan, 12, 15, 18, 21, np.nan])
        bare = draw_state_space(now, None, Colouring("output"), LIGHT, np.empty((0, 3)), None)
        assert not {"fixed point", "without noise"} & set(names(bare))

    def test_saddles_have_a_symbol_of_their_own_and_arrows_both_ways(self, now):
        places = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0], [2.0, 0.0, 0.0]])
        seen = SeenPoints(places, np.array([STABLE, SADDLE, REPELLOR]), np.array([1]), np.array([[0.6, 0.8, 0.0]]))
        figure = draw_state_space(now, None, Colouring("output"), LIGHT, seen)
        symbols = {named(figure, name).marker.symbol for name in ("fixed point", "saddle", "repellor")}
        assert len(symbols) == 3
        arrows = named(figure, "unstable direction")
        np.testing.assert_array_equal([arrows.x[0], arrows.y[0]], [0, 1])
        ends = np.stack([arrows.x, arrows.y], axis=-1)[[1, 4]] - [0, 1]
        np.testing.assert_allclose(ends[0], -ends[1], atol=1e-6)
        np.testing.assert_allclose(ends[0] / np.linalg.norm(ends[0]), [0.6, 0.8], atol=1e-6)
        assert draw_state_space(now, None, Colouring("output"), LIGHT, seen, dimensions=3)

    def test_the_window_holds_both_networks(self, now, intact):
        both = np.concatenate([now.points, intact.points])
        for axis in (0, 1):
            low, high = plane_range([now, intact], axis)
            assert low < both[..., axis].min() < both[..., axis].max() < high
            assert plane_range([now, None], axis)[1] <= high
        figure = draw_state_space(now, intact, Colouring("output"), LIGHT)
        assert list(figure.layout.xaxis.range) == plane_range([now, intact], 0)

    def test_a_network_at_rest_has_a_window_all_the_same(self, now):
        low, high = plane_range([replace(now, points=np.zeros_like(now.points))], 0)
        assert low < 0 < high
        place = np.array([-0.5, -6.0, 0.0], dtype=np.float32)[: now.points.shape[-1]]
        there = replace(now, points=np.broadcast_to(place, now.points.shape))
        for axis in (0, 1):
            low, high = plane_range([there], axis)
            assert high - low >= 3, "the plane is shown, and no point of it as large as the plane"
            assert low < place[axis] < high
        assert plane_range([replace(now, points=np.full_like(now.points, np.nan))], 0) is None
