"""The header of the page, and the notice that shows errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

from hmmrnn.dashboard import chapters, ids
from hmmrnn.dashboard.components.controls import button


def header(models: Sequence[dict[str, str]], account: Sequence[Any]) -> Any:
    """Networks, history, panels, and the account of the user."""
    return html.Header(
        [
            html.H1("hmmrnn", className="brand"),
            dmc.Select(
                id=ids.MODEL,
                data=list(models),
                allowDeselect=False,
                searchable=True,
                size="sm",
                className="picker",
                **{"aria-label": "Network"},
                nothingFoundMessage="No network of that name",
            ),
            button(ids.OPEN_FILE, "Open file", "Open a network from a file; or drop the file onto the page"),
            _opener(ids.NETWORKS, "Networks", "All networks of this server; rename and remove your own"),
            html.Span(id=ids.BADGE, className="badge", role="status"),
            html.Div(className="spacer"),
            html.Div(
                [
                    button(ids.UNDO, "Undo", "Undo the last change (Ctrl+Z)"),
                    button(ids.REDO, "Redo", "Redo (Ctrl+Shift+Z)"),
                    button(ids.RESET, "Reset", "Remove every intervention and return to the first noise"),
                    _opener(ids.HISTORY, "History", "Every change so far; go back to any of them"),
                    _opener(ids.COMPARE, "Compare", "Keep what is shown as A, go on, and see the difference"),
                    _opener(ids.SHARE, "Share", "Copy a link, take away figures, data and code, save the session"),
                ],
                className="history",
            ),
            html.Button(
                "Numbers",
                className="opener drawer-button",
                title="Live view and numbers",
                **{"data-drawer": "inspector"},
            ),
            _opener(ids.HELP, "Help", "A tour, a glossary, the keys, and a mode for projectors"),
            button(ids.COLOUR_SCHEME, "Dark", "Switch between light and dark"),
            *account,
        ],
        className="header",
    )


def chapter_row() -> Any:
    """The chapters of the argument, and the pages of trainings and of own data."""
    links = [html.A(one.title, href=one.path, className="page-link", title=one.claim) for one in chapters.CHAPTERS]
    train = html.A("Train", href="/train", className="page-link", title="Train a network; watch trainings")
    data = html.A("Data", href="/data", className="page-link", title="From your own sequences to a network")
    sides = html.A("Side by side", href="/compare", className="page-link", title="Compare 2 to 60 networks")
    return html.Nav([*links, train, data, sides], className="chapters", **{"aria-label": "Chapters"})


def _opener(id: str, text: str, title: str) -> Any:
    """A button under which the page's script opens a panel."""
    return html.Button(
        text, id=id, className="opener", title=title, **{"aria-haspopup": "dialog", "aria-expanded": "false"}
    )


def notice() -> Any:
    """What went wrong, in a sentence; empty and hidden otherwise."""
    return html.Div(
        [
            html.Span(id=ids.NOTICE_TEXT),
            html.Button("Dismiss", id=ids.NOTICE_DISMISS, className="notice-dismiss", n_clicks=0),
        ],
        id=ids.NOTICE,
        className="notice",
        role="alert",
        hidden=True,
    )
