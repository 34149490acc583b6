"""The line above a view that a worker computes: how far the task is, and the ways to cancel and to repeat it."""

from __future__ import annotations

from typing import Any

from dash import html

from hmmrnn.dashboard import ids, work
from hmmrnn.dashboard.view import Updates, View
from hmmrnn.server.sentence import sentence

# From this share on the time that is left can be told from the time that has passed.
KNOWN_FROM = 0.05
CANCELLED = "Cancelled: what is shown now has not been computed."


def task_line(view: View) -> Any:
    """The line, hidden until there is a task."""
    return html.Div(
        [
            html.Progress(id=ids.progress(view.id), max="1", hidden=True, **{"aria-label": f"Computing {view.title}"}),
            html.Span(id=ids.state(view.id), className="task-state", role="status"),
            _hidden(view, "cancel", ids.cancel(view.id), "Cancel", "Wait for this no longer"),
            _hidden(view, "compute", ids.compute(view.id), "Compute", "Request this now"),
        ],
        id=ids.task(view.id),
        className="task-line",
        hidden=True,
    )


def _hidden(view: View, what: str, id: str, text: str, title: str) -> Any:
    of = {"data-task": what, "data-of": view.id}
    return html.Button(text, id=id, className="page-button", title=title, hidden=True, **of)


def task_updates(view: View, task: work.Experiment, about: str) -> Updates:
    """What the line gets to show where a task stands; `about` says how long it takes, as far as known."""
    running, unfinished = work.running(task), work.unfinished(task)
    # What changes every second is not read out each time.
    live = "off" if running else "polite"
    return [
        (ids.task(view.id), {"hidden": work.done(task)}),
        (ids.progress(view.id), {"hidden": not running, "value": f"{task.share:.3f}"}),
        (ids.state(view.id), {"children": _describe(task, about), "aria-live": live}),
        (ids.cancel(view.id), {"hidden": not unfinished}),
        (ids.compute(view.id), {"hidden": not work.can_repeat(task), "children": _offer(about)}),
    ]


def _offer(about: str) -> str:
    return f"Compute ({about})" if about else "Compute"


def _describe(task: work.Experiment, about: str) -> str:
    if work.running(task):
        in_all = f", {about} in all" if about else ""
        return f"computing: {100 * task.share:.0f} %{_time_left(task) or in_all}"
    if task.reason:
        return sentence(task.reason)
    return work.place(task) + (f"; it takes {about}" if about else "")


def _time_left(task: work.Experiment) -> str:
    """About how long it still takes, as far as that can be told."""
    if task.share < KNOWN_FROM or task.seconds < 1.0:
        return ""
    seconds = task.seconds * (1.0 - task.share) / task.share
    return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} minutes left"
