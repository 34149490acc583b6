"""Who asked what, what came of it, how long did it take? A request gets a number and a line in the log, and is counted.

The number (X-Request-ID) is that of a proxy in front, if it sent one, and is answered in any case; the sentence that
the page shows when something fails holds it, so that the line in the log is found. Neither the log nor the counters
hold anything that a viewer typed: no query string, no body, no header but that number.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from urllib.parse import quote

from dash import Dash
from flask import Flask, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from hmmrnn.dashboard import counters, logs

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
SETTING_UP = "hmmrnn.setting-up"
CALLBACK = "/_dash-update-component"
NOWHERE = "nowhere"
_ACCEPTED = re.compile(r"[A-Za-z0-9-]{8,64}")


def register(app: Dash) -> None:
    """Number, log and count every request. Called before whatever else may answer one."""

    def begin() -> None:
        g.began, g.number = time.monotonic(), _number(request.headers.get(HEADER, ""))
        logs.about(request=g.number)

    def end(answer: Response) -> Response:
        if setting_up():
            return answer
        seconds, query = time.monotonic() - g.began, _question(app)
        # The name of the address, of which there is a bounded number, and not the path that somebody asked for.
        counters.answered(request.endpoint or NOWHERE, answer.status_code, query, seconds)
        told = {"method": request.method, "path": quote(request.path), "status": answer.status_code}
        logger.info("answered", extra={**told, "query": query, "ms": round(1000 * seconds, 1)})
        answer.headers[HEADER] = g.number
        return answer

    app.server.before_request(begin)
    app.server.after_request(end)


def set_up(server: Flask) -> None:
    """Make the first request, which nobody has asked for: Dash completes its set-up within it.

    Two first requests at once, as any browser makes them to a fresh process, would find it half done.
    """
    server.test_client().get("/", environ_overrides={SETTING_UP: True}).close()


def setting_up() -> bool:
    """Whether the request that is answered is that first one. Nobody can say so from outside."""
    return bool(request.environ.get(SETTING_UP))


def number() -> str:
    """The number of the request that is being answered."""
    return str(g.number)


def _number(given: str) -> str:
    return given if _ACCEPTED.fullmatch(given) else uuid.uuid4().hex[:16]


def _question(app: Dash) -> str:
    """What was asked, by the name of the view or of the address; empty if it was but a part of the page."""
    endpoint = request.endpoint or ""
    if endpoint == CALLBACK:
        try:
            body = request.get_json(silent=True)
        except RequestEntityTooLarge:
            return NOWHERE
        output = body.get("output") if isinstance(body, dict) else None
        return _view(output) if isinstance(output, str) and output in app.callback_map else NOWHERE
    # Dash's own addresses are called by their path.
    return "" if endpoint.startswith(("/", "_", "static")) else endpoint


def _view(output: str) -> str:
    """The id of the first component that a callback writes to."""
    first = output.removeprefix("..").split("...")[0]
    return first.rsplit(".", 1)[0].removesuffix("-answered")
