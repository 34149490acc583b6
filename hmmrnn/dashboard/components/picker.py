"""The picker of networks in the header: the networks that can be opened, and the description of the open one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hmmrnn.model.cells import CELLS
from hmmrnn.model.metadata import note_of
from hmmrnn.server.services import services
from hmmrnn.server.uploads import OPENED_SHA256
from hmmrnn.storage import model_registry

MAX_FAMILY = 40
# Choices that a page is sent with every change of the networks.
MOST = 500
ALL_STATES = {"value": "all", "label": "all states"}
GATE = {"true": "matches its HMM", "false": "does not match its HMM"}
NOT_MEASURED = "fidelity not measured"


def model_choices(opened: str = "") -> list[dict[str, str]]:
    """The first networks to open and the one that is open, each with its family and sizes.

    The page's list of networks has pages for the others.
    """
    models = services().models
    some = [item for i, item in enumerate(models.entries()) if i < MOST or item.name == opened]
    found = models.find(opened) if opened else None
    if found is not None and found.name not in {item.name for item in some}:
        some.append(found)
    return [{"value": item.name, "label": label_of(item)} for item in some]


def describe_network(model: str) -> dict[str, Any]:
    """What the header says of a network, and the planes that it can be seen in.

    Raises:
        ValueError: there is none of that name.
    """
    header = services().models.entry(model).header
    pairs = combinations(range(header.n_outputs), 2)
    fidelity = GATE.get(header.metadata.get("fidelity_passes") or "", NOT_MEASURED)
    claimed = OPENED_SHA256 in header.metadata and fidelity != NOT_MEASURED
    return {
        "model": model,
        # A file can say anything of itself.
        "fidelity": f"{fidelity}, says its file" if claimed else fidelity,
        "note": note_of(header.metadata),
        "inputs": header.n_inputs,
        "learned": header.learned_start,
        # The picker need not have it yet.
        "choices": None if _is_offered(model) else model_choices(model),
        "pairs": [ALL_STATES, *({"value": f"{a}-{b}", "label": f"outputs {a} and {b}"} for a, b in pairs)],
    }


def _is_offered(model: str) -> bool:
    return any(item.name == model for item in services().models.entries()[:MOST])


def label_of(item: model_registry.Entry) -> str:
    """Name, family and sizes of a network."""
    header = item.header
    # A foreign file can say anything of itself, at any length.
    family = header.metadata.get("family", "unknown family")[:MAX_FAMILY]
    named = item.name if family == item.name else f"{item.name} ({family})"
    kind = "" if header.cell == "relu" else f"{CELLS[header.cell].words}, "
    return f"{named}: {kind}N = {header.n_neurons}, M = {header.n_inputs}, {header.n_outputs} outputs"
