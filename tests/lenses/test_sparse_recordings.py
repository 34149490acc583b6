"""Students of small teachers: matched neurons, the floor, and a teacher whose neurons change places."""

import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from hmmrnn.lenses import sparse_recordings
from hmmrnn.lenses.sparse_recordings import SHARES, choose_recorded, match_neurons, sparse, train_and_compare
from hmmrnn.model.network import Network
from hmmrnn.training.students import StudentConfig
from tests.networks import random_network

N = 12
CONFIG = StudentConfig(steps=80, batch=16, length=16, lead=6, learning_rate=1e-2)


@pytest.fixture(scope="module")
def teacher() -> Network:
    return random_network(n=N, m=3, o=2, seed=1)


@pytest.fixture(scope="module")
def found(teacher):
    return train_and_compare(teacher, (0.25, 0.5), CONFIG, {"some": (0, 1, 2)})


def test_recorded_sets_grow_and_none_is_among_those_that_judge():
    recorded, never = choose_recorded(random_network(n=20), (0.1, 0.3, 0.5), seed=0)
    assert [len(one) for one in recorded] == [2, 6, 10]
    assert set(recorded[0]) < set(recorded[1]) < set(recorded[2])
    assert not set(recorded[2]) & set(never)
    assert len(never) == 10


@pytest.mark.parametrize(("shares", "words"), [
    ((), "a share of the neurons above 0; got []"),
    ((0.0, 0.1), "a share of the neurons above 0; got [0.0, 0.1]"),
    ((0.01, 0.1), "given 1 % of the neurons, which is not one of 20; this takes a network of 51 neurons or more"),
    ((0.1, 0.6), "at most half of the neurons, as the others judge it; got 12 of 20"),
])  # fmt: skip
def test_shares_that_record_nothing_or_leave_no_judges_are_refused(shares, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        choose_recorded(random_network(n=20), shares, seed=0)


def test_the_number_of_neurons_that_a_share_takes_is_enough():
    for n in range(1, 12):
        if n < 6:
            with pytest.raises(ValueError, match=f"not one of {n}; this takes a network of 6 neurons or more"):
                choose_recorded(random_network(n=n), SHARES, seed=0)
        else:
            assert len(choose_recorded(random_network(n=n), SHARES, seed=0)[0][0]) == 1


@pytest.mark.parametrize("drive", [0.0, -1.0])
def test_a_network_without_activity_is_said_to_have_none(drive):
    # Without input, and with neurons that a bias keeps below their threshold.
    silent = Network(np.zeros((8, 8)), 1e-3 * np.eye(8), np.eye(3, 8), b_h=np.full(8, drive))
    silent = replace(silent, W_ih=0 * silent.W_ih) if drive == 0 else silent
    words = "does not change under noise (0 of its 8 neurons are active), so there is nothing to record of it"
    with pytest.raises(ValueError, match=re.escape(words)):
        sparse(silent)


def test_students_that_diverge_are_said_to(teacher, monkeypatch):
    def diverged(*_):
        raise FloatingPointError("the training of students diverged at step 3")

    monkeypatch.setattr(sparse_recordings, "train_students", diverged)
    with pytest.raises(ValueError, match="the students of this network cannot be trained: the training"):
        sparse(teacher)


def test_every_number_has_its_error_and_its_floor(found):
    for name in ("r2_unseen", "agreement"):
        value, error, null = (getattr(found, f"{name}{end}") for end in ("", "_se", "_null"))
        assert list(value) == list(error) == list(null) == ["0.25", "0.5"]
        assert all(one > 0 for one in error.values())
    assert set(found.leave_rate) == {"0.25", "0.5", "outputs", "teacher"}
    assert len(found.students) == 3
    assert [len(found.recorded[key]) for key in ("0.25", "0.5")] == [3, 6]


def test_recording_tells_of_the_neurons_that_were_not_seen(found):
    assert found.r2_unseen["0.5"] > found.r2_unseen_null["0.5"] + 2 * found.r2_unseen_se["0.5"]


def test_a_group_is_silenced_in_the_teacher_and_in_each_student(found):
    assert set(found.group_ratio["some"]) == {"teacher", "0.25", "0.5"}
    assert all(ratio >= 0 for ratio in found.group_ratio["some"].values())
    assert found.note == ""


def test_a_teacher_whose_neurons_change_places_has_the_same_students(teacher, found, monkeypatch):
    place = np.random.default_rng(3).permutation(N)
    back = np.argsort(place)
    moved = replace(
        teacher, W_hh=teacher.W_hh[np.ix_(place, place)], W_ih=teacher.W_ih[place], W_out=teacher.W_out[:, place]
    )
    recorded, never = choose_recorded(teacher, (0.25, 0.5), seed=0)
    where = [tuple(int(back[i]) for i in one) for one in recorded], np.array([back[i] for i in never])
    monkeypatch.setattr(sparse_recordings, "choose_recorded", lambda *_: where)
    again = train_and_compare(moved, (0.25, 0.5), CONFIG, {"some": tuple(int(back[i]) for i in (0, 1, 2))})
    for key in ("0.25", "0.5"):
        assert again.r2_unseen[key] == pytest.approx(found.r2_unseen[key], abs=1e-3)
        assert again.agreement[key] == pytest.approx(found.agreement[key], abs=1e-3)


def test_neurons_are_matched_to_themselves():
    h = np.random.default_rng(0).standard_normal((4, 200, 9))
    order = [3, 7, 0, 1, 2, 8, 6, 5, 4]
    match = match_neurons(h, h[..., order] + 0.1, recorded=(3, 7))
    np.testing.assert_array_equal(match, np.argsort(order))
