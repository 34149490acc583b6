"""Tensors in a file, whatever its format: safetensors, what torch.save writes, or one of those in foreign_files.py.

safetensors holds numbers and strings, never code. The paper's own `.pth` files are pickles: they are read by torch in
its weights-only mode, which refuses code instead of running it. The content decides the format of a file, not its name.

Source: https://github.com/huggingface/safetensors (format); https://git-lfs.com (pointer files).
"""

from __future__ import annotations

import codecs
import json
import os
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize, safe_open

from hmmrnn.model import foreign_files
from hmmrnn.model.network import Floats
from hmmrnn.model.other_files import name_archive, name_text

MAX_BYTES = 256 * 2**20
# Where the weights lie beside an optimizer and counters, the likeliest first.
NESTED_UNDER = (
    *(
        "state_dict",
        "model_state_dict",
        "model_state",
        "model",
        "net",
        "network",
        "net_state_dict",
        "weights",
        "params",
    ),
    *("parameters", "state", "rnn_state_dict", "ema", "ema_state_dict", "model_ema"),
)
# What is never weights.
BESIDE = re.compile(r"(?i)^(optim|sched|scaler|lr_|rng|callbacks|loops|loss|history|hparams_name|random)")
RESAVE = "save its state dict with torch.save(model.state_dict(), path)"
FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}

_HEAD_BYTES = 1024
_LFS_POINTER = b"version https://git-lfs"
_ZIP = b"PK\x03\x04"
_TORCH_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_LEGACY_PICKLES = 4  # magic number, protocol, system, and the object; then storage keys and raw numbers
_METADATA = "__metadata__"
_HDF5, _MATLAB, _MATLAB_VERSION = b"\x89HDF", b"MATLAB ", 125
_CORES = ("_core", "core")
MOST_TEXT = 4_000_000  # characters of a text that are looked at
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors format
_OTHER_FORMATS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "a NumPy .npy file",
    b"\x1f\x8b": "a gzip archive",
}
_READ = (*FLOATS.values(), "int64", "int32", "int16", "int8", "uint8", "bool")
# What torch and pickletools were seen to raise on damaged bytes, besides UnpicklingError.
_PICKLE_FAULTS = (
    RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError,
    OverflowError, MemoryError, EOFError, OSError, struct.error,
)  # fmt: skip


class CheckpointError(ValueError):
    """A file that is not a usable network; the message says what was found, what was expected and what to do."""


class Stored(NamedTuple):
    """A tensor as its file describes it."""

    shape: tuple[int, ...]
    dtype: str


class Contents(NamedTuple):
    """What lies in a file: the description of every tensor, and a way to read them all as float64."""

    metadata: dict[str, str]
    tensors: dict[str, Stored]
    values: Callable[[], Mapping[str, Floats]]
    settings: Mapping[str, Any] = MappingProxyType({})  # numbers and words that lie beside the tensors
    notes: tuple[str, ...] = ()  # how it was read
    # Whether the activation is to be asked for where the file does not say it, and not taken as the paper's ReLU.
    asks: bool = False


def open_tensor_file(path: Path) -> Contents:
    """Read which tensors a file of a network holds, whatever its name ends in.

    Raises:
        CheckpointError: the file is missing, damaged, something else or too large.
    """
    head = _head(path)
    if _is_safetensors(path, head):
        return _safetensors(path)
    reader = _foreign_reader(path, head)
    return _torch_file(path, head) if reader is None else _foreign_file(path, reader)


def is_safetensors(path: Path) -> bool:
    """Whether a file's content is meant to be safetensors.

    Raises:
        CheckpointError: the file is missing, empty, too large, or a Git LFS pointer.
    """
    return _is_safetensors(path, _head(path))


def header_length(head: bytes) -> int:
    """Bytes of the JSON header of a safetensors file, which its first eight bytes give."""
    return int.from_bytes(head[:8], "little")


