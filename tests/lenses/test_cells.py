"""Lenses look at networks of every cell: what they measure of it is finite, and nulls stay nulls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn import Network, simulate
from hmmrnn.analysis.numerics import TRANSIENT
from hmmrnn.figures.lenses.group_messages import draw_group_messages
from hmmrnn.figures.theme import LIGHT
from hmmrnn.lenses.behaviour import RUNS, STEPS
from hmmrnn.lenses.catalog import headline, lens_named
from hmmrnn.lenses.group_messages import NOISE, _block_gains, _reset_gates, messages, receive
from hmmrnn.lenses.runs import settled_drive, settled_runs
from hmmrnn.model.cells import CELLS, CURRENT, LEAKS, TOTAL
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import rollout
from tests.lenses.known_answers import knowing
from tests.networks import network_of_cell


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", ["memory", "belief", "timescales", "effects"])
def test_a_lens_looks_at_every_cell(name, cell) -> None:
    network = knowing(network_of_cell(cell, n=8), HMM.preset("fully-connected"))
    numbers = headline(lens_named(name), lens_named(name).look(network))
    if name == "memory":
        assert 0 < numbers["accuracy"]["1"] <= 1
        # Far back, nothing helps: all guess the commonest output.
        assert numbers["accuracy_null"]["40"] == pytest.approx(numbers["naive"]["40"], abs=0.05)
    if name == "belief":
        assert abs(numbers["r2_belief_from_h_null"]) < 0.05
    if name == "timescales":
        assert np.isfinite(numbers["lyapunov"][0])
    if name == "effects":
        assert all(np.isfinite(effect) for _, _, effect in numbers["strongest"])


OTHERS = [
    *({"cell": cell} for cell in CELLS),
    {"cell": "lstm", "skip": True},
    {"cell": "relu", "skip": True},
    *({"cell": "tanh", "alpha": 0.3, "leak": leak} for leak in LEAKS),
]


@pytest.mark.parametrize("made", OTHERS)
@pytest.mark.parametrize("name", ["current", "potential", "halves", "rank"])
def test_what_is_seen_in_the_plane_is_seen_of_every_cell(name, made) -> None:
    network = network_of_cell(n=6, **made)
    numbers = headline(lens_named(name), lens_named(name).look(network))
    known = [value for value in numbers.values() if isinstance(value, float)]
    assert known
    assert np.isfinite(known).all()
    if name == "rank":
        # The behaviour of the network itself, however it is stepped.
        seen = simulate(network, TRANSIENT + STEPS, RUNS).output[:, TRANSIENT:]
        assert numbers["switch_rate_full"] == pytest.approx(np.mean(seen[:, 1:] != seen[:, :-1]))


@pytest.mark.parametrize("made", OTHERS)
def test_messages_add_up_to_the_input_of_every_cell(made) -> None:
    """What no group sends is what comes from outside, W_ih x + b, by the equations of the cell."""
    network = network_of_cell(n=6, **made)
    seen = settled_runs(network, 3, runs=3, steps=120)
    drive = settled_drive(network, seen, 3)
    rows, members = [1, 4], {"a": [0, 1, 5], "b": [2, 3, 4]}
    sent = receive(network, seen, rows, members, _reset_gates(network, seen, drive))
    outside = drive[:, 1:, rows] * (network.alpha if network.leak in (TOTAL, CURRENT) else 1.0)
    if made["cell"] == "gru":
        outside += _reset_gates(network, seen, drive)[..., rows] * network.b_rec[rows]
    assert np.allclose(sent[NOISE], outside, atol=1e-12)
    found = messages(network, seed=3, groups={"a": (0, 1, 5), "b": (2, 3, 4)})
    for to in members:
        assert sum(share for key, share in found.shares.items() if key.startswith(f"{to}<-")) == pytest.approx(1)
    draw_group_messages(found, None, LIGHT)


def test_the_gain_between_groups_is_that_of_the_exact_jacobian() -> None:
    """Of one group with all neurons it is the largest singular value of J, by finite differences."""
    network = network_of_cell("tanh", n=5)
    state, drive = np.random.default_rng(0).standard_normal((2, 5))
    near = state + 1e-6 * np.concatenate([np.eye(5), -np.eye(5)])
    after = rollout(network, np.broadcast_to(drive, (10, 1, 5)), near).h[:, 0]
    J = ((after[:5] - after[5:]) / 2e-6).T
    found = _block_gains(network, state[None], drive, {"all": [0, 1, 2, 3, 4]})
    assert found["all<-all"] == pytest.approx(np.linalg.norm(J, ord=2), rel=1e-6)


@pytest.mark.parametrize("name", ["messages", "belief"])
def test_a_silent_network_has_no_shares(name) -> None:
    still = network_of_cell("relu", n=6, bias=False)
    still = knowing(replace(still, W_ih=0 * still.W_ih), HMM.preset("fully-connected"))
    with pytest.raises(ValueError, match="never changes"):
        lens_named(name).look(still)


@pytest.mark.parametrize("cell", ["relu", "tanh"])
def test_weights_of_rank_two_have_at_most_two_exponents(cell) -> None:
    """All other directions are lost at once; what rounding leaves of them is no time scale."""
    rng = np.random.default_rng(2)
    m, n = rng.standard_normal((2, 12, 2))
    network = Network.of_low_rank(m, n, rng.standard_normal((12, 3)), rng.standard_normal((2, 12)), cell=cell)
    exponents = lens_named("timescales").look(network).lyapunov
    assert np.isfinite(exponents[0])
    assert (exponents[2:] == -np.inf).all()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_students_learn_from_gated_teachers(cell) -> None:
    pytest.importorskip("torch")
    from hmmrnn.lenses.sparse_recordings import train_and_compare
    from hmmrnn.training.students import StudentConfig

    config = StudentConfig(steps=20, batch=8, length=14, lead=5)
    found = train_and_compare(network_of_cell(cell, n=8), (0.25,), config, {"some": (0, 1)})
    assert np.isfinite(found.r2_unseen["0.25"])
    assert found.group_ratio["some"]["teacher"] >= 0


@pytest.mark.parametrize("cell", ["tanh", "lstm"])
def test_paths_of_switches_are_found_in_other_cells(cell) -> None:
    from hmmrnn.lenses.switch_paths import find_paths

    assert find_paths(network_of_cell(cell, n=8)).paths
