"""Hidden Markov Models over a small alphabet, and their exact statistics.

    P(s_{t+1} = j | s_t = i) = A_ij        P(y_t = o | s_t = i) = B_io        P(s_0 = i) = start_i

Every statistic that a network is judged by follows from A and B alone, with pi the stationary
distribution:  P(y_t = i, y_{t+k} = j) = sum_{s,s'} pi_s B_si (A^k)_{ss'} B_{s'j}.

Source: Torre et al. (2025), section 2 and appendix A (the families of target models).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.model.weight_checks import check_whole

NAMELESS = "custom"
MAX_NAME = 60
MAX_STATES = 70
MAX_OUTPUTS = 32
ROW_SUM_TOLERANCE = 1e-6
# Rows of numbers that are written with so many decimals are taken for rounded ones.
ROUNDED_DECIMALS = range(3, 9)


# What programs call the matrices; those that end in _ are the attributes of a fitted hmmlearn model.
def _spelled(*phrases: str) -> tuple[str, ...]:
    """Names with blanks or lines between their words, and with a capital or not."""
    plain = [phrase.replace(" ", sign) for phrase in phrases for sign in " _"]
    return (*plain, *(name.capitalize() for name in plain))


_TRANSITIONS = _spelled(
    "transition matrix", "transition probability", "transition probabilities", "transitions", "transition"
)
_EMISSIONS = _spelled("emission matrix", "emission probability", "emission probabilities", "emissions", "emission")
_STARTS = _spelled(
    "start probability", "start probabilities", "initial distribution", "initial probabilities", "initial"
)
# What the matrices of an HMM are called: here, in hmmlearn, in R (HMM), in MATLAB, and in words.
NAMES = {
    **dict.fromkeys(("A", "transmat_", "transmat", "transProbs", "TRANS", "tpm", *_TRANSITIONS), "A"),
    **dict.fromkeys(("B", "emissionprob_", "emissionprob", "emissionProbs", "EMIS", *_EMISSIONS), "B"),
    **dict.fromkeys(("start", "startprob_", "startprob", "startProbs", "pi", *_STARTS), "start"),
    "name": "name",
}


@dataclass(frozen=True, eq=False)
class HMM:
    """A Hidden Markov Model with K states and O outputs, checked when it is made.

    A row whose sum is 1 but for rounding, of the decimals that its numbers are written with, is divided by its sum;
    `notes` says so.

    Raises:
        ValueError: a matrix has the wrong shape, a value outside 0 to 1, or a row whose sum is not 1.
    """

    A: NDArray[np.float64]  # (K, K) transition probabilities, from row to column
    B: NDArray[np.float64]  # (K, O) emission probabilities of each state
    # (K,) distribution of the first state; uniform if None is given.
    start: NDArray[np.float64] = None  # type: ignore[assignment]  # None is replaced below
    name: str = NAMELESS  # the family it belongs to, what its maker calls it, or "custom"
    # Sentences on what was done to the numbers that were given; none if they are taken as they are.
    notes: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        notes: list[str] = []
        A = _probability_rows("A", self.A, 2, notes)
        B = _probability_rows("B", self.B, 2, notes)
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
        start = _probability_rows("start", start, 1, notes)
        if start.shape != (n_states,):
            raise ValueError(f"start must have one value per state, ({n_states},); got {start.shape}")
        for name, value in (("A", A), ("B", B), ("start", start)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "notes", tuple(notes))

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
        # A family is recognised by its matrices.
        named = {} if self.name in (NAMELESS, *PRESETS) else {"name": self.name}
        return {"A": self.A.tolist(), "B": self.B.tolist(), "start": self.start.tolist(), **named}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HMM:
        """Build an HMM from plain values; one of the paper's families is recognised and gets its name.

        The matrices are called A, B and start, or transmat_, emissionprob_ and startprob_ as in hmmlearn; pi is start.
        It may have a name, which is not taken if it is that of a family with other matrices.

        Raises:
            ValueError: a matrix is missing, ragged, not of numbers, or no matrix of probabilities; or a name is not
                known.
        """
        given = cls(**_named(data))
        known = next((known for known in map(cls.preset, PRESETS) if known.equals(given)), None)
        return known or (replace(given, name=NAMELESS) if given.name in PRESETS else given)

    @classmethod
    def from_hmmlearn(cls, model: Any) -> HMM:
        """Take the HMM of a fitted `CategoricalHMM` of hmmlearn: transmat_, emissionprob_, startprob_.

        Raises:
            ValueError: the model has no such attributes, because it is not fitted or emits no symbols.
        """
        names = ("transmat_", "emissionprob_", "startprob_")
        missing = [name for name in names if not hasattr(model, name)]
        if missing:
            raise ValueError(
                f"expected a fitted hmmlearn.hmm.CategoricalHMM with {', '.join(names)}; "
                f"got {type(model).__name__} without {', '.join(missing)}"
            )
        return cls.from_dict({name: getattr(model, name) for name in names})

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
    def recurrent(self) -> NDArray[np.bool_]:
        """(K,) which states are entered again and again; the others are left for good, or never reached from the start.

        Raises:
            ValueError: the chain falls into parts that never meet, so the share depends on the start.
        """
        reach = np.eye(self.n_states, dtype=bool) | (self.A > 0)
        for _ in range(self.n_states.bit_length()):
            reach = reach @ reach
        stays: NDArray[np.bool_] = (reach <= reach.T).all(axis=1) & np.any(reach[self.start > 0], axis=0)
        parts = np.unique(reach[stays], axis=0)
        if len(parts) > 1:
            listed = " and ".join(_listed(part) for part in parts[:-3:-1])
            raise ValueError(
                f"A has more than one stationary distribution, because some states never reach the others: {listed} "
                "are each never left; connect them, or leave one part out"
            )
        return stays

    @cached_property
    def stationary(self) -> NDArray[np.float64]:
        """(K,) long-run share of time in each state, pi with pi A = pi; exactly 0 for a state that is left for good.

        Raises:
            ValueError: the chain falls into parts that never meet, so the share depends on the start.
        """
        stays = self.recurrent
        count = int(stays.sum())
        A = self.A[np.ix_(stays, stays)]
        equations = np.vstack([A.T - np.eye(count), np.ones(count)])
        if np.linalg.matrix_rank(equations, tol=1e-10) < count:
            raise ValueError(
                "A has more than one stationary distribution up to rounding, because some states never reach the "
                "others in less than about 1e10 steps; connect them, or leave one part out"
            )
        found = np.clip(np.linalg.lstsq(equations, np.append(np.zeros(count), 1.0), rcond=None)[0], 0.0, None)
        pi = np.zeros(self.n_states)
        pi[stays] = found / found.sum()
        return pi

    @property
    def long_run(self) -> str:
        """What of the chain is left in the long run, as a sentence; empty if every state comes back.

        Raises:
            ValueError: the chain falls into parts that never meet.
        """
        stays = self.recurrent
        if stays.all():
            return ""
        verb = "ends in" if stays.sum() == 1 else "stays for good among"
        return f"the target {verb} {_listed(stays)}{' for good' if stays.sum() == 1 else ''}"

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
        """Probability that two successive symbols differ; exactly 0 if there is one symbol in the long run."""
        if np.count_nonzero(self.B[self.recurrent].any(axis=0)) == 1:
            return 0.0
        return float(1 - np.trace(self.joint(1)))

    def lag_agreement(self, lag: int) -> float:
        """Probability that two symbols `lag` steps apart are equal."""
        return float(np.trace(self.joint(lag)))

    def sample(
        self, n_sequences: int, length: int, seed: int | np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw independent sequences: emissions (B, T) and states (B, T). A Generator as seed is advanced.

        Raises:
            ValueError: n_sequences or length is below 1, or the seed is below 0.
        """
        for name, value in (("n_sequences", n_sequences), ("length", length)):
            check_whole(name, value)
        if not isinstance(seed, np.random.Generator):
            check_whole("seed", seed)
            if seed < 0:
                raise ValueError(f"seed must be >= 0; got {seed}")
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

    def check_symbols(self, emissions: ArrayLike) -> NDArray[np.int64]:
        """Symbols 0 to O - 1 as whole numbers; floats that are whole are taken.

        Raises:
            ValueError: a value is no whole number, or lies outside 0 to O - 1.
        """
        given = np.asarray(emissions)
        numbers = given.dtype.kind in "iub" or (given.dtype.kind == "f" and bool((given == np.rint(given)).all()))
        if given.size and not numbers:
            raise ValueError(
                f"emissions must be whole numbers 0 to {self.n_outputs - 1}; got {str(given.ravel())[:80]}"
            )
        if given.size and not (0 <= given.min() and given.max() < self.n_outputs):
            raise ValueError(
                f"emissions must be symbols 0 to {self.n_outputs - 1}; "
                f"got values from {given.min():g} to {given.max():g}"
            )
        return given.astype(np.int64)

    def log_likelihood(self, emissions: ArrayLike) -> NDArray[np.float64]:
        """Log-likelihood (B,) of sequences (B, T) in nats, by the scaled forward algorithm; -inf where none can be.

        Raises:
            ValueError: a symbol lies outside 0 to O - 1, or the sequences are one column.
        """
        emissions = np.atleast_2d(self.check_symbols(emissions))
        if emissions.ndim == 2 and emissions.shape[1] == 1 and len(emissions) > 1:
            raise ValueError(
                f"emissions must have one sequence a row, (B, T); got a column of {len(emissions)} symbols, which "
                f"would be {len(emissions)} sequences of one symbol: pass emissions.T for one sequence"
            )
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


