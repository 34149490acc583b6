"""Numbers of Python that the page's scripts are compared with in Node, one JSON file for each file of Node tests."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.io.json import to_json_plotly

from hmmrnn.analysis.orbit import Plane, emission_along_orbit, fit_plane, orbit_phase
from hmmrnn.analysis.selection_contrast import within
from hmmrnn.analysis.switching import count_switches
from hmmrnn.analysis.trajectory_summary import TrajectorySummary
from hmmrnn.dashboard.answers import answer_views
from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.configuration import configuration
from hmmrnn.dashboard.guide import TOUR
from hmmrnn.dashboard.own_answers import parts_of
from hmmrnn.dashboard.pages.train.form import read_paste, setup
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Against, Scenario
from hmmrnn.model.cells import LEAKS
from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.inputs import with_constant
from hmmrnn.model.network import Floats, Intervention, Network, intervene, rollout
from hmmrnn.model.simulation import draw_noise, respond, simulate, softmax
from hmmrnn.report.live_page import describe_network, pack_array
from hmmrnn.server.services import resolve
from tests.networks import PlantedSwitch, network_of_cell, planted_switch, random_network
from tests.services import services_of_environment

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (0, 5, 2**31 - 1, 2**40 + 3)
# Cells that the page steps by itself; a leak of 1 with currents is none.
STEPPED_CELLS: list[dict[str, Any]] = [
    {"cell": "tanh"},
    {"cell": "linear"},
    *({"cell": cell, "alpha": 0.2, "leak": leak} for cell in ("relu", "tanh", "linear") for leak in LEAKS),
    {"cell": "tanh", "alpha": 1.0, "leak": "current"},
]
TOUCHED = ("intact", "unit", "recurrent", "input", "named twice")
# As in assets/live/runs.mjs and counts.mjs.
PARTED, SAME, POOL_RUNS, POOL_TRANSIENT, POOL_STATES, FIRST_OF_POOL, PIECE = 0.25, 1e-9, 16, 50, 3000, 200, 500

Numbers = dict[str, Any]


def write(name: str, folder: Path) -> None:
    """Write a file of numbers into a folder, unless it is there."""
    path = folder / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(FILES[name](), allow_nan=False), encoding="utf-8")


# ---- what a page is given ----


def plain(interventions: Iterable[Intervention]) -> list[Numbers]:
    """Interventions as a page holds them."""
    return [{"neurons": list(item.neurons), "mu": item.mu, "target": item.target} for item in interventions]


def silent(neurons: Iterable[int]) -> list[Intervention]:
    return [Intervention(tuple(int(i) for i in neurons))]


def payload(network: Network, name: str = "planted") -> tuple[Numbers, Plane]:
    """A network as the page gets it, and the plane that it is seen in."""
    states = simulate(network, 300, 4).h
    plane = fit_plane(states)
    return describe_network(network, plane, name, plane.project(states)), plane


def shipped(name: str = "linear-2") -> Network:
    return load(ROOT / "models" / f"{name}.safetensors")


def small_switch() -> PlantedSwitch:
    """A small network with a bias whose kick neurons are known without a search."""
    return planted_switch(hold=8, integrators=16, kick=3, echoes=1, idle=3)


def with_fuse(switch: PlantedSwitch, weight: float) -> tuple[Network, int]:
    """The network with a neuron that excites itself so much and does nothing else, and that neuron."""
    W_hh, fuse = switch.network.W_hh.copy(), switch.idle[0]
    W_hh[fuse, fuse] = weight
    return replace(switch.network, W_hh=W_hh), fuse


def optional(values: Floats) -> list[float | None]:
    """Numbers as JSON has them: None where they are NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


# ---- engine.test.mjs ----


def engine() -> Numbers:
    networks = {"shipped": shipped(), "biased, eight outputs": random_network(24, 6, 8, seed=3, bias=True)}
    networks |= {"-".join(map(str, kind.values())): network_of_cell(**kind, n=20) for kind in STEPPED_CELLS}
    networks["under a constant input"] = with_constant(networks["tanh-0.2-rate"], [0.5, -1.0, 0.0, 2.0])
    return {
        "drawn": [drawn(seed, 100_000) for seed in SEEDS],
        "networks": {name: payload(network)[0] for name, network in networks.items()},
        "stepped": [stepped(name, network, kind) for name, network in networks.items() for kind in TOUCHED],
        "responded": responded(networks["shipped"]),
    }


