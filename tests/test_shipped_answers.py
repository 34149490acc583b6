"""Do the shipped answers fit the shipped networks and the present code, and are they given without any computing?"""

import re
import shutil
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hmmrnn.analysis import gain_sweep
from hmmrnn.analysis.gain_sweep import GainSweep
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.dashboard.components.kick_groups import search
from hmmrnn.explorer import experiments as kinds
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored, Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import resolve, services
from hmmrnn.shipped import ANSWERS, MODELS, SHELF, list_further_trainings, list_seeds
from hmmrnn.storage.result_files import read_result, write_result
from hmmrnn.storage.shipped_answers import ShippedAnswers
from hmmrnn.tasks import queue, store
from hmmrnn.tasks.store import TaskState
from scripts.answers import Work, answers_of, explorer_in, main
from tests.services import rebuild_services

pytest_plugins = ["tests.fixtures_dashboard"]

ROOT = Path(__file__).resolve().parents[1]
MODEL = DEFAULT_MODEL
NAMES = (*SHELF, *list_seeds(), *list_further_trainings())
# Each is computed in about a second.
FAST = (
    *("_fitted_plane", "survey_of", "orbit_spectrum_of", "_rest", "switch_average_of"),
    *("fidelity_of", "matched_distances_of", "decoding_of"),
)
MEASURED = (
    *(kinds.KICK_PROOF, kinds.GAIN_SWEEP, kinds.ABLATION, kinds.NOISE),
    *(kinds.LEAVE_RATE_THEORY, kinds.EMERGENCE, kinds.FORMATION),
)
# Those that are computed anew: the quick ones each of another network, the others of one or two. That of kick-proof
# would repeat the search for kick neurons with other seeds.
QUICK = [name for name in FAST if name != "switch_average_of"]
LONG = ("kick_neurons_of", "switch_average_of", kinds.GAIN_SWEEP, kinds.NOISE, kinds.LEAVE_RATE_THEORY)
# The network whose training has the fewest snapshots.
FEW_SNAPSHOTS = "linear-2-paper"
# Of the gains from 0 to 2: 0, 0.5, 1, 1.5 and 2.
FEW_GAINS = slice(None, None, 5)
# The sentences of the claims hold the last digits of what is measured.
EXPERIMENTS = (*MEASURED, kinds.CLAIMS)
MAX_BYTES = 6e6
# Runs are long and chaotic: rounding that differs between processors moves some states, and the last digits of means.
CLOSE, SHARE_CLOSE = 0.05, 0.9


