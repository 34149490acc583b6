"""How does a network get into a page that runs it by itself? As JSON for the dashboard, or as a page that is saved.

The page applies interventions by itself, so the network that is sent is the intact one, in the plane of the scenario.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, request

from hmmrnn.backdrop import Backdrop, backdrop
from hmmrnn.dashboard import cache, catalog, queries
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.live import live_backdrop, live_network, live_page, live_payload
from hmmrnn.motion import Singles
from hmmrnn.network import Network
from hmmrnn.statespace import Plane


def register(server: Flask) -> None:
    """Register the addresses under which networks are fetched, and saved as pages."""
    server.add_url_rule("/live", "live", network)
    server.add_url_rule("/live/backdrop", "live-backdrop", regions)
    server.add_url_rule("/live/page", "live-page", page)


def _of_link(answer: Callable[[Scenario], Response]) -> Callable[[], Response]:
    """Make a function of a scenario one of the link; what is wrong with that is said in a sentence."""

    @wraps(answer)
    def answered() -> Response:
        query = request.query_string.decode("utf-8", "replace")
        try:
            return answer(Scenario.from_query(query, default_model=""))
        except (ValueError, FloatingPointError) as error:
            return Response(f"{error}.", status=400, mimetype="text/plain")

    return answered


@_of_link
def network(scenario: Scenario) -> Response:
    """The network and the plane that the link names, or why it cannot be drawn; 304 for who has it already."""
    intact = scenario.intact
    tag = cache.key_of("live", intact.motion, catalog.entry(scenario.model).fingerprint)[:32]
    known = request.if_none_match.contains(tag)
    answer = Response(status=304) if known else _json(_drawable(intact))
    answer.set_etag(tag)
    # A browser may keep it, but must ask: the file can change under its name.
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@_of_link
def regions(scenario: Scenario) -> Response:
    """Where the intact network goes, and which regions it goes through; null where none can be told."""
    catalog.entry(scenario.model)
    behind = _backdrop_if_any(scenario.intact)
    return _json(None if behind is None else live_backdrop(behind))


@_of_link
def page(scenario: Scenario) -> Response:
    """A page that runs the network of the link by itself, to be saved; it begins with the scenario of the link."""
    # Refuses neurons that are not there, which the page could not.
    queries.network_of(scenario)
    begins = {key: scenario.to_dict()[key] for key in ("sigma", "seed", "interventions")}
    behind, kick = _backdrop_if_any(scenario.intact), queries.kick_known_of(scenario.model)
    payload = live_payload(*_seen(scenario.intact), backdrop=behind, kick=kick, scenario=begins)
    saved = Response(live_page(payload), mimetype="text/html")
    saved.headers["Content-Disposition"] = f'attachment; filename="hmmrnn-live-{scenario.model}.html"'
    return saved


def _drawable(intact: Scenario) -> dict[str, Any]:
    # A network that is there but has no plane is no bad link: the page says why, and its console has no cause to.
    catalog.entry(intact.model)
    try:
        return live_network(*_seen(intact))
    except ValueError as error:
        return {"refused": f"{error}."}


def _seen(intact: Scenario) -> tuple[Network, Plane, str, Singles]:
    """Network, plane, name and visited states: what `live_network` takes."""
    plane = queries.plane_of(intact.model, intact.pair)
    return catalog.network(intact.model), plane, intact.model, queries.motion_of(intact).points


def _backdrop(intact: Scenario) -> Backdrop:
    landscape = queries.landscape_of(intact)
    return backdrop(queries.motion_of(intact).points, landscape.points, landscape.residency.region)


def _backdrop_if_any(intact: Scenario) -> Backdrop | None:
    try:
        return _backdrop(intact)
    except (ValueError, FloatingPointError):
        # A network that diverges has no states that could be labelled; its page shows it all the same.
        return None


def _json(content: dict[str, Any] | None) -> Response:
    return Response(json.dumps(content, separators=(",", ":"), allow_nan=False), mimetype="application/json")
