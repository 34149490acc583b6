"""The linked views as a user points, drags and chooses in them, and what the page then holds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from playwright.sync_api import FloatRect, Locator, Page
from playwright.sync_api import TimeoutError as NotInTime

from tests.browser.pages import HOVER_ATTEMPTS, HOVER_MS, box_of, wait_until

EYE = """() => (({ x, y, z }) => [x, y, z])(
    document.querySelector("#state-space .js-plotly-plot")._fullLayout.scene._scene.getCamera().eye)"""


def linked(page: Page, what: str) -> Any:
    return page.evaluate(f"hmmrnnLinked.{what}")


def chosen_states(page: Page) -> np.ndarray:
    """(B T,) whether each moment is selected, run after run."""
    return np.array(page.evaluate("Array.from(hmmrnnLinked.chosen)"), dtype=bool)


def step(page: Page) -> int:
    """The step that the run which is played stands at."""
    return int(page.evaluate("hmmrnnTimeline.step"))


def strip(page: Page) -> Locator:
    return page.get_by_role("slider", name="Step of the run that is played")


def plot(page: Page, view: str) -> FloatRect:
    return box_of(page.locator(f"#{view} .nsewdrag").first)


def pixel_of(page: Page, view: str, run: int, step: int) -> list[float]:
    """Where a moment is in a view of the plane, in pixels of the window."""
    return page.evaluate(
        """([view, run, step]) => {
            const graph = document.querySelector(`#${view} .js-plotly-plot`);
            const { xaxis, yaxis } = graph._fullLayout;
            const [x, y] = hmmrnnLinked.moments.at({ run, step }).place;
            const box = graph.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
        }""",
        [view, run, step],
    )


def expect_ranges(page: Page, wanted: Sequence[float]) -> None:
    """Wait until the first axis of both planes shows that."""
    wait_until(
        page,
        """wanted => ["state-space", "region-map"].every((id) => document.querySelector(`#${id} .js-plotly-plot`)
            .layout.xaxis.range.every((end, i) => Math.abs(end - wanted[i]) <= 1e-3))""",
        arg=list(wanted),
    )


def expect_eye(page: Page, wanted: Sequence[float]) -> None:
    """Wait until the state space is seen from a place."""
    wait_until(page, f"wanted => ({EYE})().every((x, i) => Math.abs(x - wanted[i]) <= 1e-3)", arg=list(wanted))


def choose_tool(page: Page, tool: str) -> None:
    """Choose what a drag in the state space does."""
    box = plot(page, "state-space")
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.locator(f'#state-space .modebar-btn[data-title="{tool}"]').click()


def drag_in_plane(page: Page, tool: str, path: list[tuple[float, float]]) -> None:
    """Drag along a path in the state space, given in shares of its width and height."""
    choose_tool(page, tool)
    box = plot(page, "state-space")
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def point_at_state(page: Page, x: float, y: float) -> None:
    """Come to a place of the state space until it is labelled: a redraw takes the label away."""
    for attempt in range(1, HOVER_ATTEMPTS + 1):
        page.mouse.move(x - 30, y - 30)
        page.mouse.move(x, y)
        with suppress(NotInTime):
            wait_until(page, "() => document.querySelector('#state-space .hovertext')", timeout=attempt * HOVER_MS)
            return
    raise AssertionError(f"no label in the state space at {x}, {y}")
