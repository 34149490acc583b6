"""What does a viewer do with the page, and what does he see on it? The words that the browser tests are written in."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Locator, Page, Request, Route, expect
from playwright.sync_api import TimeoutError as NotInTime

from hmmrnn.dashboard.scenario import Scenario

READY_MS = 60_000
# The search for the kick neurons of a shipped network takes a worker some ten seconds, and many times that where others
# keep the cores busy: it gives way to them.
SEARCHED_MS = 5 * READY_MS
HOVER_MS, HOVER_ATTEMPTS = 200, 20
MAIN_VIEWS = ("state-space", "region-map", "orbit", "connectivity")
# A small window: what is asked of the page is the same as with a large one, and the answers come sooner.
SMALL = "/?steps=150&trajectories=4"

# A figure's traces as plain lists, whether its arrays came as numbers or packed in base64; NaN becomes null.
_TRACES = """(id) => {
    const kinds = {
        f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array,
        u1: Uint8Array, u2: Uint16Array, u4: Uint32Array,
    };
    const unpacked = ({ dtype, bdata }) =>
        Array.from(new kinds[dtype](Uint8Array.from(atob(bdata), (c) => c.charCodeAt(0)).buffer));
    const plain = (value) => {
        if (value === null || typeof value !== "object") return value;
        if (ArrayBuffer.isView(value)) return Array.from(value);
        if (Array.isArray(value)) return value.map(plain);
        if (typeof value.bdata === "string") return { shape: value.shape || null, values: unpacked(value) };
        const kept = Object.entries(value).filter(([key]) => !key.startsWith("_")).sort(([a], [b]) => (a < b ? -1 : 1));
        return Object.fromEntries(kept.map(([key, item]) => [key, plain(item)]));
    };
    return JSON.stringify(plain(document.getElementById(id).querySelector(".js-plotly-plot").data));
}"""
_LAYOUT = "(id) => JSON.stringify(document.getElementById(id).querySelector('.js-plotly-plot').layout)"
_KNOWN = """() => {
    const caption = document.getElementById("connectivity-caption");
    return document.querySelector("#group-buttons button") && document.querySelector("#neuron-table .ag-row")
        && caption && caption.textContent.includes("by role");
}"""
_SETTLED = """(views) => views.every((view) => document.querySelector(`#${view} .main-svg`))
    && document.querySelector("#numbers table") && !document.querySelector(".view.stale")
    && !document.querySelector(".view [data-dash-is-loading]")
"""
_ROW = """([x, y]) => {
    const graph = document.querySelector("#connectivity .js-plotly-plot");
    const { yaxis } = graph._fullLayout;
    const row = Math.round(yaxis.p2l(y - graph.getBoundingClientRect().top - yaxis._offset));
    return graph.layout.meta.order[row];
}"""
_LABELLED = """(neuron) => Array.from(document.querySelectorAll("#connectivity .hovertext"))
    .some((label) => new RegExp(`to neuron ${neuron}(?!\\d)`).test(label.textContent))
