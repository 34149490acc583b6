"""Responses in parts: only those parts of an open page that have changed. Each part has a stamp.

The page's script sends the stamps that it has; a part that has not changed since is not sent.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from plotly.utils import PlotlyJSONEncoder

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.view import Json, Updates
from hmmrnn.server.sentence import sentence
from hmmrnn.tasks.queue import QueueGoneError

# The part that says whether the queue can be reached.
AWAY = "away"


def stamp(content: Any) -> int:
    """A number that is another one for other content."""
    return zlib.crc32(json.dumps(content, cls=PlotlyJSONEncoder).encode())


def stamped(updates: Updates) -> Json:
    """A part: what to show, and its stamp."""
    return {"stamp": stamp(updates), "updates": updates}


def changed(parts: Mapping[str, Updates], seen: Json) -> Json:
    """Those parts whose stamps the page does not have.

    Where the queue was away at the last request, that it is back is a part like any other.
    """
    here = {**parts, **({AWAY: _notice("")} if AWAY in seen and AWAY not in parts else {})}
    made = {name: stamped(updates) for name, updates in here.items()}
    return {name: part for name, part in made.items() if seen.get(name) != part["stamp"]}


def away(error: QueueGoneError) -> dict[str, Updates]:
    """The one part that there is while the queue cannot be reached."""
    return {AWAY: _notice(sentence(error))}


def _notice(words: str) -> Updates:
    return [(ids.NOTICE_TEXT, {"children": words}), (ids.NOTICE, {"hidden": not words})]
