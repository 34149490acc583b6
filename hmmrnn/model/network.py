"""ReLU networks, their interventions, and the one loop that steps a network through time.

    pre_t    = W_hh h_{t-1} + W_ih x_t + b_h          x_t: noise, the only input
    h_t      = max(pre_t, 0)
    logits_t = W_out h_t + b_out                      p_t = softmax(logits_t)

Weights are stored (to, from). An intervention scales rows of W_hh and W_ih, so an ablated network is
just another `Network`: no analysis needs to know that it was ablated.

Source: Torre et al. (2025), section 2 (model) and section 5 (interventions).
"""

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

Floats = NDArray[np.float64]

MAX_NEURONS = 2048
MAX_NEURONS_PER_THREAD = 512
TARGETS = ("unit", "recurrent", "input")


class Result:
    """What a run or an analysis returns: a base of frozen dataclasses, which makes their arrays read-only."""

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Network:
    """A ReLU network with N neurons, M noise inputs and O outputs, checked when it is made.

    All arrays are kept in double precision and read-only: the exact invariants of the model (no change of
    the output with the noise scale, for one) then hold to rounding far below anything that is shown.

    Raises:
        ValueError: a tensor has the wrong shape, holds a value that is not finite, or N is above 2,048.
    """

    W_hh: Floats  # (N, N) recurrent weights, (to, from)
    W_ih: Floats  # (N, M) input weights
    W_out: Floats  # (O, N) readout weights
    # (N,) recurrent bias; zeros if None is given.
    b_h: Floats = None  # type: ignore[assignment]  # None is replaced below
    # (O,) readout bias; zeros if None is given.
    b_out: Floats = None  # type: ignore[assignment]
    # Where it comes from (family, recipe, seed, ...), strings to strings.
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        W_hh = _matrix("W_hh", self.W_hh)
        n = len(W_hh)
        if W_hh.shape != (n, n):
            raise ValueError(f"W_hh must be square (N, N); got {W_hh.shape}")
        if n > MAX_NEURONS:
            raise ValueError(f"at most {MAX_NEURONS:,} neurons are supported; got N = {n:,}")
        W_ih, W_out = _matrix("W_ih", self.W_ih), _matrix("W_out", self.W_out)
        if len(W_ih) != n:
            raise ValueError(f"W_ih must have shape (N, M) with N = {n} as in W_hh; got {W_ih.shape}")
        if W_out.shape[1] != n:
            raise ValueError(f"W_out must have shape (O, N) with N = {n} as in W_hh; got {W_out.shape}")
        arrays = {
            "W_hh": W_hh,
            "W_ih": W_ih,
            "W_out": W_out,
            "b_h": _vector("b_h", self.b_h, n),
            "b_out": _vector("b_out", self.b_out, len(W_out)),
        }
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(
                    f"{name} must be finite; got {np.count_nonzero(~np.isfinite(array)):,} NaN or infinite values"
                )
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Network, (self.W_hh, self.W_ih, self.W_out, self.b_h, self.b_out, dict(self.metadata))

    def __repr__(self) -> str:
        """The sizes, and where it comes from; the weights would fill pages."""
        said = "".join(
            f", {name}={text!r}" for name, text in self.metadata.items() if name in ("family", "recipe", "seed")
        )
        return f"Network(N={self.n_neurons}, M={self.n_inputs}, O={self.n_outputs}{said})"

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
    def has_bias(self) -> bool:
        """Whether any bias differs from zero; without one, the dynamics scale exactly with the noise."""
        return bool(self.b_h.any() or self.b_out.any())

    def drive(self, noise: Floats) -> Floats:
        """(..., N) everything that enters the neurons from outside, W_ih x + b_h, for noise x (..., M)."""
        return noise @ self.W_ih.T + self.b_h

    def logits(self, h: Floats) -> Floats:
        """(..., O) readout of activity h (..., N), before the softmax."""
        # A run that diverged has infinite activity; its logits mean nothing and need no warning.
        with np.errstate(over="ignore", invalid="ignore"):
            return h @ self.W_out.T + self.b_out


class Rollout(NamedTuple):
    """Both arrays of a run, (B, T, N), where row t belongs to step t + 1 after h0."""

    pre_activation: Floats
    h: Floats


def rollout(network: Network, drive: Floats, h0: Floats) -> Rollout:
    """Step a network from h0 (B, N) under a drive (B, T, N). This is the only place in Python where h is stepped.

    Returns:
        pre_activation and h, each (B, T, N). Values that grow beyond what a float holds become inf or NaN;
        the caller must check for them (see `simulation.first_divergence`).

    Raises:
        ValueError: drive and h0 do not fit each other or the network.
    """
    n = network.n_neurons
    if drive.ndim != 3 or drive.shape[2] != n or h0.shape != (drive.shape[0], n):
        raise ValueError(f"drive must have shape (B, T, {n}) and h0 (B, {n}); got {drive.shape} and {h0.shape}")
    batch, steps, _ = drive.shape
    # Time runs first in memory, so that each step reads and writes one contiguous block.
    pre_activation = np.empty((steps, batch, n))
    h = np.empty((steps, batch, n))
    W = np.ascontiguousarray(network.W_hh.T)
    state = np.ascontiguousarray(h0, dtype=np.float64)
    with few_threads(network), np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            np.matmul(state, W, out=pre_activation[t])
            pre_activation[t] += drive[:, t]
            state = np.maximum(pre_activation[t], 0.0, out=h[t])
    return Rollout(pre_activation.swapaxes(0, 1), h.swapaxes(0, 1))


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
        if not np.isfinite(self.mu) or self.mu < 0:
            raise ValueError(f"mu must be >= 0; got {self.mu:g}")
        if self.target not in TARGETS:
            raise ValueError(f"target must be one of {', '.join(TARGETS)}; got {self.target!r}")
        object.__setattr__(self, "neurons", neurons)
        object.__setattr__(self, "mu", float(self.mu))


def intervene(network: Network, *interventions: Intervention | Iterable[Intervention]) -> Network:
    """Fold interventions into the weights and return the network that results.

    Gains of a neuron that is named by several interventions multiply. With mu = 1 the weights are the same bit
    for bit, and J = diag(pre > 0) W_hh of the returned network is the exact Jacobian of the intervened dynamics.

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
    return Network(
        W_hh=network.W_hh * recurrent[:, None],
        W_ih=network.W_ih * inputs[:, None],
        W_out=network.W_out,
        b_h=network.b_h * bias,
        b_out=network.b_out,
        metadata=network.metadata,
    )


def check_exists(what: str, named: Iterable[int], count: int, where: str = "this network") -> None:
    """Raise ValueError if one of the named neurons or outputs is beyond a network that has so many."""
    furthest = max(named, default=0)
    if furthest >= count:
        raise ValueError(f"{what} {furthest} does not exist: {where} has {count}, numbered 0 to {count - 1}")


def _flat(interventions: Iterable[Intervention | Iterable[Intervention]]) -> Iterable[Intervention]:
    for item in interventions:
        if isinstance(item, Intervention):
            yield item
        else:
            yield from item


def _matrix(name: str, values: ArrayLike) -> Floats:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be a matrix with two dimensions; got shape {array.shape}")
    return array


def _vector(name: str, values: ArrayLike | None, length: int) -> Floats:
    array = np.zeros(length) if values is None else np.array(values, dtype=np.float64)
    if array.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},); got {array.shape}")
    return array
