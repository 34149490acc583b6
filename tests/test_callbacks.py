"""The page's answers without a browser: each callback is a plain function from widget values to figures and words."""

import json
import re
from dataclasses import replace
from typing import ClassVar

import numpy as np
import plotly.graph_objects as go
import pytest
from dash import no_update
from dash.development.base_component import Component

from hmmrnn.checkpoint import save
from hmmrnn.dashboard import ids, inquiries, queries, questions, queue
from hmmrnn.dashboard.callbacks import slow
from hmmrnn.dashboard.callbacks.experiments import inquired
from hmmrnn.dashboard.callbacks.fast import activity_view, connectivity_marks, fast_answer, fast_views, readout_view
from hmmrnn.dashboard.callbacks.interventions import intervention_list
from hmmrnn.dashboard.callbacks.link import opened
from hmmrnn.dashboard.callbacks.network import (
    badge,
    connectivity_view,
    group_buttons,
    kick_store,
    neuron_rows,
    pair_choices,
    search,
)
from hmmrnn.dashboard.callbacks.numbers import numbers_table
from hmmrnn.dashboard.callbacks.slow import fidelity_view, kept_back, landscape_views, spectrum_view
from hmmrnn.dashboard.scenario import Against, Scenario
from hmmrnn.experiments.gains import gain_sweep
from hmmrnn.figures.theme import REGION_LABELS, REGION_SIGNS, THEMES
from hmmrnn.network import Intervention
from hmmrnn.populations import INTEGRATING, KICK
from hmmrnn.regions import REGIONS
from hmmrnn.statespace import orbit_phase
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

B, T = 5, 160
MODEL = "linear-2"
LIGHT = THEMES["light"]


@pytest.fixture
def intact(dashboard) -> Scenario:
    return Scenario(MODEL, seed=3, steps=T, trajectories=B)


@pytest.fixture
def touched(dashboard, intact) -> Scenario:
    """The kick neurons out of output 0 silenced, and another neuron beside them."""
    group = Intervention(dashboard.switch.kick_of(0))
    return replace(intact, interventions=(group, Intervention((dashboard.switch.hold[1][0],))))


@pytest.fixture
def blown(dashboard, intact) -> Scenario:
    return replace(intact, interventions=(Intervention((dashboard.fuse,), mu=2.0),))


@pytest.fixture
def kick(dashboard) -> dict:
    """The kick groups as they come back from the page: through JSON."""
    return json.loads(json.dumps(kick_store(MODEL)))


def parts(component) -> list[Component]:
    """A component and all components inside it."""
    if isinstance(component, list | tuple):
        return [part for item in component for part in parts(item)]
    if not isinstance(component, Component):
        return []
    return [component, *parts(getattr(component, "children", None))]


def text(component) -> str:
    """All words of a component, in order."""
    if isinstance(component, list | tuple):
        return "".join(text(item) for item in component)
    if isinstance(component, Component):
        return text(getattr(component, "children", None))
    return "" if component is None else str(component)


def words(component) -> str:
    """All words of a component, those that a tooltip shows too."""
    return " ".join([text(component), *(str(part.label) for part in parts(component) if hasattr(part, "label"))])


def named(figure: go.Figure, name: str):
    found = [trace for trace in figure.data if trace.name == name]
    assert len(found) == 1, f"{name!r} among {names(figure)}"
    return found[0]


def names(figure: go.Figure) -> list[str]:
    return [trace.name for trace in figure.data]


def drawn_by_output(figure: go.Figure) -> np.ndarray:
    """(B, T, 2) the points of a state space that is coloured by output, back at their run and step."""
    points = np.full((B, T, 2), np.nan, dtype=np.float32)
    for trace in figure.data:
        if trace.name.startswith("output"):
            run, step = np.asarray(trace.customdata).T
            points[run, step - 1] = np.stack([trace.x, trace.y], axis=-1)
    return points


class TestFast:
    def test_nothing_is_drawn_before_the_link_is_read(self):
        assert fast_views(None, "light") == (no_update,) * 5

    def test_the_figures_show_the_answers_to_the_queries(self, intact):
        space, _, around, _, _ = fast_views(intact.to_dict(), "light")
        seen = queries.motion_of(intact)
        np.testing.assert_array_equal(drawn_by_output(space), seen.points[..., :2])
        np.testing.assert_allclose(named(around, "occupancy").y, 100 * seen.profile.occupancy)
        there = seen.profile.counts > 0
        np.testing.assert_array_equal(named(around, "output 1").y, seen.profile.median[there, 1])
        rest = named(space, "fixed point")
        np.testing.assert_array_equal(rest.x, queries.rest_of(MODEL)[:, 0])

    def test_a_ghost_is_there_only_with_interventions(self, intact, touched):
        for scenario, expected in ((intact, False), (touched, True)):
            space, _, around, _, _ = fast_views(scenario.to_dict(), "light")
            assert ("intact" in names(space)) == ("intact" in names(around)) == expected

    def test_the_ghost_is_the_intact_network_under_the_same_noise(self, intact, touched):
        space, _, around, _, _ = fast_views(touched.to_dict(), "light")
        before, now = queries.motion_of(intact), queries.motion_of(touched)
        ghost = named(space, "intact")
        np.testing.assert_array_equal(np.stack([ghost.x, ghost.y], axis=-1), before.points.reshape(-1, 3)[:, :2])
        np.testing.assert_array_equal(drawn_by_output(space), now.points[..., :2])
        np.testing.assert_allclose(named(around, "intact").y, 100 * before.profile.occupancy)

    def test_what_was_kept_as_a_stands_behind_instead_of_the_intact_network(self, touched):
        kept = Against(touched.interventions, 0.5)
        scenario = replace(touched, interventions=(), against=kept)
        space, _, around, _, numbers = fast_views(scenario.to_dict(), "light")
        before = queries.motion_of(replace(touched, sigma=0.5))
        ghost = named(space, "A")
        np.testing.assert_array_equal(np.stack([ghost.x, ghost.y], axis=-1), before.points.reshape(-1, 3)[:, :2])
        np.testing.assert_array_equal(drawn_by_output(space), queries.motion_of(scenario.intact).points[..., :2])
        np.testing.assert_allclose(named(around, "intact").y, 100 * before.profile.occupancy)
        assert [text(cell) for cell in parts(numbers) if type(cell).__name__ == "Th"][:4] == [
            *("Measure", "A", "B, now", "Difference")
        ]

    def test_beside_each_other_both_are_on_the_same_axes_and_the_present_one_is_on_the_right(self, touched):
        scenario = replace(touched, beside=True)
        space = fast_views(scenario.to_dict(), "light")[0]
        sides = {"x": queries.motion_of(scenario), "x2": queries.motion_of(scenario.intact)}
        for side, seen in sides.items():
            path = next(trace for trace in space.data if trace.name == "run 1" and (trace.xaxis or "x") == side)
            np.testing.assert_array_equal(np.stack([path.x, path.y], axis=-1), seen.points[0, :, :2])
        assert (space.layout.xaxis2.matches, space.layout.yaxis2.matches) == ("x", "y")
        assert space.layout.xaxis.domain[0] > space.layout.xaxis2.domain[1]

    def test_captions_say_how_much_is_shown(self, intact):
        _, space, _, around, _ = fast_views(replace(intact, sigma=0.5).to_dict(), "light")
        assert space.startswith(f"{B * T:,} states: {B} runs of {T} steps, sigma 0.5")
        assert around == f"median and quartiles of {B * T:,} states in 48 bins"

    def test_a_divergence_is_said_with_its_step_and_its_neuron(self, blown, dashboard):
        space, caption, _, around, _ = fast_views(blown.to_dict(), "light")
        ends = queries.motion_of(blown).diverged_at
        assert caption.startswith(f"{ends.sum():,} states: {B} runs of {T} steps")
        # Steps are counted from 1, and the first that is wrong is the one that is named.
        assert caption.endswith(f"{B} runs diverge, the first at step {ends.min() + 1} (neuron {dashboard.fuse})")
        assert around.startswith(f"median and quartiles of {ends.sum():,} states")
        np.testing.assert_array_equal(np.isfinite(drawn_by_output(space)[..., 0]).sum(axis=1), ends)

    def test_a_network_without_noise_input_is_shown_on_demand(self, intact, blown):
        for scenario in (intact, blown):
            without, shown = (
                fast_views(replace(scenario, without_noise=wanted).to_dict(), "light")[0] for wanted in (False, True)
            )
            assert "without noise" not in names(without)
            paths = queries.without_noise_of(scenario)
            assert len(named(shown, "without noise").x) == paths[..., 0].size + len(paths)

    def test_states_can_be_coloured_by_speed_and_by_a_neuron(self, touched):
        seen = queries.motion_of(touched)
        space = fast_views(replace(touched, colour="speed").to_dict(), "light")[0]
        np.testing.assert_array_equal(named(space, "speed (plane units per step)").marker.color, seen.speed.ravel())
        space = fast_views(replace(touched, colour="neuron", neuron=7).to_dict(), "light")[0]
        values = queries.pre_activation_of(touched, (7,))[..., 0]
        np.testing.assert_array_equal(named(space, "pre-activation of neuron 7").marker.color, values.ravel())

    def test_the_rows_of_the_hmm_are_drawn_if_it_is_known(self, intact):
        assert fast_views(intact.to_dict(), "light")[2].layout.shapes
        assert not fast_views(replace(intact, model="anonymous").to_dict(), "light")[2].layout.shapes

    def test_looks_and_numbers_of_a_network_with_another_number_of_outputs_than_its_family(self, intact):
        space, _, _, _, numbers = fast_views(replace(intact, model="mislabelled").to_dict(), "light")
        assert "output 1" in names(space)
        assert "Transition error" not in text(numbers)

    def test_what_a_page_sends_is_checked(self, intact):
        with pytest.raises(ValueError, match="steps must be from 50 to 2,000; got 5"):
            fast_views({**intact.to_dict(), "steps": 5}, "light")
        with pytest.raises(ValueError, match="there is no network 'other'"):
            fast_views({**intact.to_dict(), "model": "other"}, "light")


