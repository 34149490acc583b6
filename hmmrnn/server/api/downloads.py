"""Downloads of a scenario: the run as arrays, the Python that gives it, and saved sessions.

    GET  /run.npz?<link>         the run as NPZ
    GET  /run.npz/check?<link>   {"file", "bytes"} if it can be written, or {"refused": sentence}
    GET  /code?<link>            the Python that gives the same numbers as text, or {"refused": sentence}
    POST /session                the text of a saved session -> its scenarios, or {"refused": sentence}

The page checks that a run can be written before it saves it: a download has no place for a sentence.
"""

import json
from collections.abc import Callable
from functools import wraps
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, request, send_file
from flask.typing import ResponseReturnValue
from numpy.typing import NDArray

from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.notebook import Shown, write_python
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import check_exists
from hmmrnn.server.api.moments import selection_of
from hmmrnn.server.sentence import shorten
from hmmrnn.server.services import explored_of_link, resolve, services
from hmmrnn.server.turns import in_turn
from hmmrnn.shipped import MODELS

# Of h and pre-activation together. The network of the paper, with 150 neurons, stays within it at every window.
MAX_ACTIVITY_BYTES = 128_000_000
DOUBLE, SINGLE = 8, 4

# What the axes of each array of a run count. Runs and steps count from 0 there.
AXES = {
    **dict.fromkeys(("h", "pre_activation"), ("run", "step", "neuron")),
    **dict.fromkeys(("logits", "probabilities"), ("run", "step", "output")),
    **dict.fromkeys(("output", "emission", "valid", "selected"), ("run", "step")),
    "diverged_at": ("run",),
    "points": ("run", "step", "point_names"),
}

FORMAT, VERSION = "hmmrnn-session", 1
PARTS = ("past", "present", "future")
# As many as the page keeps: 200 before, 200 after, and the present one.
MAX_SCENARIOS = 401
MAX_SESSION_BYTES = 1_000_000
SAVE_AGAIN = "choose a file that Save session wrote"


def register(server: Flask) -> None:
    """Register the addresses under which runs, code and sessions are fetched and opened."""
    server.add_url_rule("/run.npz", "run-npz", in_turn(run_file))
    server.add_url_rule("/run.npz/check", "run-npz-check", run_check)
    server.add_url_rule("/code", "code", code)
    server.add_url_rule("/session", "session", session, methods=["POST"])


def _or_refused(answer: Callable[[], ResponseReturnValue]) -> Callable[[], ResponseReturnValue]:
    """Answer bad input with a sentence and status 200, since a user of the page can cause it."""

    @wraps(answer)
    def answered() -> ResponseReturnValue:
        try:
            return answer()
        except (ValueError, FloatingPointError) as error:
            return jsonify(refused=f"{shorten(error)}.")

    return answered


# ---- a run ----


@_or_refused
def run_file() -> ResponseReturnValue:
    """The run of the scenario that the link names."""
    explored = explored_of_link()
    arrays = run_arrays(explored)
    # On disk, so that it does not lie in memory twice; not compressed, which would take a third off and twenty times as
    # long.
    file = TemporaryFile()  # noqa: SIM115  # closed when it has been sent
    np.savez(file, allow_pickle=False, **arrays)
    file.seek(0)
    return send_file(
        file, mimetype="application/octet-stream", as_attachment=True, download_name=_run_name(explored), max_age=0
    )


@_or_refused
def run_check() -> ResponseReturnValue:
    """Whether that run can be written: its name and about how many bytes, or why not."""
    explored = explored_of_link()
    queries.summary_of(explored)
    return jsonify(file=_run_name(explored), bytes=_activity_bytes(explored, activity_kind(explored).itemsize))


