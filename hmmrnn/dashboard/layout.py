"""Where is everything on the page? Components only; nothing here knows of networks beyond their names.

There are no ready-made tooltips, hover cards or menus: for each of them, Dash looks through the whole page at every
change of anything, which cost each click about a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from hmmrnn.dashboard import ids, sweep_page, training_page
from hmmrnn.dashboard.controls import button, whole_number
from hmmrnn.dashboard.guide import TERMS
from hmmrnn.dashboard.scenario import COLOURS, DIMENSIONS, MAX_SEED, MAX_SIGMA, STEPS, TRAJECTORIES, Scenario
from hmmrnn.dashboard.views import LIVE_VIEW, MAIN_VIEWS, TAB_VIEWS, View
from hmmrnn.figures.region_map import REGION_COLOURS
from hmmrnn.figures.theme import FONT, GRAPH_CONFIG

DEFAULTS = Scenario(model="none")
ALL_STATES = {"value": "all", "label": "all states"}


def page(models: Sequence[dict[str, str]], account: Sequence[Any] = ()) -> Any:
    """The whole page, for networks given as {"value": name, "label": text}.

    `account` is what the header ends with for who is signed in.
    """
    return dmc.MantineProvider(
        html.Div(
            [
                *_stores(),
                *training_page.stores(),
                *sweep_page.stores(),
                _header(models, account),
                _notice(),
                html.Div(
                    [html.Div([_rail(), _main()], className="body views"), training_page.pages(), sweep_page.pages()],
                    className="pages",
                ),
            ],
            className="page",
        ),
        id=ids.PROVIDER,
        forceColorScheme="light",
        theme={"fontFamily": FONT, "primaryColor": "blue", "fontSizes": {"xs": "0.875rem", "sm": "0.875rem"}},
    )


def _stores() -> list[Any]:
    names = (
        ids.PAGE_LOAD,
        ids.LINK_IN,
        ids.OPENED,
        ids.SCENARIO,
        ids.SETTLED,
        ids.INTERVENTION_LIST,
        ids.KICK_ANSWER,
        ids.KICK,
        ids.OPEN_MODEL,
        ids.SEARCH_MODEL,
        ids.FAST_BUSY,
        ids.SINK,
    )
    tabs = [ids.asked(view.id) for view in TAB_VIEWS]
    slow = [
        ids.answered(ids.STATE_SPACE),
        ids.answered(ids.CONNECTIVITY),
        *(ids.answered(v.id) for v in (*MAIN_VIEWS, *TAB_VIEWS) if v.slow),
    ]
    return [*(dcc.Store(id=name) for name in (*names, *tabs, *slow)), dcc.Store(id=ids.THEME, data="light")]


def _header(models: Sequence[dict[str, str]], account: Sequence[Any]) -> Any:
    return html.Header(
        [
            html.H1("hmmrnn", className="brand"),
            html.Nav(
                [
                    html.A("Explore", href="/", className="page-link", title="The open network in all views"),
                    html.A("Train", href="/train", className="page-link", title="Train a network; watch trainings"),
                ],
                className="page-links",
                **{"aria-label": "Pages"},
            ),
            dmc.Select(
                id=ids.MODEL,
                data=list(models),
                allowDeselect=False,
                searchable=True,
                size="sm",
                className="picker",
                **{"aria-label": "Network"},
                nothingFoundMessage="No network of that name",
            ),
            button(ids.OPEN_FILE, "Open file", "Open a network from a file; or drop the file onto the page"),
            dmc.Badge("", id=ids.BADGE, variant="light", size="lg", className="badge"),
            html.Div(className="spacer"),
            html.Div(
                [
                    button(ids.UNDO, "Undo", "Undo the last change (Ctrl+Z)"),
                    button(ids.REDO, "Redo", "Redo (Ctrl+Shift+Z)"),
                    button(ids.RESET, "Reset", "Remove every intervention and return to the first noise"),
                    _opener(ids.HISTORY, "History", "Every change so far; go back to any of them"),
                    _opener(ids.COMPARE, "Compare", "Keep what is shown as A, go on, and see the difference"),
                    _opener(ids.SHARE, "Share", "Copy a link, take away figures, data and code, save the session"),
                ],
                className="history",
            ),
            _opener(ids.HELP, "Help", "A tour, a glossary, the keys, and a mode for projectors"),
            button(ids.COLOUR_SCHEME, "Dark", "Switch between light and dark"),
            *account,
        ],
        className="header",
    )


def _opener(id: str, text: str, title: str) -> Any:
    """A button under which the page's script opens a panel."""
    return html.Button(
        text, id=id, className="opener", title=title, **{"aria-haspopup": "dialog", "aria-expanded": "false"}
    )


