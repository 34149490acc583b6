"""The orbit's figure shows the profile, its ghost, the rows of the HMM and the regions."""

import numpy as np

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.figures.orbit import draw_orbit
from hmmrnn.figures.theme import LIGHT
from hmmrnn.model.hmm import HMM
from tests.figures.inspection import named, names


class TestOrbit:
    def test_medians_quartiles_and_occupancy_are_those_of_the_profile(self, now):
        figure, profile = draw_orbit(now.profile, None, None, LIGHT), now.profile
        degrees, empty = np.degrees(profile.phase_centers), profile.counts == 0
        assert empty.any()
        for output in range(3):
            median = named(figure, f"output {output}")
            np.testing.assert_array_equal(median.x, degrees)
            np.testing.assert_array_equal(median.y, profile.median[:, output])
            # No line and no band leads across an empty bin.
            assert np.isnan(median.y[empty]).all()
            band = figure.data[2 * output]
            for upper, lower in zip(
                profile.upper_quartile[~empty, output], profile.lower_quartile[~empty, output], strict=True
            ):
                assert {upper, lower} <= set(band.y)
            assert not set(degrees[empty]) & set(band.x)
            assert np.isnan(band.y).sum() == np.isnan(band.x).sum() > 0
        bars = named(figure, "occupancy")
        np.testing.assert_allclose(bars.y, 100 * profile.occupancy)
        np.testing.assert_allclose(np.sum(bars.y), 100)

    def test_the_intact_profile_is_there_only_beside_an_intervention(self, now, intact):
        alone, beside = draw_orbit(now.profile, None, None, LIGHT), draw_orbit(now.profile, intact.profile, None, LIGHT)
        assert "intact" not in names(alone)
        np.testing.assert_allclose(named(beside, "intact").y, 100 * intact.profile.occupancy)
        dashed = [trace for trace in beside.data if trace.type == "scatter" and trace.line.dash == "dash"]
        for output, trace in enumerate(dashed):
            np.testing.assert_array_equal(trace.y, intact.profile.median[:, output])
        assert len(dashed) == 3
        assert len(beside.data) == len(alone.data) + 4

    def test_a_way_is_broken_where_it_passes_the_whole_turn_and_ends_in_an_arrow(self, now):
        ways = {(0, 2): np.array([340.0, 355.0, 10.0, 40.0]), (2, 0): np.array([30.0, 330.0])}
        figure = draw_orbit(now.profile, None, None, LIGHT, ways=ways)
        first, second = named(figure, "way 0 → 2"), named(figure, "way 2 → 0")
        np.testing.assert_array_equal(first.x, [340, 355, 360, np.nan, 0, 10, 40])
        np.testing.assert_array_equal(second.x, [30, 0, np.nan, 360, 330])
        assert (set(first.y), set(second.y)) == ({0}, {1})
        assert [*first.marker.size] == [0, 0, 0, 0, 0, 0, 10]
        assert second.line.color == LIGHT.colour_of(0)

    def test_the_rows_of_the_hmm_are_reference_lines(self, now):
        hmm = HMM.preset("linear-3")
        levels = sorted(shape.y0 for shape in draw_orbit(now.profile, None, hmm, LIGHT).layout.shapes)
        np.testing.assert_allclose(levels, np.unique(hmm.B.round(6)))
        assert not draw_orbit(now.profile, None, None, LIGHT).layout.shapes

    def test_the_strip_has_the_colour_of_each_region_and_gaps_where_none_is_known(self, now):
        known = np.resize(np.array([*REGIONS, ""]), len(now.profile.counts))
        strip = named(draw_orbit(now.profile, None, None, LIGHT, known), "region")
        expected = [REGIONS.index(name) if name else np.nan for name in known]
        np.testing.assert_array_equal(strip.z[0], expected)
        for index, name in enumerate(REGIONS):
            at = (index + 0.5) / len(REGIONS)
            below = max(edge for edge, _ in strip.colorscale if edge <= at)
            assert [colour for edge, colour in strip.colorscale if edge == below][-1] == LIGHT.regions[name]
        assert "region" not in names(draw_orbit(now.profile, None, None, LIGHT))
