"""Symbol sequences from a table: one column of symbols and one of sequence ids, or one row a sequence.

A symbol is whatever a cell holds; the alphabet lists the different ones, in the order of their numbers or letters, and
a sequence is kept as their places in it. Which layout a table has is read from its shape and its header, and said.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.model.hmm import MAX_OUTPUTS
from hmmrnn.model.network import Result
from hmmrnn.model.sequence_letters import named_words, records, words_of_letters

# More symbols would take a fit of an HMM hours.
MAX_SYMBOLS = 500_000
SHORTEST = 2
# What stands for a value that is missing; `none` may be a symbol.
MISSING = frozenset(("NA", "N/A", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "<NA>"))
# Names of columns that hold symbols, and those that hold ids of sequences; compared without case.
SYMBOL_NAMES = (
    "symbol",
    "symbols",
    "emission",
    "state",
    "behaviour",
    "behavior",
    "label",
    "syllable",
    "observation",
    "choice",
    "action",
    "response",
    "call",
    "letter",
    "y",
)
ID_NAMES = (
    "sequence",
    "sequence_id",
    "seq",
    "id",
    "trial",
    "session",
    "animal",
    "subject",
    "run",
    "bout",
    "trajectory",
)


@dataclass(frozen=True, eq=False)
class Sequences(Result):
    """B sequences of symbols, of any lengths."""

    symbols: tuple[NDArray[np.int64], ...]  # B sequences (T_b,) of symbols 0 to O - 1
    alphabet: tuple[str, ...]  # (O,) what each symbol is called in the table
    how: str  # how the table was read, as a sentence

    @property
    def n_outputs(self) -> int:
        """O, the number of different symbols."""
        return len(self.alphabet)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(B,) number of symbols of each sequence."""
        return np.array([len(one) for one in self.symbols])


def sequences_of(symbols: Sequence[NDArray[np.integer]], alphabet: Sequence[str] | None = None) -> Sequences:
    """Take sequences that are there as whole numbers from 0.

    Raises:
        ValueError: there are no symbols, or too many different ones.
    """
    taken = tuple(np.asarray(one, dtype=np.int64) for one in symbols)
    most = max((int(one.max(initial=0)) for one in taken), default=0)
    names = tuple(str(o) for o in range(most + 1)) if alphabet is None else tuple(alphabet)
    return _checked(Sequences(taken, names, f"{len(taken)} sequences of whole numbers"))


def read_sequences(text: str, symbols: str = "", sequence: str = "") -> Sequences:
    """Read sequences from the text of a table, with commas, semicolons, tabs or blanks between its cells.

    Args:
        text: the table.
        symbols: name of the column of symbols, or its number from 0; found by the header and the shape if empty.
        sequence: the same of the column of sequence ids.

    Raises:
        ValueError: the table cannot be read in one way, or holds no sequences that an HMM can be fitted to.
    """
    if not (symbols or sequence) and (found := records(text)):
        return _numbered(*found)
    table = _cells(text)
    if symbols or sequence:
        return _in_columns(table, _header(table), symbols, sequence)
    width = max(map(len, table))
    header = _header(table)
    if width == 2 and (words := named_words(table)):
        return _numbered(
            [list(word) for word in words], "one row a sequence, a symbol for each letter, beside its name"
        )
    if width == 2 or (width > 2 and header and _are_columns(header, table)):
        return _in_columns(table, header, "", "")
    known = bool(header) and table[0][0].lower() in {*SYMBOL_NAMES, *ID_NAMES}
    if width == 1 and (words := words_of_letters([row[0] for row in table[known:]])):
        return _numbered([list(word) for word in words], "one row a sequence, a symbol for each letter")
    if width == 1:
        cells = [row[0] for row in (table[1:] if header else table)]
        return _numbered([cells], "one column: one sequence")
    return _in_rows(table, header)


# ---- the table ----


