"""How sure is it that these neurons switch the network? Each group beside random ones, its members, other pictures.

Below: how often other seeds choose the same neurons, and the weights between the populations.
"""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.connectivity import ROLE_LABELS
from hmmrnn.figures.panels import LINE, Panel, Row, columns, stacked
from hmmrnn.figures.theme import FONT_SIZE, Theme
from hmmrnn.kick import EXCITE, FEED, MAX_LEAVE_RATE_RATIO, NOISE, SILENCE, Agreement, KickGroup, KickNeurons
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, BlockWeights

PICTURE_LABELS = {
    SILENCE: "kick group silenced",
    NOISE: "noise of those that pass it on silenced",
    FEED: "what feeds the exit silenced",
    EXCITE: "what holds the output doubled",
}
PICTURE_SYMBOLS = {SILENCE: "diamond", NOISE: "x", FEED: "triangle-up", EXCITE: "star"}
# In pixels: a strip of the first plot, a cell of the table of weights, and the width that is left for a line of text.
STRIP, CELL, TEXT_WIDTH, LETTER = 64, 34, 520, 8
LABELS = 0.15
# Beyond this ratio points are drawn at the edge, so that one wild control does not squeeze the rest.
MOST_SHOWN = 2.5


def kick(
    found: KickNeurons, weights: BlockWeights | None, agreed: Agreement | None, theme: Theme, width: int = TEXT_WIDTH
) -> go.Figure:
    """Draw the evidence; the height of the layout is what the figure needs, in pixels.

    Args:
        found: the kick groups and what was measured of them.
        weights: between the populations that follow from them; None leaves the table out.
        agreed: how often other seeds choose the same; None while it is not known.
        theme: colours of the ground.
        width: pixels that a line of text may take.
    """
    rows = [_against_null(found, theme) if found.groups else _nothing()]
    if agreed is not None and agreed.exits:
        rows.append(_agreement(agreed, theme, width))
    if weights is not None:
        rows.append(_blocks(weights, theme))
    return stacked(rows, theme, still=True)


def block_table(weights: BlockWeights, theme: Theme) -> go.Figure:
    """Draw the mean weights between populations alone."""
    return stacked([_blocks(weights, theme)], theme, still=True)


def exit_label(output: int, to: int | None) -> str:
    """An exit in a few signs."""
    return f"{output} → any" if to is None else f"{output} → {to}"


def population_label(role: str, output: int) -> str:
    """A population in words."""
    return ROLE_LABELS[role] if role == CONTROL else f"{ROLE_LABELS[role]} {output}"


def _in_short(role: str, output: int) -> str:
    """A population on two short lines, for a column."""
    return {KICK: f"kick<br>{output}", INTEGRATING: f"integr.<br>{output}"}.get(role, role)


def _against_null(found: KickNeurons, theme: Theme) -> Row:
    """One strip for each exit: random groups, the group, its members alone, and other pictures."""
    traces: list[Any] = []
    for strip, group in enumerate(found.groups):
        traces += [*_null(strip, group, theme), *_singles(strip, group, theme), *_pictures(strip, group, theme)]
    labels = [exit_label(group.output, group.to) for group in found.groups]
    x = {"title": "leave rate, ratio to intact", "range": [-0.05, MOST_SHOWN + 0.05], "zeroline": False}
    y = {
        "range": [len(labels) - 0.5, -0.5],
        "tickvals": list(range(len(labels))),
        "ticktext": labels,
        "showgrid": False,
        "ticks": "",
    }
    shapes = [
        {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "layer": "below", "line": line}
        for at, line in (
            (1.0, {"color": theme.muted, "dash": "dot"}),
            (MAX_LEAVE_RATE_RATIO, {"color": theme.accent, "dash": "dash"}),
        )
    ]
    return Row([Panel(traces, x, y, shapes=shapes)], columns(1, 0, LABELS), STRIP * len(labels), [_key(found, theme)])


def _nothing() -> Row:
    hidden: dict[str, Any] = {"visible": False}
    said = {"text": "One output is never left, so there is no exit to look at.", "x": 0.5, "y": 0.5, "showarrow": False}
    panel = Panel([], hidden, hidden, notes=[{**said, "xref": "domain"}])
    return Row([panel], columns(1, 0), 3 * LINE, foot=0)


def _key(found: KickNeurons, theme: Theme) -> str:
    """What the signs mean, as a line of text: a legend would be laid out anew when the graph grows."""
    tried = {picture.kind for group in found.groups for picture in group.pictures}
    signs = {
        f'<span style="color:{theme.accent}">◆</span> group off': True,
        f'<span style="color:{theme.ghost}">●</span> random': True,
        "○ one neuron": True,
        "★ holders × 2": EXCITE in tried,
        "▲ feeders off": FEED in tried,
        "✕ noise off": NOISE in tried,
    }
    return "&nbsp;&nbsp; ".join(text for text, there in signs.items() if there)


