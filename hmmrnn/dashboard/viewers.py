"""Who asks, so that nobody fills the queue alone? The user who is signed in, or a browser, by a name in a cookie.

That name is random: it opens nothing and names nobody.
"""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, current_app, has_request_context, request
from flask_login import current_user

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
    """Whose request this is; empty outside of requests.

    The user who is signed in, whatever browsers he has open; otherwise the name in the cookie, or where the request
    came from.
    """
    if not has_request_context():
        return ""
    # Without users there is nobody to manage who is signed in.
    if hasattr(current_app, "login_manager") and current_user.is_authenticated:
        return f"user {current_user.name}"
    name = request.cookies.get(COOKIE, "")
    return name if NAME.fullmatch(name) else f"at {request.remote_addr}"
