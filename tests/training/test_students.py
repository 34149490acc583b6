"""Students: the same start for all, a loss that falls, and stops and refusals in a sentence."""

import numpy as np
import pytest

pytest.importorskip("torch")

from hmmrnn.analysis.numerics import TRANSIENT
from hmmrnn.model.network import rollout
from hmmrnn.model.simulation import draw_noise, respond
from hmmrnn.training.students import StudentConfig, train_students
from tests.networks import random_network

SHORT = StudentConfig(steps=60, batch=16, length=14, lead=5, learning_rate=1e-2)


@pytest.fixture(scope="module")
def teacher():
    return random_network(n=8, m=3, o=2, bias=True)


def missed(teacher, student, places) -> float:
    noise = draw_noise(3, 200, 8, 1.0, 9)
    one, other = (respond(network, noise, 1.0, 9).h[:, TRANSIENT:] for network in (teacher, student))
    return float(
        ((one[..., places] - other[..., : len(places)]) ** 2).mean() / one[..., places].var(axis=(0, 1)).mean()
    )


def test_recorded_neurons_are_learned_in_their_places(teacher):
    places = [5, 1, 6]
    untrained = train_students(teacher, [places], config=StudentConfig(steps=0))[0]
    given, alone = train_students(teacher, [places, []], config=SHORT)
    assert missed(teacher, given, places) < 0.5 * missed(teacher, untrained, places)
    assert missed(teacher, given, places) < 0.5 * missed(teacher, alone, places)
    assert given.has_bias


def test_lambda_zero_is_a_student_of_the_outputs_alone(teacher):
    none, zero = train_students(teacher, [[], [2, 3]], [1.0, 0.0], StudentConfig(steps=0))
    np.testing.assert_array_equal(none.W_hh, zero.W_hh)
    assert none.W_hh.shape == teacher.W_hh.shape


def test_students_step_as_the_one_time_loop_does(teacher):
    import torch

    from hmmrnn.training.students import _Students

    students = _Students(teacher, 2, SHORT)
    noise = np.random.default_rng(0).standard_normal((4, 6, 3))
    h, logits = students.run(torch.tensor(noise, dtype=torch.float32), torch.zeros(2, 4, 8))
    network = students.networks(teacher)[1]
    path = rollout(network, network.drive(noise), np.zeros((4, 8))).h
    np.testing.assert_allclose(h[1].detach(), path, atol=1e-5)
    np.testing.assert_allclose(logits[1].detach(), network.logits(path), atol=1e-5)


def test_it_stops_when_it_should(teacher):
    seen: list[float] = []
    train_students(teacher, [[0]], config=SHORT, on_progress=seen.append, should_stop=lambda: len(seen) >= 3)
    assert seen == pytest.approx([1 / 60, 2 / 60, 3 / 60])


def test_neurons_that_do_not_exist_are_refused(teacher):
    with pytest.raises(ValueError, match="recorded neurons must be from 0 to 7"):
        train_students(teacher, [[8]], config=SHORT)
