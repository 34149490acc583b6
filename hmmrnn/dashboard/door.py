"""Is it a question that the page could ask? Whatever else is sent as one is refused here, in a sentence.

Dash hands on what it is sent as it is, and fails within itself at what it does not expect. So each question is held to
the callback that it names: its components, and the form of the value of each. What the values say (is there such a
network, is sigma in range) is judged where they are used, and the page shows that sentence.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any, Literal, NotRequired

from dash import Dash
from dash.exceptions import DependencyException
from flask import jsonify, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from hmmrnn.dashboard import ids, traffic
from hmmrnn.dashboard.views import INQUIRIES, TAB_VIEWS

logger = logging.getLogger(__name__)

# The largest question is that of a large network's groups: some hundred kB.
MAX_BYTES = 4_000_000
ASK_AGAIN = "reload the page, and if this comes again, tell who runs the server"
_STRICT, _MORE = ConfigDict(strict=True), ConfigDict(strict=True, extra="allow")

Theme = Literal["light", "dark"]


class _RefusedError(ValueError):
    """A question that no page asks."""


# ---- the forms of values ----


class _Touched(TypedDict):
    """An intervention, as far as somebody reads it before `Scenario.from_dict` does."""

    __pydantic_config__ = _MORE  # type: ignore[misc]
    neurons: list[int]


class _Shown(TypedDict):
    """A scenario, likewise."""

    __pydantic_config__ = _MORE  # type: ignore[misc]
    model: str
    interventions: NotRequired[list[_Touched]]


class _Group(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    output: int
    to: int | None
    key: str
    name: str
    neurons: list[int]
    ratio: float | None
    control_median: float | None
    controls: int
    percentile: float | None
    proven: bool
    closed_by: str | None


class _Population(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    output: int
    neurons: list[int]


class _Kick(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    model: str
    groups: list[_Group]
    integrating: list[_Population]
    others: list[int]
    reason: str


class _Search(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    model: str
    turn: int
    leave: list[str]


class _Asked(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    scenario: dict[str, Any]
    turn: int
    leave: list[str]
    wanted: bool
    anew: bool


class _Form(TypedDict):
    __pydantic_config__ = _MORE  # type: ignore[misc]
    A: list[list[Any]]
    B: list[list[Any]]
    recipe: str
    neurons: float | str | None
    inputs: float | str | None
    seed: float | str | None
    steps: float | str | None


class _Train(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    turn: int
    do: Literal["train"]
    of: _Form


class _OfJob(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    turn: int
    do: Literal["cancel", "resume", "explore"]
    of: str


class _WatchJob(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    turn: int
    theme: Theme
    seen: dict[str, Any]
    job: str


class _WatchSweep(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    turn: int
    theme: Theme
    seen: dict[str, Any]
    sweep: str
    measure: str
    across: str


_SCENARIOS = (
    ids.SCENARIO,
    ids.SETTLED,
    ids.INTERVENTION_LIST,
    *(ids.asked(view.id) for view in TAB_VIEWS if not view.inquiry),
)
# Before the page has anything to say, a component has no value.
_FORMS: dict[str, Any] = {
    ids.THEME: Theme,
    ids.LINK_IN: str,
    **dict.fromkeys((ids.OPEN_MODEL, ids.answered(ids.CONNECTIVITY)), str | None),
    **dict.fromkeys(_SCENARIOS, _Shown | None),
    **dict.fromkeys((ids.asked(view) for view in INQUIRIES), _Asked | None),
    ids.KICK: _Kick | None,
    ids.SEARCH_MODEL: _Search,
    ids.TRAIN_FORM: _Form,
    ids.WISH: _Train | _OfJob,
    ids.JOB_ASKED: _WatchJob,
    ids.SWEEP_ASKED: _WatchSweep,
}


# ---- the question ----


class _Wire(TypedDict):
    """A component and its property; without a value where the page has none yet."""

    __pydantic_config__ = _MORE  # type: ignore[misc]
    id: str
    property: str
    value: NotRequired[Any]


class _Place(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    id: str
    property: str


class _Question(TypedDict):
    __pydantic_config__ = _MORE  # type: ignore[misc]
    output: str
    outputs: _Place | list[_Place]
    inputs: list[_Wire]
    state: NotRequired[list[_Wire]]
    changedPropIds: list[str]


class _Json(DefaultJSONProvider):
    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error


def register(app: Dash) -> None:
    """Have every question looked at before Dash does."""
    app.server.json = _Json(app.server)

    def look() -> ResponseReturnValue | None:
        if request.endpoint != traffic.CALLBACK or request.method != "POST":
            return None
        request.max_content_length = MAX_BYTES
        try:
            _check(app, request.get_json())
        except RequestEntityTooLarge:
            return _refused(f"a question must have at most {MAX_BYTES:,} bytes; got more; {ASK_AGAIN}", 413)
        except BadRequest:
            return _refused(f"a question must be JSON; got something else; {ASK_AGAIN}")
        except _RefusedError as error:
            return _refused(str(error))
        return None

    app.server.before_request(look)
    # Raised by Dash for a script of a package that it does not have; without this it would be a fault of ours.
    app.server.register_error_handler(DependencyException, lambda _error: _refused("there is no such script", 404))


def _refused(words: str, status: int = 400) -> ResponseReturnValue:
    logger.info("refused: %s", words)
    return jsonify(refused=f"{words[:1].upper()}{words[1:]}."), status


def _check(app: Dash, body: Any) -> None:
    """Raise _RefusedError unless a page could ask that."""
    question = _of_form(_Question, body, "a question")
    asked = app.callback_map.get(question["output"])
    if asked is None or "callback" not in asked:
        raise _RefusedError(
            f"a question must name what is to be drawn; {_short(question['output'])} is not; {ASK_AGAIN}"
        )
    wires = {kind: question.get(kind, []) for kind in ("inputs", "state")}
    for kind, sent in wires.items():
        wanted, found = _places(asked[kind]), _places(sent)
        if found != wanted:
            raise _RefusedError(f"{kind} must be {wanted}; got {_short(found)}; {ASK_AGAIN}")
    if question["outputs"] != _outputs(question["output"]):
        raise _RefusedError(f"outputs must be those of the output; got {_short(question['outputs'])}; {ASK_AGAIN}")
    for wire in (*wires["inputs"], *wires["state"]):
        _of_form(_FORMS[wire["id"]], wire.get("value"), wire["id"])


def _of_form(form: Any, value: Any, name: str) -> Any:
    try:
        return _adapter(form).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join([name, *map(str, first["loc"])])
        found = _short(first["input"])
        raise _RefusedError(f"{_short(where, 200)}: {first['msg'].lower()}; got {found}; {ASK_AGAIN}") from error


@cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form, config=None if hasattr(form, "__pydantic_config__") else _STRICT)


def _places(wires: list[dict[str, Any]]) -> list[str]:
    return [f"{wire['id']}.{wire['property']}" for wire in wires]


def _outputs(output: str) -> Any:
    """The places that an output names, as the page sends them beside it."""
    names = output.removeprefix("..").removesuffix("..").split("...")
    found = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    return found if output.startswith("..") else found[0]


def _short(value: Any, length: int = 60) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= length else f"{text[:length]}…"
