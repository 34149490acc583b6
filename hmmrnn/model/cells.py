"""Recurrent cells: how one step makes the next state out of the last one, and the exact Jacobian of that step.

With the drive d = W_ih x + b and one block of it for each gate:

    relu, tanh, linear     f = max(., 0), tanh, identity; how a leak alpha = dt / tau enters is the convention
      leak "rate"          h' = (1 - alpha) h + alpha f(W h + d)            f inside the leak
      leak "total"         h' = f((1 - alpha) h + alpha (W h + d))          f outside the leak
      leak "current"       h' = (1 - alpha) h + alpha (W f(h) + d)          h are currents, and f(h) is read out
    gru    r = s(W_r h + d_r)   z = s(W_z h + d_z)   n = tanh(d_n + r (W h + b_rec))   h' = (1 - z) n + z h
    lstm   i, f, o = s(W_. h + d_.)   g = tanh(W h + d)   c' = f c + i g   h' = o tanh(c')

with s the logistic function. The state of all but the LSTM is h; its state is (h, c). A readout that sees the input
adds its share of the logits, W_skip x, to the state, which carries it for one step.

`Network` holds the weights; the time loop is `network.rollout`.

Source: torch.nn.RNN, GRU and LSTM (equations and order of the gates); Dubreuil et al. (2022) for currents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hmmrnn.model.network import Network

Floats = NDArray[np.float64]
# Takes a state (B, S) and a drive (B, D), and writes the pre-activation (B, N) and the next state (B, S).
Step = Callable[[Floats, Floats, Floats, Floats], Any]

RATE, TOTAL, CURRENT = "rate", "total", "current"
LEAKS = (RATE, TOTAL, CURRENT)
# Of so few rows a product with a large matrix is quicker row by row: BLAS would copy the matrix first.
FEW_ROWS, LARGE = 4, 750


@dataclass(frozen=True)
class Cell:
    """What is true of a kind of cell, whatever its weights."""

    name: str
    gates: tuple[str, ...] = ()  # its gates, in the order of their blocks in the drive, after the candidate's
    carries: int = 1  # arrays of N numbers in its state
    # Whether it is linear between kinks, so that each of its regions has one Jacobian.
    piecewise_linear: bool = False
    # Whether f(s x) = s f(x) for s > 0: without biases, the trajectory then scales with the noise.
    homogeneous: bool = False
    # Whether a neuron below zero is silent, so that crossing zero is what switches it on.
    rectified: bool = False

    @property
    def is_gated(self) -> bool:
        """Whether gates decide how much of the state is kept."""
        return bool(self.gates)

    @property
    def words(self) -> str:
        """The kind in words, for sentences."""
        return {"relu": "ReLU", "gru": "GRU", "lstm": "LSTM"}.get(self.name, self.name)


CELLS = {
    cell.name: cell
    for cell in (
        Cell("relu", piecewise_linear=True, homogeneous=True, rectified=True),
        Cell("tanh"),
        Cell("linear", piecewise_linear=True, homogeneous=True),
        Cell("gru", gates=("reset", "update")),
        Cell("lstm", gates=("input", "forget", "output"), carries=2),
    )
}


def activate(name: str, x: Floats, out: Floats | None = None) -> Floats:
    """The activation function f of a cell without gates, or of the candidate of one with gates."""
    if name == "relu":
        return np.maximum(x, 0.0, out=out)
    if name == "linear":
        return np.positive(x, out=out)
    return np.tanh(x, out=out)


def slope(name: str, x: Floats) -> Floats:
    """The derivative of f; at a kink, that of the silent side."""
    if name == "relu":
        return (x > 0).astype(np.float64)
    if name == "linear":
        return np.ones_like(x)
    return 1 - np.tanh(x) ** 2


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), safe for large values."""
    return 0.5 * (1 + np.tanh(0.5 * x))


# ---- one step ----


def make_step(network: Network, single: bool = False) -> Step:
    """The step of a network's cell, in single or double precision, with its weights laid out for the time loop."""
    precision: type[np.floating] = np.float32 if single else np.float64
    if network.cell == "gru":
        return _gru_step(network, _recurrent(network, precision))
    if network.cell == "lstm":
        return _lstm_step(network, _recurrent(network, precision))
    W: Floats = np.ascontiguousarray(network.W_hh.T, dtype=precision)
    return _leaky_step(network, W) if network.is_leaky else _plain_step(network, W)


