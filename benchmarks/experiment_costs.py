"""Processor time of each experiment by size of the network: what the estimates of `hmmrnn/explorer/cost.py` are from.

python -m benchmarks.experiment_costs [--sizes 150x100 300x100 150x800] [EXPERIMENT ...]

One JSON line for each experiment and size, on one thread. A network of another size is the shipped one with neurons and
inputs that do nothing, so that it has the same circuit and takes the time of its size.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from hmmrnn.analysis.numerics import no_progress
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.explorer.experiments import EXPERIMENTS, compute
from hmmrnn.explorer.explored import Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.network import Network
from hmmrnn.shipped import MODELS
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.model_registry import ModelRegistry

CACHE_BYTES = 2**30


def padded(network: Network, n: int, m: int) -> Network:
    """The network with so many neurons and inputs in all; those that are added do nothing."""
    more, inputs = n - network.n_neurons, m - network.n_inputs
    return replace(
        network,
        W_hh=np.pad(network.W_hh, (0, more)),
        W_ih=np.pad(network.W_ih, ((0, more), (0, inputs))),
        W_out=np.pad(network.W_out, ((0, 0), (0, more))),
        b_h=np.pad(network.b_h, (0, more)),
        b_rec=np.pad(network.b_rec, (0, more)),
    )


def measure(experiment: str, n: int, m: int) -> float:
    """Seconds of one processor that an experiment takes, with nothing known before."""
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as folder:
        models, own = Path(folder) / "models", Path(folder) / "own"
        models.mkdir()
        own.mkdir()
        save(padded(load(MODELS / f"{DEFAULT_MODEL}.safetensors"), n, m), models / "net.safetensors")
        (models / "emergence").symlink_to(MODELS / "emergence")
        registry = ModelRegistry(models, own, Path(folder) / "converted")
        explorer = Explorer(registry, AnswerCache(Path(folder) / "cache", CACHE_BYTES))
        began = time.process_time()
        compute(explorer, experiment, EXPERIMENTS[experiment].subject(Scenario("net")), no_progress)
        return time.process_time() - began


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiment_costs", allow_abbrev=False)
    parser.add_argument("experiments", nargs="*", default=list(EXPERIMENTS), metavar="EXPERIMENT")
    parser.add_argument("--sizes", nargs="+", default=["150x100", "300x100", "150x800"], help="NxM each")
    args = parser.parse_args()
    with threadpool_limits(limits=1, user_api="blas"):
        for experiment in args.experiments:
            for size in args.sizes:
                n, m = map(int, size.split("x"))
                found = {"experiment": experiment, "N": n, "M": m, "seconds": round(measure(experiment, n, m), 2)}
                sys.stdout.write(json.dumps(found) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
