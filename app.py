"""The application: `create_app()` for whoever embeds it, `server` for gunicorn."""

from __future__ import annotations

from hmmrnn.dashboard.application import create_app

app = create_app()
server = app.server
