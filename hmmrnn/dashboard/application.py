"""How do the parts become one application? Layout, callbacks, errors in words, and a sign of life."""

from __future__ import annotations

import logging

from dash import Dash, set_props
from flask_compress import Compress

from hmmrnn.dashboard import (
    callbacks,
    catalog,
    door,
    files,
    guide,
    headers,
    health,
    ids,
    live,
    metrics,
    moments,
    reports,
    signin,
    takeaway,
    traffic,
    viewers,
)
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
        # Modules, which the page's own scripts import, would not run as plain scripts; and what is another page's.
        assets_path_ignore=["^live$", "^page$", "^sign-in$"],
        serve_locally=True,
        on_error=say_what_went_wrong,
    )
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    traffic.register(app)
    signin.register(app.server)
    door.register(app)
    # Answers are mostly numbers, which hardly shrink; compressing them would take longer than it saves.
    app.server.config["COMPRESS_MIMETYPES"] = ["text/html", "text/css", "text/javascript", "application/javascript"]
    Compress(app.server)
    app.layout = lambda: page(model_choices(), signin.account())
    callbacks.register(app)
    health.register(app.server)
    metrics.register(app.server)
    files.register(app.server, model_choices)
    reports.register(app.server)
    live.register(app.server)
    guide.register(app.server)
    moments.register(app.server)
    takeaway.register(app.server)
    viewers.register(app.server)
    headers.register(app)
    traffic.set_up(app.server)
    return app


def say_what_went_wrong(error: Exception) -> None:
    """Tell the viewer in one sentence; what is open stays open.

    Bad input explains itself. Anything else is a fault of ours: it goes to the log with its trace.
    """
    if isinstance(error, ValueError):
        logger.info("refused: %s", error)
        words = sentence(error)
    else:
        logger.error("a callback failed", exc_info=error)
        words = (
            f"The server could not compute this view; its log says why (request {traffic.number()}). "
            "What you see is the last good answer."
        )
    set_props(ids.NOTICE_TEXT, {"children": words})
    set_props(ids.NOTICE, {"hidden": False})
