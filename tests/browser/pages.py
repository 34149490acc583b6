"""What a user does on the page and sees there: the words that the browser tests are written in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import FloatRect, JSHandle, Locator, Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from hmmrnn.explorer.scenario import Scenario

# Only what never comes exceeds this, even beside other work.
READY_MS = 120_000
POLL_MS = 100
# The search for the kick neurons of a shipped network takes a worker some ten seconds, and many times that where others
# keep the cores busy: it gives way to them.
SEARCHED_MS = 300_000
HOVER_MS, HOVER_ATTEMPTS = 200, 20
MAIN_VIEWS = ("state-space", "region-map", "orbit", "connectivity")
# A small window: what is asked of the page is the same as with a large one, and the answers come sooner.
SMALL = "/bench?steps=150&trajectories=4"

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
        if (ArrayBuffer.isView(value)) return { shape: null, values: Array.from(value) };
        if (Array.isArray(value)) return value.map(plain);
        if (typeof value.bdata === "string") return { shape: value.shape || null, values: unpacked(value) };
        const kept = Object.entries(value).filter(([key]) => !key.startsWith("_")).sort(([a], [b]) => (a < b ? -1 : 1));
        return Object.fromEntries(kept.map(([key, item]) => [key, plain(item)]));
    };
    return JSON.stringify(plain(document.getElementById(id).querySelector(".js-plotly-plot").data));
}"""
_LAYOUT = "(id) => JSON.stringify(document.getElementById(id).querySelector('.js-plotly-plot').layout)"
_KNOWN = "() => window.dash_clientside?.hmmrnn?.kickGroups?.() && document.querySelector('.silence')"
_SETTLED = "() => window.dash_clientside?.hmmrnn?.isSettled?.()"
_UNSETTLED = """() => ({
    address: location.href, notice: document.querySelector("#notice-text")?.textContent,
    late: Array.from(document.querySelectorAll(".main > .card:not([hidden]).stale"), (late) => late.id),
    numbers: Boolean(document.querySelector("#numbers table")),
})"""
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
    window.clickHeard = false;
    document.querySelector(`#${id} .js-plotly-plot`).once("plotly_click", () => { window.clickHeard = true; });
}"""
_PUT = """(fields) => {
    const { hmmrnn } = window.dash_clientside;
    hmmrnn.store.change({ ...hmmrnn.store.present, ...fields });
}"""
# A canvas is read from a copy of it: reading slows down what is drawn on, and Chrome warns of it.
COPY_OF = """(canvas) => {
    const paper = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    paper.drawImage(canvas, 0, 0);
    return paper;
}"""
# The opacity of the glass of a view at a place of the window, the most of all its sheets; 0 as long as there is none.
_INK_AT = f"""([view, [x, y]]) => Math.max(0, ...[...document.querySelectorAll(`#${{view}} .glass`)].map((glass) => {{
    const box = glass.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    return ({COPY_OF})(glass).getImageData((x - box.left) * ratio, (y - box.top) * ratio, 1, 1).data[3];
}})) / 255"""
# In pixels, so that no two places are in the same row, however many neurons there are.
ROWS_APART = 4
# Pixels that a header with two lines would exceed.
ONE_LINE = 60
# The width of the thumb that Chromium gives a slider of a form.
THUMB = 16


def wait_until(page: Page, condition: str, arg: Any = None, timeout: float = READY_MS) -> JSHandle:
    """Wait until a condition of the page holds; returns its value.

    It is looked at ten times a second. At every frame, as Playwright does by itself, a page that waits would be as busy
    as one that works.
    """
    return page.wait_for_function(condition, arg=arg, timeout=timeout, polling=POLL_MS)


def open_page(page: Page, url: str) -> None:
    """Open a link and wait until every view shows it, the slow ones and the roles of the neurons too."""
    page.goto(url)
    settle_known(page)


def settle_known(page: Page) -> None:
    """Wait until the kick neurons are known, and every view of the chapter shows the present scenario."""
    # Of what is not yet there, `expect` takes a picture in words at each look, which on this page costs as much as to
    # draw a view.
    wait_until(page, _KNOWN, timeout=SEARCHED_MS)
    settle(page)


def settle(page: Page) -> None:
    """Wait until every view of the chapter has drawn the present scenario, but for those that a worker computes."""
    _wait_or_tell(page, _SETTLED, "settle")


def _wait_or_tell(page: Page, condition: str, what: str, arg: Any = None) -> None:
    try:
        wait_until(page, condition, arg=arg)
    except NotInTime:
        raise AssertionError(f"the page did not {what}: {page.evaluate(_UNSETTLED)}") from None


@contextmanager
def changing(page: Page) -> Iterator[None]:
    """What is done inside changes the scenario; afterwards every main view shows the new one."""
    with changing_address(page):
        yield
    settle(page)


def click(what: Locator) -> None:
    """Click on what changes the scenario, and wait until every main view shows the new one."""
    with changing(what.page):
        what.click()


@contextmanager
def changing_address(page: Page) -> Iterator[None]:
    """What is done inside changes the scenario; the views may still be on their way."""
    before = address(page)
    yield
    _wait_or_tell(page, "before => location.search !== before", "change its address", arg=before)


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


def box_of(what: Locator) -> FloatRect:
    """Where an element is that is on the page."""
    box = what.bounding_box()
    assert box is not None, f"{what} is not drawn"
    return box


@contextmanager
def holding_slider(page: Page, name: str) -> Iterator[Callable[[float], None]]:
    """Hold a slider at its left end with the mouse; gives a way to move to a share of its track."""
    box = box_of(page.get_by_role("slider", name=name))
    x, y = box["x"] + THUMB / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    yield lambda share: page.mouse.move(x + share * (box["width"] - THUMB), y)
    page.mouse.up()


def clear_pointer(page: Page) -> None:
    """Leave neither mouse nor focus on anything, so that no hint or ring is in the picture, and scroll to the top."""
    page.mouse.move(0, 0)
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    expect(page.locator("[role=tooltip]:visible")).to_have_count(0)


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
    wait_until(page, f"([id, wanted]) => ({_TRACES})(id) === wanted", arg=[view, wanted])


def expect_other_traces(page: Page, view: str, unwanted: str) -> None:
    """Wait until a figure draws anything but that."""
    wait_until(page, f"([id, unwanted]) => ({_TRACES})(id) !== unwanted", arg=[view, unwanted])


def expect_ink(page: Page, view: str, place: list[float], within: tuple[float, float]) -> None:
    """Wait until the glass of a view has an opacity between two at a place of the window."""
    wait_until(
        page,
        f"([at, [least, most]]) => {{ const ink = ({_INK_AT})(at); return least <= ink && ink <= most; }}",
        arg=[[view, place], list(within)],
    )


def picture(page: Page) -> dict[str, str]:
    """All that the main views and the numbers say about the scenario."""
    return {**{view: traces(page, view) for view in MAIN_VIEWS}, "numbers": page.locator("#numbers").inner_text()}


def expect_picture(page: Page, wanted: dict[str, str]) -> None:
    """Wait until the page shows exactly that, in every main view and in the numbers."""
    for view in MAIN_VIEWS:
        expect_traces(page, view, wanted[view])
    assert picture(page) == wanted


def number(page: Page, row: str, column: str) -> float:
    """One value of the numbers table, without its standard error."""
    columns = page.locator("#numbers thead th").all_inner_texts()
    line = page.locator("#numbers tbody tr", has=page.get_by_role("rowheader", name=row))
    text = line.locator("td").nth(columns.index(column) - 1).inner_text()
    return float(text.split("±")[0])


def set_scheme(page: Page, scheme: str, view: str = "connectivity") -> None:
    """Light or dark by the page's own button; `view` is one of the open chapter with colours of its own."""
    if page.evaluate("document.documentElement.dataset.scheme") != scheme:
        before = traces(page, view)
        page.locator("#colour-scheme").click()
        expect_other_traces(page, view, before)
        settle(page)


