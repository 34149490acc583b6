"""HMM recovered: transition and emission probabilities estimated from what a network emits, beside its target's.

    joints      min over A, B of  sum_k |J_k(A, B) - J_k(emissions)|^2      J_k(i, j) = P(y_t = i, y_{t+k} = j)
    Baum-Welch  max over A, B of  sum_b ln P(y_b | A, B)                    from the solution of the joints
    BIC         ln(n) (free parameters) - 2 ln P(y | A, B)                  the number of states with the smallest one

Joints of pairs do not always tell the emissions: where all states are left at one rate, others meet them as well. An
estimate is compared with the target after its states are permuted to fit best. Floor: the same estimate from as many
emissions that the target itself emitted.

Source: Baum et al. (1970); Schwarz (1978) for BIC; Mattila et al. (2020) for estimates from joint probabilities; the
question is that of work on dynamical correlations and implicit representations in recurrent networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, jackknife_error, mean_and_error, no_progress, progress_part
from hmmrnn.lenses.runs import settled_runs, target_of
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network, Result
from hmmrnn.model.simulation import softmax

RUNS, STEPS = 40, 1000
LAGS = tuple(range(1, 13))
STARTS, JOINT_STEPS = 4, 40
# Of Baum-Welch from afar, from close by, and for each number of states.
ITERATIONS, CLOSE_BY, EACH, TOLERANCE = 45, 15, 30, 1e-2
# Parts of the runs, of which one after the other is left out.
PARTS = 5
LENGTHS, REPEATS = (500, 2000, 8000), 5
MOST_STATES, ORDER_RUNS, ORDER_STARTS = 6, 8, 2
RATES, CONTRASTS = np.linspace(0.4, 2.0, 25), np.linspace(0.5, 1.1, 25)
LEAST = 1e-6

INSTALL = "Baum-Welch needs hmmlearn, which is not installed; pip install 'hmmrnn[lenses]' brings it"


@dataclass(frozen=True, eq=False)
class Recovered(Result):
    """The HMM that a network's emissions ask for. Errors are mean absolute differences of probabilities."""

    transition_error: float  # of A
    transition_error_se: float  # standard error, by leaving out a fifth of the runs at a time
    transition_error_null: float  # from the target's own emissions
    # emission_error, emission_error_se, emission_error_null: the same of B.
    emission_error: float
    emission_error_se: float
    emission_error_null: float
    states_by_bic: int  # number of hidden states with the smallest BIC
    states_by_bic_null: int  # the same from the target's own emissions
    # A, A_se: (K, K) estimate, and standard errors; B, B_se: (K, O).
    A: Floats
    A_se: Floats
    B: Floats
    B_se: Floats
    # target_A, target_B: the target's.
    target_A: Floats
    target_B: Floats
    transition_error_joints: float  # of the solution of the joints alone
    states: NDArray[np.int64]  # (M,) numbers of hidden states that were tried
    # bic, held_out: (M, 2) of the network's and of the target's emissions: BIC per emission, less the smallest; nats
    # per emission of runs that were left out.
    bic: Floats
    held_out: Floats
    lengths: NDArray[np.int64]  # (L,) numbers of emissions
    # error_by_length, error_by_length_se: (L, 2) error of A from so many emissions of the network and of the target,
    # and standard errors over 5 sets of them.
    error_by_length: Floats
    error_by_length_se: Floats
    rates: Floats  # (R,) factors of all rates of leaving a state, A = I + r (target A - I)
    contrasts: Floats  # (C,) factors of the emissions' contrast, B = mean + c (target B - mean)
    landscape: Floats  # (R, C) squared difference of the joints; NaN where a probability would leave 0 to 1
    emissions: int  # number of emissions that the estimate is of
    seed: int  # seed of the noise

    @property
    def hmm(self) -> HMM:
        """The estimate, from which a network can be trained like from any other HMM."""
        return HMM(self.A, self.B, name="recovered")


