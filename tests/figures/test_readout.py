"""The figure of the readout shows the angles it was given."""

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.readout import ReadoutAngles
from hmmrnn.figures.readout import draw_readout
from hmmrnn.figures.theme import LIGHT
from tests.figures.inspection import named
from tests.figures.results import readout_angles


@pytest.fixture(scope="module")
def angles() -> ReadoutAngles:
    return readout_angles()


@pytest.fixture(scope="module")
def figure(angles) -> go.Figure:
    return draw_readout(angles, LIGHT)


def test_rows_point_where_their_shadows_do_and_are_as_long(figure, angles):
    for o in (0, 1):
        row, length = named(figure, f"output {o}"), np.cos(np.radians(angles.angle[o]))
        turn = np.radians(angles.direction[o])
        np.testing.assert_allclose([row.x, row.y], [[0, length * np.cos(turn)], [0, length * np.sin(turn)]])
        assert row.line.color == LIGHT.outputs[o]
        assert f"{angles.angle[o]:.1f}° with the plane" in row.hovertemplate
    assert named(figure, "output 0").marker.symbol != named(figure, "output 1").marker.symbol


def test_circles_are_a_row_in_the_plane_and_a_random_one(figure):
    for name, radius in (("in the plane", 1), ("random row", np.cos(np.radians(83.4)))):
        circle = named(figure, name)
        np.testing.assert_allclose(np.hypot(circle.x, circle.y), radius)
    assert figure.layout.yaxis.scaleanchor == "x"


def test_bars_are_the_angles_beside_that_of_a_random_row(figure, angles):
    bars = named(figure, "angle with the plane")
    np.testing.assert_array_equal(bars.y, angles.angle)
    assert list(bars.x) == ["0", "1", "2"]
    assert list(bars.text) == ["50°", "84°", "no row"]
    low, high = figure.layout.yaxis2.range
    (line,) = figure.layout.shapes
    # The line is placed by its share of the panel's height.
    np.testing.assert_allclose(low + line.y0 * (high - low), 83.4)
    assert "random row 83°" in [note.text for note in figure.layout.annotations]


def test_cells_are_the_angles_between_rows(figure, angles):
    cells = named(figure, "angle between rows")
    np.testing.assert_array_equal(cells.z, angles.between)
    assert (cells.zmin, cells.zmax) == (0, 180)
    assert cells.text[0][1] == "99°"
