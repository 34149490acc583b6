"""The evidence for kick neurons as a figure: what is drawn is what was measured."""

import numpy as np
import pytest

from hmmrnn.analysis.kick_effects import KickEffects
from hmmrnn.analysis.kick_neurons import EXCITE, MAX_LEAVE_RATE_RATIO, NOISE, Agreement, AlternativeTest
from hmmrnn.analysis.populations import CONTROL, KICK, BlockWeights
from hmmrnn.figures.kick_neurons import EM_SPACE, GROUP, MOST_SHOWN, STRIP, draw_block_weights, draw_kick_neurons
from hmmrnn.figures.theme import DARK, LIGHT
from hmmrnn.model.network import Intervention
from tests.figures.results import kick_neurons
from tests.networks import kick_group

HOLDS = AlternativeTest(EXCITE, Intervention((5,), 2.0, "recurrent"), 0.03, np.ones(4), bounded=True, proven=True)
QUIET = AlternativeTest(NOISE, Intervention((), 0.0, "input"), 1.0, np.empty(0), bounded=True, proven=False)


def named(figure, start: str):
    return [trace for trace in figure.data if trace.name and trace.name.startswith(start)]


@pytest.fixture(scope="module")
def groups():
    return (
        kick_group(0, (3, 6), 0.05, controls=(0.5, 1.0, 1.5, 7.0)),
        kick_group(2, (1,), 0.6, controls=(0.4, 1.0), proven=False, alternatives=(QUIET, HOLDS)),
    )


def test_each_exit_has_its_random_groups_and_its_ratio_in_a_strip_of_its_own(groups):
    figure = draw_kick_neurons(kick_neurons(*groups), None, LIGHT)
    nulls, marks = named(figure, "random groups"), named(figure, "kick group")
    for strip, (group, null, mark) in enumerate(zip(groups, nulls, marks, strict=True)):
        np.testing.assert_array_equal(null.customdata, group.control_ratios)
        assert max(null.x) <= MOST_SHOWN
        # They lie above the group, in the same strip.
        assert strip - 0.5 < min(null.y) < max(null.y) < mark.y[0] < strip + 0.5
        assert (mark.text[0][0] == EM_SPACE) == (group.leave_rate_ratio < MAX_LEAVE_RATE_RATIO), "beside the limit"
        assert (mark.x[0], mark.y[0], mark.text[0].strip()) == (
            group.leave_rate_ratio,
            strip + GROUP,
            f"{group.leave_rate_ratio:.2f}",
        )
    assert list(figure.layout.yaxis.ticktext) == ["output 0", "output 2"]


def test_what_is_not_proven_is_hollow(groups):
    figure = draw_kick_neurons(kick_neurons(*groups), None, DARK)
    assert [trace.marker.symbol for trace in named(figure, "kick group")] == ["diamond", "diamond-open"]


def test_members_are_shown_alone_with_their_numbers(groups):
    alone = named(draw_kick_neurons(kick_neurons(*groups), None, LIGHT), "one neuron")
    np.testing.assert_array_equal(alone[0].customdata, [[3, 0.7], [6, 0.7]])


def test_pictures_without_neurons_are_left_out_and_the_key_names_those_that_are_there(groups):
    figure = draw_kick_neurons(kick_neurons(*groups), None, LIGHT)
    assert not named(figure, "noise of the")
    (holds,) = named(figure, "neurons that hold the output doubled")
    assert holds.x[0] == 0.03
    assert "5" in holds.hovertemplate
    key = " ".join(note.text for note in figure.layout.annotations)
    assert "holders × 2" in key
    assert "feeders off" not in key


def test_the_limit_is_named(groups):
    figure = draw_kick_neurons(kick_neurons(*groups), None, LIGHT)
    (name,) = (note for note in figure.layout.annotations if "necessary" in note.text)
    assert (name.text, name.x) == ("necessary: at most 0.15", 0.15)
    assert 0.15 in [shape.x0 for shape in figure.layout.shapes]


@pytest.fixture(scope="module")
def effects(groups):
    ratios = np.array([[0.05, 1.3], [np.nan, 0.6]])
    matched = (np.array([0.1, 0.14, 0.9, 3.0]), np.empty(0))
    nothing = np.empty((0, 1), dtype=int)
    p = np.array([0.4, 0.6]), np.array([0.02, np.nan])
    return KickEffects(((0, None), (2, None)), (nothing, nothing), matched, ratios, *p, np.zeros(8))


def words(figure) -> str:
    return " ".join(
        " ".join(note.text.replace("&nbsp;", "").replace("\u00a0", " ") for note in figure.layout.annotations).split()
    )


def test_what_silencing_does_is_said_beside_random_and_matched_groups(groups, effects):
    text = words(draw_kick_neurons(kick_neurons(*groups), None, LIGHT, effects=effects))
    assert (
        "output 0: silencing these 2 cuts the leave rate of 0 to 5 % (random groups: 125 %; matched groups: 52 %). "
        "0 of 4 random at or below 0.15, p = 0.4 (1 beyond 2.5 drawn at the edge). "
        "2 of 4 matched at or below 0.15, p = 0.02 (1 beyond 2.5 drawn at the edge)"
    ) in text
    assert "output 2: silencing these 1 cuts the leave rate of 2 to 60 % (random groups: 70 %). 0 of 2 random" in text
    assert "p corrected over 2 exits (Holm)" in text
    assert "matched" not in words(draw_kick_neurons(kick_neurons(*groups), None, LIGHT))


