"""What the page's own scripts answer, without the server: every change of the scenario, and of a training's form.

See assets/scenario.js, assets/inquiries.js, assets/training.js and assets/sweep.js.
"""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.views import INQUIRIES, MAIN_VIEWS, TAB_VIEWS

TABS = (ids.NEURON_TABLE, *(view.id for view in TAB_VIEWS), ids.ABOUT)
FIELDS = (
    ids.MODEL,
    ids.SIGMA,
    ids.SEED,
    ids.STEPS,
    ids.TRAJECTORIES,
    ids.COLOUR,
    ids.NEURON,
    ids.PAIR,
    ids.DIMENSIONS,
)
FORM = {
    "family": ids.TRAIN_FAMILY,
    "states": ids.TRAIN_STATES,
    "outputs": ids.TRAIN_OUTPUTS,
    "neurons": ids.TRAIN_NEURONS,
    "inputs": ids.TRAIN_INPUTS,
    "recipe": ids.TRAIN_RECIPE,
    "seed": ids.TRAIN_SEED,
    "steps": ids.TRAIN_STEPS,
}


def register(app: Dash) -> None:
    """Connect every control to the page's script."""
    _to(app, "pageLoad", Output(ids.LINK_IN, "data"), Input(ids.PAGE_LOAD, "data"), initially=True)
    _to(
        app,
        "colourScheme",
        Output(ids.PROVIDER, "forceColorScheme"),
        Output(ids.THEME, "data"),
        Output(ids.COLOUR_SCHEME, "children"),
        Input(ids.COLOUR_SCHEME, "n_clicks"),
        State(ids.THEME, "data"),
        initially=True,
    )
    _to(app, "trainingReady", Output(ids.TRAIN_FORM, "data"), Input(ids.TRAIN_SETUP, "data"), initially=True)
    _to(
        app,
        "sweepShown",
        Output(ids.SWEEP_SHOWN, "data"),
        Input(ids.SWEEP_MEASURE, "value"),
        Input(ids.SWEEP_AXIS, "value"),
        initially=True,
    )
    _to(app, "enlarge", Output(ids.ENLARGE, "children"), Input(ids.ENLARGE, "n_clicks"))
    _to(app, "dismiss", Output(ids.NOTICE, "hidden"), Input(ids.NOTICE_DISMISS, "n_clicks"))
    changes: list[tuple[str, Any]] = [
        ("opened", Input(ids.OPENED, "data")),
        *((f"set_{field}", Input(field, "value")) for field in FIELDS),
        ("set_map", Input(ids.REGION_COLOUR, "value")),
        ("set_without_noise", Input(ids.NO_INPUT, "checked")),
        *((f"tab_{name}", Input(ids.tab(name), "n_clicks")) for name in TABS),
        ("newNoise", Input(ids.NEW_NOISE, "n_clicks")),
        ("ticked", Input(ids.NEURON_TABLE, "cellValueChanged")),
        ("rowsArrived", Input(ids.NEURON_TABLE, "rowData")),
        ("group", Input(ids.part(ids.GROUP, ALL), "n_clicks")),
        ("mu", Input(ids.part(ids.MU, ALL), "value")),
        ("target", Input(ids.part(ids.TARGET, ALL), "value")),
        ("remove", Input(ids.part(ids.REMOVE, ALL), "n_clicks")),
        ("undo", Input(ids.UNDO, "n_clicks")),
        ("redo", Input(ids.REDO, "n_clicks")),
        ("reset", Input(ids.RESET, "n_clicks")),
        ("fastBusy", Input(ids.FAST_BUSY, "data")),
        ("shown", Input(ids.answered(ids.STATE_SPACE), "data")),
        ("kickFound", Input(ids.KICK_ANSWER, "data")),
        *_training(),
        *_sweeps(),
        *((f"cancel_{view}", Input(ids.cancel(view), "n_clicks")) for view in INQUIRIES),
        *((f"compute_{view}", Input(ids.compute(view), "n_clicks")) for view in INQUIRIES),
        *((f"answered_{v.id}", Input(ids.answered(v.id), "data")) for v in (*MAIN_VIEWS, *TAB_VIEWS) if v.slow),
    ]
    for name, source in changes:
        _to(app, name, _sink(), source)
    _to(app, "clicked", _sink(), Input(ids.CONNECTIVITY, "clickData"), State(ids.CONNECTIVITY, "figure"))


def _training() -> list[tuple[str, Any]]:
    return [
        *((f"form_{field}", Input(name, "value")) for field, name in FORM.items()),
        ("normalise", Input(ids.TRAIN_NORMALISE, "n_clicks")),
        ("formChecked", Input(ids.TRAIN_CHECKED, "data")),
        ("wish_train", Input(ids.TRAIN_START, "n_clicks")),
        ("wish_cancel", Input(ids.JOB_CANCEL, "n_clicks")),
        ("wish_resume", Input(ids.JOB_RESUME, "n_clicks")),
        ("wish_explore", Input(ids.JOB_EXPLORE, "n_clicks")),
        ("granted", Input(ids.GRANTED, "data")),
        ("jobAnswered", Input(ids.JOB_ANSWERED, "data")),
        ("trainingTheme", Input(ids.THEME, "data")),
    ]


def _sweeps() -> list[tuple[str, Any]]:
    return [
        ("sweepAnswered", Input(ids.SWEEP_ANSWERED, "data")),
        ("sweepTheme", Input(ids.THEME, "data")),
    ]


def _to(app: Dash, name: str, *wires: Any, initially: bool = False) -> None:
    app.clientside_callback(ClientsideFunction("hmmrnn", name), *wires, prevent_initial_call=not initially)


def _sink() -> Output:
    # These functions act through the scenario and have nothing to return; Dash wants an output all the same.
    return Output(ids.SINK, "data", allow_duplicate=True)
