"""How far is a sweep? The answers to its page, and its table as a file.

The page's script asks as it does of a training (assets/sweep.js): one question at a time, while such a page is open,
and what has not changed is not sent.

    GET /sweep/<name>/results.csv    the table as CSV
"""

from __future__ import annotations

from collections.abc import Sequence

from dash import Dash, Input, Output
from flask import Response
from flask.typing import ResponseReturnValue

from hmmrnn.dashboard import ids, jobs, queue, sweeps
from hmmrnn.dashboard.callbacks.parts import Draws, Json, away, changed, stamp
from hmmrnn.dashboard.callbacks.picker import model_choices
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.jobs import Job
from hmmrnn.dashboard.sweep_page import (
    ended_share,
    mark,
    measure_of,
    row_data,
    settings_words,
    state_words,
    sweep_list,
)
from hmmrnn.dashboard.sweeps import Row, Sweep
from hmmrnn.figures.sweep import SIZES, fidelity_map
from hmmrnn.figures.theme import THEMES

OFTEN, SELDOM = 2.0, 5.0


def register(app: Dash) -> None:
    """Register what the pages of sweeps ask, and where their tables are fetched."""
    app.callback(Output(ids.SWEEP_ANSWERED, "data"), Input(ids.SWEEP_ASKED, "data"), prevent_initial_call=True)(watched)
    app.server.add_url_rule("/sweep/<name>/results.csv", "sweep-results", results)


def results(name: str) -> ResponseReturnValue:
    """The table of a sweep as CSV."""
    try:
        sweep = _found(name)
        text = sweeps.csv_text(sweep, sweeps.table_now(sweep))
    except queue.QueueGoneError as error:
        return Response(f"{sentence(error)}\n", status=503, mimetype="text/plain")
    except ValueError as error:
        return Response(f"{sentence(error)}\n", status=404, mimetype="text/plain")
    headers = {"Content-Disposition": f'attachment; filename="{sweep.name}.csv"', "Cache-Control": "no-store"}
    return Response(text, mimetype="text/csv", headers=headers)


def watched(question: Json) -> Json:
    """What has changed of the list of sweeps, and of the one that is looked at.

    Args:
        question: its number; name of the sweep, or "" for none; theme; measure and axis of the figure; and what is
            `seen`, as stamps of the parts.

    Returns:
        the question's number; `again`, in how many seconds to ask again; and the parts that have changed, each with its
        stamp and what to draw. Or `unknown`, if there is no such sweep.
    """
    turn, name, seen = question["turn"], question["sweep"], question["seen"]
    try:
        sweep = _found(name) if name else None
        everything = jobs.listing()
        tables = {item.name: sweeps.table(item, everything) for item in sweeps.listing()}
        head = _head(sweep, tables[sweep.name]) if sweep else []
    except queue.QueueGoneError as error:
        return {"turn": turn, "again": OFTEN, "parts": changed(away(error), seen)}
    except ValueError as error:
        return {"turn": turn, "unknown": sentence(error)}
    parts: dict[str, Draws] = {"list": _list(tables, name), "networks": [(ids.MODEL, {"data": model_choices()})]}
    if sweep is not None:
        rows = [row_data(row) for row in tables[sweep.name]]
        parts |= {"head": head, "rows": [(ids.SWEEP_TABLE, {"rowData": rows})]}
    new = changed(parts, seen)
    if sweep is not None:
        new |= _figure(tables[sweep.name], question)
    return {"turn": turn, "again": _again(everything), "parts": new}


def _found(name: str) -> Sweep:
    sweep = sweeps.find(name)
    if sweep is None:
        raise ValueError(f"there is no sweep {name!r}; its address is copied from the list of sweeps")
    return sweep


def _again(everything: Sequence[Job]) -> float:
    # A sweep can be begun, or gone on with, at any time.
    return OFTEN if any(job.state in (jobs.WAITING, jobs.RUNNING) for job in everything) else SELDOM


def _list(tables: dict[str, tuple[Row, ...]], here: str) -> Draws:
    listed = [(sweep, sweeps.counts(tables[sweep.name])) for sweep in sweeps.listing() if sweep.name in tables]
    return [(ids.SWEEP_LIST, {"children": sweep_list(listed, here)})]


def _head(sweep: Sweep, rows: Sequence[Row]) -> Draws:
    found = sweeps.counts(rows)
    words = state_words(sweep, found, sweeps.pursued(sweep.name), queue.present(queue.TRAININGS))
    return [
        (ids.SWEEP_TITLE, {"children": f"Sweep {sweep.name}: {sweep.count} trainings"}),
        (ids.SWEEP_SETTINGS, {"children": settings_words(sweep)}),
        (ids.SWEEP_STATE, {"children": words}),
        (ids.SWEEP_PROGRESS, {"value": f"{ended_share(sweep, found):.4f}"}),
        (ids.SWEEP_CSV, {"href": f"/sweep/{sweep.name}/results.csv"}),
    ]


def _figure(rows: Sequence[Row], question: Json) -> Json:
    """The figure, unless the page has it."""
    measure, across, theme = question["measure"], question["across"], question["theme"]
    if across not in SIZES:
        raise ValueError(f"a sweep is shown against {' or '.join(SIZES)}; got {across!r}")
    shown = measure_of(measure)
    marks = [mark(row, measure) for row in rows]
    drawn = stamp([measure, across, theme, [repr(item) for item in marks]])
    if question["seen"].get("figure") == drawn:
        return {}
    figure = fidelity_map(marks, shown, across, THEMES[theme])
    look = {"figure": figure, "style": {"height": f"{figure.layout.height}px"}}
    return {"figure": {"stamp": drawn, "draws": [(ids.SWEEP_FIGURE, look)]}}
