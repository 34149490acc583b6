"""What silencing kick groups does, in words and as a table: beside random and matched groups, and on all exits."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_effects import KickEffects
from hmmrnn.analysis.kick_neurons import MAX_LEAVE_RATE_RATIO, KickGroup
from hmmrnn.figures.panels import LINE, Panel, Row, draw_cells, split_columns
from hmmrnn.figures.theme import Theme, make_line, make_note

# In pixels: a row of the table, and a letter.
CELL, LETTER = 34, 8
# More exits have their names upright, and numbers of two digits in the table.
MOST_LEVEL, LARGE = 6, 100
# Share of the width for the names of the rows.
NAMES = 0.28


def write_lines(texts: Sequence[str], title: str, width: int) -> Row:
    """Write texts below each other, each wrapped into a width in pixels."""
    lines: list[str] = []
    for text in texts:
        # A line ends neither within an exit, a percentage nor a p-value.
        text = text.replace(" → ", "\u00a0→\u00a0").replace(" %", "\u00a0%").replace("p = ", "p\u00a0=\u00a0")
        lines += textwrap.wrap(text, max(20, width // LETTER), subsequent_indent="    ", break_on_hyphens=False)
    left = {"x": 0, "xref": "domain", "xanchor": "left", "align": "left", "yref": "axis", "xshift": -46}
    notes = [make_note(line.replace("  ", "&nbsp; "), y=i, **left) for i, line in enumerate(lines)]
    hidden: dict[str, Any] = {"visible": False}
    panel = Panel([], hidden, {**hidden, "range": [len(lines) - 0.5, -0.5]}, notes=notes)
    return Row([panel], split_columns(1, 0), LINE * len(lines), [title], foot=LINE)


def describe_effects(groups: Sequence[KickGroup], effects: KickEffects, most_shown: float, width: int) -> Row:
    """What silencing each group does to its own exit, beside random and matched groups, in lines of a width in pixels.

    Of ratios above `most_shown`, which are drawn at the edge, the number is written.
    """
    texts = [_describe(group, effects, place, most_shown) for place, group in enumerate(groups)]
    tested = int(np.isfinite(effects.p_random).sum())
    return write_lines(texts, f"What silencing does; p corrected over {tested} exits (Holm)", width)


def _describe(group: KickGroup, effects: KickEffects, place: int, most_shown: float) -> str:
    if not group.neurons:
        return f"{group.exit_name}: no neuron has the profile of a kick neuron"
    kinds = {"random": group.control_ratios, "matched": effects.matched_ratios[place]}
    there = {kind: ratios for kind, ratios in kinds.items() if len(ratios)}
    rate = f"leave rate of {group.output}" if group.to is None else f"rate of {group.output} → {group.to}"
    does = "cuts" if group.leave_rate_ratio < 1 else "takes"
    beside = "; ".join(f"{kind} groups: {_percent(float(np.median(ratios)))}" for kind, ratios in there.items())
    text = f"{group.exit_name}: silencing these {len(group.neurons)} {does} the {rate} to "
    text += _percent(group.leave_rate_ratio) + (f" ({beside})" if beside else "; not compared with other groups")
    p_values = {"random": effects.p_random[place], "matched": effects.p_matched[place]}
    parts = [
        f"{np.count_nonzero(ratios <= MAX_LEAVE_RATE_RATIO)} of {len(ratios)} {kind} at or below "
        f"{MAX_LEAVE_RATE_RATIO}, p = {p_values[kind]:.2g}{_beyond(ratios, most_shown)}"
        for kind, ratios in there.items()
    ]
    return ". ".join([text, *parts])


def _beyond(ratios: NDArray[np.floating], most_shown: float) -> str:
    count = np.count_nonzero(ratios > most_shown)
    return f" ({count} beyond {most_shown} drawn at the edge)" if count else ""


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.0f} %"


def tabulate_effects(groups: Sequence[KickGroup], effects: KickEffects, theme: Theme) -> Row:
    """Leave rate of every exit with each group silenced, in percent of intact; exits without a group have no row."""
    silenced = [place for place, group in enumerate(groups) if group.neurons]
    percent = 100 * effects.ratios[silenced]
    names = [name.replace("output ", "") for name in effects.exit_names]
    many = len(names) > MOST_LEVEL
    cells = draw_cells(
        percent.round(1),
        (0, 100),
        [[0, theme.accent], [1, theme.ground]],
        "%{y} silenced: %{x} is taken %{z} % as often as intact",
        [[_written(value, many) for value in row] for row in percent],
        name="effects on all exits",
        x=[name if group.to is not None else f"out of {name}" for name, group in zip(names, groups, strict=True)],
        y=[f"group {names[place]} ({len(groups[place].neurons)})" for place in silenced],
        xgap=2,
        ygap=2,
    )
    bare = {"type": "category", "showgrid": False, "ticks": ""}
    x = {**bare, "title": "exit", "tickangle": -90 if many else 0}
    edges = [make_line(theme, "solid", theme.grid, x0=-0.5, x1=len(names) - 0.5, y=y) for y in (0, 1)]
    panel = Panel([cells], x, {**bare, "title": "silenced", "autorange": "reversed"}, shapes=edges)
    title = "Leave rate of every exit, % of intact"
    return Row([panel], split_columns(1, 0, NAMES), CELL * len(silenced), [title], foot=90 if many else 62)


def _written(percent: float, many: bool) -> str:
    """The number of a cell; among many, the title alone has its unit, and the largest are only said to be large."""
    if not np.isfinite(percent):
        return ""
    if many:
        return f"{percent:.0f}" if percent < LARGE else "»"
    return f"{percent:.0f} %"
