"""Requests of the page of own data (assets/pages/data.mjs): tables, fits and trainings, and their progress.

One request at a time, once a second while something goes on. Each part of a response has a stamp; what has not changed
is not sent.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from dash import html
from flask import Flask
from pydantic import Field
from typing_extensions import TypedDict

from hmmrnn.dashboard.components.parts import away, changed
from hmmrnn.dashboard.pages.data import data, ids
from hmmrnn.dashboard.pages.train.training import progress_share, state_words
from hmmrnn.dashboard.view import Json, Updates, draw_in_room
from hmmrnn.dashboard.work import place
from hmmrnn.figures.data import draw_comparison, draw_states_curve
from hmmrnn.figures.theme import THEMES, Theme
from hmmrnn.model.sequences import Sequences
from hmmrnn.server.auth import requester
from hmmrnn.server.questions import STRICT, Name, answer_at
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from hmmrnn.tasks.data_fits import MOST_BYTES, Table
from hmmrnn.tasks.experiments import Experiment
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import RESUMABLE
from hmmrnn.tasks.trainings import Training, id_of
from hmmrnn.training.baum_welch import HMMFit

OFTEN = 1.0


class DataTable(TypedDict):
    """A table as its file holds it, and the columns that were named."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    name: Name
    text: Annotated[str, Field(max_length=MOST_BYTES)]
    symbols: Name
    sequence: Name


class DataCommand(TypedDict):
    """The training that is to begin, or the fit that is to end, by the address of the page."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    command: Literal["train", "cancel-fit"]
    of: Name


class DataWatch(TypedDict):
    """The table that is open, whether its fit is cancelled on this page, and which parts the page has."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    of: Name
    theme: Literal["light", "dark"]
    cancelled: NotRequired[bool]
    seen: dict[Name, Any]


def register(server: Flask) -> None:
    """Register the addresses."""
    answer_at(server, "/data/read", "read-data", DataTable, read_table, MOST_BYTES + 10_000)
    answer_at(server, "/data/command", "data-command", DataCommand, run_command)
    answer_at(server, "/watch/data", "watch-data", DataWatch, watch_data)


def read_table(asked: Json) -> Json:
    """Keep a table; its id.

    Raises:
        ValueError: it cannot be read.
    """
    table = Table(asked["name"], asked["text"], asked["symbols"].strip(), asked["sequence"].strip())
    return {"table": services().data_fits.tables.keep(table)}


def run_command(asked: Json) -> Json:
    """Begin the training of the HMM that is shown, or go on with it where it was cancelled; or cancel the fit.

    Raises:
        ValueError: there is no HMM yet, or it cannot be trained.
    """
    item = data.item_of(asked["of"])
    if asked["command"] == "cancel-fit":
        services().data_fits.cancel_fit(item.table, item.most_states)
        return {}
    fit = services().data_fits.fit(item.table, item.most_states, requester.identify_requester()).result
    if fit is None:
        raise ValueError("the HMMs are not fitted yet; wait until they are")
    trainings, who = services().trainings, requester.identify_requester()
    job = trainings.submit(item.config(_shown(fit, item).hmm), who)
    if trainings.look_at(job).state in RESUMABLE:
        trainings.resume(job, who)
    return {"job": job}


def watch_data(asked: Json) -> Json:
    """What has changed of a table: how it was read, its HMMs, its training, and the comparison.

    Returns:
        `again`, in how many seconds to request again, or None if nothing will change; and the parts that have changed.
        Or `unknown`, if there is no such table.
    """
    theme = THEMES[asked["theme"]]
    try:
        item = data.item_of(asked["of"])
        table = services().data_fits.tables.find(item.table)
        sequences = table.read()
        fit = _fit_of(item, asked.get("cancelled", False))
        parts: dict[str, Updates] = {"read": [(ids.DATA_READ, {"children": data.describe(sequences, table.name)})]}
        parts["fit"] = _fit_updates(fit, item, sequences, theme)
        goes_on = fit.state not in (TaskState.DONE, TaskState.FAILED)
        training = _training(fit.result, item)
        parts["train"] = _training_updates(fit.result, training)
        compared = _compared(fit.result, item, training)
        parts["compare"] = _comparison_updates(compared, theme)
        goes_on = goes_on or _is_under_way(training) or (compared is not None and compared.result is None)
    except queue.QueueGoneError as error:
        return {"again": OFTEN, "parts": changed(away(error), asked["seen"])}
    except ValueError as error:
        return {"unknown": sentence(error)}
    return {"again": OFTEN if goes_on else None, "parts": changed(parts, asked["seen"])}


# ---- the HMMs ----


def _fit_of(item: data.Item, cancelled: bool) -> Experiment:
    fits = services().data_fits
    if cancelled:
        return fits.cancelled_fit(item.table, item.most_states)
    return fits.fit(item.table, item.most_states, requester.identify_requester())


def _shown(fit: HMMFit, item: data.Item) -> Any:
    return fit.of(item.states) if item.states in fit.states else fit.best


