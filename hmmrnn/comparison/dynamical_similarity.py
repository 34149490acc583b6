"""Dynamical similarity (DSA): the distance between the linear dynamics of two networks, whatever their rotation.

    DSA(a, b)    distance of the eigenvalues of two linear maps, each fitted to the delayed coordinates of one network

The fit is that of the package dsa-metric, which is not needed for anything else: pip install 'hmmrnn[similarity]'. Runs
are fitted in two halves. A distance is the mean over the four pairs of halves, and its floor the distance between both
halves of the same network.

Source: Ostrow et al. (2023), Beyond Geometry, arXiv 2306.10168; distance of eigenvalues: version 2 of their package.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from hmmrnn.model.network import Floats

DELAYS, RANK = 5, 20
MISSING = "the distances of DSA need the package dsa-metric; install it with pip install 'hmmrnn[similarity]'"


def has_dsa() -> bool:
    """Whether the package that measures the distances is installed."""
    return find_spec("DSA") is not None


def dsa_distances(points: Sequence[Floats], delays: int = DELAYS, rank: int = RANK) -> tuple[Floats, Floats]:
    """Distances (C, C) of C networks by their coordinates (B, T, D), and the floor of each pair (C, C).

    The floor is the larger of the two distances between the halves of one network.

    Raises:
        ImportError: dsa-metric is not installed; the sentence says how to install it.
    """
    if not has_dsa():
        raise ImportError(MISSING)
    # What it imports warns of things that are its own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        halves = [np.asarray(half, dtype=np.float32) for one in points for half in (one[0::2], one[1::2])]
        fitted = import_module("DSA").DSA(X=halves, n_delays=delays, rank=rank, device="cpu")
        found = np.asarray(fitted.fit_score(), dtype=np.float64).reshape(len(points), 2, len(points), 2)
    distance = found.mean(axis=(1, 3))
    within = np.array([found[one, 0, one, 1] for one in range(len(points))])
    np.fill_diagonal(distance, within)
    return distance, np.maximum(within[:, None], within[None, :])
