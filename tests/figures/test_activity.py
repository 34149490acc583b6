"""Populations in the figure of activity: means over the neurons, under the same background."""

import numpy as np
import pytest

from hmmrnn.figures.activity import DASHES, NEURON_OPACITY, PopulationTrace, draw_activity, draw_raster
from hmmrnn.figures.theme import LIGHT
from tests.figures.inspection import named

T = 30
OUTPUT = np.repeat([0, 2, 0], T // 3)


@pytest.fixture(scope="module")
def neurons() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((T, 2))


@pytest.fixture(scope="module")
def populations() -> list[PopulationTrace]:
    values = np.random.default_rng(1).standard_normal((4, T))
    told = (("kick group of output 0", 0), ("integrating for output 0", 0), ("kick group of output 2", 2), ("rest", -1))
    return [PopulationTrace(name, output, row) for (name, output), row in zip(told, values, strict=True)]


def test_means_are_drawn_through_time(neurons, populations):
    figure = draw_activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT, populations)
    for population in populations:
        trace = named(figure, population.name)
        np.testing.assert_array_equal(trace.x, np.arange(1, T + 1))
        np.testing.assert_array_equal(trace.y, population.values.astype(np.float32))
    assert len(figure.data) == 2 + len(populations)


def test_colour_says_the_output_and_dashes_tell_its_populations_apart(neurons, populations):
    figure = draw_activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT, populations)
    lines = [named(figure, population.name).line for population in populations]
    assert [line.color for line in lines] == [LIGHT.outputs[0], LIGHT.outputs[0], LIGHT.outputs[2], LIGHT.muted]
    assert [line.dash for line in lines] == [DASHES[0], DASHES[1], DASHES[0], DASHES[0]]


def test_neurons_stand_back_behind_populations_and_only_then(neurons, populations):
    alone = draw_activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT)
    behind = draw_activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT, populations)
    assert {trace.opacity for trace in alone.data} == {1}
    assert {trace.opacity for trace in behind.data[:2]} == {NEURON_OPACITY}
    assert min(trace.line.width for trace in behind.data[2:]) > max(trace.line.width for trace in behind.data[:2])
    for one, other in zip(alone.data, behind.data, strict=False):
        np.testing.assert_array_equal(one.y, other.y)


def test_populations_alone_have_the_background_as_well(populations):
    figure = draw_activity(np.empty((T, 0)), OUTPUT, (), (), LIGHT, populations)
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0.5, 10.5), (10.5, 20.5), (20.5, 30.5)]
    assert [trace.name for trace in figure.data] == [population.name for population in populations]


def test_a_raster_has_every_neuron_and_step_up_to_a_divergence(neurons):
    values = neurons.copy()
    values[20:] = np.nan
    figure = draw_raster(values, OUTPUT, LIGHT)
    (raster,) = figure.data
    np.testing.assert_array_equal(raster.z, values.T.astype(np.float32))
    assert raster.zmax == -raster.zmin == pytest.approx(np.quantile(np.abs(values[:20]), 0.98))
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0.5, 10.5), (10.5, 20.5)]
    assert [shape.fillcolor for shape in figure.layout.shapes] == [LIGHT.outputs[0], LIGHT.outputs[2]]


class TestActivity:
    def test_each_neuron_has_its_line_in_the_colour_of_its_output(self):
        values = np.arange(12.0).reshape(4, 3)
        figure = draw_activity(values, np.array([0, 0, 1, 0]), (7, 8, 9), (0, 2, 2), LIGHT)
        for column, (neuron, group) in enumerate(((7, 0), (8, 2), (9, 2))):
            trace = figure.data[column]
            np.testing.assert_array_equal(trace.x, [1, 2, 3, 4])
            np.testing.assert_array_equal(trace.y, values[:, column])
            assert f"neuron {neuron}" in trace.hovertemplate
            assert trace.name == f"kick neurons of output {group}"
            assert trace.line.color == LIGHT.outputs[group]
        assert [trace.showlegend for trace in figure.data] == [True, True, False]

    def test_the_background_is_the_output_at_each_step(self):
        figure = draw_activity(np.zeros((6, 1)), np.array([0, 0, 1, 1, 1, 2]), (0,), (0,), LIGHT)
        stretches = [(s.x0, s.x1, s.fillcolor) for s in figure.layout.shapes if s.type == "rect"]
        assert stretches == [(0.5, 2.5, LIGHT.outputs[0]), (2.5, 5.5, LIGHT.outputs[1]), (5.5, 6.5, LIGHT.outputs[2])]

    def test_no_output_is_shown_after_a_neuron_or_a_population_diverges(self):
        values = np.zeros((6, 1))
        values[4:] = np.nan
        figure = draw_activity(values, np.array([0, 0, 1, 1, 0, 0]), (0,), (0,), LIGHT)
        assert max(s.x1 for s in figure.layout.shapes if s.type == "rect") == 4.5
        gone = PopulationTrace("gone", 0, np.where(np.arange(6) < 3, 1.0, np.nan))
        figure = draw_activity(np.zeros((6, 1)), np.array([0, 0, 1, 1, 0, 0]), (0,), (0,), LIGHT, [gone])
        assert max(s.x1 for s in figure.layout.shapes if s.type == "rect") == 3.5
