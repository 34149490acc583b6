"""A network for the live view, as JSON for the dashboard or as a page that runs it by itself; reports as pages.

The live page applies interventions by itself, so the network that is sent is the intact one, in the plane of the
scenario.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Flask, Response, request

from hmmrnn.analysis.occupancy_grid import OccupancyGrid, build_occupancy_grid
from hmmrnn.analysis.orbit import Plane
from hmmrnn.analysis.trajectory_summary import Singles
from hmmrnn.explorer import queries
from hmmrnn.explorer.experiments import REPORT, identify
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import Network
from hmmrnn.report.live_page import build_live_payload, describe_network, describe_occupancy, write_live_page
from hmmrnn.server.sentence import shorten
from hmmrnn.server.services import compact_json, explored_of_link, services
from hmmrnn.server.turns import in_turn
from hmmrnn.storage.model_registry import UnknownNetworkError

NOT_WRITTEN = "This report has not been written yet, or was cleared away: open Report on the page of the network."


def register(server: Flask) -> None:
    """Register the addresses under which networks are fetched, and saved as pages, and reports are opened."""
    server.add_url_rule("/live", "live", network)
    server.add_url_rule("/live/backdrop", "live-backdrop", in_turn(regions))
    server.add_url_rule("/live/page", "live-page", in_turn(page))
    server.add_url_rule("/report", "report", report)


def _of_link(
    answer: Callable[[Explored], Response], gone: Callable[[str], Response] | None = None
) -> Callable[[], Response]:
    """Make a function of a scenario one of the link; what is wrong with that is said in a sentence.

    Args:
        answer: the function.
        gone: from the sentence on a network that is not there to the answer; None if that is a bad link as any other.
    """

    @wraps(answer)
    def answered() -> Response:
        try:
            return answer(explored_of_link())
        except (ValueError, FloatingPointError) as error:
            if gone and isinstance(error, UnknownNetworkError):
                return gone(f"{shorten(error)}.")
            return Response(f"{shorten(error)}.", status=400, mimetype="text/plain")

    return answered


# What was there when the page was opened can be gone now: the page says so, and its console has no cause to.
@partial(_of_link, gone=lambda words: compact_json({"refused": words}))
def network(explored: Explored) -> Response:
    """The network and the plane that the link names, or why it cannot be drawn; 304 if the browser has it already."""
    intact = explored.intact
    tag = explored.cache.key("live", intact.scenario.simulated, explored.fingerprint)[:32]
    known = request.if_none_match.contains(tag)
    answer = Response(status=304) if known else compact_json(_drawable(intact))
    answer.set_etag(tag)
    # A browser may keep it, but must ask: the file can change under its name.
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@partial(_of_link, gone=lambda _words: compact_json(None))
def regions(explored: Explored) -> Response:
    """Where the intact network goes, and which regions it goes through; null where none can be told."""
    behind = _backdrop_if_any(explored.intact)
    return compact_json(None if behind is None else describe_occupancy(behind))


@_of_link
def page(explored: Explored) -> Response:
    """A page that runs the network of the link by itself, to be saved; it begins with the scenario of the link."""
    # Refuses neurons that are not there, which the page could not.
    _ = explored.now
    begins = {key: explored.scenario.to_dict()[key] for key in ("sigma", "seed", "interventions", "start")}
    if explored.scenario.start == Scenario.start:
        del begins["start"]
    behind, kick = _backdrop_if_any(explored.intact), queries.kick_neurons_of.known(explored)
    payload = build_live_payload(*_seen(explored.intact), backdrop=behind, kick=kick, scenario=begins)
    saved = Response(write_live_page(payload), mimetype="text/html")
    saved.headers["Content-Disposition"] = f'attachment; filename="hmmrnn-live-{explored.name}.html"'
    return saved


@_of_link
def report(explored: Explored) -> Response:
    """The report of the network, seed and interventions that the link names, once a worker has written it."""
    found = services().experiments.known_result(REPORT, *identify(REPORT, explored))
    if found is None:
        return Response(NOT_WRITTEN, status=404, mimetype="text/plain")
    return Response(found, mimetype="text/html")


def _drawable(intact: Explored) -> dict[str, Any]:
    # A network that is there but has no plane is no bad link: the page says why, and its console has no cause to.
    try:
        return describe_network(*_seen(intact))
    except ValueError as error:
        return {"refused": f"{shorten(error)}."}


def _seen(intact: Explored) -> tuple[Network, Plane, str, Singles]:
    """Network, plane, name and visited states: what `live_network` takes."""
    queries.check_steady(intact, "the live view and its page")
    return intact.network, queries.plane_of(intact), intact.name, queries.summary_of(queries.pictured(intact)).points


def _backdrop_if_any(intact: Explored) -> OccupancyGrid | None:
    try:
        found = queries.survey_of(intact)
        return build_occupancy_grid(queries.summary_of(intact).points, found.points, found.residency.region)
    except (ValueError, FloatingPointError):
        # A network that diverges has no states that could be labelled; its page shows it all the same.
        return None
