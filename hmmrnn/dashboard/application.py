"""How do the parts become one application? Layout, callbacks, errors in words, and a sign of life."""

from __future__ import annotations

import logging

from dash import Dash, set_props
from flask import jsonify
from flask.typing import ResponseReturnValue
from flask_compress import Compress

import hmmrnn
from hmmrnn.dashboard import callbacks, catalog, files, guide, ids, live, moments, reports, takeaway
from hmmrnn.dashboard.callbacks.picker import model_choices
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.layout import page

logger = logging.getLogger(__name__)


def create_app() -> Dash:
    """Build the dashboard over the networks of the models folder (HMMRNN_MODELS)."""
    app = Dash(
        "hmmrnn",
        title="hmmrnn",
        update_title=None,
        assets_folder=str(catalog.SHIPPED.parent / "assets"),
        # Modules, which the page's own scripts import; as plain scripts they would not run.
        assets_path_ignore=["^live$", "^page$"],
        serve_locally=True,
        on_error=say_what_went_wrong,
    )
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    # Answers are mostly numbers, which hardly shrink; compressing them would take longer than it saves.
    app.server.config["COMPRESS_MIMETYPES"] = ["text/html", "text/css", "text/javascript", "application/javascript"]
    Compress(app.server)
    app.layout = lambda: page(model_choices())
    callbacks.register(app)
    app.server.add_url_rule("/healthz", "healthz", healthz)
    files.register(app.server, model_choices)
    reports.register(app.server)
    live.register(app.server)
    guide.register(app.server)
    moments.register(app.server)
    takeaway.register(app.server)
    # Dash completes its set-up within the first request. Two first requests at once, as any browser makes them to a
    # fresh process, would find it half done; so the first one is made here.
    app.server.test_client().get("/").close()
    return app


def healthz() -> ResponseReturnValue:
    """Alive: the process answers and can list its networks."""
    return jsonify(status="ok", version=hmmrnn.__version__, networks=len(catalog.entries()))


def say_what_went_wrong(error: Exception) -> None:
    """Tell the viewer in one sentence; what is open stays open.

    Bad input explains itself. Anything else is a fault of ours: it goes to the log with its trace.
    """
    if isinstance(error, ValueError):
        logger.info("refused: %s", error)
        words = sentence(error)
    else:
        logger.error("a callback failed", exc_info=error)
        words = "The server could not compute this view; its log says why. What you see is the last good answer."
    set_props(ids.NOTICE_TEXT, {"children": words})
    set_props(ids.NOTICE, {"hidden": False})