def agree(one: Any, other: Any) -> bool:
    """Whether two results are the same but for what rounding does."""
    if is_dataclass(one):
        return type(one) is type(other) and all(
            agree(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(agree(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(agree, one, other))
    if isinstance(one, (float, np.ndarray)):
        return np.shape(one) == np.shape(other) and _close(np.asarray(one), np.asarray(other))
    return bool(one == other)


def at_few_gains(found: Any) -> Any:
    """A result in which sweeps of gains have only the few that are measured anew."""
    if isinstance(found, dict):
        return {key: at_few_gains(one) for key, one in found.items()}
    if isinstance(found, kinds.NoiseEffects):
        return replace(found, resonance=at_few_gains(found.resonance))
    if not isinstance(found, GainSweep):
        return found
    curves = {field.name: getattr(found, field.name) for field in fields(found)}
    return replace(
        found, **{name: curve[FEW_GAINS] for name, curve in curves.items() if np.shape(curve)[:1] == found.mu.shape}
    )


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    if not one.size:
        return True
    if one.dtype.kind not in "fc":
        return bool(np.mean(one == other) >= SHARE_CLOSE)
    size = np.abs(one[np.isfinite(one)]).max(initial=0.0)
    close = np.isclose(one, other, rtol=CLOSE, atol=CLOSE * size + 1e-12, equal_nan=True)
    return bool(close.mean() >= SHARE_CLOSE)


@pytest.fixture
def shipped() -> ShippedAnswers:
    return ShippedAnswers(ANSWERS)


@pytest.fixture
def afresh(tmp_path: Path) -> Explorer:
    """The shipped networks, without any answer."""
    return explorer_in(tmp_path, None)


@pytest.fixture
def world(empty_world, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that offer the shipped networks, with an empty cache and no worker."""
    monkeypatch.setenv("HMMRNN_MODELS", str(MODELS))
    rebuild_services()


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever searches for kick neurons fails."""
    monkeypatch.setattr(queries, "detect_kick_neurons", None)


def work_of(explorer: Explorer, name: str) -> dict[str, Work]:
    return {question.name: (question, compute) for question, compute in answers_of(explorer, name)}


class TestFolder:
    @pytest.mark.parametrize("name", NAMES)
    def test_it_holds_the_answer_to_every_question_about_a_shipped_network(self, name, afresh, shipped):
        missing = [question.name for question, _ in answers_of(afresh, name) if shipped.find(question) is None]
        assert missing == [], "run make answers"

    def test_and_nothing_that_is_never_asked_for(self, afresh):
        asked = {question.file for name in NAMES for question, _ in answers_of(afresh, name)}
        assert {path.name for path in ANSWERS.iterdir()} <= asked, "run make answers"

    def test_the_slow_ones_are_among_them(self, afresh):
        names = {name for network in SHELF for name in work_of(afresh, network)}
        assert names >= {"kick_neurons_of", *FAST, *EXPERIMENTS}

    def test_it_is_small(self):
        assert sum(path.stat().st_size for path in ANSWERS.iterdir()) < MAX_BYTES

    @pytest.mark.parametrize("path", sorted(ANSWERS.iterdir()), ids=lambda path: path.name[:-30])
    def test_every_answer_is_written_as_it_was_read(self, path):
        data = path.read_bytes()
        assert write_result(read_result(data)) == data

    def test_a_second_run_computes_nothing_and_removes_what_is_never_asked_for(
        self, no_search, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.setattr(kinds, "sweep_noise", None)
        monkeypatch.setattr("scripts.answers.ANSWERS", tmp_path / "copy")
        shutil.copytree(ANSWERS, tmp_path / "copy")
        before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "copy").iterdir()}
        (tmp_path / "copy" / "of-another-version.npz").touch()
        assert main([MODEL]) == 0
        assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "copy").iterdir()} == before
        said = r"removed of-another-version\.npz\n\d+ answers to \d+ questions, [\d.]+ MiB\n"
        assert re.fullmatch(said, capsys.readouterr().err)


class TestPresentCode:
    """If one of these fails, the code no longer gives the shipped answers: raise their version, run make answers."""

    REMEDY = "the answers have changed: raise the version where the query or experiment is defined, run make answers"

    @pytest.mark.parametrize(("query", "name"), list(zip(QUICK, cycle(SHELF))))
    def test_it_still_gives_the_answer_to_a_quick_question(self, query, name, afresh, shipped):
        assert self.is_same(query, work_of(afresh, name), shipped), self.REMEDY

    @pytest.mark.slow
    def test_and_to_the_slow_ones(self, afresh, shipped, monkeypatch):
        # Each gain is measured by itself, under the same noise.
        monkeypatch.setattr(kinds, "sweep_gains", partial(gain_sweep.sweep_gains, mu=gain_sweep.MUS[FEW_GAINS]))
        work = work_of(afresh, MODEL)
        work[kinds.EMERGENCE] = work_of(afresh, FEW_SNAPSHOTS)[kinds.EMERGENCE]
        assert [name for name in (*LONG, kinds.EMERGENCE) if not self.is_same(name, work, shipped)] == [], self.REMEDY

    def is_same(self, name: str, work: dict[str, Work], shipped: ShippedAnswers) -> bool:
        question, compute = work[name]
        return agree(at_few_gains(shipped.find(question)[0]), compute())

    def test_another_answer_would_be_noticed(self, afresh, shipped):
        question, _ = work_of(afresh, MODEL)["survey_of"]
        [found] = shipped.find(question)
        moved = replace(found.residency, time=1.2 * found.residency.time + 1)
        assert agree(found, found)
        assert not agree(found, replace(found, residency=moved))
        assert not agree(found, replace(found, available=found.available + 1))
        assert not agree(found, replace(found, points=found.points[:-1]))


class TestPage:
    def request(self, **change) -> dict[str, Any]:
        return {"model": MODEL, "turn": 1, "leave": [], **change}

    @pytest.mark.parametrize("worker", [False, True])
    def test_kick_neurons_are_there_at_once(self, world, no_search, worker):
        if worker:
            services().store.entry(store.WORKER, queue.EXPERIMENTS).beat()
        answer = search(self.request())
        assert "words" not in answer
        assert answer["found"]["groups"]
        assert answer["found"]["reason"] == ""
        assert len(services().queues.queue(queue.EXPERIMENTS)) == 0

    def test_also_under_another_name_in_another_folder(self, empty_world, no_search):
        shutil.copy(MODELS / f"{MODEL}.safetensors", empty_world.models / "renamed.safetensors")
        assert search(self.request(model="renamed"))["found"]["groups"]
        evidence = self.ask(kinds.KICK_PROOF, resolve(Scenario("renamed")))
        assert evidence.state is TaskState.DONE

    def test_of_another_network_of_that_name_nothing_is_known(self, empty_world):
        network = load(MODELS / f"{MODEL}.safetensors")
        save(replace(network, W_out=1.001 * network.W_out), empty_world.models / f"{MODEL}.safetensors")
        other = resolve(Scenario(MODEL))
        assert queries.kick_neurons_of.known(other) is None
        assert self.ask(kinds.NOISE, other).state is TaskState.WAITING

    @pytest.mark.parametrize("name", EXPERIMENTS)
    def test_experiments_are_done_without_a_worker(self, world, name):
        task = self.ask(name, resolve(Scenario(MODEL, colour="speed", picked=3)))
        assert task.state is TaskState.DONE
        assert task.result is not None
        assert len(services().queues.queue(queue.EXPERIMENTS)) == 0

    @pytest.mark.parametrize(
        "change", [{"seed": 1}, {"sigma": 0.5}, {"interventions": (Intervention((3,)),)}, {"pair": (0, 1)}]
    )
    def test_those_about_another_scenario_are_not(self, world, change):
        assert self.ask(kinds.GAIN_SWEEP, resolve(Scenario(MODEL, **change))).state is TaskState.WAITING

    def ask(self, name: str, explored: Explored) -> Any:
        return services().experiments.ask(name, *kinds.identify(name, explored))


class TestReport:
    @pytest.fixture
    def given(self, world, monkeypatch) -> dict[str, Any]:
        """What the findings of a report are gathered from."""
        given: dict[str, Any] = {}

        def gather(network, seed, series, on_progress, known):
            given["known"] = known
            raise ValueError("only this is looked at")

        monkeypatch.setattr(kinds, "gather_findings", gather)
        return given

    def write(self, scenario: Scenario) -> None:
        with pytest.raises(ValueError, match="only this is looked at"):
            kinds.compute(services().explorer, kinds.REPORT, scenario, lambda share: None)

    def test_what_is_shipped_is_not_computed_for_it(self, given, no_search):
        self.write(Scenario(MODEL))
        known = given["known"]
        assert [name for name in vars(known) if not getattr(known, name)] == []

    @pytest.mark.parametrize("change", [{"seed": 1}, {"interventions": (Intervention((3,)),)}])
    def test_of_another_seed_or_network_only_its_training_is_known(self, given, change):
        self.write(Scenario(MODEL, **change))
        known = given["known"]
        assert [name for name in vars(known) if getattr(known, name)] == ["formation"]


def test_the_web_process_reads_them_without_scipy_or_torch():
    code = f"""
import sys
from pathlib import Path
import app
from hmmrnn.storage.result_files import read_result
read = [read_result(path.read_bytes()) for path in Path({str(ANSWERS)!r}).iterdir()]
print(len(read), sorted({{'geomloss', 'scipy', 'sklearn', 'torch'}} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split(maxsplit=1) == [str(len(list(ANSWERS.iterdir()))), "[]\n"]
