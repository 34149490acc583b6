"""All analyses of one network, each run once, with the same seed.

A part that cannot be known is None: the comparison with an HMM if the network's file names none, the dynamics if the
network diverges under its own noise, the emergence without snapshots of the training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from hmmrnn.analysis.decoding import Decoding, decode_states
from hmmrnn.analysis.emergence import Emergence, trace_emergence
from hmmrnn.analysis.fidelity import Fidelity, measure_fidelity
from hmmrnn.analysis.formation import Formation, choose_snapshots, trace_formation
from hmmrnn.analysis.gain_sweep import GainSweep, sweep_gains
from hmmrnn.analysis.kick_neurons import Agreement, KickGroup, KickNeurons, compare_seeds, detect_kick_neurons
from hmmrnn.analysis.leave_rate_theory import LeaveRateTheory, predict_leave_rates
from hmmrnn.analysis.matched_distance import MatchedDistances, match_sequences
from hmmrnn.analysis.noise_sensitivity import NoiseSensitivity, sensitivity_of_survey
from hmmrnn.analysis.noise_sweep import NoiseSweep, sweep_noise
from hmmrnn.analysis.numerics import ProgressCallback, no_progress, progress_part
from hmmrnn.analysis.orbit import PLANE_TRANSIENT, Plane, fit_plane, orbit_phase, run_for_plane, settled_states
from hmmrnn.analysis.populations import (
    BlockWeights,
    Populations,
    SweptPopulation,
    choose_swept_populations,
    find_populations,
    summarise_block_weights,
)
from hmmrnn.analysis.published.ablation import Ablations
from hmmrnn.analysis.readout import ReadoutAngles, readout_angles
from hmmrnn.analysis.stability import FixedPoints, fixed_points
from hmmrnn.analysis.state_survey import (
    OrbitSpectrum,
    StateSurvey,
    paths_without_noise,
    spectrum_along_orbit,
    survey_states,
)
from hmmrnn.analysis.trajectory_summary import TrajectorySummary, summarise_trajectories
from hmmrnn.model.hmm import HMM
from hmmrnn.model.metadata import known_target
from hmmrnn.model.network import Floats, Intervention, Network, intervene
from hmmrnn.model.simulation import Trajectory, draw_noise, respond
from hmmrnn.report.formation import say_whose_training
from hmmrnn.report.published import PublishedProcedures, run_procedures

SHOWN_RUNS, SHOWN_STEPS = 10, 400
STARTS = 500
WITHOUT_NOISE_RUNS, WITHOUT_NOISE_STEPS = 16, 200
# Far enough apart that the states of one run are nearly independent.
SPECTRUM_EVERY = 30
SEEDS_COMPARED = 5


@dataclass(frozen=True, eq=False)
class Judged:
    """A network beside its HMM."""

    hmm: HMM
    fidelity: Fidelity
    matching: MatchedDistances


@dataclass(frozen=True, eq=False)
class Circling:
    """How the state goes round the middle of its plane."""

    turns: float  # net number of turns, counted from PC1 towards PC2, over all runs
    switches: int  # number of switches of the output in the same steps
    phases_visited: float  # share of 24 equal bins of phase that hold at least one step in a thousand


@dataclass(frozen=True, eq=False)
class Mechanism:
    """The neurons that switch the output, and what interventions on them do."""

    kick: KickNeurons  # the kick neurons
    agreement: Agreement  # how far searches with other seeds choose the same
    # populations, weights: roles of all neurons, and the mean weights between them.
    populations: Populations
    weights: BlockWeights
    gains: dict[SweptPopulation, GainSweep]  # the gain sweep of each population
    resonance: GainSweep | None  # the gain sweep of all kick neurons; None without any
    theory: LeaveRateTheory | None  # leave rates predicted from the noise of the kick groups; None without any
    # Each kick group with the runs that are drawn, under the same noise, while it is silenced.
    silenced: tuple[tuple[KickGroup, TrajectorySummary], ...]


@dataclass(frozen=True, eq=False)
class Dynamics:
    """What a network does under noise of sigma = 1, and why."""

    plane: Plane  # fitted to 16 runs of 1,000 steps
    # run, summary: 10 runs of 400 steps, as they are drawn.
    run: Trajectory
    summary: TrajectorySummary
    circling: Circling  # of the long runs that the plane is fitted to
    ends: FixedPoints  # where 500 visited states end without noise
    without_noise: Floats  # (S, T, C) runs without noise, in the plane
    # survey, along: regions, drift and spectra; spectra along the orbit.
    survey: StateSurvey
    along: OrbitSpectrum
    decoding: Decoding | None  # hidden states behind the emissions of `run`; None without an HMM
    mechanism: Mechanism  # kick neurons, populations and interventions
    noise: NoiseSweep  # the sweep of sigma
    sensitivity: NoiseSensitivity | None  # spread of clusters and transitions; None if neither is visited
    readout: ReadoutAngles  # angles of the readout with the plane
    procedures: PublishedProcedures  # the paper's own procedures


@dataclass(frozen=True, eq=False)
class Findings:
    """What is known of one network."""

    # network, seed: the network, and the seed of every run.
    network: Network
    seed: int
    judged: Judged | None  # the network beside its HMM; None if its file names none
    no_target: str  # why there is no HMM; empty if there is one
    dynamics: Dynamics | None  # None if the network diverges under noise of sigma = 1
    # emergence, formation: of a training for the network's HMM; None without snapshots of one.
    emergence: Emergence | None
    formation: Formation | None = None
    training: str = ""  # whose training that is, in a sentence; empty without snapshots


@dataclass(frozen=True, eq=False)
class KnownParts:
    """Slow parts of the findings that were computed before, of the same network and seed; None: to be computed."""

    kick: KickNeurons | None = None
    agreement: Agreement | None = None
    gains: Mapping[str, GainSweep] = field(default_factory=dict)  # by the name of the population
    noise: NoiseSweep | None = None
    resonance: GainSweep | None = None
    theory: LeaveRateTheory | None = None
    ablations: Ablations | None = None
    emergence: Emergence | None = None
    formation: Formation | None = None


def gather_findings(
    network: Network,
    seed: int = 0,
    snapshots: Sequence[Network] = (),
    on_progress: ProgressCallback = no_progress,
    known: KnownParts | None = None,
) -> Findings:
    """Run every analysis on a network, under noise of sigma = 1.

    Raises:
        ValueError: the network has a single neuron, or the snapshots do not fit each other.
    """
    if network.n_neurons < 2:
        raise ValueError("an orbit needs a plane, which takes at least 2 neurons; got a network of 1")
    known = known or KnownParts()
    judged, no_target = _judge(network, seed, progress_part(on_progress, 0.0, 0.15))
    hmm = judged.hmm if judged else None
    dynamics = _dynamics(network, hmm, seed, known, progress_part(on_progress, 0.15, 0.9))
    emergence, formation = known.emergence, known.formation
    if emergence is None and snapshots:
        emergence = trace_emergence(snapshots, seed=seed, on_progress=progress_part(on_progress, 0.9, 0.95))
    if formation is None and snapshots:
        some = [snapshots[place] for place in choose_snapshots(len(snapshots))]
        formation = trace_formation(some, hmm, seed, progress_part(on_progress, 0.95, 1.0))
    training = say_whose_training(network, snapshots) if snapshots else ""
    return Findings(network, seed, judged, no_target, dynamics, emergence, formation, training)


def _judge(network: Network, seed: int, on_progress: ProgressCallback) -> tuple[Judged | None, str]:
    """The network beside its HMM, or the reason why there is none."""
    hmm, why_unknown = known_target(network.metadata, network.n_outputs)
    if hmm is None:
        return None, why_unknown
    on_progress(0.0)
    found = measure_fidelity(network, hmm, seed=seed)
    on_progress(0.5)
    return Judged(hmm, found, match_sequences(network, hmm, seed)), ""


def _dynamics(
    network: Network, hmm: HMM | None, seed: int, known: KnownParts, on_progress: ProgressCallback
) -> Dynamics | None:
    long = run_for_plane(network, seed)
    if long.diverged:
        return None
    visited = settled_states(long)
    apart = long.state[:, PLANE_TRANSIENT::SPECTRUM_EVERY]
    plane = fit_plane(visited)
    noise = draw_noise(network.n_inputs, SHOWN_STEPS, SHOWN_RUNS, 1.0, seed)
    run = respond(network, noise, 1.0, seed)
    survey = survey_states(network, plane, run, seed)
    on_progress(0.05)
    mechanism = _mechanism(network, hmm, plane, noise, seed, known, progress_part(on_progress, 0.05, 0.7))
    starts = settled_states(long, long.state)[np.random.default_rng(seed).choice(len(visited), STARTS, replace=False)]
    return Dynamics(
        plane=plane,
        run=run,
        summary=summarise_trajectories(network, plane, noise, 1.0, seed, hmm),
        circling=measure_circling(long, plane),
        ends=fixed_points(network, h0=starts),
        without_noise=paths_without_noise(network, plane, starts[:WITHOUT_NOISE_RUNS], WITHOUT_NOISE_STEPS),
        survey=survey,
        along=spectrum_along_orbit(network, plane, apart.reshape(-1, network.n_state)),
        decoding=decode_states(hmm, run, survey.at, survey.residency.region) if hmm else None,
        mechanism=mechanism,
        noise=known.noise or sweep_noise(network, plane, seed=seed, on_progress=progress_part(on_progress, 0.7, 0.8)),
        sensitivity=sensitivity_of_survey(network, run, survey),
        readout=readout_angles(network, plane),
        procedures=run_procedures(
            network, mechanism.kick, plane, starts, hmm, seed, progress_part(on_progress, 0.8, 1.0), known.ablations
        ),
    )


def _mechanism(
    network: Network,
    hmm: HMM | None,
    plane: Plane,
    noise: Floats,
    seed: int,
    known: KnownParts,
    on_progress: ProgressCallback,
) -> Mechanism:
    kick = known.kick or detect_kick_neurons(network, seed, on_progress=progress_part(on_progress, 0.0, 0.3))
    seeds = range(seed, seed + SEEDS_COMPARED)
    agreement = known.agreement or compare_seeds(network, seeds, progress_part(on_progress, 0.3, 0.6))
    populations = find_populations(network, kick)
    swept = choose_swept_populations(kick, populations)
    parts = [progress_part(on_progress, *ends) for ends in pairwise(np.linspace(0.6, 1.0, len(swept) + 2))]
    gains = {
        one: known.gains.get(one.name)
        or sweep_gains(network, one.neurons, one.target, plane, seed=seed, on_progress=part)
        for one, part in zip(swept, parts, strict=False)
    }
    every, resonance = kick.all_members, known.resonance
    if resonance is None and every:
        resonance = sweep_gains(network, every, "recurrent", plane, seed=seed, on_progress=parts[-1])
    theory = known.theory
    if theory is None and every:
        theory = predict_leave_rates(network, kick, seed)
    silenced = [(group, intervene(network, Intervention(group.neurons))) for group in kick.groups if group.neurons]
    return Mechanism(
        kick,
        agreement,
        populations,
        summarise_block_weights(network, populations),
        gains,
        resonance,
        theory,
        tuple((group, summarise_trajectories(one, plane, noise, 1.0, seed, hmm)) for group, one in silenced),
    )


def measure_circling(run: Trajectory, plane: Plane) -> Circling:
    """Count the turns, switches and phases of long runs around the middle of their plane."""
    phase = orbit_phase(plane.project(run.h[:, PLANE_TRANSIENT:]), plane)
    step = np.diff(phase, axis=1)
    output = run.output[:, PLANE_TRANSIENT:]
    shares = np.bincount((phase / (2 * np.pi) * 24).astype(int).ravel(), minlength=24) / phase.size
    return Circling(
        # Each step is the shorter way round.
        turns=float(np.sum((step + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi)),
        switches=int(np.count_nonzero(np.diff(output, axis=1))),
        phases_visited=float(np.mean(shares >= 0.001)),
    )
