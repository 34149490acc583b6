"""A small training: as the form sends it, under way or done, and the updates of its page."""

from __future__ import annotations

import json
from dataclasses import replace

from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder

from hmmrnn.dashboard.pages.train.form import setup
from hmmrnn.dashboard.pages.train.training_watch import run_command, watch_training
from hmmrnn.model.checkpoint import save
from hmmrnn.server.services import services
from hmmrnn.tasks import trainings
from hmmrnn.tasks.store import LOSSES, PROGRESS, TaskState, TrainingProgress
from tests.networks import random_network

OWN = {"A": [[0.5, 0.5], [0.25, 0.75]], "B": [[1, 0], [0.2, 0.8]]}
# What a snapshot is found to be, as a worker reports it.
FOUND = {
    "step": 20, "diverged": 0, "transition_error": 0.01, "marginal_error": 0.2, "volatility_ratio": 1.05,
    "lag_error": None, "log_likelihood_gap": 0.5,
}  # fmt: skip
TOLD = {
    "step": 30, "steps": 40, "loss": 3.5, "floor": 2.25, "plateau": 7.75, "seconds": 75.0, "steps_per_second": 0.5,
    "fidelity": FOUND,
}  # fmt: skip


def form(family: str = "linear-2", **changes) -> dict:
    """The form as the page sends it."""
    first = setup()["first"]
    return {**first, **setup()["families"][family], "family": family, **changes}


def small(**changes) -> dict:
    return form(neurons=8, inputs=4, steps=40, **changes)


def command(name: str, of: object) -> dict:
    return run_command({"command": name, "of": of})


def submitted(**changes) -> str:
    return str(command("train", small(**changes))["job"])


def ask(job_id: str = "", theme: str = "light", seen: dict | None = None) -> dict:
    """An answer as the page gets it: through JSON."""
    answer = watch_training({"job": job_id, "theme": theme, "seen": seen or {}})
    return json.loads(json.dumps(answer, cls=PlotlyJSONEncoder))


def text(component) -> str:
    """All words of a component, as an object or through JSON, with a blank after each part."""
    if isinstance(component, list | tuple):
        return " ".join(text(item) for item in component)
    if isinstance(component, Component):
        return text(getattr(component, "children", None))
    if isinstance(component, dict):
        return text(component["props"].get("children"))
    return "" if component is None else str(component)


def under_way(job_id: str, **changes) -> None:
    """What a worker does while it trains."""
    services().trainings.task_of(job_id).start()
    told = {**TOLD, **changes}
    services().trainings.task_of(job_id).put(LOSSES, [float(i) for i in range(told["step"])])
    services().trainings.task_of(job_id).put(PROGRESS, TrainingProgress(**told))


def move(job_id: str, state: TaskState, reason: str = "") -> None:
    services().trainings.task_of(job_id).move(state, reason)


def snapshot(job_id: str) -> None:
    network = random_network(8, 4, 3)
    metadata = {"family": "linear-2", "steps_done": "20"}
    save(replace(network, metadata=metadata), services().trainings.snapshot_file(job_id))


def finish(job_id: str, **metadata: str) -> str:
    """What a worker does in the end; returns the name of the network."""
    name = trainings.network_name(services().trainings.look_at(job_id))
    made = replace(random_network(8, 4, 3), metadata={"family": "linear-2", **metadata})
    save(made, services().data.networks / f"{name}.safetensors")
    services().trainings.task_of(job_id).move(TaskState.DONE, model=name)
    return name
