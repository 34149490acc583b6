"""The form of a training: the HMM that a network is to emulate, the network, and the recipe.

    /train         the form, and a list of all trainings

The matrices of the HMM are the script's work (assets/pages/training.mjs): a table of 240 Dash components would be slow.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

import dash_mantine_components as dmc
import numpy as np
from dash import html
from flask import Flask
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from hmmrnn.dashboard.components.controls import whole_number
from hmmrnn.dashboard.pages.train import ids
from hmmrnn.dashboard.view import Json, Updates
from hmmrnn.model.hmm import HMM, MAX_OUTPUTS, MAX_STATES, NAMELESS, NAMES, PRESETS, ROUNDED_DECIMALS, ROW_SUM_TOLERANCE
from hmmrnn.model.hmm_text import MAX_CHARACTERS, read_hmm, read_rows
from hmmrnn.server.questions import Name, answer_at
from hmmrnn.server.sentence import sentence
from hmmrnn.training.config import RECIPES, TrainingConfig

OWN = "own"
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
    "normal_start": "h₀ ~ N(0, 1) in each batch",
    "blur": "Blur",
    "tau": "Gumbel temperature",
    "cell": "Cell",
    "alpha": "alpha = dt / tau",
    "rank": "Rank of W_hh (0: full)",
}
# Names of the fields in the form and in a config.
FIELDS = {"neurons": "n_neurons", "inputs": "n_inputs", "seed": "seed", "steps": "steps"}
LETTERS = {"n_neurons": "N", "n_inputs": "M", "seed": "seed", "steps": "the budget"}


Matrix = Annotated[list[Annotated[list[Any], Field(max_length=100)]], Field(max_length=100)]
# A whole number stays one: without `int` it would be read as a float.
Number = int | float | Name | None


class Form(TypedDict):
    """The form as it is; a cell or a field may hold what is no number."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]
    A: Matrix
    B: Matrix
    # Of an HMM that was pasted with the distribution of its first state; uniform without.
    start: NotRequired[Annotated[list[Any], Field(max_length=100)]]
    # Of an HMM that was pasted with one.
    name: NotRequired[Name]
    recipe: Name
    neurons: Number
    inputs: Number
    seed: Number
    steps: Number


class Paste(TypedDict):
    """A text that was pasted into a cell of a matrix."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]
    matrix: Literal["A", "B"]
    text: Annotated[str, Field(max_length=MAX_CHARACTERS)]


def register(server: Flask) -> None:
    """Register the server's check of the form, and what reads a text that is pasted into it."""
    answer_at(server, "/train/check", "check-form", Form, check_form)
    answer_at(server, "/train/paste", "read-paste", Paste, read_paste)


# ---- components ----


def setup() -> Json:
    """What the form starts from and is checked by at each key: families, limits, and the values at first."""
    return {
        "families": {name: {key: HMM.preset(name).to_dict()[key] for key in ("A", "B")} for name in PRESETS},
        "max": {"states": MAX_STATES, "outputs": MAX_OUTPUTS},
        "tolerance": 2 * ROW_SUM_TOLERANCE,
        "rounded": list(ROUNDED_DECIMALS),
        "first": {
            "family": FIRST_FAMILY,
            "recipe": RECIPES[0],
            "neurons": TrainingConfig.n_neurons,
            "inputs": TrainingConfig.n_inputs,
            "seed": TrainingConfig.seed,
            "steps": "",
        },
    }


def form() -> Any:
    """The form."""
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
                "Every row of A and B must sum to 1. Type into a cell, or paste a matrix into its first one, from a "
                "spreadsheet or as NumPy, MATLAB, pandas, torch and R print it. A whole HMM (JSON; A = … and B = …; or "
                "transmat_ … of hmmlearn) may be pasted into any cell. 0.25, 0,25, 2.5e-01, 25 % and 1/4 are all read.",
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


# ---- what is pasted ----


