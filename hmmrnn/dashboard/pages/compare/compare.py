"""The page that compares networks: a list to choose from, the comparison as a task, its table and its figures.

    /compare           where networks are chosen
    /compare/<what>    the networks that are compared, as `explorer.compared` reads them, and what else is measured

Like the pages of trainings it lies over the views; assets/pages/sides.mjs sends what is chosen, and shows the answers.
"""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
import numpy as np
from dash import dcc, html

from hmmrnn.comparison.dynamical_similarity import has_dsa
from hmmrnn.comparison.side_by_side import LEAST, MOST, SideBySide
from hmmrnn.comparison.table import columns
from hmmrnn.dashboard.pages.compare import ids
from hmmrnn.dashboard.view import Json
from hmmrnn.explorer.compared import ComparisonQuestion, items_of
from hmmrnn.figures.side_by_side import PAIRS
from hmmrnn.figures.theme import GRAPH_CONFIG

OPTIONS, SEARCH, DSA = ";", "kick", "dsa"
TITLES = {
    "transition_error": "Transition error",
    "log_likelihood_gap": "Likelihood gap (nats/symbol)",
    "switch_rate": "Switches per step",
    "kick_effect": "Kick effect (lowest ratio)",
    "lyapunov": "Lyapunov (nats/step)",
    "participation_ratio": "Participation ratio",
}
EMPTY: Json = {"data": [], "layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}}}


def question_of(text: str, seed: int, sigma: float = 1.0) -> ComparisonQuestion:
    """What the address of the page asks for, under the noise of the open scenario.

    Raises:
        ValueError: it names no networks that could be compared, or there is no noise.
    """
    if not sigma > 0:
        raise ValueError("without noise nothing can be compared; choose a sigma above 0 for the open network")
    items, *options = text.split(OPTIONS)
    unknown = set(options) - {SEARCH, DSA}
    if unknown:
        raise ValueError(f"what else is measured must be {SEARCH} or {DSA}; got {sorted(unknown)[0][:40]!r}")
    return ComparisonQuestion(items_of(items), seed, SEARCH in options, DSA in options, sigma)


# ---- what is always there ----


def layout() -> list[Any]:
    """The list to choose from, and beside it what is chosen and found."""
    main = html.Main(html.Div([_chosen(), _task(), _results()], className="sides-page"), className="training-main")
    return [dcc.Store(id=ids.SIDES_READY), html.Div([_rail(), main], className="body sides")]


def _rail() -> Any:
    networks = html.Section(
        [
            html.H2("Networks"),
            html.Label(["Find ", dcc.Input(id=ids.SIDES_FILTER, type="search")], htmlFor=ids.SIDES_FILTER),
            html.Div(id=ids.SIDES_NOW),
            html.Ul(id=ids.SIDES_NETWORKS, className="sides-list"),
        ],
        **{"aria-label": "Networks to choose from"},
    )
    series = html.Section(
        [html.H2("Snapshots of trainings"), html.Div(id=ids.SIDES_SERIES)],
        **{"aria-label": "Snapshots to choose from"},
    )
    return html.Aside([networks, series], className="rail", **{"aria-label": "What can be compared"})


def _chosen() -> Any:
    there = has_dsa()
    dsa = "Distances of DSA too" if there else "Distances of DSA (pip install 'hmmrnn[similarity]')"
    return html.Section(
        [
            html.H2("Compare networks", tabIndex=-1),
            html.P(
                f"Choose {LEAST} to {MOST} networks: on the left by a click, as they are, as silenced now, or as they "
                "were in training. Each is measured by itself, and each two under the same noise, of the sigma and "
                "seed of the open network; a constant input is left out. The address of this page keeps which.",
                className="note",
            ),
            html.Ul(id=ids.SIDES_CHOSEN, className="sides-chips", **{"aria-label": "Chosen networks"}),
            html.Div(
                [
                    html.Button("Compare", id=ids.SIDES_START, className="data-button"),
                    html.Button("Clear", id=ids.SIDES_CLEAR, className="data-button"),
                    dmc.Checkbox(id=ids.SIDES_SEARCH, label="Search for kick neurons where not known", size="xs"),
                    dmc.Checkbox(id=ids.SIDES_DSA, label=dsa, size="xs", disabled=not there),
                    html.Span(id=ids.SIDES_COUNT, className="note", **{"aria-live": "polite"}),
                ],
                className="actions",
            ),
        ],
        className="card",
    )


def _task() -> Any:
    return html.Section(
        [
            html.Div(
                [
                    html.P(id=ids.SIDES_STATE, **{"aria-live": "polite"}),
                    html.Button("Cancel", id=ids.SIDES_CANCEL, className="data-button", hidden=True),
                ],
                className="split",
            ),
            html.Progress(id=ids.SIDES_PROGRESS, value="0", max="1", hidden=True, **{"aria-label": "Share done"}),
            html.Ul(id=ids.SIDES_NOTES, className="note"),
        ],
        id=ids.SIDES_TASK,
        className="card",
        hidden=True,
    )


def _results() -> Any:
    grid = dag.AgGrid(
        id=ids.SIDES_TABLE,
        columnDefs=[],
        rowData=[],
        getRowId="params.data.name",
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "wrapHeaderText": True},
        dashGridOptions={"rowHeight": 30, "headerHeight": 50, "animateRows": False, "domLayout": "autoHeight"},
        className="neuron-table sweep-table",
        style={"width": "100%"},
    )
    choices = [html.Option(pair.title, value=name) for name, pair in PAIRS.items() if name != DSA or has_dsa()]
    select = html.Select(choices, id=ids.SIDES_PAIR, **{"aria-label": "What each two have in common"})
    words = html.P(id=ids.SIDES_PAIR_WORDS, className="note")
    csv = html.A("Download CSV", id=ids.SIDES_CSV, href="", className="report-link")
    return html.Div(
        [
            _card("Each network", csv, grid),
            _card("Each with each", select, words, _graph(ids.SIDES_PAIRS, scrollZoom=False)),
            html.Div(
                [
                    _card("Map by R²", None, _graph(ids.SIDES_MAP)),
                    _card("Mean orbits, each laid on the first", None, _graph(ids.SIDES_ORBITS)),
                ],
                className="sides-two",
            ),
        ],
        id=ids.SIDES_RESULTS,
        hidden=True,
    )


