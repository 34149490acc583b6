"""How is a network trained to be the HMM? By matching whole sequences, with the noise as its only input.

    minimise  S(RNN sequences, HMM sequences)        S: debiased Sinkhorn divergence, p = 2, blur 0.2

What is minimised, on what and for how long is said by a `TrainingConfig` (recipe.py). A run can be stopped and gone on
with from its state file: the weights are then the same, bit for bit, as if it had never been stopped.

torch is imported inside the functions that need it: the web process must not pay for it.

Source: Torre et al. (2025), section 2 and appendix A; the additions of `fast` are this project's own.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmrnn.checkpoint import replace_file
from hmmrnn.fidelity import Fidelity, fidelity
from hmmrnn.hmm import HMM
from hmmrnn.network import Floats, Network
from hmmrnn.provenance import hmm_metadata
from hmmrnn.recipe import CARRY_BELOW, CARRY_BOUND, PAIR_LAGS, SMALLEST_PAIR, TrainingConfig

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

# A run that is killed loses at most this many seconds and one step.
KEEP_EVERY_SECONDS = 10.0
FIDELITY_NUMBERS = ("transition_error", "marginal_error", "volatility_ratio", "lag_error", "log_likelihood_gap")


@dataclass(frozen=True)
class Progress:
    """One optimizer step, as told to `on_progress`.

    Attributes:
        step: steps done; steps: steps in all.
        loss: the Sinkhorn divergence of this step's batch.
        floor: the same between two independent HMM batches; plateau: that of symbols drawn independently.
        seconds: time spent on training, over all sittings.
        losses: the divergence at every step so far, over all sittings; not to be changed.
        network: makes the network as it is now, with its provenance but without a verdict; to be called before the
            next step.
    """

    step: int
    steps: int
    loss: float
    floor: float
    plateau: float
    seconds: float
    losses: Sequence[float] = field(compare=False, repr=False)
    network: Callable[[], Network] = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights as training left them, and how they got there.

    Attributes:
        network: with its provenance in the metadata.
        losses: (S,) Sinkhorn divergence at each step done.
        floor, plateau: what two HMM batches, and independent symbols, reach (see `Progress`).
        stopped: whether `should_stop` ended it early.
    """

    network: Network
    losses: Floats
    floor: float
    plateau: float
    stopped: bool


@dataclass(frozen=True, eq=False)
class TrainingResult(Fit):
    """A trained network and its judgement.

    Attributes:
        fidelity: on long runs, after training.
    """

    fidelity: Fidelity


def train(
    config: TrainingConfig,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    state_file: str | os.PathLike[str] | None = None,
) -> TrainingResult:
    """Train a network, as `fit` does, and judge it on long runs.

    Args:
        config, on_progress, should_stop, state_file: see `fit`.

    Raises:
        FloatingPointError, ValueError: see `fit`.
    """
    return judged(config, fit(config, on_progress, should_stop, state_file))


def judged(config: TrainingConfig, fitted: Fit) -> TrainingResult:
    """Judge what training left on 256 runs of 2,000 steps, and write the verdict into the network's metadata."""
    found = fidelity(fitted.network, config.hmm)
    named = replace(fitted.network, metadata={**fitted.network.metadata, **verdict(found)})
    return TrainingResult(**{**vars(fitted), "network": named}, fidelity=found)


def fit(
    config: TrainingConfig,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    state_file: str | os.PathLike[str] | None = None,
) -> Fit:
    """Train a network from nothing, or from where a run of the same config stopped.

    Args:
        config: what to train, and how.
        on_progress: called after each optimizer step.
        should_stop: asked before each step; True ends training with what has been reached.
        state_file: if this file exists, training goes on from it; it is kept up to date about every 10 seconds and
            at the end.

    Raises:
        FloatingPointError: the loss or the weights stopped being finite.
        ValueError: the state file is of another config, or is none.
    """
    import torch

    torch.set_num_threads(config.threads)
    run = _Run(config)
    kept = _StateFile(run, state_file)
    began = time.monotonic() - run.seconds
    while len(run.losses) < config.steps and not (should_stop and should_stop()):
        run.step()
        run.seconds = time.monotonic() - began
        if on_progress:
            on_progress(run.progress())
        kept.update()
    if not run.finite:
        raise FloatingPointError(
            f"training diverged at step {len(run.losses)}: the weights are not finite; lower the learning rate or clip"
        )
    kept.update(at_once=True)
    return Fit(run.network(), np.array(run.losses), run.floor, run.plateau, len(run.losses) < config.steps)


