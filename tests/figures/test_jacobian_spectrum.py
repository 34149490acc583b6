"""The spectrum's figure with and without the counts along the orbit."""

import numpy as np
import pytest

from hmmrnn.analysis.state_survey import OrbitSpectrum
from hmmrnn.figures.jacobian_spectrum import draw_jacobian_spectrum
from hmmrnn.figures.theme import LIGHT, REGION_LABELS
from tests.figures.inspection import axes_of, named
from tests.figures.results import orbit_spectrum


@pytest.fixture(scope="module")
def along() -> OrbitSpectrum:
    return orbit_spectrum()


@pytest.mark.parametrize(
    ("name", "field"), [("unstable eigenvalues", "unstable"), ("critical pairs", "critical_pairs")]
)
def test_counts_are_drawn_against_the_phase_with_errors(survey, along, name, field):
    trace = named(draw_jacobian_spectrum(survey, LIGHT, along), name)
    np.testing.assert_allclose(trace.x, [45, 135, 225, 315])
    np.testing.assert_array_equal(trace.y, getattr(along, field))
    np.testing.assert_array_equal(trace.error_y.array, np.nan_to_num(getattr(along, f"{field}_se")))
    assert trace.yaxis != "y"


def test_the_complex_plane_is_the_same_with_counts_beside_it(survey, along):
    alone, beside = draw_jacobian_spectrum(survey, LIGHT), draw_jacobian_spectrum(survey, LIGHT, along)
    for one, other in zip(alone.data, beside.data, strict=False):
        assert one.name == other.name
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.y, other.y)
    assert len(beside.data) == len(alone.data) + 2
    assert beside.layout.yaxis.scaleanchor == "x"
    assert beside.layout.xaxis.domain[1] < beside.layout.xaxis2.domain[0]


def test_both_counts_share_their_phase(survey, along):
    layout = draw_jacobian_spectrum(survey, LIGHT, along).layout
    assert layout.xaxis3.matches == "x2"
    assert list(layout.xaxis2.range) == [0, 360]


def test_notes_stand_where_an_axis_has_no_title(survey, along):
    figure = draw_jacobian_spectrum(survey, LIGHT, along)
    assert [name for name, axis in axes_of(figure).items() if not axis["title"]["text"]] == ["xaxis2"]
    assert [note.text for note in figure.layout.annotations] == ["unstable eigenvalues (mean)", "critical pairs (mean)"]


class TestSpectrum:
    def test_eigenvalues_are_those_of_the_states_of_each_region(self, survey):
        figure = draw_jacobian_spectrum(survey, LIGHT)
        region = survey.residency.region[survey.spectra_at]
        for name in np.unique(region):
            count = np.count_nonzero(region == name)
            trace = named(figure, f"{REGION_LABELS[name]} ({count} states)")
            values = survey.spectra.eigenvalues[region == name].ravel()
            values = values[np.abs(values) > 1e-9]
            np.testing.assert_array_equal(trace.x, values.real.astype(np.float32))
            np.testing.assert_array_equal(trace.y, values.imag.astype(np.float32))

    def test_the_unit_circle_is_a_circle_on_equal_axes(self, survey):
        figure = draw_jacobian_spectrum(survey, LIGHT)
        circle = named(figure, "|λ| = 1")
        np.testing.assert_allclose(np.hypot(circle.x, circle.y), 1)
        assert figure.layout.yaxis.scaleanchor == "x"
        assert figure.layout.yaxis.scaleratio == 1
