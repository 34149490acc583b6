"""What a user does with the live view and sees there: the words that its browser tests are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from hmmrnn.analysis.orbit import Plane
from hmmrnn.model.network import Floats, Intervention, Network, intervene, rollout
from hmmrnn.model.simulation import draw_noise, softmax
from tests.browser.pages import wait_until
from tests.page.numbers.given import payload, plain

# The same live view without a dashboard around it.
_STAGE = """<!doctype html>
<html lang="en"><head><title>stage</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/live.css">
<style>#live { height: 780px; width: 600px; }</style></head>
<body><div id="live"></div>
<script type="module">
  import { LiveView } from "/assets/live/view.mjs";
  window.hmmrnnLive = new LiveView(document.getElementById("live"), {
    startWorker: () => new Worker("/assets/live/worker.mjs", { type: "module" }), scheme: "light" });
</script></body></html>"""


class Followed:
    """The first run, in Python, through all that is done to it.

    Attributes:
        h: (N,) where it is now; t: the number of steps taken.
    """

    def __init__(self, network: Network, seed: int = 0, longest: int = 2000) -> None:
        self.network = network
        self.noise = draw_noise(network.n_inputs, longest, 1, 1.0, seed)
        self.h, self.t = np.zeros(network.n_neurons), 0

    def go(self, steps: int, interventions: Sequence[Intervention] = (), sigma: float = 1.0) -> None:
        """So many steps as the network is now."""
        now = intervene(self.network, interventions)
        drive = now.drive(sigma * self.noise[:, self.t : self.t + steps])
        self.h, self.t = rollout(now, drive, self.h[None]).h[0, -1], self.t + steps

    @property
    def probabilities(self) -> Floats:
        return softmax(self.network.logits(self.h))


# ---- the stage ----


def build_stage(page: Page, server: str) -> None:
    """Let a tab find the stage at /stage of the server."""
    page.route(f"{server}/stage", lambda route: route.fulfill(body=_STAGE, content_type="text/html"))


def set_stage(page: Page, server: str) -> Page:
    """An empty page with a live view that has nothing to show yet."""
    page.goto(f"{server}/stage")
    wait_until(page, "() => window.hmmrnnLive")
    return page


def put(
    page: Page,
    network: Network,
    interventions: Iterable[Intervention] = (),
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


def intervene_on(page: Page, interventions: Iterable[Intervention]) -> None:
    """Change the scenario of the live view, as a dashboard does."""
    page.evaluate("interventions => hmmrnnLive.change({ ...hmmrnnLive.scenario, interventions })", plain(interventions))


# ---- its buttons ----


def press(page: Page, name: str) -> None:
    page.locator("#live").get_by_role("button", name=name, exact=True).click()


def stand(page: Page) -> None:
    """Pause, and go back to the first step."""
    press(page, "Pause")
    press(page, "Restart")
    reached(page, 0)


def choose_speed(page: Page, label: str) -> None:
    page.get_by_label("Speed of the live view").select_option(label=label)


# ---- what it shows ----


def status(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("hmmrnnLive.status")
    return found


def until(page: Page, condition: str, arg: Any = None) -> dict[str, Any]:
    """Wait until a condition on the status `s` of the live view holds; returns that status."""
    # Read in the same look: the next message may say otherwise.
    script = "const s = window.hmmrnnLive && hmmrnnLive.status;"
    found = wait_until(page, f"(arg) => {{ {script} return s && ({condition}) ? s : null; }}", arg=arg)
    shown: dict[str, Any] = found.json_value()
    return shown


def reached(page: Page, step: int) -> dict[str, Any]:
    return until(page, "s.step === arg && !s.running", step)


def step_to(page: Page, steps: int) -> dict[str, Any]:
    """So many steps by hand; returns the status after them."""
    before = status(page)["step"]
    page.evaluate("steps => hmmrnnLive.step(steps)", steps)
    return reached(page, before + steps)


def walk(page: Page, followed: Followed, steps: int, **how: Any) -> dict[str, Any]:
    """So many steps in the page and in Python, after which both must be at the same place."""
    page.evaluate("steps => hmmrnnLive.step(steps)", steps)
    followed.go(steps, **how)
    now = reached(page, followed.t)
    assert now["probabilities"] == pytest.approx(followed.probabilities, abs=1e-6)
    assert now["size"] == pytest.approx(followed.h.max(), abs=1e-6)
    return now


def expect_said(page: Page, words: str) -> None:
    expect(page.locator(".live-said")).to_have_text(re.compile(words))


def expect_story(page: Page, words: str) -> None:
    expect(page.locator(".live-story")).to_contain_text(re.compile(words))


def expect_running_story(page: Page) -> None:
    """Wait until a network has run some steps in the page."""
    story = page.locator(".live-story")
    expect(story).to_contain_text("Step")
    before = story.inner_text()
    expect(story).not_to_have_text(before)
