"""The spectrum's figure with and without the counts along the orbit."""

import re

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.experiments.orbit_spectrum import OrbitSpectrum
from hmmrnn.figures.spectrum import spectrum
from hmmrnn.figures.theme import LIGHT, THEMES
from hmmrnn.landscape import Landscape, survey
from hmmrnn.simulation import simulate
from hmmrnn.statespace import fit_plane
from tests.networks import random_network


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    network = random_network()
    run = simulate(network, steps=60, trajectories=3)
    return survey(network, fit_plane(run), run, seed=0)


@pytest.fixture(scope="module")
def along() -> OrbitSpectrum:
    nan = np.nan
    return OrbitSpectrum(
        phase_centers=np.radians([45, 135, 225, 315]),
        unstable=np.array([0.5, nan, 1.25, 0.0]),
        unstable_se=np.array([0.1, nan, nan, 0.0]),
        critical_pairs=np.array([1.0, nan, 0.0, 0.5]),
        critical_pairs_se=np.array([0.2, nan, nan, 0.3]),
        counts=np.array([9, 0, 1, 4]),
    )


def named(figure: go.Figure, name: str):
    found = [trace for trace in figure.data if trace.name == name]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("name", "field"), [("unstable eigenvalues", "unstable"), ("critical pairs", "critical_pairs")]
)
def test_counts_are_drawn_against_the_phase_with_errors(landscape, along, name, field):
    trace = named(spectrum(landscape, LIGHT, along), name)
    np.testing.assert_allclose(trace.x, [45, 135, 225, 315])
    np.testing.assert_array_equal(trace.y, getattr(along, field))
    np.testing.assert_array_equal(trace.error_y.array, np.nan_to_num(getattr(along, f"{field}_se")))
    assert trace.yaxis != "y"


def test_the_complex_plane_is_the_same_with_counts_beside_it(landscape, along):
    alone, beside = spectrum(landscape, LIGHT), spectrum(landscape, LIGHT, along)
    for one, other in zip(alone.data, beside.data, strict=False):
        assert one.name == other.name
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.y, other.y)
    assert len(beside.data) == len(alone.data) + 2
    assert beside.layout.yaxis.scaleanchor == "x"
    assert beside.layout.xaxis.domain[1] < beside.layout.xaxis2.domain[0]


def test_both_counts_share_their_phase(landscape, along):
    layout = spectrum(landscape, LIGHT, along).layout
    assert layout.xaxis3.matches == "x2"
    assert list(layout.xaxis2.range) == [0, 360]


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_it_looks_like_the_others(landscape, along, theme):
    figure = spectrum(landscape, theme, along)
    known = {theme.ground, theme.text, theme.muted, theme.grid, *theme.outputs, *theme.regions.values()}
    assert set(re.findall(r"#[0-9a-fA-F]{6}", figure.to_json())) <= known
    layout = figure.to_plotly_json()["layout"]
    bare = [n for n, axis in layout.items() if re.fullmatch(r"[xy]axis\d?", n) and not axis["title"]["text"]]
    assert bare == ["xaxis2"]
    assert [note.text for note in figure.layout.annotations] == ["unstable eigenvalues (mean)", "critical pairs (mean)"]
