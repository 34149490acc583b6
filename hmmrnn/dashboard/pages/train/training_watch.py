"""Requests of the pages of trainings (assets/pages/training.mjs): commands, and the progress of trainings.

One request at a time, once a second, while such a page is open. Each part of a response has a stamp; the script says
which ones it has, and what has not changed is not sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from flask import Flask
from typing_extensions import TypedDict

from hmmrnn.dashboard.components.parts import away, changed, stamp
from hmmrnn.dashboard.components.picker import model_choices
from hmmrnn.dashboard.ids import MODEL, frame
from hmmrnn.dashboard.pages.train import ids
from hmmrnn.dashboard.pages.train.form import Form, config_of, departures
from hmmrnn.dashboard.pages.train.training import (
    EXPLORE,
    LAST_TEST,
    MEASURES,
    OPEN,
    SNAPSHOT_TEST,
    entry_words,
    fidelity_table,
    job_list,
    listed_jobs,
    progress_share,
    progress_table,
    state_words,
    title,
)
from hmmrnn.dashboard.view import Json, Updates
from hmmrnn.figures.theme import THEMES
from hmmrnn.figures.training import draw_loss_curve
from hmmrnn.server.auth import requester
from hmmrnn.server.questions import STRICT, Name, answer_at
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import RESUMABLE
from hmmrnn.tasks.trainings import Training, may_change

OFTEN, SELDOM = 1.0, 5.0


class _Train(TypedDict):
    __pydantic_config__ = STRICT  # type: ignore[misc]
    command: Literal["train"]
    of: Form


class _OfTraining(TypedDict):
    __pydantic_config__ = STRICT  # type: ignore[misc]
    command: Literal["cancel", "resume", "explore"]
    of: Name


class TrainingQuestion(TypedDict):
    """The training that is open, and which parts the page has."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    job: Name
    theme: Literal["light", "dark"]
    seen: dict[Name, Any]


def register(server: Flask) -> None:
    """Register commands and the watching of trainings."""
    answer_at(server, "/train/command", "train-command", _Train | _OfTraining, run_command)
    answer_at(server, "/watch/training", "watch-training", TrainingQuestion, watch_training)


# ---- commands ----


def run_command(request: Json) -> Json:
    """Run a command, and say where it leads: to a training's page, to a network, or nowhere else."""
    return _COMMANDS[request["command"]](request["of"])


def _train(form: Json) -> Json:
    return {"job": services().trainings.submit(config_of(form), requester.identify_requester())}


def _cancel(job_id: str) -> Json:
    services().trainings.cancel(job_id, requester.identify_requester())
    return {}


def _resume(job_id: str) -> Json:
    services().trainings.resume(job_id, requester.identify_requester())
    return {}


def _explore(job_id: str) -> Json:
    name = services().trainings.explore(job_id)
    return {"network": name, "choices": model_choices(name)}


_COMMANDS: dict[str, Callable[[Any], Json]] = {
    "train": _train,
    "cancel": _cancel,
    "resume": _resume,
    "explore": _explore,
}


# ---- watching ----


def watch_training(request: Json) -> Json:
    """What has changed of the list of trainings, and of the one that is open.

    Args:
        request: id of the training, or "" for none; theme; and what is `seen`, as stamps of the parts.

    Returns:
        `again`, in how many seconds to request again, or None if nothing will change; and the parts
        that have changed, each with its stamp and what to show. Or `unknown`, if there is no such training.
    """
    here, seen = request["job"], request["seen"]
    try:
        everything = services().trainings.listing()
        job = _found(everything, here) if here else None
    except queue.QueueGoneError as error:
        return {"again": OFTEN, "parts": changed(away(error), seen)}
    except ValueError as error:
        return {"unknown": sentence(error)}
    parts: dict[str, Updates] = {}
    if any(item.state == TaskState.DONE for item in everything):
        parts["networks"] = [(MODEL, {"data": model_choices()})]
    if job is not None:
        parts["job"] = _job_updates(job)
    new = {**_list(everything, here, seen), **changed(parts, seen)}
    if job is not None and seen.get("loss") != _loss_stamp(job, request["theme"]):
        new["loss"] = {"stamp": _loss_stamp(job, request["theme"]), "updates": _loss_updates(job, request["theme"])}
    return {"again": _again(everything, job), "parts": new}