def _card(title: str, beside: Any, *content: Any) -> Any:
    head = [html.H2(title), html.Span(className="spacer"), *([] if beside is None else [beside])]
    return html.Section([html.Div(head, className="card-title"), *content], className="card")


def _graph(id: str, **config: Any) -> Any:
    return dcc.Graph(id=id, className="sides-graph", config={**GRAPH_CONFIG, **config}, responsive=True, figure=EMPTY)


# ---- what is said of a comparison ----


def table(found: SideBySide) -> tuple[list[Json], list[Json]]:
    """The columns of the table, and its rows: values, with their errors and nulls in the same cell."""
    name = {"field": "name", "headerName": "Network", "width": 210, "pinned": "left", "filter": "agTextColumnFilter"}
    number = {"field": "number", "headerName": "", "width": 52, "pinned": "left"}
    heads, rows = [number, name], [{"number": place + 1, "name": label} for place, label in enumerate(found.names)]
    for place, (title, values, beside) in enumerate(columns(found)):
        field = f"c{place}"
        heads.append(
            {
                "field": field,
                "headerName": title_of(title),
                "type": "numericColumn",
                "width": 178,
                "valueFormatter": {"function": _formatter(field, beside)},
            }
        )
        for row, value in zip(rows, values, strict=True):
            row[field] = _plain(value)
        for kind, column in beside.items():
            for row, value in zip(rows, column, strict=True):
                row[f"{field}{kind}"] = _plain(value)
    return heads, rows


def title_of(name: str) -> str:
    """The heading of a column."""
    if name in TITLES:
        return TITLES[name]
    kind, _, of = name.rpartition("_")
    start, _, end = of.partition("->")
    titles = {
        "leave_rate": f"Leave rate of {of} (per step)",
        "silenced": f"Leave rate {start} → {end}, kick group silenced over intact",
        "share": f"Share of {of}",
    }
    return titles.get(kind, f"Share of {name.removeprefix('share_').replace('_', ' ')}")


def _formatter(field: str, beside: dict[str, Any]) -> str:
    value = "d3.format('.3~g')(params.value)"
    for kind, (before, after) in {"se": (" ± ", ""), "null": (" (null ", ")")}.items():
        if kind in beside:
            there = f"params.data.{field}{kind}"
            value += f" + (params.data && {there} != null ? '{before}' + d3.format('.2~g')({there}) + '{after}' : '')"
    return f"params.value == null ? '' : {value}"


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
