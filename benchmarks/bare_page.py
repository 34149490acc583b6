"""A program of Dash that shows one figure and does nothing else: `python -m benchmarks.bare_page FIGURE.json PORT`."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from dash import Dash, dcc


def main(figure: str, port: str) -> None:
    """Serve the figure, which is plain JSON in a file."""
    given = json.loads(Path(figure).read_text(encoding="utf-8"))
    app = Dash("bare")
    app.layout = dcc.Graph(id=given["id"], figure=given["figure"])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app.run(host="127.0.0.1", port=port, debug=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
