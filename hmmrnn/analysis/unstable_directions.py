"""Stability of fixed points, and the directions along which activity leaves saddles, as they are seen in a plane.

At a fixed point with Jacobian J, activity leaves along the eigenvectors of eigenvalues with |lambda| > 1. Of a complex
pair, it spirals out in the plane of the real and the imaginary part of the eigenvector: both are taken.

Source: Sussillo & Barak (2013), for saddles and their unstable modes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.orbit import Plane
from hmmrnn.analysis.stability import holds_at_kinks, jacobian
from hmmrnn.model.network import Floats, Network, Result, few_threads

STABLE, SADDLE, REPELLOR = "stable", "saddle", "repellor"
KINDS = (STABLE, SADDLE, REPELLOR)
# Directions of each point, those of the largest eigenvalues.
MOST_DIRECTIONS = 6


@dataclass(frozen=True, eq=False)
class SeenPoints(Result):
    """Fixed points in a plane of C directions."""

    points: Floats  # (F, C) coordinates
    kind: NDArray[np.str_]  # (F,) "stable", "saddle" or "repellor"
    owner: NDArray[np.int64]  # (D,) the point that each unstable direction belongs to
    directions: Floats  # (D, C) projections of unit vectors: as long as the direction lies in the plane
    reach: float = 1.0  # standard deviation of the states along the first direction of the plane

    @classmethod
    def plain(cls, points: Floats) -> "SeenPoints":
        """Points of which nothing more is known."""
        none = np.empty((0, points.shape[-1]))
        return cls(points, np.full(len(points), STABLE), np.empty(0, dtype=np.int64), none)

    @property
    def words(self) -> str:
        """How many there are of each kind, in words; empty without any."""
        counts = [(name, int((self.kind == name).sum())) for name in KINDS]
        return ", ".join(f"{count} {name}" for name, count in counts if count)


def see_points(network: Network, plane: Plane, points: Floats) -> SeenPoints:
    """Judge the fixed points (F, S) of a network, and project them and their unstable directions into a plane."""
    n = network.n_neurons
    kinds: list[str] = []
    owner: list[int] = []
    found: list[Floats] = []
    with few_threads(network):
        for at, point in enumerate(points):
            values, vectors = np.linalg.eig(jacobian(network, point))
            size = np.abs(values)
            leaves = (size >= 1).any() or not holds_at_kinks(network, point[None])[0]
            kinds.append(STABLE if not leaves else SADDLE if (size < 1).any() else REPELLOR)
            new = _directions(values, vectors)
            owner += [at] * len(new)
            found += new
    directions = np.reshape(found, (len(found), -1))[:, :n] if found else np.empty((0, n))
    return SeenPoints(
        plane.project(points[:, :n]),
        np.array(kinds, dtype=str),
        np.array(owner, dtype=np.int64),
        directions @ plane.components.T,
        float(plane.scale[0]),
    )


def _directions(values: NDArray[np.complex128], vectors: NDArray[np.complex128]) -> Sequence[Floats]:
    """Real unit vectors of the unstable directions, by falling |lambda|; of a pair, two at right angles."""
    order = [k for k in np.argsort(-np.abs(values), kind="stable") if np.abs(values[k]) > 1 and values[k].imag >= 0]
    found: list[Floats] = []
    for k in order:
        parts = vectors[:, [k]] if values[k].imag else vectors[:, [k]].real
        basis = np.concatenate([parts.real, parts.imag], axis=1) if values[k].imag else parts
        found += list(np.linalg.qr(basis).Q.T)
    return found[:MOST_DIRECTIONS]