def run_arrays(explored: Explored) -> dict[str, NDArray[Any]]:
    """All arrays of the file of a run, B runs of T steps.

    Returns:
        h, pre_activation: (B, T, N) as in `Trajectory`, in single precision if they would be too large in double.
        logits, probabilities: (B, T, O). output, emission: (B, T).
        valid: (B, T) False from the step on where a run diverges. diverged_at: (B,) that step, -1 if there is none.
        points: (B, T, C) coordinates in the plane, as they are drawn; NaN where a step is not. point_names: (C,) what
            each is.
        selected: (B, T) which steps the selection of the page holds; all that are drawn where nothing is selected.
        axes: as JSON, what the axes of each array count, in their order.
        link, scenario: what opens the page, and the scenario as JSON.

    Raises:
        ValueError: a neuron is beyond the network, or the run is too large; the sentence says how large.
    """
    kind, scenario = activity_kind(explored), explored.scenario
    points = queries.summary_of(explored).points
    names = [f"PC{i + 1} of h" for i in range(points.shape[-1])]
    run = queries.run_of(explored)
    # A value beyond single precision is infinite there; it belongs to a run that has diverged.
    with np.errstate(over="ignore"):
        activity = {"h": run.h.astype(kind), "pre_activation": run.pre_activation.astype(kind)}
    rest = ("logits", "probabilities", "output", "emission", "valid", "diverged_at")
    return {
        **activity,
        **{name: getattr(run, name) for name in rest},
        "points": points,
        "point_names": np.array(names),
        "selected": selection_of(scenario, points),
        "axes": np.array(json.dumps(AXES)),
        "link": np.array(f"?{scenario.to_query()}"),
        "scenario": np.array(json.dumps(scenario.to_dict())),
    }


def activity_kind(explored: Explored) -> np.dtype[Any]:
    """In which precision the activity of a run is written.

    Raises:
        ValueError: it is too large in any.
    """
    scenario = explored.scenario
    if _activity_bytes(explored, DOUBLE) <= MAX_ACTIVITY_BYTES:
        return np.dtype(np.float64)
    size = _activity_bytes(explored, SINGLE)
    if size <= MAX_ACTIVITY_BYTES:
        return np.dtype(np.float32)
    neurons = explored.network.n_neurons
    raise ValueError(
        f"{scenario.trajectories} runs of {scenario.steps:,} steps of {neurons:,} neurons are {size / 1e6:,.0f} MB; "
        f"a file may hold {MAX_ACTIVITY_BYTES / 1e6:.0f} MB; choose fewer trajectories or a shorter window"
    )


def _activity_bytes(explored: Explored, itemsize: int) -> int:
    of = explored.scenario
    return 2 * of.trajectories * of.steps * explored.network.n_neurons * itemsize


def _run_name(explored: Explored) -> str:
    return f"hmmrnn-{explored.name}-run.npz"


# ---- code ----


@_or_refused
def code() -> ResponseReturnValue:
    """The Python that gives the numbers of the scenario that the link names."""
    return Response(code_of(explored_of_link()), mimetype="text/plain")


def code_of(explored: Explored) -> str:
    """The Python that gives the numbers of a scenario.

    Raises:
        ValueError: there is no such network or plane, or a neuron is beyond it.
    """
    scenario, reference = explored.scenario, explored.reference
    # Refuses neurons that are not there.
    _ = explored.now, reference.now
    queries.plane_of(explored)
    shown = Shown(
        name=scenario.model,
        shipped=services().models.entry(scenario.model).path == MODELS / f"{scenario.model}.safetensors",
        link=scenario.to_query(),
        sigma=scenario.sigma,
        seed=scenario.seed,
        steps=scenario.steps,
        trajectories=scenario.trajectories,
        interventions=scenario.interventions,
        reference=reference.scenario.interventions,
        reference_sigma=reference.scenario.sigma,
        pair=scenario.pair,
        judged=explored.hmm is not None,
        input=scenario.input,
        table=scenario.sequence,
        steady=scenario.is_steady,
        start=scenario.start,
    )
    return write_python(shown)


# ---- sessions ----


