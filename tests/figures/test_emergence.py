"""The figure of emergence shows the curves it was given; each step of its slider makes the figure of its snapshot."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.utils import PlotlyJSONEncoder

from hmmrnn.analysis.emergence import Emergence
from hmmrnn.figures.emergence import DECIMALS, HEIGHT, draw_emergence
from hmmrnn.figures.theme import LIGHT
from tests.figures.inspection import named
from tests.figures.results import CHANGE, GONE, K, emergence_of

CURVES = {
    "output changes": ("transition_rate", 1),
    "unstable eigenvalue": ("unstable_share", 100),
    "critical pair": ("critical_share", 100),
    "orbit radius": ("radius", 1),
    "first order": ("first_order", 1),
    "second order": ("second_order", 1),
}


@pytest.fixture(scope="module")
def result() -> Emergence:
    return emergence_of()


@pytest.fixture(scope="module")
def figure(result) -> go.Figure:
    return draw_emergence(result, LIGHT)


def after(figure: go.Figure, snapshot: int) -> go.Figure:
    """What the browser makes of the figure when the slider comes to a snapshot."""
    step = figure.layout.sliders[0].steps[snapshot]
    assert step.method == "restyle"
    changed = go.Figure(figure)
    places, traces = step.args
    for axis, values in places.items():
        for trace, value in zip(traces, values, strict=True):
            changed.data[trace][axis] = [np.nan if number is None else number for number in value]
    return changed


class TestCurves:
    def test_none_has_the_colour_of_an_output(self, figure):
        assert not {named(figure, name).line.color for name in ("loss", *CURVES)} & set(LIGHT.outputs)

    @pytest.mark.parametrize("name", list(CURVES))
    def test_they_are_what_was_given_with_errors(self, figure, result, name):
        trace, (field, unit) = named(figure, name), CURVES[name]
        np.testing.assert_array_equal(trace.x, result.steps_done)
        np.testing.assert_allclose(trace.y, unit * getattr(result, field))
        np.testing.assert_allclose(trace.error_y.array, unit * getattr(result, f"{field}_se"))

    def test_the_loss_lies_between_plateau_and_floor(self, figure, result):
        np.testing.assert_array_equal(named(figure, "loss").y, result.loss)
        assert set(named(figure, "independent symbols (plateau)").y) == {0.9}
        assert set(named(figure, "HMM (floor)").y) == {0.1}
        texts = [note.text for note in figure.layout.annotations]
        assert "independent symbols 0.9" in texts
        assert "HMM itself 0.1" in texts

    def test_the_bifurcation_is_marked_on_the_loss_and_across_all_panels(self, figure, result):
        star = named(figure, "bifurcation")
        assert (star.x[0], star.y[0]) == (21, result.loss[CHANGE])
        lines = [shape for shape in figure.layout.shapes if shape.type == "line"]
        assert [shape.x0 for shape in lines] == [shape.x1 for shape in lines] == [21] * 5
        assert {shape.xref for shape in lines} == {"x", "x2", "x3", "x4", "x5"}
        assert "orbit opens at step 21" in [note.text for note in figure.layout.annotations]

    def test_without_a_bifurcation_none_is_marked(self):
        figure = draw_emergence(emergence_of(bifurcation=None), LIGHT)
        assert "bifurcation" not in [trace.name for trace in figure.data]
        assert not [shape for shape in figure.layout.shapes if shape.type == "line"]
        assert not [note for note in figure.layout.annotations if "opens" in note.text]

    def test_steps_that_leave_all_bounds_are_shaded_and_said(self, figure):
        bands = [shape for shape in figure.layout.shapes if shape.type == "rect"]
        assert {(shape.x0, shape.x1) for shape in bands} == {(23.5, 28.5)}
        assert len(bands) == 5
        assert any("grey: runs leave all bounds" in note.text for note in figure.layout.annotations)
        whole = draw_emergence(emergence_of(diverged=np.zeros(K, dtype=int)), LIGHT)
        assert not [shape for shape in whole.layout.shapes if shape.type == "rect"]
        assert not any("grey" in note.text for note in whole.layout.annotations)

    def test_a_series_that_says_no_loss_is_drawn_without(self):
        nan = float("nan")
        figure = draw_emergence(emergence_of(loss=np.full(K, nan), loss_floor=nan, loss_plateau=nan), LIGHT)
        assert "HMM (floor)" not in [trace.name for trace in figure.data]
        assert not any("HMM" in note.text for note in figure.layout.annotations)

    def test_a_zoom_into_one_shows_the_same_steps_in_all(self, figure):
        layout = figure.to_plotly_json()["layout"]
        assert {layout[f"xaxis{name}"]["matches"] for name in "2345"} == {"x"}


class TestSlider:
    def test_the_last_snapshot_is_shown_first(self, figure):
        assert figure.layout.sliders[0].active == K - 1

    @pytest.mark.parametrize("snapshot", [0, 2, K - 1])
    def test_the_plane_holds_the_points_of_its_snapshot_by_output(self, result, snapshot):
        figure = draw_emergence(result, LIGHT, snapshot)
        assert figure.layout.sliders[0].active == snapshot
        for output in (0, 2):
            trace, there = named(figure, f"output {output}"), result.output[snapshot] == output
            np.testing.assert_array_equal(np.stack([trace.x, trace.y], -1), result.points[snapshot][there])
            assert trace.marker.color == LIGHT.outputs[output]
        path = named(figure, "one run")
        np.testing.assert_array_equal(np.stack([path.x, path.y], -1), result.points[snapshot, 0])

    def test_rings_are_around_the_values_of_its_snapshot(self, result):
        for snapshot in (0, 4):
            figure = draw_emergence(result, LIGHT, snapshot)
            rings = [trace for trace in figure.data if trace.name == "snapshot shown"]
            assert {x for ring in rings for x in ring.x} == {result.steps_done[snapshot]}
            found = {(ring.yaxis, round(float(y), 9)) for ring in rings for y in ring.y}
            curves = [named(figure, name) for name in ("loss", *CURVES)]
            assert found == {(curve.yaxis, round(float(curve.y[snapshot]), 9)) for curve in curves}

    @pytest.mark.parametrize("snapshot", range(K))
    def test_a_step_makes_the_figure_of_its_snapshot(self, figure, result, snapshot):
        moved, drawn = after(figure, snapshot), draw_emergence(result, LIGHT, snapshot)
        for one, other in zip(moved.data, drawn.data, strict=True):
            assert one.name == other.name
            for axis in ("x", "y"):
                np.testing.assert_allclose(one[axis], other[axis], rtol=1e-6, atol=0.51 * 10**-DECIMALS)

    def test_both_directions_have_the_same_scale_around_the_mean(self, result):
        for snapshot in range(K):
            corners = named(draw_emergence(result, LIGHT, snapshot), "corners")
            reach = 1.0 if snapshot == GONE else np.abs(result.points[snapshot]).max()
            np.testing.assert_allclose([corners.x, corners.y], [[-reach, reach]] * 2)
            assert corners.opacity == 0

    def test_it_says_what_is_shown(self, figure, result):
        labels = [step.label for step in figure.layout.sliders[0].steps]
        share = 100 * result.plane_share
        assert labels[1] == f"step 11: radius {result.radius[1]:.1f}, {share[1]:.0f} % of variance"
        assert labels[GONE] == "step 26: 2 of 24 runs leave all bounds"
        assert labels[-1].startswith("step 1,500: ")

    def test_it_changes_no_layout_and_asks_no_server(self, figure):
        """Dash draws a figure anew at a change of its layout, and the slider would jump back."""
        text = json.dumps([step.to_plotly_json() for step in figure.layout.sliders[0].steps], cls=PlotlyJSONEncoder)
        assert not figure.frames
        assert {key for step in figure.layout.sliders[0].steps for key in step.args[0]} == {"x", "y"}
        assert "NaN" not in text
        assert figure.layout.transition.to_plotly_json() == {}

    def test_a_snapshot_beyond_the_series_is_refused(self, result):
        for snapshot in (-1, K):
            with pytest.raises(ValueError, match=f"snapshot must be 0 to 6; got {snapshot}"):
                draw_emergence(result, LIGHT, snapshot)


class TestLook:
    def test_it_says_its_height(self, figure):
        assert figure.layout.height == HEIGHT

    def test_curves_of_one_panel_differ_in_more_than_colour(self, figure):
        for one, other in (("unstable eigenvalue", "critical pair"), ("first order", "second order")):
            first, second = named(figure, one), named(figure, other)
            assert first.line.dash != second.line.dash
            assert first.marker.symbol != second.marker.symbol


def test_a_long_series_stays_small():
    rng = np.random.default_rng(0)
    result = emergence_of()
    longer = {
        name: np.resize(value, (44, *value.shape[1:]))
        for name, value in vars(result).items()
        if isinstance(value, np.ndarray) and name not in ("points", "output", "steps_done")
    }
    points, output = rng.standard_normal((44, 6, 100, 2)), rng.integers(0, 3, (44, 6, 100))
    figure = draw_emergence(emergence_of(**longer, points=points, output=output, steps_done=np.arange(44)), LIGHT)
    assert len(figure.to_json()) < 1_000_000
