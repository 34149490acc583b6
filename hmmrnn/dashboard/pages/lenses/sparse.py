"""From sparse recordings: what students of a few recorded neurons know of the others."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.sparse_recordings import draw_sparse
from hmmrnn.lenses.sparse_recordings import SparseRecordings


def words(seen: SparseRecordings) -> str:
    """How many neurons judge the students, and what is missing."""
    note = f"; {seen.note}" if seen.note else ""
    return f"judged by {len(seen.never)} neurons that no student was given; seed {seen.seed}{note}"


VIEW = lens_view("sparse", draw_sparse, words, makes=True)
