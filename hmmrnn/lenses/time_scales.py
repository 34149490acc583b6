"""Time scales: how fast a network under noise forgets a small push, and the eigenvalues behind it.

    dh_{t+1} = J_t dh_t                           J_t: exact Jacobian of step t, under the noise of the run
    lyapunov_i = mean of ln R_ii per step,  Q_{t+1} R = J_t Q_t (QR)                 nats per step
    time scale = -1 / lyapunov, or -1 / ln|lambda| of an eigenvalue of J             steps

An exponent below 0 says that runs under the same noise come together. Null: the same weights in random places, which
have the same gain and no structure.

Source: Benettin et al. (1980), exponents by QR; Krishnamurthy, Can and Schwab (2022), theory of gating in recurrent
neural networks.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, mean_and_error, no_progress, progress_part
from hmmrnn.analysis.regions import REGIONS, residency
from hmmrnn.analysis.stability import spectra
from hmmrnn.lenses.runs import SettledRuns, settled_runs
from hmmrnn.model.network import Floats, Network, Result

EXPONENTS = 10
RUNS, STEPS, BURN_IN = 12, 400, 40
REGION_STATES, SPECTRA_PER_REGION = 800, 20
# An eigenvalue is near 1 if its magnitude is this close to it: time scales above about 10 steps.
NEAR_ONE = 0.1
# Below this magnitude an eigenvalue is that of a silent neuron.
SILENT = 1e-9


@dataclass(frozen=True, eq=False)
class TimeScales(Result):
    """Lyapunov exponents under noise, and the spectrum of the step's Jacobian by region."""

    lyapunov: Floats  # (E,) exponents, largest first, in nats per step; -inf where a direction is lost at once
    lyapunov_se: Floats  # (E,) standard errors over runs
    lyapunov_null: Floats  # (E,) the same with the recurrent weights in random places; NaN if that network diverges
    time_scale: Floats  # (E,) -1 / exponent, in steps; infinite where the exponent is not below 0
    regions: tuple[str, ...]  # (R) names of the regions
    # leading, leading_se: (R,) mean time scale of the largest eigenvalue at states of each region, in steps, as
    # -1 / mean ln|lambda|; infinite where the mean is not below 0. The error is that of the mean ln|lambda|, in nats.
    leading: Floats
    leading_se: Floats
    # near_one, near_one_se: (R,) mean number of eigenvalues with magnitude within 0.1 of 1.
    near_one: Floats
    near_one_se: Floats
    near_one_null: Floats  # (R,) the same at these states with the recurrent weights in random places
    magnitude: Floats  # (S, N) magnitudes of the eigenvalues at S states, by falling magnitude
    magnitude_region: NDArray[np.str_]  # (S,) their region
    seed: int  # seed of the noise


def timescales(network: Network, seed: int = 0, *, on_progress: ProgressCallback = no_progress) -> TimeScales:
    """Measure the ten largest Lyapunov exponents under noise, and time scales by region.

    Raises:
        ValueError: the network diverges.
    """
    return measure_time_scales(network, EXPONENTS, seed, on_progress)


