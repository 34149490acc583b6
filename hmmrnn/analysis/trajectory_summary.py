"""Summary of a set of runs: paths in the plane, emission along the orbit, and switches.

Everything here follows from one set of runs and costs little more than the runs themselves, so a page can show it at
every change of an intervention.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.fidelity import emission_transitions, joint_symbols, transition_error
from hmmrnn.analysis.orbit import OrbitProfile, Plane, emission_along_orbit, orbit_phase, speed
from hmmrnn.analysis.switching import Switching, count_switches
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network
from hmmrnn.model.simulation import Trajectory, respond

Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrajectorySummary:
    """B runs of T steps as they are drawn, in single precision; NaN where a step is not drawn.

    Not drawn are the steps from a divergence on and, if a pair of outputs is chosen, those with another output.
    """

    points: Singles  # (B, T, C) coordinates in the plane of the intact network
    speed: Singles  # (B, T) distance moved in the plane, per step
    output: NDArray[np.int8]  # (B, T) argmax of the logits
    probabilities: Singles  # (B, T, O) emission probabilities
    profile: OrbitProfile  # emission along the orbit, over the steps that are drawn
    switching: Switching  # leave rates, time in each output, switches; over all steps before a divergence
    # Largest error of the emission transitions, over the target's rows with more than 2 % of the mass; NaN without a
    # target.
    transition_error: float
    diverged_at: NDArray[np.int64]  # (B,) first step where a run diverges; -1 if it did not
    largest_neuron: int  # the neuron with the largest activity at the first divergence; -1 if there is none


def summarise_trajectories(
    network: Network,
    plane: Plane,
    noise: Floats,
    sigma: float,
    seed: int,
    hmm: HMM | None,
    pair: tuple[int, int] | None = None,
    h0: Floats | None = None,
) -> TrajectorySummary:
    """Run a network on noise (B, T, M) from h0, and reduce the runs to what is drawn of them (see `summarise_run`)."""
    return summarise_run(respond(network, noise, sigma, seed, h0), plane, hmm, pair)


def summarise_run(
    run: Trajectory, plane: Plane, hmm: HMM | None, pair: tuple[int, int] | None = None
) -> TrajectorySummary:
    """Reduce runs to what is drawn of them.

    Args:
        hmm: the target that the emission transitions are judged by; None if there is none.
        pair: the outputs whose steps are drawn; None draws all.

    Raises:
        ValueError: no step has an output of the pair.
    """
    valid = run.valid
    drawn = valid if pair is None else valid & np.isin(run.output, pair)
    if pair is not None and not drawn.any():
        raise ValueError(f"none of the steps has output {pair[0]} or {pair[1]}: choose another plane")
    # Without a copy where all is drawn.
    h = run.h if drawn.all() else np.where(drawn[..., None], run.h, 0.0)
    points = np.where(drawn[..., None], plane.project(h), np.nan)
    probabilities = np.where(drawn[..., None], run.probabilities, np.nan)
    return TrajectorySummary(
        points=points.astype(np.float32),
        speed=speed(points).astype(np.float32),
        output=run.output.astype(np.int8),
        probabilities=probabilities.astype(np.float32),
        profile=emission_along_orbit(orbit_phase(points[drawn], plane), run.probabilities[drawn]),
        switching=count_switches(run.output, run.logits.shape[-1], valid),
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
