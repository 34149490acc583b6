"""Tensors in a file, whatever its format: safetensors, or one of those in torch_files.py and other_programs.py.

safetensors holds numbers and strings, never code. The content decides the format of a file, not its name.

Source: https://github.com/huggingface/safetensors (format); https://git-lfs.com (pointer files).
"""

from __future__ import annotations

import codecs
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize, safe_open

from hmmrnn.model.cells import Floats
from hmmrnn.model.opening import other_programs
from hmmrnn.model.opening.contents import (
    DAMAGE,
    FLOATS,
    MAX_BYTES,
    ZIP,
    CheckpointError,
    Contents,
    Found,
    Stored,
    UnreadableError,
    shorten,
)
from hmmrnn.model.opening.not_networks import MAGIC, NPY, name_bytes, name_folder, name_text
from hmmrnn.model.opening.torch_files import is_torch_file, open_torch_file

_HEAD_BYTES = 1024
_LFS_POINTER = b"version https://git-lfs"
_METADATA = "__metadata__"
_HDF5, _MATLAB, _MATLAB_VERSION = b"\x89HDF", b"MATLAB ", 125
MOST_TEXT = 4_000_000  # characters of a text that are looked at
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors format


def open_tensor_file(path: Path) -> Contents:
    """Read which tensors a file of a network holds, whatever its name ends in.

    Raises:
        CheckpointError: the file is missing, damaged, something else or too large.
    """
    head = _head(path)
    if _is_safetensors(path, head):
        return _safetensors(path)
    reader = _foreign_reader(path, head)
    if reader is not None:
        return _foreign_file(path, reader)
    if not is_torch_file(head):
        raise CheckpointError(_foreign(path, head))
    return open_torch_file(path, head)


def is_safetensors(path: Path) -> bool:
    """Whether a file's content is meant to be safetensors.

    Raises:
        CheckpointError: the file is missing, empty, too large, or a Git LFS pointer.
    """
    return _is_safetensors(path, _head(path))


def header_length(head: bytes) -> int:
    """Bytes of the JSON header of a safetensors file, which its first eight bytes give."""
    return int.from_bytes(head[:8], "little")


def _head(path: Path) -> bytes:
    """The first bytes of a file that may be worth reading further."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; expected the file of a network; check its name") from None
    except IsADirectoryError:
        raise CheckpointError(f"{path} {name_folder(os.listdir(path))}") from None
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
    foreign = (ZIP, b"\x80", NPY, *MAGIC)
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


def _foreign_reader(path: Path, head: bytes) -> Callable[[Path], Found] | None:
    """What reads a file that is neither safetensors nor torch's; None if nothing does."""
    if head.startswith(ZIP):
        names = _archived(path)
        if names and all(name.endswith(".npy") for name in names):
            return other_programs.read_npz
        return other_programs.read_keras_archive if {"config.json", "model.weights.h5"} <= set(names) else None
    if head.startswith(_HDF5) or (head.startswith(_MATLAB) and head[_MATLAB_VERSION : _MATLAB_VERSION + 1] == b"\x02"):
        return other_programs.read_hdf5
    if head.startswith(_MATLAB) or _is_matlab_4(head):
        return other_programs.read_mat
    return other_programs.read_json if head.lstrip().startswith(b"{") and _is_text(head) else None


def _is_matlab_4(head: bytes) -> bool:
    """Whether a file begins with the header of a matrix as MATLAB 4 writes it: five numbers and a name."""
    if len(head) < 22:
        return False
    kind, rows, columns, imaginary, length = struct.unpack("<5i", head[:20])
    name = head[20 : 20 + length] if 1 < length < 65 else b""
    plain = name[:-1].replace(b"_", b"a").isalnum() and name[-1:] == b"\0"
    return kind in (0, 10, 20, 30, 40, 50) and rows > 0 and columns > 0 and imaginary in (0, 1) and plain


def _archived(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                return []
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        return []


def _foreign_file(path: Path, reader: Callable[[Path], Found]) -> Contents:
    try:
        found = reader(path)
    except UnreadableError as error:
        raise CheckpointError(f"{path.name} {error}") from error
    except (*DAMAGE, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(f"{path.name} is damaged ({shorten(str(error))}); copy or download it again") from error
    return Contents(
        metadata={"source": path.name},
        tensors={name: Stored(array.shape, _kind(array)) for name, array in found.arrays.items()},
        values=lambda: {name: np.asarray(array, dtype=np.float64) for name, array in found.arrays.items()},
        settings=found.settings,
        notes=tuple(found.notes),
        asks=reader in (other_programs.read_hdf5, other_programs.read_keras_archive),
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


def _foreign(path: Path, head: bytes) -> str:
    """The sentence for a file that is neither safetensors nor torch's."""
    if named := name_bytes(head, path.name):
        return f"{path.name} {named}"
    if _is_text(head) and not head.lstrip().startswith((b"{", b"[")):
        with open(path, encoding="utf-8", errors="replace") as file:
            return f"{path.name} {name_text(file.read(MOST_TEXT), path.name)}"
    found = "JSON text" if _is_text(head) else "of an unknown format"
    return (
        f"{path.name} is {found}, not a network; "
        f"expected a .safetensors file or a state dict written by torch.save; choose another file"
    )


def _is_text(head: bytes) -> bool:
    try:
        # Incremental, because the head may end in the middle of a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(char.isprintable() or char.isspace() for char in text)
