"""The page of own data: a table of symbol sequences, the HMM of it, a network that emulates it, and all three compared.

    /data           where a table is opened
    /data/<what>    a table, and how far it is: <table>.<states>.<neurons>.<steps>, 0 for what is not chosen

Like the pages of trainings it lies over the views; assets/pages/data.mjs sends what is chosen, and shows the answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from dash import dcc, html

from hmmrnn.analysis.symbol_statistics import Comparison
from hmmrnn.dashboard.pages.data import ids
from hmmrnn.figures.theme import GRAPH_CONFIG
from hmmrnn.model.hmm import HMM
from hmmrnn.model.sequences import Sequences
from hmmrnn.training.baum_welch import HMMFit, StatesFit
from hmmrnn.training.config import TrainingConfig

MOST_STATES = 6
LARGEST_MOST = 12
NEURONS = (2, 512)
STEPS = (1, 20_000)
_ITEM = re.compile(r"([0-9a-f]{16})\.(\d{1,2})\.(\d{1,2})\.(\d{1,3})\.(\d{1,5})")


@dataclass(frozen=True)
class Item:
    """What the address of the page names; 0 for what is not chosen."""

    table: str
    most_states: int
    states: int
    neurons: int
    steps: int

    def config(self, hmm: HMM) -> TrainingConfig:
        """The training of a network that emulates an HMM of the table.

        Raises:
            ValueError: a number is out of range, or the HMM has nothing to emulate.
        """
        for name, value, (low, high) in (("N", self.neurons, NEURONS), ("the budget", self.steps, STEPS)):
            if value and not low <= value <= high:
                raise ValueError(f"{name} must be from {low:,} to {high:,}; got {value:,}")
        changes: dict[str, Any] = {"n_neurons": self.neurons, "steps": self.steps}
        return TrainingConfig.for_hmm(hmm, **{name: value for name, value in changes.items() if value})


def item_of(text: str) -> Item:
    """Read what the address names.

    Raises:
        ValueError: it names no table.
    """
    match = _ITEM.fullmatch(text)
    if match is None or not 1 <= int(match.group(2)) <= LARGEST_MOST:
        raise ValueError("there is no such table; open its file again")
    return Item(match.group(1), *map(int, match.groups()[1:]))


# ---- what is always there ----


def layout() -> list[Any]:
    """The page, a card for each step."""
    steps = [_opening(), _fit_step(), _train_step(), _compare_step()]
    main = html.Main(html.Div(steps, className="data-steps"), className="training-main")
    return [dcc.Store(id=ids.DATA_READY), html.Div(main, className="body training data")]


def _opening() -> Any:
    return _step(
        "1 Open a table of symbol sequences",
        html.P(
            "A CSV with one column of symbols and one of sequence ids, or with one row a sequence. A symbol is "
            "whatever a cell holds: a word, a letter, a number; up to 32 different ones. A worker then fits HMMs; you "
            "choose one, train a network to emulate it, and compare data, HMM and network. Nothing leaves this server.",
            className="note",
        ),
        html.Div(
            [
                # The script puts the field for a file here: Dash has none.
                html.Div(id=ids.DATA_FILE, className="data-field"),
                _field(
                    "Column of symbols (if not found)", dcc.Input(id=ids.DATA_SYMBOLS, type="text"), ids.DATA_SYMBOLS
                ),
                _field("Column of sequence ids", dcc.Input(id=ids.DATA_SEQUENCE, type="text"), ids.DATA_SEQUENCE),
                _field(
                    "States tried, up to",
                    dcc.Input(id=ids.DATA_MOST, type="number", value=MOST_STATES, min=1, max=LARGEST_MOST, step=1),
                    ids.DATA_MOST,
                ),
            ],
            className="data-fields",
        ),
        html.P(
            [
                "No file at hand? ",
                html.Button("Open an example", id=ids.DATA_EXAMPLE, className="data-button"),
                " 40 sequences of 60 symbols, drawn from an HMM of three states.",
            ],
            className="note",
        ),
        html.P(id=ids.DATA_PROBLEM, className="problem", role="status"),
        html.Div(id=ids.DATA_READ),
        name="open",
    )


def _fit_step() -> Any:
    return _step(
        "2 Fit HMMs, and choose how many states",
        html.P(id=ids.DATA_FIT_STATE, **{"aria-live": "polite"}),
        html.Progress(id=ids.DATA_FIT_PROGRESS, value="0", max="1", **{"aria-label": "Share of the fits done"}),
        html.Div(
            html.Button("Cancel", id=ids.DATA_FIT_CANCEL, className="data-button", hidden=True), className="actions"
        ),
        dcc.Graph(id=ids.DATA_CURVE, className="graph none", config=GRAPH_CONFIG, responsive=True),
        html.Div(id=ids.DATA_CHOICE, className="actions"),
        html.Div(id=ids.DATA_HMM, className="matrices"),
        name="fit",
    )


def _train_step() -> Any:
    return _step(
        "3 Train a network to emulate that HMM",
        html.Div(
            [
                _field(
                    "Neurons (N)",
                    dcc.Input(id=ids.DATA_NEURONS, type="number", placeholder=str(TrainingConfig.n_neurons), step=1),
                    ids.DATA_NEURONS,
                ),
                _field(
                    "Budget (steps)",
                    dcc.Input(id=ids.DATA_STEPS, type="number", placeholder="recipe", step=1),
                    ids.DATA_STEPS,
                ),
                html.Button("Train", id=ids.DATA_TRAIN, className="data-button"),
            ],
            className="data-fields",
        ),
        html.P(id=ids.DATA_TRAIN_STATE, **{"aria-live": "polite"}),
        html.Progress(id=ids.DATA_TRAIN_PROGRESS, value="0", max="1", **{"aria-label": "Steps done"}),
        html.Div(
            [
                html.Button("Cancel", id=ids.DATA_TRAIN_CANCEL, className="data-button", hidden=True),
                html.A("Details", id=ids.DATA_TRAINING, href="/train", className="page-link"),
                html.Button("Explore the network", id=ids.DATA_EXPLORE, className="data-button"),
            ],
            className="actions",
        ),
        name="train",
    )


def _compare_step() -> Any:
    return _step(
        "4 Data, HMM and network side by side",
        html.P(id=ids.DATA_COMPARE_STATE, **{"aria-live": "polite"}),
        dcc.Graph(id=ids.DATA_COMPARE, className="graph none", config=GRAPH_CONFIG, responsive=True),
        html.Div(id=ids.DATA_TABLE, className="numbers"),
        name="compare",
    )


def _step(heading: str, *content: Any, name: str) -> Any:
    return html.Section([html.H2(heading, tabIndex=-1), *content], className=f"card data-step data-{name}")


def _field(label: str, control: Any, id: str) -> Any:
    return html.Label([html.Span(label), control], htmlFor=id, className="data-field")


# ---- what is said of a table ----


def describe(sequences: Sequences, name: str) -> Any:
    """How a table was read."""
    lengths = sequences.lengths
    counts = np.bincount(np.concatenate(sequences.symbols), minlength=sequences.n_outputs)
    shares = ", ".join(
        f"{o}: {symbol} ({count / counts.sum():.1%})"
        for o, (symbol, count) in enumerate(zip(sequences.alphabet, counts, strict=True))
    )
    least, most = lengths.min(), lengths.max()
    long = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    words = (
        f"{name}: {len(lengths):,} sequence{'s' * (len(lengths) > 1)} of {long} "
        f"symbols, {counts.sum():,} in all ({sequences.how})."
    )
    return [html.P(words), html.P(f"Symbols: {shares}.", className="note")]


def fit_words(fit: HMMFit, shown: int) -> str:
    """What the curve says of the number of states."""
    best, least = int(fit.states[fit.held_out.argmax()]), int(fit.states[fit.bic.argmin()])
    pieces = f"{fit.pieces} {'pieces of sequences' if fit.cut else 'sequences'}"
    found = fit.of(shown)
    same = f"{found.same_optimum} of {len(found.log_likelihoods)} random starts found this optimum"
    return (
        f"{fit.chosen} states: the fewest whose held-out likelihood, over {pieces}, is within one standard error of "
        f"the best ({best}). BIC is least at {least}. Shown: {shown}; {same}."
    )


def hmm_tables(fit: StatesFit, alphabet: tuple[str, ...]) -> Any:
    """A and B with their standard errors."""
    states = [f"state {state}" for state in range(fit.hmm.n_states)]
    to = [f"to {state}" for state in range(fit.hmm.n_states)]
    return [
        _matrix("A: probability of the next state", states, to, fit.hmm.A, fit.A_se),
        _matrix("B: probability of each symbol", states, list(alphabet), fit.hmm.B, fit.B_se),
    ]


def _matrix(caption: str, rows: list[str], columns: list[str], values: Any, errors: Any) -> Any:
    head = html.Tr([html.Td(), *(html.Th(column, scope="col") for column in columns)])
    body = [
        html.Tr([html.Th(row, scope="row"), *(html.Td(f"{v:.3f} ± {e:.3f}") for v, e in zip(*line, strict=True))])
        for row, *line in zip(rows, values, errors, strict=True)
    ]
    table = html.Table([html.Caption(caption), html.Thead(head), html.Tbody(body)])
    return html.Div(table, className="matrix")


def comparison_table(found: Comparison) -> Any:
    """Single numbers of data, HMM, network and null with their standard errors."""
    sides = {name: side for name in ("data", "hmm", "network", "null") if (side := getattr(found, name)) is not None}
    titles = {"data": "Data", "hmm": "HMM", "network": "Network", "null": "Independent symbols"}
    rows = [
        ("Log-likelihood under the HMM (nats per symbol)", lambda one: (one.log_likelihood, one.log_likelihood_se)),
        ("P(next symbol is the same)", lambda one: (one.agreement[0], one.agreement_se[0])),
        *(
            (f"Mean run of {symbol} (steps)", lambda one, o=o: (one.run_length[o], one.run_length_se[o]))
            for o, symbol in enumerate(found.alphabet)
        ),
    ]
    head = html.Tr([html.Th("Measure"), *(html.Th(titles[name]) for name in sides)])
    body = [
        html.Tr([html.Th(words, scope="row"), *(html.Td(_value(*of(side))) for side in sides.values())])
        for words, of in rows
    ]
    return html.Table([html.Thead(head), html.Tbody(body)])


def _value(value: float, error: float) -> str:
    if not np.isfinite(value):
        return "none" if np.isnan(value) else f"{value}"
    return f"{value:.3f}" + (f" ± {error:.3f}" if np.isfinite(error) else "")
