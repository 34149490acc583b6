"""The figure of the readout shows the angles it was given."""

import re

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.experiments.readout import ReadoutAngles
from hmmrnn.figures.readout import readout
from hmmrnn.figures.theme import LIGHT, THEMES


@pytest.fixture(scope="module")
def angles() -> ReadoutAngles:
    """The last row is zero."""
    nan = np.nan
    return ReadoutAngles(
        angle=np.array([50.0, 84.5, nan]),
        direction=np.array([160.0, 300.0, nan]),
        between=np.array([[0, 99.4, nan], [99.4, 0, nan], [nan, nan, nan]]),
        length=np.array([2.5, 1.0, 0.0]),
        random_angle=83.4,
    )


@pytest.fixture(scope="module")
def figure(angles) -> go.Figure:
    return readout(angles, LIGHT)


def named(figure: go.Figure, name: str):
    found = [trace for trace in figure.data if trace.name == name]
    assert len(found) == 1
    return found[0]


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


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_it_looks_like_the_others(angles, theme):
    figure = readout(angles, theme)
    known = {theme.ground, theme.text, theme.muted, theme.grid, theme.ghost, theme.accent, *theme.outputs}
    known |= {colour for _, colour in theme.diverging}
    assert set(re.findall(r"#[0-9a-fA-F]{6}", figure.to_json())) <= known
    assert figure.layout.height > 0
    layout = figure.to_plotly_json()["layout"]
    assert all(axis["title"]["text"] for name, axis in layout.items() if re.fullmatch(r"[xy]axis\d?", name))