def _cells(text: str) -> list[list[str]]:
    # What a reader puts in place of bytes that are no letter: different symbols would become one.
    if "\x00" in text:
        raise ValueError(
            "the file is no text in UTF-8; if it is a table that was saved in UTF-16, save it as CSV UTF-8"
        )
    if "\ufffd" in text:
        raise ValueError("the table is not written in UTF-8: some of its letters cannot be read; save it as CSV UTF-8")
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip(" ,;\t")]
    if not lines:
        raise ValueError("the table is empty; expected a symbol in each cell")
    # Remarks above the table, of which NumPy writes the names of the columns as the last.
    remarks = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    separator = next((sign for sign in "\t;," if any(sign in line for line in lines[remarks:])), None)
    if remarks:
        last = lines[remarks - 1].lstrip("# ")
        named = len(last.split(separator)) == len(lines[remarks].split(separator)) > 1
        lines = [last, *lines[remarks:]] if named else lines[remarks:]
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator) if separator else map(str.split, lines)
    try:
        table = [[cell.strip() for cell in row] for row in rows]
    except csv.Error as error:
        raise ValueError(f"the table cannot be read: {error}") from error
    # Rows of different lengths are filled up with empty cells by spreadsheets.
    for row in table:
        while row and not row[-1]:
            row.pop()
    return [row for row in table if row]


def _header(table: list[list[str]]) -> list[str] | None:
    """The first row, if none of its cells is found below it and one of them is a word."""
    first, below = table[0], {cell for row in table[1:] for cell in row}
    words = any(not _is_number(cell) for cell in first)
    known = {cell.lower() for cell in first} & {*SYMBOL_NAMES, *ID_NAMES} - below
    return first if len(table) > 1 and words and (known or not below & set(first)) else None


def _are_columns(header: list[str], table: list[list[str]]) -> bool:
    """Whether a table with a header has a symbol in each row, and not a sequence."""
    named = [name.lower() for name in header]
    same_width = len(set(map(len, table))) == 1
    if set(named) & set(SYMBOL_NAMES):
        return same_width or bool(set(named) & set(ID_NAMES))
    # The id of a sequence stands once where each row is one.
    ids = (
        [[row[place] for row in table[1:]] for place, name in enumerate(named) if name in ID_NAMES]
        if same_width
        else []
    )
    return bool(ids) and all(len(set(column)) < len(column) for column in ids)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


# ---- the layouts ----


def _in_columns(table: list[list[str]], header: list[str] | None, symbols: str, sequence: str) -> Sequences:
    rows = table[1:] if header else table
    names = header or [str(i) for i in range(len(table[0]))]
    at = _place(names, symbols) if symbols else _known(names, SYMBOL_NAMES)
    ids = _place(names, sequence) if sequence else _known(names, ID_NAMES)
    if len(names) == 2 and (at is None) != (ids is None):
        at, ids = (1 - ids, ids) if ids is not None else (at, 1 - at if at is not None else None)
    if at is None:
        at, ids = _by_shape(rows, names)
    short = next((i for i, row in enumerate(rows) if len(row) <= max(at, ids or 0)), None)
    if short is not None:
        raise ValueError(f"row {short + 1 + bool(header)} has no symbol or no sequence id; fill it in, or leave it out")
    columns = [ids] if sequence else _id_columns(rows, names, at, ids)
    found: dict[Any, list[str]] = {}
    for key, row in zip(_keys(rows, columns), rows, strict=True):
        found.setdefault(key, []).append(row[at])
    where = f"symbols in column {names[at]}"
    ids_of = " and ".join(names[column] for column in columns if column is not None)
    return _numbered(list(found.values()), f"{where}, sequence ids in column {ids_of}" if ids_of else where)


def _keys(rows: list[list[str]], columns: list[int | None]) -> list[Any]:
    """What tells the sequence of each row: its cells in these columns."""
    places = [column for column in columns if column is not None]
    return list(map(itemgetter(*places), rows)) if places else [""] * len(rows)


def _id_columns(rows: list[list[str]], names: list[str], at: int, ids: int | None) -> list[int | None]:
    """The columns that tell sequences apart: all that are named so, without those in which no value comes twice."""

    def repeats(columns: list[int | None]) -> bool:
        return len(set(_keys(rows, columns))) < len(rows)

    if ids is not None and names[ids].lower() not in ID_NAMES and len(rows) > 1 and not repeats([ids]):
        # A column of times or of numbers of rows.
        return [None]
    named: list[int | None] = [column for column, name in enumerate(names) if name.lower() in ID_NAMES and column != at]
    whole = all(len(row) == len(names) for row in rows)
    repeat = [column for column in named if whole and repeats([column])]
    return repeat if len(repeat) > 1 and repeats(repeat) else [ids]


def _place(names: list[str], wanted: str) -> int:
    if wanted in names:
        return names.index(wanted)
    if wanted.isdigit() and int(wanted) < len(names):
        return int(wanted)
    raise ValueError(f"there is no column {wanted!r}; the columns are {', '.join(names)[:200]}")