class TestNumbers:
    def rows(self, table) -> dict[str, list[str]]:
        lines = [part for part in parts(table) if type(part).__name__ == "Tr"]
        cells = [[text(cell) for cell in line.children] for line in lines]
        assert cells[0] == ["Measure", "Intact", "Now", "Difference"]
        return {name: values for name, *values in cells[1:]}

    def test_intact_and_now_stand_beside_each_other_with_the_difference(self, intact, touched):
        before, now = queries.motion_of(intact), queries.motion_of(touched)
        rows = self.rows(numbers_table(before, now, True))
        one, other = before.switching, now.switching
        assert rows["Switches per 1,000 steps"] == [
            f"{one.switches_per_1000:.1f} ± {one.switches_per_1000_se:.1f}",
            f"{other.switches_per_1000:.1f} ± {other.switches_per_1000_se:.1f}",
            f"{other.switches_per_1000 - one.switches_per_1000:+.1f}",
        ]
        for o in range(3):
            leave, share = rows[f"Leave rate out of {o}, per step"], rows[f"Time in {o}, %"]
            assert leave[0] == f"{one.leave_rate[o]:.4f} ± {one.leave_rate_se[o]:.4f}"
            assert share[0] == f"{100 * one.time_share[o]:.1f} ± {100 * one.time_share_se[o]:.1f}"
            assert share[2] == f"{100 * (other.time_share[o] - one.time_share[o]):+.1f}"
        error = [f"{motion.transition_error:.3f}" for motion in (before, now)]
        assert rows["Transition error"] == [*error, f"{now.transition_error - before.transition_error:+.3f}"]

    def test_intact_differs_from_itself_by_nothing(self, intact):
        same = queries.motion_of(intact)
        for values in self.rows(numbers_table(same, same, True)).values():
            assert values[0] == values[1]
            assert float(values[2]) == 0

    def test_an_output_that_is_no_longer_visited_says_so(self, intact):
        before = queries.motion_of(intact)
        gone = replace(before.switching, leave_rate=np.array([0.1, np.nan, 0.1]), time_share=np.array([0.5, 0, 0.5]))
        rows = self.rows(numbers_table(before, replace(before, switching=gone), False))
        assert rows["Leave rate out of 1, per step"][1:] == ["not visited", "n/a"]
        assert rows["Time in 1, %"][1].startswith("0.0")

    def test_outputs_that_neither_visits_are_left_out(self, intact):
        before = queries.motion_of(intact)
        silent = replace(before.switching, leave_rate=np.array([0.1, np.nan, 0.1]), time_share=np.array([0.5, 0, 0.5]))
        motion = replace(before, switching=silent)
        assert not [name for name in self.rows(numbers_table(motion, motion, False)) if "out of 1" in name]

    def test_a_single_run_has_values_without_an_error(self, intact):
        alone = queries.motion_of(replace(intact, trajectories=1))
        assert "±" not in "".join(self.rows(numbers_table(alone, alone, True))["Switches per 1,000 steps"])

    def test_the_number_of_steps_is_said(self, intact, touched):
        table = numbers_table(queries.motion_of(intact), queries.motion_of(touched), True)
        assert f"Counted over the {B * (T - 1):,} steps shown" in text(table)

    def test_without_a_target_there_is_no_error_to_show(self, intact):
        motion = queries.motion_of(replace(intact, model="anonymous"))
        assert "Transition error" not in self.rows(numbers_table(motion, motion, False))


