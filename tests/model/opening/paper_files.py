"""The paper's network as torch has it, and files of it."""

from __future__ import annotations

import numpy as np
import torch

from hmmrnn.model.network import Network

N, M, O = 6, 4, 3  # noqa: E741  # the letters of the docstrings
TENSORS = ("W_hh", "W_ih", "W_out", "b_h", "b_out")


class PaperRNN(torch.nn.Module):
    """A module with the attribute names of the published code."""

    def __init__(self, bias: bool = False) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(M, N, nonlinearity="relu", bias=bias, batch_first=True)
        self.fc = torch.nn.Linear(N, O, bias=bias)


def network(bias: bool = False, **metadata: str) -> Network:
    rng = np.random.default_rng(1)
    b_h, b_out = (rng.normal(size=N), rng.normal(size=O)) if bias else (None, None)
    return Network(rng.normal(size=(N, N)), rng.normal(size=(N, M)), rng.normal(size=(O, N)), b_h, b_out, metadata)


def state(bias: bool = False) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(PaperRNN(bias).state_dict())


def equal(a: Network, b: Network) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in TENSORS)
