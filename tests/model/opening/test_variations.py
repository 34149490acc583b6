"""More of each kind of file: weights in parts that are turned, and what lies beside them.

The kinds themselves are in test_conventions.py.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat
from torch.nn.utils import parametrizations

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load
from tests.model.opening.opened import M, Model, N, O, assert_right, proposed, relu


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


@pytest.mark.parametrize("beside", [{"alpha": 0.2}, {"rnn.dt": 20.0, "rnn.tau": 100.0, "rnn.sigma": 0.05}])
@pytest.mark.parametrize("one", [torch.tensor, lambda value: torch.tensor([value])])
def test_numbers_that_are_tensors_beside_a_leaky_network_are_read(beside, one, tmp_path):
    state = {"i2h.weight": torch.rand(N, M), "h2h.weight": torch.rand(N, N), "out.weight": torch.rand(O, N)}
    path = kept(state | {name: one(value) for name, value in beside.items()}, tmp_path)
    network = load(path, mapping={"cell": "relu"})
    assert (network.cell, network.alpha) == ("relu", pytest.approx(0.2))
    assert f"without {next(iter(beside))}: a number beside the weights" in network.metadata["read_as"]


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
@pytest.mark.parametrize("ending", ["mat", "npz", "h5"])
def test_names_of_torch_with_other_signs_between_their_parts(kind, ending, tmp_path):
    """MATLAB allows no points in a name; HDF5 has folders."""
    model, path = Model(kind, layer="core", readout="head"), tmp_path / f"net.{ending}"
    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    if ending == "h5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name.replace(".", "/")] = array
    else:
        save_arrays = {"mat": savemat, "npz": lambda path, arrays: np.savez(path, **arrays)}[ending]
        save_arrays(path, {name.replace(".", "_"): array for name, array in arrays.items()})
    network = load(path, mapping={"cell": {torch.nn.RNN: "tanh"}.get(kind, kind.__name__.lower())})
    assert_right(network, model)
    assert "Keras" not in network.metadata["read_as"]


def test_plain_arrays_of_hdf5_say_their_cell(tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for name, shape in {"W_hh": (N, N), "W_ih": (N, M), "W_out": (O, N)}.items():
            file[name] = np.ones(shape)
        file["alpha"], file.attrs["cell"] = 0.25, "tanh"
    network = load(tmp_path / "net.h5")
    assert (network.cell, network.alpha) == ("tanh", 0.25)
    assert "W_hh = W_hh" in network.metadata["read_as"]


@pytest.mark.parametrize(("model", "sentence"), [
    (torch.nn.TransformerEncoderLayer(8, 2, 16), r"is a network with attention \(self_attn.*\), such as a Transformer"),
    (Model(torch.nn.LSTM, proj_size=3), r"is an LSTM with a projection \(rnn.weight_hr_l0\)"),
    (Model(torch.nn.LSTM, proj_size=2), r"is an LSTM with a projection \(rnn.weight_hr_l0\)"),
])  # fmt: skip
def test_more_that_cannot_be_shown_is_named(model, sentence, tmp_path):
    with pytest.raises(CheckpointError, match=sentence):
        load(kept(model.state_dict(), tmp_path))


def test_arrays_in_other_files_of_numpy_are_told_how_to_be_saved(tmp_path):
    np.save(tmp_path / "W.npy", np.eye(3))
    (tmp_path / "W.pkl").write_bytes(pickle.dumps({"W_hh": [1.0]}))
    for name in ("W.npy", "W.pkl"):
        with pytest.raises(CheckpointError, match=r"np.savez\(path, W_hh=..., W_ih=..., W_out=..., cell='tanh'\)"):
            load(tmp_path / name)


@pytest.mark.parametrize(("kind", "said"), [(torch.nn.GRU, {"alpha": 0.2}), (torch.nn.LSTM, {"leak": "total"})])
def test_a_leak_that_is_said_of_gates_is_refused_in_a_sentence(kind, said, tmp_path):
    path = kept(Model(kind).state_dict(), tmp_path)
    with pytest.raises(
        CheckpointError, match=f"the gates of {kind.__name__} stand for a leak; say no alpha and no leak"
    ):
        load(path, mapping=said)


@pytest.mark.parametrize(("turn", "advice"), [
    (lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8), r"convert it with .dequantize\(\)"),
    (lambda t: t.cfloat(), "a network of complex numbers cannot be shown"),
    (lambda t: t.int(), r"convert it with .float\(\)"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_numbers_of_other_types_are_told_what_works(turn, advice, tmp_path):
    state = relu().state_dict()
    with pytest.raises(CheckpointError, match=advice):
        load(kept(state | {"rnn.weight_hh_l0": turn(state["rnn.weight_hh_l0"])}, tmp_path))
