"""The evidence for kick neurons as a figure: what is drawn is what was measured."""

import numpy as np
import pytest

from hmmrnn.figures.kick import MOST_SHOWN, exit_label, kick
from hmmrnn.figures.theme import DARK, LIGHT
from hmmrnn.kick import EXCITE, NOISE, Agreement, KickGroup, KickNeurons, Picture
from hmmrnn.network import Intervention
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, BlockWeights
from tests.networks import kick_group

HOLDS = Picture(EXCITE, Intervention((5,), 2.0, "recurrent"), 0.03, np.ones(4), bounded=True, proven=True)
QUIET = Picture(NOISE, Intervention((), 0.0, "input"), 1.0, np.empty(0), bounded=True, proven=False)


def found(*groups: KickGroup) -> KickNeurons:
    nothing = np.zeros((3, 8))
    return KickNeurons(nothing, nothing, nothing, nothing, groups, (1,), 0)


def named(figure, start: str):
    return [trace for trace in figure.data if trace.name and trace.name.startswith(start)]


@pytest.fixture(scope="module")
def groups():
    return (
        kick_group(0, (3, 6), 0.05, controls=(0.5, 1.0, 1.5, 7.0)),
        kick_group(2, (1,), 0.6, controls=(0.4, 1.0), proven=False, pictures=(QUIET, HOLDS)),
    )


def test_each_exit_has_its_random_groups_and_its_ratio_in_a_strip_of_its_own(groups):
    figure = kick(found(*groups), None, None, LIGHT)
    nulls, marks = named(figure, "random groups"), named(figure, "kick group")
    for strip, (group, null, mark) in enumerate(zip(groups, nulls, marks, strict=True)):
        np.testing.assert_array_equal(null.customdata, group.control_ratios)
        assert max(null.x) <= MOST_SHOWN
        assert np.abs(np.array(null.y) - strip).max() < 0.5
        assert (mark.x[0], mark.y[0], mark.text[0]) == (group.leave_rate_ratio, strip, f"{group.leave_rate_ratio:.2f}")
    assert list(figure.layout.yaxis.ticktext) == ["0 → any", "2 → any"]


def test_what_is_not_proven_is_hollow(groups):
    figure = kick(found(*groups), None, None, DARK)
    assert [trace.marker.symbol for trace in named(figure, "kick group")] == ["diamond", "diamond-open"]


def test_members_are_shown_alone_with_their_numbers(groups):
    alone = named(kick(found(*groups), None, None, LIGHT), "one neuron")
    np.testing.assert_array_equal(alone[0].customdata, [[3, 0.7], [6, 0.7]])


def test_pictures_without_neurons_are_left_out_and_the_key_names_those_that_are_there(groups):
    figure = kick(found(*groups), None, None, LIGHT)
    assert not named(figure, "noise of those")
    (holds,) = named(figure, "what holds the output doubled")
    assert holds.x[0] == 0.03
    assert "5" in holds.hovertemplate
    key = figure.layout.annotations[0].text
    assert "holders × 2" in key
    assert "feeders off" not in key


def test_agreement_is_said_neuron_by_neuron():
    chosen = np.zeros((1, 8))
    chosen[0, [3, 6, 7]] = [1.0, 1.0, 0.5]
    agreed = Agreement((0, 1), ((0, None),), chosen, np.array([[3], [2]]), np.array([2 / 3]))
    figure = kick(found(kick_group(0, (3, 6))), None, agreed, LIGHT)
    text = " ".join(note.text.replace("&nbsp;", "") for note in figure.layout.annotations)
    assert "0 → any: 2 of 2: 3, 6; 1 of 2: 7; overlap of two seeds 0.67" in " ".join(text.split())
    assert "seeds 0, 1" in text


def test_the_table_of_weights_is_the_mean_of_each_block_with_its_sign():
    mean = np.array([[0.31, -0.42], [np.nan, 0.0]])
    weights = BlockWeights(
        ((KICK, 0), (CONTROL, -1)), np.array([2, 6]), mean, mean, np.abs(mean), np.ones((2, 2), dtype=int)
    )
    (table,) = (
        trace for trace in kick(found(kick_group(0, (3, 6))), weights, None, LIGHT).data if trace.type == "heatmap"
    )
    np.testing.assert_array_equal(table.z, mean)
    assert [list(row) for row in table.text] == [["+0.310", "-0.420"], ["", "+0.000"]]
    assert list(table.y) == ["kick 0 (2)", "control (6)"]


def test_many_exits_and_populations_make_the_figure_higher_and_not_the_letters_smaller(groups):
    blocks = ((KICK, 0), (INTEGRATING, 0), (CONTROL, -1))
    weights = BlockWeights(blocks, np.array([2, 3, 3]), *(np.ones((3, 3)) for _ in range(4)))
    one, more = (kick(found(*some), weights, None, LIGHT).layout.height for some in (groups[:1], groups * 3))
    assert more - one == 5 * 64


def test_a_network_that_is_never_left_is_said_to_be_one():
    figure = kick(found(), None, None, LIGHT)
    assert not figure.data
    assert "never left" in figure.layout.annotations[0].text


def test_the_mouse_moves_nothing(groups):
    blocks = BlockWeights(((KICK, 0),), np.array([2]), *(np.ones((1, 1)) for _ in range(4)))
    layout = kick(found(*groups), blocks, None, LIGHT).layout
    assert all(axis.fixedrange for axis in (layout.xaxis, layout.yaxis, layout.xaxis2, layout.yaxis2))
    assert layout.dragmode is False


def test_an_exit_is_named_by_where_it_leads():
    assert [exit_label(0, None), exit_label(0, 2)] == ["0 → any", "0 → 2"]


def test_a_picture_in_which_activity_grows_says_so():
    grows = Picture(EXCITE, Intervention((5,), 2.0, "recurrent"), 0.03, np.ones(4), bounded=False, proven=False)
    figure = kick(found(kick_group(2, (1,), 0.6, proven=False, pictures=(grows,))), None, None, LIGHT)
    (mark,) = named(figure, "what holds the output doubled")
    assert mark.marker.symbol == "star-open"
    assert "not proven, as activity then grows without bound" in mark.hovertemplate
