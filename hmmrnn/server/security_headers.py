"""Headers of every response that allow a page to do in a browser what it needs, and nothing else.

A content security policy names what may be loaded and run. The dashboard loads only from its own server, and the only
script within its page is Dash's own line, which is named by its hash. A report and a saved live page contain all that
they need: their policy forbids every request, and allows only the scripts that this package puts into them.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from dash import Dash
from flask import Response, request

import hmmrnn
from hmmrnn.report.live_page import join_modules
from hmmrnn.shipped import ASSETS

PLAIN = {
    "X-Content-Type-Options": "nosniff",
    # A link holds the whole scenario, which no other site needs to know.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
NONE, SELF, INLINE, EVAL = "'none'", "'self'", "'unsafe-inline'", "'unsafe-eval'"
# Compiled code (assets/engine/product.wat), and no text that is made into code.
COMPILED = "'wasm-unsafe-eval'"
# Nothing, not even from the own server, unless a line of its own allows it.
FORBIDDEN = {"default-src": [NONE], "base-uri": [NONE], "form-action": [NONE], "frame-ancestors": [NONE]}
# Plotly, Mantine and AG Grid put style sheets into the page, and sizes onto its elements.
STYLES = {"style-src": [SELF, INLINE], "img-src": [SELF, "data:", "blob:"], "font-src": [SELF, "data:"]}
# Endpoints that serve a document which holds all that it needs.
DOCUMENTS = ("report", "live-page")
TEMPLATES = Path(hmmrnn.__file__).parent / "report" / "templates"
_RUN = re.compile(r'<script(?: type="module")?>(.*?)</script>', re.DOTALL)

Policy = Mapping[str, Iterable[str]]


def register(app: Dash) -> None:
    """Put the headers on every response."""

    @cache
    def of_page() -> Policy:
        # Dash knows the scripts within its page once the page has been made for the first time.
        return page_policy(app.csp_hashes())

    def guard(response: Response) -> Response:
        policy = document_policy() if request.endpoint in DOCUMENTS else of_page()
        for name, value in {**PLAIN, "Content-Security-Policy": _written(policy)}.items():
            response.headers.setdefault(name, value)
        return response

    app.server.after_request(guard)


def page_policy(inline: Iterable[str]) -> Policy:
    """The policy of the dashboard; `inline` are the hashes of the scripts within the page."""
    # Plotly's WebGL layer makes functions of text for what it draws; without EVAL such figures stay blank, without a
    # message. Neither Dash nor AG Grid needs it. Only scripts that may run can use it.
    own = {"script-src": [SELF, EVAL, *inline], "connect-src": [SELF], "worker-src": [SELF], "manifest-src": [SELF]}
    return {**FORBIDDEN, **STYLES, **own, "form-action": [SELF]}


@cache
def document_policy() -> Policy:
    """The policy of a report and of a saved live page, which runs its network in a worker that it makes itself."""
    own = {"script-src": [COMPILED, *map(_hash, document_scripts())], "worker-src": ["blob:"]}
    # A document by itself, wherever it is shown from: it can do nothing with the session of its reader.
    sandbox = {"sandbox": ["allow-scripts", "allow-downloads"]}
    return {**FORBIDDEN, "style-src": [INLINE], "img-src": ["data:", "blob:"], "font-src": ["data:"], **own, **sandbox}


def document_scripts() -> tuple[str, ...]:
    """Every script that a report or a saved live page of any network may run.

    Taken from the templates, and not from a page, in which a foreign file might have placed a script of its own.
    """
    live = join_modules(ASSETS / "live" / "saved.mjs")
    written = [
        text.replace("{{ live.script | safe }}", live)
        for name in ("report.html", "live_part.html")
        for text in _RUN.findall((TEMPLATES / name).read_text(encoding="utf-8"))
    ]
    return *written, gzip.decompress((TEMPLATES / "plotly-cartesian.min.js.gz").read_bytes()).decode("utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}'"


def _written(policy: Policy) -> str:
    return "; ".join(" ".join([name, *sources]) for name, sources in policy.items())
