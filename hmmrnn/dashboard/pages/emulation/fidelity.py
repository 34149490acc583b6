"""Fidelity: the emissions of the network against those of its HMM."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from hmmrnn.dashboard import work
from hmmrnn.dashboard.view import SLOW, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.fidelity import Verdict, draw_fidelity
from hmmrnn.figures.theme import Theme
from hmmrnn.model.metadata import note_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The network as it is now, and the comparison; None where no HMM is known, or where it does not differ."""

    now: Verdict | None
    reference: Verdict | None


def compute(explored: Explored) -> Comparison:
    """Long runs, matched sequences and hidden states of both networks against the HMM."""
    return Comparison(_judge(explored), _judge(explored.reference) if explored.scenario.compared else None)


def _judge(explored: Explored) -> Verdict | None:
    judged = queries.fidelity_of(explored)
    if judged is None:
        return None
    try:
        return Verdict(judged, work.analyse("matching", explored), work.analyse("decoding", explored))
    except work.NoWorkerError as error:
        # What needs no worker is shown all the same; the caption says what is missing.
        logger.warning("matched distance and hidden states are left out: %s", error)
        return Verdict(judged)


def figures(_explored: Explored, shown: Comparison, theme: Theme) -> Sequence[go.Figure | None]:
    """Shares, lags, distances, transition matrices and hidden states."""
    return (None if shown.now is None else draw_fidelity(shown.now, shown.reference, theme),)


def caption(explored: Explored, shown: Comparison, _theme: Theme) -> str:
    """The verdict, the runs that it rests on, and what the file says of the network."""
    note = note_of(explored.network.metadata)
    return f"{_verdict(shown)}. {note}" if note else _verdict(shown)


def _verdict(shown: Comparison) -> str:
    if shown.now is None:
        return "this network's file names no known HMM to compare it with"
    judged, decoding = shown.now.fidelity, shown.now.decoding
    verdict = "matches its HMM" if judged.passes else "; ".join(judged.failures)
    runs = f"{judged.trajectories} runs of {judged.steps:,} steps from h = 0, seed {judged.seed}: {verdict}"
    if decoding is None:
        return f"{runs}; matched distance and hidden states need a worker, and none answers"
    return runs + (f"; the HMM cannot emit {decoding.impossible} of the runs shown" if decoding.impossible else "")


VIEW = View(
    id="fidelity",
    title="Fidelity",
    help="How well the network's emissions match its HMM: shares of the outputs, how often outputs some steps apart "
    "are the same, symbol switch rate, log-likelihood under the HMM (for the HMM itself: minus its entropy rate), and "
    "the distance of sequences to those of the HMM that they are best matched with (for the HMM itself: the floor). "
    "Below, the emission transition matrices, and the HMM's likeliest hidden states behind the emissions of the "
    "runs shown, beside region and output at the same steps. Bars and ± are one standard error.",
    kind=SLOW,
    compute=compute,
    figures=figures,
    caption=caption,
    tall=True,
)
