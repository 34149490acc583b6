"""Results of lenses to draw, of small planted networks."""

from __future__ import annotations

from functools import cache

from hmmrnn.lenses.group_messages import GroupMessages, messages
from hmmrnn.lenses.potential_barriers import Potential, potential
from hmmrnn.lenses.rank_truncation import RankTruncation, rank
from hmmrnn.lenses.weight_halves import WeightHalves, halves
from hmmrnn.model.network import Intervention, Network, intervene
from tests.networks import planted_switch

SWITCH = planted_switch(hold=4, integrators=6, kick=2, echoes=1, idle=2)
GROUPS = {"kick 0": SWITCH.kick_of(0), "kick 1": SWITCH.kick_of(1), "hold 0": SWITCH.hold[0]}


def network(intact: bool) -> Network:
    return SWITCH.network if intact else intervene(SWITCH.network, Intervention(SWITCH.kick_of(0)))


@cache
def message_result(intact: bool) -> GroupMessages:
    return messages(network(intact), groups=GROUPS)


@cache
def potential_result(intact: bool) -> Potential:
    return potential(network(intact))


@cache
def halves_result(intact: bool) -> WeightHalves:
    return halves(network(intact), groups=GROUPS)


@cache
def rank_result(intact: bool) -> RankTruncation:
    return rank(network(intact))
