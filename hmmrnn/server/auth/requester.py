"""The requester of a task: the signed-in user, or a browser, known by a random name in a cookie, and its address.

So no single one can fill the queue, and nobody cancels what another one has asked for. The name gives no access and
identifies no person. It is signed, so that it cannot be made up; a new one costs a page, and is bounded by the address.
"""

import re
import secrets
from typing import Any

from flask import Flask, Response, current_app, has_request_context, request
from flask_login import current_user
from itsdangerous import BadSignature, Signer

from hmmrnn.tasks.task import name_and_address

COOKIE, SALT = "hmmrnn-viewer", "viewer"
NAME = re.compile(r"[0-9a-f]{16}")
KEPT_SECONDS = 365 * 24 * 3600
EXTENSION = "hmmrnn-viewers"


def register(server: Flask, key: bytes) -> None:
    """Give every browser a name, signed with the key, with the first page that it opens."""
    server.extensions[EXTENSION] = Signer(key, salt=SALT)
    server.after_request(_named)


def _named(response: Response) -> Response:
    if response.mimetype == "text/html" and not _name():
        # The names of version 0.1 were not signed; what was asked for under them stays with their browsers.
        given = request.cookies.get(COOKIE, "")
        name = given if NAME.fullmatch(given) else secrets.token_hex(8)
        safe: dict[str, Any] = {"httponly": True, "samesite": "Lax", "secure": request.is_secure}
        response.set_cookie(COOKIE, _signer().sign(name).decode("ascii"), max_age=KEPT_SECONDS, **safe)
    return response


def _signer() -> Signer:
    found: Signer = current_app.extensions[EXTENSION]
    return found


def _name() -> str:
    """The name of the browser; empty if it has none that was given to it here."""
    try:
        return _signer().unsign(request.cookies.get(COOKIE, "")).decode("ascii")
    except BadSignature:
        return ""


def identify_requester() -> str:
    """Name of the signed-in user, or else of the browser, if it has one, and its address; empty outside of requests."""
    if not has_request_context():
        return ""
    # Without a file of users no login manager is registered.
    if hasattr(current_app, "login_manager") and current_user.is_authenticated:
        return f"user {current_user.name}"
    return f"{_name()} at {request.remote_addr}".strip()


def identify_owner() -> str:
    """The requester whatever the address, as whom a browser or a user owns what they have brought."""
    return name_and_address(identify_requester())[0]
