"""Frozen results as bytes, and back: the arrays in NumPy's compressed format, all else as JSON beside them.

    1, "a", None, [..]      as they are
    array                   {"array": its number, from 1}
    tuple                   {"tuple": [..]}
    mapping                 {"dict": [[key, value], ..]}
    dataclass, named tuple  {"record": ["module:Name", [[field, value], ..]]}

Nothing in such a file is executed: only dataclasses and named tuples of this package are made from it.
"""

import dataclasses
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKAGE = "hmmrnn."
# What reading was seen to raise on damaged bytes, and on results of other code.
_FAULTS = (
    *(ArithmeticError, AttributeError, AssertionError, EOFError, ImportError, LookupError, MemoryError, OSError),
    *(RuntimeError, TypeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error),
)


class UnreadableResultError(ValueError):
    """The bytes are damaged, or of a result that this code does not know; the message says which."""


def write_result(result: Any) -> bytes:
    """The bytes of a result of plain values, arrays and records of this package; equal for equal results.

    Raises:
        TypeError: a part of it is of another type.
    """
    arrays: list[NDArray[Any]] = []
    tree = json.dumps(_to_plain(result, arrays)).encode()
    file = BytesIO()
    np.savez_compressed(file, np.frombuffer(tree, np.uint8), *arrays)
    return file.getvalue()


def read_result(data: bytes) -> Any:
    """The result that was written; its arrays are read-only.

    Raises:
        UnreadableResultError: the bytes are damaged, or of a result that this code does not know.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as members:
            # NumPy stops reading at the last value, before the checksum is compared.
            damaged = members.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of {damaged} is wrong")
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            return json.loads(arrays["arr_0"].tobytes(), object_hook=lambda node: _from_plain(node, arrays))
    except _FAULTS as error:
        raise UnreadableResultError(f"{type(error).__name__}: {error}") from error


def _to_plain(value: Any, arrays: list[NDArray[Any]]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        arrays.append(value)
        return {"array": len(arrays)}
    if isinstance(value, list):
        return [_to_plain(item, arrays) for item in value]
    if type(value) is tuple:
        return {"tuple": [_to_plain(item, arrays) for item in value]}
    if isinstance(value, Mapping):
        return {"dict": [[_to_plain(key, arrays), _to_plain(item, arrays)] for key, item in value.items()]}
    if _is_record(type(value)):
        names = getattr(value, "_fields", None) or [field.name for field in dataclasses.fields(value)]
        fields = [[name, _to_plain(getattr(value, name), arrays)] for name in names]
        return {"record": [f"{type(value).__module__}:{type(value).__qualname__}", fields]}
    raise TypeError(f"a result may hold plain values, arrays and records of hmmrnn; got {type(value)!r}")


def _from_plain(node: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:
    [(kind, value)] = node.items()
    if kind == "array":
        array = arrays[f"arr_{value}"]
        array.setflags(write=False)
        return array
    if kind == "tuple":
        return tuple(value)
    if kind == "dict":
        return dict(value)
    if kind == "record":
        name, fields = value
        return _class_named(name)(**dict(fields))
    raise ValueError(f"{kind!r} is no part of a result")


def _class_named(name: str) -> type[Any]:
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute) if module.startswith(PACKAGE) else None
    if not (isinstance(found, type) and _is_record(found)):
        raise ValueError(f"{name!r} is no record of hmmrnn")
    return found


def _is_record(kind: type[Any]) -> bool:
    """Whether a class is a dataclass or a named tuple of this package."""
    named = dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    return named and kind.__module__.startswith(PACKAGE)
