"""Tensors in what torch.save writes: pickles, read in a mode that refuses code instead of running it.

The weights may lie anywhere in what was saved, beside the state of an optimizer and counters.
"""

from __future__ import annotations

import codecs
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.model.cells import Floats
from hmmrnn.model.opening.contents import (
    DAMAGE,
    FLOATS,
    MAX_BYTES,
    MAX_DEPTH,
    RESAVE,
    ZIP,
    CheckpointError,
    Contents,
    Stored,
    flatten,
)
from hmmrnn.model.opening.not_networks import name_archive

# Where the weights lie beside an optimizer and counters, the likeliest first.
NESTED_UNDER = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "net_state_dict", "weights"),
    *("params", "parameters", "state", "rnn_state_dict", "ema", "ema_state_dict", "model_ema"),
)
# What is never weights.
BESIDE = re.compile(r"(?i)^(optim|sched|scaler|lr_|rng|callbacks|loops|loss|history|hparams_name|random)")

_TORCH_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_LEGACY_PICKLES = 4  # magic number, protocol, system, and the object; then storage keys and raw numbers
_CORES = ("_core", "core")
_READ = (*FLOATS.values(), "int64", "int32", "int16", "int8", "uint8", "bool")


def is_torch_file(head: bytes) -> bool:
    """Whether a file that begins with these bytes, at least one, is one of torch.save, or the beginning of one."""
    return any(head.startswith(magic) or magic.startswith(head) for magic in (ZIP, _TORCH_LEGACY))


def open_torch_file(path: Path, head: bytes) -> Contents:
    """Read which tensors a file of torch.save holds, which begins with these bytes.

    Raises:
        CheckpointError: the file is damaged, asks for code, holds no tensors, or unpacks to too much.
    """
    if head.startswith(ZIP):
        _check_archive(path)
    elif head.startswith(_TORCH_LEGACY):
        _check_pickles(path)
    else:
        raise _damaged(path, f"it ends after {len(head)} bytes")
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
        raise CheckpointError(f"{path.name} {_no_state_dict(names)}")
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{path.name} unpacks to {size / 2**20:,.0f} MiB; expected at most {MAX_BYTES // 2**20} MiB; "
            f"save the state dict of the network alone"
        )


def _no_state_dict(names: list[str]) -> str:
    """What a zip archive is whose members are not those of a state dict."""
    if any(name.endswith("constants.pkl") for name in names):
        return (
            "is a TorchScript program; expected a state dict; load it with model = torch.jit.load(path) and save its "
            "state dict with torch.save(model.state_dict(), path)"
        )
    some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"is a zip archive of another kind ({some or 'empty'}); expected a state dict; {RESAVE}"


def _check_pickles(path: Path) -> None:
    """Walk the opcodes, running none: in a pickle that is cut within a name, torch would see code to refuse."""
    try:
        with open(path, "rb") as file, warnings.catch_warnings(action="ignore"):
            for _ in range(_LEGACY_PICKLES):
                for _ in pickletools.genops(file):
                    pass
    except DAMAGE as error:
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
            f"expected tensors only; load it where its class is defined, with torch.load(path, weights_only=False), "
            f"and {RESAVE}"
        ) from error
    except DAMAGE as error:
        raise _damaged(path, "torch cannot read it") from error


def _damaged(path: Path, how: str) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is truncated or damaged: {how}; expected a whole file of torch.save; copy or download it again"
    )


def _numpy_globals() -> list[Any]:
    """What NumPy's numbers and arrays need to be read: they hold no code."""
    from numpy._core import multiarray

    makers = ("_reconstruct", "scalar")
    plain = [np.ndarray, np.dtype, *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"}, codecs.encode]
    named = [(getattr(multiarray, name), f"numpy.{core}.multiarray.{name}") for name in makers for core in _CORES]
    return [*plain, (codecs.encode, "_codecs.encode"), *named]


def _torch_contents(name: str, loaded: Any) -> Contents:
    """The named tensors of what torch.load gave, wherever they are nested, and the settings beside them."""
    if isinstance(loaded, list | tuple) and any(isinstance(item, Mapping) or hasattr(item, "dtype") for item in loaded):
        loaded = {str(place): item for place, item in enumerate(loaded)}
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f"{name} holds a {type(loaded).__name__}; expected a dict of named tensors; {RESAVE}")
    if {"state", "param_groups"} <= set(loaded):
        raise CheckpointError(f"{name} holds the state of an optimizer, not its network; {RESAVE}")
    settings: dict[str, Any] = {}
    everything = dict(flatten(_without_others(loaded), settings))
    state, inside, beside = everything, [""], set[str]()
    while len(inside) <= MAX_DEPTH:
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
