"""A small network as torch makes it, and what a file of it must open as."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import torch

from hmmrnn.model.checkpoint import MappingNeededError
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import run

N, M, O = 6, 2, 3  # noqa: E741  # the letters of the docstrings
X = np.random.default_rng(1).standard_normal((2, 30, M))


class Model(torch.nn.Module):
    """A recurrent layer and a readout under any names."""

    def __init__(self, kind: type[torch.nn.Module] = torch.nn.RNN, layer: str = "rnn", readout: str = "fc", **more):
        super().__init__()
        self.layer, self.readout = layer, readout
        torch.manual_seed(0)
        setattr(self, layer, kind(M, N, batch_first=True, **more))
        setattr(self, readout, torch.nn.Linear(N, O))

    def right(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The h and logits that are right."""
        with torch.no_grad():
            h, _ = getattr(self, self.layer).double()(torch.from_numpy(x))
            return h.numpy(), getattr(self, self.readout).double()(h).numpy()


def relu(**names: str) -> Model:
    return Model(nonlinearity="relu", **names)


def assert_right(network: Network, model: Model) -> None:
    h, logits = model.right(X)
    found = run(network, X)
    np.testing.assert_allclose(found.h, h, atol=1e-6)
    np.testing.assert_allclose(found.logits, logits, atol=1e-6)


def proposed(error: MappingNeededError) -> dict[str, Any]:
    """The mapping as it stands in the sentence."""
    return ast.literal_eval(re.search(r"mapping=(\{.*?\})\)", str(error))[1])
