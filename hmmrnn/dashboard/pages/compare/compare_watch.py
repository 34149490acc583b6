"""Requests of the page that compares networks (assets/pages/sides.mjs): the list, the progress, the table as a file.

POST /compare/choices             networks by a text, and the snapshots of trainings
POST /compare/cancel              no page waits for a comparison any more
POST /watch/compare               how far it is, and what it has found; parts that the page has are not sent
GET  /compare/<what>/table.csv    the table with its errors and nulls
"""

from __future__ import annotations

from io import StringIO
from typing import Annotated, Any, Literal

from dash import html
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from hmmrnn.comparison.side_by_side import SideBySide
from hmmrnn.comparison.table import write_table
from hmmrnn.dashboard.components.parts import away, changed
from hmmrnn.dashboard.components.picker import label_of
from hmmrnn.dashboard.pages.compare import ids
from hmmrnn.dashboard.pages.compare.compare import question_of, table
from hmmrnn.dashboard.view import Json, Updates
from hmmrnn.dashboard.work import place
from hmmrnn.explorer.compared import ComparisonQuestion, series_of
from hmmrnn.explorer.scenario import MAX_LINK, MAX_SEED, MAX_SIGMA
from hmmrnn.figures.side_by_side import PAIRS, draw_map, draw_orbits, draw_pairs
from hmmrnn.figures.theme import THEMES, Theme
from hmmrnn.server.auth import requester
from hmmrnn.server.questions import STRICT, Name, answer_at
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from hmmrnn.tasks.experiments import Experiment
from hmmrnn.tasks.store import TaskState

