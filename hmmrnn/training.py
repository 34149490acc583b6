"""How is a network trained to be the HMM? By matching whole sequences, with the noise as its only input.

    minimise  S(RNN sequences, HMM sequences)        S: debiased Sinkhorn divergence, p = 2, blur 0.2

The recipe `paper` is the published one. The recipe `fast` reaches the fidelity gate on two CPU cores in
minutes; each of its departures from the paper is a field of `TrainingConfig` and is written into the
network's provenance by `departures`.

torch is imported inside the functions that need it: the web process imports this module for
`TrainingConfig` and must not pay for torch.

Source: Torre et al. (2025), section 2 and appendix A; the additions of `fast` are this project's own.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmrnn.fidelity import Fidelity, fidelity
from hmmrnn.hmm import HMM
from hmmrnn.network import Floats, Network

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

RECIPES = ("fast", "paper")
TRAINING_LENGTH = {
    "linear-2": 100,
    "linear-3": 30,
    "linear-4": 30,
    "linear-5": 40,
    "fully-connected": 30,
    "cyclic": 40,
}
PAIR_LAGS = (1, 2, 5, 10, 20)
# Joint probabilities below this are not worth the last digit; it also keeps impossible pairs from dividing by 0.
SMALLEST_PAIR = 1e-3
# State is carried over only once the loss has come this far down from the plateau towards the floor.
CARRY_BELOW = 0.25
# A carried state that is this much larger than its batch's typical one starts again from zero.
CARRY_BOUND = 10.0


@dataclass(frozen=True, eq=False)
class TrainingConfig:
    """Everything that decides what a training run gives: same config, same network.

    Attributes:
        hmm: the target.
        recipe: "fast" or "paper".
        n_neurons, n_inputs: N and M.
        seed: seed of initial weights, noise and target sequences.
        steps: optimizer steps.
        batch: sequences per step.
        length: T, symbols per sequence.
        learning_rate: of Adam at the start, with betas (0.9, 0.9).
        cosine: whether the learning rate falls to zero along a half cosine.
        clip: largest norm of the gradient.
        orthogonal: whether W_hh starts orthogonal rather than uniform (torch's default).
        sequences: size of the fixed training set; 0 draws new sequences at every step.
        pair_weight: weight of the term that matches joint symbol probabilities to the HMM's exact ones.
        pair_from: share of the steps that pass before this term is added.
        activity_weight: weight of the mean of h squared.
        carry: whether the hidden state is carried from batch to batch once the loss has left the plateau.
        reset: share of carried states that start again from zero at each step.
        blur: of the Sinkhorn divergence; tau: temperature of the Gumbel softmax.
        threads: torch threads; part of the config because sums depend on it in the last digit.

    Raises:
        ValueError: a value is out of range.
    """

    hmm: HMM
    recipe: str = "fast"
    n_neurons: int = 150
    n_inputs: int = 100
    seed: int = 0
    steps: int = 700
    batch: int = 512
    length: int = 100
    learning_rate: float = 1e-3
    cosine: bool = True
    clip: float = 0.9
    orthogonal: bool = True
    sequences: int = 0
    pair_weight: float = 30.0
    pair_from: float = 0.5
    activity_weight: float = 0.0
    carry: bool = False
    reset: float = 0.05
    blur: float = 0.2
    tau: float = 1.0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise ValueError(f"recipe must be one of {', '.join(RECIPES)}; got {self.recipe!r}")
        for name in ("n_neurons", "n_inputs", "steps", "batch", "length", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1; got {getattr(self, name)}")
        if self.batch < 2:
            raise ValueError(f"batch must be >= 2, or there is nothing to compare; got {self.batch}")
        if self.sequences != 0 and self.sequences < self.batch:
            raise ValueError(f"sequences must be 0 or >= batch = {self.batch}; got {self.sequences}")
        for name in ("learning_rate", "clip", "blur", "tau"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be > 0; got {getattr(self, name):g}")
        for name in ("pair_weight", "activity_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be >= 0; got {getattr(self, name):g}")
        for name in ("reset", "pair_from"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {getattr(self, name):g}")
        if self.seed < 0:
            raise ValueError(f"seed must be >= 0; got {self.seed}")

    @classmethod
    def preset(cls, family: str, recipe: str = "fast", **changes: Any) -> TrainingConfig:
        """The settings for one of the paper's HMM families.

        Args:
            family: linear-2 to linear-5, fully-connected or cyclic.
            recipe: "fast" or "paper".
            changes: fields to set differently.

        Raises:
            ValueError: unknown family or recipe, or a changed field out of range.
        """
        hmm = HMM.preset(family)
        if recipe not in RECIPES:
            raise ValueError(f"recipe must be one of {', '.join(RECIPES)}; got {recipe!r}")
        several_orbits = family in ("fully-connected", "cyclic")
        settings = cls(
            hmm=hmm,
            recipe=recipe,
            length=TRAINING_LENGTH[family],
            clip=0.3 if several_orbits else 0.9,
        )
        if recipe == "fast" and several_orbits:
            settings = replace(settings, length=50, activity_weight=0.02, carry=True, steps=900)
        if recipe == "paper":
            settings = replace(settings, **PAPER)
        return replace(settings, **changes)

    @property
    def departures(self) -> dict[str, str]:
        """Each setting that differs from the published recipe, as "ours (paper: theirs)"."""
        paper: dict[str, Any] = {
            **PAPER,
            "length": TRAINING_LENGTH.get(self.hmm.name, self.length),
            "clip": 0.3 if self.hmm.name in ("fully-connected", "cyclic") else 0.9,
        }
        paper.pop("steps")
        return {
            name: f"{getattr(self, name)} (paper: {value})"
            for name, value in paper.items()
            if getattr(self, name) != value
        }


# 1,000 epochs of the 3 steps that 10,000 sequences make at batch 4096.
PAPER: dict[str, Any] = {
    "steps": 3000,
    "batch": 4096,
    "cosine": False,
    "orthogonal": False,
    "sequences": 10_000,
    "pair_weight": 0.0,
    "pair_from": 0.0,
    "activity_weight": 0.0,
    "carry": False,
    "learning_rate": 1e-3,
    "blur": 0.2,
    "tau": 1.0,
}


@dataclass(frozen=True)
class Progress:
    """One optimizer step, as told to `on_progress`.

    Attributes:
        step: steps done; steps: steps in all.
        loss: the Sinkhorn divergence of this step's batch.
        floor: the same between two independent HMM batches; plateau: that of symbols drawn independently.
        seconds: wall time since training began.
    """

    step: int
    steps: int
    loss: float
    floor: float
    plateau: float
    seconds: float


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained network and how it got there.

    Attributes:
        network: with its provenance in the metadata.
        fidelity: on long runs, after training.
        losses: (S,) Sinkhorn divergence at each step done.
        floor, plateau: what two HMM batches, and independent symbols, reach (see `Progress`).
        stopped: whether `should_stop` ended it early.
    """

    network: Network
    fidelity: Fidelity
    losses: Floats
    floor: float
    plateau: float
    stopped: bool


def train(
    config: TrainingConfig,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train a network from nothing and judge it on long runs.

    Args:
        config: what to train, and how.
        on_progress: called after each optimizer step.
        should_stop: asked before each step; True ends training with what has been reached.

    Raises:
        FloatingPointError: the loss or the weights stopped being finite.
    """
    import torch

    torch.set_num_threads(config.threads)
    began = time.monotonic()
    run = _Run(config)
    losses: list[float] = []
    while len(losses) < config.steps and not (should_stop and should_stop()):
        losses.append(run.step(len(losses)))
        if on_progress:
            seconds = time.monotonic() - began
            on_progress(Progress(len(losses), config.steps, losses[-1], run.floor, run.plateau, seconds))
    if not run.finite:
        raise FloatingPointError(
            f"training diverged at step {len(losses)}: the weights are not finite; lower the learning rate or clip"
        )
    network = run.network()
    judged = fidelity(network, config.hmm)
    provenance = _provenance(config, judged, steps_done=len(losses), seconds=time.monotonic() - began)
    return TrainingResult(
        network=replace(network, metadata=provenance),
        fidelity=judged,
        losses=np.array(losses),
        floor=run.floor,
        plateau=run.plateau,
        stopped=len(losses) < config.steps,
    )


class _Run:
    """The moving parts of one training: weights, optimizer, noise and carried state."""

    def __init__(self, config: TrainingConfig) -> None:
        import torch
        from geomloss import SamplesLoss

        self.config = config
        self.divergence = SamplesLoss("sinkhorn", p=2, blur=config.blur, backend="tensorized")
        weights_seed, noise_seed, target_seed = np.random.SeedSequence(config.seed).generate_state(3)
        # torch draws initial weights from its global generator only; fork keeps the caller's untouched.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(weights_seed))
            self.rnn, self.readout = _initial_modules(config)
        self.noise = torch.Generator().manual_seed(int(noise_seed))
        self.targets = np.random.default_rng(target_seed)
        self.fixed = config.hmm.sample(config.sequences, config.length, self.targets)[0] if config.sequences else None
        self.parameters = [*self.rnn.parameters(), *self.readout.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.learning_rate, betas=(0.9, 0.9))
        self.pair_targets = torch.tensor(np.array([config.hmm.joint(k) for k in self.lags]), dtype=torch.float32)
        self.floor, self.plateau = self._landmarks()
        self.smoothed = self.plateau
        self.h = torch.zeros(1, config.batch, config.n_neurons)

    @property
    def lags(self) -> tuple[int, ...]:
        return tuple(lag for lag in PAIR_LAGS if lag < self.config.length)

    def step(self, index: int) -> float:
        """One optimizer step; returns the Sinkhorn divergence before it.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        import torch

        config = self.config
        rate = 0.5 * (1 + math.cos(math.pi * index / config.steps)) if config.cosine else 1.0
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * rate
        h, last = self.rnn(self._noise(), self.h)
        logits = self.readout(h)
        if not torch.isfinite(logits).all():
            raise FloatingPointError(
                f"training diverged at step {index + 1}: the logits are not finite; lower the learning rate or clip"
            )
        divergence = self.divergence(self._gumbel_symbols(logits).flatten(1), self._target_batch())
        loss = divergence
        if config.pair_weight and index >= config.pair_from * config.steps:
            loss = loss + config.pair_weight * self._pair_mismatch(logits.softmax(-1))
        if config.activity_weight:
            loss = loss + config.activity_weight * h.square().mean()
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"training diverged at step {index + 1}: the loss is {loss.item()}; lower the learning rate or clip"
            )
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, config.clip)
        self.optimizer.step()
        self.smoothed += 0.1 * (divergence.item() - self.smoothed)
        # Should the loss rise again, training goes back to windows that start at zero until it has come down.
        settled = self.smoothed < self.floor + CARRY_BELOW * (self.plateau - self.floor)
        self.h = self._carried(last.detach()) if config.carry and settled else torch.zeros_like(last)
        return divergence.item()

    @property
    def finite(self) -> bool:
        import torch

        return all(bool(torch.isfinite(weight).all()) for weight in self.parameters)

    def network(self) -> Network:
        """The present weights as a `Network` without metadata."""
        return Network(
            W_hh=self.rnn.get_parameter("weight_hh_l0").detach().numpy(),
            W_ih=self.rnn.get_parameter("weight_ih_l0").detach().numpy(),
            W_out=self.readout.weight.detach().numpy(),
        )

    def _noise(self) -> torch.Tensor:
        import torch

        config = self.config
        return torch.randn(config.batch, config.length, config.n_inputs, generator=self.noise)

    def _gumbel_symbols(self, logits: torch.Tensor) -> torch.Tensor:
        """Sampled one-hot symbols whose gradient is that of the soft sample (straight-through)."""
        import torch

        uniform = torch.rand(logits.shape, generator=self.noise).clamp_min(torch.finfo(torch.float32).tiny)
        soft = ((logits - (-uniform.log()).log()) / self.config.tau).softmax(-1)
        hard = torch.nn.functional.one_hot(soft.argmax(-1), logits.shape[-1]).float()
        return hard - soft.detach() + soft

    def _target_batch(self) -> torch.Tensor:
        import torch

        config = self.config
        if self.fixed is None:
            symbols = config.hmm.sample(config.batch, config.length, self.targets)[0]
        else:
            symbols = self.fixed[self.targets.choice(len(self.fixed), size=config.batch, replace=False)]
        return torch.nn.functional.one_hot(torch.from_numpy(symbols), config.hmm.n_outputs).float().flatten(1)

    def _pair_mismatch(self, p: torch.Tensor) -> torch.Tensor:
        """Squared error of the batch's joint symbol probabilities over the exact ones; lag 1 counts four times."""
        import torch

        total = torch.zeros(())
        for lag, target in zip(self.lags, self.pair_targets, strict=True):
            joint = torch.einsum("bti,btj->ij", p[:, :-lag], p[:, lag:]) / (p.shape[0] * (p.shape[1] - lag))
            weight = 4.0 if lag == 1 else 1.0
            total = total + weight * ((joint - target).square() / target.clamp_min(SMALLEST_PAIR)).sum()
        return total

    def _carried(self, last: torch.Tensor) -> torch.Tensor:
        """The states to go on from: a few at random, and any that are not finite or far outside, start at zero."""
        import torch

        size = last.norm(dim=-1, keepdim=True)
        again = torch.rand(size.shape, generator=self.noise) < self.config.reset
        outside = ~(size < CARRY_BOUND * size.nanmedian())
        return torch.where(again | outside, torch.zeros(()), last)

    def _landmarks(self) -> tuple[float, float]:
        """The loss between two HMM batches, and of independent symbols with the right shares."""
        import torch

        config = self.config
        rng = np.random.default_rng(0)
        shares = HMM(np.ones((1, 1)), config.hmm.marginal[None])
        floors, plateaus = [], []
        for _ in range(3):
            target, other, independent = (
                torch.nn.functional.one_hot(
                    torch.from_numpy(hmm.sample(config.batch, config.length, rng)[0]), config.hmm.n_outputs
                )
                .float()
                .flatten(1)
                for hmm in (config.hmm, config.hmm, shares)
            )
            floors.append(self.divergence(other, target).item())
            plateaus.append(self.divergence(independent, target).item())
        return float(np.mean(floors)), float(np.mean(plateaus))


