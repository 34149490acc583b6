"""Files of networks: the tensors of the paper's state dict, in safetensors, with their provenance in the header.

    rnn.weight_ih_l0 (N, M)   rnn.weight_hh_l0 (N, N)   fc.weight (O, N)
    rnn.bias_ih_l0 (N,)       rnn.bias_hh_l0 (N,)       fc.bias (O,)       only if a bias differs from zero

Another cell than ReLU stands in the header (`cell`, `alpha`, `leak`). Gates lie as torch has them, one below the other;
a readout that sees the input has skip.weight (O, M), and a network that learned its start rnn.h0 (N,).

Files of other programs and of other names are read as well; how is in the package `opening`.

Source: Torre et al. (2025), published code (names of the tensors).
"""

import hashlib
import json
import logging
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors.numpy import save as serialize

from hmmrnn.model.cells import CELLS, RATE
from hmmrnn.model.files import replace_file
from hmmrnn.model.network import Floats, Gate, Network
from hmmrnn.model.opening.checks import check_shapes, checked_values, wrong_type
from hmmrnn.model.opening.contents import RESAVE, CheckpointError, Contents, shorten
from hmmrnn.model.opening.formats import header_length, is_safetensors, open_tensor_file
from hmmrnn.model.opening.mapping_terms import Shape
from hmmrnn.model.opening.reading import ALPHA, CELL, LEAK, MATRICES, STACKED, AmbiguousError, Reading, ReadingError
from hmmrnn.model.opening.roles import read_roles
from hmmrnn.model.opening.signs_and_masks import is_named_mask, kind_of_mask
from hmmrnn.model.opening.unwrapping import is_number

__all__ = [
    "CheckpointError",
    "Header",
    "MappingNeededError",
    "fingerprint",
    "is_single",
    "load",
    "metadata_of",
    "read_metadata",
    "save",
]

logger = logging.getLogger(__name__)

W_IH, W_HH, W_OUT = "rnn.weight_ih_l0", "rnn.weight_hh_l0", "fc.weight"
B_IH, B_HH, B_OUT = "rnn.bias_ih_l0", "rnn.bias_hh_l0", "fc.bias"
W_SKIP, H_0 = "skip.weight", "rnn.h0"

_OWN = {
    **{"W_hh": W_HH, "W_ih": W_IH, "W_out": W_OUT, "b_ih": B_IH, "b_hh": B_HH, "b_out": B_OUT},
    **{"W_skip": W_SKIP, "h0": H_0},
}
# What a file that this program has written says in its header.
_OWN_KEYS = {CELL, "family", "hmm", "recipe", "opened_sha256"}
READ_AS = "read_as"
MAX_WORDS = 4000

_EXPECTED = f"expected {W_IH} (N, M), {W_HH} (N, N) and {W_OUT} (O, N)"


class MappingNeededError(CheckpointError):
    """A file that could be read in several ways.

    Attributes:
        shapes: of all its tensors, by name.
        proposal: a mapping that works.
        asked: what cannot be read from the tensors.
    """

    def __init__(self, sentence: str, asked: str, shapes: dict[str, Shape], proposal: dict[str, Any]) -> None:
        super().__init__(sentence)
        self.shapes, self.proposal, self.asked = shapes, proposal, asked