def _known(names: list[str], known: Sequence[str]) -> int | None:
    return next((i for i, name in enumerate(names) if name.lower() in known), None)


def _by_shape(rows: list[list[str]], names: list[str]) -> tuple[int, int]:
    """Of two columns, that of symbols and that of ids: an id stays while its sequence lasts, and does not come back."""

    def blocks(column: int) -> bool:
        cells = [row[column] for row in rows if len(row) == 2]
        changes = sum(one != other for one, other in pairwise(cells))
        return changes == len(set(cells)) - 1

    ids = [column for column in (0, 1) if blocks(column)]
    if len(names) != 2 or len(ids) != 1:
        raise ValueError(
            "expected a column of symbols and one of sequence ids, and cannot tell which is which; name them symbol "
            f"and sequence; the columns are {', '.join(names)[:200]}"
        )
    return 1 - ids[0], ids[0]


def _in_rows(table: list[list[str]], header: list[str] | None) -> Sequences:
    rows = table[1:] if header else table
    first = [row[0] for row in rows]
    others = {cell for row in rows for cell in row[1:]}
    _refuse_columns(rows, header)
    labelled = len(rows) > 1 and len(set(first)) == len(first) and not set(first) & others
    how = "one row a sequence" + (", its name in the first column" if labelled else "")
    return _numbered([row[1:] if labelled else row for row in rows], how)


def _refuse_columns(rows: list[list[str]], header: list[str] | None) -> None:
    """Raise ValueError for rows whose columns have nothing in common, of which one repeats: they are no sequences."""
    width = len(rows[0]) if rows else 0
    if header or len(rows) < 4 or not 2 < width < 7 or any(len(row) != width for row in rows):
        return
    columns = [{row[place] for row in rows} for place in range(width)]
    apart = len(set().union(*columns)) == sum(map(len, columns))
    if apart and len(columns[0]) < len(rows):
        raise ValueError(
            f"the {width} columns have no value in common, so that a row is no sequence; name the columns of symbols "
            "and of sequence ids in a first row, as sequence,symbol"
        )


# ---- the symbols ----


def _numbered(cells: list[list[str]], how: str) -> Sequences:
    """Sequences of cells as numbers of an alphabet."""
    for number, row in enumerate(cells):
        while row and row[-1] in MISSING:
            row.pop()
        if not MISSING.isdisjoint(row):
            missing = next(cell for cell in row if cell in MISSING)
            raise ValueError(
                f"sequence {number + 1} has a missing value, {missing}, at symbol {row.index(missing) + 1}; leave that "
                "row out, or cut the sequence there, or give it a name such as 'missing' to make it a symbol"
            )
        if "" in row:
            raise ValueError(f"sequence {number + 1} has an empty cell at symbol {row.index('') + 1}; fill it in")
    cells = [row for row in cells if row]
    plain = [[_canonical(cell) for cell in row] for row in cells]
    different = {cell for row in plain for cell in row}
    numeric = all(map(_is_number, different))
    alphabet = sorted(different, key=(lambda cell: (float(cell), cell)) if numeric else str)
    place = {name: o for o, name in enumerate(alphabet)}
    taken = tuple(np.array([place[cell] for cell in row], dtype=np.int64) for row in plain)
    return _checked(Sequences(taken, tuple(alphabet), how))


def _canonical(cell: str) -> str:
    """A whole number as it is written without decimals: 1.0 is 1."""
    return str(int(float(cell))) if _is_number(cell) and abs(float(cell)) < 1e15 and float(cell) % 1 == 0 else cell


def _checked(found: Sequences) -> Sequences:
    total = int(found.lengths.sum()) if found.symbols else 0
    if found.n_outputs > MAX_OUTPUTS:
        raise ValueError(
            f"at most {MAX_OUTPUTS} different symbols are supported; got {found.n_outputs}, as {found.alphabet[0]} and "
            f"{found.alphabet[1]} ({found.how}): sort measurements into a few classes first, or name the columns"
        )
    if found.n_outputs < 2:
        raise ValueError(f"expected at least 2 different symbols; got {found.n_outputs} ({found.how})")
    if total > MAX_SYMBOLS:
        raise ValueError(f"at most {MAX_SYMBOLS:,} symbols are supported; got {total:,}; take a part of them")
    if found.lengths.max() < SHORTEST:
        raise ValueError(f"expected sequences of several symbols; got {len(found.symbols)} of one symbol ({found.how})")
    return found
