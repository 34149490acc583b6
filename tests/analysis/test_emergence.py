"""Emergence against plain loops, integrals and full Jacobians; its bifurcation against planted changes and none."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from hmmrnn.analysis import emergence
from hmmrnn.analysis.emergence import find_bifurcation, trace_emergence
from hmmrnn.analysis.stability import jacobian, moebius
from hmmrnn.explorer.experiments import EMERGENCE
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from tests.networks import planted_switch, random_network
from tests.shipped import shipped_answer

SERIES = Path(__file__).parents[2] / "models" / "emergence"
CHANGE = 5


def at_steps(networks, loss=None) -> list[Network]:
    """The networks as snapshots after 10, 20, ... steps, with a loss if it is given."""
    return [
        Network(n.W_hh, n.W_ih, n.W_out, n.b_h, n.b_out, {"steps_done": str(10 * (k + 1)), **(loss or {})})
        for k, n in enumerate(networks)
    ]


def scaled(network: Network, recurrent=1.0, noise=1.0) -> Network:
    return Network(recurrent * network.W_hh, noise * network.W_ih, network.W_out, network.b_h, network.b_out)


def jittered(network: Network, rng: np.random.Generator, share: float = 0.01) -> Network:
    """As after a step of training that changes little."""
    return scaled(network, recurrent=1 + share * rng.uniform(-1, 1, network.W_hh.shape))


@pytest.fixture(scope="module")
def switch() -> Network:
    """Throws its output by planted kick neurons, whose loop is unstable while they do."""
    return planted_switch(hold=4, integrators=6, kick=2, echoes=1, idle=2).network


@pytest.fixture(scope="module")
def small() -> Network:
    return random_network(n=4, m=3, o=2, bias=True)


@pytest.fixture(scope="module")
def looked_at(small):
    loss = {"loss": "1.5", "loss_floor": "1", "loss_plateau": "2"}
    return trace_emergence(at_steps([small], loss), sigma=0.7, seed=3)


@pytest.fixture(scope="module")
def run(small):
    return simulate(small, emergence.STEPS, emergence.TRAJECTORIES, sigma=0.7, seed=3)


@pytest.fixture(scope="module")
def states(run):
    """(B, S, N) the states whose spectrum is taken."""
    return run.h[:, np.linspace(emergence.TRANSIENT, emergence.STEPS - 1, emergence.STATES_PER_RUN).astype(int)]


def with_error(by_run) -> tuple[float, float]:
    return np.mean(by_run), np.std(by_run, ddof=1) / np.sqrt(len(by_run))


class TestCurves:
    def test_changes_of_the_output_are_counted(self, looked_at, run):
        output = run.output[:, emergence.TRANSIENT :]
        changes = [sum(a != b for a, b in pairwise(row)) / (len(row) - 1) for row in output.tolist()]
        expected = with_error(changes)
        np.testing.assert_allclose((looked_at.transition_rate[0], looked_at.transition_rate_se[0]), expected)
        assert expected[0] > 0

    def test_shares_are_those_of_full_jacobians(self):
        # Scaled so that some of its states are unstable or critical, and none runs away.
        network = scaled(random_network(n=8, m=3, seed=2), recurrent=2.2)
        result = trace_emergence(at_steps([network]), seed=1)
        visited = simulate(network, emergence.STEPS, emergence.TRAJECTORIES, seed=1)
        chosen = visited.h[
            :, np.linspace(emergence.TRANSIENT, emergence.STEPS - 1, emergence.STATES_PER_RUN).astype(int)
        ]
        values = np.linalg.eigvals(jacobian(network, chosen))
        unstable = (np.abs(values) > 1).any(axis=-1)
        image = moebius(values)
        critical = ((np.abs(image.real) < 0.1) & (image.imag > 0.06)).any(axis=-1)
        assert 0 < unstable.mean() < 1
        assert 0 < critical.mean() < 1
        for name, there in (("unstable_share", unstable), ("critical_share", critical)):
            found = getattr(result, name)[0], getattr(result, f"{name}_se")[0]
            np.testing.assert_allclose(found, with_error(there.mean(axis=1)), atol=1e-12)

    def test_the_shift_by_noise_is_an_integral(self, looked_at, small, states):
        s = 0.7 * np.linalg.norm(small.W_ih, axis=1)
        z = states @ small.W_hh.T + small.b_h
        u = np.linspace(-10, 10, 2001)
        raised = np.trapezoid(np.maximum(z[..., None] + s[:, None] * u, 0) * norm.pdf(u), u, axis=-1)
        shift = raised - np.maximum(z, 0)
        expected = with_error(shift.mean(axis=(1, 2)))
        np.testing.assert_allclose((looked_at.second_order[0], looked_at.second_order_se[0]), expected, rtol=1e-4)

    def test_the_first_order_is_the_noise_of_active_neurons(self, looked_at, small, states):
        variance = 0.7**2 * (small.W_ih**2).sum(axis=1)
        by_run = np.where(states @ small.W_hh.T + small.b_h > 0, variance, 0).mean(axis=(1, 2))
        mean, error = with_error(by_run)
        np.testing.assert_allclose(looked_at.first_order[0], np.sqrt(mean))
        np.testing.assert_allclose(looked_at.first_order_se[0], error / (2 * np.sqrt(mean)))

    def test_perturbations_are_what_noise_does(self, looked_at, small, states):
        rng = np.random.default_rng(0)
        e = 0.7 * rng.standard_normal((400, *states.shape[:2], small.n_inputs)) @ small.W_ih.T
        z = states @ small.W_hh.T + small.b_h
        moved = np.maximum(z + e, 0) - np.maximum(z, 0)
        np.testing.assert_allclose(moved.mean(), looked_at.second_order[0], rtol=0.02)

    def test_the_orbit_is_in_the_plane_of_its_own_states(self, looked_at, run):
        settled = run.h[:, emergence.TRANSIENT :]
        centred = (settled - settled.reshape(-1, 4).mean(axis=0)).reshape(-1, 4)
        _, singular, rows = np.linalg.svd(centred, full_matrices=False)
        points = (centred @ rows[:2].T).reshape(emergence.TRAJECTORIES, -1, 2)
        mean, error = with_error((points**2).sum(axis=-1).mean(axis=1))
        np.testing.assert_allclose(looked_at.radius[0], np.sqrt(mean))
        np.testing.assert_allclose(looked_at.radius_se[0], error / (2 * np.sqrt(mean)))
        np.testing.assert_allclose(looked_at.plane_share[0], (singular[:2] ** 2).sum() / (singular**2).sum())
        shown = looked_at.points[0]
        assert shown.shape == (emergence.DRAWN_RUNS, emergence.DRAWN_STEPS, 2)
        np.testing.assert_allclose(
            np.abs(shown), np.abs(points[: emergence.DRAWN_RUNS, -emergence.DRAWN_STEPS :]), rtol=1e-4, atol=1e-5
        )
        np.testing.assert_array_equal(looked_at.output[0], run.output[: emergence.DRAWN_RUNS, -emergence.DRAWN_STEPS :])

    def test_noise_is_that_of_one_step(self, looked_at, small):
        np.testing.assert_allclose(looked_at.noise[0], 0.7 * np.sqrt((small.W_ih**2).sum()))

    def test_what_the_training_says_is_kept(self, looked_at, small):
        assert (looked_at.loss[0], looked_at.loss_floor, looked_at.loss_plateau) == (1.5, 1, 2)
        silent = trace_emergence(at_steps([small]))
        assert np.isnan([silent.loss[0], silent.loss_floor, silent.loss_plateau]).all()
        assert silent.steps_done.tolist() == [10]

    def test_without_bias_everything_scales_with_the_noise(self):
        series = at_steps([random_network(), random_network(seed=1)])
        one, three = trace_emergence(series), trace_emergence(series, sigma=3.0)
        for name in ("transition_rate", "unstable_share", "critical_share", "plane_share", "transition_rate_se"):
            np.testing.assert_allclose(getattr(three, name), getattr(one, name), rtol=1e-9)
        for name in ("radius", "radius_se", "first_order", "second_order", "second_order_se", "noise", "points"):
            np.testing.assert_allclose(getattr(three, name), 3 * getattr(one, name), rtol=1e-4)

    def test_directions_keep_their_sense_from_snapshot_to_snapshot(self, switch):
        rng = np.random.default_rng(0)
        points = trace_emergence(at_steps([jittered(switch, rng, 1e-4) for _ in range(4)])).points
        for before, after in pairwise(points):
            assert ((before * after).sum(axis=(0, 1)) > 0).all()

    def test_a_snapshot_that_diverges_is_unknown_and_the_others_are_not(self, switch):
        result = trace_emergence(at_steps([switch, scaled(switch, recurrent=3.0), switch]))
        assert (result.diverged > 0).tolist() == [False, True, False]
        for name in ("transition_rate", "unstable_share_se", "radius", "first_order", "plane_share"):
            assert np.isnan(getattr(result, name)).tolist() == [False, True, False]
        assert np.isnan(result.points[1]).all()
        assert np.isfinite(result.points[[0, 2]]).all()


class TestBifurcation:
    @pytest.mark.parametrize("seed", range(4))
    def test_a_planted_change_is_marked_where_it_is(self, switch, seed):
        rng = np.random.default_rng(seed)
        before = [jittered(scaled(switch, recurrent=0.4), rng) for _ in range(CHANGE)]
        after = [jittered(switch, rng) for _ in range(4)]
        assert trace_emergence(at_steps(before + after), seed=seed).bifurcation == CHANGE

    @pytest.mark.parametrize("seed", range(3))
    def test_a_series_of_equal_networks_has_none(self, switch, seed):
        rng = np.random.default_rng(seed)
        assert trace_emergence(at_steps([random_network()] * 4), seed=seed).bifurcation is None
        assert trace_emergence(at_steps([switch] * 4), seed=seed).bifurcation is None
        assert trace_emergence(at_steps([jittered(switch, rng) for _ in range(6)]), seed=seed).bifurcation is None

    def test_a_series_that_is_scaled_slowly_has_none(self, switch):
        stable = random_network()
        grown = [scaled(stable, recurrent=gain) for gain in np.linspace(0.3, 1.0, 8)]
        louder = [scaled(stable, noise=gain) for gain in np.geomspace(0.1, 10, 6)]
        live = [scaled(switch, noise=gain) for gain in np.linspace(0.8, 1.2, 5)]
        for series in (grown, louder, live):
            assert trace_emergence(at_steps(series)).bifurcation is None

    def test_a_spoilt_snapshot_among_others_is_none(self, switch):
        still = scaled(switch, recurrent=0.4)
        assert trace_emergence(at_steps([still, still, switch, still, still, still])).bifurcation is None

    @pytest.mark.parametrize("family", ["linear-2", "linear-3", "fully-connected"])
    def test_it_is_where_the_loss_of_shipped_series_drops(self, family, tmp_path):
        """Not before the snapshot before the loss is a tenth down, nor after the one after it is nine tenths down."""
        every = [load(path) for path in sorted((SERIES / family).glob("*.safetensors"))]
        result = shipped_answer(tmp_path, family, EMERGENCE)
        steps = np.array([int(network.metadata["steps_done"]) for network in every])
        assert result.steps_done.tolist() == steps.tolist()
        loss = np.array([float(network.metadata["loss"]) for network in every])
        way = (result.loss_plateau - loss) / (result.loss_plateau - result.loss_floor)
        begins, ends = int(np.argmax(way > 0.1)), int(np.argmax(way > 0.9))
        assert result.bifurcation is not None
        assert begins - 1 <= result.bifurcation <= ends + 1

    def curves(self, rng, live, size):
        """Rates and shares with errors of a series; live ones are unstable in a fifth of their states."""
        live, n = np.asarray(live, dtype=float), len(live)
        share = live * np.clip(0.2 + 0.03 * rng.standard_normal(n), 0.15, 1)
        rate = 0.1 + 0.05 * rng.random(n)
        return rate, np.full(n, 0.005), share, 0.02 * live, np.asarray(size) * np.exp(0.1 * rng.standard_normal(n))

    @pytest.mark.parametrize("seed", range(5))
    def test_curves_with_a_step_are_marked_at_it(self, seed):
        rng = np.random.default_rng(seed)
        live = np.arange(30) >= 11
        assert find_bifurcation(*self.curves(rng, live, np.where(live, 4.0, 1.0))) == 11

    def test_a_blip_before_the_step_is_passed_over(self):
        rng = np.random.default_rng(0)
        live = np.arange(30) >= 20
        blip = live.copy()
        blip[4] = True
        # At the blip most of what follows is as small as what was before.
        assert find_bifurcation(*self.curves(rng, blip, np.where(live, 4.0, 1.0))) == 20

    def test_unknown_snapshots_are_passed_over(self):
        curves = self.curves(np.random.default_rng(0), np.arange(12) >= 5, np.where(np.arange(12) >= 5, 4.0, 1.0))
        for curve in curves:
            curve[[2, 5, 6]] = np.nan
        assert find_bifurcation(*curves) == 7

    @pytest.mark.parametrize(
        ("curve", "value"),
        [
            pytest.param(2, 0, id="nothing unstable"), pytest.param(0, 0, id="the output stays"),
            pytest.param(3, 0.1, id="shares within their errors"), pytest.param(1, 0.1, id="rates within their errors"),
            pytest.param(4, 1, id="the orbit stays small"), pytest.param(2, 0.3, id="live from the start"),
            pytest.param(4, np.nan, id="nothing known"),
        ],
    )  # fmt: skip
    def test_each_condition_is_needed(self, curve, value):
        live = np.arange(12) >= 5
        curves = self.curves(np.random.default_rng(0), live, np.where(live, 4.0, 1.0))
        assert find_bifurcation(*curves) == 5
        curves[curve].fill(value)
        assert find_bifurcation(*curves) is None


@pytest.mark.parametrize(("series", "more", "message"), [
    ([], {}, "series must hold at least one network; got none"),
    ([random_network()], {}, "must say steps_done in their metadata; number 0 does not"),
    (at_steps([random_network(n=4), random_network(n=5)]), {}, "must have the same size; got 2 different ones"),
    (at_steps([random_network()] * 2)[::-1], {}, "must be in the order of their steps; got 10 after 20"),
    (at_steps([scaled(random_network(), noise=0.0)]), {}, "must have noise inputs; one has only weights of 0"),
    (at_steps([random_network()]), {"sigma": 0.0}, "sigma must be > 0; got 0"),
    (at_steps([random_network()]), {"sigma": np.inf}, "sigma must be >= 0; got inf"),
    (at_steps([random_network()]), {"seed": -1}, "seed must be >= 0; got -1"),
])  # fmt: skip
def test_bad_input_is_refused(series, more, message):
    with pytest.raises(ValueError, match=message):
        trace_emergence(series, **more)
