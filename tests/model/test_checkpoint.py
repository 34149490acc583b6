"""Tests of storage: lossless round trips, the paper's files as they are, and a sentence for every bad file."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file
from safetensors.torch import save_file as torch_save_file

from hmmrnn.model.checkpoint import CheckpointError, fingerprint, load, read_metadata, save
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import draw_noise, simulate
from tests.model.opening.paper_files import M, N, O, PaperRNN, equal, network, state


def stored(path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    """Write tensors in the format that the name asks for."""
    if path.suffix == ".safetensors":
        torch_save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


class TestRoundTrip:
    @settings(max_examples=60, deadline=None)
    @given(
        data=st.data(), sizes=st.tuples(*[st.integers(1, 7)] * 3), width=st.sampled_from([32, 64]), bias=st.booleans()
    )
    def test_nothing_is_lost(self, tmp_path_factory, data, sizes, width, bias) -> None:
        n, m, o = sizes

        def draw(*shape: int) -> np.ndarray:
            elements = st.floats(allow_nan=False, allow_infinity=False, width=width)
            return data.draw(arrays(np.float64, shape, elements=elements))

        metadata = data.draw(st.dictionaries(st.text(), st.text(), max_size=3))
        b_h, b_out = (draw(n), draw(o)) if bias else (None, None)
        before = Network(draw(n, n), draw(n, m), draw(o, n), b_h, b_out, metadata)
        path = tmp_path_factory.mktemp("round") / "net.safetensors"
        save(before, path)
        after = load(path)
        assert equal(before, after)
        assert dict(after.metadata) == metadata
        header = read_metadata(path)
        assert (header.n_neurons, header.n_inputs, header.n_outputs) == sizes
        assert dict(header.metadata) == metadata

    @pytest.mark.parametrize(("value", "dtype"), [(0.5, torch.float32), (0.1, torch.float64), (1e300, torch.float64)])
    def test_float32_only_where_it_is_exact(self, tmp_path, value, dtype) -> None:
        path = tmp_path / "net.safetensors"
        save(Network([[value]], [[0.5]], [[0.5]]), path)
        assert checkpoint_tensors(path)["rnn.weight_hh_l0"].dtype == dtype
        assert load(path).W_hh[0, 0] == value

    def test_names_are_those_of_the_paper(self, tmp_path) -> None:
        path = tmp_path / "net.safetensors"
        for bias in (False, True):
            save(network(bias), path)
            PaperRNN(bias).double().load_state_dict(checkpoint_tensors(path), strict=True)

    def test_biases_are_stored_if_only_one_is_not_zero(self, tmp_path) -> None:
        path = tmp_path / "net.safetensors"
        before = Network(np.eye(N), np.ones((N, M)), np.ones((O, N)), None, [0.0, 0.0, 2.0])
        save(before, path)
        assert equal(load(path), before)
        assert checkpoint_tensors(path)["rnn.bias_hh_l0"].count_nonzero() == 0

    def test_equal_networks_make_equal_files(self, tmp_path) -> None:
        for order in (1, -1):
            keys = [f"key{i}" for i in range(30)][::order]
            save(network(**{key: key.upper() for key in keys}), tmp_path / f"net{order}")
        assert fingerprint(tmp_path / "net1") == fingerprint(tmp_path / "net-1")
        assert list(load(tmp_path / "net1").metadata) == sorted(keys)


class TestSave:
    def test_permissions_follow_the_umask(self, tmp_path) -> None:
        path = tmp_path / "net.safetensors"
        before = os.umask(0o027)
        try:
            save(network(), path)
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o777 == 0o640

    def test_metadata_must_be_strings(self, tmp_path) -> None:
        with pytest.raises(ValueError, match=r"metadata must map strings to strings; got \{'seed': 3\}"):
            save(network(seed=3), tmp_path / "net.safetensors")  # type: ignore[arg-type]
        assert not list(tmp_path.iterdir())


class TestPaperFiles:
    @pytest.mark.parametrize("legacy", [False, True])
    @pytest.mark.parametrize("bias", [False, True])
    @pytest.mark.parametrize("wrap", [dict, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model_state_dict": s}])
    def test_torch_files_load_as_they_are(self, tmp_path, legacy, bias, wrap) -> None:
        path = tmp_path / "paper.pth"
        tensors = state(bias)
        torch.save(wrap(tensors), path, _use_new_zipfile_serialization=not legacy)
        net = load(path)
        assert np.array_equal(net.W_hh, tensors["rnn.weight_hh_l0"].double().numpy())
        assert np.array_equal(net.W_ih, tensors["rnn.weight_ih_l0"].double().numpy())
        assert np.array_equal(net.W_out, tensors["fc.weight"].double().numpy())
        assert net.has_bias == bias
        assert net.metadata["source"] == "paper.pth"
        assert "ReLU is assumed" in net.metadata["read_as"]

    @pytest.mark.parametrize("bias", [False, True])
    def test_the_loaded_network_computes_what_torch_does(self, tmp_path, bias) -> None:
        torch.manual_seed(2)
        module = PaperRNN(bias).double()
        torch.save(module.state_dict(), tmp_path / "paper.pth")
        net = load(tmp_path / "paper.pth")
        noise = draw_noise(M, steps=30, trajectories=2, sigma=1.0, seed=0)
        with torch.no_grad():
            h, _ = module.rnn(torch.from_numpy(noise))
            logits = module.fc(h)
        ours = simulate(net, steps=30, trajectories=2)
        np.testing.assert_allclose(ours.h, h.numpy(), atol=1e-12)
        np.testing.assert_allclose(ours.logits, logits.numpy(), atol=1e-12)

    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    def test_every_float_format(self, tmp_path, suffix, dtype) -> None:
        tensors = {name: tensor.to(dtype) for name, tensor in state(bias=True).items()}
        net = load(stored(tmp_path / f"net{suffix}", tensors))
        assert np.array_equal(net.W_hh, tensors["rnn.weight_hh_l0"].double().numpy())
        expected = tensors["rnn.bias_ih_l0"].double() + tensors["rnn.bias_hh_l0"].double()
        assert np.array_equal(net.b_h, expected.numpy())

    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    @pytest.mark.parametrize("prefix", ["module.", "model.net."])
    def test_a_common_prefix_is_taken_off(self, tmp_path, suffix, prefix) -> None:
        tensors = {f"{prefix}{name}": tensor for name, tensor in state(bias=True).items()}
        plain = load(stored(tmp_path / "plain.pth", state(bias=True)))
        assert equal(load(stored(tmp_path / f"net{suffix}", tensors)), plain)

    @pytest.mark.parametrize("drop", [["fc.bias"], ["rnn.bias_ih_l0", "rnn.bias_hh_l0"]])
    def test_readout_and_recurrent_bias_are_independent(self, tmp_path, drop) -> None:
        tensors = {name: tensor for name, tensor in state(bias=True).items() if name not in drop}
        net = load(stored(tmp_path / "net.pth", tensors))
        assert net.b_out.any() == ("fc.bias" not in drop)
        assert net.b_h.any() == ("rnn.bias_ih_l0" not in drop)

    def test_content_decides_and_not_the_name(self, tmp_path) -> None:
        torch.save(state(), tmp_path / "torch.safetensors")
        save(network(), tmp_path / "safe.pth")
        assert load(tmp_path / "torch.safetensors").metadata["source"] == "torch.safetensors"
        assert equal(load(tmp_path / "safe.pth"), network())

    def test_a_header_that_begins_like_a_pickle(self, tmp_path) -> None:
        path = tmp_path / "net.bin"
        save(network(note=""), path)
        length = int.from_bytes(path.read_bytes()[:8], "little")
        save(network(note="x" * (640 - length)), path)
        assert path.read_bytes()[:2] == b"\x80\x02"
        assert equal(load(path), network())


def test_fingerprint_is_of_the_content(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    # The published test vector of SHA-256 for "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint(tmp_path / "a") == fingerprint(b"abc") == expected


def test_reading_safetensors_does_not_import_torch(tmp_path) -> None:
    save(network(), tmp_path / "net.safetensors")
    code = (
        "import sys; from hmmrnn.model.checkpoint import load, read_metadata;"
        "load(sys.argv[1]); read_metadata(sys.argv[1]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "net.safetensors"], check=False).returncode == 0


SUFFIXES = [".pth", ".safetensors"]


@pytest.mark.parametrize("suffix", SUFFIXES)
class TestNotSuchANetwork:
    @pytest.mark.parametrize("name", ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "fc.weight"])
    def test_missing_tensor(self, tmp_path, suffix, name) -> None:
        tensors = state()
        del tensors[name]
        path = stored(tmp_path / f"net{suffix}", tensors)
        with pytest.raises(CheckpointError, match=rf"has no tensor {re.escape(name)}; expected .*; save") as caught:
            load(path)
        assert all(other in str(caught.value).split("found ")[1] for other in tensors)

    @pytest.mark.parametrize("extra", ["rnn.weight_hh_l1", "decoder.weight"])
    @pytest.mark.parametrize("prefix", ["", "module."])
    def test_extra_tensor(self, tmp_path, suffix, extra, prefix) -> None:
        tensors = {f"{prefix}{name}": tensor for name, tensor in state().items()} | {extra: torch.ones(2)}
        with pytest.raises(CheckpointError, match=rf"has a tensor {re.escape(extra)} that such a network does not"):
            load(stored(tmp_path / f"net{suffix}", tensors))

    @pytest.mark.parametrize(("name", "shape", "expected"), [
        ("rnn.weight_ih_l0", (N + 1, M), f"({N}, M)"),
        ("rnn.weight_hh_l0", (N, N + 1), "two equal sizes (N, N), or (3 N, N) of a GRU or (4 N, N) of an LSTM"),
        ("rnn.weight_hh_l0", (2 * N, N), "two equal sizes (N, N), or (3 N, N) of a GRU or (4 N, N) of an LSTM"),
        ("rnn.weight_hh_l0", (0, 0), "two equal sizes (N, N)"), ("fc.weight", (O, N + 2), f"(O, {N})"),
        ("rnn.bias_ih_l0", (N - 1,), f"({N},)"), ("rnn.bias_hh_l0", (N + 3,), f"({N},)"),
        ("fc.bias", (O + 1,), f"({O},)"), ("rnn.weight_ih_l0", (N, 0), f"({N}, M)"),
    ])  # fmt: skip
    def test_wrong_shape(self, tmp_path, suffix, name, shape, expected) -> None:
        path = stored(tmp_path / f"net{suffix}", state(bias=True) | {name: torch.zeros(shape)})
        sentence = f"net{suffix}: {name} has shape {shape}; expected {expected}"
        with pytest.raises(CheckpointError, match=re.escape(sentence)):
            load(path)

    @pytest.mark.parametrize("name", ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "fc.weight", "fc.bias"])
    @pytest.mark.parametrize("shape", [(), (N, N, N)])
    def test_wrong_number_of_dimensions(self, tmp_path, suffix, name, shape) -> None:
        path = stored(tmp_path / f"net{suffix}", state(bias=True) | {name: torch.zeros(shape)})
        with pytest.raises(CheckpointError, match=re.escape(f"{name} has shape {shape}; expected")):
            load(path)

    @pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
    def test_numbers_that_are_not_floats(self, tmp_path, suffix, dtype) -> None:
        if suffix == ".safetensors" and dtype == torch.complex64:
            save_file({name: t.numpy().astype(np.complex64) for name, t in state().items()}, tmp_path / f"net{suffix}")
        else:
            stored(tmp_path / f"net{suffix}", {name: tensor.to(dtype) for name, tensor in state().items()})
        with pytest.raises(
            CheckpointError, match=r"has numbers of type .*; expected float16, .*(\.float\(\)|complex numbers cannot)"
        ):
            load(tmp_path / f"net{suffix}")

    @pytest.mark.parametrize(("present", "absent"), [("ih", "hh"), ("hh", "ih")])
    def test_half_of_the_recurrent_bias(self, tmp_path, suffix, present, absent) -> None:
        path = stored(tmp_path / f"net{suffix}", state() | {f"rnn.bias_{present}_l0": torch.ones(N)})
        with pytest.raises(CheckpointError, match=f"has rnn.bias_{present}_l0 but no rnn.bias_{absent}_l0"):
            load(path)

    def test_not_finite(self, tmp_path, suffix) -> None:
        tensors = state(bias=True)
        tensors["fc.weight"][0, :2] = torch.nan
        tensors["fc.weight"][1, 0] = -torch.inf
        sentence = f"fc.weight holds 2 NaN and 1 infinite values of {O * N}"
        with pytest.raises(CheckpointError, match=sentence):
            load(stored(tmp_path / f"net{suffix}", tensors))

    def test_too_many_neurons(self, tmp_path, suffix) -> None:
        n = 2049
        tensors = {
            "rnn.weight_hh_l0": torch.zeros(n, n, dtype=torch.float16),
            "rnn.weight_ih_l0": torch.zeros(n, 1, dtype=torch.float16),
            "fc.weight": torch.zeros(1, n, dtype=torch.float16),
        }
        path = stored(tmp_path / f"net{suffix}", tensors)
        with pytest.raises(CheckpointError, match="has 2,049 neurons; expected at most 2,048"):
            load(path)
        if suffix == ".safetensors":
            with pytest.raises(CheckpointError, match="has 2,049 neurons; expected at most 2,048"):
                read_metadata(path)


class TestTorchOnly:
    @pytest.mark.parametrize(("content", "sentence"), [
        ([1, 2], "holds a list; expected a dict of named tensors"),
        (torch.ones(3), "holds a Tensor; expected a dict of named tensors"),
        ({"epoch": 3}, r"has no tensors; expected W_hh \(N, N\)"),
    ], ids=["list", "tensor", "dict without tensors"])  # fmt: skip
    def test_not_a_dict_of_tensors(self, tmp_path, content, sentence) -> None:
        torch.save(content, tmp_path / "net.pth")
        with pytest.raises(CheckpointError, match=sentence):
            load(tmp_path / "net.pth")

    @pytest.mark.parametrize(("name", "shape", "words"), [
        ("rnn.weight_ih_l0", (N, 10**9), "has 1,000,000,000 inputs; expected at most 8,192; use a smaller network"),
        ("rnn.weight_ih_l0", (N, 8193), "has 8,193 inputs; expected at most 8,192; use a smaller network"),
        ("fc.weight", (101, N), "has 101 outputs; expected at most 100; use a smaller network"),
    ])  # fmt: skip
    def test_a_tensor_larger_than_its_file(self, tmp_path, name, shape, words) -> None:
        torch.save(state() | {name: torch.zeros(1).expand(shape)}, tmp_path / "net.pth")
        with pytest.raises(CheckpointError, match=words):
            load(tmp_path / "net.pth")

    def test_inputs_and_neurons_that_are_many_together(self, tmp_path) -> None:
        n = 1024
        shapes = {"rnn.weight_hh_l0": (n, n), "rnn.weight_ih_l0": (n, 4097), "fc.weight": (2, n)}
        torch.save({name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}, tmp_path / "net.pth")
        with pytest.raises(CheckpointError, match="has 4,195,328 input weights; expected at most 4,194,304"):
            load(tmp_path / "net.pth")

    def test_many_inputs_of_few_neurons_are_taken(self, tmp_path) -> None:
        torch.save(state() | {"rnn.weight_ih_l0": torch.zeros(1).expand(N, 5000)}, tmp_path / "net.pth")
        assert load(tmp_path / "net.pth").n_inputs == 5000

    def test_a_tensor_without_values(self, tmp_path) -> None:
        torch.save(state() | {"rnn.weight_hh_l0": torch.empty(N, N, device="meta")}, tmp_path / "net.pth")
        with pytest.raises(CheckpointError, match=r"rnn.weight_hh_l0 has numbers of type .*on meta"):
            load(tmp_path / "net.pth")


def checkpoint_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file as torch sees them, by a reader that is not ours."""
    from safetensors.torch import load_file

    return load_file(path)


def test_read_metadata_reads_no_weights(tmp_path) -> None:
    """A header alone is enough where its sizes are honoured by a sparse file of the right length."""
    path = tmp_path / "net.safetensors"
    sizes = {"rnn.weight_hh_l0": (2048, 2048), "rnn.weight_ih_l0": (2048, 2048), "fc.weight": (3, 2048)}
    header, end = {}, 0
    for name, shape in sizes.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end := end + 4 * shape[0] * shape[1]]}
    text = json.dumps({"__metadata__": {"family": "cyclic"}, **header}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    code = (
        "import resource, sys; from hmmrnn.model.checkpoint import read_metadata;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; h = read_metadata(sys.argv[1]);"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(h.n_neurons, h.n_inputs, h.n_outputs, h.metadata['family'], after - before < 20_000)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2048", "2048", "3", "cyclic", "True"]
