"""How does a report get to whoever opens it? As a page of its own, once a worker has written it."""

from __future__ import annotations

from flask import Flask, Response, request

from hmmrnn.dashboard import ids, questions
from hmmrnn.dashboard.scenario import Scenario

NOT_WRITTEN = "This report has not been written yet, or was cleared away: open the tab Report of the network."


def register(server: Flask) -> None:
    """Register the address under which reports are opened and saved."""
    server.add_url_rule("/report", "report", written)


def written() -> Response:
    """The report of the network, seed and interventions that the link names."""
    query = request.query_string.decode("utf-8", "replace")
    try:
        found = questions.answered(ids.REPORT, Scenario.from_query(query, default_model=""))
    except ValueError as error:
        return Response(f"{error}.", status=400, mimetype="text/plain")
    if found is None:
        return Response(NOT_WRITTEN, status=404, mimetype="text/plain")
    return Response(found, mimetype="text/html")
