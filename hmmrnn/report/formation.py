"""Sentences on the snapshots of a training: the mechanism and the fidelity, with their numbers.

A snapshot is *trapped* at an output if silencing the recurrent input of three or six neurons leaves at most the share
of the leave rate that a kick group has to reach (`kick_neurons.MAX_LEAVE_RATE_RATIO`), and at most 5 % of the random
triples leave as little. It is *kept* if activity stays bounded then, and it *runs away* otherwise.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.formation import SIZES, Formation
from hmmrnn.analysis.kick_neurons import MAX_CONTROL_SHARE, MAX_LEAVE_RATE_RATIO
from hmmrnn.model.metadata import FAMILY, RECIPE
from hmmrnn.model.network import Network
from hmmrnn.report.reference import Mean, write_mean

# What the metadata of a snapshot say of its training, in the order in which it is said.
_NAMED = (RECIPE, "seed")


def is_own_training(network: Network, series: Sequence[Network]) -> bool:
    """Whether one of the snapshots of a training is the network itself."""
    pairs = (((one.W_hh, network.W_hh), (one.W_ih, network.W_ih), (one.W_out, network.W_out)) for one in series)
    return any(all(np.array_equal(snapshot, own) for snapshot, own in pair) for pair in pairs)


def say_whose_training(network: Network, series: Sequence[Network]) -> str:
    """Whose training a series of snapshots is of: the network's own, or another one for the same HMM."""
    if is_own_training(network, series):
        return "This network's own training."
    about = series[-1].metadata
    named = ", ".join(f"{name} {about[name]}" for name in _NAMED if name in about)
    return (
        f"Another training for {about.get(FAMILY, 'this HMM')}{f' ({named})' if named else ''}: of this network's own "
        "training there are no snapshots."
    )


def is_trapped(found: Formation, bounded: bool) -> NDArray[np.bool_]:
    """(K, 2) whether the recurrent input of three or six neurons traps each snapshot at each output.

    Args:
        found: the snapshots.
        bounded: whether those are asked for whose activity stays bounded, or those where it runs away.
    """
    ratio = np.where(np.isfinite(found.recurrent), found.recurrent, np.inf)
    rarer = np.mean(found.null[:, :, None] <= ratio[..., None], axis=3) <= MAX_CONTROL_SHARE
    low = np.logical_and(ratio <= MAX_LEAVE_RATE_RATIO, rarer)
    trapped: NDArray[np.bool_] = np.any(low & (found.recurrent_bounded == bounded), axis=2)
    return trapped


def describe_formation(found: Formation) -> str:
    """The last snapshot: silencing, null, symbol switch rate, loss; then which ones are trapped or match."""
    parts = [_silenced(found, place) for place in (0, 1)]
    known = found.null[-1][np.isfinite(found.null[-1])]
    low, high = np.quantile(known, (0.05, 0.95)) if len(known) else (np.nan, np.nan)
    null = f" (random triples, 5 to 95 %: {low:.2f} to {high:.2f})" if len(known) else ""
    volatility = write_mean((float(found.volatility[-1]), float(found.volatility_se[-1])))
    match = "matches" if found.passes[-1] else "does not match"
    loss = f"loss {found.loss[-1]:.2f} beside {found.loss_floor:.2f} of the HMM itself; " if _has_loss(found) else ""
    return (
        f"Step {found.steps_done[-1]:,}: with the recurrent input of {SIZES[0]} and of {SIZES[1]} neurons silenced, "
        f"{' and '.join(parts)} of the leave rate is left{null}; symbol switch rate {volatility} "
        f"of the HMM's; {loss}it {match} its HMM. {_both(found)}"
    )


def _silenced(found: Formation, place: int) -> str:
    ratio, error = found.recurrent[-1, place], found.recurrent_se[-1, place]
    numbers: list[Mean] = [(float(ratio[s]), float(error[s])) for s in range(len(SIZES))]
    away = ["" if fine else ", running away" for fine in found.recurrent_bounded[-1, place]]
    parts = [f"{write_mean(number)}{end}" for number, end in zip(numbers, away, strict=True)]
    return f"{'; '.join(parts)} (output {found.outputs[place]})"


def _has_loss(found: Formation) -> bool:
    return bool(np.isfinite([found.loss[-1], found.loss_floor]).all())


def _both(found: Formation) -> str:
    """Which snapshots keep the state, which let it run away, which pass the gate, and which keep it and pass."""
    kept, away = (np.any(is_trapped(found, bounded), axis=1) for bounded in (True, False))
    texts = (
        ("Kept in a cluster without that input", kept),
        ("running away in it", away),
        ("matching their HMM", found.passes),
        ("kept and matching their HMM", np.logical_and(kept, found.passes)),
    )
    return "; ".join(f"{name}: {_steps(found, where)}" for name, where in texts) + "."


def _steps(found: Formation, where: NDArray[np.bool_]) -> str:
    listed = ", ".join(f"{step:,}" for step in found.steps_done[where])
    return f"steps {listed}" if listed else "no snapshot"
