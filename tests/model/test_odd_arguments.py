"""Arguments that are no numbers, no whole numbers, or not what a function works on: refused by name, in a sentence."""

import numpy as np
import pytest

from hmmrnn import HMM, Intervention, claims, fidelity, fixed_points, intervene, residency, simulate
from tests.networks import random_network

NETWORK, CHAIN = random_network(4, o=3), HMM.preset("linear-3")
STATES = np.zeros((2, 4))
WHOLE = "must be a whole number"

REFUSED = {
    "steps of a fraction": (lambda: simulate(NETWORK, 5.0), f"steps {WHOLE}; got 5.0"),
    "steps in words": (lambda: simulate(NETWORK, "5"), f"steps {WHOLE}; got '5'"),
    "steps that are true": (lambda: simulate(NETWORK, True), f"steps {WHOLE}; got True"),
    "no trajectories": (lambda: simulate(NETWORK, 5, None), f"trajectories {WHOLE}; got None"),
    "a seed of a fraction": (lambda: simulate(NETWORK, 5, seed=1.5), f"seed {WHOLE}; got 1.5"),
    "no seed": (lambda: simulate(NETWORK, 5, seed=None), f"seed {WHOLE}; got None"),
    "sigma in words": (lambda: simulate(NETWORK, 5, sigma="1"), "sigma must be a number; got '1'"),
    "two sigmas": (lambda: simulate(NETWORK, 5, sigma=np.ones(2)), "sigma must be a number; got array"),
    "rollouts of a fraction": (lambda: residency(NETWORK, STATES, rollouts=2.0), f"rollouts {WHOLE}"),
    "the longest time of a fraction": (lambda: residency(NETWORK, STATES, max_steps=60.0), f"max_steps {WHOLE}"),
    "mu in words": (lambda: Intervention((1,), mu="0"), "mu must be a number; got '0'"),
    "neurons as an intervention": (lambda: intervene(NETWORK, (1, 2)), "must be an Intervention.*; got 1"),
    "a name as an intervention": (lambda: intervene(NETWORK, "kick"), "must be an Intervention.*; got 'kick'"),
    "an input that is not finite": (lambda: fixed_points(NETWORK, [np.nan] * NETWORK.n_inputs), "input must be finite"),
    "the name of an HMM": (lambda: fidelity(NETWORK, "linear-3"), "hmm must be an HMM"),
    "runs of a fraction": (lambda: fidelity(NETWORK, CHAIN, trajectories=2.0), f"trajectories {WHOLE}"),
    "the name of a network": (lambda: claims("linear-2"), "claims are judged of a Network"),
    "sequences of a fraction": (lambda: CHAIN.sample(2.5, 5, 0), f"n_sequences {WHOLE}; got 2.5"),
    "a seed below 0": (lambda: CHAIN.sample(2, 5, -1), "seed must be >= 0; got -1"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_it_is_refused_by_name(which) -> None:
    call, words = REFUSED[which]
    with pytest.raises(ValueError, match=words):
        call()


def test_numbers_of_numpy_are_numbers() -> None:
    plain = simulate(NETWORK, 5, 2, 0.5, 3)
    same = simulate(NETWORK, np.int64(5), np.uint8(2), np.float32(0.5), np.int32(3))
    assert np.array_equal(same.h, plain.h)
    assert np.array_equal(CHAIN.sample(np.int64(2), 5, np.int64(1))[0], CHAIN.sample(2, 5, 1)[0])
    assert np.array_equal(intervene(NETWORK, [[Intervention((1,))]]).W_hh, intervene(NETWORK, Intervention(1)).W_hh)
