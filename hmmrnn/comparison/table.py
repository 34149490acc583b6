"""A comparison of networks as plain values: the columns of its table with their errors, CSV and JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from hmmrnn.analysis.kick_neurons import name_exit
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.comparison.side_by_side import SideBySide
from hmmrnn.model.network import Floats


def columns(found: SideBySide) -> Iterator[tuple[str, Floats, dict[str, Floats]]]:
    """Each column of the table: its name, its values (C,), and beside them their standard errors or null."""
    for name in ("transition_error", "log_likelihood_gap", "switch_rate"):
        yield _column(found, name)
    for output in range(found.leave_rate.shape[1]):
        yield f"leave_rate_{output}", found.leave_rate[:, output], {"se": found.leave_rate_se[:, output]}
    yield "kick_effect", found.kick_effect, {"null": found.kick_effect_null}
    for exit in _exits(found):
        value, null = (
            np.array([_of_exit(side, exit, name) for side in found.kick]) for name in ("ratio", "ratio_null")
        )
        yield f"silenced_{exit[0]}->{'any' if exit[1] is None else exit[1]}", value, {"null": null}
    yield _column(found, "lyapunov")
    yield _column(found, "participation_ratio")
    for name, column in zip(REGIONS, found.region_shares.T, strict=True):
        yield f"share_{name}", column, {}


def flat_columns(found: SideBySide) -> dict[str, Floats]:
    """The columns by their names in a file, errors and nulls among them."""
    flat = {}
    for name, values, beside in columns(found):
        flat[name] = values
        flat |= {f"{name}_{kind}": column for kind, column in beside.items()}
    return flat


def content(found: SideBySide) -> dict[str, Any]:
    """The comparison as plain values: networks, columns of the table, and what each two have in common."""
    values = {name: column.tolist() for name, column in flat_columns(found).items()}
    pairs = {name: matrix.tolist() for name, matrix in found.pairs.items()}
    groups = {
        name: [
            {"exit": name_exit(*exit), "neurons": list(neurons), "leave_rate_ratio": float(ratio)}
            for exit, neurons, ratio in zip(side.exits, side.neurons, side.ratio, strict=True)
        ]
        for name, side in zip(found.names, found.kick, strict=True)
        if side is not None
    }
    places = {"place": found.place.tolist(), "orbits": found.orbits.tolist()}
    about = {"networks": list(found.names), "seed": found.seed}
    return {**about, **values, **pairs, **places, "kick_groups": groups, "notes": list(found.notes)}


def write_table(found: SideBySide, file: TextIO) -> None:
    """Write one row for each network; an empty cell stands where something could not be measured."""
    flat = flat_columns(found)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["network", *flat])
    for row, name in enumerate(found.names):
        values = (float(column[row]) for column in flat.values())
        writer.writerow([Path(name).name, *("" if value != value else f"{value:.6g}" for value in values)])


def _column(found: SideBySide, name: str) -> tuple[str, Floats, dict[str, Floats]]:
    error = getattr(found, f"{name}_se", None)
    return name, getattr(found, name), {} if error is None else {"se": error}


def _exits(found: SideBySide) -> list[tuple[int, int | None]]:
    exits = {exit for side in found.kick if side is not None for exit in side.exits}
    return sorted(exits, key=lambda exit: (exit[0], -1 if exit[1] is None else exit[1]))


def _of_exit(side: Any, exit: tuple[int, int | None], name: str) -> float:
    if side is None or exit not in side.exits:
        return float("nan")
    return float(getattr(side, name)[side.exits.index(exit)])
