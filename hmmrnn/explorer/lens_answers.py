"""Lenses on a scenario: the network as it is now, and beside it the intact one.

A lens runs a network under noise of sigma = 1: under another sigma, the network that does the same there. The seed is
that of the scenario, the plane that of the intact network. What a lens sees of the intact network is kept, and computed
once for all interventions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hmmrnn.analysis.numerics import ProgressCallback, no_progress, progress_part
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored, kept
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.lenses.catalog import LENSES, Groups, Lens, lens_named
from hmmrnn.model.inputs import with_sigma


@dataclass(frozen=True, eq=False)
class LensAnswer:
    """What a lens sees of a scenario."""

    now: Any  # the result for the network as it is now
    intact: Any | None  # that for the intact network; None where nothing is intervened upon


def experiment_of(lens: Lens) -> str:
    """The id of the experiment, and of the view that shows it."""
    return f"lens-{lens.id}"


EXPERIMENT_IDS = {experiment_of(lens): lens.id for lens in LENSES}


def seen_by_lens(scenario: Scenario) -> Scenario:
    """The network as it is now, its noise, and the pair of outputs whose plane is seen."""
    now = scenario.simulated.interventions
    return scenario.alone(sigma=scenario.sigma, seed=scenario.seed, interventions=now, pair=scenario.pair)


def look_through(explored: Explored, lens: str, on_progress: ProgressCallback = no_progress) -> LensAnswer:
    """Look at a scenario through a lens.

    Raises:
        ValueError: the network has nothing that the lens could measure.
    """
    if not explored.scenario.interventions:
        return LensAnswer(lens_of(explored, lens, on_progress=on_progress), None)
    intact = lens_of(explored.intact, lens, on_progress=progress_part(on_progress, 0.0, 0.5))
    return LensAnswer(lens_of(explored, lens, on_progress=progress_part(on_progress, 0.5, 1.0)), intact)


@kept(seen_by_lens)
def lens_of(explored: Explored, lens: str, on_progress: ProgressCallback = no_progress) -> Any:
    """What one lens sees of the network as it is now."""
    one, parts = lens_named(lens), (0.0, 0.0)
    plane = queries.plane_of(explored) if "plane" in one.takes else None
    groups = None
    if "groups" in one.takes:
        parts = (0.0, 0.4)
        groups = groups_of(explored, progress_part(on_progress, *parts))
    rest = progress_part(on_progress, parts[1], 1.0)
    of = explored.scenario
    return one.look(with_sigma(explored.now, of.sigma), of.seed, plane, groups, rest)


def groups_of(explored: Explored, on_progress: ProgressCallback) -> Groups | None:
    """The populations of the intact network by name; None for a network without kick neurons."""
    kick = queries.kick_neurons_of(explored, on_progress=on_progress)
    if not kick.all_members:
        return None
    return queries.populations_of(explored).named()