def test_matched_groups_lie_between_the_random_ones_and_the_group(groups, effects):
    figure = draw_kick_neurons(kick_neurons(*groups), None, LIGHT, effects=effects)
    (matched,), (random, _), (mark, _) = (named(figure, start) for start in ("matched", "random", "kick group"))
    assert max(random.y) < min(matched.y) < max(matched.y) < mark.y[0]
    np.testing.assert_array_equal(matched.customdata, effects.matched_ratios[0])
    assert max(matched.x) == MOST_SHOWN


def test_the_effects_on_all_exits_are_written_in_percent(groups, effects):
    (table,) = named(draw_kick_neurons(kick_neurons(*groups), None, DARK, effects=effects), "effects on all exits")
    assert [list(row) for row in table.text] == [["5 %", "130 %"], ["", "60 %"]]
    assert list(table.x) == ["out of 0", "out of 2"]
    assert list(table.y) == ["group 0 (2)", "group 2 (1)"]


def test_an_exit_without_a_group_says_so(effects):
    figure = draw_kick_neurons(kick_neurons(kick_group(0, ()), kick_group(2, (1,))), None, LIGHT, effects=effects)
    assert "output 0: no neuron has the profile of a kick neuron" in words(figure)
    (table,) = named(figure, "effects on all exits")
    assert (list(table.y), len(table.x)) == (["group 2 (1)"], 2)


def test_where_no_exit_has_a_group_there_is_no_table(effects):
    figure = draw_kick_neurons(kick_neurons(kick_group(0, ()), kick_group(2, ())), None, LIGHT, effects=effects)
    assert not named(figure, "effects on all exits")


def test_among_many_exits_numbers_are_short():
    exits = [(a, b) for a in range(3) for b in range(4) if a != b]
    groups = [kick_group(a, (a,), to=b) for a, b in exits]
    ratios = np.full((9, 9), 0.624)
    ratios[0, 1] = 1.04
    nothing, empty = np.empty((0, 1), dtype=int), np.empty(0)
    many = KickEffects(tuple(exits), (nothing,) * 9, (empty,) * 9, ratios, np.ones(9), np.full(9, np.nan), np.zeros(8))
    figure = draw_kick_neurons(kick_neurons(*groups), None, LIGHT, effects=many)
    (table,) = named(figure, "effects on all exits")
    assert list(table.text[0][:3]) == ["62", "»", "62"]
    assert figure.layout.xaxis3.tickangle == -90


def test_agreement_is_said_neuron_by_neuron():
    chosen = np.zeros((1, 8))
    chosen[0, [3, 6, 7]] = [1.0, 1.0, 0.5]
    agreed = Agreement((0, 1), ((0, None),), chosen, np.array([[3], [2]]), np.array([2 / 3]))
    figure = draw_kick_neurons(kick_neurons(kick_group(0, (3, 6))), agreed, LIGHT)
    text = " ".join(note.text.replace("&nbsp;", "") for note in figure.layout.annotations)
    assert "output 0: 2 of 2: 3, 6; 1 of 2: 7; overlap of two seeds 0.67" in " ".join(text.split())
    assert "seeds 0, 1" in text


def test_the_table_of_weights_is_the_mean_of_each_block_with_its_sign():
    mean = np.array([[0.31, -0.42], [np.nan, 0.0]])
    weights = BlockWeights(
        ((KICK, 0), (CONTROL, -1)), np.array([2, 6]), mean, mean, np.abs(mean), np.ones((2, 2), dtype=int)
    )
    (table,) = (trace for trace in draw_block_weights(weights, LIGHT).data if trace.type == "heatmap")
    np.testing.assert_array_equal(table.z, mean)
    assert [list(row) for row in table.text] == [["+0.310", "-0.420"], ["", "+0.000"]]
    assert list(table.y) == ["kick 0 (2)", "control (6)"]


def test_many_exits_make_the_figure_higher_and_not_the_letters_smaller(groups):
    one, more = (draw_kick_neurons(kick_neurons(*some), None, LIGHT).layout.height for some in (groups, groups * 3))
    assert more - one == 4 * STRIP


def test_a_network_that_is_never_left_is_said_to_be_one():
    figure = draw_kick_neurons(kick_neurons(), None, LIGHT)
    assert not figure.data
    assert "never left" in figure.layout.annotations[0].text


def test_the_mouse_moves_nothing(groups):
    layout = draw_kick_neurons(kick_neurons(*groups), None, LIGHT).layout
    assert all(axis.fixedrange for axis in (layout.xaxis, layout.yaxis))
    assert layout.dragmode is False


def test_a_picture_in_which_activity_grows_says_so():
    grows = AlternativeTest(EXCITE, Intervention((5,), 2.0, "recurrent"), 0.03, np.ones(4), bounded=False, proven=False)
    figure = draw_kick_neurons(kick_neurons(kick_group(2, (1,), 0.6, proven=False, alternatives=(grows,))), None, LIGHT)
    (mark,) = named(figure, "neurons that hold the output doubled")
    assert mark.marker.symbol == "star-open"
    assert "does not close the exit, as activity then grows without bound" in mark.hovertemplate
