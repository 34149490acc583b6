"""The list of lenses, each with its paper, its help, its function, and the names of its numbers.

Command line, page and documentation are made from this list. Adding a lens takes its module and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.analysis.orbit import Plane
from hmmrnn.model.network import Network, few_threads

Groups = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Lens:
    """One lens.

    Attributes:
        id: its name on the command line, in links, and of its function.
        title: of its card.
        paper: what it is taken from.
        help: one paragraph: what it measures, and how to read it.
        home: "module:function" within this package.
        numbers: fields of the result that other programs get, each with its standard error and null where there is one.
        takes: of "plane" and "groups", those that the function takes besides network and seed.
    """

    id: str
    title: str
    paper: str
    help: str
    home: str
    numbers: tuple[str, ...]
    takes: frozenset[str] = frozenset()

    @property
    def function(self) -> Callable[..., Any]:
        """The function; its module is imported with the first use."""
        module, _, name = self.home.partition(":")
        found: Callable[..., Any] = getattr(import_module(f"hmmrnn.lenses.{module}"), name)
        return found

    def look(
        self,
        network: Network,
        seed: int = 0,
        plane: Plane | None = None,
        groups: Groups | None = None,
        on_progress: ProgressCallback = no_progress,
    ) -> Any:
        """The result for a network; a plane or groups that the lens does not take are left out.

        Raises:
            ValueError: the network has nothing that the lens could measure; the sentence says why.
        """
        given = {name: value for name, value in (("plane", plane), ("groups", groups)) if name in self.takes}
        # The products of most lenses are too small for a second thread of BLAS to gain anything.
        with few_threads(network):
            return self.function(network, seed, **given, on_progress=on_progress)


LENSES: tuple[Lens, ...] = (
    Lens(
        id="current",
        title="Drift and diffusion",
        paper="Drift-Diffusion Matching",
        help="Where a state of the plane goes in one step on average (drift), how far noise spreads it (diffusion), "
        "and the current of probability that is left when both directions of time are set off against each other. A "
        "process that looks the same backwards has no current. The area rate says how much area the state circles in "
        "a step; the entropy production, how well forward and backward can be told apart, as a lower bound from runs "
        "that were held out. The null is the same with half of the runs reversed in time.",
        home="drift_diffusion:current",
        numbers=("area_rate", "entropy_production"),
        takes=frozenset({"plane"}),
    ),
    Lens(
        id="messages",
        title="Groups and their messages",
        paper="Neuronal Group Communication",
        help="What each group of neurons sends to each other one: its activity times the weights between them. The "
        "share says how much of the variance of what the receiver gets comes from that sender; with the noise input, "
        "the shares of a receiver sum to 1. The null takes the message from another run. Dimension says how many "
        "directions a message fills. Groups are kick neurons, integrating and control populations where these are "
        "known, and communities of the weights elsewhere. Below: the length of the messages around switches.",
        home="group_messages:messages",
        numbers=("shares",),
        takes=frozenset({"groups"}),
    ),
    Lens(
        id="potential",
        title="Potential and barriers",
        paper="Langevin Flows for Modeling Neural Latent Dynamics",
        help="The potential U = -ln p of the states in the plane, in nats: its lowest place where each output is the "
        "commonest, and the barrier from there to the saddle on the way to each other output, beside the leave rate. "
        "The null is the same between the same places in a linear process with a single well: where it is as high, the "
        "network has a slope there and no barrier. Inertia is what the last step adds to the prediction of the next "
        "one. Without a bias the potential is the same at every sigma: a barrier in nats sets no leave rate.",
        home="potential_barriers:potential",
        numbers=("barriers", "inertia"),
        takes=frozenset({"plane"}),
    ),
    Lens(
        id="halves",
        title="Symmetric and skew halves",
        paper="Generative System Dynamics in Recurrent Neural Networks",
        help="The recurrent weights as the sum of a symmetric half S, under which a linear flow descends a potential, "
        "and a skew half K, under which it turns. Norms of both and the departure from normality stand beside those of "
        "a network before training. Below: what networks with the weights alpha S + beta K do under the same noise, "
        "from K alone to S alone. Both halves are about as large before training, so sizes alone explain nothing.",
        home="weight_halves:halves",
        numbers=("norm_symmetric", "norm_skew", "departure_from_normality"),
        takes=frozenset({"plane", "groups"}),
    ),
    Lens(
        id="rank",
        title="Rank",
        paper="stochastic low-rank recurrent networks (Pals et al., 2024)",
        help="What is left of the network when its recurrent weights have a lower rank: switches, transitions between "
        "outputs and occupancy of the plane against the rank. Plain keeps the largest singular values; weighted keeps "
        "the directions in which the weights move the activity that there is; random directions are the floor. A rank "
        "at which the network diverges has no value. The participation ratio says how many directions the activity "
        "fills.",
        home="rank_truncation:rank",
        numbers=("participation_ratio", "switch_rate_full", "switch_rate_weighted", "switch_rate_svd"),
        takes=frozenset({"plane"}),
    ),
    Lens(
        id="memory",
        title="Transition graph and memory",
        paper="Episodic Memory Theory",
        help="Between which regions the network moves: output and region of each step are the nodes of a graph, "
        "with the mean length of a visit and the ways out. The order gain says how much the node before the "
        "present one adds to what is known of the next; its null are chains without memory. Memory: how often the "
        "output k steps back is decoded from the activity of runs that were left out, beside the best guess from "
        "the present output (naive) and from the HMM's present hidden state (Bayes). Above Bayes, the network "
        "remembers more than the HMM's state. The null has the labels of other runs.",
        home="transition_memory:memory",
        numbers=("accuracy", "naive", "bayes"),
    ),
    Lens(
        id="recovered",
        title="HMM recovered",
        paper="dynamical correlations and implicit representations",
        help="The transition and emission probabilities that the network's emissions ask for, by Baum-Welch from "
        "the solution of their joint probabilities over lags, beside the target's. The errors are mean absolute "
        "differences; their null is the error from as many emissions of the target itself. The number of hidden "
        "states is the one with the smallest BIC: more than the target has says that the network's emissions are "
        "no such chain.",
        home="hmm_recovery:recovered",
        numbers=("transition_error", "emission_error", "states_by_bic"),
    ),
    Lens(
        id="belief",
        title="Belief",
        paper="expressive architectures",
        help="The belief is the probability of each hidden state of the target HMM, given the network's emissions. "
        "Two regressions on runs that were left out: the belief from activity, and activity from the belief. "
        "Where the first explains much and the second little, the network holds the belief and more than the task "
        "asks for. Both are also shown by region and by the time to a switch. The null has the belief of another "
        "run.",
        home="belief_states:belief",
        numbers=("r2_belief_from_h", "r2_h_from_belief"),
    ),
    Lens(
        id="timescales",
        title="Time scales",
        paper="theory of gating",
        help="How fast a small push is forgotten while the noise goes on: the Lyapunov exponents of the network "
        "under noise, in nats per step, by QR of its exact Jacobians. Below 0, runs under the same noise come "
        "together, on the time scale -1 / exponent. By region: the time scale of the largest eigenvalue, and how "
        "many eigenvalues are near 1. The null has the same recurrent weights in random places.",
        home="time_scales:timescales",
        numbers=("lyapunov",),
    ),
    Lens(
        id="effects",
        title="Causal effects",
        paper="neural structural equation models",
        help="Each neuron is silenced by itself, under the same noise and from the same states: how the leave "
        "rates of the exits change, the mean input of every other neuron, and the critical pairs. Beside the "
        "total effect stands the direct one, of the weight alone; what remains goes through other neurons. The "
        "null of an exit is the largest effect of any neuron that chance makes in 95 of 100 cases.",
        home="causal_effects:effects",
        numbers=("strongest",),
    ),
    Lens(
        id="sparse",
        title="From sparse recordings",
        paper="performance and intrinsic dynamics",
        help="Students are trained on the outputs of this network and on the activity of a few of its neurons, and "
        "are judged by neurons that no student was given: how much of their activity is explained on new noise, "
        "how often the outputs agree, and what silencing the matched neurons does. The null is a student that was "
        "given the outputs alone: its activity is a memory of the same noise, and so explains much by itself.",
        home="sparse_recordings:sparse",
        numbers=("r2_unseen", "agreement"),
        takes=frozenset({"groups"}),
    ),
)


def lens_named(name: str) -> Lens:
    """The lens with an id.

    Raises:
        ValueError: there is none.
    """
    for lens in LENSES:
        if lens.id == name:
            return lens
    raise ValueError(f"the lens must be one of {', '.join(lens.id for lens in LENSES)}; got {name!r}")


def headline(lens: Lens, result: Any) -> dict[str, Any]:
    """The numbers of a result as plain values: each with its `_se` and `_null` where the result has one."""
    names = [f"{name}{kind}" for name in lens.numbers for kind in ("", "_se", "_null")]
    return {name: _plain(getattr(result, name)) for name in names if hasattr(result, name)}


def headline_rows(lens: Lens, numbers: Mapping[str, Any], most: int) -> Iterator[tuple[str, Any, Any, Any]]:
    """Each number of a headline: its label, value, standard error and null, None for what is not there.

    Lists, and numbers that are measured of more than `most` things, are left out.
    """
    for name in lens.numbers:
        values = numbers[name]
        if isinstance(values, list) or (isinstance(values, Mapping) and len(values) > most):
            continue
        for key in values if isinstance(values, Mapping) else (None,):
            label = name.replace("_", " ") + ("" if key is None else f" {key.replace('->', ' → ')}")
            value, error, null = (_at(numbers.get(f"{name}{kind}"), key) for kind in ("", "_se", "_null"))
            yield label, value, error, null


def say_value(value: Any, error: Any = None) -> str:
    """A number with its standard error, in three digits."""
    if value is None:
        return "not there"
    return f"{value:.3g}" + ("" if error is None else f" ± {error:.2g}")


def _at(values: Any, key: str | None) -> Any:
    return values.get(key) if isinstance(values, Mapping) else values


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
