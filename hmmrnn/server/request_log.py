"""Every request gets a number and one line in the log, and is counted.

The number (X-Request-ID) is taken from a proxy in front, if it sends one, and is returned with the response. The
sentence that the page shows when a view fails holds it, so that the line in the log can be found. Neither log nor
metrics hold anything that a user typed: no query string, no body, no header but that number, and of an address only
which of those that the server knows it is.
"""

import logging
import re
import time
import uuid

from dash import Dash
from flask import Flask, Response, g, request

from hmmrnn.storage import logs, metrics

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
SETTING_UP = "hmmrnn.setting-up"
CALLBACK = "/_dash-update-component"
NOWHERE = "nowhere"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_ACCEPTED = re.compile(r"[A-Za-z0-9-]{8,64}")


def register(app: Dash) -> None:
    """Number, log and count every request. Must be called before anything else that may answer one."""

    def begin() -> None:
        g.started_at, g.number = time.monotonic(), _number(request.headers.get(HEADER, ""))
        logs.about(request=g.number)

    def end(response: Response) -> Response:
        if setting_up():
            return response
        seconds, query = time.monotonic() - g.started_at, _query()
        # The name of the address, of which there is a bounded number, and not the path that was requested.
        metrics.count_request(request.endpoint or NOWHERE, response.status_code, query, seconds)
        path = NOWHERE if request.url_rule is None else request.url_rule.rule
        line = {"method": _method(), "path": path, "status": response.status_code}
        level = logging.WARNING if response.status_code >= 400 else logging.INFO
        logger.log(level, "answered", extra={**line, "query": query, "ms": round(1000 * seconds, 1)})
        response.headers[HEADER] = g.number
        return response

    app.server.before_request(begin)
    app.server.after_request(end)


def set_up(server: Flask) -> None:
    """Make the first request ourselves: Dash completes its set-up within it.

    Two first requests at the same time, as any browser makes them, would find the set-up half done.
    """
    server.test_client().get("/", environ_overrides={SETTING_UP: True}).close()


def setting_up() -> bool:
    """Whether the present request is that first one; no client can claim this."""
    return bool(request.environ.get(SETTING_UP))


def number() -> str:
    """The number of the present request."""
    return str(g.number)


def _number(given: str) -> str:
    return given if _ACCEPTED.fullmatch(given) else uuid.uuid4().hex[:16]


def _method() -> str:
    # Any word may be sent as one.
    return request.method if request.method in METHODS else "OTHER"


def _query() -> str:
    """The name of the address that is asked for; empty for the files of the page."""
    endpoint = request.endpoint or ""
    if endpoint == CALLBACK:
        # No page asks there.
        return NOWHERE
    # Dash names its own addresses by their path.
    return "" if endpoint.startswith(("/", "_", "static")) else endpoint
