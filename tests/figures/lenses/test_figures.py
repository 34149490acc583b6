"""Figures of messages, potential, halves and rank: they draw the numbers, with units, beside the intact network."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.figures.lenses.group_messages import draw_group_messages
from hmmrnn.figures.lenses.potential_barriers import draw_potential
from hmmrnn.figures.lenses.rank_truncation import draw_rank
from hmmrnn.figures.lenses.weight_halves import draw_weight_halves
from hmmrnn.figures.theme import DARK, LIGHT
from tests.figures.inspection import axes_of, named, names
from tests.figures.lenses import results

DRAWN = {
    "messages": (draw_group_messages, results.message_result),
    "potential": (draw_potential, results.potential_result),
    "halves": (draw_weight_halves, results.halves_result),
    "rank": (draw_rank, results.rank_result),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_alone_and_beside_the_intact_network(name, theme) -> None:
    draw, result = DRAWN[name]
    alone, beside = draw(result(True), None, theme), draw(result(False), result(True), theme)
    for figure in (alone, beside):
        assert figure.layout.paper_bgcolor == theme.ground
        assert all(axis["title"]["text"] or axis.get("ticktext") for axis in axes_of(figure).values() if "title" in axis
                   and axis.get("autorange") != "reversed")  # fmt: skip
    assert len(beside.data) > len(alone.data)
    assert any("intact" in note.text for note in beside.layout.annotations)
    assert not any("intact" in note.text for note in alone.layout.annotations)


def test_panels_along_moments_and_neurons_are_named_for_the_page() -> None:
    messages = draw_group_messages(results.message_result(True), None, LIGHT)
    groups = [list(neurons) for neurons in results.message_result(True).groups.values()]
    (matrix,), (course,) = messages.layout.meta["groups"], messages.layout.meta["switch"]
    assert matrix == ["xaxis", "yaxis", groups]
    assert messages.layout[course[0]].title.text == "steps from the switch"
    potential = draw_potential(results.potential_result(True), None, LIGHT).layout
    titles = {kind: potential[panels[0][0]].title.text for kind, panels in potential.meta.items()}
    expected = {"plane": "PC1 (activity)", "first": "PC1 (activity)", "phase": "phase of the orbit (degrees)"}
    assert titles == expected


def test_the_matrix_of_messages_is_the_shares() -> None:
    result = results.message_result(True)
    (matrix,) = (trace for trace in draw_group_messages(result, None, LIGHT).data if trace.type == "heatmap")
    for row, to in enumerate(matrix.y):
        for column, source in enumerate(matrix.x):
            assert matrix.z[row][column] == result.shares[f"{to}<-{source}"]
    assert matrix.x[-1] == "noise"


def test_a_receiver_that_is_silent_has_no_shares() -> None:
    figure = draw_group_messages(results.message_result(False), None, LIGHT)
    (matrix,) = (trace for trace in figure.data if trace.type == "heatmap")
    assert set(matrix.text[list(matrix.y).index("kick 0")]) == {"none"}


def test_the_landscape_has_minima_saddles_and_its_barriers_in_words() -> None:
    result = results.potential_result(True)
    figure = draw_potential(result, None, LIGHT)
    assert named(figure, "minimum of output 0").x[0] == result.minima["0"][0]
    assert named(figure, "saddle of outputs 0 and 1").y[0] == result.saddles["0-1"][1]
    (line,) = (note.text for note in figure.layout.annotations if note.text.startswith("0 → 1"))
    assert f"barrier {result.barriers['0->1']:.2f} ± {result.barriers_se['0->1']:.2f} nats" in line
    assert np.allclose(named(figure, "along PC1").y, result.line, equal_nan=True)


def test_the_grid_of_halves_says_where_the_network_diverges() -> None:
    result = results.halves_result(True)
    rates = draw_weight_halves(result, None, LIGHT).data[0]
    for i, alpha in enumerate(rates.y):
        for j, beta in enumerate(rates.x):
            assert (alpha, beta) == (f"{result.grid[i]:g}", f"{result.grid[j]:g}")
            assert rates.text[i][j].startswith("∞") == (result.diverges_at[i, j] > 0)


def test_curves_over_the_rank_are_the_numbers() -> None:
    result = results.rank_result(True)
    figure = draw_rank(result, None, LIGHT)
    curves = [trace for trace in figure.data if trace.name == "activity-weighted"]
    assert len(curves) == 4
    assert np.allclose(curves[0].y, list(result.switch_rate_weighted.values()), equal_nan=True)
    assert np.allclose(curves[3].y, result.left_out["weighted"])
    assert names(figure).count("full rank") == 2