def drawn(seed: int, count: int) -> Numbers:
    normal, uniform = (
        np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(i, 2)))) for i in (0, 1)
    )
    return {
        "seed": seed,
        "normal": pack_array(normal.standard_normal(count), "f8"),
        "uniform": pack_array(uniform.random(count), "f8"),
    }


def touched_in(kind: str, n: int) -> list[Intervention]:
    every = {k: tuple(range(0, n, k)) for k in (7, 14, 21)}
    return {
        "intact": [],
        "unit": [Intervention(every[7], 0.0)],
        "recurrent": [Intervention(every[7], 0.5, "recurrent")],
        "input": [Intervention(every[7], 1.7, "input")],
        "named twice": [
            Intervention(every[7], 0.5),
            Intervention(every[14], 1.4),
            Intervention(every[21], 0.0, "input"),
        ],
    }[kind]


def stepped(name: str, network: Network, kind: str) -> Numbers:
    touched = touched_in(kind, network.n_neurons)
    run = simulate(intervene(network, touched), 500, 3, sigma=0.8, seed=11)
    return {
        "network": name,
        "kind": kind,
        "interventions": plain(touched),
        "sigma": 0.8,
        "seed": 11,
        "h": pack_array(run.h, "f8"),
        "output": run.output.tolist(),
        "emission": run.emission.tolist(),
    }


def responded(network: Network) -> Numbers:
    noise = draw_noise(network.n_inputs, 300, 1, 2.0, seed=4) + 0.5
    run = respond(network, noise, 2.0, seed=4)
    return {"noise": pack_array(noise, "f8"), "h": pack_array(run.h, "f8"), "output": run.output[0].tolist()}


# ---- counts.test.mjs ----


def counts() -> Numbers:
    return {
        "others": [counted_beside(name) for name in ("linear-2", "linear-3", "cyclic")],
        "pieces": [counted(shipped(name), name) for name in ("linear-2", "cyclic")],
    }


def counted_beside(name: str) -> Numbers:
    """Rates under other noise than the page's, intact and with three neurons silenced."""
    network, steps, runs = shipped(name), 1501, 20
    intact = simulate(network, steps, runs, seed=1)
    busiest = silent(np.argsort(intact.h.mean(axis=(0, 1)))[-3:])
    silenced = simulate(intervene(network, busiest), steps, runs, seed=1)
    return {
        "name": name,
        "network": payload(network)[0],
        "interventions": plain(busiest),
        "steps": steps,
        "runs": runs,
        "intact": rates(intact.output, network.n_outputs),
        "now": rates(silenced.output, network.n_outputs),
    }


def counted(network: Network, name: str) -> Numbers:
    """Rates under the page's own noise, in runs of one piece."""
    run = simulate(network, PIECE + 1, 12, seed=3)
    return {"name": name, "network": payload(network)[0], **rates(run.output, network.n_outputs)}


def rates(output: Any, n_outputs: int) -> Numbers:
    found = count_switches(output, n_outputs)
    return {
        "steps": int(found.steps),
        "leave": optional(found.leave_rate),
        "leave_error": optional(found.leave_rate_se),
        "switches": found.switches_per_1000 / 1000,
        "switches_error": found.switches_per_1000_se / 1000,
    }


# ---- runs.test.mjs ----


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


# ---- moments.test.mjs ----


def moments() -> Numbers:
    """Runs as the page holds them, and what Python takes from them: phase, profile, and the states within a polygon."""
    network = shipped()
    run = simulate(network, 400, 6, seed=2)
    plane = fit_plane(run.h)
    points = plane.project(run.h)[..., :2].astype(np.float32).astype(float)
    probabilities = run.probabilities.astype(np.float32).astype(float)
    phase = orbit_phase(points, plane)
    profile = emission_along_orbit(phase, probabilities)
    star = [
        value
        for r, a in zip((2, 0.6) * 5, np.arange(10) * np.pi / 5, strict=True)
        for value in (float(r * np.cos(a) * plane.scale[0]), float(r * np.sin(a) * plane.scale[1]))
    ]
    chosen = within(points, np.reshape(star, (-1, 2)))
    assert 0 < chosen.sum() < chosen.size
    switched = np.flatnonzero(np.diff(run.output[0])) + 2
    return {
        "points": pack_array(points, "f4"),
        "output": pack_array(run.output, "i1"),
        "probabilities": pack_array(probabilities, "f4"),
        "scale": plane.scale[:2].tolist(),
        "phase": pack_array(phase, "f8"),
        "median": [None if np.isnan(row).any() else row.tolist() for row in profile.median],
        "polygon": star,
        "within": chosen.ravel().astype(int).tolist(),
        "switches": switched.tolist(),
    }


