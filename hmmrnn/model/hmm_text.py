"""Probabilities read from text, as NumPy, MATLAB, pandas, torch, hmmlearn, R, Julia, LaTeX and spreadsheets write them.

A matrix is read from brackets, nested or with rows apart by `;` or lines, or from a table with or without header and
index. Numbers may be 0.25, 1e-05, 0,25, 25 % and 1/4. Nothing of the text is run.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hmmrnn.model.hmm import NAMES, rows_of_labels
from hmmrnn.model.matrix_notation import plain_notation, tidy

Rows = list[list[float]]

MAX_CHARACTERS = 250_000
SHOWN = 40
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?"
_CELL = re.compile(rf"({_NUMBER})(%|/({_NUMBER}))?", re.IGNORECASE)
_NAME = rf"[\"'$]?\b({'|'.join(sorted(NAMES, key=len, reverse=True))})[\"']?"
# A name is followed by a sign, or stands alone on a line above its matrix.
_NAMED = re.compile(
    rf"(?<!\w){_NAME}[ \t]*(?:<-|[=:](?!=))|^[ \t]*(?:print\()?(?:\w+\.)*{_NAME}\)?[ \t]*(?:\n|$)", re.MULTILINE
)
# What sessions write before what is typed and shown.
_PROMPT = re.compile(r"^[ \t]*(?:>>>|>>|julia>|>|(?:In|Out) ?\[\d+\]:)[ \t]*", re.MULTILINE)
_OTHER_NAME = re.compile(r"[A-Za-z_]\w*[ \t]*=")
_SCALE = re.compile(rf"(?<![\d.])({_NUMBER})[ \t]*\*[ \t]*$", re.IGNORECASE | re.MULTILINE)
# A line of columns that pandas goes on with below, and the blank lines between its blocks.
_GOES_ON = re.compile(r"[ \t]*\\[ \t]*$", re.MULTILINE)
_COLUMNS = re.compile(r"^\s*columns? +\d+(?: +(?:through|and|to) +\d+)?:?\s*$", re.IGNORECASE | re.MULTILINE)


def read_hmm(text: str) -> dict[str, Any]:
    """Read the matrices of an HMM, each after its name: `A = ...`, `"B": ...`, `transmat_ = ...`, or as JSON.

    Returns:
        what `HMM.from_dict` takes; empty if the text has no names.

    Raises:
        ValueError: a matrix cannot be read.
    """
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        found = None
    if isinstance(found, Mapping):
        return dict(found)
    text = _PROMPT.sub("", tidy(text))
    marks = list(_NAMED.finditer(text))
    named: dict[str, Any] = {}
    for i, mark in enumerate(marks):
        name, end = next(filter(None, mark.groups())), marks[i + 1].start() if i + 1 < len(marks) else len(text)
        section = text[mark.end() : end].strip(" ,;\n\t")
        if not section or (mark.group().endswith("\n") and _OTHER_NAME.match(section)):
            continue
        if name in named:
            raise ValueError(f"{name} is there twice; expected each matrix once")
        rows = _by_labels(section) or read_rows(section, square=NAMES[name] == "A")
        named[name] = [value for row in rows for value in row] if NAMES[name] == "start" else rows
    return named


def _by_labels(text: str) -> Rows | None:
    """The rows of a dictionary of dictionaries, as Python prints it; None if it is none."""
    if not re.match(r"\{\s*[\"'\w]+\s*:", text):
        return None
    try:
        tree = ast.literal_eval(text[: text.rindex("}") + 1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return rows_of_labels(tree)


def read_rows(text: str, square: bool = False) -> Rows:
    """Read the numbers of a matrix, in rows that are equally long.

    Args:
        text: the matrix.
        square: whether it has as many columns as rows: then a first row 0 1 above two others is a header.

    Raises:
        ValueError: the text is too long or shortened, a cell is no number, or rows are not equally long.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"a matrix must have at most {MAX_CHARACTERS:,} characters; got {len(text):,}")
    text = plain_notation(_PROMPT.sub("", tidy(text)))
    scale = _SCALE.search(text)
    text = _SCALE.sub("", text)
    split = re.split(r"\n[ \t]*\n", _GOES_ON.sub("", text)) if _GOES_ON.search(text) else _COLUMNS.split(text)
    blocks = [part for part in split if part.strip()]
    parts = [_bracketed(part) if "[" in part else _table(part, square and len(blocks) == 1) for part in blocks]
    if not any(parts):
        raise ValueError("expected the numbers of a matrix; got no numbers")
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"expected equally many rows in each block of columns; got {[len(part) for part in parts]}")
    factor = float(scale.group(1)) if scale else 1.0
    rows = [[factor * cell for part in parts for cell in part[i]] for i in range(len(parts[0]))]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"row {i} has {len(row)} numbers, and row 0 has {len(rows[0])}; expected equally many")
    return rows


