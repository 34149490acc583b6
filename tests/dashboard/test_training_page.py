"""The training pages without a browser: forms become trainings, and what has changed of a training is sent once."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hmmrnn.dashboard.components.picker import model_choices
from hmmrnn.dashboard.pages.train import ids
from hmmrnn.dashboard.pages.train.form import LIMITS, SETTINGS, check_form, config_of, departures, facts, setup
from hmmrnn.model.hmm import HMM, PRESETS
from hmmrnn.server.services import services
from hmmrnn.tasks.store import TaskState
from hmmrnn.training.config import PAPER, RECIPES, TrainingConfig
from tests.dashboard.training_page import OWN, command, finish, form, small, snapshot, submitted, text, under_way

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture(autouse=True)
def world(empty_world):
    return empty_world


class TestForm:
    @pytest.mark.parametrize("family", list(PRESETS))
    @pytest.mark.parametrize("recipe", RECIPES)
    def test_a_family_is_trained_as_its_recipe_says(self, family, recipe):
        asked = json.loads(json.dumps(form(family, recipe=recipe)))
        assert config_of(asked).to_dict() == TrainingConfig.preset(family, recipe).to_dict()

    def test_what_is_typed_replaces_what_the_recipe_says(self):
        config = config_of(form(neurons=12, inputs=5, seed=9, steps=77))
        expected = TrainingConfig.preset("linear-2", n_neurons=12, n_inputs=5, seed=9, steps=77)
        assert config.to_dict() == expected.to_dict()

    @pytest.mark.parametrize("empty", ["", None])
    def test_empty_fields_are_the_recipes(self, empty):
        config = config_of(form(neurons=empty, inputs=empty, seed=empty, steps=empty))
        assert config.to_dict() == TrainingConfig.preset("linear-2").to_dict()

    def test_an_own_hmm_keeps_every_digit(self):
        A = [[1 / 3, 1 / 3, 1 / 3], [0.1, 0.2, 0.7], [0.05, 0.9, 0.05]]
        config = config_of(form(A=A, B=[[1 / 7, 6 / 7], [0.5, 0.5], [0, 1]]))
        np.testing.assert_allclose(config.hmm.A, A, rtol=0, atol=1e-15)
        assert config.hmm.name == "custom"

    @pytest.mark.parametrize(("changes", "problem"), [
        ({"A": [[0.5, 0.4], [0.25, 0.75]]}, "Row 0 of A must sum to 1; got 0.9."),
        ({"B": [[1, 0], [0.5, 0.6]]}, "Row 1 of B must sum to 1; got 1.1."),
        ({"A": [[0.5, "x"], [0.25, 0.75]]}, "A must hold numbers"),
        ({"A": [[1.5, -0.5], [0.25, 0.75]]}, "A must hold probabilities from 0 to 1"),
        ({"A": [[0.5, 0.5]]}, "A must be square"),
        ({"A": [[1, 0], [0, 1]]}, "more than one stationary distribution"),
        ({"A": np.full((71, 71), 1 / 71).tolist(), "B": [[1, 0]] * 71}, "at most 70 states"),
        ({"A": [[0.5, 0.5], [0, 1]], "B": [[1, 0], [0, 1]]}, "because the target ends in state 1 for good"),
        ({"neurons": 1}, "N must be from 2 to 512; got 1."), ({"neurons": 513}, "N must be from 2 to 512; got 513."),
        ({"inputs": 0}, "M must be from 1 to 512; got 0."),
        ({"steps": 20_001}, "The budget must be from 1 to 20,000; got 20,001."),
        ({"seed": -1}, "Seed must be from 0 to 2,147,483,647; got -1."),
        ({"neurons": 8.5}, "n_neurons must be of type int; got 8.5."),
        ({"recipe": "slow"}, "Recipe must be one of fast, paper; got 'slow'."),
    ])  # fmt: skip
    def test_what_cannot_be_trained_says_why_in_a_sentence(self, changes, problem):
        asked = form(**{**OWN, **changes})
        answer = check_form(asked)
        assert problem.lower() in answer["problem"].lower()
        assert answer["problem"][0].isupper()
        assert answer["problem"].endswith(".")
        assert answer["form"] == asked
        with pytest.raises(ValueError, match=r"."):
            command("train", asked)
        assert services().trainings.listing() == ()

    @pytest.mark.parametrize("family", list(PRESETS))
    def test_every_departure_from_the_paper_is_listed_by_its_name(self, family):
        answer = check_form(form(family))
        told = dict(answer["updates"])[ids.TRAIN_DEPARTURES]["children"]
        config = TrainingConfig.preset(family)
        assert config.departures
        for name, words in config.departures.items():
            assert SETTINGS[name] in text(told)
            assert words.replace("True", "yes").replace("False", "no") in text(told)
        assert answer["problem"] == ""
        assert dict(answer["updates"])[ids.TRAIN_STEPS]["placeholder"].startswith(str(config.steps))

    def test_every_setting_of_a_recipe_has_a_name(self):
        assert set(SETTINGS) >= {*PAPER, "length", "clip", "normal_start"}

    def test_the_published_recipe_departs_in_nothing(self):
        assert text(departures(TrainingConfig.preset("linear-2", "paper"))).startswith("Nothing")

    def test_an_own_hmm_is_a_departure(self):
        told = text(departures(config_of(form(recipe="paper", **OWN))))
        assert "Target an own HMM" in told

    def test_a_pasted_name_is_the_target(self):
        config = config_of(form(recipe="paper", **OWN, name="mouse 7"))
        assert config.hmm.name == "mouse 7"
        assert "Target mouse 7" in text(departures(config))

    def test_what_is_expected_of_the_symbols_is_said(self):
        config = config_of(form(**OWN))
        told = facts(config)
        pi = np.array([1 / 3, 2 / 3])
        for symbol, share in enumerate(pi @ np.array(OWN["B"])):
            assert f"{symbol}: {100 * share:.1f} %" in told
        assert f"windows of {config.length} symbols" in told

    def test_the_page_starts_from_the_families_with_every_digit(self):
        families = json.loads(json.dumps(setup()["families"]))
        assert list(families) == list(PRESETS)
        for name, matrices in families.items():
            assert HMM.from_dict(matrices).name == name
            np.testing.assert_array_equal(matrices["A"], HMM.preset(name).A)
        assert config_of(form()).to_dict() == TrainingConfig.preset("linear-2").to_dict()

    def test_what_the_form_offers_can_be_trained(self):
        lowest, highest = ({name: limits[i] for name, limits in LIMITS.items()} for i in (0, 1))
        for values in (lowest, highest):
            names = {"neurons": "n_neurons", "inputs": "n_inputs", "seed": "seed", "steps": "steps"}
            config = config_of(form(**{field: values[name] for field, name in names.items()}))
            assert {name: getattr(config, name) for name in LIMITS} == values


class TestWishes:
    def test_train_asks_for_a_training_and_leads_to_its_page(self):
        answer = command("train", small(seed=4))
        job = services().trainings.look_at(answer["job"])
        assert job.config.to_dict() == config_of(small(seed=4)).to_dict()
        assert answer == {"job": job.id}

    def test_equal_requests_join_the_same_training(self):
        assert submitted() == submitted()
        # A family that was typed in is that family.
        assert command("train", {**small(), "family": "own"})["job"] == submitted()
        assert len(services().trainings.listing()) == 1

    def test_cancel_and_resume(self):
        job_id = submitted()
        assert command("cancel", job_id) == {}
        assert services().trainings.look_at(job_id).state == TaskState.CANCELLED
        assert command("resume", job_id) == {}
        assert services().trainings.look_at(job_id).state == TaskState.WAITING

    def test_explore_puts_the_snapshot_into_the_picker_and_names_it(self):
        job_id = submitted()
        under_way(job_id)
        with pytest.raises(ValueError, match="no snapshot yet"):
            command("explore", job_id)
        snapshot(job_id)
        answer = command("explore", job_id)
        assert answer["network"].endswith("-step-20")
        assert answer["network"] in {choice["value"] for choice in answer["choices"]}
        assert answer["choices"] == model_choices()

    def test_what_a_training_became_is_opened_instead_of_its_snapshot(self):
        job_id = submitted()
        snapshot(job_id)
        name = finish(job_id)
        assert command("explore", job_id)["network"] == name
