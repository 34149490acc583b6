"""Which networks does the picker offer? Those of the catalog, each with its family and sizes."""

from __future__ import annotations

from hmmrnn.dashboard import catalog

MAX_FAMILY = 40


def model_choices() -> list[dict[str, str]]:
    """The networks to open, as the picker lists them."""
    return [{"value": item.name, "label": _label(item)} for item in catalog.entries()]


def _label(item: catalog.Entry) -> str:
    header = item.header
    # A stranger's file can say anything of itself, at any length.
    family = header.metadata.get("family", "unknown family")[:MAX_FAMILY]
    named = item.name if family == item.name else f"{item.name} ({family})"
    return f"{named}: N = {header.n_neurons}, M = {header.n_inputs}, {header.n_outputs} outputs"
