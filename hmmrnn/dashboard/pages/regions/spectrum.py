"""Spectrum: eigenvalues of the Jacobian by region, and their counts along the orbit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.analysis.state_survey import OrbitSpectrum, StateSurvey
from hmmrnn.dashboard.view import SLOW, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.jacobian_spectrum import draw_jacobian_spectrum
from hmmrnn.figures.theme import REGION_LABELS, Theme
from hmmrnn.figures.words import say_count


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Spectra of surveyed states, and along the orbit."""

    survey: StateSurvey
    along: OrbitSpectrum


def compute(explored: Explored) -> Spectrum:
    """The spectra of the network as it is now."""
    return Spectrum(queries.survey_of(explored), queries.orbit_spectrum_of(explored))


def figures(_explored: Explored, shown: Spectrum, theme: Theme) -> Sequence[go.Figure]:
    """The complex plane, and the counts against the phase."""
    return (draw_jacobian_spectrum(shown.survey, theme, shown.along),)


def caption(_explored: Explored, shown: Spectrum, _theme: Theme) -> str:
    """The mean number of growing directions in each region, and at how many states it was counted."""
    survey = shown.survey
    region = survey.residency.region[survey.spectra_at]
    means = [
        f"{REGION_LABELS[name]} {survey.spectra.unstable[region == name].mean():.1f}"
        for name in REGIONS
        if (region == name).any()
    ]
    counted = f"mean count of |λ| > 1 at {say_count(len(region), 'state')}: {', '.join(means)}"
    return f"{counted}; along the orbit at {int(shown.along.counts.sum())}"


VIEW = View(
    id="spectrum",
    title="Spectrum",
    help="Eigenvalues of the network's exact Jacobian, without noise, at states of each region. Beyond the unit circle "
    "a direction grows: that is what throws the state out of a cluster. Beside it, the mean number of growing "
    "directions and of critical pairs along the orbit.",
    kind=SLOW,
    compute=compute,
    figures=figures,
    caption=caption,
    tall=True,
    wide=True,
)
