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

from hmmrnn.model.checkpoint import MappingNeededError, load
from tests.model.opened import M, Model, N, O, assert_right, proposed, relu


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


@pytest.mark.parametrize(
    "beside", [{"args": {"dt": 20, "tau": 100}}, {"alpha": 0.2}, {"config": {"model": {"alpha": 0.2}}}]
)
def test_an_alpha_beside_a_layer_of_torch_is_asked_for_and_never_taken(beside, tmp_path):
    """It may be a learning rate, a penalty or the step of a task."""
    model = Model()
    path = kept({"state_dict": model.state_dict(), "nonlinearity": "tanh", **beside}, tmp_path)
    with pytest.raises(
        MappingNeededError, match=r"alpha = 0.2 is said beside it, and a layer of torch has no leak"
    ) as no:
        load(path)
    assert_right(load(path, mapping=proposed(no.value)), model)
    assert load(path, mapping={"alpha": 0.2}).alpha == 0.2
    gated = Model(torch.nn.GRU)
    network = load(kept({"state_dict": gated.state_dict(), **beside}, tmp_path))
    assert_right(network, gated)
    assert "alpha = 0.2 is said beside it, which a GRU does not have" in network.metadata["read_as"]


@pytest.mark.parametrize(
    "said", [{"nonlinearity": "softplus"}, {"config": {"activation": "nn.Sigmoid"}}, {"act": "gelu"}]
)
def test_an_activation_that_no_cell_has_is_not_taken_as_relu(said, tmp_path):
    path = kept({"model": Model().state_dict(), **said}, tmp_path)
    with pytest.raises(MappingNeededError, match=r"it says \w+ = '[\w.]+', which is none of relu, tanh"):
        load(path)
    assert load(path, mapping={"cell": "tanh"}).cell == "tanh"
    assert load(kept({"model": Model().state_dict(), "act": "nn.Tanh()"}, tmp_path)).cell == "tanh"


def test_a_mapping_of_the_readout_alone_answers_what_is_asked_of_it(tmp_path):
    heads = Model(readout="policy").state_dict() | {"value.weight": torch.ones(O, N), "value.bias": torch.ones(O)}
    network = load(kept(heads, tmp_path), mapping={"W_out": "value.weight", "cell": "tanh"})
    np.testing.assert_array_equal(network.b_out, np.ones(O))
    assert "without policy.weight: another readout" in network.metadata["read_as"]
    seeing = Model().state_dict() | {"fc.weight": torch.rand(O, M + N)}
    mapping = {"W_out": f"fc.weight[:, {M}:]", "W_skip": f"fc.weight[:, :{M}]", "cell": "tanh"}
    network = load(kept(seeing, tmp_path), mapping=mapping)
    np.testing.assert_array_equal(np.hstack([network.W_skip, network.W_out]), seeing["fc.weight"].double().numpy())
