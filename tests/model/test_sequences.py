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


DNA = ["ACGTACGTAACC", "GGCATTACGGAT", "ACCCGTTTAGGA"]


@pytest.mark.parametrize("text", [
    "\n".join(f">s{i} of 2, b\n{one}" for i, one in enumerate(DNA)),
    "\n".join(f">s{i}\n{one[:7]}\n{one[7:]}" for i, one in enumerate(DNA)) + "*\n",
    "\n".join(f"@s{i}\n{one}\n+\n{'I' * 12}" for i, one in enumerate(DNA)),
    "\n".join(DNA), "\n".join(f"s{i}\t{one}" for i, one in enumerate(DNA)),
    "id,sequence\n" + "\n".join(f"s{i},{one}" for i, one in enumerate(DNA)), str([list(one) for one in DNA]),
    "\n".join(str(list(one)) for one in DNA),
    "\n".join(f">{i}\n{one}" for i, one in enumerate(DNA)).replace("\n", "\r\n"),
])  # fmt: skip
def test_letters_in_fasta_lists_and_strings(text):
    found = read_sequences(text)
    assert found.alphabet == ("A", "C", "G", "T")
    assert ["".join(one) for one in words(found)] == DNA


@pytest.mark.parametrize(("text", "wanted"), [
    ("0010110\n0110100\n1110001", ["0010110", "0110100", "1110001"]), (DNA[0] * 3, [DNA[0] * 3]),
    ("\n".join([DNA[0], DNA[0], DNA[1]]), [DNA[0], DNA[0], DNA[1]]),
    ("AC-GT-AC\nA--GTTAC\nACGGT--C", ["AC-GT-AC", "A--GTTAC", "ACGGT--C"]),
    ("[[0, 1, 0], [1, 1, 0]]", ["010", "110"]), ("x y x y\ny y x x", ["xyxy", "yyxx"]),
])  # fmt: skip
def test_strings_of_digits_alone_twice_and_with_gaps(text, wanted):
    assert ["".join(one) for one in words(read_sequences(text))] == wanted


@pytest.mark.parametrize("text", ["10\n11\n10\n101", "walking\ngrooming\nwalking\ngrooming", "100\n200\n100\n300"])
def test_names_and_numbers_are_no_strings(text):
    assert read_sequences(text).how == "one column: one sequence"


@pytest.mark.parametrize("names", ["subject,trial", "animal,session", "fly,bout"])
def test_several_columns_of_ids_tell_sequences_apart(names):
    text = f"{names},choice\nm,1,L\nm,1,R\nm,2,L\nm,2,L\nn,1,R\nn,1,L"
    if names == "fly,bout":
        text = text.replace("fly", "animal")
    assert read_sequences(text).lengths.tolist() == [2, 2, 2]


@pytest.mark.parametrize("text", ["time,symbol\n0.0,x\n0.1,y\n0.2,x", "n,state\n1,x\n2,y\n3,x", "0,x\n1,y\n2,x\n3,x"])
def test_a_column_of_times_or_numbers_of_rows_is_no_id(text):
    assert len(read_sequences(text).symbols) == 1


@pytest.mark.parametrize(("text", "sentence"), [
    ("sequence,symbol\na,x\na,NA\na,y", "sequence 1 has a missing value, NA, at symbol 2; leave that row out"),
    ("0,1,nan,1\n1,0,1,1\n0,0,1,1", "sequence 1 has a missing value, nan, at symbol 3"),
    ("symbol\nx\n#N/A\ny", "missing value, #N/A, at symbol 2"), ("a\x00b\x00", "no text in UTF-8; if it is a table"),
    ("m,1,a\nm,1,b\nm,2,a\nn,1,b\nn,1,a", "the 3 columns have no value in common"),
])  # fmt: skip
def test_missing_values_and_columns_without_names_are_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_sequences(text)


def test_missing_values_at_the_end_fill_rows_up():
    assert read_sequences("x,y,x,NA,NA\ny,y,x,x,NA\nx,y,x,y,x").lengths.tolist() == [3, 4, 5]
