"""More of each kind of file: weights in parts that are turned, and what lies beside them.

The kinds themselves are in test_opening.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations

from hmmrnn.model.checkpoint import load
from tests.model.opened import M, N, O, relu


def kept(content: Any, folder: Path) -> Path:
    torch.save(content, folder / "net.pth")
    return folder / "net.pth"


def pruned(name: str, tensor: torch.Tensor) -> tuple[dict[str, torch.Tensor], np.ndarray]:
    """A tensor in the two parts that torch's pruning makes of it, and what they make."""
    mask = (torch.rand(tensor.shape) > 0.4).to(tensor.dtype)
    return {f"{name}_orig": tensor, f"{name}_mask": mask}, (tensor * mask).double().numpy()


@pytest.mark.parametrize("dim", [0, 1, None, -1])
def test_weights_normalised_along_any_dimension(dim, tmp_path):
    model = relu()
    parametrizations.weight_norm(model.rnn, "weight_hh_l0", dim=dim)
    model.rnn.parametrizations.weight_hh_l0.original0.data *= 1.5
    right = model.rnn.weight_hh_l0.detach().numpy()
    np.testing.assert_allclose(load(kept(model.state_dict(), tmp_path)).W_hh, right, atol=1e-6)


def test_pruned_weights_that_are_from_to_are_turned_as_a_whole(tmp_path):
    torch.manual_seed(0)
    parts, right = pruned("w_rec", torch.rand(N, N))
    others = {"w_in": torch.rand(M, N), "w_out": torch.rand(N, O)}
    network = load(kept(parts | others, tmp_path), mapping={"cell": "tanh"})
    np.testing.assert_allclose(network.W_hh, right.T, atol=1e-12)


@pytest.mark.parametrize("name", ["wrec", "wi", "wo", "m"])
def test_pruned_weights_of_leaky_scripts(name, tmp_path):
    torch.manual_seed(0)
    low = {"m": torch.rand(N, 2), "n": torch.rand(N, 2)}
    whole = {"wi": torch.rand(M, N), "wo": torch.rand(N, O), **(low if name == "m" else {"wrec": torch.rand(N, N)})}
    parts, right = pruned(name, whole.pop(name))
    network = load(kept(whole | parts, tmp_path), mapping={"cell": "tanh", "alpha": 0.1})
    if name == "m":
        right = right @ low["n"].double().numpy().T / N
    found = {"wi": network.W_ih.T, "wo": network.W_out.T}.get(name, network.W_hh)
    np.testing.assert_allclose(found, right, atol=1e-12)
