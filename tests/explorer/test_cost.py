"""What would hold the server is refused before it is computed; what people do today is not."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.analysis.orbit import plane_steps
from hmmrnn.explorer.cost import (
    EXPERIMENT_COSTS,
    MAX_BYTES,
    bytes_per_state,
    check_run,
    check_waited_for,
    estimate_experiment,
    fitting_runs,
)
from hmmrnn.explorer.experiments import EXPERIMENTS
from hmmrnn.model.network import Network


def sized(n: int, m: int) -> Network:
    return Network(np.eye(n), np.ones((n, m)), np.ones((3, n)))


@pytest.mark.parametrize(
    ("n", "m", "steps", "trajectories"),
    [(150, 100, 500, 64), (200, 200, 2000, 16), (512, 100, 400, 10), (20, 5000, 400, 10), (1024, 700, 400, 10)],
)
def test_what_people_do_is_computed(n: int, m: int, steps: int, trajectories: int) -> None:
    check_run(sized(n, m), steps, trajectories)


@pytest.mark.parametrize(("n", "m", "most"), [(2048, 10, "2,847"), (20, 5000, "7,411")])
def test_a_window_that_is_too_large_for_its_network_is_refused_with_what_fits(n: int, m: int, most: str) -> None:
    network = sized(n, m)
    with pytest.raises(ValueError, match=f"at most {most} steps in all; choose fewer trajectories or a shorter window"):
        check_run(network, 500, 64)
    check_run(network, int(most.replace(",", "")), 1)


def test_analyses_that_a_page_waits_for_have_a_bound_on_the_neurons() -> None:
    check_waited_for(sized(512, 1), "regions")
    with pytest.raises(ValueError, match="regions would take minutes with 513 neurons; this page computes them for at"):
        check_waited_for(sized(513, 1), "regions")


def test_fewer_runs_are_made_where_all_would_not_fit() -> None:
    assert fitting_runs(sized(150, 100), 1000, 32) == 32
    large = sized(512, 100)
    assert fitting_runs(large, 1000, 32) * 1000 * bytes_per_state(large) <= MAX_BYTES
    assert fitting_runs(sized(2048, 2048), 2000, 32) == 2


def test_the_plane_of_a_large_network_is_fitted_to_fewer_states() -> None:
    assert plane_steps(sized(256, 1)) == 1000
    assert plane_steps(sized(512, 1)) == 500
    assert plane_steps(sized(2048, 1)) == 200


def test_the_estimate_of_an_experiment_grows_with_the_network() -> None:
    assert set(EXPERIMENT_COSTS) <= set(EXPERIMENTS)
    for name in EXPERIMENT_COSTS:
        small, large = (estimate_experiment(name, sized(n, 100)) for n in (20, 2048))
        assert small is not None
        assert large is not None
        assert 0 < small <= large
    # What was measured, within a tenth.
    assert estimate_experiment("kick", sized(600, 100)) == pytest.approx(136.1, rel=0.1)
    assert estimate_experiment("gain-sweep", sized(150, 800)) == pytest.approx(39.8, rel=0.1)
    assert estimate_experiment("noise", sized(300, 100)) == pytest.approx(47.1, rel=0.1)
    assert estimate_experiment("lens-effects", sized(300, 100)) == pytest.approx(52.2, rel=0.1)
    assert estimate_experiment("lens-messages", sized(300, 100)) == pytest.approx(49.4, rel=0.1)
    assert estimate_experiment("another", sized(20, 1)) is None
