"""Do the shipped networks hold what their headers say? Everything is measured anew, on long runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hmmrnn.analysis import formation
from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.analysis.formation import trace_formation
from hmmrnn.analysis.kick_neurons import MAX_LEAVE_RATE_RATIO
from hmmrnn.analysis.stability import CONVERGED, fixed_points
from hmmrnn.model.checkpoint import load, read_metadata
from hmmrnn.model.hmm import HMM, PRESETS
from hmmrnn.model.metadata import note_of, snapshot_files, target
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from hmmrnn.shipped import FURTHER, SHELF, list_further_trainings, list_seeds
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import FIDELITY_NUMBERS, name_start

MODELS = Path(__file__).resolve().parents[1] / "models"
FOLDERS = tuple(path.name for path in sorted((MODELS / "emergence").iterdir()))
# Of the opening of the orbit, named by their families; the others go on to the end of a recipe.
SERIES = tuple(name for name in FOLDERS if name in PRESETS)
BY_RECIPE = tuple(name for name in FOLDERS if name not in PRESETS)
MAX_BYTES = 40e6


def test_every_family_is_on_the_shelf_and_one_network_of_the_papers_recipe() -> None:
    assert {path.stem for path in MODELS.glob("*.safetensors")} == set(SHELF)
    assert SHELF == (*PRESETS, "linear-2-paper")


def test_the_shelf_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < MAX_BYTES


@pytest.mark.parametrize("family", PRESETS)
def test_a_shipped_network_passes_the_gate_and_says_so(family) -> None:
    network = load(MODELS / f"{family}.safetensors")
    hmm = target(network.metadata, network.n_outputs)
    assert hmm.name == family
    judged = measure_fidelity(network, hmm)
    assert judged.failures == ()
    assert network.metadata["fidelity_passes"] == "true"
    for name in FIDELITY_NUMBERS:
        # Runs are long and chaotic: rounding that differs between processors moves the last digits.
        assert float(network.metadata[f"fidelity_{name}"]) == pytest.approx(getattr(judged, name), abs=5e-3)


@pytest.mark.parametrize("family", PRESETS)
def test_activity_without_noise_decays_to_one_fixed_point(family) -> None:
    network = load(MODELS / f"{family}.safetensors")
    visited = simulate(network, steps=300, trajectories=32, seed=1).h[:, 100::10].reshape(-1, network.n_neurons)
    found = fixed_points(network, h0=visited)
    assert set(found.outcome) == {CONVERGED}
    points = found.points
    assert len(points) == 1


@pytest.mark.parametrize("family", PRESETS)
def test_a_shipped_network_is_what_its_recipe_says(family) -> None:
    metadata, config = read_metadata(MODELS / f"{family}.safetensors").metadata, TrainingConfig.preset(family)
    settings = {name: value for name, value in config.to_dict().items() if name != "hmm"}
    assert {name: metadata[name] for name in settings} == {name: str(value) for name, value in settings.items()}
    # The headers are older than the setting normal_start, which both recipes had off.
    departures = {name: text for name, text in config.departures.items() if name != "normal_start"}
    assert metadata["departures"] == "; ".join(f"{name} {text}" for name, text in departures.items())
    assert metadata["steps_done"] == metadata["steps"]


def test_there_are_series_of_chains_and_of_a_family_with_several_orbits() -> None:
    assert "linear-2" in SERIES
    assert len([name for name in SERIES if name.startswith("linear-")]) >= 2
    assert {"fully-connected", "cyclic"} & set(SERIES)


@pytest.mark.parametrize("name", SERIES)
def test_a_series_leads_from_the_plateau_through_the_drop_to_a_settled_orbit(name) -> None:
    headers = [read_metadata(path).metadata for path in sorted((MODELS / "emergence" / name).glob("*.safetensors"))]
    assert len(headers) >= 40
    assert {header["family"] for header in headers} == {name}
    assert {header["orthogonal"] for header in headers} == {"False"}, "from torch's own initial weights"
    steps = [int(header["steps_done"]) for header in headers]
    assert steps == sorted(set(steps))
    loss = np.array([float(header["loss"]) for header in headers])
    floor, plateau = float(headers[0]["loss_floor"]), float(headers[0]["loss_plateau"])
    fallen = (plateau - loss) / (plateau - floor)
    assert (fallen < 0.1).sum() >= 3, "some snapshots are on the plateau or before it"
    assert ((0.1 < fallen) & (fallen < 0.8)).sum() >= 5, "some are of the drop"
    assert (fallen > 0.8).sum() >= 10, "some are of the settled orbit"


@pytest.mark.parametrize("name", SERIES)
def test_a_series_begins_silent_and_ends_switching(name) -> None:
    files = sorted((MODELS / "emergence" / name).glob("*.safetensors"))
    hmm = HMM.preset(name)
    first, last = (measure_fidelity(load(path), hmm, trajectories=16, steps=1000) for path in (files[0], files[-1]))
    assert first.transition_error > 0.1
    assert last.transition_error < first.transition_error / 2
    assert last.diverged == 0


class TestPaperRecipe:
    """The network by the paper's recipe is shown for its mechanism, and says that it is not its HMM."""

    NAME = "linear-2-paper"

    @pytest.fixture
    def network(self) -> Network:
        return load(MODELS / f"{self.NAME}.safetensors")

    def test_it_fails_the_gate_and_says_so_and_why_it_is_there(self, network) -> None:
        judged = measure_fidelity(network, target(network.metadata, network.n_outputs))
        assert not judged.passes
        assert judged.volatility_ratio < 0.9
        assert network.metadata["fidelity_passes"] == "false"
        for name in FIDELITY_NUMBERS:
            assert float(network.metadata[f"fidelity_{name}"]) == pytest.approx(getattr(judged, name), abs=5e-3)
        assert "fails the fidelity gate" in note_of(network.metadata)

    def test_its_loss_is_below_the_floor_of_the_hmm_itself(self, network) -> None:
        assert float(network.metadata["loss"]) < float(network.metadata["loss_floor"])

    def test_its_departures_are_those_of_its_header(self, network) -> None:
        assert network.metadata["departures"] == "batch 1024 (paper: 4096)"
        assert (network.metadata["recipe"], network.metadata["steps_done"]) == ("paper", "2500")

    def test_its_series_is_its_own_and_ends_with_it(self, network) -> None:
        files = snapshot_files(MODELS, network.metadata)
        assert [path.stem for path in files] == [f"step-{step:05d}" for step in range(250, 2501, 250)]
        last = load(files[-1])
        assert all(np.array_equal(getattr(last, name), getattr(network, name)) for name in ("W_hh", "W_ih", "W_out"))


