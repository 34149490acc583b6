"""What does a process tell of what it does? A line for each thing that happens: readable, or JSON (HMMRNN_LOG=json).

Every line of a web process holds the number of the request that it belongs to, every line of a worker the id of the
job. Modules log by `logging`, as ever; who knows what all further lines are about says so by `about`.
"""

from __future__ import annotations

import logging.config
import os
from collections.abc import MutableMapping
from typing import Any

import structlog

VARIABLE = "HMMRNN_LOG"
READABLE, JSON = "text", "json"


def configure() -> None:
    """Have all that this process logs written to stderr, a line each.

    Raises:
        ValueError: HMMRNN_LOG is neither of the two.
    """
    logging.config.dictConfig(configuration())


def configuration() -> dict[str, Any]:
    """What `logging.config.dictConfig` takes.

    Raises:
        ValueError: HMMRNN_LOG is neither of the two.
    """
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": _line(_kind())},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"propagate": True, "handlers": []},
            # Its lines hold query strings; those of traffic.py tell more without them.
            "gunicorn.access": {"propagate": False, "handlers": [], "level": "CRITICAL"},
            "huey": quiet,
            "werkzeug": quiet,
        },
    }


def about(**what: str) -> None:
    """Have every further line of this thread say what it is about, and no longer what it was about before."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**what)


def _kind() -> str:
    kind = os.environ.get(VARIABLE, READABLE)
    if kind not in (READABLE, JSON):
        raise ValueError(f"{VARIABLE} must be {READABLE} or {JSON}; got {kind!r}")
    return kind


def _line(kind: str) -> dict[str, Any]:
    before = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_blanks,
    ]
    drawn: dict[str, list[Any]] = {
        # With the plain trace: the coloured one shows the values of variables, a password among them perhaps.
        READABLE: [
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ],
        JSON: [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    }
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *drawn[kind]]
    return {"()": structlog.stdlib.ProcessorFormatter, "processors": last, "foreign_pre_chain": before}


def _without_blanks(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if value != ""}
