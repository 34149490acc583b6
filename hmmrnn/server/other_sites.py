"""Pages of other sites: of the requests that they cause in a user's browser, only visits (by a link) are answered.

A page of another site can send requests from the browser of somebody who reaches this server. Browsers say where a
request comes from (Sec-Fetch-Site on https and this machine; else Origin, and mostly Referer). And a name that another
site owns can be made to mean this server's address, so that its page counts as one of this server; such a request names
that site as its host. An IP address as host cannot be forged like that.
"""

from __future__ import annotations

import socket
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from hmmrnn.server.settings import Settings, variable

# For programs that watch the server, and call it as their network does. They tell nothing of networks.
WATCHED = ("healthz", "readyz", "metrics")
LONGEST = 100
VISIT = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def register(server: Flask, settings: Settings) -> None:
    """Refuse what other sites ask for, and all that is asked under names that are not this server's."""
    named = tuple(settings.host_names)
    if settings.proxies:
        trusted = settings.proxies
        server.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            server.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted
        )

    def check() -> ResponseReturnValue | None:
        if request.endpoint in WATCHED:
            return None
        name = _host_name(request.host)
        if not (_is_address(name) or host_is_trusted(name, (*own_names(), *named))):
            return _refused(_unknown(name), 421)
        if _is_foreign(named):
            return _refused(
                "A page of another site asked for this, and only visits from there are answered; open the dashboard "
                f"itself. If it is behind a proxy that changes the host, name the host with {variable('hosts')}.",
                403,
            )
        return None

    server.before_request(check)


@cache
def own_names() -> tuple[str, ...]:
    """The names by which a browser can reach this machine without any setting."""
    name = socket.gethostname().lower()
    return "localhost", ".localhost", name, f"{name.partition('.')[0]}.local"


def _unknown(name: str) -> str:
    shown = "".join(char if char.isalnum() or char in ".-_:" else "?" for char in name[:LONGEST])
    return (
        f"This server is not known by the name {shown or 'that was used'}, under which a page of another site could "
        f"use it. Open it by its IP address, or start it with this name in {variable('hosts')}."
    )


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_foreign(named: tuple[str, ...]) -> bool:
    """Whether a page of another site has caused the request, and it is no visit."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        visit = request.method in ("GET", "HEAD") and all(request.headers.get(key) == VISIT[key] for key in VISIT)
        return site not in ("same-origin", "none") and not visit
    origin = request.headers.get("Origin")
    if origin is not None:
        return not _is_own(origin, named)
    # A picture or a script, in a browser that says no more; of a link that is followed the page is asked for.
    return request.referrer is not None and not (
        _is_own(request.referrer, named) or (request.method == "GET" and request.accept_mimetypes.accept_html)
    )


def _is_own(address: str, named: tuple[str, ...]) -> bool:
    try:
        found = urlsplit(address)
    except ValueError:
        return False
    return found.netloc == request.host or bool(named and host_is_trusted(found.hostname, named))


def _refused(sentence: str, status: int) -> ResponseReturnValue:
    if request.accept_mimetypes.accept_html and request.method == "GET":
        return Response(sentence, status, mimetype="text/plain")
    return jsonify(refused=sentence, sentence=sentence), status