def shorten(text: str, limit: int = 200) -> str:
    """Text from inside a file, fit to be part of a sentence."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= limit else f"{text[:limit]} ..."


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
    if head[8:9] == b"{" and header_length(head) <= _MAX_HEADER_BYTES:
        return True
    foreign = (_ZIP, b"\x80", *_OTHER_FORMATS)
    return path.suffix.lower() == ".safetensors" and not head.startswith(foreign) and not _is_text(head)


def _safetensors(path: Path) -> Contents:
    # Not mapped into memory: a mapped file that someone cuts short ends the process.
    with _safetensors_faults(path), safe_open(path, framework="np", backend="pread") as file:
        metadata = dict(sorted((file.metadata() or {}).items()))
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        tensors = {
            name: Stored(tuple(part.get_shape()), FLOATS.get(part.get_dtype(), part.get_dtype()))
            for name, part in slices.items()
        }

    def values() -> dict[str, Floats]:
        with _safetensors_faults(path):
            raw = deserialize(path.read_bytes())[::-1]
        found = {}
        # What is decoded is let go.
        while raw:
            name, part = raw.pop()
            found[name] = _decoded(part)
        return found

    return Contents(metadata, tensors, values)


def _foreign_reader(path: Path, head: bytes) -> Callable[[Path], foreign_files.Found] | None:
    """What reads a file that is neither safetensors nor torch's; None if nothing does."""
    if head.startswith(_ZIP):
        names = _archived(path)
        if names and all(name.endswith(".npy") for name in names):
            return foreign_files.read_npz
        return foreign_files.read_keras_archive if {"config.json", "model.weights.h5"} <= set(names) else None
    if head.startswith(_HDF5) or (head.startswith(_MATLAB) and head[_MATLAB_VERSION] == 2):
        return foreign_files.read_hdf5
    if head.startswith(_MATLAB):
        return foreign_files.read_mat
    return foreign_files.read_json if head.lstrip().startswith(b"{") and _is_text(head) else None


