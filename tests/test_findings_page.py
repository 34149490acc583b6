"""The tables of the findings over several seeds, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.report.claims import Claim
from scripts.findings import _formation_row, _seeds
from scripts.seeds_table import recipe_rows, verdict_rows
from scripts.seeds_table import test_rows as rows_of_tests
from tests.figures.results import formation_of

CLAIM = Claim("kick-off", "interventions", "It is trapped", 0.04, 0.03, 1.0, 0.1, "absent", "", "not reproduced", "")


def claims(here: float, verdict: str, test: str) -> tuple[Claim, ...]:
    return (replace(CLAIM, here=here, verdict=verdict, test=test),)


SEEDS = [
    claims(0.05, "as published", "reproduced"),
    claims(0.15, "weaker", "reproduced"),
    claims(float("nan"), "not measured", "differs"),
]


def test_a_family_is_counted_with_mean_and_spread_of_what_was_measured():
    [[text, cell]] = verdict_rows({"linear-2": SEEDS})
    assert text == "It is trapped"
    # Mean 0.1; the standard deviation of 0.05 and 0.15 is 0.0707.
    assert cell == "1 of 3; 0.100 ± 0.071 (0.040 ± 0.030)"
    assert rows_of_tests({"linear-2": SEEDS}) == [["It is trapped", "2 of 3"]]


def test_a_single_network_has_no_spread():
    [[_, cell]] = verdict_rows({"cyclic": SEEDS[:1]})
    assert cell == "1 of 1; 0.05 (0.040 ± 0.030)"


def test_recipes_stand_beside_the_published_number():
    [row] = recipe_rows(SEEDS[:2], claims(0.01, "as published", "reproduced"))
    assert row == ["It is trapped", "0.040 ± 0.030", "0.100 ± 0.071: 1 of 2", "0.01 ± 0.10: as published"]


def test_further_networks_are_counted_with_their_family():
    seeds = {"linear-2-seed-1": SEEDS[1], "linear-2-seed-2": SEEDS[2], "cyclic-seed-1": SEEDS[0]}
    page = "\n".join(_seeds({"linear-2": SEEDS[0], "cyclic": SEEDS[0], "linear-2-paper": SEEDS[0]}, seeds))
    assert "| claim | linear-2 (3) | cyclic (2) |" in page
    assert "The 3 others are in `models/more`" in page
    assert f"{sum(one[0].test == 'reproduced' for one in seeds.values())} of them match their HMM." in page
    assert "| It is trapped | 2 of 3 | 2 of 2 |" in page
    assert "| claim | published | fast (3 seeds) | paper (seed 0) |" in page
    assert _seeds({"linear-2": SEEDS[0]}, {}) == []


@pytest.mark.parametrize("k", [0, 1])
def test_a_snapshot_is_a_row_of_numbers_with_errors(k):
    found = formation_of()
    row = _formation_row(found, k)
    assert row[0] == f"{found.steps_done[k]:,}"
    assert row[5] == ("fails", "passes")[k]
    if k:
        low, high = np.quantile(found.null[k], (0.05, 0.95))
        assert row[-1] == f"{low:.2f} to {high:.2f}"
        assert row[10].startswith(f"{found.recurrent[k, 0, 0]:.2f} ± {found.recurrent_se[k, 0, 0]:.2f} / ")
    else:
        assert row[-1] == "n/a"
