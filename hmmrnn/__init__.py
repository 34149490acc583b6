"""How does a ReLU network that emulates a Hidden Markov Model compute? The names that scripts and notebooks rely on.

    network = load("models/linear-2.safetensors")
    run = simulate(network, steps=300, trajectories=8, seed=0)
    trapped = intervene(network, Intervention(neurons=(3, 5), mu=0.0))

Importing this package imports NumPy and safetensors, and nothing heavier: torch, SciPy and scikit-learn come with
the functions that need them.

Source: Torre et al. (2025), Mechanistic Interpretability of RNNs emulating Hidden Markov Models, arXiv 2510.25674.
"""

from hmmrnn.checkpoint import load, save

# From here on hmmrnn.fidelity is this function; the module of that name is reached by `from hmmrnn.fidelity import`.
from hmmrnn.fidelity import fidelity
from hmmrnn.hmm import HMM
from hmmrnn.kick import detect_kick_neurons
from hmmrnn.network import Intervention, Network, intervene
from hmmrnn.recipe import TrainingConfig
from hmmrnn.regions import residency
from hmmrnn.simulation import simulate
from hmmrnn.statespace import fit_plane
from hmmrnn.training import train

__version__ = "0.1.0"

__all__ = [
    "HMM",
    "Intervention",
    "Network",
    "TrainingConfig",
    "__version__",
    "detect_kick_neurons",
    "fidelity",
    "fit_plane",
    "intervene",
    "load",
    "residency",
    "save",
    "simulate",
    "train",
]
