"""Networks whose answer to a lens is known: a shift register, a linear map, and a chain in the readout."""

from dataclasses import replace

import numpy as np

from hmmrnn.model.hmm import HMM
from hmmrnn.model.metadata import hmm_metadata
from hmmrnn.model.network import Network


def knowing(network: Network, hmm: HMM) -> Network:
    """The same network, whose file names its HMM."""
    return replace(network, metadata=hmm_metadata(hmm))


def shift_register(steps: int) -> Network:
    """Output t is the sign of the noise of step t; the signs of so many steps before are kept, and no others."""
    n = 2 * (steps + 1)
    W_hh = np.eye(n, k=-2)
    W_ih = np.zeros((n, 1))
    W_ih[0], W_ih[1] = 1.0, -1.0
    W_out = np.zeros((2, n))
    W_out[0, 0], W_out[1, 1] = 1.0, 1.0
    return Network(W_hh, W_ih, W_out)


def linear_network(n: int = 6, seed: int = 0, radius: float = 0.8) -> Network:
    """All neurons are always active, so that the network is a linear map; two outputs."""
    rng = np.random.default_rng(seed)
    W_hh = rng.standard_normal((n, n))
    W_hh *= radius / np.abs(np.linalg.eigvals(W_hh)).max()
    rest = np.full(n, 100.0)
    W_ih = 0.5 * rng.standard_normal((n, n))
    W_out = rng.standard_normal((2, n))
    return Network(W_hh, W_ih, W_out, b_h=rest - W_hh @ rest, b_out=-W_out @ rest)


def random_relu(n: int, gain: float, seed: int = 0) -> Network:
    """Gaussian weights of standard deviation g / sqrt(N), noise to every neuron."""
    rng = np.random.default_rng(seed)
    W_hh = gain * rng.standard_normal((n, n)) / np.sqrt(n)
    return Network(W_hh, np.eye(n), rng.standard_normal((3, n)))


def two_states(q: float) -> HMM:
    """Two states that swap with probability q a step, and show which of them it is."""
    return HMM([[1 - q, q], [q, 1 - q]], np.eye(2), [0.5, 0.5])
