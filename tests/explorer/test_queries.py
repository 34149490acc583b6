"""The questions of a page: answered as the engine would, under one noise, in one plane, and not twice."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis import orbit
from hmmrnn.analysis.decoding import decode_states, viterbi
from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.analysis.matched_distance import match_sequences
from hmmrnn.analysis.populations import KICK, find_populations
from hmmrnn.analysis.readout import readout_angles
from hmmrnn.analysis.regions import residency
from hmmrnn.analysis.state_survey import spectrum_along_orbit
from hmmrnn.explorer import cost, queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Intervention, intervene
from hmmrnn.model.simulation import simulate
from hmmrnn.server.services import resolve
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

B, T, SEED = 6, 150, 11


def plain(**change) -> Explored:
    """A new scenario of the planted network."""
    return resolve(Scenario(**{"model": "linear-2", **change}))


@pytest.fixture
def intact(dashboard) -> Scenario:
    return Scenario("linear-2", seed=SEED, steps=T, trajectories=B)


@pytest.fixture
def network(dashboard):
    return dashboard.switch.network


@pytest.fixture
def trapped(dashboard, intact) -> Scenario:
    """The kick neurons out of output 0 silenced."""
    return replace(intact, interventions=(Intervention(dashboard.switch.kick_of(0)),))


class TestMotion:
    @pytest.mark.parametrize("given", [{"seed": SEED}, {"sigma": 0.4, "seed": 3}])
    def test_it_is_the_simulation_of_the_scenario(self, intact, network, given):
        run = simulate(network, T, B, **given)
        seen = queries.summary_of(resolve(replace(intact, **given)))
        np.testing.assert_array_equal(seen.output, run.output)
        np.testing.assert_allclose(seen.points, queries.plane_of(plain()).project(run.h), atol=1e-4)

    def test_an_intervened_run_has_the_plane_and_the_noise_of_the_intact_one(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, B, seed=SEED)
        seen = queries.summary_of(resolve(trapped))
        np.testing.assert_allclose(seen.points, queries.plane_of(plain()).project(run.h), atol=1e-4)
        intact = simulate(network, T, B, seed=SEED)
        # Neither network has reached a kick neuron at the first step, where only noise and biases act.
        others = [i for i in range(network.n_neurons) if i not in trapped.interventions[0].neurons]
        np.testing.assert_array_equal(run.pre_activation[:, 0, others], intact.pre_activation[:, 0, others])

    def test_the_target_is_that_of_the_provenance(self, intact):
        assert np.isfinite(queries.summary_of(resolve(intact)).transition_error)
        for model in ("anonymous", "mislabelled"):
            assert np.isnan(queries.summary_of(resolve(replace(intact, model=model))).transition_error)


class TestDivergence:
    def test_the_runs_before_it_are_those_of_the_intact_network(self, blown, intact):
        # The neuron drives nobody, so all that differs is where the runs end.
        seen, before = queries.summary_of(resolve(blown)), queries.summary_of(resolve(intact))
        for b, end in enumerate(seen.diverged_at):
            np.testing.assert_array_equal(seen.output[b, :end], before.output[b, :end])

    def test_the_landscape_is_of_the_states_before_it(self, blown):
        seen, found = queries.summary_of(resolve(blown)), queries.survey_of(resolve(blown))
        assert found.available == seen.diverged_at.sum()
        assert (found.at[:, 1] < seen.diverged_at[found.at[:, 0]]).all()

    def test_its_pre_activation_ends_there_too(self, blown, dashboard):
        ends = queries.summary_of(resolve(blown)).diverged_at
        values = queries.pre_activation_of(resolve(blown), (dashboard.fuse,))[..., 0]
        np.testing.assert_array_equal(np.isfinite(values).sum(axis=1), ends)

    def test_values_beyond_single_precision_are_left_out_without_a_warning(self, dashboard):
        # Warnings are errors here. A network that doubles in each step passes 1e38 after some hundred.
        growing = resolve(Scenario("growing", steps=400, trajectories=3))
        values = queries.pre_activation_of(growing, (0, 3))
        ends = queries.summary_of(growing).diverged_at
        np.testing.assert_array_equal(np.isfinite(values).sum(axis=1), np.stack([ends, ends], axis=1))


class TestPair:
    """The plane of two outputs, on the planted ring 0, 1, 2, 0: no long stretch is of two of them only."""

    @pytest.fixture
    def short(self, stretches_longer_than, intact) -> Scenario:
        """Stretches of more than 12 steps count, of which there are some."""
        stretches_longer_than(12)
        return replace(intact, pair=(0, 1), seed=12)

    def test_every_view_is_of_its_states_in_its_plane(self, short, network):
        run, plane = simulate(network, T, B, seed=12), queries.plane_of(plain(pair=(0, 1)))
        drawn = np.isin(run.output, (0, 1))
        seen = queries.summary_of(resolve(short))
        np.testing.assert_array_equal(np.isfinite(seen.points[..., 0]), drawn)
        np.testing.assert_allclose(seen.points[drawn], plane.project(run.h[drawn]), atol=1e-4)
        found = queries.survey_of(resolve(short))
        assert found.available == drawn.sum()
        np.testing.assert_allclose(found.points, plane.project(run.h[tuple(found.at.T)]), atol=1e-9)
        whole = queries.fixed_points_of(plain())
        assert queries.fixed_points_of(plain(pair=(0, 1))).shape == whole.shape
        assert not np.allclose(queries.fixed_points_of(plain(pair=(0, 1))), whole)
        assert queries.orbit_spectrum_of(resolve(short)).counts.sum() <= queries.SPECTRA_ALONG_ORBIT

    def test_what_has_nothing_to_do_with_the_plane_is_not_asked_anew(self, short, monkeypatch):
        judged, values = queries.fidelity_of(resolve(short)), queries.pre_activation_of(resolve(short), (3,))
        monkeypatch.setattr(queries, "measure_fidelity", None)
        monkeypatch.setattr(queries, "respond", None)
        whole = resolve(replace(short, pair=None))
        np.testing.assert_array_equal(queries.fidelity_of(whole).transitions, judged.transitions)
        np.testing.assert_array_equal(queries.pre_activation_of(whole, (3,)), values)

    def test_an_output_that_does_not_exist_is_refused(self, dashboard):
        with pytest.raises(ValueError, match="output 3 does not exist: this network has 3, numbered 0 to 2"):
            queries.plane_of(plain(pair=(0, 3)))

    def test_three_dimensions_need_three_neurons(self, empty_world):
        save(random_network(n=2, m=2), empty_world.models / "small.safetensors")
        assert len(queries.plane_of(plain(model="small")).components) == 2
        with pytest.raises(ValueError, match="has 2 dimensions, which is the number of its neurons; 3-D needs 3"):
            queries.plane_of(plain(model="small", dimensions=3))


class TestAlongTheOrbit:
    def test_means_of_populations_are_those_of_the_first_run(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, 1, seed=SEED)
        roles, kick = queries.populations_of(plain()), queries.kick_neurons_of(plain())
        means = queries.population_means_of(resolve(trapped))
        assert {output for role, output in means if role == KICK} == {0, 1, 2}
        for (role, output), mean in means.items():
            members = kick.members(output) if role == KICK else roles.members(role, output)
            expected = run.pre_activation[0][:, list(members)].mean(axis=1)
            np.testing.assert_allclose(mean, expected, atol=1e-5)

    def test_after_a_divergence_there_is_no_mean(self, blown):
        end = queries.summary_of(resolve(blown)).diverged_at[0]
        for mean in queries.population_means_of(resolve(blown)).values():
            assert np.isfinite(mean).sum() == end

    def test_spectra_are_counted_at_states_of_the_landscape(self, intact, network):
        found, run = queries.survey_of(resolve(intact)), simulate(network, T, B, seed=SEED)
        along = queries.orbit_spectrum_of(resolve(intact))
        some = found.at[:: -(-len(found.at) // queries.SPECTRA_ALONG_ORBIT)]
        alone = spectrum_along_orbit(network, queries.plane_of(plain()), run.h[tuple(some.T)])
        np.testing.assert_array_equal(along.counts, alone.counts)
        np.testing.assert_array_equal(along.unstable, alone.unstable)

    def test_the_readout_is_that_of_the_network_in_the_plane(self, trapped, network):
        angles = readout_angles(network, queries.plane_of(plain()))
        np.testing.assert_array_equal(queries.readout_angles_of(resolve(trapped)).angle, angles.angle)


class TestPreActivation:
    def test_it_is_that_of_the_simulation(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, B, seed=SEED)
        neurons = (5, 0, 30)
        values = queries.pre_activation_of(resolve(trapped), neurons)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, run.pre_activation[..., list(neurons)].astype(np.float32))

    def test_a_neuron_beyond_the_network_is_refused(self, intact):
        with pytest.raises(ValueError, match="neuron 51 does not exist: this network has 51, numbered 0 to 50"):
            queries.pre_activation_of(resolve(intact), (51,))


class TestLandscape:
    def test_its_states_are_points_of_the_motion(self, trapped):
        seen, found = queries.summary_of(resolve(trapped)), queries.survey_of(resolve(trapped))
        assert found.available == B * T
        np.testing.assert_allclose(found.points, seen.points[tuple(found.at.T)], atol=1e-4)
        np.testing.assert_array_equal(found.residency.output, seen.output[tuple(found.at.T)])

    def test_its_regions_are_those_of_the_network_as_it_is_now(self, trapped, network):
        now = intervene(network, trapped.interventions)
        run = simulate(now, T, B, seed=SEED)
        found = queries.survey_of(resolve(trapped))
        alone = residency(now, run.h[tuple(found.at.T)], seed=SEED)
        np.testing.assert_array_equal(found.residency.time, alone.time)

    def test_looks_ask_no_new_question(self, trapped, monkeypatch):
        found = queries.survey_of(resolve(trapped))
        monkeypatch.setattr(queries, "survey_states", None)
        again = queries.survey_of(resolve(replace(trapped, colour="speed", neuron=3)))
        np.testing.assert_array_equal(again.at, found.at)


class TestRest:
    def test_the_fixed_points_are_those_that_activity_ends_in(self, network, dashboard):
        points = queries.fixed_points_of(plain())
        # Each hold population keeps itself up: without noise the output that is on stays on. Between every two of them,
        # and between all three, lies a saddle, in which no run ends.
        assert points.shape == (7, 3)
        points = points[:3]
        visited = simulate(network, orbit.PLANE_STEPS, queries.REST_RUNS, seed=0).h[:, -1]
        ends = simulate(network, 3000, len(visited), sigma=0.0, h0=visited).h[:, -1]
        expected = queries.plane_of(plain()).project(ends)
        distance = np.linalg.norm(expected[:, None] - points, axis=-1)
        assert distance.min(axis=1).max() < 1e-3
        assert distance.min(axis=0).max() < 1e-3

    def test_a_network_that_never_rests_has_one_that_repels(self, dashboard):
        growing = plain(model="growing")
        points = queries.fixed_points_of(growing)
        np.testing.assert_allclose(points, queries.plane_of(growing).project(np.zeros((1, growing.network.n_neurons))))

    def test_runs_without_noise_start_on_the_orbit_and_obey_the_network(self, intact, network):
        paths = queries.without_noise_of(resolve(intact))
        plane, run = queries.plane_of(plain()), simulate(network, T, B, seed=SEED)
        assert paths.shape == (queries.STARTS_PER_RUN * B, queries.WITHOUT_NOISE_STEPS + 1, 3)
        starts = run.h[:, :: T // queries.STARTS_PER_RUN].reshape(-1, network.n_neurons)
        np.testing.assert_allclose(paths[:, 0], plane.project(starts), atol=1e-9)
        decay = simulate(network, queries.WITHOUT_NOISE_STEPS, len(starts), sigma=0.0, h0=starts)
        np.testing.assert_allclose(paths[:, 1:], plane.project(decay.h), atol=1e-9)

    def test_there_are_at_most_so_many_of_them(self, intact):
        paths = queries.without_noise_of(resolve(replace(intact, trajectories=20, steps=60)))
        assert len(paths) == queries.MAX_STARTS


class TestKick:
    def test_the_roles_are_those_beside_its_groups(self, dashboard, network):
        found, roles = queries.kick_neurons_of(plain()), queries.populations_of(plain())
        assert found.seed == 0
        np.testing.assert_array_equal(roles.role, find_populations(network, found).role)

    def test_the_planted_groups_are_found_on_the_shelf_as_well(self, dashboard):
        for group in queries.kick_neurons_of(plain()).groups:
            assert set(group.neurons) == set(dashboard.switch.kick_of(group.output))
            assert group.proven


class TestFidelity:
    def test_it_is_that_of_the_network_as_it_is_now(self, trapped, network):
        judged = queries.fidelity_of(resolve(trapped))
        now = intervene(network, trapped.interventions)
        runs, steps = queries.FIDELITY_RUNS, queries.FIDELITY_STEPS
        alone = measure_fidelity(now, HMM.preset("fully-connected"), SEED, runs, steps, 1.0)
        np.testing.assert_array_equal(judged.transitions, alone.transitions)
        assert (judged.seed, judged.trajectories, judged.steps) == (SEED, runs, steps)

    def test_its_sequences_are_matched_under_the_same_noise_and_with_the_same_sequences(self, intact, trapped, network):
        batches, size, steps = queries.MATCHED_BATCHES, queries.MATCHED_SIZE, queries.MATCHED_STEPS
        now = intervene(network, trapped.interventions)
        alone = match_sequences(now, HMM.preset("fully-connected"), SEED, batches, size, steps, 1.0)
        matched = queries.matched_distances_of(resolve(trapped))
        np.testing.assert_array_equal(matched.distances, alone.distances)
        np.testing.assert_array_equal(queries.matched_distances_of(resolve(intact)).floors, matched.floors)
        assert (len(matched.floors), matched.size, matched.length, matched.seed) == (batches, size, steps, SEED)

    def test_the_runs_shown_are_decoded_beside_the_regions_of_the_map(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, B, seed=SEED)
        found = queries.survey_of(resolve(trapped))
        decoded = queries.decoding_of(resolve(trapped))
        hmm = HMM.preset("fully-connected")
        np.testing.assert_array_equal(decoded.states, viterbi(hmm, run.emission))
        alone = decode_states(hmm, run, found.at, found.residency.region)
        np.testing.assert_array_equal(decoded.region_counts, alone.region_counts)
        assert decoded.region_counts.sum() == len(found.at)

    def test_each_output_is_explained_by_the_state_that_emits_it(self, intact):
        # The planted switch has one output for each state of its HMM.
        assert (queries.decoding_of(resolve(intact)).output_counts.argmax(axis=1) == [0, 1, 2]).all()

    def test_after_a_divergence_nothing_is_decoded(self, blown):
        ends = queries.summary_of(resolve(blown)).diverged_at
        np.testing.assert_array_equal((queries.decoding_of(resolve(blown)).states >= 0).sum(axis=1), ends)

    @pytest.mark.parametrize("model", ["anonymous", "mislabelled"])
    @pytest.mark.parametrize("query", ["fidelity_of", "matched_distances_of", "decoding_of"])
    def test_without_a_target_there_is_no_verdict(self, intact, model, query):
        assert getattr(queries, query)(resolve(replace(intact, model=model))) is None


class TestContent:
    def test_a_file_that_changes_under_its_name_is_never_answered_from_the_old_one(self, empty_world):
        path, scenario = empty_world.models / "net.safetensors", Scenario("net", steps=60, trajectories=2)
        save(random_network(seed=1), path)
        before = queries.summary_of(resolve(scenario))
        save(random_network(seed=2), path)
        after = queries.summary_of(resolve(scenario))
        np.testing.assert_array_equal(after.output, simulate(random_network(seed=2), 60, 2).output)
        assert not np.array_equal(before.output, after.output)

    def test_two_names_for_one_content_are_answered_alike(self, empty_world):
        for name in ("one", "two"):
            save(random_network(seed=1), empty_world.models / f"{name}.safetensors")
        motions = [queries.summary_of(resolve(Scenario(name, steps=60, trajectories=2))) for name in ("one", "two")]
        np.testing.assert_array_equal(motions[0].points, motions[1].points)


class TestLarge:
    """Pictures of large networks are in single precision, and of the first runs first; what is counted is in double."""

    @pytest.fixture
    def large(self, empty_world, monkeypatch) -> Scenario:
        monkeypatch.setattr(cost, "MAX_DOUBLE", 20)
        monkeypatch.setattr(cost, "QUICK_PRODUCTS", 1000)
        save(random_network(24, 6, 3, bias=True), empty_world.models / "large.safetensors")
        return Scenario("large", seed=SEED, steps=T, trajectories=B)

    @pytest.mark.parametrize(
        "items", [(), (Intervention((3, 5)),), (Intervention((3,), 0.5, "input"), Intervention((4,), 2.0))]
    )
    def test_the_picture_has_the_outputs_of_the_run_in_double(self, large, items):
        explored = resolve(replace(large, interventions=items))
        run, seen = queries.run_of(explored), queries.summary_of(explored)
        assert queries.pictured_run_of(explored).h.dtype == np.float32
        assert run.h.dtype == np.float64
        np.testing.assert_array_equal(seen.output, run.output)
        np.testing.assert_allclose(seen.points, queries.plane_of(explored).project(run.h), atol=1e-4)
        np.testing.assert_allclose(seen.probabilities, run.probabilities, atol=1e-5)
        values = queries.pre_activation_of(explored, (1, 4))
        np.testing.assert_allclose(values, run.pre_activation[..., [1, 4]], atol=1e-4)

    def test_the_first_runs_are_those_of_all(self, large):
        explored = resolve(large)
        first, whole = queries.pictured(explored, few=True), queries.pictured(explored)
        assert (first.runs_in_words, whole.runs_in_words) == (f"3 of {B} runs", f"{B} runs")
        assert (first.is_first, whole.is_first) == (True, False)
        shown = queries.summary_of(first).points
        # Some machines round products of few rows otherwise than those of many.
        np.testing.assert_allclose(shown, queries.summary_of(whole).points[: queries.FIRST_RUNS], atol=1e-4)
        assert queries.pictured(explored, few=True) is explored, "all are known now"

    def test_what_cannot_be_computed_in_time_is_left_out_and_said(self, large, monkeypatch):
        explored = resolve(large)
        monkeypatch.setattr(cost, "MAX_PRODUCTS", 4 * T * explored.network.products_per_step)
        shown = queries.pictured(explored)
        assert (shown.runs_in_words, shown.is_first) == (f"4 of {B} runs", False)
        assert shown.asked == explored.scenario
        assert len(queries.summary_of(shown).points) == 4
        with pytest.raises(ValueError, match="choose fewer trajectories or a shorter window"):
            queries.run_of(explored)

    def test_a_network_too_large_for_a_search_shows_where_its_runs_end(self, large, monkeypatch):
        expected = queries.fixed_points_of(resolve(replace(large, model="large")))
        monkeypatch.setattr(queries, "MAX_WAITED_FOR", 20)
        ends = queries._large_rest(resolve(large).network)
        points = queries.plane_of(resolve(large)).project(ends)
        assert len(points)
        distance = np.linalg.norm(points[:, None] - expected, axis=-1)
        assert distance.min(axis=1).max() < 1e-6
