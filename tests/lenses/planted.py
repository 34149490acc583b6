"""Networks in which what a lens should find is known, because it was built in."""

from __future__ import annotations

import numpy as np

from hmmrnn.analysis.orbit import Plane
from hmmrnn.model.network import Floats, Network

# Far enough from zero that no noise of these tests reaches it.
LIFT = 60.0


def linear_network(A: Floats, noise: Floats, readout: Floats | None = None, **more) -> Network:
    """A ReLU network that stays above zero, and so is the linear process z' = A z + noise x around h = 60."""
    n = len(A)
    W_out = np.eye(2, n) if readout is None else readout
    lifted = np.full(n, LIFT)
    return Network(A, noise, W_out, b_h=lifted - A @ lifted, b_out=-W_out @ lifted, **more)


def rotation(rho: float, theta: float, spread: float = 1.0) -> Network:
    """z' = rho R(theta) z + spread x in two dimensions."""
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    return linear_network(rho * turn, spread * np.eye(2))


def own_axes(n: int = 2) -> Plane:
    """The plane of the first two neurons of a lifted network."""
    return Plane(np.full(n, LIFT), np.eye(2, n), np.full(2, 0.5), np.ones(2))
