"""Transition graph and memory: how far back activity tells the output, and the ways between regions."""

from __future__ import annotations

from hmmrnn.dashboard.pages.lenses.lens_view import lens_view
from hmmrnn.figures.lenses.transition_memory import draw_memory
from hmmrnn.lenses.transition_memory import Memory


def words(seen: Memory) -> str:
    """The order gain of the graph, and what is missing."""
    graph = seen.graph
    gain = f"{graph.order_gain:.3f} ± {graph.order_gain_se:.1g} (chains: {graph.order_gain_null:.3f})"
    five = "".join(
        f"output {lag} steps back: {seen.accuracy[lag]:.3f} ± {seen.accuracy_se[lag]:.1g} from activity (null "
        f"{seen.accuracy_null[lag]:.2f}), {seen.naive[lag]:.3f} from the present output, {seen.bayes[lag]:.3f} from "
        "the HMM's hidden state; "
        for lag in ("5", "10")
    )
    note = f"; {seen.note}" if seen.note else ""
    return f"{five}order gain {gain} nats per step; {len(graph.share)} regions; seed {seen.seed}{note}"


VIEW = lens_view("memory", draw_memory, words)
