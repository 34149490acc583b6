"""Who asks? A random name in a cookie, so that nobody fills the queue alone. It opens nothing and names nobody."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, has_request_context, request

COOKIE = "hmmrnn-viewer"
NAME = re.compile(r"[0-9a-f]{16}")
KEPT_SECONDS = 365 * 24 * 3600


def register(server: Flask) -> None:
    """Let a server give every browser a name with the first page that it opens."""
    server.after_request(_named)


def _named(response: Response) -> Response:
    if response.mimetype == "text/html" and not NAME.fullmatch(request.cookies.get(COOKIE, "")):
        response.set_cookie(
            COOKIE,
            secrets.token_hex(8),
            max_age=KEPT_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )
    return response


def asker() -> str:
    """Whose request this is: the name in the cookie, or where it came from without one; empty outside of requests."""
    if not has_request_context():
        return ""
    name = request.cookies.get(COOKIE, "")
    return name if NAME.fullmatch(name) else f"at {request.remote_addr}"
