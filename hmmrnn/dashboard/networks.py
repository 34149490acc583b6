"""The list of networks, page by page; those that were opened or trained on this server can be renamed and removed.

POST /networks          some of those whose name or family holds a text
POST /networks/change   another name for one, or its removal

Without users everybody may change what was brought here; with users, each what they have brought, and what is nobody's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Flask
from pydantic import Field
from typing_extensions import TypedDict

from hmmrnn.dashboard.components.picker import label_of, model_choices
from hmmrnn.dashboard.view import Json
from hmmrnn.model.metadata import BROUGHT_BY, mark_of
from hmmrnn.server.auth.requester import identify_owner
from hmmrnn.server.questions import STRICT, Name, answer_at
from hmmrnn.server.services import services
from hmmrnn.storage.model_registry import Entry

ROWS = 50


class NetworksQuestion(TypedDict):
    """A text that is looked for, and which page of what is found."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    text: Name
    page: Annotated[int, Field(ge=0, le=1_000_000)]


class _Rename(TypedDict):
    __pydantic_config__ = STRICT  # type: ignore[misc]
    command: Literal["rename"]
    model: Name
    name: Name


class _Remove(TypedDict):
    __pydantic_config__ = STRICT  # type: ignore[misc]
    command: Literal["remove"]
    model: Name


def register(server: Flask) -> None:
    """Register the addresses."""
    answer_at(server, "/networks", "networks", NetworksQuestion, answer_networks)
    answer_at(server, "/networks/change", "change-network", _Rename | _Remove, change_network)


def answer_networks(asked: Json) -> Json:
    """A page of the networks that hold a text, how many there are, and how much room all take that were brought."""
    models, text = services().models, asked["text"].casefold()
    everything = models.entries(more=True)
    found = [item for item in everything if text in label_of(item).casefold()]
    first = asked["page"] * ROWS
    own = sum(item.size for item in everything if models.is_own(item))
    return {
        "rows": [_row(item) for item in found[first : first + ROWS]],
        "count": len(found),
        "pages": -(-len(found) // ROWS),
        "megabytes": round(own / 1e6, 1),
        "most": round(services().settings.networks_mb * 2**20 / 1e6),
    }


def change_network(asked: Json) -> Json:
    """Rename or remove a network; the networks that can be opened then.

    Raises:
        ValueError: there is none of that name, it is that of another user, or no network can have the name.
    """
    models = services().models
    item = models.entry(asked["model"])
    if models.is_own(item) and not _may_change(item):
        raise ValueError(f"{item.name} was brought by another user, who alone can rename or remove it")
    if asked["command"] == "rename":
        models.rename(item.name, asked["name"])
    else:
        models.remove(item.name)
    return {"choices": model_choices()}


def _may_change(item: Entry) -> bool:
    if services().settings.users is None:
        return True
    return item.header.metadata.get(BROUGHT_BY, "") in ("", mark_of(identify_owner()))


def _row(item: Entry) -> Json:
    own = services().models.is_own(item)
    return {"name": item.name, "label": label_of(item), "changeable": own and _may_change(item)}
