"""Own data: the figures show the curve and the statistics, each with its error."""

import numpy as np

from hmmrnn import HMM
from hmmrnn.analysis.symbol_statistics import compare_symbols
from hmmrnn.figures.data import draw_comparison, draw_states_curve
from hmmrnn.figures.theme import LIGHT
from hmmrnn.model.sequences import sequences_of
from hmmrnn.training.baum_welch import fit_hmm

HMM_2 = HMM([[0.9, 0.1], [0.2, 0.8]], [[0.95, 0.05], [0.1, 0.9]])
DATA = sequences_of(HMM_2.sample(20, 40, 0)[0])


def test_the_curve_shows_likelihood_and_bic():
    fit = fit_hmm(DATA, 2, starts=1, folds=2)
    held, bic = draw_states_curve(fit, 2, LIGHT).data
    np.testing.assert_allclose(held.y, fit.held_out)
    np.testing.assert_allclose(held.error_y.array, fit.held_out_se)
    np.testing.assert_allclose(bic.y, fit.bic)


def test_every_side_is_drawn_in_every_panel():
    found = compare_symbols(DATA, HMM_2)
    figure = draw_comparison(found, LIGHT)
    assert [trace.name for trace in figure.data] == ["data", "HMM", "independent"] * 3
    np.testing.assert_allclose(figure.data[0].y, found.data.marginal)
    np.testing.assert_allclose(figure.data[4].y, found.hmm.agreement)
    runs = figure.data[6]
    np.testing.assert_allclose(runs.y, found.data.runs_longer[found.data.runs_longer > 0])
    assert all(axis.title.text for axis in (figure.layout.xaxis, figure.layout.yaxis3, figure.layout.xaxis3))
