"""A view: one result of a scenario on the page, with its title, its help, its computation and its figures.

Adding a view takes a file under `pages/` that defines one `View`, a figure under `hmmrnn/figures/`, a test, and a line
in `chapters.py`. Layout, answers and what the page's scripts know follow from that list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from hmmrnn.dashboard import ids
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.figures.theme import GRAPH_CONFIG, Theme

Json = dict[str, Any]
# Components and the properties that they get.
Updates = list[tuple[str, Json]]
Kind = Literal["fast", "slow", "task", "own"]
Part = Literal["scenario", "plane", "network"]

FAST: Kind = "fast"
SLOW: Kind = "slow"
TASK: Kind = "task"
OWN: Kind = "own"

EMPTY: Json = {
    "data": [],
    "layout": {
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    },
}


def _no_figures(_explored: Explored, _result: Any, _theme: Theme) -> Sequence[go.Figure | None]:
    return ()


def _no_words(_explored: Explored, _result: Any, _theme: Theme) -> Any:
    return ""


@dataclass(frozen=True)
class View:
    """What the page shows of one result.

    Attributes:
        id: of the view, in links, in the page and in the list of experiments.
        title: of its card or tab.
        help: one paragraph that says what is shown.
        kind: "fast": computed in tens of ms while the user changes the scenario; "slow": in seconds, once the scenario
            has settled; "task": by a worker, with progress; "own": the page's scripts fill it.
        of: what it depends on: the "scenario", or the "network" alone, or with it the "plane" that it is seen in.
        compute: from a scenario to the result; None while there is nothing to show. A task's is the experiment of the
            same id, and a worker calls it.
        refine: of a fast view, the result once the slow ones are known.
        refined_where: of a view with `refine`, fields of the scenario and values; slow results add to it where one of
            the fields has one of its values, or everywhere if there are none.
        figures: of a result, one for each graph; None leaves a graph empty.
        caption: of a result: how much is shown, of how many, as text or components.
        content: of a result, components for a view without graphs.
        graphs: ids of the graphs, one below the other; () for a view without any.
        inside: the layout of a view without graphs; `content` is put into the component with the id of the view.
        properties: of a result, properties of the component with the id of the view.
        controls: components in the title of its card.
        fields: of the scenario, with a control in the rail that acts on this view.
        needs_kick_neurons: whether it is computed only when the search for them has ended.
        selectable: whether states can be selected in it by a box or a lasso.
        tall: whether the figure is higher than its room; then the wheel scrolls, and zooms nothing.
        wide: whether plots beside each other need more width than a card has by itself.
    """

    id: str
    title: str
    help: str = ""
    kind: Kind = OWN
    of: Part = "scenario"
    compute: Callable[..., Any] = lambda _explored: None
    refine: Callable[[Explored], Any] | None = None
    refined_where: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    figures: Callable[[Explored, Any, Theme], Sequence[go.Figure | None]] = _no_figures
    caption: Callable[[Explored, Any, Theme], Any] = _no_words
    content: Callable[[Explored, Any], Any] | None = None
    properties: Callable[[Explored, Any], Json] | None = None
    graphs: tuple[str, ...] | None = None
    inside: Callable[[], Any] | None = None
    controls: Callable[[], Sequence[Any]] = field(default=lambda: ())
    fields: tuple[str, ...] = ()
    needs_kick_neurons: bool = False
    selectable: bool = False
    tall: bool = False
    wide: bool = False

    @property
    def graph_ids(self) -> tuple[str, ...]:
        """Ids of its graphs: by default one, with the view's own id."""
        if self.graphs is not None:
            return self.graphs
        return () if self.inside is not None else (self.id,)

    @property
    def graph_config(self) -> Json:
        """What Plotly offers in its graphs."""
        unused = [] if self.selectable else ["select2d", "lasso2d"]
        return {**GRAPH_CONFIG, "scrollZoom": not self.tall, "modeBarButtonsToRemove": ["autoScale2d", *unused]}

    def is_refined(self, scenario: Scenario) -> bool:
        """Whether slow results add to it."""
        where = self.refined_where
        return self.refine is not None and (not where or any(getattr(scenario, name) in of for name, of in where))

    def updates(self, explored: Explored, result: Any, theme: Theme) -> Updates:
        """What the page's components get to show a result: graphs, caption, content."""
        figures = self.figures(explored, result, theme)
        updates: Updates = [(graph, self._room(figure)) for graph, figure in zip(self.graph_ids, figures, strict=True)]
        if self.graph_ids:
            updates.append((ids.caption(self.id), {"children": self.caption(explored, result, theme)}))
        if self.content is not None:
            updates.append((self.id, {"children": self.content(explored, result)}))
        if self.properties is not None:
            updates.append((self.id, self.properties(explored, result)))
        return updates

    def body(self) -> list[Any]:
        """What its card holds below the title: its graphs, empty until the first result, or its own layout."""
        inside = [self.inside()] if self.inside is not None else [self._graph(graph) for graph in self.graph_ids]
        if not self.tall:
            return inside
        # Whatever scrolls must be reachable by keyboard.
        scrolls = {"tabIndex": "0", "role": "group", "aria-label": self.title}
        return [html.Div(inside, className="tall-room", **scrolls)]

    def mounted(self, updates: Updates) -> Updates:
        """The updates of a card that is still empty: its body comes with its first result in it."""
        body = self.body()
        there = {part.id: part for root in body for part in _parts(root) if getattr(part, "id", None)}
        left: Updates = []
        for component, props in updates:
            if component in there:
                for name, value in props.items():
                    setattr(there[component], name, value)
            else:
                left.append((component, props))
        return [(ids.body(self.id), {"children": body}), *left]

    def _graph(self, graph: str) -> Any:
        return dcc.Graph(
            id=graph,
            className=self._classes,
            config=self.graph_config,
            responsive=True,
            figure=EMPTY,
        )

    def cleared(self) -> Updates:
        """What the page's components get where there will be no result."""
        graphs: Updates = [(graph, self._room(None)) for graph in self.graph_ids]
        caption: Updates = [(ids.caption(self.id), {"children": ""})] if self.graph_ids else []
        return [*graphs, *caption, *([] if self.content is None else [(self.id, {"children": None})])]

    def without_result(self, sentence: str) -> Updates:
        """What the page's components get where a view does not apply, with the sentence why."""
        found = dict(self.cleared())
        if self.graph_ids:
            found[ids.caption(self.id)] = {"children": sentence}
        elif self.content is not None:
            found[self.id] = {"children": sentence}
        return list(found.items())

    def _room(self, figure: go.Figure | None) -> Json:
        """The figure of a graph, in the room that it needs: a tall one in at least the height that it names.

        The graph of a fast view keeps its room: the page draws in it by itself.
        """
        drawn = (
            {"figure": EMPTY if figure is None else figure}
            if self.kind == FAST
            else draw_in_room(figure, self._classes)
        )
        if self.tall:
            height = 0 if figure is None else figure.layout.height
            drawn["style"] = {"--height": f"{height}px"} if height else {}
        return drawn

    @property
    def _classes(self) -> str:
        return "graph wide" if self.wide else "graph"


def draw_in_room(figure: go.Figure | None, classes: str = "graph") -> Json:
    """What a graph gets to show a figure; without one it takes no room."""
    return {
        "figure": EMPTY if figure is None else figure,
        "className": f"{classes} none" if figure is None else classes,
    }


def _parts(component: Any) -> Iterator[Any]:
    """A component and all that it holds."""
    yield component
    if isinstance(component, Component):
        yield from component._traverse()
