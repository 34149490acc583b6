"""What is asked of the engine, as functions of a scenario.

Each answer depends on its arguments alone and is cached under them. A network stands in a key by the hash of
its content, so that a file that changes under its name is never answered from the old one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from hmmrnn import provenance
from hmmrnn.dashboard import catalog, queue
from hmmrnn.dashboard.cache import cached, known
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.decoding import Decoding, decoding
from hmmrnn.experiments.orbit_spectrum import OrbitSpectrum, orbit_spectrum
from hmmrnn.experiments.readout import ReadoutAngles, readout_angles
from hmmrnn.fidelity import Fidelity, fidelity
from hmmrnn.hmm import HMM
from hmmrnn.kick import KickNeurons, detect_kick_neurons
from hmmrnn.landscape import Landscape, survey
from hmmrnn.matching import Matching, matching
from hmmrnn.motion import Motion, Singles, observe
from hmmrnn.network import Floats, Network, intervene
from hmmrnn.populations import INTEGRATING, KICK, BlockWeights, Populations, block_weights, populations
from hmmrnn.progress import Tell, ignore
from hmmrnn.simulation import Trajectory, draw_noise, respond, simulate
from hmmrnn.stability import fixed_points
from hmmrnn.statespace import PAIR_LONGER_THAN, Plane, fit_plane, longest_stretch, pair_stretches

PLANE_RUNS, PLANE_STEPS, PLANE_TRANSIENT = 16, 1000, 100
# A pair's plane is fitted as soon as there are so many states of long stretches; a round is of so many runs and steps.
PAIR_STATES, PAIR_ROUNDS, PAIR_RUNS, PAIR_STEPS = 3000, 8, 32, 2000
FIDELITY_RUNS, FIDELITY_STEPS = 64, 2000
MATCHED_BATCHES, MATCHED_SIZE, MATCHED_STEPS = 6, 96, 100
REST_RUNS = 16
SPECTRA_ALONG_ORBIT = 240
STARTS_PER_RUN, MAX_STARTS, WITHOUT_NOISE_STEPS = 3, 24, 200


def motion_of(scenario: Scenario) -> Motion:
    """The fast answer: path, orbit and switches."""
    return _motion(scenario.motion, _content(scenario))


def landscape_of(scenario: Scenario) -> Landscape:
    """The slow answer: regions, spectra and fixed points of the network as it is now."""
    return _landscape(scenario.motion, _content(scenario))


def pre_activation_of(scenario: Scenario, neurons: tuple[int, ...]) -> Singles:
    """(B, T, len(neurons)) pre-activation of some neurons in the runs of a scenario.

    Raises:
        ValueError: a neuron is beyond the network.
    """
    n = catalog.network(scenario.model).n_neurons
    if neurons and max(neurons) >= n:
        raise ValueError(f"neuron {max(neurons)} does not exist: this network has {n}, numbered 0 to {n - 1}")
    return _pre_activation(_of_all_outputs(scenario), neurons, _content(scenario))


def population_means_of(scenario: Scenario) -> dict[tuple[str, int], Singles]:
    """(T,) mean pre-activation of each population in the first run, by role and output."""
    return _population_means(_of_all_outputs(scenario), _content(scenario))


def along_orbit_of(scenario: Scenario) -> OrbitSpectrum:
    """Counts of unstable eigenvalues and critical pairs against the phase, at some states of the landscape."""
    return _along_orbit(scenario.motion, _content(scenario))


def readout_of(scenario: Scenario) -> ReadoutAngles:
    """How the readout lies to the plane that a scenario is seen in."""
    return readout_angles(network_of(scenario), plane_of(scenario.model, scenario.pair))


def plane_of(model: str, pair: tuple[int, int] | None = None) -> Plane:
    """The plane of the intact network, fitted once and kept for every scenario.

    Args:
        model: name of the network.
        pair: two outputs, for the plane of the long stretches that visit only them; None for that of all states.

    Raises:
        ValueError: the network has no such output, or no stretch is long enough; the sentence says the longest.
    """
    outputs = catalog.network(model).n_outputs
    if pair is not None and max(pair) >= outputs:
        raise ValueError(f"output {max(pair)} does not exist: this network has {outputs}, numbered 0 to {outputs - 1}")
    return _plane(model, catalog.entry(model).fingerprint, pair)


def plane_of_scenario(scenario: Scenario) -> Plane:
    """The plane that a scenario is seen in.

    Raises:
        ValueError: as for `plane_of`, or it is to be seen in three dimensions and has not as many.
    """
    plane = plane_of(scenario.model, scenario.pair)
    if len(plane.components) < scenario.dimensions:
        raise ValueError(
            f"the state space of this network has {len(plane.components)} dimensions, which is the number of its "
            "neurons; 3-D needs 3"
        )
    return plane


def kick_of(model: str, tell: Tell = ignore) -> KickNeurons:
    """The kick groups of the intact network. The slowest answer: seconds when it is asked for the first time."""
    return _kick(model, catalog.entry(model).fingerprint, tell=tell)


def kick_known_of(model: str) -> KickNeurons | None:
    """The kick groups if the search for them has ended; None otherwise. Never begins the search."""
    return known(_kick, model, catalog.entry(model).fingerprint)


def populations_of(model: str) -> Populations:
    """The roles of the neurons of the intact network."""
    return populations(catalog.network(model), kick_of(model))


def block_weights_of(model: str) -> BlockWeights:
    """The recurrent weights between the populations of the intact network."""
    return block_weights(catalog.network(model), populations_of(model))


def fidelity_of(scenario: Scenario) -> Fidelity | None:
    """The network as it is now against its HMM, on runs of its own length; None without a known HMM."""
    return _fidelity(_of_all_outputs(scenario), _content(scenario))


def matching_of(scenario: Scenario) -> Matching | None:
    """Sequences of the network as it is now, matched with its HMM's; None without a known HMM. A worker's answer."""
    return _matching(_of_all_outputs(scenario), _content(scenario))


def decoding_of(scenario: Scenario) -> Decoding | None:
    """The HMM's hidden states in the runs of the scenario; None without a known HMM. A worker's answer."""
    return _decoding(_of_all_outputs(scenario), _content(scenario))


def rest_of(model: str, pair: tuple[int, int] | None = None) -> Floats:
    """(F, C) the distinct fixed points that the intact network decays to without noise, in its plane or a pair's."""
    return plane_of(model, pair).project(_rest(model, catalog.entry(model).fingerprint))


