"""The paper's circuit in weights and in activity: blocks of kick triples and integrating populations, leads and ratios.

    kick blocks           all 18 entries within the two triples, the diagonal included, and all 18 between them
    integrating blocks    the two populations without the kick neurons; within without the diagonal
    active                the steps at which the triple's mean activity is above the other triple's
    lead                  steps from the last crossing of the two triples' mean activity to the switch of the output

Source: Torre et al. (2025), section 4.4 and figure of activities, and the published code (runs of 300 steps).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.analysis.published.groups import Neurons, PublishedGroups
from hmmrnn.model.network import Floats, Network, Result
from hmmrnn.model.simulation import draw_noise, respond

ACTIVITY_RUNS, ACTIVITY_STEPS = 10, 300
# A crossing further back than this belongs to another switch.
LONGEST_LEAD = 20

# A mean and its standard error.
Mean = tuple[float, float]


@dataclass(frozen=True)
class BlockMeans:
    """Mean recurrent weights with standard errors, from the spread of the weights."""

    kick_within: Mean
    kick_between: Mean
    integrating_within: Mean
    integrating_between: Mean
    # From each population onto each triple, (to triple, from population).
    onto_kick: tuple[tuple[Mean, Mean], tuple[Mean, Mean]]


@dataclass(frozen=True, eq=False)
class ActivityOfGroups(Result):
    """How strongly kick triples and integrating populations are active, and when."""

    active_ratio: Floats  # (2,) mean activity of each triple over that of its population, while the triple is active
    peak_ratio: Floats  # (2,) the same of the peaks
    leads: NDArray[np.int64]  # (L,) steps by which the triples cross before the output switches, of every switch


def block_means(network: Network, groups: PublishedGroups) -> BlockMeans:
    """Average the blocks of W_hh as the paper does."""
    W, (one, two) = network.W_hh, groups.kick
    first, second = (tuple(i for i in p if i not in (*one, *two)) for p in groups.integrating)
    return BlockMeans(
        kick_within=_mean(W[np.ix_(one, one)], W[np.ix_(two, two)]),
        kick_between=_mean(W[np.ix_(one, two)], W[np.ix_(two, one)]),
        integrating_within=_mean(_off_diagonal(W, first), _off_diagonal(W, second)),
        integrating_between=_mean(W[np.ix_(first, second)], W[np.ix_(second, first)]),
        onto_kick=tuple(tuple(_mean(W[np.ix_(to, source)]) for source in (first, second)) for to in (one, two)),  # type: ignore[arg-type]
    )


def _off_diagonal(W: Floats, neurons: Neurons) -> Floats:
    at = np.array(neurons, dtype=np.int64)
    return W[np.ix_(at, at)][at[:, None] != at]


def _mean(*blocks: Floats) -> Mean:
    mean, error = mean_and_error(np.concatenate([block.ravel() for block in blocks]))
    return float(mean), float(error)


def activity_of_groups(network: Network, groups: PublishedGroups, seed: int = 0) -> ActivityOfGroups | None:
    """Compare the activity of triples and populations in 10 runs of 300 steps; None if a run diverges."""
    run = respond(network, draw_noise(network.n_inputs, ACTIVITY_STEPS, ACTIVITY_RUNS, 1.0, seed), 1.0, seed)
    if run.diverged:
        return None
    kick, fed = (
        np.stack([run.h[..., list(neurons)].mean(axis=-1) for neurons in pair])
        for pair in (groups.kick, groups.integrating)
    )
    active = np.stack([kick[0] > kick[1], kick[1] > kick[0]])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.array(
            [kick[k][active[k]].mean() / fed[k][active[k]].mean() if active[k].any() else np.nan for k in (0, 1)]
        )
        peaks = kick.max(axis=(1, 2)) / fed.max(axis=(1, 2))
    found = [leads(difference, output) for difference, output in zip(kick[0] - kick[1], run.output, strict=True)]
    return ActivityOfGroups(ratio, peaks, np.concatenate(found))


def leads(difference: Floats, output: NDArray[np.int64]) -> NDArray[np.int64]:
    """Steps from the last crossing of zero of a difference (T,) to each switch of the output (T,), at most 20.

    A switch without a crossing in the 20 steps before it is left out.
    """
    crossings = np.flatnonzero(np.diff(np.sign(difference)) != 0) + 1
    found = []
    for t in np.flatnonzero(np.diff(output)) + 1:
        before = crossings[(crossings <= t) & (crossings >= t - LONGEST_LEAD)]
        if len(before):
            found.append(int(t - before[-1]))
    return np.array(found, dtype=np.int64)
