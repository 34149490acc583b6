"""One network of a comparison: the numbers of its row, and the activity by which it is compared with the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.numerics import jackknife_error
from hmmrnn.analysis.orbit import fit_plane, orbit_phase
from hmmrnn.analysis.regions import REGIONS, region_shares, residency
from hmmrnn.analysis.switching import count_switches
from hmmrnn.comparison.kick_correspondence import KickSide, describe_side
from hmmrnn.lenses.runs import SettledRuns, settled_drive, settled_runs
from hmmrnn.lenses.time_scales import lyapunov_exponents
from hmmrnn.model.metadata import known_target
from hmmrnn.model.network import Floats, Network, Result, few_threads

RUNS, STEPS = 24, 400
FIDELITY_RUNS, FIDELITY_STEPS = 32, 1000
REGION_STATES, LYAPUNOV_RUNS, LYAPUNOV_STEPS = 300, 8, 200
DIRECTIONS, PHASES = 10, 24


@dataclass(frozen=True, eq=False)
class Side(Result):
    """What one network with O outputs does; what could not be measured is NaN."""

    transition_error: float  # largest error of the emission transitions, from the network's own HMM
    log_likelihood_gap: float  # nats per symbol that the HMM's own sequences are likelier
    log_likelihood_gap_se: float  # its standard error
    switch_rate: float  # switches of the output per step
    switch_rate_se: float  # its standard error
    leave_rate: Floats  # (O,) probability per step of leaving each output
    leave_rate_se: Floats  # (O,) its standard error
    region_shares: Floats  # (R,) share of the states in each of `REGIONS`
    lyapunov: float  # largest exponent under noise, in nats per step
    lyapunov_se: float  # its standard error
    participation_ratio: float  # number of directions that the variance of the activity takes
    participation_ratio_se: float  # its standard error
    inputs: int  # number of noise inputs: only with equally many is the noise the same
    points: Floats  # (B, T, D) coordinates in the widest directions, in single precision
    orbit: Floats  # (P, 2) mean coordinates in each bin of phase
    kick: KickSide | None  # its kick groups; None where they are not known
    notes: tuple[str, ...]  # what could not be measured, and why

    @property
    def kick_effect(self) -> tuple[float, float]:
        """The lowest leave rate, silenced over intact, of its kick groups, and that of random groups of the size."""
        if self.kick is None or not len(self.kick.ratio):
            return float("nan"), float("nan")
        lowest = int(self.kick.ratio.argmin())
        return float(self.kick.ratio[lowest]), float(self.kick.ratio_null[lowest])


def measure_side(network: Network, seed: int = 0, kick: KickNeurons | None = None) -> Side:
    """Measure one network.

    Args:
        kick: its kick neurons, if they are known.

    Raises:
        ValueError: the network diverges.
    """
    run = settled_runs(network, seed, RUNS, STEPS)
    notes = [] if kick is not None else ["no kick effect: its kick neurons have not been searched for"]
    with few_threads(network):
        fidelity, reason = _fidelity(network, seed)
        notes += [reason] if reason else []
        switching = count_switches(run.output, network.n_outputs)
        states = run.state.reshape(-1, network.n_state)
        chosen = np.random.default_rng([seed, 13]).permutation(len(states))[:REGION_STATES]
        shares = region_shares(residency(network, states[chosen], seed=seed).region)
        part = np.s_[:LYAPUNOV_RUNS, :LYAPUNOV_STEPS]
        drive = settled_drive(network, run, seed)[part]
        lyapunov, lyapunov_se = lyapunov_exponents(network, run.state[part], drive, 1, seed)
        ratio, ratio_se = participation_ratio(run.h)
        points, orbit = _directions(run)
    return Side(
        **fidelity,
        switch_rate=switching.switches_per_1000 / 1000,
        switch_rate_se=switching.switches_per_1000_se / 1000,
        leave_rate=switching.leave_rate.copy(),
        leave_rate_se=switching.leave_rate_se.copy(),
        region_shares=np.array([shares[name] for name in REGIONS]),
        lyapunov=float(lyapunov[0]),
        lyapunov_se=float(lyapunov_se[0]),
        participation_ratio=ratio,
        participation_ratio_se=ratio_se,
        inputs=network.n_inputs,
        points=points.astype(np.float32),
        orbit=orbit,
        kick=None if kick is None else describe_side(run, kick, network.n_outputs),
        notes=tuple(notes),
    )


def _fidelity(network: Network, seed: int) -> tuple[dict[str, float], str]:
    """What the network's own HMM says of it; NaN and a note where none is known."""
    names = ("transition_error", "log_likelihood_gap", "log_likelihood_gap_se")
    hmm, reason = known_target(network.metadata, network.n_outputs)
    if hmm is None:
        return dict.fromkeys(names, float("nan")), f"no fidelity: {reason}"
    found = measure_fidelity(network, hmm, seed, FIDELITY_RUNS, FIDELITY_STEPS)
    return {name: float(getattr(found, name)) for name in names}, ""


def participation_ratio(h: Floats) -> tuple[float, float]:
    """(sum of variances)^2 / sum of squared variances of activity (B, T, N), and its error by leaving runs out."""
    count = h.shape[0] * h.shape[1]
    sums, products = h.sum(axis=1), np.matmul(h.swapaxes(1, 2), h)

    def of(total: Floats, product: Floats, steps: int) -> float:
        covariance = product / steps - np.outer(total, total) / steps**2
        return float(np.trace(covariance) ** 2 / (covariance**2).sum())

    whole = of(sums.sum(axis=0), products.sum(axis=0), count)
    rest = count - h.shape[1]
    without = [of(sums.sum(axis=0) - a, products.sum(axis=0) - b, rest) for a, b in zip(sums, products, strict=True)]
    return whole, float(jackknife_error(np.array(without)))


def _directions(run: SettledRuns) -> tuple[Floats, Floats]:
    """Coordinates in the widest directions, and the mean orbit."""
    plane = fit_plane(run.h, n_components=DIRECTIONS)
    points = plane.project(run.h)
    phase = orbit_phase(points, plane)
    at = np.minimum((phase / (2 * np.pi) * PHASES).astype(int), PHASES - 1)
    seen = np.unique(at)
    means = np.array([points[at == place, :2].mean(axis=0) for place in seen])
    # A bin that was never seen lies on the line between its neighbours around the orbit.
    orbit = np.stack([np.interp(np.arange(PHASES), seen, column, period=PHASES) for column in means.T], axis=1)
    return points, orbit