class TestLandscape:
    def test_nothing_is_asked_before_the_link_is_read(self):
        assert landscape_views(None, "light") == (no_update,) * 6

    def test_the_map_shows_the_surveyed_states_and_says_how_many_of_which(self, touched):
        figure, caption, *_, answered = landscape_views(replace(touched, map="residency").to_dict(), "light")
        found = queries.landscape_of(touched)
        np.testing.assert_allclose(figure.data[0].marker.color, found.residency.time, rtol=1e-6)
        assert words(caption).endswith(f"({len(found.points):,} of {B * T:,} states)")
        assert answered == replace(touched, map="residency").to_dict()

    def test_the_shares_of_the_regions_stand_beside_their_colours(self, touched):
        figure, caption, *_ = landscape_views(touched.to_dict(), "dark")
        region = queries.landscape_of(touched).residency.region
        there = [name for name in REGIONS if (region == name).any()]
        wanted = [f"{REGION_SIGNS[n]} {REGION_LABELS[n]} {100 * np.mean(region == n):.0f} %" for n in there]
        assert [words(part) for part in caption if not isinstance(part, str)] == wanted
        signs = [part.children[0] for part in caption if not isinstance(part, str)]
        assert [sign.style["color"] for sign in signs] == [THEMES["dark"].regions[n] for n in there]
        assert figure.layout.showlegend is False

    def test_a_sample_is_said_to_be_one(self, intact):
        long = replace(intact, steps=1000, trajectories=2)
        assert words(landscape_views(long.to_dict(), "light")[1]).endswith("(1,500 of 2,000 states)")

    def test_the_orbit_gains_the_commonest_region_of_each_bin(self, intact):
        around = landscape_views(intact.to_dict(), "light")[2]
        found = queries.landscape_of(intact)
        phase = orbit_phase(found.points, queries.plane_of(MODEL))
        edges = np.linspace(0, 2 * np.pi, 49)
        strip = named(around, "region")
        for k in range(48):
            inside = found.residency.region[(edges[k] <= phase) & (phase < edges[k + 1])]
            counts = [np.count_nonzero(inside == name) for name in REGIONS]
            if not sum(counts):
                assert np.isnan(strip.z[0][k])
            else:
                assert counts[int(strip.z[0][k])] == max(counts)

    def test_the_orbit_is_otherwise_the_one_of_the_fast_answer(self, touched):
        fast, slow = (
            fast_views(touched.to_dict(), "dark")[2],
            landscape_views(touched.to_dict(), "dark")[2],
        )
        assert names(slow) == [*names(fast), "region"]
        for one, other in zip(fast.data, slow.data, strict=False):
            np.testing.assert_array_equal(one.y, other.y)

    def test_the_state_space_is_redrawn_only_if_it_is_coloured_by_this_answer(self, intact):
        assert landscape_views(intact.to_dict(), "light")[3] is no_update
        found = queries.landscape_of(intact)
        at = tuple(found.at.T)
        space = landscape_views(replace(intact, colour="residency").to_dict(), "light")[3]
        trace = named(space, "residency time (steps)")
        run, step = np.asarray(trace.customdata).T
        times = np.full((B, T), np.nan)
        times[at] = found.residency.time
        np.testing.assert_allclose(trace.marker.color, times[run, step - 1], rtol=1e-6)
        assert len(trace.x) == len(found.points)
        space = landscape_views(replace(intact, colour="region").to_dict(), "light")[3]
        for name, label in (("cluster", "cluster"), ("kick_zone", "kick zone"), ("transition", "transition")):
            assert len(named(space, label).x) == np.count_nonzero(found.residency.region == name)

    def test_the_ghost_stands_behind_it_as_well(self, touched):
        space = landscape_views(replace(touched, colour="region").to_dict(), "light")[3]
        assert names(space)[0] == "intact"

    def test_runs_without_noise_stay_where_they_are_shown(self, intact):
        data = replace(intact, colour="region").to_dict()
        assert "without noise" in names(landscape_views({**data, "without_noise": True}, "light")[3])
        assert "without noise" not in names(landscape_views(data, "light")[3])

    def test_it_shows_the_stretch_of_the_plane_that_the_state_space_shows(self, touched):
        figure = landscape_views(touched.to_dict(), "light")[0]
        space = fast_views(touched.to_dict(), "light")[0]
        assert figure.layout.xaxis.range == space.layout.xaxis.range
        assert figure.layout.yaxis.range == space.layout.yaxis.range


class TestAtOnce:
    """One slow answer at a time, so that the fast ones of everybody else get through."""

    SCENARIO: ClassVar = {"model": "linear-2"}

    @pytest.fixture
    def answer(self, monkeypatch):
        monkeypatch.setattr(slow, "WAIT_SECONDS", 0.0)
        return kept_back(lambda data: (1.0, data), ("view", "figure"))

    def test_who_does_not_get_his_turn_is_told(self, answer) -> None:
        with slow._slow:
            assert answer(self.SCENARIO) == {"scenario": self.SCENARIO, "busy": True}
        assert answer(self.SCENARIO) == {"scenario": self.SCENARIO, "draws": [["view", {"figure": 1.0}]]}

    def test_an_answer_that_fails_lets_the_next_one_through(self, answer) -> None:
        def fail(data: object) -> None:
            raise ValueError("no such thing")

        with pytest.raises(ValueError, match="no such thing"):
            kept_back(fail, ("view", "figure"))(self.SCENARIO)
        assert "draws" in answer(self.SCENARIO)

    def test_nothing_asked_needs_no_turn(self, answer) -> None:
        with slow._slow:
            assert answer(None) is no_update


