"""What is asked of the engine, as functions of a scenario.

Each answer depends on its arguments alone and is cached under them. A network stands in a key by the hash of
its content, so that a file that changes under its name is never answered from the old one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from hmmrnn import provenance
from hmmrnn.dashboard import catalog, queue
from hmmrnn.dashboard.cache import cached
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.decoding import Decoding, decoding
from hmmrnn.fidelity import Fidelity, fidelity
from hmmrnn.hmm import HMM
from hmmrnn.kick import KickNeurons, detect_kick_neurons
from hmmrnn.landscape import Landscape, survey
from hmmrnn.matching import Matching, matching
from hmmrnn.motion import Motion, Singles, observe
from hmmrnn.network import Floats, Network, intervene
from hmmrnn.populations import Populations, populations
from hmmrnn.simulation import draw_noise, respond, simulate
from hmmrnn.stability import fixed_points
from hmmrnn.statespace import Plane, fit_plane

PLANE_RUNS, PLANE_STEPS, PLANE_TRANSIENT = 16, 1000, 100
FIDELITY_RUNS, FIDELITY_STEPS = 64, 2000
MATCHED_BATCHES, MATCHED_SIZE, MATCHED_STEPS = 6, 96, 100
REST_RUNS = 16
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
    return _pre_activation(scenario.motion, neurons, _content(scenario))


def plane_of(model: str) -> Plane:
    """The plane of the intact network, fitted once and kept for every scenario."""
    return _plane(model, catalog.entry(model).fingerprint)


def kick_of(model: str) -> KickNeurons:
    """The kick groups of the intact network. The slowest answer: seconds when it is asked for the first time."""
    return _kick(model, catalog.entry(model).fingerprint)


def populations_of(model: str) -> Populations:
    """The roles of the neurons of the intact network."""
    return populations(catalog.network(model), kick_of(model))


def fidelity_of(scenario: Scenario) -> Fidelity | None:
    """The network as it is now against its HMM, on runs of its own length; None without a known HMM."""
    return _fidelity(scenario.motion, _content(scenario))


def matching_of(scenario: Scenario) -> Matching | None:
    """Sequences of the network as it is now, matched with its HMM's; None without a known HMM. A worker's answer."""
    return _matching(scenario.motion, _content(scenario))


def decoding_of(scenario: Scenario) -> Decoding | None:
    """The HMM's hidden states in the runs of the scenario; None without a known HMM. A worker's answer."""
    return _decoding(scenario.motion, _content(scenario))


def rest_of(model: str) -> Floats:
    """(F, C) the distinct fixed points that the intact network decays to without noise, in its plane."""
    return _rest(model, catalog.entry(model).fingerprint)


def without_noise_of(scenario: Scenario) -> Floats:
    """(S, T, C) runs of the network as it is now, without noise, from states that it visits."""
    return _without_noise(scenario.motion, _content(scenario))


def network_of(scenario: Scenario) -> Network:
    """The network as it is now: another network, in which the interventions are folded into the weights."""
    return intervene(catalog.network(scenario.model), scenario.interventions)


def _content(scenario: Scenario) -> str:
    return catalog.entry(scenario.model).fingerprint


@lru_cache(maxsize=2)
def _noise(n_inputs: int, steps: int, trajectories: int, sigma: float, seed: int) -> Floats:
    # Drawing takes as long as running; an intact and an intervened network always ask for the same noise.
    noise = draw_noise(n_inputs, steps, trajectories, sigma, seed)
    noise.setflags(write=False)
    return noise


def _noise_of(scenario: Scenario, network: Network) -> Floats:
    return _noise(network.n_inputs, scenario.steps, scenario.trajectories, scenario.sigma, scenario.seed)


@cached
def _plane(model: str, content: str) -> Plane:
    run = simulate(catalog.network(model), PLANE_STEPS, PLANE_RUNS, seed=0)
    settled = run.h[:, PLANE_TRANSIENT:][run.valid[:, PLANE_TRANSIENT:]]
    # A network that diverges before that has no other states than those of the transient.
    return fit_plane(settled if len(settled) > 1 else run)


@cached
def _motion(scenario: Scenario, content: str) -> Motion:
    network = network_of(scenario)
    noise = _noise_of(scenario, network)
    plane = _plane(scenario.model, content)
    return observe(network, plane, noise, scenario.sigma, scenario.seed, catalog.target(network))


@cached
def _pre_activation(scenario: Scenario, neurons: tuple[int, ...], content: str) -> Singles:
    network = network_of(scenario)
    run = respond(network, _noise_of(scenario, network), scenario.sigma, scenario.seed)
    return np.where(run.valid[..., None], run.pre_activation[..., list(neurons)], np.nan).astype(np.float32)


@cached
def _landscape(scenario: Scenario, content: str) -> Landscape:
    network = network_of(scenario)
    run = respond(network, _noise_of(scenario, network), scenario.sigma, scenario.seed)
    return survey(network, _plane(scenario.model, content), run, scenario.seed)


@cached
def _rest(model: str, content: str) -> Floats:
    network = catalog.network(model)
    visited = simulate(network, PLANE_STEPS, REST_RUNS, seed=0)
    ends = fixed_points(network, visited.h[:, -1][visited.diverged_at < 0])
    return _plane(model, content).project(ends.distinct()[0])


@cached
def _without_noise(scenario: Scenario, content: str) -> Floats:
    network = network_of(scenario)
    run = respond(network, _noise_of(scenario, network), scenario.sigma, scenario.seed)
    starts = run.h[:, :: max(1, scenario.steps // STARTS_PER_RUN)][
        run.valid[:, :: max(1, scenario.steps // STARTS_PER_RUN)]
    ]
    silence = np.zeros((len(starts[:MAX_STARTS]), WITHOUT_NOISE_STEPS, network.n_inputs))
    decay = respond(network, silence, sigma=0.0, seed=scenario.seed, h0=starts[:MAX_STARTS])
    path = np.concatenate([decay.h0[:, None], decay.h], axis=1)
    return np.where(
        np.isfinite(path).all(axis=-1, keepdims=True), _plane(scenario.model, content).project(path), np.nan
    )


@cached
def _kick(model: str, content: str) -> KickNeurons:
    return detect_kick_neurons(catalog.network(model))


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
    run = respond(network, _noise_of(scenario, network), scenario.sigma, scenario.seed)
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
