"""Files of networks: the tensors of the paper's state dict, in safetensors, with their provenance in the header.

    rnn.weight_ih_l0 (N, M)   rnn.weight_hh_l0 (N, N)   fc.weight (O, N)
    rnn.bias_ih_l0 (N,)       rnn.bias_hh_l0 (N,)       fc.bias (O,)       only if a bias differs from zero

Another cell than ReLU stands in the header (`cell`, `alpha`, `leak`). Gates lie as torch has them, one below the other;
a readout that sees the input has skip.weight (O, M), and a network that learned its start rnn.h0 (N,).

Files of other programs and of other names are read as well (see tensor_files.py and tensor_roles.py).

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

from hmmrnn.model import tensor_reading
from hmmrnn.model.cells import CELLS, RATE
from hmmrnn.model.files import replace_file
from hmmrnn.model.network import Floats, Gate, Network
from hmmrnn.model.tensor_checks import MAX_NEURONS
from hmmrnn.model.tensor_contents import FLOATS, RESAVE, CheckpointError, Contents, shorten
from hmmrnn.model.tensor_files import header_length, is_safetensors, open_tensor_file
from hmmrnn.model.tensor_reading import ALPHA, CELL, LEAK, MATRICES, STACKED, Reading, ReadingError
from hmmrnn.model.tensor_roles import read_roles
from hmmrnn.model.tensor_terms import Shape, TermError, names_of, shape_of, value_of
from hmmrnn.model.tensor_wholes import int_size, is_number

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

# A few bytes can declare any shape; all that is computed and sent grows with these.
MAX_INPUTS, MAX_OUTPUTS = 8192, 100
MAX_INPUT_WEIGHTS = MAX_NEURONS**2

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
# Values of a tensor of which only a part may be used.
MOST_VALUES = 4 * MAX_INPUT_WEIGHTS

_EXPECTED = f"expected {W_IH} (N, M), {W_HH} (N, N) and {W_OUT} (O, N)"


class MappingNeededError(CheckpointError):
    """A file that could be read in several ways.

    Attributes:
        shapes: of all its tensors, by name.
        proposal: a mapping that works.
        asked: what cannot be read from the tensors.
    """

    def __init__(self, sentence: str, needed: tensor_reading.MappingNeededError) -> None:
        super().__init__(sentence)
        self.shapes: dict[str, Shape] = needed.shapes
        self.proposal: dict[str, Any] = needed.proposal
        self.asked = needed.asked


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
            b_ih, b_hh, b_out, W_skip, h0) the tensor that fills it, or a term such as "wi.T" (tensor_terms.py). A role
            that is given replaces what would be read.

    Raises:
        MappingNeededError: it could be read in several ways; the message has a mapping that works.
        CheckpointError: the file is missing, damaged, something else, too large, or not such a network.
    """
    path = Path(path)
    contents = open_tensor_file(path)
    if mapping is None and _is_own(contents):
        return network_of_tensors(
            _checked_values(path.name, contents, _own_reading(path.name, contents)), contents.metadata
        )
    reading = _reading(path.name, contents, mapping)
    arrays = _checked_values(path.name, contents, reading)
    said = {CELL: reading.cell, ALPHA: repr(reading.alpha), LEAK: reading.leak}
    if reading.assumed:
        logger.warning("%s was read as ReLU, as it does not say its activation; if it is tanh, say so", path.name)
    words = "; ".join([*contents.notes, reading.words])
    return network_of_tensors(arrays, {**contents.metadata, READ_AS: words[:MAX_WORDS], **said})


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
    _check_shapes(file, contents, Reading(terms, cell=cell))
    return Reading(terms, cell=cell)


def _reading(file: str, contents: Contents, mapping: Mapping[str, Any] | None) -> Reading:
    """How the tensors of any other file are read.

    Raises:
        MappingNeededError: in several ways.
        CheckpointError: they are no network that can be shown.
    """
    shapes = {name: item.shape for name, item in contents.tensors.items()}
    for name, item in contents.tensors.items():
        if not item.shape and item.dtype.startswith(("nested", "torch.")):
            raise _wrong_type(file, name, item.dtype)
    said = {**contents.settings, **{key: contents.metadata[key] for key in (CELL, LEAK) if key in contents.metadata}}
    if ALPHA in contents.metadata:
        said[ALPHA] = float(contents.metadata[ALPHA])
    if numbers := [name for name, shape in shapes.items() if is_number(name, shape)]:
        values = contents.values()
        said = {**{name: values[name].item() for name in numbers if name in values}, **said}
    try:
        reading = read_roles(shapes, said, mapping, contents.asks)
    except tensor_reading.MappingNeededError as error:
        raise MappingNeededError(f"{file} {shorten(str(error), MAX_WORDS)}", error) from error
    except ReadingError as error:
        words = str(error)
        raise CheckpointError(f"{file}{'' if words.startswith(':') else ' '}{shorten(words, MAX_WORDS)}") from error
    _check_shapes(file, contents, reading)
    return reading


