"""How far is an analysis? Whoever waits is told, and may stop it.

An analysis that takes seconds is given a function that it tells the share done, 0 to 1, every second or so. What that
function raises is passed through: so a caller that has lost interest ends the analysis.
"""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[float], None]


def ignore(_share: float) -> None:
    """Tell nobody."""


def part_of(tell: Tell, first: float, last: float) -> Tell:
    """What an analysis tells that is itself the part from `first` to `last` of another one."""

    def told(share: float) -> None:
        tell(first + (last - first) * share)

    return told
