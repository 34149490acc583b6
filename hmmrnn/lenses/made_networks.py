"""Networks that lenses make of a network: mixtures of its halves, truncations of its rank, students, another target."""

from __future__ import annotations

from dataclasses import replace

from hmmrnn.lenses.hmm_recovery import Recovered
from hmmrnn.lenses.rank_truncation import (
    RUNS,
    STEPS,
    second_moments,
    truncate_random,
    truncate_svd,
    truncate_weighted,
)
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.lenses.sparse_recordings import OUTPUTS, SparseRecordings
from hmmrnn.lenses.weight_halves import mix_halves
from hmmrnn.model.metadata import hmm_metadata, without_verdict
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


def take_student(seen: SparseRecordings, student: str, name: str = "network") -> Network:
    """A student of the network, which was trained on its outputs and on some of its neurons.

    Args:
        student: the share of the neurons that it was given, as the result calls it, or "outputs".
        name: what the network is called, for the metadata.

    Raises:
        ValueError: there is no such student.
    """
    students = dict(zip([*seen.recorded, OUTPUTS], seen.students, strict=True))
    if student not in students:
        raise ValueError(f"student must be one of {', '.join(students)}; got {student[:20]!r}")
    given = "outputs alone" if student == OUTPUTS else f"outputs and {float(student):.0%} of the neurons"
    return _made(students[student], f"student of {name}, given its {given}")


def target_recovered(network: Network, seen: Recovered, name: str = "network") -> Network:
    """The same network with the HMM that was recovered from its emissions as its target: it is judged by that.

    Args:
        name: what the network is called, for the metadata.
    """
    metadata = {**without_verdict(network.metadata), **hmm_metadata(seen.hmm)}
    return _made(replace(network, metadata=metadata), f"{name}, with the HMM recovered from it as its target")


def _made(network: Network, words: str) -> Network:
    return replace(network, metadata={**network.metadata, MADE: words})