def _notice() -> Any:
    """The one place where the page says what went wrong; empty and hidden otherwise."""
    return html.Div(
        [
            html.Span(id=ids.NOTICE_TEXT),
            html.Button("Dismiss", id=ids.NOTICE_DISMISS, className="notice-dismiss", n_clicks=0),
        ],
        id=ids.NOTICE,
        className="notice",
        role="alert",
        hidden=True,
    )


def _rail() -> Any:
    return html.Aside(
        [_noise_controls(), _colour_controls(), _interventions()],
        className="rail",
        **{"aria-label": "Scenario"},
    )


def _noise_controls() -> Any:
    return html.Section(
        [
            html.H2("Noise and window"),
            html.Label("Noise sigma (1 = as in training)", id="sigma-label"),
            dmc.Slider(
                id=ids.SIGMA,
                min=0,
                max=MAX_SIGMA,
                step=0.05,
                value=DEFAULTS.sigma,
                updatemode="drag",
                size="md",
                thumbLabel="Noise sigma",
                marks=[{"value": v, "label": str(v)} for v in range(6)],
                mb=22,
            ),
            html.Div(
                [
                    _number(ids.SEED, "Seed", DEFAULTS.seed, 0, MAX_SEED),
                    button(ids.NEW_NOISE, "New noise", "Draw other noise: the next seed"),
                ],
                className="pair",
            ),
            html.Div(
                [
                    _number(ids.STEPS, "Window (steps)", DEFAULTS.steps, *STEPS, step=50),
                    _number(ids.TRAJECTORIES, "Trajectories", DEFAULTS.trajectories, *TRAJECTORIES),
                ],
                className="pair",
            ),
        ]
    )


def _number(id: str, label: str, value: float, low: float, high: float, step: float = 1) -> Any:
    return whole_number(id, label, value, low, high, step=step, debounce=300)


def _colour_controls() -> Any:
    return html.Section(
        [
            html.H2("Colour the state space by"),
            dmc.Select(
                id=ids.COLOUR,
                data=[{"value": key, "label": label} for key, label in COLOURS.items()],
                value=DEFAULTS.colour,
                allowDeselect=False,
                size="sm",
                **{"aria-label": "Colour by"},
            ),
            html.Div(_number(ids.NEURON, "Neuron", 0, 0, 2047), id=ids.NEURON_ROW, hidden=True),
            dmc.Switch(id=ids.NO_INPUT, label="Show runs without noise", checked=False, size="sm", mt=4),
            html.Div([html.H2("Plane of"), _plane()], className="inline"),
            # A neuron that is looked at; the page's script fills it.
            html.Div(id=ids.PICKED, className="picked"),
        ]
    )


def _plane() -> Any:
    """Which states the plane is fitted to. The pairs of outputs come with the network."""
    return dmc.Select(
        id=ids.PAIR,
        data=[ALL_STATES],
        value=ALL_STATES["value"],
        allowDeselect=False,
        size="sm",
        **{"aria-label": "Plane of"},
    )


def _interventions() -> Any:
    return html.Section(
        [
            html.H2("Interventions"),
            html.Div("Searching for kick neurons…", id=ids.GROUP_BUTTONS, className="group-buttons"),
            html.Div(id=ids.INTERVENTIONS, className="interventions"),
        ],
        className="grow",
    )


def _main() -> Any:
    views = [_card(view) for view in MAIN_VIEWS]
    return html.Main([*views, _tabs(), _numbers(), _live(), _time()], className="main")


def _time() -> Any:
    """The row of time: a run that is played, and what is selected. The page's script fills it."""
    return html.Section(
        html.Div(id=ids.TIMELINE, className="timeline"), className="card time-card", **{"aria-label": "Time"}
    )


