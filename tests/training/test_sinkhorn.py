"""Gumbel symbols, pair mismatch, floor and plateau, each against its definition written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from geomloss import SamplesLoss

from hmmrnn.model.hmm import HMM
from hmmrnn.training.config import PAIR_LAGS, SMALLEST_PAIR, TrainingConfig
from hmmrnn.training.sinkhorn import SequenceLoss, gumbel_symbols

# A normal deviate beyond this has probability 6e-6; the seed is fixed, so a test that passes keeps passing.
SIGMAS = 4.5
CONFIG = TrainingConfig.preset("linear-2", n_neurons=8, n_inputs=4, batch=16, length=6)


def test_floor_and_plateau_belong_to_the_target_and_the_batch():
    config = replace(CONFIG, batch=64, length=20)
    losses = [SequenceLoss(replace(config, seed=seed)) for seed in (0, 1)]
    assert losses[0].floor == losses[1].floor
    assert losses[0].plateau == losses[1].plateau
    assert 0 < losses[0].floor < losses[0].plateau
    # Two fresh batches of the HMM are as far apart as the floor says.
    one, other = (torch.eye(3)[config.hmm.sample(64, 20, seed)[0]].flatten(1) for seed in (11, 12))
    assert SamplesLoss("sinkhorn", p=2, blur=0.2)(one, other).item() == pytest.approx(losses[0].floor, rel=0.25)


def test_gumbel_symbols_are_hard_and_their_gradient_is_the_soft_one():
    generator = torch.Generator().manual_seed(0)
    logits = torch.linspace(-1, 1, 30).reshape(2, 5, 3).requires_grad_()
    weight = torch.linspace(0, 2, 30).reshape(2, 5, 3)
    state = generator.get_state()
    symbols = gumbel_symbols(logits, 1.0, generator)
    (gradient,) = torch.autograd.grad((weight * symbols).sum(), logits)
    generator.set_state(state)
    gumbel = -torch.log(-torch.log(torch.rand(2, 5, 3, generator=generator)))
    soft = torch.softmax(logits + gumbel, dim=-1)
    (expected,) = torch.autograd.grad((weight * soft).sum(), logits)
    torch.testing.assert_close(gradient, expected)
    assert gradient.abs().min() > 0
    hard = torch.eye(3)[soft.argmax(dim=-1)]
    torch.testing.assert_close(symbols.detach(), hard, atol=1e-6, rtol=0)


def test_gumbel_symbols_have_the_probabilities_of_the_logits():
    shares = torch.tensor([0.2, 0.05, 0.75])
    n = 20_000
    logits, generator = shares.log().expand(1, n, 3), torch.Generator().manual_seed(0)
    found = gumbel_symbols(logits, 1.0, generator).mean(dim=(0, 1))
    assert (abs(found - shares) < SIGMAS * (shares * (1 - shares) / n).sqrt()).all()


def test_pair_mismatch_is_that_of_a_plain_count():
    config = replace(CONFIG, length=12)
    p = torch.rand(3, 12, 3, generator=torch.Generator().manual_seed(0)).softmax(-1)
    expected = 0.0
    for lag in (lag for lag in PAIR_LAGS if lag < 12):
        joint = sum(np.outer(p[b, t], p[b, t + lag]) for b in range(3) for t in range(12 - lag)) / (3 * (12 - lag))
        target = config.hmm.joint(lag)
        error = ((joint - target) ** 2 / np.maximum(target, SMALLEST_PAIR)).sum()
        expected += (4 if lag == 1 else 1) * error
    assert SequenceLoss(config).pair_mismatch(p).item() == pytest.approx(expected, rel=1e-4)


def test_pair_mismatch_of_the_target_itself_is_zero():
    shares = [0.2, 0.3, 0.5]
    loss = SequenceLoss(replace(CONFIG, hmm=HMM(A=[[1.0]], B=[shares])))
    assert loss.pair_mismatch(torch.tensor(shares).expand(4, 6, 3)).item() == pytest.approx(0, abs=1e-10)
