"""Sweeps small enough for tests, and trainings of theirs that have ended without being trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hmmrnn.checkpoint import save
from hmmrnn.dashboard import folders, jobs, queue
from hmmrnn.dashboard.sweeps import Sweep, Training
from tests.networks import random_network

VERDICT = {
    "fidelity_transition_error": "0.0213",
    "fidelity_marginal_error": "0.0050",
    "fidelity_volatility_ratio": "1.0400",
    "fidelity_lag_error": "nan",
    "fidelity_log_likelihood_gap": "0.2500",
    "fidelity_passes": "true",
    "steps_done": "3",
    "training_seconds": "12",
    "loss": "2.5000",
}
TOLD = {"step": 2, "steps": 4, "loss": 5.5, "seconds": 7.25, "floor": 1.0, "plateau": 9.0, "fidelity": {}}


def small_sweep(**changes: Any) -> Sweep:
    """Two families, two M: four trainings of four steps."""
    settings = (("batch", 8), ("length", 10), ("steps", 4))
    grid = {"families": ("linear-2", "cyclic"), "neurons": (6,), "inputs": (1, 3), "seeds": (0,)}
    return Sweep(**{"name": "small", **grid, "changes": settings, **changes})


def taken(job_id: str) -> None:
    """What a worker does first: it takes the job out of the queue, says so, and beats."""
    queue.queue(queue.TRAININGS).dequeue()
    jobs.set_state(job_id, jobs.RUNNING)
    queue.beat(f"job:{job_id}")


def done(training: Training, **verdict: str) -> str:
    """What it does last; returns the network's name."""
    name = f"{training.config.hmm.name}-{training.id[:6]}"
    network = random_network(6, training.config.n_inputs, training.config.hmm.n_outputs)
    save(replace(network, metadata={**VERDICT, **verdict}), folders.networks() / f"{name}.safetensors")
    jobs.set_state(training.id, jobs.DONE, model=name)
    return name


def failed(training: Training) -> None:
    """What it does instead if the training diverges."""
    queue.put(f"progress:{training.id}", TOLD)
    jobs.set_state(training.id, jobs.FAILED, reason="training diverged at step 3: the loss is nan")