def without_noise_of(scenario: Scenario) -> Floats:
    """(S, T, C) runs of the network as it is now, without noise, from states that it visits."""
    return _without_noise(scenario.motion, _content(scenario))


def network_of(scenario: Scenario) -> Network:
    """The network as it is now: another network, in which the interventions are folded into the weights."""
    return intervene(catalog.network(scenario.model), scenario.interventions)


def run_of(scenario: Scenario) -> Trajectory:
    """The runs of a scenario with all that happens in them. Not kept: they are large, and quickly made."""
    return respond(network_of(scenario), noise_of(scenario), scenario.sigma, scenario.seed)


def noise_of(scenario: Scenario) -> Floats:
    """(B, T, M) the noise of a scenario, the same for the intact and for any intervened network."""
    return _noise(
        catalog.network(scenario.model).n_inputs, scenario.steps, scenario.trajectories, scenario.sigma, scenario.seed
    )


def _of_all_outputs(scenario: Scenario) -> Scenario:
    """What is computed from a scenario whatever plane it is seen in."""
    return replace(scenario.motion, pair=None)


def _content(scenario: Scenario) -> str:
    return catalog.entry(scenario.model).fingerprint


@lru_cache(maxsize=2)
def _noise(n_inputs: int, steps: int, trajectories: int, sigma: float, seed: int) -> Floats:
    # Drawing takes as long as running; an intact and an intervened network always ask for the same noise.
    noise = draw_noise(n_inputs, steps, trajectories, sigma, seed)
    noise.setflags(write=False)
    return noise


@cached
def _plane(model: str, content: str, pair: tuple[int, int] | None) -> Plane:
    network = catalog.network(model)
    if pair is not None:
        return fit_plane(_states_of_pair(network, pair))
    run = simulate(network, PLANE_STEPS, PLANE_RUNS, seed=0)
    settled = run.h[:, PLANE_TRANSIENT:][run.valid[:, PLANE_TRANSIENT:]]
    # A network that diverges before that has no other states than those of the transient.
    return fit_plane(settled if len(settled) > 1 else run)


def _states_of_pair(network: Network, pair: tuple[int, int]) -> Floats:
    """(S, N) states of the long stretches of a pair of outputs, of as many runs as it takes."""
    found: list[Floats] = []
    longest = 0
    for seed in range(PAIR_ROUNDS):
        run = simulate(network, PAIR_STEPS, PAIR_RUNS, seed=seed)
        output = np.where(run.valid, run.output, -1)[:, PLANE_TRANSIENT:]
        longest = max(longest, longest_stretch(output, pair))
        found.append(run.h[:, PLANE_TRANSIENT:][pair_stretches(output, pair, PAIR_LONGER_THAN)])
        if sum(map(len, found)) >= PAIR_STATES:
            break
    if longest <= PAIR_LONGER_THAN:
        raise ValueError(
            f"no stretch of more than {PAIR_LONGER_THAN:,} consecutive steps visits outputs {pair[0]} and {pair[1]} "
            f"and no other: in {PAIR_ROUNDS * PAIR_RUNS} runs of {PAIR_STEPS:,} steps the longest is of {longest} steps"
        )
    return np.concatenate(found)


