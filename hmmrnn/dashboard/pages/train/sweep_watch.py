"""Requests of the pages of sweeps (assets/pages/sweeps.mjs): the progress of a sweep, and its table as a file.

The page's script requests this as it does of a training (assets/pages/sweeps.mjs): one request at a time, while such a
page is open, and what has not changed is not sent.

    GET /sweep/<name>/results.csv    the table as CSV
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from flask import Flask, Response
from flask.typing import ResponseReturnValue
from typing_extensions import TypedDict

from hmmrnn.comparison.side_by_side import LEAST, MOST
from hmmrnn.dashboard.components.parts import away, changed, stamp
from hmmrnn.dashboard.components.picker import model_choices
from hmmrnn.dashboard.ids import MODEL
from hmmrnn.dashboard.pages.train import ids
from hmmrnn.dashboard.pages.train.sweep import (
    ended_share,
    mark,
    measure_of,
    row_data,
    settings_words,
    state_words,
    sweep_list,
)
from hmmrnn.dashboard.view import Json, Updates
from hmmrnn.figures.sweep import SIZES, draw_sweep
from hmmrnn.figures.theme import THEMES
from hmmrnn.server.questions import STRICT, Name, answer_at
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, sweep_runner, sweeps
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.sweeps import Row, Sweep
from hmmrnn.tasks.trainings import Training

OFTEN, SELDOM = 2.0, 5.0
BLOCK_ROWS = 50


class SweepQuestion(TypedDict):
    """The sweep that is open, what is shown of it, and which parts the page has."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    sweep: Name
    theme: Literal["light", "dark"]
    seen: dict[Name, Any]
    measure: Name
    across: Name


def register(server: Flask) -> None:
    """Register the watching of sweeps, and where their tables are fetched."""
    answer_at(server, "/watch/sweep", "watch-sweep", SweepQuestion, watch_sweep)
    server.add_url_rule("/sweep/<name>/results.csv", "sweep-results", results)


def results(name: str) -> ResponseReturnValue:
    """The table of a sweep as CSV."""
    try:
        sweep = _found(name)
        text = sweeps.csv_text(sweep, services().sweeps.table_now(sweep))
    except queue.QueueGoneError as error:
        return Response(f"{sentence(error)}\n", status=503, mimetype="text/plain")
    except ValueError as error:
        return Response(f"{sentence(error)}\n", status=404, mimetype="text/plain")
    headers = {"Content-Disposition": f'attachment; filename="{sweep.name}.csv"', "Cache-Control": "no-store"}
    return Response(text, mimetype="text/csv", headers=headers)


def watch_sweep(request: Json) -> Json:
    """What has changed of the list of sweeps, and of the one that is open.

    Args:
        request: name of the sweep, or "" for none; theme; measure and axis of the figure; and what is
            `seen`, as stamps of the parts.

    Returns:
        `again`, in how many seconds to request again; and the parts that have changed, each with its
        stamp and what to show. Or `unknown`, if there is no such sweep.
    """
    name, seen = request["sweep"], request["seen"]
    try:
        sweep = _found(name) if name else None
        everything = services().trainings.listing()
        tables = {item.name: services().sweeps.table(item, everything) for item in services().sweeps.listing()}
        head = _head(sweep, tables[sweep.name]) if sweep else []
    except queue.QueueGoneError as error:
        return {"again": OFTEN, "parts": changed(away(error), seen)}
    except ValueError as error:
        return {"unknown": sentence(error)}
    parts: dict[str, Updates] = {"list": _list(tables, name), "networks": [(MODEL, {"data": model_choices()})]}
    if sweep is not None:
        parts |= {"head": head, **_blocks(tables[sweep.name])}
    new = changed(parts, seen)
    if sweep is not None:
        new |= _figure(tables[sweep.name], request)
    return {"again": _again(everything), "parts": new}


def _blocks(rows: Sequence[Row]) -> dict[str, Updates]:
    """The table in blocks of rows: of a large one, only those that have changed are sent."""
    data = [row_data(row) for row in rows]
    blocks = [data[first : first + BLOCK_ROWS] for first in range(0, len(data), BLOCK_ROWS)]
    # How many there are comes with each: the page puts them together (assets/core/poll.mjs).
    return {
        f"rows-{number}": [(ids.SWEEP_TABLE, {"rowData": {"block": number, "of": len(blocks), "items": block}})]
        for number, block in enumerate(blocks)
    }


def _found(name: str) -> Sweep:
    sweep = services().sweeps.find(name)
    if sweep is None:
        raise ValueError(f"there is no sweep {name!r}; its address is copied from the list of sweeps")
    return sweep


def _again(everything: Sequence[Training]) -> float:
    # A sweep can be begun, or gone on with, at any time.
    return OFTEN if any(job.state in (TaskState.WAITING, TaskState.RUNNING) for job in everything) else SELDOM


def _list(tables: dict[str, tuple[Row, ...]], here: str) -> Updates:
    known = services().sweeps.listing()
    listed = [(sweep, sweeps.counts(tables[sweep.name])) for sweep in known if sweep.name in tables]
    return [(ids.SWEEP_LIST, {"children": sweep_list(listed, here)})]


def _head(sweep: Sweep, rows: Sequence[Row]) -> Updates:
    found = sweeps.counts(rows)
    is_run = sweep_runner.is_run(services().sweeps, sweep.name)
    words = state_words(sweep, found, is_run, services().store.worker_present(queue.TRAININGS))
    return [
        (ids.SWEEP_TITLE, {"children": f"Sweep {sweep.name}: {sweep.count} trainings"}),
        (ids.SWEEP_SETTINGS, {"children": settings_words(sweep)}),
        (ids.SWEEP_STATE, {"children": words}),
        (ids.SWEEP_PROGRESS, {"value": f"{ended_share(sweep, found):.4f}"}),
        (ids.SWEEP_CSV, {"href": f"/sweep/{sweep.name}/results.csv"}),
        (ids.SWEEP_COMPARE, link_to_comparison(rows)),
    ]


def link_to_comparison(rows: Sequence[Row]) -> Json:
    """The link to the comparison of the networks that a sweep has made, as many as can be compared."""
    made = [row.model for row in rows if row.model]
    words = f"Compare its networks ({len(made)})" if len(made) <= MOST else f"Compare its first {MOST} networks"
    return {"href": f"/compare/{','.join(made[:MOST])}", "children": words, "hidden": len(made) < LEAST}


def _figure(rows: Sequence[Row], request: Json) -> Json:
    """The figure, unless the page has it."""
    measure, across, theme = request["measure"], request["across"], request["theme"]
    if across not in SIZES:
        raise ValueError(f"a sweep is shown against {' or '.join(SIZES)}; got {across!r}")
    shown = measure_of(measure)
    marks = [mark(row, measure) for row in rows]
    drawn = stamp([measure, across, theme, [repr(item) for item in marks]])
    if request["seen"].get("figure") == drawn:
        return {}
    figure = draw_sweep(marks, shown, across, THEMES[theme])
    look = {"figure": figure, "style": {"height": f"{figure.layout.height}px"}}
    return {"figure": {"stamp": drawn, "updates": [(ids.SWEEP_FIGURE, look)]}}
