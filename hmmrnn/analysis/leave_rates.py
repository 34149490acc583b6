"""Leave rates under interventions, paired by common starts and common noise.

    leave rate out of a, to b = #{t: output_t = a, output_{t+1} = b} / #{t: output_t = a, t + 1 observed}

Every intervention sees the same starts and the same noise, so a difference of two rates is due to the intervention.
Runs in which activity grows without bound count as left at once: such an output is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue

import numpy as np

from hmmrnn.analysis.numerics import THREADS, on_all_cores
from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.network import Floats, Intervention, Network, few_threads, intervene, rollout
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate

RUNS, MEASURED_STEPS = 48, 260
NOTHING = Intervention(())
# Activity counts as growing if it ends this many times above the largest of the intact network.
MAX_GROWTH = 10.0
BOUNDED_RUNS, BOUNDED_STEPS, MAX_LATE_GROWTH = 16, 2000, 2.0


class PairedLeaveRates:
    """Leave rates of one output, from 48 runs of 260 steps that start at states with that output."""

    def __init__(self, network: Network, run: Trajectory, output: int, first: int, seed: int) -> None:
        """Choose the starts."""
        self.network, self.output = network, output
        inside = np.argwhere(run.output[:, first:] == output) + [0, first]
        chosen = inside[np.random.default_rng([seed, output, 1]).choice(len(inside), size=RUNS)]
        self.starts = run.state[chosen[:, 0], chosen[:, 1]]

    def under(self, seed: int) -> Measured:
        """The measurements under one draw of the noise."""
        noise = draw_noise(self.network.n_inputs, MEASURED_STEPS, RUNS, 1.0, seed)
        return Measured(self, self.network.drive(noise))


class Measured:
    """Leave rates under one draw of the noise; each intervention is measured once and remembered."""

    def __init__(self, exits: PairedLeaveRates, drive: Floats) -> None:
        self.exits, self._known = exits, dict[Intervention, Floats]()
        self._drive = drive
        self._copies: SimpleQueue[Floats] = SimpleQueue()
        self._copies.put(drive)
        self._largest = float(np.abs(rollout(exits.network, drive, exits.starts).h).max())

    def rates(self, items: Sequence[Intervention], to: int | None = None) -> Floats:
        """(len(items),) leave rate per step under each intervention: to one output, or to any if None."""
        missing = [item for item in dict.fromkeys(items) if item not in self._known]
        with few_threads(self.exits.network):
            # Each thread scales columns of a copy of its own.
            while self._copies.qsize() < min(THREADS, len(missing)):
                self._copies.put(self._drive.copy())
            found = on_all_cores(self._measure, missing)
        self._known |= dict(zip(missing, found, strict=True))
        a = self.exits.output
        return np.array([1 - self._known[item][a] if to is None else self._known[item][to] for item in items])

    def rate(self, item: Intervention = NOTHING, to: int | None = None) -> float:
        """The leave rate under one intervention; the intact rate if none is given."""
        return float(self.rates([item], to)[0])

    def _measure(self, item: Intervention) -> Floats:
        drive = self._copies.get()
        try:
            return self._next_outputs(item, drive)
        finally:
            self._copies.put(drive)

    def _next_outputs(self, item: Intervention, drive: Floats) -> Floats:
        """(O,) how often each output follows the measured one, per step spent in it."""
        network, starts = self.exits.network, self.exits.starts
        columns = network.drive_columns(item.neurons)
        changed = intervene(network, item) if columns else network
        kept = drive[..., columns]
        # The drive of all other neurons is unchanged: scaling these few columns saves the product with W_ih.
        drive[..., columns] = _scaled(kept, network.bias[columns], item)
        found = rollout(changed, drive, starts)
        drive[..., columns] = kept
        # NaN compares as False, so it counts as growing too.
        if not np.abs(found.h[:, -1]).max() <= MAX_GROWTH * self._largest:
            return _left_at_once(network.n_outputs, self.exits.output)
        counts = count_switches(changed.logits(found.state).argmax(axis=-1), network.n_outputs).counts[
            self.exits.output
        ]
        return counts / counts.sum() if counts.sum() else _left_at_once(network.n_outputs, self.exits.output)


def _scaled(drive: Floats, bias: Floats, item: Intervention) -> Floats:
    """Input from outside to the intervened neurons, (B, T, G), under the intervention."""
    if item.target == "unit":
        return drive * item.mu
    return (drive - bias) * item.mu + bias if item.target == "input" else drive


def stays_bounded(network: Network, seed: int) -> bool:
    """Whether activity in the second 1,000 steps under noise is at most twice as large as in the first.

    The runs that leave rates are measured in are too short to show slow growth.
    """
    run = simulate(network, BOUNDED_STEPS, BOUNDED_RUNS, seed=seed)
    first, second = (float(np.abs(half).max()) for half in np.split(run.h, 2, axis=1))
    return not run.diverged and second <= MAX_LATE_GROWTH * first


def _left_at_once(n_outputs: int, output: int) -> Floats:
    """The rates of an output that is not kept: never seen after the first step, or only because activity grows."""
    rates = np.ones(n_outputs)
    rates[output] = 0.0
    return rates
