"""Log lines of a process, one per event: as readable text, or as JSON (HMMRNN_LOG=json).

Every line of a web process holds the number of its request, every line of a worker the id of its task. Modules log
with `logging`; `about` says what the further lines of a thread are about. No value has a control character or more than
LONGEST characters, whatever a user typed: it can neither look like another line nor fill the disk.
"""

import logging.config
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

Kind = Literal["text", "json"]
LONGEST = 300
# Of a trace the last lines are kept, which say what was raised and where.
TRACE_LINES, TRACE = 60, "exception"


def configure(kind: Kind) -> None:
    """Write all log lines of this process to stderr."""
    logging.config.dictConfig(configuration(kind))


def configuration(kind: Kind) -> dict[str, Any]:
    """The argument of `logging.config.dictConfig`."""
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": _formatter(kind)},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"propagate": True, "handlers": []},
            # Its lines hold query strings; those of request_log say more without them.
            "gunicorn.access": {"propagate": False, "handlers": [], "level": "CRITICAL"},
            "huey": quiet,
            # A line for each request would push the address of the dashboard out of the terminal.
            **({"hmmrnn.server.request_log": quiet} if kind == "text" else {}),
            # It says that requests wait for a thread whenever many viewers click at once.
            "waitress.queue": {"level": "ERROR"},
            "waitress": quiet,
            "werkzeug": quiet,
        },
    }


def about(**values: str) -> None:
    """Put these values into every further log line of this thread, in place of those of an earlier call."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**values)


def _formatter(kind: Kind) -> dict[str, Any]:
    before = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_blanks,
        _bounded,
    ]
    renderers: dict[Kind, list[Any]] = {
        # With the plain trace: the coloured one shows the values of variables, which may be passwords.
        "text": [structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=_write_trace)],
        "json": [_with_trace, structlog.processors.JSONRenderer()],
    }
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers[kind]]
    return {"()": structlog.stdlib.ProcessorFormatter, "processors": processors, "foreign_pre_chain": before}


def _without_blanks(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if value != ""}


def _bounded(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    plain = (int, float, type(None))
    # What a record says of its exception is written by the trace, from the exception itself.
    for key in event.keys() - {"exc_info", "_record"}:
        if not isinstance(event[key], plain):
            event[key] = shown(str(event[key]))
    return event


def shown(text: str) -> str:
    """A text as it may stand in a line: short, and without control characters."""
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in cut
    )


def _trace_of(exc_info: Any) -> list[str]:
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    return [shown(line) for line in lines[-TRACE_LINES:]]


def _write_trace(stream: TextIO, exc_info: Any) -> None:
    # Further in than a line of the log, so that none of it can be taken for one.
    stream.write("".join(f"\n    {line}" for line in _trace_of(exc_info)))


def _with_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    exc_info = event.pop("exc_info", None)
    if exc_info:
        event[TRACE] = "\n".join(_trace_of(exc_info))
    return event