def measure_time_scales(
    network: Network, exponents: int, seed: int = 0, on_progress: ProgressCallback = no_progress
) -> TimeScales:
    """Measure as the lens does, another number of exponents.

    Args:
        exponents: E, how many of the largest exponents; at most N.

    Raises:
        ValueError: exponents is below 1, or the network diverges.
    """
    if exponents < 1:
        raise ValueError(f"exponents must be >= 1; got {exponents}")
    wanted = min(exponents, network.n_neurons)
    run = settled_runs(network, seed, RUNS, STEPS)
    lyapunov, error = lyapunov_exponents(network, run, wanted, seed, progress_part(on_progress, 0.0, 0.4))
    shuffled = shuffle_weights(network, seed)
    try:
        there = settled_runs(shuffled, seed, RUNS, STEPS // 2)
        null = lyapunov_exponents(shuffled, there, wanted, seed, progress_part(on_progress, 0.4, 0.6))[0]
    except ValueError:
        null = np.full(wanted, np.nan)
    return TimeScales(
        lyapunov=lyapunov,
        lyapunov_se=error,
        lyapunov_null=null,
        time_scale=_in_steps(lyapunov),
        **_by_region(network, shuffled, run, seed),
        seed=seed,
    )


def lyapunov_exponents(
    network: Network, run: SettledRuns, exponents: int, seed: int = 0, on_progress: ProgressCallback = no_progress
) -> tuple[Floats, Floats]:
    """The largest exponents (E,) along runs, in nats per step, and their standard errors over the runs."""
    runs, steps, n = run.h.shape
    start = np.random.default_rng([seed, n]).standard_normal((runs, n, exponents))
    frame = np.linalg.qr(start)[0]
    total, burn_in = np.zeros((runs, exponents)), min(BURN_IN, steps // 2)
    for t in range(1, steps):
        frame, upper = np.linalg.qr(step_jacobians(network, run.h[:, t - 1], run.pre_activation[:, t]) @ frame)
        if t >= burn_in:
            with np.errstate(divide="ignore"):
                total += np.log(np.abs(np.diagonal(upper, axis1=1, axis2=2)))
        if t % 50 == 0:
            on_progress(t / steps)
    mean, error = mean_and_error(total / (steps - burn_in))
    order = np.argsort(-mean, kind="stable")
    return mean[order], error[order]


def step_jacobians(network: Network, before: Floats, pre_activation: Floats) -> Floats:
    """Jacobians (S, N, N) of steps from states (S, N) whose input to the neurons was (S, N); exact away from kinks."""
    return (pre_activation > 0)[:, :, None] * network.W_hh


def shuffle_weights(network: Network, seed: int) -> Network:
    """The network with its recurrent weights in random places: the same gain, and no structure."""
    shuffled = np.random.default_rng([seed, 9]).permutation(network.W_hh.ravel())
    return replace(network, W_hh=shuffled.reshape(network.W_hh.shape))


def _by_region(network: Network, shuffled: Network, run: SettledRuns, seed: int) -> dict[str, Any]:
    """Spectra of the Jacobian at states of each region."""
    rng = np.random.default_rng([seed, 5])
    runs, steps = np.divmod(rng.permutation(run.output.size)[:REGION_STATES], run.output.shape[1])
    region = residency(network, run.h[runs, steps], seed=seed).region
    chosen = np.concatenate([np.flatnonzero(region == name)[:SPECTRA_PER_REGION] for name in REGIONS])
    states = run.h[runs, steps][chosen]
    magnitude, null = (np.abs(spectra(one, states).eigenvalues) for one in (network, shuffled))
    found = region[chosen]
    per_region = [_of_region(magnitude[found == name], null[found == name]) for name in REGIONS]
    names = ("leading", "leading_se", "near_one", "near_one_se", "near_one_null")
    columns = dict(zip(names, np.array(per_region).T, strict=True))
    return {"regions": REGIONS, **columns, "magnitude": magnitude, "magnitude_region": found}


def _of_region(magnitude: Floats, null: Floats) -> tuple[float, ...]:
    """Leading time scale with its error, and eigenvalues near 1 with error and null, of the states of a region."""
    if not len(magnitude):
        return (float("nan"),) * 5
    with np.errstate(divide="ignore"):
        log, error = mean_and_error(np.log(magnitude[:, :1]))
    near, near_error = mean_and_error((np.abs(magnitude - 1) < NEAR_ONE).sum(axis=1, keepdims=True).astype(float))
    by_chance = (np.abs(null - 1) < NEAR_ONE).sum(axis=1).mean()
    return float(_in_steps(log)[0]), float(error[0]), float(near[0]), float(near_error[0]), float(by_chance)


def _in_steps(exponent: Floats) -> Floats:
    """Time scales -1 / exponent; infinite where the exponent is not below 0."""
    decays = exponent < 0
    return np.where(decays, -1 / np.where(decays, exponent, -1.0), np.inf)
