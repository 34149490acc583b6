"""Live: the network running in the page. A script of the page fills it; here is only its frame."""

from __future__ import annotations

from typing import Any

from dash import html

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.view import View

BUTTONS = (
    (ids.LIVE_SAVE, "Save", "Keep this network, running, as one file that needs no server"),
    (ids.LIVE_SIZE, "Larger", "Give the live view the room of the four views"),
    (ids.LIVE_CLOSE, "Close", "Give the four views the room of the live view"),
)


def _inside() -> Any:
    return html.Div(id=ids.LIVE)


VIEW = View(
    id=ids.LIVE,
    title="Live",
    help="The network as it is now, running in this page, step by step, under the noise of the scenario: its run 1 is "
    "the run 1 of that seed everywhere. The ground shows where the intact network dwells, and in which region. What "
    "you change acts on the next step; the grey ghost is the intact network under the same noise, and a ring marks "
    "where they part. Press in the plane to push run 1 to the nearest visited state, with Shift all runs. Rates are "
    "counted while you watch; ± is one standard error.",
    inside=_inside,
)
