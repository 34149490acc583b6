"""Requests of the page in JSON: addresses that check each against a form, and answer with JSON.

    POST <path>   a question in JSON -> its answer; {"refused": sentence} where there is none

A question that no page asks is refused with status 400 before anything is done. What a user can cause, such as a
scenario that cannot be shown, is refused with status 200; the page shows the sentence. Every other failure is a fault
of ours: its trace is in the log under the number of the request, which the sentence names.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Annotated, Any

from dash import Dash
from dash.exceptions import DependencyException
from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from plotly.io.json import to_json_plotly
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from hmmrnn.server import request_log
from hmmrnn.server.sentence import sentence
from hmmrnn.storage.model_registry import UnknownNetworkError

logger = logging.getLogger(__name__)

# The largest questions hold a scenario whose link is as long as may be, or an HMM of 100 states and symbols.
MAX_BYTES = 250_000
# Far more of each than any question has: what is beyond is refused before it is looked at.
MAX_VALUES, MAX_DEPTH, MAX_DIGITS = 25_000, 16, 20
RELOAD = "reload the page; if this comes again, report it to the administrator of the server"
TOO_MUCH_MEMORY = (
    "this needs more memory than the server has for it now; choose fewer trajectories or a shorter window, or try "
    "again when it is less busy"
)
STRICT = ConfigDict(strict=True, extra="forbid")
Name = Annotated[str, Field(max_length=200)]
# A constant input as a scenario has it; a link has no room for more numbers.
InputValues = Annotated[list[float], Field(max_length=4000)] | None


class QuestionError(ValueError):
    """A request that does not fit its form."""


class _Json(DefaultJSONProvider):
    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error


def register(app: Dash) -> None:
    """Refuse requests that Dash would answer itself, except those for layout and scripts."""
    app.server.json = _Json(app.server)

    def check() -> ResponseReturnValue | None:
        if request.endpoint != request_log.CALLBACK or request.method != "POST":
            return None
        return _refuse(f"no page sends this request; {RELOAD}", 400)

    app.server.before_request(check)
    # Raised by Dash for a script of a package that it does not have; unhandled it would be an error of the server.
    app.server.register_error_handler(DependencyException, lambda _error: _refuse("there is no such script", 404))


def answer_at(
    server: Flask, path: str, endpoint: str, form: Any, answer: Callable[[Any], Any], most_bytes: int = MAX_BYTES
) -> None:
    """Answer questions at an address.

    Args:
        server: the application.
        path: of the address.
        endpoint: its name, by which the page knows it.
        form: the type of a question, as pydantic reads it: strictly.
        answer: from a question to what is answered; figures, arrays and components become JSON. A ValueError is the
            sentence why there is no answer; `gone` names a network that is not there.
        most_bytes: of a question.
    """
    reader = TypeAdapter(form, config=None if hasattr(form, "__pydantic_config__") else ConfigDict(strict=True))

    def answered() -> ResponseReturnValue:
        request.max_content_length = most_bytes
        try:
            question = read(reader, _body(), endpoint)
        except RequestEntityTooLarge:
            return _refuse(f"a question must have at most {most_bytes:,} bytes; got more; {RELOAD}", 413)
        except QuestionError as error:
            return _refuse(str(error), 400)
        try:
            return Response(to_json_plotly(answer(question)), mimetype="application/json")
        except UnknownNetworkError as error:
            return jsonify(refused=sentence(error), gone=error.name)
        except ValueError as error:
            return _refuse(sentence(error), 200)
        except MemoryError:
            logger.warning("a question needs more memory than a web process may hold (HMMRNN_WEB_MB)")
            return _refuse(TOO_MUCH_MEMORY, 200)
        except Exception:
            # The one place where everything is caught: the page goes on with its last good answer.
            logger.exception("a question failed")
            number = request_log.number()
            return _say(f"The server could not compute this; its log says why (request {number})", 500)

    server.add_url_rule(path, endpoint, answered, methods=["POST"])


def _body() -> Any:
    if not request.is_json:
        # No page of another site may send JSON without asking first, which is never allowed.
        raise QuestionError(f"a question must be JSON; got {request.mimetype or 'another form'}; {RELOAD}")
    try:
        value = request.get_json()
    except BadRequest as error:
        raise QuestionError(f"a question must be JSON; got another form; {RELOAD}") from error
    check_size(value)
    return value


def check_size(value: Any) -> None:
    """Check that a request has no more values, levels and digits than any of the page's.

    Raises:
        QuestionError: it has.
    """
    level, count = [value], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_VALUES:
            raise QuestionError(f"a question must have at most {MAX_VALUES:,} values; got more; {RELOAD}")
        if any(type(item) is int and abs(item) >= 10**MAX_DIGITS for item in level):
            raise QuestionError(f"a whole number must have at most {MAX_DIGITS} digits; got more; {RELOAD}")
        level = [
            part
            for item in level
            if isinstance(item, dict | list)
            for part in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise QuestionError(f"a question must have at most {MAX_DEPTH} levels; got more; {RELOAD}")


def read(reader: TypeAdapter[Any], value: Any, name: str) -> Any:
    """Read a question.

    Raises:
        QuestionError: it has another form.
    """
    try:
        return reader.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join([name, *map(str, first["loc"])])
        found = _short(first["input"])
        raise QuestionError(f"{_short(where, 200)}: {first['msg'].lower()}; got {found}; {RELOAD}") from error


def _refuse(words: str, status: int) -> ResponseReturnValue:
    return _say(words, status)


def _say(words: str, status: int) -> ResponseReturnValue:
    return jsonify(refused=sentence(words)), status


def _short(value: Any, length: int = 60) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= length else f"{text[:length]}…"