class TestTabs:
    def test_an_open_tab_asks_nothing_before_the_link_is_read(self, kick):
        assert spectrum_view(None, "light") == (no_update,) * 3
        assert fidelity_view(None, "light") == (no_update,) * 4
        assert activity_view(None, kick, "light") == (no_update,) * 2

    def test_the_readout_is_drawn_in_the_plane_of_the_scenario(self, touched):
        assert readout_view(None, "light") == (no_update,) * 3
        figure, style, caption = readout_view(touched.to_dict(), "light")
        angles = queries.readout_of(touched)
        assert style["height"] == f"{figure.layout.height}px"
        assert caption.startswith("3 rows of W_out, plane of the intact network; a random row: ")
        assert caption.endswith(f"{angles.random_angle:.1f} degrees")
        bars = next(trace for trace in figure.data if trace.type == "bar")
        np.testing.assert_allclose(np.asarray(bars.y, dtype=float), angles.angle)

    def test_the_spectrum_says_means_and_of_how_many_states(self, intact):
        figure, caption, answered = spectrum_view(intact.to_dict(), "light")
        found = queries.landscape_of(intact)
        region = found.residency.region[found.spectra_at]
        assert caption.startswith(f"mean count of |λ| > 1 at {len(region)} states: cluster ")
        cluster = region == "cluster"
        mean = found.spectra.unstable[cluster].mean()
        assert f"cluster {mean:.1f}" in caption
        assert caption.endswith(f"along the orbit at {queries.along_orbit_of(intact).counts.sum()}")
        assert named(figure, f"cluster ({cluster.sum()} states)")
        assert answered == intact.to_dict()

    def test_fidelity_says_the_verdict_and_on_what_it_rests(self, intact):
        _, figure, caption, answered = fidelity_view(intact.to_dict(), "light")
        judged = queries.fidelity_of(intact)
        assert caption == f"64 runs of 2,000 steps from h = 0, seed 3: {'; '.join(judged.failures)}"
        assert not judged.passes
        np.testing.assert_array_equal(named(figure, "share, network").y, judged.marginal)
        assert "share, intact" not in names(figure)
        assert answered == intact.to_dict()

    def test_fidelity_shows_the_answers_that_take_longer(self, intact):
        figure = fidelity_view(intact.to_dict(), "light")[1]
        matched, decoded = queries.matching_of(intact), queries.decoding_of(intact)
        np.testing.assert_array_equal(named(figure, "matched distance").x, [matched.floor, matched.distance])
        np.testing.assert_array_equal(named(figure, "P(state | output), %").z, 100 * decoded.state_given_output)

    def test_fidelity_without_a_worker_shows_what_needs_none(self, intact, monkeypatch, caplog):
        def nobody(*_: object) -> None:
            raise queue.NoWorkerError("no worker is running")

        monkeypatch.setattr(queries, "decoding_of", nobody)
        _, figure, caption, _ = fidelity_view(intact.to_dict(), "light")
        assert caption.endswith("matched distance and hidden states need a worker, and none answers")
        assert "no worker is running" in caplog.text
        np.testing.assert_array_equal(named(figure, "share, network").y, queries.fidelity_of(intact).marginal)
        assert "matched distance" not in names(figure)

    def test_fidelity_of_an_intervention_stands_beside_the_intact_one(self, intact, touched):
        figure = fidelity_view(touched.to_dict(), "light")[1]
        for name, scenario in (("intact", intact), ("now", touched)):
            judged, matched = queries.fidelity_of(scenario), queries.matching_of(scenario)
            np.testing.assert_array_equal(named(figure, f"agreement, {name}").y, judged.agreement)
            place = list(named(figure, "matched distance").y).index(name)
            assert named(figure, "matched distance").x[place] == matched.distance
        assert queries.fidelity_of(touched).passes is False

    def test_the_graph_is_as_high_as_its_figure(self, intact, touched):
        heights = []
        for scenario in (intact, touched):
            style, figure, _, _ = fidelity_view(scenario.to_dict(), "light")
            assert style == {"height": f"{figure.layout.height}px", "flex": "none"}
            heights.append(figure.layout.height)
        assert heights[0] < heights[1]

    def test_runs_that_the_hmm_cannot_emit_are_said(self, intact, monkeypatch):
        decoded = replace(queries.decoding_of(intact), impossible=2)
        monkeypatch.setattr(queries, "decoding_of", lambda scenario: decoded)
        assert fidelity_view(intact.to_dict(), "light")[2].endswith("; the HMM cannot emit 2 of the runs shown")

    def test_without_a_known_hmm_no_other_networks_figure_stays(self, intact):
        other = replace(intact, model="anonymous").to_dict()
        style, figure, caption, answered = fidelity_view(other, "light")
        assert caption == "this network's file names no known HMM to compare it with"
        assert answered == other
        assert style == {}
        assert figure is not no_update
        assert not go.Figure(figure).data

    def test_activity_is_that_of_the_kick_neurons_in_the_first_run(self, dashboard, touched, kick):
        figure, caption = activity_view(touched.to_dict(), kick, "light")
        members = [(i, group["output"]) for group in kick["groups"] for i in group["neurons"]]
        assert len(members) == 9
        roles = queries.populations_of(MODEL)
        means = figure.data[9:]
        assert caption == f"9 kick neurons and means of {len(means)} populations, run 1 of {B}, background: output"
        everybody = queries.pre_activation_of(touched, tuple(range(51)))[0]
        for output in range(3):
            mean = named(figure, f"kick neurons of {output}, mean").y
            np.testing.assert_allclose(
                mean, everybody[:, list(dashboard.switch.kick_of(output))].mean(axis=1), rtol=1e-5
            )
            integrating = roles.members(INTEGRATING, output)
            if integrating:
                mean = named(figure, f"integrators for {output}, mean").y
                np.testing.assert_allclose(mean, everybody[:, list(integrating)].mean(axis=1), rtol=1e-5)
        values = queries.pre_activation_of(touched, tuple(i for i, _ in members))[0]
        for (neuron, output), trace, column in zip(members, figure.data[:9], values.T, strict=True):
            np.testing.assert_array_equal(trace.y, column)
            assert f"neuron {neuron}<" in trace.hovertemplate
            assert trace.line.color == LIGHT.outputs[output]

    def test_activity_waits_for_the_kick_neurons_of_this_network(self, intact, kick):
        data = intact.to_dict()
        assert activity_view(data, None, "light") == (no_update,) * 2
        assert activity_view(data, {**kick, "model": "anonymous"}, "light") == (no_update,) * 2

    def test_a_network_without_kick_neurons_says_so(self, intact):
        nobody = {"model": MODEL, "groups": [{"output": 0, "neurons": []}]}
        _, caption = activity_view(intact.to_dict(), nobody, "light")
        assert caption == "this network has no kick neurons to show"


class TestThemes:
    @pytest.mark.parametrize("theme", list(THEMES))
    def test_every_view_has_titled_axes_and_the_ground_of_the_page(self, touched, kick, theme):
        data = touched.to_dict()
        fast, slow = (
            fast_views({**data, "without_noise": True}, theme),
            landscape_views({**data, "colour": "region"}, theme),
        )
        figures = {
            ids.STATE_SPACE: fast[0],
            ids.ORBIT: fast[2],
            ids.REGION_MAP: slow[0],
            "orbit with regions": slow[2],
            "state space by region": slow[3],
            ids.CONNECTIVITY: connectivity_view(MODEL, kick, theme, data)[0],
            ids.ACTIVITY: activity_view(data, kick, theme)[0],
            ids.SPECTRUM: spectrum_view(data, theme)[0],
            ids.FIDELITY: fidelity_view(data, theme)[1],
        }
        for name, figure in figures.items():
            layout = figure.to_plotly_json()["layout"]
            assert layout["paper_bgcolor"] == THEMES[theme].ground
            axes = {axis: own for axis, own in layout.items() if re.fullmatch(r"[xy]axis\d*", axis)}
            bare = [axis for axis, own in axes.items() if own.get("visible", True) and not own["title"]["text"]]
            # Where there is no room at the axis, a note on the figure says what it shows.
            assert len(bare) <= len(layout.get("annotations", ())), f"{bare} of {name} without a title"


