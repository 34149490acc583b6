"""How often is an output left with some neurons scaled? The same starts and the same noise for every set of neurons.

    leave rate out of a, to b = #{t: output_t = a, output_{t+1} = b} / #{t: output_t = a, t + 1 observed}

Whatever is compared here is a paired counterfactual: a difference is the intervention's and no resampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue

import numpy as np

from hmmrnn.network import Floats, Intervention, Network, few_threads, intervene, rollout
from hmmrnn.parallel import THREADS, on_all_cores
from hmmrnn.simulation import Trajectory, draw_noise, first_divergence
from hmmrnn.switching import switching

RUNS, MEASURED_STEPS = 48, 260
NOTHING = Intervention(())


class Exits:
    """Measures how often one output is left, in 48 runs of 260 steps from states that have it."""

    def __init__(self, network: Network, run: Trajectory, output: int, first: int, seed: int) -> None:
        """Choose the starts.

        Args:
            network: intact or intervened upon.
            run: a long run of it, from which the starts are drawn.
            output: the output that is left.
            first: step of the run from which on its states count.
            seed: seed of the choice.
        """
        self.network, self.output = network, output
        inside = np.argwhere(run.output[:, first:] == output) + [0, first]
        chosen = inside[np.random.default_rng([seed, output, 1]).choice(len(inside), size=RUNS)]
        self.starts = run.h[chosen[:, 0], chosen[:, 1]]

    def under(self, seed: int) -> Measured:
        """The measurements under one draw of the noise."""
        noise = draw_noise(self.network.n_inputs, MEASURED_STEPS, RUNS, 1.0, seed)
        return Measured(self, self.network.drive(noise))


class Measured:
    """Leave rates under one draw of the noise; each intervention is measured once and remembered."""

    def __init__(self, exits: Exits, drive: Floats) -> None:
        self.exits, self._known = exits, dict[Intervention, Floats]()
        self._drive = drive
        self._copies: SimpleQueue[Floats] = SimpleQueue()
        self._copies.put(drive)

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
        """The leave rate under one intervention; nothing touched if none is given."""
        return float(self.rates([item], to)[0])

    def _measure(self, item: Intervention) -> Floats:
        drive = self._copies.get()
        try:
            return self._next_outputs(item, drive)
        finally:
            self._copies.put(drive)

    def _next_outputs(self, item: Intervention, drive: Floats) -> Floats:
        """(O,) how often each output follows the measured one, per step spent in it."""
        network, starts, columns = self.exits.network, self.exits.starts, list(item.neurons)
        changed = intervene(network, item) if columns else network
        kept = drive[..., columns]
        # Everybody else's drive stays as it is: scaling these few columns saves the product with W_ih.
        drive[..., columns] = _scaled(kept, network.b_h[columns], item)
        h = rollout(changed, drive, starts).h
        diverged = (first_divergence(h[:, -1:], drive[:, -1:], starts) >= 0).any()
        drive[..., columns] = kept
        if diverged:
            return _left_at_once(network.n_outputs, self.exits.output)
        counts = switching(changed.logits(h).argmax(axis=-1), network.n_outputs).counts[self.exits.output]
        return counts / counts.sum() if counts.sum() else _left_at_once(network.n_outputs, self.exits.output)


def _scaled(drive: Floats, bias: Floats, item: Intervention) -> Floats:
    """What enters the touched neurons from outside, (B, T, G), once the intervention is made."""
    if item.target == "unit":
        return drive * item.mu
    return (drive - bias) * item.mu + bias if item.target == "input" else drive


def _left_at_once(n_outputs: int, output: int) -> Floats:
    """The rates of an output that is not kept.

    It was never seen after the first step; or activity grows without end, and an output that lasts because of that has
    not been kept either.
    """
    rates = np.ones(n_outputs)
    rates[output] = 0.0
    return rates
