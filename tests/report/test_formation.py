"""The sentence on a series of snapshots: numbers of the last one, and which trap, which pass, and which do both."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.kick_neurons import MAX_LEAVE_RATE_RATIO
from hmmrnn.report.findings import Findings
from hmmrnn.report.formation import describe_formation, is_trapped, say_whose_training
from hmmrnn.report.html import _draw
from tests.figures.results import formation_of
from tests.networks import random_network

NAN = np.nan


def series(lowest, null=1.0, **more):
    """Four snapshots: leave rates with three neurons silenced at the first output; all else stays as it is."""
    recurrent = np.ones((4, 2, 2))
    recurrent[:, 0, 0] = lowest
    whole = {"recurrent": recurrent, "recurrent_se": np.full((4, 2, 2), 0.02), "null": np.full((4, 2, 24), null)}
    return formation_of(**{**whole, **more})


def test_a_training_is_the_networks_own_if_a_snapshot_is_the_network():
    first, last = (replace(random_network(seed=seed), metadata={"family": "cyclic"}) for seed in (1, 2))
    for own in (first, last):
        assert say_whose_training(replace(own, metadata={"seed": "5"}), [first, last]) == "This network's own training."


@pytest.mark.parametrize(("about", "named"), [
    ({"family": "cyclic", "recipe": "paper", "seed": "3"}, "cyclic (recipe paper, seed 3)"),
    ({"family": "cyclic"}, "cyclic"),
    ({}, "this HMM"),
])  # fmt: skip
def test_another_training_is_named_and_that_its_own_is_not_known(about, named):
    series = [replace(random_network(seed=seed), metadata=about) for seed in (1, 2)]
    words = say_whose_training(replace(series[0], W_out=2 * series[0].W_out), series)
    assert words == f"Another training for {named}: of this network's own training there are no snapshots."


def test_a_snapshot_is_trapped_below_the_ratio_of_a_kick_group():
    found = series([1.0, MAX_LEAVE_RATE_RATIO, MAX_LEAVE_RATE_RATIO + 0.01, NAN])
    expected = [[False, False], [True, False], [False, False], [False, False]]
    np.testing.assert_array_equal(is_trapped(found, bounded=True), expected)
    assert not is_trapped(found, bounded=False).any()


def test_a_state_that_runs_away_is_not_kept():
    bounded = np.ones((4, 2, 2), dtype=bool)
    bounded[1, 0, 0] = False
    found = series([1.0, 0.0, 1.0, 0.0], recurrent_bounded=bounded)
    np.testing.assert_array_equal(is_trapped(found, bounded=True)[:, 0], [False, False, False, True])
    np.testing.assert_array_equal(is_trapped(found, bounded=False)[:, 0], [False, True, False, False])
    text = describe_formation(replace(found, steps_done=np.array([1, 2, 3, 4])))
    assert "kept in a cluster without that input: steps 4; running away in it: steps 2" in text.lower()


def test_but_not_if_random_triples_do_the_same():
    assert not is_trapped(series([0.1] * 4, null=0.1), bounded=True).any()


def test_the_sentence_has_the_numbers_of_the_last_snapshot():
    volatility, errors, loss = np.array([1, 1, 1, 0.736]), np.full(4, 0.0045), np.array([3, 2, 1.5, 12.75])
    found = series([1.0, 0.1, 0.5, 0.05], volatility=volatility, volatility_se=errors, loss=loss, loss_floor=13.83)
    text = describe_formation(found)
    assert text.startswith(
        "Step 1,000: with the recurrent input of 3 and of 6 neurons silenced, 0.050 ± 0.020; 1.000 ± 0.020 (output "
        "0) and 1.000 ± 0.020; 1.000 ± 0.020 (output 2) of the leave rate is left (random triples, 5 to 95 %: "
        "1.00 to 1.00); symbol switch rate 0.7360 ± 0.0045 of the HMM's; loss 12.75 beside 13.83 of the HMM itself; it "
        "does not match its HMM."
    )
    assert text.endswith(
        "Kept in a cluster without that input: steps 500, 1,000; running away in it: no snapshot; matching their HMM: "
        "steps 500, 750; kept and matching their HMM: steps 500."
    )


def test_without_numbers_it_says_so():
    nothing = np.full((4, 2, 2), NAN)
    text = describe_formation(formation_of(recurrent=nothing, null=np.full((4, 2, 24), NAN), loss_floor=NAN))
    assert "not measured" in text
    assert "beside" not in text
    assert text.endswith("kept and matching their HMM: no snapshot.")


@pytest.mark.parametrize("known", [True, False])
def test_the_report_shows_it_where_it_is_known(known):
    found = Findings(random_network(), 0, None, "no HMM", None, None, formation_of() if known else None)
    drawn = dict(_draw(found))
    assert ("emergence" in drawn) == known
    if known:
        [one] = drawn["emergence"]
        assert "Dotted: published" in one.caption
