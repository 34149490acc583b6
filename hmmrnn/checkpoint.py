"""How is it stored? As the tensors of the paper's state dict, in safetensors, with their provenance in the header.

    rnn.weight_ih_l0 (N, M)   rnn.weight_hh_l0 (N, N)   fc.weight (O, N)
    rnn.bias_ih_l0 (N,)       rnn.bias_hh_l0 (N,)       fc.bias (O,)       only if a bias differs from zero

safetensors holds numbers and strings, never code. The paper's own `.pth` files are pickles: they are read by torch
in its weights-only mode, which refuses code instead of running it. What a file is, is decided by its content.

Source: Torre et al. (2025), published code (names of the tensors); https://git-lfs.com (pointer files).
"""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import os
import pickle
import pickletools
import re
import secrets
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import save as serialize

from hmmrnn.network import MAX_NEURONS, Floats, Network

if TYPE_CHECKING:
    import torch

MAX_BYTES = 256 * 2**20
# The narrowest accepted number takes two bytes. A pickle can declare a tensor far larger than the file it lies in.
MAX_VALUES = MAX_BYTES // 2

W_IH, W_HH, W_OUT = "rnn.weight_ih_l0", "rnn.weight_hh_l0", "fc.weight"
B_IH, B_HH, B_OUT = "rnn.bias_ih_l0", "rnn.bias_hh_l0", "fc.bias"
WEIGHTS = (W_IH, W_HH, W_OUT)
BIASES = (B_IH, B_HH, B_OUT)
NESTED_UNDER = ("state_dict", "model_state_dict")

_EXPECTED = f"expected {W_IH} (N, M), {W_HH} (N, N) and {W_OUT} (O, N)"
_RESAVE = "save it again with torch.save(model.state_dict(), path)"
_FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}

_HEAD_BYTES = 1024
_LFS_POINTER = b"version https://git-lfs"
_ZIP = b"PK\x03\x04"
_TORCH_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_LEGACY_PICKLES = 4  # magic number, protocol, system, and the object; then storage keys and raw numbers
_METADATA = "__metadata__"
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors format
_OTHER_FORMATS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy .npy file",
    b"\x1f\x8b": "a gzip archive",
}
# What torch and pickletools were seen to raise on damaged bytes, besides UnpicklingError.
_PICKLE_FAULTS = (
    RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError,
    OverflowError, MemoryError, EOFError, OSError, struct.error,
)  # fmt: skip


class CheckpointError(ValueError):
    """A file that is not a usable network; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, eq=False)
class Header:
    """What a network file says about itself without its weights being read.

    Attributes:
        metadata: where it comes from, strings to strings.
        n_neurons, n_inputs, n_outputs: N, M and O.
    """

    metadata: Mapping[str, str]
    n_neurons: int
    n_inputs: int
    n_outputs: int


class _Stored(NamedTuple):
    """A tensor as its file describes it."""

    shape: tuple[int, ...]
    dtype: str


class _Contents(NamedTuple):
    """What lies in a file: the description of every tensor, and a way to read them all as float64."""

    metadata: dict[str, str]
    tensors: dict[str, _Stored]
    values: Callable[[], Mapping[str, Floats]]


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network as safetensors, all of it or nothing: whoever reads meanwhile sees the old file or the new one.

    Values are stored as float32 if that loses nothing, as float64 otherwise; biases are left out if all are zero.

    Args:
        network: the network; its metadata goes into the header.
        path: the file, which is replaced if it exists.

    Raises:
        ValueError: the metadata does not map strings to strings.
        OSError: the file cannot be written.
    """
    metadata = dict(network.metadata)
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise ValueError(f"metadata must map strings to strings; got {metadata}")
    tensors = {W_IH: network.W_ih, W_HH: network.W_hh, W_OUT: network.W_out}
    if network.has_bias:
        tensors |= {B_IH: network.b_h, B_HH: np.zeros_like(network.b_h), B_OUT: network.b_out}
    dtype = np.float32 if all(_fits_float32(array) for array in tensors.values()) else np.float64
    data = serialize({name: np.ascontiguousarray(array, dtype) for name, array in tensors.items()}, metadata or None)
    replace_file(Path(path), _with_sorted_header(data))


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network from safetensors or from a file of torch.save, whatever its name ends in.

    A torch file may hold the state dict itself or under "state_dict" or "model_state_dict", and its names may share
    a prefix ("module."). b_h is the sum of the two recurrent biases. Code in a pickle is refused, never run.

    Args:
        path: the file.

    Raises:
        CheckpointError: the file is missing, damaged, something else, too large, or not such a network.
    """
    path = Path(path)
    head = _head(path)
    contents = _safetensors(path) if _is_safetensors(path, head) else _torch_file(path, head)
    names = _checked_names(path.name, contents.tensors)
    stored = contents.values()
    arrays = {name: stored[key] for name, key in names.items()}
    for name, array in arrays.items():
        _check_finite(path.name, name, array)
    W_hh, W_out = arrays[W_HH], arrays[W_OUT]
    return Network(
        W_hh=W_hh,
        W_ih=arrays[W_IH],
        W_out=W_out,
        b_h=arrays[B_IH] + arrays[B_HH] if B_IH in arrays else np.zeros(len(W_hh)),
        b_out=arrays.get(B_OUT, np.zeros(len(W_out))),
        metadata=contents.metadata,
    )


def read_metadata(path: str | os.PathLike[str]) -> Header:
    """Read only the header of a safetensors file: its metadata and sizes, checked like `load` does.

    Args:
        path: the file.

    Raises:
        CheckpointError: as `load`; also for a torch file, which has no header.
    """
    path = Path(path)
    if not _is_safetensors(path, _head(path)):
        raise CheckpointError(
            f"{path.name} has no safetensors header; expected a .safetensors file; "
            f"convert it with python -m hmmrnn convert"
        )
    contents = _safetensors(path)
    names = _checked_names(path.name, contents.tensors)
    n_neurons, n_inputs = contents.tensors[names[W_IH]].shape
    return Header(
        metadata=MappingProxyType(contents.metadata),
        n_neurons=n_neurons,
        n_inputs=n_inputs,
        n_outputs=contents.tensors[names[W_OUT]].shape[0],
    )


def fingerprint(source: str | os.PathLike[str] | bytes) -> str:
    """The SHA-256 of a file's content, or of bytes, as 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fits_float32(array: Floats) -> bool:
    with np.errstate(over="ignore", under="ignore"):
        return bool((array.astype(np.float32) == array).all())


