"""Rank: what is left of a network whose recurrent weights have a lower rank."""

from __future__ import annotations

from collections.abc import Mapping

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.rank_truncation import draw_rank
from hmmrnn.lenses.rank_truncation import RankTruncation

# Within so much of the full network's switch rate a truncation counts as switching like it.
CLOSE = 0.25


def words(seen: RankTruncation) -> str:
    """The lowest rank of each truncation from which on the network switches about as often as at full rank."""
    found = ", ".join(
        f"{name} from rank {_lowest(seen, rates) or 'none'} on"
        for name, rates in (("weighted", seen.switch_rate_weighted), ("plain", seen.switch_rate_svd))
    )
    return f"switches within {CLOSE:.0%} of full rank: {found}; seed {seen.seed}"


def _lowest(seen: RankTruncation, rates: Mapping[str, float]) -> int | None:
    lowest = None
    for r in reversed(seen.ranks):
        rate = rates[str(r)]
        if not abs(rate - seen.switch_rate_full) <= CLOSE * seen.switch_rate_full:
            break
        lowest = r
    return lowest


VIEW = lens_view("rank", draw_rank, words, makes=True)
