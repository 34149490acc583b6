"""Sequences that are no table: FASTA and FASTQ, lists of Python and JSON, and words whose letters are the symbols."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

# Letters of words are symbols if there are so many of each on average.
FEWEST_OF_A_LETTER = 4
# So long are words that are no names, and so many letters they are made of at most, if words come twice or are alone.
LONG, ALONE, FEW_LETTERS = 8, 20, 6


def records(text: str) -> tuple[list[list[str]], str] | None:
    """The sequences of a text that is no table, and how it was read; None if it may be a table."""
    text = text.lstrip("\ufeff").strip()
    if text.startswith(">"):
        found = [part.partition("\n")[2] for part in re.split(r"(?m)^>", text)[1:]]
        return _letters_of(found, "FASTA")
    lines = text.splitlines()
    if text.startswith("@") and len(lines) >= 4 and lines[2].startswith("+"):
        return _letters_of(lines[1::4], "FASTQ")
    if text.startswith(("[", "(")):
        return _listed(text, lines)
    return None


def _letters_of(parts: Sequence[str], name: str) -> tuple[list[list[str]], str]:
    found = [list(re.sub(r"\s", "", part).removesuffix("*")) for part in parts]
    return [letters for letters in found if letters], f"{name}, a symbol for each letter"


def _listed(text: str, lines: Sequence[str]) -> tuple[list[list[str]], str] | None:
    """Lists in a list, or one in each line."""
    try:
        tree = ast.literal_eval(text) if len(lines) == 1 or text[1:].lstrip()[:1] in "[(" else None
        tree = [ast.literal_eval(line) for line in lines if line.strip()] if tree is None else tree
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(tree, list | tuple) or not tree:
        return None
    rows = tree if all(isinstance(row, list | tuple) for row in tree) else [tree]
    return [[str(cell) for cell in row] for row in rows], "one list a sequence"


def words_of_letters(cells: Sequence[str]) -> list[str]:
    """Words whose letters are the symbols, without a header; none if they are names or numbers."""
    words = list(cells)
    if len(words) > 1 and set(words[0]) - set("".join(words[1:])):
        words = words[1:]
    letters = "".join(words)
    if not words or len(set(letters)) * FEWEST_OF_A_LETTER > len(letters):
        return []
    few = len(set(letters)) <= FEW_LETTERS
    if len(words) == 1:
        return words if few and len(letters) >= ALONE and _are_letters(words[0]) else []
    if all(word.isdecimal() for word in words):
        # A number does not begin with 0.
        return words if few and min(map(len, words)) > 1 and any(word.startswith("0") for word in words) else []
    twice = len(set(words)) < len(words)
    are = all(len(word) > 1 and _are_letters(word) for word in words)
    return words if are and (not twice or (few and min(map(len, words)) >= LONG)) else []


def _are_letters(word: str) -> bool:
    return word.replace("-", "").isalpha() or word.isdecimal()


def named_words(table: Sequence[Sequence[str]]) -> list[str]:
    """The words of letters beside names, one of each in a row; none if a table of two columns is another."""
    if any(len(row) != 2 for row in table):
        return []
    for names, words in ((0, 1), (1, 0)):
        found = words_of_letters([row[words] for row in table]) if len(table[-1][words]) >= LONG else []
        labels = {row[names] for row in table[len(table) - len(found) :]}
        if len(found) > 1 and min(map(len, found)) >= LONG and len(labels) == len(found):
            return found
    return []
