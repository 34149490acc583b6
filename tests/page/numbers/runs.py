"""Runs of the live view, followed in Python through all that is done to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hmmrnn.model.network import Intervention, Network, intervene, rollout
from hmmrnn.model.simulation import draw_noise, respond, simulate, softmax
from hmmrnn.report.live_page import pack_array
from tests.networks import PlantedSwitch, random_network
from tests.page.numbers.given import Numbers, payload, plain, shipped, silent, small_switch, with_fuse

# As in assets/live/runs.mjs.
PARTED, SAME, POOL_RUNS, POOL_TRANSIENT, POOL_STATES, FIRST_OF_POOL = 0.25, 1e-9, 16, 50, 3000, 200


@dataclass
class Followed:
    """The first run, in Python, through all that is done to it.

    Attributes:
        network: before any intervention. seed: of the noise.
        acts: what was done, and where the run was after each stretch of steps.
        h: (N,) where it is now; t: the number of steps taken; path: (t, N) where it has been.
    """

    network: Network
    seed: int = 0
    interventions: list[Intervention] = field(default_factory=list)
    acts: list[Numbers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.noise = draw_noise(self.network.n_inputs, 2000, 1, 1.0, self.seed)
        self.h, self.t = np.zeros(self.network.n_neurons), 0
        self.path = np.zeros((0, self.network.n_neurons))
        self.sigma, self.pulse = 1.0, np.zeros(self.network.n_neurons)

    def do(self, act: str, value: Any = None) -> None:
        """Something that the page does to its runs, and that changes nothing of the first one by itself."""
        self.acts.append({"do": act, "value": value})

    def intervene(self, interventions: Sequence[Intervention]) -> None:
        self.interventions = list(interventions)
        self.do("intervene", plain(interventions))

    def hold(self, held: bool) -> None:
        self.sigma = 0.0 if held else 1.0
        self.do("hold", held)

    def go(self, steps: int, **known: Any) -> None:
        """So many steps as the network is now; `known`: what the page must know of its runs afterwards."""
        drive = intervene(self.network, self.interventions).drive(self.sigma * self.noise[:, self.t : self.t + steps])
        path = rollout(intervene(self.network, self.interventions), drive + self.pulse, self.h[None]).h[0]
        self.path = np.concatenate([self.path, path])
        self.h, self.t = path[-1], self.t + steps
        logits = self.network.logits(self.h)
        there = {
            "h": pack_array(self.h, "f8"),
            "step": self.t,
            "output": int(logits.argmax()),
            "probabilities": softmax(logits).tolist(),
        }
        self.acts.append({"do": "go", "value": steps, "there": {**there, **known}})


def runs() -> Numbers:
    switch = small_switch()
    walks = {walk.__name__: walk(switch) for walk in WALKS}
    return {
        "walks": [
            {"name": name.replace("_", " "), "network": payload(walk.network)[0], "seed": walk.seed, "acts": walk.acts}
            for name, walk in walks.items()
        ],
        "divergence": divergence(switch),
        "pool": pool(switch),
        "kick": {"network": payload(switch.network)[0], "group": [int(i) for i in switch.kick_of(0)]},
    }


def an_intervention_acts_from_the_next_step_and_the_twin_parts_from_the_run(switch: PlantedSwitch) -> Followed:
    _, plane = payload(switch.network)
    followed, intact = Followed(switch.network), Followed(switch.network)
    intact.go(140)
    followed.go(40, twin=False, parted=None)
    followed.intervene(silent(switch.hold[int(switch.network.logits(followed.h).argmax())]))
    followed.go(100)
    apart = np.hypot(*((plane.project(followed.path) - plane.project(intact.path))[:, :2] / plane.scale[:2]).T)
    parted = int((apart > PARTED).argmax()) + 1
    assert parted > 40
    followed.acts[-1]["there"] |= {"twin": True, "parted": parted}
    followed.do("twin", False)
    followed.go(5, twin=False, parted=None)
    followed.do("twin", True)
    followed.go(1, twin=True)
    return followed


def a_twin_that_is_met_again_is_one_run_again(_: PlantedSwitch) -> Followed:
    # Under the same noise, this network forgets where it has been.
    network = random_network(16, 5, 3)
    followed, intact = Followed(network), Followed(network)
    intact.go(700)
    busiest = silent(np.argsort(intact.path.mean(axis=0))[-5:])
    followed.do("count", 1)
    followed.go(10)
    followed.intervene(busiest)
    followed.go(40)
    followed.intervene([])
    followed.go(650)
    apart = np.abs(followed.path - intact.path).max(axis=1)
    met = apart <= SAME * np.maximum(followed.path, intact.path).max(axis=1)
    followed.acts[-1]["there"] |= {"together": int(50 + met[50:].argmax() + 1), "twin": False}
    return followed


def without_noise_it_falls_to_the_fixed_point(_: PlantedSwitch) -> Followed:
    network = shipped()
    followed = Followed(network)
    followed.go(60)
    followed.hold(True)
    followed.go(500)
    assert followed.h.max() < 1e-6
    output = network.logits(followed.path).argmax(axis=-1)
    followed.acts[-1]["there"] |= {"lastSwitch": int(np.flatnonzero(np.diff(output))[-1]) + 2}
    followed.hold(False)
    followed.go(20)
    return followed


def a_pulse_is_added_to_the_input_of_its_neurons_alone(switch: PlantedSwitch) -> Followed:
    followed = Followed(switch.network)
    followed.go(30)
    for neurons, strength, steps in ((switch.kick_of(1), 2.5, 4), (switch.hold[0][:1], -3.0, 2)):
        followed.do("pulse", {"neurons": [int(i) for i in neurons], "strength": strength, "steps": steps})
        followed.pulse[list(neurons)] = strength
        followed.go(1, pulse=steps - 1, twin=True)
        followed.go(steps - 1, pulse=0)
        followed.pulse[:] = 0
        followed.go(10, pulse=0)
    return followed


def further_runs_do_not_touch_those_that_are_there(switch: PlantedSwitch) -> Followed:
    followed = Followed(switch.network)
    followed.go(20)
    for count in (40, 3):
        followed.do("count", count)
        followed.go(20)
    return followed


def a_link_gives_the_same_run_each_time(_: PlantedSwitch) -> Followed:
    followed = Followed(shipped(), seed=7)
    followed.intervene([Intervention((3,)), Intervention((5, 6), 0.5, "recurrent")])
    followed.sigma = 0.8
    followed.do("sigma", 0.8)
    followed.go(60)
    return followed


WALKS: tuple[Callable[[PlantedSwitch], Followed], ...] = (
    an_intervention_acts_from_the_next_step_and_the_twin_parts_from_the_run,
    a_twin_that_is_met_again_is_one_run_again,
    without_noise_it_falls_to_the_fixed_point,
    a_pulse_is_added_to_the_input_of_its_neurons_alone,
    further_runs_do_not_touch_those_that_are_there,
    a_link_gives_the_same_run_each_time,
)


def divergence(switch: PlantedSwitch) -> list[Numbers]:
    """Where a run leaves all bounds: one that is touched, and the control copy of one that is cured."""
    network, fuse = with_fuse(switch, 0.7)
    exploding, _ = with_fuse(switch, 1.2)
    doubled, cure = [Intervention((fuse,), 2.0)], silent([fuse])
    return [
        {"network": payload(network)[0], "interventions": plain(doubled), "who": "run"}
        | diverged(intervene(network, doubled)),
        {"network": payload(exploding)[0], "interventions": plain(cure), "who": "the control copy of run"}
        | diverged(exploding),
    ]


def diverged(network: Network) -> Numbers:
    found = simulate(network, 400, 10)
    run = int(found.diverged_at.argmin())
    at = int(found.diverged_at[run])
    return {"step": at + 1, "run": run, "neuron": int(found.h[run, at].argmax())}


def pool(switch: PlantedSwitch) -> Numbers:
    """States that can be pushed to, and those nearest to some places of the plane."""
    given, plane = payload(switch.network)
    steps = POOL_TRANSIENT + -(-POOL_STATES // POOL_RUNS)
    noise = draw_noise(switch.network.n_inputs, steps, POOL_RUNS, 1.0, 0, first=FIRST_OF_POOL)
    visited = respond(switch.network, noise, 1.0, 0).h[:, POOL_TRANSIENT:]
    states = visited.swapaxes(0, 1).reshape(-1, switch.network.n_neurons)[:POOL_STATES]
    points, scale = plane.project(states)[:, :2], plane.scale[:2]
    nearest = []
    for place in (np.array(turned) * scale for turned in ((0, 0), (1, 0.5), (-1.5, 1), (4, -4))):
        apart = np.hypot(*((points - place) / scale).T)
        at = int(apart.argmin())
        nearest.append({"place": place.tolist(), "h": pack_array(states[at], "f8"), "distance": float(apart[at])})
    return {"network": given, "count": len(states), "nearest": nearest}
