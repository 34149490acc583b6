"""Kick groups on the page: the progress of the search for them, and its result."""

from __future__ import annotations

import numpy as np

from hmmrnn.analysis.kick_neurons import KickGroup
from hmmrnn.analysis.populations import INTEGRATING, KICK, Populations
from hmmrnn.dashboard import work
from hmmrnn.dashboard.view import Json
from hmmrnn.explorer import experiments, queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.kick_neurons import ALTERNATIVE_LABELS
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import explored_of

SEARCHING = "Searching for kick neurons"
_OF = ("model", "input", "sequence")

# ---- the search ----


def search(request: Json) -> Json:
    """How far the search for kick neurons is, and what it has found.

    What is known is answered at once, as it is of every shipped network. Else a worker searches; where there is none,
    this process does.

    Args:
        request: the network and its constant input; keys of searches that the page no longer waits for.

    Returns:
        key; while it goes on, the words for it; then what it found.
    """
    explored = explored_of({name: request[name] for name in _OF if name in request})
    try:
        work.leave(request["leave"])
        task = work.ask(experiments.KICK, explored) if _worker_needed(explored) else None
    except work.QueueGoneError:
        task = None
    except work.TooLongError as error:
        return {"key": "", "found": _nothing_found(explored, sentence(str(error)))}
    if task is not None:
        if work.unfinished(task):
            about = f" ({work.about(experiments.KICK, explored)})…"
            waits = f": {work.place(task)}{about}" if task.before or task.running else about
            share = f": {100 * task.share:.0f} %" if work.running(task) else waits
            return {"key": task.id, "words": f"{SEARCHING}{share}"}
        if work.failed(task):
            return {"key": "", "found": _nothing_found(explored, sentence(task.reason))}
    return {"key": "", "found": describe_kick_groups(explored)}


def _worker_needed(explored: Explored) -> bool:
    return queries.kick_neurons_of.known(explored) is None and work.worker_present()


def describe_kick_groups(explored: Explored) -> Json:
    """The kick groups and populations, as the page's buttons use them; or the reason why there are none."""
    try:
        found = queries.kick_neurons_of(explored)
    except ValueError as error:
        return _nothing_found(explored, sentence(error))
    roles = queries.populations_of(explored)
    integrating = {group.output: roles.members(INTEGRATING, group.output) for group in found.groups}
    return {
        **_known_of(explored),
        "groups": [_describe(group) for group in found.groups],
        "integrating": [
            {"output": output, "name": name_population(output), "neurons": list(neurons)}
            for output, neurons in integrating.items()
            if neurons
        ],
        "others": [int(i) for i in np.flatnonzero(roles.role != KICK)],
        "reason": "",
    }


def known_roles(explored: Explored) -> Populations | None:
    """The populations of the network; None while its kick neurons are not known."""
    return None if queries.kick_neurons_of.known(explored) is None else queries.populations_of(explored)


def key_of(group: KickGroup) -> str:
    """What a group is called in ids and column names."""
    return str(group.output) if group.to is None else f"{group.output}-{group.to}"


def name_exit(group: KickGroup) -> str:
    """The exit that a group closes, in short."""
    return f"leaving {group.output}" if group.to is None else f"{group.output} → {group.to}"


def name_population(output: int) -> str:
    """What the population that integrates noise for a kick group is called."""
    return f"integrating population of output {output}"


def _nothing_found(explored: Explored, reason: str) -> Json:
    others = list(range(explored.network.n_neurons))
    return {**_known_of(explored), "groups": [], "integrating": [], "others": others, "reason": reason}


def _known_of(explored: Explored) -> Json:
    """Of which network under which input it is known; see `entering` in assets/core/scenario.mjs."""
    return {"model": explored.name, **explored.scenario.entering}


def _describe(group: KickGroup) -> Json:
    controls = group.control_ratios
    closing = group.closed_by
    return {
        "output": group.output,
        "to": group.to,
        "key": key_of(group),
        "name": group.name,
        "neurons": list(group.neurons),
        "ratio": group.leave_rate_ratio,
        "control_median": float(np.median(controls)) if len(controls) else None,
        "controls": len(controls),
        "percentile": group.percentile if len(controls) else None,
        "proven": group.proven,
        "closed_by": closing and f"{ALTERNATIVE_LABELS[closing.kind]}, to {100 * closing.leave_rate_ratio:.0f} %",
    }