# ---- summary.test.mjs ----


def summaries() -> Numbers:
    """Scenarios of six networks: what the page needs to answer by itself, and what the server answers."""
    switch = small_switch()
    fused, fuse = with_fuse(switch, 0.7)
    known = {"family": "fully-connected"}
    networks = {
        "linear-2": shipped(),
        "cyclic": shipped("cyclic"),
        "fuse": replace(fused, metadata=known),
        "eight": random_network(24, 6, 8, seed=3, bias=True),
        "tanh": replace(network_of_cell("tanh", alpha=0.3, leak="rate"), h0=np.linspace(-1, 1, 12)),
        "currents": network_of_cell("relu", alpha=0.3, leak="current"),
    }
    asked = {
        f"{name} {kind}": scenario
        for name, network in networks.items()
        for kind, scenario in scenarios_of(name, network, fuse).items()
    }
    every = {parts_key(one): one for one in asked.values()}.values()
    with tempfile.TemporaryDirectory() as folder, services_of(Path(folder), networks):
        return {
            "parts": {parts_key(one): plainly(parts_of(parts_question(one))) for one in every},
            "asked": [answered(kind, scenario) for kind, scenario in asked.items()],
        }


def parts_question(scenario: Scenario) -> Numbers:
    return {"model": scenario.model, "pair": None, "input": scenario.to_dict()["input"]}


def parts_key(scenario: Scenario) -> str:
    return f"{scenario.model} {scenario.input[0] if scenario.input else 0}"


@contextmanager
def services_of(folder: Path, networks: Mapping[str, Network]) -> Iterator[None]:
    """Services that offer these networks, with an empty cache."""
    (folder / "models").mkdir()
    for name, network in networks.items():
        save(network, folder / "models" / f"{name}.safetensors")
    environment = {"MODELS": "models", "CACHE": "cache", "DATA": "data"}
    with pytest.MonkeyPatch.context() as patch:
        for variable, place in environment.items():
            patch.setenv(f"HMMRNN_{variable}", str(folder / place))
        patch.delenv("HMMRNN_REDIS_URL", raising=False)
        with services_of_environment():
            yield


def scenarios_of(name: str, network: Network, fuse: int) -> dict[str, Scenario]:
    intact = Scenario(name, steps=300, trajectories=4, seed=5)
    busiest = np.argsort(simulate(network, 300, 4, seed=5).h.mean(axis=(0, 1)))[::-1]
    silenced = replace(intact, interventions=tuple(silent(busiest[:3])))
    weakened = Intervention(tuple(map(int, busiest[:8])), 0.5, "recurrent")
    scaled = (weakened, Intervention((int(busiest[8]),), 1.5, "input"))
    if name == "fuse":
        doubled = (Intervention((fuse,), 2.0),)
        return {
            "diverges": replace(intact, interventions=doubled),
            "against what is silenced": replace(intact, sigma=0.7, against=Against(silenced.interventions, 1.2)),
            "alone": replace(silenced, trajectories=1, steps=50),
        }
    if name in ("tanh", "currents"):
        fed = replace(silenced, input=(0.75, -0.5, 0.25, 1.0), sigma=0.4)
        begun = replace(intact, start="random", input=(0.5,), interventions=scaled[1:])
        learned = {"learned": replace(intact, start="learned", sigma=0.1)} if name == "tanh" else {}
        return {"intact": intact, "fed": fed, "begun at random": begun, **learned}
    coloured = replace(silenced, colour="neuron", neuron=int(busiest[4]), sigma=0.8)
    return {
        "intact": replace(intact, sigma=0.0 if name == "eight" else 1.0),
        "silenced": coloured,
        "scaled": replace(intact, interventions=scaled, colour="speed", seed=2**31 - 1),
    }


def answered(name: str, scenario: Scenario) -> Numbers:
    """What the server answers, and what its answer is made of."""
    explored = resolve(scenario)
    asked = {"scenario": scenario.to_dict(), "views": ["state-space", "orbit", "numbers"], "fresh": []}
    shown = dict(answer_views({**asked, "theme": "light", "settled": False})["updates"])
    return {
        "name": name,
        "scenario": scenario.to_dict(),
        "parts": parts_key(scenario),
        "now": plain_summary(queries.summary_of(explored)),
        "reference": plain_summary(queries.summary_of(explored.reference)),
        "figures": {view: plainly(shown[view]["figure"]) for view in ("state-space", "orbit")},
        "captions": [shown[f"{view}-caption"]["children"] for view in ("state-space", "orbit")],
        "values": plainly(shown["numbers"]["values"]),
    }