class TestPlanes:
    def test_the_planes_to_choose_from_are_the_pairs_of_outputs(self, dashboard):
        assert pair_choices(MODEL) == [
            {"value": "all", "label": "all states"},
            {"value": "0-1", "label": "outputs 0 and 1"},
            {"value": "0-2", "label": "outputs 0 and 2"},
            {"value": "1-2", "label": "outputs 1 and 2"},
        ]
        assert [choice["value"] for choice in pair_choices("mislabelled")] == ["all", "0-1"]

    def test_of_a_pair_only_its_steps_are_drawn_and_counted(self, intact, touched, stretches_longer_than):
        stretches_longer_than(12)
        scenario = replace(touched, pair=(0, 1))
        space, caption, around, words_of_orbit, _ = fast_views(replace(scenario, without_noise=True).to_dict(), "light")
        seen = queries.motion_of(scenario)
        drawn = np.isfinite(seen.points[..., 0])
        np.testing.assert_array_equal(drawn_by_output(space), seen.points[..., :2])
        assert not {"output 2"} & set(names(space))
        assert caption.startswith(f"{drawn.sum():,} of {B * T:,} states: {B} runs of {T} steps")
        assert "stretches with outputs 0 and 1 only" in caption
        assert "steps with other outputs left out" in caption
        assert words_of_orbit.startswith(f"median and quartiles of {drawn.sum():,} states")
        figure, of_map, strip, *_ = landscape_views(scenario.to_dict(), "light")
        assert f" of {drawn.sum():,} states" in words(of_map)
        assert figure.layout.xaxis.range == space.layout.xaxis.range
        assert names(strip) == [*names(around), "region"]

    def test_what_cannot_be_shown_is_refused_in_a_sentence(self, intact, stretches_longer_than, monkeypatch):
        stretches_longer_than(5000)
        monkeypatch.setattr(queries, "PAIR_ROUNDS", 1)
        *nothing, answer = fast_answer(replace(intact, pair=(0, 2)).to_dict(), "light")
        assert nothing == [no_update] * 5
        assert answer["refused"].startswith("No stretch of more than 5,000 consecutive steps visits outputs 0 and 2")
        assert opened("?pair=0-2")["message"].startswith("This link could not be opened: no stretch of more than 5,000")
        assert "output 7 does not exist" in opened("?pair=0-7")["message"]

    def test_in_three_dimensions_the_caption_says_how_many_are_drawn(self, touched):
        many = replace(touched, steps=500, trajectories=8, dimensions=3)
        space, caption, *_ = fast_views(replace(many, without_noise=True).to_dict(), "light")
        assert {trace.type for trace in space.data} == {"scatter3d"}
        assert caption.startswith("2,000 of 4,000 states")
        assert caption.startswith("2,000 of 4,000 states: 8 runs of 500 steps")
        by_region = replace(touched, dimensions=3, colour="region").to_dict()
        _, _, _, space, words_of_space, _ = landscape_views({**by_region, "without_noise": True}, "light")
        assert {trace.type for trace in space.data} == {"scatter3d"}
        assert words_of_space.startswith(f"{B * T:,} states")

    def test_what_the_regions_colour_says_how_many_states_have_one(self, intact):
        long = replace(intact, steps=1000, trajectories=2, colour="region")
        assert landscape_views(long.to_dict(), "light")[4].startswith("1,500 of 2,000 states: 2 runs")
        assert landscape_views(intact.to_dict(), "light")[4] is no_update


class TestSearch:
    """The search for kick neurons: a worker's, if there is one."""

    def asked(self, **change) -> dict:
        return {"model": MODEL, "turn": 3, "leave": [], **change}

    def test_without_a_worker_it_is_answered_here(self, dashboard, kick):
        answer = json.loads(json.dumps(search(self.asked())))
        assert answer == {"turn": 3, "key": "", "found": kick}

    def test_a_worker_is_looked_after_until_it_has_ended(self, dashboard, kick, monkeypatch):
        queue.beat(f"worker:{queue.INQUIRIES}")
        waiting = search(self.asked())
        assert (waiting["turn"], waiting["words"]) == (3, "Searching for kick neurons…")
        assert search(self.asked(turn=4)) == {**waiting, "turn": 4}
        key, attempt, *_ = queue.queue(queue.INQUIRIES).dequeue().args
        assert key == waiting["key"]
        assert inquiries.begin(key, attempt)
        inquiries.teller(key)(0.426)
        assert search(self.asked())["words"] == "Searching for kick neurons: 43 %"
        inquiries.finish(key, questions.answer(ids.KICK, Scenario(MODEL), lambda share: None))
        assert json.loads(json.dumps(search(self.asked())))["found"] == kick

    def test_a_network_that_cannot_be_searched_says_why(self, dashboard):
        queue.beat(f"worker:{queue.INQUIRIES}")
        key = search(self.asked(model="growing"))["key"]
        work_off()
        answer = search(self.asked(model="growing", leave=[key]))
        assert answer["found"]["groups"] == []
        assert "diverge" in answer["found"]["reason"]
        assert answer["found"]["others"] == [0, 1, 2, 3]


def work_off() -> None:
    """What a worker does with the next inquiry, in this process."""
    huey = queue.queue(queue.INQUIRIES)
    huey.execute(huey.dequeue())


