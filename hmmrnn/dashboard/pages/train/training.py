"""The page of a training, and the list of all trainings, beside the form.

    /train/<id>    a training, and the list

Both lie over the views, which stay as they are underneath; assets/pages/training.mjs shows the one or the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from hmmrnn.analysis.fidelity import MAX_LAG_ERROR, MAX_MARGINAL_ERROR, MAX_TRANSITION_ERROR, MAX_VOLATILITY_DEVIATION
from hmmrnn.dashboard.ids import frame
from hmmrnn.dashboard.pages.train import form, ids
from hmmrnn.figures.theme import GRAPH_CONFIG
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.trainings import Training
from hmmrnn.training.config import TrainingConfig

# Links in the list of trainings, which a page asks for once a second.
LISTED = 100
EXPLORE, OPEN = "Explore now", "Open network"
# Name in progress and metadata, in words, what the gate asks for, and the same as a range.
MEASURES: tuple[tuple[str, str, str, tuple[float, float] | None], ...] = (
    ("transition_error", "Transition error", f"≤ {MAX_TRANSITION_ERROR:g}", (0, MAX_TRANSITION_ERROR)),
    ("marginal_error", "Marginal error", f"≤ {MAX_MARGINAL_ERROR:g}", (0, MAX_MARGINAL_ERROR)),
    (
        "volatility_ratio",
        "Symbol switch rate, ratio",
        f"{1 - MAX_VOLATILITY_DEVIATION:g} to {1 + MAX_VOLATILITY_DEVIATION:g}",
        (1 - MAX_VOLATILITY_DEVIATION, 1 + MAX_VOLATILITY_DEVIATION),
    ),
    ("lag_error", "Lag error", f"≤ {MAX_LAG_ERROR:g}", (0, MAX_LAG_ERROR)),
    ("log_likelihood_gap", "Log-likelihood gap (nats)", "", None),
)
# How a snapshot is judged while the training goes on, and the network at its end.
SNAPSHOT_TEST, LAST_TEST = "32 runs of 500 steps", "256 runs of 2,000 steps"


# ---- components ----


def layout() -> list[Any]:
    """The form and the page of a training, with the list of all beside them, and what the page's script starts from."""
    pages = html.Main([form.form(), _job()], className="training-main")
    return [dcc.Store(id=ids.TRAIN_SETUP, data=form.setup()), html.Div([_rail(), pages], className="body training")]


def _rail() -> Any:
    new = html.A("New training", href="/train", className="page-link new-training")
    many = html.A("Sweeps", href="/sweep", className="page-link new-training", title="Many networks of a grid of sizes")
    listed = html.Section(
        [html.H2("Trainings"), html.Ul(id=ids.JOB_LIST, className="job-list")],
        className="grow",
        **{"aria-label": "All trainings"},
    )
    return html.Aside([new, many, listed], className="rail", **{"aria-label": "Trainings"})


def _job() -> Any:
    actions = [
        _action(ids.JOB_EXPLORE, EXPLORE, "Open its latest snapshot in all views"),
        _action(ids.JOB_RESUME, "Resume", "Go on from where it was kept"),
        _action(ids.JOB_CANCEL, "Cancel", "Stop it; what it has reached is kept"),
    ]
    head = html.Section(
        [
            html.Div(
                [html.H2(id=ids.JOB_TITLE, tabIndex=-1), html.Div(actions, className="actions")], className="split"
            ),
            html.P(id=ids.JOB_STATE, **{"aria-live": "polite"}),
            html.Progress(id=ids.JOB_PROGRESS, value="0", max="1", **{"aria-label": "Steps done"}),
        ],
        className="card job-head",
    )
    loss = html.Section(
        [html.H2("Loss"), dcc.Graph(id=ids.JOB_LOSS, className="graph", config=GRAPH_CONFIG, responsive=True)],
        className="card job-loss",
    )
    parts = (
        ("Progress", ids.JOB_NUMBERS, "numbers"),
        ("Fidelity", ids.JOB_FIDELITY, "numbers"),
        ("Differs from the paper in", ids.JOB_DEPARTURES, "departures"),
    )
    side = [
        html.Section([html.H2(name), html.Div(id=id, className=kind)], className="card") for name, id, kind in parts
    ]
    return html.Div([head, loss, html.Div(side, className="job-side")], id=ids.JOB, className="training-job")


def _action(id: str, text: str, title: str) -> Any:
    button = dmc.Button(text, id=id, variant="default", size="compact-md", n_clicks=0)
    return html.Span(button, id=frame(id), title=title, hidden=True)


# ---- what is said of a training ----


def title(config: TrainingConfig) -> str:
    """What is trained, in a line."""
    return (
        f"{form.target_name(config.hmm)}: N = {config.n_neurons}, M = {config.n_inputs}, "
        f"seed {config.seed}, {config.recipe} recipe"
    )


