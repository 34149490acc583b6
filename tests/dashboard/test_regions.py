"""Region map and spectrum, and what regions add to the state space and the orbit once they are known."""

from dataclasses import replace

import numpy as np

from hmmrnn.analysis.orbit import orbit_phase
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.pages.regions import spectrum
from hmmrnn.explorer import queries
from hmmrnn.figures.theme import REGION_LABELS, REGION_SIGNS, THEMES
from hmmrnn.server.services import resolve
from tests.dashboard.page import B, T, fast, named, names, plain, settled, show, text

pytest_plugins = ["tests.fixtures_dashboard"]

CAPTION = ids.caption(ids.REGION_MAP)


def test_the_map_shows_the_surveyed_states_and_says_how_many_of_which(touched):
    shown = settled(replace(touched, map="residency"))
    found = queries.survey_of(resolve(touched))
    np.testing.assert_allclose(shown[ids.REGION_MAP].data[0].marker.color, found.residency.time, rtol=1e-6)
    assert text(shown[CAPTION]).endswith(f"({len(found.points):,} of {B * T:,} states)")


def test_the_shares_of_the_regions_stand_beside_their_colours(touched):
    shown = settled(touched, "dark")
    region = queries.survey_of(resolve(touched)).residency.region
    there = [name for name in REGIONS if (region == name).any()]
    wanted = [f"{REGION_SIGNS[n]} {REGION_LABELS[n]} {100 * np.mean(region == n):.0f} %" for n in there]
    named_shares = [part for part in shown[CAPTION] if not isinstance(part, str)]
    assert [text(part) for part in named_shares] == wanted
    assert [part.children[0].style["color"] for part in named_shares] == [THEMES["dark"].regions[n] for n in there]
    assert shown[ids.REGION_MAP].layout.showlegend is False


def test_of_a_long_window_a_sample_is_shown(intact):
    shown = settled(replace(intact, steps=1000, trajectories=2, colour="region"))
    assert text(shown[CAPTION]).endswith("(1,500 of 2,000 states)")
    assert shown[ids.caption(ids.STATE_SPACE)].startswith("1,500 of 2,000 states: 2 runs")


def test_the_orbit_gains_the_commonest_region_of_each_bin(intact):
    around, found = settled(intact)[ids.ORBIT], queries.survey_of(resolve(intact))
    phase = orbit_phase(found.points, queries.plane_of(plain()))
    edges = np.linspace(0, 2 * np.pi, 49)
    strip = named(around, "region")
    for k in range(48):
        inside = found.residency.region[(edges[k] <= phase) & (phase < edges[k + 1])]
        counts = [np.count_nonzero(inside == name) for name in REGIONS]
        if sum(counts):
            assert counts[int(strip.z[0][k])] == max(counts)
        else:
            assert np.isnan(strip.z[0][k])


def test_the_orbit_is_otherwise_the_one_of_the_fast_response(touched):
    before, after = fast(touched, "dark")[2], settled(touched, "dark")[ids.ORBIT]
    assert names(after) == [*names(before), "region"]
    for one, other in zip(before.data, after.data, strict=False):
        np.testing.assert_array_equal(one.y, other.y)


def test_the_state_space_is_redrawn_only_if_it_is_coloured_by_regions(intact, touched):
    assert ids.STATE_SPACE not in settled(intact)
    found = queries.survey_of(resolve(intact))
    trace = named(settled(replace(intact, colour="residency"))[ids.STATE_SPACE], "residency time (steps)")
    run, step = np.asarray(trace.customdata).T
    times = np.full((B, T), np.nan)
    times[tuple(found.at.T)] = found.residency.time
    np.testing.assert_allclose(trace.marker.color, times[run, step - 1], rtol=1e-6)
    assert len(trace.x) == len(found.points)
    space = settled(replace(intact, colour="region"))[ids.STATE_SPACE]
    for name in ("cluster", "kick_zone", "transition"):
        shown = named(space, REGION_LABELS[name])
        assert len(shown.x) == np.count_nonzero(found.residency.region == name)
    assert names(settled(replace(touched, colour="region"))[ids.STATE_SPACE])[0] == "intact"


def test_runs_without_noise_stay_where_they_are_shown(intact):
    for wanted in (True, False):
        space = settled(replace(intact, colour="region", without_noise=wanted))[ids.STATE_SPACE]
        assert ("without noise" in names(space)) is wanted


def test_ways_between_outputs_are_drawn_in_both_planes_if_they_are_asked_for(intact):
    found = queries.switch_paths_of(resolve(intact))
    ways = {f"way {a} → {b}" for a, b in (path.exit for path in found.paths)}
    assert ways
    for wanted in (True, False):
        shown = settled(replace(intact, paths=wanted))
        for view in (ids.STATE_SPACE, ids.REGION_MAP):
            if view in shown:
                assert (ways <= set(names(shown[view]))) is wanted
        halves = [name for name in names(shown[ids.REGION_MAP]) if name.startswith("half ")]
        assert len(halves) == (len({frozenset(path.exit) for path in found.paths}) if wanted else 0)
        assert ("committor 0.5" in text(shown[CAPTION])) is wanted
    assert "most likely way of each exit" in text(settled(replace(intact, paths=True))[ids.caption(ids.STATE_SPACE)])
    space = settled(replace(intact, paths=True, dimensions=3))[ids.STATE_SPACE]
    assert ways <= {trace.name for trace in space.data if trace.type == "scatter3d"}
    orbit = settled(replace(intact, paths=True))
    assert ways <= set(names(orbit[ids.ORBIT]))
    assert "phases of the most likely ways" in text(orbit[ids.caption(ids.ORBIT)])
    # Without noise nothing switches, and nothing is drawn or said of it.
    assert queries.switch_paths_of(resolve(replace(intact, sigma=0.0))) is None


def test_the_map_shows_the_stretch_of_the_plane_that_the_state_space_shows(touched):
    figure, space = settled(touched)[ids.REGION_MAP], fast(touched)[0]
    assert figure.layout.xaxis.range == space.layout.xaxis.range
    assert figure.layout.yaxis.range == space.layout.yaxis.range


def test_the_spectrum_says_means_and_of_how_many_states(intact):
    shown = show(spectrum.VIEW, intact)
    found, along = queries.survey_of(resolve(intact)), queries.orbit_spectrum_of(resolve(intact))
    region = found.residency.region[found.spectra_at]
    caption, cluster = shown[ids.caption("spectrum")], region == "cluster"
    assert caption.startswith(f"mean count of |λ| > 1 at {len(region)} states: cluster ")
    assert f"cluster {found.spectra.unstable[cluster].mean():.1f}" in caption
    assert caption.endswith(f"along the orbit at {along.counts.sum()}")
    assert named(shown["spectrum"], f"cluster ({cluster.sum()} states)")
