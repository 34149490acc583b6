"""The paper's noise sensitivity: how far 100 runs of five steps from one state spread, cluster beside transition.

    x_t = (1 - gamma) shared_t + gamma own_t          trace = sum over neurons of the variance between the runs

The paper shows one start state of each kind, from a run of 2,000 steps: in the cluster the middle of the longest dwell,
at most 100 steps before its end; in the transition the earliest state from which all 100 probes switch, in fewer than
three steps on average. Here both are measured, and beside them other such states: the middle of every dwell of 20 steps
or more, and every state within three steps of a switch that passes the test of the probes.

Source: Torre et al. (2025), section 4, and the published code.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.analysis.published.ablation import LONG_RUN, longest_dwell, middle_of
from hmmrnn.model.network import Floats, Network, Result, few_threads, rollout
from hmmrnn.model.simulation import draw_noise, respond

GAMMAS, STEPS, RUNS = (0.5, 1.0), 5, 100
PROBE_STEPS, MAX_MEAN_TIME, BEFORE_SWITCH = 30, 3.0, 3
SHORTEST_DWELL, MOST_STATES = 20, 24

_PROBES, _NOISE = 23, 24


@dataclass(frozen=True, eq=False)
class PublishedSpread(Result):
    """Traces after one to five steps, at G shares of own noise; the first state of each kind is the published one."""

    gammas: Floats  # (G,) share of each run's noise that is its own
    cluster: Floats  # (S, G, T) trace from each cluster state, in squared units of activity
    transition: Floats  # (S', G, T) trace from each transition state

    @property
    def ratio(self) -> tuple[Floats, Floats]:
        """(G,) the ratio of the means over all states at step 5, and its standard error (delta method)."""
        (above, above_se), (below, below_se) = (
            mean_and_error(one[:, :, -1]) for one in (self.cluster, self.transition)
        )
        ratio = above / below
        return ratio, ratio * np.hypot(above_se / above, below_se / below)


def spread_over_five_steps(network: Network, seed: int = 0) -> PublishedSpread | None:
    """Measure the spread at the published start states and at all such states; None where one kind is not visited."""
    run = respond(network, draw_noise(network.n_inputs, LONG_RUN, 1, 1.0, seed), 1.0, seed)
    if run.diverged:
        return None
    h, output = run.state[0], run.output[0]
    with few_threads(network):
        clusters, transitions = cluster_states(output), _transition_states(network, h, output, seed)
        if not len(clusters) or not len(transitions):
            return None
        traces = [np.array([_traces(network, h[t], seed, int(t)) for t in times]) for times in (clusters, transitions)]
    return PublishedSpread(np.array(GAMMAS), *traces)


def cluster_states(output: NDArray[np.int64]) -> NDArray[np.int64]:
    """Middles of the dwells of 20 steps or more in a run (T,), that of the longest first; at most 24."""
    ends = np.flatnonzero(np.diff(output)) + 1
    pairs = [(int(b), int(e)) for b, e in zip([0, *ends[:-1]], ends, strict=False)]
    longest = longest_dwell(output)
    ordered = sorted((d for d in pairs if d[1] - d[0] >= SHORTEST_DWELL), key=lambda dwell: dwell != longest)
    return np.array([middle_of(dwell) for dwell in ordered[:MOST_STATES]], dtype=np.int64)


def _transition_states(network: Network, h: Floats, output: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Steps of a run, in their order, from which all probes switch in fewer than three steps on average; at most 24."""
    switches = np.flatnonzero(np.diff(output)) + 1
    near = np.unique((switches[:, None] - np.arange(1, BEFORE_SWITCH + 1)).ravel())
    drive = network.drive(np.random.default_rng([seed, _PROBES]).standard_normal((RUNS, PROBE_STEPS, network.n_inputs)))
    found: list[int] = []
    for t in near[near >= 0]:
        path = rollout(network, drive, np.tile(h[t], (RUNS, 1))).state
        left = network.logits(path).argmax(axis=-1) != output[t]
        if left.any(axis=1).all() and (left.argmax(axis=1) + 1).mean() < MAX_MEAN_TIME:
            found.append(int(t))
            if len(found) == MOST_STATES:
                break
    return np.array(found, dtype=np.int64)


def _traces(network: Network, state: Floats, seed: int, t: int) -> Floats:
    """(G, T) trace of the covariance between the runs from a state, which is met at step t."""
    noise = np.random.default_rng([seed, _NOISE, t]).standard_normal((RUNS + 1, STEPS, network.n_inputs))
    found = np.empty((len(GAMMAS), STEPS))
    for g, gamma in enumerate(GAMMAS):
        drive = network.drive((1 - gamma) * noise[0] + gamma * noise[1:])
        found[g] = rollout(network, drive, np.tile(state, (RUNS, 1))).h.var(axis=0, ddof=1).sum(axis=-1)
    return found