def _initial_modules(config: TrainingConfig) -> tuple[torch.nn.RNN, torch.nn.Linear]:
    import torch

    rnn = torch.nn.RNN(config.n_inputs, config.n_neurons, nonlinearity="relu", bias=False, batch_first=True)
    readout = torch.nn.Linear(config.n_neurons, config.hmm.n_outputs, bias=False)
    if config.orthogonal:
        torch.nn.init.orthogonal_(rnn.get_parameter("weight_hh_l0"))
    return rnn, readout


def _provenance(config: TrainingConfig, judged: Fidelity, steps_done: int, seconds: float) -> dict[str, str]:
    """What goes into the checkpoint's header: strings to strings."""
    settings = {f.name: getattr(config, f.name) for f in fields(config) if f.name not in ("hmm",)}
    return {
        "family": config.hmm.name,
        **{name: str(value) for name, value in settings.items()},
        "steps_done": str(steps_done),
        "departures": "; ".join(f"{k} {v}" for k, v in config.departures.items()) or "none",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "training_seconds": f"{seconds:.0f}",
        **{f"version_{name}": version(name) for name in ("torch", "geomloss", "numpy")},
        **{
            f"fidelity_{name}": f"{getattr(judged, name):.4f}"
            for name in ("transition_error", "marginal_error", "volatility_ratio", "lag_error", "log_likelihood_gap")
        },
        "fidelity_passes": str(judged.passes).lower(),
    }
