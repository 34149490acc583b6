"""Networks that lenses make of the network of a scenario, as files that the page opens like any other.

    GET  /made/halves/<alpha>/<beta>?<link>        alpha times the symmetric, beta times the skew half of the weights
    GET  /made/rank/<truncation>/<rank>?<link>     weights of a lower rank, "weighted" or "svd"
    GET  /made/student/<student>?<link>            of the lens of sparse recordings: given a share of the neurons, or
                                                   "outputs" alone
    GET  /made/recovered?<link>                    the network with the HMM that was recovered from it as its target

The last two are of what the lens has shown. The answer is a .safetensors file, or {"refused": sentence}.
Interventions of the scenario are part of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask, Response, jsonify
from flask.typing import ResponseReturnValue

from hmmrnn.explorer.cost import check_waited_for
from hmmrnn.explorer.experiments import identify
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.lens_answers import experiment_of
from hmmrnn.lenses.catalog import lens_named
from hmmrnn.lenses.made_networks import make_mixture, make_truncation, take_student, target_recovered
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Network
from hmmrnn.server.sentence import shorten
from hmmrnn.server.services import explored_of_link, services
from hmmrnn.server.turns import in_turn

# A network, and what its file is called after the network that it was made of.
Made = tuple[Network, str]


def register(server: Flask) -> None:
    """Register the addresses."""
    server.add_url_rule("/made/halves/<alpha>/<beta>", "made-halves", halves)
    server.add_url_rule("/made/rank/<truncation>/<int:rank>", "made-rank", rank)
    server.add_url_rule("/made/student/<student>", "made-student", student)
    server.add_url_rule("/made/recovered", "made-recovered", recovered)


def halves(alpha: str, beta: str) -> ResponseReturnValue:
    """The mixture of both halves, as a file."""

    def make(explored: Explored) -> Made:
        factors = _number(alpha), _number(beta)
        # What the link says need not be fit for a header; the number that it is read as is.
        return make_mixture(explored.now, *factors, explored.name), "{:g}S-{:g}K".format(*factors)

    return in_turn(lambda: _file(make))()


def rank(truncation: str, rank: int) -> ResponseReturnValue:
    """The network of a lower rank, as a file."""

    def make(explored: Explored) -> Made:
        check_waited_for(explored.network, "networks of a lower rank")
        network = make_truncation(explored.now, truncation, rank, explored.name, explored.scenario.seed)
        return network, f"rank-{rank}-{truncation}"

    return in_turn(lambda: _file(make))()


def student(student: str) -> ResponseReturnValue:
    """A student of the network, as a file."""

    def make(explored: Explored) -> Made:
        return take_student(_shown(explored, "sparse"), student, explored.name), f"student-{student}"

    return _file(make)


def recovered() -> ResponseReturnValue:
    """The network with the recovered HMM as its target, as a file."""

    def make(explored: Explored) -> Made:
        return target_recovered(explored.now, _shown(explored, "recovered"), explored.name), "recovered"

    return _file(make)


def _shown(explored: Explored, lens: str) -> Any:
    """What a lens has found of the network as it is now."""
    experiment = experiment_of(lens_named(lens))
    found = services().experiments.known_result(experiment, *identify(experiment, explored))
    if found is None:
        raise ValueError("the lens has not looked at this network yet; wait until its figure is there, then try again")
    return found.now


def _file(make: Callable[[Explored], Made]) -> ResponseReturnValue:
    try:
        explored = explored_of_link()
        made, words = make(explored)
    except (ValueError, FloatingPointError) as error:
        return jsonify(refused=f"{shorten(error)}.")
    name = f"{explored.name}-{words}.safetensors"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "made.safetensors"
        save(made, path)
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(path.read_bytes(), headers=headers, mimetype="application/octet-stream")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"alpha and beta must be numbers; got {text[:20]!r}") from None
