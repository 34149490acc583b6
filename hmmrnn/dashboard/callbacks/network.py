"""What depends on the open network alone: its badge, its kick neurons, the table and the connectivity."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import Dash, Input, Output, State, html, no_update

from hmmrnn.dashboard import catalog, ids, inquiries, queries, questions, queue
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.inquiries import FAILED, RUNNING, UNFINISHED, Inquiry
from hmmrnn.dashboard.layout import ALL_STATES
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.figures.connectivity import ROLE_LABELS, connectivity, marks
from hmmrnn.figures.kick import PICTURE_LABELS
from hmmrnn.figures.theme import THEMES
from hmmrnn.kick import MAX_CONTROL_SHARE, MAX_LEAVE_RATE_RATIO, KickGroup, KickNeurons
from hmmrnn.live import group_label
from hmmrnn.network import Network
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, Populations

Json = dict[str, Any]

SEARCHING = "Searching for kick neurons"
KICK_HELP = (
    "Everything that reaches these neurons is set to zero; click again to bring them back. Below: how often the output "
    "is then left that way, as a ratio to intact, beside the median of random groups of the same size under the same "
    f"noise. Proven: at most {MAX_LEAVE_RATE_RATIO}, and at most {100 * MAX_CONTROL_SHARE:.0f} % of them as low."
)
CONTROL_HELP = "As many neurons drawn at random outside the kick groups; each click draws others"
INTEGRATING_HELP = (
    "The noise input of the neurons that excite this kick group and inhibit the others is set to zero; "
    "click again to bring it back"
)
EFFECT = "how far the mean pre-activations inside and outside the selection lie apart, in pooled standard deviations"
APART = "mean pre-activation inside the selection, less that outside"


def register(app: Dash) -> None:
    """Register what is asked once for each network."""
    app.callback(
        Output(ids.BADGE, "children"),
        Output(ids.BADGE, "color"),
        Input(ids.OPEN_MODEL, "data"),
        prevent_initial_call=True,
    )(badge)
    app.callback(Output(ids.PAIR, "data"), Input(ids.OPEN_MODEL, "data"), prevent_initial_call=True)(pair_choices)
    app.callback(Output(ids.KICK_ANSWER, "data"), Input(ids.SEARCH_MODEL, "data"), prevent_initial_call=True)(search)
    app.callback(
        Output(ids.GROUP_BUTTONS, "children"),
        Input(ids.KICK, "data"),
        Input(ids.OPEN_MODEL, "data"),
        prevent_initial_call=True,
    )(group_buttons)
    app.callback(
        Output(ids.NEURON_TABLE, "columnDefs"),
        Output(ids.NEURON_TABLE, "rowData"),
        Input(ids.OPEN_MODEL, "data"),
        Input(ids.KICK, "data"),
        State(ids.SCENARIO, "data"),
        prevent_initial_call=True,
    )(neuron_rows)
    app.callback(
        Output(ids.CONNECTIVITY, "figure"),
        Output(ids.caption(ids.CONNECTIVITY), "children"),
        Output(ids.answered(ids.CONNECTIVITY), "data"),
        Input(ids.OPEN_MODEL, "data"),
        Input(ids.KICK, "data"),
        Input(ids.THEME, "data"),
        State(ids.SCENARIO, "data"),
        prevent_initial_call=True,
    )(connectivity_view)


def badge(model: str) -> tuple[str, str]:
    """The verdict on fidelity that a network carries in its provenance."""
    verdict = catalog.entry(model).header.metadata.get("fidelity_passes")
    known = {"true": ("passes fidelity gate", "teal"), "false": ("fails fidelity gate", "orange")}
    return known.get(verdict or "", ("fidelity not measured", "gray"))


def pair_choices(model: str) -> list[dict[str, str]]:
    """The planes that a network can be seen in: that of all states, and those of two outputs."""
    pairs = combinations(range(catalog.network(model).n_outputs), 2)
    return [ALL_STATES, *({"value": f"{a}-{b}", "label": f"outputs {a} and {b}"} for a, b in pairs)]


def search(asked: Json) -> Json:
    """How far the search for kick neurons is, and what it has found.

    A worker searches; where there is none, this process does.

    Args:
        asked: the network; its turn; keys of searches that are no longer waited for.

    Returns:
        turn and key; while it goes on, the words for it; then what it found.
    """
    model = asked["model"]
    try:
        inquiry = _searched(model, asked["leave"])
    except queue.QueueGoneError:
        inquiry = None
    if inquiry is not None:
        if inquiry.state in UNFINISHED:
            share = f": {100 * inquiry.share:.0f} %" if inquiry.state == RUNNING else "…"
            return {"turn": asked["turn"], "key": inquiry.key, "words": f"{SEARCHING}{share}"}
        if inquiry.state == FAILED:
            return {"turn": asked["turn"], "key": "", "found": _nothing_found(model, sentence(inquiry.reason))}
    return {"turn": asked["turn"], "key": "", "found": kick_store(model)}


def _searched(model: str, left: list[str]) -> Inquiry | None:
    for key in left:
        inquiries.leave(key)
    return questions.ask(ids.KICK, Scenario(model)) if queue.present(queue.INQUIRIES) else None


def kick_store(model: str) -> Json:
    """The kick groups and populations, as the page's buttons use them; or the reason why there are none."""
    try:
        queries.kick_of(model)
    except ValueError as error:
        return _nothing_found(model, sentence(error))
    found, roles = queries.kick_of(model), queries.populations_of(model)
    integrating = {group.output: roles.members(INTEGRATING, group.output) for group in found.groups}
    return {
        "model": model,
        "groups": [_group(group) for group in found.groups],
        "integrating": [
            {"output": output, "neurons": list(neurons)} for output, neurons in integrating.items() if neurons
        ],
        "others": [int(i) for i in np.flatnonzero(roles.role != KICK)],
        "reason": "",
    }


