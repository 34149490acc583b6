"""Recurrent networks, their interventions, and the one loop that steps a network through time.

    pre_t    = W_hh h_{t-1} + W_ih x_t + b_h          x_t: noise, a given input, a constant one, or their sum
    h_t      = max(pre_t, 0)                          for the paper's ReLU cell; cells.py has the others
    logits_t = W_out h_t + b_out                      p_t = softmax(logits_t)

Weights are stored (to, from). An intervention scales rows of W_hh and W_ih, so an ablated network is
just another `Network`: no analysis needs to know that it was ablated. What holds for one kind of cell alone is asked of
the cell (`Network.kind`).

Source: Torre et al. (2025), section 2 (model) and section 5 (interventions).
"""

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from hmmrnn.model.cells import CELLS, CURRENT, LEAKS, RATE, Cell, activate, make_step
from hmmrnn.model.weight_checks import MAX_NEURONS, check_number, freeze, matrix, vector, weights_in

Floats = NDArray[np.float64]

MAX_NEURONS_PER_THREAD = 512
TARGETS = ("unit", "recurrent", "input")


class Result:
    """What a run or an analysis returns: a base of frozen dataclasses, which makes their arrays read-only."""

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Gate:
    """One gate of a cell: what opens it.

    Raises:
        ValueError: a tensor has no two dimensions (see `Network` for its sizes).
    """

    W_hh: Floats  # (N, N) recurrent weights, (to, from)
    W_ih: Floats  # (N, M) input weights
    b_h: Floats = None  # type: ignore[assignment]  # (N,) bias; zeros if None is given

    def __post_init__(self) -> None:
        freeze(self, weights_in(self.W_hh, self.W_ih, self.b_h))