def test_a_series_to_the_end_of_a_recipe_is_named_by_it() -> None:
    assert "linear-2-paper" in BY_RECIPE
    for name in BY_RECIPE:
        headers = [read_metadata(path).metadata for path in sorted((MODELS / "emergence" / name).glob("*.safetensors"))]
        assert {name.startswith(f"{header['family']}-{header['recipe']}") for header in headers} == {True}
        steps = [int(header["steps_done"]) for header in headers]
        assert steps == sorted(set(steps))


class TestTuned:
    """The network that is its HMM and has the mechanism: the paper's recipe, then a few steps that match pairs."""

    @pytest.fixture
    def network(self) -> Network:
        return load(FURTHER / "linear-2-tuned.safetensors")

    def test_it_passes_the_gate(self, network) -> None:
        assert measure_fidelity(network, target(network.metadata, network.n_outputs)).failures == ()
        assert network.metadata["fidelity_passes"] == "true"

    def test_it_says_from_which_snapshot_it_goes_on(self, network) -> None:
        start = load(MODELS / "emergence" / "linear-2-paper-seed-1" / "step-02000.safetensors")
        config = TrainingConfig.preset("linear-2", "paper", seed=1)
        assert network.metadata["started_from"] == name_start(config, start)

    def test_three_neurons_trap_each_output_by_their_recurrent_input(self, network, monkeypatch) -> None:
        monkeypatch.setattr(formation, "CONTROLS", 1)
        found = trace_formation([network])
        assert (found.recurrent[0] <= MAX_LEAVE_RATE_RATIO).all()
        # Only one of the two states stays in its cluster.
        assert found.recurrent_bounded[0].tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize("name", list_further_trainings())
def test_a_further_training_has_a_series_of_its_own_that_holds_the_network(name) -> None:
    network = load(FURTHER / f"{name}.safetensors")
    files = snapshot_files(MODELS, network.metadata)
    assert [path.parent.name for path in files] == [name] * 10
    own = next(path for path in files if path.stem == f"step-{int(network.metadata['steps_done']):05d}")
    assert all(np.array_equal(getattr(load(own), weights), getattr(network, weights)) for weights in ("W_hh", "W_ih"))


@pytest.mark.parametrize("name", list_seeds())
def test_a_further_network_differs_from_that_on_the_shelf_in_its_seed_alone(name) -> None:
    family, seed = name.rsplit("-seed-", 1)
    metadata = read_metadata(FURTHER / f"{name}.safetensors").metadata
    config = TrainingConfig.preset(family, seed=int(seed))
    settings = {name: value for name, value in config.to_dict().items() if name != "hmm"}
    assert {name: metadata[name] for name in settings} == {name: str(value) for name, value in settings.items()}
    assert metadata["fidelity_passes"] in ("true", "false")
