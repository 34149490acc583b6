"""What does a network do, from its fidelity to its readout? Every analysis, each once, on the same seed.

What cannot be looked at is None: without a known HMM there is no fidelity, without a second output no switch, and of a
network that diverges under its own noise nothing else is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hmmrnn.decoding import Decoding, decoding
from hmmrnn.experiments.emergence import Emergence, emergence
from hmmrnn.experiments.gains import GainSweep, gain_sweep
from hmmrnn.experiments.noise import NoiseSweep, noise_sweep
from hmmrnn.experiments.orbit_spectrum import OrbitSpectrum, orbit_spectrum
from hmmrnn.experiments.readout import ReadoutAngles, readout_angles
from hmmrnn.experiments.sensitivity import NoiseSensitivity, noise_sensitivity
from hmmrnn.experiments.swept import Swept, swept_populations
from hmmrnn.fidelity import Fidelity, fidelity
from hmmrnn.hmm import HMM
from hmmrnn.kick import Agreement, KickGroup, KickNeurons, agreement, detect_kick_neurons
from hmmrnn.landscape import Landscape, survey
from hmmrnn.matching import Matching, matching
from hmmrnn.motion import Motion, observe
from hmmrnn.network import Floats, Intervention, Network, intervene
from hmmrnn.populations import BlockWeights, Populations, block_weights, populations
from hmmrnn.progress import Tell, ignore, part_of
from hmmrnn.provenance import target
from hmmrnn.regions import CLUSTER, TRANSITION
from hmmrnn.simulation import Trajectory, draw_noise, respond, simulate
from hmmrnn.stability import FixedPoints, fixed_points
from hmmrnn.statespace import Plane, fit_plane, orbit_phase

FITTED_RUNS, FITTED_STEPS, TRANSIENT = 16, 1000, 100
SHOWN_RUNS, SHOWN_STEPS = 10, 400
STARTS = 500
WITHOUT_NOISE_RUNS, WITHOUT_NOISE_STEPS = 16, 200
# Far enough apart that the states of one run are nearly independent.
SPECTRUM_EVERY = 30


@dataclass(frozen=True, eq=False)
class Judged:
    """A network beside its HMM."""

    hmm: HMM
    fidelity: Fidelity
    matching: Matching


@dataclass(frozen=True, eq=False)
class Circling:
    """How a run goes round the middle of its plane.

    Attributes:
        turns: net number of turns, counted from PC1 towards PC2, over all runs.
        switches: number of switches of the output in the same steps.
        phases_visited: share of 24 equal bins of phase that hold at least one step in a thousand.
    """

    turns: float
    switches: int
    phases_visited: float


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that is known of one network.

    Attributes:
        network, seed: what was looked at.
        judged: the network beside its HMM, or None if its file names none.
        no_target: why there is none; empty otherwise.
        plane: fitted to 16 runs of 1,000 steps; None if the network diverges, as all that follows.
        run, motion: 10 runs of 400 steps, as they are drawn.
        circling: of the long runs that the plane is fitted to.
        ends: where 500 visited states end without noise.
        without_noise: (S, T, C) runs without noise, in the plane.
        landscape, along: regions, drift and spectra; spectra along the orbit.
        decoding: hidden states behind the emissions shown; None without an HMM.
        kick, agreement, roles, weights: kick neurons, how far other seeds choose the same, populations, their weights.
        gains: what each population's gain does.
        silenced: what each kick group's silencing does to the runs that are shown.
        noise, resonance: the sweep of sigma, and of the gain of all kick neurons (None without any).
        sensitivity: spread of clusters and transitions; None if neither is visited.
        readout: angles of the readout with the plane.
        emergence: of the training that the network is of; None without its snapshots.
    """

    network: Network
    seed: int
    judged: Judged | None
    no_target: str
    plane: Plane | None = None
    run: Trajectory | None = None
    motion: Motion | None = None
    circling: Circling | None = None
    ends: FixedPoints | None = None
    without_noise: Floats | None = None
    landscape: Landscape | None = None
    along: OrbitSpectrum | None = None
    decoding: Decoding | None = None
    kick: KickNeurons | None = None
    agreement: Agreement | None = None
    roles: Populations | None = None
    weights: BlockWeights | None = None
    gains: dict[Swept, GainSweep] | None = None
    silenced: tuple[tuple[KickGroup, Motion], ...] = ()
    noise: NoiseSweep | None = None
    resonance: GainSweep | None = None
    sensitivity: NoiseSensitivity | None = None
    readout: ReadoutAngles | None = None
    emergence: Emergence | None = None


