"""The addresses under which moments reach the page: every step as it is drawn, and neurons inside a selection."""

from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient

from hmmrnn.analysis.selection_contrast import contrast_selection
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Against, Scenario
from hmmrnn.model.network import Intervention
from hmmrnn.server.api.moments import selection_of
from hmmrnn.server.services import resolve
from tests.server.api.test_live import unpacked

pytest_plugins = ["tests.fixtures_dashboard"]

WHOLE_PLANE = (-1000.0, -1000.0, 1000.0, -1000.0, 1000.0, 1000.0, -1000.0, 1000.0)


@pytest.fixture
def scenario(dashboard) -> Scenario:
    return Scenario("linear-2", seed=3, steps=120, trajectories=4)


def asked(client: FlaskClient, path: str, scenario: Scenario) -> dict:
    answer = client.get(f"/{path}?{scenario.to_query()}")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.get_json()


class TestMoments:
    def test_they_are_the_steps_that_are_drawn(self, client, scenario):
        sent, seen = asked(client, "moments", scenario), queries.summary_of(resolve(scenario))
        np.testing.assert_array_equal(unpacked(sent["now"]["points"]), seen.points)
        np.testing.assert_array_equal(unpacked(sent["now"]["output"]), seen.output)
        np.testing.assert_array_equal(unpacked(sent["now"]["probabilities"]), seen.probabilities)
        assert sent["scale"] == queries.plane_of(resolve(Scenario("linear-2"))).scale[:2].tolist()
        assert sent["reference"] is None

    def test_what_is_compared_with_comes_along(self, client, scenario, dashboard):
        touched = replace(scenario, interventions=(Intervention(dashboard.switch.kick_of(0)),))
        kept = replace(touched, against=Against((), 0.5))
        for one, other in ((touched, scenario), (kept, replace(scenario, sigma=0.5))):
            sent = unpacked(asked(client, "moments", one)["reference"]["points"])
            np.testing.assert_array_equal(sent, queries.summary_of(resolve(other)).points)

    def test_after_a_divergence_there_are_none(self, client, scenario, dashboard):
        blown = replace(scenario, interventions=(Intervention((dashboard.fuse,), mu=2.0),))
        sent, ends = asked(client, "moments", blown)["now"], queries.summary_of(resolve(blown)).diverged_at
        assert (ends >= 0).all()
        np.testing.assert_array_equal((unpacked(sent["output"]) >= 0).sum(axis=1), ends)

    def test_a_refusal_is_an_answer_in_a_sentence(self, client):
        for query, words in (
            ("model=other", "other"),
            ("model=linear-2&sigma=9", "Sigma must be from 0 to 5.0; got 9."),
            ("model=linear-2&ablate=999", "999"),
        ):
            answer = client.get(f"/moments?{query}")
            assert answer.status_code == 200
            assert words in answer.get_json()["refused"]


class TestSelection:
    def test_a_box_and_a_stretch_of_time_hold_what_lies_in_both(self, scenario):
        points = queries.summary_of(resolve(scenario)).points
        x0, x1 = (float(np.round(q, 3)) for q in np.quantile(points[..., 0], (0.3, 0.7)))
        y0, y1 = (float(np.round(q, 3)) for q in np.quantile(points[..., 1], (0.2, 0.9)))
        found = selection_of(replace(scenario, area=(x0, y0, x1, y0, x1, y1, x0, y1), span=(20, 60)), points)
        steps = np.arange(1, 121)
        inside = (points[..., 0] > x0) & (points[..., 0] < x1) & (points[..., 1] > y0) & (points[..., 1] < y1)
        np.testing.assert_array_equal(found, inside & (steps >= 20) & (steps <= 60))
        assert 0 < found.sum() < found.size

    def test_neurons_are_compared_inside_and_outside_of_it(self, client, scenario):
        chosen = replace(scenario, span=(30, 50))
        sent = asked(client, "contrast", chosen)
        run = queries.run_of(resolve(scenario))
        wanted = contrast_selection(
            run.pre_activation, np.broadcast_to((np.arange(120) >= 29) & (np.arange(120) < 50), (4, 120))
        )
        np.testing.assert_allclose(sent["effect"], wanted.effect)
        np.testing.assert_allclose(np.subtract(sent["inside"], sent["outside"]), wanted.inside - wanted.outside)
        assert (sent["n_inside"], sent["n_outside"]) == (4 * 21, 4 * 99)

    def test_nothing_and_everything_are_refused(self, client, scenario):
        for area, words in (((900.0, 0.0, 901.0, 0.0, 901.0, 1.0), "0 of 480"), (WHOLE_PLANE, "480 of 480")):
            assert words in asked(client, "contrast", replace(scenario, area=area))["refused"]
