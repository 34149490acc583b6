"""Populations in the figure of activity: means over the neurons, under the same background."""

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.figures.activity import DASHES, NEURON_OPACITY, PopulationTrace, activity
from hmmrnn.figures.theme import LIGHT

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


def named(figure: go.Figure, name: str):
    found = [trace for trace in figure.data if trace.name == name]
    assert len(found) == 1
    return found[0]


def test_means_are_drawn_through_time(neurons, populations):
    figure = activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT, populations)
    for population in populations:
        trace = named(figure, population.name)
        np.testing.assert_array_equal(trace.x, np.arange(1, T + 1))
        np.testing.assert_array_equal(trace.y, population.values.astype(np.float32))
    assert len(figure.data) == 2 + len(populations)


def test_colour_says_the_output_and_dashes_tell_its_populations_apart(neurons, populations):
    figure = activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT, populations)
    lines = [named(figure, population.name).line for population in populations]
    assert [line.color for line in lines] == [LIGHT.outputs[0], LIGHT.outputs[0], LIGHT.outputs[2], LIGHT.muted]
    assert [line.dash for line in lines] == [DASHES[0], DASHES[1], DASHES[0], DASHES[0]]


def test_neurons_stand_back_behind_populations_and_only_then(neurons, populations):
    alone = activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT)
    behind = activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT, populations)
    assert {trace.opacity for trace in alone.data} == {1}
    assert {trace.opacity for trace in behind.data[:2]} == {NEURON_OPACITY}
    assert min(trace.line.width for trace in behind.data[2:]) > max(trace.line.width for trace in behind.data[:2])
    for one, other in zip(alone.data, behind.data, strict=False):
        np.testing.assert_array_equal(one.y, other.y)


def test_populations_alone_have_the_background_as_well(populations):
    figure = activity(np.empty((T, 0)), OUTPUT, (), (), LIGHT, populations)
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0.5, 10.5), (10.5, 20.5), (20.5, 30.5)]
    assert [trace.name for trace in figure.data] == [population.name for population in populations]


def test_the_background_ends_where_a_population_diverges(neurons):
    values = np.where(np.arange(T) < 12, 1.0, np.nan)
    figure = activity(neurons, OUTPUT, (3, 4), (0, 2), LIGHT, [PopulationTrace("gone", 0, values)])
    assert figure.layout.shapes[-1].x1 == 12.5
