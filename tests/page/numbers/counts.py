"""Switches that the page counts, beside those of Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.network import Network, intervene
from hmmrnn.model.simulation import simulate
from tests.page.numbers.given import Numbers, optional, payload, plain, shipped, silent

# As in assets/live/counts.mjs.
PIECE = 500


def counts() -> Numbers:
    return {
        "others": [counted_beside(name) for name in ("linear-2", "linear-3", "cyclic")],
        "pieces": [counted(shipped(name), name) for name in ("linear-2", "cyclic")],
    }


def counted_beside(name: str) -> Numbers:
    """Rates under other noise than the page's, intact and with three neurons silenced."""
    network, steps, runs = shipped(name), 1501, 20
    intact = simulate(network, steps, runs, seed=1)
    busiest = silent(np.argsort(intact.h.mean(axis=(0, 1)))[-3:])
    silenced = simulate(intervene(network, busiest), steps, runs, seed=1)
    return {
        "name": name,
        "network": payload(network)[0],
        "interventions": plain(busiest),
        "steps": steps,
        "runs": runs,
        "intact": rates(intact.output, network.n_outputs),
        "now": rates(silenced.output, network.n_outputs),
    }


def counted(network: Network, name: str) -> Numbers:
    """Rates under the page's own noise, in runs of one piece."""
    run = simulate(network, PIECE + 1, 12, seed=3)
    return {"name": name, "network": payload(network)[0], **rates(run.output, network.n_outputs)}


def rates(output: Any, n_outputs: int) -> Numbers:
    found = count_switches(output, n_outputs)
    return {
        "steps": int(found.steps),
        "leave": optional(found.leave_rate),
        "leave_error": optional(found.leave_rate_se),
        "switches": found.switches_per_1000 / 1000,
        "switches_error": found.switches_per_1000_se / 1000,
    }
