"""Students: networks trained to give a teacher's outputs, and the activity of those of its neurons that were recorded.

    loss = KL(p_teacher || p_student)  +  lambda  mean over recorded i of (h_student_i - h_teacher_i)^2 / var h_teacher

Teacher and student see the same noise. All students of one call are trained side by side; they begin at the same
weights, so that they differ in what was recorded and in nothing else. The recorded neurons take a student's first
places.

torch is imported inside the functions that need it.

Source: training on sparse recordings and on performance at once, as in "performance and intrinsic dynamics"; networks
constrained by data after Perich et al. (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hmmrnn.model.network import Network
from hmmrnn.model.simulation import draw_noise, respond
from hmmrnn.training.modules import step_activity

if TYPE_CHECKING:
    import torch

INSTALL = "training needs torch, which is not installed; pip install 'hmmrnn[train]' brings it"


@dataclass(frozen=True)
class StudentConfig:
    """Settings of the training of students."""

    steps: int = 300  # optimizer steps
    batch: int = 32  # windows in a step
    length: int = 30  # steps of a window
    # The first steps of a window are not scored: what was not recorded is not known at its start.
    lead: int = 10
    learning_rate: float = 5e-3
    clip: float = 1.0  # largest norm of a gradient
    weight: float = 3.0  # lambda, of the recorded activity
    gain: float = 0.9  # of the orthogonal recurrent weights at the start
    seed: int = 0  # of weights, noise and windows


def train_students(
    teacher: Network,
    recorded: Sequence[Sequence[int]],
    weights: Sequence[float] | None = None,
    config: StudentConfig | None = None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[Network]:
    """Train one student for each set of recorded neurons, of as many neurons as the teacher has.

    Args:
        recorded: for each student the teacher's neurons that it is given; they become its neurons 0, 1, ... in order.
        weights: lambda of each student; that of the config if None.
        should_stop: called before each step; True ends the training and keeps its result so far.

    Raises:
        ValueError: the teacher diverges or its activity does not change, or a recorded neuron does not exist.
        FloatingPointError: the loss stopped being finite; a lower learning rate may help.
        ImportError: torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(INSTALL) from error
    config = config or StudentConfig()
    lambdas = [config.weight] * len(recorded) if weights is None else list(weights)
    data = _Recording(teacher, recorded, config)
    torch.set_num_threads(1)
    students = _Students(teacher, len(recorded), config)
    strength = torch.tensor(lambdas) / data.variance
    optimizer = torch.optim.Adam(students.parameters, lr=config.learning_rate)
    for step in range(config.steps):
        if should_stop and should_stop():
            break
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * 0.5 * (1 + np.cos(np.pi * step / config.steps))
        noise, start, activity, probabilities = data.windows()
        h, logits = students.run(noise, start)
        scored = slice(config.lead, None)
        fit = (
            torch.nn.functional.kl_div(
                logits[:, :, scored].log_softmax(-1),
                probabilities[None, :, scored].expand_as(logits[:, :, scored]),
                reduction="none",
            )
            .sum(-1)
            .mean((1, 2))
        )
        missed = ((h - activity)[:, :, scored].square() * data.mask[:, None, None]).mean((1, 2)).sum(-1) / data.size
        loss = (fit + strength * missed).sum()
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the training of students diverged at step {step + 1}")
        optimizer.zero_grad()
        loss.backward()
        students.clip(config.clip)
        optimizer.step()
        if on_progress:
            on_progress((step + 1) / config.steps)
    return students.networks(teacher)


