"""How does one ask for a training, and how does it look while it runs? The components of the training pages.

    /train         the form, and a list of all trainings
    /train/<id>    a training, and the list

Both lie over the views, which stay as they are underneath; assets/training.js shows the one or the other. The matrices
of the HMM are its work too: a table of 240 Dash components would be slow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from hmmrnn.dashboard import ids, jobs
from hmmrnn.dashboard.controls import whole_number
from hmmrnn.dashboard.jobs import Job
from hmmrnn.fidelity import (
    MAX_LAG_ERROR,
    MAX_MARGINAL_ERROR,
    MAX_TRANSITION_ERROR,
    MAX_VOLATILITY_DEVIATION,
)
from hmmrnn.figures.theme import GRAPH_CONFIG
from hmmrnn.hmm import HMM, MAX_OUTPUTS, MAX_STATES, PRESETS, ROW_SUM_TOLERANCE
from hmmrnn.recipe import RECIPES, TrainingConfig

Json = dict[str, Any]

OWN = "own"
EXPLORE, OPEN = "Explore now", "Open network"
FIRST_FAMILY = "linear-2"
# What the form offers; more would not fit into a worker's memory, or take days.
LIMITS = {"n_neurons": (2, 512), "n_inputs": (1, 512), "seed": (0, 2**31 - 1), "steps": (1, 20_000)}
FAMILIES = {
    **{f"linear-{n}": f"linear-{n}: a chain of {n} states" for n in (2, 3, 4, 5)},
    "fully-connected": "fully-connected: 3 states, each leads to each",
    "cyclic": "cyclic: a ring of 4 states",
    OWN: "An HMM of your own",
}
RECIPE_LABELS = {"fast": "Fast: minutes", "paper": "Paper: hours"}
# In words, what a training may do otherwise than the paper.
SETTINGS = {
    "steps": "Optimizer steps",
    "batch": "Sequences per step",
    "length": "Symbols per sequence",
    "learning_rate": "Learning rate",
    "cosine": "Learning rate falls to 0",
    "clip": "Gradient clipped to",
    "orthogonal": "W_hh starts orthogonal",
    "sequences": "Fixed training set (0: always new)",
    "pair_weight": "Weight of symbol pairs",
    "pair_from": "Share of steps before that",
    "activity_weight": "Weight of mean h²",
    "carry": "State carried between batches",
    "blur": "Blur",
    "tau": "Gumbel temperature",
}
# Name in progress and provenance, in words, what the gate asks for, and the same as a range.
MEASURES: tuple[tuple[str, str, str, tuple[float, float] | None], ...] = (
    ("transition_error", "Transition error", f"≤ {MAX_TRANSITION_ERROR:g}", (0, MAX_TRANSITION_ERROR)),
    ("marginal_error", "Marginal error", f"≤ {MAX_MARGINAL_ERROR:g}", (0, MAX_MARGINAL_ERROR)),
    (
        "volatility_ratio",
        "Volatility ratio",
        f"{1 - MAX_VOLATILITY_DEVIATION:g} to {1 + MAX_VOLATILITY_DEVIATION:g}",
        (1 - MAX_VOLATILITY_DEVIATION, 1 + MAX_VOLATILITY_DEVIATION),
    ),
    ("lag_error", "Lag error", f"≤ {MAX_LAG_ERROR:g}", (0, MAX_LAG_ERROR)),
    ("log_likelihood_gap", "Log-likelihood gap (nats)", "", None),
)
# How a snapshot is judged while the training goes on, and the network at its end.
SNAPSHOT_TEST, LAST_TEST = "32 runs of 500 steps", "256 runs of 2,000 steps"


# ---- what is always there ----


def stores() -> list[Any]:
    """The values that the script and the server exchange."""
    names = (ids.TRAIN_FORM, ids.TRAIN_CHECKED, ids.JOB_ASKED, ids.JOB_ANSWERED, ids.WISH, ids.GRANTED)
    return [*(dcc.Store(id=name) for name in names), dcc.Store(id=ids.TRAIN_SETUP, data=setup())]


def setup() -> Json:
    """What the form starts from and is checked by at each key: families, limits, and the values at first."""
    return {
        "families": {name: {key: HMM.preset(name).to_dict()[key] for key in ("A", "B")} for name in PRESETS},
        "max": {"states": MAX_STATES, "outputs": MAX_OUTPUTS},
        "tolerance": ROW_SUM_TOLERANCE,
        "first": {
            "family": FIRST_FAMILY,
            "recipe": RECIPES[0],
            "neurons": TrainingConfig.n_neurons,
            "inputs": TrainingConfig.n_inputs,
            "seed": TrainingConfig.seed,
            "steps": "",
        },
    }


def pages() -> Any:
    """The form and the page of a training, with the list of all beside them."""
    return html.Div([_rail(), html.Main([_form(), _job()], className="training-main")], className="body training")


def _rail() -> Any:
    new = html.A("New training", href="/train", className="page-link new-training")
    many = html.A("Sweeps", href="/sweep", className="page-link new-training", title="Many networks of a grid of sizes")
    listed = html.Section(
        [html.H2("Trainings"), html.Ul(id=ids.JOB_LIST, className="job-list")],
        className="grow",
        **{"aria-label": "All trainings"},
    )
    return html.Aside([new, many, listed], className="rail", **{"aria-label": "Trainings"})


def _form() -> Any:
    return html.Div([_target_card(), _settings_card()], className="training-form")


def _target_card() -> Any:
    family = dmc.Select(
        id=ids.TRAIN_FAMILY,
        label="Family",
        data=[{"value": name, "label": label} for name, label in FAMILIES.items()],
        value=FIRST_FAMILY,
        allowDeselect=False,
        size="sm",
        className="family",
    )
    return html.Section(
        [
            html.H2("Train a network to emulate this HMM", tabIndex=-1),
            html.Div(
                [
                    family,
                    whole_number(ids.TRAIN_STATES, "States (K)", 2, 1, MAX_STATES, w=110),
                    whole_number(ids.TRAIN_OUTPUTS, "Symbols (O)", 3, 1, MAX_OUTPUTS, w=110),
                    dmc.Button("Make rows sum to 1", id=ids.TRAIN_NORMALISE, variant="default", size="sm", n_clicks=0),
                ],
                className="target-controls",
            ),
            html.P(
                "Every row of A and B must sum to 1. Type into a cell, or paste a block from a spreadsheet into the "
                "cell where it begins: 0.25, 0,25, 25 % and 1/4 are all read.",
                className="note",
            ),
            html.Div(id=ids.TRAIN_MATRICES, className="matrices"),
            html.P(id=ids.TRAIN_FACTS, className="note"),
        ],
        className="card target-card",
    )


def _settings_card() -> Any:
    first = setup()["first"]
    return html.Section(
        [
            html.H2("Network and training"),
            html.Div(
                [
                    whole_number(ids.TRAIN_NEURONS, "Neurons (N)", first["neurons"], *LIMITS["n_neurons"]),
                    whole_number(ids.TRAIN_INPUTS, "Noise inputs (M)", first["inputs"], *LIMITS["n_inputs"]),
                ],
                className="pair",
            ),
            dmc.SegmentedControl(
                id=ids.TRAIN_RECIPE,
                data=[{"value": recipe, "label": RECIPE_LABELS[recipe]} for recipe in RECIPES],
                value=first["recipe"],
                fullWidth=True,
                size="sm",
                **{"aria-label": "Recipe"},
            ),
            html.Div(
                [
                    whole_number(ids.TRAIN_STEPS, "Budget (steps)", "", *LIMITS["steps"], step=50),
                    whole_number(ids.TRAIN_SEED, "Seed", first["seed"], *LIMITS["seed"]),
                ],
                className="pair budget",
            ),
            _train_button(),
            html.P(id=ids.TRAIN_PROBLEM, className="problem", role="status"),
            html.H3("Differs from the paper in"),
            html.Div(id=ids.TRAIN_DEPARTURES, className="departures"),
        ],
        className="card settings-card",
    )


def _train_button() -> Any:
    described = {"aria-describedby": ids.TRAIN_PROBLEM}
    # The primary colour itself is too pale for white words on it.
    return dmc.Button("Train", id=ids.TRAIN_START, color="blue.8", disabled=True, n_clicks=0, **described)


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
    return html.Span(button, id=ids.frame(id), title=title, hidden=True)


# ---- what is said of a training ----


def target_name(hmm: HMM) -> str:
    """What an HMM is called: its family, or its size."""
    return hmm.name if hmm.name in PRESETS else f"own HMM of {hmm.n_states} states and {hmm.n_outputs} symbols"


def title(config: TrainingConfig) -> str:
    """What is trained, in a line."""
    return (
        f"{target_name(config.hmm)}: N = {config.n_neurons}, M = {config.n_inputs}, "
        f"seed {config.seed}, {config.recipe} recipe"
    )


def state_words(job: Job, worker: bool, cancelling: bool, kept: bool) -> str:
    """Where a training stands, in a sentence or two.

    Args:
        job: the training.
        worker: whether one is there to take what waits.
        cancelling: whether somebody wants it to stop.
        kept: whether there is something to resume it from.
    """
    step = job.progress.get("step", 0)
    go_on = (
        f"It can go on from what was last kept, at most seconds before step {step:,}." if kept else "Start it again."
    )
    words = {
        jobs.WAITING: f"Waiting: {_place(job.before)}." if worker else "Waiting: no worker is running now.",
        jobs.RUNNING: _running(job, cancelling),
        jobs.LOST: f"Lost: the worker that trained it is gone. {go_on}",
        jobs.CANCELLED: f"Cancelled at step {step:,}, from where it can go on."
        if kept
        else "Cancelled before it began.",
        jobs.FAILED: f"Failed: {job.reason.rstrip('.')}.",
        jobs.DONE: f"Done: it is the network {job.model}.",
    }
    return words[job.state]


def progress_share(job: Job) -> float:
    """How much of a training is done, from 0 to 1."""
    return 1.0 if job.state == jobs.DONE else job.progress.get("step", 0) / job.config.steps


def progress_table(job: Job) -> Any:
    """Steps, loss between floor and plateau, speed and time of a training."""
    told = job.progress
    if not told:
        return html.P("No step has been made yet.", className="note")
    speed, left = told.get("steps_per_second"), job.seconds_left
    rows = [
        ("Step", f"{told['step']:,} of {told['steps']:,}"),
        ("Loss", f"{told['loss']:.2f}"),
        ("Floor: HMM against HMM", f"{told['floor']:.2f}"),
        ("Plateau: independent symbols", f"{told['plateau']:.2f}"),
        *([] if left is None else [("Steps per second", f"{speed:.2f}"), ("Time left", duration(left))]),
        ("Time spent", duration(told["seconds"])),
    ]
    return html.Table(html.Tbody([html.Tr([html.Th(name, scope="row"), html.Td(value)]) for name, value in rows]))


def fidelity_table(numbers: Mapping[str, float | None], note: str) -> Any:
    """The fidelity of a network beside what the gate asks for; `note` says which network, and how it was judged."""
    if not numbers:
        return html.P(note, className="note")
    head = html.Tr([html.Th("Measure"), html.Th("Value"), html.Th("Gate")])
    rows = [_measure(words, numbers.get(name), gate, limits) for name, words, gate, limits in MEASURES]
    return [html.Table([html.Thead(head), html.Tbody(rows)]), html.P(note, className="note")]


def departures(config: TrainingConfig) -> Any:
    """Each setting that differs from the published recipe."""
    own = [] if config.hmm.name in PRESETS else [("Target", "an own HMM")]
    found = [*own, *((SETTINGS.get(name, name), _plain(words)) for name, words in config.departures.items())]
    if not found:
        return html.P("Nothing: this is the published recipe.", className="note")
    return html.Dl([part for name, words in found for part in (html.Dt(name), html.Dd(words))])


def facts(config: TrainingConfig) -> str:
    """What is to be expected of an HMM in the long run."""
    hmm = config.hmm
    shares = ", ".join(f"{symbol}: {100 * share:.1f} %" for symbol, share in enumerate(hmm.marginal))
    return (
        f"In the long run symbols have the shares {shares}; two successive ones differ at "
        f"{100 * hmm.volatility:.1f} % of the steps. The network sees windows of {config.length} symbols."
    )


def job_list(everything: Sequence[Job], here: str) -> Any:
    """A link to each training, with its state; `here` is the id of the one that is shown."""
    if not everything:
        return [html.Li("None yet.", className="note")]
    return [html.Li(_entry(job, job.id == here)) for job in everything]


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


def _running(job: Job, cancelling: bool) -> str:
    step = job.progress.get("step", 0)
    if cancelling:
        return "Cancelling: it stops after the present step."
    if step == job.config.steps:
        return f"Trained; it is now judged on {LAST_TEST}."
    left = "" if job.seconds_left is None else f", about {duration(job.seconds_left)} left"
    return f"Training: step {step:,} of {job.config.steps:,}{left}." if step else "Training: at its first step."


def _entry(job: Job, here: bool) -> Any:
    share = progress_share(job)
    # A step that is behind the worker by a poll must not read as if all were done.
    percent = f"{int(100 * share)} %"
    words = {
        jobs.WAITING: f"waiting, {job.before} before it",
        jobs.RUNNING: f"running, {percent}" if share < 1 else "running, is being judged",
        jobs.LOST: f"lost at {percent}",
        jobs.CANCELLED: f"cancelled at {percent}",
    }.get(job.state, job.state)
    sizes = f"N {job.config.n_neurons}, M {job.config.n_inputs}, seed {job.config.seed}, {job.config.recipe}"
    bar = html.Progress(value=f"{share:.3f}", max="1", **{"aria-hidden": "true"})
    content = [html.Strong(target_name(job.config.hmm)), html.Span(sizes), html.Span(words, className="state"), bar]
    current = {"aria-current": "page"} if here else {}
    return html.A(content, href=f"/train/{job.id}", className=f"page-link job-link is-{job.state}", **current)


def _measure(words: str, value: float | None, gate: str, limits: tuple[float, float] | None) -> Any:
    holds = limits is None or (value is not None and limits[0] <= value <= limits[1])
    sign = "" if limits is None else " ✓" if holds else " ✗"
    shown = "not known" if value is None else f"{value:.3f}"
    return html.Tr(
        [html.Th(words, scope="row"), html.Td(shown), html.Td(f"{gate}{sign}", className="holds" if holds else "fails")]
    )


def _plain(words: str) -> str:
    return words.replace("True", "yes").replace("False", "no")