def recovered(network: Network, seed: int = 0, *, on_progress: ProgressCallback = no_progress) -> Recovered:
    """Estimate an HMM from a network's emissions, and compare it with the target.

    Raises:
        ValueError: the network's HMM is not known, or the network diverges.
        ImportError: hmmlearn is not installed.
    """
    hmm = target_of(network)
    y = settled_runs(network, seed, RUNS, STEPS).emission
    own = stationary_sample(hmm, len(y), y.shape[1], seed)
    on_progress(0.1)
    fit, parts = _with_parts(y, hmm, seed, progress_part(on_progress, 0.1, 0.4))
    floor = align(baum_welch(own, fit_joints(own, hmm.n_states, hmm.n_outputs, seed)), hmm)
    on_progress(0.5)
    of_network = _orders(y, hmm.n_outputs, seed, progress_part(on_progress, 0.5, 0.7))
    of_target = _orders(own, hmm.n_outputs, seed, progress_part(on_progress, 0.7, 0.9))
    lengths, errors, errors_se = _by_length((y, own), hmm)
    bic = np.stack([of_network[0], of_target[0]], axis=-1)
    most = np.arange(1, len(bic) + 1)
    joints = fit_joints(y, hmm.n_states, hmm.n_outputs, seed)
    return Recovered(
        **_errors("transition_error", fit.A, [part.A for part in parts], floor.A, hmm.A),
        **_errors("emission_error", fit.B, [part.B for part in parts], floor.B, hmm.B),
        states_by_bic=int(most[bic[:, 0].argmin()]),
        states_by_bic_null=int(most[bic[:, 1].argmin()]),
        A=fit.A,
        A_se=jackknife_error(np.array([part.A for part in parts])),
        B=fit.B,
        B_se=jackknife_error(np.array([part.B for part in parts])),
        target_A=hmm.A,
        target_B=hmm.B,
        transition_error_joints=float(np.abs(align(joints, hmm).A - hmm.A).mean()),
        states=most,
        bic=bic - bic.min(axis=0),
        held_out=np.stack([of_network[1], of_target[1]], axis=-1),
        lengths=lengths,
        error_by_length=errors,
        error_by_length_se=errors_se,
        rates=RATES,
        contrasts=CONTRASTS,
        landscape=joint_landscape(hmm, lag_joints(y, hmm.n_outputs)),
        emissions=y.size,
        seed=seed,
    )


def stationary_sample(hmm: HMM, n_sequences: int, length: int, seed: int) -> NDArray[np.int64]:
    """Emissions (B, T) of an HMM that has run for long."""
    return HMM(hmm.A, hmm.B, hmm.stationary).sample(n_sequences, length, seed)[0]


# ---- joints ----


def lag_joints(emissions: NDArray[np.integer], n_outputs: int, lags: Sequence[int] = LAGS) -> Floats:
    """Probability (L, O, O) of symbol i now and symbol j so many steps later, counted in emissions (B, T)."""
    codes = [emissions[:, :-lag] * n_outputs + emissions[:, lag:] for lag in lags]
    counts = np.array([np.bincount(code.ravel(), minlength=n_outputs**2) for code in codes], dtype=float)
    return (counts / counts.sum(axis=1, keepdims=True)).reshape(len(lags), n_outputs, n_outputs)


def exact_joints(A: Floats, B: Floats, lags: Sequence[int] = LAGS) -> Floats:
    """The same (L, O, O) of the stationary chain of transition and emission probabilities, exactly."""
    # pi (I - A + 1) = 1: rows of ones make the equations of the stationary distribution regular.
    pi = np.linalg.solve((np.eye(len(A)) - A + 1.0).T, np.ones(len(A)))
    weighted, powers, found = (pi[:, None] * B).T, np.eye(len(A)), {}
    for lag in range(1, max(lags) + 1):
        powers = powers @ A
        found[lag] = weighted @ powers @ B
    return np.array([found[lag] for lag in lags])


