"""How a ReLU network that emulates a Hidden Markov Model computes: the names for scripts and notebooks.

    network = load("models/linear-2.safetensors")
    run = simulate(network, steps=300, trajectories=8, seed=0)
    trapped = intervene(network, Intervention(neurons=(3, 5), mu=0.0))

Importing this package imports nothing else: each name brings what it needs when it is first used.

Source: Torre et al. (2025), Mechanistic Interpretability of RNNs emulating Hidden Markov Models, arXiv 2510.25674.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hmmrnn.analysis.fidelity import measure_fidelity as fidelity
    from hmmrnn.analysis.kick_neurons import detect_kick_neurons
    from hmmrnn.analysis.orbit import fit_plane
    from hmmrnn.analysis.regions import residency
    from hmmrnn.analysis.stability import fixed_points
    from hmmrnn.model.checkpoint import load, save
    from hmmrnn.model.hmm import HMM
    from hmmrnn.model.network import Intervention, Network, intervene
    from hmmrnn.model.simulation import run, simulate
    from hmmrnn.report.claims import judge_claims as claims
    from hmmrnn.report.widget import explore
    from hmmrnn.training.config import TrainingConfig
    from hmmrnn.training.trainer import train

__version__ = "0.2.0.dev0"

__all__ = [
    "HMM",
    "Intervention",
    "Network",
    "TrainingConfig",
    "__version__",
    "claims",
    "detect_kick_neurons",
    "explore",
    "fidelity",
    "fit_plane",
    "fixed_points",
    "intervene",
    "load",
    "residency",
    "run",
    "save",
    "simulate",
    "train",
]

# Where each name comes from: the module, and its name there if that is another one.
_HOMES = {
    "HMM": "model.hmm",
    "Intervention": "model.network",
    "Network": "model.network",
    "TrainingConfig": "training.config",
    "claims": "report.claims:judge_claims",
    "detect_kick_neurons": "analysis.kick_neurons",
    "explore": "report.widget",
    "fidelity": "analysis.fidelity:measure_fidelity",
    "fit_plane": "analysis.orbit",
    "fixed_points": "analysis.stability",
    "intervene": "model.network",
    "load": "model.checkpoint",
    "residency": "analysis.regions",
    "run": "model.simulation",
    "save": "model.checkpoint",
    "simulate": "model.simulation",
    "train": "training.trainer",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: commands that do without it, such as `serve`, begin sooner."""
    if name == "lenses":
        return import_module(f"{__name__}.lenses")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, there = _HOMES[name].partition(":")
    found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), there or name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
