"""What has changed of a page that is looked at for long? Its answers come in parts, and each part has a stamp.

The page's script tells which stamps it has; a part that has not changed since is not sent.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from plotly.utils import PlotlyJSONEncoder

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.queue import QueueGoneError

Json = dict[str, Any]
Draws = list[tuple[str, Json]]

# The part that says whether the queue can be reached.
AWAY = "away"


def stamp(content: Any) -> int:
    """A number that is another one for other content."""
    return zlib.crc32(json.dumps(content, cls=PlotlyJSONEncoder).encode())


def stamped(draws: Draws) -> Json:
    """A part: what to draw, and its stamp."""
    return {"stamp": stamp(draws), "draws": draws}


def changed(parts: Mapping[str, Draws], seen: Json) -> Json:
    """Those parts whose stamps the page does not have.

    Where the queue was away when the page last asked, that it is back is a part like any other.
    """
    here = {**parts, **({AWAY: _notice("")} if AWAY in seen and AWAY not in parts else {})}
    made = {name: stamped(draws) for name, draws in here.items()}
    return {name: part for name, part in made.items() if seen.get(name) != part["stamp"]}


def away(error: QueueGoneError) -> dict[str, Draws]:
    """The one part that there is while the queue cannot be reached."""
    return {AWAY: _notice(sentence(error))}


def _notice(words: str) -> Draws:
    return [(ids.NOTICE_TEXT, {"children": words}), (ids.NOTICE, {"hidden": not words})]
