"""The page of a sweep, and the list of all sweeps.

    /sweep           the list, and how a sweep is begun
    /sweep/<name>    how far it is, fidelity against N and M, and all its trainings

They lie over the views like the training pages; assets/pages/sweeps.mjs shows the one or the other. A sweep takes
hours, so it is begun from a shell, by the users who have the machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from hmmrnn.dashboard.pages.train import ids
from hmmrnn.dashboard.pages.train.training import MEASURES
from hmmrnn.dashboard.view import Json
from hmmrnn.figures.sweep import SIZES, M, Mark, Measure, N
from hmmrnn.figures.theme import GRAPH_CONFIG
from hmmrnn.tasks import sweeps
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.sweep_runner import WAITING_AT_ONCE
from hmmrnn.tasks.sweeps import Row, Sweep

TITLES = {name: words for name, words, _, _ in MEASURES}
GATES = {name: limits for name, _, _, limits in MEASURES}
FIRST_MEASURE, FIRST_AXIS = "transition_error", M
COMMAND = "python -m hmmrnn sweep"
EMPTY = {"visible": False}


# ---- what is always there ----


def layout() -> list[Any]:
    """The page of a sweep and the one without, with the list of all beside them, and what is shown of a sweep."""
    pages = html.Main([_start(), _sweep()], className="sweep-main")
    return [dcc.Store(id=ids.SWEEP_SHOWN), html.Div([_rail(), pages], className="body sweeps")]


def _rail() -> Any:
    listed = html.Section(
        [html.H2("Sweeps"), html.Ul(id=ids.SWEEP_LIST, className="job-list")],
        className="grow",
        **{"aria-label": "All sweeps"},
    )
    back = html.A("All trainings", href="/train", className="page-link new-training")
    return html.Aside([back, listed], className="rail", **{"aria-label": "Sweeps"})


def _start() -> Any:
    paper = Sweep(name="sweep")
    sizes = f"N = {_listed(paper.neurons)}; M = {_listed(paper.inputs)}; seeds {_listed(paper.seeds)}"
    return html.Section(
        [
            html.H2("A sweep: many networks of different sizes", tabIndex=-1),
            html.P(
                f"Trains a network for every family, N, M and seed of a grid, and shows here which become their "
                f"HMM. Unless said otherwise, the grid is that of the paper: {_listed(paper.families)}; {sizes}: "
                f"{paper.count} trainings."
            ),
            html.P("It is begun from a shell, with so many trainings at once as there is room for:"),
            html.Pre(html.Code(f"{COMMAND} --name paper --workers 2 --out paper.csv")),
            html.P(
                "Without --workers, the workers that run anyway take its trainings. A sweep lets only "
                f"{WAITING_AT_ONCE} of them wait at a time, so that a training asked for here goes before the "
                "next one. The same command again goes on where it stopped."
            ),
        ],
        className="card sweep-start",
    )


def _sweep() -> Any:
    head = html.Section(
        [
            html.Div(
                [
                    html.H2(id=ids.SWEEP_TITLE, tabIndex=-1),
                    html.Span(className="spacer"),
                    html.A(
                        "Compare", id=ids.SWEEP_COMPARE, href="/compare", className="report-link page-link", hidden=True
                    ),
                    html.A("Download CSV", id=ids.SWEEP_CSV, href="", className="report-link"),
                ],
                className="split",
            ),
            html.P(id=ids.SWEEP_SETTINGS, className="note"),
            html.P(id=ids.SWEEP_STATE, **{"aria-live": "polite"}),
            html.Progress(id=ids.SWEEP_PROGRESS, value="0", max="1", **{"aria-label": "Trainings that have ended"}),
        ],
        className="card sweep-head",
    )
    return html.Div([head, _figure(), _table()], id=ids.SWEEP, className="sweep-page")


def _figure() -> Any:
    measure = dmc.Select(
        id=ids.SWEEP_MEASURE,
        data=[{"value": name, "label": words} for name, words in TITLES.items()],
        value=FIRST_MEASURE,
        allowDeselect=False,
        size="xs",
        w=230,
        **{"aria-label": "Measure of fidelity"},
    )
    axis = dmc.SegmentedControl(
        id=ids.SWEEP_AXIS,
        data=[{"value": name, "label": f"Against {SIZES[name]}"} for name in (M, N)],
        value=FIRST_AXIS,
        size="xs",
        **{"aria-label": "What is along the axis"},
    )
    # As high as its letters need; the page scrolls, not the figure.
    graph = dcc.Graph(
        id=ids.SWEEP_FIGURE,
        className="sweep-graph",
        config={**GRAPH_CONFIG, "scrollZoom": False, "displayModeBar": False},
        responsive=True,
        figure={"data": [], "layout": {"xaxis": EMPTY, "yaxis": EMPTY, "paper_bgcolor": "rgba(0,0,0,0)"}},
    )
    title = [html.H2("Fidelity"), html.Span(className="spacer"), measure, axis]
    return html.Section([html.Div(title, className="card-title"), graph], className="card sweep-figure")


def _table() -> Any:
    grid = dag.AgGrid(
        id=ids.SWEEP_TABLE,
        columnDefs=columns(),
        rowData=[],
        getRowId="params.data.id",
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "wrapHeaderText": True},
        dashGridOptions={"rowHeight": 30, "headerHeight": 50, "animateRows": False},
        className="neuron-table sweep-table",
        style={"height": "100%", "width": "100%"},
    )
    return html.Section([html.Div(html.H2("Trainings"), className="card-title"), grid], className="card sweep-rows")


def columns() -> list[Json]:
    """The columns of the table of trainings."""
    number = {"type": "numericColumn"}
    size = {**number, "filter": "agNumberColumnFilter", "width": 84, "pinned": "left"}
    text = {"filter": "agTextColumnFilter"}
    decimals = {"function": "params.value == null ? '' : d3.format('.3f')(params.value)"}
    thousands = {"function": "params.value == null ? '' : d3.format(',')(params.value)"}
    link = {"sortable": False, "resizable": False}
    measures = [
        {
            "field": name,
            "headerName": words,
            "valueFormatter": decimals,
            "width": 210 if "(" in words else 150,
            **number,
        }
        for name, words in TITLES.items()
    ]
    return [
        {"field": "family", "headerName": "Family", "width": 140, "pinned": "left", **text},
        {"field": "n_neurons", "headerName": "N", **size},
        {"field": "n_inputs", "headerName": "M", **size},
        {"field": "seed", "headerName": "Seed", "width": 80, **number},
        {"field": "state", "headerName": "State", "width": 150, "tooltipField": "reason", **text},
        {"field": "training", "headerName": "Training", "width": 96, "cellRenderer": "TrainingLink", **link},
        {"field": "model", "headerName": "Network", "width": 112, "cellRenderer": "NetworkLink", **link},
        {"field": "gate", "headerName": "Gate", "width": 100, **text},
        *measures,
        {"field": "steps", "headerName": "Steps", "valueFormatter": thousands, "width": 92, **number},
        {"field": "seconds", "headerName": "Seconds", "valueFormatter": thousands, "width": 104, **number},
        {"field": "loss", "headerName": "Loss", "valueFormatter": decimals, "width": 92, **number},
        {"field": "reason", "headerName": "Reason", "width": 640, **text},
    ]


# ---- what is said of a sweep ----


def settings_words(sweep: Sweep) -> str:
    """The grid of a sweep, in a line."""
    changes = [f"{name} = {value}" for name, value in sweep.changes.items()]
    parts = [
        ", ".join(sweep.families),
        f"N = {_listed(sweep.neurons)}",
        f"M = {_listed(sweep.inputs)}",
        f"seed {_listed(sweep.seeds)}",
        f"{sweep.recipe} recipe{' with ' + ', '.join(changes) if changes else ''}",
    ]
    return "; ".join(parts)


def state_words(sweep: Sweep, found: Mapping[str, int], pursued: bool, worker: bool) -> str:
    """Where a sweep stands, in a sentence or two.

    Args:
        sweep: which one.
        found: how many of its trainings are in each state, and how many networks pass.
        pursued: whether a command asks for those that are planned.
        worker: whether one is there to take what waits.
    """
    done = f"{found['done']} of {sweep.count} done, {found['passes']} of them within the gate"
    others = {
        "running": "running",
        "waiting": "waiting",
        "planned": "not requested yet",
        "failed": "failed",
        "lost": "lost",
        "cancelled": "cancelled",
    }
    rest = [f"{found[state]} {words}" for state, words in others.items() if found[state]]
    said = [f"{'; '.join([done, *rest])}."]
    if not worker and found["waiting"]:
        said.append("No worker is running now.")
    unfinished = found["planned"] + found["lost"] + found["cancelled"]
    if unfinished and not pursued:
        said.append(f"The rest is not requested now: {COMMAND} --name {sweep.name} goes on with it.")
    return " ".join(said)


def sweep_list(listed: Sequence[tuple[Sweep, Mapping[str, int]]], here: str) -> Any:
    """A link to each sweep, with how much of it has ended; `here` is the name of the one that is shown."""
    if not listed:
        return [html.Li("None yet.", className="note")]
    return [html.Li(_entry(sweep, found, sweep.name == here)) for sweep, found in listed]


def ended_share(sweep: Sweep, found: Mapping[str, int]) -> float:
    """The share of a sweep's trainings that will not go on by themselves."""
    return (found["done"] + found["failed"] + found["cancelled"]) / sweep.count


