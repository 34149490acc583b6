"""Summaries of scenarios: what the page needs to answer by itself, and what the server answers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.io.json import to_json_plotly

from hmmrnn.analysis.trajectory_summary import TrajectorySummary
from hmmrnn.dashboard.answers import answer_views
from hmmrnn.dashboard.own_answers import parts_of
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Against, Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Intervention, Network
from hmmrnn.model.simulation import simulate
from hmmrnn.report.live_page import pack_array
from hmmrnn.server.api.moments import pack_moments
from hmmrnn.server.services import resolve
from tests.networks import network_of_cell, random_network
from tests.page.numbers.given import Numbers, shipped, silent, small_switch, with_fuse
from tests.services import services_of_environment


def summaries() -> Numbers:
    """Scenarios of six networks: what the page needs to answer by itself, and what the server answers."""
    switch = small_switch()
    fused, fuse = with_fuse(switch, 0.7)
    known = {"family": "fully-connected"}
    networks = {
        "linear-2": shipped(),
        "cyclic": shipped("cyclic"),
        "fuse": replace(fused, metadata=known),
        "eight": random_network(24, 6, 8, seed=3, bias=True),
        "tanh": replace(network_of_cell("tanh", alpha=0.3, leak="rate"), h0=np.linspace(-1, 1, 12)),
        "currents": network_of_cell("relu", alpha=0.3, leak="current"),
    }
    asked = {
        f"{name} {kind}": scenario
        for name, network in networks.items()
        for kind, scenario in scenarios_of(name, network, fuse).items()
    }
    every = {parts_key(one): one for one in asked.values()}.values()
    with tempfile.TemporaryDirectory() as folder, services_of(Path(folder), networks):
        return {
            "parts": {parts_key(one): plainly(parts_of(parts_question(one))) for one in every},
            "asked": [answered(kind, scenario) for kind, scenario in asked.items()],
        }


def parts_question(scenario: Scenario) -> Numbers:
    return {"model": scenario.model, "pair": None, "input": scenario.to_dict()["input"]}


def parts_key(scenario: Scenario) -> str:
    return f"{scenario.model} {scenario.input[0] if scenario.input else 0}"


@contextmanager
def services_of(folder: Path, networks: Mapping[str, Network]) -> Iterator[None]:
    """Services that offer these networks, with an empty cache."""
    (folder / "models").mkdir()
    for name, network in networks.items():
        save(network, folder / "models" / f"{name}.safetensors")
    environment = {"MODELS": "models", "CACHE": "cache", "DATA": "data"}
    with pytest.MonkeyPatch.context() as patch:
        for variable, place in environment.items():
            patch.setenv(f"HMMRNN_{variable}", str(folder / place))
        patch.delenv("HMMRNN_REDIS_URL", raising=False)
        with services_of_environment():
            yield


def scenarios_of(name: str, network: Network, fuse: int) -> dict[str, Scenario]:
    intact = Scenario(name, steps=300, trajectories=4, seed=5)
    busiest = np.argsort(simulate(network, 300, 4, seed=5).h.mean(axis=(0, 1)))[::-1]
    silenced = replace(intact, interventions=tuple(silent(busiest[:3])))
    weakened = Intervention(tuple(map(int, busiest[:8])), 0.5, "recurrent")
    scaled = (weakened, Intervention((int(busiest[8]),), 1.5, "input"))
    if name == "fuse":
        doubled = (Intervention((fuse,), 2.0),)
        return {
            "diverges": replace(intact, interventions=doubled),
            "against what is silenced": replace(intact, sigma=0.7, against=Against(silenced.interventions, 1.2)),
            "alone": replace(silenced, trajectories=1, steps=50),
        }
    if name in ("tanh", "currents"):
        fed = replace(silenced, input=(0.75, -0.5, 0.25, 1.0), sigma=0.4)
        begun = replace(intact, start="random", input=(0.5,), interventions=scaled[1:])
        learned = {"learned": replace(intact, start="learned", sigma=0.1)} if name == "tanh" else {}
        return {"intact": intact, "fed": fed, "begun at random": begun, **learned}
    coloured = replace(silenced, colour="neuron", neuron=int(busiest[4]), sigma=0.8)
    return {
        "intact": replace(intact, sigma=0.0 if name == "eight" else 1.0),
        "silenced": coloured,
        "scaled": replace(intact, interventions=scaled, colour="speed", seed=2**31 - 1),
    }


def answered(name: str, scenario: Scenario) -> Numbers:
    """What the server answers, and what its answer is made of."""
    explored = resolve(scenario)
    asked = {"scenario": scenario.to_dict(), "views": ["state-space", "orbit", "numbers"], "fresh": []}
    shown = dict(answer_views({**asked, "theme": "light", "settled": False})["updates"])
    return {
        "name": name,
        "scenario": scenario.to_dict(),
        "parts": parts_key(scenario),
        "now": plain_summary(queries.summary_of(explored)),
        "reference": plain_summary(queries.summary_of(explored.reference)),
        "figures": {view: plainly(shown[view]["figure"]) for view in ("state-space", "orbit")},
        "captions": [shown[f"{view}-caption"]["children"] for view in ("state-space", "orbit")],
        "values": plainly(shown["numbers"]["values"]),
    }


def plain_summary(summary: TrajectorySummary) -> Numbers:
    steps = summary.output.shape[1]
    return {
        "points": pack_array(summary.points[..., :2], "f4"),
        "probabilities": pack_array(summary.probabilities, "f4"),
        "speed": pack_array(summary.speed, "f4"),
        "output": pack_array(summary.output, "i1"),
        "valid": np.where(summary.diverged_at < 0, steps, summary.diverged_at).tolist(),
        "largest_neuron": summary.largest_neuron,
        "moments": pack_moments(summary),
        "counts": summary.profile.counts.tolist(),
    }


def plainly(content: Any) -> Any:
    """As the page gets it."""
    return json.loads(to_json_plotly(content))
