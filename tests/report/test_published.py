"""The verdict of a number beside the published one, and the published numbers themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hmmrnn.analysis.published.ablation import MUS, Ablation, Ablations
from hmmrnn.analysis.published.groups import PublishedGroups
from hmmrnn.model.hmm import PRESETS
from hmmrnn.report import claims, reference
from hmmrnn.report.published import (
    ABSENT,
    AS_PUBLISHED,
    OPPOSITE,
    STRONGER,
    WEAKER,
    Beside,
    PublishedProcedures,
    compare,
    judge,
)
from hmmrnn.report.reference import NOT_MEASURED, name_quantity, published_formation, published_value, write_mean

NAN = float("nan")


class TestVerdict:
    @pytest.mark.parametrize(("here", "verdict"), [
        ((0.20, 0.001), AS_PUBLISHED),  # within the published spread
        ((0.26, 0.040), AS_PUBLISHED),  # within two standard errors
        ((0.10, 0.020), WEAKER), ((0.40, 0.020), STRONGER), ((0.03, 0.020), ABSENT), ((-0.10, 0.020), OPPOSITE),
        ((0.00, NAN), ABSENT), ((NAN, NAN), NOT_MEASURED),
    ])  # fmt: skip
    def test_a_positive_effect(self, here, verdict):
        assert judge((0.21, 0.02), here, 0.0) == verdict

    @pytest.mark.parametrize(("here", "verdict"), [
        (0.02, AS_PUBLISHED), (0.5, WEAKER), (0.99, ABSENT), (1.4, OPPOSITE), (-0.5, STRONGER),
    ])  # fmt: skip
    def test_an_effect_is_counted_from_what_no_effect_would_give(self, here, verdict):
        """A ratio of switches: 1 without an effect, published 0.04."""
        assert judge((0.04, 0.04), (here, 0.01), 1.0) == verdict


class TestReference:
    def test_every_claim_has_a_number_with_a_spread_and_a_source(self):
        known = json.loads(reference.FILE.read_text(encoding="utf-8"))["claims"]
        assert set(known) == {key for listed in claims._CLAIMS.values() for key, _, _ in listed}
        for key in known:
            one = published_value(key, None)
            assert one.family == "linear-2"
            assert np.isfinite(one.value)
            assert one.spread > 0
            assert one.quantity
            assert one.cells
            assert set(known[key]["values"]) <= set(PRESETS)

    def test_a_family_that_is_not_published_is_compared_with_the_two_state_chain(self):
        assert (published_value("orbit", "cyclic").value, published_value("orbit", "cyclic").family) == (
            0.704,
            "cyclic",
        )
        for family in ("cyclic", "my own", None):
            assert published_value("kick-off", family).family == "linear-2"

    def test_what_a_training_comes_to_is_of_its_own_family_or_of_none(self):
        known = json.loads(reference.FILE.read_text(encoding="utf-8"))["formation"]["values"]
        assert set(known) <= set(PRESETS)
        two = published_formation("linear-2")
        assert set(two) == {"switching", "within", "between", "recurrent"}
        # The difference of the means of both triples is the number of the claim.
        difference = np.mean(two["within"]) - np.mean(two["between"])
        assert difference == pytest.approx(published_value("kick-weights", "linear-2").value, abs=1e-3)
        for family in ("linear-3", "linear-4", "linear-5", "fully-connected"):
            one = published_formation(family)
            difference = one["within"][0] - one["between"][0]
            assert difference == pytest.approx(published_value("kick-weights", family).value, abs=1.1e-3)
        assert published_formation("my own") == published_formation(None) == {}

    def test_a_number_is_written_with_its_error_where_it_has_one(self):
        assert write_mean((0.2104, 0.0171)) == "0.210 ± 0.017"
        assert write_mean((4.0, NAN)) == "4"
        assert write_mean((NAN, NAN)) == NOT_MEASURED


def ablation(kind: str, at_zero: int, diverged: int = 0) -> Ablation:
    """Eight runs with 12 to 15 switches at every gain but 0."""
    switches = np.repeat(np.arange(12, 16).repeat(2)[:, None], len(MUS), axis=1)
    switches[:, 0] = at_zero
    pairs = np.where(np.array(MUS) == 0, 3.0, 8.0)
    lost = np.where(np.array(MUS) == 0, diverged, 0)
    return Ablation(
        kind, 0, (1,), np.array(MUS), switches, lost, pairs, 0.1 * pairs, switches[0] < 2, np.array([0.0, 0.7])
    )


def beside(first: int, second: int, diverged: int = 0) -> Beside:
    groups = PublishedGroups((0, 1), ((1,), (2,)), ((3,), (4,)), (5,), ((6,), (7,)))
    kick = (ablation("kick", first, diverged), ablation("kick", second))
    made = Ablations(groups, kick, (ablation("noise", 0), ablation("noise", 0)), ablation("control", 13), (0.5, 0.5))
    nothing = (NAN, NAN)
    procedures = PublishedProcedures("linear-2", None, NAN, nothing, nothing, nothing, nothing, None, made, None, None)
    return Beside(procedures, None, None, None, 150)  # type: ignore[arg-type]


class TestComparisons:
    def test_the_group_that_stops_more_is_compared(self):
        found = compare("kick-off", beside(0, 13))
        assert (found.here[0], found.verdict, found.remark) == (0.0, AS_PUBLISHED, "")
        assert compare("kick-off", beside(7, 13)).verdict == WEAKER
        assert compare("kick-off", beside(27, 27)).verdict == OPPOSITE

    def test_a_state_that_is_trapped_because_activity_grows_is_told(self):
        found = compare("kick-off", beside(0, 13, diverged=5))
        assert found.sentence.endswith("as published. At gain 0 activity grows without bound in 5 of 8 runs.")

    def test_pairs_and_turns_are_means_of_both_triples(self):
        pairs, turns = compare("critical-pairs", beside(0, 0)), compare("overshoot", beside(0, 0))
        assert pairs.here == (pytest.approx(-5.0), pytest.approx(np.hypot(0.3, 0.8) / np.sqrt(2)))
        assert turns.here == (pytest.approx(0.2), pytest.approx(np.sqrt((0.7 * 0.3 + 0.25) / 100 / 2)))

    def test_going_on_is_counted_from_stopping(self):
        found = compare("control-off", beside(0, 0))
        assert (found.null, found.verdict) == (0.0, AS_PUBLISHED)

    def test_what_a_network_has_not_is_not_measured(self):
        for key in ("fidelity", "sensitivity", "kick", "kick-weights", "readout"):
            assert compare(key, beside(0, 0)).verdict == NOT_MEASURED


@pytest.mark.parametrize(("mean", "text"), [
    ((1.978, 0.04), "1.978 ± 0.040"),
    ((1.37e-4, 2.04e-5), "0.000137 ± 0.000020"), ((3012.4, 141.0), "3,012 ± 141"), ((-0.001, 0.16), "0.00 ± 0.16"),
    ((2.0, 2.8e-16), "2 ± 0"), ((0.0, 1e-20), "0 ± 1e-20"), ((-3.0, 4e-13), "-3 ± 0"),
    ((5.0, float("nan")), "5"), ((float("nan"), 1.0), "not measured"),
])  # fmt: skip
def test_what_rounding_leaves_of_an_error_is_written_as_none(mean, text):
    assert write_mean(mean) == text


def test_every_claim_names_what_its_numbers_are():
    assert name_quantity("kick").endswith("(steps)")
    assert name_quantity("orbit") == "share of the variance of h along PC1 and PC2"
