"""Networks that lenses make of a network: mixtures of its halves, and truncations of its rank."""

from __future__ import annotations

from dataclasses import replace

from hmmrnn.lenses.rank_truncation import (
    RUNS,
    STEPS,
    second_moments,
    truncate_random,
    truncate_svd,
    truncate_weighted,
)
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.lenses.weight_halves import mix_halves
from hmmrnn.model.network import Network

# How the metadata call what a network was made from.
MADE = "made"
TRUNCATIONS = ("weighted", "svd", "random")
MAX_FACTOR = 2.0


def make_mixture(network: Network, alpha: float, beta: float, name: str = "network") -> Network:
    """The network with alpha times the symmetric and beta times the skew half of its weights.

    Args:
        name: what the network is called, for the metadata.

    Raises:
        ValueError: alpha or beta is not from 0 to 2.
    """
    for factor, value in (("alpha", alpha), ("beta", beta)):
        if not 0 <= value <= MAX_FACTOR:
            raise ValueError(f"{factor} must be from 0 to {MAX_FACTOR:g}; got {value:g}")
    return _made(mix_halves(network, alpha, beta), f"{alpha:g} S + {beta:g} K of {name}")


def make_truncation(network: Network, truncation: str, rank: int, name: str = "network", seed: int = 0) -> Network:
    """The network with recurrent weights of a lower rank.

    Args:
        truncation: "weighted" by the activity of the network, "svd" or "random".
        name: what the network is called, for the metadata.
        seed: of the noise for the activity, or of the random directions.

    Raises:
        ValueError: there is no such truncation, the rank is not from 1 to N, or the network diverges.
    """
    if truncation not in TRUNCATIONS:
        raise ValueError(f"truncation must be one of {', '.join(TRUNCATIONS)}; got {truncation!r}")
    if truncation == "weighted":
        sent = network.rates(settled_runs(network, seed, RUNS, STEPS).h)
        found = truncate_weighted(network, rank, second_moments(sent))
    else:
        found = truncate_svd(network, rank) if truncation == "svd" else truncate_random(network, rank, seed)
    return _made(found, f"rank {rank} ({truncation}) of {name}")


def _made(network: Network, words: str) -> Network:
    return replace(network, metadata={**network.metadata, MADE: words})
