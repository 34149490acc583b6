"""The evidence for kick neurons: each group beside random groups, its neurons alone, and alternative interventions.

Below: what silencing does beside random and matched groups and to all other exits, and how many searches with other
seeds choose the same neurons.
"""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.kick_effects import KickEffects
from hmmrnn.analysis.kick_neurons import (
    EXCITE,
    FEED,
    MAX_LEAVE_RATE_RATIO,
    NOISE,
    SILENCE,
    Agreement,
    KickGroup,
    KickNeurons,
)
from hmmrnn.analysis.populations import CONTROL, INTEGRATING, KICK, BlockWeights
from hmmrnn.figures.kick_effects import describe_effects, tabulate_effects, write_lines
from hmmrnn.figures.panels import LINE, Panel, Row, draw, draw_cells, draw_line_at, paint, split_columns, stack_rows
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_line, make_note

ALTERNATIVE_LABELS = {
    SILENCE: "kick group silenced",
    NOISE: "noise of the neurons that pass it on silenced",
    FEED: "neurons that feed the exit silenced",
    EXCITE: "neurons that hold the output doubled",
}
ALTERNATIVE_SYMBOLS = {SILENCE: "diamond", NOISE: "x", FEED: "triangle-up", EXCITE: "star"}
# In pixels: a strip of the first plot, a cell of the table of weights, the width of a line of text.
STRIP, CELL, TEXT_WIDTH = 92, 34, 420
LABELS = 0.15
NEAR_EDGE = 0.3
# Widths of an "m" that a unit of the axis is at most wide.
EM_SPACE, EM_SPACES = "\u2003", 28
# Where in its strip a mark is, from -0.5 at the top: random and matched groups lie above the kick group.
RANDOM, MATCHED, GROUP, ALONE = (-0.46, -0.24), (-0.17, 0.0), 0.27, 0.43
# Larger ratios are drawn at the edge, so that one outlier does not squeeze the rest.
MOST_SHOWN = 2.5


def draw_kick_neurons(
    found: KickNeurons,
    agreed: Agreement | None,
    theme: Theme,
    width: int = TEXT_WIDTH,
    effects: KickEffects | None = None,
) -> go.Figure:
    """Draw the evidence; the height of the layout is what the figure needs, in pixels.

    Args:
        agreed: how often other seeds choose the same neurons; None while it is not known.
        width: pixels that a line of text may take.
        effects: of silencing, beside matched groups and on other exits; None leaves them out.
    """
    rows = [_against_null(found, effects, theme) if found.groups else _nothing()]
    if effects is not None and found.groups:
        rows.append(describe_effects(found.groups, effects, MOST_SHOWN, width))
        if any(group.neurons for group in found.groups):
            rows.append(tabulate_effects(found.groups, effects, theme))
    if agreed is not None and agreed.exits:
        rows.append(_agreement(agreed, width))
    return stack_rows(rows, theme, still=True)


def draw_block_weights(weights: BlockWeights, theme: Theme) -> go.Figure:
    """Draw the mean weights between populations alone."""
    return stack_rows([_blocks(weights, theme)], theme, still=True)


def name_population(role: str, output: int) -> str:
    """A population in one or two words."""
    return role if role == CONTROL else f"{role} {output}"


def _in_short(role: str, output: int) -> str:
    """A population on two short lines, for a column."""
    return {KICK: f"kick<br>{output}", INTEGRATING: f"integr.<br>{output}"}.get(role, role)


