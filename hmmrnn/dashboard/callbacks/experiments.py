"""The tabs that a worker answers: asked, looked after and given up by the page's script (assets/inquiries.js).

No request waits for a worker. Each looks how far the inquiry is; once it is done, its figures come with the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dash import Dash, Input, Output, html, no_update

from hmmrnn.dashboard import ids, inquiries, queries, questions
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.inquiries import DONE, FAILED, RUNNING, UNFINISHED, WAITING, Inquiry
from hmmrnn.dashboard.questions import KickProof, NoiseAnswer
from hmmrnn.dashboard.queue import QueueGoneError
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.dashboard.views import INQUIRIES, TAB_VIEWS
from hmmrnn.experiments.emergence import Emergence
from hmmrnn.experiments.gains import GainSweep
from hmmrnn.figures.emergence import emergence
from hmmrnn.figures.gains import gains
from hmmrnn.figures.kick import kick
from hmmrnn.figures.noise import noise
from hmmrnn.figures.sensitivity import sensitivity
from hmmrnn.figures.theme import THEMES, Theme

Json = dict[str, Any]
Draws = list[tuple[str, Json]]

CANCELLED = "Cancelled: what is shown now has not been computed."
EMPTY: Json = {"data": [], "layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}}}
GRAPHS = {
    view.id: tuple(graph for graph in (view.id if view.drawn else "", view.below) if graph)
    for view in TAB_VIEWS
    if view.inquiry
}


def register(app: Dash) -> None:
    """Register what is asked of a worker."""
    for view in INQUIRIES:
        app.callback(
            Output(ids.answered(view), "data"),
            Input(ids.asked(view), "data"),
            Input(ids.THEME, "data"),
            prevent_initial_call=True,
        )(partial(inquired, view))


def inquired(view: str, asked: Json | None, theme_name: str) -> Any:
    """How far the answer to a view's question is, and how it looks once it is there.

    Args:
        view: which one.
        asked: the scenario; its turn, by which the script knows the answer; keys of inquiries to leave; whether the
            answer is wanted, and whether to try anew what has failed.
        theme_name: of the figures.

    Returns:
        turn and key; whether to look again; and what to draw.
    """
    if not asked:
        return no_update
    for key in asked["leave"]:
        inquiries.leave(key)
    scenario = Scenario.from_dict(asked["scenario"])
    inquiry = _asked(view, scenario, asked["anew"]) if asked["wanted"] else Inquiry("", FAILED, reason=CANCELLED)
    shown = _shown(view, scenario, inquiry, THEMES[theme_name])
    unfinished = inquiry.state in UNFINISHED
    draws = [*_line(view, inquiry), *shown]
    return {"turn": asked["turn"], "key": inquiry.key, "unfinished": unfinished, "draws": draws}


def _asked(view: str, scenario: Scenario, anew: bool) -> Inquiry:
    try:
        return questions.ask(view, scenario, anew)
    except QueueGoneError as error:
        # The page goes on asking, and so goes on by itself.
        return Inquiry("", WAITING, reason=str(error))
    except ValueError as error:
        return Inquiry("", FAILED, reason=str(error))


def _line(view: str, inquiry: Inquiry) -> Draws:
    """The bar, the words and the buttons above the figure."""
    running, unfinished = inquiry.state == RUNNING, inquiry.state in UNFINISHED
    # What changes every second is not read out each time.
    live = "off" if running else "polite"
    return [
        (ids.inquiry(view), {"hidden": inquiry.state == DONE}),
        (ids.progress(view), {"hidden": not running, "value": f"{inquiry.share:.3f}"}),
        (ids.words(view), {"children": _words(inquiry), "aria-live": live}),
        (ids.frame(ids.cancel(view)), {"hidden": not unfinished}),
        (ids.frame(ids.compute(view)), {"hidden": inquiry.state != FAILED}),
    ]


def _words(inquiry: Inquiry) -> str:
    if inquiry.state == RUNNING:
        return f"computing: {100 * inquiry.share:.0f} %"
    if inquiry.reason:
        return sentence(inquiry.reason)
    return "waiting for the worker" + (f", {inquiry.before} before this" if inquiry.before else "")


def _shown(view: str, scenario: Scenario, inquiry: Inquiry, theme: Theme) -> Draws:
    """While the answer is on its way the last one stays, pale; where there will be none, nothing does."""
    if view == ids.REPORT:
        return [(ids.REPORT_LINKS, {"children": _report_links(scenario) if inquiry.state == DONE else None})]
    if inquiry.state == DONE:
        return _figures(view, scenario, inquiry.answer, theme)
    if inquiry.state in UNFINISHED:
        return []
    return [(ids.caption(view), {"children": ""}), *((graph, {"figure": EMPTY, "style": {}}) for graph in GRAPHS[view])]


def _figures(view: str, scenario: Scenario, answer: Any, theme: Theme) -> Draws:
    caption, *figures = _DRAWN[view](scenario, answer, theme)
    draws: Draws = [(ids.caption(view), {"children": caption})]
    for graph, figure in zip(GRAPHS[view], figures, strict=True):
        # The graph takes what room there is; a figure that says its height takes more, and the tab scrolls.
        height = figure.layout.height if figure is not None else 0
        style = {} if height is None else {"height": f"{height}px", "flex": "none"}
        draws.append((graph, {"figure": EMPTY if figure is None else figure, "style": style}))
    return draws


def _report_links(scenario: Scenario) -> Any:
    """Ways to a report that is there."""
    address = f"/report?{questions.subject_of(ids.REPORT, scenario).to_query()}"
    name = f"hmmrnn-{scenario.model}.html"
    return [
        html.A("Open the report", href=address, target="_blank", className="report-link"),
        html.A("Save it as a file", href=address, download=name, className="report-link"),
        html.P("One page, with every figure; it opens without this server and without a network."),
    ]


def _kick_proof(scenario: Scenario, answer: KickProof, theme: Theme) -> tuple[Any, ...]:
    weights = queries.block_weights_of(scenario.model)
    found = answer.found
    proven = sum(group.proven for group in found.groups)
    caption = (
        f"intact network: {proven} of {len(found.groups)} exits proven, seed {found.seed}; "
        f"agreement of {len(answer.agreement.seeds)} seeds"
    )
    if found.not_visited:
        caption += f"; not visited: output {', '.join(map(str, found.not_visited))}"
    return caption, kick(found, weights, answer.agreement, theme)


def _gain_sweep(scenario: Scenario, answer: dict[str, GainSweep], theme: Theme) -> tuple[Any, ...]:
    one = next(iter(answer.values()))
    caption = f"{len(one.mu)} gains of {len(answer)} populations: {_runs(one)}, sigma {one.sigma:g}, seed {one.seed}"
    if scenario.pair is not None:
        caption += "; paths: every step, in the plane of the pair"
    return caption, gains(answer, theme)


def _noise(scenario: Scenario, answer: NoiseAnswer, theme: Theme) -> tuple[Any, ...]:
    sweep, spread = answer.sweep, answer.sensitivity
    caption = f"{len(sweep.sigmas)} strengths of the noise: {_runs(sweep)}, seed {sweep.seed}"
    if spread is None:
        caption += "; spread: the network as it is now visits neither clusters nor transitions"
        return caption, noise(sweep, answer.resonance, theme), None
    states = " and ".join(
        f"{count} {region} states" for region, count in zip(spread.regions, spread.counts, strict=True)
    )
    caption += f"; spread from {states}, {spread.rollouts} rollouts each"
    return caption, noise(sweep, answer.resonance, theme), sensitivity(spread, theme)


def _runs(sweep: Any) -> str:
    return f"{sweep.trajectories} runs of {sweep.steps:,} steps each"


def _emergence(scenario: Scenario, answer: Emergence, theme: Theme) -> tuple[Any, ...]:
    steps = answer.steps_done
    opens = "no bifurcation" if answer.bifurcation is None else f"the orbit opens at step {steps[answer.bifurcation]:,}"
    caption = (
        f"{len(steps)} snapshots, steps {steps[0]:,} to {steps[-1]:,}: {opens}; each {answer.trajectories} runs of "
        f"{answer.steps} steps, {answer.states} spectra, sigma {answer.sigma:g}, seed {answer.seed}"
    )
    return caption, emergence(answer, theme)


_DRAWN: dict[str, Callable[[Scenario, Any, Theme], tuple[Any, ...]]] = {
    ids.KICK_PROOF: _kick_proof,
    ids.GAIN_SWEEP: _gain_sweep,
    ids.NOISE: _noise,
    ids.EMERGENCE: _emergence,
}
