"""Sequences from tables: layouts, headers, ids, alphabets, and the sentences for what cannot be read."""

import numpy as np
import pytest

from hmmrnn.model.hmm import MAX_OUTPUTS
from hmmrnn.model.sequences import read_sequences, sequences_of

WANTED = [["walk", "walk", "rest"], ["rest", "walk"]]
LONG = [("a", "walk"), ("a", "walk"), ("a", "rest"), ("b", "rest"), ("b", "walk")]


def words(found):
    return [[found.alphabet[o] for o in one] for one in found.symbols]


@pytest.mark.parametrize("text", [
    "sequence,symbol\n" + "\n".join(",".join(row) for row in LONG),
    "behaviour;fly\n" + "\n".join(f"{symbol};{id}" for id, symbol in LONG),
    "animal\tn\tbehavior\n" + "\n".join(f"{id}\t{n}\t{symbol}" for n, (id, symbol) in enumerate(LONG)),
    "walk,walk,rest\nrest,walk", "walk walk rest\nrest walk\n", "walk,walk,rest\r\nrest,walk,\r\n",
    "first,walk,walk,rest\nsecond,rest,walk", "t0,t1,t2\nwalk,walk,rest\nrest,walk",
])  # fmt: skip
def test_each_layout_is_read(text):
    found = read_sequences(text)
    assert found.alphabet == ("rest", "walk")
    assert words(found) == WANTED
    assert found.lengths.tolist() == [3, 2]


def test_numbers_are_ordered_as_numbers_and_written_in_one_way():
    found = read_sequences("symbol\n10\n2.0\n2\n-1")
    assert (found.alphabet, [one.tolist() for one in found.symbols]) == (("-1", "2", "10"), [[2, 1, 1, 0]])
    assert found.how == "one column: one sequence"


def test_columns_may_be_named_where_the_table_does_not_say():
    text = "x,y2\n0,1\n1,0\n0,1\n1,0"
    with pytest.raises(
        ValueError, match="cannot tell which is which; name them symbol and sequence; the columns are x"
    ):
        read_sequences(text)
    assert [one.tolist() for one in read_sequences(text, "x", "y2").symbols] == [[0, 0], [1, 1]]
    assert [one.tolist() for one in read_sequences(text, "1", "0").symbols] == [[1, 1], [0, 0]]
    with pytest.raises(ValueError, match="there is no column 'z'; the columns are x, y2"):
        read_sequences(text, "z")


def test_ids_are_seen_by_staying_while_a_sequence_lasts():
    found = read_sequences("7,0\n7,1\n7,0\n9,1\n9,0")
    assert found.how == "symbols in column 1, sequence ids in column 0"
    assert [one.tolist() for one in found.symbols] == [[0, 1, 0], [1, 0]]


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "the table is empty"), ("0\n0\n0", "at least 2 different symbols; got 1"),
    ("0,,1\n1,0,0", "empty cell at symbol 2"), ("a,\ufffd\n\ufffd,a", "not written in UTF-8"),
    ("\n".join(f"0.{i}1" for i in range(MAX_OUTPUTS + 1)), "at most 32 different symbols .* sort measurements into"),
    ("symbol,sequence\n0,a\n1", "row 3 has no symbol or no sequence id"), ("a\n0,1", "sequences|symbols|column"),
    ("id,0\nx,1\n", "expected"),
])  # fmt: skip
def test_what_cannot_be_read_is_said(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_sequences(text)


def test_arrays_are_taken_as_they_are():
    found = sequences_of(np.array([[0, 1, 2], [2, 1, 0]]))
    assert (found.n_outputs, found.lengths.tolist(), found.alphabet) == (3, [3, 3], ("0", "1", "2"))


def test_words_whose_letters_are_symbols():
    found = read_sequences("song\nabbacab\nbbaccab\nabcabca")
    assert (found.how, found.alphabet) == ("one row a sequence, a symbol for each letter", ("a", "b", "c"))
    assert found.symbols[0].tolist() == [0, 1, 1, 0, 2, 0, 1]
    assert read_sequences("walk\nrest\nturn\nwalk").how == "one column: one sequence"
    assert read_sequences("walk\nrest\nturn\ngroom").how == "one column: one sequence"


@pytest.mark.parametrize("name", ["choice", "whisker"])
def test_an_id_that_comes_back_is_no_row_of_symbols(name):
    text = f"subject,trial,{name}\ns1,1,L\ns1,2,R\ns2,1,L\ns2,2,R"
    if name == "choice":
        assert read_sequences(text).alphabet == ("L", "R")
    else:
        with pytest.raises(ValueError, match="name them symbol and sequence; the columns are subject, trial, whisker"):
            read_sequences(text)
    assert read_sequences("id,t1,t2,t3\na,L,R,L\nb,R,R,L").how == "one row a sequence, its name in the first column"


@pytest.mark.parametrize(
    "remarks", ["# of 2026\nsequence,symbol\n", "# of 2026\n# sequence,symbol\n", "#sequence,symbol\n"]
)
def test_remarks_above_a_table(remarks):
    found = read_sequences(f"{remarks}1,a\n1,b\n2,a\n2,b")
    assert found.how == "symbols in column symbol, sequence ids in column sequence"
    assert found.lengths.tolist() == [2, 2]
