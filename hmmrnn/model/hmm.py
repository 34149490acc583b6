"""Hidden Markov Models over a small alphabet, and their exact statistics.

    P(s_{t+1} = j | s_t = i) = A_ij        P(y_t = o | s_t = i) = B_io        P(s_0 = i) = start_i

Every statistic that a network is judged by follows from A and B alone, with pi the stationary
distribution:  P(y_t = i, y_{t+k} = j) = sum_{s,s'} pi_s B_si (A^k)_{ss'} B_{s'j}.

Source: Torre et al. (2025), section 2 and appendix A (the families of target models).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_STATES = 12
MAX_OUTPUTS = 8
ROW_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class HMM:
    """A Hidden Markov Model with K states and O outputs, checked when it is made.

    Raises:
        ValueError: a matrix has the wrong shape, a value outside 0 to 1, or a row whose sum is not 1.
    """

    A: NDArray[np.float64]  # (K, K) transition probabilities, from row to column
    B: NDArray[np.float64]  # (K, O) emission probabilities of each state
    # (K,) distribution of the first state; uniform if None is given.
    start: NDArray[np.float64] = None  # type: ignore[assignment]  # None is replaced below
    name: str = "custom"  # the family it belongs to, or "custom"

    def __post_init__(self) -> None:
        A = _probability_rows("A", self.A, ndim=2)
        B = _probability_rows("B", self.B, ndim=2)
        n_states = len(A)
        if A.shape != (n_states, n_states):
            raise ValueError(f"A must be square (K, K); got {A.shape}")
        if len(B) != n_states:
            raise ValueError(f"B must have one row per state, {n_states} as in A; got {len(B)}")
        if n_states > MAX_STATES or B.shape[1] > MAX_OUTPUTS:
            raise ValueError(
                f"at most {MAX_STATES} states and {MAX_OUTPUTS} outputs are supported; "
                f"got {n_states} states and {B.shape[1]} outputs"
            )
        start = np.full(n_states, 1 / n_states) if self.start is None else self.start
        start = _probability_rows("start", start, ndim=1)
        if start.shape != (n_states,):
            raise ValueError(f"start must have one value per state, ({n_states},); got {start.shape}")
        for name, value in (("A", A), ("B", B), ("start", start)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def preset(cls, name: str) -> HMM:
        """Return one of the paper's families: linear-2 to linear-5, fully-connected, cyclic.

        Raises:
            ValueError: there is no family of that name.
        """
        if name not in PRESETS:
            raise ValueError(f"unknown HMM family {name!r}; expected one of {', '.join(PRESETS)}")
        A, B = PRESETS[name]
        return cls(A=A, B=B, name=name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON, from which `from_dict` makes an equal HMM."""
        return {"A": self.A.tolist(), "B": self.B.tolist(), "start": self.start.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HMM:
        """Build an HMM from plain values; one of the paper's families is recognised and gets its name.

        Raises:
            ValueError: a matrix is missing, ragged, not of numbers, or no matrix of probabilities.
        """
        if not isinstance(data, Mapping) or not {"A", "B"} <= set(data) <= {"A", "B", "start"}:
            found = ", ".join(sorted(map(str, data))) if isinstance(data, Mapping) else type(data).__name__
            raise ValueError(f"an HMM must have matrices A and B, and may have a start; got {found or 'nothing'}")
        start = {"start": data["start"]} if data.get("start") is not None else {}
        given = cls(A=data["A"], B=data["B"], **start)
        return next((known for known in map(cls.preset, PRESETS) if known.equals(given)), given)

    def equals(self, other: HMM) -> bool:
        """Whether all probabilities are equal up to rounding."""
        pairs = ((self.A, other.A), (self.B, other.B), (self.start, other.start))
        return all(one.shape == two.shape and np.allclose(one, two, rtol=0, atol=1e-9) for one, two in pairs)

    @property
    def n_states(self) -> int:
        """K, the number of hidden states."""
        return self.A.shape[0]

    @property
    def n_outputs(self) -> int:
        """O, the number of symbols."""
        return self.B.shape[1]

    @cached_property
    def stationary(self) -> NDArray[np.float64]:
        """(K,) long-run share of time in each state, pi with pi A = pi.

        Raises:
            ValueError: the chain falls into parts that never meet, so the share depends on the start.
        """
        equations = np.vstack([self.A.T - np.eye(self.n_states), np.ones(self.n_states)])
        if np.linalg.matrix_rank(equations, tol=1e-10) < self.n_states:
            raise ValueError(
                "A has more than one stationary distribution, because some states never reach the others; "
                "connect them, or leave the unreachable ones out"
            )
        target = np.append(np.zeros(self.n_states), 1.0)
        pi = np.clip(np.linalg.lstsq(equations, target, rcond=None)[0], 0.0, None)
        return pi / pi.sum()

    @cached_property
    def marginal(self) -> NDArray[np.float64]:
        """(O,) long-run share of each symbol."""
        return self.stationary @ self.B

    def joint(self, lag: int) -> NDArray[np.float64]:
        """(O, O) probability of symbol i now and symbol j `lag` steps later, under the stationary chain.

        Raises:
            ValueError: lag is below 1.
        """
        if lag < 1:
            raise ValueError(f"lag must be >= 1 step; got {lag}")
        return (self.stationary[:, None] * self.B).T @ np.linalg.matrix_power(self.A, lag) @ self.B

    @cached_property
    def emission_transitions(self) -> NDArray[np.float64]:
        """(O, O) probability of the next symbol given the present one; NaN rows for symbols never emitted."""
        return transition_matrix(self.joint(1))

    @cached_property
    def volatility(self) -> float:
        """Probability that two successive symbols differ."""
        return float(1 - np.trace(self.joint(1)))

    def lag_agreement(self, lag: int) -> float:
        """Probability that two symbols `lag` steps apart are equal."""
        return float(np.trace(self.joint(lag)))

    def sample(
        self, n_sequences: int, length: int, seed: int | np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw independent sequences: emissions (B, T) and states (B, T). A Generator as seed is advanced.

        Raises:
            ValueError: n_sequences or length is below 1.
        """
        if n_sequences < 1 or length < 1:
            raise ValueError(f"n_sequences and length must be >= 1; got {n_sequences} and {length}")
        rng = np.random.default_rng(seed)
        next_state = _upper_edges(self.A)
        symbol = _upper_edges(self.B)
        states = np.empty((length, n_sequences), dtype=np.int64)
        emissions = np.empty((length, n_sequences), dtype=np.int64)
        edges = np.broadcast_to(_upper_edges(self.start[None])[0], (n_sequences, self.n_states - 1))
        for t in range(length):
            states[t] = (rng.random(n_sequences)[:, None] >= edges).sum(axis=1)
            emissions[t] = (rng.random(n_sequences)[:, None] >= symbol[states[t]]).sum(axis=1)
            edges = next_state[states[t]]
        return np.ascontiguousarray(emissions.T), np.ascontiguousarray(states.T)

    def check_outputs(self, n_outputs: int) -> None:
        """Raise ValueError unless a network has as many outputs as this HMM."""
        if n_outputs != self.n_outputs:
            raise ValueError(f"network and HMM must have equally many outputs; got {n_outputs} and {self.n_outputs}")

    def check_symbols(self, emissions: NDArray[np.integer]) -> None:
        """Raise ValueError if a symbol lies outside 0 to O - 1."""
        if emissions.size and not (0 <= emissions.min() and emissions.max() < self.n_outputs):
            raise ValueError(
                f"emissions must be symbols 0 to {self.n_outputs - 1}; "
                f"got values from {emissions.min()} to {emissions.max()}"
            )

    def log_likelihood(self, emissions: NDArray[np.integer]) -> NDArray[np.float64]:
        """Log-likelihood (B,) of sequences (B, T) in nats, by the scaled forward algorithm; -inf where none can be.

        Raises:
            ValueError: a symbol lies outside 0 to O - 1.
        """
        emissions = np.atleast_2d(emissions)
        self.check_symbols(emissions)
        total = np.zeros(len(emissions))
        belief = np.broadcast_to(self.start, (len(emissions), self.n_states))
        for symbols in emissions.T:
            joint = belief * self.B[:, symbols].T
            evidence = joint.sum(axis=1)
            with np.errstate(divide="ignore"):
                total += np.log(evidence)
            belief = (joint / np.where(evidence > 0, evidence, 1.0)[:, None]) @ self.A
        return total


def transition_matrix(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn joint probabilities (O, O) of successive symbols into rows that sum to 1; NaN where a row is empty."""
    mass = joint.sum(axis=1, keepdims=True)
    return np.divide(joint, mass, out=np.full_like(joint, np.nan), where=mass > 0)


def _probability_rows(name: str, values: ArrayLike, ndim: int) -> NDArray[np.float64]:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must hold numbers, equally many in each row; got {str(values)[:80]}") from None
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}; got shape {array.shape}")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1 + ROW_SUM_TOLERANCE:
        raise ValueError(f"{name} must hold probabilities from 0 to 1; got {array.min():g} to {array.max():g}")
    sums = array.sum(axis=-1)
    worst = int(np.argmax(np.abs(sums - 1))) if ndim > 1 else 0
    if np.abs(np.atleast_1d(sums)[worst] - 1) > ROW_SUM_TOLERANCE:
        where = f"row {worst} of {name}" if ndim > 1 else name
        raise ValueError(f"{where} must sum to 1; got {np.atleast_1d(sums)[worst]:.6g}")
    return array / array.sum(axis=-1, keepdims=True)


def _upper_edges(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    # The last edge is 1 up to rounding and is left out, so that no draw can fall beyond the last column.
    return np.cumsum(rows, axis=1)[:, :-1]


def _linear(n_states: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    q = 0.05 ** (1 / (n_states - 1))
    A = np.diag(np.full(n_states, 1 - 2 * q)) + q * (np.eye(n_states, k=1) + np.eye(n_states, k=-1))
    A[0, 0] = A[-1, -1] = 1 - q
    alpha = np.arange(n_states) / (n_states - 1)
    B = np.stack([0.99 * (1 - alpha), np.full(n_states, 0.01), 0.99 * alpha], axis=1)
    return A, B


def _cyclic() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ring = np.roll(np.eye(4), 1, axis=1) + np.roll(np.eye(4), -1, axis=1)
    B = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.0, 0.9, 0.1]])
    return 0.95 * np.eye(4) + 0.025 * ring, B


PRESETS = {
    **{f"linear-{n}": _linear(n) for n in (2, 3, 4, 5)},
    "fully-connected": (np.full((3, 3), 0.025) + 0.925 * np.eye(3), np.full((3, 3), 0.01) + 0.97 * np.eye(3)),
    "cyclic": _cyclic(),
}
