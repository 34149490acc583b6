"""Training of a network whose only input is noise, until its output sequences match those of an HMM.

    minimise  S(RNN sequences, HMM sequences)        S: debiased Sinkhorn divergence (sinkhorn.py)

A `TrainingConfig` decides what is minimised, on which sequences and for how long. A training that was stopped can be
continued from its state file: the weights are then the same, bit for bit, as without the stop.

torch is imported inside the functions that need it, because the web process never trains and need not load it.

Source: Torre et al. (2025), section 2 and appendix A; the additions of `fast` are this project's own.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmrnn.analysis.fidelity import Fidelity, measure_fidelity
from hmmrnn.model.cells import describe_cell
from hmmrnn.model.files import replace_file
from hmmrnn.model.metadata import hmm_metadata
from hmmrnn.model.network import Floats, Network
from hmmrnn.training.config import CARRY_BELOW, CARRY_BOUND, TrainingConfig
from hmmrnn.training.modules import initial_modules, network_of, run_layer, state_size
from hmmrnn.training.sinkhorn import SequenceLoss, gumbel_symbols, one_hot

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

# A run that is killed loses at most this many seconds and one step.
KEEP_EVERY_SECONDS = 10.0
FIDELITY_NUMBERS = ("transition_error", "marginal_error", "volatility_ratio", "lag_error", "log_likelihood_gap")


@dataclass(frozen=True)
class Progress:
    """One optimizer step, as passed to `on_progress`."""

    step: int  # steps done
    steps: int  # steps in all
    loss: float  # the Sinkhorn divergence of this step's batch
    floor: float  # the same between two independent HMM batches
    plateau: float  # that of symbols drawn independently
    seconds: float  # time spent on training, over all sittings
    # The divergence at every step so far, over all sittings; not to be changed.
    losses: Sequence[float] = field(compare=False, repr=False)
    # Makes the network as it is now, with its provenance but without a verdict; to be called before the next step.
    network: Callable[[], Network] = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Fit:
    """The trained weights, and the losses on the way."""

    network: Network  # with its provenance in the metadata
    losses: Floats  # (S,) Sinkhorn divergence at each step done
    # floor, plateau: what two HMM batches, and independent symbols, reach (see `Progress`).
    floor: float
    plateau: float
    stopped: bool  # whether `should_stop` ended it early


@dataclass(frozen=True, eq=False)
class TrainingResult(Fit):
    """A trained network and its fidelity."""

    fidelity: Fidelity  # on long runs, after training


def train(
    config: TrainingConfig,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    state_file: str | os.PathLike[str] | None = None,
    start: Network | None = None,
) -> TrainingResult:
    """Train a network, as `fit` does, and judge it on long runs.

    Raises:
        FloatingPointError, ValueError: see `fit`.
    """
    return judged(config, fit(config, on_progress, should_stop, state_file, start))


def judged(config: TrainingConfig, fitted: Fit) -> TrainingResult:
    """Judge what training left on 256 runs of 2,000 steps, and write the verdict into the network's metadata."""
    found = measure_fidelity(fitted.network, config.hmm)
    named = replace(fitted.network, metadata={**fitted.network.metadata, **verdict(found)})
    return TrainingResult(**{**vars(fitted), "network": named}, fidelity=found)


def fit(
    config: TrainingConfig,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    state_file: str | os.PathLike[str] | None = None,
    start: Network | None = None,
) -> Fit:
    """Train a network from nothing, from the weights of another one, or from where a run of the same config stopped.

    `should_stop` is called before each step; True ends the training and keeps its result so far. A state file that
    exists is continued from; it is kept up to date about every 10 seconds and at the end.

    Raises:
        FloatingPointError: the loss or the weights stopped being finite.
        ValueError: the state file is of another config, or is none; or `start` has other sizes, or biases.
    """
    import torch

    torch.set_num_threads(config.threads)
    run = _Run(config, start)
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
    return Fit(run.network(), np.array(run.losses), run.loss.floor, run.loss.plateau, len(run.losses) < config.steps)


def verdict(found: Fidelity) -> dict[str, str]:
    """What a network's metadata say of its fidelity."""
    numbers = {f"fidelity_{name}": f"{getattr(found, name):.4f}" for name in FIDELITY_NUMBERS}
    return {**numbers, "fidelity_passes": str(found.passes).lower()}