# ---- the ways to a neuron ----


@dataclass(frozen=True)
class Cell:
    """A place in the connectivity to click on, and the neuron whose row it is in."""

    x: int
    y: int
    neuron: int

    def click(self, page: Page) -> None:
        click_heard(page, "connectivity", self.x, self.y, point=lambda: self._point(page))

    def toggle(self, page: Page) -> None:
        """Silence the neuron or bring it back, and wait until every main view shows the network."""
        with changing(page):
            self.click(page)

    def _point(self, page: Page) -> None:
        for attempt in range(1, HOVER_ATTEMPTS + 1):
            page.mouse.move(0, 0)
            page.mouse.move(self.x, self.y)
            with suppress(NotInTime):
                wait_until(page, _LABELLED, arg=self.neuron, timeout=attempt * HOVER_MS)
                return
        raise AssertionError(f"no label of neuron {self.neuron} at {self.x}, {self.y}")


def cells(page: Page, count: int = 3) -> list[Cell]:
    """Places in that many rows of the recurrent weights, from the top, with the neurons of those rows.

    That the page names the same neuron there is seen when one is clicked.
    """
    plot = page.locator('#connectivity .nsewdrag[data-subplot="xy"]')
    plot.scroll_into_view_if_needed()
    box = box_of(plot)
    x = round(box["x"] + box["width"] / 3)
    places = [(x, int(box["y"]) + 2 + ROWS_APART * i) for i in range(count)]
    found = [Cell(*place, int(page.evaluate(_ROW, list(place)))) for place in places]
    assert len({cell.neuron for cell in found}) == count
    return found


