"""Scenarios with an input beside the noise, and with another start: what is shown is what `run` gives."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.dashboard.answers import answer_views
from hmmrnn.dashboard.components.kick_groups import search
from hmmrnn.explorer import experiments, queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.cells import NotApplicableError
from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.inputs import repeated
from hmmrnn.model.network import Intervention, intervene
from hmmrnn.model.simulation import Trajectory, draw_noise, draw_starts, run
from hmmrnn.server.services import resolve, services
from tests.networks import network_of_cell
from tests.services import rebuild_services

pytest_plugins = ["tests.fixtures_dashboard"]

TOUCHED = (Intervention((1, 2), 0.5, "input"), Intervention((4,), 0.0))
SHORT = {"steps": 60, "trajectories": 3, "sigma": 0.5, "seed": 7}


@pytest.fixture(autouse=True)
def world(dashboard, tmp_path: Path, monkeypatch):
    """The shelf's networks, one with a learned start, and one with thousands of inputs."""
    models = tmp_path / "models"
    models.mkdir()
    for path in dashboard.models.iterdir():
        (models / path.name).symlink_to(path)
    save(replace(network_of_cell("tanh", alpha=0.3), h0=np.linspace(-1, 1, 12)), models / "fed.safetensors")
    save(network_of_cell("gru", n=8, m=1200), models / "wide.safetensors")
    monkeypatch.setenv("HMMRNN_MODELS", str(models))
    rebuild_services()


def fed(**fields) -> Scenario:
    return Scenario(**{"model": "fed", **SHORT, **fields})


def wanted(scenario: Scenario, rows: np.ndarray, h0=None) -> Trajectory:
    """The runs by the public functions alone."""
    network = load(services().models.models / f"{scenario.model}.safetensors")
    noise = draw_noise(network.n_inputs, scenario.steps, scenario.trajectories, scenario.sigma, scenario.seed)
    return run(intervene(network, scenario.interventions), rows + noise, h0)


def kept(rows: np.ndarray) -> str:
    return services().inputs.keep("\n".join(",".join(map(repr, row)) for row in rows.tolist()))[0]


class TestRuns:
    @pytest.mark.parametrize("values", [(0.5,), (0.5, -1.0, 0.0, 0.25)])
    def test_under_a_constant_input(self, values):
        scenario = fed(input=values, interventions=TOUCHED)
        explored = resolve(scenario)
        right = wanted(scenario, np.array(values))
        np.testing.assert_allclose(queries.run_of(explored).h, right.h, atol=1e-12)
        points = queries.plane_of(explored).project(right.h)
        np.testing.assert_allclose(queries.summary_of(explored).points, points, atol=1e-5)

    def test_under_a_sequence_that_begins_anew(self):
        rows = np.random.default_rng(0).normal(size=(25, 4)).round(3)
        scenario = fed(sequence=kept(rows), interventions=TOUCHED)
        right = wanted(scenario, repeated(rows, scenario.steps))
        np.testing.assert_allclose(queries.run_of(resolve(scenario)).h, right.h, atol=1e-12)

    def test_a_table_of_one_row_is_a_constant(self):
        rows = np.array([[0.5, -1.0, 0.0, 0.25]])
        table, numbers = (
            fed(**given, colour="region") for given in ({"sequence": kept(rows)}, {"input": tuple(rows[0])})
        )
        assert table.is_steady
        np.testing.assert_array_equal(queries.run_of(resolve(table)).h, queries.run_of(resolve(numbers)).h)
        assert len(queries.survey_of(resolve(table)).at)

    def test_from_another_start(self):
        network = load(services().models.models / "fed.safetensors")
        for start, h0 in (("learned", network.h0), ("random", draw_starts(network, 3, 7))):
            scenario = fed(start=start, input=(0.5,))
            right = wanted(scenario, np.full(4, 0.5), h0)
            np.testing.assert_allclose(queries.run_of(resolve(scenario)).h, right.h, atol=1e-12)

    def test_a_network_of_thousands_of_inputs_has_the_same_drive(self):
        rows = np.random.default_rng(1).normal(size=(12, 1200)).round(2)
        network = load(services().models.models / "wide.safetensors")
        sequence = resolve(Scenario("wide", sequence=kept(rows), **SHORT))
        assert sequence.network.n_inputs == network.n_drive
        np.testing.assert_allclose(sequence.network.drive(sequence.sequence), network.drive(rows), atol=1e-10)
        steady = resolve(Scenario("wide", sequence=kept(rows[:1]), **SHORT))
        np.testing.assert_allclose(steady.network.drive_bias, network.drive(rows[0]), atol=1e-10)