def plain_summary(summary: TrajectorySummary) -> Numbers:
    steps = summary.output.shape[1]
    return {
        "points": pack_array(summary.points[..., :2], "f4"),
        "probabilities": pack_array(summary.probabilities, "f4"),
        "speed": pack_array(summary.speed, "f4"),
        "output": pack_array(summary.output, "i1"),
        "valid": np.where(summary.diverged_at < 0, steps, summary.diverged_at).tolist(),
        "largest_neuron": summary.largest_neuron,
        "counts": summary.profile.counts.tolist(),
    }


def plainly(content: Any) -> Any:
    """As the page gets it."""
    return json.loads(to_json_plotly(content))


# ---- scenario.test.mjs ----


def scenarios() -> Numbers:
    """Scenarios as the page holds them, each with its link."""
    one, group = Intervention((3,)), Intervention((5, 6), 1 / 3, "recurrent")
    two = Scenario("linear-2")
    found = [
        two,
        replace(two, sigma=0.125, seed=2**31 - 1, steps=50, trajectories=1, colour="speed"),
        replace(two, colour="neuron", neuron=11, interventions=(one, Intervention((1,)), group, Intervention((4,)))),
        replace(
            two,
            interventions=(Intervention((7,), 0.0, "input"), Intervention((8, 2)), one),
            without_noise=True,
            paths=True,
        ),
        replace(two, pair=(0, 2), dimensions=3, camera=tuple(np.linspace(-2, 2, 9).tolist()), large="readout"),
        replace(two, map="residency", area=(0.0, 0.5, -1.25, 2.0, 3.00004, 1e-5), span=(20, 80), picked=0),
        replace(two, camera=(-1.0, 1.0, -123456.789, 0.00005)),
        replace(two, against=Against((one, Intervention((9,)), group), 0.5), beside=True),
        replace(two, against=Against(), interventions=(one,)),
        replace(two, input=(0.5,), start="random"),
        replace(two, input=(1 / 3, 0.0, -2.0), against=Against((), 0.5)),
        replace(two, sequence=f"{'0123456789abcdef' * 2}"[:31] + "s", start="learned", beside=True),
    ]
    return {"scenarios": [{"scenario": each.to_dict(), "link": f"?{each.to_query()}"} for each in found]}


# ---- tour.test.mjs ----


def tour() -> Numbers:
    """The steps of the tour, and the scenario that a page opens by itself."""
    return {"steps": [asdict(step) for step in TOUR], "defaults": Scenario("linear-2").to_dict()}


# ---- training.test.mjs ----


PASTES = [
    ("A", "0,9\t0,1\t0\n0\t0,9\t0,1\n0,1\t0\t0,9"),
    ("B", "90 %; 10 %\n0.5; 0.5\n1/4; 3/4"),
    ("A", "[[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]"),
    ("A", "[[9.999e-01 1.000e-04]\n [0.000e+00 1.000e+00]]"),
    ("A", "\n".join(["0.1,0.9"] * 71)),
    ("B", "transmat_ = [[0.9 0.1]\n [0.2 0.8]]\nemissionprob_ = [[1 0]\n [0 1]]\nstartprob_ = [1. 0.]"),
    ("B", "A = [0.7 0.3; 0.4 0.6]"),
    ("B", "A = [0.333 0.666; 0.4 0.6]; B = [1 0; 0 1]"),
    ("A", "no numbers"),
]


def training() -> Numbers:
    """What the form of a new training begins with, and how the server reads what is pasted."""
    answers = []
    for matrix, text in PASTES:
        try:
            answers.append(read_paste({"matrix": matrix, "text": text}))
        except ValueError as error:
            answers.append({"refused": str(error)})
    return {"setup": setup(), "pastes": [[*pasted, answer] for pasted, answer in zip(PASTES, answers, strict=True)]}


FILES: dict[str, Callable[[], Numbers]] = {
    "engine": engine,
    "counts": counts,
    "runs": runs,
    "moments": moments,
    "summary": summaries,
    "scenario": scenarios,
    "configuration": lambda: configuration(create_app()),
    "tour": tour,
    "training": training,
}
