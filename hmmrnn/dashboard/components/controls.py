"""Buttons and number fields that look and behave alike on every page."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html


def button(id: Any, text: str, title: str, **more: Any) -> Any:
    """A button; `title` says in a sentence what it does, while it is pointed at."""
    return html.Span(dmc.Button(text, id=id, variant="default", size="compact-md", n_clicks=0, **more), title=title)


def whole_number(id: str, label: str, value: float | str, low: float, high: float, **more: Any) -> Any:
    """A field for a whole number from `low` to `high`; what is typed beyond is brought back when it is left."""
    return dmc.NumberInput(
        id=id,
        label=label,
        value=value,
        min=low,
        max=high,
        allowDecimal=False,
        allowNegative=False,
        clampBehavior="blur",
        size="sm",
        **more,
    )