def _against_null(found: KickNeurons, effects: KickEffects | None, theme: Theme) -> Row:
    """One strip for each exit: random and matched groups, the group, its neurons alone, and the alternatives."""
    traces: list[Any] = []
    for strip, group in enumerate(found.groups):
        traces += _null(strip, group, "random", group.control_ratios, theme)
        traces += [] if effects is None else _null(strip, group, "matched", effects.matched_ratios[strip], theme)
        traces += [*_singles(strip, group, theme), *_interventions(strip, group, theme)]
    labels = [group.exit_name.replace(" →", "<br>→") for group in found.groups]
    x = {"title": "leave rate, ratio to intact", "range": [-0.05, MOST_SHOWN + 0.05], "zeroline": False}
    y = {"range": [len(labels) - 0.5, -0.5], **_labelled(labels)}
    limit = make_line(theme, "dash", theme.accent, x=MAX_LEAVE_RATE_RATIO, y0=0, y1=1)
    look = {"font": {"size": FONT_SIZE, "color": theme.accent}, "xanchor": "left", "yanchor": "bottom", "xshift": 4}
    name = make_note(f"necessary: at most {MAX_LEAVE_RATE_RATIO}", x=MAX_LEAVE_RATE_RATIO, y=1, **look)
    panel = Panel(traces, x, y, notes=[name], shapes=[draw_line_at(1.0, theme), limit])
    # The last, empty line is the room for the name of the limit.
    lines = [*_key(found, effects, theme), ""]
    return Row([panel], split_columns(1, 0, LABELS), STRIP * len(labels), lines)


def _labelled(labels: list[str]) -> dict[str, Any]:
    """The part of an axis that has a label at each whole number."""
    return {"tickvals": list(range(len(labels))), "ticktext": labels, "showgrid": False, "ticks": ""}


def _nothing() -> Row:
    hidden: dict[str, Any] = {"visible": False}
    note = make_note("One output is never left, so there is no exit to look at.", x=0.5, y=0.5, xref="domain")
    panel = Panel([], hidden, hidden, notes=[note])
    return Row([panel], split_columns(1, 0), 3 * LINE, foot=0)


def _key(found: KickNeurons, effects: KickEffects | None, theme: Theme) -> list[str]:
    """The meaning of the symbols, as lines of text: a legend would move when the graph grows."""
    tried = {picture.kind for group in found.groups for picture in group.alternatives}
    signs = {
        f"{paint(theme.accent, '◆')} group off": True,
        f"{paint(theme.ghost, '●')} random": True,
        f"{paint(theme.muted, '■')} matched": effects is not None,
        "○ one neuron": True,
        "★ holders × 2": EXCITE in tried,
        "▲ feeders off": FEED in tried,
        "✕ noise off": NOISE in tried,
    }
    shown = [text for text, there in signs.items() if there]
    return ["&nbsp;&nbsp; ".join(shown[at : at + 4]) for at in range(0, len(shown), 4)]


def _null(strip: int, group: KickGroup, kind: str, controls: NDArray[np.floating], theme: Theme) -> list[Any]:
    if not len(controls):
        return []
    # Spread over a part of the strip, which has no meaning.
    spread = strip + np.linspace(*(RANDOM if kind == "random" else MATCHED), len(controls))
    ratios, name = controls.round(3), f"{kind} groups, {group.exit_name}"
    random = {"size": 4, "color": theme.ghost, "opacity": 0.8}
    matched = {"size": 4, "color": theme.muted, "opacity": 0.6, "symbol": "square"}
    look = {"customdata": ratios, "marker": random if kind == "random" else matched}
    hover = f"{kind} group of {len(group.neurons)}: %{{customdata}}"
    return [draw("markers", np.minimum(ratios, MOST_SHOWN), spread.round(3), name, hover, **look)]


def _singles(strip: int, group: KickGroup, theme: Theme) -> list[Any]:
    if not group.neurons:
        return []
    ratios = group.single_ratios[list(group.neurons)]
    x, y = np.minimum(ratios, MOST_SHOWN).round(3), np.full(len(ratios), strip + ALONE)
    look = {
        "marker": {"size": 7, "color": theme.text, "symbol": "circle-open"},
        "customdata": np.stack([np.array(group.neurons), ratios.round(3)], axis=-1),
    }
    hover = "neuron %{customdata[0]} alone: %{customdata[1]}"
    return [draw("markers", x, y, f"one neuron, {group.exit_name}", hover, **look)]


