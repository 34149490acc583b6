"""Where the snapshots of a training are found."""

import pytest

from hmmrnn.model.metadata import series_there, snapshot_files

BY_PAPER = ("linear-2-paper", "linear-2-paper-normal-start", "linear-2-paper-seed-1")


@pytest.fixture
def models(tmp_path):
    series = {"linear-2": (20, 3, 100), "mine": (1,)}
    for family, steps in {**series, **dict.fromkeys(BY_PAPER, (7,))}.items():
        folder = tmp_path / "emergence" / family
        folder.mkdir(parents=True)
        for step in steps:
            (folder / f"step-{step:05d}.safetensors").touch()
        (folder / "notes.txt").touch()
    return tmp_path


def test_those_of_the_family_in_the_order_of_their_steps(models):
    found = [path.name for path in snapshot_files(models, {"family": "linear-2"})]
    assert found == ["step-00003.safetensors", "step-00020.safetensors", "step-00100.safetensors"]


def test_a_training_by_the_same_recipe_comes_first(models):
    found = snapshot_files(models, {"family": "linear-2", "recipe": "paper"})
    assert [path.parent.name for path in found] == ["linear-2-paper"]
    for recipe in ("fast", "", "../mine"):
        assert len(snapshot_files(models, {"family": "linear-2", "recipe": recipe})) == 3


@pytest.mark.parametrize(
    ("more", "folder"),
    [
        ({}, "linear-2-paper"),
        ({"seed": "0"}, "linear-2-paper"),
        ({"seed": "1"}, "linear-2-paper-seed-1"),
        ({"seed": "1", "normal_start": "False"}, "linear-2-paper-seed-1"),
        ({"seed": "0", "normal_start": "True"}, "linear-2-paper-normal-start"),
        ({"seed": "1/../../mine"}, "linear-2-paper"),
    ],
)
def test_the_training_with_the_same_seed_or_start_comes_before_another_by_the_recipe(models, more, folder):
    found = snapshot_files(models, {"family": "linear-2", "recipe": "paper", **more})
    assert [path.parent.name for path in found] == [folder]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"family": ""},
        {"recipe": "paper"},
        {"family": "..", "recipe": "/mine"},
        {"family": "cyclic"},
        {"family": "../../linear-2"},
        {"family": "."},
    ],
)
def test_none_where_there_are_none_and_no_way_out_of_the_folder(models, metadata):
    (models / "step-00001.safetensors").touch()
    assert snapshot_files(models / "emergence", metadata) == []
    assert snapshot_files(models, metadata) == []


def test_families_that_have_a_series_are_named(models):
    assert series_there(models) == ["linear-2", *BY_PAPER, "mine"]
    assert series_there(models / "nowhere") == []
