"""The tables of the page on leave rates: each part is replaced alone, and parts of a change add up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hmmrnn.analysis.leave_rate_theory import Factors
from hmmrnn.model.hmm import HMM
from hmmrnn.training.config import TrainingConfig
from scripts import leave_rates
from scripts.leave_rates import FAMILY, LENGTH, REFERENCE, SETTINGS, STEPS, Member, change_table, family_table, write


@dataclass(frozen=True)
class Predicted:
    """What the tables take of a prediction."""

    measured: Any
    groups: tuple = ((1, 2), (3,))
    missed: Any = (0.1, 0.2)
    predicted: Any = (0.03, 0.05)
    predicted_se: Any = (0.003, 0.004)
    measured_se: Any = (0.001, 0.001)


def member(q: float, scale: float) -> Member:
    factors = Factors(*map(np.float64, (1.0 / scale, 1.2, 0.8, 0.4 * scale)))
    return Member(q, q > 0.02, Predicted(measured=np.array([q, q])), factors, Factors(0.01, 0.01, 0.001, 0.02))


@pytest.fixture
def members() -> list[Member]:
    return [member(q, (q / REFERENCE) ** 0.3) for q in FAMILY]


def numbers(row: str) -> list[float]:
    return [float(text) for text in re.findall(r"[+-]\d+\.\d+", row)]


def test_the_parts_of_a_change_add_up_to_it(members):
    columns, _, *rows = change_table(members)
    assert columns.startswith("| from q = 0.05 to | distance | noise | memory | chance | all (prediction) |")
    assert [row.split("|")[1].strip() for row in rows] == [f"{q:g}" for q in FAMILY if q != REFERENCE]
    for row, q in zip(rows, [q for q in FAMILY if q != REFERENCE], strict=True):
        distance, noise, memory, chance, everything, measured, wanted = numbers(row)
        assert distance + noise + memory + chance == pytest.approx(everything, abs=0.021)
        # Nothing but distance and chance was changed.
        assert (noise, memory) == (0, 0)
        assert chance == pytest.approx(0.3 * np.log(q / REFERENCE), abs=0.006)
        assert measured == wanted == pytest.approx(np.log(q / REFERENCE), abs=0.006)


def test_an_error_of_a_factor_is_that_of_its_part(members):
    [reference] = [one for one in members if one.q == REFERENCE]
    exact = members[0]._replace(errors=Factors(0.0, 0.0, 0.0, 0.02))
    errors = leave_rates._part_errors(reference._replace(errors=Factors(0.0, 0.0, 0.0, 0.0)), exact)
    assert errors.chance == pytest.approx(np.log(1 + 0.02 / exact.factors.chance), rel=1e-6)
    assert max(errors.distance, errors.noise, errors.memory) == pytest.approx(0)


def test_every_chain_has_a_row(members):
    _, _, *rows = family_table(members)
    assert [row.split("|")[2].strip() for row in rows] == ["fails", "fails", "passes", "passes", "passes"]
    assert all("0.0400 ± 0.0025" in row for row in rows)


def test_a_part_of_the_page_is_replaced_alone(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    monkeypatch.setattr(leave_rates, "PAGE", page)
    monkeypatch.setattr(leave_rates, "ROOT", tmp_path)
    page.write_text("a\n<!-- one -->\nold\n<!-- end of one -->\nb\n<!-- other -->\n<!-- end of other -->\n")
    for lines in (["1"], ["2", "3"]):
        write("one", lines, "2026-01-01")
    text = page.read_text()
    assert "old" not in text
    assert "<!-- one, made on 2026-01-01 -->\n\n2\n3\n\n<!-- end of one -->\nb\n<!-- other -->" in text
    assert "wrote one into page.md" in capsys.readouterr().err


def test_the_family_is_trained_as_an_own_hmm_is():
    given = dict(setting.split("=") for setting in SETTINGS)
    rarest = HMM.from_dict(leave_rates.chain(min(FAMILY)))
    fast = TrainingConfig.for_hmm(rarest).to_dict()
    assert {name: str(fast[name]).lower() for name in given} == {
        name: {"30": "30.0", "0": "0.0"}.get(value, value) for name, value in given.items()
    }
    assert (fast["length"], fast["steps"]) == (LENGTH, STEPS)