def verdict(found: Fidelity) -> dict[str, str]:
    """What a network's metadata say of its fidelity."""
    numbers = {f"fidelity_{name}": f"{getattr(found, name):.4f}" for name in FIDELITY_NUMBERS}
    return {**numbers, "fidelity_passes": str(found.passes).lower()}


class _Run:
    """The moving parts of one training: weights, optimizer, random numbers, carried state and losses so far."""

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
        self.epoch = np.empty(0, dtype=np.int64)
        self.parameters = [*self.rnn.parameters(), *self.readout.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.learning_rate, betas=(0.9, 0.9))
        self.pair_targets = torch.tensor(np.array([config.hmm.joint(k) for k in self.lags]), dtype=torch.float32)
        self.floor, self.plateau = self._landmarks()
        self.smoothed = self.plateau
        self.h = torch.zeros(1, config.batch, config.n_neurons)
        self.losses: list[float] = []
        self.seconds = 0.0

    @property
    def lags(self) -> tuple[int, ...]:
        return tuple(lag for lag in PAIR_LAGS if lag < self.config.length)

    def step(self) -> None:
        """One optimizer step; the Sinkhorn divergence before it is added to the losses.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        import torch

        config, index = self.config, len(self.losses)
        rate = 0.5 * (1 + math.cos(math.pi * index / config.steps)) if config.cosine else 1.0
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * rate
        targets = self._target_batch()
        h, last = self.rnn(self._noise(len(targets)), self.h[:, : len(targets)])
        logits = self.readout(h)
        if not torch.isfinite(logits).all():
            raise FloatingPointError(
                f"training diverged at step {index + 1}: the logits are not finite; lower the learning rate or clip"
            )
        divergence = self.divergence(self._gumbel_symbols(logits).flatten(1), targets)
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
        self.losses.append(divergence.item())
        self.smoothed += 0.1 * (divergence.item() - self.smoothed)
        # Should the loss rise again, training goes back to windows that start at zero until it has come down.
        settled = self.smoothed < self.floor + CARRY_BELOW * (self.plateau - self.floor)
        if config.carry:
            self.h = self._carried(last.detach()) if settled else torch.zeros_like(last)

    @property
    def finite(self) -> bool:
        import torch

        return all(bool(torch.isfinite(weight).all()) for weight in self.parameters)

    def progress(self) -> Progress:
        """The last step, as it is told."""
        return Progress(
            step=len(self.losses),
            steps=self.config.steps,
            loss=self.losses[-1],
            floor=self.floor,
            plateau=self.plateau,
            seconds=self.seconds,
            losses=self.losses,
            network=self.network,
        )

    def network(self) -> Network:
        """The present weights as a `Network` whose metadata say how it was made."""
        return Network(
            W_hh=self.rnn.get_parameter("weight_hh_l0").detach().numpy(),
            W_ih=self.rnn.get_parameter("weight_ih_l0").detach().numpy(),
            W_out=self.readout.weight.detach().numpy(),
            metadata=self._provenance(),
        )

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, and the config that it belongs to."""
        return {
            "config": json.dumps(self.config.to_dict()),
            "rnn": self.rnn.state_dict(),
            "readout": self.readout.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "noise": self.noise.get_state(),
            "targets": json.dumps(self.targets.bit_generator.state),
            "epoch": self.epoch.tolist(),
            "h": self.h,
            "smoothed": self.smoothed,
            "losses": self.losses,
            "seconds": self.seconds,
        }

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave.

        Raises:
            ValueError: it is of another config.
        """
        if state["config"] != json.dumps(self.config.to_dict()):
            raise ValueError("it belongs to a training with other settings")
        self.rnn.load_state_dict(state["rnn"])
        self.readout.load_state_dict(state["readout"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.noise.set_state(state["noise"])
        self.targets.bit_generator.state = json.loads(state["targets"])
        self.epoch = np.array(state["epoch"], dtype=np.int64)
        self.h, self.smoothed = state["h"], state["smoothed"]
        self.losses, self.seconds = state["losses"], state["seconds"]

    def _noise(self, batch: int) -> torch.Tensor:
        import torch

        config = self.config
        return torch.randn(batch, config.length, config.n_inputs, generator=self.noise)

    def _gumbel_symbols(self, logits: torch.Tensor) -> torch.Tensor:
        """Sampled one-hot symbols whose gradient is that of the soft sample (straight-through)."""
        import torch

        uniform = torch.rand(logits.shape, generator=self.noise).clamp_min(torch.finfo(torch.float32).tiny)
        soft = ((logits - (-uniform.log()).log()) / self.config.tau).softmax(-1)
        hard = torch.nn.functional.one_hot(soft.argmax(-1), logits.shape[-1]).float()
        return hard - soft.detach() + soft

    def _target_batch(self) -> torch.Tensor:
        """(batch, T * O) one-hot HMM sequences; the last batch of an epoch of a fixed training set may be smaller."""
        config = self.config
        if self.fixed is None:
            return _one_hot(config.hmm, config.hmm.sample(config.batch, config.length, self.targets)[0])
        if not len(self.epoch):
            self.epoch = self.targets.permutation(len(self.fixed))
        chosen, self.epoch = np.split(self.epoch, [config.batch])
        return _one_hot(config.hmm, self.fixed[chosen])

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
        config = self.config
        rng = np.random.default_rng(0)
        shares = HMM(np.ones((1, 1)), config.hmm.marginal[None])
        floors, plateaus = [], []
        for _ in range(3):
            target, other, independent = (
                _one_hot(config.hmm, hmm.sample(config.batch, config.length, rng)[0])
                for hmm in (config.hmm, config.hmm, shares)
            )
            floors.append(self.divergence(other, target).item())
            plateaus.append(self.divergence(independent, target).item())
        return float(np.mean(floors)), float(np.mean(plateaus))

    def _provenance(self) -> dict[str, str]:
        """What goes into the file's header: strings to strings."""
        config = self.config
        settings = {setting.name: getattr(config, setting.name) for setting in fields(config) if setting.name != "hmm"}
        last = {"loss": f"{self.losses[-1]:.4f}"} if self.losses else {}
        return {
            **hmm_metadata(config.hmm),
            **{name: str(value) for name, value in settings.items()},
            "steps_done": str(len(self.losses)),
            **last,
            "loss_floor": f"{self.floor:.4f}",
            "loss_plateau": f"{self.plateau:.4f}",
            "departures": "; ".join(f"{k} {v}" for k, v in config.departures.items()) or "none",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "training_seconds": f"{self.seconds:.0f}",
            **{f"version_{name}": version(name) for name in ("torch", "geomloss", "numpy")},
        }


