"""Gain sweeps: against naive loops, exact invariants, planted circuits, and what must be refused."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from hmmrnn.analysis.gain_sweep import MUS, PATH_MU, PATH_RUNS, PATH_STEPS, SHORTLY_BEFORE, GainSweep, sweep_gains
from hmmrnn.analysis.numerics import SEGMENT_STEPS, TRANSIENT, jackknife_error, ratio_of_sums, visit
from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.analysis.stability import spectra
from hmmrnn.analysis.switching import MIN_INTERVALS, count_switches, measure_intervals
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import draw_noise, simulate
from tests.naive_gains import naive_critical_pairs, naive_runs
from tests.networks import PlantedSwitch, planted_switch, random_network

B, T = 4, 230
NEURONS = (1, 4, 7, 8)
GAINS = [0.0, 0.6, 1.0, 1.7]
NUMBERS = ("leave_rate", "interval", "interval_cv", "critical_pairs", "critical_pairs_anywhere")


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network(n=14, m=4, o=3, seed=2, bias=True)


@pytest.fixture(scope="module")
def plane(network) -> Plane:
    return fit_plane(simulate(network, 200, 4))


@pytest.fixture(scope="module", params=["recurrent", "input"])
def swept(request, network, plane) -> GainSweep:
    return sweep_gains(network, NEURONS, request.param, plane, GAINS, 0.8, seed=3, trajectories=B, steps=T)


@pytest.fixture(scope="module")
def output() -> np.ndarray:
    """Hidden states of a chain, as the output of six runs."""
    return HMM.preset("linear-3").sample(6, 900, seed=4)[1]


def naive_intervals(output: np.ndarray) -> list[tuple[int, int, int]]:
    """Run, output and length of every interval that begins and ends with a switch."""
    found = []
    for b, run in enumerate(output):
        switches = [t for t in range(1, len(run)) if run[t] != run[t - 1]]
        found += [(b, int(run[start]), end - start) for start, end in pairwise(switches)]
    return found


def naive_cv(found: list[tuple[int, int, int]], outputs: list[int]) -> float:
    parts = [[length for _, output, length in found if output == a] for a in outputs]
    squares = [len(part) * (np.std(part, ddof=1) / np.mean(part)) ** 2 for part in parts]
    return float(np.sqrt(sum(squares) / sum(len(part) for part in parts)))


def alternating(lengths: list[list[int]]) -> np.ndarray:
    """Runs (B, T) that change between 0 and 1 after the given numbers of steps."""
    rows = [np.repeat(np.arange(len(row)) % 2, row) for row in lengths]
    return np.array([row[: min(map(len, rows))] for row in rows])


def equal(one: GainSweep, other: GainSweep, at: slice = slice(None)) -> None:
    """Hold two sweeps to be the same bit for bit, the first at some of its gains."""
    for field in fields(GainSweep):
        a, b = getattr(one, field.name), getattr(other, field.name)
        per_gain = isinstance(a, np.ndarray) and field.name not in ("neurons", "path_mu", "paths")
        np.testing.assert_array_equal(a[at] if per_gain else a, b)


class TestIntervals:
    def test_are_those_of_a_plain_loop(self, output) -> None:
        found, naive = measure_intervals(output, 3), naive_intervals(output)
        assert found.complete == len(naive)
        assert found.switches == sum(int((run[1:] != run[:-1]).sum()) for run in output)
        mean, error = ratio_of_sums(np.full(6, 899), (output[:, 1:] != output[:, :-1]).sum(axis=1))
        np.testing.assert_allclose([found.mean, found.mean_se], [mean, error])
        assert found.mean == pytest.approx(6 * 899 / found.switches)
        assert found.cv == pytest.approx(naive_cv(naive, [0, 1, 2]))

    def test_error_of_the_cv_is_from_leaving_out_each_run(self, output) -> None:
        naive = naive_intervals(output)
        without = np.array([naive_cv([one for one in naive if one[0] != b], [0, 1, 2]) for b in range(6)])
        expected = np.sqrt(5 / 6 * ((without - without.mean()) ** 2).sum())
        assert measure_intervals(output, 3).cv_se == pytest.approx(expected)

    def test_switching_by_chance_has_the_variation_of_a_geometric_time(self) -> None:
        rate = 0.05
        chain = HMM(A=[[1 - rate, rate], [rate, 1 - rate]], B=np.eye(2))
        found = measure_intervals(chain.sample(40, 2000, seed=0)[1], 2)
        assert abs(found.cv - np.sqrt(1 - rate)) < 4 * found.cv_se
        assert abs(found.mean - 1 / rate) < 4 * found.mean_se

    def test_errors_are_the_spread_of_repeated_measurements(self) -> None:
        states = HMM.preset("linear-2").sample(60 * 12, 600, seed=2)[1].reshape(60, 12, 600)
        found = [measure_intervals(part, 2) for part in states]
        for name in ("mean", "cv"):
            spread = np.std([getattr(one, name) for one in found])
            # The spread of 60 measurements is itself known to a tenth.
            assert np.mean([getattr(one, f"{name}_se") for one in found]) == pytest.approx(spread, rel=0.3)

    def test_an_output_with_few_intervals_does_not_count(self) -> None:
        # Output 2 is there twice, for times that are far apart.
        output = np.concatenate([np.tile([0, 0, 1, 1], 40), [2], [0], [2] * 9, np.tile([0, 0, 1, 1], 20)])
        assert measure_intervals(output[None], 3).cv == pytest.approx(0, abs=0.2)

    def test_without_a_switch_there_is_no_mean(self) -> None:
        found = measure_intervals(np.zeros((3, 50), int), 2)
        assert np.isnan([found.mean, found.mean_se, found.cv, found.cv_se]).all()
        assert (found.complete, found.switches) == (0, 0)

    def test_the_mean_counts_the_steps_of_runs_that_never_switch(self) -> None:
        output = np.zeros((4, 101), int)
        output[0, 40:] = 1
        found = measure_intervals(output, 2)
        assert (found.mean, found.complete, found.switches) == (400, 0, 1)

    @pytest.mark.parametrize(("lengths", "cv", "has_error"), [
        # Each run begins and ends with an interval that is not complete.
        ([[5] * (MIN_INTERVALS + 1)], np.nan, False),
        # The mean is above a tenth of a run, though there are many.
        ([[30] * 8] * 20, np.nan, False),
        ([[7, 3] * 60] * 2, 0.0, True), ([[5, 6] * 60], 0.0, False), ([[4, 6] * 60, [300, 300]], 0.0, False),
    ], ids=["few", "long", "a clock whose outputs differ", "a single run", "error of one run"])  # fmt: skip
    def test_variation_and_its_error_are_known_of_many_short_intervals_of_several_runs(self, lengths, cv, has_error):
        found = measure_intervals(alternating(lengths), 2)
        np.testing.assert_allclose(found.cv, cv, atol=1e-12)
        np.testing.assert_allclose(found.cv_se, 0.0 if has_error else np.nan, atol=1e-12)
        assert np.isfinite(found.mean)
        assert np.isfinite(found.mean_se) == (len(lengths) > 1)

    @pytest.mark.parametrize("shape", [(5,), (4, 1), (2, 3, 4)])
    def test_refuses_what_has_no_steps(self, shape) -> None:
        with pytest.raises(ValueError, match=r"output must have shape \(B, T\) with at least 2 steps; got"):
            measure_intervals(np.zeros(shape, int), 2)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).standard_normal((9, 3))
    without = (values.sum(axis=0) - values) / 8
    np.testing.assert_allclose(jackknife_error(without), values.std(axis=0, ddof=1) / 3)
    assert np.isnan(jackknife_error(values[:1])).all()


class TestVisit:
    def test_is_the_run_that_simulate_makes(self, network) -> None:
        steps = 2 * SEGMENT_STEPS + 17
        noise = draw_noise(network.n_inputs, steps, B, 1.0, 5)
        seen, run = visit(network, noise), simulate(network, steps, B, seed=5)
        np.testing.assert_allclose(seen.h, run.h, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(seen.output, run.output)

    def test_is_nothing_if_a_run_diverges(self) -> None:
        growing = Network([[1.5]], [[1.0]], [[1.0], [-1.0]])
        noise = draw_noise(1, 3 * SEGMENT_STEPS, 3, 1.0, 0)
        assert simulate(growing, 3 * SEGMENT_STEPS, 3).diverged
        assert visit(growing, noise) is None


class TestOracle:
    """Every number of the sweep from the naive runs."""

    def test_switching(self, network, swept) -> None:
        noise = draw_noise(network.n_inputs, TRANSIENT + T, B, 0.8, 3)
        for g, mu in enumerate(GAINS):
            output = naive_runs(network, NEURONS, swept.target, mu, noise)[1][:, TRANSIENT:]
            expected, between = count_switches(output, 3), measure_intervals(output, 3)
            np.testing.assert_allclose(swept.leave_rate[g], expected.leave_rate)
            np.testing.assert_allclose(swept.leave_rate_se[g], expected.leave_rate_se)
            assert (swept.switches[g], swept.intervals[g]) == (between.switches, between.complete)
            for name in ("", "_se"):
                np.testing.assert_allclose(getattr(swept, f"interval{name}")[g], getattr(between, f"mean{name}"))
                np.testing.assert_allclose(getattr(swept, f"interval_cv{name}")[g], getattr(between, f"cv{name}"))

    def test_critical_pairs_where_all_states_are_looked_at(self, network, plane) -> None:
        # Few enough states that none is left out.
        target, mu, steps = "recurrent", 1.6, 17
        found = sweep_gains(network, NEURONS, target, plane, [mu], 0.8, seed=3, trajectories=B, steps=steps)
        noise = draw_noise(network.n_inputs, TRANSIENT + steps, B, 0.8, 3)
        h, output = (part[:, TRANSIENT:] for part in naive_runs(network, NEURONS, target, mu, noise))
        pairs = np.array([[naive_critical_pairs(network, NEURONS, target, mu, state) for state in run] for run in h])
        before = np.zeros(output.shape, bool)
        for b in range(B):
            for t in range(steps):
                ahead = output[b, t : t + SHORTLY_BEFORE + 1]
                before[b, t] = (ahead[1:] != ahead[:-1]).any()
        assert 0 < before.sum() < before.size
        for name, where in (("critical_pairs", before), ("critical_pairs_anywhere", np.ones_like(before))):
            mean, error = ratio_of_sums((pairs * where).sum(axis=1), where.sum(axis=1))
            np.testing.assert_allclose(getattr(found, name), [mean])
            np.testing.assert_allclose(getattr(found, f"{name}_se"), [error])

    def test_paths_are_what_the_first_runs_do(self, network, plane, swept) -> None:
        noise = draw_noise(network.n_inputs, TRANSIENT + T, B, 0.8, 3)[:PATH_RUNS]
        assert swept.paths.shape == (3, PATH_RUNS, min(T, PATH_STEPS), 3)
        for path, mu in zip(swept.paths, PATH_MU, strict=True):
            h = naive_runs(network, NEURONS, swept.target, mu, noise)[0][:, TRANSIENT:][:, :PATH_STEPS]
            np.testing.assert_allclose(path, plane.project(h), atol=1e-9)


class TestInvariants:
    def test_mu_of_one_is_the_intact_network_bit_for_bit(self, network, plane) -> None:
        arguments = {"plane": plane, "mu": [1.0], "seed": 3, "trajectories": B, "steps": T}
        one = sweep_gains(network, NEURONS, "recurrent", **arguments)
        for neurons, target in (((0,), "input"), (range(14), "unit")):
            other = sweep_gains(network, neurons, target, **arguments)
            for name in (*NUMBERS, *(f"{name}_se" for name in NUMBERS), "intervals", "switches"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            np.testing.assert_array_equal(one.paths[1], other.paths[1])
        run = simulate(network, TRANSIENT + T, B, seed=3)
        np.testing.assert_array_equal(one.leave_rate[0], count_switches(run.output[:, TRANSIENT:], 3).leave_rate)

    def test_a_gain_does_not_depend_on_the_gains_beside_it(self, network, plane, swept) -> None:
        alone = sweep_gains(network, NEURONS, swept.target, plane, GAINS[1:3], 0.8, seed=3, trajectories=B, steps=T)
        equal(swept, alone, slice(1, 3))

    def test_a_network_that_was_intervened_upon_is_swept_like_any_other(self, network, plane) -> None:
        gains = {"sigma": 0.8, "seed": 3, "trajectories": B, "steps": T}
        half = intervene(network, Intervention(NEURONS, 0.5, "recurrent"))
        on_top = sweep_gains(half, NEURONS, "recurrent", plane, [2.0], **gains)
        intact = sweep_gains(network, NEURONS, "recurrent", plane, [1.0], **gains)
        for name in NUMBERS:
            np.testing.assert_array_equal(getattr(on_top, name), getattr(intact, name))

    def test_without_biases_the_noise_scale_changes_nothing_but_the_paths(self) -> None:
        free = random_network(n=12, m=4, o=2, seed=5)
        plane = fit_plane(simulate(free, 200, 4))
        one, two = (
            sweep_gains(free, (0, 3), "input", plane, [0.0, 1.0], sigma, trajectories=3, steps=80) for sigma in (1, 2)
        )
        for name in (*NUMBERS, "switches"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        origin = plane.project(np.zeros(12))
        np.testing.assert_allclose(two.paths - origin, 2 * (one.paths - origin))

    def test_a_network_with_a_known_complex_pair(self) -> None:
        """Two neurons that turn by 30 degrees a step, always active, and two that show which is larger."""
        angle, bias = np.radians(30), 50.0
        turn = 0.95 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turning = Network(turn, np.eye(2), np.eye(2), b_h=bias * (np.eye(2) - turn) @ [1, 1])
        plane = fit_plane(simulate(turning, 100, 2))
        found = sweep_gains(turning, (0, 1), "recurrent", plane, [0.0, 0.5, 1.0], trajectories=3, steps=60)
        # 0.95 exp(i 30 deg) is near the unit circle; half of it is not; silenced rows have no eigenvalue but 0.
        np.testing.assert_array_equal(found.critical_pairs_anywhere, [0, 0, 1])
        assert spectra(turning, np.full((1, 2), bias)).critical_pairs[0] == 1
        assert found.switches[2] > 0
        assert found.critical_pairs[2] == 1
        np.testing.assert_array_equal(found.critical_pairs_anywhere_se[[0, 2]], [0, 0])


@pytest.fixture(scope="module")
def circuit() -> PlantedSwitch:
    return planted_switch(hold=6, integrators=10, kick=3, echoes=2, idle=6)


@pytest.fixture(scope="module")
def seen(circuit) -> dict[str, GainSweep]:
    plane = fit_plane(simulate(circuit.network, 200, 4))
    swept = {
        "kick": (circuit.kick_of(0), "recurrent"),
        "integrating": (circuit.integrators[0, 1], "input"),
        "idle": (circuit.distractors, "recurrent"),
    }
    return {
        name: sweep_gains(circuit.network, *population, plane, [0.0, 1.0], trajectories=8, steps=800)
        for name, population in swept.items()
    }


class TestPlanted:
    def test_silencing_the_kick_group_traps_the_network(self, seen) -> None:
        kick = seen["kick"]
        assert kick.leave_rate[0, 0] == 0 < kick.leave_rate[1, 0]
        assert np.isnan(kick.leave_rate[0, 1])
        assert np.isnan([kick.interval[0], kick.interval_cv[0], kick.critical_pairs[0]]).all()
        assert kick.switches[0] == 0
        assert np.isfinite(kick.critical_pairs_anywhere).all()
        assert not kick.diverged.any()

    def test_so_does_silencing_the_noise_that_is_integrated(self, seen) -> None:
        assert seen["integrating"].switches[0] == 0 < seen["integrating"].switches[1]

    def test_without_what_does_nothing_it_goes_on_as_before(self, seen) -> None:
        np.testing.assert_array_equal(seen["idle"].leave_rate[0], seen["idle"].leave_rate[1])
        np.testing.assert_array_equal(seen["idle"].leave_rate[1], seen["kick"].leave_rate[1])


class TestEdges:
    def test_a_gain_that_diverges_is_nan_and_said(self) -> None:
        base = random_network(n=10, m=3, o=2, seed=1)
        W_hh = base.W_hh.copy()
        W_hh[3, 3], W_hh[:3, 3], W_hh[4:, 3] = 0.9, 0, 0
        network = Network(W_hh, base.W_ih, base.W_out)
        plane = fit_plane(simulate(network, 100, 2))
        found = sweep_gains(network, (3,), "recurrent", plane, [1.0, 2.0], trajectories=3, steps=150)
        np.testing.assert_array_equal(found.diverged, [False, True])
        for name in (*NUMBERS, *(f"{name}_se" for name in NUMBERS)):
            assert np.isnan(getattr(found, name)[1]).all()
        assert (found.intervals[1], found.switches[1]) == (0, 0)
        np.testing.assert_array_equal(np.isnan(found.paths).all(axis=(1, 2, 3)), [False, False, True])
        assert np.isfinite(found.paths[:2]).all()

    @pytest.mark.parametrize("outputs", [1, 8])
    def test_any_number_of_outputs(self, outputs) -> None:
        network = random_network(n=6, m=2, o=outputs, seed=3)
        plane = fit_plane(simulate(network, 100, 2))
        found = sweep_gains(network, (0,), "input", plane, [0.0, 2.0], trajectories=2, steps=50)
        assert found.leave_rate.shape == (2, outputs)
        assert (found.switches > 0).all() == (outputs > 1)

    def test_two_neurons_without_noise_are_silent_for_ever(self) -> None:
        network = random_network(n=2, m=1, o=2, seed=0)
        plane = fit_plane(simulate(network, 100, 2))
        found = sweep_gains(network, [1], "recurrent", plane, [1.0], sigma=0.0, trajectories=2, steps=40)
        np.testing.assert_array_equal(found.leave_rate, [[0, np.nan]])
        assert np.isnan(found.interval[0])

    def test_a_single_run_has_no_errors(self, network, plane) -> None:
        found = sweep_gains(network, NEURONS, "input", plane, [1.0], trajectories=1, steps=80)
        assert np.isnan([found.interval_se[0], found.critical_pairs_anywhere_se[0]]).all()
        assert np.isnan(found.leave_rate_se).all()

    def test_many_neurons_are_looked_at_in_fewer_states(self) -> None:
        """600 neurons that only forget: their spectra would take most of the time."""
        n = 600
        network = Network(0.1 * np.eye(n), np.ones((n, 1)), np.ones((2, n)))
        seen: list[float] = []
        plane = Plane(np.zeros(n), np.eye(n)[:2], np.array([0.5, 0.5]), np.ones(2))
        found = sweep_gains(network, [0], "input", plane, [1.0], trajectories=2, steps=60, on_progress=seen.append)
        assert found.critical_pairs_anywhere[0] == 0
        # Two stretches of the runs, and 20,000 / 600 = 33 states, three at once.
        assert len(seen) == 2 + 11

    def test_the_usual_gains_hold_those_that_paths_are_shown_at(self) -> None:
        assert len(MUS) == 21
        assert all(np.isclose(MUS, mu).any() for mu in PATH_MU)

    @pytest.mark.parametrize(("change", "message"), [
        ({"neurons": ()}, "neurons must name at least one neuron; got none"),
        ({"neurons": (14,)}, "neuron 14 does not exist: this network has 14"),
        ({"neurons": (2, 2)}, "each neuron may be named once; got 2 more than once"),
        ({"target": "output"}, "target must be one of unit, recurrent, input; got 'output'"),
        ({"mu": []}, r"mu must be a list \(G,\) of at least one gain; got shape \(0,\)"),
        ({"mu": 1.0}, r"mu must be a list \(G,\) of at least one gain; got shape \(\)"),
        ({"mu": [-1.0]}, "mu must be >= 0; got -1"), ({"mu": [0.0, np.nan]}, "mu must be >= 0; got nan"),
        ({"mu": [1.0, 0.5]}, "mu must rise; got 1, 0.5"),
        ({"steps": 1}, "steps must be >= 2, or no switch can be seen; got 1"),
        ({"trajectories": 0}, "steps and trajectories must be >= 1; got 105 and 0"),
        ({"sigma": -1.0}, "sigma must be >= 0; got -1"), ({"seed": -1}, "seed must be >= 0; got -1"),
    ])  # fmt: skip
    def test_refuses(self, network, plane, change, message) -> None:
        arguments = {"neurons": NEURONS, "target": "input", "mu": [1.0], "steps": 5, "trajectories": 2, **change}
        with pytest.raises(ValueError, match=message):
            sweep_gains(network, plane=plane, **arguments)

    def test_refuses_a_plane_that_is_not_the_networks(self, network) -> None:
        other = fit_plane(simulate(random_network(n=5), 50))
        with pytest.raises(ValueError, match=r"plane must have at least 2 directions of 14 neurons, .* got 3 of 5"):
            sweep_gains(network, NEURONS, "input", other)
        flat = fit_plane(simulate(network, 50), n_components=1)
        with pytest.raises(ValueError, match=r"plane must have at least 2 directions of 14 neurons, .* got 1 of 14"):
            sweep_gains(network, NEURONS, "input", flat)
