"""Is a form right, what is wanted of a training, what has become of it? The answers to the training pages.

The page's script asks (assets/training.js): one question at a time, once a second, while such a page is open. Each part
of an answer has a stamp; the script tells which ones it has, and what has not changed is not sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from dash import Dash, Input, Output

from hmmrnn.dashboard import catalog, ids, jobs, queue, viewers
from hmmrnn.dashboard.callbacks.parts import Draws, Json, away, changed
from hmmrnn.dashboard.callbacks.picker import model_choices
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.jobs import Job
from hmmrnn.dashboard.training_page import (
    EXPLORE,
    LAST_TEST,
    LIMITS,
    MEASURES,
    OPEN,
    SNAPSHOT_TEST,
    departures,
    facts,
    fidelity_table,
    job_list,
    progress_share,
    progress_table,
    state_words,
    title,
)
from hmmrnn.figures.theme import THEMES
from hmmrnn.figures.training import loss_curve
from hmmrnn.hmm import HMM
from hmmrnn.recipe import TrainingConfig

# Names of the fields in the form and in a config.
FIELDS = {"neurons": "n_neurons", "inputs": "n_inputs", "seed": "seed", "steps": "steps"}
LETTERS = {"n_neurons": "N", "n_inputs": "M", "seed": "seed", "steps": "the budget"}
OFTEN, SELDOM = 1.0, 5.0


def register(app: Dash) -> None:
    """Register what the training pages ask."""
    for question, answer, callback in (
        (ids.TRAIN_FORM, ids.TRAIN_CHECKED, checked),
        (ids.WISH, ids.GRANTED, granted),
        (ids.JOB_ASKED, ids.JOB_ANSWERED, watched),
    ):
        app.callback(Output(answer, "data"), Input(question, "data"), prevent_initial_call=True)(callback)


# ---- the form ----


def checked(form: Json) -> Json:
    """What a form as it is would train, or in a sentence why it cannot."""
    try:
        config = config_of(form)
    except ValueError as error:
        return {"form": form, "problem": sentence(error), "draws": []}
    own = TrainingConfig.for_hmm(config.hmm, config.recipe).steps
    draws: Draws = [
        (ids.TRAIN_DEPARTURES, {"children": departures(config)}),
        (ids.TRAIN_FACTS, {"children": facts(config)}),
        (ids.TRAIN_STEPS, {"placeholder": f"{own} (recipe)"}),
    ]
    return {"form": form, "problem": "", "draws": draws}


def config_of(form: Json) -> TrainingConfig:
    """The training that a form asks for; fields that are empty are the recipe's.

    Raises:
        ValueError: the HMM is none, or a value is missing, has another type or is out of range.
    """
    hmm = HMM.from_dict({"A": form["A"], "B": form["B"]})
    given = {FIELDS[name]: form[name] for name in FIELDS if form[name] not in (None, "")}
    for name, value in given.items():
        low, high = LIMITS[name]
        if isinstance(value, int | float) and not low <= value <= high:
            raise ValueError(f"{LETTERS[name]} must be from {low:,} to {high:,}; got {value:,}")
    recipe = TrainingConfig.for_hmm(hmm, form["recipe"])
    return TrainingConfig.from_dict({**recipe.to_dict(), **given})


# ---- wishes ----


def granted(wish: Json) -> Json:
    """Do what is wanted, and say where that leads: to a training's page, to a network, or nowhere else."""
    return {"turn": wish["turn"], **_WISHES[wish["do"]](wish["of"])}


def _train(form: Json) -> Json:
    return {"job": jobs.submit(config_of(form), viewers.asker())}


def _cancel(job_id: str) -> Json:
    jobs.cancel(job_id)
    return {}


def _resume(job_id: str) -> Json:
    jobs.resume(job_id, viewers.asker())
    return {}


def _explore(job_id: str) -> Json:
    name = jobs.explore(job_id)
    return {"network": name, "choices": model_choices()}


_WISHES: dict[str, Callable[[Any], Json]] = {
    "train": _train,
    "cancel": _cancel,
    "resume": _resume,
    "explore": _explore,
}


# ---- watching ----


