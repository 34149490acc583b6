"""The engine: noise drawn from seeds, and runs of networks of every kind of cell under interventions."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmrnn.model.cells import LEAKS
from hmmrnn.model.inputs import with_constant
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import draw_noise, respond, simulate
from hmmrnn.report.live_page import pack_array
from tests.networks import network_of_cell, random_network
from tests.page.numbers.given import Numbers, payload, plain, shipped

SEEDS = (0, 5, 2**31 - 1, 2**40 + 3)
# Cells that the page steps by itself; a leak of 1 with currents is none.
STEPPED_CELLS: list[dict[str, Any]] = [
    {"cell": "tanh"},
    {"cell": "linear"},
    *({"cell": cell, "alpha": 0.2, "leak": leak} for cell in ("relu", "tanh", "linear") for leak in LEAKS),
    {"cell": "tanh", "alpha": 1.0, "leak": "current"},
]
TOUCHED = ("intact", "unit", "recurrent", "input", "named twice")


def engine() -> Numbers:
    networks = {"shipped": shipped(), "biased, eight outputs": random_network(24, 6, 8, seed=3, bias=True)}
    networks |= {"-".join(map(str, kind.values())): network_of_cell(**kind, n=20) for kind in STEPPED_CELLS}
    networks["under a constant input"] = with_constant(networks["tanh-0.2-rate"], [0.5, -1.0, 0.0, 2.0])
    return {
        "drawn": [drawn(seed, 100_000) for seed in SEEDS],
        "networks": {name: payload(network)[0] for name, network in networks.items()},
        "stepped": [stepped(name, network, kind) for name, network in networks.items() for kind in TOUCHED],
        "responded": responded(networks["shipped"]),
    }


def drawn(seed: int, count: int) -> Numbers:
    normal, uniform = (
        np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(i, 2)))) for i in (0, 1)
    )
    return {
        "seed": seed,
        "normal": pack_array(normal.standard_normal(count), "f8"),
        "uniform": pack_array(uniform.random(count), "f8"),
    }


def touched_in(kind: str, n: int) -> list[Intervention]:
    every = {k: tuple(range(0, n, k)) for k in (7, 14, 21)}
    return {
        "intact": [],
        "unit": [Intervention(every[7], 0.0)],
        "recurrent": [Intervention(every[7], 0.5, "recurrent")],
        "input": [Intervention(every[7], 1.7, "input")],
        "named twice": [
            Intervention(every[7], 0.5),
            Intervention(every[14], 1.4),
            Intervention(every[21], 0.0, "input"),
        ],
    }[kind]


def stepped(name: str, network: Network, kind: str) -> Numbers:
    touched = touched_in(kind, network.n_neurons)
    run = simulate(intervene(network, touched), 500, 3, sigma=0.8, seed=11)
    return {
        "network": name,
        "kind": kind,
        "interventions": plain(touched),
        "sigma": 0.8,
        "seed": 11,
        "h": pack_array(run.h, "f8"),
        "output": run.output.tolist(),
        "emission": run.emission.tolist(),
    }


def responded(network: Network) -> Numbers:
    noise = draw_noise(network.n_inputs, 300, 1, 2.0, seed=4) + 0.5
    run = respond(network, noise, 2.0, seed=4)
    return {"noise": pack_array(noise, "f8"), "h": pack_array(run.h, "f8"), "output": run.output[0].tolist()}