def _interventions(strip: int, group: KickGroup, theme: Theme) -> list[Any]:
    """The group itself and, where no small group was found, what else was tried."""
    shown = [(SILENCE, group.neurons, group.leave_rate_ratio, group.proven, group.verdict)] if group.neurons else []
    shown += [
        (one.kind, one.intervention.neurons, one.leave_rate_ratio, one.proven, one.verdict)
        for one in group.alternatives
        if one.intervention.neurons
    ]
    return [
        draw(
            "markers+text",
            [min(ratio, MOST_SHOWN)],
            [strip + GROUP],
            f"{ALTERNATIVE_LABELS[kind]}, {group.exit_name}",
            f"{ALTERNATIVE_LABELS[kind]}: {ratio:.3f}, {verdict}<br>"
            f"{len(neurons)} neurons: {', '.join(map(str, neurons))}",
            marker={
                "size": 13,
                "symbol": ALTERNATIVE_SYMBOLS[kind] if proven else f"{ALTERNATIVE_SYMBOLS[kind]}-open",
                "color": theme.accent if kind == SILENCE else theme.text,
                "line": {"width": 2, "color": theme.accent if kind == SILENCE else theme.text},
            },
            text=[_beyond_limit(ratio)] if kind == SILENCE or proven else [""],
            # Near the left edge there is room to the right only.
            textposition="middle right" if ratio < NEAR_EDGE else "top center" if kind == SILENCE else "bottom center",
            textfont={"color": theme.text, "size": FONT_SIZE},
            cliponaxis=False,
        )
        for kind, neurons, ratio, proven, verdict in shown
    ]


def _beyond_limit(ratio: float) -> str:
    """A ratio in words; one below the limit begins to the right of the limit's line, which would cross it."""
    spaces = max(0, math.ceil(EM_SPACES * (MAX_LEAVE_RATE_RATIO - ratio)))
    return f"{EM_SPACE * spaces}{ratio:.2f}"


def _agreement(agreed: Agreement, width: int) -> Row:
    """How many of the seeds choose which neurons, in words."""
    texts = [f"{name}: {_chosen(agreed, g)}" for g, name in enumerate(agreed.exit_names)]
    title = f"Chosen by how many of {len(agreed.seeds)} searches with seeds {', '.join(map(str, agreed.seeds))}"
    return write_lines(texts, title, width)


def _chosen(agreed: Agreement, g: int) -> str:
    times = np.rint(agreed.chosen[g] * len(agreed.seeds)).astype(int)
    parts = [
        f"{count} of {len(agreed.seeds)}: {', '.join(str(i) for i in np.flatnonzero(times == count))}"
        for count in range(len(agreed.seeds), 0, -1)
        if (times == count).any()
    ]
    overlap = f"; overlap of two seeds {agreed.overlap[g]:.2f}" if np.isfinite(agreed.overlap[g]) else ""
    return ("; ".join(parts) or "none") + overlap


def _blocks(weights: BlockWeights, theme: Theme) -> Row:
    """Mean weight from column to row, with its sign written."""
    labels = [name_population(*block) for block in weights.blocks]
    names = [f"{label} ({size})" for label, size in zip(labels, weights.sizes, strict=True)]
    bound = float(np.nanmax(np.abs(weights.mean), initial=0.0)) or 1.0
    heat = draw_cells(
        weights.mean.round(4),
        (-bound, bound),
        theme.diverging,
        "onto %{y}<br>mean %{z:+.3f} ± %{customdata[0]}; %{customdata[1]} % of %{customdata[2]} weights positive",
        [[f"{value:+.3f}" if np.isfinite(value) else "" for value in row] for row in weights.mean],
        x=list(range(len(labels))),
        y=names,
        xgap=2,
        ygap=2,
        customdata=np.stack([weights.se.round(4), (100 * weights.positive).round(0), weights.counts], axis=-1),
    )
    x = {"title": "from", "tickangle": 0, **_labelled([_in_short(*block) for block in weights.blocks])}
    y = {"type": "category", "autorange": "reversed", "ticks": "", "showgrid": False}
    title = "Mean recurrent weight between populations"
    return Row([Panel([heat], x, y)], split_columns(1, 0, 0.28), CELL * len(labels), [title], foot=76)
