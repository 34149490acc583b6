"""The figure of the paper's ablations shows the numbers of each population beside the published curves."""

import numpy as np
import pytest

from hmmrnn.analysis.published.ablation import MUS
from hmmrnn.figures.ablation import describe_ablations, draw_ablations
from hmmrnn.figures.theme import LIGHT
from hmmrnn.report.reference import published_ablation
from tests.figures import results
from tests.gain_sweeps import axis_of, texts, traces


@pytest.fixture(scope="module")
def found():
    return results.ablations_of()


@pytest.fixture(scope="module")
def figure(found):
    return draw_ablations(found, published_ablation(), LIGHT)


def test_pairs_are_the_numbers_with_their_errors_population_by_population(found, figure):
    shown = traces(figure, "here")
    every = [found.kick[0], found.noise[0], found.control, found.kick[1], found.noise[1], found.control]
    for trace, one in zip(shown, every, strict=True):
        np.testing.assert_array_equal(trace.x, MUS)
        np.testing.assert_array_equal(trace.y, one.pairs)
        np.testing.assert_array_equal(trace.error_y.array, one.pairs_se)
    assert shown[0].marker.symbol[:2] == ("circle-open", "circle")
    assert set(shown[3].marker.symbol) == {"circle"}


def test_published_curves_stand_behind_each(figure):
    published = published_ablation()
    drawn = [np.array(trace.y) for trace in traces(figure, "published") if len(trace.x) > 1]
    wanted = [published.pairs[kind][which][0] for which in (0, 1) for kind in ("kick", "noise", "control")]
    np.testing.assert_array_equal(drawn, wanted)
    # As drawn in the paper: pairs at gain 0 and 1 of the second kick triple.
    assert (drawn[3][0], drawn[3][10]) == (2.47, 7.69)


def test_switches_are_means_of_the_runs_and_say_where_they_run_away(found, figure):
    curve = traces(figure, "output 0")[0]
    np.testing.assert_allclose(curve.y, found.kick[0].switches.mean(axis=0))
    np.testing.assert_allclose(curve.error_y.array, found.kick[0].switches.std(axis=0, ddof=1) / np.sqrt(8))
    assert texts(figure).count("runs away") == 1
    assert texts(figure).count("not finite") == 2
    assert axis_of(figure, curve, "x").title.text == "gain mu"


def test_the_words_say_what_silencing_each_triple_does(found):
    words = describe_ablations(found)
    assert "8 runs of 1,000 steps at each of 20 gains" in words
    left = found.kick[1].switches[:, 0].mean()
    assert f"output 2 silenced {left:.1f} upward switches are left" in words
    assert "(8 runs of 8 with one at most), and activity grows without bound in 3 of 8 runs" in words
    assert "(0 runs of 8 with one at most)" in words