def fit_joints(
    emissions: NDArray[np.integer], n_states: int, n_outputs: int, seed: int = 0, starts: int = STARTS
) -> HMM:
    """The HMM with so many states whose joints are closest to those of emissions (B, T), of several starts."""
    return fit_to_joints(lag_joints(emissions, n_outputs), n_states, seed=seed, starts=starts)


def fit_to_joints(
    joints: Floats, n_states: int, lags: Sequence[int] = LAGS, seed: int = 0, starts: int = STARTS
) -> HMM:
    """The HMM with so many states whose joints are closest to joints (L, O, O), by gradient on logits."""
    from scipy.optimize import least_squares

    rng = np.random.default_rng([seed, n_states])
    n_outputs = joints.shape[1]

    def unpack(flat: Floats) -> tuple[Floats, Floats]:
        split = n_states * n_states
        return softmax(flat[:split].reshape(n_states, -1)), softmax(flat[split:].reshape(n_states, n_outputs))

    def miss(flat: Floats) -> Floats:
        return (exact_joints(*unpack(flat), lags) - joints).ravel()

    found = []
    for _ in range(starts):
        stay, heard = 3.0 * np.eye(n_states), 2.0 * rng.standard_normal((n_states, n_outputs))
        start = np.concatenate([(stay + 0.3 * rng.standard_normal(stay.shape)).ravel(), heard.ravel()])
        found.append(least_squares(miss, start, max_nfev=JOINT_STEPS))
    best = min(found, key=lambda one: one.cost)
    return HMM(*unpack(best.x), name="joints")


def joint_landscape(hmm: HMM, joints: Floats, lags: Sequence[int] = LAGS) -> Floats:
    """Squared difference (R, C) of joints, over the rates of leaving and the contrast of the emissions of an HMM."""
    mean = hmm.stationary @ hmm.B
    landscape = np.full((len(RATES), len(CONTRASTS)), np.nan)
    for r, rate in enumerate(RATES):
        A = np.eye(hmm.n_states) + rate * (hmm.A - np.eye(hmm.n_states))
        for c, contrast in enumerate(CONTRASTS):
            B = mean + contrast * (hmm.B - mean)
            if min(A.min(), B.min()) >= 0:
                landscape[r, c] = ((exact_joints(A, B, lags) - joints) ** 2).sum()
    return landscape


# ---- Baum-Welch ----


def baum_welch(emissions: NDArray[np.integer], start: HMM, iterations: int = ITERATIONS) -> HMM:
    """The HMM of largest likelihood that the Baum-Welch algorithm reaches from a start, for emissions (B, T).

    Raises:
        ImportError: hmmlearn is not installed.
    """
    model = _model(start, iterations)
    model.fit(emissions.reshape(-1, 1), [emissions.shape[1]] * len(emissions))
    return HMM(model.transmat_, model.emissionprob_, model.startprob_, name="recovered")


def _model(start: HMM, iterations: int) -> Any:
    try:
        from hmmlearn.hmm import CategoricalHMM
    except ImportError as error:
        raise ImportError(INSTALL) from error
    model = CategoricalHMM(start.n_states, n_features=start.n_outputs, n_iter=iterations, tol=TOLERANCE, init_params="")
    # Probabilities of exactly 0 stay 0 for good, whatever is emitted.
    model.startprob_, model.transmat_, model.emissionprob_ = (
        np.maximum(part, LEAST) / np.maximum(part, LEAST).sum(axis=-1, keepdims=True)
        for part in (start.stationary, start.A, start.B)
    )
    return model


def align(found: HMM, target: HMM) -> HMM:
    """The same HMM with its states in the order that fits the target best; of another number of states as it is."""
    if found.n_states != target.n_states:
        return found
    if found.n_states <= 7:
        order = min(permutations(range(found.n_states)), key=lambda p: _distance(found, target, list(p)))
    else:
        from scipy.optimize import linear_sum_assignment

        order = linear_sum_assignment(((target.B[:, None] - found.B[None]) ** 2).sum(axis=-1))[1]
    p = list(order)
    return HMM(found.A[np.ix_(p, p)], found.B[p], found.start[p], name=found.name)


