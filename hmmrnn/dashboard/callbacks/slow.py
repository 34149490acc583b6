"""The slow answers, asked for once the hand rests: regions, spectra and long runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from dash import Dash, Input, Output, html, no_update

from hmmrnn.dashboard import catalog, ids, queries
from hmmrnn.dashboard.callbacks.fast import space_caption, space_figure
from hmmrnn.dashboard.queue import NoWorkerError
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.figures import fidelity as fidelity_figure
from hmmrnn.figures.orbit import orbit
from hmmrnn.figures.region_map import region_map
from hmmrnn.figures.spectrum import spectrum
from hmmrnn.figures.state_space import Colouring, plane_range
from hmmrnn.figures.theme import REGION_LABELS, REGION_SIGNS, THEMES, Theme
from hmmrnn.landscape import Landscape, regions_along_orbit
from hmmrnn.regions import REGIONS, region_shares

logger = logging.getLogger(__name__)

Json = dict[str, Any]

# A slow answer takes a core for a second or so. The other threads of the process are for the fast ones of everybody
# else; who does not get it within this time is told, and asks again unless the viewer has moved on by then.
AT_ONCE, WAIT_SECONDS = 1, 0.2
_slow = threading.BoundedSemaphore(AT_ONCE)


def register(app: Dash) -> None:
    """Register what is asked once the hand rests."""
    app.callback(
        Output(ids.answered(ids.REGION_MAP), "data"),
        Input(ids.SETTLED, "data"),
        Input(ids.THEME, "data"),
        prevent_initial_call=True,
    )(
        kept_back(
            landscape_views,
            (ids.REGION_MAP, "figure"),
            (ids.caption(ids.REGION_MAP), "children"),
            (ids.ORBIT, "figure"),
            (ids.STATE_SPACE, "figure"),
            (ids.caption(ids.STATE_SPACE), "children"),
        )
    )
    fidelity_places = (ids.FIDELITY, "style"), (ids.FIDELITY, "figure"), (ids.caption(ids.FIDELITY), "children")
    for view, draw, places in (
        (ids.SPECTRUM, spectrum_view, ((ids.SPECTRUM, "figure"), (ids.caption(ids.SPECTRUM), "children"))),
        (ids.FIDELITY, fidelity_view, fidelity_places),
    ):
        app.callback(
            Output(ids.answered(view), "data"),
            Input(ids.asked(view), "data"),
            Input(ids.THEME, "data"),
            prevent_initial_call=True,
        )(kept_back(draw, *places))


def kept_back(draw: Callable[..., tuple[Any, ...]], *places: tuple[str, str]) -> Callable[..., Any]:
    """Make a callback that hands its answer to the page's script, together with the scenario it is the answer to.

    While a slow answer is computed the scenario may change, and the fast views with it. The script draws the answer
    only if it is that of the scenario that the page shows. Where too many are computed already it is told to ask later:
    nothing is queued up for a viewer who has moved on.

    Args:
        draw: returns one value for each place, and last the scenario that it was asked about.
        places: component id and property of each value.
    """

    def answer(*args: Any) -> Any:
        if not args[0]:
            return no_update
        if not _slow.acquire(timeout=WAIT_SECONDS):
            return {"scenario": args[0], "busy": True}
        try:
            *values, scenario = draw(*args)
        finally:
            _slow.release()
        if scenario is no_update:
            return no_update
        drawn = [
            [component, {prop: value}]
            for (component, prop), value in zip(places, values, strict=True)
            if value is not no_update
        ]
        return {"scenario": scenario, "draws": drawn}

    return answer


def landscape_views(data: Json | None, theme_name: str) -> tuple[Any, ...]:
    """The region map, and what the regions add to the orbit and, if it is coloured by them, to the state space."""
    if not data:
        return (no_update,) * 6
    scenario, theme = Scenario.from_dict(data), THEMES[theme_name]
    landscape = queries.landscape_of(scenario)
    plane = queries.plane_of_scenario(scenario)
    now, ghost = queries.motion_of(scenario), queries.motion_of(scenario.reference) if scenario.compared else None
    hmm = catalog.target(catalog.network(scenario.model))
    strip = regions_along_orbit(landscape, plane, len(now.profile.counts))
    around = orbit(now.profile, ghost.profile if ghost else None, hmm, theme, strip)
    around.layout.showlegend = False
    space = space_words = no_update
    if scenario.colour in ("region", "residency"):
        colouring = _region_colouring(scenario, landscape)
        space = space_figure(scenario, colouring, theme)
        space_words = space_caption(scenario, now, colouring)
    stretch = [plane_range([now, ghost], axis) for axis in (0, 1)]
    drawn = region_map(landscape, scenario.map, theme, *stretch)
    drawn.layout.showlegend = False
    return drawn, _landscape_caption(landscape, theme), around, space, space_words, data


def spectrum_view(data: Json | None, theme_name: str) -> tuple[Any, Any, Any]:
    """Eigenvalues by region, and their counts along the orbit."""
    if not data:
        return (no_update,) * 3
    scenario = Scenario.from_dict(data)
    landscape, along = queries.landscape_of(scenario), queries.along_orbit_of(scenario)
    caption = f"{_spectrum_caption(landscape)}; along the orbit at {int(along.counts.sum())}"
    return spectrum(landscape, THEMES[theme_name], along), caption, data


def fidelity_view(data: Json | None, theme_name: str) -> tuple[Any, Any, Any, Any]:
    """Long runs, matched sequences and hidden states against the HMM. The first value is the height of the graph."""
    if not data:
        return (no_update,) * 4
    scenario = Scenario.from_dict(data)
    now = _verdict(scenario)
    if now is None:
        return {}, {"data": [], "layout": {}}, "this network's file names no known HMM to compare it with", data
    figure = fidelity_figure.fidelity(
        now, _verdict(scenario.reference) if scenario.compared else None, THEMES[theme_name]
    )
    # The graph takes what room there is; this figure takes more, and the tab scrolls.
    return {"height": f"{figure.layout.height}px", "flex": "none"}, figure, _fidelity_caption(now), data


def _verdict(scenario: Scenario) -> fidelity_figure.Verdict | None:
    judged = queries.fidelity_of(scenario)
    if judged is None:
        return None
    try:
        return fidelity_figure.Verdict(judged, queries.matching_of(scenario), queries.decoding_of(scenario))
    except NoWorkerError as error:
        # What needs no worker is shown all the same; the caption says what is missing.
        logger.warning("matched distance and hidden states are left out: %s", error)
        return fidelity_figure.Verdict(judged)


def _fidelity_caption(now: fidelity_figure.Verdict) -> str:
    judged = now.fidelity
    verdict = "passes the gate" if judged.passes else "; ".join(judged.failures)
    runs = f"{judged.trajectories} runs of {judged.steps:,} steps from h = 0, seed {judged.seed}: {verdict}"
    if now.decoding is None:
        return f"{runs}; matched distance and hidden states need a worker, and none answers"
    foreign = now.decoding.impossible
    return runs + (f"; the HMM cannot emit {foreign} of the runs shown" if foreign else "")


def _region_colouring(scenario: Scenario, landscape: Landscape) -> Colouring:
    shape = (scenario.trajectories, scenario.steps)
    at = tuple(landscape.at.T)
    if scenario.colour == "region":
        region = np.full(shape, "", dtype=landscape.residency.region.dtype)
        region[at] = landscape.residency.region
        return Colouring("region", region=region)
    time = np.full(shape, np.nan)
    time[at] = landscape.residency.time
    return Colouring("residency time (steps)", time)


def _landscape_caption(landscape: Landscape, theme: Theme) -> list[Any]:
    """The share of each region beside its colour and symbol, which is the map's legend, and of how many states."""
    shares = region_shares(landscape.residency.region)
    named = [part for name, share in shares.items() if share > 0 for part in _share(name, share, theme)]
    return [*named, f"({len(landscape.points):,} of {landscape.available:,} states)"]


def _share(region: str, share: float, theme: Theme) -> list[Any]:
    sign = html.Span(REGION_SIGNS[region], style={"color": theme.regions[region]})
    return [html.Span([sign, f" {REGION_LABELS[region]} {100 * share:.0f} %"], className="region-share"), " "]


def _spectrum_caption(landscape: Landscape) -> str:
    region = landscape.residency.region[landscape.spectra_at]
    parts = [
        f"{REGION_LABELS[name]} {landscape.spectra.unstable[region == name].mean():.1f}"
        for name in REGIONS
        if (region == name).any()
    ]
    return f"mean count of |λ| > 1 at {len(region)} states: {', '.join(parts)}"