class TestWhatFollows:
    def test_plane_fixed_points_and_kick_neurons_are_those_under_the_constant_input(self):
        plain, under = resolve(fed()), resolve(fed(input=(1.5,)))
        assert not np.allclose(queries.plane_of(plain).mean, queries.plane_of(under).mean)
        assert not np.allclose(queries.fixed_points_of(plain), queries.fixed_points_of(under))
        assert search({"model": "fed", "input": [1.5], "sequence": None, "leave": []})["found"]["input"] == (1.5,)

    def test_experiments_are_of_the_constant_input(self):
        explored = resolve(fed(input=(1.5,)))
        for name in ("kick", "gain-sweep", "noise", "report", "claims", "lens-current"):
            assert experiments.identify(name, explored)[0].input == (1.5,), name

    def test_what_needs_an_input_that_stays_says_so(self):
        explored = resolve(fed(sequence=kept(np.eye(4))))
        with pytest.raises(NotApplicableError, match="regions, spectra and fixed points need an input that"):
            queries.survey_of(explored)
        for name in ("gain-sweep", "noise", "report", "claims", "lens-current"):
            with pytest.raises(NotApplicableError, match="choose white noise or a constant input"):
                experiments.identify(name, explored)
        assert not len(queries.fixed_points_of(explored))
        # Kick neurons are those of the network without the sequence.
        assert experiments.identify("kick", explored)[0] == Scenario("fed")

    def test_its_card_is_emptied_and_says_so(self):
        scenario = fed(sequence=kept(np.eye(4))).to_dict()
        asked = {"scenario": scenario, "views": ["region-map"], "theme": "light", "settled": True, "fresh": []}
        updates = dict(answer_views(asked)["updates"])
        assert updates["region-map"]["figure"]["data"] == []
        assert "an input that stays as it is" in updates["region-map-caption"]["children"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"input": (1.0, 2.0)}, "one number, or 4, one for each input; got 2"),
            ({"sequence": "0" * 31 + "s"}, "there is no table of inputs 0{31}s here any more; open its file again"),
            ({"model": "linear-2", "start": "learned"}, "linear-2 has no start that was learned with its weights"),
        ],
    )
    def test_what_does_not_fit_the_network(self, fields, why):
        with pytest.raises(ValueError, match=why):
            resolve(fed(**fields))

    def test_another_number_of_columns_names_both(self):
        with pytest.raises(ValueError, match="has 3 columns; expected 4, one for each input of fed"):
            resolve(fed(sequence=kept(np.eye(3))))

    @pytest.mark.parametrize(
        ("query", "why"),
        [
            ("input=", "input must be a number; got ''"),
            ("input=a,b", "input must be a number; got 'a'"),
            ("sequence=../../secret", "sequence must be the digest under which a table of inputs is kept"),
            ("start=there", "start must be one of zero, learned, random; got 'there'"),
            (
                f"input=1&sequence={'0' * 31}c",
                "input must be one number or one for each input",
            ),
        ],
    )
    def test_what_is_no_input(self, query, why):
        with pytest.raises(ValueError, match=why):
            Scenario.from_query(f"model=fed&{query}", "fed")

    def test_more_numbers_than_a_link_holds(self):
        with pytest.raises(ValueError, match="or bring a long input as a table of one row"):
            fed(input=tuple(np.linspace(0, 1, 4000)))


class TestTables:
    def test_a_table_is_taken_once_and_found_again(self, client):
        table = {"model": "anonymous", "name": "pulses.csv", "text": "x1,x0,x2,x3\n1,2,3,4\n5,6,7,8\n"}
        found = client.post("/inputs", json=table).get_json()
        assert (found["rows"], found["columns"], found["sequence"][-1]) == (2, 4, "s")
        assert client.post("/inputs", json=table).get_json() == found
        views = {"scenario": {"model": "anonymous", "sequence": found["sequence"]}, "views": ["state-space"]}
        answer = client.post("/views", json={**views, "theme": "light", "settled": False, "fresh": []}).get_json()
        assert answer["updates"]
        assert client.get(f"/run.npz/check?model=anonymous&sequence={found['sequence']}").get_json()["bytes"] > 0

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("1,2\n3,4\n", "This table of inputs has 2 columns; expected 4, one for each input of anonymous."),
            ("1,2,3,x\n", "A table of inputs must have 1 to 10,000 rows, one for each step; got 0."),
        ],
    )
    def test_what_is_none_is_refused_in_a_sentence(self, client, text, why):
        answer = client.post("/inputs", json={"model": "anonymous", "name": "a.csv", "text": text})
        assert (answer.status_code, answer.get_json()) == (200, {"refused": why})