def multiply(state: Floats, W: Floats, out: Floats | None = None) -> Floats:
    """The product of states (B, N) and weights (N, G N)."""
    if W.dtype != np.float32 or len(W) <= LARGE or len(state) > FEW_ROWS:
        return np.matmul(state, W, out=out)
    found = np.empty((len(state), W.shape[1]), dtype=W.dtype) if out is None else out
    for row, product in zip(state, found, strict=True):
        np.dot(row, W, out=product)
    return found


def _plain_step(network: Network, W: Floats) -> Step:
    name = network.cell

    def step(state: Floats, drive: Floats, pre: Floats, out: Floats) -> None:
        multiply(state, W, pre)
        pre += drive
        activate(name, pre, out)

    return step


def _leaky_step(network: Network, W: Floats) -> Step:
    name, alpha, leak = network.cell, network.alpha, network.leak

    def step(state: Floats, drive: Floats, pre: Floats, out: Floats) -> None:
        np.matmul(activate(name, state) if leak == CURRENT else state, W, out=pre)
        pre += drive
        if leak == RATE:
            out[...] = (1 - alpha) * state + alpha * activate(name, pre)
            return
        pre *= alpha
        pre += (1 - alpha) * state
        out[...] = activate(name, pre) if leak == TOTAL else pre

    return step


def _gru_step(network: Network, W: Floats) -> Step:
    n, b_rec = network.n_neurons, network.b_rec.astype(W.dtype, copy=False)

    def step(state: Floats, drive: Floats, pre: Floats, out: Floats) -> None:
        back = multiply(state, W)
        reset, update = np.split(logistic(back[:, n:] + drive[:, n:]), 2, axis=1)
        np.multiply(reset, back[:, :n] + b_rec, out=pre)
        pre += drive[:, :n]
        out[...] = (1 - update) * np.tanh(pre) + update * state

    return step


def _lstm_step(network: Network, W: Floats) -> Step:
    n = network.n_neurons

    def step(state: Floats, drive: Floats, pre: Floats, out: Floats) -> None:
        whole = multiply(state[:, :n], W)
        whole += drive
        pre[...] = whole[:, :n]
        entering, forget, leaving = np.split(logistic(whole[:, n:]), 3, axis=1)
        kept = forget * state[:, n:] + entering * np.tanh(pre)
        out[:, :n] = leaving * np.tanh(kept)
        out[:, n:] = kept

    return step


def _recurrent(network: Network, precision: type[np.floating] = np.float64) -> Floats:
    """(N, G N) recurrent weights of the candidate and the gates beside each other, (from, to)."""
    every = [network.W_hh.T, *(gate.W_hh.T for gate in network.gates.values())]
    found: Floats = np.concatenate(every, axis=1, dtype=precision, casting="same_kind")
    return found


# ---- its derivatives ----


def step_jacobian(network: Network, state: Floats, drive: Floats) -> Floats:
    """Exact Jacobian (B, S, S), (to, from), of one step from states (B, S) under drives (B, D) or (D,)."""
    state = np.asarray(state, dtype=np.float64)
    core = network.n_state - network.n_skip
    inner, drive = state[:, :core], np.broadcast_to(drive, (len(state), network.n_drive))
    found = np.zeros((len(state), network.n_state, network.n_state))
    kinds = {"gru": _gru_jacobian, "lstm": _lstm_jacobian}
    found[:, :core, :core] = kinds.get(network.cell, _plain_jacobian)(network, inner, drive)
    return found


def _plain_jacobian(network: Network, h: Floats, drive: Floats) -> Floats:
    W, alpha, name = network.W_hh, network.alpha, network.cell
    kept = (1 - alpha) * np.eye(len(W))
    if network.leak == CURRENT:
        return kept + alpha * W * slope(name, h)[:, None, :]
    if network.leak == RATE:
        rise = slope(name, h @ W.T + drive[:, : len(W)])
        # Without a leak the silent rows are zero, and never minus zero.
        rows = np.where(rise[:, :, None] != 0, rise[:, :, None] * W, 0.0)
        return rows if alpha == 1 else kept + alpha * rows
    rise = slope(name, (1 - alpha) * h + alpha * (h @ W.T + drive[:, : len(W)]))
    rows = rise[:, :, None] * (kept + alpha * W)
    return np.asarray(rows)


def _gru_jacobian(network: Network, h: Floats, drive: Floats) -> Floats:
    at = _gru_at(network, h, drive)
    W_r, W_z = (gate.W_hh for gate in network.gates.values())
    own = _columns((h - at.n) * at.z * (1 - at.z)) * W_z
    through = _columns((1 - at.z) * (1 - at.n**2))
    own += through * (_columns(at.q * at.r * (1 - at.r)) * W_r + _columns(at.r) * network.W_hh)
    return _columns(at.z) * np.eye(network.n_neurons) + own


