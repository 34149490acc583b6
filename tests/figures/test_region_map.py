"""The region map shows each sampled state with its value, and the drift."""

import numpy as np
import pytest

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.figures.region_map import draw_region_map
from hmmrnn.figures.state_space import plane_range
from hmmrnn.figures.theme import LIGHT, REGION_LABELS, REGION_SYMBOLS
from tests.figures.inspection import named, names


class TestRegionMap:
    def test_each_region_has_its_states_colour_and_symbol(self, survey):
        figure = draw_region_map(survey, "region", LIGHT, None, None)
        there = set(survey.residency.region)
        for name in REGIONS:
            assert (REGION_LABELS[name] in names(figure)) == (name in there)
            if name in there:
                trace, inside = named(figure, REGION_LABELS[name]), survey.residency.region == name
                np.testing.assert_array_equal(trace.x, survey.points[inside, 0])
                np.testing.assert_array_equal(trace.y, survey.points[inside, 1])
                np.testing.assert_allclose(trace.customdata[:, 2], survey.residency.time[inside], rtol=1e-6)
                np.testing.assert_array_equal(trace.customdata[:, :2], survey.at[inside] + [0, 1])
                assert (trace.marker.color, trace.marker.symbol) == (LIGHT.regions[name], REGION_SYMBOLS[name])
        assert len(there) >= 3

    @pytest.mark.parametrize(("colour", "name"), [("residency", "time"), ("sign_changes", "sign_changes")])
    def test_values_are_those_of_the_states(self, survey, colour, name):
        trace = draw_region_map(survey, colour, LIGHT, None, None).data[0]
        np.testing.assert_allclose(trace.marker.color, getattr(survey.residency, name), rtol=1e-6)
        np.testing.assert_allclose(trace.x, survey.points[:, 0], rtol=1e-6)
        np.testing.assert_array_equal(trace.customdata, survey.at + [0, 1])

    def test_unstable_directions_are_shown_where_a_spectrum_was_taken(self, survey):
        trace = draw_region_map(survey, "unstable", LIGHT, None, None).data[0]
        np.testing.assert_array_equal(trace.marker.color, survey.spectra.unstable)
        np.testing.assert_allclose(trace.x, survey.points[survey.spectra_at, 0], rtol=1e-6)

    def test_arrows_lead_from_each_cell_along_its_mean_step(self, survey):
        arrows, drift = named(draw_region_map(survey, "region", LIGHT, None, None), "mean step"), survey.drift
        x, y = np.reshape(arrows.x, (-1, 3)), np.reshape(arrows.y, (-1, 3))
        np.testing.assert_allclose(np.stack([x[:, 0], y[:, 0]], axis=-1), drift.centers, rtol=1e-5, atol=1e-5)
        ends = drift.centers + drift.displacement
        np.testing.assert_allclose(np.stack([x[:, 1], y[:, 1]], axis=-1), ends, rtol=1e-5, atol=1e-5)
        assert np.isnan(x[:, 2]).all()

    def test_it_shows_the_same_stretch_as_the_state_space(self, survey, now):
        figure = draw_region_map(survey, "region", LIGHT, plane_range([now], 0), plane_range([now], 1))
        assert list(figure.layout.xaxis.range) == plane_range([now], 0)
        assert list(figure.layout.yaxis.range) == plane_range([now], 1)
