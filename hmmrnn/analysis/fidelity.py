"""Fidelity: the statistics of a network's long runs against the exact ones of its target HMM.

A network that fits short windows can still diverge or get stuck beyond them, so it is judged on long runs
from h_0 = 0. Given the activity, emissions at different steps are independent draws from p_t; joint symbol
probabilities are therefore averaged over p_t p_{t+k}, which has the same mean as counting sampled symbols
and less variance.

Source: Torre et al. (2025), section 3 and appendix B; the thresholds of the gate are this project's own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import mean_and_error, ratio_of_sums
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network, few_threads, rollout
from hmmrnn.model.simulation import check_counts, draw_drive, draw_emissions, first_divergence, softmax

LAGS = (1, 2, 5, 10, 20)
GATE_LAGS = (2, 5, 10)
MIN_ROW_MASS = 0.02
MAX_TRANSITION_ERROR = 0.03
MAX_MARGINAL_ERROR = 0.03
MAX_VOLATILITY_DEVIATION = 0.10
MAX_LAG_ERROR = 0.08
CHUNK_TRAJECTORIES, CHUNK_VALUES = 16, 10_000_000


@dataclass(frozen=True, eq=False)
class Fidelity:
    """A network's long-run statistics beside its target's.

    Errors are the largest absolute difference of two probabilities. Standard errors come from the spread
    between trajectories; where the target's value is exact, that of the network is also that of their difference.
    If any run diverged, the statistics are over the runs that did not (NaN if none).
    """

    # Largest error of the emission transition matrix, over rows with more than 2 % of the target's mass.
    transition_error: float
    marginal_error: float  # largest error of the symbols' shares
    # Share of steps at which the symbol changes, network over target; NaN where the target's never does.
    volatility_ratio: float
    lag_error: float  # largest error of the agreement at lags 2, 5 and 10
    # Nats per symbol by which the target's own sequences are likelier under it than the network's; 0 is perfect, and
    # sampling can make it slightly negative.
    log_likelihood_gap: float
    log_likelihood: float  # nats per symbol of the network's emissions under the target; -inf if it cannot emit them
    target_log_likelihood: float  # that of the target's own sequences, as many and as long: minus its entropy rate
    # marginal, transitions, agreement, volatility: the network's own values: (O,), (O, O), (L,) over `LAGS`, scalar.
    marginal: Floats
    transitions: Floats
    agreement: Floats
    volatility: float
    # target_marginal, target_transitions, target_agreement, target_volatility: the target's, exact.
    target_marginal: Floats
    target_transitions: Floats
    target_agreement: Floats
    target_volatility: float
    # marginal_se, transitions_se, agreement_se, volatility_se, log_likelihood_se, target_log_likelihood_se,
    # log_likelihood_gap_se: standard errors.
    marginal_se: Floats
    transitions_se: Floats
    agreement_se: Floats
    volatility_se: float
    log_likelihood_se: float
    target_log_likelihood_se: float
    log_likelihood_gap_se: float
    diverged: int  # number of runs that diverged
    # trajectories, steps: size of the test.
    trajectories: int
    steps: int
    seed: int  # seed of the noise

    @property
    def passes(self) -> bool:
        """Whether every criterion of the gate holds."""
        return not self.failures

    @property
    def failures(self) -> tuple[str, ...]:
        """The criteria of the gate that do not hold, each as a short sentence with its number."""
        checks = [
            (self.diverged == 0, f"{self.diverged} of {self.trajectories} runs diverged"),
            _at_most("transition error", self.transition_error, MAX_TRANSITION_ERROR),
            _at_most("marginal error", self.marginal_error, MAX_MARGINAL_ERROR),
            self._volatility(),
            _at_most("lag error", self.lag_error, MAX_LAG_ERROR),
        ]
        if self.diverged == self.trajectories:
            # Then there is nothing that the others could be measured on.
            checks = checks[:1]
        return tuple(sentence for holds, sentence in checks if not holds)

    def _volatility(self) -> tuple[bool, str]:
        """Whether the symbol changes as often as the target's; without a ratio where the target's never does."""
        if self.target_volatility == 0:
            held = self.volatility <= MAX_TRANSITION_ERROR
            return held, f"the symbol changes at {self.volatility:.1%} of the steps, and the target's never does"
        return (
            abs(self.volatility_ratio - 1) <= MAX_VOLATILITY_DEVIATION,
            f"symbol switch rate is {self.volatility_ratio:.2f} of the target's, "
            f"outside {1 - MAX_VOLATILITY_DEVIATION:.1f} to {1 + MAX_VOLATILITY_DEVIATION:.1f}",
        )


def _at_most(name: str, error: float, limit: float) -> tuple[bool, str]:
    return error <= limit, f"{name} {error:.3f} is above {limit}"


def measure_fidelity(
    network: Network, hmm: HMM, seed: int = 0, trajectories: int = 256, steps: int = 2000, sigma: float = 1.0
) -> Fidelity:
    """Compare long runs of a network, from h_0 = 0, with the exact statistics of an HMM.

    Raises:
        ValueError: the numbers of outputs differ, or steps is not above the largest lag (20).
    """
    if not isinstance(hmm, HMM):
        raise ValueError(f'hmm must be an HMM, as of HMM.preset("linear-2"); got {hmm!r}')
    hmm.check_outputs(network.n_outputs)
    check_counts(steps, trajectories)
    if steps <= max(LAGS):
        raise ValueError(f"steps must be above {max(LAGS)}, the largest lag; got {steps}")
    with few_threads(network):
        probabilities = long_runs(network, steps, trajectories, sigma, seed)
    joints, marginals, likelihoods = _statistics(probabilities, hmm, seed)
    own = hmm.log_likelihood(hmm.sample(max(trajectories, 2), steps, seed)[0]) / steps
    agreement_runs = np.trace(joints, axis1=-2, axis2=-1)
    agreement, agreement_se = mean_and_error(agreement_runs)
    target_agreement = np.array([hmm.lag_agreement(lag) for lag in LAGS])
    marginal, marginal_se = mean_and_error(marginals)
    transitions, transitions_se = emission_transitions(joints[:, 0])

    gated = [LAGS.index(lag) for lag in GATE_LAGS]
    return Fidelity(
        transition_error=transition_error(transitions, hmm),
        marginal_error=_largest(marginal - hmm.marginal),
        volatility_ratio=float((1 - agreement[0]) / hmm.volatility) if hmm.volatility > 0 else float("nan"),
        lag_error=_largest((agreement - target_agreement)[gated]),
        **_likelihood_numbers(likelihoods, own),
        marginal=marginal,
        transitions=transitions,
        agreement=agreement,
        volatility=float(1 - agreement[0]),
        target_marginal=hmm.marginal,
        target_transitions=hmm.emission_transitions,
        target_agreement=target_agreement,
        target_volatility=hmm.volatility,
        marginal_se=marginal_se,
        transitions_se=transitions_se,
        agreement_se=agreement_se,
        volatility_se=float(agreement_se[0]),
        diverged=int((~whole(probabilities)).sum()),
        trajectories=trajectories,
        steps=steps,
        seed=seed,
    )


def _likelihood_numbers(likelihoods: Floats, own: Floats) -> dict[str, float]:
    """Log-likelihoods per symbol (B,) of a network's runs and of the HMM's own, by the names of `Fidelity`."""
    value, error = map(float, mean_and_error(likelihoods))
    target, target_error = map(float, mean_and_error(own))
    return {
        "log_likelihood": value,
        "log_likelihood_se": error,
        "target_log_likelihood": target,
        "target_log_likelihood_se": target_error,
        "log_likelihood_gap": target - value,
        "log_likelihood_gap_se": float(np.hypot(error, target_error)),
    }


def long_runs(network: Network, steps: int, trajectories: int, sigma: float, seed: int) -> Floats:
    """Emission probabilities (B, T, O) of the runs of `simulate`, without their activity; NaN for a run that diverges.

    Raises:
        ValueError: as `draw_noise`.
    """
    probabilities = np.full((trajectories, steps, network.n_outputs), np.nan)
    # The activity of all runs would be gigabytes at once; trajectories have streams of their own, so a chunk of
    # them can be run by itself with the very noise that the whole would have had.
    chunk = max(1, min(CHUNK_TRAJECTORIES, CHUNK_VALUES // (steps * network.n_neurons)))
    for first in range(0, trajectories, chunk):
        size = min(chunk, trajectories - first)
        drive = draw_drive(network, steps, size, sigma, seed, first)
        h0 = np.zeros((size, network.n_state))
        found = rollout(network, drive, h0)
        finite = first_divergence(found.h, drive, h0) < 0
        probabilities[first : first + size][finite] = softmax(network.logits(found.state[finite]))
    return probabilities


def whole(probabilities: Floats) -> NDArray[np.bool_]:
    """(B,) which of the runs of `long_runs` did not diverge."""
    return ~np.isnan(probabilities[:, 0, 0])


def joint_symbols(probabilities: Floats, lag: int) -> Floats:
    """Joint probability (B, O, O) of a symbol and the one `lag` steps later in each of (B, T, O) runs."""
    pairs = probabilities.shape[1] - lag
    return np.swapaxes(probabilities[:, :-lag], 1, 2) @ probabilities[:, lag:] / pairs


def emission_transitions(joints: Floats) -> tuple[Floats, Floats]:
    """Pool (B, O, O) joint probabilities of successive symbols to a transition matrix; returns it and its errors."""
    mass = np.broadcast_to(joints.sum(axis=-1, keepdims=True), joints.shape)
    return ratio_of_sums(joints, mass)


def transition_error(transitions: Floats, hmm: HMM) -> float:
    """Largest error of an emission transition matrix (O, O), over rows with more than 2 % of the HMM's mass."""
    heavy = hmm.marginal > MIN_ROW_MASS
    return _largest(transitions[heavy] - hmm.emission_transitions[heavy])


def _statistics(probabilities: Floats, hmm: HMM, seed: int) -> tuple[Floats, Floats, Floats]:
    """Joint symbols (B, L, O, O), marginals (B, O) and log-likelihood per symbol (B,) of the runs that stay finite."""
    finite = whole(probabilities)
    emissions, p = draw_emissions(probabilities, seed)[finite], probabilities[finite]
    joints = np.stack([joint_symbols(p, lag) for lag in LAGS], axis=1)
    likelihoods = hmm.log_likelihood(emissions) / p.shape[1] if len(p) else np.empty(0)
    return joints, p.mean(axis=1), likelihoods


def _largest(difference: Floats) -> float:
    return float(np.abs(difference).max())
