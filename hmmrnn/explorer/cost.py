"""What a question costs, estimated before anything is computed: what would hold the server is refused in a sentence.

A run of B trajectories and T steps holds three arrays (B, T, N) and the noise (B, T, M) in double precision, and takes
B T N^2 products for the neurons, and as many for each gate of a gated cell.
"""

from hmmrnn.model.network import Network

MAX_BYTES = 300_000_000
MAX_PRODUCTS = 20_000_000_000
# Neurons of a network whose states are surveyed, and whose runs are judged, while a page waits.
MAX_WAITED_FOR = 512
_DOUBLE = 8


def check_run(network: Network, steps: int, trajectories: int) -> None:
    """Check that a run can be made while a page waits.

    Raises:
        ValueError: it holds too much memory, or takes too long.
    """
    n, states = network.n_neurons, steps * trajectories
    size, products = states * bytes_per_state(network), states * n * n * (1 + len(network.gates))
    if size <= MAX_BYTES and products <= MAX_PRODUCTS:
        return
    most = int(states * min(MAX_BYTES / size, MAX_PRODUCTS / products))
    raise ValueError(
        f"{trajectories} runs of {steps:,} steps are more than is computed at once for a network of {n:,} neurons and "
        f"{network.n_inputs:,} inputs: at most {most:,} steps in all; choose fewer trajectories or a shorter window"
    )


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


def bytes_per_state(network: Network) -> int:
    """Bytes that a run holds for each of its steps."""
    return _DOUBLE * (network.n_neurons + network.n_state + network.n_drive + network.n_inputs)