def state_words(job: Training, worker: bool, cancelling: bool, kept: bool) -> str:
    """Where a training stands, in a sentence or two.

    Args:
        job: the training.
        worker: whether one is there to take what waits.
        cancelling: whether it is to be cancelled.
        kept: whether there is something to resume it from.
    """
    step = job.step
    go_on = (
        f"It can go on from what was last kept, at most seconds before step {step:,}." if kept else "Start it again."
    )
    words = {
        TaskState.WAITING: f"Waiting: {_place(job.before)}." if worker else "Waiting: no worker is running now.",
        TaskState.RUNNING: _running(job, cancelling),
        TaskState.LOST: f"Lost: the worker that trained it is gone. {go_on}",
        TaskState.CANCELLED: f"Cancelled at step {step:,}, from where it can go on."
        if kept
        else "Cancelled before it began.",
        TaskState.FAILED: f"Failed: {job.reason.rstrip('.')}.",
        TaskState.DONE: f"Done: it is the network {job.model}.",
    }
    return words[job.state]


def progress_share(job: Training) -> float:
    """How much of a training is done, from 0 to 1."""
    return 1.0 if job.state == TaskState.DONE else job.step / job.config.steps


def progress_table(job: Training) -> Any:
    """Steps, loss between floor and plateau, speed and time of a training."""
    told = job.progress
    if told is None:
        return html.P("No step has been made yet.", className="note")
    speed, left = told.steps_per_second, job.seconds_left
    rows = [
        ("Step", f"{told.step:,} of {told.steps:,}"),
        ("Loss", f"{told.loss:.2f}"),
        ("Floor: HMM against HMM", f"{told.floor:.2f}"),
        ("Plateau: independent symbols", f"{told.plateau:.2f}"),
        *([] if left is None else [("Steps per second", f"{speed:.2f}"), ("Time left", duration(left))]),
        ("Time spent", duration(told.seconds)),
    ]
    return html.Table(html.Tbody([html.Tr([html.Th(name, scope="row"), html.Td(value)]) for name, value in rows]))


def fidelity_table(numbers: Mapping[str, float | None], note: str) -> Any:
    """The fidelity of a network beside what the gate asks for; `note` says which network, and how it was judged."""
    if not numbers:
        return html.P(note, className="note")
    head = html.Tr([html.Th("Measure"), html.Th("Value"), html.Th("Gate")])
    rows = [_measure(words, numbers.get(name), gate, limits) for name, words, gate, limits in MEASURES]
    return [html.Table([html.Thead(head), html.Tbody(rows)]), html.P(note, className="note")]


def listed_jobs(everything: Sequence[Training], here: str) -> list[Training]:
    """The newest trainings, and the one that is shown."""
    return [job for i, job in enumerate(everything) if i < LISTED or job.id == here]


def job_list(everything: Sequence[Training], here: str) -> Any:
    """A link to each of the newest trainings and to the one that is shown, `here`, with its state."""
    if not everything:
        return [html.Li("None yet.", className="note")]
    shown = listed_jobs(everything, here)
    links = [html.Li(_entry(job, job.id == here)) for job in shown]
    left = len(everything) - len(shown)
    older = f"{left:,} older ones are not listed; each opens at its own address."
    return [*links, html.Li(older, className="note")] if left else links


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    whole = round(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _place(before: int) -> str:
    if not before:
        return "it is the next one"
    return "one training is before it" if before == 1 else f"{before} trainings are before it"


def _running(job: Training, cancelling: bool) -> str:
    step = job.step
    if cancelling:
        return "Cancelling: it stops after the present step."
    if step == job.config.steps:
        return f"Trained; it is now judged on {LAST_TEST}."
    left = "" if job.seconds_left is None else f", about {duration(job.seconds_left)} left"
    return f"Training: step {step:,} of {job.config.steps:,}{left}." if step else "Training: at its first step."


def entry_words(job: Training) -> str:
    """Where a training stands, in a word or two."""
    share = progress_share(job)
    # A step that is behind the worker by a poll must not read as if all were done.
    percent = f"{int(100 * share)} %"
    words = {
        TaskState.WAITING: f"waiting, {job.before} before it",
        TaskState.RUNNING: f"running, {percent}" if share < 1 else "running, is being judged",
        TaskState.LOST: f"lost at {percent}",
        TaskState.CANCELLED: f"cancelled at {percent}",
    }
    return words.get(job.state, job.state)


def _entry(job: Training, here: bool) -> Any:
    sizes = f"N {job.config.n_neurons}, M {job.config.n_inputs}, seed {job.config.seed}, {job.config.recipe}"
    of_bar = {"id": ids.job_bar(job.id), "value": f"{progress_share(job):.3f}", "aria-hidden": "true"}
    content = [
        html.Strong(form.target_name(job.config.hmm)),
        html.Span(sizes),
        html.Span(entry_words(job), id=ids.job_words(job.id), className="state"),
        html.Progress(max="1", **of_bar),
    ]
    current = {"aria-current": "page"} if here else {}
    return html.A(content, href=f"/train/{job.id}", className=f"page-link job-link is-{job.state}", **current)


def _measure(words: str, value: float | None, gate: str, limits: tuple[float, float] | None) -> Any:
    holds = limits is None or (value is not None and limits[0] <= value <= limits[1])
    sign = "" if limits is None else " ✓" if holds else " ✗"
    shown = "not known" if value is None else f"{value:.3f}"
    return html.Tr(
        [html.Th(words, scope="row"), html.Td(shown), html.Td(f"{gate}{sign}", className="holds" if holds else "fails")]
    )