@cached
def _motion(scenario: Scenario, content: str) -> Motion:
    network = network_of(scenario)
    noise = noise_of(scenario)
    plane = _plane(scenario.model, content, scenario.pair)
    return observe(network, plane, noise, scenario.sigma, scenario.seed, catalog.target(network), scenario.pair)


@cached
def _pre_activation(scenario: Scenario, neurons: tuple[int, ...], content: str) -> Singles:
    run = run_of(scenario)
    return np.where(run.valid[..., None], run.pre_activation[..., list(neurons)], np.nan).astype(np.float32)


@cached
def _population_means(scenario: Scenario, content: str) -> dict[tuple[str, int], Singles]:
    network, roles, kick = network_of(scenario), populations_of(scenario.model), kick_of(scenario.model)
    run = respond(network, noise_of(scenario)[:1], scenario.sigma, scenario.seed)
    seen = np.where(run.valid[0, :, None], run.pre_activation[0], np.nan)
    members = {
        (role, output): kick.members(output) if role == KICK else roles.members(role, output)
        for output in sorted({group.output for group in kick.groups})
        for role in (KICK, INTEGRATING)
    }
    return {of: seen[:, list(neurons)].mean(axis=1).astype(np.float32) for of, neurons in members.items() if neurons}


@cached
def _along_orbit(scenario: Scenario, content: str) -> OrbitSpectrum:
    landscape = _landscape(scenario, content)
    network = network_of(scenario)
    run = run_of(scenario)
    some = landscape.at[:: -(-len(landscape.at) // SPECTRA_ALONG_ORBIT)]
    return orbit_spectrum(network, _plane(scenario.model, content, scenario.pair), run.h[tuple(some.T)])


@cached
def _landscape(scenario: Scenario, content: str) -> Landscape:
    network = network_of(scenario)
    run = run_of(scenario)
    return survey(network, _plane(scenario.model, content, scenario.pair), run, scenario.seed, scenario.pair)


@cached
def _rest(model: str, content: str) -> Floats:
    network = catalog.network(model)
    visited = simulate(network, PLANE_STEPS, REST_RUNS, seed=0)
    ends = fixed_points(network, visited.h[:, -1][visited.diverged_at < 0])
    return ends.distinct()[0]


@cached
def _without_noise(scenario: Scenario, content: str) -> Floats:
    network = network_of(scenario)
    run = run_of(scenario)
    starts = run.h[:, :: max(1, scenario.steps // STARTS_PER_RUN)][
        run.valid[:, :: max(1, scenario.steps // STARTS_PER_RUN)]
    ]
    silence = np.zeros((len(starts[:MAX_STARTS]), WITHOUT_NOISE_STEPS, network.n_inputs))
    decay = respond(network, silence, sigma=0.0, seed=scenario.seed, h0=starts[:MAX_STARTS])
    path = np.concatenate([decay.h0[:, None], decay.h], axis=1)
    plane = _plane(scenario.model, content, scenario.pair)
    return np.where(np.isfinite(path).all(axis=-1, keepdims=True), plane.project(path), np.nan)


@cached
def _kick(model: str, content: str, *, tell: Tell) -> KickNeurons:
    return detect_kick_neurons(catalog.network(model), tell=tell)


@cached
def _fidelity(scenario: Scenario, content: str) -> Fidelity | None:
    network = network_of(scenario)
    hmm = catalog.target(network)
    if hmm is None:
        return None
    return fidelity(network, hmm, scenario.seed, FIDELITY_RUNS, FIDELITY_STEPS, scenario.sigma)


@cached
def _matching(scenario: Scenario, content: str) -> Matching | None:
    return _from_worker("matching", scenario)


@cached
def _decoding(scenario: Scenario, content: str) -> Decoding | None:
    return _from_worker("decoding", scenario)


def _from_worker(question: str, scenario: Scenario) -> Any:
    # Without a target there is nothing to ask, and no worker needed to know it.
    if catalog.target(catalog.network(scenario.model)) is None:
        return None
    return queue.errand("analyse", question, scenario)


def _match(scenario: Scenario, network: Network, hmm: HMM) -> Matching:
    return matching(network, hmm, scenario.seed, MATCHED_BATCHES, MATCHED_SIZE, MATCHED_STEPS, scenario.sigma)


def _decode(scenario: Scenario, network: Network, hmm: HMM) -> Decoding:
    landscape = landscape_of(scenario)
    run = run_of(scenario)
    return decoding(hmm, run, landscape.at, landscape.residency.region)


def answer_here(question: str, scenario: Scenario) -> Any:
    """Answer in this process what the web process asks a worker: it takes SciPy and hmmlearn, and their memory.

    Args:
        question: "matching" or "decoding".
        scenario: of a network with a known HMM.
    """
    network = network_of(scenario)
    hmm = provenance.target(network.metadata, network.n_outputs)
    return {"matching": _match, "decoding": _decode}[question](scenario, network, hmm)