def findings(network: Network, seed: int = 0, series: Sequence[Network] = (), tell: Tell = ignore) -> Findings:
    """Look at a network in every way there is, under noise of sigma = 1.

    Args:
        network: intact or intervened upon.
        seed: of every run.
        series: snapshots of its training, if there are any (see `emergence`).
        tell: told the share that is done; may raise to stop.

    Raises:
        ValueError: the network has a single neuron, the series is none, or its snapshots do not fit each other.
    """
    if network.n_neurons < 2:
        raise ValueError("an orbit needs a plane, which takes at least 2 neurons; got a network of 1")
    judged, no_target = _judged(network, seed, part_of(tell, 0.0, 0.15))
    long = simulate(network, FITTED_STEPS, FITTED_RUNS, seed=seed)
    if long.diverged:
        return Findings(network, seed, judged, no_target, emergence=_grown(series, seed, part_of(tell, 0.15, 1.0)))
    plane = fit_plane(long.h[:, TRANSIENT:])
    noise = draw_noise(network.n_inputs, SHOWN_STEPS, SHOWN_RUNS, 1.0, seed)
    run = respond(network, noise, 1.0, seed)
    landscape = survey(network, plane, run, seed)
    tell(0.2)
    visited = long.h[:, TRANSIENT:].reshape(-1, network.n_neurons)
    starts = visited[np.random.default_rng(seed).choice(len(visited), STARTS, replace=False)]
    mechanism = _mechanism(network, plane, seed, part_of(tell, 0.2, 0.8))
    hmm = judged.hmm if judged else None
    silenced = [(group, Intervention(group.neurons)) for group in mechanism.kick.groups if group.neurons]
    return Findings(
        network,
        seed,
        judged,
        no_target,
        plane=plane,
        run=run,
        motion=observe(network, plane, noise, 1.0, seed, hmm),
        circling=_circling(long, plane),
        ends=fixed_points(network, starts),
        without_noise=_decays(network, plane, starts[:WITHOUT_NOISE_RUNS], seed),
        landscape=landscape,
        along=orbit_spectrum(network, plane, long.h[:, TRANSIENT::SPECTRUM_EVERY].reshape(-1, network.n_neurons)),
        decoding=decoding(hmm, run, landscape.at, landscape.residency.region) if hmm else None,
        silenced=tuple(
            (group, observe(intervene(network, item), plane, noise, 1.0, seed, hmm)) for group, item in silenced
        ),
        noise=noise_sweep(network, plane, seed=seed, tell=part_of(tell, 0.8, 0.9)),
        sensitivity=_sensitivity(network, run, landscape, seed),
        readout=readout_angles(network, plane),
        emergence=_grown(series, seed, part_of(tell, 0.9, 1.0)),
        **mechanism._asdict(),
    )


def _grown(series: Sequence[Network], seed: int, tell: Tell) -> Emergence | None:
    return emergence(series, seed=seed, tell=tell) if series else None


def _judged(network: Network, seed: int, tell: Tell) -> tuple[Judged | None, str]:
    try:
        hmm = target(network.metadata, network.n_outputs)
    except ValueError as error:
        return None, str(error)
    tell(0.0)
    found = fidelity(network, hmm, seed=seed)
    tell(0.5)
    return Judged(hmm, found, matching(network, hmm, seed)), ""


class _Mechanism(NamedTuple):
    """The part of `Findings` that has to do with kick neurons."""

    kick: KickNeurons
    agreement: Agreement
    roles: Populations
    weights: BlockWeights
    gains: dict[Swept, GainSweep]
    resonance: GainSweep | None


def _mechanism(network: Network, plane: Plane, seed: int, tell: Tell) -> _Mechanism:
    """Kick neurons, populations, and what their gains do."""
    kick = detect_kick_neurons(network, seed, tell=part_of(tell, 0.0, 0.3))
    roles = populations(network, kick)
    agreed = agreement(network, range(seed, seed + 5), part_of(tell, 0.3, 0.6))
    swept = swept_populations(kick, roles)
    everyone = tuple(dict.fromkeys(i for group in kick.groups for i in group.neurons))
    done = np.linspace(0.6, 1.0, len(swept) + 2)
    gains = {
        one: gain_sweep(network, one.neurons, one.target, plane, seed=seed, tell=part_of(tell, done[i], done[i + 1]))
        for i, one in enumerate(swept)
    }
    last = part_of(tell, done[-2], done[-1])
    resonance = gain_sweep(network, everyone, "recurrent", plane, seed=seed, tell=last) if everyone else None
    return _Mechanism(kick, agreed, roles, block_weights(network, roles), gains, resonance)


def _circling(run: Trajectory, plane: Plane) -> Circling:
    phase = orbit_phase(plane.project(run.h[:, TRANSIENT:]), plane)
    step = np.diff(phase, axis=1)
    output = run.output[:, TRANSIENT:]
    shares = np.bincount((phase / (2 * np.pi) * 24).astype(int).ravel(), minlength=24) / phase.size
    return Circling(
        # Each step is the shorter way round.
        turns=float(np.sum((step + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi)),
        switches=int(np.count_nonzero(np.diff(output, axis=1))),
        phases_visited=float(np.mean(shares >= 0.001)),
    )


def _decays(network: Network, plane: Plane, starts: Floats, seed: int) -> Floats:
    silence = np.zeros((len(starts), WITHOUT_NOISE_STEPS, network.n_inputs))
    run = respond(network, silence, 0.0, seed, starts)
    return plane.project(np.concatenate([run.h0[:, None], run.h], axis=1))


def _sensitivity(network: Network, run: Trajectory, landscape: Landscape, seed: int) -> NoiseSensitivity | None:
    region = landscape.residency.region
    if not np.isin(region, (CLUSTER, TRANSITION)).any():
        return None
    return noise_sensitivity(network, run.h[tuple(landscape.at.T)], region, seed=seed)