def _live() -> Any:
    """The network running in the page. Its inside is made by the page's script; here is only the frame."""
    buttons = (
        (ids.LIVE_SAVE, "Save live page", "Keep this network, running, as one file that needs no server"),
        (ids.LIVE_SIZE, "Larger", "Give the live view the room of the four views"),
        (ids.LIVE_CLOSE, "Close", "Give the four views the room of the live view"),
    )
    title = [
        html.H2(LIVE_VIEW.title),
        html.Span(className="spacer"),
        *(html.Button(text, id=name, className="live-title-button", title=title) for name, text, title in buttons),
        _about(LIVE_VIEW),
    ]
    return html.Section(
        [
            html.Button("Live: watch the network run", id=ids.LIVE_OPEN, className="live-open"),
            html.Div(title, className="card-title"),
            html.Div(id=ids.LIVE),
        ],
        id=ids.card(ids.LIVE),
        className="card live-card",
    )


def _card(view: View) -> Any:
    return html.Section(
        [_card_title(view), graph(view)], id=ids.card(view.id), className=f"card view {'slow' if view.slow else ''}"
    )


def _card_title(view: View, titled: bool = True) -> Any:
    extra = []
    if view.id == ids.STATE_SPACE:
        extra = [
            dmc.SegmentedControl(
                id=ids.DIMENSIONS,
                data=[{"value": str(d), "label": f"{d}-D"} for d in DIMENSIONS],
                value=str(DEFAULTS.dimensions),
                size="xs",
                **{"aria-label": "Dimensions of the state space"},
            )
        ]
    if view.id == ids.REGION_MAP:
        extra = [
            dmc.Select(
                id=ids.REGION_COLOUR,
                data=[{"value": k, "label": v} for k, v in REGION_COLOURS.items()],
                value="region",
                allowDeselect=False,
                size="xs",
                w=150,
                **{"aria-label": "Colour the region map by"},
            )
        ]
    return html.Div(
        [
            html.H2(view.title) if titled else html.P(id=ids.caption(view.id), className="caption"),
            html.Span("computing…", className="computing", role="status") if view.slow and not view.inquiry else None,
            html.Span(className="spacer") if titled else None,
            *extra,
            _about(view),
            html.P(id=ids.caption(view.id), className="caption") if titled else None,
        ],
        className="card-title" if titled else "card-title untitled",
    )


def _about(view: View) -> Any:
    """What am I looking at: shown while the question mark is pointed at or has the focus."""
    mark = html.Button(
        "?", className="about", **{"aria-label": f"About {view.title}", "aria-describedby": f"{view.id}-about"}
    )
    text = html.Div(view.about, id=f"{view.id}-about", role="tooltip", className="about-text")
    return html.Div([mark, text], className="about-mark")


def graph(view: View) -> Any:
    """The graph of a view, empty until its first answer."""
    return dcc.Graph(
        id=view.id,
        className="graph wide" if view.wide else "graph",
        config=_config(view),
        responsive=True,
        figure={
            "data": [],
            "layout": {
                "xaxis": {"visible": False},
                "yaxis": {"visible": False},
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
            },
        },
    )


def _config(view: View) -> dict[str, Any]:
    """What Plotly offers of itself: in the plane, states can be selected by a box or a lasso."""
    unused = [] if view.id in (ids.STATE_SPACE, ids.REGION_MAP) else ["select2d", "lasso2d"]
    return {**GRAPH_CONFIG, "scrollZoom": not view.tall, "modeBarButtonsToRemove": ["autoScale2d", *unused]}


def _tabs() -> Any:
    """A row of tabs and their panels, switched by the page's script."""
    titles = {ids.NEURON_TABLE: "Neurons", **{view.id: view.title for view in TAB_VIEWS}, ids.ABOUT: "About"}
    panels = {ids.NEURON_TABLE: neuron_table(), **{v.id: _tab_view(v) for v in TAB_VIEWS}, ids.ABOUT: _about_page()}
    tabs = [_tab(name, title, selected=name == ids.NEURON_TABLE) for name, title in titles.items()]
    row = html.Div(tabs, role="tablist", id=ids.TAB_LIST, className="tab-list", **{"aria-label": "Analyses"})
    return html.Section(
        [
            html.Div([_scroll("back", "←"), row, _scroll("on", "→"), _enlarge()], className="tab-head"),
            *(
                html.Div(
                    content,
                    id=ids.panel(name),
                    role="tabpanel",
                    hidden=name != ids.NEURON_TABLE,
                    className="tab-panel",
                    **{"aria-labelledby": ids.tab(name)},
                )
                for name, content in panels.items()
            ),
        ],
        className="card tabs-card",
    )