def watched(question: Json) -> Json:
    """What has changed of the list of trainings, and of the one that is looked at.

    Args:
        question: its number; id of the training, or "" for none; theme; and what is `seen`, as stamps of the parts.

    Returns:
        the question's number; `again`, in how many seconds to ask again, or None if nothing will change; and the parts
        that have changed, each with its stamp and what to draw. Or `unknown`, if there is no such training.
    """
    here, turn, seen = question["job"], question["turn"], question["seen"]
    try:
        everything = jobs.listing()
        job = _found(everything, here) if here else None
    except queue.QueueGoneError as error:
        return {"turn": turn, "again": OFTEN, "parts": changed(away(error), seen)}
    except ValueError as error:
        return {"turn": turn, "unknown": sentence(error)}
    parts: dict[str, Draws] = {"list": [(ids.JOB_LIST, {"children": job_list(everything, here)})]}
    if any(item.state == jobs.DONE for item in everything):
        parts["networks"] = [(ids.MODEL, {"data": model_choices()})]
    if job is not None:
        parts["job"] = _job_draws(job)
    new = changed(parts, seen)
    if job is not None and seen.get("loss") != _loss_stamp(job, question["theme"]):
        new["loss"] = {"stamp": _loss_stamp(job, question["theme"]), "draws": _loss_draws(job, question["theme"])}
    return {"turn": turn, "again": _again(everything, job), "parts": new}


def _found(everything: Sequence[Job], job_id: str) -> Job:
    return next((job for job in everything if job.id == job_id), None) or jobs.look_at(job_id)


def _again(everything: Sequence[Job], job: Job | None) -> float | None:
    if any(item.state in (jobs.WAITING, jobs.RUNNING) for item in everything):
        return OFTEN
    return None if job is not None and job.state == jobs.DONE else SELDOM


def _job_draws(job: Job) -> Draws:
    cancelling = job.state == jobs.RUNNING and jobs.cancel_requested(job.id)
    words = state_words(job, queue.present(queue.TRAININGS), cancelling, kept=jobs.state_file(job.id).exists())
    numbers, note = _fidelity(job)
    # What is said of a training that runs changes too often to be read out each time.
    live = "off" if job.state == jobs.RUNNING else "polite"
    draws: Draws = [
        (ids.JOB_TITLE, {"children": title(job.config)}),
        (ids.JOB_STATE, {"children": words, "className": f"job-state is-{job.state}", "aria-live": live}),
        (ids.JOB_PROGRESS, {"value": f"{progress_share(job):.4f}"}),
        (ids.JOB_NUMBERS, {"children": progress_table(job)}),
        (ids.JOB_FIDELITY, {"children": fidelity_table(numbers, note)}),
        (ids.JOB_DEPARTURES, {"children": departures(job.config)}),
        (ids.JOB_EXPLORE, {"children": OPEN if job.state == jobs.DONE else EXPLORE}),
    ]
    return [*draws, *_buttons(job, cancelling)]


def _buttons(job: Job, cancelling: bool) -> Draws:
    allowed = {
        ids.JOB_EXPLORE: job.state != jobs.WAITING and jobs.snapshot_file(job.id).exists(),
        ids.JOB_RESUME: job.state in jobs.RESUMABLE,
        ids.JOB_CANCEL: job.state in (jobs.WAITING, jobs.RUNNING) and not cancelling,
    }
    return [(ids.frame(button), {"hidden": not there}) for button, there in allowed.items()]


def _fidelity(job: Job) -> tuple[dict[str, float | None], str]:
    """What is known of the fidelity of a training's network, and of which network that is."""
    names = [name for name, *_ in MEASURES]
    made = next((item for item in catalog.entries() if item.name == job.model), None)
    if made is not None:
        verdict = made.header.metadata
        passes = "passes" if verdict.get("fidelity_passes") == "true" else "fails"
        final: dict[str, float | None] = {name: _number(verdict.get(f"fidelity_{name}")) for name in names}
        return final, f"It {passes} the fidelity gate, judged on {LAST_TEST}."
    snapshot = job.progress.get("fidelity")
    if not snapshot:
        return {}, "Judged once there is a snapshot."
    fate = f" {snapshot['diverged']} of these runs diverged." if snapshot["diverged"] else ""
    judged = f"Of the snapshot at step {snapshot['step']:,}, judged on {SNAPSHOT_TEST}."
    return {name: snapshot[name] for name in names}, f"{judged}{fate}"


def _number(text: str | None) -> float | None:
    value = float(text) if text is not None else math.nan
    return value if math.isfinite(value) else None


def _loss_stamp(job: Job, theme: str) -> list[Any]:
    return [job.id, theme, job.progress.get("step", 0)]


def _loss_draws(job: Job, theme: str) -> Draws:
    told = job.progress
    losses = jobs.losses(job.id)
    figure = loss_curve(losses, told.get("floor"), told.get("plateau"), job.config.steps, THEMES[theme])
    return [(ids.JOB_LOSS, {"figure": figure})]
