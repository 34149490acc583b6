"""Files of networks: the tensors of the paper's state dict, in safetensors, with their provenance in the header.

    rnn.weight_ih_l0 (N, M)   rnn.weight_hh_l0 (N, N)   fc.weight (O, N)
    rnn.bias_ih_l0 (N,)       rnn.bias_hh_l0 (N,)       fc.bias (O,)       only if a bias differs from zero

Another cell than ReLU stands in the header (`cell`, `alpha`, `leak`). Gates lie as torch has them, one below the other;
a readout that sees the input has skip.weight (O, M).

Files of torch.save with the same names are read as well (see tensor_files.py).

Source: Torre et al. (2025), published code (names of the tensors).
"""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from safetensors.numpy import save as serialize

from hmmrnn.model.cells import CELLS, RATE
from hmmrnn.model.files import replace_file
from hmmrnn.model.network import MAX_NEURONS, Floats, Gate, Network
from hmmrnn.model.tensor_files import (
    FLOATS,
    RESAVE,
    CheckpointError,
    Contents,
    Stored,
    header_length,
    is_safetensors,
    open_tensor_file,
    shorten,
)

__all__ = ["CheckpointError", "Header", "fingerprint", "is_single", "load", "metadata_of", "read_metadata", "save"]

# A few bytes can declare any shape; all that is computed and sent grows with these.
MAX_INPUTS, MAX_OUTPUTS = 8192, 100
MAX_INPUT_WEIGHTS = MAX_NEURONS**2

W_IH, W_HH, W_OUT = "rnn.weight_ih_l0", "rnn.weight_hh_l0", "fc.weight"
B_IH, B_HH, B_OUT = "rnn.bias_ih_l0", "rnn.bias_hh_l0", "fc.bias"
W_SKIP = "skip.weight"
WEIGHTS = (W_IH, W_HH, W_OUT)
BIASES = (B_IH, B_HH, B_OUT)
CELL, ALPHA, LEAK = "cell", "alpha", "leak"
# How torch stacks the rows of gated cells; "" is the candidate.
STACKED = {"gru": ("reset", "update", ""), "lstm": ("input", "forget", "", "output")}

_EXPECTED = f"expected {W_IH} (N, M), {W_HH} (N, N) and {W_OUT} (O, N)"


@dataclass(frozen=True, eq=False)
class Header:
    """What the header of a network's file says, without its weights."""

    metadata: Mapping[str, str]  # where it comes from, strings to strings
    # n_neurons, n_inputs, n_outputs: N, M and O.
    n_neurons: int
    n_inputs: int
    n_outputs: int
    cell: str = "relu"  # the kind of its cell


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network as safetensors; a reader finds either the old file or the whole new one.

    Values are stored as float32 if that loses nothing, as float64 otherwise; biases are left out if all are zero.

    Raises:
        ValueError: the metadata does not map strings to strings.
        OSError: the file cannot be written.
    """
    metadata = dict(network.metadata)
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise ValueError(f"metadata must map strings to strings; got {metadata}")
    tensors = _tensors_of(network)
    if not network.is_plain_relu:
        metadata |= {CELL: network.cell, ALPHA: repr(network.alpha), LEAK: network.leak}
    dtype = np.float32 if all(is_single(array) for array in tensors.values()) else np.float64
    data = serialize({name: np.ascontiguousarray(array, dtype) for name, array in tensors.items()}, metadata or None)
    replace_file(Path(path), _with_sorted_header(data))


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network from safetensors or from a file of torch.save, whatever its name ends in.

    A torch file may hold the state dict itself or under "state_dict" or "model_state_dict", and its names may share
    a prefix ("module."). b_h is the sum of the two recurrent biases. Code in a pickle is refused, never run.

    Raises:
        CheckpointError: the file is missing, damaged, something else, too large, or not such a network.
    """
    path = Path(path)
    contents = open_tensor_file(path)
    names = _checked_names(path.name, contents)
    stored = contents.values()
    arrays = {name: stored[key] for name, key in names.items()}
    for name, array in arrays.items():
        _check_finite(path.name, name, array)
    return _network_of(arrays, contents.metadata)


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
    names = _checked_names(path.name, contents)
    shapes = {name: contents.tensors[key].shape for name, key in names.items()}
    return Header(
        metadata=MappingProxyType(_own_metadata(contents.metadata)),
        n_neurons=shapes[W_HH][1],
        n_inputs=shapes[W_IH][1],
        n_outputs=shapes[W_OUT][0],
        cell=contents.metadata.get(CELL, "relu"),
    )


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
    return tensors if network.W_skip is None else {**tensors, W_SKIP: network.W_skip}


def _network_of(arrays: Mapping[str, Floats], metadata: Mapping[str, str]) -> Network:
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
    )


