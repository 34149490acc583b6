"""Preview of a network: what a few neurons do in its first steps, before it is kept."""

from typing import Any

import numpy as np

from hmmrnn.model.cells import describe_cell
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate

STEPS, NEURONS = 100, 4


def preview_network(network: Network) -> dict[str, Any]:
    """What a network does within some steps under noise, so that a wrong activation is seen.

    Returns:
        neurons and activity (n, T): those that vary most; largest: of all, the largest magnitude that is finite; and
        `grows` where the run leaves all bounds.
    """
    run = simulate(network, STEPS)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.nan_to_num(run.h[0].std(axis=0), posinf=np.inf)
    neurons = np.sort(np.argsort(-spread, kind="stable")[:NEURONS])
    activity = np.where(np.isfinite(run.h[0]), run.h[0], np.nan)
    return {
        "cell": describe_cell(network),
        "neurons": neurons.tolist(),
        "activity": [[None if np.isnan(value) else float(value) for value in activity[:, i]] for i in neurons],
        "largest": float(np.nanmax(np.abs(activity))),
        "grows": run.diverged,
    }