"""
_LISTEN = """(id) => {
    window.clickTold = false;
    document.querySelector(`#${id} .js-plotly-plot`).once("plotly_click", () => { window.clickTold = true; });
}"""
_PUT = """(fields) => {
    const { hmmrnn } = window.dash_clientside;
    hmmrnn.apply({ ...hmmrnn.present(), ...fields });
}"""
# In pixels, so that no two places are in the same row, however many neurons there are.
ROWS_APART = 4


def open_page(page: Page, url: str) -> None:
    """Open a link and wait until every view shows it, the slow ones and the roles of the neurons too."""
    page.goto(url)
    settle_known(page)


def settle_known(page: Page) -> None:
    """Wait until the roles of the neurons are known, and every main view shows the present scenario."""
    # Of what is not yet there, `expect` takes a picture in words at each look, which on this page costs as much as to
    # draw a view.
    page.wait_for_function(_KNOWN, timeout=SEARCHED_MS)
    settle(page)


def settle(page: Page) -> None:
    """Wait until every main view has drawn the present scenario."""
    page.wait_for_function(_SETTLED, arg=list(MAIN_VIEWS), timeout=READY_MS)


@contextmanager
def changing(page: Page) -> Iterator[None]:
    """What is done inside changes the scenario; afterwards every main view shows the new one."""
    with changing_address(page):
        yield
    settle(page)


@contextmanager
def changing_address(page: Page) -> Iterator[None]:
    """What is done inside changes the scenario; the views may still be on their way."""
    before = address(page)
    yield
    page.wait_for_function("before => location.search !== before", arg=before)


def put(page: Page, **fields: Any) -> None:
    """Change fields of the scenario by the page's own script, as one change, and wait until the views show it."""
    with changing(page):
        page.evaluate(_PUT, fields)


def put_default(page: Page) -> None:
    """Return to the scenario that the page opens with where a link says nothing."""
    with changing(page):
        page.locator("#reset").click()


def address(page: Page) -> str:
    return str(page.evaluate("location.search"))


def scenario(page: Page) -> Scenario:
    """The scenario in the address bar, which must be written as the server writes it."""
    query = address(page)
    found = Scenario.from_query(query, default_model="none")
    assert query == f"?{found.to_query()}"
    return found


def touched(page: Page) -> list[tuple[tuple[int, ...], float, str]]:
    """Neurons, mu and target of every intervention in the address bar."""
    return [(item.neurons, item.mu, item.target) for item in scenario(page).interventions]


def silenced(neuron: int) -> tuple[tuple[int, ...], float, str]:
    return (neuron,), 0.0, "unit"


def await_frame(page: Page) -> None:
    """Wait for the page's next frame; a tenth of a second where the browser owes it, as a busy one may for ever."""
    page.evaluate("() => new Promise((go) => { requestAnimationFrame(go); setTimeout(go, 100); })")


# ---- figures ----


def traces(page: Page, view: str) -> str:
    """Everything that a figure draws, as one text that can be compared."""
    return str(page.evaluate(_TRACES, view))


def figure_data(page: Page, view: str) -> list[dict[str, Any]]:
    """The traces of a figure."""
    found: list[dict[str, Any]] = json.loads(traces(page, view))
    return found


def figure_layout(page: Page, view: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.evaluate(_LAYOUT, view))
    return found


def trace_names(page: Page, view: str) -> list[str]:
    return [trace.get("name", "") for trace in figure_data(page, view)]


def expect_traces(page: Page, view: str, wanted: str) -> None:
    """Wait until a figure draws exactly that."""
    page.wait_for_function(f"([id, wanted]) => ({_TRACES})(id) === wanted", arg=[view, wanted])


def expect_other_traces(page: Page, view: str, unwanted: str) -> None:
    """Wait until a figure draws anything but that."""
    page.wait_for_function(f"([id, unwanted]) => ({_TRACES})(id) !== unwanted", arg=[view, unwanted])


def picture(page: Page) -> dict[str, str]:
    """All that the main views and the numbers say about the scenario."""
    return {**{view: traces(page, view) for view in MAIN_VIEWS}, "numbers": page.locator("#numbers").inner_text()}


def number(page: Page, row: str, column: str) -> float:
    """One value of the numbers table, without its standard error."""
    columns = page.locator("#numbers thead th").all_inner_texts()
    line = page.locator("#numbers tbody tr", has=page.get_by_role("rowheader", name=row))
    text = line.locator("td").nth(columns.index(column) - 1).inner_text()
    return float(text.split("±")[0])


def set_scheme(page: Page, scheme: str) -> None:
    """Light or dark by the page's own button."""
    if page.evaluate("document.documentElement.dataset.scheme") != scheme:
        before = traces(page, "connectivity")
        page.locator("#colour-scheme").click()
        expect_other_traces(page, "connectivity", before)
        settle(page)


