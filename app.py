"""The application: `create_app()` to embed it in another server, `server` for gunicorn."""

from __future__ import annotations

from hmmrnn.dashboard.app import create_app

app = create_app()
server = app.server
