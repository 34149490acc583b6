"""The questions of a page and the answers to them, without a page."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from hmmrnn.dashboard import ids
from hmmrnn.explorer.scenario import Scenario

PATIENCE_SECONDS = 60
# What the page asks for at once while neurons are silenced on the bench.
FAST_VIEWS = (ids.STATE_SPACE, ids.ORBIT, ids.NUMBERS)


def question(scenario: Scenario, *views: str, theme: str = "light", **change: Any) -> dict[str, Any]:
    """What the page asks for views that have their bodies, as it comes through JSON."""
    asked = {"scenario": scenario.to_dict(), "views": list(views), "fresh": [], "theme": theme, "settled": False}
    found: dict[str, Any] = json.loads(json.dumps({**asked, **change}))
    return found


class Wire:
    """The way of a page to a server that runs.

    Attributes:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def fetch(self, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        """The JSON of the response, whatever its status."""
        headers = {"Content-Type": kind, "X-Requested-With": "test"}
        asked = urllib.request.Request(f"{self.url}{path}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read())

    def ask(self, path: str, asked: dict[str, Any]) -> Any:
        """The answer to a question, which may be refused."""
        return self.fetch(path, json.dumps(asked).encode())

    def fast(self, scenario: Scenario) -> dict[str, dict[str, Any]]:
        """What the fast views of a scenario get, by component.

        Raises:
            ValueError: the server refuses; with its sentence.
        """
        found = self.ask("/views", question(scenario, *FAST_VIEWS))
        if "refused" in found:
            raise ValueError(found["refused"])
        return dict(found["updates"])