def _checked_values(file: str, contents: Contents, reading: Reading) -> dict[str, Floats]:
    """The arrays of a network by the names of its file, finite and in their shapes."""
    stored = contents.values()
    for name in reading.must_be_ones:
        if name in stored and not (stored[name] == 1).all():
            raise CheckpointError(
                f"{file} has {name}, by which weights may be multiplied, and not all its values are 1; fold it in with "
                f"mapping={{'W_hh': '{reading.terms['W_hh']} * {name}'}}, or leave it out with "
                f"mapping={dict(reading.terms)!r}"
            )
    arrays: dict[str, Floats] = {}
    for role, term in reading.terms.items():
        for name in names_of(term, contents.tensors):
            _check_finite(file, name, stored[name])
        arrays[_OWN[role]] = _shaped(value_of(term, stored), role)
    return arrays


def _shaped(array: Floats, role: str) -> Floats:
    # Programs without vectors store biases as columns or rows.
    return np.atleast_2d(array) if role in (*MATRICES, "W_skip") else array.reshape(-1)


def _check_shapes(file: str, contents: Contents, reading: Reading) -> None:
    """Compare types, and every shape with N, which W_hh decides; a gated cell has so many blocks of N rows."""
    shapes = {name: item.shape for name, item in contents.tensors.items()}
    names = set[str]().union(*(names_of(term, shapes) for term in reading.terms.values()))
    for name in sorted(names):
        if contents.tensors[name].dtype not in FLOATS.values():
            raise _wrong_type(file, name, contents.tensors[name].dtype)
        if int_size(shapes[name]) > MOST_VALUES and any(name != term for term in reading.terms.values()):
            _check_sizes(file, *_sizes_of(reading, shapes))
    try:
        found = {role: shape_of(term, shapes) for role, term in reading.terms.items()}
    except TermError as error:
        raise CheckpointError(f"{file} cannot be read so: {error}") from error
    _compare(file, reading, found)
    _check_sizes(file, *_sizes_of(reading, shapes))


def _wrong_type(file: str, name: str, kind: str) -> CheckpointError:
    advice = "convert it with .float()"
    if kind.startswith(("qint", "quint")):
        advice = "convert it with .dequantize()"
    elif kind.startswith("complex"):
        advice = "a network of complex numbers cannot be shown"
    return CheckpointError(
        f"{file}: {name} has numbers of type {kind}; expected {', '.join(FLOATS.values())}; {advice}"
    )


def _sizes_of(reading: Reading, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int, int]:
    """N, M and O."""
    sizes = {role: shape_of(term, shapes) for role, term in reading.terms.items()}
    return sizes["W_hh"][1], sizes["W_ih"][1], sizes["W_out"][0]


def _compare(file: str, reading: Reading, shapes: Mapping[str, tuple[int, ...]]) -> None:
    recurrent, called = shapes["W_hh"], reading.terms
    stacked = len(STACKED.get(reading.cell, ("",)))
    if len(recurrent) != 2 or recurrent[0] != stacked * recurrent[1] or 0 in recurrent:
        wanted = "two equal sizes (N, N)" if stacked == 1 else f"({stacked} N, N)"
        raise CheckpointError(f"{file}: {called['W_hh']} has shape {recurrent}; expected {wanted}; {RESAVE}")
    rows, n = recurrent
    outputs = shapes["W_out"][0] if shapes["W_out"] else "O"
    inputs = shapes["W_ih"][1] if len(shapes["W_ih"]) > 1 else "M"
    expected: dict[str, tuple[int | str, ...]] = {
        "W_ih": (rows, "M"), "W_out": ("O", n), "b_ih": (rows,), "b_hh": (rows,), "b_out": (outputs,),
        "W_skip": (outputs, inputs), "h0": (n,),
    }  # fmt: skip
    for role, pattern in expected.items():
        if role in shapes and not _matches(_flat(shapes[role], role), pattern):
            text = f"({', '.join(map(str, pattern))}{',' if len(pattern) == 1 else ''})"
            raise CheckpointError(
                f"{file}: {called[role]} has shape {shapes[role]}; expected {text} with N = {n} as in "
                f"{called['W_hh']}; {RESAVE}"
            )


def _flat(shape: tuple[int, ...], role: str) -> tuple[int, ...]:
    """The shape of a vector, which some programs store with further axes of one."""
    long = [size for size in shape if size != 1]
    return (max(shape, default=1),) if (role.startswith("b") or role == "h0") and len(long) <= 1 else shape


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