def _null(strip: int, group: KickGroup, theme: Theme) -> list[Any]:
    if not len(group.control_ratios):
        return []
    # Spread over the strip in the order of drawing, which is random: nothing is to be read from the height.
    spread = strip + 0.28 * np.linspace(-1, 1, len(group.control_ratios))
    return [
        go.Scatter(
            x=np.minimum(group.control_ratios, MOST_SHOWN).round(3),
            y=spread.round(3),
            mode="markers",
            name=f"random groups, {group.name}",
            marker={"size": 4, "color": theme.ghost, "opacity": 0.7},
            customdata=group.control_ratios.round(3),
            hovertemplate=f"random group of {len(group.neurons)}: %{{customdata}}<extra></extra>",
        )
    ]


def _singles(strip: int, group: KickGroup, theme: Theme) -> list[Any]:
    if not group.neurons:
        return []
    ratios = group.single_ratios[list(group.neurons)]
    return [
        go.Scatter(
            x=np.minimum(ratios, MOST_SHOWN).round(3),
            y=np.full(len(ratios), strip + 0.38),
            mode="markers",
            name=f"one neuron, {group.name}",
            marker={"size": 7, "color": theme.text, "symbol": "circle-open"},
            customdata=np.stack([np.array(group.neurons), ratios.round(3)], axis=-1),
            hovertemplate="neuron %{customdata[0]} alone: %{customdata[1]}<extra></extra>",
        )
    ]


def _pictures(strip: int, group: KickGroup, theme: Theme) -> list[Any]:
    """The group itself and, where it is not proven, what else was tried."""
    shown = [(SILENCE, group.neurons, group.leave_rate_ratio, group.proven, "")] if group.neurons else []
    shown += [
        (
            one.kind,
            one.intervention.neurons,
            one.leave_rate_ratio,
            one.proven,
            "" if one.bounded else ", as activity then grows without bound",
        )
        for one in group.pictures
        if one.intervention.neurons
    ]
    return [
        go.Scatter(
            x=[min(ratio, MOST_SHOWN)],
            y=[strip],
            mode="markers+text",
            name=f"{PICTURE_LABELS[kind]}, {group.name}",
            marker={
                "size": 13,
                "symbol": PICTURE_SYMBOLS[kind] if proven else f"{PICTURE_SYMBOLS[kind]}-open",
                "color": theme.accent if kind == SILENCE else theme.text,
                "line": {"width": 2, "color": theme.accent if kind == SILENCE else theme.text},
            },
            text=[f"{ratio:.2f}"] if kind == SILENCE or proven else [""],
            textposition="top center" if kind == SILENCE else "bottom center",
            textfont={"color": theme.text, "size": FONT_SIZE},
            cliponaxis=False,
            hovertemplate=(
                f"{PICTURE_LABELS[kind]}: {ratio:.3f}, {'proven' if proven else 'not proven'}{growing}<br>"
                f"{len(neurons)} neurons: {', '.join(map(str, neurons))}<extra></extra>"
            ),
        )
        for kind, neurons, ratio, proven, growing in shown
    ]


def _agreement(agreed: Agreement, theme: Theme, width: int) -> Row:
    """In words: which neurons how many of the seeds choose."""
    lines: list[str] = []
    for g, exit in enumerate(agreed.exits):
        text = f"{exit_label(*exit)}: {_chosen(agreed, g)}"
        lines += textwrap.wrap(text, max(20, width // LETTER), subsequent_indent="    ", break_on_hyphens=False)
    left = {"x": 0, "xref": "domain", "xanchor": "left", "align": "left", "yref": "axis", "showarrow": False}
    notes = [{"text": line.replace("  ", "&nbsp; "), "y": i, **left} for i, line in enumerate(lines)]
    hidden: dict[str, Any] = {"visible": False}
    panel = Panel([], hidden, {**hidden, "range": [len(lines) - 0.5, -0.5]}, notes=notes)
    title = f"Chosen by how many of {len(agreed.seeds)} searches with seeds {', '.join(map(str, agreed.seeds))}"
    return Row([panel], columns(1, 0), LINE * len(lines), [title], foot=LINE)


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
    labels = [population_label(*block) for block in weights.blocks]
    names = [f"{label} ({size})" for label, size in zip(labels, weights.sizes, strict=True)]
    bound = float(np.nanmax(np.abs(weights.mean), initial=0.0)) or 1.0
    heat = go.Heatmap(
        z=weights.mean.round(4),
        x=list(range(len(labels))),
        y=names,
        zmin=-bound,
        zmax=bound,
        colorscale=theme.diverging,
        showscale=False,
        text=[[f"{value:+.3f}" if np.isfinite(value) else "" for value in row] for row in weights.mean],
        texttemplate="%{text}",
        textfont={"size": FONT_SIZE},
        xgap=2,
        ygap=2,
        customdata=np.stack([weights.se.round(4), (100 * weights.positive).round(0), weights.counts], axis=-1),
        hovertemplate="onto %{y}<br>mean %{z:+.3f} ± %{customdata[0]}; %{customdata[1]} % of %{customdata[2]} weights "
        "positive<extra></extra>",
    )
    x = {
        "title": "from",
        "tickvals": list(range(len(labels))),
        "ticktext": [_in_short(*block) for block in weights.blocks],
        "tickangle": 0,
        "showgrid": False,
        "ticks": "",
    }
    y = {"type": "category", "autorange": "reversed", "ticks": "", "showgrid": False}
    title = "Mean recurrent weight between populations"
    return Row([Panel([heat], x, y)], columns(1, 0, 0.28), CELL * len(labels), [title], foot=76)
