"""About: the argument in two sentences, and the terms of the page."""

from __future__ import annotations

from typing import Any

from dash import html

from hmmrnn.dashboard.guide import TERMS
from hmmrnn.dashboard.view import View


def _inside() -> Any:
    return html.Div(
        [
            html.P(
                "Noise builds up in a slow cluster, a few kick neurons cross zero, and the state is thrown along a "
                "fast transition to the next cluster. Take those neurons away and it stays."
            ),
            html.Dl([part for term in TERMS for part in (html.Dt(term.name), html.Dd(term.meaning))]),
            html.P(
                "After Torre et al., Mechanistic Interpretability of RNNs emulating Hidden Markov Models, NeurIPS 2025."
            ),
        ],
        className="about-page",
    )


VIEW = View(id="about", title="About", inside=_inside)