def _nothing_found(model: str, reason: str) -> Json:
    others = list(range(catalog.network(model).n_neurons))
    return {"model": model, "groups": [], "integrating": [], "others": others, "reason": reason}


def group_buttons(kick: Json | None, model: str) -> Any:
    """One button for each group that can be silenced, with its evidence; a sentence while they are sought."""
    if kick is None or kick["model"] != model:
        return [dmc.Loader(size="xs"), html.Span(f"{SEARCHING}…", id=ids.SEARCH_WORDS)]
    groups = [group for group in kick["groups"] if group["neurons"]]
    kicks = [
        part
        for group in groups
        for part in (
            _group_button(f"Silence {group['name']}", f"kick-{group['key']}", KICK_HELP),
            html.Small(_evidence(group)),
        )
    ]
    integrating = [
        _group_button(
            f"Silence noise integrators for {item['output']}", f"integrating-{item['output']}", INTEGRATING_HELP
        )
        for item in kick["integrating"]
    ]
    size = max((len(group["neurons"]) for group in groups), default=3)
    control = _group_button(f"Silence random control ({size})", "control", CONTROL_HELP)
    none = [] if groups else [html.Span(kick["reason"] or "No kick neurons found: no neuron has their profile.")]
    without = [
        html.Small(f"{group['name'].capitalize()}: no neuron has the profile of a kick neuron.")
        for group in kick["groups"]
        if not group["neurons"] and groups
    ]
    return [*none, *kicks, *without, control, *integrating]


def roles_known(kick: Json | None, model: str) -> bool:
    """Whether the search for kick neurons of this network has ended and found what the roles are taken from."""
    return kick is not None and kick["model"] == model and not kick["reason"]


def neuron_rows(model: str, kick: Json | None, scenario: Json | None) -> tuple[list[Json], list[Json]]:
    """Columns and rows of the neuron table."""
    network = catalog.network(model)
    ready = roles_known(kick, model)
    now = Scenario.from_dict(scenario) if scenario and scenario["model"] == model else Scenario(model)
    silenced = {i for item in now.interventions if item.target == "unit" and item.mu == 0 for i in item.neurons}
    roles = queries.populations_of(model) if ready else None
    found = queries.kick_of(model) if ready else None
    columns = _columns(network, found)
    values = {
        "neuron": np.arange(network.n_neurons),
        **_scores(found),
        **{f"out{o}": network.W_out[o] for o in range(network.n_outputs)},
        "recurrent": np.linalg.norm(network.W_hh, axis=1),
        "input": np.linalg.norm(network.W_ih, axis=1),
    }
    rows = [
        {
            "id": str(i),
            "silenced": i in silenced,
            "role": "…" if roles is None else role_label(roles, i),
            **{name: _json_number(column[i]) for name, column in values.items()},
        }
        for i in range(network.n_neurons)
    ]
    return columns, rows if roles is None else [rows[i] for i in roles.order]


def connectivity_view(model: str | None, kick: Json | None, theme: str, scenario: Json | None) -> tuple[Any, ...]:
    """The weights, ordered by population once these are known, with the touched neurons marked."""
    if model is None:
        return (no_update,) * 3
    network = catalog.network(model)
    ready = roles_known(kick, model)
    roles = queries.populations_of(model) if ready else None
    figure = connectivity(network, roles, THEMES[theme])
    # While a network is being opened, the page still holds the scenario of the one before.
    items = Scenario.from_dict(scenario).interventions if scenario and scenario["model"] == model else ()
    touched = {i for item in items for i in item.neurons}
    order = np.array(figure.layout.meta["order"])
    figure.update_layout(shapes=marks(order, touched, roles, THEMES[theme]))
    inputs = len(figure.data[1].x)
    by = "by role" if ready else "by index, roles being sought"
    caption = f"{network.n_neurons} neurons {by}; {inputs} strongest of {network.n_inputs} inputs"
    return figure, caption, model


def role_label(roles: Populations, neuron: int) -> str:
    """A neuron's role in words."""
    role = str(roles.role[neuron])
    return ROLE_LABELS[role] if role == CONTROL else f"{ROLE_LABELS[role]}, output {roles.output[neuron]}"