class TestExperiments:
    """Tabs that a worker answers, from the first question to the figure."""

    def asked(self, scenario: Scenario, **change) -> dict:
        plain = json.loads(json.dumps(scenario.to_dict()))
        return {"scenario": plain, "turn": 5, "leave": [], "wanted": True, "anew": False, **change}

    def draws(self, answer: dict) -> dict[str, dict]:
        return dict(answer["draws"])

    def expect_line(self, view: str, answer: dict, words: str, running: bool, cancel: bool, compute: bool) -> None:
        drawn = self.draws(answer)
        assert drawn[ids.inquiry(view)] == {"hidden": False}
        assert drawn[ids.words(view)]["children"] == words
        assert drawn[ids.progress(view)]["hidden"] is not running
        assert drawn[ids.frame(ids.cancel(view))] == {"hidden": not cancel}
        assert drawn[ids.frame(ids.compute(view))] == {"hidden": not compute}

    def test_nothing_is_asked_before_the_tab_is_open(self):
        assert inquired(ids.NOISE, None, "light") is no_update

    def test_it_waits_runs_and_is_drawn(self, intact):
        queue.beat(f"worker:{queue.INQUIRIES}")
        view, asked = ids.GAIN_SWEEP, self.asked(intact)
        waiting = inquired(view, asked, "light")
        assert (waiting["turn"], waiting["unfinished"]) == (5, True)
        self.expect_line(view, waiting, "waiting for the worker", running=False, cancel=True, compute=False)
        assert view not in self.draws(waiting)
        key, attempt, question, subject, _asker = queue.queue(queue.INQUIRIES).dequeue().args
        assert inquiries.begin(key, attempt)
        inquiries.teller(key)(0.25)
        running = inquired(view, asked, "light")
        self.expect_line(view, running, "computing: 25 %", running=True, cancel=True, compute=False)
        assert self.draws(running)[ids.progress(view)]["value"] == "0.250"
        inquiries.finish(key, questions.answer(question, subject, lambda share: None))
        done = inquired(view, asked, "light")
        drawn = self.draws(done)
        assert (done["key"], done["unfinished"]) == (key, False)
        assert drawn[ids.inquiry(view)] == {"hidden": True}
        assert drawn[ids.caption(view)]["children"].startswith("21 gains of ")
        figure = drawn[view]["figure"]
        assert drawn[view]["style"]["height"] == f"{figure.layout.height}px"
        dark = self.draws(inquired(view, asked, "dark"))[view]["figure"]
        assert dark.layout.paper_bgcolor == THEMES["dark"].ground
        assert len(dark.data) == len(figure.data)

    def test_what_does_not_change_the_answer_asks_nothing_anew(self, intact, touched):
        keys = {
            name: inquired(ids.NOISE, self.asked(scenario), "light")["key"]
            for name, scenario in {
                "intact": intact,
                "window": replace(intact, steps=90, trajectories=2),
                "colour": replace(intact, colour="speed"),
                "touched": touched,
                "seed": replace(intact, seed=4),
                "sigma": replace(intact, sigma=0.5),
                "model": replace(intact, model="anonymous"),
            }.items()
        }
        assert keys["intact"] == keys["window"] == keys["colour"]
        assert len(set(keys.values())) == 5
        proofs = {inquired(ids.KICK_PROOF, self.asked(item), "light")["key"] for item in (intact, touched)}
        assert len(proofs) == 1

    def test_without_a_worker_it_says_so(self, intact):
        answer = inquired(ids.NOISE, self.asked(intact), "light")
        words = "No worker is running; start one with python -m hmmrnn worker."
        self.expect_line(ids.NOISE, answer, words, running=False, cancel=True, compute=False)

    def test_cancelled_it_says_so_and_is_given_up(self, intact, monkeypatch):
        monkeypatch.setattr(inquiries, "GIVEN_UP_AFTER_SECONDS", 0.0)
        key = inquired(ids.NOISE, self.asked(intact), "light")["key"]
        answer = inquired(ids.NOISE, self.asked(intact, leave=[key], wanted=False), "light")
        words = "Cancelled: what is shown now has not been computed."
        self.expect_line(ids.NOISE, answer, words, running=False, cancel=False, compute=True)
        assert not answer["unfinished"]
        assert self.draws(answer)[ids.NOISE]["figure"]["data"] == []
        task = queue.queue(queue.INQUIRIES).dequeue()
        assert not inquiries.begin(*task.args[:2])
        assert inquired(ids.NOISE, self.asked(intact, anew=True), "light")["unfinished"]

    def test_what_cannot_be_answered_says_why_and_shows_no_other_scenarios_figure(self, intact):
        view, asked = ids.NOISE, self.asked(replace(intact, model="growing"))
        inquired(view, asked, "light")
        work_off()
        answer = inquired(view, asked, "light")
        drawn = self.draws(answer)
        assert "diverge" in drawn[ids.words(view)]["children"]
        assert drawn[view]["figure"]["data"] == drawn[ids.SENSITIVITY]["figure"]["data"] == []
        assert drawn[ids.caption(view)]["children"] == ""
        # Trying anew puts it into the queue once more.
        assert inquired(view, {**asked, "anew": True}, "light")["unfinished"]

    def test_a_family_without_snapshots_says_so_at_once(self, intact):
        answer = inquired(ids.EMERGENCE, self.asked(intact), "light")
        words = "There are no snapshots of a training of this network's family; there are of the families none."
        self.expect_line(ids.EMERGENCE, answer, words, running=False, cancel=False, compute=True)

    def test_emergence_is_of_the_snapshots_beside_the_network(self, empty_world):
        folder = empty_world.models / "emergence" / "linear-2"
        folder.mkdir(parents=True)
        save(replace(random_network(), metadata={"family": "linear-2"}), empty_world.models / "net.safetensors")
        for step in (1, 20, 300):
            network = random_network(seed=step)
            save(replace(network, metadata={"steps_done": str(step)}), folder / f"step-{step:05d}.safetensors")
        asked = self.asked(Scenario("net", seed=2))
        before = inquired(ids.EMERGENCE, asked, "light")["key"]
        work_off()
        answer = inquired(ids.EMERGENCE, asked, "light")
        caption = self.draws(answer)[ids.caption(ids.EMERGENCE)]["children"]
        assert caption.startswith("3 snapshots, steps 1 to 300: no bifurcation")
        assert "seed 2" in caption
        touched = replace(Scenario("net", seed=2), interventions=(Intervention((3,)),))
        assert inquired(ids.EMERGENCE, self.asked(touched), "light")["key"] == before
        # Another snapshot makes another question.
        save(replace(random_network(), metadata={"steps_done": "400"}), folder / "step-00400.safetensors")
        assert inquired(ids.EMERGENCE, asked, "light")["key"] != before

    @pytest.mark.parametrize("theme", list(THEMES))
    def test_every_experiment_is_drawn_with_its_caption(self, intact, theme):
        captions = {
            ids.KICK_PROOF: "intact network: 3 of 3 exits proven, seed 0; agreement of 5 seeds",
            ids.NOISE: "strengths of the noise",
            ids.GAIN_SWEEP: "gains of",
        }
        for view, words in captions.items():
            if inquired(view, self.asked(intact), theme)["unfinished"]:
                work_off()
            drawn = self.draws(inquired(view, self.asked(intact), theme))
            assert words in drawn[ids.caption(view)]["children"]
            figure = drawn[view]["figure"].to_plotly_json()
            assert figure["data"]
            assert figure["layout"]["paper_bgcolor"] == THEMES[theme].ground

    def test_a_report_is_offered_once_it_is_written(self, touched, monkeypatch):
        asked = self.asked(replace(touched, steps=60))
        waiting = inquired(ids.REPORT, asked, "light")
        assert waiting["unfinished"]
        assert self.draws(waiting)[ids.REPORT_LINKS] == {"children": None}
        assert questions.answered(ids.REPORT, touched) is None
        monkeypatch.setitem(
            questions.QUESTIONS,
            ids.REPORT,
            replace(questions.QUESTIONS[ids.REPORT], answer=lambda subject, tell: f"<title>{subject.seed}</title>"),
        )
        work_off()
        written = inquired(ids.REPORT, asked, "dark")
        links = self.draws(written)[ids.REPORT_LINKS]["children"][:2]
        assert [link.href for link in links] == [f"/report?{questions.subject_of(ids.REPORT, touched).to_query()}"] * 2
        assert links[1].download == f"hmmrnn-{touched.model}.html"
        # The window and the colours of the page are none of the report's business; what was done to the network is.
        assert questions.answered(ids.REPORT, replace(touched, colour="speed")) == f"<title>{touched.seed}</title>"
        assert questions.answered(ids.REPORT, touched.intact) is None

    def test_a_report_is_of_the_network_as_it_is_now(self, dashboard, monkeypatch):
        told = {}

        def looked(network, seed, series, tell):
            told.update(network=network, seed=seed, series=series)
            return "found"

        monkeypatch.setattr("hmmrnn.findings.findings", looked)
        monkeypatch.setattr("hmmrnn.report.report", lambda found, name: f"{found}: {name}")
        touched = Scenario(MODEL, seed=7, interventions=(Intervention((3, 1), 0.5, "recurrent"),))
        page = questions.answer(ids.REPORT, questions.subject_of(ids.REPORT, touched), lambda share: None)
        assert page == f"found: {MODEL}; recurrent gain 0.5 of neurons 3, 1"
        np.testing.assert_array_equal(told["network"].W_hh, queries.network_of(touched).W_hh)
        assert (told["seed"], told["series"]) == (7, [])

    def test_the_answers_are_those_of_the_experiments(self, touched, dashboard):
        """The network as it is now, its plane, sigma and seed; the populations of the intact one."""
        now, plane = queries.network_of(touched), queries.plane_of(MODEL)
        sweeps = questions.answer(ids.GAIN_SWEEP, touched.motion, lambda share: None)
        kick, roles = queries.kick_of(MODEL), queries.populations_of(MODEL)
        alone = gain_sweep(now, kick.members(1), "recurrent", plane, sigma=touched.sigma, seed=touched.seed)
        np.testing.assert_array_equal(sweeps["kick neurons of output 1"].leave_rate, alone.leave_rate)
        expected = {f"kick neurons of output {o}": (kick.members(o), "recurrent") for o in range(3)}
        expected |= {
            f"integrating population of output {o}": (roles.members(INTEGRATING, o), "input")
            for o in range(3)
            if roles.members(INTEGRATING, o)
        }
        expected["control population"] = roles.members("control"), "unit"
        assert {name: (tuple(one.neurons), one.target) for name, one in sweeps.items()} == expected


