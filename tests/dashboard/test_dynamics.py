"""State space, orbit and readout: what they show is what the queries answer, and their captions say of how much."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis import orbit as orbit_analysis
from hmmrnn.analysis.unstable_directions import SADDLE, STABLE
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.answers import answer_views, open_link
from hmmrnn.dashboard.pages.dynamics import readout
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Against
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import resolve
from tests.dashboard.page import (
    B,
    T,
    drawn_by_output,
    fast,
    named,
    names,
    plain,
    question,
    settled,
    show,
    text,
)

pytest_plugins = ["tests.fixtures_dashboard"]


def test_the_figures_show_the_answers_to_the_queries(intact):
    space, _, around, _, _ = fast(intact)
    seen = queries.summary_of(resolve(intact))
    np.testing.assert_array_equal(drawn_by_output(space), seen.points[..., :2])
    np.testing.assert_allclose(named(around, "occupancy").y, 100 * seen.profile.occupancy)
    np.testing.assert_array_equal(named(around, "output 1").y, seen.profile.median[:, 1])
    rest = queries.seen_points_of(plain())
    np.testing.assert_array_equal(rest.points, queries.fixed_points_of(plain()))
    for kind, name in ((STABLE, "fixed point"), (SADDLE, "saddle")):
        np.testing.assert_array_equal(named(space, name).x, rest.points[rest.kind == kind, 0])
    assert len(named(space, "unstable direction").x) == 6 * len(rest.owner)


def test_a_ghost_is_there_only_with_interventions_and_is_the_intact_network_under_the_same_noise(intact, touched):
    space, _, around, _, _ = fast(intact)
    assert "intact" not in [*names(space), *names(around)]
    space, _, around, _, _ = fast(touched)
    before, now = queries.summary_of(resolve(intact)), queries.summary_of(resolve(touched))
    ghost = named(space, "intact")
    np.testing.assert_array_equal(np.stack([ghost.x, ghost.y], axis=-1), before.points.reshape(-1, 3)[:, :2])
    np.testing.assert_array_equal(drawn_by_output(space), now.points[..., :2])
    np.testing.assert_allclose(named(around, "intact").y, 100 * before.profile.occupancy)


def test_what_was_kept_as_a_stands_behind_instead_of_the_intact_network(touched):
    scenario = replace(touched, interventions=(), against=Against(touched.interventions, 0.5))
    space, _, around, _, _ = fast(scenario)
    before = queries.summary_of(resolve(replace(touched, sigma=0.5)))
    ghost = named(space, "A")
    np.testing.assert_array_equal(np.stack([ghost.x, ghost.y], axis=-1), before.points.reshape(-1, 3)[:, :2])
    intact = queries.summary_of(resolve(scenario.intact))
    np.testing.assert_array_equal(drawn_by_output(space), intact.points[..., :2])
    np.testing.assert_allclose(named(around, "intact").y, 100 * before.profile.occupancy)


def test_beside_each_other_both_are_on_the_same_axes_and_the_present_one_is_on_the_right(touched):
    scenario = replace(touched, beside=True)
    space = fast(scenario)[0]
    for side, shown in {"x": scenario, "x2": scenario.intact}.items():
        path = next(trace for trace in space.data if trace.name == "run 1" and (trace.xaxis or "x") == side)
        seen = queries.summary_of(resolve(shown))
        np.testing.assert_array_equal(np.stack([path.x, path.y], axis=-1), seen.points[0, :, :2])
    assert (space.layout.xaxis2.matches, space.layout.yaxis2.matches) == ("x", "y")
    assert space.layout.xaxis.domain[0] > space.layout.xaxis2.domain[1]


def test_captions_say_how_much_is_shown(intact):
    _, space, _, around, _ = fast(replace(intact, sigma=0.5))
    assert space.startswith(f"{B * T:,} states: {B} runs of {T} steps, sigma 0.5")
    assert around == f"median and quartiles of {B * T:,} states in 48 bins"


def test_a_divergence_is_said_with_its_step_and_its_neuron(blown, dashboard):
    space, caption, _, around, _ = fast(blown)
    ends = queries.summary_of(resolve(blown)).diverged_at
    assert caption.startswith(f"{ends.sum():,} states: {B} runs of {T} steps")
    # Steps are counted from 1, and the first that is wrong is the one that is named.
    assert f"{B} runs diverge, the first at step {ends.min() + 1} (neuron {dashboard.fuse}); " in caption
    assert caption.endswith(f"fixed points without noise: {queries.seen_points_of(plain()).words}")
    assert around.startswith(f"median and quartiles of {ends.sum():,} states")
    np.testing.assert_array_equal(np.isfinite(drawn_by_output(space)[..., 0]).sum(axis=1), ends)


def test_runs_without_noise_are_shown_on_demand(blown):
    without, shown = (fast(replace(blown, without_noise=wanted))[0] for wanted in (False, True))
    assert "without noise" not in names(without)
    paths = queries.without_noise_of(resolve(blown))
    assert len(named(shown, "without noise").x) == paths[..., 0].size + len(paths)


def test_states_can_be_coloured_by_speed_and_by_a_neuron(touched):
    seen = queries.summary_of(resolve(touched))
    space = fast(replace(touched, colour="speed"))[0]
    np.testing.assert_array_equal(named(space, "speed (plane units per step)").marker.color, seen.speed.ravel())
    space = fast(replace(touched, colour="neuron", neuron=7))[0]
    values = queries.pre_activation_of(resolve(touched), (7,))[..., 0]
    np.testing.assert_array_equal(named(space, "pre-activation of neuron 7").marker.color, values.ravel())


def test_the_rows_of_the_hmm_are_drawn_if_it_is_known(intact):
    assert fast(intact)[2].layout.shapes
    assert not fast(replace(intact, model="anonymous"))[2].layout.shapes


def test_a_network_with_another_number_of_outputs_than_its_family_is_shown_without_an_hmm(intact):
    space, _, _, _, numbers = fast(replace(intact, model="mislabelled"))
    assert "output 1" in names(space)
    assert "transition-error" not in numbers["now"]


@pytest.mark.parametrize(
    ("change", "refused"),
    [({"steps": 5}, "Steps must be from 50 to 2,000; got 5."), ({"model": "other"}, "There is no network 'other'")],
)
def test_what_cannot_be_shown_is_refused_in_a_sentence(intact, change, refused):
    asked = question(intact, ids.STATE_SPACE, ids.NUMBERS)
    with pytest.raises(ValueError, match=r"^.") as refusal:
        answer_views({**asked, "scenario": {**asked["scenario"], **change}})
    assert sentence(refusal.value).startswith(refused)


class TestPair:
    def test_only_its_steps_are_drawn_and_counted(self, touched, stretches_longer_than):
        stretches_longer_than(12)
        scenario = replace(touched, pair=(0, 1))
        space, caption, around, caption_of_orbit, _ = fast(replace(scenario, without_noise=True))
        seen = queries.summary_of(resolve(scenario))
        drawn = np.isfinite(seen.points[..., 0])
        np.testing.assert_array_equal(drawn_by_output(space), seen.points[..., :2])
        assert "output 2" not in names(space)
        assert caption.startswith(f"{drawn.sum():,} of {B * T:,} states: {B} runs of {T} steps")
        assert "stretches with outputs 0 and 1 only, steps with other outputs left out" in caption
        assert caption_of_orbit.startswith(f"median and quartiles of {drawn.sum():,} states")
        later = settled(scenario)
        assert f" of {drawn.sum():,} states" in text(later[ids.caption(ids.REGION_MAP)])
        assert later[ids.REGION_MAP].layout.xaxis.range == space.layout.xaxis.range
        assert names(later[ids.ORBIT]) == [*names(around), "region"]

    def test_without_a_long_stretch_the_sentence_says_so(self, intact, stretches_longer_than, monkeypatch):
        stretches_longer_than(5000)
        monkeypatch.setattr(orbit_analysis, "PAIR_ROUNDS", 1)
        with pytest.raises(
            ValueError, match=r"^no stretch of more than 5,000 consecutive steps visits outputs 0 and 2"
        ):
            answer_views(question(replace(intact, pair=(0, 2)), ids.STATE_SPACE))
        assert open_link("?pair=0-2")["message"].startswith("This link could not be opened: no stretch of more than")
        assert "output 7 does not exist" in open_link("?pair=0-7")["message"]


def test_in_three_dimensions_the_caption_says_how_many_are_drawn(touched):
    many = replace(touched, steps=500, trajectories=8, dimensions=3, without_noise=True)
    space, caption, *_ = fast(many)
    assert {trace.type for trace in space.data} == {"scatter3d"}
    assert caption.startswith("2,000 of 4,000 states: 8 runs of 500 steps")
    later = settled(replace(touched, dimensions=3, colour="region", without_noise=True))
    assert {trace.type for trace in later[ids.STATE_SPACE].data} == {"scatter3d"}
    assert later[ids.caption(ids.STATE_SPACE)].startswith(f"{B * T:,} states")


def test_the_readout_is_drawn_in_the_plane_of_the_scenario(touched):
    shown = show(readout.VIEW, touched)
    angles, figure = queries.readout_angles_of(resolve(touched)), shown["readout"]
    assert shown["readout style"] == {"--height": f"{figure.layout.height}px"}
    caption = shown[ids.caption("readout")]
    assert caption.startswith("3 rows of W_out, plane of the intact network; a random row: ")
    assert caption.endswith(f"{angles.random_angle:.1f} degrees")
    bars = next(trace for trace in figure.data if trace.type == "bar")
    np.testing.assert_allclose(np.asarray(bars.y, dtype=float), angles.angle)
