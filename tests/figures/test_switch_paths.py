"""Ways between outputs in figures: lines where they were found, and one line of committor 0.5 for each pair."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.figures.panels import Panel, Row, split_columns, stack_rows
from hmmrnn.figures.switch_paths import SPACE, draw_half, draw_over_lens, draw_ways
from hmmrnn.figures.theme import LIGHT
from hmmrnn.lenses.switch_paths import find_paths
from tests.networks import planted_switch


@pytest.fixture(scope="module")
def paths():
    return find_paths(planted_switch().network)


def test_each_exit_has_its_way_and_the_mean_of_its_switches_in_the_colour_of_its_end(paths):
    drawn = {trace.name: trace for trace in draw_ways(paths, LIGHT) if trace.name != "outline"}
    assert len(drawn) == 2 * len(paths.paths) > 0
    for path in paths.paths:
        a, b = path.exit
        way, mean = drawn[f"way {a} → {b}"], drawn[f"mean {a} → {b}"]
        np.testing.assert_allclose(np.stack([way.x, way.y], axis=1), path.way, rtol=1e-6)
        np.testing.assert_allclose(np.stack([mean.x, mean.y], axis=1), path.mean[:, :2], rtol=1e-6)
        assert way.line.color == mean.line.color == LIGHT.colour_of(b)
        assert (way.line.dash, mean.line.dash) == (None, "dot")


def test_in_space_a_way_goes_through_the_mean_depth_of_its_cells(paths):
    drawn = {trace.name: trace for trace in [*draw_ways(paths, LIGHT, SPACE), *draw_half(paths, LIGHT, SPACE)]}
    assert "outline" not in drawn
    assert {trace.type for trace in drawn.values()} == {"scatter3d"}
    path = paths.paths[0]
    a, b = path.exit
    middle = (paths.edges[:, 1:] + paths.edges[:, :-1]) / 2
    way = drawn[f"way {a} → {b}"]
    for place, z in zip(path.way, way.z, strict=True):
        cell = tuple(int(np.abs(middle[axis] - place[axis]).argmin()) for axis in (0, 1))
        assert z == pytest.approx(paths.depth[cell], rel=1e-5)
    np.testing.assert_allclose(drawn[f"mean {a} → {b}"].z, path.mean[:, 2], rtol=1e-5)


@pytest.mark.parametrize(("shown", "expected"), [(1, [["x", "x2", "x3", "x4"]]), (2, [["x", "x2"], ["x3", "x4"]])])
def test_over_a_lens_each_network_has_its_ways_in_its_own_planes(paths, shown, expected):
    panels = [Panel([], {}, {}, of="plane") for _ in range(4)]
    figure = stack_rows([Row(panels, split_columns(4, 0.02), 100)], LIGHT)
    results = [paths, None][:shown]
    draw_over_lens(figure, results, LIGHT)
    a, b = paths.paths[0].exit
    drawn = [trace.xaxis for trace in figure.data if trace.name == f"way {a} → {b}"]
    assert drawn == expected[0]
    assert {trace.type for trace in figure.data} == {"scatter"}


def test_half_of_the_runs_switch_on_one_line_for_both_directions(paths):
    (line,) = draw_half(paths, LIGHT)
    pieces = paths.half_line(paths.paths[0])
    assert len(pieces) > 0
    np.testing.assert_allclose(np.stack([line.x, line.y], axis=1).reshape(-1, 3, 2)[:, :2], pieces, rtol=1e-6)
    forth, back = (path.committor for path in paths.paths)
    known = np.isfinite(forth) & np.isfinite(back)
    # Up to cells from which a run came to neither core before it ended.
    np.testing.assert_allclose(forth[known], 1 - back[known], atol=0.02)
