"""Sweeps small enough for tests, and trainings of theirs that have ended without being trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hmmrnn.model.checkpoint import save
from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from hmmrnn.tasks.store import PROGRESS, TaskState, TrainingProgress
from hmmrnn.tasks.sweeps import GridPoint, Sweep
from hmmrnn.training.config import TrainingConfig
from tests.networks import random_network

_FIDELITY = {"transition_error": "0.0213", "marginal_error": "0.0050", "volatility_ratio": "1.0400", "lag_error": "nan"}
_FIDELITY |= {"log_likelihood_gap": "0.2500", "passes": "true"}
VERDICT = {f"fidelity_{name}": value for name, value in _FIDELITY.items()}
VERDICT |= {"steps_done": "3", "training_seconds": "12", "loss": "2.5000"}
HALF_WAY = TrainingProgress(step=2, steps=4, loss=5.5, seconds=7.25, floor=1.0, plateau=9.0)


def small_sweep(**changes: Any) -> Sweep:
    """Two families, two M: four trainings of four steps."""
    settings = {"batch": 8, "length": 10, "steps": 4}
    grid = {"families": ("linear-2", "cyclic"), "neurons": (6,), "inputs": (1, 3), "seeds": (0,)}
    return Sweep(**{"name": "small", **grid, "changes": settings, **changes})


def short_training(seed: int, steps: int) -> TrainingConfig:
    """A training whose steps take milliseconds."""
    settings = {"n_neurons": 10, "n_inputs": 5, "batch": 32, "length": 20, "pair_from": 0.0}
    return TrainingConfig.preset("linear-2", seed=seed, steps=steps, **settings)


def taken(training_id: str) -> None:
    """What a worker does first: it takes the training out of the queue, and notes that it runs."""
    services().queues.queue(queue.TRAININGS).dequeue()
    services().trainings.task_of(training_id).start()


def done(training: GridPoint, **verdict: str) -> str:
    """What it does last; returns the network's name."""
    name = f"{training.config.hmm.name}-{training.id[:6]}"
    network = random_network(6, training.config.n_inputs, training.config.hmm.n_outputs)
    save(replace(network, metadata={**VERDICT, **verdict}), services().data.networks / f"{name}.safetensors")
    services().trainings.task_of(training.id).move(TaskState.DONE, model=name)
    return name


def failed(training: GridPoint) -> None:
    """What it does instead if the training diverges."""
    task = services().trainings.task_of(training.id)
    task.put(PROGRESS, HALF_WAY)
    task.move(TaskState.FAILED, reason="training diverged at step 3: the loss is nan")