def _bracketed(text: str) -> Rows:
    """The rows of [[a, b], [c, d]], of [a b; c d], and of brackets with a row on each line."""
    first, last = text.index("["), text.rfind("]")
    if last < first:
        raise ValueError("a bracket is opened and not closed; copy the whole matrix")
    body = text[first : last + 1]
    nested = re.match(r"\[\s*\[", body) is not None
    if "..." in body:
        if nested or "\n" not in body:
            raise ValueError("the matrix is shortened by '...'; print it as a whole and copy it again")
        body = re.sub(r"\.\.\.[^\n]*\n", " ", body)
    body = _decimal_points(body, ",")
    rows = re.findall(r"\[([^\[\]]*)\]", body)
    if not nested and len(rows) == 1:
        # Python breaks lines after a comma; of a vector that NumPy wraps without commas the last line is shorter.
        lines = [line for line in re.split(r"[;\n]", re.sub(r",\s*\n", ", ", rows[0])) if line.strip(" ,\t")]
        split = [_cells(line) for line in lines]
        ragged = len({len(line) for line in split}) > 1
        return [[cell for line in split for cell in line]] if ragged and ";" not in rows[0] else split
    return [_cells(row) for row in rows if row.strip(" ,;\n\t")]


def _cells(text: str) -> list[float]:
    return [_number(cell) for cell in re.split(r"[,;\s]+", text.strip(" ,;\n\t"))]


def _decimal_points(text: str, signs: str) -> str:
    """The text with points for decimal commas: there is no point, and numbers are apart by other signs or blanks."""
    apart = re.search(rf"\d[ ]+[\d,]|[{re.escape(signs)}]" if signs != "," else r"\d[ ]+[\d,]", text)
    decimal = re.search(r"\d,\d", text) and not re.search(r",\s", text) and "." not in text and apart
    return re.sub(r"(?<=\d),(?=\d)", ".", text) if decimal else text


def _table(text: str, square: bool) -> Rows:
    """The rows of a table, without its header and index."""
    text = _decimal_points(text, ";\t")
    lines = [line for line in text.split("\n") if line.strip()]
    separator = next((sign for sign in "\t;," if sign in text), None)
    if separator is None:
        table = [line.split() for line in lines]
    else:
        # A comma at the end of each line, as between rows in a program, is no cell.
        ends = separator if all(line.rstrip().endswith(separator) for line in lines[:-1]) and len(lines) > 1 else ""
        table = [[cell.strip() for cell in row] for row in csv.reader(
            [line.strip(" ").removesuffix(ends) for line in lines], delimiter=separator)]  # fmt: skip
    filled = [row for row in table if any(row)]
    return _values(filled, square) if filled else []


def _values(table: list[list[str]], square: bool) -> Rows:
    """The cells that are no header and no index, as numbers."""
    indexed = False
    if len(table) > 1 and _is_header(table, square):
        header, *table = table
        indexed = header[0] == "" or len(header) < len(table[0])
    if indexed or (len(table[0]) > 1 and not any(_CELL.fullmatch(row[0]) for row in table)):
        return [[_number(cell) for cell in row[1:]] for row in table]
    rows = [[_number(cell) for cell in row] for row in table]
    return [row[1:] for row in rows] if _is_index(rows) else rows


def _is_header(table: list[list[str]], square: bool) -> bool:
    first, rest = table[0], table[1:]
    if not all(_CELL.fullmatch(cell) for cell in first):
        # A word in a matrix without header is said to be no number.
        return not any(_CELL.fullmatch(cell) for cell in first) or first[0] == ""
    if len(first) < len(rest[0]):
        return True
    if not _counts_up([_number(cell) for cell in first]):
        return False
    return len(first) > 2 or float(first[0]) == 1 or (square and len(rest) == len(first))


def _is_index(rows: Rows) -> bool:
    counted = len(rows) > 1 and _counts_up([row[0] for row in rows])
    return counted and all(abs(sum(row[1:]) - 1) < 0.02 for row in rows)


def _counts_up(values: Sequence[float]) -> bool:
    return len(values) > 1 and values[0] in (0, 1) and list(values) == [values[0] + i for i in range(len(values))]


def _number(text: str) -> float:
    match = _CELL.fullmatch(text.strip())
    if match is None and "..." in text:
        raise ValueError("the matrix is shortened by '...'; print it as a whole and copy it again")
    if match is None:
        raise ValueError(f"expected numbers, as 0.25, 1e-05, 25 % or 1/4; got {text[:SHOWN]!r}")
    value = float(match.group(1))
    if match.group(2) == "%":
        return value / 100
    if not match.group(3):
        return value
    if float(match.group(3)) == 0:
        raise ValueError(f"expected a fraction; got {text[:SHOWN]!r}, which divides by 0")
    return value / float(match.group(3))
