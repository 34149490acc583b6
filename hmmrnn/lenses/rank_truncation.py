"""Rank: how few directions of the recurrent weights carry what a network does.

    plain       W_r = the r largest terms of the singular value decomposition of W
    weighted    W_r = P_r W,   P_r onto the r widest directions of W M W^T,   M = E[h h^T]
    random      W_r = P_r W,   P_r onto r random directions: the floor

The plain truncation is nearest to W (Eckart and Young); the weighted one is nearest to what W does with the activity
that there is: no other matrix of rank r leaves less of E|W h - W_r h|^2.

    participation ratio = (tr C)^2 / tr C^2,   C = cov h        how many directions the activity fills

Source: stochastic low-rank recurrent networks (Pals et al., 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hmmrnn.analysis.numerics import ProgressCallback, jackknife_error, no_progress
from hmmrnn.analysis.orbit import Plane, check_plane
from hmmrnn.lenses.behaviour import Behaviour, SameNoise, overlap, transition_error
from hmmrnn.lenses.runs import own_plane, settled_runs
from hmmrnn.model.network import Floats, Network, Result

RANKS = (1, 2, 3, 4, 5, 8, 12, 20, 40, 80, 120)
RUNS, STEPS = 32, 500
KINDS = ("weighted", "svd", "random")


@dataclass(frozen=True, eq=False)
class RankTruncation(Result):
    """What networks of a lower rank do, for R ranks and the three truncations "weighted", "svd" and "random"."""

    participation_ratio: float  # directions that the activity fills
    participation_ratio_se: float  # jackknife over runs
    participation_ratio_null: float  # of neurons with the same variances that do not move together
    switch_rate_full: float  # switches of the output a step
    switch_rate_full_se: float  # standard error over runs
    # Switches a step by rank; NaN where the network diverges. The null is the random truncation.
    switch_rate_weighted: Mapping[str, float]
    switch_rate_weighted_se: Mapping[str, float]
    switch_rate_weighted_null: Mapping[str, float]
    switch_rate_svd: Mapping[str, float]
    switch_rate_svd_se: Mapping[str, float]
    switch_rate_svd_null: Mapping[str, float]
    ranks: tuple[int, ...]  # (R)
    leave_rate_full: Floats  # (O,) probability per step of leaving each output
    leave_rate: Mapping[str, Floats]  # (R, O) of each truncation
    leave_rate_se: Mapping[str, Floats]  # (R, O)
    # (R,) of each truncation: mean difference of the transition probabilities between outputs from those of the network
    # at full rank; share of the plane's occupancy in common with it; first step at which a run diverges, 0 if none.
    transition_error: Mapping[str, Floats]
    overlap: Mapping[str, Floats]
    diverges_at: Mapping[str, Floats]
    left_out: Mapping[str, Floats]  # (R,) of each truncation: E|W h - W_r h|^2 over E|W h|^2
    singular_values: Floats  # (N,) of W
    seed: int


def rank(
    network: Network, seed: int = 0, *, plane: Plane | None = None, on_progress: ProgressCallback = no_progress
) -> RankTruncation:
    """Measure what is left of a network at lower ranks.

    Args:
        plane: where occupancy is compared; fitted to the states of the network if None.

    Raises:
        ValueError: the network diverges or stays in one state, or the plane is of another size.
    """
    run = settled_runs(network, seed, RUNS, STEPS)
    plane = own_plane(network, seed) if plane is None else plane
    check_plane(network, plane)
    moments = second_moments(network.rates(run.h))
    noise = SameNoise(network, plane, seed)
    full, ranks = noise.of(network), tuple(r for r in RANKS if r < network.n_neurons)
    cut: dict[str, Callable[[int], Network]] = {
        "weighted": lambda r: truncate_weighted(network, r, moments),
        "svd": lambda r: truncate_svd(network, r),
        "random": lambda r: truncate_random(network, r, seed),
    }
    found: dict[str, list[Behaviour]] = {kind: [] for kind in KINDS}
    left: dict[str, Floats] = {kind: np.empty(len(ranks)) for kind in KINDS}
    for i, r in enumerate(ranks):
        for kind in KINDS:
            lower = cut[kind](r)
            found[kind].append(noise.of(lower))
            left[kind][i] = _left_out(network.W_hh, lower.W_hh, moments)
        on_progress((i + 1) / len(ranks))
    ratio, error = participation_ratio(run.h)
    spread = run.h.reshape(-1, network.n_neurons).var(axis=0)
    return RankTruncation(
        participation_ratio=ratio,
        participation_ratio_se=error,
        participation_ratio_null=float(spread.sum() ** 2 / (spread**2).sum()),
        switch_rate_full=full.switch_rate,
        switch_rate_full_se=full.switch_rate_se,
        **_switch_rates(ranks, found),
        ranks=ranks,
        leave_rate_full=full.leave_rate,
        leave_rate={kind: np.array([one.leave_rate for one in found[kind]]) for kind in KINDS},
        leave_rate_se={kind: np.array([one.leave_rate_se for one in found[kind]]) for kind in KINDS},
        transition_error={kind: np.array([transition_error(one, full) for one in found[kind]]) for kind in KINDS},
        overlap={kind: np.array([overlap(one, full) for one in found[kind]]) for kind in KINDS},
        diverges_at={kind: np.array([float(one.diverges_at) for one in found[kind]]) for kind in KINDS},
        left_out=left,
        singular_values=np.asarray(np.linalg.svd(network.W_hh, compute_uv=False), dtype=np.float64),
        seed=seed,
    )


def _switch_rates(ranks: tuple[int, ...], found: Mapping[str, list[Behaviour]]) -> dict[str, dict[str, float]]:
    def by_rank(kind: str, name: str) -> dict[str, float]:
        return {str(r): float(getattr(one, name)) for r, one in zip(ranks, found[kind], strict=True)}

    rates = {}
    for kind in ("weighted", "svd"):
        rates[f"switch_rate_{kind}"] = by_rank(kind, "switch_rate")
        rates[f"switch_rate_{kind}_se"] = by_rank(kind, "switch_rate_se")
        rates[f"switch_rate_{kind}_null"] = by_rank("random", "switch_rate")
    return rates


# ---- truncations: each is a network like any other ----


def truncate_weighted(network: Network, r: int, moments: Floats) -> Network:
    """The network with W projected onto the r widest directions of what it does with the activity.

    Args:
        moments: (N, N) E[h h^T], from `second_moments`.

    Raises:
        ValueError: r is below 1 or above N.
    """
    W = network.W_hh
    _, vectors = np.linalg.eigh(W @ moments @ W.T)
    return _projected(network, r, vectors[:, ::-1])


def truncate_svd(network: Network, r: int) -> Network:
    """The network with the r largest terms of the singular value decomposition of W.

    Raises:
        ValueError: r is below 1 or above N.
    """
    return _projected(network, r, np.linalg.svd(network.W_hh)[0])


def truncate_random(network: Network, r: int, seed: int = 0) -> Network:
    """The network with W projected onto r random directions.

    Raises:
        ValueError: r is below 1 or above N.
    """
    n = network.n_neurons
    drawn = np.random.default_rng([seed, n]).standard_normal((n, n))
    return _projected(network, r, np.linalg.qr(drawn)[0])


def _projected(network: Network, r: int, directions: Floats) -> Network:
    n = network.n_neurons
    if not 1 <= r <= n:
        raise ValueError(f"the rank must be from 1 to N = {n}; got {r}")
    if r == n:
        return network
    onto = directions[:, :r]
    return replace(network, W_hh=onto @ (onto.T @ network.W_hh))


# ---- activity ----


def second_moments(h: Floats) -> Floats:
    """(N, N) E[h h^T] of activity (..., N)."""
    states = h.reshape(-1, h.shape[-1])
    moments: Floats = states.T @ states / len(states)
    return moments


def participation_ratio(h: Floats) -> tuple[float, float]:
    """Directions that activity (B, T, N) fills, and the standard error by the jackknife over runs."""
    sums, products = h.sum(axis=1), np.einsum("btn,btm->bnm", h, h, optimize=True)
    runs, steps, _ = h.shape

    def ratio(total: Floats, product: Floats, count: int) -> float:
        C = product / count - np.outer(total, total) / count**2
        squares = float((C**2).sum())
        return float(np.trace(C) ** 2 / squares) if squares else np.nan

    all_sums, all_products = sums.sum(axis=0), products.sum(axis=0)
    without = [
        ratio(all_sums - sums[b], all_products - products[b], (runs - 1) * steps) for b in range(runs) if runs > 1
    ]
    return ratio(all_sums, all_products, runs * steps), float(jackknife_error(np.array(without)))


def _left_out(W: Floats, lower: Floats, moments: Floats) -> float:
    """Share of E|W h|^2 that a truncation leaves out."""
    off, whole = W - lower, float(np.einsum("ij,jk,ik->", W, moments, W, optimize=True))
    return float(np.einsum("ij,jk,ik->", off, moments, off, optimize=True)) / whole if whole else 0.0
