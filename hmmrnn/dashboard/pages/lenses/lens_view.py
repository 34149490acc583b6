"""The card of a lens: title, help, numbers and computation from the catalog, and a figure of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import plotly.graph_objects as go
from dash import html

from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.experiments import EXPERIMENTS
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.lens_answers import LensAnswer, experiment_of
from hmmrnn.figures.switch_paths import draw_over_lens
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.catalog import Lens, headline, headline_rows, lens_named, say_value
from hmmrnn.lenses.sparse_recordings import OUTPUTS, SHARES
from hmmrnn.lenses.switch_paths import SwitchPaths
from hmmrnn.model.cells import NotApplicableError

# Draws the result for the network as it is now, beside that for the intact one if there is one.
Draw = Callable[[Any, Any, Theme], go.Figure]
# The students that can be opened, as the page's script offers them.
STUDENTS = [*([f"{share:g}", f"{share:.0%} of the neurons"] for share in SHARES), [OUTPUTS, "outputs alone"]]
# Of a number that is measured of several things, so many are said.
SAID = 4


def lens_view(
    name: str, draw: Draw, words: Callable[[Any], str], wide: bool = True, makes: bool = False, in_plane: bool = False
) -> View:
    """Make the view of a lens.

    Args:
        name: id of the lens in the catalog.
        draw: the figure, whose layout has the height that it needs.
        words: of a result, what was looked at: how many runs, steps, groups.
        wide: whether the figure needs more width than a card has by itself.
        makes: whether the lens makes networks, which the page's script lets the user choose and open.
        in_plane: whether it draws the plane of the scenario, over which the ways between outputs can be shown.
    """
    lens = lens_named(name)

    def figures(explored: Explored, answer: LensAnswer, theme: Theme) -> tuple[go.Figure]:
        figure = draw(answer.now, answer.intact, theme)
        if in_plane and explored.scenario.paths:
            seen = [explored] if answer.intact is None else [explored, explored.intact]
            draw_over_lens(figure, [_ways(one) for one in seen], theme)
        return (figure,)

    def caption(explored: Explored, answer: LensAnswer, _theme: Theme) -> str:
        sigma = explored.scenario.sigma
        noise = [f"sigma {sigma:g}"] if sigma != 1 else []
        return "; ".join([*say_numbers(lens, answer), words(answer.now), *noise])

    return View(
        id=experiment_of(lens),
        title=lens.title,
        help=f"{lens.help} After: {lens.paper}.",
        kind=TASK,
        compute=EXPERIMENTS[experiment_of(lens)].compute,
        figures=figures,
        caption=caption,
        controls=(lambda: [html.Div(className="make", **{"data-make": name, "data-students": json.dumps(STUDENTS)})])
        if makes
        else (lambda: ()),
        tall=True,
        wide=wide,
        fields=("paths",) if in_plane else (),
    )


def _ways(explored: Explored) -> SwitchPaths | None:
    """The ways between outputs; None where there are none, or where a page cannot wait for them."""
    try:
        return queries.switch_paths_of(explored)
    except NotApplicableError:
        return None


def say_numbers(lens: Lens, answer: LensAnswer) -> Iterator[str]:
    """Each number of a lens with its error and null, and what it was in the intact network."""
    now = headline_rows(lens, headline(lens, answer.now), SAID)
    intact = {} if answer.intact is None else headline(lens, answer.intact)
    before = {label: rest for label, *rest in headline_rows(lens, intact, SAID)} if intact else {}
    for label, *rest in now:
        old = f", intact {_said(*before.get(label, (None, None, None)))}" if intact else ""
        yield f"{label} {_said(*rest)}{old}"


def _said(value: Any, error: Any, null: Any) -> str:
    return say_value(value, error) + ("" if null is None or value is None else f" (null {null:.2g})")