def _lstm_jacobian(network: Network, state: Floats, drive: Floats) -> Floats:
    n, at = network.n_neurons, _lstm_at(network, state, drive)
    W_i, W_f, W_o = (gate.W_hh for gate in network.gates.values())
    c_by_h = (
        _columns(at.c * at.f * (1 - at.f)) * W_f
        + _columns(at.g * at.i * (1 - at.i)) * W_i
        + _columns(at.i * (1 - at.g**2)) * network.W_hh
    )
    reads = at.o * (1 - at.t**2)
    found = np.empty((len(state), 2 * n, 2 * n))
    found[:, :n, :n] = _columns(at.t * at.o * (1 - at.o)) * W_o + _columns(reads) * c_by_h
    found[:, :n, n:] = _columns(reads * at.f) * np.eye(n)
    found[:, n:, :n] = c_by_h
    found[:, n:, n:] = _columns(at.f) * np.eye(n)
    return found


def drive_slopes(network: Network, state: Floats, drive: Floats) -> Floats:
    """(B, G, N) derivative of each neuron's next h by each block of its own drive: the candidate's, then the gates'."""
    drive = np.broadcast_to(drive, (len(state), network.n_drive))
    if network.cell == "gru":
        at = _gru_at(network, state, drive)
        candidate = (1 - at.z) * (1 - at.n**2)
        return np.stack([candidate, candidate * at.q * at.r * (1 - at.r), (state - at.n) * at.z * (1 - at.z)], axis=1)
    if network.cell == "lstm":
        long = _lstm_at(network, state, drive)
        reads = long.o * (1 - long.t**2)
        blocks = [
            reads * long.i * (1 - long.g**2),
            reads * long.g * long.i * (1 - long.i),
            reads * long.c * long.f * (1 - long.f),
            long.t * long.o * (1 - long.o),
        ]
        return np.stack(blocks, axis=1)
    n, alpha = network.n_neurons, network.alpha
    h = state[:, :n]
    if network.leak == CURRENT:
        return np.full((len(h), 1, n), alpha)
    whole = h @ network.W_hh.T + drive[:, :n]
    return (alpha * slope(network.cell, whole if network.leak == RATE else (1 - alpha) * h + alpha * whole))[:, None]


@dataclass(frozen=True, eq=False)
class _GruAt:
    """Gates of a GRU at states: reset, update, candidate, and what the reset gate multiplies; (B, N) each."""

    r: Floats
    z: Floats
    n: Floats
    q: Floats


def _gru_at(network: Network, h: Floats, drive: Floats) -> _GruAt:
    n = network.n_neurons
    h = h[:, :n]
    back = h @ _recurrent(network)
    r, z = np.split(logistic(back[:, n:] + drive[:, n : 3 * n]), 2, axis=1)
    q = back[:, :n] + network.b_rec
    return _GruAt(r, z, np.tanh(r * q + drive[:, :n]), q)


@dataclass(frozen=True, eq=False)
class _LstmAt:
    """Gates of an LSTM at states: i, f, o and g, the memory c that it kept so far, and t = tanh(c'); (B, N) each."""

    i: Floats
    f: Floats
    o: Floats
    g: Floats
    c: Floats
    t: Floats


def _lstm_at(network: Network, state: Floats, drive: Floats) -> _LstmAt:
    n = network.n_neurons
    whole = state[:, :n] @ _recurrent(network) + drive[:, : 4 * n]
    i, f, o = np.split(logistic(whole[:, n:]), 3, axis=1)
    c, g = state[:, n : 2 * n], np.tanh(whole[:, :n])
    return _LstmAt(i, f, o, g, c, np.tanh(f * c + i * g))


def _columns(values: Floats) -> Floats:
    return values[:, :, None]


# ---- what does not apply ----


class NotApplicableError(ValueError):
    """An analysis has no meaning for this kind of cell; the message says why, in one sentence."""


def refuse_unless(holds: bool, what: str, network: Network, why: str) -> None:
    """Raise NotApplicableError with one sentence unless an analysis applies to a network's cell."""
    if not holds:
        raise NotApplicableError(f"{what} does not apply to {describe_cell(network)}: {why}")


def describe_cell(network: Network) -> str:
    """The kind of a network in words, with its leak where it has one."""
    article = "an" if network.cell == "lstm" else "a"
    leak = f", alpha = {network.alpha:g}, leak {network.leak!r}" if network.is_leaky else ""
    return f"{article} {network.kind.words} network{leak}"