def _archived(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                return []
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        return []


def _foreign_file(path: Path, reader: Callable[[Path], foreign_files.Found]) -> Contents:
    try:
        found = reader(path)
    except foreign_files.UnreadableError as error:
        raise CheckpointError(f"{path.name} {error}") from error
    except (*_PICKLE_FAULTS, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(f"{path.name} is damaged ({shorten(str(error))}); copy or download it again") from error
    return Contents(
        metadata={"source": path.name},
        tensors={name: Stored(array.shape, _kind(array)) for name, array in found.arrays.items()},
        values=lambda: {name: np.asarray(array, dtype=np.float64) for name, array in found.arrays.items()},
        settings=found.settings,
        notes=tuple(found.notes),
        asks=reader in (foreign_files.read_hdf5, foreign_files.read_keras_archive),
    )


def _kind(array: NDArray[Any]) -> str:
    # Programs that have no other numbers store whole weights as integers.
    return "float64" if array.dtype.kind in "iu" and array.ndim else str(array.dtype)


def _decoded(part: Mapping[str, Any]) -> Floats:
    if part["dtype"] == "BF16":
        # bfloat16 is the upper half of a float32; NumPy has no name for it.
        values = (np.frombuffer(part["data"], "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(part["data"], {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[part["dtype"]])
    decoded = values.astype(np.float64)
    # A network takes what is read-only without a copy.
    decoded.setflags(write=False)
    return decoded.reshape(part["shape"])


@contextmanager
def _safetensors_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} {_safetensors_fault(path.read_bytes(), str(error))}") from error


def _safetensors_fault(data: bytes, reason: str) -> str:
    """The predicate of the sentence for bytes that the safetensors reader refused for this reason."""
    end = 8 + header_length(data)
    if len(data) < 9 or len(data) < end <= 8 + _MAX_HEADER_BYTES:
        return f"is truncated: it ends within its header, after {len(data):,} bytes; copy or download it again"
    if "not fully covered" in reason:
        entries = json.loads(data[8:end])
        end += max((entry["data_offsets"][1] for name, entry in entries.items() if name != _METADATA), default=0)
        found = "truncated" if len(data) < end else "too long"
        return f"is {found}: it has {len(data):,} bytes; expected {end:,}; copy or download it again"
    reason = reason.removeprefix("Error while deserializing").removeprefix(" header").removeprefix(": ")
    return (
        f"has a corrupt safetensors header ({shorten(reason)}); expected JSON that describes the tensors; "
        f"copy or download the file again"
    )


def _torch_file(path: Path, head: bytes) -> Contents:
    if head.startswith(_ZIP):
        _check_archive(path)
    elif _ZIP.startswith(head) or _TORCH_LEGACY.startswith(head):
        raise _damaged(path, f"it ends after {len(head)} bytes")
    elif head.startswith(_TORCH_LEGACY):
        _check_pickles(path)
    else:
        raise CheckpointError(_foreign(path, head))
    return _torch_contents(path.name, _torch_object(path))


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise _damaged(path, "its zip directory cannot be found or read") from error
    parts = {name.rpartition("/")[2] for name in names}
    if "data.pkl" not in parts and (named := name_archive(names)):
        raise CheckpointError(f"{path.name} {named}")
    if "data.pkl" not in parts or "constants.pkl" in parts:
        found = "a TorchScript program" if "constants.pkl" in parts else "a zip archive of another kind"
        advice = "load it with torch.jit.load and " + RESAVE if "constants.pkl" in parts else RESAVE
        raise CheckpointError(f"{path.name} is {found}; expected a state dict; {advice}")
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
    try:
        import torch
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{path.name} is a file of torch, which is not installed here; pip install 'hmmrnn[train]', or save the "
            f"network as safetensors"
        ) from error
    try:
        # Given a path, torch would go by the name's ending and not by the content.
        # Its warnings are advice to programmers; what a viewer can do is in the sentences below.
        allowed = torch.serialization.safe_globals(_numpy_globals())
        with open(path, "rb") as file, warnings.catch_warnings(action="ignore"), allowed:
            return torch.load(file, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not asked:
            raise _damaged(path, "its pickle cannot be read") from error
        raise CheckpointError(
            f"{path.name} is a pickle that asks for the code of {asked[1]}, which was refused and not run; "
            f"expected tensors only; {RESAVE}"
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
            f"{path.name} is a Python pickle, which can hold code and was not opened; expected a state dict; {RESAVE}"
        )
    found = next((name for magic, name in _OTHER_FORMATS.items() if head.startswith(magic)), None)
    if found is None and _is_text(head) and not head.lstrip().startswith((b"{", b"[")):
        with open(path, encoding="utf-8", errors="replace") as file:
            return f"{path.name} {name_text(file.read(MOST_TEXT), path.name)}"
    if found is None and _is_text(head):
        found = "JSON text"
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


def _numpy_globals() -> list[Any]:
    """What NumPy's numbers and arrays need to be read: they hold no code."""
    from numpy._core import multiarray

    makers = ("_reconstruct", "scalar")
    plain = [np.ndarray, np.dtype, *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"}, codecs.encode]
    named = [(getattr(multiarray, name), f"numpy.{core}.multiarray.{name}") for name in makers for core in _CORES]
    return [*plain, (codecs.encode, "_codecs.encode"), *named]


def _torch_contents(name: str, loaded: Any) -> Contents:
    """The named tensors of what torch.load gave, wherever they are nested, and the settings beside them."""
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f"{name} holds a {type(loaded).__name__}; expected a dict of named tensors; {RESAVE}")
    settings: dict[str, Any] = {}
    everything = dict(foreign_files.flatten(_without_others(loaded), settings))
    state, inside, beside = everything, [""], set[str]()
    while len(inside) <= foreign_files.MAX_DEPTH:
        key = next((key for key in NESTED_UNDER if any(_is_under(name, key) for name in state)), None)
        # A module may be called so as well: only what holds all that has two dimensions is the network.
        if key is None or not _holds_matrices(state, key):
            break
        beside |= {name.partition(".")[0] for name, item in state.items() if not _is_under(name, key) and item.shape}
        state = {name.removeprefix(f"{key}."): item for name, item in state.items() if _is_under(name, key)}
        inside.append(key)
    others = f", beside {', '.join(sorted(beside))}" if beside else ""
    notes = (f"found under {'.'.join(inside[1:])!r}{others}",) if len(inside) > 1 else ()
    return Contents(
        metadata={"source": name},
        tensors={name: _described(tensor) for name, tensor in state.items()},
        values=lambda: {name: _value(tensor) for name, tensor in state.items() if _described(tensor).dtype in _READ},
        settings=settings,
        notes=notes,
    )


def _is_under(name: str, key: str) -> bool:
    return name.startswith(f"{key}.")


def _holds_matrices(state: Mapping[str, Any], key: str) -> bool:
    """Whether a whole network lies under a key: all matrices, or at least three beside a copy of them elsewhere."""
    inner = [name for name, item in state.items() if _is_under(name, key) and len(item.shape) == 2]
    outer = [name for name, item in state.items() if not _is_under(name, key) and len(item.shape) == 2]
    return len(inner) > 2 or (len(inner) > 0 and not outer)


def _without_others(tree: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in tree.items() if not BESIDE.match(str(key))}


def _described(tensor: Any) -> Stored:
    if isinstance(tensor, (np.ndarray, np.generic)):
        return Stored(tensor.shape, str(tensor.dtype))
    import torch

    # Sparse tensors have their values in fewer places.
    if tensor.is_nested or tensor.device.type != "cpu" or tensor.layout not in _layouts(torch):
        return Stored((), "nested" if tensor.is_nested else f"{tensor.layout} on {tensor.device}")
    return Stored(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def _layouts(torch: Any) -> tuple[Any, ...]:
    return torch.strided, torch.sparse_coo, torch.sparse_csr, torch.sparse_csc


def _value(tensor: Any) -> Floats:
    if isinstance(tensor, (np.ndarray, np.generic)):
        return np.asarray(tensor, dtype=np.float64)
    values: Floats = tensor.detach().to_dense().double().numpy()
    return values
