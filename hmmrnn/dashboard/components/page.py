"""The whole page: components only; nothing here knows of networks beyond their names.

There are no ready-made tooltips, hover cards or menus: for each of them, Dash looks through the whole page at every
change of anything, which cost each click about a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from hmmrnn.dashboard import chapters, ids
from hmmrnn.dashboard.components import overlay_pages
from hmmrnn.dashboard.components.card import card, live_card, numbers_card
from hmmrnn.dashboard.components.header import chapter_row, header, notice
from hmmrnn.dashboard.components.rail import rail
from hmmrnn.dashboard.pages.interventions import numbers
from hmmrnn.dashboard.pages.live import live
from hmmrnn.figures.theme import FONT


def page(models: Sequence[dict[str, str]], account: Sequence[Any] = (), only: str | None = None) -> Any:
    """The page, for networks given as {"value": name, "label": text}.

    Args:
        models: the networks.
        account: what the header ends with for the user who is signed in.
        only: of the pages that lie over the views, the one that is open, or "" for none; the others come when they are
            opened, and views with their first results. None for everything.
    """
    stores = [
        *(dcc.Store(id=name) for name in (ids.PAGE_LOAD, ids.SINK)),
        dcc.Store(id=ids.THEME, data="light"),
    ]
    explore = html.Div(
        [
            chapter_row(),
            _claim(),
            _now(),
            html.Div([rail(), _main(with_bodies=only is None), _inspector()], className="body"),
            _time(),
        ],
        className="views",
    )
    return dmc.MantineProvider(
        html.Div(
            [
                *stores,
                header(models, account),
                notice(),
                html.Div([explore, *overlay_pages.places(only)], className="pages"),
            ],
            className="page",
        ),
        id=ids.PROVIDER,
        forceColorScheme="light",
        theme={"fontFamily": FONT, "primaryColor": "blue", "fontSizes": {"xs": "0.875rem", "sm": "0.875rem"}},
    )


def _claim() -> Any:
    """The claim of the open chapter with its verdicts; the page's script fills it."""
    return html.Div(id=ids.CLAIM, className="claim", **{"aria-live": "polite"})


def _now() -> Any:
    """The interventions; the page's script fills it."""
    return html.Section(
        [html.H2("Now"), html.Div(id=ids.INTERVENTIONS, className="interventions")],
        className="now",
        **{"aria-label": "Interventions"},
    )


def _main(with_bodies: bool) -> Any:
    return html.Main([card(view, with_bodies) for view in chapters.shown_views()], className="main")


def _inspector() -> Any:
    # The picked neuron, which the page's script fills, lies between the two.
    parts = [live_card(live.VIEW), html.Div(id=ids.PICKED, className="picked"), numbers_card(numbers.VIEW)]
    return html.Aside(parts, className="inspector", **{"aria-label": "Inspector"})


def _time() -> Any:
    """The row of time: a run that is played, and what is selected. The page's script fills it."""
    return html.Section(
        html.Div(id=ids.TIMELINE, className="timeline"), className="card time-card", **{"aria-label": "Time"}
    )
