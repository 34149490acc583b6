"""Symmetric and skew halves of the recurrent weights, and networks of other mixtures."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.weight_halves import draw_weight_halves
from hmmrnn.lenses.weight_halves import WeightHalves


def words(seen: WeightHalves) -> str:
    """What the null is of, and what each half does alone."""
    one, none = int((seen.grid == 1).argmax()), int((seen.grid == 0).argmax())
    alone = (
        (f"{half} alone", seen.diverges_at[at], seen.size[at]) for half, at in (("S", (one, none)), ("K", (none, one)))
    )
    said = ", ".join(
        f"{half} diverges at step {at:.0f}" if at else f"{half} stays bounded at {size:.2g} times the activity"
        for half, at, size in alone
    )
    return f"{said}; null: {seen.null}; seed {seen.seed}"


VIEW = lens_view("halves", draw_weight_halves, words, makes=True)