# ---- the ways to a neuron ----


@dataclass(frozen=True)
class Cell:
    """A place in the connectivity to click on, and the neuron whose row it is in."""

    x: int
    y: int
    neuron: int

    def click(self, page: Page) -> None:
        click_told(page, "connectivity", self.x, self.y, point=lambda: self._point(page))

    def _point(self, page: Page) -> None:
        for attempt in range(1, HOVER_ATTEMPTS + 1):
            page.mouse.move(0, 0)
            page.mouse.move(self.x, self.y)
            with suppress(NotInTime):
                page.wait_for_function(_LABELLED, arg=self.neuron, timeout=attempt * HOVER_MS)
                return
        raise AssertionError(f"no label of neuron {self.neuron} at {self.x}, {self.y}")


def cells(page: Page, count: int = 3) -> list[Cell]:
    """Places in that many rows of the recurrent weights, from the top, with the neurons of those rows.

    That the page names the same neuron there is seen when one is clicked.
    """
    box = page.locator('#connectivity .nsewdrag[data-subplot="xy"]').bounding_box()
    assert box is not None
    x = round(box["x"] + box["width"] / 3)
    places = [(x, int(box["y"]) + 2 + ROWS_APART * i) for i in range(count)]
    found = [Cell(*place, int(page.evaluate(_ROW, list(place)))) for place in places]
    assert len({cell.neuron for cell in found}) == count
    return found


def click_told(page: Page, view: str, x: float, y: float, point: Callable[[], None]) -> None:
    """Point at a place of a figure and click there, again until the figure tells of the click."""
    # Plotly looks no more than twenty times a second for what is under the mouse, and a redraw takes the label away
    # until the mouse comes anew. On a busy machine it takes longer to come; and a click in the moment after a redraw,
    # as no hand is quick enough to make it, is told to nobody: then the mouse comes again.
    page.evaluate(_LISTEN, view)
    for _ in range(HOVER_ATTEMPTS):
        point()
        page.mouse.click(x, y)
        if page.evaluate("() => window.clickTold"):
            return
    raise AssertionError(f"a click at {x}, {y} in the {view} was told to nobody")


def listed(page: Page) -> Locator:
    """The entries of the intervention list."""
    return page.locator("#interventions .intervention")


def tick(page: Page, neuron: int) -> Locator:
    """A neuron's checkbox in the table; only rows near the top of the table exist."""
    return page.locator(f'#neuron-table [row-id="{neuron}"] [col-id="silenced"] input[type="checkbox"]')


def table_neurons(page: Page) -> list[int]:
    """Neurons of the rows that are on screen, from the top."""
    rows = page.locator("#neuron-table .ag-pinned-left-cols-container .ag-row")
    found = rows.evaluate_all(
        "rows => rows.map(row => [Number(row.getAttribute('row-index')), row.getAttribute('row-id')])"
    )
    return [int(neuron) for _, neuron in sorted(found)]