def _with_sorted_header(data: bytes) -> bytes:
    # The writer shuffles the metadata anew in every process; equal networks are to make equal files.
    end = 8 + header_length(data)
    text = json.dumps(json.loads(data[8:end]), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the numbers to eight bytes
    return struct.pack("<Q", len(text)) + text + data[end:]


def _checked_names(file: str, contents: Contents) -> dict[str, str]:
    """Map the names of the paper's state dict to the names in the file, once these tensors make a network."""
    tensors, cell = contents.tensors, contents.metadata.get(CELL, "relu")
    if cell not in CELLS:
        raise CheckpointError(f"{file} says that its cell is {shorten(cell)!r}; expected one of {', '.join(CELLS)}")
    anchor = next((key for key in tensors if key == W_HH or key.endswith(f".{W_HH}")), W_HH)
    prefix = anchor.removesuffix(W_HH)
    names = {key.removeprefix(prefix): key for key in tensors if key.startswith(prefix)}
    _check_names(file, names, tensors)
    for name, key in names.items():
        if tensors[key].dtype not in FLOATS.values():
            raise CheckpointError(
                f"{file}: {name} has numbers of type {tensors[key].dtype}; "
                f"expected {', '.join(FLOATS.values())}; convert it with .float()"
            )
    _check_shapes(file, {name: tensors[key].shape for name, key in names.items()}, len(STACKED.get(cell, ("",))))
    return names


def _check_names(file: str, names: Mapping[str, str], tensors: Mapping[str, Stored]) -> None:
    for name in WEIGHTS:
        if name not in names:
            found = ", ".join(tensors) or "no tensors"
            raise CheckpointError(f"{file} has no tensor {name}; {_EXPECTED}, found {shorten(found)}; {RESAVE}")
    known = {names[name] for name in (*WEIGHTS, *BIASES, W_SKIP) if name in names}
    extra = [key for key in tensors if key not in known]
    if extra:
        raise CheckpointError(
            f"{file} has a tensor {shorten(', '.join(extra))} that such a network does not; {_EXPECTED}; "
            f"save a network of one recurrent layer and one readout"
        )
    if (B_IH in names) != (B_HH in names):
        present, absent = (B_IH, B_HH) if B_IH in names else (B_HH, B_IH)
        raise CheckpointError(f"{file} has {present} but no {absent}; expected both or neither; {RESAVE}")


def _check_shapes(file: str, shapes: Mapping[str, tuple[int, ...]], stacked: int) -> None:
    """Compare every shape with N, which W_hh decides; a gated cell has so many blocks of N rows."""
    recurrent = shapes[W_HH]
    if len(recurrent) != 2 or recurrent[0] != stacked * recurrent[1] or 0 in recurrent:
        gated = len(recurrent) == 2 and recurrent[1] and recurrent[0] in (3 * recurrent[1], 4 * recurrent[1])
        hint = "; a GRU or LSTM has such a shape, train a ReLU RNN" if gated else f"; {RESAVE}"
        raise CheckpointError(f"{file}: {W_HH} has shape {recurrent}; expected two equal sizes (N, N){hint}")
    rows, n = recurrent
    outputs = shapes[W_OUT][0] if shapes[W_OUT] else "O"
    expected: dict[str, tuple[int | str, ...]] = {
        W_IH: (rows, "M"), W_OUT: ("O", n), B_IH: (rows,), B_HH: (rows,), B_OUT: (outputs,),
        W_SKIP: (outputs, shapes[W_IH][1] if len(shapes[W_IH]) > 1 else "M"),
    }  # fmt: skip
    for name, pattern in expected.items():
        if name in shapes and not _matches(shapes[name], pattern):
            text = f"({', '.join(map(str, pattern))}{',' if len(pattern) == 1 else ''})"
            raise CheckpointError(
                f"{file}: {name} has shape {shapes[name]}; expected {text} with N = {n} as in {W_HH}; {RESAVE}"
            )
    _check_sizes(file, n, shapes[W_IH][1], shapes[W_OUT][0])


def _check_sizes(file: str, n: int, m: int, o: int) -> None:
    """Refuse a network that is too large to be shown, whatever the size of its file."""
    for what, count, most in (
        ("neurons", n, MAX_NEURONS),
        ("inputs", m, MAX_INPUTS),
        ("outputs", o, MAX_OUTPUTS),
        ("input weights", n * m, MAX_INPUT_WEIGHTS),
    ):
        if count > most:
            raise CheckpointError(f"{file} has {count:,} {what}; expected at most {most:,}; use a smaller network")


def _matches(shape: tuple[int, ...], pattern: tuple[int | str, ...]) -> bool:
    """Whether a shape has the sizes of the pattern, where a letter stands for any size above zero."""
    return len(shape) == len(pattern) and all(
        size == wanted or (isinstance(wanted, str) and size > 0) for size, wanted in zip(shape, pattern, strict=True)
    )


def _check_finite(file: str, name: str, array: Floats) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        nan = np.count_nonzero(np.isnan(array))
        infinite = np.count_nonzero(~finite) - nan
        raise CheckpointError(
            f"{file}: {name} holds {nan:,} NaN and {infinite:,} infinite values of {array.size:,}; "
            f"expected finite numbers; open a checkpoint from before the training diverged"
        )
