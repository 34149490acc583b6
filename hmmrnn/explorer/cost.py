"""Cost of a query or an experiment, estimated before it is computed; one that would block the server is refused.

An experiment takes fixed + pairs N^2 + inputs N M seconds of one processor; the numbers are measured (AMD EPYC, one
thread, `python -m benchmarks.experiment_costs`), on a network whose kick neurons are like those of the shipped ones. A
run of B trajectories and T steps holds three arrays (B, T, N) and the noise (B, T, M) in double precision, and takes
B T N (N + M) products, and as many for each gate of a gated cell.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hmmrnn.model.network import Network

MAX_BYTES = 300_000_000
MAX_PRODUCTS = 12_000_000_000
# Products of one step of all runs without noise.
MAX_STARTS_PRODUCTS = 16_000_000
# What is shown at once, without the first runs before all.
QUICK_PRODUCTS = 1_500_000_000
# Of more neurons pictures are computed in single precision. A page answers for fewer by itself.
MAX_DOUBLE = 300
# Neurons of a network whose states are surveyed, and whose runs are judged, while a page waits.
MAX_WAITED_FOR = 512
_DOUBLE = 8


class Cost(NamedTuple):
    """Seconds that an experiment takes: whatever the size, for each pair of neurons, and for each neuron and input."""

    fixed: float
    pairs: float
    inputs: float = 0.0


# Of emergence, report and claims only the sum is known, from the time that `make answers` takes. Those of lenses and of
# leave rates in theory are of networks of 150 and 300 neurons with 100 inputs, the search for kick neurons included.
EXPERIMENT_COSTS = {
    "kick": Cost(3.6, 3.7e-4),
    "kick-proof": Cost(10.5, 1.1e-3),
    "gain-sweep": Cost(9.9, 5.4e-4, 1.5e-4),
    "ablation": Cost(28.2, 6.4e-4),
    "noise": Cost(5.7, 4.4e-4, 7.3e-5),
    "leave-rate-theory": Cost(9.8, 4.2e-4),
    "emergence": Cost(30.0, 0.0),
    "report": Cost(100.0, 3e-3, 3e-4),
    "claims": Cost(60.0, 3e-3, 3e-4),
    "lens-current": Cost(1.6, 0.0),
    "lens-messages": Cost(5.8, 4.8e-4),
    "lens-potential": Cost(1.5, 1.1e-5),
    "lens-halves": Cost(5.5, 4.8e-4),
    "lens-rank": Cost(0.3, 5.8e-5),
    "lens-memory": Cost(4.4, 1.3e-4),
    "lens-recovered": Cost(10.2, 0.0),
    "lens-belief": Cost(1.3, 7.5e-5),
    "lens-timescales": Cost(0.1, 6.9e-5),
    "lens-effects": Cost(0.1, 5.8e-4),
    "lens-sparse": Cost(17.5, 5.5e-4),
}
# Of one network of a comparison, of its search for kick neurons beside few random groups, of its fit for DSA, and of a
# pair of networks.
COMPARED, KICK_SEARCHED, DSA_FITTED, PAIR_COMPARED = Cost(0.9, 2e-5), Cost(3.0, 4e-4), Cost(0.1, 0.0), 0.02


def estimate_experiment(experiment: str, network: Network) -> float | None:
    """About how many seconds an experiment on a network takes a worker; None where that was not measured."""
    cost, n = EXPERIMENT_COSTS.get(experiment), network.n_neurons
    if cost is None:
        return None
    return cost.fixed + (cost.pairs * n**2 + cost.inputs * n * network.n_inputs) * (1 + len(network.gates))


def estimate_comparison(sizes: Sequence[int], search: bool, dsa: bool) -> float:
    """About how many seconds a comparison of networks of so many neurons takes a worker."""
    of_one = [COMPARED, *([KICK_SEARCHED] if search else []), *([DSA_FITTED] if dsa else [])]
    alone = sum(cost.fixed + cost.pairs * n**2 for n in sizes for cost in of_one)
    return alone + PAIR_COMPARED * len(sizes) ** 2


def check_run(network: Network, steps: int, trajectories: int) -> None:
    """Check that a run can be made while a page waits.

    Raises:
        ValueError: it holds too much memory, or takes too long.
    """
    most = _fitting_states(network)
    if steps * trajectories > most:
        raise ValueError(
            f"{trajectories} runs of {steps:,} steps are more than is computed at once for a network of "
            f"{network.n_neurons:,} neurons and {network.n_inputs:,} inputs: at most {most:,} steps in all; choose "
            "fewer trajectories or a shorter window"
        )


def runs_in_time(network: Network, steps: int, wanted: int) -> int:
    """How many of the wanted runs of so many steps can be made while a page waits; one at least."""
    return max(1, min(wanted, _fitting_states(network) // steps))


def is_quick(network: Network, steps: int, trajectories: int) -> bool:
    """Whether all runs are there as soon as a user expects them."""
    return steps * trajectories * network.products_per_step <= QUICK_PRODUCTS


def is_single(network: Network) -> bool:
    """Whether pictures of a network are computed in single precision."""
    return network.n_neurons > MAX_DOUBLE


def _fitting_states(network: Network) -> int:
    """Steps, of all runs together, that can be made while a page waits."""
    return min(MAX_BYTES // bytes_per_state(network), MAX_PRODUCTS // network.products_per_step)


def check_waited_for(network: Network, what: str) -> None:
    """Check that a network is small enough for an analysis that takes seconds with the shipped ones.

    Raises:
        ValueError: it has too many neurons.
    """
    if network.n_neurons > MAX_WAITED_FOR:
        raise ValueError(
            f"{what} would take minutes with {network.n_neurons:,} neurons; this page computes them for at most "
            f"{MAX_WAITED_FOR}, and Python for any (see the API reference)"
        )


def fitting_runs(network: Network, steps: int, wanted: int) -> int:
    """How many of the wanted runs of so many steps fit into memory; one at least."""
    return max(1, min(wanted, MAX_BYTES // (steps * bytes_per_state(network))))


def fitting_starts(network: Network, wanted: int) -> int:
    """From how many of the wanted starts a network is run without noise while a page waits."""
    return int(np.clip(MAX_STARTS_PRODUCTS // network.products_per_step, 2, wanted))


def bytes_per_state(network: Network) -> int:
    """Bytes that a run holds for each of its steps."""
    return _DOUBLE * (network.n_neurons + network.n_state + network.n_drive + network.n_inputs)