OFTEN = 0.7
MOST_LISTED = 60
What = Annotated[str, Field(max_length=MAX_LINK)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Sigma = Annotated[float, Field(ge=0, le=MAX_SIGMA)]


class ChoicesQuestion(TypedDict):
    """A text that is looked for."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    text: Name


class CompareCancel(TypedDict):
    """The comparison that no longer is waited for."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    of: What
    seed: Seed
    sigma: Sigma


class CompareWatch(TypedDict):
    """The comparison that is open, what is shown of it, and which parts the page has; not `wanted` once cancelled."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    of: What
    seed: Seed
    sigma: Sigma
    pair: Name
    theme: Literal["light", "dark"]
    wanted: bool
    again: bool
    seen: dict[Name, Any]


def register(server: Flask) -> None:
    """Register the addresses."""
    answer_at(server, "/compare/choices", "compare-choices", ChoicesQuestion, list_choices)
    answer_at(server, "/compare/cancel", "compare-cancel", CompareCancel, cancel)
    answer_at(server, "/watch/compare", "watch-compare", CompareWatch, watch_comparison)
    server.add_url_rule("/compare/<what>/table.csv", "compare-table", download)


def list_choices(asked: Json) -> Json:
    """The networks that hold a text, the first of them, how many there are, and all snapshots of trainings."""
    here, text = services(), asked["text"].casefold()
    found = [entry for entry in here.models.entries(more=True) if text in label_of(entry).casefold()]
    return {
        "networks": [{"item": entry.name, "label": label_of(entry)} for entry in found[:MOST_LISTED]],
        "count": len(found),
        "series": [{"name": name, "steps": list(steps)} for name, steps in series_of(here.explorer).items()],
    }


def cancel(asked: Json) -> Json:
    """Let a comparison be given up, unless another page waits for it.

    Raises:
        ValueError: a network is gone.
    """
    services().comparisons.cancel(question_of(asked["of"], asked["seed"], asked["sigma"]))
    return {}


def download(what: str) -> ResponseReturnValue:
    """The table of a comparison as CSV."""
    try:
        seed, sigma = request.args.get("seed", "0"), request.args.get("sigma", 1.0, type=float)
        question = question_of(what, int(seed) if seed.isdecimal() else 0, sigma)
        found = services().comparisons.known(question)
        if found is None:
            raise ValueError("this comparison has not been computed yet; open its page first")
    except ValueError as error:
        return Response(f"{sentence(error)}\n", status=404, mimetype="text/plain")
    text = StringIO()
    write_table(found, text)
    headers = {"Content-Disposition": 'attachment; filename="hmmrnn-comparison.csv"', "Cache-Control": "no-store"}
    return Response(text.getvalue(), mimetype="text/csv", headers=headers)


def watch_comparison(asked: Json) -> Json:
    """What has changed of a comparison.

    Returns:
        `again`, in how many seconds to request again, or None if nothing will change; and the parts that have changed.
        Or `unknown`, if it cannot be made: the sentence says why.
    """
    if asked["pair"] not in PAIRS:
        raise ValueError(f"each two networks are shown by one of {', '.join(PAIRS)}; got {asked['pair']!r}")
    here = services().comparisons
    try:
        question = question_of(asked["of"], asked["seed"], asked["sigma"])
        if asked["wanted"]:
            task = here.ask(question, requester.identify_requester(), asked["again"])
        else:
            task = Experiment("", TaskState.CANCELLED, result=here.known(question))
        about = here.estimate(question)
    except queue.QueueGoneError as error:
        return {"again": OFTEN, "parts": changed(away(error), asked["seen"])}
    except ValueError as error:
        return {"unknown": sentence(error)}
    parts = {"state": _state(task, about, question), **_found(task.result, question, asked)}
    goes_on = task.result is None and task.state in (TaskState.WAITING, TaskState.RUNNING)
    return {"again": OFTEN if goes_on else None, "parts": changed(parts, asked["seen"])}


def _state(task: Experiment, about: float, question: ComparisonQuestion) -> Updates:
    goes_on = task.result is None and task.state in (TaskState.WAITING, TaskState.RUNNING)
    return [
        (ids.SIDES_TASK, {"hidden": False}),
        (ids.SIDES_STATE, {"children": _state_words(task, about, question)}),
        (ids.SIDES_PROGRESS, {"value": f"{task.share:.3f}", "hidden": not goes_on}),
        (ids.SIDES_CANCEL, {"hidden": not goes_on}),
    ]


def _state_words(task: Experiment, about: float, question: ComparisonQuestion) -> str:
    if task.result is not None:
        found: SideBySide = task.result
        kick = "; kick neurons are those at sigma 1" if question.sigma != 1 else ""
        return f"{len(found.names)} networks side by side, noise of seed {found.seed}, sigma {question.sigma:g}{kick}."
    if task.state is TaskState.CANCELLED:
        return "Cancelled. Compare goes on from what has been measured."
    if task.state is TaskState.FAILED:
        return sentence(task.reason)
    most = f"at most about {about:.0f} s of one processor" if about < 100 else f"at most about {about / 60:.0f} minutes"
    if task.state is TaskState.RUNNING:
        return f"Comparing: {task.share:.0%}, {task.seconds:.0f} s so far; {most} in all."
    return sentence(task.reason) if task.reason else sentence(f"{place(task)}; {most}")


def _found(found: SideBySide | None, question: ComparisonQuestion, asked: Json) -> dict[str, Updates]:
    if found is None:
        return {"results": [(ids.SIDES_RESULTS, {"hidden": True}), (ids.SIDES_NOTES, {"children": []})]}
    theme = THEMES[asked["theme"]]
    heads, rows = table(found)
    csv = f"/compare/{asked['of']}/table.csv?seed={question.seed}&sigma={question.sigma:g}"
    return {
        "results": [
            (ids.SIDES_RESULTS, {"hidden": False}),
            (ids.SIDES_NOTES, {"children": [html.Li(note) for note in found.notes]}),
            (ids.SIDES_CSV, {"href": csv}),
        ],
        "table": [(ids.SIDES_TABLE, {"columnDefs": heads, "rowData": rows})],
        "pairs": _pairs(found, asked["pair"], theme),
        "map": [(ids.SIDES_MAP, {"figure": draw_map(found, theme)})],
        "orbits": [(ids.SIDES_ORBITS, {"figure": draw_orbits(found, theme)})],
    }


def _pairs(found: SideBySide, name: str, theme: Theme) -> Updates:
    figure = draw_pairs(found, name, theme)
    return [
        (ids.SIDES_PAIRS, {"figure": figure, "style": {"height": f"{figure.layout.height}px"}}),
        (ids.SIDES_PAIR_WORDS, {"children": PAIRS[name].words}),
    ]