def group_buttons(page: Page, kind: str) -> Locator:
    """The buttons that silence groups: of kind "kick", "integrating" or "control"."""
    return page.locator(f'#group-buttons button[id*="{kind}"]')


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a select."""
    page.get_by_role("combobox", name=label).or_(page.get_by_role("textbox", name=label)).first.click()
    page.get_by_role("option", name=option, exact=True).click()


# ---- answers on their way ----

Wanted = Callable[[Request], bool]


def asks_fast(request: Request) -> bool:
    return "numbers.children" in _outputs(request)


def asks_landscape(request: Request) -> bool:
    return "region-map-answered.data" in _outputs(request)


def asks_kick(request: Request) -> bool:
    return "kick-answer.data" in _outputs(request)


def as_if_not_searched(page: Page) -> None:
    """Open the page as the first viewer of a network finds it: nobody has searched for its kick neurons."""

    def forget(route: Route) -> None:
        if _outputs(route.request) != "opened.data":
            return route.fallback()
        answer = route.fetch()
        told = answer.json()
        told["response"]["opened"]["data"]["kick"] = None
        return route.fulfill(response=answer, json=told)

    page.route(re.compile("_dash-update-component"), forget)


def without_search(page: Page) -> None:
    """Let the page search for no kick neurons any more: in a network that no other test looks at, it takes long."""
    questions = re.compile("_dash-update-component")
    page.route(questions, lambda route: route.fulfill(status=204) if asks_kick(route.request) else route.fallback())


def _outputs(request: Request) -> str:
    return str(request.post_data_json["output"])


class Gate:
    """Holds the answers to questions of one kind until it is opened.

    Attributes:
        held: those that have been asked and answered, and not let through.
    """

    def __init__(self, page: Page, wanted: Wanted) -> None:
        self.page, self.wanted = page, wanted
        self.held: list[tuple[Route, Any]] = []
        self.closed = True
        page.route(re.compile("_dash-update-component"), self._meet)

    def _meet(self, route: Route) -> None:
        if not (self.closed and self.wanted(route.request)):
            return route.fallback()
        answer = route.fetch()
        # Meanwhile it may have been opened; then nobody lets through what is held.
        if not self.closed:
            return route.fulfill(response=answer)
        return self.held.append((route, answer))

    def wait(self, count: int = 1) -> None:
        """Wait until so many answers are held."""
        deadline = time.monotonic() + READY_MS / 1000
        while len(self.held) < count:
            assert time.monotonic() < deadline, f"{len(self.held)} answers came where {count} were expected"
            # Playwright hands over what has arrived while it waits.
            await_frame(self.page)

    def let_through(self) -> None:
        """Let the held answers through; later ones are held again."""
        for route, answer in self.held:
            route.fulfill(response=answer)
        self.held = []

    def open(self) -> None:
        self.closed = False
        self.let_through()


# ---- trainings ----


def open_form(page: Page, url: str) -> None:
    """Open the form of a new training and wait until the server has looked at it."""
    page.goto(f"{url}/train{SMALL[1:]}")
    expect(page.locator("#train-facts")).to_contain_text("In the long run", timeout=READY_MS)


def fill_form(page: Page, **values: int) -> None:
    """Type numbers into the form: neurons, inputs, seed, steps."""
    for name, value in values.items():
        page.locator(f"#train-{name}").fill(str(value))


def train(page: Page) -> str:
    """Start what the form says; returns the path of the training's page, which is then shown."""
    page.locator("#train-start").click()
    page.wait_for_url(re.compile(r"/train/[0-9a-f]{12}"))
    expect(page.locator("#job-title")).to_be_visible()
    return str(page.evaluate("location.pathname"))


def expect_job(page: Page, words: str) -> None:
    """Wait until the page of a training says where it stands with these words."""
    expect(page.locator("#job-state")).to_contain_text(re.compile(words), timeout=READY_MS)


def matrix_cell(page: Page, name: str, row: int, column: int) -> Locator:
    return page.locator(f"#cell-{name}-{row}-{column}")


def matrix(page: Page, name: str) -> list[list[str]]:
    """The text in every cell of A or B."""
    rows = page.locator(f'table:has([id^="cell-{name}-"]) tbody tr')
    found: list[list[str]] = rows.evaluate_all(
        "rows => rows.map(row => Array.from(row.querySelectorAll('input'), (input) => input.value))"
    )
    return found


def paste(page: Page, cell: Locator, text: str) -> None:
    """Paste into a cell of a matrix, as from a spreadsheet."""
    cell.evaluate(
        """(cell, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            cell.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def complaints(page: Page) -> list[str]:
    """What axe finds that is serious, on the page as it is."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{violation['id']}: {node['html'][:160]}: {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
