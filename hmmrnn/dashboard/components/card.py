"""The frame of a view: title, help, caption, and a body that is empty until the view is first shown."""

from __future__ import annotations

from typing import Any

from dash import html

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.components.task_line import task_line
from hmmrnn.dashboard.pages.live.live import BUTTONS
from hmmrnn.dashboard.view import OWN, SLOW, TASK, View


def card(view: View, with_body: bool = False) -> Any:
    """A view. Its body comes with its first result, but for those that the page's scripts fill."""
    slow = "slow" if view.kind in (SLOW, TASK) else ""
    line = [task_line(view)] if view.kind == TASK else []
    body = html.Div(
        view.body() if view.kind == OWN or with_body else [],
        id=ids.body(view.id),
        className="card-body",
    )
    parts = [_title(view), *line, body]
    return html.Section(parts, id=ids.card(view.id), className=f"card view {slow}", hidden=True)


def _title(view: View) -> Any:
    computing = html.Span("computing…", className="computing", role="status") if view.kind == SLOW else None
    enlarge = html.Button(
        "⤢",
        className="about enlarge",
        title="Give this view the whole chapter, or its place among the others (Esc)",
        **{"aria-label": f"Enlarge {view.title}", "aria-pressed": "false"},
    )
    caption = html.P(id=ids.caption(view.id), className="caption")
    head = [html.H2(view.title), computing, html.Span(className="spacer"), *view.controls(), about(view), enlarge]
    return html.Div([*head, caption], className="card-title")


def about(view: View) -> Any:
    """The help of a view: shown while the question mark is pointed at or has the focus."""
    mark = html.Button(
        "?", className="about", **{"aria-label": f"About {view.title}", "aria-describedby": f"{view.id}-about"}
    )
    text = html.Div(view.help, id=f"{view.id}-about", role="tooltip", className="about-text")
    return html.Div([mark, text], className="about-mark")


def live_card(view: View) -> Any:
    """The live view: its inside is made by the page's script."""
    title = [
        html.H2(view.title),
        html.Span(className="spacer"),
        *(html.Button(text, id=name, className="live-title-button", title=title) for name, text, title in BUTTONS),
        about(view),
    ]
    opener = html.Button("Live: watch the network run", id=ids.LIVE_OPEN, className="live-open")
    parts = [opener, html.Div(title, className="card-title"), *view.body()]
    return html.Section(parts, id=ids.card(view.id), className="card live-card")


def numbers_card(view: View) -> Any:
    """The numbers beside the views."""
    table = html.Div(id=view.id, className="numbers")
    return html.Section(
        [html.H2(view.title), html.Div(table, id=ids.body(view.id))],
        className="card numbers-card",
        # Whatever scrolls must be reachable by keyboard.
        tabIndex="0",
        **{"aria-live": "polite"},
    )
