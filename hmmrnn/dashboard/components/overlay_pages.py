"""Pages of trainings, sweeps, own data and comparisons, laid over the views; each is sent when it is first opened.

GET  /pages/train    the layout of the pages of trainings, as updates of components
GET  /pages/sweep    the layout of the pages of sweeps
GET  /pages/data     the layout of the page of own data
GET  /pages/compare  the layout of the page that compares networks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from dash import html
from flask import Flask, Response
from plotly.io.json import to_json_plotly

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.pages.compare import compare
from hmmrnn.dashboard.pages.compare import ids as compare_ids
from hmmrnn.dashboard.pages.data import data
from hmmrnn.dashboard.pages.data import ids as data_ids
from hmmrnn.dashboard.pages.train import form, sweep, training
from hmmrnn.dashboard.pages.train import ids as train_ids
from hmmrnn.dashboard.view import Updates


class Pages(NamedTuple):
    """The pages whose addresses begin alike."""

    place: str  # where they come in the page; it also names the address of their layout
    layout: Callable[[], list[Any]]
    # What is set once they are there: Dash tells the page's scripts of what is set, and not of what comes along.
    begin: Callable[[], Updates]


PAGES: Mapping[str, Pages] = {
    "train": Pages(ids.TRAIN_PAGES, training.layout, lambda: [(train_ids.TRAIN_SETUP, {"data": form.setup()})]),
    "sweep": Pages(ids.SWEEP_PAGES, sweep.layout, lambda: [(train_ids.SWEEP_MEASURE, {"value": sweep.FIRST_MEASURE})]),
    "data": Pages(ids.DATA_PAGES, data.layout, lambda: [(data_ids.DATA_READY, {"data": 1})]),
    "compare": Pages(ids.COMPARE_PAGES, compare.layout, lambda: [(compare_ids.SIDES_READY, {"data": 1})]),
}


def register(server: Flask) -> None:
    """Register the addresses."""
    for name, pages in PAGES.items():
        server.add_url_rule(f"/pages/{name}", pages.place, partial(_answer, pages))


def _answer(pages: Pages) -> Response:
    updates = [(pages.place, {"children": pages.layout()}), *pages.begin()]
    return Response(to_json_plotly(updates), mimetype="application/json")


def places(opened: str | None) -> list[Any]:
    """The places of these pages; in it the one that is `opened`, or "" for none, or all if None."""
    return [
        html.Div(pages.layout() if opened in (None, name) else [], id=pages.place, className="over")
        for name, pages in PAGES.items()
    ]
