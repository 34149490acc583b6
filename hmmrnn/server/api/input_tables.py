"""Tables of inputs that are brought to the page.

POST /inputs   {"model", "name", "text"} -> {"sequence", "rows", "columns"}, or {"refused": sentence}
"""

from __future__ import annotations

from typing import Annotated, Any

from flask import Flask
from pydantic import Field
from typing_extensions import TypedDict

from hmmrnn.model.inputs import MOST_BYTES, check_columns
from hmmrnn.server.questions import STRICT, Name, answer_at
from hmmrnn.server.services import services


class InputTable(TypedDict):
    """A table as its file holds it, and the network that it is for."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    model: Name
    name: Name
    text: Annotated[str, Field(max_length=MOST_BYTES)]


def register(server: Flask) -> None:
    """Register the address."""
    answer_at(server, "/inputs", "inputs", InputTable, take_table, MOST_BYTES + 10_000)


def take_table(asked: dict[str, Any]) -> dict[str, Any]:
    """Keep a table of inputs for a network.

    Raises:
        ValueError: it cannot be read, has not as many columns as the network has inputs, or cannot be kept.
    """
    entry, tables = services().models.entry(asked["model"]), services().inputs
    check_columns(tables.read(asked["text"]), entry.header.n_inputs, entry.name)
    sequence, rows = tables.keep(asked["text"])
    return {"sequence": sequence, "rows": rows.shape[0], "columns": rows.shape[1]}
