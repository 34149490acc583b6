"""The figure of formation shows the numbers it was given, the published ones as lines, and what random triples do."""

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.formation import Formation
from hmmrnn.figures.formation import MOST_RATIO, draw_formation
from hmmrnn.figures.theme import LIGHT
from tests.figures.inspection import named, names
from tests.figures.results import formation_of

PUBLISHED = {"switching": [0.03], "within": [0.06, 0.08], "between": [-0.15, -0.13], "recurrent": [0.04]}


@pytest.fixture(scope="module")
def result() -> Formation:
    return formation_of()


@pytest.fixture(scope="module")
def figure(result) -> go.Figure:
    return draw_formation(result, PUBLISHED, LIGHT)


def all_named(figure: go.Figure, name: str) -> list:
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize(("name", "field"), [("output changes", "switching"), ("symbol switch rate", "volatility")])
def test_curves_are_what_was_given_with_errors(figure, result, name, field):
    trace = named(figure, name)
    np.testing.assert_array_equal(trace.x, result.steps_done)
    np.testing.assert_array_equal(trace.y, getattr(result, field))
    np.testing.assert_array_equal(trace.error_y.array, getattr(result, f"{field}_se"))


def test_the_loss_has_its_floor_and_plateau(figure, result):
    np.testing.assert_array_equal(named(figure, "loss").y, result.loss)
    assert set(named(figure, "HMM itself").y) == {result.loss_floor}
    assert set(named(figure, "independent symbols").y) == {result.loss_plateau}


def test_errors_are_in_units_of_the_gate(figure, result):
    np.testing.assert_allclose(named(figure, "transition error").y, result.transition_error / 0.03)
    np.testing.assert_allclose(named(figure, "lag error").y, result.lag_error / 0.08)


def test_weights_of_both_triples(figure, result):
    for place, output in enumerate(result.outputs):
        within = named(figure, f"triple of output {output}")
        between = named(figure, f"triple, from the other of output {output}")
        np.testing.assert_array_equal(within.y, result.within[:, place])
        np.testing.assert_array_equal(between.y, result.between[:, place])
        assert within.line.color == LIGHT.colour_of(output)


def test_silencing_of_three_and_six_neurons_by_target(figure, result):
    for place, output in enumerate(result.outputs):
        for column, size in enumerate((3, 6)):
            recurrent, unit = all_named(figure, f"{size} neurons of output {output}")
            np.testing.assert_array_equal(recurrent.y, result.recurrent[:, place, column])
            np.testing.assert_array_equal(unit.y, result.unit[:, place, column])
            assert recurrent.line.dash == ("solid", "dash")[column]


def test_where_activity_runs_away_markers_are_open(result):
    bounded = np.ones((4, 2, 2), dtype=bool)
    bounded[2, 0, 0] = False
    drawn = all_named(draw_formation(formation_of(recurrent_bounded=bounded), {}, LIGHT), "3 neurons of output 0")[0]
    assert list(drawn.marker.symbol) == ["circle", "circle", "circle-open", "circle"]


def test_what_is_far_above_is_drawn_at_the_edge(result):
    far = formation_of(unit=result.unit + 100)
    drawn = all_named(draw_formation(far, {}, LIGHT), "3 neurons of output 0")[1]
    np.testing.assert_array_equal(drawn.y[1:], MOST_RATIO)
    assert np.isnan(drawn.y[0])


def test_published_values_are_lines_and_those_that_are_missing_are_not(figure, result):
    drawn = [set(trace.y) for trace in all_named(figure, "published")]
    assert drawn == [{0.03}, {0.06}, {0.08}, {-0.15}, {-0.13}, {0.04}]
    assert "published" not in names(draw_formation(result, {}, LIGHT))


def test_random_triples_are_a_band_where_they_are_known(figure, result):
    low, high = np.quantile(result.null[1:].reshape(3, -1), (0.05, 0.95), axis=1)
    band = next(trace for trace in figure.data if trace.fill == "toself" and len(trace.x) == 6)
    np.testing.assert_allclose(band.y, [*high, *low[::-1]])
    np.testing.assert_array_equal(band.x, [500, 750, 1000, 1000, 750, 500])


def test_a_series_of_one_snapshot_can_be_drawn():
    cut = formation_of()
    one = {name: value[:1] for name, value in vars(cut).items() if isinstance(value, np.ndarray) and len(value) == 4}
    assert draw_formation(formation_of(**one), PUBLISHED, LIGHT).data


def test_what_is_of_no_output_has_no_colour_of_one(figure):
    names = ("loss", "output changes", "symbol switch rate", "transition error")
    assert not {named(figure, name).line.color for name in names} & set(LIGHT.outputs)