@_or_refused
def session() -> ResponseReturnValue:
    """The scenarios of a session whose text is sent, or why it is none."""
    # No page of another site may add a header of its own without asking first, which is never allowed.
    if "X-Requested-With" not in request.headers:
        return jsonify(refused="Open the session from the dashboard's own page."), 403
    return jsonify(session_of(request.stream.read(MAX_SESSION_BYTES + 1)))


def session_of(data: bytes) -> dict[str, Any]:
    """The scenarios of a saved session, each as plain values: past and future as lists, and the present one.

    Raises:
        ValueError: it is no session, or one with a link that cannot be opened here; the sentence says what to do.
    """
    found = _parsed(data)
    links = {"past": found["past"], "present": [found["present"]], "future": found["future"]}
    count = sum(map(len, links.values()))
    if count > MAX_SCENARIOS:
        raise ValueError(
            f"this session has {count:,} scenarios; expected at most {MAX_SCENARIOS}; remove the oldest from its past"
        )
    read = {part: [_scenario(part, i, link) for i, link in enumerate(links[part])] for part in PARTS}
    present = read["present"][0]
    try:
        explored = resolve(present)
        queries.plane_of(explored)
        queries.summary_of(explored)
    except ValueError as error:
        raise ValueError(f"the present scenario of this session cannot be shown: {error}") from error
    plain = {part: [item.to_dict() for item in items] for part, items in read.items()}
    return {"past": plain["past"], "present": plain["present"][0], "future": plain["future"]}


def _parsed(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_SESSION_BYTES:
        raise ValueError(
            f"this file has more than {MAX_SESSION_BYTES:,} bytes (1 MB), which no session has; {SAVE_AGAIN}"
        )
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else _short(str(error))
        raise ValueError(f"this file is no JSON ({reason}); expected a saved session; {SAVE_AGAIN}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        said = _short(repr(found.get("format"))) if isinstance(found, dict) else f"a {type(found).__name__}"
        raise ValueError(f'this file is no session: format must be "{FORMAT}"; got {said}; {SAVE_AGAIN}')
    if type(found.get("version")) is not int or found["version"] != VERSION:
        said = _short(repr(found.get("version")))
        raise ValueError(
            f"this session has version {said}; expected {VERSION}; open it with the hmmrnn that it was saved with"
        )
    _check_links(found)
    return found


def _check_links(found: dict[str, Any]) -> None:
    for part in ("past", "future"):
        links = found.get(part)
        if not isinstance(links, list) or not all(isinstance(link, str) for link in links):
            raise ValueError(f"{part} of this session must be a list of links; got {_short(repr(links))}; {SAVE_AGAIN}")
    if not isinstance(found.get("present"), str):
        raise ValueError(
            f"present of this session must be a link; got {_short(repr(found.get('present')))}; {SAVE_AGAIN}"
        )


def _scenario(part: str, index: int, link: str) -> Scenario:
    """The scenario of one link of a session, whose network and neurons are there.

    Raises:
        ValueError: it cannot be opened; the sentence says which link it is.
    """
    try:
        scenario = Scenario.from_query(link, default_model="")
        _check_there(scenario)
    except ValueError as error:
        where = "the present link" if part == "present" else f"link {index + 1} of {part}"
        raise ValueError(f"{where} of this session could not be opened: {_short(str(error), 400)}") from error
    return scenario


def _check_there(scenario: Scenario) -> None:
    # From the header alone: to fold each of 401 scenarios into the weights of a large network would take seconds.
    header = services().models.entry(scenario.model).header
    neurons = [i for item in (*scenario.interventions, *scenario.reference.interventions) for i in item.neurons]
    neurons += [scenario.neuron] if scenario.colour == "neuron" else []
    neurons += [] if scenario.picked is None else [scenario.picked]
    check_exists("neuron", neurons, header.n_neurons, scenario.model)
    check_exists("output", scenario.pair or (), header.n_outputs, scenario.model)


def _short(text: str, length: int = 80) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
