"""The figure of drift and diffusion: density and arrows are the numbers, over axes that both networks share."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.figures.lenses.drift_diffusion import draw_drift_diffusion
from hmmrnn.figures.theme import DARK, LIGHT
from hmmrnn.lenses.drift_diffusion import current
from tests.figures.inspection import axes_of, names
from tests.lenses.planted import own_axes, rotation


@pytest.fixture(scope="module")
def turning():
    return current(rotation(0.8, 0.5), plane=own_axes())


@pytest.fixture(scope="module")
def still():
    return current(rotation(0.8, 0.0), plane=own_axes())


def test_arrows_turn_as_the_process_does(turning) -> None:
    figure = draw_drift_diffusion(turning, None, LIGHT)
    (heads,) = (trace for trace in figure.data if trace.name == "current, heads")
    line = np.reshape(next(trace for trace in figure.data if trace.name == "current").x, (-1, 3))
    assert np.array_equal(line[:, 1], heads.x)
    tips, arrows = np.stack([heads.x, heads.y], axis=1), np.asarray(heads.customdata)
    turned = tips[:, 0] * arrows[:, 1] - tips[:, 1] * arrows[:, 0]
    assert (turned > 0).mean() > 0.95
    # An angle is measured clockwise from upward.
    cell = np.diff(turning.edges, axis=1)[:, 0]
    assert np.allclose(np.tan(np.radians(heads.marker.angle)), arrows[:, 0] / cell[0] / (arrows[:, 1] / cell[1]))


def test_only_clear_currents_have_arrows(turning, still) -> None:
    def heads(seen) -> int:
        figure = draw_drift_diffusion(seen, None, LIGHT)
        return sum(len(trace.x) for trace in figure.data if trace.name == "current, heads")

    # Of two components about one in seven is beyond two standard errors by chance.
    assert heads(still) < 0.3 * heads(turning)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_intact_stands_below_now_on_the_same_axes(turning, still, theme) -> None:
    figure = draw_drift_diffusion(turning, still, theme)
    axes = axes_of(figure)
    assert len(axes) == 8
    assert {axis["title"]["text"] for axis in axes.values()} == {"PC1 (activity)", "PC2 (activity)"}
    for letter in ("x", "y"):
        assert len({tuple(axis["range"]) for name, axis in axes.items() if name.startswith(letter)}) == 1
    headings = [note.text for note in figure.layout.annotations]
    assert sum(text.startswith("now: ") for text in headings) == sum(text.startswith("intact: ") for text in headings)
    assert names(figure).count("drift") == 2
    assert figure.layout.paper_bgcolor == theme.ground