class _StateFile:
    """Where a run is kept, so that it can be gone on with; none without a path."""

    def __init__(self, run: _Run, path: str | os.PathLike[str] | None) -> None:
        self.run = run
        self.path = None if path is None else Path(path)
        if self.path is not None and self.path.exists():
            self._read(self.path)
        self.kept_at = time.monotonic()

    def update(self, at_once: bool = False) -> None:
        """Write the run's state if it is time, or at once."""
        import torch

        if self.path is None or not (at_once or time.monotonic() - self.kept_at > KEEP_EVERY_SECONDS):
            return
        content = io.BytesIO()
        torch.save(self.run.state(), content)
        replace_file(self.path, content.getvalue())
        self.kept_at = time.monotonic()

    def _read(self, path: Path) -> None:
        import pickle

        import torch

        try:
            self.run.go_on_from(torch.load(path, weights_only=True))
        except (pickle.UnpicklingError, RuntimeError, LookupError, TypeError, ValueError, EOFError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(
                f"training cannot go on from {path.name} ({reason}); remove that file to start anew"
            ) from error


def _one_hot(hmm: HMM, symbols: np.ndarray[Any, np.dtype[np.int64]]) -> torch.Tensor:
    """(B, T) symbols as (B, T * O) numbers."""
    import torch

    return torch.nn.functional.one_hot(torch.from_numpy(symbols), hmm.n_outputs).float().flatten(1)


def _initial_modules(config: TrainingConfig) -> tuple[torch.nn.RNN, torch.nn.Linear]:
    import torch

    rnn = torch.nn.RNN(config.n_inputs, config.n_neurons, nonlinearity="relu", bias=False, batch_first=True)
    readout = torch.nn.Linear(config.n_neurons, config.hmm.n_outputs, bias=False)
    if config.orthogonal:
        torch.nn.init.orthogonal_(rnn.get_parameter("weight_hh_l0"))
    return rnn, readout