class TestLink:
    def test_the_contract_link_opens_exactly_that_scenario(self, dashboard):
        answer = opened("?model=linear-2&ablate=13,22&sigma=1.0&seed=0")
        assert answer["message"] == ""
        assert (
            answer["scenario"]
            == Scenario("linear-2", interventions=(Intervention((13,)), Intervention((22,)))).to_dict()
        )
        assert answer["defaults"] == Scenario("linear-2").to_dict()

    def test_kick_neurons_come_along_once_they_are_known_and_are_not_searched_for(self, dashboard, monkeypatch):
        monkeypatch.setattr(queries, "kick_known_of", lambda model: None)
        monkeypatch.setattr(queries, "kick_of", None)
        assert opened("?")["kick"] is None

    def test_what_is_known_of_the_kick_neurons_is_what_the_search_answers(self, dashboard):
        found = kick_store("linear-2")
        assert opened("?ablate=3")["kick"] == found
        assert found["groups"]
        assert opened("?model=nowhere")["kick"] == found, "of the network that is opened instead"

    def test_an_address_without_a_link_opens_the_default(self, dashboard):
        for query in ("?", ""):
            assert opened(query)["scenario"] == Scenario("linear-2").to_dict()

    def test_without_the_default_network_the_first_is_opened(self, dashboard, tmp_path, monkeypatch):
        monkeypatch.setenv("HMMRNN_MODELS", str(tmp_path))
        for name in ("zeta", "beta"):
            save(random_network(), tmp_path / f"{name}.safetensors")
        assert opened("?")["scenario"]["model"] == "beta"

    @pytest.mark.parametrize(
        ("query", "reason"),
        [
            ("?model=nowhere", "there is no network 'nowhere'"),
            ("?model=../linear-2", "model must be the name of a network"),
            ("?ablate=51", "neuron 51 does not exist: this network has 51, numbered 0 to 50"),
            ("?gain=3,400:0.5:unit", "neuron 400 does not exist"),
            ("?colour=neuron&neuron=51", "neuron 51 does not exist"),
            ("?sigma=99", "sigma must be from 0 to 5.0; got 99"),
            ("?utm_source=mail", "unknown link parameter 'utm_source'"),
        ],
    )
    def test_a_bad_link_opens_the_default_and_says_why(self, dashboard, query, reason):
        answer = opened(query)
        assert answer["message"].startswith("This link could not be opened: ")
        assert reason in answer["message"]
        assert answer["scenario"] == answer["defaults"] == Scenario("linear-2").to_dict()

    def test_an_empty_shelf_says_what_to_do(self, empty_world):
        answer = opened("?")
        assert answer["scenario"] is None
        assert answer["message"] == ("No network could be read from the folder models: train one, or put a file there.")

    def test_a_file_that_no_link_can_name_does_not_close_the_page(self, empty_world):
        save(random_network(), empty_world.models / "my net.safetensors")
        answer = opened("?")
        assert answer["message"] or answer["scenario"]

    def test_the_answer_can_be_sent(self, dashboard):
        answer = opened("?ablate=3&gain=4,5:0.5:input")
        assert json.loads(json.dumps(answer)) == answer


class TestBadge:
    def test_it_is_the_verdict_in_the_provenance(self, dashboard, tmp_path, monkeypatch):
        assert badge("linear-2") == ("fails fidelity gate", "orange")
        assert badge("anonymous") == ("fidelity not measured", "gray")
        monkeypatch.setenv("HMMRNN_MODELS", str(tmp_path))
        save(replace(random_network(), metadata={"fidelity_passes": "true"}), tmp_path / "good.safetensors")
        assert badge("good") == ("passes fidelity gate", "teal")


class TestKick:
    def test_the_store_holds_the_groups_the_populations_and_the_rest(self, dashboard, kick):
        found, roles = queries.kick_of(MODEL), queries.populations_of(MODEL)
        assert kick["model"] == MODEL
        for stored, group in zip(kick["groups"], found.groups, strict=True):
            assert stored["output"] == group.output
            assert tuple(stored["neurons"]) == group.neurons
            assert stored["ratio"] == group.leave_rate_ratio
            assert stored["proven"] is group.proven is True
            assert (stored["to"], stored["controls"]) == (group.to, len(group.control_ratios))
            assert stored["percentile"] == group.percentile
            assert stored["control_median"] == np.median(group.control_ratios)
        in_groups = {i for group in kick["groups"] for i in group["neurons"]}
        assert sorted([*in_groups, *kick["others"]]) == list(range(51))
        for item in kick["integrating"]:
            assert tuple(item["neurons"]) == roles.members(INTEGRATING, item["output"])

    def test_the_buttons_silence_what_was_found_and_show_the_evidence(self, kick):
        buttons = group_buttons(kick, MODEL)
        by_index = {part.id["index"]: part for part in parts(buttons) if isinstance(getattr(part, "id", None), dict)}
        # Each output of the ring is left for one other.
        assert {"kick-0-1", "kick-1-2", "kick-2-0", "control"} <= set(by_index)
        assert "kick group 1 → 2" in text(by_index["kick-1-2"]).lower()
        assert "random control (3" in text(by_index["control"]).lower()
        for group in kick["groups"]:
            shown = words(group_buttons({**kick, "groups": [group]}, MODEL))
            assert f"goes to {group['to']} {group['ratio']:.2f} times as often" in shown
            assert f"{group['controls']} random: {group['control_median']:.2f}" in shown
            assert f"({group['percentile']:.0f} % as low)" in shown
            assert "not proven" not in shown

    def found(self, **change) -> dict:
        """What the page holds of a network with one group, which is not proven."""
        known = {
            "output": 1, "to": None, "key": "1", "name": "kick group of output 1", "neurons": [4, 5], "ratio": 0.5,
            "control_median": 0.9, "controls": 100, "percentile": 12.0, "proven": False, "closed_by": None,
        }  # fmt: skip
        return {"model": MODEL, "groups": [{**known, **change}], "integrating": [], "others": [0, 1], "reason": ""}

    def test_what_is_not_proven_says_so(self):
        assert "left 0.50 times as often; 100 random: 0.90 (12 % as low); not proven" in words(
            group_buttons(self.found(), MODEL)
        )
        assert "nothing else tried closes it" in words(group_buttons(self.found(), MODEL))
        tried = self.found(closed_by="noise of those that pass it on silenced, 0.04 times")
        assert (
            words(group_buttons(tried, MODEL)).count("not proven; closed instead by noise of those that pass it") == 1
        )
        # This one is low enough, but random groups get as low too often.
        uncommon = words(group_buttons(self.found(ratio=0.1, control_median=0.1), MODEL))
        assert "not proven" in uncommon
        assert "above 0.15" not in uncommon
        assert "compared with random groups" in words(group_buttons(self.found(control_median=None, controls=0), MODEL))

    def test_the_control_is_as_large_as_the_largest_group(self, kick):
        sizes = [{**kick["groups"][0], "neurons": list(range(n))} for n in (1, 2)]
        assert "random control (2" in text(group_buttons({**kick, "groups": sizes}, MODEL)).lower()

    def test_a_sentence_stands_there_while_groups_are_sought_and_when_there_are_none(self, kick):
        for sought in (group_buttons(None, MODEL), group_buttons(kick, "anonymous")):
            assert "Searching for kick neurons" in text(sought)
            assert not [part for part in parts(sought) if isinstance(getattr(part, "id", None), dict)]
        none = text(group_buttons(self.found(neurons=[]), MODEL))
        assert "No kick neurons found" in none
        assert "random control (3" in none.lower()

    def test_a_search_that_failed_does_not_go_on_for_ever(self, dashboard):
        # The network diverges, so there is nothing to search; the page learns that instead of waiting for an answer.
        store = json.loads(json.dumps(kick_store("growing")))
        assert store["model"] == "growing"
        words = text(group_buttons(store, "growing"))
        assert "Searching" not in words
        assert "diverge" in words


