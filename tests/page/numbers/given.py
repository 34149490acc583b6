"""What a page is given: networks, interventions and numbers as JSON has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Floats, Intervention, Network
from hmmrnn.model.simulation import simulate
from hmmrnn.report.live_page import describe_network
from tests.networks import PlantedSwitch, planted_switch

ROOT = Path(__file__).resolve().parents[3]
Numbers = dict[str, Any]


def plain(interventions: Iterable[Intervention]) -> list[Numbers]:
    """Interventions as a page holds them."""
    return [{"neurons": list(item.neurons), "mu": item.mu, "target": item.target} for item in interventions]


def silent(neurons: Iterable[int]) -> list[Intervention]:
    return [Intervention(tuple(int(i) for i in neurons))]


def payload(network: Network, name: str = "planted") -> tuple[Numbers, Plane]:
    """A network as the page gets it, and the plane that it is seen in."""
    states = simulate(network, 300, 4).h
    plane = fit_plane(states)
    return describe_network(network, plane, name, plane.project(states)), plane


def shipped(name: str = "linear-2") -> Network:
    return load(ROOT / "models" / f"{name}.safetensors")


def small_switch() -> PlantedSwitch:
    """A small network with a bias whose kick neurons are known without a search."""
    return planted_switch(hold=8, integrators=16, kick=3, echoes=1, idle=3)


def with_fuse(switch: PlantedSwitch, weight: float) -> tuple[Network, int]:
    """The network with a neuron that excites itself so much and does nothing else, and that neuron."""
    W_hh, fuse = switch.network.W_hh.copy(), switch.idle[0]
    W_hh[fuse, fuse] = weight
    return replace(switch.network, W_hh=W_hh), fuse


def optional(values: Floats) -> list[float | None]:
    """Numbers as JSON has them: None where they are NaN."""
    return [None if np.isnan(value) else float(value) for value in values]
