"""The live view by itself: its buttons, mouse and keys reach the runs, its words are about them, and faults are named.

That the runs are those of Python is tested in Node (tests/page).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hmmrnn.model.simulation import simulate
from tests.browser.conftest import Watch
from tests.browser.live import (
    build_stage,
    choose_speed,
    expect_said,
    expect_story,
    intervene_on,
    press,
    put,
    reached,
    set_stage,
    step_to,
    until,
)
from tests.browser.pages import box_of
from tests.networks import random_network
from tests.page.numbers.given import payload, silent, small_switch, with_fuse
from tests.page.numbers.runs import diverged

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live_view(running=True),
]

# Under the same noise, this network forgets where it has been.
NETWORK = random_network(16, 5, 3)
GROUPS = [{"output": a, "to": None, "neurons": [2 * a], "name": f"kick neurons for leaving {a}"} for a in range(2)]


@pytest.fixture(scope="module")
def stage_tab(window: BrowserContext, server: str) -> Iterator[Page]:
    opened = window.new_page()
    build_stage(opened, server)
    yield opened
    opened.close()


@pytest.fixture
def stage(stage_tab: Page, server: str, watch: Watch) -> Iterator[Page]:
    """The stage, set anew in the same tab, whose console must stay empty."""
    watch.on(stage_tab)
    yield set_stage(stage_tab, server)
    assert watch.console == []


def test_run_pause_step_restart_speed_and_the_space_bar(stage: Page) -> None:
    put(stage, NETWORK)
    for step in (1, 2):
        press(stage, "Step")
        reached(stage, step)
    press(stage, "Run")
    until(stage, "s.running && s.step > 4")
    press(stage, "Pause")
    until(stage, "!s.running")
    press(stage, "Restart")
    assert reached(stage, 0)["counts"]["now"]["steps"] == 0
    stage.locator(".live-plane canvas").focus()
    stage.keyboard.press("Space")
    until(stage, "s.running && s.step > 0")
    choose_speed(stage, "as fast as it goes")
    before = until(stage, "s.step > 300 && s.rate")["step"]
    expect_story(stage, r"steps/s")
    choose_speed(stage, "10 steps/s")
    press(stage, "Restart")
    until(stage, "s.running && s.step > 0 && s.step < arg", before)
    stage.locator(".live-plane canvas").focus()
    stage.keyboard.press("Space")
    until(stage, "!s.running")


def test_the_number_of_runs_is_kept_between_1_and_200(stage: Page) -> None:
    put(stage, NETWORK)
    box = stage.get_by_label("Runs", exact=True)
    for typed, there in (("200", 200), ("500", 200), ("", 1), ("10", 10)):
        box.fill(typed)
        box.press("Tab")
        until(stage, "s.count === arg", there)
        expect(box).to_have_value(str(there))
        if typed in ("500", ""):
            expect_said(stage, f"The live view has 1 to 200 runs; it shows {there}")


def test_the_story_of_run_1_names_its_twin_a_rest_without_noise_and_a_pulse(stage: Page) -> None:
    put(stage, NETWORK, groups=GROUPS)
    step_to(stage, 10)
    busiest = silent(np.argsort(simulate(NETWORK, 10, 1).h[0, -1])[-5:])
    intervene_on(stage, busiest)
    now = step_to(stage, 40)
    assert (now["intact"], now["twin"], now["parted"] > 10) == (False, True, True)
    expect_story(stage, f"parted from its control copy at step {now['parted']}")
    plane = stage.locator(".live-plane canvas")
    expect(plane).to_have_attribute("aria-label", re.compile("each with its control copy"))
    intervene_on(stage, [])
    now = step_to(stage, 650)
    assert not now["twin"]
    expect_story(stage, f"together with its control copy again since step {now['together']}")
    intervene_on(stage, busiest)
    stage.get_by_role("checkbox", name="control copy").uncheck()
    until(stage, "!s.twin && s.parted === null")
    stage.get_by_role("checkbox", name="control copy").check()
    until(stage, "s.twin")
    expect_story(stage, "still with its control copy")

    stage.get_by_role("checkbox", name="noise off").check()
    now = step_to(stage, 20)
    assert now["hold"]
    expect_story(stage, f"{now['sinceSwitch']} steps since the last switch; no noise, largest activity")

    pulse(stage, "kick neurons for leaving 1", strength=2.5, steps=4)
    expect_said(stage, "Pulse of 2.5 to kick neurons for leaving 1 for 4 steps, in every run")
    assert step_to(stage, 1)["pulse"] == 3
    expect_story(stage, "pulse, 3 steps to go")
    stage.get_by_label("What the pulse goes to").select_option(label="one neuron")
    stage.get_by_label("Neuron to pulse").fill("5")
    pulse(stage, "one neuron", strength=-3, steps=2)
    expect_said(stage, "Pulse of -3 to neuron 5 for 2 steps")
    assert step_to(stage, 1)["pulse"] == 1


def pulse(page: Page, whom: str, strength: float | str, steps: int | str) -> None:
    page.get_by_label("What the pulse goes to").select_option(label=whom)
    page.get_by_label("Strength of the pulse").fill(str(strength))
    page.get_by_label("Length of the pulse").fill(str(steps))
    press(page, "Pulse")


def test_a_pulse_that_cannot_be_is_refused_in_a_sentence(stage: Page) -> None:
    put(stage, NETWORK, groups=GROUPS)
    stage.get_by_label("What the pulse goes to").select_option(label="one neuron")
    stage.get_by_label("Neuron to pulse").fill("16")
    press(stage, "Pulse")
    expect_said(stage, "Neuron 16 does not exist: this network has 16, numbered 0 to 15")
    for strength, steps, got in (("", 5, "no strength and 5"), (1, 1001, "1 and 1001"), (1, "", "1 and no")):
        pulse(stage, "kick neurons for leaving 0", strength, steps)
        expect_said(stage, f"A pulse has a strength and lasts 1 to 1,000 steps; got {got} steps")
    assert step_to(stage, 1)["pulse"] == 0


def test_mouse_and_arrow_keys_push_to_a_place_of_the_plane_and_let_go(stage: Page) -> None:
    put(stage, NETWORK)
    step_to(stage, 20)
    box = box_of(stage.locator(".live-plane"))
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}
    stage.mouse.move(box["x"] + middle["x"] - 60, box["y"] + middle["y"] - 30)
    stage.mouse.down()
    expect_pushed(stage, middle["x"] - 60, middle["y"] - 30)
    stage.mouse.move(box["x"] + middle["x"] + 80, box["y"] + middle["y"] + 40, steps=4)
    expect_pushed(stage, middle["x"] + 80, middle["y"] + 40)
    step_to(stage, 7)
    assert until(stage, "s.pinned"), "it is held while the time goes on"
    stage.mouse.up()
    until(stage, "!s.pinned && s.twin")

    stage.locator(".live-plane canvas").focus()
    for key, dx, dy in (("ArrowRight", 16, 0), ("ArrowUp", 16, -16), ("ArrowLeft", 0, -16), ("ArrowDown", 0, 0)):
        stage.keyboard.press(key)
        expect_pushed(stage, middle["x"] + dx, middle["y"] + dy)
    stage.keyboard.press("Shift+ArrowRight")
    expect_pushed(stage, middle["x"] + 16, middle["y"], who="All runs are")
    stage.keyboard.press("Enter")
    until(stage, "!s.pinned")


def expect_pushed(page: Page, x: float, y: float, who: str = "Run 1 is") -> None:
    """Wait until the worker holds a run; it was asked for that place of the plane, in pixels."""
    until(page, "s.pinned")
    asked = page.evaluate("(({ x, y, all }) => [x, y, all])(hmmrnnLive.place)")
    assert asked == [pytest.approx(x, abs=1), pytest.approx(y, abs=1), who.startswith("All")]
    expect_said(
        page, rf"{who} at the nearest of [\d,]+ visited states \(\d+\.\d\d standard deviations from the pointer\)"
    )


def test_a_run_or_a_twin_that_leaves_all_bounds_stops_and_says_where(stage: Page) -> None:
    exploding, fuse = with_fuse(small_switch(), 1.2)
    put(stage, exploding, interventions=silent([fuse]))
    choose_speed(stage, "as fast as it goes")
    press(stage, "Run")
    now = until(stage, "s.diverged")
    wanted = diverged(exploding)
    assert {key: now["diverged"][key] for key in wanted} == wanted
    expect_said(
        stage, rf"Stopped: the control copy of run {wanted['run'] + 1} left all bounds at step {wanted['step']}"
    )
    expect(stage.locator("#live")).to_have_attribute("data-state", "diverged")
    stage.get_by_role("checkbox", name="control copy").uncheck()
    press(stage, "Restart")
    until(stage, "s.running && s.step > arg", now["step"] + 20)

    intervene_on(stage, [])
    now = until(stage, "s.diverged && !s.running")["diverged"]
    expect_said(stage, rf"Stopped: run {now['run'] + 1} left all bounds at step {now['step']:,}, neuron {fuse}")
    # With the neuron silent as before, it starts anew by itself.
    intervene_on(stage, silent([fuse]))
    until(stage, "s.running && !s.diverged && s.step > 20")


def test_a_hidden_tab_pauses_and_goes_on_when_it_is_seen_again(stage: Page) -> None:
    put(stage, NETWORK)
    press(stage, "Run")
    until(stage, "s.running && s.step > 2")
    hide(stage, True)
    before = until(stage, "!s.running")["step"]
    expect_said(stage, "Paused while this tab is hidden")
    hide(stage, False)
    until(stage, "s.running && s.step > arg", before + 2)
    expect_said(stage, "^$")


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_where_the_system_asks_for_little_motion_it_waits(stage: Page, server: str) -> None:
    stage.emulate_media(reduced_motion="reduce")
    set_stage(stage, server)
    stage.evaluate("n => hmmrnnLive.open(n, { seed: 0, sigma: 1, interventions: [] })", payload(NETWORK)[0])
    reached(stage, 0)
    expect_said(stage, "Your system asks for little motion: press Run or Step")
    press(stage, "Run")
    until(stage, "s.running && s.step > 2")
    stage.emulate_media(reduced_motion="no-preference")


def test_a_worker_that_dies_is_missed_and_revived(stage: Page) -> None:
    put(stage, NETWORK)
    step_to(stage, 5)
    stage.evaluate("hmmrnnLive.worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }))")
    expect_said(stage, r"The live view has stopped \(out of memory\)\. Restart starts it anew")
    expect(stage.locator("#live")).to_have_attribute("data-state", "unavailable")
    for name in ("Run", "Step"):
        expect(stage.locator("#live").get_by_role("button", name=name, exact=True)).to_be_disabled()
    press(stage, "Restart")
    reached(stage, 0)
    expect(stage.locator("#live")).to_have_attribute("data-state", "paused")
    step_to(stage, 30)