class TestTable:
    def test_a_row_for_each_neuron_with_its_own_values(self, dashboard, intact, kick):
        columns, rows = neuron_rows(MODEL, kick, intact.to_dict())
        network, found, roles = dashboard.switch.network, queries.kick_of(MODEL), queries.populations_of(MODEL)
        assert [row["neuron"] for row in rows] == roles.order.tolist()
        for row in rows:
            i = row["neuron"]
            assert row["silenced"] is False
            assert row["recurrent"] == pytest.approx(np.sqrt((network.W_hh[i] ** 2).sum()), abs=1e-4)
            assert row["input"] == pytest.approx(np.sqrt((network.W_ih[i] ** 2).sum()), abs=1e-4)
            assert row["out2"] == pytest.approx(network.W_out[2, i], abs=1e-4)
            group = next(group for group in found.groups if (group.output, group.to) == (1, 2))
            assert row["score1-2"] == pytest.approx(group.scores[i], abs=1e-4)
            alone = group.single_ratios[i]
            assert row["alone1-2"] == (pytest.approx(alone, abs=1e-4) if np.isfinite(alone) else None)
            assert row["transition0"] == pytest.approx(found.transition[0, i], abs=1e-4)
            assert row["role"].startswith("kick" if roles.role[i] == KICK else str(roles.role[i]))
        fields = {column["field"] for column in columns if not column.get("hide")}
        assert all(fields <= set(row) for row in rows)
        assert len({column["headerName"] for column in columns}) == len(columns)

    def test_while_roles_are_sought_the_table_can_be_used(self, dashboard, intact, kick):
        for unknown in (None, {**kick, "model": "anonymous"}):
            columns, rows = neuron_rows(MODEL, unknown, intact.to_dict())
            assert [row["neuron"] for row in rows] == list(range(51))
            assert {row["role"] for row in rows} == {"…"}
            assert not [column for column in columns if column["field"].startswith("score")]

    def test_ticked_are_the_neurons_that_are_silent_for_good(self, intact, kick):
        items = (
            Intervention((3, 4)),
            Intervention((5,), 0.5),
            Intervention((6,), 0.0, "recurrent"),
            Intervention((7,)),
        )
        _, rows = neuron_rows(MODEL, kick, replace(intact, interventions=items).to_dict())
        assert {row["neuron"] for row in rows if row["silenced"]} == {3, 4, 7}

    def test_another_networks_interventions_tick_nothing(self, touched):
        # While a network is being opened, the page still holds the scenario of the one before.
        _, rows = neuron_rows("anonymous", None, touched.to_dict())
        assert not [row for row in rows if row["silenced"]]

    def test_the_table_can_be_sent(self, dashboard, kick):
        answer = neuron_rows(MODEL, kick, None)
        assert json.loads(json.dumps(answer)) == [*map(list, answer)]


class TestConnectivity:
    def test_nothing_is_drawn_before_a_network_is_open(self):
        assert connectivity_view(None, None, "light", None) == (no_update,) * 3

    def test_it_shows_the_weights_in_the_order_of_the_roles(self, dashboard, kick):
        figure, caption, answered = connectivity_view(MODEL, kick, "light", None)
        order = queries.populations_of(MODEL).order
        np.testing.assert_array_equal(
            figure.data[0].z, dashboard.switch.network.W_hh[np.ix_(order, order)].astype("f4")
        )
        assert caption == "51 neurons by role; 7 strongest of 7 inputs"
        assert answered == MODEL

    def test_while_roles_are_sought_it_says_so(self, dashboard):
        figure, caption, _ = connectivity_view(MODEL, None, "light", None)
        assert figure.layout.meta["order"] == list(range(51))
        assert caption.startswith("51 neurons by index, roles being sought")

    def test_marks_are_the_same_whoever_draws_them(self, touched, kick):
        for known in (kick, None):
            figure = connectivity_view(MODEL, known, "light", touched.to_dict())[0]
            patch = connectivity_marks(touched.to_dict(), MODEL, known, "light").to_plotly_json()
            (operation,) = patch["operations"]
            assert operation["location"] == ["layout", "shapes"]
            drawn = figure.to_plotly_json()["layout"]["shapes"]
            assert json.loads(json.dumps(operation["params"]["value"], default=float)) == json.loads(
                json.dumps(drawn, default=float)
            )
            plain = connectivity_view(MODEL, known, "light", None)[0].layout.shapes
            assert len(drawn) > len(plain)

    def test_marks_wait_for_the_weights_of_this_network(self, touched, kick):
        assert connectivity_marks(touched.to_dict(), None, kick, "light") is no_update
        assert connectivity_marks(touched.to_dict(), "anonymous", kick, "light") is no_update
        assert connectivity_marks(None, MODEL, kick, "light") is no_update

    def test_another_networks_interventions_mark_nothing(self, touched):
        assert not connectivity_view("anonymous", None, "light", touched.to_dict())[0].layout.shapes


class TestInterventions:
    def test_an_intact_network_says_how_to_begin(self, intact, kick):
        for nothing in (intact.to_dict(), None):
            assert text(intervention_list(nothing, kick)).startswith("None: the network is intact.")

    def test_each_has_its_name_its_target_its_mu_and_a_way_to_remove_it(self, intact):
        items = (
            Intervention((9,), 0.5, "recurrent"),
            Intervention((4, 5, 6, 7, 8, 9)),
            Intervention((1, 2), 2.0, "input"),
        )
        entries = intervention_list(replace(intact, interventions=items).to_dict(), None)
        assert len(entries) == 3
        titles = [
            next(text(p) for p in parts(e) if getattr(p, "className", "") == "intervention-name") for e in entries
        ]
        assert titles == ["Neuron 9", "Neurons: 4, 5, 6, 7 and 2 more", "Neurons: 1, 2"]
        for index, (entry, item) in enumerate(zip(entries, items, strict=True)):
            by_type = {part.id["type"]: part for part in parts(entry) if isinstance(getattr(part, "id", None), dict)}
            assert {part.id["index"] for part in by_type.values()} == {index}
            assert by_type[ids.MU].value == item.mu
            assert by_type[ids.TARGET].value == item.target
            assert ids.REMOVE in by_type

    def test_a_known_group_is_called_by_its_name_in_any_order(self, intact, kick):
        group = tuple(reversed(kick["groups"][2]["neurons"]))
        scenario = replace(intact, interventions=(Intervention(group),))
        assert text(intervention_list(scenario.to_dict(), kick)).startswith("Kick group 2 → 0: ")
        # Of another network, the same numbers are just neurons.
        assert text(intervention_list(scenario.to_dict(), {**kick, "model": "anonymous"})).startswith("Neurons: ")
