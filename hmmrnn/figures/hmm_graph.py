"""An HMM as a graph: states on a circle or a line, transitions as arrows that are wider the likelier they are.

An HMM of more than 12 states is drawn as its two matrices: a graph of hundreds of arrows shows nothing.

Positions are in radii of a state, and the picture keeps its proportions. Arrows bend to the right as seen from the
state that they leave, so that those of both ways lie beside each other.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.hmm_graph import HMMGraph
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_colour_bar, make_layout, make_note

Floats = NDArray[np.floating]

# In radii of a state: between neighbours on a line and on a circle, and how far a loop reaches out.
APART, AROUND, LOOP = 2.9, 4.1, 1.2
# Where on its state an arrow begins and ends: the angle from the straight way to the other state.
ASIDE, BEND = 0.4, 0.15
# A longer arrow has its probability on it, a shorter one beside it.
LONG = 1.8
# On a line the name of a state is written below it.
NAME = -1.4
# Half the room of a probability in pixels, across and upwards.
LABEL = np.array([22.0, 12.0])
# Width of the arrows in pixels, from probability 0 to 1.
THINNEST, WIDEST = 1.0, 6.0
# More states leave no room for a sentence, or for more than a number, in each.
MOST_WORDED, MOST_NAMED = 4, 6
# More states are drawn as matrices.
MOST_DRAWN = 12


def draw_hmm_graph(graph: HMMGraph, theme: Theme) -> go.Figure:
    """Draw states, transitions and their probabilities."""
    if len(graph.emission) > MOST_DRAWN:
        return _matrices(graph, theme)
    at = _places(graph)
    centre = at.mean(axis=0)
    traces: list[Any] = []
    notes: list[dict[str, Any]] = []
    reach = [at - 1.08, at + 1.08]
    for start, end, probability in zip(graph.start, graph.end, graph.probability, strict=True):
        away = _outwards(at[start] - centre, graph.is_chain)
        path = _loop(at[start], away) if start == end else _arc(at[start], at[end])
        traces.append(_arrow(path, int(start), int(end), float(probability), theme))
        place, aside = _label(path, away if start == end else None)
        shift = {"xshift": float(aside[0]), "yshift": float(aside[1])}
        text = f"{probability:.2g}"
        notes.append(make_note(text, x=place[0], y=place[1], bgcolor=theme.ground, borderpad=1, **shift))
        reach.append(np.array([place - [0.6, 0.5], place + [0.6, 0.5]]))
    if graph.is_chain:
        notes += [make_note(_name(state, graph), x=x, y=NAME) for state, (x, _) in enumerate(at)]
        reach.append(np.array([[0.0, NAME - 0.3]]))
    traces.append(_states(graph, at, theme))
    low, high = np.vstack(reach).min(axis=0), np.vstack(reach).max(axis=0)
    bare = {"visible": False, "fixedrange": True}
    axes = {
        "xaxis": {**bare, "range": [low[0], high[0]], "constrain": "domain"},
        "yaxis": {**bare, "range": [low[1], high[1]], "constrain": "domain", "scaleanchor": "x"},
    }
    circles = [_circle(at[state], theme.colour_of(int(graph.emission[state])), theme) for state in range(len(at))]
    margin = {"l": 8, "r": 8, "t": 8, "b": 8}
    look = {"showlegend": False, "hovermode": "closest", "dragmode": False, "margin": margin}
    return go.Figure(traces, make_layout(theme, axes, shapes=circles, annotations=notes, **look))


def _matrices(graph: HMMGraph, theme: Theme) -> go.Figure:
    """Probability of each next state and of each emission, a row for each state."""
    n_states, n_outputs = graph.emissions.shape
    A = np.zeros((n_states, n_states))
    A[graph.start, graph.end] = graph.probability
    bar = make_colour_bar("probability per step")
    shared = {"zmin": 0.0, "zmax": 1.0, "colorscale": theme.sequential, "colorbar": bar}
    to = "from state %{y} to state %{x}: %{z:.4g}<extra></extra>"
    out = "state %{y}, emission %{x}: %{z:.4g}<extra></extra>"
    traces = [
        go.Heatmap(z=A, hovertemplate=to, **shared),
        go.Heatmap(z=graph.emissions, hovertemplate=out, xaxis="x2", showscale=False, **shared),
    ]
    split = 0.2 + 0.6 * n_states / (n_states + n_outputs)
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "next state (number)", "domain": [0.0, split - 0.03]},
        "xaxis2": {"title": "emission (number)", "domain": [split + 0.03, 1.0], "anchor": "y"},
        "yaxis": {"title": "state (number)", "autorange": "reversed"},
    }
    return go.Figure(traces, make_layout(theme, axes))


def _places(graph: HMMGraph) -> Floats:
    """(K, 2) where each state stands: on a line from left to right, or clockwise on a circle."""
    count = len(graph.emission)
    if graph.is_chain:
        return np.stack([APART * np.arange(count), np.zeros(count)], axis=1)
    # An even number of states stands upright, with two of them above: that is lower than one.
    turn = np.pi / 2 - 2 * np.pi * (np.arange(count) - (0.5 if count % 2 == 0 else 0.0)) / count
    return AROUND / (2 * np.sin(np.pi / count)) * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _outwards(from_centre: Floats, is_chain: bool) -> Floats:
    """Where the loop of a state goes: up on a line; sideways on a circle, as pictures are wide, but for the middle."""
    x, y = from_centre
    if is_chain or abs(x) < 0.3 * np.hypot(x, y):
        return np.array([0.0, 1.0 if is_chain or y >= 0 else -1.0])
    return np.array([np.sign(x), 0.0])


def _unit(vector: Floats) -> Floats:
    return vector / np.hypot(*vector)


def _turned(vector: Floats, angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def _arc(start: Floats, end: Floats) -> Floats:
    """(P, 2) a path between the edges of two states, bent to the right."""
    way = _unit(end - start)
    first, last = start + _turned(way, -ASIDE), end + _turned(-way, ASIDE)
    aside = BEND * np.hypot(*(last - first)) * _turned(way, -np.pi / 2)
    return _bezier(first, first + (last - first) / 3 + aside, last + (first - last) / 3 + aside, last)


def _label(path: Floats, away: Floats | None) -> tuple[Floats, Floats]:
    """Where the probability of an arrow is written, and how many pixels aside; `away` is where a loop goes, or None.

    On a long way nearer to its start, apart from the others.
    """
    if away is not None:
        return path[len(path) // 2], away * LABEL
    if (length := np.hypot(*(path[-1] - path[0]))) > LONG:
        return path[len(path) * 3 // 8], np.zeros(2)
    return path[len(path) // 2], _turned((path[-1] - path[0]) / length, -np.pi / 2) * LABEL


def _loop(state: Floats, away: Floats) -> Floats:
    """(P, 2) a path from the edge of a state back to it."""
    sides = [_turned(away, angle) for angle in (0.5, -0.5)]
    return _bezier(
        state + sides[0], *(state + (1 + LOOP) * _turned(away, angle) for angle in (0.6, -0.6)), state + sides[1]
    )


def _bezier(*points: Floats) -> Floats:
    t = np.linspace(0, 1, 25)[:, None]
    weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
    return np.sum([weight * point for weight, point in zip(weights, points, strict=True)], axis=0)


def _arrow(path: Floats, start: int, end: int, probability: float, theme: Theme) -> Any:
    width = THINNEST + (WIDEST - THINNEST) * probability
    where = f"state {start} stays" if start == end else f"state {start} → state {end}"
    return go.Scatter(
        x=path[:, 0].round(3),
        y=path[:, 1].round(3),
        mode="lines+markers",
        name=where,
        line={"color": theme.muted, "width": width},
        marker={
            "symbol": "arrow",
            "angleref": "previous",
            "size": [0] * (len(path) - 1) + [9 + 1.5 * width],
            "color": theme.muted,
            "opacity": 1,
            "line": {"width": 0},
        },
        hovertemplate=f"{where}<br>probability per step {probability:.4g}<extra></extra>",
    )


def _circle(place: Floats, colour: str, theme: Theme) -> dict[str, Any]:
    (left, bottom), (right, top) = place - 1, place + 1
    edges = {"x0": left, "x1": right, "y0": bottom, "y1": top}
    return {
        "type": "circle",
        **edges,
        "fillcolor": theme.ground,
        "line": {"color": colour, "width": 4},
        "layer": "below",
    }


def _name(state: int, graph: HMMGraph) -> str:
    return f"<b>state {state}</b>" if len(graph.emission) <= MOST_NAMED else f"<b>{state}</b>"


def _words(emission: int, probability: float, graph: HMMGraph) -> list[str]:
    """What a state emits, in the lines that there is room for."""
    count = len(graph.emission)
    if count > MOST_NAMED:
        return [str(emission)] if graph.is_chain else []
    share = f"{100 * probability:.0f} %"
    return [f"emits {emission}" if count <= MOST_WORDED else f"{emission}", share]


def _states(graph: HMMGraph, at: Floats, theme: Theme) -> Any:
    """The words in the states; what is pointed at says every emission."""
    likeliest = list(zip(graph.emission, graph.emission_probability, strict=True))
    text = [
        "<br>".join(([] if graph.is_chain else [_name(state, graph)]) + _words(int(o), p, graph))
        for state, (o, p) in enumerate(likeliest)
    ]
    hover = [
        f"state {state}<br>" + "<br>".join(f"emission {o}: {p:.3g}" for o, p in enumerate(row))
        for state, row in enumerate(graph.emissions)
    ]
    return go.Scatter(
        x=at[:, 0],
        y=at[:, 1],
        mode="text",
        name="states",
        text=text,
        textfont={"size": FONT_SIZE, "color": [theme.colour_of(int(o)) for o, _ in likeliest]},
        customdata=hover,
        hovertemplate="%{customdata}<extra></extra>",
    )