def replace_file(path: Path, data: bytes) -> None:
    """Write a file, all of it or nothing: whoever reads meanwhile sees the old content or the new one.

    Raises:
        OSError: the file cannot be written.
    """
    # os.replace is atomic within one file system only, so the new content is completed beside its destination.
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _with_sorted_header(data: bytes) -> bytes:
    # The writer shuffles the metadata anew in every process; equal networks are to make equal files.
    end = 8 + _header_length(data)
    text = json.dumps(json.loads(data[8:end]), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the numbers to eight bytes
    return struct.pack("<Q", len(text)) + text + data[end:]


def _head(path: Path) -> bytes:
    """The first bytes of a file that may be worth reading further."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; expected the file of a network; check its name") from None
    except IsADirectoryError:
        raise CheckpointError(f"{path} is a folder; expected the file of a network; name a file in it") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); check its name and permissions") from error
    if not head:
        raise CheckpointError(f"{path.name} is empty (0 bytes); expected a network; copy or download it again")
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{path.name} has {size / 2**20:,.0f} MiB; expected at most {MAX_BYTES // 2**20} MiB; "
            f"save the state dict of the network alone"
        )
    if head.startswith(_LFS_POINTER):
        real = re.search(rb"^size (\d+)", head, re.MULTILINE)
        weighs = f"of {int(real[1]):,} bytes" if real else "of unknown size"
        raise CheckpointError(
            f"{path.name} is a Git LFS pointer ({size} bytes) to a file {weighs}, not the network itself; "
            f"run `git lfs pull` in its repository and open the file again"
        )
    return head


def _is_safetensors(path: Path, head: bytes) -> bool:
    # Asked before anything else: a header of 640 bytes begins with the same two bytes as a pickle.
    if head[8:9] == b"{" and _header_length(head) <= _MAX_HEADER_BYTES:
        return True
    foreign = (_ZIP, b"\x80", *_OTHER_FORMATS)
    return path.suffix.lower() == ".safetensors" and not head.startswith(foreign) and not _is_text(head)


def _header_length(head: bytes) -> int:
    return int.from_bytes(head[:8], "little")


def _safetensors(path: Path) -> _Contents:
    # Not mapped into memory: a mapped file that someone cuts short ends the process.
    with _safetensors_faults(path), safe_open(path, framework="np", backend="pread") as file:
        metadata = dict(sorted((file.metadata() or {}).items()))
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        tensors = {
            name: _Stored(tuple(part.get_shape()), _FLOATS.get(part.get_dtype(), part.get_dtype()))
            for name, part in slices.items()
        }

    def values() -> dict[str, Floats]:
        with _safetensors_faults(path):
            raw = deserialize(path.read_bytes())
        return {name: _decoded(part) for name, part in raw}

    return _Contents(metadata, tensors, values)


def _decoded(part: Mapping[str, Any]) -> Floats:
    if part["dtype"] == "BF16":
        # bfloat16 is the upper half of a float32; NumPy has no name for it.
        values = (np.frombuffer(part["data"], "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(part["data"], {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[part["dtype"]])
    return values.astype(np.float64).reshape(part["shape"])


@contextmanager
def _safetensors_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} {_safetensors_fault(path.read_bytes(), str(error))}") from error


def _safetensors_fault(data: bytes, reason: str) -> str:
    """The predicate of the sentence for bytes that the safetensors reader refused for this reason."""
    end = 8 + _header_length(data)
    if len(data) < 9 or len(data) < end <= 8 + _MAX_HEADER_BYTES:
        return f"is truncated: it ends within its header, after {len(data):,} bytes; copy or download it again"
    if "not fully covered" in reason:
        entries = json.loads(data[8:end])
        end += max((entry["data_offsets"][1] for name, entry in entries.items() if name != _METADATA), default=0)
        found = "truncated" if len(data) < end else "too long"
        return f"is {found}: it has {len(data):,} bytes; expected {end:,}; copy or download it again"
    reason = reason.removeprefix("Error while deserializing").removeprefix(" header").removeprefix(": ")
    return (
        f"has a corrupt safetensors header ({_shortened(reason)}); expected JSON that describes the tensors; "
        f"copy or download the file again"
    )


def _torch_file(path: Path, head: bytes) -> _Contents:
    if head.startswith(_ZIP):
        _check_archive(path)
    elif _ZIP.startswith(head) or _TORCH_LEGACY.startswith(head):
        raise _damaged(path, f"it ends after {len(head)} bytes")
    elif head.startswith(_TORCH_LEGACY):
        _check_pickles(path)
    else:
        raise CheckpointError(_foreign(path, head))
    state = _state_dict(path.name, _torch_object(path))
    return _Contents(
        metadata={"source": path.name},
        tensors={name: _described(tensor) for name, tensor in state.items()},
        values=lambda: {name: tensor.detach().double().numpy() for name, tensor in state.items()},
    )


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise _damaged(path, "its zip directory cannot be found or read") from error
    parts = {name.rpartition("/")[2] for name in names}
    if "data.pkl" not in parts or "constants.pkl" in parts:
        found = "a TorchScript program" if "constants.pkl" in parts else "a zip archive of another kind"
        raise CheckpointError(f"{path.name} is {found}; expected a state dict; {_RESAVE}")
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{path.name} unpacks to {size / 2**20:,.0f} MiB; expected at most {MAX_BYTES // 2**20} MiB; "
            f"save the state dict of the network alone"
        )


def _check_pickles(path: Path) -> None:
    """Walk the opcodes, running none: in a pickle that is cut within a name, torch would see code to refuse."""
    try:
        with open(path, "rb") as file, warnings.catch_warnings(action="ignore"):
            for _ in range(_LEGACY_PICKLES):
                for _ in pickletools.genops(file):
                    pass
    except _PICKLE_FAULTS as error:
        raise _damaged(path, "one of its pickles has no end") from error


def _torch_object(path: Path) -> Any:
    """What torch's weights-only reader makes of a file."""
    import torch

    try:
        # Given a path, torch would go by the name's ending and not by the content.
        # Its warnings are advice to programmers; what a viewer can do is in the sentences below.
        with open(path, "rb") as file, warnings.catch_warnings(action="ignore"):
            return torch.load(file, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not asked:
            raise _damaged(path, "its pickle cannot be read") from error
        raise CheckpointError(
            f"{path.name} is a pickle that asks for the code of {asked[1]}, which was refused and not run; "
            f"expected tensors only; {_RESAVE}"
        ) from error
    except _PICKLE_FAULTS as error:
        raise _damaged(path, "torch cannot read it") from error


def _damaged(path: Path, how: str) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is truncated or damaged: {how}; expected a whole file of torch.save; copy or download it again"
    )


def _foreign(path: Path, head: bytes) -> str:
    """The sentence for a file that is neither safetensors nor torch's."""
    if head[0] == 0x80 and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return (
            f"{path.name} is a Python pickle, which can hold code and was not opened; expected a state dict; {_RESAVE}"
        )
    found = next((name for magic, name in _OTHER_FORMATS.items() if head.startswith(magic)), None)
    if found is None and _is_text(head):
        found = "JSON text" if head.lstrip().startswith((b"{", b"[")) else "a text file"
    return (
        f"{path.name} is {found or 'of an unknown format'}, not a network; "
        f"expected a .safetensors file or a state dict written by torch.save; choose another file"
    )


def _is_text(head: bytes) -> bool:
    try:
        # Incremental, because the head may end in the middle of a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(char.isprintable() or char.isspace() for char in text)


def _state_dict(name: str, loaded: Any) -> dict[str, torch.Tensor]:
    """The named tensors of what torch.load gave; other entries, such as an epoch, are no part of a network."""
    import torch

    state = loaded
    if isinstance(loaded, Mapping):
        state = next((loaded[key] for key in NESTED_UNDER if isinstance(loaded.get(key), Mapping)), loaded)
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{name} holds a {type(state).__name__}; expected a dict of named tensors; {_RESAVE}")
    return {str(key): value for key, value in state.items() if isinstance(value, torch.Tensor)}


def _described(tensor: torch.Tensor) -> _Stored:
    import torch

    if tensor.is_nested or tensor.layout != torch.strided or tensor.device.type != "cpu":
        return _Stored((), "nested" if tensor.is_nested else f"{tensor.layout} on {tensor.device}")
    return _Stored(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def _checked_names(file: str, tensors: Mapping[str, _Stored]) -> dict[str, str]:
    """Map the names of the paper's state dict to the names in the file, once these tensors make a network."""
    anchor = next((key for key in tensors if key == W_HH or key.endswith(f".{W_HH}")), W_HH)
    prefix = anchor.removesuffix(W_HH)
    names = {key.removeprefix(prefix): key for key in tensors if key.startswith(prefix)}
    _check_names(file, names, tensors)
    for name, key in names.items():
        if tensors[key].dtype not in _FLOATS.values():
            raise CheckpointError(
                f"{file}: {name} has numbers of type {tensors[key].dtype}; "
                f"expected {', '.join(_FLOATS.values())}; convert it with .float()"
            )
    _check_shapes(file, {name: tensors[key].shape for name, key in names.items()})
    return names


def _check_names(file: str, names: Mapping[str, str], tensors: Mapping[str, _Stored]) -> None:
    for name in WEIGHTS:
        if name not in names:
            found = ", ".join(tensors) or "no tensors"
            raise CheckpointError(f"{file} has no tensor {name}; {_EXPECTED}, found {_shortened(found)}; {_RESAVE}")
    known = {names[name] for name in WEIGHTS + BIASES if name in names}
    extra = [key for key in tensors if key not in known]
    if extra:
        raise CheckpointError(
            f"{file} has a tensor {_shortened(', '.join(extra))} that such a network does not; {_EXPECTED}; "
            f"save a network of one recurrent layer and one readout"
        )
    if (B_IH in names) != (B_HH in names):
        present, absent = (B_IH, B_HH) if B_IH in names else (B_HH, B_IH)
        raise CheckpointError(f"{file} has {present} but no {absent}; expected both or neither; {_RESAVE}")


def _check_shapes(file: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Compare every shape with N, which W_hh decides."""
    recurrent = shapes[W_HH]
    if len(recurrent) != 2 or recurrent[0] != recurrent[1] or 0 in recurrent:
        gated = len(recurrent) == 2 and recurrent[1] and recurrent[0] in (3 * recurrent[1], 4 * recurrent[1])
        hint = "; a GRU or LSTM has such a shape, train a ReLU RNN" if gated else f"; {_RESAVE}"
        raise CheckpointError(f"{file}: {W_HH} has shape {recurrent}; expected two equal sizes (N, N){hint}")
    n = recurrent[0]
    if n > MAX_NEURONS:
        raise CheckpointError(f"{file} has {n:,} neurons; expected at most {MAX_NEURONS:,}; use a smaller network")
    outputs = shapes[W_OUT][0] if shapes[W_OUT] else "O"
    expected: dict[str, tuple[int | str, ...]] = {
        W_IH: (n, "M"), W_OUT: ("O", n), B_IH: (n,), B_HH: (n,), B_OUT: (outputs,),
    }  # fmt: skip
    for name, pattern in expected.items():
        if name in shapes and not _matches(shapes[name], pattern):
            text = f"({', '.join(map(str, pattern))}{',' if len(pattern) == 1 else ''})"
            raise CheckpointError(
                f"{file}: {name} has shape {shapes[name]}; expected {text} with N = {n} as in {W_HH}; {_RESAVE}"
            )
    values = sum(math.prod(shape) for shape in shapes.values())
    if values > MAX_VALUES:
        raise CheckpointError(
            f"{file} declares {values:,} values; expected at most {MAX_VALUES:,}; use a smaller network"
        )


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


def _shortened(text: str, limit: int = 200) -> str:
    """Text from inside a file, fit to be part of a sentence."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= limit else f"{text[:limit]} ..."