def _list(everything: Sequence[Training], here: str, seen: Json) -> Json:
    """The list of trainings; where only those that run have gone on, how far these are."""
    shown = listed_jobs(everything, here)
    running = [job for job in shown if job.state is TaskState.RUNNING]
    still = [[job.id, job.state, "" if job in running else entry_words(job)] for job in shown]
    drawn, parts = stamp([still, here, len(everything)]), {}
    # Before its entries: these are updated only where they are.
    if seen.get("list") != drawn:
        parts["list"] = {"stamp": drawn, "updates": [(ids.JOB_LIST, {"children": job_list(everything, here)})]}
    entries = {"running": [update for job in running for update in _entry_updates(job)]} if running else {}
    return parts | changed(entries, seen)


def _entry_updates(job: Training) -> Updates:
    return [
        (ids.job_words(job.id), {"children": entry_words(job)}),
        (ids.job_bar(job.id), {"value": f"{progress_share(job):.3f}"}),
    ]


def _found(everything: Sequence[Training], job_id: str) -> Training:
    return next((job for job in everything if job.id == job_id), None) or services().trainings.look_at(job_id)


def _again(everything: Sequence[Training], job: Training | None) -> float | None:
    if any(item.state in (TaskState.WAITING, TaskState.RUNNING) for item in everything):
        return OFTEN
    return None if job is not None and job.state == TaskState.DONE else SELDOM


def _job_updates(job: Training) -> Updates:
    cancelling = job.state == TaskState.RUNNING and services().trainings.cancel_requested(job.id)
    present, kept = services().store.worker_present(queue.TRAININGS), services().trainings.state_file(job.id).exists()
    words = state_words(job, present, cancelling, kept=kept)
    numbers, note = _fidelity(job)
    # What is said of a training that runs changes too often to be read out each time.
    live = "off" if job.state == TaskState.RUNNING else "polite"
    updates: Updates = [
        (ids.JOB_TITLE, {"children": title(job.config)}),
        (ids.JOB_STATE, {"children": words, "className": f"job-state is-{job.state}", "aria-live": live}),
        (ids.JOB_PROGRESS, {"value": f"{progress_share(job):.4f}"}),
        (ids.JOB_NUMBERS, {"children": progress_table(job)}),
        (ids.JOB_FIDELITY, {"children": fidelity_table(numbers, note)}),
        (ids.JOB_DEPARTURES, {"children": departures(job.config)}),
        (ids.JOB_EXPLORE, {"children": OPEN if job.state == TaskState.DONE else EXPLORE}),
    ]
    return [*updates, *_buttons(job, cancelling)]


def _buttons(job: Training, cancelling: bool) -> Updates:
    own = may_change(job, requester.identify_requester())
    allowed = {
        ids.JOB_EXPLORE: job.state != TaskState.WAITING and services().trainings.snapshot_file(job.id).exists(),
        ids.JOB_RESUME: job.state in RESUMABLE and (own or job.state == TaskState.LOST),
        ids.JOB_CANCEL: job.state in (TaskState.WAITING, TaskState.RUNNING) and own and not cancelling,
    }
    return [(frame(button), {"hidden": not there}) for button, there in allowed.items()]


def _fidelity(job: Training) -> tuple[dict[str, float | None], str]:
    """What is known of the fidelity of a training's network, and of which network that is."""
    names = [name for name, *_ in MEASURES]
    made = services().models.find(job.model)
    if made is not None:
        verdict = made.header.metadata
        matches = "matches" if verdict.get("fidelity_passes") == "true" else "does not match"
        final: dict[str, float | None] = {name: _number(verdict.get(f"fidelity_{name}")) for name in names}
        return final, f"It {matches} its HMM, judged on {LAST_TEST}."
    snapshot = job.progress and job.progress.fidelity
    if not snapshot:
        return {}, "Judged once there is a snapshot."
    fate = f" {snapshot['diverged']} of these runs diverged." if snapshot["diverged"] else ""
    judged = f"Of the snapshot at step {snapshot['step']:,}, judged on {SNAPSHOT_TEST}."
    return {name: snapshot[name] for name in names}, f"{judged}{fate}"


def _number(text: str | None) -> float | None:
    value = float(text) if text is not None else math.nan
    return value if math.isfinite(value) else None


def _loss_stamp(job: Training, theme: str) -> list[Any]:
    return [job.id, theme, job.step]


def _loss_updates(job: Training, theme: str) -> Updates:
    floor, plateau = (job.progress.floor, job.progress.plateau) if job.progress else (None, None)
    losses = services().trainings.losses(job.id)
    figure = draw_loss_curve(losses, floor, plateau, job.config.steps, THEMES[theme])
    return [(ids.JOB_LOSS, {"figure": figure})]
