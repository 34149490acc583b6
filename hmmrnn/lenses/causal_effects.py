"""Causal effects: what silencing each neuron does to the exits and to the input of every other neuron.

    effect(j, a -> b) = leave rate a -> b with j silenced - intact       same starts, same noise
    total(i, j)       = E[pre_i with j silenced] - E[pre_i]              j silenced for good
    pulse_k(i, j)     = E[pre_i k steps after j was silenced for one step] - E[pre_i]
    direct(i, j)      = -W_ij E[h_j]

pulse_1 is the direct effect, and stands for it where gates or a leak lie between; what total has beyond it goes through
other neurons. In a network whose neurons are always active total(i, j) = -T_ij / T_jj E[h_j] for i other than j, with
T = (I - W)^-1.

Null: if j has no effect, each run's difference is as likely above zero as below. The band is the 95th percentile of the
largest effect of any neuron when the runs' differences change their signs at random.

Source: interventions in structural equation models (Pearl, 2009), as in neural SEM; the sign-flip test for all neurons
at once is that of Westfall and Young (1993).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, mean_and_error, no_progress, on_all_cores, progress_part
from hmmrnn.analysis.stability import spectra
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.model.network import Floats, Intervention, Network, Result, few_threads, intervene, rollout
from hmmrnn.model.simulation import draw_drive, first_divergence

# LEAD: steps of the runs, after the transient, whose ends are the starts.
RUNS, STEPS, LEAD = 64, 300, 100
LAGS = (1, 2, 5)
SPECTRA, SIGN_FLIPS, STRONGEST = 6, 400, 10
# An exit that makes a smaller share of all switches is not measured.
MIN_EXIT_SHARE = 0.01
# Neurons whose pulses are run at once.
BLOCK_NEURONS = 25


@dataclass(frozen=True, eq=False)
class Effects(Result):
    """Effects of silencing each of N neurons, by exit and by neuron; standard errors are over runs."""

    # strongest: (neuron, exit as "0->2", effect) of the ten largest effects on a leave rate, per step; strongest_se and
    # strongest_null: standard error of each, and the band of its exit.
    strongest: tuple[tuple[int, str, float], ...]
    strongest_se: tuple[float, ...]
    strongest_null: tuple[float, ...]
    exits: tuple[str, ...]  # (E) exits that are taken, as "0->2"
    leave_rate: Floats  # (E,) of the intact network, per step
    leave_rate_se: Floats  # (E,) its standard error
    effect: Floats  # (N, E) change of the leave rate, per step; NaN where activity grows without bound
    effect_se: Floats  # (N, E) its standard error
    band: Floats  # (E,) that 95 % of the largest effects stay within if no neuron has any
    # total, total_se: (N, N) change of the mean input of the neuron in the row, with that in the column silenced.
    total: Floats
    total_se: Floats
    # direct, direct_se: (N, N) what the weight alone makes of it.
    direct: Floats
    direct_se: Floats
    lags: NDArray[np.int64]  # (L,) steps after a pulse
    pulse: Floats  # (L, N, N) change of the mean input after one step of silence
    pulse_se: Floats  # (L, N, N) its standard error
    # critical_pairs: mean number in the intact network; critical_pairs_effect, critical_pairs_effect_se: (N,) its
    # change with each neuron silenced, at the same states.
    critical_pairs: float
    critical_pairs_effect: Floats
    critical_pairs_effect_se: Floats
    seed: int  # seed of the noise


def effects(network: Network, seed: int = 0, *, on_progress: ProgressCallback = no_progress) -> Effects:
    """Silence each neuron by itself, and measure leave rates, inputs and critical pairs beside the intact network.

    Raises:
        ValueError: the network diverges, or its output never changes.
    """
    starts = settled_runs(network, seed, RUNS, LEAD).state[:, -1]
    drive = draw_drive(network, STEPS, RUNS, 1.0, seed + 1)
    with few_threads(network):
        intact = _Look.at(network, starts, drive)
        exits = _exits(intact.counts.sum(axis=0))
        if not exits:
            raise ValueError("the output of this network never changes, so there is no exit that a neuron could act on")
        on_progress(0.05)
        silenced = _silence_each(network, starts, drive, on_progress)
        pulse, pulse_se = pulses(network, starts, drive, LAGS)
        pairs = _critical_pairs(network, starts[:SPECTRA], progress_part(on_progress, 0.8, 1.0))
    effect, effect_se, band = _on_exits(intact, silenced, exits, seed)
    total, total_se = mean_and_error(np.stack([one.mean - intact.mean for one in silenced], axis=-1))
    direct = _direct(network, intact, pulse[0], pulse_se[0])
    rates, rates_se = mean_and_error(np.stack([intact.influence(*exit) for exit in exits], axis=-1))
    names = tuple(f"{a}->{b}" for a, b in exits)
    order = _strongest(effect)
    change, change_se = mean_and_error(pairs[1] - pairs[0][:, None])
    return Effects(
        strongest=tuple((int(j), names[e], float(effect[j, e])) for j, e in order),
        strongest_se=tuple(float(effect_se[j, e]) for j, e in order),
        strongest_null=tuple(float(band[e]) for _, e in order),
        exits=names,
        leave_rate=rates,
        leave_rate_se=rates_se,
        effect=effect,
        effect_se=effect_se,
        band=band,
        total=total,
        total_se=total_se,
        direct=direct[0],
        direct_se=direct[1],
        lags=np.array(LAGS),
        pulse=pulse,
        pulse_se=pulse_se,
        critical_pairs=float(pairs[0].mean()),
        critical_pairs_effect=change,
        critical_pairs_effect_se=change_se,
        seed=seed,
    )


def pulses(network: Network, starts: Floats, drive: Floats, lags: tuple[int, ...] = LAGS) -> tuple[Floats, Floats]:
    """Change of the mean input (L, N, N) of each neuron k steps after one was silent for one step, and its error.

    Args:
        starts: (B, S) states in which the neuron is silenced, of B independent runs.
        drive: (B, T, D) what enters from outside afterwards, T at least the longest lag.
    """
    runs, n = len(starts), network.n_neurons
    at = np.array(lags) - 1
    drive = drive[:, : max(lags)]
    intact = rollout(network, drive, starts).pre_activation[:, at]
    change, error = np.empty((2, len(lags), n, n))
    for first in range(0, n, BLOCK_NEURONS):
        block = np.arange(first, min(first + BLOCK_NEURONS, n))
        pushed = np.repeat(starts[None], len(block), axis=0)
        pushed[np.arange(len(block)), :, block] = 0.0
        shape = (len(block), *drive.shape)
        path = rollout(
            network, np.broadcast_to(drive, shape).reshape(-1, *drive.shape[1:]), pushed.reshape(-1, starts.shape[1])
        )
        moved = path.pre_activation[:, at].reshape(len(block), runs, len(lags), n) - intact
        mean, of_mean = mean_and_error(moved.swapaxes(0, 1))
        change[:, :, block], error[:, :, block] = mean.transpose(1, 2, 0), of_mean.transpose(1, 2, 0)
    return change, error


def regress_weights(before: Floats, pre_activation: Floats, drive: Floats) -> Floats:
    """W_hh (N, N) from states (S, N), the input to the neurons in the next step, and what entered from outside.

    It is exact where the states span all directions; weights from a neuron that is never active come out as 0.
    """
    return np.asarray(np.linalg.lstsq(before, pre_activation - drive, rcond=1e-10)[0].T, dtype=np.float64)


# ---- one neuron at a time ----


@dataclass(frozen=True, eq=False)
class _Look:
    """What is counted in B runs of a network."""

    counts: Floats  # (B, O, O) steps from one output to another
    mean: Floats  # (B, N) mean input to the neurons
    activity: Floats  # (B, N) mean activity before each step
    bounded: bool  # whether no run diverges

    @classmethod
    def at(cls, network: Network, starts: Floats, drive: Floats) -> "_Look":
        path = rollout(network, drive, starts)
        output = network.logits(path.state).argmax(axis=-1)
        o = network.n_outputs
        code = output[:, :-1] * o + output[:, 1:]
        counts = np.array([np.bincount(one, minlength=o * o) for one in code]).reshape(-1, o, o)
        bounded = bool((first_divergence(path.h, drive, starts) < 0).all())
        activity = (path.h[:, :-1].sum(axis=1) + starts[:, : network.n_neurons]) / drive.shape[1]
        return cls(counts, path.pre_activation.mean(axis=1), activity, bounded)

    def influence(self, a: int, b: int) -> Floats:
        """(B,) leave rate from a to b as a mean over runs: the rate, and what each run adds to it."""
        stays = self.counts[:, a].sum(axis=1)
        if not self.bounded or not stays.sum():
            return np.full(len(stays), np.nan)
        rate = self.counts[:, a, b].sum() / stays.sum()
        return rate + (self.counts[:, a, b] - rate * stays) / stays.mean()


def _silence_each(network: Network, starts: Floats, drive: Floats, on_progress: ProgressCallback) -> list[_Look]:
    def look(j: int) -> _Look:
        changed = drive.copy()
        changed[..., network.drive_columns((j,))] = 0.0
        return _Look.at(intervene(network, Intervention((j,))), starts, changed)

    found: list[_Look] = []
    for first in range(0, network.n_neurons, BLOCK_NEURONS):
        found += on_all_cores(look, range(first, min(first + BLOCK_NEURONS, network.n_neurons)))
        on_progress(0.05 + 0.75 * len(found) / network.n_neurons)
    return found


def _direct(network: Network, intact: _Look, pulse: Floats, pulse_se: Floats) -> tuple[Floats, Floats]:
    """What a weight alone makes of silencing (N, N), and its error; of a cell with gates or a leak, the first pulse."""
    if network.kind.is_gated or network.is_leaky:
        return pulse, pulse_se
    mean, error = mean_and_error(intact.activity)
    return -network.W_hh * mean, np.abs(network.W_hh) * error


def _exits(counts: NDArray[np.integer]) -> list[tuple[int, int]]:
    """Pairs of outputs that make enough of the switches."""
    left = counts * ~np.eye(len(counts), dtype=bool)
    return [(int(a), int(b)) for a, b in np.argwhere(left > MIN_EXIT_SHARE * left.sum())]


def _on_exits(
    intact: _Look, silenced: list[_Look], exits: list[tuple[int, int]], seed: int
) -> tuple[Floats, Floats, Floats]:
    """Effects (N, E) on the leave rates, standard errors, and bands (E,)."""
    effect, error = np.full((2, len(silenced), len(exits)), np.nan)
    band = np.full(len(exits), np.nan)
    signs = np.random.default_rng([seed, 3]).choice([-1.0, 1.0], size=(SIGN_FLIPS, len(intact.counts)))
    for e, exit in enumerate(exits):
        paired = np.stack([one.influence(*exit) for one in silenced], axis=1) - intact.influence(*exit)[:, None]
        effect[:, e], error[:, e] = mean_and_error(paired)
        known = paired[:, np.isfinite(paired).all(axis=0)]
        largest = np.abs(signs @ known / len(signs[0])).max(axis=1, initial=0.0)
        band[e] = np.quantile(largest, 0.95)
    return effect, error, band


def _strongest(effect: Floats) -> list[tuple[int, int]]:
    """Neuron and exit of the largest effects, in falling order."""
    size = np.nan_to_num(np.abs(effect)).ravel()
    order = [int(i) for i in np.argsort(-size, kind="stable")[:STRONGEST] if size[i] > 0]
    return [divmod(i, effect.shape[1]) for i in order]


def _critical_pairs(network: Network, states: Floats, on_progress: ProgressCallback) -> tuple[Floats, Floats]:
    """Critical pairs at S states, (S,) intact and (S, N) with each neuron silenced."""
    silenced = np.empty((len(states), network.n_neurons))
    for j in range(network.n_neurons):
        silenced[:, j] = spectra(intervene(network, Intervention((j,))), states).critical_pairs
        if j % BLOCK_NEURONS == 0:
            on_progress(j / network.n_neurons)
    return spectra(network, states).critical_pairs.astype(float), silenced
