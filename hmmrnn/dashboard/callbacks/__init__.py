"""From widget values to figures. Each module registers the callbacks of one part of the page."""

from __future__ import annotations

from dash import Dash

from hmmrnn.dashboard.callbacks import client, experiments, fast, link, network, slow, sweep, training


def register(app: Dash) -> None:
    """Register every callback of the page."""
    for part in (client, link, network, fast, slow, experiments, training, sweep):
        part.register(app)
