"""The numbers of a network in plain values, as `hmmrnn analyse` prints them.

An analysis that cannot be done is an entry {"skipped": reason}.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.decoding import decode_states
from hmmrnn.analysis.fidelity import Fidelity, measure_fidelity
from hmmrnn.analysis.kick_neurons import AlternativeTest, KickGroup, detect_kick_neurons
from hmmrnn.analysis.matched_distance import match_sequences
from hmmrnn.analysis.regions import REGIONS, region_shares, residency
from hmmrnn.analysis.stability import fixed_points
from hmmrnn.model.hmm import HMM
from hmmrnn.model.metadata import known_target
from hmmrnn.model.network import Floats, Network
from hmmrnn.model.simulation import Trajectory, simulate
from hmmrnn.training.trainer import FIDELITY_NUMBERS

VISITED_STATES, VISITED_RUNS, VISITED_STEPS, TRANSIENT = 1000, 32, 300, 100
STAGES = (
    "runs under noise",
    "fidelity",
    "matched sequences",
    "fixed points",
    "regions",
    "hidden states",
    "kick neurons",
)


class _Visited(NamedTuple):
    """Runs under noise, and states drawn from them after their transient."""

    run: Trajectory  # B runs of T steps
    at: NDArray[np.int64]  # (S, 2) run and step of each state
    states: Floats  # (S, N) the states


def summarise(network: Network, seed: int = 0, on_stage: Callable[[str], None] = lambda stage: None) -> dict[str, Any]:
    """Summarise a network by the numbers of its analyses, in types of JSON (and NaN)."""
    on_stage("runs under noise")
    visited = _visit(network, seed)
    found: dict[str, Any] = {"sizes": summarise_sizes(network), "provenance": dict(network.metadata)}
    hmm, reason = known_target(network.metadata, network.n_outputs)
    found |= _against(hmm, network, seed, on_stage) if hmm else _skipped(reason, "fidelity", "matching", "decoding")
    if visited is None:
        reason = f"the network diverges within {VISITED_STEPS} steps under noise of sigma = 1"
        return {**found, **_skipped(reason, "fixed_point", "regions", "decoding", "kick_groups")}
    on_stage("fixed points")
    found["fixed_point"] = _fixed_point_summary(network, visited.states)
    on_stage("regions")
    region = residency(network, visited.states, seed=seed).region
    found["regions"] = {"states": len(region), **region_shares(region)}
    if hmm:
        on_stage("hidden states")
        found["decoding"] = _decoding_summary(hmm, visited, region)
    on_stage("kick neurons")
    found["kick_groups"] = [summarise_kick_group(group) for group in detect_kick_neurons(network, seed=seed).groups]
    return found


def summarise_sizes(network: Network) -> dict[str, Any]:
    """N, M and O of a network, and whether it has a bias."""
    sizes = {"neurons": network.n_neurons, "inputs": network.n_inputs, "outputs": network.n_outputs}
    return {**sizes, "biased": network.has_bias}


def summarise_fidelity(judged: Fidelity) -> dict[str, Any]:
    """Summarise the fidelity: its numbers, how many runs diverged, and the criteria that fail."""
    return {
        "fidelity": {name: getattr(judged, name) for name in FIDELITY_NUMBERS},
        "diverged": judged.diverged,
        "passes": judged.passes,
        "failures": list(judged.failures),
    }


def _skipped(reason: str, *names: str) -> dict[str, Any]:
    return {name: {"skipped": reason} for name in names}


def _visit(network: Network, seed: int) -> _Visited | None:
    """Runs, and states drawn from them; None if a run diverges."""
    run = simulate(network, VISITED_STEPS, VISITED_RUNS, seed=seed)
    if run.diverged:
        return None
    settled = (VISITED_RUNS, VISITED_STEPS - TRANSIENT)
    chosen = np.random.default_rng(seed).choice(settled[0] * settled[1], VISITED_STATES, replace=False)
    at = np.stack(np.unravel_index(chosen, settled), axis=1) + (0, TRANSIENT)
    return _Visited(run, at, run.state[tuple(at.T)])


def _against(hmm: HMM, network: Network, seed: int, on_stage: Callable[[str], None]) -> dict[str, Any]:
    on_stage("fidelity")
    judged = measure_fidelity(network, hmm, seed=seed)
    on_stage("matched sequences")
    matched = match_sequences(network, hmm, seed)
    numbers = ("distance", "distance_se", "floor", "floor_se", "size", "length", "diverged")
    return {
        "fidelity": {"family": hmm.name, **summarise_fidelity(judged)},
        "matching": {name: getattr(matched, name) for name in numbers},
    }


def _decoding_summary(hmm: HMM, visited: _Visited, region: NDArray[np.str_]) -> dict[str, Any]:
    decoded = decode_states(hmm, visited.run, visited.at, region)
    return {
        "regions": list(REGIONS),
        "region_given_state": decoded.region_given_state.tolist(),
        "state_given_output": decoded.state_given_output.tolist(),
        "runs": len(decoded.states),
        "impossible": decoded.impossible,
    }


def _fixed_point_summary(network: Network, states: Floats) -> dict[str, Any]:
    found = fixed_points(network, h0=states, search=True)
    points = found.points
    outcomes, counts = np.unique(found.outcome, return_counts=True)
    return {
        "starts": len(states),
        "outcomes": {str(outcome): int(count) for outcome, count in zip(outcomes, counts, strict=True)},
        "fixed_points": len(points),
        "largest_activity": float(points.max()) if len(points) else None,
    }


def summarise_kick_group(group: KickGroup) -> dict[str, Any]:
    """Summarise a kick group and its evidence."""
    controls = group.control_ratios
    rates = ("leave_rate", "leave_rate_ratio", "all_exits_ratio")
    return {
        "output": group.output,
        "to": group.to,
        "neurons": list(group.neurons),
        **{name: getattr(group, name) for name in rates},
        "median_control_ratio": float(np.median(controls)) if len(controls) else None,
        "controls": len(controls),
        "percentile": group.percentile,
        "proven": group.proven,
        "pictures": [_picture_summary(picture) for picture in group.alternatives],
    }


def _picture_summary(picture: AlternativeTest) -> dict[str, Any]:
    item = picture.intervention
    done = {"kind": picture.kind, "neurons": list(item.neurons), "mu": item.mu, "target": item.target}
    return {**done, **{name: getattr(picture, name) for name in ("leave_rate_ratio", "bounded", "proven")}}