def rows_of_labels(tree: Any) -> list[Any] | None:
    """The numbers of a mapping of labels, or of rows of labels in the order of the first one; None if it is none."""
    if not isinstance(tree, Mapping) or not tree:
        return None
    rows = list(tree.values())
    if not all(isinstance(row, Mapping) for row in rows):
        return rows
    columns = list(tree) if set(rows[0]) == set(tree) else list(rows[0])
    if any(set(row) - set(columns) for row in rows):
        return None
    return [[row.get(column, 0.0) for column in columns] for row in rows]


def _named(data: Any) -> dict[str, Any]:
    """The matrices among plain values, by the names of the fields of an HMM."""
    wanted = (
        "an HMM must have matrices A and B, and may have a start and a name (or transmat_, emissionprob_, startprob_; "
        "or pi)"
    )
    if not isinstance(data, Mapping):
        raise ValueError(f"{wanted}; got {type(data).__name__}")
    unknown = [str(name) for name in data if name not in NAMES]
    if unknown:
        raise ValueError(f"{', '.join(unknown)[:80]} is not known: {wanted}")
    found: dict[str, Any] = {}
    for name, value in data.items():
        if (
            name == "name"
            and value is not None
            and not (isinstance(value, str) and value.isprintable() and 0 < len(value) <= MAX_NAME)
        ):
            raise ValueError(
                f"the name of an HMM must be a text of 1 to {MAX_NAME} characters on one line; got {str(value)[:80]!r}"
            )
        if NAMES[name] in found:
            raise ValueError(f"{NAMES[name]} is there twice, under two names; got {', '.join(data)}")
        if value is not None or NAMES[name] not in ("start", "name"):
            found[NAMES[name]] = rows_of_labels(value) or value
    if not {"A", "B"} <= set(found):
        raise ValueError(f"{wanted}; got {', '.join(map(str, data)) or 'nothing'}")
    return found


