"""Tables of symbol sequences, and what is found of them: HMMs fitted by a worker, and their statistics side by side.

A table is kept once, under the hash of its text and of how it is read. Its fit and its comparison are experiments:
asked for by any page that shows the table, computed once, and kept in the cache.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from hmmrnn.analysis.numerics import ProgressCallback
from hmmrnn.analysis.symbol_statistics import compare_symbols
from hmmrnn.explorer.explored import Explorer
from hmmrnn.model.files import replace_file
from hmmrnn.model.hmm import HMM
from hmmrnn.model.sequences import Sequences, read_sequences
from hmmrnn.storage.paths import DataFolder, writing
from hmmrnn.tasks.experiments import Experiment, Experiments
from hmmrnn.tasks.store import TaskState
from hmmrnn.training.baum_welch import fit_hmm

TABLE_ID = re.compile(r"[0-9a-f]{16}")
FIT, COMPARE = "data-fit", "data-compare"
MOST_BYTES = 4_000_000
# The oldest tables make room for new ones.
MOST_TABLES = 200


@dataclass(frozen=True)
class DataQuestion:
    """What is asked of a table: its fit, or the comparison with an HMM and a network."""

    table: str  # its id
    most_states: int = 0  # the largest number of states of a fit
    hmm: str = ""  # the HMM of a comparison, as JSON
    network: str = ""  # name of its network; empty for none


@dataclass(frozen=True)
class Table:
    """A table as it was brought."""

    name: str  # of its file
    text: str
    # symbols, sequence: the columns that were named; empty where they are found.
    symbols: str = ""
    sequence: str = ""

    def read(self) -> Sequences:
        """Its sequences.

        Raises:
            ValueError: see `read_sequences`.
        """
        return read_sequences(self.text, self.symbols, self.sequence)


class Tables:
    """The tables of a server, by their ids."""

    def __init__(self, data: DataFolder) -> None:
        self.data = data

    def keep(self, table: Table) -> str:
        """Keep a table that can be read; returns its id.

        Raises:
            ValueError: it cannot be read, or not be kept.
        """
        table.read()
        content = json.dumps(vars(table), sort_keys=True)
        id = hashlib.sha256(content.encode()).hexdigest()[:16]
        with writing():
            kept = sorted(self.data.tables.glob("*.json"), key=lambda path: path.stat().st_mtime)
            for old in kept[: max(0, len(kept) - MOST_TABLES + 1)]:
                old.unlink(missing_ok=True)
            replace_file(self.data.tables / f"{id}.json", content.encode())
        return id

    def find(self, id: str) -> Table:
        """The table of that id.

        Raises:
            ValueError: there is none.
        """
        path = self.data.tables / f"{id}.json"
        if not TABLE_ID.fullmatch(id) or not path.exists():
            raise ValueError(f"there is no table {id!r} here any more; open its file again")
        return Table(**json.loads(path.read_text(encoding="utf-8")))


class DataFits:
    """Fits and comparisons of tables, each an experiment."""

    def __init__(self, tables: Tables, experiments: Experiments, explorer: Explorer) -> None:
        self.tables, self.experiments, self.explorer = tables, experiments, explorer

    def fit(self, table: str, most_states: int, requester: str = "") -> Experiment:
        """Ask for the HMMs of one to so many states, and join an equal question."""
        return self._ask(FIT, DataQuestion(table, most_states), "", requester)

    def cancel_fit(self, table: str, most_states: int) -> None:
        """Wait for a fit no longer: it is given up unless another page does."""
        self.experiments.leave(self.experiments.id_of(FIT, DataQuestion(table, most_states), ""))  # type: ignore[arg-type]

    def cancelled_fit(self, table: str, most_states: int) -> Experiment:
        """A fit that is not asked for: its result if it is there all the same."""
        found = self.experiments.known_result(FIT, DataQuestion(table, most_states), "")  # type: ignore[arg-type]
        if found is not None:
            return Experiment("", TaskState.DONE, 1.0, result=found)
        return Experiment("", TaskState.FAILED, reason="Cancelled: the HMMs are not fitted")

    def compare(self, table: str, hmm: HMM, network: str, requester: str = "") -> Experiment:
        """Ask for the statistics of a table beside those of an HMM and of a network, if one is named."""
        entry = self.explorer.models.find(network) if network else None
        question = DataQuestion(table, hmm=json.dumps(hmm.to_dict()), network=entry.name if entry else "")
        return self._ask(COMPARE, question, entry.fingerprint if entry else "", requester)

    def _ask(self, name: str, question: DataQuestion, content: str, requester: str) -> Experiment:
        return self.experiments.ask(name, question, content, requester=requester)  # type: ignore[arg-type]

    # ---- in the worker ----

    def compute(self, name: str, question: DataQuestion, on_progress: ProgressCallback) -> Any:
        """Fit or compare.

        Raises:
            ValueError: the table or the network is gone, or the table cannot be fitted.
        """
        sequences = self.tables.find(question.table).read()
        if name == FIT:
            return fit_hmm(sequences, question.most_states, on_progress=on_progress)
        network = self.explorer.models.network(question.network) if question.network else None
        return compare_symbols(sequences, HMM.from_dict(json.loads(question.hmm)), network)
