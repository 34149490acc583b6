"""What does one see of a network at once? Its path in the plane, its place on the orbit, and its switches.

Everything here follows from one set of runs and costs little more than the runs themselves: it is what a page
shows while the hand is still on the mouse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.fidelity import emission_transitions, joint_symbols, transition_error
from hmmrnn.hmm import HMM
from hmmrnn.network import Floats, Network
from hmmrnn.simulation import Trajectory, respond
from hmmrnn.statespace import OrbitProfile, Plane, emission_along_orbit, orbit_phase, speed
from hmmrnn.switching import Switching, switching

Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Motion:
    """B runs of T steps as they are drawn, in single precision; NaN where a step is not drawn.

    Not drawn are the steps from a divergence on and, if only a pair of outputs is looked at, those with another output.

    Attributes:
        points: (B, T, C) coordinates in the plane of the intact network.
        speed: (B, T) distance moved in the plane, per step.
        output: (B, T) argmax of the logits.
        probabilities: (B, T, O) emission probabilities.
        profile: emission along the orbit, over the steps that are drawn.
        switching: leave rates, time in each output, switches; over all steps before a divergence.
        transition_error: largest error of the emission transitions, over the target's rows with more than 2 % of
            the mass; NaN without a target.
        diverged_at: (B,) first step where a run left all bounds; -1 if it did not.
        largest_neuron: the neuron with the largest activity at the first divergence; -1 if there is none.
    """

    points: Singles
    speed: Singles
    output: NDArray[np.int8]
    probabilities: Singles
    profile: OrbitProfile
    switching: Switching
    transition_error: float
    diverged_at: NDArray[np.int64]
    largest_neuron: int


def observe(
    network: Network,
    plane: Plane,
    noise: Floats,
    sigma: float,
    seed: int,
    hmm: HMM | None,
    pair: tuple[int, int] | None = None,
) -> Motion:
    """Run a network on noise (B, T, M) and reduce what it does to what is drawn.

    Args:
        network: intact or intervened upon.
        plane: of the intact network, so that runs can be compared.
        noise, sigma, seed: as for `respond`.
        hmm: the target that the emission transitions are judged by; None if there is none.
        pair: the outputs whose steps are drawn; None draws all.

    Raises:
        ValueError: no step has an output of the pair.
    """
    run = respond(network, noise, sigma, seed)
    valid = run.valid
    drawn = valid if pair is None else valid & np.isin(run.output, pair)
    if pair is not None and not drawn.any():
        raise ValueError(f"none of the steps has output {pair[0]} or {pair[1]}: choose another plane")
    points = np.where(drawn[..., None], plane.project(np.where(drawn[..., None], run.h, 0.0)), np.nan)
    probabilities = np.where(drawn[..., None], run.probabilities, np.nan)
    return Motion(
        points=points.astype(np.float32),
        speed=speed(points).astype(np.float32),
        output=run.output.astype(np.int8),
        probabilities=probabilities.astype(np.float32),
        profile=emission_along_orbit(orbit_phase(points[drawn], plane), run.probabilities[drawn]),
        switching=switching(run.output, network.n_outputs, valid),
        transition_error=_transition_error(run, hmm),
        diverged_at=run.diverged_at,
        largest_neuron=_largest_neuron(run),
    )


def _transition_error(run: Trajectory, hmm: HMM | None) -> float:
    whole = run.diverged_at < 0
    if hmm is None or not whole.any():
        return float("nan")
    transitions, _ = emission_transitions(joint_symbols(run.probabilities[whole], 1))
    return transition_error(transitions, hmm)


def _largest_neuron(run: Trajectory) -> int:
    if not run.diverged:
        return -1
    first = np.where(run.diverged_at < 0, run.h.shape[1], run.diverged_at)
    at = int(first.argmin())
    activity = run.h[at, first[at]]
    return int(np.argmax(np.where(np.isfinite(activity), activity, np.inf)))
