"""The figure of gain sweeps shows the numbers of each population, on common scales, and says what is missing."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.gain_sweep import GainSweep
from hmmrnn.figures.gain_sweep import FARTHEST, draw_gain_sweeps
from hmmrnn.figures.theme import DARK, LIGHT
from tests.gain_sweeps import MU, axis_of, sweep, texts, traces, with_nan


@pytest.fixture(scope="module")
def drawn() -> tuple[dict[str, GainSweep], go.Figure]:
    sweeps = {"kick group of output 0": sweep(1), "control population": sweep(2, target="input", neurons=np.arange(1))}
    return sweeps, draw_gain_sweeps(sweeps, LIGHT)


def test_curves_are_the_numbers_with_their_errors(drawn):
    sweeps, figure = drawn
    shown = {"critical pairs before switches": "critical_pairs", "critical pairs anywhere": "critical_pairs_anywhere"}
    for place, one in enumerate(sweeps.values()):
        for name, field in {"interval": "interval", **shown}.items():
            curve = traces(figure, name)[place]
            np.testing.assert_array_equal(curve.x, MU)
            np.testing.assert_array_equal(curve.y, getattr(one, field))
            np.testing.assert_array_equal(curve.error_y.array, getattr(one, f"{field}_se"))
        for output in (0, 2):
            curve = traces(figure, f"output {output}")[place]
            np.testing.assert_allclose(curve.y, 1000 * one.leave_rate[:, output])
            np.testing.assert_allclose(curve.error_y.array, 1000 * one.leave_rate_se[:, output])
    # An output that is never visited has no curve, and none in the key either.
    assert not traces(figure, "output 1")
    assert not any("output 1" in text for text in texts(figure))


def test_pointing_at_a_mean_shows_it_and_its_error(drawn):
    sweeps, figure = drawn
    one = next(iter(sweeps.values()))
    said = traces(figure, "interval")[0].customdata
    assert said[2] == f"{one.interval[2]:.3g} ± {one.interval_se[2]:.2g}"
    alone = draw_gain_sweeps({"x": replace(one, interval_se=np.full(5, np.nan))}, LIGHT)
    assert traces(alone, "interval")[0].customdata[2] == f"{one.interval[2]:.3g}"


def test_paths_are_drawn_as_one_line_per_gain_with_gaps_between_runs(drawn):
    sweeps, figure = drawn
    for place, one in enumerate(sweeps.values()):
        for which, mu in enumerate((0, 1, 1.9)):
            line = traces(figure, f"mu = {mu:g}")[place]
            x = np.array(line.x).reshape(2, 7)
            np.testing.assert_allclose(x[:, :6], one.paths[which, ..., 0], rtol=1e-6)
            assert np.isnan(x[:, 6]).all()
    # The intact path lies behind the others.
    assert next(trace.name for trace in figure.data if trace.mode == "lines") == "mu = 1"


def test_rows_share_their_scales(drawn):
    _, figure = drawn
    for name in ("interval", "critical pairs anywhere", "output 0"):
        one, other = traces(figure, name)
        assert axis_of(figure, one, "y").range == axis_of(figure, other, "y").range
        assert one.yaxis != other.yaxis
    for letter in "xy":
        one, other = traces(figure, "mu = 0")
        assert axis_of(figure, one, letter).range == axis_of(figure, other, letter).range


def test_scales_hold_all_means_and_their_errors(drawn):
    sweeps, figure = drawn
    low, high = axis_of(figure, traces(figure, "output 0")[0], "y").range
    for one in sweeps.values():
        assert low < 0 < 1000 * np.nanmax(one.leave_rate + one.leave_rate_se) < high
    low, high = axis_of(figure, traces(figure, "interval")[0], "y").range
    assert low < np.log10(min(one.interval.min() for one in sweeps.values()))
    assert high > np.log10(max(one.interval.max() for one in sweeps.values()))


def test_every_axis_has_a_title_and_the_rows_their_height(drawn):
    _, figure = drawn
    axes = [figure.layout[name] for name in figure.layout if name.startswith(("xaxis", "yaxis"))]
    assert len(axes) == 2 * 2 * 4
    assert {axis.title.text for axis in axes} == {
        "gain mu", "in 1,000 steps", "steps", "mean count", "PC1 (activity)", "PC2 (activity)"
    }  # fmt: skip
    assert 450 < figure.layout.height < 600


def test_says_what_was_scaled_and_how_much_was_run(drawn):
    _, figure = drawn
    said = texts(figure)
    assert "<b>kick group of output 0</b> (4 neurons, recurrent input × mu)" in said
    assert "<b>control population</b> (1 neuron, noise input × mu)" in said
    assert any("16 runs of 1,500 steps at each gain, sigma = 1" in text for text in said)


def test_a_line_marks_the_intact_network(drawn):
    _, figure = drawn
    lines = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert {(line.x0, line.x1) for line in lines} == {(1, 1)}
    assert len({line.xref for line in lines}) == 2 * 3


def test_where_nothing_switches_it_is_said():
    one = sweep()
    still = with_nan(one, [True, True, False, False, False], "interval", "interval_se", "critical_pairs")
    figure = draw_gain_sweeps({"x": replace(one, **still)}, LIGHT)
    assert texts(figure).count("no switch seen") == 2
    assert "diverges" not in texts(figure)
    shaded = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    # Half way to the first gain at which there is a value.
    assert {(shape.x0, shape.x1) for shape in shaded} == {(0, 0.75)}
    assert len(shaded) == 2


def test_where_it_diverges_it_is_said_in_every_panel():
    one = sweep()
    last = [False, False, False, False, True]
    names = ("interval", "critical_pairs", "critical_pairs_anywhere", "leave_rate", "leave_rate_se")
    gone = with_nan(one, last, *names)
    paths = one.paths.copy()
    paths[2] = np.nan
    figure = draw_gain_sweeps({"x": replace(one, **gone, paths=paths, diverged=np.array(last))}, LIGHT)
    assert texts(figure).count("diverges") == 3
    assert "mu = 1.9: diverges" in texts(figure)
    assert "no switch seen" not in texts(figure)
    assert {(s.x0, s.x1) for s in figure.layout.shapes if s.type == "rect"} == {(1.75, 2)}


def test_where_an_output_is_not_visited_there_is_a_cross_below_zero():
    one = sweep()
    rate = one.leave_rate.copy()
    rate[3:, 2] = np.nan
    figure = draw_gain_sweeps({"x": replace(one, leave_rate=rate)}, LIGHT)
    (crosses,) = traces(figure, "output 2 not visited")
    np.testing.assert_array_equal(crosses.x, MU[3:])
    low = axis_of(figure, crosses, "y").range[0]
    assert all(low < y < 0 for y in crosses.y)
    assert not traces(figure, "output 0 not visited")


def test_a_network_that_never_switches_can_be_drawn():
    one = sweep()
    rate = np.zeros((5, 3))
    rate[:, 1:] = np.nan
    never = with_nan(one, [True] * 5, "interval", "interval_se", "critical_pairs", "critical_pairs_se")
    figure = draw_gain_sweeps({"x": replace(one, **never, leave_rate=rate, leave_rate_se=0 * rate)}, DARK)
    assert texts(figure).count("no switch seen") == 2
    assert np.array_equal(traces(figure, "output 0")[0].y, np.zeros(5))


def test_nothing_but_divergence_can_be_drawn():
    one = sweep()
    names = ("interval", "critical_pairs", "critical_pairs_anywhere", "leave_rate", "leave_rate_se")
    gone = with_nan(one, [True] * 5, *names)
    figure = draw_gain_sweeps(
        {"x": replace(one, **gone, paths=np.full((3, 2, 6, 3), np.nan), diverged=np.ones(5, bool))}, LIGHT
    )
    assert "mu = 0, mu = 1, mu = 1.9: diverges" in texts(figure)


def test_a_path_that_runs_away_leaves_room_for_the_intact_one():
    one = sweep()
    paths = one.paths.copy()
    paths[2] *= 1e5
    figure = draw_gain_sweeps({"x": replace(one, paths=paths)}, LIGHT)
    low, high = axis_of(figure, traces(figure, "mu = 1")[0], "x").range
    assert high - low < 1.2 * FARTHEST * np.ptp(paths[1, ..., 0])


def test_refuses_nothing_to_draw():
    with pytest.raises(ValueError, match="sweeps must hold at least one gain sweep; got none"):
        draw_gain_sweeps({}, LIGHT)
