"""A scenario with everything that its queries need, looked up once per request.

A request resolves its scenario to an `Explored`, and passes that on. Queries never look a name up again: the network
stands in every cache key by the hash of its file, so that a file that changes under its name is never answered from the
old one, and two names of one network share their answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from hmmrnn.explorer.scenario import Scenario
from hmmrnn.explorer.shipped_question import ANY, ask_shipped
from hmmrnn.figures.words import say_count
from hmmrnn.model.hmm import HMM
from hmmrnn.model.inputs import check_columns, project_inputs, with_constant, with_fewer_inputs
from hmmrnn.model.metadata import known_target
from hmmrnn.model.network import Floats, Network, intervene
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.input_tables import InputTables
from hmmrnn.storage.model_registry import Entry, ModelRegistry
from hmmrnn.storage.shipped_answers import Question

P = ParamSpec("P")
R = TypeVar("R")

# A network with more inputs than that is explored under fewer that drive it in the same way.
MANY_INPUTS = 1000


@dataclass(frozen=True, eq=False)
class Explored:
    """A scenario and its network."""

    scenario: Scenario  # what is asked about
    name: str  # of the network in the registry
    network: Network  # the intact network, under the constant input of the scenario
    fingerprint: str  # hash of the network's file
    hmm: HMM | None  # the HMM that the network was trained to emulate; None if its file names none of its size
    models: ModelRegistry  # all networks, and the snapshots of trainings beside them
    cache: AnswerCache  # where answers are kept
    sequence: Floats | None = None  # (T, M) the sequence of inputs of the scenario; None without one
    # How many runs were asked for, where the scenario has only the first of these.
    wanted_runs: int | None = None
    is_first: bool = False  # whether the rest of them follows
    # What this request has got from the cache, by key: nothing is read twice.
    answers: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def now(self) -> Network:
        """The network with the interventions of the scenario folded into its weights.

        Raises:
            ValueError: a neuron is beyond the network.
        """
        return intervene(self.network, self.scenario.interventions) if self.scenario.interventions else self.network

    @property
    def runs_in_words(self) -> str:
        """How many runs are shown: "10 runs", or "3 of 10 runs" where these are only the first."""
        shown, wanted = self.scenario.trajectories, self.wanted_runs
        return say_count(shown, "run") if wanted is None else f"{shown} of {say_count(wanted, 'run')}"

    @property
    def asked(self) -> Scenario:
        """The scenario that was asked for, once all is shown of it that will be; till then the scenario itself."""
        if self.wanted_runs is None or self.is_first:
            return self.scenario
        return replace(self.scenario, trajectories=self.wanted_runs)

    @cached_property
    def intact(self) -> Explored:
        """The same without interventions."""
        return self.at(self.scenario.intact)

    @cached_property
    def reference(self) -> Explored:
        """The comparison: what was pinned as A, or the intact network."""
        return self.at(self.scenario.reference)

    def at(self, scenario: Scenario) -> Explored:
        """Another scenario of the same network, in the same request."""
        return replace(self, scenario=scenario)


class Explorer:
    """The networks and answers from which scenarios are resolved."""

    def __init__(self, models: ModelRegistry, answers: AnswerCache, tables: InputTables | None = None) -> None:
        self.models, self.answers, self.tables = models, answers, tables
        self._entered = lru_cache(maxsize=4)(self._enter)

    def resolve(self, scenario: Scenario) -> Explored:
        """Look up the network of a scenario: once in the registry, read once per process.

        Raises:
            ValueError: there is no network of that name, its inputs or its start are others than those of the scenario,
                or there is no such table of inputs.
        """
        entry = self.models.entry(scenario.model)
        network, rows = self._entered(entry, scenario.input, scenario.sequence)
        if scenario.start == "learned" and network.h0 is None:
            raise ValueError(f"{entry.name} has no start that was learned with its weights; choose zero or random")
        # The metadata of a foreign file need not be of use; the page shows so in place of the comparison.
        hmm, _ = known_target(network.metadata, network.n_outputs)
        return Explored(scenario, entry.name, network, entry.fingerprint, hmm, self.models, self.answers, rows)

    def _enter(
        self, entry: Entry, input: tuple[float, ...] | None, sequence: str | None
    ) -> tuple[Network, Floats | None]:
        """A network under its constant input, and the rows (T, M) of a sequence; a single row is a constant."""
        network, rows = self.models.read(entry), None
        if sequence is not None:
            if self.tables is None:
                raise ValueError("there are no tables of inputs here")
            rows = self.tables.find(sequence)
            check_columns(rows, network.n_inputs, entry.name)
        if rows is not None and len(rows) == 1:
            network, rows = with_constant(network, rows[0]), None
        elif input is not None:
            network = with_constant(network, input)
        if network.n_inputs > max(MANY_INPUTS, 2 * network.n_drive):
            # Drawing and weighing the noise of thousands of inputs would take nearly all the time of a view.
            rows = None if rows is None else project_inputs(network, rows)
            network = with_fewer_inputs(network)
        return network, rows


class Query(Generic[P, R]):
    """A function of an `Explored` whose answers are kept: for the request in memory, for all in the cache.

    Attributes:
        part: from a scenario to what the answer depends on.
        function: computes the answer.
        version: of the answers; None where none is shipped.
    """

    def __init__(
        self,
        part: Callable[[Scenario], Scenario],
        function: Callable[Concatenate[Explored, P], R],
        version: int | None = None,
    ) -> None:
        self.part, self.function, self.version = part, function, version
        update_wrapper(self, function)

    def __call__(self, explored: Explored, *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer, from the request, from the cache or computed."""
        subject, key = self._subject(explored, *args)
        if key not in explored.answers:
            on_wait: Any = kwargs.get("on_progress")
            explored.answers[key] = explored.cache.answer(
                self.function.__name__,
                key,
                lambda: self.function(explored.at(subject), *args, **kwargs),
                on_wait,
                self.question(explored, *args),
            )
        answer: R = explored.answers[key]
        return answer

    def known(self, explored: Explored, *args: Any) -> R | None:
        """The answer if it has been computed before; None otherwise, and then nothing is computed."""
        _, key = self._subject(explored, *args)
        if key not in explored.answers:
            found = explored.cache.look_up(key, self.question(explored, *args))
            if found is None:
                return None
            explored.answers[key] = found[0]
        answer: R = explored.answers[key]
        return answer

    def question(self, explored: Explored, *args: Any) -> Question | None:
        """The question as shipped answers know it; None where none is shipped."""
        if self.version is None:
            return None
        subject, _ = self._subject(explored, *args)
        return ask_shipped(self.function.__name__, self.version, explored.fingerprint, subject, *args)

    def _subject(self, explored: Explored, *args: Any) -> tuple[Scenario, str]:
        """The part of the scenario that the answer depends on, and the key of the answer."""
        subject = replace(self.part(explored.scenario), model=ANY)
        return subject, explored.cache.key(self.function.__name__, explored.fingerprint, subject, args)


def kept(
    part: Callable[[Scenario], Scenario], version: int | None = None
) -> Callable[[Callable[Concatenate[Explored, P], R]], Query[P, R]]:
    """Keep the answers of a query, under the network's file and a part of the scenario.

    The query itself gets an `Explored` whose scenario is only that part, and cannot depend on anything else. Its other
    arguments belong to the key; the keyword argument `on_progress` does not.

    Args:
        part: from a scenario to what the answer depends on.
        version: of the answers, if those about the shipped networks come with the package. Raise it whenever a change
            anywhere in the code changes the answers, and run `make answers`.
    """

    def decorate(function: Callable[Concatenate[Explored, P], R]) -> Query[P, R]:
        return Query(part, function, version)

    return decorate
