"""Long analyses say how far they are, and end when the function that they say it to raises an error."""

from functools import partial

import numpy as np
import pytest

from hmmrnn.analysis.emergence import trace_emergence
from hmmrnn.analysis.gain_sweep import sweep_gains
from hmmrnn.analysis.kick_neurons import KickNeurons, detect_kick_neurons
from hmmrnn.analysis.noise_sensitivity import measure_noise_sensitivity
from hmmrnn.analysis.noise_sweep import sweep_noise
from hmmrnn.analysis.orbit import fit_plane
from hmmrnn.analysis.regions import CLUSTER, TRANSITION
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from tests.networks import planted_switch, random_network

NETWORK = random_network(n=9, m=3, o=2, seed=2, bias=True)
PLANE = fit_plane(simulate(NETWORK, 100, 4))
SNAPSHOTS = [Network(NETWORK.W_hh, NETWORK.W_ih, NETWORK.W_out, metadata={"steps_done": str(k)}) for k in range(4)]
SHORT = {"trajectories": 2, "steps": 60}
LABELS = [CLUSTER, TRANSITION, CLUSTER]
# Each with the share that it reaches; detection leaves the rest to what is made of its groups.
ANALYSES = {
    "emergence": (partial(trace_emergence, SNAPSHOTS), 1),
    "gain sweep": (partial(sweep_gains, NETWORK, (1, 4), "input", PLANE, [0.0, 0.6, 1.0], **SHORT), 1),
    "noise sweep": (partial(sweep_noise, NETWORK, PLANE, [0.5, 1.0, 2.0], **SHORT), 1),
    "noise sensitivity": (partial(measure_noise_sensitivity, NETWORK, np.ones((3, 9)), LABELS, steps=3, rollouts=2), 1),
    "kick neurons": (
        partial(
            detect_kick_neurons, planted_switch(hold=4, integrators=8, kick=2, echoes=1, idle=3).network, controls=5
        ),
        None,
    ),
}


@pytest.mark.parametrize(("analyse", "reached"), ANALYSES.values(), ids=ANALYSES)
def test_it_says_how_far_it_is_can_be_ended_and_has_a_read_only_result(analyse, reached):
    shares: list[float] = []
    result = analyse(on_progress=shares.append)
    arrays = [value for value in vars(result).values() if isinstance(value, np.ndarray)]
    assert arrays
    # The arrays of detection are not read-only.
    assert isinstance(result, KickNeurons) or not any(array.flags.writeable for array in arrays)
    assert len(shares) >= 3
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] == pytest.approx(reached) if reached else shares[-1] < 1
    seen: list[float] = []

    def stop_halfway(share: float) -> None:
        seen.append(share)
        if share >= 0.4:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        analyse(on_progress=stop_halfway)
    assert seen == shares[: len(seen)]
    assert seen[-1] < 1
