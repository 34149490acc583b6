"""Noise sweeps: against naive loops and NumPy's own fit, exact homogeneity, and what must be refused."""

import numpy as np
import pytest

from hmmrnn.analysis.noise_sweep import CELLS, ENCLOSED, REFERENCE_RUNS, SIGMAS, NoiseSweep, sweep_noise
from hmmrnn.analysis.numerics import TRANSIENT
from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.analysis.switching import measure_intervals
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from tests.networks import planted_switch, random_network

B, T = 5, 240
STRENGTHS = [0.5, 0.8, 1.1, 2.0]


@pytest.fixture(scope="module")
def biased() -> Network:
    return random_network(n=12, m=4, o=3, seed=2, bias=True)


@pytest.fixture(scope="module")
def plane(biased) -> Plane:
    return fit_plane(simulate(biased, 200, 4))


@pytest.fixture(scope="module")
def swept(biased, plane) -> NoiseSweep:
    return sweep_noise(biased, plane, STRENGTHS, seed=3, trajectories=B, steps=T)


@pytest.fixture(scope="module")
def runs(biased) -> list:
    return [simulate(biased, TRANSIENT + T, B, sigma, seed=3) for sigma in STRENGTHS]


@pytest.fixture(scope="module")
def free() -> NoiseSweep:
    """Without biases."""
    network = random_network(n=12, m=4, o=2, seed=5)
    return sweep_noise(network, fit_plane(simulate(network, 200, 4)), trajectories=6, steps=600)


@pytest.fixture(scope="module")
def blown() -> NoiseSweep:
    """A neuron that takes off only where strong noise lifts it over its threshold."""
    network = Network([[1.2]], [[1.0]], [[1.0], [0.5]], b_h=[-4.0])
    two = Network(
        np.block([[network.W_hh, np.zeros((1, 2))], [np.zeros((2, 1)), 0.5 * np.eye(2)]]),
        np.vstack([np.hstack([network.W_ih, np.zeros((1, 2))]), np.hstack([np.zeros((2, 1)), np.eye(2)])]),
        np.hstack([network.W_out, np.eye(2)]),
        b_h=np.append(network.b_h, [0.0, 0.0]),
    )
    states = np.random.default_rng(0).standard_normal((50, 3)) * [0, 1, 2]
    return sweep_noise(two, fit_plane(states), [0.1, 0.2, 20.0], trajectories=4, steps=80)


def radius_of(points: np.ndarray) -> float:
    flat = points.reshape(-1, 2)
    return float(np.sqrt(np.mean([np.sum((point - flat.mean(axis=0)) ** 2) for point in flat])))


def jackknife_of(values: list[float]) -> float:
    return float(np.sqrt((B - 1) / B * np.sum((np.array(values) - np.mean(values)) ** 2)))


