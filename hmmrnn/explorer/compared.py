"""Comparison of the networks that the address of its page names.

    linear-2                         a network
    linear-2!13.22+5.6:0.5:unit      the same with interventions, neurons:mu:target; neurons alone are silenced
    linear-2@step-00304              a snapshot of the training whose snapshots lie in the folder linear-2
    A,B,C                            several of them

What is measured of one network is kept: another comparison with it measures it no second time.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.numerics import ProgressCallback, no_progress, progress_part
from hmmrnn.comparison.dynamical_similarity import MISSING, has_dsa
from hmmrnn.comparison.one_side import Side, measure_side
from hmmrnn.comparison.side_by_side import SideBySide, check_count, join_sides, search_kick_neurons
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored, Explorer, kept
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import load, read_metadata
from hmmrnn.model.inputs import with_sigma
from hmmrnn.model.metadata import FOLDER, MODEL_NAME, known_target
from hmmrnn.model.network import TARGETS, Intervention

SILENCED, SNAPSHOT, BETWEEN = "!", "@", ","
_INTERVENTION = re.compile(
    rf"(?P<neurons>\d{{1,4}}(\.\d{{1,4}})*)(:(?P<mu>\d(\.\d{{1,6}})?):(?P<target>{'|'.join(TARGETS)}))?"
)
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
# In the name of a snapshot, before the number of its step.
_ZEROS = re.compile(r"-0*(?=\d)")
# Where the kick neurons of a network come from.
KNOWN, SEARCHED, LEFT_OUT = "known", "searched", "left out"


@dataclass(frozen=True)
class ComparisonQuestion:
    """Which networks are compared under which noise, and what is measured beyond the table."""

    items: tuple[str, ...]
    seed: int = 0
    search: bool = False  # for kick neurons that are not known
    dsa: bool = False  # distances of DSA
    sigma: float = 1.0  # standard deviation of the noise


@dataclass(frozen=True)
class Item:
    """One network of a comparison."""

    name: str  # of the network, or of the training
    interventions: tuple[Intervention, ...] = ()
    snapshot: str = ""  # name of its file without the suffix; empty for a network

    @property
    def label(self) -> str:
        """The item in words."""
        if self.snapshot:
            return f"{self.name}, {_ZEROS.sub(' ', self.snapshot)}"
        return "; ".join([self.name, *map(_words, self.interventions)])


def items_of(text: str) -> tuple[str, ...]:
    """The items of an address, in its order.

    Raises:
        ValueError: one cannot be read, or is there twice, or there are too few or too many.
    """
    items = tuple(text.split(BETWEEN)) if text else ()
    for place, one in enumerate(items):
        read_item(one)
        if one in items[:place]:
            raise ValueError(f"{read_item(one).label} is chosen twice; choose each network once")
    check_count(len(items))
    return items


def read_item(text: str) -> Item:
    """Read one item.

    Raises:
        ValueError: it names no network.
    """
    name, snapshot = text.partition(SNAPSHOT)[::2]
    if snapshot and MODEL_NAME.fullmatch(name) and _STEM.fullmatch(snapshot):
        return Item(name, snapshot=snapshot)
    name, silenced = text.partition(SILENCED)[::2]
    if SNAPSHOT in text or not MODEL_NAME.fullmatch(name):
        raise ValueError(f"a network to compare is named as in its link; got {text[:60]!r}")
    return Item(name, tuple(map(_read_intervention, silenced.split("+"))) if silenced else ())


def _read_intervention(text: str) -> Intervention:
    match = _INTERVENTION.fullmatch(text)
    if match is None:
        raise ValueError(f"interventions are written as neurons:mu:target, as in 13.22:0.5:unit; got {text[:60]!r}")
    neurons = tuple(map(int, match["neurons"].split(".")))
    return Intervention(neurons, float(match["mu"] or 0), match["target"] or "unit")


def _words(item: Intervention) -> str:
    neurons = ", ".join(map(str, item.neurons[:6])) + (", …" if len(item.neurons) > 6 else "")
    what = "" if item.target == "unit" else f" ({item.target})"
    return f"{neurons} silenced{what}" if item.mu == 0 else f"{neurons} at mu {item.mu:g}{what}"


# ---- what is there ----


def series_of(explorer: Explorer) -> dict[str, tuple[str, ...]]:
    """The snapshots of each training that has some, by the name of its folder, in their order."""
    folders = sorted(path for path in (explorer.models.models / FOLDER).glob("*") if path.is_dir())
    return {path.name: tuple(sorted(file.stem for file in path.glob("*.safetensors"))) for path in folders}


def digest_of(explorer: Explorer, question: ComparisonQuestion) -> str:
    """Hash of all files that a comparison depends on.

    Raises:
        ValueError: one of the networks is gone.
    """
    found = [_fingerprint(explorer, read_item(text)) for text in question.items]
    return hashlib.sha256(" ".join(found).encode()).hexdigest()


def sizes_of(explorer: Explorer, question: ComparisonQuestion) -> list[int]:
    """The number of neurons of each network."""
    items = [read_item(text) for text in question.items]
    headers = [
        read_metadata(_file(explorer, one)) if one.snapshot else explorer.models.entry(one.name).header for one in items
    ]
    return [header.n_neurons for header in headers]


def _fingerprint(explorer: Explorer, item: Item) -> str:
    models = explorer.models
    return models.digest(_file(explorer, item)) if item.snapshot else models.entry(item.name).fingerprint


def _file(explorer: Explorer, item: Item) -> Path:
    path = explorer.models.models / FOLDER / item.name / f"{item.snapshot}.safetensors"
    if not path.is_file():
        raise ValueError(f"there is no snapshot {item.label}")
    return path


def _resolve(explorer: Explorer, item: Item, seed: int, sigma: float) -> Explored:
    if not item.snapshot:
        return explorer.resolve(Scenario(item.name, seed=seed, sigma=sigma, interventions=item.interventions))
    path = _file(explorer, item)
    network, name = load(path), f"{item.name}.{item.snapshot}"
    hmm, _ = known_target(network.metadata, network.n_outputs)
    scenario = Scenario(name, seed=seed, sigma=sigma)
    return Explored(scenario, name, network, explorer.models.digest(path), hmm, explorer.models, explorer.answers)


# ---- in a worker ----


def compare(
    explorer: Explorer, question: ComparisonQuestion, on_progress: ProgressCallback = no_progress
) -> SideBySide:
    """Compare networks.

    Raises:
        ValueError: a network is gone, fewer than two can be measured, sigma is 0, or a package is missing.
    """
    if question.dsa and not has_dsa():
        raise ValueError(MISSING)
    networks, sides, count = {}, {}, len(question.items)
    for done, text in enumerate(question.items):
        item = read_item(text)
        explored = _resolve(explorer, item, question.seed, question.sigma)
        part = progress_part(on_progress, 0.9 * done / count, 0.9 * (done + 1) / count)
        networks[item.label] = with_sigma(explored.now, question.sigma)
        sides[item.label] = _side_of(explored, _kick_way(explored, question.search), on_progress=part)
    return join_sides(networks, sides, question.seed, question.dsa, progress_part(on_progress, 0.9, 1.0))


def _measured(scenario: Scenario) -> Scenario:
    """The network as it is now, sigma and seed."""
    now = scenario.simulated.interventions
    return Scenario(scenario.model, seed=scenario.seed, sigma=scenario.sigma, interventions=now)


@kept(_measured)
def _side_of(explored: Explored, way: str, *, on_progress: ProgressCallback = no_progress) -> Side | str:
    """What is measured of one network, or the sentence why it cannot be."""
    kick = _kick_neurons(explored, way, progress_part(on_progress, 0.0, 0.8))
    try:
        found = measure_side(with_sigma(explored.now, explored.scenario.sigma), explored.scenario.seed, kick)
    except ValueError as error:
        return str(error)
    on_progress(1.0)
    return found


def _kick_way(explored: Explored, search: bool) -> str:
    if not explored.scenario.interventions and queries.kick_neurons_of.known(explored) is not None:
        return KNOWN
    return SEARCHED if search else LEFT_OUT


def _kick_neurons(explored: Explored, way: str, on_progress: ProgressCallback) -> KickNeurons | None:
    """Those of an intact network are known if any view has asked for them; those of an intervened one are its own.

    They are those under noise of sigma = 1, as everywhere on the page.
    """
    if way == KNOWN:
        return queries.kick_neurons_of.known(explored)
    return search_kick_neurons(explored.now, on_progress) if way == SEARCHED else None