@dataclass(frozen=True, eq=False)
class Header:
    """What the header of a network's file says, without its weights."""

    metadata: Mapping[str, str]  # where it comes from, strings to strings
    # n_neurons, n_inputs, n_outputs: N, M and O.
    n_neurons: int
    n_inputs: int
    n_outputs: int
    cell: str = "relu"  # the kind of its cell
    learned_start: bool = False  # whether it has a start that was learned with its weights


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network as safetensors; a reader finds either the old file or the whole new one.

    A constant input is no part of the network, and is not written.

    Values are stored as float32 if that loses nothing, as float64 otherwise; biases are left out if all are zero.

    Raises:
        ValueError: the metadata does not map strings to strings.
        OSError: the file cannot be written.
    """
    metadata = dict(network.metadata)
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise ValueError(f"metadata must map strings to strings; got {metadata}")
    tensors = _tensors_of(network)
    if not network.is_plain_relu or not _OWN_KEYS & set(metadata):
        metadata |= {CELL: network.cell, ALPHA: repr(network.alpha), LEAK: network.leak}
    dtype = np.float32 if all(is_single(array) for array in tensors.values()) else np.float64
    data = serialize({name: np.ascontiguousarray(array, dtype) for name, array in tensors.items()}, metadata or None)
    replace_file(Path(path), _with_sorted_header(data))


def load(path: str | os.PathLike[str], mapping: Mapping[str, Any] | None = None) -> Network:
    """Read a network from any file that holds one, whatever its name ends in.

    Formats: safetensors, torch.save, .npz, .mat, .json, and Keras (.h5, .weights.h5, .keras). Tensors may have any
    names and lie under any key; what is read at once, and how, stands in the metadata under `read_as`. Code in a file
    is refused, never run.

    Args:
        mapping: what cannot be read from the tensors: "cell", "alpha", "leak", and for a role (W_hh, W_ih, W_out, b_h,
            b_ih, b_hh, b_out, W_skip, h0) the tensor that fills it, or a term such as "wi.T"
            (opening/mapping_terms.py). A role that is given replaces what would be read.

    Raises:
        MappingNeededError: it could be read in several ways; the message has a mapping that works.
        CheckpointError: the file is missing, damaged, something else, too large, or not such a network.
    """
    path = Path(path)
    contents = open_tensor_file(path)
    if mapping is None and _is_own(contents):
        own = checked_values(path.name, contents, _own_reading(path.name, contents))
        return network_of_tensors(_by_name(own), contents.metadata)
    reading = _reading(path.name, contents, mapping)
    arrays = checked_values(path.name, contents, reading)
    said = {CELL: reading.cell, ALPHA: repr(reading.alpha), LEAK: reading.leak}
    if reading.assumed:
        logger.warning("%s was read as ReLU, as it does not say its activation; if it is tanh, say so", path.name)
    words = "; ".join([*contents.notes, reading.words])
    return network_of_tensors(_by_name(arrays), {**contents.metadata, READ_AS: words[:MAX_WORDS], **said})


def read_metadata(path: str | os.PathLike[str]) -> Header:
    """Read only the header of a safetensors file: its metadata and sizes, checked like `load` does.

    Raises:
        CheckpointError: as `load`; also for a torch file, which has no header.
    """
    path = Path(path)
    if not is_safetensors(path):
        raise CheckpointError(
            f"{path.name} has no safetensors header; expected a .safetensors file; "
            f"convert it with python -m hmmrnn convert"
        )
    contents = open_tensor_file(path)
    if not set(contents.tensors) <= set(_OWN.values()):
        raise CheckpointError(
            f"{path.name} is no network as this program writes it; convert it with python -m hmmrnn convert"
        )
    names = _own_reading(path.name, contents).terms
    shapes = {name: contents.tensors[key].shape for name, key in names.items()}
    return Header(
        metadata=MappingProxyType(_own_metadata(contents.metadata)),
        n_neurons=shapes["W_hh"][1],
        n_inputs=shapes["W_ih"][1],
        n_outputs=shapes["W_out"][0],
        cell=contents.metadata.get(CELL, "relu"),
        learned_start="h0" in shapes,
    )


def is_own_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one that `save` wrote, whose header alone says what it is.

    Raises:
        CheckpointError: the file is missing, empty, damaged, too large, or a Git LFS pointer.
    """
    path = Path(path)
    return is_safetensors(path) and _is_own(open_tensor_file(path))


def metadata_of(data: bytes) -> dict[str, str]:
    """The metadata in the bytes of a safetensors file that `save` has written."""
    found: dict[str, str] = json.loads(data[8 : 8 + header_length(data)]).get("__metadata__", {})
    return found


def fingerprint(source: str | os.PathLike[str] | bytes) -> str:
    """The SHA-256 of a file's content, or of bytes, as 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_single(array: Floats) -> bool:
    """Whether single precision holds every value exactly."""
    with np.errstate(over="ignore", under="ignore"):
        return bool((array.astype(np.float32) == array).all())


def _own_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a network: those of its file without what says its cell."""
    said = (CELL, ALPHA, LEAK) if CELL in metadata else ()
    return {key: text for key, text in metadata.items() if key not in said}


def _tensors_of(network: Network) -> dict[str, Floats]:
    """The tensors of a network by their names in a file."""
    parts = [network.gates.get(name, network) for name in STACKED.get(network.cell, ("",))]
    tensors = {
        W_IH: np.concatenate([part.W_ih for part in parts]),
        W_HH: np.concatenate([part.W_hh for part in parts]),
        W_OUT: network.W_out,
    }
    if network.has_bias:
        back = [network.b_rec if part is network else np.zeros_like(part.b_h) for part in parts]
        entering = np.concatenate([part.b_h for part in parts])
        tensors |= {B_IH: entering, B_HH: np.concatenate(back), B_OUT: network.b_out}
    rest = {W_SKIP: network.W_skip, H_0: network.h0}
    return tensors | {name: array for name, array in rest.items() if array is not None}


