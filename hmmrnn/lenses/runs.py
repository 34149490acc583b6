"""Runs for the lenses, and other parts that several lenses share.

Every run starts at h_0 = 0 under noise of sigma = 1; its first 100 steps, which depend on the start, are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import TRANSIENT
from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.lenses.catalog import Groups
from hmmrnn.model.hmm import HMM
from hmmrnn.model.metadata import known_target
from hmmrnn.model.network import Floats, Network, Result, check_exists
from hmmrnn.model.simulation import Trajectory, draw_drive, simulate

# Of a network of 150 neurons all steps are run; larger ones are run for fewer.
MAX_VALUES = 12_000_000
LEAST_STEPS = 100
PLANE_RUNS = 16


@dataclass(frozen=True, eq=False)
class SettledRuns(Result):
    """B runs of T steps of one network after the transient."""

    h: Floats  # (B, T, N) activity
    pre_activation: Floats  # (B, T, N) input to the ReLU
    output: NDArray[np.int64]  # (B, T) argmax of the logits
    emission: NDArray[np.int64]  # (B, T) sampled symbols
    # (B, T, S) what further runs go on from: h itself, but in an LSTM with its memory (see `Trajectory.state`).
    state: Floats = None  # type: ignore[assignment]  # None is replaced by h

    def __post_init__(self) -> None:
        if self.state is None:
            object.__setattr__(self, "state", self.h)
        super().__post_init__()


def settled_runs(network: Network, seed: int = 0, runs: int = 64, steps: int = 1000, sigma: float = 1.0) -> SettledRuns:
    """Run a network under noise, and leave out the transient.

    A network of more neurons than `MAX_VALUES` allows is run for fewer steps, at least 100.

    Raises:
        ValueError: activity grows without bound.
    """
    steps = max(LEAST_STEPS, min(steps, MAX_VALUES // (runs * network.n_neurons)))
    run = simulate(network, TRANSIENT + steps, runs, sigma, seed)
    check_bounded(run)
    after = np.s_[:, TRANSIENT:]
    activity = (run.h[after], run.pre_activation[after])
    return SettledRuns(*activity, run.output[after], run.emission[after], run.state[after])


def settled_drive(network: Network, run: SettledRuns, seed: int = 0) -> Floats:
    """(B, T, D) what entered the network at each step of `settled_runs` with the same seed."""
    batch, steps, _ = run.h.shape
    return draw_drive(network, TRANSIENT + steps, batch, 1.0, seed)[:, TRANSIENT:]


def check_bounded(run: Trajectory) -> None:
    """Raise ValueError if a run of a network diverges."""
    if run.diverged:
        first = int(run.diverged_at[run.diverged_at >= 0].min())
        raise ValueError(
            f"the activity of this network grows without bound, from step {first + 1} on, and has no long run that a "
            f"lens could look at; silence fewer neurons or choose smaller gains"
        )


def check_moves(values: Floats, what: str) -> None:
    """Raise ValueError if values (B, T, N) are the same at every step, so that no share of their variance is any."""
    if not np.ptp(values, axis=(0, 1)).any():
        raise ValueError(f"the {what} never changes, so there is no variance to explain: the network is silent")


def own_plane(network: Network, seed: int = 0) -> Plane:
    """The plane in which a network's own states spread most.

    Raises:
        ValueError: the network diverges or stays in one state.
    """
    return fit_plane(settled_runs(network, seed, PLANE_RUNS).h, n_components=2)


def check_groups(groups: Groups | None, n_neurons: int) -> dict[str, list[int]]:
    """Groups of neurons by name, those without any left out; none for None.

    Raises:
        ValueError: a neuron is beyond the network, or in two groups.
    """
    named = {name: [int(i) for i in members] for name, members in (groups or {}).items() if len(members)}
    every = [i for members in named.values() for i in members]
    check_exists("neuron", every, n_neurons)
    if len(set(every)) != len(every):
        twice = next(i for i in every if every.count(i) > 1)
        raise ValueError(f"each neuron may be in one group; neuron {twice} is in more than one")
    return named


def target_of(network: Network) -> HMM:
    """The HMM that a network was trained to emulate.

    Raises:
        ValueError: its file names none of its size.
    """
    hmm, reason = known_target(network.metadata, network.n_outputs)
    if hmm is None:
        raise ValueError(f"this lens compares the network with its HMM, and none is known: {reason}")
    return hmm
