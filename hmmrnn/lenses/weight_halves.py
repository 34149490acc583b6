"""Symmetric and skew halves of the recurrent weights.

    S = (W + W^T) / 2     K = (W - W^T) / 2     ||W||^2 = ||S||^2 + ||K||^2     (Frobenius)
    departure from normality = sqrt(||W||^2 - sum |lambda_i|^2)                 0 for a normal matrix

A linear flow under S alone descends a potential; under K alone it turns. alpha S + beta K is a network like any other.

Source: Generative System Dynamics in Recurrent Neural Networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.analysis.orbit import Plane, check_plane
from hmmrnn.lenses.behaviour import SameNoise
from hmmrnn.lenses.catalog import Groups
from hmmrnn.lenses.runs import check_groups, own_plane
from hmmrnn.model.network import Floats, Network, Result

# Weights of both halves for which the network is run.
GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
GRID_RUNS, GRID_STEPS = 16, 300
DRAWS = 20


@dataclass(frozen=True, eq=False)
class WeightHalves(Result):
    """How large the two halves are, where they act, and what networks of other mixtures do."""

    norm_symmetric: float  # Frobenius norm of S
    norm_skew: float  # Frobenius norm of K
    departure_from_normality: float
    # Of a network before training: drawn as the recipe draws it, or of the same weights in random places.
    norm_symmetric_null: float
    norm_skew_null: float
    departure_from_normality_null: float
    null: str  # what the null is of: "orthogonal start", "uniform start" or "shuffled weights"
    in_plane: Floats  # (2, 2) B W B^T, the weights between the first two directions of the plane
    # Share of ||S||^2 and of ||K||^2 by block "receiver<-sender"; empty without groups.
    blocks_symmetric: Mapping[str, float]
    blocks_skew: Mapping[str, float]
    grid: Floats  # (A,) values of alpha and of beta
    # (A, A) by alpha and beta: switches of the output a step and their standard error over runs, NaN where it diverges.
    switch_rate: Floats
    switch_rate_se: Floats
    diverges_at: Floats  # (A, A) first step at which a run diverges; 0 if none does
    size: Floats  # (A, A) activity in the second half of the steps, over that of the given network
    seed: int


def halves(
    network: Network,
    seed: int = 0,
    *,
    plane: Plane | None = None,
    groups: Groups | None = None,
    on_progress: ProgressCallback = no_progress,
) -> WeightHalves:
    """Split the recurrent weights into halves, and run mixtures of them.

    Args:
        plane: the plane that they are split within; fitted to the states of the network if None.
        groups: names of groups of neurons, for the split by blocks.

    Raises:
        ValueError: the network diverges or stays in one state, or the plane is of another size.
    """
    plane = own_plane(network, seed) if plane is None else plane
    check_plane(network, plane)
    S, K = split_halves(network.W_hh)
    B = plane.components[:2]
    start, null = _before_training(network, seed)
    return WeightHalves(
        norm_symmetric=float(np.linalg.norm(S)),
        norm_skew=float(np.linalg.norm(K)),
        departure_from_normality=departure_from_normality(network.W_hh),
        **start,
        null=null,
        in_plane=B @ network.W_hh @ B.T,
        blocks_symmetric=_block_shares(S, groups),
        blocks_skew=_block_shares(K, groups),
        **_run_grid(network, plane, seed, on_progress),
        seed=seed,
    )


def mix_halves(network: Network, alpha: float, beta: float) -> Network:
    """The network with the recurrent weights alpha S + beta K; for 1 and 1 the same bit for bit.

    Raises:
        ValueError: alpha or beta is not finite.
    """
    if not np.isfinite([alpha, beta]).all():
        raise ValueError(f"alpha and beta must be finite; got {alpha} and {beta}")
    mixed = (alpha + beta) / 2 * network.W_hh
    # To add 0 would change the sign of a zero.
    return replace(network, W_hh=mixed if alpha == beta else mixed + (alpha - beta) / 2 * network.W_hh.T)


def split_halves(W: Floats) -> tuple[Floats, Floats]:
    """The symmetric and the skew half of a matrix (N, N)."""
    return (W + W.T) / 2, (W - W.T) / 2


def departure_from_normality(W: Floats) -> float:
    """Henrici's distance of a matrix (N, N) from the normal ones; exactly 0 if it is within rounding."""
    size, eigenvalues = np.linalg.norm(W) ** 2, np.linalg.eigvals(W)
    left = float(size - (np.abs(eigenvalues) ** 2).sum())
    return float(np.sqrt(left)) if left > len(W) * np.finfo(float).eps * size else 0.0


def _before_training(network: Network, seed: int) -> tuple[dict[str, Any], str]:
    """Means of the three numbers over draws of a network before training, and what was drawn."""
    rng = np.random.default_rng([seed, network.n_neurons])
    n, drawn = network.n_neurons, network.metadata.get("orthogonal")
    kind = {"True": "orthogonal start", "False": "uniform start"}.get(drawn or "", "shuffled weights")
    found = []
    for _ in range(DRAWS):
        if kind == "orthogonal start":
            W = np.linalg.qr(rng.standard_normal((n, n)))[0]
        elif kind == "uniform start":
            W = rng.uniform(-1, 1, (n, n)) / np.sqrt(n)
        else:
            W = rng.permutation(network.W_hh.ravel()).reshape(n, n)
        S, K = split_halves(W)
        found.append([float(np.linalg.norm(S)), float(np.linalg.norm(K)), departure_from_normality(W)])
    names = ("norm_symmetric_null", "norm_skew_null", "departure_from_normality_null")
    return dict(zip(names, map(float, np.mean(found, axis=0)), strict=True)), kind


def _block_shares(half: Floats, groups: Groups | None) -> dict[str, float]:
    members = check_groups(groups, len(half))
    total = (half**2).sum()
    return {
        f"{to}<-{source}": float((half[np.ix_(rows, columns)] ** 2).sum() / total) if total else 0.0
        for to, rows in members.items()
        for source, columns in members.items()
    }


def _run_grid(network: Network, plane: Plane, seed: int, on_progress: ProgressCallback) -> dict[str, Any]:
    noise = SameNoise(network, plane, seed, GRID_RUNS, GRID_STEPS)
    whole = noise.of(network).size
    names = ("switch_rate", "switch_rate_se", "diverges_at", "size")
    found = np.empty((len(names), len(GRID), len(GRID)))
    for i, alpha in enumerate(GRID):
        for j, beta in enumerate(GRID):
            seen = noise.of(mix_halves(network, alpha, beta))
            found[:, i, j] = seen.switch_rate, seen.switch_rate_se, seen.diverges_at, seen.size / whole
        on_progress((i + 1) / len(GRID))
    return {"grid": np.array(GRID), **dict(zip(names, found, strict=True))}
