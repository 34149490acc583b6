"""Time scales: how fast a network under noise forgets a small push, and the eigenvalues behind it.

    dh_{t+1} = J_t dh_t                           J_t: exact Jacobian of step t, under the noise of the run
    lyapunov_i = mean of ln R_ii per step,  Q_{t+1} R = J_t Q_t (QR)                 nats per step
    time scale = -1 / lyapunov, or -1 / ln|lambda| of an eigenvalue of J             steps
    of a gate  = -1 / mean ln z, z: the gate that keeps the state (GRU: update, LSTM: forget)

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
from hmmrnn.lenses.runs import SettledRuns, settled_drive, settled_runs
from hmmrnn.model.cells import logistic, step_jacobian
from hmmrnn.model.network import Floats, Gate, Network, Result

EXPONENTS = 10
RUNS, STEPS, BURN_IN = 12, 400, 40
REGION_STATES, SPECTRA_PER_REGION = 800, 20
# An eigenvalue is near 1 if its magnitude is this close to it: time scales above about 10 steps.
NEAR_ONE = 0.1
# The gate that decides how much of the state is kept, by cell; a level at which the logistic function is 0 or 1.
KEEPERS, CLAMPED = {"gru": "update", "lstm": "forget"}, 40.0


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
    # gate_time_scale: (R, N) -1 / mean ln z of the gate that keeps the state, in steps, by region and neuron; NaN
    # without gates, and where a region was not seen.
    gate_time_scale: Floats
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
    drive = settled_drive(network, run, seed)
    lyapunov, error = lyapunov_exponents(network, run.state, drive, wanted, seed, progress_part(on_progress, 0.0, 0.4))
    shuffled = shuffle_weights(network, seed)
    try:
        there = settled_runs(shuffled, seed, RUNS, STEPS // 2)
        drive = settled_drive(shuffled, there, seed)
        rest = progress_part(on_progress, 0.4, 0.6)
        null = lyapunov_exponents(shuffled, there.state, drive, wanted, seed, rest)[0]
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
    network: Network,
    state: Floats,
    drive: Floats,
    exponents: int,
    seed: int = 0,
    on_progress: ProgressCallback = no_progress,
) -> tuple[Floats, Floats]:
    """The largest exponents (E,) along runs, in nats per step, and their standard errors over the runs.

    Args:
        state, drive: (B, T, S) states after each step of B runs, and (B, T, D) what entered at it.
    """
    runs, steps, n = state.shape
    start = np.random.default_rng([seed, n]).standard_normal((runs, n, exponents))
    frame = np.linalg.qr(start)[0]
    total, burn_in = np.zeros((runs, exponents)), min(BURN_IN, steps // 2)
    for t in range(1, steps):
        J = step_jacobian(network, state[:, t - 1], drive[:, t])
        frame, upper = np.linalg.qr(J @ frame)
        if t >= burn_in:
            grown = np.abs(np.diagonal(upper, axis1=1, axis2=2))
            # What is left of a direction that is lost is rounding.
            rounding = n * np.finfo(float).eps * np.linalg.norm(J, axis=(1, 2))[:, None]
            with np.errstate(divide="ignore"):
                total += np.log(np.where(grown > rounding, grown, 0.0))
        if t % 50 == 0:
            on_progress(t / steps)
    mean, error = mean_and_error(total / (steps - burn_in))
    order = np.argsort(-mean, kind="stable")
    return mean[order], error[order]


def shuffle_weights(network: Network, seed: int) -> Network:
    """The network with its recurrent weights in random places: the same gain, and no structure."""
    rng = np.random.default_rng([seed, 9])

    def elsewhere(W: Floats) -> Floats:
        return rng.permutation(W.ravel()).reshape(W.shape)

    gates = {name: replace(gate, W_hh=elsewhere(gate.W_hh)) for name, gate in network.gates.items()}
    return replace(network, W_hh=elsewhere(network.W_hh), gates=gates)


def clamp_gate(network: Network, gate: str, value: float) -> Network:
    """The network with one of its gates held at a value from 0 to 1 at every neuron, as an intervention.

    An update gate of a GRU at 1 keeps the state as it is; at 0, with the reset gate at 1, the cell is a plain tanh.

    Raises:
        ValueError: the network's cell has no such gate, or the value is outside 0 to 1.
    """
    if gate not in network.gates:
        raise ValueError(f"the gates of this network are {', '.join(network.gates) or 'none'}; got {gate!r}")
    if not 0 <= value <= 1:
        raise ValueError(f"a gate is held at a value from 0 to 1; got {value:g}")
    shut = network.gates[gate]
    with np.errstate(divide="ignore"):
        level = np.clip(np.log(value) - np.log1p(-value), -CLAMPED, CLAMPED)
    held = Gate(np.zeros_like(shut.W_hh), np.zeros_like(shut.W_ih), np.full(network.n_neurons, level))
    return replace(network, gates={**network.gates, gate: held})


def kept_by_gate(network: Network, state: Floats, drive: Floats) -> Floats:
    """(B, N) share of each neuron that its gate keeps in a step from states (B, S) under drives (B, D).

    The update gate z of a GRU, the forget gate f of an LSTM; 1 - alpha of a cell without gates.
    """
    if network.cell not in KEEPERS:
        return np.full((len(state), network.n_neurons), 1 - network.alpha)
    n, name = network.n_neurons, KEEPERS[network.cell]
    block = 1 + list(network.gates).index(name)
    return logistic(state[:, :n] @ network.gates[name].W_hh.T + drive[:, block * n : (block + 1) * n])


def _by_region(network: Network, shuffled: Network, run: SettledRuns, seed: int) -> dict[str, Any]:
    """Spectra of the Jacobian at states of each region."""
    rng = np.random.default_rng([seed, 5])
    runs, steps = np.divmod(rng.permutation(run.output.size)[:REGION_STATES], run.output.shape[1])
    region = residency(network, run.state[runs, steps], seed=seed).region
    chosen = np.concatenate([np.flatnonzero(region == name)[:SPECTRA_PER_REGION] for name in REGIONS])
    states = run.state[runs, steps][chosen]
    gates = _gate_time_scales(network, states, region[chosen])
    magnitude, null = (np.abs(spectra(one, states).eigenvalues) for one in (network, shuffled))
    found = region[chosen]
    per_region = [_of_region(magnitude[found == name], null[found == name]) for name in REGIONS]
    names = ("leading", "leading_se", "near_one", "near_one_se", "near_one_null")
    columns = dict(zip(names, np.array(per_region).T, strict=True))
    return {"regions": REGIONS, **columns, "gate_time_scale": gates, "magnitude": magnitude, "magnitude_region": found}


def _gate_time_scales(network: Network, states: Floats, region: NDArray[np.str_]) -> Floats:
    """(R, N) mean time scale of the gate that keeps the state, at the states of each region."""
    scales = np.full((len(REGIONS), network.n_neurons), np.nan)
    if network.cell not in KEEPERS:
        return scales
    kept = kept_by_gate(network, states, np.broadcast_to(network.drive_bias, (len(states), network.n_drive)))
    for place, name in enumerate(REGIONS):
        if (region == name).any():
            scales[place] = _in_steps(np.log(np.maximum(kept[region == name], np.finfo(float).tiny)).mean(axis=0))
    return scales


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