def _listed(states: NDArray[np.bool_]) -> str:
    numbers = [str(number) for number in np.flatnonzero(states)]
    if len(numbers) == 1:
        return f"state {numbers[0]}"
    return f"states {', '.join(numbers[:8])}{', ...' if len(numbers) > 8 else ''}"


def _probability_rows(name: str, values: ArrayLike, ndim: int, notes: list[str]) -> NDArray[np.float64]:
    """Check rows of probabilities and return them with sums of 1; a sentence on rounding is added to `notes`."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must hold numbers, equally many in each row; got {str(values)[:80]}") from None
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}; got shape {array.shape}")
    within = np.isfinite(array).all() and -ROW_SUM_TOLERANCE <= array.min() and array.max() <= 1 + ROW_SUM_TOLERANCE
    if not within:
        raise ValueError(f"{name} must hold probabilities from 0 to 1; got {array.min():g} to {array.max():g}")
    # What 1 minus a sum leaves below 0.
    array = np.clip(array, 0.0, None)
    sums = np.atleast_1d(array.sum(axis=-1))
    off = np.abs(sums - 1)
    allowed = np.array([_rounding(row) for row in np.atleast_2d(array)])
    worst = int(np.argmax(np.where(off > allowed, off, 0)))
    if off[worst] > allowed[worst]:
        where = f"row {worst} of {name}" if ndim > 1 else name
        raise ValueError(f"{where} must sum to 1; got {sums[worst]:.6g}")
    if off.max() > 0.5 * ROW_SUM_TOLERANCE:
        rows = f"{np.count_nonzero(off > 0.5 * ROW_SUM_TOLERANCE)} of {len(off)} rows of {name}" if ndim > 1 else name
        notes.append(f"{rows} divided by the sum, which is {sums[off.argmax()]:.7g} by rounding")
    return array / array.sum(axis=-1, keepdims=True)


def _rounding(row: NDArray[np.float64]) -> float:
    """The most by which the sum of a row may differ from 1: half a unit of its last decimal for each number."""
    for decimals in ROUNDED_DECIMALS:
        if np.abs(row - np.round(row, decimals)).max() < 1e-12:
            fewer = decimals == ROUNDED_DECIMALS[0] and np.abs(row - np.round(row, decimals - 1)).max() < 1e-12
            return 2 * ROW_SUM_TOLERANCE if fewer else 2 * ROW_SUM_TOLERANCE + 0.5 * len(row) * 10.0**-decimals
    return 2 * ROW_SUM_TOLERANCE


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
