"""The tensors in a file, and the errors for files that hold no usable network."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hmmrnn.model.cells import Floats

MAX_BYTES = 256 * 2**20
MAX_DEPTH = 8
RESAVE = "save its state dict with torch.save(model.state_dict(), path)"
FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
ZIP = b"PK\x03\x04"
# What torch and pickletools were seen to raise on damaged bytes, besides UnpicklingError.
DAMAGE = (
    RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError,
    OverflowError, MemoryError, EOFError, OSError, struct.error,
)  # fmt: skip


Array = NDArray[Any]


class UnreadableError(ValueError):
    """The predicate of a sentence: what is wrong with a file."""


class Found(NamedTuple):
    """What lies in a file of another program."""

    arrays: dict[str, Array]  # by name
    settings: dict[str, Any]  # numbers and words beside them
    notes: list[str]  # how it was read


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


def flatten(tree: Any, settings: dict[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The arrays of nested mappings and lists by their names, joined by dots; numbers and words go to the settings."""
    if depth > MAX_DEPTH:
        return
    if isinstance(tree, list | tuple) and any(isinstance(item, Mapping) or hasattr(item, "dtype") for item in tree):
        tree = {str(place): item for place, item in enumerate(tree)}
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from flatten(value, settings, f"{path}.{key}" if path else str(key), depth + 1)
    elif hasattr(tree, "shape") and hasattr(tree, "dtype"):
        yield path, tree
    elif isinstance(tree, (str, int, float)) and not isinstance(tree, bool):
        settings.setdefault(path, tree)


def shorten(text: str, limit: int = 200) -> str:
    """Text from inside a file, fit to be part of a sentence."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= limit else f"{text[:limit]} ..."
