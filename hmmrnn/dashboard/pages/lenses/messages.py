"""Groups and their messages: shares between groups, and their course around switches."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.group_messages import draw_group_messages
from hmmrnn.lenses.group_messages import NOISE, GroupMessages


def words(seen: GroupMessages) -> str:
    """The strongest message between two groups, what it fills, and how much was looked at."""
    across = {key: share for key, share in seen.shares.items() if share > 0 and _ends(key)[0] != _ends(key)[1] != NOISE}
    runs = f"{len(seen.groups)} groups ({seen.found}), {seen.runs} runs of {seen.steps:,} steps, seed {seen.seed}"
    if not across:
        return runs
    most = max(across, key=lambda key: across[key])
    to, source = _ends(most)
    return (
        f"largest share between two groups: {source} to {to}, {across[most]:.2f} ± {seen.shares_se[most]:.2g} "
        f"(null {seen.shares_null[most]:.2g}), in {seen.dimensions[most]:.1f} directions; {runs}"
    )


def _ends(key: str) -> tuple[str, str]:
    to, _, source = key.partition("<-")
    return to, source


VIEW = lens_view("messages", draw_group_messages, words)