class _Run:
    """The moving parts of one training: weights, optimizer, random numbers, carried state and losses so far."""

    def __init__(self, config: TrainingConfig, start: Network | None = None) -> None:
        import torch

        self.config = config
        self.started_from = {} if start is None else {"started_from": name_start(config, start)}
        self.loss = SequenceLoss(config)
        weights_seed, noise_seed, target_seed = np.random.SeedSequence(config.seed).generate_state(3)
        # torch draws initial weights from its global generator only; fork keeps the caller's untouched.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(weights_seed))
            self.rnn, self.readout = initial_modules(config)
        if start is not None:
            _take_weights(self.rnn, self.readout, start)
        self.noise = torch.Generator().manual_seed(int(noise_seed))
        self.targets = np.random.default_rng(target_seed)
        self.fixed = config.hmm.sample(config.sequences, config.length, self.targets)[0] if config.sequences else None
        self.epoch = np.empty(0, dtype=np.int64)
        self.parameters = [*self.rnn.parameters(), *self.readout.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.learning_rate, betas=(0.9, 0.9))
        self.smoothed = self.loss.plateau
        self.h = torch.zeros(1, config.batch, state_size(config))
        self.losses: list[float] = []
        self.seconds = 0.0

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
        start = self.h[:, : len(targets)]
        if config.normal_start:
            start = torch.randn(start.shape, generator=self.noise)
        h, last = run_layer(self.rnn, config, self._noise(len(targets)), start)
        logits = self.readout(h)
        if not torch.isfinite(logits).all():
            raise FloatingPointError(
                f"training diverged at step {index + 1}: the logits are not finite; lower the learning rate or clip"
            )
        divergence = self.loss.divergence(gumbel_symbols(logits, config.tau, self.noise).flatten(1), targets)
        loss = divergence
        if config.pair_weight and index >= config.pair_from * config.steps:
            loss = loss + config.pair_weight * self.loss.pair_mismatch(logits.softmax(-1))
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
        settled = self.smoothed < self.loss.floor + CARRY_BELOW * (self.loss.plateau - self.loss.floor)
        if config.carry:
            self.h = self._carried(last.detach()) if settled else torch.zeros_like(last)

    @property
    def finite(self) -> bool:
        import torch

        return all(bool(torch.isfinite(weight).all()) for weight in self.parameters)

    def progress(self) -> Progress:
        """The last step, for `on_progress`."""
        return Progress(
            step=len(self.losses),
            steps=self.config.steps,
            loss=self.losses[-1],
            floor=self.loss.floor,
            plateau=self.loss.plateau,
            seconds=self.seconds,
            losses=self.losses,
            network=self.network,
        )

    def network(self) -> Network:
        """The present weights as a `Network` whose metadata say how it was made."""
        return network_of(self.rnn, self.readout, self.config, self._provenance())

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

    def _target_batch(self) -> torch.Tensor:
        """(batch, T * O) one-hot HMM sequences; the last batch of an epoch of a fixed training set may be smaller."""
        config = self.config
        if self.fixed is None:
            return one_hot(config.hmm, config.hmm.sample(config.batch, config.length, self.targets)[0])
        if not len(self.epoch):
            self.epoch = self.targets.permutation(len(self.fixed))
        chosen, self.epoch = np.split(self.epoch, [config.batch])
        return one_hot(config.hmm, self.fixed[chosen])

    def _carried(self, last: torch.Tensor) -> torch.Tensor:
        """The states to go on from: a few at random, and any that are not finite or far outside, start at zero."""
        import torch

        size = last.norm(dim=-1, keepdim=True)
        again = torch.rand(size.shape, generator=self.noise) < self.config.reset
        outside = ~(size < CARRY_BOUND * size.nanmedian())
        return torch.where(again | outside, torch.zeros(()), last)

    def _provenance(self) -> dict[str, str]:
        """What goes into the file's header: strings to strings."""
        config = self.config
        settings = {name: value for name, value in config.to_dict().items() if name != "hmm"}
        last = {"loss": f"{self.losses[-1]:.4f}"} if self.losses else {}
        return {
            **hmm_metadata(config.hmm),
            **{name: str(value) for name, value in settings.items()},
            "steps_done": str(len(self.losses)),
            **last,
            "loss_floor": f"{self.loss.floor:.4f}",
            "loss_plateau": f"{self.loss.plateau:.4f}",
            **self.started_from,
            "departures": "; ".join(f"{k} {v}" for k, v in config.departures.items()) or "none",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "training_seconds": f"{self.seconds:.0f}",
            **{f"version_{name}": version(name) for name in ("torch", "geomloss", "numpy")},
        }


class _StateFile:
    """The file that a run is kept in, so that it can be continued; nothing is kept without a path."""

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


def name_start(config: TrainingConfig, start: Network) -> str:
    """What the metadata say of the network that a training goes on from: its training, and a digest of its weights.

    Raises:
        ValueError: it has other sizes than the config, or biases.
    """
    wanted = (config.n_neurons, config.n_inputs, config.hmm.n_outputs)
    sizes = (start.n_neurons, start.n_inputs, start.n_outputs)
    if sizes == wanted and not (start.is_plain_relu and config.cell == "relu" and config.alpha == 1):
        raise ValueError(
            f"a training goes on from a ReLU network, and as one; got {describe_cell(start)} for cell {config.cell}"
        )
    if config.rank:
        raise ValueError("a training of low rank goes on from no network, whose weights have no factors; set rank to 0")
    if sizes != wanted or start.has_bias:
        biases = " and biases" if start.has_bias else ""
        raise ValueError(
            f"the network to start from must have N, M, O = {wanted} and no biases; got {sizes}{biases}; give it the "
            f"same --neurons and --inputs"
        )
    weights = (start.W_hh, start.W_ih, start.W_out)
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(one, dtype=np.float32).tobytes() for one in weights))
    said = [f"{name} {start.metadata[name]}" for name in ("recipe", "seed", "steps_done") if name in start.metadata]
    return ", ".join([*said, f"weights {digest.hexdigest()[:16]}"])


def _take_weights(rnn: torch.nn.Module, readout: torch.nn.Linear, start: Network) -> None:
    import torch

    with torch.no_grad():
        rnn.get_parameter("weight_hh_l0").copy_(torch.tensor(start.W_hh))
        rnn.get_parameter("weight_ih_l0").copy_(torch.tensor(start.W_ih))
        readout.weight.copy_(torch.tensor(start.W_out))