def read_paste(paste: Json) -> Json:
    """The rows of the matrix that was pasted, `name` says which; or the whole `hmm` where there are both matrices.

    A `note` says what was done to its numbers, if anything.

    Raises:
        ValueError: the text cannot be read.
    """
    named = read_hmm(paste["text"])
    known = {NAMES[name]: value for name, value in named.items() if name in NAMES}
    if {"A", "B"} <= set(known) or set(named) - set(NAMES):
        hmm = HMM.from_dict(named)
        given = {key: value for key, value in hmm.to_dict().items() if key in known}
        return {"hmm": given, "note": " ".join(map(sentence, hmm.notes))}
    found = next((name for name in ("A", "B") if name in known), None)
    if known and found is None:
        raise ValueError("the start alone cannot be pasted; paste it together with A and B")
    name = found or paste["matrix"]
    return {"name": name, "rows": known[name] if found else read_rows(paste["text"], square=name == "A")}


# ---- the check ----


def check_form(form: Json) -> Json:
    """What a form as it is would train, or in a sentence why it cannot."""
    try:
        config = config_of(form)
    except ValueError as error:
        return {"form": form, "problem": sentence(error), "updates": []}
    own = TrainingConfig.for_hmm(config.hmm, config.recipe).steps
    updates: Updates = [
        (ids.TRAIN_DEPARTURES, {"children": departures(config)}),
        (ids.TRAIN_FACTS, {"children": facts(config)}),
        (ids.TRAIN_STEPS, {"placeholder": f"{own} (recipe)"}),
    ]
    return {"form": form, "problem": "", "updates": updates}


def config_of(form: Json) -> TrainingConfig:
    """The training that a form asks for; fields that are empty are the recipe's.

    Raises:
        ValueError: the HMM is none, or a value is missing, has another type or is out of range.
    """
    hmm = HMM.from_dict({"A": form["A"], "B": form["B"], "start": form.get("start"), "name": form.get("name")})
    given = {FIELDS[name]: form[name] for name in FIELDS if form[name] not in (None, "")}
    for name, value in given.items():
        low, high = LIMITS[name]
        if isinstance(value, int | float) and not low <= value <= high:
            raise ValueError(f"{LETTERS[name]} must be from {low:,} to {high:,}; got {value:,}")
    recipe = TrainingConfig.for_hmm(hmm, form["recipe"])
    return TrainingConfig.from_dict({**recipe.to_dict(), **given})


def departures(config: TrainingConfig) -> Any:
    """Each setting that differs from the published recipe."""
    name = config.hmm.name
    own = [] if name in PRESETS else [("Target", "an own HMM" if name == NAMELESS else name)]
    found = [*own, *((SETTINGS.get(name, name), _plain(words)) for name, words in config.departures.items())]
    if not found:
        return html.P("Nothing: this is the published recipe.", className="note")
    return html.Dl([part for name, words in found for part in (html.Dt(name), html.Dd(words))])


def facts(config: TrainingConfig) -> str:
    """What is to be expected of an HMM in the long run."""
    hmm = config.hmm
    shares = ", ".join(f"{symbol}: {100 * share:.1f} %" for symbol, share in enumerate(hmm.marginal))
    notes = [sentence(words) for words in (*hmm.notes, hmm.long_run) if words]
    if np.ptp(hmm.start) > 0:
        notes.append(f"The first state is drawn with {', '.join(f'{share:.3g}' for share in hmm.start)}.")
    return (
        " ".join(notes)
        + " " * bool(notes)
        + (
            f"In the long run symbols have the shares {shares}; two successive ones differ at "
            f"{100 * hmm.volatility:.1f} % of the steps. The network sees windows of {config.length} symbols."
        )
    )


def target_name(hmm: HMM) -> str:
    """What an HMM is called: its family, or its size."""
    return hmm.name if hmm.name != NAMELESS else f"own HMM of {hmm.n_states} states and {hmm.n_outputs} symbols"


def _plain(words: str) -> str:
    return words.replace("True", "yes").replace("False", "no")
