"""Weights that several tensors make: factors of low rank under any names, masks, and signs of Dale's law.

Each is compared with a loop in NumPy over the weights that its script would use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load
from hmmrnn.model.simulation import run
from tests.model.opening.opened import M, N, O, X, proposed

RNG = np.random.default_rng(0)
W, U, R = RNG.standard_normal((N, N)) / 2, RNG.standard_normal((N, M)), RNG.standard_normal((O, N))
LEFT, RIGHT, B, C = (RNG.standard_normal(shape) for shape in ((N, 2), (N, 2), N, O))
SIGNS = np.array([1.0, 1, 1, 1, -1, -1])
HOLES = (RNG.random((N, N)) > 0.4) * 1.0
KNOWN = {"cell": "tanh", "alpha": 0.2, "leak": "current"}


def logits(W_hh, W_ih=U, W_out=R, b=0.0, c=0.0, cell=np.tanh, current=False):
    """What a loop in NumPy reads out: without a leak, or with alpha = 0.2 on the current."""
    h, found = np.zeros((len(X), N)), []
    for t in range(X.shape[1]):
        if current:
            h = 0.8 * h + 0.2 * (cell(h) @ W_hh.T + X[:, t] @ W_ih.T + b)
        else:
            h = cell(h @ W_hh.T + X[:, t] @ W_ih.T + b)
        found.append((cell(h) if current else h) @ W_out.T + c)
    return np.stack(found, axis=1)


def asked(tensors: dict[str, Any], folder: Path, **known: Any):
    """The network by the mapping that is proposed, with what its owner knows; and what was asked."""
    path = folder / "net.pth"
    torch.save({name: torch.as_tensor(np.asarray(item)) for name, item in tensors.items()}, path)
    with pytest.raises(MappingNeededError) as caught:
        load(path)
    assert set(caught.value.shapes) == set(tensors)
    return load(path, mapping={**proposed(caught.value), **known}), caught.value.asked


def assert_reads(network, right):
    np.testing.assert_allclose(run(network, X).logits, right, atol=1e-9)


@pytest.mark.parametrize("names", [
    {"U": LEFT, "V": RIGHT}, {"M": LEFT, "N": RIGHT}, {"left": LEFT, "right": RIGHT.T},
    {"W_rec.U": LEFT, "W_rec.V": RIGHT},
    {"rnn.m": LEFT, "rnn.n": RIGHT}, {"wrec_l": LEFT, "wrec_r": RIGHT}, {"J1": LEFT, "J2": RIGHT.T},
    {"rnn.p.weight": LEFT, "rnn.q.weight": RIGHT.T},
])  # fmt: skip
def test_two_factors_under_any_names_are_one_matrix(names, tmp_path):
    network, question = asked({**names, "w_in": U, "w_out": R, "b_rec": B}, tmp_path, cell="tanh")
    assert "its W_hh is of rank 2, the product of" in question
    assert_reads(network, logits(LEFT @ RIGHT.T, b=B))


def test_factors_of_a_script_that_multiplies_from_the_left_are_turned(tmp_path):
    network, _ = asked({"U": LEFT, "V": RIGHT, "W_in": U.T, "W_out": R.T}, tmp_path, cell="tanh")
    assert_reads(network, logits((LEFT @ RIGHT.T).T))
    network, _ = asked({"M": LEFT, "N": RIGHT, "W_in": U.T, "W_out": R.T}, tmp_path, cell="tanh")
    assert_reads(network, logits(LEFT @ RIGHT.T))


def test_factors_with_singular_values_of_rank_one_and_beside_a_whole_matrix(tmp_path):
    ends = {"W_in": U, "W_out": R}
    network, _ = asked({"U": LEFT, "S": [2.0, 3.0], "V": RIGHT, **ends}, tmp_path, cell="tanh")
    assert_reads(network, logits(LEFT * [2, 3] @ RIGHT.T))
    network, _ = asked({"u": LEFT[:, 0], "v": RIGHT[:, 0], **ends}, tmp_path, cell="tanh")
    assert_reads(network, logits(np.outer(LEFT[:, 0], RIGHT[:, 0])))
    network, question = asked({"W": W, "U": LEFT, "V": RIGHT, **ends}, tmp_path, cell="tanh")
    assert "its W_hh may be W and the product of rank 2 of U and V together" in question
    assert_reads(network, logits(W + LEFT @ RIGHT.T))


@pytest.mark.parametrize("prefix", ["", "rnn."])
@pytest.mark.parametrize("low", [True, False])
def test_published_leaky_scripts_with_scales_of_inputs_and_outputs(prefix, low, tmp_path):
    si, so = RNG.standard_normal(M), RNG.standard_normal(O)
    weights = {"m": LEFT, "n": RIGHT} if low else {"wrec": W}
    whole = {"wi": U.T, "wo": R.T, "si": si, "so": so, "h0": np.zeros(N), **weights}
    network, question = asked({f"{prefix}{name}": item for name, item in whole.items()}, tmp_path, **KNOWN)
    by = N if low else 1
    assert_reads(network, logits((LEFT @ RIGHT.T if low else W) / by, U * si, R * so[:, None] / by, current=True))
    assert ("if yours are not over N, say W_hh=" in question) == low


@pytest.mark.parametrize("names", [
    ("W_rec", "W_in", "W_out", "mask"), ("h2h.weight", "i2h.weight", "fc.weight", "h2h.mask"),
    ("Wrec", "Win", "Wout", "rec_connectivity"), ("rnn.weight_hh", "rnn.weight_ih", "fc.weight", "rnn.sparsity_mask"),
])  # fmt: skip
def test_a_mask_of_connections_is_folded_in(names, tmp_path):
    torch.save(dict(zip(names, map(torch.as_tensor, (W, U, R, HOLES)), strict=True)), tmp_path / "net.pth")
    network = load(tmp_path / "net.pth", mapping={"cell": "tanh", "alpha": 1, "leak": "rate"})
    assert_reads(network, logits(W * HOLES))
    assert f"{names[0]} * {names[3]}" in network.metadata["read_as"]


def test_masks_of_inputs_and_of_matrices_that_are_from_to(tmp_path):
    shown = (RNG.random((N, M)) > 0.5) * 1.0
    tensors = {"w_rec": W.T, "w_in": U.T, "w_out": R.T, "mask_in": shown.T, "mask_rec": HOLES.T}
    network, _ = asked(tensors, tmp_path, cell="tanh")
    assert_reads(network, logits(W * HOLES, U * shown))


@pytest.mark.parametrize(("name", "signs"), [
    ("ei_sign", SIGNS), ("D", np.diag(SIGNS)), ("Dale_rec", np.diag(SIGNS)), ("sign_mask", np.ones((N, 1)) * SIGNS),
])  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_signs_of_dales_law_are_asked_about(name, signs, turned, tmp_path):
    at = np.transpose if turned else np.asarray
    signs = at(signs) if signs.ndim == 2 else signs
    network, question = asked({"W_rec": at(W), "W_in": at(U), "W_out": at(R), name: signs}, tmp_path, cell="tanh")
    assert f"by {name} its neurons excite or inhibit" in question
    assert_reads(network, logits(np.abs(W) * SIGNS))


def test_excitatory_and_inhibitory_networks_of_torch(tmp_path):
    """|W| * mask with a diagonal of zeros; relu on the current."""
    mask = np.ones((N, 1)) * SIGNS * (1 - np.eye(N))
    state = {"rnn.input2h.weight": U, "rnn.input2h.bias": B, "rnn.h2h.weight": W, "rnn.h2h.bias": B, "fc.bias": C}
    right = {"b": 2 * B, "c": C, "cell": lambda x: np.maximum(x, 0), "current": True}
    known = {"cell": "relu", "alpha": 0.2, "leak": "current"}
    network, _ = asked({**state, "rnn.h2h.mask": mask, "fc.weight": R}, tmp_path, **known)
    assert_reads(network, logits(np.abs(W) * mask, **right))
    network, question = asked({**state, "fc.weight": R[:, :4]}, tmp_path, **known)
    assert "its readout fc.weight reads 4 of 6 neurons" in question
    assert_reads(network, logits(np.abs(W) * mask, W_out=R[:, :4] @ np.eye(4, N), **right))


@pytest.mark.parametrize("dale", [True, False])
def test_networks_of_psychrnn(dale, tmp_path):
    signs = SIGNS if dale else np.ones(N)
    out = np.maximum(signs, 0)
    whole = {"rec_connectivity": HOLES, "input_connectivity": np.ones((N, M)), "output_connectivity": np.ones((O, N))}
    kept = {"W_in": U, "W_rec": W, "W_out": R, "b_rec": B, "b_out": C, "init_state": np.zeros((1, N)), **whole}
    np.savez(tmp_path / "net.npz", Dale_rec=np.diag(signs), Dale_out=np.diag(out), dale_ratio=0.7, alpha=0.2, **kept)
    with pytest.raises(MappingNeededError, match="a network of PsychRNN") as caught:
        load(tmp_path / "net.npz")
    network = load(tmp_path / "net.npz", mapping=proposed(caught.value))
    of = np.abs if dale else np.asarray
    right = logits(of(W) * HOLES * signs, of(U), of(R) * out, B, C, lambda x: np.maximum(x, 0), current=True)
    assert_reads(network, right)


def test_a_mask_that_fits_no_weights_is_named(tmp_path):
    tensors = {"W_rec": W, "W_in": U, "W_out": R, "mask": np.zeros((9, 9))}
    torch.save({name: torch.as_tensor(item) for name, item in tensors.items()}, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"has mask \(9, 9\), .* fits none of its weights"):
        load(tmp_path / "net.pth")
