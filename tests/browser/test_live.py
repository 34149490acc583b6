"""Is the network that runs in the page the one in Python, step by step, and does it follow the hand at once?"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from hmmrnn.checkpoint import load
from hmmrnn.live import live_network
from hmmrnn.network import Floats, Intervention, Network, intervene, rollout
from hmmrnn.simulation import draw_noise, respond, simulate, softmax
from hmmrnn.statespace import Plane, fit_plane
from hmmrnn.switching import switching
from tests.browser.conftest import ROOT
from tests.browser.pages import (
    READY_MS,
    SMALL,
    Gate,
    asks_fast,
    await_frame,
    cells,
    changing,
    complaints,
    figure_data,
    settle,
    table_neurons,
    tick,
)
from tests.networks import PlantedSwitch, planted_switch, random_network

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]
MODEL = "linear-2"
LINK = f"{SMALL}&model={MODEL}"
# The search for the kick neurons of a shipped network takes a worker some ten seconds, and longer on a busy machine.
SEARCHED_MS = 5 * READY_MS
# Steps of all runs after which a change is judged. Runs that have yet to come to the closed output, and the ways
# back to it, still count as switches; both bounds are half as high again as in the worst of 92 windows in Python.
COUNTED, LEFT_OPEN, LEFT_SWITCHING = 10_000, 0.15, 0.36
# As in assets/live/runs.mjs and counts.mjs.
PARTED, SAME, POOL_RUNS, POOL_TRANSIENT, POOL_STATES, FIRST_OF_POOL, PIECE = 0.25, 1e-9, 16, 50, 3000, 200, 500

# An empty page on which a live view can be put, without a dashboard around it.
_STAGE = """<!doctype html>
<html lang="en"><head><title>stage</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/live.css">
<style>#live { height: 780px; width: 600px; }</style></head>
<body><div id="live"></div>
<script type="module">
  import { LiveView } from "/assets/live/view.mjs";
  window.hmmrnnLive = new LiveView(document.getElementById("live"), {
    startWorker: () => new Worker("/assets/live/worker.mjs", { type: "module" }), scheme: "light" });
  window.packed = (array) => {
    const bytes = new Uint8Array(array.buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
    return btoa(text);
  };
</script></body></html>"""

_DRAWN = """async ({ seed, count }) => {
    const { Stream } = await import("/assets/live/engine.mjs");
    const drawn = (purpose, draw) => {
        const stream = new Stream(seed, purpose, 2);
        return packed(Float64Array.from({ length: count }, () => stream[draw]()));
    };
    return { normal: drawn(0, "normal"), uniform: drawn(1, "uniform") };
}"""

# h of every step of every run; what enters is drawn in the page, or given as (T, M) noise of one run.
_STEPPED = """async ({ network, interventions, sigma, seed, steps, runs, noise }) => {
    const { Drive, Gains, Network, State, unpacked } = await import("/assets/live/engine.mjs");
    const there = new Network(network);
    const gains = Gains.of(there.n, interventions);
    const given = noise && unpacked(noise);
    const h = new Float64Array(runs * steps * there.n);
    const [output, emission] = [[], []];
    for (let run = 0; run < runs; run++) {
        const drive = new Drive(there, seed, run);
        const state = new State(there);
        for (let t = 0; t < steps; t++) {
            if (given) drive.enter(given.subarray(t * there.m, (t + 1) * there.m));
            else drive.next(sigma);
            state.step(gains, drive);
            h.set(state.h, (run * steps + t) * there.n);
            output.push(state.output);
            emission.push(state.emission);
        }
    }
    return { h: packed(h), output, emission };
}"""

_COUNTED = """async ({ network, interventions, seed, steps, runs }) => {
    const { Network } = await import("/assets/live/engine.mjs");
    const { Runs } = await import("/assets/live/runs.mjs");
    const going = new Runs(new Network(network), { seed, sigma: 1, interventions, runs, twin: true, groups: [] });
    for (let t = 0; t < steps; t++) going.advance();
    return { intact: going.intact.result(), now: going.now.result() };
}"""


# ---- what is compared with ----


def of_page(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), dtype="<f8")


def plain(interventions: Iterable[Intervention]) -> list[dict[str, Any]]:
    """Interventions as a page holds them."""
    return [{"neurons": list(item.neurons), "mu": item.mu, "target": item.target} for item in interventions]


def silent(neurons: Iterable[int]) -> list[Intervention]:
    return [Intervention(tuple(int(i) for i in neurons))]


class Followed:
    """The first run, in Python, through all that is done to it.

    Attributes:
        h: (N,) where it is now; t: the number of steps taken; path: (t, N) where it has been.
    """

    def __init__(self, network: Network, seed: int = 0, longest: int = 2000) -> None:
        self.network = network
        self.noise = draw_noise(network.n_inputs, longest, 1, 1.0, seed)
        self.h, self.t = np.zeros(network.n_neurons), 0
        self.path = np.zeros((0, network.n_neurons))

    def go(
        self,
        steps: int,
        interventions: Sequence[Intervention] = (),
        sigma: float = 1.0,
        pulse: tuple[Sequence[int], float] = ((), 0.0),
    ) -> None:
        """So many steps as the network is now; `pulse` is what is added to the input of some neurons."""
        now = intervene(self.network, interventions)
        drive = now.drive(sigma * self.noise[:, self.t : self.t + steps])
        neurons, strength = pulse
        drive[..., list(neurons)] += strength
        path = rollout(now, drive, self.h[None]).h[0]
        self.path = np.concatenate([self.path, path])
        self.h, self.t = path[-1], self.t + steps

    @property
    def probabilities(self) -> Floats:
        return softmax(self.network.logits(self.h))

    @property
    def output(self) -> int:
        return int(self.network.logits(self.h).argmax())


def parted_at(run: Floats, twin: Floats, plane: Plane) -> int:
    """The first step at which two paths (T, N) are seen to be two in the plane."""
    apart = np.hypot(*((plane.project(run) - plane.project(twin))[:, :2] / plane.scale[:2]).T)
    return int((apart > PARTED).argmax()) + 1


def payload(network: Network, name: str = "planted") -> tuple[dict[str, Any], Plane]:
    """A network as the page gets it, and the plane that it is seen in."""
    states = simulate(network, 300, 4).h
    plane = fit_plane(states)
    return live_network(network, plane, name, plane.project(states)), plane


@pytest.fixture(scope="module")
def shipped() -> Network:
    return load(ROOT / "models" / f"{MODEL}.safetensors")


@pytest.fixture(scope="module")
def switch() -> PlantedSwitch:
    """A small network with a bias whose kick neurons are known without a search."""
    return planted_switch(hold=8, integrators=16, kick=3, echoes=1, idle=3)


def with_fuse(switch: PlantedSwitch, weight: float) -> tuple[Network, int]:
    """The network with a neuron that excites itself so much and does nothing else, and that neuron."""
    W_hh, fuse = switch.network.W_hh.copy(), switch.idle[0]
    W_hh[fuse, fuse] = weight
    return replace(switch.network, W_hh=W_hh), fuse


def groups_of(switch: PlantedSwitch) -> list[dict[str, Any]]:
    return [
        {"output": a, "to": None, "neurons": list(switch.kick_of(a)), "name": f"kick group of output {a}"}
        for a in range(switch.network.n_outputs)
    ]


# ---- what is done and seen ----


@pytest.fixture
def stage(page: Page, server: str) -> Page:
    """A page with a live view that has nothing to show yet."""
    return set_stage(page, server)


def set_stage(page: Page, server: str) -> Page:
    page.route(f"{server}/stage", lambda route: route.fulfill(body=_STAGE, content_type="text/html"))
    page.goto(f"{server}/stage")
    page.wait_for_function("() => window.packed")
    return page


def put(
    page: Page,
    network: Network,
    interventions: Sequence[Intervention] = (),
    groups: list[dict[str, Any]] | None = None,
) -> Plane:
    """Open a network in the live view of the stage, stand at its first step; returns its plane."""
    given, plane = payload(network)
    scenario = {"seed": 0, "sigma": 1, "interventions": plain(interventions)}
    page.evaluate(
        "([network, scenario, groups]) => hmmrnnLive.open(network, scenario, groups)", [given, scenario, groups]
    )
    stand(page)
    return plane


def stand(page: Page) -> None:
    """Pause, and go back to the first step."""
    press(page, "Pause")
    press(page, "Restart")
    reached(page, 0)


def press(page: Page, name: str) -> None:
    page.locator("#live").get_by_role("button", name=name, exact=True).click()


def status(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("hmmrnnLive.status")
    return found


def until(page: Page, condition: str, arg: Any = None) -> dict[str, Any]:
    """Wait for something that the live view says of itself; returns all that it says then."""
    # Read in the same breath: the next message may say otherwise.
    found = page.wait_for_function(
        f"(arg) => {{ const s = window.hmmrnnLive && hmmrnnLive.status; return s && ({condition}) ? s : null; }}",
        arg=arg,
    )
    said: dict[str, Any] = found.json_value()
    return said


def reached(page: Page, step: int) -> dict[str, Any]:
    return until(page, "s.step === arg && !s.running", step)


def walk(page: Page, followed: Followed, steps: int, **how: Any) -> dict[str, Any]:
    """So many steps in the page and in Python, after which both must be at the same place."""
    page.evaluate("steps => hmmrnnLive.step(steps)", steps)
    followed.go(steps, **how)
    now = reached(page, followed.t)
    assert now["probabilities"] == pytest.approx(followed.probabilities, abs=1e-6)
    assert now["output"] == followed.output
    assert now["size"] == pytest.approx(followed.h.max(), abs=1e-6)
    return now


def intervene_on(page: Page, interventions: Sequence[Intervention]) -> None:
    """What a dashboard tells the live view of its scenario."""
    page.evaluate("interventions => hmmrnnLive.change({ ...hmmrnnLive.scenario, interventions })", plain(interventions))


def expect_said(page: Page, words: str) -> None:
    expect(page.locator(".live-said")).to_have_text(re.compile(words), timeout=READY_MS)


def expect_story(page: Page, words: str) -> None:
    expect(page.locator(".live-story")).to_contain_text(re.compile(words), timeout=READY_MS)


def choose_speed(page: Page, label: str) -> None:
    page.get_by_label("Speed of the live view").select_option(label=label)


def open_live(page: Page, url: str) -> None:
    """Open a link of the dashboard and wait until its live view runs."""
    page.goto(url)
    until(page, "s.running && s.step > 0")


def found_kick(page: Page) -> None:
    """Wait until the kick neurons are known."""
    page.wait_for_function("() => window.hmmrnnLive && hmmrnnLive.groups", timeout=SEARCHED_MS)
    expect(kick_button(page)).to_be_visible(timeout=READY_MS)


def kick_button(page: Page) -> Locator:
    return page.locator("#group-buttons").get_by_role("button", name=re.compile("kick group of output 0"))


def rate(counts: dict[str, Any], before: dict[str, Any] | None = None) -> float:
    """Events per 1,000 steps, of those that came after `before`."""
    events, steps = ((counts[key] - (before or {key: 0})[key]) for key in ("events", "steps"))
    return float(1000 * events / steps)


def expect_closed(counts: dict[str, Any], before: dict[str, Any]) -> None:
    """Output 0 is hardly left any more, and there is less switching, than in the twins since `before`."""
    intact, now = counts["intact"], counts["now"]
    assert rate(now["leave"][0]) <= LEFT_OPEN * rate(intact["leave"][0], before["leave"][0])
    assert rate(now["switches"]) <= LEFT_SWITCHING * rate(intact["switches"], before["switches"])


# ---- the engine ----


@pytest.mark.parametrize("seed", [0, 5, 2**31 - 1, 2**40 + 3])
def test_the_random_numbers_are_those_of_numpy(stage: Page, seed: int) -> None:
    count = 100_000
    drawn = stage.evaluate(_DRAWN, {"seed": seed, "count": count})
    streams = [np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(i, 2)))) for i in (0, 1)]
    np.testing.assert_allclose(of_page(drawn["normal"]), streams[0].standard_normal(count), rtol=1e-13, atol=0)
    assert of_page(drawn["uniform"]).tobytes() == streams[1].random(count).tobytes()


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


@pytest.mark.parametrize("kind", ["intact", "unit", "recurrent", "input", "named twice"])
@pytest.mark.parametrize("which", ["shipped", "biased, eight outputs"])
def test_every_step_is_that_of_python(stage: Page, shipped: Network, which: str, kind: str) -> None:
    network = shipped if which == "shipped" else random_network(24, 6, 8, seed=3, bias=True)
    touched, steps, runs, seed = touched_in(kind, network.n_neurons), 500, 3, 11
    common = {"network": payload(network)[0], "interventions": plain(touched), "sigma": 0.8, "seed": seed}
    found = stage.evaluate(_STEPPED, {**common, "steps": steps, "runs": runs, "noise": None})
    wanted = simulate(intervene(network, touched), steps, runs, sigma=0.8, seed=seed)
    np.testing.assert_allclose(of_page(found["h"]).reshape(wanted.h.shape), wanted.h, rtol=0, atol=1e-6)
    assert found["output"] == wanted.output.ravel().tolist()
    assert found["emission"] == wanted.emission.ravel().tolist()


def test_on_given_noise_it_responds_as_python_does(stage: Page, shipped: Network) -> None:
    steps = 300
    noise = draw_noise(shipped.n_inputs, steps, 1, 2.0, seed=4) + 0.5
    packed = {"dtype": "f8", "bdata": base64.b64encode(noise.astype("<f8").tobytes()).decode()}
    common = {"network": payload(shipped)[0], "interventions": [], "sigma": 0, "seed": 4}
    found = stage.evaluate(_STEPPED, {**common, "steps": steps, "runs": 1, "noise": packed})
    wanted = respond(shipped, noise, 2.0, seed=4)
    np.testing.assert_allclose(of_page(found["h"]).reshape(wanted.h.shape), wanted.h, rtol=0, atol=1e-6)
    assert found["output"] == wanted.output.ravel().tolist()


# ---- counting ----


@pytest.mark.parametrize("model", ["linear-2", "linear-3", "cyclic"])
def test_leave_rates_are_those_of_python_under_other_noise(stage: Page, model: str) -> None:
    network = load(ROOT / "models" / f"{model}.safetensors")
    steps, runs = 1501, 20
    intact = simulate(network, steps, runs, seed=1)
    busiest = silent(np.argsort(intact.h.mean(axis=(0, 1)))[-3:])
    asked = {"network": payload(network)[0], "interventions": plain(busiest), "seed": 2, "steps": steps, "runs": runs}
    counted = stage.evaluate(_COUNTED, asked)
    silenced = simulate(intervene(network, busiest), steps, runs, seed=1)
    for side, run in (("intact", intact), ("now", silenced)):
        wanted = switching(run.output, network.n_outputs)
        rates = [*zip(counted[side]["leave"], wanted.leave_rate, wanted.leave_rate_se, strict=True)]
        rates.append((counted[side]["switches"], wanted.switches_per_1000 / 1000, wanted.switches_per_1000_se / 1000))
        for found, value, error in rates:
            assert (found is None) == np.isnan(value)
            assert found is None or abs(found["value"] - value) < 4 * np.hypot(found["error"], error)
        assert counted[side]["steps"] == wanted.steps


@pytest.mark.parametrize("model", ["linear-2", "cyclic"])
def test_counts_of_runs_of_one_piece_are_those_of_python(stage: Page, model: str) -> None:
    network = load(ROOT / "models" / f"{model}.safetensors")
    asked = {"network": payload(network)[0], "interventions": [], "seed": 3, "steps": PIECE + 1, "runs": 12}
    counted = stage.evaluate(_COUNTED, asked)["intact"]
    wanted = switching(simulate(network, PIECE + 1, 12, seed=3).output, network.n_outputs)
    assert counted["switches"]["value"] == pytest.approx(wanted.switches_per_1000 / 1000, rel=1e-12)
    assert counted["switches"]["error"] == pytest.approx(wanted.switches_per_1000_se / 1000, rel=1e-9)
    for found, value, error in zip(counted["leave"], wanted.leave_rate, wanted.leave_rate_se, strict=True):
        assert (found is None) == np.isnan(value)
        assert found is None or (found["value"], found["error"]) == pytest.approx((value, error), rel=1e-9)


# ---- run and wait ----


def test_run_pause_step_and_restart_each_twice(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network)
    followed = Followed(switch.network)
    for _ in range(2):
        press(stage, "Step")
        followed.go(1)
        assert reached(stage, followed.t)["probabilities"] == pytest.approx(followed.probabilities, abs=1e-6)
    for _ in range(2):
        before = status(stage)["step"]
        press(stage, "Run")
        until(stage, "s.running && s.step > arg", before)
        press(stage, "Pause")
        until(stage, "!s.running")
    for _ in range(2):
        press(stage, "Restart")
        assert reached(stage, 0)["counts"]["now"]["steps"] == 0
    # The space bar does what the button does.
    stage.locator(".live-plane canvas").focus()
    stage.keyboard.press("Space")
    until(stage, "s.running && s.step > 0")
    stage.keyboard.press("Space")
    until(stage, "!s.running")


def test_a_running_network_that_is_restarted_goes_on_from_the_first_step(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network)
    choose_speed(stage, "as fast as it goes")
    press(stage, "Run")
    before = until(stage, "s.step > 300")["step"]
    choose_speed(stage, "10 steps/s")
    press(stage, "Restart")
    until(stage, "s.running && s.step > 0 && s.step < arg", before)


def test_the_speed_is_the_one_that_is_chosen(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network)
    choose_speed(stage, "as fast as it goes")
    press(stage, "Run")
    until(stage, "s.step > 1000 && s.rate")
    expect_story(stage, r"steps/s")
    for label, speed in (("5 steps/s", 5), ("2 steps/s", 2)):
        choose_speed(stage, label)
        stage.wait_for_function("() => Number(hmmrnnLive.root.dataset.shown) === hmmrnnLive.changes")
        first = until(stage, "s.step > arg", status(stage)["step"])["step"]
        start = time.monotonic()
        until(stage, "s.step >= arg", first + 2)
        # A busy machine may be slower, and what was owed may be half a step.
        assert time.monotonic() - start > 0.5 * 2 / speed


def test_without_frames_from_the_browser_it_goes_on(page: Page, server: str, switch: PlantedSwitch) -> None:
    def without_frames(route: Route) -> None:
        answer = route.fetch()
        owed = "self.requestAnimationFrame = () => 1;"
        route.fulfill(response=answer, body=f"{owed}\n{answer.text()}")

    page.route(re.compile(r"/live/worker\.mjs"), without_frames)
    put(set_stage(page, server), switch.network)
    press(page, "Run")
    until(page, "s.running && s.step > 3")


def test_the_number_of_runs_is_kept_between_1_and_200(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network)
    box = stage.get_by_label("Runs", exact=True)
    for typed, there in (("1", 1), ("200", 200), ("0", 1), ("500", 200), ("", 1), ("10", 10)):
        box.fill(typed)
        box.press("Tab")
        until(stage, "s.count === arg", there)
        assert box.input_value() == str(there)
        if typed in ("0", "500", ""):
            expect_said(stage, f"The live view has 1 to 200 runs; it shows {there}")


def test_further_runs_do_not_touch_those_that_are_there(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network)
    followed = Followed(switch.network)
    walk(stage, followed, 20)
    for runs in ("40", "3"):
        stage.get_by_label("Runs", exact=True).fill(runs)
        stage.get_by_label("Runs", exact=True).press("Tab")
        until(stage, "s.count === arg", int(runs))
        walk(stage, followed, 20)


# ---- what a hand does to it ----


def test_an_intervention_acts_from_the_next_step_and_the_twin_says_when_they_part(
    stage: Page, switch: PlantedSwitch
) -> None:
    plane = put(stage, switch.network)
    followed, intact = Followed(switch.network), Followed(switch.network)
    intact.go(140)
    now = walk(stage, followed, 40)
    assert (now["intact"], now["twin"], now["parted"]) == (True, False, None)
    held = silent(switch.hold[int(now["output"])])
    intervene_on(stage, held)
    now = walk(stage, followed, 100, interventions=held)
    assert (now["intact"], now["twin"]) == (False, True)
    assert now["parted"] == parted_at(followed.path, intact.path, plane) > 40
    expect_story(stage, f"parted from its intact twin at step {now['parted']}")
    expect(stage.locator(".live-plane canvas")).to_have_attribute("aria-label", re.compile("each with its intact twin"))

    stage.get_by_role("checkbox", name="intact twin").uncheck()
    until(stage, "!s.twin && s.parted === null")
    expect(stage.locator(".live-story")).not_to_contain_text("twin")
    walk(stage, followed, 5, interventions=held)
    stage.get_by_role("checkbox", name="intact twin").check()
    until(stage, "s.twin")
    expect_story(stage, "still with its intact twin")


def test_a_twin_that_is_met_again_is_one_run_again(stage: Page) -> None:
    # Under the same noise, this network forgets where it has been.
    network = random_network(16, 5, 3)
    put(stage, network)
    stage.get_by_label("Runs", exact=True).fill("1")
    stage.get_by_label("Runs", exact=True).press("Tab")
    followed, intact = Followed(network), Followed(network)
    intact.go(700)
    busiest = silent(np.argsort(intact.path.mean(axis=0))[-5:])
    walk(stage, followed, 10)
    intervene_on(stage, busiest)
    walk(stage, followed, 40, interventions=busiest)
    intervene_on(stage, [])
    now = walk(stage, followed, 650)
    apart = np.abs(followed.path - intact.path).max(axis=1)
    met = apart <= SAME * np.maximum(followed.path, intact.path).max(axis=1)
    assert now["together"] == 50 + met[50:].argmax() + 1
    assert not now["twin"]
    expect_story(stage, f"together with its intact twin again since step {now['together']}")


def test_without_noise_it_falls_to_the_fixed_point_and_says_how_long_it_has_not_switched(
    stage: Page, shipped: Network
) -> None:
    put(stage, shipped)
    followed = Followed(shipped)
    walk(stage, followed, 60)
    stage.get_by_role("checkbox", name="hold noise").check()
    now = walk(stage, followed, 500, sigma=0.0)
    assert now["size"] < 1e-6
    output = shipped.logits(followed.path).argmax(axis=-1)
    last = int(np.flatnonzero(np.diff(output))[-1]) + 2
    assert now["sinceSwitch"] == followed.t - last
    expect_story(stage, f"{followed.t - last} steps since the last switch; no noise, largest activity")
    stage.get_by_role("checkbox", name="hold noise").uncheck()
    walk(stage, followed, 20)


def test_a_pulse_to_a_group_and_to_one_neuron(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network, groups=groups_of(switch))
    followed = Followed(switch.network)
    walk(stage, followed, 30)
    pulse(stage, "kick group of output 1", strength=2.5, steps=4)
    expect_said(stage, "Pulse of 2.5 to kick group of output 1 for 4 steps, in every run")
    now = walk(stage, followed, 1, pulse=(switch.kick_of(1), 2.5))
    assert (now["pulse"], now["twin"]) == (3, True)
    expect_story(stage, "pulse, 3 steps to go")
    walk(stage, followed, 3, pulse=(switch.kick_of(1), 2.5))
    assert walk(stage, followed, 10)["pulse"] == 0

    neuron = switch.hold[0][0]
    stage.get_by_label("What the pulse goes to").select_option(label="one neuron")
    stage.get_by_label("Neuron to pulse").fill(str(neuron))
    pulse(stage, "one neuron", strength=-3, steps=2)
    expect_said(stage, f"Pulse of -3 to neuron {neuron} for 2 steps")
    walk(stage, followed, 2, pulse=((neuron,), -3.0))
    walk(stage, followed, 10)


def pulse(page: Page, whom: str, strength: float | str, steps: int | str) -> None:
    page.get_by_label("What the pulse goes to").select_option(label=whom)
    page.get_by_label("Strength of the pulse").fill(str(strength))
    page.get_by_label("Length of the pulse").fill(str(steps))
    press(page, "Pulse")


def test_a_pulse_that_cannot_be_is_refused_in_a_sentence(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network, groups=groups_of(switch))
    n = switch.network.n_neurons
    stage.get_by_label("What the pulse goes to").select_option(label="one neuron")
    for neuron in (n, -1):
        stage.get_by_label("Neuron to pulse").fill(str(neuron))
        press(stage, "Pulse")
        expect_said(stage, f"Neuron {neuron} does not exist: this network has {n}, numbered 0 to {n - 1}")
    for strength, steps, got in (
        ("", 5, "no strength and 5"),
        (1, 0, "1 and 0"),
        (1, 1001, "1 and 1001"),
        (1, "", "1 and no"),
    ):
        pulse(stage, "kick group of output 0", strength, steps)
        expect_said(stage, f"A pulse has a strength and lasts 1 to 1,000 steps; got {got} steps")
    assert not walk(stage, Followed(switch.network), 5)["twin"]


# ---- the hand in the plane ----


class Pool:
    """The states that a hand can push to, in Python."""

    def __init__(self, network: Network, plane: Plane, seed: int = 0) -> None:
        steps = POOL_TRANSIENT + -(-POOL_STATES // POOL_RUNS)
        noise = draw_noise(network.n_inputs, steps, POOL_RUNS, 1.0, seed, first=FIRST_OF_POOL)
        visited = respond(network, noise, 1.0, seed).h[:, POOL_TRANSIENT:]
        self.states = visited.swapaxes(0, 1).reshape(-1, network.n_neurons)
        self.points, self.scale = plane.project(self.states)[:, :2], plane.scale[:2]

    def nearest(self, place: Sequence[float], among: int) -> tuple[Floats, float]:
        apart = np.hypot(*((self.points[:among] - place) / self.scale).T)
        return self.states[apart.argmin()].astype(np.float32).astype(np.float64), float(apart.min())


_UNDER = """async ([x, y]) => {
    const { Network } = await import("/assets/live/engine.mjs");
    const { PlanePicture } = await import("/assets/live/picture.mjs");
    const { width, height, left, top } = document.querySelector(".live-plane").getBoundingClientRect();
    const picture = new PlanePicture(document.createElement("canvas"), new Network(hmmrnnLive.network));
    picture.zoom = hmmrnnLive.status.zoom;
    picture.resize({ width, height, ratio: 1 });
    const place = picture.under(x - left, y - top);
    return [place.x, place.y];
}"""


def pushed(page: Page, pool: Pool, x: float, y: float, act: Callable[[], None], who: str = "Run 1 is") -> Floats:
    """Push to a place of the page; returns the state that is nearest, once the live view has said that it is there."""
    said = rf"{who} at the nearest of ([\d,]+) visited states \((\d+\.\d\d) standard deviations from the pointer\)"
    # Before the words, which may need another line and so move what lies under the place.
    place = page.evaluate(_UNDER, [x, y])
    act()
    deadline = time.monotonic() + READY_MS / 1000
    while time.monotonic() < deadline:
        found = re.search(said, page.locator(".live-said").inner_text())
        if found:
            state, apart = pool.nearest(place, int(found[1].replace(",", "")))
            if float(found[2]) == pytest.approx(apart, abs=0.006):
                return state
        await_frame(page)
    raise AssertionError(f"not the nearest state to {place}: {page.locator('.live-said').inner_text()}")


def expect_pinned(page: Page, network: Network, state: Floats) -> None:
    """What is shown of the first run is that of the state where it is held."""
    now = until(page, "s.pinned && Math.abs(s.size - arg) < 1e-4", float(state.max()))
    assert now["probabilities"] == pytest.approx(softmax(network.logits(state)), abs=1e-5)


def middle_of_plane(page: Page) -> tuple[float, float]:
    box = page.locator(".live-plane").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_hand_pushes_holds_and_lets_go(stage: Page, switch: PlantedSwitch) -> None:
    pool = Pool(switch.network, put(stage, switch.network))
    followed = Followed(switch.network)
    walk(stage, followed, 20)
    x, y = middle_of_plane(stage)
    stage.mouse.move(x - 60, y - 30)
    expect_pinned(stage, switch.network, pushed(stage, pool, x - 60, y - 30, stage.mouse.down))
    state = pushed(stage, pool, x + 80, y + 40, lambda: stage.mouse.move(x + 80, y + 40, steps=4))
    expect_pinned(stage, switch.network, state)
    # Held, while the time goes on.
    stage.evaluate("hmmrnnLive.step(7)")
    assert reached(stage, 27)["pinned"]
    expect_pinned(stage, switch.network, state)
    stage.mouse.up()
    until(stage, "!s.pinned && s.twin")
    followed.h, followed.t = state, 27
    walk(stage, followed, 25)


def test_with_shift_all_runs_are_pushed(stage: Page, switch: PlantedSwitch) -> None:
    pool = Pool(switch.network, put(stage, switch.network))
    x, y = middle_of_plane(stage)
    stage.keyboard.down("Shift")
    stage.mouse.move(x + 50, y)
    place = stage.evaluate(_UNDER, [x + 50, y])
    state = pushed(stage, pool, x + 50, y, stage.mouse.down, who="All runs are")
    # On a busy machine not all states are there yet.
    among = re.search(r"of ([\d,]+) visited states", stage.locator(".live-said").inner_text())
    assert among
    stage.keyboard.up("Shift")
    stage.mouse.up()
    until(stage, "!s.pinned")
    # The worker's other runs are not to be seen; these are the same, made here.
    largest = stage.evaluate(
        """async ([network, place, among]) => {
            const { Network } = await import("/assets/live/engine.mjs");
            const { Runs } = await import("/assets/live/runs.mjs");
            const runs = new Runs(new Network(network), {
                seed: 0, sigma: 1, interventions: [], runs: 5, twin: true, groups: [] });
            while (runs.visited.count < among) runs.visited.advance();
            runs.pin({ x: place[0], y: place[1], all: true });
            return runs.states.map((state) => Math.max(...state.h));
        }""",
        [payload(switch.network)[0], place, int(among[1].replace(",", ""))],
    )
    assert largest == pytest.approx([state.max()] * 5)


def test_the_arrow_keys_push_and_enter_lets_go(stage: Page, switch: PlantedSwitch) -> None:
    pool = Pool(switch.network, put(stage, switch.network))
    x, y = middle_of_plane(stage)
    stage.locator(".live-plane canvas").focus()
    for key, dx, dy in (("ArrowRight", 16, 0), ("ArrowUp", 16, -16), ("ArrowLeft", 0, -16), ("ArrowDown", 0, 0)):
        state = pushed(stage, pool, x + dx, y + dy, partial(stage.keyboard.press, key))
        expect_pinned(stage, switch.network, state)
    press_all = partial(stage.keyboard.press, "Shift+ArrowRight")
    state = pushed(stage, pool, x + 16, y, press_all, who="All runs are")
    stage.keyboard.press("Enter")
    until(stage, "!s.pinned")
    followed = Followed(switch.network)
    followed.h = state
    walk(stage, followed, 10)


# ---- what can go wrong ----


def test_a_network_that_leaves_all_bounds_stops_and_says_where(stage: Page, switch: PlantedSwitch) -> None:
    network, fuse = with_fuse(switch, 0.7)
    doubled = [Intervention((fuse,), 2.0)]
    wanted = simulate(intervene(network, doubled), 400, 10)
    run = int(wanted.diverged_at.argmin())
    at = int(wanted.diverged_at[run])
    put(stage, network, interventions=doubled)
    choose_speed(stage, "as fast as it goes")
    press(stage, "Run")
    now = until(stage, "s.diverged")
    neuron = int(wanted.h[run, at].argmax())
    assert (now["diverged"]["step"], now["diverged"]["run"], now["diverged"]["neuron"]) == (at + 1, run, neuron)
    assert not now["running"]
    expect(stage.locator("#live")).to_have_attribute("data-state", "diverged")
    expect_said(stage, rf"Stopped: run {run + 1} left all bounds at step {at + 1}, neuron {neuron} foremost")

    # With the gain as it was, it starts anew by itself.
    intervene_on(stage, [])
    until(stage, "s.running && !s.diverged && s.step > arg", at + 10)


def test_a_twin_that_leaves_all_bounds_is_named_and_can_be_left_out(stage: Page, switch: PlantedSwitch) -> None:
    exploding, fuse = with_fuse(switch, 1.2)
    cure = silent([fuse])
    diverged_at = simulate(exploding, 400, 10).diverged_at
    put(stage, exploding, interventions=cure)
    choose_speed(stage, "as fast as it goes")
    press(stage, "Run")
    now = until(stage, "s.diverged")
    run = int(diverged_at.argmin())
    assert now["diverged"]["step"] == diverged_at[run] + 1
    expect_said(stage, rf"Stopped: the intact twin of run {run + 1} left all bounds")
    stage.get_by_role("checkbox", name="intact twin").uncheck()
    press(stage, "Restart")
    until(stage, "s.running && s.step > arg", now["step"] + 20)


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_hidden_tab_pauses_and_goes_on_when_it_is_seen_again(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network)
    press(stage, "Run")
    until(stage, "s.running && s.step > 2")
    hide(stage, True)
    before = until(stage, "!s.running")["step"]
    expect_said(stage, "Paused while this tab is hidden")
    hide(stage, False)
    until(stage, "s.running && s.step > arg", before + 2)
    expect_said(stage, "^$")


def test_who_wants_little_motion_is_not_surprised(page: Page, server: str, switch: PlantedSwitch) -> None:
    page.emulate_media(reduced_motion="reduce")
    set_stage(page, server)
    given, _ = payload(switch.network)
    page.evaluate("network => hmmrnnLive.open(network, { seed: 0, sigma: 1, interventions: [] })", given)
    reached(page, 0)
    expect_said(page, "Your system asks for little motion: press Run or Step")
    followed = Followed(switch.network)
    press(page, "Step")
    followed.go(1)
    assert reached(page, 1)["probabilities"] == pytest.approx(followed.probabilities, abs=1e-6)
    press(page, "Run")
    until(page, "s.running && s.step > 2")


def test_a_worker_that_dies_is_missed_and_revived(stage: Page, switch: PlantedSwitch) -> None:
    put(stage, switch.network)
    followed = Followed(switch.network)
    walk(stage, followed, 5)
    stage.evaluate("hmmrnnLive.worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }))")
    expect_said(stage, r"The live view has stopped \(out of memory\)\. Restart starts it anew")
    expect(stage.locator("#live")).to_have_attribute("data-state", "unavailable")
    for name in ("Run", "Step"):
        expect(stage.locator("#live").get_by_role("button", name=name, exact=True)).to_be_disabled()
    press(stage, "Restart")
    reached(stage, 0)
    expect(stage.locator("#live")).to_have_attribute("data-state", "paused")
    walk(stage, Followed(switch.network), 30)


def test_two_thousand_neurons_step(stage: Page) -> None:
    stage.evaluate(
        """async () => {
            const { Stream } = await import("/assets/live/engine.mjs");
            const [n, m, o] = [2000, 100, 3];
            const stream = new Stream(1, 0, 0);
            const drawn = (kind, count, scale) => kind.from({ length: count }, () => scale * stream.normal());
            const colours = { ground: "#ffffff", text: "#000000", muted: "#666666", grid: "#dddddd", ghost: "#999999",
                accent: "#0a5a9c", outputs: ["#0072b2", "#d55e00", "#009e73"], regions: {} };
            hmmrnnLive.open({
                name: "large", neurons: n, inputs: m, outputs: o,
                themes: { light: colours, dark: colours }, region_labels: {},
                weights: { W_hh: drawn(Float32Array, n * n, 0.02), W_ih: drawn(Float32Array, n * m, 0.1),
                    W_out: drawn(Float32Array, o * n, 0.05), b_h: new Float32Array(n), b_out: new Float32Array(o) },
                plane: { mean: new Float64Array(n), components: drawn(Float64Array, 2 * n, 0.02), scale: [1, 1],
                    range: [[-3, 3], [-3, 3]] },
            }, { seed: 0, sigma: 1, interventions: [] });
        }"""
    )
    now = until(stage, "s.running && s.step >= 3")
    assert 0 < now["size"] < 1e3
    assert sum(now["probabilities"]) == pytest.approx(1)


def test_runs_that_go_on_take_no_more_memory(stage: Page) -> None:
    network = random_network(12, 4, 3)
    stage.evaluate(
        """async (network) => {
            const { Network } = await import("/assets/live/engine.mjs");
            const { Runs } = await import("/assets/live/runs.mjs");
            window.going = new Runs(new Network(network), {
                seed: 0, sigma: 1, interventions: [{ neurons: [0], mu: 0, target: "unit" }], runs: 4, twin: true,
                groups: [{ neurons: [1, 2] }] });
        }""",
        payload(network)[0],
    )
    session = stage.context.new_cdp_session(stage)

    def heap() -> float:
        stage.evaluate("() => { for (let t = 0; t < 20000; t++) going.advance(); }")
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"])

    first = heap()
    assert heap() - first < 2 * 2**20
    assert stage.evaluate("going.step") == 40_000


# ---- on the dashboard ----


def test_the_kick_group_is_silenced_at_full_speed_and_brought_back(page: Page, server: str) -> None:
    open_live(page, server + LINK)
    found_kick(page)
    choose_speed(page, "as fast as it goes")
    before = until(page, "s.counts.intact.steps > 1000")["counts"]["intact"]
    kick_button(page).click()
    now = until(page, "!s.intact && s.counts.now.steps >= arg", COUNTED)["counts"]
    expect_closed(now, before)
    expect(page.locator("#live .live-counts [data-measure=switches] td").nth(1)).to_have_text(re.compile(r"\d"))
    kick_button(page).click()
    back = until(page, "s.intact && s.counts.now.steps >= arg", COUNTED)["counts"]
    assert rate(back["now"]["switches"]) >= 0.5 * rate(now["intact"]["switches"])


def drag(page: Page, name: str, track: str) -> tuple[float, float, float]:
    """Take hold of a slider; returns where its thumb is and how long its track."""
    thumb = page.get_by_role("slider", name=name).bounding_box()
    rail = page.locator(track).bounding_box()
    assert thumb is not None
    assert rail is not None
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y, rail["width"]


def test_ticks_and_sliders_act_on_the_next_step(page: Page, server: str, shipped: Network) -> None:
    open_live(page, server + LINK)
    found_kick(page)
    settle(page)
    stand(page)
    followed = Followed(shipped)
    walk(page, followed, 20)
    neuron = table_neurons(page)[0]
    with changing(page):
        tick(page, neuron).check()
    assert page.evaluate("hmmrnnLive.scenario.interventions") == plain(silent([neuron]))
    walk(page, followed, 20, interventions=silent([neuron]))

    # While the hand is still on the mouse.
    expect(page.get_by_role("slider", name="mu of Neuron")).to_be_visible()
    x, y, width = drag(page, "mu of Neuron", ".mu-slider .mantine-Slider-track")
    mu = 0.0
    for share in (0.3, 0.7):
        page.mouse.move(x + share * width, y, steps=3)
        page.wait_for_function("([mu]) => hmmrnnLive.scenario.interventions[0].mu > mu", arg=[mu])
        mu = until_rested(page, "hmmrnnLive.scenario.interventions[0].mu")
        assert mu == pytest.approx(2 * share, abs=0.15)
        walk(page, followed, 15, interventions=[Intervention((neuron,), mu)])
    page.mouse.up()

    x, y, width = drag(page, "Noise sigma", "#sigma .mantine-Slider-track")
    sigma = 1.0
    for share in (0.1, 0.2):
        page.mouse.move(x + share * width, y, steps=3)
        page.wait_for_function("sigma => hmmrnnLive.scenario.sigma > sigma", arg=sigma)
        sigma = until_rested(page, "hmmrnnLive.scenario.sigma")
        now = walk(page, followed, 15, interventions=[Intervention((neuron,), mu)], sigma=sigma)
        assert now["sigma"] == sigma
    page.mouse.up()


def until_rested(page: Page, value: str) -> float:
    """A number of the page once it has been the same for five frames."""
    seen: list[float] = []
    while len(seen) < 6 or len(set(seen[-6:])) > 1:
        await_frame(page)
        seen.append(float(page.evaluate(value)))
    return seen[-1]


def test_a_link_gives_the_same_run_each_time(page: Page, server: str, shipped: Network) -> None:
    touched = [Intervention((3,)), Intervention((5, 6), 0.5, "recurrent")]
    open_live(page, f"{server}{LINK}&ablate=3&gain=5,6:0.5:recurrent&sigma=0.8&seed=7")
    for _ in range(2):
        stand(page)
        walk(page, Followed(shipped, seed=7), 60, interventions=touched, sigma=0.8)
        page.reload()
        until(page, "s.running && s.step > 0")


def test_a_link_to_a_network_that_diverges(page: Page, server: str, shipped: Network) -> None:
    everything = tuple(range(shipped.n_neurons))
    wanted = simulate(intervene(shipped, Intervention(everything, 2.0)), 200, 10)
    run = int(wanted.diverged_at.argmin())
    at = int(wanted.diverged_at[run])
    page.goto(f"{server}{LINK}&gain={','.join(map(str, everything))}:2.0:unit")
    now = until(page, "s.diverged")["diverged"]
    assert (now["step"], now["run"], now["neuron"]) == (at + 1, run, int(wanted.h[run, at].argmax()))
    expect_said(page, rf"Stopped: run {run + 1} left all bounds at step {at + 1}, neuron {now['neuron']} foremost")
    page.locator("#reset").click()
    until(page, "s.running && !s.diverged && s.step > arg", at + 10)


def test_a_closed_live_view_pauses(server: str, viewer: Viewer) -> None:
    page = viewer().new_page()
    open_live(page, server + LINK)
    page.get_by_role("button", name="Close", exact=True).click()
    before = until(page, "!s.running")["step"]
    expect(page.locator("#live")).to_be_hidden()
    page.get_by_role("button", name="Live: watch the network run").click()
    until(page, "s.running && s.step > arg", before)
    expect(page.locator("#live")).to_be_visible()


def test_a_browser_without_workers_says_so_and_the_four_views_answer(page: Page, server: str) -> None:
    words = r"^This browser runs no network in a page \([^)]*\)\. The other views come from the server as always\.$"
    page.add_init_script("delete window.Worker")
    page.goto(server + LINK)
    settle(page)
    expect_said(page, words)
    expect(page.locator("#live")).to_have_attribute("data-state", "unavailable")
    with changing(page):
        cells(page, 1)[0].click(page)
    expect_said(page, words)


# ---- drawn before the server answers ----

# Pixels of a sheet that are neither of the veil nor grey.
_COLOURED = """(selector) => {
    const sheet = document.querySelector(selector);
    const { data } = (() => {
        const copy = document.createElement("canvas");
        Object.assign(copy, { width: sheet.width, height: sheet.height });
        const paper = copy.getContext("2d", { willReadFrequently: true });
        paper.drawImage(sheet, 0, 0);
        return paper.getImageData(0, 0, copy.width, copy.height);
    })();
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b, a] = data.subarray(i, i + 4);
        if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) count += 1;
    }
    return count;
}"""


def shown_numbers(table: Locator) -> dict[str, list[str]]:
    """Now and difference of each row of a table of numbers."""
    found: dict[str, list[str]] = dict(
        table.locator("tr[data-measure]").evaluate_all(
            """rows => rows.map((row) => [row.dataset.measure,
                Array.from(row.querySelectorAll("td"), (cell) => cell.textContent).slice(1)])"""
        )
    )
    return found


def test_a_click_is_drawn_before_the_server_answers_and_as_it_answers(page: Page, server: str) -> None:
    open_live(page, server + LINK)
    found_kick(page)
    settle(page)
    gate = Gate(page, asks_fast)
    kick_button(page).click()
    foreseen = page.locator(".numbers-now")
    expect(foreseen).to_be_visible(timeout=READY_MS)
    expect(page.locator("#numbers")).to_be_hidden()
    numbers = shown_numbers(foreseen)
    for view in ("state-space", "orbit"):
        page.wait_for_function(f"(selector) => ({_COLOURED})(selector) > 100", arg=f"#{view} .live-overlay")
    points = np.array(page.evaluate("hmmrnnOverlay.runs.map(({ points }) => Array.from(points))")).reshape(-1, 2)
    gate.wait()
    assert page.locator(".live-overlay").count() == 2

    gate.open()
    settle(page)
    expect(page.locator(".live-overlay")).to_have_count(0)
    expect(foreseen).to_have_count(0)
    answered = shown_numbers(page.locator("#numbers"))
    assert numbers.keys() == answered.keys()
    assert sum(now != "…" for now, _ in numbers.values()) >= 5
    for measure, (now, _) in numbers.items():
        assert now in ("…", answered[measure][0]), measure
    drawn = [trace for trace in figure_data(page, "state-space") if trace["name"].startswith("output")]
    there = np.concatenate([np.column_stack([trace["x"]["values"], trace["y"]["values"]]) for trace in drawn])
    order = [np.lexsort(np.round(some, 3).T) for some in (points, there)]
    np.testing.assert_allclose(points[order[0]], there[order[1]], atol=2e-3)


# ---- open to everyone ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_live_view(server: str, viewer: Viewer, scheme: str) -> None:
    page = viewer().new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_live(page, server + LINK)
    settle(page)
    assert page.evaluate("document.documentElement.dataset.scheme") == scheme
    expect(page.locator("#live")).to_be_visible()
    press(page, "Pause")
    assert complaints(page) == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_nothing_of_the_live_view_is_cut_off(server: str, viewer: Viewer, width: int, height: int) -> None:
    page = viewer().new_page()
    page.set_viewport_size({"width": width, "height": height})
    page.goto(server + LINK)
    opener = page.get_by_role("button", name="Live: watch the network run")
    if width < 1300:
        expect(page.locator("#live")).to_be_hidden()
        opener.click()
    else:
        expect(opener).to_be_hidden()
    found_kick(page)
    until(page, "s.running && s.step > 5 && s.counts.now.steps > 20")
    press(page, "Pause")
    for part in (".live", ".live-side"):
        assert page.locator(part).evaluate("part => part.scrollWidth - part.clientWidth") <= 0, part
    beyond = page.locator(".live-card").evaluate(
        """card => {
            const edge = card.getBoundingClientRect();
            return Array.from(card.querySelectorAll("button, input, select, canvas, td, th, h2"))
                .map((part) => [part, part.getBoundingClientRect()])
                .filter(([, box]) => box.width && (box.left < edge.left - 1 || box.right > edge.right + 1))
                .map(([part]) => part.outerHTML.slice(0, 80));
        }"""
    )
    assert beyond == []
    plane = page.locator(".live-plane").bounding_box()
    assert plane is not None
    assert min(plane["width"], plane["height"]) > 150
