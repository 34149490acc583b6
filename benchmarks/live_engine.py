"""Steps a second of the live view's engine, in a worker of an otherwise empty page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route

from benchmarks.dashboard import running_browser
from benchmarks.figures import LIVE_OUTPUTS, LIVE_SIZES, Measurement, inputs_of
from hmmrnn.shipped import ASSETS

# An address that only this browser knows: what it asks for there is read from the disk.
EMPTY_PAGE = "http://engine.invalid/"
LAPS_SCRIPT = "live_engine.mjs"
LAP_MS, SEED = 50, 0
_LAPS = """(order) => new Promise((resolve, reject) => {
    const worker = new Worker(order.script, { type: "module" });
    worker.onmessage = ({ data }) => {
        worker.terminate();
        resolve(data);
    };
    worker.onerror = ({ message }) => reject(new Error(message || "the engine could not be loaded"));
    worker.postMessage(order);
})"""


def live_engine_figures(laps: int) -> list[Measurement]:
    """Measure so many laps of each size, in turn with the same number of laps of bare products."""
    with running_browser() as browser:
        page = engine_page(browser)
        return [_figure(neurons, laps_of(page, neurons, laps)) for neurons in LIVE_SIZES]


def engine_page(browser: Browser) -> Page:
    """An empty page that can start `LAPS_SCRIPT` as a worker."""
    page = browser.new_page()
    page.route(f"{EMPTY_PAGE}**", _from_disk)
    page.goto(EMPTY_PAGE)
    return page


def laps_of(page: Page, neurons: int, laps: int, milliseconds: float = LAP_MS) -> dict[str, Any]:
    """Steps and bare products per second, one of each per lap, and the share of active neurons in the end."""
    order = {"neurons": neurons, "inputs": inputs_of(neurons), "outputs": LIVE_OUTPUTS, "seed": SEED}
    found: dict[str, Any] = page.evaluate(
        _LAPS, {**order, "script": LAPS_SCRIPT, "laps": laps, "milliseconds": milliseconds}
    )
    return found


def _from_disk(route: Route) -> None:
    path = route.request.url.removeprefix(EMPTY_PAGE)
    if not path:
        route.fulfill(body="<!doctype html><title>Engine</title>", content_type="text/html")
    else:
        file = (Path(__file__).parent if path == LAPS_SCRIPT else ASSETS) / path
        if file.is_file():
            route.fulfill(path=file, content_type="text/javascript")
        else:
            # Without an answer the worker would never be loaded, nor fail.
            route.fulfill(status=404)


def _figure(neurons: int, found: dict[str, Any]) -> Measurement:
    return Measurement(
        f"live_steps_per_s_{neurons}",
        tuple(found["steps"]),
        "products of the same recurrent weights with the same activity by a bare double loop, row by row, in the same "
        "worker",
        tuple(found["products"]),
        f"laps of about {LAP_MS} ms; {100 * found['active']:.0f} % of the neurons active at the end",
    )
