"""Failed sign-ins, counted by browser, address and name.

They are counted for an address, and for a name at an address. A browser in which a user has signed in before has a
signed cookie, and its tries for that name are counted for it alone: others at its address cannot slow it down.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any

from flask import Response, current_app, request
from itsdangerous import BadSignature, Signer

COOKIE, KEPT_SECONDS = "hmmrnn-known", 180 * 24 * 3600


def address() -> str:
    """What tries are counted for first: the browser where it is known, otherwise its address."""
    return _known_browser() or request.remote_addr or "unknown"


def address_and_name() -> str:
    """The same, and the name that is tried."""
    return f"{_known_browser() or request.remote_addr} {_digest(_name())}"


def remember_browser(response: Response, name: str) -> None:
    """Note in a response that a user has signed in with this browser."""
    text = f"{_digest(name)}.{secrets.token_hex(8)}"
    secure = current_app.session_interface.get_cookie_secure(current_app)
    safe: dict[str, Any] = {"httponly": True, "samesite": "Lax", "secure": secure, "path": "/sign-in"}
    response.set_cookie(COOKIE, _signer().sign(text).decode("ascii"), max_age=KEPT_SECONDS, **safe)


def _known_browser() -> str:
    """The number of the browser if the user whose name is tried has signed in with it; empty otherwise."""
    try:
        user, _, number = _signer().unsign(request.cookies.get(COOKIE, "")).decode("ascii").partition(".")
    except BadSignature:
        return ""
    return f"known {number}" if user == _digest(_name()) else ""


def _signer() -> Signer:
    key = current_app.secret_key
    assert key is not None
    return Signer(key, salt="has signed in before")


def _name() -> str:
    return request.form.get("name", "").strip()


def _digest(name: str) -> str:
    # Without the name itself, which may be a password in the wrong field.
    return sha256(name.encode()).hexdigest()
