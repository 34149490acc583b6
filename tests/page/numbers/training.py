"""The form of a new training."""

from __future__ import annotations

from hmmrnn.dashboard.pages.train.form import read_paste, setup
from tests.page.numbers.given import Numbers

PASTES = [
    ("A", "0,9\t0,1\t0\n0\t0,9\t0,1\n0,1\t0\t0,9"),
    ("B", "90 %; 10 %\n0.5; 0.5\n1/4; 3/4"),
    ("A", "[[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]"),
    ("A", "[[9.999e-01 1.000e-04]\n [0.000e+00 1.000e+00]]"),
    ("A", "\n".join(["0.1,0.9"] * 71)),
    ("B", "transmat_ = [[0.9 0.1]\n [0.2 0.8]]\nemissionprob_ = [[1 0]\n [0 1]]\nstartprob_ = [1. 0.]"),
    ("A", '{"name": "mouse 7", "A": [[0.9, 0.1], [0.2, 0.8]], "B": [[1, 0], [0, 1]]}'),
    ("B", "A = [0.7 0.3; 0.4 0.6]"),
    ("B", "A = [0.333 0.666; 0.4 0.6]; B = [1 0; 0 1]"),
    ("A", "no numbers"),
]


def training() -> Numbers:
    """What the form of a new training begins with, and how the server reads what is pasted."""
    answers = []
    for matrix, text in PASTES:
        try:
            answers.append(read_paste({"matrix": matrix, "text": text}))
        except ValueError as error:
            answers.append({"refused": str(error)})
    return {"setup": setup(), "pastes": [[*pasted, answer] for pasted, answer in zip(PASTES, answers, strict=True)]}
