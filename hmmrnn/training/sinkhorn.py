"""The loss of training: the Sinkhorn divergence between sampled sequences of the network and of the HMM.

    S(a, b) = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2        OT: entropic transport cost, |x - y|^2 / 2, blur 0.2
    symbol  = argmax_o (logits_o + g_o) in the forward pass,  softmax((logits + g) / tau) in the gradient,  g ~ Gumbel

A sequence of T symbols is a point of T * O coordinates, one-hot at each step. The recipe `fast` adds the error of
the joint probabilities of two symbols `lag` steps apart, against the exact ones of the HMM.

Source: Torre et al. (2025), section 2 and appendix A; Feydy et al. (2019) and its library geomloss (debiased Sinkhorn
divergence); Jang et al. (2017) (straight-through Gumbel softmax). The term for pairs is this project's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hmmrnn.model.hmm import HMM
from hmmrnn.training.config import PAIR_LAGS, SMALLEST_PAIR, TrainingConfig

if TYPE_CHECKING:
    import torch

LANDMARK_BATCHES = 3


class SequenceLoss:
    """The loss of one training, and two values to compare it with.

    Attributes:
        divergence: S of two batches (B, T * O) of one-hot sequences.
        lags: the lags whose pairs of symbols are compared, in steps.
        floor: S between two independent batches of the HMM: what a perfect network reaches.
        plateau: S between a batch of the HMM and one of independent symbols with the same shares.
    """

    def __init__(self, config: TrainingConfig) -> None:
        import torch
        from geomloss import SamplesLoss

        self.divergence = SamplesLoss("sinkhorn", p=2, blur=config.blur, backend="tensorized")
        self.lags = tuple(lag for lag in PAIR_LAGS if lag < config.length)
        self._pair_targets = torch.tensor(np.array([config.hmm.joint(k) for k in self.lags]), dtype=torch.float32)
        self.floor, self.plateau = self._landmarks(config)

    def pair_mismatch(self, p: torch.Tensor) -> torch.Tensor:
        """Squared error, relative to the HMM's, of the joint probabilities of (B, T, O); lag 1 counts four times."""
        import torch

        total = torch.zeros(())
        for lag, target in zip(self.lags, self._pair_targets, strict=True):
            joint = torch.einsum("bti,btj->ij", p[:, :-lag], p[:, lag:]) / (p.shape[0] * (p.shape[1] - lag))
            weight = 4.0 if lag == 1 else 1.0
            total = total + weight * ((joint - target).square() / target.clamp_min(SMALLEST_PAIR)).sum()
        return total

    def _landmarks(self, config: TrainingConfig) -> tuple[float, float]:
        """Floor and plateau, each the mean over a few batches."""
        rng = np.random.default_rng(0)
        shares = HMM(np.ones((1, 1)), config.hmm.marginal[None])
        floors, plateaus = [], []
        for _ in range(LANDMARK_BATCHES):
            target, other, independent = (
                one_hot(config.hmm, hmm.sample(config.batch, config.length, rng)[0])
                for hmm in (config.hmm, config.hmm, shares)
            )
            floors.append(self.divergence(other, target).item())
            plateaus.append(self.divergence(independent, target).item())
        return float(np.mean(floors)), float(np.mean(plateaus))


def gumbel_symbols(logits: torch.Tensor, tau: float, generator: torch.Generator) -> torch.Tensor:
    """Sample one-hot symbols (B, T, O) whose gradient is that of the soft sample (straight-through)."""
    import torch

    uniform = torch.rand(logits.shape, generator=generator).clamp_min(torch.finfo(torch.float32).tiny)
    soft = ((logits - (-uniform.log()).log()) / tau).softmax(-1)
    hard = torch.nn.functional.one_hot(soft.argmax(-1), logits.shape[-1]).float()
    return hard - soft.detach() + soft


def one_hot(hmm: HMM, symbols: NDArray[np.int64]) -> torch.Tensor:
    """Symbols (B, T) of an HMM as points (B, T * O)."""
    import torch

    return torch.nn.functional.one_hot(torch.from_numpy(symbols), hmm.n_outputs).float().flatten(1)
