"""What a page sends to have something answered, and what it gets, without a page."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any

PATIENCE_SECONDS = 60


def payload(callback: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """What a page sends to have a callback answered.

    Args:
        callback: as the server lists it.
        values: of its components, by id.
    """

    def filled(wires: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"id": wire["id"], "property": wire["property"], "value": values[wire["id"]]} for wire in wires]

    names = callback["output"].removeprefix("..").removesuffix("..").split("...")
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    return {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        "inputs": filled(callback["inputs"]),
        "state": filled(callback["state"]),
        "changedPropIds": [f"{callback['inputs'][0]['id']}.{callback['inputs'][0]['property']}"],
    }


class Wire:
    """A page's way to a server that runs.

    Attributes:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.callbacks = [item for item in self.fetch("/_dash-dependencies") if not item["clientside_function"]]

    def fetch(self, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        """The JSON that is answered, whatever its status."""
        headers = {"Content-Type": kind, "X-Requested-With": "test"}
        asked = urllib.request.Request(f"{self.url}{path}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read())

    def ask(self, output: str, **values: Any) -> dict[str, Any]:
        """What the callback with this output answers: the new values by component and property."""
        (callback,) = [one for one in self.callbacks if output in re.split(r"\.\.\.|\.\.", one["output"])]
        given = {name.replace("_", "-"): value for name, value in values.items()}
        found = self.fetch("/_dash-update-component", json.dumps(payload(callback, given)).encode())
        assert "refused" not in found, found
        return {**found.get("response", {}), **found.get("sideUpdate", {})}
