"""Evidence: the kick groups that the search found in the intact network, and how far other seeds agree."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import EXPERIMENTS, KICK_PROOF, KickEvidence
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.kick_neurons import draw_kick_neurons
from hmmrnn.figures.theme import Theme


def figures(_explored: Explored, evidence: KickEvidence, theme: Theme) -> Sequence[go.Figure]:
    """Kick groups against random and matched groups, effects on all exits, agreement of seeds."""
    return (draw_kick_neurons(evidence.found, evidence.agreement, theme, effects=evidence.effects),)


def caption(_explored: Explored, evidence: KickEvidence, _theme: Theme) -> str:
    """How many kick groups are necessary, and on which seeds that rests."""
    found = evidence.found
    necessary = sum(group.proven for group in found.groups)
    text = (
        f"intact network: {necessary} of {len(found.groups)} kick groups necessary (held-out noise), "
        f"seed {found.seed}; agreement of {len(evidence.agreement.seeds)} seeds"
    )
    if found.not_visited:
        text += f"; not visited: output {', '.join(map(str, found.not_visited))}"
    return text


VIEW = View(
    id=KICK_PROOF,
    title="Kick neurons",
    help="The search in the intact network, and its evidence. For each exit the smallest group of neurons without "
    "which it is hardly taken: how often it still is, as a ratio to intact, beside random groups of the same size "
    "under the same noise, and beside groups matched neuron by neuron in mean activity; the effect of single neurons; "
    "what silencing does to the other exits; and how often searches with other noise choose the same neurons. p is "
    "the share of groups that lower the leave rate as far, corrected over the exits by Holm's method. Where silencing "
    "does not stop an exit, what else was tried; which neurons are sufficient for it, python -m hmmrnn circuits tells.",
    kind=TASK,
    of="network",
    compute=EXPERIMENTS[KICK_PROOF].compute,
    figures=figures,
    caption=caption,
    tall=True,
)
