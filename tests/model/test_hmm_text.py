"""Matrices as programs print them: numbers, rows, header and index, names, and the sentences for what is none."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from hmmrnn import HMM, TrainingConfig
from hmmrnn.model.hmm_text import MAX_CHARACTERS, read_hmm, read_rows

CASES = Path(__file__).parents[1] / "cases"
TWO = [[0.9, 0.1], [0.2, 0.8]]


def hmm_of(case: str) -> HMM:
    return HMM.from_dict(read_hmm((CASES / case).read_text()))


class TestCases:
    @pytest.mark.parametrize("name", sorted(path.name for path in (CASES / "paste-numpy-scientific").iterdir()))
    def test_scientific_notation(self, name):
        assert read_rows((CASES / "paste-numpy-scientific" / name).read_text()) == [[0.9999, 0.0001], [0, 1]]

    @pytest.mark.parametrize("name", sorted(path.name for path in (CASES / "paste-other-programs").iterdir()))
    def test_prints_of_other_programs(self, name):
        text = (CASES / "paste-other-programs" / name).read_text()
        found = np.array(read_hmm(text).get("A") or read_rows(text))
        if "wrapped" not in name:
            np.testing.assert_allclose(found, TWO, rtol=1e-15)
            return
        assert found.shape == (2, 9)
        np.testing.assert_allclose(found, 1 / 9, atol=2e-5)
        if name == "numpy-wrapped.txt":
            assert found[:, :8].tolist() == [[0.11111111] * 8] * 2
            assert found[:, 8].tolist() == [0.11111112] * 2

    @pytest.mark.parametrize(
        "name",
        ["hmmlearn.json", "pi.json", "printed.txt", "dictionary.txt", "matlab.txt", "console.txt", "ipython.txt"],
    )
    def test_names_of_hmmlearn(self, name):
        hmm = hmm_of(f"hmm-hmmlearn-names/{name}")
        assert (hmm.A.tolist(), hmm.B.tolist()) == (TWO, [[0.9, 0.1], [0.1, 0.9]])
        assert hmm.start.tolist() == [0.5, 0.5]

    def test_a_name_that_is_not_known_is_named(self):
        with pytest.raises(ValueError, match=r"^n_components is not known: an HMM must have matrices A and B"):
            hmm_of("hmm-hmmlearn-names/model-attributes.json")
        assert hmm_of("hmm-hmmlearn-names/named.json").name == "dice"

    def test_what_is_left_below_zero_is_zero(self):
        hmm = hmm_of("hmm-rounding/tiny-negative.json")
        assert (hmm.A.tolist(), hmm.notes) == ([[1, 0], [0.5, 0.5]], ())

    def test_rounded_rows_are_divided_by_their_sum(self):
        hmm = hmm_of("hmm-rounding/six-decimals.json")
        np.testing.assert_allclose(hmm.A, 1 / 3, rtol=0, atol=1e-16)
        assert hmm.notes == ("3 of 3 rows of A divided by the sum, which is 0.999999 by rounding",)
        hmm = hmm_of("hmm-rounding/four-decimals.json")
        np.testing.assert_allclose(hmm.A[0], 1 / 7, rtol=0, atol=1e-16)
        assert hmm.notes == ("1 of 7 rows of A divided by the sum, which is 1.0003 by rounding",)
        assert hmm_of("hmm-rounding/above-one.json").A.tolist() == [[1, 0], [0.5, 0.5]]
        hmm = hmm_of("hmm-rounding/single-precision.json")
        np.testing.assert_allclose(hmm.B[0], 1 / 3, rtol=0, atol=1e-16)
        assert hmm.notes == ("1 of 2 rows of B divided by the sum, which is 0.999 by rounding",)

    def test_a_row_that_is_short_by_more_than_rounding_is_refused(self):
        with pytest.raises(ValueError, match=r"row 0 of A must sum to 1; got 0\.95"):
            hmm_of("hmm-rounding/no-rounding.json")
        for row in ([0.33, 0.33, 0.33], [0.5, 0.495], [0.9995, 0.0001]):
            with pytest.raises(ValueError, match="row 0 of B must sum to 1"):
                HMM([[1]], [row])

    def test_a_chain_that_ends_for_good_is_known_exactly_and_refused_before_training(self):
        hmm = hmm_of("hmm-left-to-right/left-to-right.json")
        assert (hmm.stationary.tolist(), hmm.volatility) == ([0, 0, 0, 1], 0)
        assert hmm.long_run == "the target ends in state 3 for good"
        said = "the target emits symbol 1 alone in the long run, because the target ends in state 3 for good"
        with pytest.raises(ValueError, match=said):
            TrainingConfig.for_hmm(hmm)

    def test_the_other_chains_that_stop_get_their_sentence(self):
        with pytest.raises(ValueError, match="emits symbol 1 alone in the long run, so there is nothing to emulate"):
            TrainingConfig.for_hmm(hmm_of("hmm-left-to-right/single-symbol.json"))
        with pytest.raises(ValueError, match="states 0, 1 and states 2, 3 are each never left"):
            TrainingConfig.for_hmm(hmm_of("hmm-left-to-right/disconnected.json"))
        noisy = hmm_of("hmm-left-to-right/absorbing-noisy.json")
        assert TrainingConfig.for_hmm(noisy).hmm.long_run == "the target ends in state 2 for good"
        assert (noisy.stationary.tolist(), noisy.volatility) == ([0, 0, 1], 0.5)
        # The part that the start never reaches does not count.
        one = hmm_of("hmm-left-to-right/disconnected-one-start.json")
        assert TrainingConfig.for_hmm(one).hmm.long_run == "the target stays for good among states 0, 1"
        np.testing.assert_allclose(one.stationary, [0.5, 0.5, 0], rtol=0, atol=1e-12)


class TestRows:
    @pytest.mark.parametrize(("text", "rows"), [
        ("0,9\t0,1\n0\t1", [[0.9, 0.1], [0, 1]]), ("90 %; 10 %\n1/4; 3/4", [[0.9, 0.1], [0.25, 0.75]]),
        ("[0,9 0,1; 0,2 0,8]", TWO), ("[1,0;0,1]", [[1, 0], [0, 1]]), ("{{0.9, 0.1}, {0.2, 0.8}}", TWO),
        ("0.9,0.1,\n0.2,0.8,", TWO), ("state,a,b\nx,0.9,0.1\ny,0.2,0.8", TWO), ("0 0.9 0.1\n1 0.2 0.8", TWO),
        ("1//3 2//3\n1 0", [[1 / 3, 2 / 3], [1, 0]]), ("[0.9, 0.1]\n[0.2, 0.8]", TWO), ("0.9 0.1", [[0.9, 0.1]]),
        ("[0.4 0.3\n 0.3]", [[0.4, 0.3, 0.3]]), ("\N{MINUS SIGN}0.0 1", [[0, 1]]),
        ("0.9\N{NO-BREAK SPACE}0.1", [[0.9, 0.1]]),
        ("Array([[0.9, 0.1],\n [0.2, 0.8]], dtype=float32)", TWO), ("[[0.9, 0.1],\r\n [0.2, 0.8]]\r\n", TWO),
        ("[1 0 0; ...\n 0 1 0;\n 0 0 1]", np.eye(3).tolist()), ("0,1,2\n1,0,0\n0,1,0\n0,0,1", np.eye(3).tolist()),
    ])  # fmt: skip
    def test_are_read(self, text, rows):
        assert read_rows(text) == rows

    @pytest.mark.parametrize("text", [
        r"0.9 & 0.1 \\ 0.2 & 0.8", "0.9 & 0.1 \\\\\n0.2 & 0.8 \\\\",
        r"\begin{pmatrix} \frac{9}{10} & \frac{1}{10} \\ \frac{1}{5} & \frac{4}{5} \end{pmatrix},",
        r"\left(\begin{array}{cc} 90\% & 10\% \\[2pt] 20\% & 80\% \end{array}\right)",
        "\\begin{tabular}{l|cc}\n & $S_1$ & $S_2$ \\\\ \\hline\n$S_1$ & $0.9$ & $0.1$ \\\\\n"
        "$S_2$ & 0.2 & 0.8 \\\\\n\\end{tabular}",
        "\\begin{tabular}{lrr}\n\\toprule\n & 0 & 1 \\\\\n\\midrule\n0 & 0.9 & 0.1 \\\\\n1 & 0.2 & 0.8 \\\\\n"
        "\\bottomrule\n\\end{tabular}",
        "0,9 & 0,1 \\\\ 0,2 & 0,8",
    ])  # fmt: skip
    def test_of_latex_are_read(self, text):
        np.testing.assert_allclose(read_rows(text), TWO, rtol=1e-15)

    @pytest.mark.parametrize("text", [
        "matrix(c(0.9, 0.2, 0.1, 0.8), nrow = 2)", "matrix(c(.9,.1,.2,.8), ncol=2, byrow=T)",
        "matrix(c(0.9, 0.2, 0.1, 0.8), 2, 2)", "structure(c(0.9, 0.2, 0.1, 0.8), dim = c(2L, 2L))",
        "rbind(c(0.9, 0.1), c(0.2, 0.8))", "cbind(c(0.9, 0.2), c(0.1, 0.8))", "array(c(0.9, 0.2, 0.1, 0.8), c(2, 2))",
        "# A tibble: 2 x 2\n     V1    V2\n  <dbl> <dbl>\n1   0.9   0.1\n2   0.2   0.8",
        "    to\nfrom   A   B\n   A 0.9 0.1\n   B 0.2 0.8",
    ])  # fmt: skip
    def test_of_r_are_read(self, text):
        assert read_rows(text) == TWO

    def test_a_vector_of_r_has_no_index(self):
        assert read_rows("[1] 0.25 0.25\n[3] 0.50") == [[0.25, 0.25, 0.5]]

    @pytest.mark.parametrize("text", [
        "- [0.9, 0.1]\n- [0.2, 0.8]", "- - 0.9\n  - 0.1\n- - 0.2\n  - 0.8", "-\n  - 0.9\n  - 0.1\n-\n  - 0.2\n  - 0.8",
        "2-element Vector{Vector{Float64}}:\n [0.9, 0.1]\n [0.2, 0.8]", "((0.9, 0.1), (0.2, 0.8))",
        "{{9.*^-1, 0.1}, {0.2, 0.8}}", "{ {0.9f, 0.1f}, {0.2f, 0.8f} };", "0.9D0 0.1D0\n0.2D0 0.8D0",
        "<table><tr><th>a</th><th>b</th></tr><tr><td>0.9</td><td>0.1</td></tr><tr><td>0.2</td><td>0.8</td></tr></table>",
        "| 0.9 | 0.1 |\n|-----+-----|\n| 0.2 | 0.8 |",
        "+-----+-----+\n| 0.9 | 0.1 |\n+=====+=====+\n| 0.2 | 0.8 |\n+-----+-----+",
        "=== ===\n0.9 0.1\n0.2 0.8\n=== ===", "  s1  | s2  \n------+-----\n 0.9 | 0.1\n 0.2 | 0.8\n(2 rows)",
        "0.90 (0.01) 0.10 (0.01)\n0.20 (0.02) 0.80 (0.02)", "0.9 ± 0.01, 0.1 ± 0.01\n0.2 ± 0.02, 0.8 ± 0.02",
        "# drawn by Stan\n0.9,0.1\n0.2,0.8", "(0.9\t0.1\n0.2\t0.8)",
    ])  # fmt: skip
    def test_of_other_programs_are_read(self, text):
        np.testing.assert_allclose(read_rows(text), TWO, rtol=1e-15)

    def test_a_dot_of_julia_is_zero(self):
        assert read_rows("2×2 SparseMatrixCSC{Float64} with 3 stored entries:\n 0.9  0.1\n  ⋅   1.0") == [
            [0.9, 0.1],
            [0, 1],
        ]

    def test_a_header_0_1_is_seen_above_a_square_matrix_alone(self):
        assert read_rows("0,1\n0.9,0.1\n0.2,0.8", square=True) == TWO
        assert read_rows("0,1\n0.9,0.1\n0.2,0.8") == [[0, 1], *TWO]

    @pytest.mark.parametrize(("text", "sentence"), [
        ("", "got no numbers"),
        ("|||", "got no numbers"), ("&", "got no numbers"), ("- -", "got no numbers"),
        ("abc", "expected numbers, .* got 'abc'"), ("0.5 x\n0.5 0.5", "got 'x'"),
        ("[[0.9, 0.1], [0.2]]", "row 1 has 1 numbers, and row 0 has 2"), ("[0.9 0.1", "opened and not closed"),
        ("[[1. 0. ... 0.]\n [0. 1.]]", "shortened by"), ("1 ... 2\n3 ... 4", "shortened by"), ("1/0 1", "divides by 0"),
        ("__import__('os')", "expected numbers"), ("[[nan, 1]]", "got 'nan'"), ("1" * (MAX_CHARACTERS + 1), "at most"),
    ])  # fmt: skip
    def test_what_is_none_is_said_in_a_sentence(self, text, sentence):
        with pytest.raises(ValueError, match=sentence):
            read_rows(text)

    @pytest.mark.parametrize(
        "sign", ["1", " ", "\t", "\n", "&", "\\", "\v", "|", "[1] ", "- ", "matrix(", "9 (", " %", "1."]
    )
    def test_a_long_text_of_one_sign_comes_to_an_end(self, sign):
        """A pattern that tries a run from each of its signs would take hours, and the test its limit of time."""
        text = (sign * MAX_CHARACTERS)[:MAX_CHARACTERS]
        with contextlib.suppress(ValueError):
            assert read_rows(text)

    @given(st.data())
    @settings(max_examples=60, deadline=None)
    def test_what_numpy_prints_is_read_back(self, data):
        shape = data.draw(st.tuples(st.integers(2, 20), st.integers(2, 20)))
        matrix = data.draw(arrays.arrays(float, shape, elements=st.floats(0, 1)))
        written = data.draw(st.sampled_from([str, repr, lambda m: str(m.tolist())]))
        with np.printoptions(precision=17, threshold=10_000):
            np.testing.assert_allclose(read_rows(written(matrix)), matrix, rtol=1e-15, atol=1e-17)


@pytest.mark.parametrize("text", [
    "A:\n  - - 0.9\n    - 0.1\n  - - 0.2\n    - 0.8\nB:\n  - [1.0, 0.0]\n  - [0.0, 1.0]  # never\n",
    "transition:\n  - [0.9, 0.1]\n  - [0.2, 0.8]\nemission:\n  - [1, 0]\n  - [0, 1]\n",
    "> A\n     [,1] [,2]\n[1,]  0.9  0.1\n[2,]  0.2  0.8\n> B\n     [,1] [,2]\n[1,]    1    0\n[2,]    0    1\n",
    '$States\n[1] "A" "B"\n\n$startProbs\n  A   B \n0.5 0.5 \n\n'
    "$transProbs\n    to\nfrom   A   B\n   A 0.9 0.1\n   B 0.2 0.8\n"
    "\n$emissionProbs\n      symbols\nstates    L    R\n     A 1.00 0.00\n     B 0.00 1.00\n",
    "A <- matrix(c(0.9, 0.1, 0.2, 0.8), nrow=2, byrow=TRUE)\nB <- rbind(c(1, 0), c(0, 1))",
    "julia> A\n2×2 Matrix{Float64}:\n 0.9  0.1\n 0.2  0.8\n\njulia> B\n2×2 Matrix{Float64}:\n 1.0  0.0\n 0.0  1.0\n",
    ">> A\n\nA =\n\n    0.9000    0.1000\n    0.2000    0.8000\n\n>> B\n\nB =\n\n     1     0\n     0     1\n",
    "TRANS = [.9 .1; .2 .8];\nEMIS = [1 0; 0 1];", "A\n0.9,0.1\n0.2,0.8\nB\n1,0\n0,1",
    "Transition matrix:\n0.9 0.1\n0.2 0.8\nEmission matrix:\n1.0 0.0\n0.0 1.0",
    r"A = \begin{pmatrix} 0.9 & 0.1 \\ 0.2 & 0.8 \end{pmatrix}, \quad B = \begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}",
    '{"transition_matrix": [[0.9, 0.1], [0.2, 0.8]], "emission_matrix": [[1, 0], [0, 1]]}',
    '{"A": {"s": {"s": 0.9, "t": 0.1}, "t": {"t": 0.8, "s": 0.2}}, '
    '"B": {"s": {"L": 1, "R": 0}, "t": {"L": 0, "R": 1}}}',
    "transition_probability = {'s': {'s': 0.9, 't': 0.1}, 't': {'s': 0.2, 't': 0.8}}\n"
    "emission_probability = {'s': {'L': 1, 'R': 0}, 't': {'R': 1}}\n",
])  # fmt: skip
def test_a_whole_hmm_in_the_notation_of_other_programs(text):
    hmm = HMM.from_dict(read_hmm(text))
    np.testing.assert_allclose(hmm.A, TWO, rtol=1e-12)
    assert (hmm.B.tolist(), hmm.start.tolist()) == (np.eye(2).tolist(), [0.5, 0.5])


def test_a_fitted_model_is_taken_by_its_attributes():
    fitted = SimpleNamespace(transmat_=np.array(TWO), emissionprob_=np.eye(2), startprob_=np.array([0.3, 0.7]))
    hmm = HMM.from_hmmlearn(fitted)
    assert (hmm.A.tolist(), hmm.B.tolist(), hmm.start.tolist()) == (TWO, np.eye(2).tolist(), [0.3, 0.7])
    with pytest.raises(ValueError, match="got SimpleNamespace without emissionprob_, startprob_"):
        HMM.from_hmmlearn(SimpleNamespace(transmat_=TWO))


def test_a_name_that_is_there_twice_is_refused():
    with pytest.raises(ValueError, match="A is there twice; expected each matrix once"):
        read_hmm("A = [1]\nA = [1]")
    with pytest.raises(ValueError, match="A is there twice, under two names; got A, transmat_"):
        HMM.from_dict({"A": [[1]], "transmat_": [[1]], "B": [[1]]})