def _fit_updates(fit: Experiment, item: data.Item, sequences: Sequences, theme: Theme) -> Updates:
    found: HMMFit | None = fit.result
    if found is None:
        return [
            (ids.DATA_FIT_STATE, {"children": _waiting("Fitting", fit)}),
            (ids.DATA_FIT_PROGRESS, {"value": f"{fit.share:.3f}"}),
            (ids.DATA_FIT_CANCEL, {"hidden": False, "children": "Cancel" if fit.id else "Fit"}),
            (ids.DATA_CURVE, draw_in_room(None)),
            (ids.DATA_CHOICE, {"children": []}),
            (ids.DATA_HMM, {"children": []}),
        ]
    shown = _shown(found, item)
    states = shown.hmm.n_states
    buttons = [
        html.Button(
            f"{number} state{'s' * (number > 1)}",
            className="data-button",
            **{"data-states": str(number), "aria-pressed": str(number == states).lower()},
        )
        for number in map(int, found.states)
    ]
    return [
        (ids.DATA_FIT_STATE, {"children": data.fit_words(found, states)}),
        (ids.DATA_FIT_PROGRESS, {"value": "1"}),
        (ids.DATA_FIT_CANCEL, {"hidden": True, "children": ""}),
        (ids.DATA_CURVE, draw_in_room(draw_states_curve(found, states, theme))),
        (ids.DATA_CHOICE, {"children": buttons}),
        (ids.DATA_HMM, {"children": data.hmm_tables(shown, sequences.alphabet)}),
    ]


def _waiting(what: str, task: Experiment) -> str:
    if task.state is TaskState.FAILED:
        return sentence(task.reason)
    if task.state is TaskState.RUNNING:
        return f"{what}: {task.share:.0%}."
    return sentence(task.reason) if task.reason else sentence(place(task))


# ---- the network ----


def _training(fit: HMMFit | None, item: data.Item) -> Training | None:
    """The training of the HMM that is shown, if it has been begun."""
    if fit is None:
        return None
    try:
        id = id_of(item.config(_shown(fit, item).hmm))
    except ValueError:
        return None
    return next((one for one in services().trainings.listing() if one.id == id), None)


def _is_under_way(training: Training | None) -> bool:
    return training is not None and training.state in (TaskState.WAITING, TaskState.RUNNING)


def _training_updates(fit: HMMFit | None, training: Training | None) -> Updates:
    # Of another size a network can be trained as soon as this one no longer learns.
    begins = {"disabled": fit is None or _is_under_way(training)}
    if training is None:
        words = "Once the HMM is there." if fit is None else "Not begun."
        return [
            (ids.DATA_TRAIN, begins),
            (ids.DATA_TRAIN_STATE, {"children": words}),
            (ids.DATA_TRAIN_PROGRESS, {"value": "0"}),
            (ids.DATA_TRAINING, {"href": "/train", "hidden": True}),
            (ids.DATA_TRAIN_CANCEL, {"hidden": True, "data-job": ""}),
            (ids.DATA_EXPLORE, {"disabled": True, "data-job": ""}),
        ]
    here = services()
    kept = here.trainings.state_file(training.id).exists()
    cancelling = training.state is TaskState.RUNNING and here.trainings.cancel_requested(training.id)
    words = state_words(training, here.store.worker_present(queue.TRAININGS), cancelling, kept=kept)
    there = bool(training.model) or here.trainings.snapshot_file(training.id).exists()
    return [
        (ids.DATA_TRAIN, begins),
        (ids.DATA_TRAIN_STATE, {"children": words}),
        (ids.DATA_TRAIN_PROGRESS, {"value": f"{progress_share(training):.4f}"}),
        (ids.DATA_TRAINING, {"href": f"/train/{training.id}", "hidden": False}),
        (ids.DATA_TRAIN_CANCEL, {"hidden": cancelling or not _is_under_way(training), "data-job": training.id}),
        (ids.DATA_EXPLORE, {"disabled": not there, "data-job": training.id}),
    ]


# ---- the comparison ----


def _compared(fit: HMMFit | None, item: data.Item, training: Training | None) -> Experiment | None:
    if fit is None:
        return None
    network = training.model if training is not None else ""
    return services().data_fits.compare(item.table, _shown(fit, item).hmm, network, requester.identify_requester())


def _comparison_updates(task: Experiment | None, theme: Theme) -> Updates:
    if task is None or task.result is None:
        words = "Once the HMM is there." if task is None else _waiting("Measuring", task)
        return [(ids.DATA_COMPARE_STATE, {"children": words}), (ids.DATA_COMPARE, draw_in_room(None))]
    found = task.result
    missing = "" if found.network is not None else " The network follows when it is trained."
    diverged = f" {found.diverged} runs of the network diverged and are left out." if found.diverged else ""
    words = (
        f"{found.data.symbols:,} symbols of data beside {found.hmm.sequences} sequences each of HMM"
        f"{' and network' if found.network is not None else ''}; independent symbols are the null.{missing}{diverged}"
    )
    return [
        (ids.DATA_COMPARE_STATE, {"children": words}),
        (ids.DATA_COMPARE, draw_in_room(draw_comparison(found, theme))),
        (ids.DATA_TABLE, {"children": data.comparison_table(found)}),
    ]
