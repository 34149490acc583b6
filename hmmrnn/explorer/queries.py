"""Queries: what the page shows of a scenario, each computed from an `Explored` and kept in the cache.

`kept` names the part of the scenario that an answer depends on: a change of anything else computes nothing anew. Where
it gives a version, the answers about the shipped networks come with the package.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from hmmrnn.analysis.block_means import BlockMeans, average_weights
from hmmrnn.analysis.decoding import Decoding, decode_states
from hmmrnn.analysis.fidelity import Fidelity, measure_fidelity
from hmmrnn.analysis.hmm_graph import HMMGraph, describe_graph
from hmmrnn.analysis.kick_neurons import KickNeurons, detect_kick_neurons
from hmmrnn.analysis.matched_distance import MatchedDistances, match_sequences
from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.analysis.orbit import Plane, fit_network_plane, fit_plane, plane_steps, run_for_plane, settled_states
from hmmrnn.analysis.populations import (
    INTEGRATING,
    KICK,
    Populations,
    find_populations,
)
from hmmrnn.analysis.readout import ReadoutAngles, readout_angles
from hmmrnn.analysis.stability import ends_without_noise, fixed_points
from hmmrnn.analysis.state_survey import (
    OrbitSpectrum,
    StateSurvey,
    paths_without_noise,
    spectrum_along_orbit,
    survey_states,
)
from hmmrnn.analysis.switch_average import SwitchAverage, average_around_switches, choose_averaged
from hmmrnn.analysis.trajectory_summary import Singles, TrajectorySummary, summarise_run
from hmmrnn.analysis.unstable_directions import SeenPoints, see_points
from hmmrnn.explorer.cost import (
    MAX_WAITED_FOR,
    check_run,
    check_waited_for,
    fitting_runs,
    fitting_starts,
    is_quick,
    is_single,
    runs_in_time,
)
from hmmrnn.explorer.explored import Explored, Query, kept
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.explorer.shipped_question import KICK_NEURONS_VERSION
from hmmrnn.lenses.switch_paths import SwitchPaths, find_paths
from hmmrnn.model.cells import NotApplicableError
from hmmrnn.model.inputs import repeated
from hmmrnn.model.network import Floats, Network, check_exists, gains_of
from hmmrnn.model.simulation import Trajectory, draw_drive, draw_noise, draw_starts, follow_drive, respond, simulate

FIDELITY_RUNS, FIDELITY_STEPS = 64, 2000
MATCHED_BATCHES, MATCHED_SIZE, MATCHED_STEPS = 6, 96, 100
REST_RUNS = 16
# Enough for a few hundred switches of each exit.
SWITCH_RUNS, SWITCH_STEPS, SWITCH_TRANSIENT = 32, 1000, 100
SPECTRA_ALONG_ORBIT = 240
# Of a network that is too large for a search: how many runs come to rest, from where noise has led them.
LARGE_REST_RUNS, LARGE_REST_AFTER, LARGE_REST_STEPS, LARGE_REST_PRODUCTS = 4, 50, (100, 2000), 2_300_000_000
# Numbers of a noise, or of a drive in single precision, that is kept for the next question.
KEPT_NOISE = 4_000_000
KEPT_DRIVE = 10_000_000
# Of a large network the first runs are shown first.
FIRST_RUNS = 3
STARTS_PER_RUN, MAX_STARTS, WITHOUT_NOISE_STEPS = 3, 24, 200


# ---- parts of a scenario that answers depend on ----


def _simulated(scenario: Scenario) -> Scenario:
    """Network, noise, window, interventions and plane."""
    return scenario.simulated


def _runs(scenario: Scenario) -> Scenario:
    """The same, whatever plane it is seen in."""
    return replace(scenario.simulated, pair=None)


def _network_now(scenario: Scenario) -> Scenario:
    """Network, noise and interventions, whatever the window."""
    return scenario.alone(sigma=scenario.sigma, seed=scenario.seed, interventions=scenario.simulated.interventions)


def _network_in_plane(scenario: Scenario) -> Scenario:
    """The same, and its plane."""
    return replace(_network_now(scenario), pair=scenario.pair)


def _intact(scenario: Scenario) -> Scenario:
    """The network alone, under its constant input; of a sequence nothing is known here."""
    return scenario.alone() if scenario.is_steady else replace(scenario.alone(), sequence=None)


def _plane(scenario: Scenario) -> Scenario:
    """The intact network and its input, and the pair of outputs whose stretches the plane is fitted to."""
    return scenario.alone(pair=scenario.pair)


def check_steady(explored: Explored, what: str) -> None:
    """Check that the input of a scenario stays as it is, for what steps on from states or needs runs of its own.

    Raises:
        NotApplicableError: it is a sequence.
    """
    if not explored.scenario.is_steady:
        raise NotApplicableError(f"{what} need an input that stays as it is; choose white noise or a constant input")


# ---- the plane ----


def plane_of(explored: Explored) -> Plane:
    """The plane of the intact network that a scenario is seen in: of all states, or of its pair of outputs.

    Raises:
        ValueError: the network has no such output, no stretch is long enough (the sentence says the longest), or the
            scenario is seen in three dimensions and the network has fewer.
    """
    check_exists("output", explored.scenario.pair or (), explored.network.n_outputs)
    if explored.scenario.pair:
        check_waited_for(explored.network, "planes of two outputs")
    plane = _fitted_plane(explored)
    if len(plane.components) < explored.scenario.dimensions == 3:
        raise ValueError(
            f"the state space of this network has {len(plane.components)} dimensions, which is the number of its "
            "neurons; 3-D needs 3"
        )
    return plane


@kept(_plane, version=1)
def _fitted_plane(explored: Explored) -> Plane:
    network, pair = explored.network, explored.scenario.pair
    if explored.sequence is None:
        return fit_network_plane(network, pair)
    if pair is not None:
        check_steady(explored, "planes of two outputs")
    return fit_plane(settled_states(run_for_plane(network, given=explored.sequence)))


# ---- the runs of a scenario ----


def run_of(explored: Explored) -> Trajectory:
    """The runs of a scenario with all that happens in them. Not kept: they are large, and quickly made."""
    of = explored.scenario
    return respond(explored.now, noise_of(explored), of.sigma, of.seed, start_of(explored))


def start_of(explored: Explored) -> Floats | None:
    """Where the runs of a scenario begin: (N,) learned, (B, S) random; None at zero."""
    of = explored.scenario
    return {
        "zero": lambda: None,
        "learned": lambda: explored.network.h0,
        "random": lambda: draw_starts(explored.network, of.trajectories, of.seed),
    }[of.start]()


def noise_of(explored: Explored) -> Floats:
    """(B, T, M) the noise of a scenario and its sequence, the same for the intact and for any intervened network."""
    of, m = explored.scenario, explored.network.n_inputs
    check_run(explored.network, of.steps, of.trajectories)
    # What is kept stays in memory.
    draw = _noise if of.steps * of.trajectories * m <= KEPT_NOISE else draw_noise
    noise = draw(m, of.steps, of.trajectories, of.sigma, of.seed)
    return noise if explored.sequence is None else noise + repeated(explored.sequence, of.steps)


@lru_cache(maxsize=2)
def _noise(n_inputs: int, steps: int, trajectories: int, sigma: float, seed: int) -> Floats:
    # Drawing takes as long as running; an intact and an intervened network always need the same noise.
    noise = draw_noise(n_inputs, steps, trajectories, sigma, seed)
    noise.setflags(write=False)
    return noise


def pictured_run_of(explored: Explored) -> Trajectory:
    """The runs of a scenario as they are drawn: those of a large network in single precision."""
    return _single_run(explored) if is_single(explored.network) else run_of(explored)


def _single_run(explored: Explored) -> Trajectory:
    of, network = explored.scenario, explored.network
    check_run(network, of.steps, of.trajectories)
    # What enters is the same for all interventions, but for their gains.
    window = network, of.steps, of.trajectories, of.sigma, of.seed
    is_kept = explored.sequence is None and of.steps * of.trajectories * network.n_drive <= KEPT_DRIVE
    drive = _drive(*window) if is_kept else draw_drive(*window, given=explored.sequence, single=True)
    if of.interventions:
        _, gains, _ = gains_of(network, of.interventions)
        every = np.concatenate([np.tile(gains, 1 + len(network.gates)), np.ones(network.n_skip)])
        drive = (drive - network.drive_bias.astype(np.float32)) * every.astype(np.float32)
        drive += explored.now.drive_bias.astype(np.float32)
    return follow_drive(explored.now, drive, of.sigma, of.seed, start_of(explored))


@lru_cache(maxsize=2)
def _drive(network: Network, steps: int, trajectories: int, sigma: float, seed: int) -> Floats:
    drive = draw_drive(network, steps, trajectories, sigma, seed, single=True)
    drive.setflags(write=False)
    return drive


def pictured(explored: Explored, few: bool = False) -> Explored:
    """A scenario with as many of its runs as are drawn: those that can be computed while a page waits.

    Args:
        few: of a large network the first runs alone, unless all are known.
    """
    of, network = explored.scenario, explored.network
    shown = runs_in_time(network, of.steps, of.trajectories)
    whole = _with_runs(explored, shown)
    if not few or shown <= FIRST_RUNS or is_quick(network, of.steps, shown) or summary_of.known(whole) is not None:
        return whole
    return replace(_with_runs(explored, FIRST_RUNS), is_first=True)


def _with_runs(explored: Explored, runs: int) -> Explored:
    wanted = explored.scenario.trajectories
    if runs == wanted:
        return explored
    return replace(explored.at(replace(explored.scenario, trajectories=runs)), wanted_runs=wanted)


@kept(_simulated)
def summary_of(explored: Explored) -> TrajectorySummary:
    """The fast answer: paths in the plane, orbit and switches."""
    return summarise_run(pictured_run_of(explored), plane_of(explored), explored.hmm, explored.scenario.pair)


@kept(_simulated, version=1)
def survey_of(explored: Explored) -> StateSurvey:
    """The slow answer: regions, spectra and fixed points of the network as it is now."""
    of = explored.scenario
    check_steady(explored, "regions, spectra and fixed points")
    check_waited_for(explored.network, "regions, spectra and fixed points")
    return survey_states(explored.now, plane_of(explored), run_of(explored), of.seed, of.pair)


def pre_activation_of(explored: Explored, neurons: tuple[int, ...]) -> Singles:
    """(B, T, len(neurons)) pre-activation of some neurons in the runs of a scenario.

    Raises:
        ValueError: a neuron is beyond the network.
    """
    check_exists("neuron", neurons, explored.network.n_neurons)
    return _pre_activation(explored, neurons)


@kept(_runs)
def _pre_activation(explored: Explored, neurons: tuple[int, ...]) -> Singles:
    run = pictured_run_of(explored)
    # What a run does after it has diverged may be beyond single precision.
    return np.where(run.valid[..., None], run.pre_activation[..., list(neurons)], np.nan).astype(np.float32)


@kept(_runs)
def population_means_of(explored: Explored) -> dict[tuple[str, int], Singles]:
    """(T,) mean pre-activation of each population in the first run, by role and output."""
    roles, kick = populations_of(explored), kick_neurons_of(explored)
    run = run_of(explored)
    seen = np.where(run.valid[0, :, None], run.pre_activation[0], np.nan)
    members = {
        (role, output): kick.members(output) if role == KICK else roles.members(role, output)
        for output in sorted({group.output for group in kick.groups})
        for role in (KICK, INTEGRATING)
    }
    return {of: seen[:, list(neurons)].mean(axis=1).astype(np.float32) for of, neurons in members.items() if neurons}


@kept(_simulated, version=1)
def orbit_spectrum_of(explored: Explored) -> OrbitSpectrum:
    """Counts of unstable eigenvalues and critical pairs against the phase, at some of the surveyed states."""
    at = survey_of(explored).at
    some = at[:: -(-len(at) // SPECTRA_ALONG_ORBIT)]
    return spectrum_along_orbit(explored.now, plane_of(explored), run_of(explored).state[tuple(some.T)])


@kept(_simulated)
def without_noise_of(explored: Explored) -> Floats:
    """(S, T, C) runs of the network as it is now, without noise, from states that it visits."""
    check_steady(explored, "runs without noise")
    most, of = fitting_starts(explored.network, MAX_STARTS), explored.scenario
    # Of a large network no more runs than they begin in.
    runs = min(of.trajectories, -(-most // STARTS_PER_RUN)) if is_single(explored.network) else of.trajectories
    run, every = pictured_run_of(_with_runs(explored, runs)), max(1, of.steps // STARTS_PER_RUN)
    starts = run.state[:, ::every][run.valid[:, ::every]][:most]
    return paths_without_noise(explored.now, plane_of(explored), starts, WITHOUT_NOISE_STEPS)


@kept(_network_in_plane)
def switch_paths_of(explored: Explored) -> SwitchPaths | None:
    """The ways between the outputs of the network as it is now; None without noise, or where it diverges.

    Raises:
        ValueError: the network is too large, or its input changes from step to step.
    """
    of = explored.scenario
    check_waited_for(explored.network, "ways between outputs")
    check_steady(explored, "ways between outputs")
    if of.sigma == 0 or simulate(explored.now, SWITCH_STEPS, 1, of.sigma, of.seed).diverged:
        return None
    return find_paths(explored.now, of.seed, plane_of(explored), sigma=of.sigma)


def fixed_points_of(explored: Explored) -> Floats:
    """(F, C) the distinct fixed points of the intact network without noise, saddles too, in the scenario's plane.

    There are none under a sequence of inputs, which leaves no state where it is.
    """
    if not explored.scenario.is_steady:
        return np.empty((0, len(plane_of(explored).components)))
    return plane_of(explored).project(_rest(explored)[:, : explored.network.n_neurons])


@kept(_plane)
def seen_points_of(explored: Explored) -> SeenPoints:
    """The same with their kinds, and the unstable directions of saddles; of a large network the places alone."""
    if not explored.scenario.is_steady or explored.network.n_neurons > MAX_WAITED_FOR:
        return SeenPoints.plain(fixed_points_of(explored))
    return see_points(explored.network, plane_of(explored), _rest(explored))


@kept(_intact, version=1)
def _rest(explored: Explored) -> Floats:
    if explored.network.n_neurons > MAX_WAITED_FOR:
        return _large_rest(explored.network)
    visited = simulate(explored.network, plane_steps(explored.network), REST_RUNS, seed=0)
    ends = fixed_points(explored.network, h0=visited.state[:, -1][visited.diverged_at < 0], search=True)
    return ends.points


def _large_rest(network: Network) -> Floats:
    """Where a few runs of a large network end. Points that attract none, and those that take long, are left out."""
    runs = fitting_starts(network, LARGE_REST_RUNS)
    steps = LARGE_REST_PRODUCTS // (runs * network.products_per_step)
    fewest, most = LARGE_REST_STEPS
    if steps < fewest:
        return np.empty((0, network.n_state))
    drive = draw_drive(network, LARGE_REST_AFTER, runs, 1.0, 0, single=True)
    visited = follow_drive(network, drive, 1.0, 0)
    starts = visited.state[:, -1][visited.diverged_at < 0].astype(np.float64)
    return ends_without_noise(network, starts, min(steps, most))


# ---- neurons ----


@kept(_intact, version=KICK_NEURONS_VERSION)
def kick_neurons_of(explored: Explored, *, on_progress: ProgressCallback = no_progress) -> KickNeurons:
    """The kick groups of the intact network. The slowest query: seconds when it is computed for the first time."""
    if on_progress is no_progress:
        check_waited_for(explored.network, "kick neurons")
    return detect_kick_neurons(explored.network, on_progress=on_progress)


def populations_of(explored: Explored) -> Populations:
    """The roles of the neurons of the intact network."""
    return find_populations(explored.network, kick_neurons_of(explored))


@kept(_network_now, version=1)
def switch_average_of(explored: Explored) -> SwitchAverage | None:
    """Kick groups and integrating populations around the switches of the network as it is now; None without any."""
    averaged = choose_averaged(kick_neurons_of(explored), populations_of(explored))
    if not averaged:
        return None
    of = explored.scenario
    check_steady(explored, "averages around switches")
    check_waited_for(explored.network, "averages around switches")
    runs = fitting_runs(explored.network, SWITCH_STEPS, SWITCH_RUNS)
    run = simulate(explored.now, SWITCH_STEPS, runs, of.sigma, of.seed)
    return average_around_switches(run, averaged, SWITCH_TRANSIENT, seed=of.seed)


def block_means_of(explored: Explored) -> BlockMeans:
    """The mean weights between noise, populations and readout of the intact network."""
    return average_weights(explored.network, populations_of(explored))


def readout_angles_of(explored: Explored) -> ReadoutAngles:
    """How the readout lies to the plane that a scenario is seen in."""
    return readout_angles(explored.now, plane_of(explored))


# ---- against the HMM; each is None without a known one ----


def hmm_graph_of(explored: Explored) -> HMMGraph | None:
    """The HMM that the network was trained to emulate, as a graph."""
    return None if explored.hmm is None else describe_graph(explored.hmm)


@kept(_network_now, version=1)
def fidelity_of(explored: Explored) -> Fidelity | None:
    """The network as it is now against its HMM, on runs of their own length."""
    if explored.hmm is None:
        return None
    of = explored.scenario
    check_steady(explored, "transitions, shares and lags")
    check_waited_for(explored.network, "transitions, shares and lags")
    return measure_fidelity(explored.now, explored.hmm, of.seed, FIDELITY_RUNS, FIDELITY_STEPS, of.sigma)


@kept(_network_now, version=1)
def matched_distances_of(explored: Explored) -> MatchedDistances | None:
    """Sequences of the network as it is now, matched with its HMM's. Imports SciPy: a worker computes it."""
    if explored.hmm is None:
        return None
    of = explored.scenario
    check_steady(explored, "matched sequences")
    return match_sequences(explored.now, explored.hmm, of.seed, MATCHED_BATCHES, MATCHED_SIZE, MATCHED_STEPS, of.sigma)


@kept(_simulated, version=1)
def decoding_of(explored: Explored) -> Decoding | None:
    """The HMM's hidden states in the runs of a scenario. Takes seconds: a worker computes it."""
    if explored.hmm is None:
        return None
    found = survey_of(explored)
    return decode_states(explored.hmm, run_of(explored), found.at, found.residency.region)


# What a worker is asked for by name.
ANALYSES: dict[str, Query[[], Any]] = {"matching": matched_distances_of, "decoding": decoding_of}
