"""Gates in tensors of their own: the weights of torch's layers under the names of JAX, TensorFlow 1 and own scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load
from tests.model.opening.opened import M, Model, N, O, assert_right, proposed

GATES = {torch.nn.RNN: ("",), torch.nn.GRU: "rzn", torch.nn.LSTM: "ifgo"}
KINDS = list(GATES)


def parts(model: Model) -> dict[str, list[np.ndarray]]:
    """W_hh, W_ih, b_hh and b_ih of each gate, (to, from)."""
    blocks = len(GATES[type(model.rnn)])
    names = {"hh": "weight_hh_l0", "ih": "weight_ih_l0", "bhh": "bias_hh_l0", "bih": "bias_ih_l0"}
    return {key: np.split(getattr(model.rnn, name).detach().numpy(), blocks) for key, name in names.items()}


def flax(model: Model, sign: str) -> dict[str, np.ndarray]:
    """As flax.linen names them: biases enter a GRU, but for that of hn, and lie on the recurrent side of an LSTM."""
    of, found = parts(model), {}
    for k, gate in enumerate(GATES[type(model.rnn)]):
        found[f"Cell_0{sign}h{gate}{sign}kernel"] = of["hh"][k].T
        found[f"Cell_0{sign}i{gate}{sign}kernel"] = of["ih"][k].T
        both = of["bih"][k] + of["bhh"][k]
        if isinstance(model.rnn, torch.nn.LSTM):
            found[f"Cell_0{sign}h{gate}{sign}bias"] = both
        else:
            found[f"Cell_0{sign}i{gate}{sign}bias"] = of["bih"][k] if gate == "n" else both
            found |= {f"Cell_0{sign}hn{sign}bias": of["bhh"][k]} if gate == "n" else {}
    out = {"kernel": model.fc.weight.detach().numpy().T, "bias": model.fc.bias.detach().numpy()}
    found |= {f"Dense_0{sign}{name}": item for name, item in out.items()}
    return {f"params{sign}{name}": item for name, item in found.items()}


def opened(arrays: dict[str, Any], folder: Path, **known: Any):
    np.savez(folder / "net.npz", **arrays)
    try:
        return load(folder / "net.npz")
    except MappingNeededError as error:
        return load(folder / "net.npz", mapping={**proposed(error), **known})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", ["/", "."])
def test_cells_of_flax(kind, sign, tmp_path):
    model = Model(kind)
    network = opened(flax(model, sign), tmp_path)
    assert_right(network, model)
    assert "kernels turned" in opened(flax(Model(torch.nn.GRU), sign), tmp_path).metadata["read_as"]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_cells_of_equinox(kind, tmp_path):
    model = Model(kind)
    of = {key: np.concatenate(item) for key, item in parts(model).items()}
    bias = of["bih"] + of["bhh"]
    if kind is torch.nn.GRU:
        bias[2 * N :] = of["bih"][2 * N :]
    arrays = {"cell.weight_ih": of["ih"], "cell.weight_hh": of["hh"], "cell.bias": bias}
    arrays |= {"cell.bias_n": of["bhh"][2 * N :]} if kind is torch.nn.GRU else {}
    out = {"out.weight": model.fc.weight.detach().numpy(), "out.bias": model.fc.bias.detach().numpy()}
    assert_right(opened(arrays | out, tmp_path), model)


@pytest.mark.parametrize(
    "names", ["lstm/linear/w lstm/linear/b linear/w linear/b", "cell/kernel cell/bias out/kernel out/bias"]
)
def test_one_kernel_of_input_and_state_of_an_lstm(names, tmp_path):
    """In the order i, g, f, o, with 1 added to the forget gate by the program."""
    model = Model(torch.nn.LSTM)
    of = parts(model)
    order = (0, 2, 1, 3)
    kernel = np.concatenate([np.hstack([of["ih"][k], of["hh"][k]]) for k in order]).T
    bias = np.concatenate([of["bih"][k] + of["bhh"][k] - (k == 1) for k in order])
    out = (model.fc.weight.detach().numpy().T, model.fc.bias.detach().numpy())
    assert_right(opened(dict(zip(names.split(), (kernel, bias, *out), strict=True)), tmp_path), model)


@pytest.mark.parametrize("name", ["i2h", "rnn_cell", "input_to_hidden"])
def test_one_layer_on_input_and_state_of_a_neuron(name, tmp_path):
    model = Model()
    of = {key: item[0] for key, item in parts(model).items()}
    whole = {f"{name}.weight": np.hstack([of["ih"], of["hh"]]), f"{name}.bias": of["bih"] + of["bhh"]}
    out = {"h2o.weight": model.fc.weight.detach().numpy(), "h2o.bias": model.fc.bias.detach().numpy()}
    assert_right(opened(whole | out, tmp_path), model)


@pytest.mark.parametrize(("kind", "names"), [
    (torch.nn.GRU, ("U_{}", "W_{}", "b_{}", "rzh")), (torch.nn.GRU, ("Wh{}", "Wx{}", "b{}", "rzn")),
    (torch.nn.LSTM, ("U_{}", "W_{}", "b_{}", "ifco")),
    (torch.nn.LSTM, ("h2{}.weight", "x2{}.weight", "x2{}.bias", "ifgo")),
])  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_gates_of_own_scripts(kind, names, turned, tmp_path):
    model = Model(kind)
    model.rnn.bias_hh_l0.data[:] = 0
    of, (back, entering, bias, letters) = parts(model), names
    at = np.transpose if turned else np.asarray
    arrays = {"W_out": at(model.fc.weight.detach().numpy()), "b_out": model.fc.bias.detach().numpy()}
    for k, letter in enumerate(letters):
        arrays[back.format(letter)], arrays[entering.format(letter)] = at(of["hh"][k]), at(of["ih"][k])
        arrays[bias.format(letter)] = of["bih"][k]
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(MappingNeededError, match=r"its gates .* are taken to be") as caught:
        load(tmp_path / "net.npz")
    assert_right(load(tmp_path / "net.npz", mapping=proposed(caught.value)), model)


def test_a_gru_that_resets_before_is_named(tmp_path):
    arrays = {"gru/w_i": np.ones((M, 3 * N)), "gru/w_h": np.ones((N, 3 * N)), "gru/b": np.ones(3 * N)}
    np.savez(tmp_path / "net.npz", **arrays, **{"linear/w": np.ones((N, O))})
    with pytest.raises(CheckpointError, match=r"is a GRU of Haiku .*, whose reset gate acts before"):
        load(tmp_path / "net.npz")