@dataclass(frozen=True, eq=False)
class Network:
    """A recurrent network with N neurons, M inputs and O outputs, checked when it is made.

    All arrays are kept in double precision and read-only: the exact invariants of the model (no change of
    the output with the noise scale, for one) then hold to rounding far below anything that is shown.

    Raises:
        ValueError: a tensor has the wrong shape, holds a value that is not finite, N is above 2,048, or the cell, its
            gates or its leak are none that there are.
    """

    W_hh: Floats  # (N, N) recurrent weights, (to, from); in a gated cell, those of its candidate
    W_ih: Floats  # (N, M) input weights
    W_out: Floats  # (O, N) readout weights
    # (N,) recurrent bias; zeros if None is given.
    b_h: Floats = None  # type: ignore[assignment]  # None is replaced below
    # (O,) readout bias; zeros if None is given.
    b_out: Floats = None  # type: ignore[assignment]
    # Where it comes from (family, recipe, seed, ...), strings to strings.
    metadata: Mapping[str, str] = field(default_factory=dict)
    cell: str = "relu"  # "relu", "tanh", "linear", "gru" or "lstm"
    alpha: float = 1.0  # dt / tau of a cell without gates, above 0 and at most 1; 1: no leak
    leak: str = RATE  # how the leak enters: "rate", "total" or "current" (see cells.py)
    gates: Mapping[str, Gate] = field(default_factory=dict)  # of a gated cell, by name
    # (N,) recurrent bias of a GRU's candidate, inside its reset gate; zeros if None is given.
    b_rec: Floats = None  # type: ignore[assignment]
    W_skip: Floats | None = None  # (O, M) weights of a readout that sees the input of its step; None: it does not
    constant: Floats | None = None  # (M,) an input that enters at every step beside what is given; None: nothing does
    h0: Floats | None = None  # (N,) a start that was learned with the weights; None: none was

    def __post_init__(self) -> None:
        tensors = weights_in(self.W_hh, self.W_ih, self.b_h)
        n, m = tensors["W_ih"].shape
        W_out = matrix("W_out", self.W_out)
        if W_out.shape[1] != n:
            raise ValueError(f"W_out must have shape (O, N) with N = {n} as in W_hh; got {W_out.shape}")
        tensors |= {"W_out": W_out, "b_out": vector("b_out", self.b_out, len(W_out))}
        tensors["b_rec"] = vector("b_rec", self.b_rec, n)
        if self.W_skip is not None:
            tensors["W_skip"] = matrix("W_skip", self.W_skip)
            if tensors["W_skip"].shape != (len(W_out), m):
                raise ValueError(f"W_skip must have shape (O, M) = ({len(W_out)}, {m}); got {tensors['W_skip'].shape}")
        for name, length in (("constant", m), ("h0", n)):
            if getattr(self, name) is not None:
                tensors[name] = vector(name, getattr(self, name), length)
        freeze(self, tensors)
        _check_cell(self)
        object.__setattr__(self, "alpha", float(self.alpha))
        object.__setattr__(self, "gates", MappingProxyType({name: self.gates[name] for name in self.kind.gates}))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @classmethod
    def of_low_rank(cls, m: ArrayLike, n: ArrayLike, W_ih: ArrayLike, W_out: ArrayLike, **more: Any) -> "Network":
        """The network with W_hh = m n^T / N for vectors m and n, (N, R) each; `more` are further fields.

        Raises:
            ValueError: m and n are no matrices of one shape, or as for any network.

        Source: Mastrogiuseppe & Ostojic (2018), for low-rank networks.
        """
        left, right = matrix("m", m), matrix("n", n)
        if left.shape != right.shape:
            raise ValueError(f"m and n must both have shape (N, R); got {left.shape} and {right.shape}")
        return cls(left @ right.T / len(left), np.asarray(W_ih), np.asarray(W_out), **more)

    def __reduce__(self) -> tuple[Any, ...]:
        plain = (self.W_hh, self.W_ih, self.W_out, self.b_h, self.b_out, dict(self.metadata))
        if self.is_plain_relu and self.constant is None and self.h0 is None:
            return Network, plain
        cell = (self.cell, self.alpha, self.leak, dict(self.gates), self.b_rec, self.W_skip)
        return Network, (*plain, *cell, self.constant, self.h0)

    def __repr__(self) -> str:
        """The sizes, and where it comes from; the weights would fill pages."""
        kind = "" if self.cell == "relu" else f", cell={self.cell!r}"
        leak = f", alpha={self.alpha:g}, leak={self.leak!r}" if self.is_leaky else ""
        said = "".join(
            f", {name}={text!r}" for name, text in self.metadata.items() if name in ("family", "recipe", "seed")
        )
        return f"Network(N={self.n_neurons}, M={self.n_inputs}, O={self.n_outputs}{kind}{leak}{said})"

    @property
    def n_neurons(self) -> int:
        """N, the number of recurrent units."""
        return self.W_hh.shape[0]

    @property
    def n_inputs(self) -> int:
        """M, the number of independent noise inputs."""
        return self.W_ih.shape[1]

    @property
    def n_outputs(self) -> int:
        """O, the number of output symbols."""
        return self.W_out.shape[0]

    @property
    def n_skip(self) -> int:
        """Numbers of the state that carry what the readout sees of the input: O, or 0."""
        return 0 if self.W_skip is None else self.n_outputs

    @property
    def n_state(self) -> int:
        """S, the numbers that decide the next step: N, in an LSTM 2 N, and those of `n_skip`; h is the first N."""
        return self.kind.carries * self.n_neurons + self.n_skip

    @property
    def n_drive(self) -> int:
        """D, the numbers that enter at each step: one for each neuron and gate, and those of `n_skip`."""
        return (1 + len(self.kind.gates)) * self.n_neurons + self.n_skip

    @property
    def products_per_step(self) -> int:
        """Products of a weight and a number in one step: N (N + M), and as many for each gate."""
        return self.n_neurons * (self.n_neurons + self.n_inputs) * (1 + len(self.gates))

    @property
    def kind(self) -> Cell:
        """What is true of its kind of cell."""
        return CELLS[self.cell]

    @property
    def is_leaky(self) -> bool:
        """Whether its cell leaks, or reads out f(h) instead of h."""
        return self.alpha != 1 or self.leak == CURRENT

    @property
    def is_plain_relu(self) -> bool:
        """Whether it is a network of the paper's kind: h' = max(W h + d, 0), read out by W_out h + b_out."""
        return self.cell == "relu" and not self.is_leaky and self.W_skip is None

    @property
    def has_bias(self) -> bool:
        """Whether any bias differs from zero."""
        biases = (self.b_h, self.b_out, self.b_rec, *(gate.b_h for gate in self.gates.values()))
        return any(bool(bias.any()) for bias in biases)

    @property
    def scales_with_noise(self) -> bool:
        """Whether noise that is scaled scales the whole trajectory from h0 = 0, exactly."""
        return self.kind.homogeneous and not self.has_bias and self.constant is None

    @cached_property
    def drive_bias(self) -> Floats:
        """(D,) the drive without noise: the biases, and what the constant input gives."""
        return self.bias if self.constant is None else self.bias + self.input_weights @ self.constant

    @cached_property
    def bias(self) -> Floats:
        """(D,) the drive without any input."""
        if self.n_drive == self.n_neurons:
            return self.b_h
        return np.concatenate([self.b_h, *(gate.b_h for gate in self.gates.values()), np.zeros(self.n_skip)])

    @cached_property
    def input_weights(self) -> Floats:
        """(D, M) weights by which inputs enter the drive."""
        if self.n_drive == self.n_neurons:
            return self.W_ih
        skip = [] if self.W_skip is None else [self.W_skip]
        return np.concatenate([self.W_ih, *(gate.W_ih for gate in self.gates.values()), *skip])

    def drive(self, noise: Floats) -> Floats:
        """(..., D) everything that enters the cell from outside, W_ih (x + c) + b_h, for x (..., M) and the constant c.

        Gates have blocks of their own behind that of the candidate, (N,) each. In the precision of the noise.
        """
        weights, bias = (array.astype(_precision(noise), copy=False) for array in (self.input_weights, self.drive_bias))
        found: Floats = noise @ weights.T
        found += bias
        return found

    def rates(self, h: Floats) -> Floats:
        """(..., N) what neurons with activity h send on: h itself, or f(h) where h are currents."""
        return activate(self.cell, h) if self.leak == CURRENT else h

    def drive_columns(self, neurons: Iterable[int]) -> list[int]:
        """The columns of the drive that reach some neurons: the candidate's, and those of their gates."""
        blocks = range(1 + len(self.kind.gates))
        return [block * self.n_neurons + int(i) for block in blocks for i in neurons]

    def logits(self, state: Floats) -> Floats:
        """(..., O) readout of states (..., S), or of activity (..., N), before the softmax.

        Raises:
            ValueError: the readout sees the input, and what is given is activity alone.
        """
        n, skip = self.n_neurons, self.n_skip
        if skip and state.shape[-1] != self.n_state:
            raise ValueError(f"the readout sees the input: give states (..., {self.n_state}); got {state.shape}")
        h = state[..., :n]
        # A run that diverged has infinite activity; its logits mean nothing and need no warning.
        with np.errstate(over="ignore", invalid="ignore"):
            # In single precision without a copy of them in double.
            logits = self.rates(h) @ self.W_out.T.astype(_precision(h), copy=False) + self.b_out
            return logits + state[..., -skip:] if skip else logits


