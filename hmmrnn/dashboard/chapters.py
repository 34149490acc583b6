"""The list of views, by chapters in the order of the paper's argument: each chapter a path, a claim, and its views.

Layout, answers and what the page's scripts know are made from this list. A view may be in several chapters; its card is
one and the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hmmrnn.dashboard.pages.connectivity import block_means, connectivity
from hmmrnn.dashboard.pages.dynamics import noise, orbit, readout, state_space
from hmmrnn.dashboard.pages.emergence import emergence, formation
from hmmrnn.dashboard.pages.emulation import fidelity, hmm_graph
from hmmrnn.dashboard.pages.interventions import ablation, gain_sweep, numbers
from hmmrnn.dashboard.pages.kick_neurons import activity, evidence, leave_rate_theory, neuron_table, switch_triggered
from hmmrnn.dashboard.pages.lenses import (
    belief,
    current,
    effects,
    halves,
    memory,
    messages,
    potential,
    rank,
    recovered,
    sparse,
    timescales,
)
from hmmrnn.dashboard.pages.live import live
from hmmrnn.dashboard.pages.regions import region_map, spectrum
from hmmrnn.dashboard.pages.report import about, claims, report
from hmmrnn.dashboard.view import View

Width = Literal["half", "whole"]
HALF: Width = "half"
WHOLE: Width = "whole"


@dataclass(frozen=True)
class Chapter:
    """A chapter of the argument.

    Attributes:
        id: short and stable.
        title: in the row of chapters.
        path: its address.
        claim: what the paper says, in one sentence.
        views: in their order, each with the width of its card.
        sections: of the report, whose claims and verdicts stand beside it.
    """

    id: str
    title: str
    path: str
    claim: str
    views: tuple[tuple[View, Width], ...]
    sections: tuple[str, ...] = ()


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "start",
        "Start",
        "/start",
        "Noise builds up in a slow cluster, a few kick neurons cross zero, and the state is thrown to the next one.",
        ((claims.VIEW, WHOLE), (state_space.VIEW, HALF), (about.VIEW, HALF)),
    ),
    Chapter(
        "emulation",
        "1 Emulation",
        "/emulation",
        "Driven by noise alone, the network emits what its Hidden Markov Model emits.",
        ((hmm_graph.VIEW, WHOLE), (fidelity.VIEW, WHOLE)),
        ("fidelity",),
    ),
    Chapter(
        "dynamics",
        "2 Dynamics",
        "/dynamics",
        "Without noise the activity ends in one fixed point; noise keeps it on a closed orbit.",
        ((state_space.VIEW, HALF), (orbit.VIEW, HALF), (noise.VIEW, WHOLE), (readout.VIEW, WHOLE)),
        ("fixed-point", "orbit", "readout"),
    ),
    Chapter(
        "regions",
        "3 Regions",
        "/regions",
        "The orbit has slow clusters, kick zones and fast transitions, which differ in how they grow.",
        ((region_map.VIEW, WHOLE), (spectrum.VIEW, WHOLE)),
        ("regions", "sensitivity"),
    ),
    Chapter(
        "kick-neurons",
        "4 Kick neurons",
        "/kick-neurons",
        "Each exit out of a cluster is taken when a few kick neurons cross zero; without them it is hardly taken.",
        (
            (switch_triggered.VIEW, WHOLE),
            (evidence.VIEW, WHOLE),
            (leave_rate_theory.VIEW, WHOLE),
            (activity.VIEW, WHOLE),
            (neuron_table.VIEW, WHOLE),
        ),
        ("kick",),
    ),
    Chapter(
        "connectivity",
        "5 Connectivity",
        "/connectivity",
        "Noise-integrating populations excite one group of kick neurons and inhibit the others.",
        ((block_means.VIEW, WHOLE), (connectivity.VIEW, WHOLE)),
        ("connectivity",),
    ),
    Chapter(
        "interventions",
        "6 Interventions",
        "/interventions",
        "Scaling the input of the kick neurons turns switching down, and silencing them traps the state.",
        ((state_space.VIEW, HALF), (orbit.VIEW, HALF), (gain_sweep.VIEW, WHOLE), (ablation.VIEW, WHOLE)),
        ("interventions",),
    ),
    Chapter(
        "emergence",
        "7 Emergence",
        "/emergence",
        "In training the orbit opens after a plateau, and the mechanism forms with it.",
        ((emergence.VIEW, WHOLE), (formation.VIEW, WHOLE)),
        ("emergence",),
    ),
    Chapter(
        "lenses",
        "Lenses",
        "/lenses",
        "The same network on the same moments, seen through the central analyses of neighbouring papers.",
        (
            (current.VIEW, WHOLE),
            (messages.VIEW, WHOLE),
            (potential.VIEW, WHOLE),
            (halves.VIEW, WHOLE),
            (rank.VIEW, WHOLE),
            (memory.VIEW, WHOLE),
            (recovered.VIEW, WHOLE),
            (belief.VIEW, WHOLE),
            (timescales.VIEW, WHOLE),
            (effects.VIEW, WHOLE),
            (sparse.VIEW, WHOLE),
        ),
    ),
    Chapter(
        "reports",
        "Report",
        "/reports",
        "The whole argument about the network as it is now, on one page that opens without this server.",
        ((report.VIEW, WHOLE),),
    ),
    Chapter(
        "bench",
        "Bench",
        "/bench",
        "The linked views beside each other: silence a neuron anywhere, and see what it does everywhere.",
        (
            (state_space.VIEW, HALF),
            (region_map.VIEW, HALF),
            (orbit.VIEW, HALF),
            (connectivity.VIEW, HALF),
            (neuron_table.VIEW, WHOLE),
        ),
    ),
)


def shown_views() -> tuple[View, ...]:
    """All views of all chapters, each once, in the order in which they come first."""
    return tuple(dict.fromkeys(view for chapter in CHAPTERS for view, _ in chapter.views))


def views_by_id() -> dict[str, View]:
    """Every view of the page by its id: those of the chapters, and those that are always there."""
    return {view.id: view for view in (*shown_views(), numbers.VIEW, live.VIEW)}