class TestOracle:
    @pytest.fixture
    def points(self, runs, plane) -> list[np.ndarray]:
        return [plane.project(run.h[:, TRANSIENT:])[..., :2] for run in runs]

    def test_radius_is_the_rms_distance_from_the_mean_and_its_error_from_leaving_out_each_run(self, swept, points):
        np.testing.assert_allclose(swept.radius, [radius_of(one) for one in points])
        expected = [jackknife_of([radius_of(np.delete(one, b, axis=0)) for b in range(B)]) for one in points]
        np.testing.assert_allclose(swept.radius_se, expected)

    def test_intervals_are_those_of_the_runs(self, swept, runs) -> None:
        for s, run in enumerate(runs):
            expected = measure_intervals(run.output[:, TRANSIENT:], 3)
            found = swept.interval[s], swept.interval_se[s], swept.interval_cv[s], swept.interval_cv_se[s]
            np.testing.assert_allclose(found, (expected.mean, expected.mean_se, expected.cv, expected.cv_se))
            assert (swept.intervals[s], swept.switches[s]) == (expected.complete, expected.switches)

    def test_the_line_is_numpys_weighted_fit(self, swept, points) -> None:
        weights = 1 / swept.radius_se
        slope, intercept = np.polyfit(STRENGTHS, swept.radius, 1, w=weights)
        assert (swept.slope, swept.intercept) == pytest.approx((slope, intercept))
        rest = weights * (swept.radius - intercept - slope * np.array(STRENGTHS))
        middle = np.average(swept.radius, weights=weights**2)
        whole = weights * (swept.radius - middle)
        assert swept.r_squared == pytest.approx(1 - (rest**2).sum() / (whole**2).sum())
        lines = [
            np.polyfit(STRENGTHS, [radius_of(np.delete(one, b, axis=0)) for one in points], 1, w=weights)
            for b in range(B)
        ]
        assert swept.slope_se == pytest.approx(jackknife_of([line[0] for line in lines]))
        assert swept.intercept_se == pytest.approx(jackknife_of([line[1] for line in lines]))

    def test_deviation_is_the_largest_of_any_neuron_and_step(self, swept, runs) -> None:
        # 1.1 is the nearest to 1.
        assert swept.reference_sigma == 1.1
        reference = runs[2].h[:REFERENCE_RUNS]
        for s, run in enumerate(runs):
            scaled = STRENGTHS[s] / 1.1 * reference
            expected = np.abs(run.h[:REFERENCE_RUNS] - scaled).max() / scaled.max()
            assert swept.deviation[s] == pytest.approx(expected, abs=1e-12)
        assert swept.relative_deviation == swept.deviation.max() > 0.1
        assert swept.biased

    def test_density_counts_the_steps_in_each_cell(self, swept, points) -> None:
        # A quarter and a half of the strongest noise: 0.5 and 1.1 are the nearest.
        np.testing.assert_array_equal(swept.contour_sigma, [0.5, 1.1, 2.0])
        shown = [points[s].reshape(-1, 2) for s in (0, 2, 3)]
        every = np.concatenate(shown)
        np.testing.assert_allclose([swept.edges_x[0], swept.edges_x[-1]], [every[:, 0].min(), every[:, 0].max()])
        np.testing.assert_allclose([swept.edges_y[0], swept.edges_y[-1]], [every[:, 1].min(), every[:, 1].max()])
        area = np.diff(swept.edges_x)[0] * np.diff(swept.edges_y)[0]
        for density, flat in zip(swept.density, shown, strict=True):
            assert density.shape == (CELLS, CELLS)
            assert density.sum() * area == pytest.approx(1)
            x, y = flat[:, 0], flat[:, 1]
            for row, column in ((10, 20), (24, 24), (40, 5), tuple(np.argwhere(density == density.max())[0])):
                inside = (swept.edges_x[column] <= x) & (x < swept.edges_x[column + 1])
                inside &= (swept.edges_y[row] <= y) & (y < swept.edges_y[row + 1])
                assert density[row, column] * area * len(flat) == pytest.approx(inside.sum(), abs=1e-6)

    def test_contours_enclose_the_shares_that_they_say(self, swept) -> None:
        for density, levels in zip(swept.density, swept.contour_levels, strict=True):
            for share, level in zip(ENCLOSED, levels, strict=True):
                assert density[density >= level].sum() / density.sum() >= share - 1e-12
                assert density[density > level].sum() / density.sum() < share


class TestWithoutBiases:
    def test_the_orbit_is_in_proportion_to_the_noise(self, free) -> None:
        assert not free.biased
        assert free.relative_deviation < 1e-10
        np.testing.assert_allclose(free.radius, free.radius[3] * SIGMAS / SIGMAS[3])
        assert free.reference_sigma == SIGMAS[3] == 1
        # Powers of two scale it bit for bit.
        np.testing.assert_array_equal(free.deviation[np.isin(SIGMAS, [0.25, 0.5, 1, 2])], 0)

    def test_the_line_goes_through_the_origin_and_explains_all(self, free) -> None:
        assert free.slope == pytest.approx(free.radius[3])
        assert free.intercept == pytest.approx(0, abs=1e-10)
        assert free.r_squared == pytest.approx(1)
        # As all sigmas share their noise, what one radius is wrong by, all are: the slope is no surer than a radius.
        assert free.slope_se == pytest.approx(free.radius_se[3])
        assert free.intercept_se == pytest.approx(0, abs=1e-10)

    def test_the_times_between_switches_do_not_change_at_all(self, free) -> None:
        for name in ("interval", "interval_se", "interval_cv", "interval_cv_se", "intervals", "switches"):
            values = getattr(free, name)
            np.testing.assert_array_equal(values, np.full(len(SIGMAS), values[0]))
        assert np.isfinite(free.interval_cv).all()