def _check_cell(network: Network) -> None:
    """Check that a network's cell is one that there is, with the gates and the leak that it can have."""
    if network.cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS)}; got {network.cell!r}")
    if network.leak not in LEAKS:
        raise ValueError(f"leak must be one of {', '.join(LEAKS)}; got {network.leak!r}")
    check_number("alpha", network.alpha)
    if not 0 < network.alpha <= 1:
        raise ValueError(f"alpha = dt / tau must be above 0 and at most 1; got {network.alpha:g}")
    kind, words = CELLS[network.cell], ", ".join
    if kind.is_gated and network.is_leaky:
        raise ValueError(f"a {network.cell} has gates instead of a leak: alpha must be 1 and leak {RATE!r}")
    if set(network.gates) != set(kind.gates):
        wanted, given = words(kind.gates) or "none", words(network.gates) or "none"
        raise ValueError(f"the gates of a {network.cell} are {wanted}; got {given}")
    for name, gate in network.gates.items():
        for tensor in ("W_hh", "W_ih"):
            here, there = getattr(gate, tensor).shape, getattr(network, tensor).shape
            if here != there:
                raise ValueError(f"{tensor} of gate {name} must have shape {there} as in the candidate; got {here}")


class Rollout(NamedTuple):
    """The arrays of a run, where row t belongs to step t + 1 after h0."""

    pre_activation: Floats  # (B, T, N)
    h: Floats  # (B, T, N)
    state: Floats  # (B, T, S) what a further run goes on from; the same as h where S = N


