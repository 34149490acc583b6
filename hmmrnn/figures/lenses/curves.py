"""What figures of several lenses share: measured values over names or numbers, and rows of now and intact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from hmmrnn.figures.panels import draw_measured
from hmmrnn.figures.theme import Theme

T = TypeVar("T")
# Room for the labels at the left of a row, as a share of the width.
LABELS = 0.025


def beside_intact(now: T, intact: T | None) -> list[tuple[str, T]]:
    """The results to show, each with the words before its headings: none where there is one result only."""
    return [("", now)] if intact is None else [("now: ", now), ("intact: ", intact)]


def draw_values(
    x: ArrayLike, y: ArrayLike, error: ArrayLike | None, name: str, colour: str, theme: Theme, **own: Any
) -> Any:
    """Measured values with standard errors; without errors if None."""
    values = np.asarray(y, dtype=float)
    errors = np.full(values.shape, np.nan) if error is None else np.asarray(error, dtype=float)
    hover = f"{name}, %{{x}}: %{{customdata}}<extra></extra>"
    return draw_measured(np.asarray(x), values, errors, name, colour, theme, **{"hovertemplate": hover, **own})


def name_categories(title: str, names: Iterable[str]) -> dict[str, Any]:
    """An axis of names, in this order."""
    order = list(names)
    whole = [-0.5, len(order) - 0.5]
    return {
        "title": title,
        "type": "category",
        "categoryorder": "array",
        "categoryarray": order,
        "range": whole,
        "showgrid": False,
    }