def network_of_tensors(arrays: Mapping[str, Floats], metadata: Mapping[str, str]) -> Network:
    """The network of the tensors of a file, by their names, and what its metadata say of its cell."""
    cell, n = metadata.get(CELL, "relu"), arrays[W_HH].shape[1]
    stacked = STACKED.get(cell, ("",))
    zeros = np.zeros(len(arrays[W_HH]))
    entering, back = arrays.get(B_IH, zeros).reshape(-1, n), arrays.get(B_HH, zeros).reshape(-1, n)
    blocks = zip(
        *(stacked, arrays[W_HH].reshape(-1, n, n), arrays[W_IH].reshape(len(stacked), n, -1), entering, back),
        strict=True,
    )
    gates, own, b_rec = {}, Gate(np.eye(n), np.ones((n, 1))), np.zeros(n)
    for name, W_hh, W_ih, b_ih, b_hh in blocks:
        # Of a GRU's candidate, the recurrent bias lies inside the reset gate; elsewhere the two add up.
        if cell == "gru" and not name:
            own, b_rec = Gate(W_hh, W_ih, b_ih), b_hh
        elif name:
            gates[name] = Gate(W_hh, W_ih, b_ih + b_hh)
        else:
            own = Gate(W_hh, W_ih, b_ih + b_hh)
    return Network(
        W_hh=own.W_hh,
        W_ih=own.W_ih,
        W_out=arrays[W_OUT],
        b_h=own.b_h,
        b_out=arrays.get(B_OUT, np.zeros(len(arrays[W_OUT]))),
        metadata=_own_metadata(metadata),
        cell=cell,
        alpha=float(metadata.get(ALPHA, 1.0)),
        leak=metadata.get(LEAK, RATE),
        gates=gates,
        b_rec=b_rec,
        W_skip=arrays.get(W_SKIP),
        h0=arrays.get(H_0),
    )


def _by_name(arrays: Mapping[str, Floats]) -> dict[str, Floats]:
    """Arrays by the names that `save` gives to their roles."""
    return {_OWN[role]: array for role, array in arrays.items()}


def _with_sorted_header(data: bytes) -> bytes:
    # The writer shuffles the metadata anew in every process; equal networks are to make equal files.
    end = 8 + header_length(data)
    text = json.dumps(json.loads(data[8:end]), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the numbers to eight bytes
    return struct.pack("<Q", len(text)) + text + data[end:]


def _is_own(contents: Contents) -> bool:
    """Whether a file is one that `save` wrote: its names, and a header that says its cell or where it comes from."""
    known = {*_OWN.values()}
    return set(contents.tensors) <= known and _OWN_KEYS & set(contents.metadata) != set()


def _own_reading(file: str, contents: Contents) -> Reading:
    """The roles in a file that `save` wrote, once its shapes fit each other."""
    cell = contents.metadata.get(CELL, "relu")
    if cell not in CELLS:
        raise CheckpointError(f"{file} says that its cell is {shorten(cell)!r}; expected one of {', '.join(CELLS)}")
    terms = {role: name for role, name in _OWN.items() if name in contents.tensors}
    for role in MATRICES:
        if role not in terms:
            found = ", ".join(contents.tensors) or "no tensors"
            raise CheckpointError(f"{file} has no tensor {_OWN[role]}; {_EXPECTED}, found {shorten(found)}; {RESAVE}")
    check_shapes(file, contents, Reading(terms, cell=cell))
    return Reading(terms, cell=cell)


def _masks_of(contents: Contents) -> dict[str, str]:
    """The kinds of tensors that are masks or signs, by their names and their values."""
    named = [name for name in contents.tensors if is_named_mask(name)]
    values = contents.values() if named else {}
    kinds = {name: kind_of_mask(values[name]) for name in named if name in values}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _reading(file: str, contents: Contents, mapping: Mapping[str, Any] | None) -> Reading:
    """How the tensors of any other file are read.

    Raises:
        MappingNeededError: in several ways.
        CheckpointError: they are no network that can be shown.
    """
    shapes = {name: item.shape for name, item in contents.tensors.items()}
    for name, item in contents.tensors.items():
        if not item.shape and item.dtype.startswith(("nested", "torch.")):
            raise wrong_type(file, name, item.dtype)
    said = {**contents.settings, **{key: contents.metadata[key] for key in (CELL, LEAK) if key in contents.metadata}}
    if ALPHA in contents.metadata:
        said[ALPHA] = float(contents.metadata[ALPHA])
    if numbers := [name for name, shape in shapes.items() if is_number(name, shape)]:
        values = contents.values()
        said = {**{name: values[name].item() for name in numbers if name in values}, **said}
    try:
        reading = read_roles(shapes, said, mapping, contents.asks, _masks_of(contents))
    except AmbiguousError as error:
        sentence = f"{file} {shorten(str(error), MAX_WORDS)}"
        raise MappingNeededError(sentence, error.asked, error.shapes, error.proposal) from error
    except ReadingError as error:
        words = str(error)
        raise CheckpointError(f"{file}{'' if words.startswith(':') else ' '}{shorten(words, MAX_WORDS)}") from error
    check_shapes(file, contents, reading)
    return reading
