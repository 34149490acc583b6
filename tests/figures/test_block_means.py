"""The table of mean weights: every number in its place, for few and many outputs."""

import numpy as np
import pytest

from hmmrnn.analysis.block_means import average_weights
from hmmrnn.analysis.populations import CONTROL, INTEGRATING, KICK, Populations
from hmmrnn.figures.block_means import draw_block_means
from hmmrnn.figures.theme import DARK, LIGHT
from tests.figures.inspection import named
from tests.networks import random_network


def means_of(n_outputs: int):
    """A kick group and an integrating population of two neurons for each output, and one neuron beside them."""
    output = np.repeat(np.arange(n_outputs), 4)
    role = np.tile([KICK, KICK, INTEGRATING, INTEGRATING], n_outputs)
    output, role = np.append(output, -1), np.append(role, CONTROL)
    order = np.lexsort((output, role != KICK, role == CONTROL))
    return average_weights(random_network(len(output), 3, n_outputs), Populations(role, output, order))


@pytest.mark.parametrize("n_outputs", [2, 3, 5])
def test_every_mean_is_written_in_its_cell(n_outputs):
    means = means_of(n_outputs)
    figure = draw_block_means(means, LIGHT)
    shown = np.full(means.mean.shape, "", dtype="<U8")
    for trace in figure.data:
        for y, line in zip(trace.y, trace.text, strict=True):
            for x, text in zip(trace.x, line, strict=True):
                shown[y, x] = text
    expected = [[f"{value:+.3f}" if np.isfinite(value) else "" for value in line] for line in means.mean.round(3) + 0.0]
    assert shown.tolist() == expected
    assert shown[-1, -1] == ""
    assert len(figure.layout.yaxis.ticktext) == len(means.mean)
    assert len(figure.layout.xaxis.ticktext) == means.mean.shape[1]


def test_the_axes_say_from_and_to_with_the_number_of_neurons():
    layout = draw_block_means(means_of(2), DARK).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("from", "to")
    assert layout.yaxis.ticktext[0] == "kick group 0 (2)"
    assert layout.yaxis.ticktext[-1] == "readout 1"
    assert layout.xaxis.ticktext[-2:] == ("control<br>(1)", "noise<br>(3)")


def test_each_unit_has_colours_that_reach_its_largest_mean():
    means = means_of(3)
    figure = draw_block_means(means, LIGHT)
    inner = len(means.blocks)
    parts = {"recurrent": means.mean[:inner, :inner], "noise": means.mean[:inner, inner:]}
    parts["readout"] = means.mean[inner:, :inner]
    for name, part in parts.items():
        trace = named(figure, f"{name} weights")
        assert trace.zmax == -trace.zmin == np.nanmax(np.abs(part))


def test_more_populations_make_it_higher():
    heights = [draw_block_means(means_of(n_outputs), LIGHT).layout.height for n_outputs in (2, 5)]
    rows = [len(means_of(n_outputs).mean) for n_outputs in (2, 5)]
    assert heights[1] - heights[0] == 30 * (rows[1] - rows[0])
