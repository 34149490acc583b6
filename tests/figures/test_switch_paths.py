"""Ways between outputs in figures: lines where they were found, and one line of committor 0.5 for each pair."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.figures.switch_paths import draw_half, draw_ways
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
        np.testing.assert_allclose(np.stack([mean.x, mean.y], axis=1), path.mean, rtol=1e-6)
        assert way.line.color == mean.line.color == LIGHT.colour_of(b)
        assert (way.line.dash, mean.line.dash) == (None, "dot")


def test_half_of_the_runs_switch_on_one_line_for_both_directions(paths):
    (line,) = draw_half(paths, LIGHT)
    pieces = paths.half_line(paths.paths[0])
    assert len(pieces) > 0
    np.testing.assert_allclose(np.stack([line.x, line.y], axis=1).reshape(-1, 3, 2)[:, :2], pieces, rtol=1e-6)
    forth, back = (path.committor for path in paths.paths)
    known = np.isfinite(forth) & np.isfinite(back)
    # Up to cells from which a run came to neither core before it ended.
    np.testing.assert_allclose(forth[known], 1 - back[known], atol=0.02)