def row_data(row: Row) -> Json:
    """A line of the table."""
    config = row.training.config
    gate = {None: "", True: "✓ passes", False: "✗ fails"}[row.passes]
    return {
        "id": row.id,
        "family": config.hmm.name,
        "n_neurons": config.n_neurons,
        "n_inputs": config.n_inputs,
        "seed": config.seed,
        "state": state_of(row),
        "training": "" if row.state == sweeps.PLANNED else row.id,
        "model": row.model,
        "gate": gate,
        **(row.measures or {}),
        "steps": row.steps,
        "seconds": None if row.seconds is None else round(row.seconds, 1),
        "loss": row.loss,
        "reason": row.reason,
    }


def state_of(row: Row) -> str:
    """Where a training stands, in a word or two."""
    if row.state == sweeps.PLANNED:
        return "not requested yet"
    if row.state != TaskState.RUNNING:
        return row.state
    return f"running, {int(100 * row.share)} %" if row.share < 1 else "running, is being judged"


def mark(row: Row, name: str) -> Mark:
    """What the figure shows of a training, for the measure of this name."""
    config = row.training.config
    value = (row.measures or {}).get(name)
    ended = value is None and row.state in (TaskState.DONE, TaskState.FAILED, TaskState.LOST, TaskState.CANCELLED)
    return Mark(config.hmm.name, config.n_neurons, config.n_inputs, config.seed, value, _pointed_at(row, name), ended)


