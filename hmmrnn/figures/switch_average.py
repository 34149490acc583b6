"""Switch-triggered average: pre-activation of populations around switches, one panel for each exit."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.populations import INTEGRATING, KICK
from hmmrnn.analysis.switch_average import Averaged, SwitchAverage
from hmmrnn.figures.panels import Panel, Row, draw, draw_band, draw_line_at, paint, split_columns, stack_rows
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_note
from hmmrnn.figures.words import say_count

# In pixels: a panel. In letters: a line of the key.
HEIGHT, LETTERS = 170, 46
# Between two panels, and all of them together, as shares of the width.
GAP, INSET = 0.19, 0.98
# So many steps from the left edge, a number stands to the right of its ring.
NEAR_EDGE = 8
DASHES = {KICK: ("solid", "dashdot", "longdashdot"), INTEGRATING: ("dot",)}
SIGNS = {"solid": "━━", "dashdot": "━·━", "longdashdot": "━··━", "dot": "┅┅"}
NAMES = {KICK: "kick group", INTEGRATING: "integrating"}


def draw_switch_average(found: SwitchAverage, theme: Theme) -> go.Figure:
    """Draw the averages, or a sentence where there is no exit; the layout has the height that the figure needs."""
    if not found.exits:
        return _nothing(theme)
    low = float(np.nanmin([np.nanmin(found.mean), np.nanmin(found.null, initial=np.inf)]))
    high = float(np.nanmax([np.nanmax(found.mean), np.nanmax(found.null, initial=-np.inf)]))
    room = 0.12 * (high - low)
    stretch = [low - room, high + 2 * room]
    panels = [_panel(found, e, stretch, theme) for e in range(len(found.exits))]
    # The last number of an axis stands half beyond it.
    columns = [(INSET * left, INSET * right) for left, right in split_columns(min(2, len(panels)), GAP)]
    rows = [
        Row(panels[at : at + 2], columns[: len(panels[at : at + 2])], HEIGHT, [] if at else _key(found, theme))
        for at in range(0, len(panels), 2)
    ]
    return stack_rows(rows, theme, still=True)


def _nothing(theme: Theme) -> go.Figure:
    hidden: dict[str, Any] = {"visible": False}
    note = make_note("No exit is taken often enough to average.", x=0.5, y=0.5, xref="domain")
    return stack_rows([Row([Panel([], hidden, hidden, notes=[note])], split_columns(1, 0), HEIGHT)], theme, still=True)


def name_averaged(one: Averaged) -> str:
    """A population in a few words."""
    return f"{NAMES[one.role]} {one.output}" + ("" if one.to is None else f" → {one.to}")


def _dash(one: Averaged, found: SwitchAverage) -> str:
    """The line of a population: the kick groups of one output have a line each."""
    alike = [other for other in found.populations if (other.role, other.output) == (one.role, one.output)]
    return DASHES[one.role][alike.index(one) % len(DASHES[one.role])]


def _key(found: SwitchAverage, theme: Theme) -> list[str]:
    """The meaning of the lines, in as many lines of text as they take."""
    entries = [
        (paint(theme.colour_of(one.output), SIGNS[_dash(one, found)]), name_averaged(one)) for one in found.populations
    ]
    entries += [(paint(theme.ghost, "──"), "random moments"), ("○", "rises above 0")]
    lines, room = [""], LETTERS
    for sign, name in entries:
        if len(name) + 6 > room and lines[-1]:
            lines.append("")
            room = LETTERS
        lines[-1] += f"{sign} {name}&nbsp;&nbsp; "
        room -= len(name) + 6
    return lines


def _panel(found: SwitchAverage, e: int, stretch: list[float], theme: Theme) -> Panel:
    """One exit: the random moments behind, then the bands, then the means."""
    (a, b), places = found.exits[e], range(len(found.populations))
    own = [one.role == KICK and one.output == a and one.to in (None, b) for one in found.populations]
    traces = [_null(found, e, p, theme) for p in places]
    traces += [_band(found, e, p, theme) for p in places if np.isfinite(found.se[e, :, p]).all()]
    traces += [_mean(found, e, p, own[p], theme) for p in places]
    traces += [_crossing(found, e, p, own[p], theme) for p in places if np.isfinite(found.crossing[e, p])]
    x = {"title": "steps from the switch", "range": [int(found.steps[0]), int(found.steps[-1])], "dtick": 15}
    y = {"title": "pre-activation (a.u.)", "range": stretch, "zeroline": True, "zerolinecolor": theme.muted}
    heading = f"{a} → {b}, {found.counts[e]:,} switches"
    return Panel(traces, x, y, heading=heading, shapes=[draw_line_at(0, theme)])


def _line(found: SwitchAverage, p: int, colour: str, width: float) -> dict[str, Any]:
    return {"color": colour, "width": width, "dash": _dash(found.populations[p], found)}


def _null(found: SwitchAverage, e: int, p: int, theme: Theme) -> Any:
    name = name_averaged(found.populations[p])
    moments = f"{found.null_counts[e]:,} random moments of stays in {found.exits[e][0]}"
    hover = f"{name} around {moments}<br>step %{{x}}: %{{y:.2f}}"
    line = _line(found, p, theme.ghost, 1)
    return draw("lines", found.steps, found.null[e, :, p].round(4), f"random moments, {name}", hover, line=line)


def _band(found: SwitchAverage, e: int, p: int, theme: Theme) -> Any:
    mean, se, one = found.mean[e, :, p], found.se[e, :, p], found.populations[p]
    name = f"standard error, {name_averaged(one)}"
    low, high = (mean - se).round(4), (mean + se).round(4)
    return draw_band(found.steps, low, high, theme.colour_of(one.output), name=name, opacity=0.3)


def _mean(found: SwitchAverage, e: int, p: int, own: bool, theme: Theme) -> Any:
    one = found.populations[p]
    name, line = name_averaged(one), _line(found, p, theme.colour_of(one.output), 3 if own else 1.5)
    hover = f"{name}, {say_count(len(one.neurons), 'neuron')}<br>step %{{x}}: %{{y:.2f}}"
    return draw("lines", found.steps, found.mean[e, :, p].round(4), name, hover, line=line)


def _crossing(found: SwitchAverage, e: int, p: int, own: bool, theme: Theme) -> Any:
    """A ring at the first step above 0; its number stands beside that of the exit's own group."""
    step = int(found.crossing[e, p])
    one = found.populations[p]
    rim = {"color": theme.colour_of(one.output), "width": 2}
    return draw(
        "markers+text" if own else "markers",
        [step],
        [found.mean[e, list(found.steps).index(step), p].round(4)],
        f"crossing, {name_averaged(one)}",
        f"{name_averaged(one)} rises above 0 at step {step}",
        marker={"size": 8, "color": theme.ground, "line": rim, "opacity": 1},
        text=[f"<b>{step}</b>".replace("-", "−")],
        textposition="top right" if step - found.steps[0] < NEAR_EDGE else "top left",
        textfont={"size": FONT_SIZE, "color": theme.text},
    )