class TestEdges:
    def test_where_it_diverges_it_is_nan_and_said(self, blown) -> None:
        np.testing.assert_array_equal(blown.diverged, [False, False, True])
        for name in ("radius", "radius_se", "interval", "interval_cv", "deviation"):
            assert np.isnan(getattr(blown, name)[2])
        assert blown.switches[2] == 0
        assert np.isfinite(blown.radius[:2]).all()
        assert np.isfinite([blown.slope, blown.intercept, blown.relative_deviation]).all()
        np.testing.assert_array_equal(np.isnan(blown.density).all(axis=(1, 2)), blown.contour_sigma == 20)
        assert np.isnan(blown.contour_levels[-1]).all()

    def test_where_the_reference_diverges_nothing_can_be_compared(self) -> None:
        network = Network(1.5 * np.eye(2), np.eye(2), np.eye(2))
        plane = Plane(np.zeros(2), np.eye(2), np.array([0.5, 0.5]), np.ones(2))
        found = sweep_noise(network, plane, [1.0, 2.0], trajectories=2, steps=60)
        assert found.diverged.all()
        assert np.isnan([found.relative_deviation, found.slope, found.slope_se, found.r_squared]).all()
        assert np.isnan(found.density).all()

    def test_a_network_that_no_noise_reaches_stays_at_one_point(self) -> None:
        network = Network(0.5 * np.eye(2), np.zeros((2, 1)), np.eye(2), b_h=[1.0, 2.0])
        plane = Plane(np.zeros(2), np.eye(2), np.array([0.5, 0.5]), np.ones(2))
        found = sweep_noise(network, plane, [0.5, 1.0], trajectories=3, steps=50)
        np.testing.assert_allclose(found.radius, 0, atol=1e-12)
        assert np.isnan(found.interval).all()
        np.testing.assert_array_equal(found.switches, 0)
        # At half the noise, half the activity was to be expected, and it is the same: off by the scaled one itself.
        np.testing.assert_allclose(found.deviation, [1, 0])
        silent = Network(0.5 * np.eye(2), np.zeros((2, 1)), np.eye(2))
        assert sweep_noise(silent, plane, [0.5, 1.0], trajectories=2, steps=50).relative_deviation == 0
        assert (found.density > 0).sum(axis=(1, 2)).tolist() == [1, 1]

    def test_activity_out_of_silence_is_off_beyond_all_measure(self) -> None:
        network = Network(0.5 * np.eye(2), np.eye(2), np.eye(2), b_h=[-10.0, -10.0])
        plane = Plane(np.zeros(2), np.eye(2), np.array([0.5, 0.5]), np.ones(2))
        found = sweep_noise(network, plane, [1.0, 10.0], trajectories=2, steps=50)
        assert found.radius[0] == 0 < found.radius[1]
        np.testing.assert_array_equal(found.deviation, [0, np.inf])
        # One radius has no error, and one alone makes no line.
        assert np.isnan(found.slope)

    def test_a_single_run_has_no_errors_and_no_line(self, biased, plane) -> None:
        found = sweep_noise(biased, plane, STRENGTHS, trajectories=1, steps=60)
        assert np.isfinite(found.radius).all()
        assert np.isnan(found.radius_se).all()
        assert np.isnan(found.slope)

    def test_a_single_sigma_is_its_own_reference(self, biased, plane) -> None:
        found = sweep_noise(biased, plane, [0.7], trajectories=2, steps=60)
        assert (found.reference_sigma, found.relative_deviation) == (0.7, 0)
        np.testing.assert_array_equal(found.contour_sigma, [0.7])
        assert np.isnan(found.slope)

    def test_stronger_noise_makes_a_biased_network_switch_sooner(self) -> None:
        network = planted_switch(hold=6, integrators=10, kick=3, echoes=1, idle=2).network
        plane = fit_plane(simulate(network, 200, 4))
        found = sweep_noise(network, plane, [0.2, 1.0, 2.0], trajectories=8, steps=600)
        assert found.switches[0] == 0 < found.switches[1] < found.switches[2]
        assert np.isnan(found.interval[0])
        assert np.isnan(found.interval_cv[0])

    @pytest.mark.parametrize(("change", "message"), [
        ({"sigmas": []}, r"sigmas must be a list \(S,\) of at least one sigma; got shape \(0,\)"),
        ({"sigmas": 1.0}, r"sigmas must be a list \(S,\) of at least one sigma; got shape \(\)"),
        ({"sigmas": [0.0, 1.0]}, "sigmas must be above 0 and rise; got 0, 1"),
        ({"sigmas": [1.0, 1.0]}, "sigmas must be above 0 and rise; got 1, 1"),
        ({"sigmas": [1.0, np.inf]}, "sigmas must be above 0 and rise; got 1, inf"),
        ({"steps": 1}, "steps must be >= 2, or no switch can be seen; got 1"),
        ({"trajectories": 0}, "steps and trajectories must be >= 1"), ({"seed": -1}, "seed must be >= 0; got -1"),
    ])  # fmt: skip
    def test_refuses(self, biased, plane, change, message) -> None:
        with pytest.raises(ValueError, match=message):
            sweep_noise(biased, plane, **{"sigmas": [1.0], "steps": 5, "trajectories": 2, **change})

    def test_refuses_a_plane_that_is_not_the_networks(self, biased) -> None:
        with pytest.raises(ValueError, match="plane must have at least 2 directions of 12 neurons"):
            sweep_noise(biased, fit_plane(simulate(random_network(n=5), 50)))