def _group(group: KickGroup) -> Json:
    controls = group.control_ratios
    closing = group.closed_by
    return {
        "output": group.output,
        "to": group.to,
        "key": _key(group),
        "name": group_label(group),
        "neurons": list(group.neurons),
        "ratio": group.leave_rate_ratio,
        "control_median": float(np.median(controls)) if len(controls) else None,
        "controls": len(controls),
        "percentile": group.percentile if len(controls) else None,
        "proven": group.proven,
        "closed_by": closing and f"{PICTURE_LABELS[closing.kind]}, {closing.leave_rate_ratio:.2f} times",
    }


def _key(group: KickGroup) -> str:
    return str(group.output) if group.to is None else f"{group.output}-{group.to}"


def _arrow(group: KickGroup) -> str:
    return f"{group.output} → {group.to}"


def _evidence(group: Json) -> str:
    """What silencing a group does, beside what random groups do, and what that proves."""
    neurons = f"{len(group['neurons'])} neurons"
    done = "left" if group["to"] is None else f"goes to {group['to']}"
    # A ratio that is no number comes back from the page as null.
    times = "an unknown number of" if group["ratio"] is None else f"{group['ratio']:.2f}"
    found = f"{neurons}: {done} {times} times as often"
    if group["control_median"] is None or group["percentile"] is None:
        found += "; not compared with random groups"
    else:
        found += f"; {group['controls']} random: {group['control_median']:.2f} ({group['percentile']:.0f} % as low)"
    if group["proven"]:
        return f"{found}; proven"
    instead = f"closed instead by {group['closed_by']}" if group["closed_by"] else "nothing else tried closes it"
    return f"{found}; not proven; {instead}"


def _group_button(text: str, index: str, title: str) -> Any:
    button = dmc.Button(text, id=ids.part(ids.GROUP, index), variant="default", size="compact-sm", n_clicks=0)
    return html.Span(button, title=title)


def _columns(network: Network, found: KickNeurons | None) -> list[Json]:
    decimals = {"function": "params.value == null ? '' : d3.format('.2f')(params.value)"}
    number = {"type": "numericColumn", "filter": "agNumberColumnFilter", "valueFormatter": decimals, "width": 128}
    wide = {**number, "width": 150}
    score = "(mean pre-activation in transition - in cluster) / standard deviation; 0 without a kick neuron's profile"
    alone = "how often the output is still left that way with this neuron alone silenced, as a ratio to intact"
    groups = found.groups if found else ()
    outputs = _left(found)
    return [
        {
            "field": "silenced",
            "headerName": "Silenced",
            "editable": True,
            "width": 108,
            "pinned": "left",
            "cellDataType": "boolean",
            "cellRenderer": "agCheckboxCellRenderer",
        },
        {"field": "neuron", "headerName": "Neuron", "type": "numericColumn", "width": 98, "pinned": "left"},
        # Filled and shown by the page while moments are selected; see assets/page/effects.mjs.
        {"field": "effect", "headerName": "Inside |d|", "headerTooltip": EFFECT, "hide": True, **wide},
        {"field": "apart", "headerName": "Inside - outside", "headerTooltip": APART, "hide": True, **wide},
        {"field": "role", "headerName": "Role", "width": 176, "filter": "agTextColumnFilter"},
        *(
            {"field": f"score{_key(g)}", "headerName": f"Score, {_leaving(g)}", "headerTooltip": score, **wide}
            for g in groups
        ),
        *(
            {"field": f"alone{_key(g)}", "headerName": f"Alone, {_leaving(g)}", "headerTooltip": alone, **wide}
            for g in groups
        ),
        *({"field": f"cluster{o}", "headerName": f"Pre in cluster {o}", **wide} for o in outputs),
        *({"field": f"transition{o}", "headerName": f"Pre leaving {o}", **wide} for o in outputs),
        *({"field": f"out{o}", "headerName": f"W_out to {o}", **number} for o in range(network.n_outputs)),
        {"field": "recurrent", "headerName": "|W_hh| in", **number},
        {"field": "input", "headerName": "|W_ih| in", **number},
    ]


def _leaving(group: KickGroup) -> str:
    return f"leaving {group.output}" if group.to is None else _arrow(group)


def _left(found: KickNeurons | None) -> list[int]:
    """The outputs that have a group."""
    return sorted({group.output for group in found.groups}) if found else []


def _scores(found: KickNeurons | None) -> dict[str, Any]:
    if found is None:
        return {}
    outputs = _left(found)
    return {
        **{f"score{_key(group)}": group.scores for group in found.groups},
        **{f"alone{_key(group)}": group.single_ratios for group in found.groups},
        **{f"cluster{o}": found.cluster[o] for o in outputs},
        **{f"transition{o}": found.transition[o] for o in outputs},
    }


def _json_number(value: Any) -> float | int | None:
    if isinstance(value, np.integer):
        return int(value)
    return round(float(value), 4) if np.isfinite(value) else None
