"""Networks whose behaviour is known because it was built in: random, coincidence, planted kick circuit, none at all.

The planted circuits are the oracles of the analyses: what is to be found in them is written down beside the weights.
`tests/analysis/test_planted_networks.py` proves by simulation that they do what they say.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_neurons import AlternativeTest, KickGroup
from hmmrnn.model.cells import CELLS
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Gate, Network

Pair = tuple[int, int]

# planted_switch: the active hold population rests at b / (1 - w_self) = 2 and silences the others, as 1 < 0.7 * 2.
HOLD_BIAS, HOLD_SELF, HOLD_RIVAL, HOLD_NOISE = 1.0, 0.5, -0.7, 0.05
# From rest, all hold populations are equal; this head start for output 0 decides the race before noise can.
HEAD_START = 0.05
INTEGRATOR_KEEP, INTEGRATOR_MEAN, INTEGRATOR_NOISE = 0.8, 2.0, 0.5
# A kick neuron reaches zero once its integrators are this far above their mean.
THRESHOLD = 0.6
KICK_SELF, KICK_FORCE, HELD_BACK, RIVAL_KICK = 0.6, 1.0, 0.4, -1.0
READOUT = 4.0
# Weights of a population differ by up to this share, so that no two neurons are copies of each other.
JITTER = 0.05


def random_network(n: int = 16, m: int = 5, o: int = 3, seed: int = 0, bias: bool = False) -> Network:
    """A network with random weights that stays bounded: ||W_hh|| = 0.95, so each step brings any two states nearer."""
    rng = np.random.default_rng(seed)
    W_hh = rng.standard_normal((n, n))
    biases = {"b_h": 0.3 * rng.standard_normal(n), "b_out": 0.3 * rng.standard_normal(o)} if bias else {}
    return Network(
        W_hh=0.95 * W_hh / np.linalg.norm(W_hh, ord=2),
        W_ih=rng.standard_normal((n, m)) / np.sqrt(m),
        W_out=rng.standard_normal((o, n)),
        **biases,
    )


def kick_group(
    output: int,
    neurons: tuple[int, ...],
    ratio: float = 0.05,
    controls: Sequence[float] = (0.9, 1.0, 1.4),
    proven: bool = True,
    to: int | None = None,
    n: int = 8,
    alternatives: tuple[AlternativeTest, ...] = (),
) -> KickGroup:
    """A kick group as detection would return it, with evidence that is made up."""
    exit_ = {"output": output, "to": to, "exit_share": 1.0 if to is None else 0.5, "leave_rate": 0.03}
    evidence = {"leave_rate_ratio": ratio, "all_exits_ratio": ratio, "control_ratios": np.array(controls, dtype=float)}
    profile = {"scores": np.zeros(n), "single_ratios": np.full(n, 0.7)}
    return KickGroup(neurons=neurons, proven=proven, alternatives=alternatives, **exit_, **evidence, **profile)


def constant_network(shares: list[float], n: int = 4, m: int = 3) -> Network:
    """A network that reads nothing out: p_t = shares at every step, whatever h does."""
    rng = np.random.default_rng(0)
    return Network(
        W_hh=0.5 * np.eye(n), W_ih=rng.standard_normal((n, m)), W_out=np.zeros((len(shares), n)), b_out=np.log(shares)
    )


def coincidence_network(both: float = 0.9, otherwise: float = 0.2) -> tuple[Network, HMM]:
    """A network of four neurons, and the HMM that it is: P(y_t = 1) depends on the signs of the last two noises.

    With s_t = 1 if x_t > 0 and else 0, two neurons make s_t = relu(G x_t) - relu(G x_t - 1), a third delays it, and the
    fourth is relu(s_{t-1} + s_{t-2} - 1), which is 1 if both are. The pair (s_{t-1}, s_{t-2}) is a Markov chain, so
    the outputs are an HMM with four states. It is exact but for the share of noise between 0 and 1 / G = 1e-4, and for
    the first three steps, in which the delays are still empty.

    Args:
        both: probability of symbol 1 when both noises were positive.
        otherwise: the same for any other pair.
    """
    G = 1e4
    rise, excess, delayed, coincidence = range(4)
    W_hh = np.zeros((4, 4))
    W_hh[delayed, [rise, excess]] = 1, -1
    W_hh[coincidence, [rise, excess, delayed]] = 1, -1, 1
    logit_both, logit_otherwise = (np.log(p / (1 - p)) for p in (both, otherwise))
    W_out = np.zeros((2, 4))
    W_out[1, coincidence] = logit_both - logit_otherwise
    network = Network(W_hh=W_hh, W_ih=[[G], [G], [0], [0]], W_out=W_out, b_h=[0, -1, 0, -1], b_out=[0, logit_otherwise])
    pairs = [(1, 1), (1, 0), (0, 1), (0, 0)]
    A = [[0.5 * (now[1] == before[0]) for now in pairs] for before in pairs]
    B = [[1 - p, p] for p in (both if pair == (1, 1) else otherwise for pair in pairs)]
    return network, HMM(A=A, B=B)


@dataclass(frozen=True, eq=False)
class PlantedSwitch:
    """A network with a planted kick circuit, and where each part of it is.

    Attributes:
        network: the network; its neurons are shuffled, so that position tells nothing.
        kick: the kick neurons of each ordered pair (from, to) of outputs.
        hold: the hold population of each output.
        integrators: the noise integrators of each pair.
        echoes: neurons with the kick neurons' very input, whose own output goes nowhere.
        idle: neurons that only noise and hold population 0 reach, and whose output goes nowhere.
    """

    network: Network
    kick: dict[Pair, tuple[int, ...]]
    hold: dict[int, tuple[int, ...]]
    integrators: dict[Pair, tuple[int, ...]]
    echoes: dict[Pair, tuple[int, ...]]
    idle: tuple[int, ...]

    def kick_of(self, output: int) -> tuple[int, ...]:
        """All planted kick neurons that end an output, whatever output follows."""
        return tuple(i for (a, _), group in self.kick.items() if a == output for i in group)

    @property
    def distractors(self) -> tuple[int, ...]:
        """All neurons that do nothing."""
        return (*(i for group in self.echoes.values() for i in group), *self.idle)


def planted_switch(
    n_outputs: int = 2,
    pairs: list[Pair] | None = None,
    hold: int = 24,
    integrators: int = 40,
    kick: int = 3,
    echoes: int = 3,
    idle: int = 24,
    seed: int = 0,
) -> PlantedSwitch:
    """A ReLU network that holds one output until a few kick neurons throw it to another, under noise.

    Means over populations, before the ReLU; for each ordered pair (a, b) of outputs one set of I, K and E:

        P_a  = 1 + 0.5 P_a - 0.7 (other P) - K_ab + K_ca + noise          holds output a: a rest at 2, others off
        I_ab = 0.8 I_ab + 0.4 - (P of outputs other than a) + noise       integrates noise while P_a alone is on
        K_ab = 0.6 K_ab + (I_ab - 2 - 0.6) + 0.4 (2 - P_a) - (other P) - (other K)
        E_ab = the input of K_ab                                          echoes: what K does, without effect
        logits_a = 4 P_a

    In a's cluster K_ab is near -0.6 or below. Once I_ab is high enough, K_ab crosses zero, weakens P_a, which held it
    back, and so grows (the pair has an eigenvalue of 1.18) until P_a is off and P_b on; P_b resets I_ab, and with it
    K_ab. All three kick neurons are needed: without one the loop gain is too low to take off often. The integrators
    are many, with a self-excitation of their own each, so that a few silenced ones change little.

    Args:
        n_outputs: O.
        pairs: the ordered pairs (from, to) that are joined; all of them if None.
        hold, integrators, kick, echoes: neurons in each population.
        idle: number of idle neurons.
        seed: seed of the order of the neurons and of the jitter of the weights.
    """
    pairs = list(permutations(range(n_outputs), 2)) if pairs is None else pairs
    sizes: dict[Hashable, int] = {("P", a): hold for a in range(n_outputs)}
    sizes |= {(kind, p): size for kind, size in (("I", integrators), ("K", kick), ("E", echoes)) for p in pairs}
    wiring = _Wiring({**sizes, "idle": idle}, n_inputs=len(pairs) + 4, seed=seed)
    own, other_inputs = dict(zip(pairs, range(len(pairs)), strict=True)), range(len(pairs), len(pairs) + 4)
    for a in range(n_outputs):
        _wire_hold(wiring, a, pairs, n_outputs)
        wiring.noise(("P", a), other_inputs, HOLD_NOISE)
    for pair in pairs:
        rivals = [c for c in range(n_outputs) if c != pair[0]]
        _wire_integrators(wiring, pair, rivals, own[pair])
        for kind in ("K", "E"):
            _wire_kick_input(wiring, (kind, pair), pair, rivals, pairs)
    wiring.connect("idle", ("P", 0), 0.3)
    wiring.noise("idle", range(len(pairs) + 4), 0.5)
    W_out = np.zeros((n_outputs, len(wiring.W_hh)))
    for a in range(n_outputs):
        W_out[a, wiring.members["P", a]] = READOUT / hold
    member = {name: tuple(int(i) for i in indices) for name, indices in wiring.members.items()}
    return PlantedSwitch(
        network=Network(W_hh=wiring.W_hh, W_ih=wiring.W_ih, W_out=W_out, b_h=wiring.b_h),
        kick={pair: member["K", pair] for pair in pairs},
        hold={a: member["P", a] for a in range(n_outputs)},
        integrators={pair: member["I", pair] for pair in pairs},
        echoes={pair: member["E", pair] for pair in pairs},
        idle=member["idle"],
    )


class _Wiring:
    """Weights of a network of named populations at shuffled positions, as they are filled in."""

    def __init__(self, sizes: dict[Hashable, int], n_inputs: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        n = sum(sizes.values())
        ends = np.cumsum(list(sizes.values()))[:-1]
        self.members: dict[Hashable, NDArray[np.int64]] = dict(
            zip(sizes, np.split(self.rng.permutation(n), ends), strict=True)
        )
        self.W_hh, self.W_ih, self.b_h = np.zeros((n, n)), np.zeros((n, n_inputs)), np.zeros(n)

    def connect(self, to: Hashable, source: Hashable, weight: float) -> None:
        """Give each neuron of `to` the mean of `source` times the weight."""
        rows, columns = self.members[to], self.members[source]
        jitter = 1 + JITTER * self.rng.uniform(-1, 1, (len(rows), len(columns)))
        self.W_hh[np.ix_(rows, columns)] += weight / len(columns) * jitter

    def noise(self, to: Hashable, inputs: range, weight: float) -> None:
        """Give each neuron of `to` random weights from some of the noise inputs."""
        rows = self.members[to]
        self.W_ih[np.ix_(rows, inputs)] = weight * self.rng.standard_normal((len(rows), len(inputs)))


def _wire_hold(wiring: _Wiring, a: int, pairs: list[Pair], n_outputs: int) -> None:
    wiring.b_h[wiring.members["P", a]] = HOLD_BIAS + (HEAD_START if a == 0 else 0)
    for c in range(n_outputs):
        wiring.connect(("P", a), ("P", c), HOLD_SELF if c == a else HOLD_RIVAL)
    for pair in pairs:
        if a in pair:
            wiring.connect(("P", a), ("K", pair), -KICK_FORCE if pair[0] == a else KICK_FORCE)


def _wire_integrators(wiring: _Wiring, pair: Pair, rivals: list[int], noise_input: int) -> None:
    members = wiring.members["I", pair]
    wiring.W_hh[members, members] = INTEGRATOR_KEEP
    wiring.b_h[members] = (1 - INTEGRATOR_KEEP) * INTEGRATOR_MEAN
    wiring.W_ih[members, noise_input] = INTEGRATOR_NOISE * (1 + JITTER * wiring.rng.uniform(-1, 1, len(members)))
    for c in rivals:
        wiring.connect(("I", pair), ("P", c), -1.0)


def _wire_kick_input(wiring: _Wiring, to: Hashable, pair: Pair, rivals: list[int], pairs: list[Pair]) -> None:
    hold_rest = HOLD_BIAS / (1 - HOLD_SELF)
    wiring.b_h[wiring.members[to]] = HELD_BACK * hold_rest - INTEGRATOR_MEAN - THRESHOLD
    wiring.connect(to, ("K", pair), KICK_SELF)
    wiring.connect(to, ("I", pair), 1.0)
    wiring.connect(to, ("P", pair[0]), -HELD_BACK)
    for c in rivals:
        wiring.connect(to, ("P", c), -1.0)
    for rival in pairs:
        if rival != pair:
            wiring.connect(to, ("K", rival), RIVAL_KICK)


def no_kick_network(n_outputs: int = 2, per_output: int = 40, shared: float = 0.5, seed: int = 0) -> Network:
    """A network that switches because many equal neurons drift: no small group is responsible for it.

    Each neuron integrates noise, and the populations of the outputs inhibit each other; each has a relay, and the
    output is the population whose relays sum higher:

        h_i     = relu(0.9 h_i - 0.3 (mean of the other populations) + noise_i)
        relay_i = relu(h_i)        one step late, so a switch is decided one step before it is seen

    Half of the variance of noise_i is the neuron's own; the other half is shared by its population, or the mean over a
    large population would not move. Every integrator of the next output has a kick neuron's profile (negative in the
    cluster, positive in the transition), and none matters: each carries one share in `per_output` of the switch.

    Args:
        n_outputs: O.
        per_output: integrators of each output; there are as many relays.
        shared: share of the noise variance that the neurons of an output have in common.
        seed: seed of the order of the neurons.
    """
    n = n_outputs * per_output
    position = np.random.default_rng(seed).permutation(2 * n)
    integrators, relays = position[:n], position[n:]
    output = np.arange(n) % n_outputs
    same = output[:, None] == np.arange(n_outputs)
    W_hh, W_ih, W_out = np.zeros((2 * n, 2 * n)), np.zeros((2 * n, n + n_outputs)), np.zeros((n_outputs, 2 * n))
    W_hh[np.ix_(integrators, integrators)] = 0.9 * np.eye(n) - 0.3 / per_output * (output[:, None] != output)
    W_hh[relays, integrators] = 1
    W_ih[integrators] = np.hstack([np.sqrt(1 - shared) * np.eye(n), np.sqrt(shared) * same])
    W_out[:, relays] = 6 / per_output * same.T
    return Network(W_hh=W_hh, W_ih=W_ih, W_out=W_out)


def network_of_cell(
    cell: str,
    n: int = 12,
    m: int = 4,
    o: int = 3,
    alpha: float = 1.0,
    leak: str = "rate",
    skip: bool = False,
    bias: bool = True,
    seed: int = 0,
) -> Network:
    """A network of any cell with random weights that stay bounded; `skip`: its readout sees the input."""
    rng = np.random.default_rng(seed)

    def enters() -> dict[str, NDArray[np.float64]]:
        W = rng.standard_normal((n, n))
        b_h = 0.3 * rng.standard_normal(n) * bias
        return {
            "W_hh": 0.95 * W / np.linalg.norm(W, ord=2),
            "W_ih": rng.standard_normal((n, m)) / np.sqrt(m),
            "b_h": b_h,
        }

    return Network(
        **enters(),
        W_out=rng.standard_normal((o, n)),
        b_out=0.3 * rng.standard_normal(o) * bias,
        cell=cell,
        alpha=alpha,
        leak=leak,
        gates={name: Gate(**enters()) for name in CELLS[cell].gates},
        b_rec=0.3 * rng.standard_normal(n) * bias if cell == "gru" else None,
        W_skip=rng.standard_normal((o, m)) if skip else None,
    )
