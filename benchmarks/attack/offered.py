"""The networks that the attacked server offers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hmmrnn import save
from hmmrnn.model.cells import CELLS
from hmmrnn.model.network import Gate, Network

# The first one by name is opened by the page of a new server, and so known before it is asked about.
SMALL, LARGEST, WIDE, GATED = "small", "the-largest", "wide", "gated"


def offer_networks(models: Path) -> None:
    """Write the networks of the trials: of the most neurons that are permitted, of few, and of many inputs."""
    for name, (n, m, o) in {LARGEST: (2048, 10, 3), SMALL: (20, 4, 3), WIDE: (20, 5000, 3)}.items():
        save(noise_driven(n, m, o), models / f"{name}.safetensors")


def offer_gated(models: Path, neurons: int) -> None:
    """Write an LSTM of so many neurons, which has four times the weights."""
    shapes = [noise_driven(neurons, 10, 3) for _ in CELLS["lstm"].gates]
    gates = {name: Gate(one.W_hh, one.W_ih) for name, one in zip(CELLS["lstm"].gates, shapes, strict=True)}
    save(replace(shapes[0], cell="lstm", gates=gates), models / f"{GATED}.safetensors")


def noise_driven(n: int, m: int, o: int) -> Network:
    """A random network that stays bounded: the norm of its weights is about 0.9."""
    rng = np.random.default_rng(0)
    W_hh, W_ih = 0.45 * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal((n, m)) / np.sqrt(m)
    return Network(W_hh.astype(np.float32), W_ih.astype(np.float32), rng.standard_normal((o, n)).astype(np.float32))