def _distance(found: HMM, target: HMM, p: list[int]) -> float:
    return float(((found.A[np.ix_(p, p)] - target.A) ** 2).sum() + ((found.B[p] - target.B) ** 2).sum())


def _with_parts(y: NDArray[np.int64], hmm: HMM, seed: int, on_progress: ProgressCallback) -> tuple[HMM, list[HMM]]:
    """The estimate from all runs, and those without each fifth of them, from where all together led."""
    fit = align(baum_welch(y, fit_joints(y, hmm.n_states, hmm.n_outputs, seed)), hmm)
    parts = []
    for part in range(PARTS):
        parts.append(align(baum_welch(np.delete(y, np.s_[part::PARTS], axis=0), fit, CLOSE_BY), hmm))
        on_progress((part + 1) / PARTS)
    return fit, parts


def _errors(name: str, fit: Floats, parts: list[Floats], floor: Floats, target: Floats) -> dict[str, float]:
    def of(estimate: Floats) -> float:
        return float(np.abs(estimate - target).mean())

    error = jackknife_error(np.array([of(part) for part in parts]))
    return {name: of(fit), f"{name}_se": float(error), f"{name}_null": of(floor)}


def split_state(hmm: HMM, seed: int = 0) -> HMM:
    """The same HMM with its commonest state as two, which differ a little."""
    rng = np.random.default_rng([seed, hmm.n_states])
    at = int(hmm.stationary.argmax())
    whole = np.append(np.arange(hmm.n_states), at)
    A, B = hmm.A[np.ix_(whole, whole)], hmm.B[whole]
    A[:, [at, -1]] /= 2
    A, B = (part * np.exp(0.3 * rng.standard_normal(part.shape)) for part in (A, B))
    return HMM(A / A.sum(axis=1, keepdims=True), B / B.sum(axis=1, keepdims=True), name="split")


def _orders(y: NDArray[np.int64], n_outputs: int, seed: int, on_progress: ProgressCallback) -> tuple[Floats, Floats]:
    """BIC per emission, and nats per emission of runs that were left out, for 1 to 6 hidden states."""
    train, test = y[:ORDER_RUNS], y[ORDER_RUNS : 2 * ORDER_RUNS]
    bic, held_out, best_fit = [], [], None
    for k in range(1, MOST_STATES + 1):
        starts = [fit_joints(train, k, n_outputs, seed, starts=ORDER_STARTS)]
        # A state more than the best so far, so that no likelihood is lost on the way.
        starts += [split_state(best_fit, seed)] if best_fit else []
        fits = [baum_welch(train, start, EACH) for start in starts]
        likely = [fit.log_likelihood(train).sum() for fit in fits]
        best = int(np.argmax(likely))
        best_fit = fits[best]
        free = k * (k - 1) + k * (n_outputs - 1) + k - 1
        bic.append((free * np.log(train.size) - 2 * likely[best]) / train.size)
        held_out.append(fits[best].log_likelihood(test).sum() / test.size)
        on_progress(k / MOST_STATES)
    return np.array(bic), np.array(held_out)


def _by_length(sources: tuple[NDArray[np.int64], ...], hmm: HMM) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Error of A by the number of emissions, each estimate started at the target: its statistical error alone."""
    lengths = np.array([length for length in LENGTHS if length * REPEATS <= sources[0].size])
    error = np.empty((2, len(lengths), len(sources)))
    for s, y in enumerate(sources):
        flat = y.reshape(-1)
        for place, length in enumerate(lengths):
            sets = flat[: REPEATS * length].reshape(REPEATS, 1, length)
            fits = [align(baum_welch(one, hmm, EACH), hmm) for one in sets]
            off = np.array([np.abs(fit.A - hmm.A).mean() for fit in fits])
            error[:, place, s] = mean_and_error(off)
    return lengths, error[0], error[1]
