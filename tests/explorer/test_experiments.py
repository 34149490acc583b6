"""Experiments: what each is about, and that a worker computes it of the network as it is now."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.populations import INTEGRATING
from hmmrnn.explorer import experiments as kinds
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import resolve, services

pytest_plugins = ["tests.fixtures_dashboard"]

MODEL = "linear-2"


def plain() -> Explored:
    return resolve(Scenario(MODEL))


@pytest.fixture
def touched(dashboard) -> Scenario:
    group = Intervention(dashboard.switch.kick_of(0))
    return Scenario(MODEL, seed=3, steps=160, trajectories=5, interventions=(group,))


def test_a_report_is_of_the_network_as_it_is_now(dashboard, monkeypatch):
    given = {}

    def gather(network, seed, series, on_progress, known):
        given.update(network=network, seed=seed, series=series, known=known)
        return "found"

    monkeypatch.setattr(kinds, "gather_findings", gather)
    monkeypatch.setattr("hmmrnn.report.lens_numbers.look_through_lenses", lambda found, known, on_progress: (found,))
    monkeypatch.setattr("hmmrnn.report.html.write_report", lambda found, name, lenses: f"{found}, {lenses[0]}: {name}")
    touched = Scenario(MODEL, seed=7, interventions=(Intervention((3, 1), 0.5, "recurrent"),))
    page = kinds.compute(
        services().explorer, kinds.REPORT, kinds.identify(kinds.REPORT, resolve(touched))[0], lambda share: None
    )
    assert page == f"found, found: {MODEL}; recurrent gain 0.5 of neurons 3, 1"
    np.testing.assert_array_equal(given["network"].W_hh, resolve(touched).now.W_hh)
    assert (given["seed"], given["series"]) == (7, [])


def test_a_gain_sweep_is_of_the_network_as_it_is_now_and_the_populations_of_the_intact_one(
    touched, dashboard, monkeypatch
):
    calls = []
    monkeypatch.setattr(kinds, "sweep_gains", lambda *args, **more: calls.append((args, more)) or len(calls))
    sweeps = kinds.compute(services().explorer, kinds.GAIN_SWEEP, touched.simulated, lambda share: None)
    assert list(sweeps.values()) == list(range(1, len(calls) + 1))
    kick, roles = queries.kick_neurons_of(plain()), queries.populations_of(plain())
    expected = {f"kick neurons of output {o}": (kick.members(o), "recurrent") for o in range(3)}
    expected |= {
        f"integrating population of output {o}": (roles.members(INTEGRATING, o), "input")
        for o in range(3)
        if roles.members(INTEGRATING, o)
    }
    expected["control population"] = roles.members("control"), "unit"
    for name, ((network, neurons, target, plane), more) in zip(sweeps, calls, strict=True):
        assert (tuple(neurons), target) == expected.pop(name)
        np.testing.assert_array_equal(network.W_hh, resolve(touched).now.W_hh)
        np.testing.assert_array_equal(plane.components, queries.plane_of(plain()).components)
        assert (more["sigma"], more["seed"]) == (touched.sigma, touched.seed)
    assert not expected


def test_what_does_not_change_the_answer_is_no_part_of_the_subject(touched):
    def subject(experiment: str, **change) -> tuple[Scenario, str]:
        return kinds.identify(experiment, resolve(replace(touched, **change)))

    for look in ({"colour": "speed"}, {"steps": 90, "trajectories": 2}, {"large": "noise"}):
        assert subject(kinds.NOISE, **look) == subject(kinds.NOISE)
    for matter in ({"seed": 4}, {"sigma": 0.5}, {"interventions": ()}, {"model": "anonymous"}):
        assert subject(kinds.NOISE, **matter) != subject(kinds.NOISE)
    theory = kinds.LEAVE_RATE_THEORY
    assert subject(theory, pair=(0, 1), steps=90) == subject(theory) != subject(theory, sigma=0.5)
    assert subject(kinds.KICK_PROOF, interventions=(), sigma=0.5) == subject(kinds.KICK_PROOF)
    assert subject(kinds.REPORT, sigma=0.5) == subject(kinds.REPORT) != subject(kinds.REPORT, interventions=())