def measure_of(name: str) -> Measure:
    """The measure of this name, as the figure takes it.

    Raises:
        ValueError: there is none.
    """
    if name not in TITLES:
        raise ValueError(f"a sweep is shown by one of {', '.join(TITLES)}; got {name!r}")
    return Measure(TITLES[name], GATES[name])


def _pointed_at(row: Row, name: str) -> str:
    if row.measures is None:
        # Without how much is done, with which the figure would have to be drawn anew every second.
        state = row.state if row.state == TaskState.RUNNING else state_of(row)
        return f"{state}{': ' + row.reason if row.reason else ''}"
    value = row.measures[name]
    said = "cannot be measured: its runs diverge" if value is None else f"{value:.4g}"
    return f"{TITLES[name].lower()}: {said}<br>{'passes' if row.passes else 'fails'} the gate"


def _entry(sweep: Sweep, found: Mapping[str, int], here: bool) -> Any:
    words = f"{found['done']} of {sweep.count} done" + (f", {found['running']} running" if found["running"] else "")
    bar = html.Progress(value=f"{ended_share(sweep, found):.3f}", max="1", **{"aria-hidden": "true"})
    content = [html.Strong(sweep.name), html.Span(words, className="state"), bar]
    current = {"aria-current": "page"} if here else {}
    return html.A(content, href=f"/sweep/{sweep.name}", className="page-link job-link", **current)


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))