def _scroll(way: str, sign: str) -> Any:
    """Moves the row of tabs for a mouse, while there is more that way; the keyboard has its arrows."""
    hidden = {"aria-hidden": "true", "tabIndex": "-1"}
    return html.Button(sign, className=f"tab-scroll {way}", title="More tabs", **hidden)


def _enlarge() -> Any:
    """A button that gives the open tab the room of the four views, and back."""
    return html.Button("Enlarge", id=ids.ENLARGE, n_clicks=0, className="enlarge", title="Give the tab more room")


def _tab(name: str, title: str, selected: bool) -> Any:
    attributes = {"aria-selected": str(selected).lower(), "aria-controls": ids.panel(name)}
    place = "0" if selected else "-1"
    return html.Button(
        title, id=ids.tab(name), role="tab", n_clicks=0, className="tab-button", tabIndex=place, **attributes
    )


def _tab_view(view: View) -> Any:
    kind = "tab-view slow" if view.slow else "tab-view"
    drawn = graph(view) if view.drawn else html.Div(id=ids.REPORT_LINKS, className="report-links")
    if view.tall:
        below = [graph(replace(view, id=view.below))] if view.below else []
        # Whatever scrolls must be reachable by keyboard.
        drawn = html.Div(
            [drawn, *below], className="tall-room", tabIndex="0", role="group", **{"aria-label": view.title}
        )
    line = _inquiry(view) if view.inquiry else None
    return html.Div([_card_title(view, titled=False), line, drawn], id=ids.card(view.id), className=kind)


def _inquiry(view: View) -> Any:
    """How far a worker is with the view's answer, and the ways to give it up and to ask for it after all."""
    return html.Div(
        [
            html.Progress(id=ids.progress(view.id), max="1", hidden=True, **{"aria-label": f"Computing {view.title}"}),
            html.Span(id=ids.words(view.id), className="inquiry-words", role="status"),
            html.Span(
                button(ids.cancel(view.id), "Cancel", "Wait for this no longer"),
                id=ids.frame(ids.cancel(view.id)),
                hidden=True,
            ),
            html.Span(
                button(ids.compute(view.id), "Compute", "Ask for this now"),
                id=ids.frame(ids.compute(view.id)),
                hidden=True,
            ),
        ],
        id=ids.inquiry(view.id),
        className="inquiry",
        hidden=True,
    )


def neuron_table() -> Any:
    """The table of neurons: the keyboard's way to every intervention. Columns and rows come with the network."""
    return dag.AgGrid(
        id=ids.NEURON_TABLE,
        columnDefs=[],
        rowData=[],
        getRowId="params.data.id",
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True},
        dashGridOptions={
            "rowHeight": 32,
            "headerHeight": 36,
            "animateRows": False,
            "rowClassRules": {"row-silenced": "params.data.silenced"},
        },
        className="neuron-table",
        style={"height": "100%", "width": "100%"},
    )


def _about_page() -> Any:
    return html.Div(
        [
            html.P(
                "Noise builds up in a slow cluster, a few kick neurons cross zero, and the state is thrown along a "
                "fast transition to the next cluster. Take those neurons away and it stays."
            ),
            html.Dl([part for term in TERMS for part in (html.Dt(term.name), html.Dd(term.meaning))]),
            html.P(
                "After Torre et al., Mechanistic Interpretability of RNNs emulating Hidden Markov Models, NeurIPS 2025."
            ),
        ],
        className="about-page",
    )


def _numbers() -> Any:
    return html.Section(
        [html.H2("Numbers"), html.Div(id=ids.NUMBERS, className="numbers")],
        className="card numbers-card",
        # Whatever scrolls must be reachable by keyboard.
        tabIndex="0",
        **{"aria-live": "polite"},
    )
