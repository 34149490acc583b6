"""Where does a network go under given noise? Run piece by piece, so that who waits is told how far it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.network import Floats, Network, rollout
from hmmrnn.progress import Tell, ignore
from hmmrnn.simulation import first_divergence
from hmmrnn.statespace import Plane

# Steps after h_0 = 0 in which a run may still lie far from what it does in the long run.
TRANSIENT = 100
# Steps between two words about progress: about a second for the largest network.
SEGMENT_STEPS = 100


@dataclass(frozen=True, eq=False)
class Visited:
    """Where B runs of T steps from h_0 = 0 have been.

    Attributes:
        h: (B, T, N) activity.
        output: (B, T) argmax of the logits.
    """

    h: Floats
    output: NDArray[np.int64]


def visit(network: Network, noise: Floats, tell: Tell = ignore) -> Visited | None:
    """Run a network from h_0 = 0 on noise (B, T, M); None as soon as a run diverges (see `simulate`)."""
    batch, steps, _ = noise.shape
    start = np.zeros((batch, network.n_neurons))
    # Time runs first in memory, as in the rollout itself.
    h = np.empty((steps, batch, network.n_neurons))
    state = start
    for first in range(0, steps, SEGMENT_STEPS):
        drive = network.drive(noise[:, first : first + SEGMENT_STEPS])
        path = rollout(network, drive, state).h
        if (first_divergence(path, drive, start) >= 0).any():
            return None
        h[first : first + SEGMENT_STEPS] = path.swapaxes(0, 1)
        state = path[:, -1]
        tell(min(first + SEGMENT_STEPS, steps) / steps)
    activity = h.swapaxes(0, 1)
    return Visited(activity, network.logits(activity).argmax(axis=-1))


def check_sizes(network: Network, plane: Plane, steps: int) -> None:
    """Refuse what no run can be seen in.

    Raises:
        ValueError: the plane is of a network of another size or has fewer than 2 directions, or steps is below 2.
    """
    if plane.components.shape[1] != network.n_neurons or len(plane.components) < 2:
        raise ValueError(
            f"plane must have at least 2 directions of {network.n_neurons} neurons, as many as the network has; "
            f"got {plane.components.shape[0]} of {plane.components.shape[1]}"
        )
    if steps < 2:
        raise ValueError(f"steps must be >= 2, or no switch can be seen; got {steps}")
