"""The two recipes, their departures from the paper, and settings as plain values."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.model.hmm import HMM
from hmmrnn.training.config import LENGTHS, PAPER, RECIPES, SHORTEST_CARRIED, TRAINING_LENGTH, TrainingConfig


@pytest.mark.parametrize("family", TRAINING_LENGTH)
def test_the_paper_recipe_has_no_departures(family):
    config = TrainingConfig.preset(family, "paper")
    assert config.departures == {}
    assert (config.batch, config.sequences, config.learning_rate) == (4096, 10_000, 1e-3)
    assert (config.n_neurons, config.n_inputs, config.blur, config.tau) == (150, 100, 0.2, 1.0)
    assert config.clip == (0.3 if family in ("fully-connected", "cyclic") else 0.9)
    assert config.length == {"linear-2": 100, "linear-5": 40, "cyclic": 40}.get(family, 30)
    # 500 epochs of three steps, but 1,000 for the ring; the chains started from h_0 ~ N(0, 1).
    assert config.steps == (3000 if family == "cyclic" else 1500)
    assert config.normal_start == family.startswith("linear-")


def test_departures_list_exactly_what_differs():
    paper = TrainingConfig.preset("linear-2", "paper")
    others = {"batch": 512, "length": 50, "cosine": True, "orthogonal": True, "sequences": 0, "pair_weight": 1.0}
    others |= {"activity_weight": 0.5, "learning_rate": 1e-2, "clip": 0.5, "blur": 0.1, "tau": 0.5, "carry": True}
    others |= {"normal_start": False}
    base = {"carry": {"sequences": 0, "normal_start": False}}
    for name, value in others.items():
        before = replace(paper, **base.get(name, {}))
        departures = replace(before, **{name: value}).departures
        assert departures == {**before.departures, name: f"{value} (paper: {getattr(paper, name)})"}


@pytest.mark.parametrize("family", TRAINING_LENGTH)
def test_the_fast_recipe_lists_its_departures(family):
    config, paper = TrainingConfig.preset(family), TrainingConfig.preset(family, "paper")
    differing = {name for name in (*PAPER, "length", "normal_start") if getattr(config, name) != getattr(paper, name)}
    assert {"batch", "cosine", "orthogonal", "sequences", "pair_weight"} <= differing
    assert set(config.departures) == differing


def test_presets_take_changes_and_know_their_target():
    config = TrainingConfig.preset("cyclic", seed=9, steps=5)
    assert (config.hmm.name, config.recipe, config.seed, config.steps) == ("cyclic", "fast", 9, 5)
    assert TrainingConfig.preset("cyclic", "paper").recipe == "paper"
    assert set(TRAINING_LENGTH) == {"linear-2", "linear-3", "linear-4", "linear-5", "fully-connected", "cyclic"}
    assert RECIPES == ("fast", "paper")


@pytest.mark.parametrize(("changes", "message"), [
    ({"n_neurons": 0}, "n_neurons must be >= 1; got 0"), ({"n_inputs": -1}, "n_inputs must be >= 1; got -1"),
    ({"steps": 0}, "steps must be >= 1; got 0"), ({"length": 0}, "length must be >= 1; got 0"),
    ({"threads": 0}, "threads must be >= 1; got 0"), ({"batch": 1}, "batch must be >= 2; got 1"),
    ({"seed": -1}, "seed must be >= 0; got -1"),
    ({"recipe": "slow"}, "recipe must be one of fast, paper; got 'slow'"),
    ({"sequences": 100, "batch": 512}, "sequences must be"), ({"sequences": -1}, "sequences must be"),
    ({"learning_rate": -1e-3}, "learning_rate must be"), ({"learning_rate": float("nan")}, "learning_rate must be"),
    ({"clip": 0.0}, "clip must be"), ({"pair_weight": -1.0}, "pair_weight must be"),
    ({"activity_weight": -1.0}, "activity_weight must be"),
    ({"carry": True, "sequences": 600}, "carry must be off with a fixed training set"),
    ({"carry": True, "normal_start": True}, "carry must be off with normal_start"),
    ({"reset": 1.5}, "reset must be <= 1; got 1.5"), ({"reset": -0.5}, "reset must be >= 0; got -0.5"),
    ({"clip": 1e999}, "clip must be finite; got inf"), ({"seed": 0.5}, "seed must be of type int; got 0.5"),
    ({"blur": 0.0}, "blur must be"), ({"tau": 0.0}, "tau must be"),
])  # fmt: skip
def test_refuses_what_cannot_be_trained(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(hmm=HMM.preset("linear-2"), **changes)


def test_refuses_unknown_families_and_recipes():
    with pytest.raises(ValueError, match="unknown HMM family 'linear-9'"):
        TrainingConfig.preset("linear-9")
    with pytest.raises(ValueError, match="recipe must be one of fast, paper; got 'slow'"):
        TrainingConfig.preset("linear-2", "slow")


def test_the_config_can_be_made_without_torch():
    code = (
        "import sys; from hmmrnn.training.config import TrainingConfig; TrainingConfig.preset('linear-2').departures;"
        "sys.exit('torch' in sys.modules or 'geomloss' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_another_hmm_gets_windows_that_hold_a_few_stays():
    stay = 0.9
    hmm = HMM(A=[[stay, 1 - stay], [1 - stay, stay]], B=np.eye(2))
    assert hmm.volatility == pytest.approx(1 - stay)
    config = TrainingConfig.for_hmm(hmm, seed=3)
    assert (config.length, config.clip, config.seed, config.hmm) == (50, 0.9, 3, hmm)
    assert "length" not in config.departures, "no other length was published for it"


@pytest.mark.parametrize(("stay", "recipe", "length"), [
    (0.5, "paper", LENGTHS[0]), (0.5, "fast", SHORTEST_CARRIED), (0.999, "paper", LENGTHS[1]),
    (0.999, "fast", LENGTHS[1]),
])  # fmt: skip
def test_windows_stay_within_bounds(stay, recipe, length):
    A = [[stay, 1 - stay], [1 - stay, stay]]
    assert TrainingConfig.for_hmm(HMM(A=A, B=np.eye(2)), recipe).length == length


def test_several_orbits_are_trained_on_long_runs():
    for family in ("fully-connected", "cyclic"):
        config = TrainingConfig.preset(family)
        assert config.carry
        assert config.activity_weight > 0
    assert not TrainingConfig.preset("linear-3").carry


def test_an_hmm_without_long_run_statistics_is_refused_before_training():
    with pytest.raises(ValueError, match="A has more than one stationary distribution"):
        TrainingConfig.for_hmm(HMM(A=np.eye(2), B=np.eye(2)))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("family", ["cyclic", None])
def test_plain_values_make_an_equal_config(recipe, family):
    hmm = (
        HMM.preset(family) if family else HMM(A=[[0.7, 0.3], [0.2, 0.8]], B=[[0.5, 0.5], [0.1, 0.9]], start=[0.9, 0.1])
    )
    config = TrainingConfig.for_hmm(hmm, recipe, seed=4, learning_rate=1e-2)
    plain = json.loads(json.dumps(config.to_dict()))
    again = TrainingConfig.from_dict(plain)
    assert again.to_dict() == plain == config.to_dict()
    assert again.hmm.name == (family or "custom")
    assert again.departures == config.departures


@pytest.mark.parametrize(("change", "message"), [
    ({"seed": "0"}, "seed must be of type int; got '0'"), ({"seed": True}, "seed must be of type int; got True"),
    ({"steps": 1.5}, "steps must be of type int; got 1.5"), ({"cosine": 1}, "cosine must be of type bool; got 1"),
    ({"clip": "wide"}, "clip must be of type float; got 'wide'"),
    ({"recipe": None}, "recipe must be of type str; got None"),
    ({"colour": "red"}, "a training has an hmm and may have .*; got .*colour"),
    ({"batch": 1}, "batch must be >= 2"),
    ({"hmm": {"A": [[1.0]]}}, "an HMM must have matrices A and B"),
    ({"hmm": [1, 2]}, "an HMM must have matrices A and B"),
    ({"hmm": {"A": [[0.5, 0.5]], "B": [[1.0]]}}, "A must be square"),
    ({"hmm": {"A": [[1.0]], "B": [["much"]]}}, "B must hold numbers"),
])  # fmt: skip
def test_plain_values_that_make_no_config_are_refused(change, message):
    plain = TrainingConfig.preset("linear-2").to_dict()
    with pytest.raises(ValueError, match=message):
        TrainingConfig.from_dict({**plain, **change})


def test_a_whole_number_is_read_as_a_float_where_one_is_meant():
    plain = TrainingConfig.preset("linear-2").to_dict()
    assert json.dumps(TrainingConfig.from_dict({**plain, "clip": 1}).to_dict()["clip"]) == "1.0"


def test_the_plain_values_of_a_config_without_normal_start_are_those_of_before_it_existed():
    plain = TrainingConfig.preset("linear-2", seed=3).to_dict()
    assert list(plain) == [
        "hmm", "recipe", "n_neurons", "n_inputs", "seed", "steps", "batch", "length", "learning_rate", "cosine", "clip",
        "orthogonal", "sequences", "pair_weight", "pair_from", "activity_weight", "carry", "reset", "blur", "tau",
        "threads",
    ]  # fmt: skip
    written = json.dumps(plain, sort_keys=True)
    assert hashlib.sha256(written.encode()).hexdigest()[:12] == "35b48a83a0a3"
    with_start = TrainingConfig.from_dict({**plain, "normal_start": True})
    assert with_start.to_dict() == {**plain, "normal_start": True}
    without = TrainingConfig.preset("linear-2").departures
    assert without["normal_start"] == "False (paper: True)"
    assert with_start.departures == {name: text for name, text in without.items() if name != "normal_start"}


def test_a_config_without_a_target_is_refused():
    with pytest.raises(ValueError, match="a training has an hmm"):
        TrainingConfig.from_dict({"seed": 0})
