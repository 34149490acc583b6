"""Inputs of a network beside noise: a constant, a sequence from a table, and fewer that drive it in the same way.

    x_t = c + u_t + noise_t      c: constant (M,)      u_t: row t of a sequence (T, M), which begins anew after its last

A table is text with a row for each step and a column for each input; a first row may name the columns.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hmmrnn.model.network import Floats, Network, few_threads

# What the metadata say of a network with fewer inputs than its file.
SHOWN_INPUTS = "shown_inputs"
MOST_BYTES, MOST_ROWS, MOST_COLUMNS = 5_000_000, 10_000, 8192
FARTHEST = 1e6

_DELIMITERS = "\t;,"
# x0, u_3, in2, input 7 and 7 itself say which input a column is.
_NUMBERED = re.compile(r"(?:inputs?|in|x|u)?[ _.-]*(\d{1,4})", re.IGNORECASE)


# ---- constant ----


def with_constant(network: Network, values: ArrayLike) -> Network:
    """The network under an input that is the same at every step, beside any noise: (M,) values, or one for all inputs.

    Raises:
        ValueError: there is neither one value nor one for each input, or they are not finite.
    """
    given = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if given.ndim != 1 or len(given) not in (1, network.n_inputs):
        raise ValueError(
            f"a constant input must have one number, or {network.n_inputs:,}, one for each input; got {given.size:,}"
        )
    return replace(network, constant=np.array(np.broadcast_to(given, (network.n_inputs,))))


def with_sigma(network: Network, sigma: float) -> Network:
    """The network that does under noise of standard deviation 1 what the given one does under that of sigma.

    Input weights are multiplied by sigma, and a constant input divided by it.

    Raises:
        ValueError: sigma is not above 0.
    """
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0, or nothing moves; got {sigma:g}")
    if sigma == 1:
        return network
    return replace(
        network,
        W_ih=sigma * network.W_ih,
        W_skip=None if network.W_skip is None else sigma * network.W_skip,
        gates={name: replace(gate, W_ih=sigma * gate.W_ih) for name, gate in network.gates.items()},
        constant=None if network.constant is None else network.constant / sigma,
    )


# ---- sequences ----


def read_inputs(text: str) -> Floats:
    """Read a table of inputs: (T, M), in the order of the inputs.

    The columns are in the order of the inputs, unless all are numbered by their names (`x0`, `input 3`), from 0 or 1.

    Raises:
        ValueError: it is no such table, or too large.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if not lines:
        raise ValueError("this table of inputs is empty; expected a row of numbers for each step")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    try:
        cells = [
            [cell.strip() for cell in row]
            for row in csv.reader(lines[: MOST_ROWS + 2], delimiter=delimiter, strict=True)
        ]
    except csv.Error as error:
        raise ValueError(f"this table of inputs is not text with {delimiter!r} between its cells: {error}") from error
    named = any(_number(cell) is None for cell in cells[0])
    rows, width = cells[1:] if named else cells, len(cells[0])
    if not rows or len(rows) > MOST_ROWS:
        count = f"{len(lines) - named:,}"
        raise ValueError(f"a table of inputs must have 1 to {MOST_ROWS:,} rows, one for each step; got {count}")
    if width > MOST_COLUMNS:
        raise ValueError(f"a table of inputs may have {MOST_COLUMNS:,} columns, one for each input; got {width:,}")
    values = np.array([_row(row, width, at) for at, row in enumerate(rows, 1 + named)])
    return values[:, _order(cells[0])] if named else values


def _row(row: Sequence[str], width: int, line: int) -> list[float]:
    if len(row) != width:
        raise ValueError(
            f"line {line} of this table of inputs has {len(row):,} values; expected {width:,} as in line 1"
        )
    numbers = [_number(cell) for cell in row]
    for cell, number in zip(row, numbers, strict=True):
        if number is None or not math.isfinite(number) or abs(number) > FARTHEST:
            raise ValueError(
                f"line {line} of this table of inputs has {cell[:40]!r}; expected a number from -{FARTHEST:,.0f} to "
                f"{FARTHEST:,.0f}"
            )
    return [number for number in numbers if number is not None]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _order(names: Sequence[str]) -> list[int]:
    """Where the columns of inputs 0, 1, ... are, if all names number them; else as they are."""
    found = [_NUMBERED.fullmatch(name) for name in names]
    numbers = [int(match[1]) for match in found if match]
    first = min(numbers, default=0)
    if len(numbers) < len(names):
        return list(range(len(names)))
    if sorted(numbers) != list(range(first, first + len(names))) or first > 1:
        raise ValueError(
            f"the columns of this table number the inputs {', '.join(map(str, numbers[:20]))}; expected each number "
            f"from 0 to {len(names) - 1} once, or names without numbers"
        )
    return [int(at) for at in np.argsort(numbers)]


def check_columns(rows: Floats, n_inputs: int, name: str) -> None:
    """Raise ValueError unless a sequence (T, M) has a column for each input of a network."""
    if rows.shape[1] != n_inputs:
        raise ValueError(
            f"this table of inputs has {rows.shape[1]:,} columns; expected {n_inputs:,}, one for each input of {name}"
        )


def repeated(rows: Floats, steps: int) -> Floats:
    """(steps, M) a sequence that begins anew after its last row."""
    return np.resize(rows, (steps, rows.shape[1]))


# ---- fewer inputs ----


def with_fewer_inputs(network: Network) -> Network:
    """The network with as many inputs as its drive has numbers, that white noise drives in the same way.

    With W_ih = L Q for orthonormal rows Q, noise x ~ N(0, I_M) drives it as L n does with n = Q x ~ N(0, I_D): the same
    law, whatever rows an intervention scales. The single inputs are no longer those of the network; a constant input c
    is Q c there, and a sequence that of `project_inputs`.
    """
    n, entering = network.n_neurons, network.n_drive
    with few_threads(network):
        lower = np.asarray(np.linalg.qr(network.input_weights.T, mode="r")).T
    blocks = np.split(lower, [n * k for k in range(1, 1 + len(network.gates) + bool(network.n_skip))])
    gates = {
        name: replace(gate, W_ih=block) for (name, gate), block in zip(network.gates.items(), blocks[1:], strict=False)
    }
    said = f"{entering:,} inputs, which white noise drives as it does the {network.n_inputs:,} of the network"
    return replace(
        network,
        W_ih=blocks[0],
        gates=gates,
        W_skip=blocks[-1] if network.n_skip else None,
        constant=None if network.constant is None else project_inputs(network, network.constant),
        metadata={**network.metadata, SHOWN_INPUTS: said},
    )


def project_inputs(network: Network, rows: Floats) -> Floats:
    """(..., D) what given inputs (..., M) of a network are for the one of `with_fewer_inputs`."""
    with few_threads(network):
        return rows @ np.linalg.qr(network.input_weights.T).Q
