"""Results to draw, made once for all figures, and every figure drawn from them in each theme."""

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.analysis.populations import CONTROL, INTEGRATING, KICK, Populations
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.analysis.state_survey import StateSurvey, survey_states
from hmmrnn.analysis.trajectory_summary import TrajectorySummary, summarise_trajectories
from hmmrnn.figures.ablation import draw_ablations
from hmmrnn.figures.activity import draw_activity
from hmmrnn.figures.connectivity import draw_connectivity
from hmmrnn.figures.emergence import draw_emergence
from hmmrnn.figures.fidelity import Verdict, draw_fidelity
from hmmrnn.figures.formation import draw_formation
from hmmrnn.figures.gain_sweep import draw_gain_sweeps
from hmmrnn.figures.jacobian_spectrum import draw_jacobian_spectrum
from hmmrnn.figures.kick_neurons import draw_kick_neurons
from hmmrnn.figures.noise_sensitivity import draw_noise_sensitivity
from hmmrnn.figures.noise_sweep import draw_noise_sweep
from hmmrnn.figures.orbit import draw_orbit
from hmmrnn.figures.readout import draw_readout
from hmmrnn.figures.region_map import REGION_COLOURS, draw_region_map
from hmmrnn.figures.state_space import Colouring, draw_state_space
from hmmrnn.figures.sweep import M, Mark, Measure, draw_sweep
from hmmrnn.figures.theme import THEMES, Theme
from hmmrnn.figures.training import draw_loss_curve
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import draw_noise, respond
from hmmrnn.report.reference import published_ablation
from tests.figures import results
from tests.figures.results import verdict_of
from tests.gain_sweeps import sweep
from tests.networks import kick_group, planted_switch, random_network

B, T = 4, 120


@pytest.fixture(scope="session")
def network() -> Network:
    ring = [(0, 1), (1, 2), (2, 0)]
    return planted_switch(n_outputs=3, pairs=ring, hold=4, integrators=6, kick=2, echoes=1, idle=2).network


@pytest.fixture(scope="session")
def noise(network):
    return draw_noise(network.n_inputs, T, B, 1.0, 5)


@pytest.fixture(scope="session")
def plane(network, noise) -> Plane:
    return fit_plane(respond(network, noise, 1.0, 5))


@pytest.fixture(scope="session")
def intact(network, plane, noise) -> TrajectorySummary:
    return summarise_trajectories(network, plane, noise, 1.0, 5, None)


@pytest.fixture(scope="session")
def now(network, plane, noise) -> TrajectorySummary:
    return summarise_trajectories(intervene(network, Intervention((0, 1, 2))), plane, noise, 1.0, 5, None)


@pytest.fixture(scope="session")
def survey(network, plane, noise) -> StateSurvey:
    return survey_states(network, plane, respond(network, noise, 1.0, 5), seed=5)


@pytest.fixture(scope="session")
def twelve() -> Network:
    return random_network(n=12, m=5, o=3)


@pytest.fixture(scope="session")
def roles() -> Populations:
    """Two kick groups, two integrating populations and the rest, of twelve neurons."""
    role = np.array([CONTROL, KICK, INTEGRATING, CONTROL, KICK, KICK, INTEGRATING, *[CONTROL] * 5])
    output = np.array([-1, 0, 0, -1, 2, 2, 2, *[-1] * 5])
    return Populations(role, output, np.array([1, 4, 5, 2, 6, 0, 3, 7, 8, 9, 10, 11]))


@pytest.fixture(scope="session")
def verdict() -> Verdict:
    return verdict_of(3, 4, seed=1)


@pytest.fixture(scope="session")
def untouched() -> Verdict:
    return verdict_of(3, 4, seed=0)


def every_figure(theme: Theme, twelve, intact, now, survey, roles, verdict) -> dict[str, go.Figure]:
    """Each figure once or more, with everything on it that it can have."""
    hmm = HMM.preset("linear-2")
    values = Colouring("speed (plane units per step)", now.speed)
    strip = np.resize(np.array([*REGIONS, ""]), len(now.profile.counts))
    return {
        "state space": draw_state_space(now, intact, Colouring("output"), theme, np.ones((1, 3)), np.ones((2, 4, 3))),
        "state space by value": draw_state_space(now, intact, values, theme),
        "orbit": draw_orbit(now.profile, intact.profile, hmm, theme, strip),
        "connectivity": draw_connectivity(twelve, roles, theme),
        "spectrum": draw_jacobian_spectrum(survey, theme),
        "fidelity": draw_fidelity(verdict, None, theme),
        "fidelity beside intact": draw_fidelity(verdict, verdict, theme),
        "gain sweep": draw_gain_sweeps({"kick group": sweep(1), "control population": sweep(2)}, theme),
        "ablations": draw_ablations(results.ablations_of(), published_ablation(), theme),
        "noise sweep": draw_noise_sweep(results.noise_sweep_of(), sweep(3), theme),
        "noise sensitivity": draw_noise_sensitivity(results.noise_sensitivity(), theme),
        "readout": draw_readout(results.readout_angles(), theme),
        "emergence": draw_emergence(results.emergence_of(), theme),
        "formation": draw_formation(results.formation_of(), {"switching": [0.03], "within": [0.06, 0.08]}, theme),
        "spectrum along the orbit": draw_jacobian_spectrum(survey, theme, results.orbit_spectrum()),
        "kick neurons": draw_kick_neurons(results.kick_neurons(kick_group(0, (3, 6))), None, theme),
        "sweep": draw_sweep([Mark("cyclic", 50, 1, 0, 0.1, "")], Measure("Transition error", (0, 0.03)), M, theme),
        "loss": draw_loss_curve([1.0, 0.9], 0.5, 2.0, 4, theme),
        "activity": draw_activity(np.ones((T, 2)), now.output[0], (3, 4), (0, 2), theme),
        **{f"region map by {c}": draw_region_map(survey, c, theme, [-1, 1], [-1, 1]) for c in REGION_COLOURS},
    }


@pytest.fixture(scope="session", params=list(THEMES))
def themed(request, twelve, intact, now, survey, roles, verdict) -> tuple[Theme, dict[str, go.Figure]]:
    theme = THEMES[request.param]
    return theme, every_figure(theme, twelve, intact, now, survey, roles, verdict)