def click_heard(page: Page, view: str, x: float, y: float, point: Callable[[], None]) -> None:
    """Point at a place of a figure and click there, again until the figure tells of the click."""
    # Plotly looks no more than twenty times a second for what is under the mouse, and a redraw takes the label away
    # until the mouse comes anew. On a busy machine it takes longer to come; and a click in the moment after a redraw,
    # as no user is quick enough to make it, gets lost: then the mouse comes again.
    page.evaluate(_LISTEN, view)
    for _ in range(HOVER_ATTEMPTS):
        point()
        page.mouse.click(x, y)
        if page.evaluate("() => window.clickHeard"):
            return
    raise AssertionError(f"a click at {x}, {y} in the {view} got lost")


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
    """The buttons that silence: of kind "kick", "all", "control", or "input" for the noise of populations."""
    return page.locator(f'.silence[data-kind="{kind}"]')


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a select."""
    page.get_by_role("combobox", name=label).or_(page.get_by_role("textbox", name=label)).first.click()
    page.get_by_role("option", name=option, exact=True).click()


# ---- other pages, and all of a page ----


def in_windows_where_it_fits(page: Page) -> Iterator[None]:
    """Make the window small and large again; each time nothing is wider than it, and the header has one line."""
    for width, height in ((1024, 768), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert box_of(page.locator(".header"))["height"] < ONE_LINE
        last = box_of(page.locator("#colour-scheme"))
        assert last["x"] + last["width"] <= width
        yield


def go(page: Page, path: str) -> None:
    """Go to another page of the dashboard, as its own links do: without loading anything again."""
    page.evaluate("path => window.dash_clientside.hmmrnn.go(path)", path)


def hold_still(page: Page) -> None:
    """End every transition and animation: colours are what they will be."""
    page.evaluate(
        """() => {
            const still = new CSSStyleSheet();
            still.replaceSync("*, *::before, *::after { transition: none !important; animation: none !important; }");
            document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
        }"""
    )


def complaints(page: Page, part: str = "body") -> list[str]:
    """What axe finds that is serious, on the page as it is, or in the part of it that a test is about."""
    hold_still(page)
    page.evaluate(AXE_SCRIPT)
    # Not inside of the figures: thousands of elements, of whose text axe does not know the colour.
    where = {"include": [[part]], "exclude": [[".main-svg"]]}
    found = page.evaluate("where => axe.run(where, { resultTypes: ['violations'] })", where)
    return [
        f"{violation['id']}: {node['html'][:160]}: {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
