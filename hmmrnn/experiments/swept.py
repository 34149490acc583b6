"""Whose gain is worth turning? The populations that the paper scales, by name."""

from __future__ import annotations

from typing import NamedTuple

from hmmrnn.kick import KickNeurons
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, Populations


class Swept(NamedTuple):
    """A population whose gain is swept, and what of it is scaled.

    Attributes:
        name: of the population, in words.
        role: KICK, INTEGRATING or CONTROL.
        output: the output that it leaves or integrates noise for; -1 for control.
        neurons: the population.
        target: as in `Intervention`.
    """

    name: str
    role: str
    output: int
    neurons: tuple[int, ...]
    target: str


def swept_populations(found: KickNeurons, roles: Populations) -> tuple[Swept, ...]:
    """Kick neurons (their recurrent weights), integrating populations (their noise) and the control (both).

    None of them where no neuron has the profile of a kick neuron. Source: Torre et al. (2025), section 5.
    """
    outputs = [a for a in dict.fromkeys(group.output for group in found.groups) if found.members(a)]
    kicks = [Swept(f"kick neurons of output {a}", KICK, a, found.members(a), "recurrent") for a in outputs]
    integrating = [
        Swept(f"integrating population of output {a}", INTEGRATING, a, roles.members(INTEGRATING, a), "input")
        for a in outputs
    ]
    control = [Swept("control population", CONTROL, -1, roles.members(CONTROL), "unit")] if outputs else []
    return tuple(one for one in (*kicks, *integrating, *control) if one.neurons)