class _Recording:
    """Windows of a teacher's runs, with its neurons in the order of each student's places."""

    def __init__(self, teacher: Network, recorded: Sequence[Sequence[int]], config: StudentConfig) -> None:
        import torch

        n, count = teacher.n_neurons, len(recorded)
        if any(not 0 <= i < n for one in recorded for i in one):
            raise ValueError(f"recorded neurons must be from 0 to {n - 1}")
        self.config, self.rng = config, np.random.default_rng([config.seed, 1])
        steps = 100 + 40 * config.length
        noise = draw_noise(teacher.n_inputs, steps, config.batch, 1.0, config.seed)
        run = respond(teacher, noise, 1.0, config.seed)
        if run.diverged:
            raise ValueError("the teacher diverges under noise, so it has no activity to record")
        self.noise, self.h, self.probabilities = noise, run.h, run.probabilities
        self.place = np.zeros((count, n), dtype=np.int64)
        mask = np.zeros((count, n), dtype=np.float32)
        for s, one in enumerate(recorded):
            self.place[s, : len(one)], mask[s, : len(one)] = list(one), 1.0
        self.mask = torch.from_numpy(mask)
        self.size = self.mask.sum(-1).clamp(min=1)
        self.variance = float(run.h[:, 100:].var(axis=(0, 1)).mean())
        if self.variance == 0:
            active = int(np.count_nonzero(run.h[:, 100:].any(axis=(0, 1))))
            raise ValueError(
                f"the activity of this network does not change under noise ({active} of its {n} neurons are active), "
                "so there is nothing to record of it"
            )

    def windows(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Noise (B, T, M), starts (S, B, N), activity (S, B, T, N) in the students' places, probabilities (B, T, O)."""
        import torch

        length = self.config.length
        first = self.rng.integers(100, self.h.shape[1] - length, size=len(self.h))
        at = first[:, None] + np.arange(length)
        runs = np.arange(len(self.h))
        mask = self.mask.numpy()[:, None]
        start = self.h[runs, first - 1][:, self.place].swapaxes(0, 1) * mask
        activity = self.h[runs[:, None], at][..., self.place].transpose(2, 0, 1, 3)
        parts = (self.noise[runs[:, None], at], start, activity, self.probabilities[runs[:, None], at])
        noise, start, activity, probabilities = (torch.from_numpy(part.astype(np.float32)) for part in parts)
        return noise, start, activity, probabilities


class _Students:
    """The weights of S networks, stepped side by side."""

    def __init__(self, teacher: Network, count: int, config: StudentConfig) -> None:
        import torch

        n, m, o = teacher.n_neurons, teacher.n_inputs, teacher.n_outputs
        generator = torch.Generator().manual_seed(config.seed)
        first = {
            "W_hh": config.gain * torch.linalg.qr(torch.randn(n, n, generator=generator))[0],
            "W_ih": torch.randn(n, m, generator=generator) / np.sqrt(n),
            "W_out": torch.randn(o, n, generator=generator) / np.sqrt(n),
            "b_h": torch.zeros(n),
            "b_out": torch.zeros(o),
        }
        if not teacher.has_bias:
            del first["b_h"], first["b_out"]
        self.weights = {
            name: value.expand(count, *value.shape).clone().requires_grad_() for name, value in first.items()
        }
        self.parameters = list(self.weights.values())

    def run(self, noise: torch.Tensor, start: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Activity (S, B, T, N) and logits (S, B, T, O) from starts (S, B, N) under noise (B, T, M)."""
        import torch

        w = self.weights
        drive = torch.einsum("btm,snm->sbtn", noise, w["W_ih"])
        if "b_h" in w:
            drive = drive + w["b_h"][:, None, None]
        h = step_activity(drive, w["W_hh"].transpose(1, 2), start)
        logits = torch.einsum("sbtn,son->sbto", h, w["W_out"])
        return h, logits + w["b_out"][:, None, None] if "b_out" in w else logits

    def clip(self, largest: float) -> None:
        """Scale the gradient of each student to at most this norm."""
        import torch

        with torch.no_grad():
            square = sum(one.grad.flatten(1).square().sum(1) for one in self.parameters if one.grad is not None)
            scale = (largest / torch.as_tensor(square).sqrt().clamp(min=1e-12)).clamp(max=1.0)
            for one in self.parameters:
                if one.grad is not None:
                    one.grad *= scale.reshape(-1, *[1] * (one.dim() - 1))

    def networks(self, teacher: Network) -> list[Network]:
        """The students as networks."""
        arrays = {name: value.detach().numpy() for name, value in self.weights.items()}
        about = {name: text for name, text in teacher.metadata.items() if name in ("family", "hmm")}
        return [
            Network(**{name: value[s] for name, value in arrays.items()}, metadata={**about, "recipe": "student"})
            for s in range(len(arrays["W_hh"]))
        ]