def rollout(network: Network, drive: Floats, h0: Floats) -> Rollout:
    """Step a network from a state h0 (B, S) under a drive (B, T, D). This is the only place where h is stepped.

    S and D are N for a cell without gates or memory (see `Network.n_state` and `Network.n_drive`). The steps are in the
    precision of the drive: single for pictures of large networks, double for all that is counted.

    Returns:
        pre_activation and h, (B, T, N), and the state, (B, T, S). Values that grow beyond what a float holds become inf
        or NaN; the caller must check for them (see `simulation.first_divergence`).

    Raises:
        ValueError: drive and h0 do not fit each other or the network.
    """
    n, width, entering = network.n_neurons, network.n_state, network.n_drive
    if drive.ndim != 3 or drive.shape[2] != entering or h0.shape != (drive.shape[0], width):
        raise ValueError(
            f"drive must have shape (B, T, {entering}) and h0 (B, {width}); got {drive.shape} and {h0.shape}"
        )
    batch, steps, _ = drive.shape
    # Time runs first in memory, so that each step reads and writes one contiguous block.
    precision = _precision(drive)
    pre_activation = np.empty((steps, batch, n), dtype=precision)
    path = np.empty((steps, batch, width), dtype=precision)
    core, reached = width - network.n_skip, entering - network.n_skip
    step = make_step(network, precision is np.float32)
    state = np.ascontiguousarray(h0, dtype=precision)
    with few_threads(network), np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            step(state[:, :core], drive[:, t, :reached], pre_activation[t], path[t, :, :core])
            path[t, :, core:] = drive[:, t, reached:]
            state = path[t]
    found = path.swapaxes(0, 1)
    return Rollout(pre_activation.swapaxes(0, 1), found if width == n else found[..., :n], found)


def _precision(array: Floats) -> type[np.floating]:
    """Single precision for what is in it, double for everything else."""
    return np.float32 if array.dtype == np.float32 else np.float64


def few_threads(network: Network) -> AbstractContextManager[Any]:
    """Keep BLAS to one thread while a network of up to 512 neurons is stepped.

    The product of one step is so small that a second thread gains little on an idle machine, and on a busy one the
    threads spin waiting for each other: thirty times slower was seen.
    """
    if network.n_neurons > MAX_NEURONS_PER_THREAD:
        return nullcontext()
    return _blas().limit(limits=1, user_api="blas")


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


