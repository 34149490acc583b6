"""Formation of the mechanism in training: when a few neurons come to trap the state, beside its fidelity.

Each snapshot of a training is measured in the same way. For the first and the last output, neurons are ranked by their
score for leaving it (see `kick_search`), and the first three or six are silenced:

    ratio = leave rate with a group silenced / leave rate of the snapshot as it is, under the same starts and noise

`recurrent` silences rows of W_hh, as the paper does; `unit` silences all input. The null is the same for random triples
of neurons outside both groups. A state that does not leave any more may stay in its cluster or run away in it, so each
ratio comes with whether activity stays bounded. Recurrent weights are means of W_hh over the 9 entries within a triple,
and onto it from the other triple.

Source: Torre et al. (2025), section 4.4 (weights) and section 5 (gain 0 of a kick triple); the scores, the leave rates
and the series are this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.emergence import check_series, said
from hmmrnn.analysis.fidelity import Fidelity, measure_fidelity
from hmmrnn.analysis.kick_search import (
    MIN_TIME_SHARE,
    REFERENCE_RUNS,
    REFERENCE_STEPS,
    TRANSIENT,
    profile_output,
    strongest,
)
from hmmrnn.analysis.leave_rates import MAX_GROWTH, RUNS, PairedLeaveRates
from hmmrnn.analysis.numerics import ProgressCallback, columns_of, jackknife_error, mean_and_error, no_progress
from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Intervention, Network, Result, few_threads, intervene, rollout
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate

# Neurons that are silenced: as many as in the paper's triples, and twice as many.
SIZES = (3, 6)
TARGETS = ("recurrent", "unit")
# Random triples of the null; steps of each of the 48 runs in which leave rates are measured.
CONTROLS, LEAVE_STEPS = 24, 600
FIDELITY_RUNS, FIDELITY_STEPS = 256, 2000
# A series may hold many snapshots; each takes seconds.
MOST_SNAPSHOTS = 12
GATED = ("transition_error", "marginal_error", "lag_error")

_CONTROL = 31


@dataclass(frozen=True, eq=False)
class Formation(Result):
    """The mechanism in K snapshots of a training; NaN where a snapshot diverges or does not visit an output."""

    steps_done: NDArray[np.int64]  # (K,) optimizer steps up to each snapshot
    loss: Floats  # (K,) the training's loss; NaN where its metadata do not hold it
    # loss_floor, loss_plateau: what the HMM itself and independent symbols reach; NaN if the metadata do not hold it.
    loss_floor: float
    loss_plateau: float
    # switching, switching_se: (K,) probability per step that the output changes.
    switching: Floats
    switching_se: Floats
    # volatility, volatility_se: (K,) share of steps at which the emission changes, over the HMM's; NaN without an HMM.
    volatility: Floats
    volatility_se: Floats
    # transition_error, marginal_error, lag_error: (K,) the errors of the fidelity gate; NaN without an HMM.
    transition_error: Floats
    marginal_error: Floats
    lag_error: Floats
    passes: NDArray[np.bool_]  # (K,) whether the snapshot passes the fidelity gate; False without an HMM
    outputs: tuple[int, int]  # the two outputs whose groups are silenced
    groups: NDArray[np.int64]  # (K, 2, 6) neurons by falling score; -1 where fewer have one
    # within, within_se: (K, 2) mean recurrent weight within the triple of each output.
    within: Floats
    within_se: Floats
    # between, between_se: (K, 2) mean recurrent weight onto the triple of each output from the other triple.
    between: Floats
    between_se: Floats
    # recurrent, recurrent_se, unit, unit_se: (K, 2, 2) leave rate of each output (axis 1) with its first three or six
    # neurons (axis 2) silenced, over that of the snapshot as it is.
    recurrent: Floats
    recurrent_se: Floats
    unit: Floats
    unit_se: Floats
    # recurrent_bounded, unit_bounded: (K, 2, 2) whether activity stays within ten times that of the snapshot as it is.
    recurrent_bounded: NDArray[np.bool_]
    unit_bounded: NDArray[np.bool_]
    null: Floats  # (K, 2, R) the same with the recurrent rows of R random triples silenced
    seed: int  # of all noise
    runs: int  # runs in which a leave rate is measured
    steps: int  # their length


def trace_formation(
    series: Sequence[Network], hmm: HMM | None = None, seed: int = 0, on_progress: ProgressCallback = no_progress
) -> Formation:
    """Measure the mechanism and the fidelity of each snapshot of a training.

    Args:
        series: K snapshots in the order of training, as for `trace_emergence`.
        hmm: the HMM that they are trained to emulate, if that is known.

    Raises:
        ValueError: as `trace_emergence`, or the networks have a single output.
    """
    steps_done = check_series(series)
    n_outputs = series[0].n_outputs
    if n_outputs < 2:
        raise ValueError("a mechanism of switching needs at least 2 outputs; got networks with 1")
    outputs = (0, n_outputs - 1)
    rows = []
    for done, network in enumerate(series, start=1):
        rows.append({**_switching(network, outputs, seed), **_fidelity(network, hmm, seed)})
        on_progress(done / len(series))
    return Formation(
        **columns_of(rows),
        steps_done=steps_done,
        loss=np.array([said(network, "loss") for network in series]),
        loss_floor=said(series[-1], "loss_floor"),
        loss_plateau=said(series[-1], "loss_plateau"),
        outputs=outputs,
        seed=int(seed),
        runs=RUNS,
        steps=LEAVE_STEPS,
    )


def choose_snapshots(count: int, most: int = MOST_SNAPSHOTS) -> list[int]:
    """Choose positions of at most `most` of a number of snapshots, evenly, the first and the last among them."""
    return sorted({round(float(place)) for place in np.linspace(0, count - 1, min(count, most))})


def _fidelity(network: Network, hmm: HMM | None, seed: int) -> dict[str, Any]:
    names = (*GATED, "volatility", "volatility_se")
    if hmm is None:
        return {**dict.fromkeys(names, np.nan), "passes": False}
    found: Fidelity = measure_fidelity(network, hmm, seed, FIDELITY_RUNS, FIDELITY_STEPS)
    volatility = (found.volatility_ratio, found.volatility_se / hmm.volatility if hmm.volatility else np.nan)
    numbers = (*(getattr(found, name) for name in GATED), *volatility)
    return {**dict(zip(names, numbers, strict=True)), "passes": found.passes}


def _switching(network: Network, outputs: tuple[int, int], seed: int) -> dict[str, Any]:
    """Switching, groups, weights and ratios of one snapshot."""
    row: dict[str, Any] = {
        "switching": np.nan,
        "switching_se": np.nan,
        "groups": np.full((2, max(SIZES)), -1),
        **{f"{name}{end}": np.full(2, np.nan) for name in ("within", "between") for end in ("", "_se")},
        **{f"{name}{end}": np.full((2, len(SIZES)), np.nan) for name in TARGETS for end in ("", "_se")},
        **{f"{name}_bounded": np.ones((2, len(SIZES)), dtype=bool) for name in TARGETS},
        "null": np.full((2, CONTROLS), np.nan),
    }
    run = simulate(network, REFERENCE_STEPS, REFERENCE_RUNS, seed=seed)
    if run.diverged:
        return row
    counted = count_switches(run.output[:, TRANSIENT:], network.n_outputs)
    row["switching"], row["switching_se"] = counted.switches_per_1000 / 1000, counted.switches_per_1000_se / 1000
    visited = [place for place, output in enumerate(outputs) if counted.time_share[output] >= MIN_TIME_SHARE]
    for place in visited:
        found = strongest(profile_output(network, run, outputs[place], seed).scores())[: max(SIZES)]
        row["groups"][place, : len(found)] = found
    _add_weights(row, network)
    taken = {int(i) for i in row["groups"].ravel() if i >= 0}
    with few_threads(network):
        for place in visited:
            _add_ratios(row, place, _Leaving(network, run, outputs[place], seed), taken)
    return row


def _triple(row: dict[str, Any], place: int) -> list[int]:
    """The first three neurons of an output, or none if it has fewer."""
    found = [int(i) for i in row["groups"][place, : SIZES[0]]]
    return [] if min(found) < 0 else found


def _add_weights(row: dict[str, Any], network: Network) -> None:
    triples = [_triple(row, place) for place in (0, 1)]
    for place, (own, other) in enumerate((triples, triples[::-1])):
        for name, source in (("within", own), ("between", other)):
            block = network.W_hh[np.ix_(own, source)].ravel() if own and source else np.empty(0)
            row[name][place], row[f"{name}_se"][place] = mean_and_error(block)


def _add_ratios(row: dict[str, Any], place: int, leaving: "_Leaving", taken: set[int]) -> None:
    group = [int(i) for i in row["groups"][place] if i >= 0]
    for column, size in enumerate(SIZES):
        if len(group) >= size:
            for target in TARGETS:
                found = leaving.ratio(Intervention(tuple(group[:size]), 0.0, target))
                for end, value in zip(("", "_se", "_bounded"), found, strict=True):
                    row[f"{target}{end}"][place, column] = value
    others = np.array(sorted(set(range(leaving.network.n_neurons)) - taken))
    if len(others) > SIZES[0]:
        rng = np.random.default_rng([leaving.seed, place, _CONTROL])
        for control in range(CONTROLS):
            drawn = tuple(int(i) for i in rng.choice(others, size=SIZES[0], replace=False))
            row["null"][place, control] = leaving.ratio(Intervention(drawn, 0.0, "recurrent"))[0]


class _Leaving:
    """How often one output is left, from 48 states with it and under one draw of the noise."""

    def __init__(self, network: Network, run: Trajectory, output: int, seed: int) -> None:
        self.network, self.output, self.seed = network, output, seed
        self.starts = PairedLeaveRates(network, run, output, TRANSIENT, seed).starts
        self.noise = draw_noise(network.n_inputs, LEAVE_STEPS, RUNS, 1.0, seed + 1)
        self.largest = float(run.h.max())
        *self.intact, _ = self._count(network)

    def ratio(self, item: Intervention) -> tuple[float, float, bool]:
        """Leave rate when intervened over the intact one, its jackknife error, and whether activity is bounded."""
        *found, end = self._count(intervene(self.network, item))
        # NaN compares as False, so it counts as growing too.
        bounded = bool(end <= MAX_GROWTH * self.largest)
        if not self.intact[0].sum():
            return np.nan, np.nan, bounded
        whole, parts = np.ones((1, RUNS), dtype=bool), ~np.eye(RUNS, dtype=bool)
        return float(self._over(found, whole)[0]), float(jackknife_error(self._over(found, parts))), bounded

    def _over(self, found: Sequence[Floats], chosen: NDArray[np.bool_]) -> Floats:
        """(S,) the ratio over each choice (S, B) of the runs; an output that is never seen again was left at once."""
        leaves, visits, own_leaves, own_visits = (chosen @ counts for counts in (*found, *self.intact))
        rate = np.divide(leaves, visits, out=np.ones(len(chosen)), where=visits > 0)
        return np.divide(rate * own_visits, own_leaves, out=np.full(len(chosen), np.nan), where=own_leaves > 0)

    def _count(self, network: Network) -> tuple[Floats, Floats, float]:
        """(B,) how often each run leaves the output, and how often it might; the largest activity at the end.

        Steps after activity is beyond what a float holds are not counted.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            h = rollout(network, network.drive(self.noise), self.starts).h
            logits = network.logits(h)
        known: NDArray[np.bool_] = np.all(np.isfinite(logits), axis=-1)
        here: NDArray[np.bool_] = np.equal(logits.argmax(axis=-1), self.output) & known
        now, following, goes_on = here[:, :-1], here[:, 1:], known[:, 1:]
        visits, leaves = ((where & goes_on).sum(axis=1, dtype=np.float64) for where in (now, now & ~following))
        return leaves, visits, float(h[:, -1].max())
