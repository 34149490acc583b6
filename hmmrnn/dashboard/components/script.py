"""Callbacks of Dash that run in the browser: every change of the scenario, and of a training's form.

See assets/core/start.mjs and assets/pages.
"""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.configuration import FIELDS
from hmmrnn.dashboard.pages.compare import ids as compare_ids
from hmmrnn.dashboard.pages.data import ids as data_ids
from hmmrnn.dashboard.pages.train import ids as train_ids


def register(app: Dash) -> None:
    """Connect every control to the page's scripts."""
    _connect(app, "pageLoad", _sink(), Input(ids.PAGE_LOAD, "data"), initially=True)
    _connect(
        app,
        "colourScheme",
        Output(ids.PROVIDER, "forceColorScheme"),
        Output(ids.THEME, "data"),
        Output(ids.COLOUR_SCHEME, "children"),
        Input(ids.COLOUR_SCHEME, "n_clicks"),
        State(ids.THEME, "data"),
        initially=True,
    )
    _connect(app, "dismiss", Output(ids.NOTICE, "hidden"), Input(ids.NOTICE_DISMISS, "n_clicks"))
    changes = [
        *((f"set_{name}", Input(field.control, field.prop)) for name, field in FIELDS.items()),
        ("newNoise", Input(ids.NEW_NOISE, "n_clicks")),
        ("ticked", Input(ids.NEURON_TABLE, "cellValueChanged")),
        ("rowsArrived", Input(ids.NEURON_TABLE, "rowData")),
        ("undo", Input(ids.UNDO, "n_clicks")),
        ("redo", Input(ids.REDO, "n_clicks")),
        ("reset", Input(ids.RESET, "n_clicks")),
        *_of_training(),
    ]
    for name, source in changes:
        _connect(app, name, _sink(), source)
    t = train_ids
    _connect(app, "trainingReady", _sink(), Input(t.TRAIN_SETUP, "data"), initially=True)
    _connect(app, "dataReady", _sink(), Input(data_ids.DATA_READY, "data"), initially=True)
    _connect(app, "sidesReady", _sink(), Input(compare_ids.SIDES_READY, "data"), initially=True)
    measure, axis = Input(t.SWEEP_MEASURE, "value"), Input(t.SWEEP_AXIS, "value")
    _connect(app, "sweepShown", Output(t.SWEEP_SHOWN, "data"), measure, axis, initially=True)


def _of_training() -> list[tuple[str, Any]]:
    t = train_ids
    return [
        *((f"form_{field}", Input(name, "value")) for field, name in t.FORM.items()),
        ("normalise", Input(t.TRAIN_NORMALISE, "n_clicks")),
        ("command_train", Input(t.TRAIN_START, "n_clicks")),
        ("command_cancel", Input(t.JOB_CANCEL, "n_clicks")),
        ("command_resume", Input(t.JOB_RESUME, "n_clicks")),
        ("command_explore", Input(t.JOB_EXPLORE, "n_clicks")),
    ]


def _connect(app: Dash, name: str, *wires: Any, initially: bool = False) -> None:
    how = "initial_duplicate" if initially and wires[0].allow_duplicate else not initially
    app.clientside_callback(ClientsideFunction("hmmrnn", name), *wires, prevent_initial_call=how)


def _sink() -> Output:
    # These functions act through the scenario and have nothing to return; Dash wants an output all the same.
    return Output(ids.SINK, "data", allow_duplicate=True)
