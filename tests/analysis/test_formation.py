"""Formation of the mechanism against plain loops, on a series in which a kick circuit is planted and then removed."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hmmrnn.analysis import formation
from hmmrnn.analysis.formation import SIZES, choose_snapshots, trace_formation
from hmmrnn.analysis.kick_search import TRANSIENT, profile_output
from hmmrnn.analysis.leave_rates import RUNS, PairedLeaveRates
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import draw_noise, simulate
from tests.naive import naive_leave_rate
from tests.networks import PlantedSwitch, planted_switch, random_network

SEED, STEPS, CONTROLS = 3, 200, 4
HMM_OF_TWO = HMM(A=[[0.95, 0.05], [0.05, 0.95]], B=[[0.99, 0.01], [0.01, 0.99]])


@pytest.fixture(scope="module")
def switch() -> PlantedSwitch:
    """Two outputs, each left by three planted kick neurons."""
    return planted_switch(hold=8, integrators=16, kick=3, echoes=1, idle=8)


def at_step(network: Network, step: int, **said: str) -> Network:
    return replace(network, metadata={"steps_done": str(step), **said})


@pytest.fixture(scope="module")
def series(switch) -> list[Network]:
    """The planted network, once without any recurrence, so that it has no kick neurons, and once as it is."""
    silent = replace(switch.network, W_hh=np.zeros_like(switch.network.W_hh))
    loss = {"loss_floor": "1.0", "loss_plateau": "3.0"}
    return [at_step(silent, 10, loss="2.5", **loss), at_step(switch.network, 20, loss="0.5", **loss)]


@pytest.fixture(scope="module")
def found(series):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formation, "LEAVE_STEPS", STEPS)
        patch.setattr(formation, "CONTROLS", CONTROLS)
        shares: list[float] = []
        traced = trace_formation(series, HMM_OF_TWO, SEED, shares.append)
    assert shares == [0.5, 1.0]
    return traced


def counts_by_run(network: Network, starts, noise, output: int) -> list[tuple[int, int]]:
    """How often each run leaves an output, and how often it might, step by step."""
    found = []
    for h, path in zip(starts, noise, strict=True):
        seen = []
        for x in path:
            h = np.maximum(network.W_hh @ h + network.W_ih @ x + network.b_h, 0)
            seen.append(int(np.argmax(network.W_out @ h + network.b_out)))
        pairs = list(pairwise(seen))
        found.append((sum(a == output != b for a, b in pairs), sum(a == output for a, _ in pairs)))
    return found


def test_what_the_training_says_is_kept(found):
    np.testing.assert_array_equal(found.steps_done, [10, 20])
    np.testing.assert_array_equal(found.loss, [2.5, 0.5])
    assert (found.loss_floor, found.loss_plateau, found.seed) == (1.0, 3.0, SEED)
    assert found.outputs == (0, 1)


def test_groups_have_the_highest_scores_for_leaving_their_output(found, series):
    network = series[1]
    run = simulate(network, 1000, 32, seed=SEED)
    for place in (0, 1):
        scores = profile_output(network, run, place, SEED).scores()
        best = scores[found.groups[1, place]]
        assert (np.diff(best) <= 0).all()
        assert (np.delete(scores, found.groups[1, place]) <= best[-1]).all()
        assert best[-1] > 0


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("target", formation.TARGETS)
def test_ratios_are_those_of_a_plain_loop_over_runs_and_steps(found, series, place, target):
    network = series[1]
    run = simulate(network, 1000, 32, seed=SEED)
    starts = PairedLeaveRates(network, run, place, TRANSIENT, SEED).starts
    noise = draw_noise(network.n_inputs, STEPS, RUNS, 1.0, SEED + 1)
    group = tuple(int(i) for i in found.groups[1, place, : SIZES[0]])
    silenced = intervene(network, Intervention(group, 0.0, target))
    rates = [naive_leave_rate(one, starts, noise, place) for one in (silenced, network)]
    assert 0 < rates[1] < 0.2
    np.testing.assert_allclose(getattr(found, target)[1, place, 0], rates[0] / rates[1], atol=1e-9)


def test_the_error_is_that_of_leaving_out_one_run_at_a_time(found, series):
    network, place = series[1], 0
    run = simulate(network, 1000, 32, seed=SEED)
    starts = PairedLeaveRates(network, run, place, TRANSIENT, SEED).starts
    noise = draw_noise(network.n_inputs, STEPS, RUNS, 1.0, SEED + 1)
    group = tuple(int(i) for i in found.groups[1, place, : SIZES[0]])
    silenced = intervene(network, Intervention(group, 0.0, "unit"))
    own, other = (counts_by_run(one, starts, noise, place) for one in (silenced, network))
    without = []
    for left_out in range(RUNS):
        kept = [b for b in range(RUNS) if b != left_out]
        rates = [sum(one[b][0] for b in kept) / sum(one[b][1] for b in kept) for one in (own, other)]
        without.append(rates[0] / rates[1])
    spread = np.sqrt((RUNS - 1) / RUNS * np.sum((np.array(without) - np.mean(without)) ** 2))
    np.testing.assert_allclose(found.unit_se[1, place, 0], spread, rtol=1e-6)


def test_silencing_planted_kick_neurons_traps_and_silencing_idle_ones_does_not(series, switch):
    network = series[1]
    leaving = formation._Leaving(network, simulate(network, 1000, 32, seed=SEED), 0, SEED)
    ratios = [leaving.ratio(Intervention(group, 0.0, "unit")) for group in (switch.kick[0, 1], switch.idle[:3])]
    assert ratios[0][0] < 0.5
    assert ratios[1] == (1.0, pytest.approx(0.0, abs=1e-12), True)


def test_a_ratio_says_whether_activity_stays_bounded(series, switch, monkeypatch):
    network = series[1]
    leaving = formation._Leaving(network, simulate(network, 1000, 32, seed=SEED), 0, SEED)
    item = Intervention(switch.idle[:3])
    monkeypatch.setattr(formation, "MAX_GROWTH", 0.01)
    assert leaving.ratio(item) == (1.0, pytest.approx(0.0, abs=1e-12), False)


def test_activity_beyond_what_a_float_holds_is_not_counted(series):
    """Doubling all recurrent weights lets activity run away within the 600 steps."""
    network = series[1]
    leaving = formation._Leaving(network, simulate(network, 1000, 32, seed=SEED), 0, SEED)
    doubled = Intervention(tuple(range(network.n_neurons)), 20.0, "recurrent")
    leaves, visits, end = leaving._count(intervene(network, doubled))
    assert not np.isfinite(end)
    assert (visits < formation.LEAVE_STEPS - 1).all()
    assert not leaving.ratio(doubled)[2]
    assert (leaves <= visits).all()


def test_the_null_is_of_triples_outside_the_groups(found, series):
    assert found.null.shape == (2, 2, CONTROLS)
    assert np.isfinite(found.null[1]).all()
    network, place = series[1], 1
    others = np.setdiff1d(np.arange(network.n_neurons), found.groups[1])
    drawn = np.random.default_rng([SEED, place, formation._CONTROL]).choice(others, size=3, replace=False)
    leaving = formation._Leaving(network, simulate(network, 1000, 32, seed=SEED), place, SEED)
    leaving.noise = leaving.noise[:, :STEPS]
    leaving.intact = leaving._count(network)[:2]
    item = Intervention(tuple(int(i) for i in drawn), 0.0, "recurrent")
    assert leaving.ratio(item)[0] == pytest.approx(found.null[1, place, 0], abs=1e-12)


def test_weights_are_means_of_blocks(found, series, switch):
    W = series[1].W_hh
    triples = [found.groups[1, place, :3].tolist() for place in (0, 1)]
    for place, (own, other) in enumerate((triples, triples[::-1])):
        within = [W[i, j] for i in own for j in own]
        between = [W[i, j] for i in own for j in other]
        np.testing.assert_allclose(found.within[1, place], np.mean(within))
        np.testing.assert_allclose(found.between[1, place], np.mean(between))
        np.testing.assert_allclose(found.between_se[1, place], np.std(between, ddof=1) / 3)
    assert (found.within[1] > 0).all()


def test_a_snapshot_without_kick_neurons_has_no_groups_and_no_ratios(found):
    """Without recurrence the output is decided anew at each step; nothing builds up."""
    for name in ("within", "between", "recurrent", "unit"):
        if (found.groups[0] < 0).all():
            assert np.isnan(getattr(found, name)[0]).all()
    assert not found.passes[0]


def test_fidelity_is_that_of_the_gate(found, series):
    judged = formation.measure_fidelity(series[1], HMM_OF_TWO, SEED, formation.FIDELITY_RUNS, formation.FIDELITY_STEPS)
    assert found.volatility[1] == judged.volatility_ratio
    assert found.volatility_se[1] == pytest.approx(judged.volatility_se / HMM_OF_TWO.volatility)
    assert (found.transition_error[1], found.passes[1]) == (judged.transition_error, judged.passes)


def test_without_an_hmm_nothing_is_said_of_fidelity(series, monkeypatch):
    monkeypatch.setattr(formation, "LEAVE_STEPS", 20)
    monkeypatch.setattr(formation, "CONTROLS", 1)
    traced = trace_formation(series[1:])
    assert np.isnan(traced.volatility).all()
    assert not traced.passes.any()


def test_a_snapshot_that_diverges_is_left_blank():
    growing = Network(1.6 * np.eye(4), np.eye(4), np.eye(2, 4), metadata={"steps_done": "1"})
    traced = trace_formation([growing])
    assert np.isnan(traced.switching).all()
    assert (traced.groups == -1).all()
    assert np.isnan(traced.null).all()


def test_a_series_must_be_one():
    with pytest.raises(ValueError, match="at least 2 outputs; got networks with 1"):
        trace_formation([at_step(random_network(o=1), 1)])
    with pytest.raises(ValueError, match="in the order of their steps"):
        trace_formation([at_step(random_network(), 2), at_step(random_network(), 1)])


@pytest.mark.parametrize(
    ("count", "chosen"),
    [(1, [0]), (3, [0, 1, 2]), (12, list(range(12))), (44, [0, 4, 8, 12, 16, 20, 23, 27, 31, 35, 39, 43])],
)
def test_at_most_twelve_snapshots_are_chosen_with_both_ends(count, chosen):
    assert choose_snapshots(count) == chosen