@dataclass(frozen=True)
class Intervention:
    """Scale what reaches a set of neurons by mu: 0 silences, 1 changes nothing, 2 doubles.

    Raises:
        ValueError: mu is negative or not finite, the target is unknown, or a neuron is negative or named twice, or more
            are named than any network has.
    """

    neurons: tuple[int, ...]  # indices of the neurons, each once
    mu: float = 0.0  # the gain, finite and >= 0
    # "unit" scales the rows of W_hh and W_ih and the bias (mu = 0: the neuron is silent for good); "recurrent" scales
    # the rows of W_hh only (the noise input stays); "input" scales the rows of W_ih only.
    target: str = "unit"

    def __post_init__(self) -> None:
        given = np.atleast_1d(np.asarray(self.neurons))
        if given.ndim != 1 or (given.size and not np.issubdtype(given.dtype, np.integer)):
            raise ValueError(f"neurons must be whole numbers; got {reprlib.repr(self.neurons)}")
        # Before anything that takes longer than reading them.
        if given.size > MAX_NEURONS:
            raise ValueError(f"at most {MAX_NEURONS:,} neurons may be named; got {given.size:,}")
        neurons = tuple(given.tolist())
        if given.size and given.min() < 0:
            raise ValueError(f"neurons must be >= 0; got {given.min()}")
        if len(set(neurons)) != len(neurons):
            twice = Counter(neurons).most_common(1)[0][0]
            raise ValueError(f"each neuron may be named once; got {twice} more than once")
        check_number("mu", self.mu)
        if not np.isfinite(self.mu) or self.mu < 0:
            raise ValueError(f"mu must be >= 0; got {self.mu:g}")
        if self.target not in TARGETS:
            raise ValueError(f"target must be one of {', '.join(TARGETS)}; got {self.target!r}")
        object.__setattr__(self, "neurons", neurons)
        object.__setattr__(self, "mu", float(self.mu))


def intervene(network: Network, *interventions: Intervention | Iterable[Intervention]) -> Network:
    """Fold interventions into the weights and return the network that results.

    Gains of a neuron that is named by several interventions multiply. In a gated cell they scale what reaches the gates
    of a neuron as well. With mu = 1 the weights are the same bit for bit, and the Jacobian of the returned network is
    that of the intervened dynamics. A leak and the memory of a gated cell stay: there a silenced neuron decays to zero.

    Raises:
        ValueError: a neuron index is beyond the network.
    """
    recurrent, inputs, bias = gains_of(network, *interventions)

    def scaled(of: Network | Gate) -> dict[str, Any]:
        found = {"W_hh": of.W_hh * recurrent[:, None], "W_ih": of.W_ih * inputs[:, None], "b_h": of.b_h * bias}
        for array in found.values():
            array.setflags(write=False)
        return found

    gates = {name: Gate(**scaled(gate)) for name, gate in network.gates.items()}
    return replace(network, **scaled(network), gates=gates, b_rec=network.b_rec * bias)


def gains_of(network: Network, *interventions: Intervention | Iterable[Intervention]) -> tuple[Floats, Floats, Floats]:
    """(N,) gains of what reaches each neuron: through recurrent weights, through input weights, and from its bias.

    Raises:
        ValueError: a neuron index is beyond the network.
    """
    recurrent, inputs, bias = (np.ones(network.n_neurons) for _ in range(3))
    for item in _flat(interventions):
        rows = list(item.neurons)
        check_exists("neuron", rows, network.n_neurons)
        if item.target in ("unit", "recurrent"):
            recurrent[rows] *= item.mu
        if item.target in ("unit", "input"):
            inputs[rows] *= item.mu
        if item.target == "unit":
            bias[rows] *= item.mu
    return recurrent, inputs, bias


def check_exists(what: str, named: Iterable[int], count: int, where: str = "this network") -> None:
    """Raise ValueError if one of the named neurons or outputs is beyond a network that has so many."""
    furthest = max(named, default=0)
    if furthest >= count:
        raise ValueError(f"{what} {furthest} does not exist: {where} has {count}, numbered 0 to {count - 1}")


def _flat(interventions: Iterable[Intervention | Iterable[Intervention]]) -> Iterable[Intervention]:
    for item in interventions:
        if isinstance(item, Intervention):
            yield item
        elif isinstance(item, Iterable) and not isinstance(item, str):
            yield from _flat(item)
        else:
            raise ValueError(f"an intervention must be an Intervention(neurons, mu, target); got {item!r}")
