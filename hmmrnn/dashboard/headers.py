"""What may a page do in a browser? What it needs, and nothing else: said in the headers of every answer.

A content security policy names what may be loaded and run. The dashboard loads from its own server alone, and no script
stands in its page but Dash's own line, which is named by its hash. A report and a saved live page hold all that they
need: theirs forbids every request, and allows those scripts alone that this package puts into them.
"""

from __future__ import annotations

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
from hmmrnn.live import ASSETS, joined

PLAIN = {
    "X-Content-Type-Options": "nosniff",
    # A link holds the whole scenario, which is no other site's business.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
NONE, SELF, INLINE, EVAL = "'none'", "'self'", "'unsafe-inline'", "'unsafe-eval'"
# Nothing, not even from the own server, unless a line of its own allows it.
FORBIDDEN = {"default-src": [NONE], "base-uri": [NONE], "form-action": [NONE], "frame-ancestors": [NONE]}
# Plotly, Mantine and AG Grid put style sheets into the page, and sizes onto its elements.
STYLES = {"style-src": [SELF, INLINE], "img-src": [SELF, "data:", "blob:"], "font-src": [SELF, "data:"]}
# Endpoints that serve a document which holds all that it needs.
DOCUMENTS = ("report", "live-page")
TEMPLATES = Path(hmmrnn.__file__).with_name("templates")
_RUN = re.compile(r'<script(?: type="module")?>(.*?)</script>', re.DOTALL)

Policy = Mapping[str, Iterable[str]]


def register(app: Dash) -> None:
    """Put headers on every answer."""

    @cache
    def of_page() -> Policy:
        # Dash knows which scripts stand in its page once that has been made for the first time.
        return page_policy(app.csp_hashes())

    def guard(answer: Response) -> Response:
        policy = document_policy() if request.endpoint in DOCUMENTS else of_page()
        for name, value in {**PLAIN, "Content-Security-Policy": _written(policy)}.items():
            answer.headers.setdefault(name, value)
        return answer

    app.server.after_request(guard)


def page_policy(inline: Iterable[str]) -> Policy:
    """The policy of the dashboard; `inline` are the hashes of the scripts that stand in the page."""
    # Plotly's WebGL layer makes functions of text for what it draws; without EVAL such figures stay blank, and nothing
    # says why. Neither Dash nor AG Grid needs it. It lets run nothing that is not called by a script that may run.
    own = {"script-src": [SELF, EVAL, *inline], "connect-src": [SELF], "worker-src": [SELF], "manifest-src": [SELF]}
    return {**FORBIDDEN, **STYLES, **own, "form-action": [SELF]}


@cache
def document_policy() -> Policy:
    """The policy of a report and of a saved live page, which runs its network in a worker of its own making."""
    own = {"script-src": [_hash(text) for text in document_scripts()], "worker-src": ["blob:"]}
    # Shown by this server or not, it is a document by itself, and can do nothing in the name of who opened it.
    sandbox = {"sandbox": ["allow-scripts", "allow-downloads"]}
    return {**FORBIDDEN, "style-src": [INLINE], "img-src": ["data:", "blob:"], "font-src": ["data:"], **own, **sandbox}


def document_scripts() -> tuple[str, ...]:
    """Every script that a report or a saved live page may run, whatever network it is of.

    Taken from where the pages are made of, and not from a page: what a stranger's file got into it would be run too.
    """
    live = joined(ASSETS / "live" / "saved.mjs")
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
