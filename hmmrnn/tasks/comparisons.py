"""Comparisons of networks, each an experiment: asked for by any page that shows it, and computed once."""

from __future__ import annotations

from dataclasses import dataclass

from hmmrnn.comparison.side_by_side import SideBySide
from hmmrnn.explorer import compared
from hmmrnn.explorer.compared import ComparisonQuestion
from hmmrnn.explorer.cost import estimate_comparison
from hmmrnn.explorer.explored import Explorer
from hmmrnn.tasks.experiments import Experiment, Experiments

NAME = "side-by-side"


@dataclass(frozen=True)
class Comparisons:
    """The comparisons of a server."""

    experiments: Experiments
    explorer: Explorer

    def ask(self, question: ComparisonQuestion, requester: str = "", again: bool = False) -> Experiment:
        """Ask for a comparison, or join an equal question; one that has failed is tried `again`.

        Raises:
            ValueError: a network is gone, too many experiments wait, or it would take too long.
        """
        subject, content = self._subject(question)
        return self.experiments.ask(NAME, subject, content, again, requester, self.estimate(question))  # type: ignore[arg-type]

    def known(self, question: ComparisonQuestion) -> SideBySide | None:
        """The comparison, if it has been computed.

        Raises:
            ValueError: a network is gone.
        """
        found: SideBySide | None = self.experiments.known_result(NAME, *self._subject(question))  # type: ignore[arg-type]
        return found

    def cancel(self, question: ComparisonQuestion) -> None:
        """Note that a page no longer waits for a comparison."""
        self.experiments.leave(self.experiments.id_of(NAME, *self._subject(question)))  # type: ignore[arg-type]

    def estimate(self, question: ComparisonQuestion) -> float:
        """About how many seconds it takes a worker, if nothing of it is known.

        Raises:
            ValueError: a network is gone.
        """
        return estimate_comparison(compared.sizes_of(self.explorer, question), question.search, question.dsa)

    def _subject(self, question: ComparisonQuestion) -> tuple[ComparisonQuestion, str]:
        return question, compared.digest_of(self.explorer, question)
