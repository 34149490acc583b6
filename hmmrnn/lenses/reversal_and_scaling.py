"""Time reversal of the emissions, and switching under scaled noise.

    asymmetry     sqrt(sum over lags k and pairs i < j of (J_k(i, j) - J_k(j, i))^2),  J_k(i, j) = E[p_t(i) p_{t+k}(j)]
    hidden        sum_ij pi_i A_ij ln(pi_i A_ij / (pi_j A_ji))       entropy production of the HMM's states, nats a step
    scaling       without bias h(s x) = s h(x) for s > 0: outputs, leave rates and barriers in nats stay as they are

A process that looks the same backwards has symmetric joints. Null of the asymmetry: half of the runs reversed in time,
which leaves noise alone. Contrast of the scaling: the same network with a bias, whose switches do depend on sigma.

Source: this project's own; reversibility by symmetric joints is Kolmogorov's criterion for pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import jackknife_error, mean_and_error
from hmmrnn.lenses.runs import check_bounded, settled_runs
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network, Result
from hmmrnn.model.simulation import simulate, softmax

LAGS = (1, 2, 5, 10, 20)
RUNS, STEPS, TRANSIENT = 64, 1000, 100
SIGMAS = (0.5, 1.0, 2.0)
SCALED_RUNS, SCALED_STEPS = 32, 600
# Of the contrast's bias, relative to the spread of the input to the neurons under noise of sigma = 1.
BIAS = 0.5


@dataclass(frozen=True, eq=False)
class Reversibility(Result):
    """How far a network's emissions are from looking the same backwards."""

    asymmetry: float  # of the joint probabilities of emissions over lags
    asymmetry_se: float  # its standard error, by leaving out one run at a time
    asymmetry_null: float  # with half of the runs reversed in time
    largest: float  # largest difference of two joint probabilities
    seed: int  # seed of the noise


@dataclass(frozen=True, eq=False)
class NoiseScaling(Result):
    """Switches of the output under noise of several strengths."""

    sigmas: Floats  # (S,) standard deviation of the noise
    switch_rate: Floats  # (S,) switches per step
    switch_rate_se: Floats  # (S,) standard errors over runs
    # (S,) share of the steps at which the output is the one under sigma = 1, for the same noise but for its scale.
    same: Floats
    # with_bias, with_bias_se: (S,) switches per step of the same network with a bias.
    with_bias: Floats
    with_bias_se: Floats
    seed: int  # seed of the noise


def reversibility(network: Network, seed: int = 0) -> Reversibility:
    """Compare the joint probabilities of a network's emissions forwards and backwards.

    Raises:
        ValueError: the network diverges.
    """
    probabilities = softmax(network.logits(settled_runs(network, seed, RUNS, STEPS).state))
    return asymmetry_of(probabilities, seed)


def asymmetry_of(probabilities: Floats, seed: int = 0) -> Reversibility:
    """The same for probabilities (B, T, O) of emissions; one-hot symbols are such probabilities."""
    steps = probabilities.shape[1]
    joints = [
        np.einsum("bti,btj->bij", probabilities[:, : steps - k], probabilities[:, k:]) / (steps - k) for k in LAGS
    ]
    odd = np.stack([one - one.swapaxes(1, 2) for one in joints], axis=1)[..., *np.triu_indices(joints[0].shape[1], 1)]
    mean = odd.mean(axis=0)
    without = (odd.sum(axis=0) - odd) / (len(odd) - 1)
    turned = np.where(np.arange(len(odd)) % 2, -1.0, 1.0)[:, None, None]
    return Reversibility(
        asymmetry=float(np.linalg.norm(mean)),
        asymmetry_se=float(jackknife_error(np.linalg.norm(without, axis=(1, 2)))),
        asymmetry_null=float(np.linalg.norm((odd * turned).mean(axis=0))),
        largest=float(np.abs(mean).max()),
        seed=seed,
    )


def hidden_entropy_production(hmm: HMM) -> float:
    """Entropy production of an HMM's states, in nats a step: 0 if the chain looks the same backwards."""
    flux = hmm.stationary[:, None] * hmm.A
    both = (flux > 0) & (flux.T > 0)
    if (flux[~both] > 0).any():
        return float("inf")
    return float((flux[both] * np.log(flux[both] / flux.T[both])).sum())


def noise_scaling(network: Network, seed: int = 0) -> NoiseScaling:
    """Count switches under noise of three strengths, in a network and in the same with a bias.

    Raises:
        ValueError: the network diverges.
    """
    runs = [_outputs(network, sigma, seed) for sigma in SIGMAS]
    spread = settled_runs(network, seed, 4, 100).pre_activation.std()
    drawn = np.random.default_rng([seed, 11]).standard_normal(network.n_neurons)
    biased = replace(network, b_h=network.b_h + BIAS * spread * drawn)
    rates, errors = zip(*(_switches(run) for run in runs), strict=True)
    with_bias, bias_errors = zip(*(_switches(_outputs(biased, sigma, seed)) for sigma in SIGMAS), strict=True)
    return NoiseScaling(
        sigmas=np.array(SIGMAS),
        switch_rate=np.array(rates),
        switch_rate_se=np.array(errors),
        same=np.array([(run == runs[SIGMAS.index(1.0)]).mean() for run in runs]),
        with_bias=np.array(with_bias),
        with_bias_se=np.array(bias_errors),
        seed=seed,
    )


def _outputs(network: Network, sigma: float, seed: int) -> NDArray[np.int64]:
    run = simulate(network, TRANSIENT + SCALED_STEPS, SCALED_RUNS, sigma, seed)
    check_bounded(run)
    return run.output[:, TRANSIENT:]


def _switches(output: NDArray[np.int64]) -> tuple[float, float]:
    mean, error = mean_and_error((output[:, 1:] != output[:, :-1]).mean(axis=1))
    return float(mean), float(error)
