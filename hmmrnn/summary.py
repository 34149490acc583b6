"""What can be said of a network in numbers? Every analysis, in plain values.

What cannot be done of it is an entry {"skipped": reason}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.decoding import decoding
from hmmrnn.fidelity import Fidelity, fidelity
from hmmrnn.hmm import HMM
from hmmrnn.kick import KickGroup, Picture, detect_kick_neurons
from hmmrnn.matching import matching
from hmmrnn.network import Floats, Network
from hmmrnn.provenance import target
from hmmrnn.regions import REGIONS, region_shares, residency
from hmmrnn.simulation import Trajectory, simulate
from hmmrnn.stability import fixed_points
from hmmrnn.training import FIDELITY_NUMBERS

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
    """Runs under noise, and states drawn from them after their transient.

    Attributes:
        run: B runs of T steps.
        at: (S, 2) run and step of each state.
        states: (S, N) the states.
    """

    run: Trajectory
    at: NDArray[np.int64]
    states: Floats


def summary(network: Network, seed: int = 0, tell: Callable[[str], None] = lambda stage: None) -> dict[str, Any]:
    """Every analysis of a network in numbers, ready for JSON but for NaN.

    Args:
        network: the network.
        seed: seed of every run.
        tell: called with the name of each of the `STAGES` when it begins.
    """
    tell("runs under noise")
    visited = _visit(network, seed)
    found: dict[str, Any] = {
        "sizes": {
            "neurons": network.n_neurons,
            "inputs": network.n_inputs,
            "outputs": network.n_outputs,
            "biased": network.has_bias,
        },
        "provenance": dict(network.metadata),
    }
    hmm, reason = _target(network)
    found |= _against(hmm, network, seed, tell) if hmm else _skipped(reason, "fidelity", "matching", "decoding")
    if visited is None:
        reason = f"the network diverges within {VISITED_STEPS} steps under noise of sigma = 1"
        return {**found, **_skipped(reason, "fixed_point", "regions", "decoding", "kick_groups")}
    tell("fixed points")
    found["fixed_point"] = _fixed_point_summary(network, visited.states)
    tell("regions")
    region = residency(network, visited.states, seed=seed).region
    found["regions"] = {"states": len(region), **region_shares(region)}
    if hmm:
        tell("hidden states")
        found["decoding"] = _decoding_summary(hmm, visited, region)
    tell("kick neurons")
    found["kick_groups"] = _kick_summary(network, seed)
    return found


def fidelity_summary(judged: Fidelity) -> dict[str, Any]:
    """A verdict in plain values: its numbers, how many runs diverged, and the criteria that fail."""
    return {
        "fidelity": {name: getattr(judged, name) for name in FIDELITY_NUMBERS},
        "diverged": judged.diverged,
        "passes": judged.passes,
        "failures": list(judged.failures),
    }


def _skipped(reason: str, *names: str) -> dict[str, Any]:
    return {name: {"skipped": reason} for name in names}


def _target(network: Network) -> tuple[HMM | None, str]:
    try:
        return target(network.metadata, network.n_outputs), ""
    except ValueError as error:
        return None, str(error)


def _visit(network: Network, seed: int) -> _Visited | None:
    """Runs, and states drawn from them; None if a run diverges."""
    run = simulate(network, VISITED_STEPS, VISITED_RUNS, seed=seed)
    if run.diverged:
        return None
    settled = (VISITED_RUNS, VISITED_STEPS - TRANSIENT)
    chosen = np.random.default_rng(seed).choice(settled[0] * settled[1], VISITED_STATES, replace=False)
    at = np.stack(np.unravel_index(chosen, settled), axis=1) + (0, TRANSIENT)
    return _Visited(run, at, run.h[tuple(at.T)])


def _against(hmm: HMM, network: Network, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    tell("fidelity")
    judged = fidelity(network, hmm, seed=seed)
    tell("matched sequences")
    matched = matching(network, hmm, seed)
    numbers = ("distance", "distance_se", "floor", "floor_se", "size", "length", "diverged")
    return {
        "fidelity": {"family": hmm.name, **fidelity_summary(judged)},
        "matching": {name: getattr(matched, name) for name in numbers},
    }


def _decoding_summary(hmm: HMM, visited: _Visited, region: NDArray[np.str_]) -> dict[str, Any]:
    decoded = decoding(hmm, visited.run, visited.at, region)
    return {
        "regions": list(REGIONS),
        "region_given_state": decoded.region_given_state.tolist(),
        "state_given_output": decoded.state_given_output.tolist(),
        "runs": len(decoded.states),
        "impossible": decoded.impossible,
    }


def _fixed_point_summary(network: Network, states: Floats) -> dict[str, Any]:
    found = fixed_points(network, states)
    points, _ = found.distinct()
    outcomes, counts = np.unique(found.outcome, return_counts=True)
    return {
        "starts": len(states),
        "outcomes": {str(outcome): int(count) for outcome, count in zip(outcomes, counts, strict=True)},
        "fixed_points": len(points),
        "largest_activity": float(points.max()) if len(points) else None,
    }


def _kick_summary(network: Network, seed: int) -> list[dict[str, Any]]:
    return [kick_group_summary(group) for group in detect_kick_neurons(network, seed=seed).groups]


def kick_group_summary(group: KickGroup) -> dict[str, Any]:
    """A kick group and its evidence in plain values."""
    controls = group.control_ratios
    return {
        "output": group.output,
        "to": group.to,
        "neurons": list(group.neurons),
        "leave_rate": group.leave_rate,
        "leave_rate_ratio": group.leave_rate_ratio,
        "all_exits_ratio": group.all_exits_ratio,
        "median_control_ratio": float(np.median(controls)) if len(controls) else None,
        "controls": len(controls),
        "percentile": group.percentile,
        "proven": group.proven,
        "pictures": [_picture_summary(picture) for picture in group.pictures],
    }


def _picture_summary(picture: Picture) -> dict[str, Any]:
    item = picture.intervention
    return {
        "kind": picture.kind,
        "neurons": list(item.neurons),
        "mu": item.mu,
        "target": item.target,
        "leave_rate_ratio": picture.leave_rate_ratio,
        "bounded": picture.bounded,
        "proven": picture.proven,
    }
