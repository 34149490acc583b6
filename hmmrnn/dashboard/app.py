"""The application: layout, scripts and addresses."""

from __future__ import annotations

from dash import Dash
from plotly.io.json import to_json_plotly

from hmmrnn.dashboard import answers, guide, networks, opening, own_answers
from hmmrnn.dashboard.components import overlay_pages, script
from hmmrnn.dashboard.components.page import page
from hmmrnn.dashboard.components.picker import model_choices
from hmmrnn.dashboard.pages.compare import compare_watch
from hmmrnn.dashboard.pages.data import data_watch
from hmmrnn.dashboard.pages.train import form, sweep_watch, training_watch
from hmmrnn.server import (
    compression,
    health,
    metrics,
    other_sites,
    questions,
    request_log,
    security_headers,
    uploads,
)
from hmmrnn.server.api import downloads, input_tables, live, made_networks, moments
from hmmrnn.server.auth import requester, sign_in
from hmmrnn.server.services import EXTENSION, Services
from hmmrnn.server.settings import Settings
from hmmrnn.shipped import ASSETS
from hmmrnn.storage.signing import derived, read_secret


def create_app(settings: Settings | None = None) -> Dash:
    """Build the dashboard.

    Args:
        settings: where it keeps its files, and what it may use; those of the environment if None.

    Raises:
        ValueError: a setting, a folder or the file of users cannot be used.
    """
    built = Services(Settings.from_environment() if settings is None else settings)
    app = Dash(
        "hmmrnn",
        title="hmmrnn",
        update_title=None,
        assets_folder=str(ASSETS),
        # The page names them itself; see opening.
        assets_ignore=".*",
        serve_locally=True,
        # Controls that a view has come with it.
        suppress_callback_exceptions=True,
    )
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    app.server.extensions[EXTENSION] = built
    request_log.register(app)
    other_sites.register(app.server, built.settings)
    if built.settings.users is not None:
        sign_in.register(app.server, built.settings.users, built.data.secret, built.redis)
    questions.register(app)
    compression.register(app.server)
    with app.server.app_context():
        # Dash calls it at once, to look for the ids of components.
        app.layout = lambda: page(model_choices(), sign_in.account())
    script.register(app)
    for part in (
        answers,
        own_answers,
        networks,
        overlay_pages,
        form,
        training_watch,
        sweep_watch,
        data_watch,
        compare_watch,
    ):
        part.register(app.server)
    health.register(app.server, built)
    metrics.register(app.server, built)
    uploads.register(app.server, built.uploads, model_choices)
    live.register(app.server)
    input_tables.register(app.server)
    guide.register(app.server)
    moments.register(app.server)
    downloads.register(app.server)
    made_networks.register(app.server)
    requester.register(app.server, derived(read_secret(built.data.secret), "names of browsers"))
    opening.prepare(
        app,
        lambda place: page(model_choices(), sign_in.account(), place.page),
        lambda: to_json_plotly([model_choices(), sign_in.account()]),
    )
    security_headers.register(app)
    request_log.set_up(app.server)
    return app
