"""The questions of a page: answered as the engine would, under one noise, in one plane, and not twice."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.checkpoint import save
from hmmrnn.dashboard import queries
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.decoding import decoding, viterbi
from hmmrnn.experiments.orbit_spectrum import orbit_spectrum
from hmmrnn.experiments.readout import readout_angles
from hmmrnn.fidelity import fidelity
from hmmrnn.hmm import HMM
from hmmrnn.matching import matching
from hmmrnn.motion import Motion
from hmmrnn.network import Intervention, intervene
from hmmrnn.populations import KICK, populations
from hmmrnn.regions import residency
from hmmrnn.simulation import simulate
from hmmrnn.statespace import fit_plane, longest_stretch, pair_stretches
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

B, T, SEED = 6, 150, 11


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


@pytest.fixture
def blown(dashboard, intact) -> Scenario:
    """The self-excitation of one neuron doubled, so that it grows without end."""
    return replace(intact, interventions=(Intervention((dashboard.fuse,), mu=2.0),))


def same(one: Motion, other: Motion) -> bool:
    def leaves(item):
        if hasattr(item, "__dataclass_fields__"):
            return [leaf for name in item.__dataclass_fields__ for leaf in leaves(getattr(item, name))]
        return [np.asarray(item)]

    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(leaves(one), leaves(other), strict=True)
    )


class TestMotion:
    def test_it_is_the_simulation_of_the_scenario(self, intact, network):
        run = simulate(network, T, B, seed=SEED)
        seen = queries.motion_of(intact)
        np.testing.assert_array_equal(seen.output, run.output)
        np.testing.assert_allclose(seen.points, queries.plane_of("linear-2").project(run.h), atol=1e-4)

    def test_sigma_and_seed_are_those_of_the_scenario(self, intact, network):
        run = simulate(network, T, B, sigma=0.4, seed=3)
        seen = queries.motion_of(replace(intact, sigma=0.4, seed=3))
        np.testing.assert_array_equal(seen.output, run.output)

    def test_an_intervened_run_has_the_plane_and_the_noise_of_the_intact_one(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, B, seed=SEED)
        seen = queries.motion_of(trapped)
        np.testing.assert_allclose(seen.points, queries.plane_of("linear-2").project(run.h), atol=1e-4)
        intact = simulate(network, T, B, seed=SEED)
        # Neither network has reached a kick neuron at the first step, where only noise and biases act.
        others = [i for i in range(network.n_neurons) if i not in trapped.interventions[0].neurons]
        np.testing.assert_array_equal(run.pre_activation[:, 0, others], intact.pre_activation[:, 0, others])

    def test_silencing_the_planted_group_is_seen_in_the_numbers(self, intact, trapped):
        before, now = queries.motion_of(intact).switching, queries.motion_of(trapped).switching
        assert now.leave_rate[0] < 0.15 * before.leave_rate[0]
        assert now.time_share[0] > before.time_share[0]

    @pytest.mark.parametrize("target", ["unit", "recurrent", "input"])
    def test_mu_of_one_is_intact_bit_for_bit(self, intact, target):
        touched = replace(intact, interventions=(Intervention((0, 3, 4), 1.0, target), Intervention((7,), 1.0)))
        assert same(queries.motion_of(touched), queries.motion_of(intact))

    def test_the_target_is_that_of_the_provenance(self, intact):
        assert np.isfinite(queries.motion_of(intact).transition_error)
        assert np.isnan(queries.motion_of(replace(intact, model="anonymous")).transition_error)

    def test_a_network_whose_provenance_names_a_family_of_another_size_is_shown_without_a_target(self, intact):
        seen = queries.motion_of(replace(intact, model="mislabelled"))
        assert np.isfinite(seen.points).all()
        assert np.isnan(seen.transition_error)

    def test_without_noise_an_unbiased_network_rests(self, empty_world):
        save(random_network(), empty_world.models / "net.safetensors")
        seen = queries.motion_of(Scenario("net", sigma=0.0, steps=60, trajectories=2))
        np.testing.assert_array_equal(seen.speed, 0)
        assert seen.switching.switches_per_1000 == 0


class TestDivergence:
    def test_it_is_shown_up_to_the_step_where_it_happens(self, blown, network, dashboard):
        run = simulate(intervene(network, blown.interventions), T, B, seed=SEED)
        seen = queries.motion_of(blown)
        assert (run.diverged_at > 0).all()
        np.testing.assert_array_equal(seen.diverged_at, run.diverged_at)
        np.testing.assert_array_equal(np.isfinite(seen.points[..., 0]).sum(axis=1), run.diverged_at)
        assert seen.largest_neuron == dashboard.fuse

    def test_the_runs_before_it_are_those_of_the_intact_network(self, blown, intact):
        # The neuron drives nobody, so all that differs is where the runs end.
        seen, before = queries.motion_of(blown), queries.motion_of(intact)
        for b, end in enumerate(seen.diverged_at):
            np.testing.assert_array_equal(seen.output[b, :end], before.output[b, :end])

    def test_the_landscape_is_of_the_states_before_it(self, blown):
        seen, found = queries.motion_of(blown), queries.landscape_of(blown)
        assert found.available == seen.diverged_at.sum()
        assert (found.at[:, 1] < seen.diverged_at[found.at[:, 0]]).all()

    def test_its_pre_activation_ends_there_too(self, blown, dashboard):
        ends = queries.motion_of(blown).diverged_at
        values = queries.pre_activation_of(blown, (dashboard.fuse,))[..., 0]
        np.testing.assert_array_equal(np.isfinite(values).sum(axis=1), ends)

    def test_a_network_that_diverges_intact_is_shown_up_to_there_as_well(self, intact):
        seen = queries.motion_of(replace(intact, model="growing"))
        assert (seen.diverged_at > 0).all()
        np.testing.assert_array_equal(np.isfinite(seen.points[..., 0]).sum(axis=1), seen.diverged_at)


class TestPlane:
    def test_it_is_fitted_once_on_the_intact_network_after_the_transient(self, network, dashboard):
        h = simulate(network, queries.PLANE_STEPS, queries.PLANE_RUNS, seed=0).h[:, queries.PLANE_TRANSIENT :]
        plane = queries.plane_of("linear-2")
        np.testing.assert_allclose(plane.components, fit_plane(h.reshape(-1, network.n_neurons)).components)
        np.testing.assert_allclose(plane.mean, h.mean(axis=(0, 1)))


class TestPair:
    """The plane of two outputs, on the planted ring 0, 1, 2, 0: no long stretch is of two of them only."""

    @pytest.fixture
    def short(self, stretches_longer_than, intact) -> Scenario:
        """Stretches of more than 12 steps count, of which there are some."""
        stretches_longer_than(12)
        return replace(intact, pair=(0, 1), seed=12)

    def test_it_is_fitted_to_the_stretches_of_the_intact_network(self, short, network):
        run = simulate(network, queries.PAIR_STEPS, queries.PAIR_RUNS, seed=0)
        settled = slice(queries.PLANE_TRANSIENT, None)
        states = run.h[:, settled][pair_stretches(run.output[:, settled], (0, 1), 12)]
        assert len(states) > queries.PAIR_STATES
        np.testing.assert_allclose(queries.plane_of("linear-2", (0, 1)).components, fit_plane(states).components)

    def test_every_view_is_of_its_states_in_its_plane(self, short, network):
        run, plane = simulate(network, T, B, seed=12), queries.plane_of("linear-2", (0, 1))
        drawn = np.isin(run.output, (0, 1))
        seen = queries.motion_of(short)
        np.testing.assert_array_equal(np.isfinite(seen.points[..., 0]), drawn)
        np.testing.assert_allclose(seen.points[drawn], plane.project(run.h[drawn]), atol=1e-4)
        found = queries.landscape_of(short)
        assert found.available == drawn.sum()
        np.testing.assert_allclose(found.points, plane.project(run.h[tuple(found.at.T)]), atol=1e-9)
        whole = queries.rest_of("linear-2")
        assert queries.rest_of("linear-2", (0, 1)).shape == whole.shape
        assert not np.allclose(queries.rest_of("linear-2", (0, 1)), whole)
        assert queries.along_orbit_of(short).counts.sum() <= queries.SPECTRA_ALONG_ORBIT

    def test_what_has_nothing_to_do_with_the_plane_is_not_asked_anew(self, short, monkeypatch):
        judged, values = queries.fidelity_of(short), queries.pre_activation_of(short, (3,))
        monkeypatch.setattr(queries, "fidelity", None)
        monkeypatch.setattr(queries, "respond", None)
        np.testing.assert_array_equal(queries.fidelity_of(replace(short, pair=None)).transitions, judged.transitions)
        np.testing.assert_array_equal(queries.pre_activation_of(replace(short, pair=None), (3,)), values)

    def test_without_a_long_stretch_the_sentence_says_the_longest(self, network, stretches_longer_than, monkeypatch):
        monkeypatch.setattr(queries, "PAIR_ROUNDS", 2)
        stretches_longer_than(1500)
        runs = [simulate(network, queries.PAIR_STEPS, queries.PAIR_RUNS, seed=seed).output for seed in range(2)]
        longest = max(longest_stretch(output[:, queries.PLANE_TRANSIENT :], (1, 2)) for output in runs)
        sentence = (
            "no stretch of more than 1,500 consecutive steps visits outputs 1 and 2 and no other: "
            f"in 64 runs of 2,000 steps the longest is of {longest} steps"
        )
        assert longest < 1500
        with pytest.raises(ValueError, match=sentence):
            queries.plane_of("linear-2", (1, 2))

    def test_an_output_that_does_not_exist_is_refused(self, dashboard):
        with pytest.raises(ValueError, match="output 3 does not exist: this network has 3, numbered 0 to 2"):
            queries.plane_of("linear-2", (0, 3))

    def test_three_dimensions_need_three_neurons(self, empty_world):
        save(random_network(n=2, m=2), empty_world.models / "small.safetensors")
        assert len(queries.plane_of_scenario(Scenario("small")).components) == 2
        with pytest.raises(ValueError, match="has 2 dimensions, which is the number of its neurons; 3-D needs 3"):
            queries.plane_of_scenario(Scenario("small", dimensions=3))


class TestAlongTheOrbit:
    def test_means_of_populations_are_those_of_the_first_run(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, 1, seed=SEED)
        roles, kick = queries.populations_of("linear-2"), queries.kick_of("linear-2")
        means = queries.population_means_of(trapped)
        assert {output for role, output in means if role == KICK} == {0, 1, 2}
        for (role, output), mean in means.items():
            members = kick.members(output) if role == KICK else roles.members(role, output)
            expected = run.pre_activation[0][:, list(members)].mean(axis=1)
            np.testing.assert_allclose(mean, expected, atol=1e-5)

    def test_after_a_divergence_there_is_no_mean(self, blown):
        end = queries.motion_of(blown).diverged_at[0]
        for mean in queries.population_means_of(blown).values():
            assert np.isfinite(mean).sum() == end

    def test_spectra_are_counted_at_states_of_the_landscape(self, intact, network):
        found, run = queries.landscape_of(intact), simulate(network, T, B, seed=SEED)
        along = queries.along_orbit_of(intact)
        some = found.at[:: -(-len(found.at) // queries.SPECTRA_ALONG_ORBIT)]
        alone = orbit_spectrum(network, queries.plane_of("linear-2"), run.h[tuple(some.T)])
        np.testing.assert_array_equal(along.counts, alone.counts)
        np.testing.assert_array_equal(along.unstable, alone.unstable)

    def test_the_readout_is_that_of_the_network_in_the_plane(self, trapped, network):
        angles = readout_angles(network, queries.plane_of("linear-2"))
        np.testing.assert_array_equal(queries.readout_of(trapped).angle, angles.angle)


class TestPreActivation:
    def test_it_is_that_of_the_simulation(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, B, seed=SEED)
        neurons = (5, 0, 30)
        values = queries.pre_activation_of(trapped, neurons)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, run.pre_activation[..., list(neurons)].astype(np.float32))

    def test_a_silenced_neuron_receives_nothing(self, trapped):
        neurons = trapped.interventions[0].neurons
        np.testing.assert_array_equal(queries.pre_activation_of(trapped, neurons), 0)

    def test_a_neuron_beyond_the_network_is_refused(self, intact):
        with pytest.raises(ValueError, match="neuron 51 does not exist: this network has 51, numbered 0 to 50"):
            queries.pre_activation_of(intact, (51,))


class TestLandscape:
    def test_its_states_are_points_of_the_motion(self, trapped):
        seen, found = queries.motion_of(trapped), queries.landscape_of(trapped)
        assert found.available == B * T
        np.testing.assert_allclose(found.points, seen.points[tuple(found.at.T)], atol=1e-4)
        np.testing.assert_array_equal(found.residency.output, seen.output[tuple(found.at.T)])

    def test_its_regions_are_those_of_the_network_as_it_is_now(self, trapped, network):
        now = intervene(network, trapped.interventions)
        run = simulate(now, T, B, seed=SEED)
        found = queries.landscape_of(trapped)
        alone = residency(now, run.h[tuple(found.at.T)], seed=SEED)
        np.testing.assert_array_equal(found.residency.time, alone.time)

    def test_looks_ask_no_new_question(self, trapped, monkeypatch):
        found = queries.landscape_of(trapped)
        monkeypatch.setattr(queries, "survey", None)
        again = queries.landscape_of(replace(trapped, colour="speed", neuron=3))
        np.testing.assert_array_equal(again.at, found.at)


class TestRest:
    def test_the_fixed_points_are_those_that_activity_ends_in(self, network, dashboard):
        points = queries.rest_of("linear-2")
        # Each hold population keeps itself up: without noise the output that is on stays on.
        assert points.shape == (3, 3)
        visited = simulate(network, queries.PLANE_STEPS, queries.REST_RUNS, seed=0).h[:, -1]
        ends = simulate(network, 3000, len(visited), sigma=0.0, h0=visited).h[:, -1]
        expected = queries.plane_of("linear-2").project(ends)
        distance = np.linalg.norm(expected[:, None] - points, axis=-1)
        assert distance.min(axis=1).max() < 1e-3
        assert distance.min(axis=0).max() < 1e-3

    def test_a_network_that_never_rests_has_none(self, dashboard):
        assert queries.rest_of("growing").shape[0] == 0

    def test_runs_without_noise_start_on_the_orbit_and_obey_the_network(self, intact, network):
        paths = queries.without_noise_of(intact)
        plane, run = queries.plane_of("linear-2"), simulate(network, T, B, seed=SEED)
        assert paths.shape == (queries.STARTS_PER_RUN * B, queries.WITHOUT_NOISE_STEPS + 1, 3)
        starts = run.h[:, :: T // queries.STARTS_PER_RUN].reshape(-1, network.n_neurons)
        np.testing.assert_allclose(paths[:, 0], plane.project(starts), atol=1e-9)
        decay = simulate(network, queries.WITHOUT_NOISE_STEPS, len(starts), sigma=0.0, h0=starts)
        np.testing.assert_allclose(paths[:, 1:], plane.project(decay.h), atol=1e-9)

    def test_there_are_at_most_so_many_of_them(self, intact):
        paths = queries.without_noise_of(replace(intact, trajectories=20, steps=60))
        assert len(paths) == queries.MAX_STARTS


class TestKick:
    def test_the_roles_are_those_beside_its_groups(self, dashboard, network):
        found, roles = queries.kick_of("linear-2"), queries.populations_of("linear-2")
        assert found.seed == 0
        np.testing.assert_array_equal(roles.role, populations(network, found).role)

    def test_the_planted_groups_are_found_on_the_shelf_as_well(self, dashboard):
        for group in queries.kick_of("linear-2").groups:
            assert set(group.neurons) == set(dashboard.switch.kick_of(group.output))
            assert group.proven


class TestFidelity:
    def test_it_is_that_of_the_network_as_it_is_now(self, trapped, network):
        judged = queries.fidelity_of(trapped)
        now = intervene(network, trapped.interventions)
        runs, steps = queries.FIDELITY_RUNS, queries.FIDELITY_STEPS
        alone = fidelity(now, HMM.preset("fully-connected"), SEED, runs, steps, 1.0)
        np.testing.assert_array_equal(judged.transitions, alone.transitions)
        assert (judged.seed, judged.trajectories, judged.steps) == (SEED, runs, steps)

    def test_its_sequences_are_matched_under_the_same_noise_and_with_the_same_sequences(self, intact, trapped, network):
        batches, size, steps = queries.MATCHED_BATCHES, queries.MATCHED_SIZE, queries.MATCHED_STEPS
        now = intervene(network, trapped.interventions)
        alone = matching(now, HMM.preset("fully-connected"), SEED, batches, size, steps, 1.0)
        matched = queries.matching_of(trapped)
        np.testing.assert_array_equal(matched.distances, alone.distances)
        np.testing.assert_array_equal(queries.matching_of(intact).floors, matched.floors)
        assert (len(matched.floors), matched.size, matched.length, matched.seed) == (batches, size, steps, SEED)

    def test_the_runs_shown_are_decoded_beside_the_regions_of_the_map(self, trapped, network):
        run = simulate(intervene(network, trapped.interventions), T, B, seed=SEED)
        found = queries.landscape_of(trapped)
        decoded = queries.decoding_of(trapped)
        hmm = HMM.preset("fully-connected")
        np.testing.assert_array_equal(decoded.states, viterbi(hmm, run.emission))
        np.testing.assert_array_equal(
            decoded.region_counts, decoding(hmm, run, found.at, found.residency.region).region_counts
        )
        assert decoded.region_counts.sum() == len(found.at)

    def test_each_output_is_explained_by_the_state_that_emits_it(self, intact):
        # The planted switch has one output for each state of its HMM.
        assert (queries.decoding_of(intact).output_counts.argmax(axis=1) == [0, 1, 2]).all()

    def test_after_a_divergence_nothing_is_decoded(self, blown):
        ends = queries.motion_of(blown).diverged_at
        np.testing.assert_array_equal((queries.decoding_of(blown).states >= 0).sum(axis=1), ends)

    @pytest.mark.parametrize("model", ["anonymous", "mislabelled"])
    @pytest.mark.parametrize("query", ["fidelity_of", "matching_of", "decoding_of"])
    def test_without_a_target_there_is_no_verdict(self, intact, model, query):
        assert getattr(queries, query)(replace(intact, model=model)) is None


class TestContent:
    def test_a_file_that_changes_under_its_name_is_never_answered_from_the_old_one(self, empty_world):
        path, scenario = empty_world.models / "net.safetensors", Scenario("net", steps=60, trajectories=2)
        save(random_network(seed=1), path)
        before = queries.motion_of(scenario)
        save(random_network(seed=2), path)
        after = queries.motion_of(scenario)
        np.testing.assert_array_equal(after.output, simulate(random_network(seed=2), 60, 2).output)
        assert not same(before, after)

    def test_two_names_for_one_content_are_answered_alike(self, empty_world):
        for name in ("one", "two"):
            save(random_network(seed=1), empty_world.models / f"{name}.safetensors")
        one, two = (queries.motion_of(Scenario(name, steps=60, trajectories=2)) for name in ("one", "two"))
        assert same(one, two)

    def test_an_intervention_beyond_the_network_is_refused(self, intact):
        with pytest.raises(ValueError, match="neuron 400 does not exist: this network has 51, numbered 0 to 50"):
            queries.motion_of(replace(intact, interventions=(Intervention((400,)),)))
