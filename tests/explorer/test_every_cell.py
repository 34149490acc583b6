"""Every analysis of each kind of cell: an answer, or one sentence that says why there is none."""

import numpy as np
import pytest

from hmmrnn.analysis.emergence import trace_emergence
from hmmrnn.analysis.kick_neurons import detect_kick_neurons
from hmmrnn.analysis.noise_sensitivity import sensitivity_of_survey
from hmmrnn.analysis.noise_sweep import sweep_noise
from hmmrnn.analysis.orbit import fit_plane, run_for_plane
from hmmrnn.analysis.populations import find_populations
from hmmrnn.analysis.state_survey import paths_without_noise, spectrum_along_orbit, survey_states
from hmmrnn.analysis.trajectory_summary import summarise_trajectories
from hmmrnn.explorer.explored import Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.cells import NotApplicableError
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import draw_noise, simulate
from hmmrnn.report.live_page import describe_network
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.model_registry import ModelRegistry
from tests.networks import network_of_cell

N = 8
KINDS = [
    {"cell": "tanh"},
    {"cell": "relu", "alpha": 0.3, "leak": "current"},
    {"cell": "gru"},
    {"cell": "lstm", "skip": True},
]


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def network(request) -> Network:
    return network_of_cell(**request.param, n=N)


def test_runs_regions_spectra_and_fixed_points(network):
    plane = fit_plane(run_for_plane(network))
    run = simulate(network, 120, 3)
    found = survey_states(network, plane, run, seed=0)
    assert found.spectra.eigenvalues.shape[1] == network.n_state
    assert set(found.fixed_points.outcome) <= {"converged", "unsettled", "cycle"}
    summary = summarise_trajectories(network, plane, draw_noise(network.n_inputs, 120, 3, 1.0, 0), 1.0, 0, None)
    np.testing.assert_allclose(summary.points, plane.project(run.h), atol=1e-5)
    states = run.state[:, ::20].reshape(-1, network.n_state)
    assert spectrum_along_orbit(network, plane, states, phase_bins=4).counts.sum() == len(states)
    assert np.isfinite(paths_without_noise(network, plane, states[:3], 10)).all()
    spread = sensitivity_of_survey(network, run, found)
    assert spread is None or np.isfinite(spread.trace[spread.counts > 0]).all()


def test_noise_scales_the_orbit_only_where_the_cell_says_so(network):
    plane = fit_plane(run_for_plane(network))
    swept = sweep_noise(network, plane, sigmas=[0.5, 1.0], trajectories=2, steps=60)
    assert swept.biased
    assert swept.relative_deviation > 1e-3


def test_kick_neurons_and_populations(network):
    found = detect_kick_neurons(network, controls=3)
    assert found.scores.shape == (network.n_outputs, N)
    assert sorted(find_populations(network, found).order) == list(range(N))


def test_emergence_of_two_snapshots(network):
    series = [Network(**{**vars_of(network), "metadata": {"steps_done": str(done)}}) for done in (1, 2)]
    found = trace_emergence(series)
    assert (found.first_order > 0).all()
    assert np.isnan(found.second_order).all() == network.kind.is_gated


def test_the_page_steps_cells_without_gates_and_says_so_of_others(network):
    plane = fit_plane(run_for_plane(network))
    if not network.kind.is_gated and not network.n_skip:
        described = describe_network(network, plane, "net", np.empty((0, 2)))
        assert (described["cell"], described["alpha"]) == (network.cell, network.alpha)
        return
    with pytest.raises(NotApplicableError, match=r"the live view does not apply to an? .* network.*: its engine"):
        describe_network(network, plane, "net", np.empty((0, 2)))


def vars_of(network: Network) -> dict:
    names = ("W_hh", "W_ih", "W_out", "b_h", "b_out", "cell", "alpha", "leak", "gates", "b_rec", "W_skip")
    return {name: getattr(network, name) for name in names}


def test_a_network_with_thousands_of_inputs_is_explored_under_fewer(tmp_path):
    rng = np.random.default_rng(0)
    wide = Network(0.5 * np.eye(4), rng.standard_normal((4, 1500)) / 40, np.eye(2, 4))
    save(wide, tmp_path / "wide.safetensors")
    registry = ModelRegistry(tmp_path, tmp_path, tmp_path / "converted")
    explored = Explorer(registry, AnswerCache(tmp_path / "cache", 10**6)).resolve(Scenario("wide"))
    assert explored.network.n_inputs == 4
    np.testing.assert_allclose(explored.network.W_ih @ explored.network.W_ih.T, wide.W_ih @ wide.W_ih.T, atol=1e-6)
    assert "1,500 of the network" in explored.network.metadata["shown_inputs"]
