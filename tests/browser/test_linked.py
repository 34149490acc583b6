"""The views as one instrument: a moment in all of them, time that is played, selections, a neuron that is looked at."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from tests.browser.pages import (
    HOVER_ATTEMPTS,
    HOVER_MS,
    address,
    await_frame,
    cells,
    changing,
    click_told,
    put,
    scenario,
    settle,
)

LINKED = "() => window.hmmrnnLinked && !!window.hmmrnnLinked.moments"
# A canvas is read from a copy of it: reading slows down what is drawn on, and Chrome warns of it.
COPY = """() => {
    window.copyOf = (canvas) => {
        const paper = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        paper.drawImage(canvas, 0, 0);
        return paper;
    };
}"""

# The table has another order before the roles are known, and while it says how much neurons differ in a selection.
SORTED = """() => document.getElementById("connectivity-caption").textContent.includes("by role")
    && !document.querySelector("#neuron-table .ag-header-cell[col-id=effect]")"""

# Whether the state that is marked is the one that Plotly has a label at.
AGREED = """() => {
    const { shown } = window.hmmrnnLinked;
    const [at] = document.querySelector("#state-space .js-plotly-plot")._hoverdata || [];
    return at && at.customdata && at.customdata[0] === shown.run && at.customdata[1] === shown.step;
}"""

# Keeps the next comparison of neurons back; `late` lets go of the selection, and hands it over in the same breath.
LATE = """() => {
    const send = window.fetch;
    window.fetch = (...args) => {
        if (!String(args[0]).includes("/contrast")) return send(...args);
        window.fetch = send;
        return new Promise((hand) => {
            window.late = async () => {
                const answer = await send(...args);
                document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
                hand(answer);
            };
        });
    };
}"""


@pytest.fixture
def page(started: Page) -> Page:
    """The page with its moments; what is played stands at the first of them, wherever the test before left it."""
    started.wait_for_function(SORTED)
    started.wait_for_function(LINKED)
    started.evaluate(COPY)
    started.evaluate("hmmrnnTimeline.goTo({ run: 0, step: 1 })")
    return started


def open_linked(page: Page, url: str) -> None:
    """Open a page and wait until its moments are there."""
    page.goto(url)
    settle(page)
    page.wait_for_function(LINKED)


def linked(page: Page, what: str) -> Any:
    return page.evaluate(f"hmmrnnLinked.{what}")


def moments(page: Page) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (B, T, C), output (B, T) and probabilities (B, T, O) that the page holds."""
    sizes = page.evaluate(
        "(({ runs, steps, dimensions, outputs }) => [runs, steps, dimensions, outputs])(hmmrnnLinked.moments)"
    )
    runs, steps, dimensions, outputs = sizes
    held = page.evaluate("['points', 'output', 'probabilities'].map((name) => Array.from(hmmrnnLinked.moments[name]))")
    points, output, probabilities = (np.array(values, dtype=float) for values in held)
    shape = runs, steps
    return points.reshape(*shape, dimensions), output.reshape(shape), probabilities.reshape(*shape, outputs)


def changes(page: Page) -> int:
    """How many changes can be undone."""
    return int(page.evaluate("dash_clientside.hmmrnn.history().past.length"))


def strip(page: Page) -> Locator:
    return page.get_by_role("slider", name="Step of the run that is played")


def plot(page: Page, view: str) -> dict[str, float]:
    box = page.locator(f"#{view} .nsewdrag").first.bounding_box()
    assert box is not None
    return box


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


def point_at_state(page: Page, x: float, y: float) -> None:
    """Come to a place of the state space until it is labelled: a redraw takes the label away."""
    for attempt in range(1, HOVER_ATTEMPTS + 1):
        page.mouse.move(x - 30, y - 30)
        page.mouse.move(x, y)
        with suppress(NotInTime):
            page.wait_for_function(
                "() => document.querySelector('#state-space .hovertext')", timeout=attempt * HOVER_MS
            )
            return
    raise AssertionError(f"no label in the state space at {x}, {y}")


# The opacity of the glass of a view at a place of the window, the most of all its sheets; 0 as long as there is none.
INK_AT = """([view, [x, y]]) => Math.max(0, ...Array.from(document.querySelectorAll(`#${view} .glass`), (glass) => {
    const box = glass.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    return window.copyOf(glass).getImageData((x - box.left) * ratio, (y - box.top) * ratio, 1, 1).data[3];
})) / 255"""


def expect_ink(page: Page, view: str, place: list[float], within: tuple[float, float]) -> None:
    """Wait until the glass of a view has an opacity between two at a place of the window."""
    page.wait_for_function(
        f"([at, [least, most]]) => {{ const ink = ({INK_AT})(at); return least <= ink && ink <= most; }}",
        arg=[[view, place], list(within)],
    )


class TestMoment:
    def test_a_moment_that_is_pointed_at_is_marked_in_every_view_without_asking_the_server(self, page: Page) -> None:
        # Run 2 in the middle: not where the played run stands.
        place = pixel_of(page, "state-space", 1, 70)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        point_at_state(page, *place)
        shown = linked(page, "shown")
        assert (shown["run"], shown["step"]) != (0, 1)
        there = linked(page, f"moments.at({json.dumps(shown)})")
        for view in ("state-space", "region-map"):
            expect_ink(page, view, pixel_of(page, view, shown["run"], shown["step"]), within=(1, 1))
        line = page.evaluate(
            """(phase) => {
                const graph = document.querySelector("#orbit .js-plotly-plot");
                const { xaxis, yaxis } = graph._fullLayout;
                const box = graph.getBoundingClientRect();
                return [box.left + xaxis._offset + xaxis.l2p(phase), box.top + yaxis._offset + yaxis._length + 20];
            }""",
            there["phase"],
        )
        expect_ink(page, "orbit", line, within=(0.3, 1))
        words = page.locator(".timeline-words")
        expect(words).to_contain_text(f"step {shown['step']}: output {there['output']}, p {there['probability']:.2f}")
        assert asked == []
        page.mouse.move(5, 5)
        expect(words).to_contain_text("step 1:")
        assert linked(page, "shown") == {"run": 0, "step": 1}

    def test_the_mark_does_not_wait_for_the_label(self, page: Page) -> None:
        points, output, _ = moments(page)
        # Between two states, so that one of them is the nearest.
        place = np.array(pixel_of(page, "state-space", 1, 70)) + (3, 2)
        marked = page.evaluate(
            """([x, y]) => {
                const graph = document.querySelector("#state-space .js-plotly-plot");
                const move = (clientX, clientY) => {
                    const under = document.elementFromPoint(clientX, clientY);
                    under.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY, bubbles: true }));
                    return { ...hmmrnnLinked.shown };
                };
                const { xaxis, yaxis } = graph._fullLayout;
                const box = graph.getBoundingClientRect();
                const unit = [xaxis, yaxis].map((axis) => axis.l2p(1) - axis.l2p(0));
                const there = [xaxis.p2l(x - box.left - xaxis._offset), yaxis.p2l(y - box.top - yaxis._offset)];
                return { at: move(x, y), unit, there };
            }""",
            place.tolist(),
        )
        apart = np.hypot(*np.moveaxis((points[..., :2] - marked["there"]) * marked["unit"], -1, 0))
        run, step = np.unravel_index(np.where(output < 0, np.inf, apart).argmin(), apart.shape)
        assert marked["at"] == {"run": run, "step": step + 1}
        page.wait_for_function("() => document.querySelector('#state-space .hovertext')")
        assert linked(page, "shown") == marked["at"]
        # The mouse was only said to be there: it comes, so that it can go.
        page.mouse.move(*place)

    def test_s_selects_the_states_around_the_moment_and_then_some_more(self, page: Page) -> None:
        points, output, _ = moments(page)
        scale = np.array(linked(page, "moments.scale"))
        page.locator("h1").click()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        place = points[0, 3, :2]
        apart = np.hypot(*np.moveaxis((points[..., :2] - place) / scale, -1, 0))
        seen = []
        for radius in (0.5, 0.75, 1.125):
            before = address(page)
            page.keyboard.press("s")
            page.wait_for_function("before => location.search !== before && !!hmmrnnLinked.chosen", arg=before)
            chosen = np.array(page.evaluate("Array.from(hmmrnnLinked.chosen)"), dtype=bool).reshape(output.shape)
            # A polygon of sixteen corners lies between two circles.
            inner, outer = radius * np.cos(np.pi / 16) - 1e-3, radius + 1e-3
            assert chosen[(apart < inner) & (output >= 0)].all()
            assert not chosen[apart > outer].any()
            seen.append(int(chosen.sum()))
        assert 0 < seen[0] <= seen[1] <= seen[2]
        page.keyboard.press("Escape")
        page.wait_for_function("() => hmmrnnLinked.chosen === null")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("s")
        page.wait_for_function("() => !!hmmrnnLinked.chosen")
        assert page.evaluate("hmmrnnLinked.chosen.reduce((sum, one) => sum + one, 0)") <= seen[2]

    def test_a_comparison_that_comes_when_nothing_is_selected_any_more_leaves_no_columns(self, page: Page) -> None:
        columns = page.locator("#neuron-table .ag-header-cell", has_text="Inside |d|")
        page.locator("h1").click()
        page.keyboard.press("s")
        expect(columns).to_be_visible()
        page.evaluate(LATE)
        page.keyboard.press("s")
        page.wait_for_function("() => window.late")
        page.evaluate("window.late()")
        page.wait_for_function("() => hmmrnnLinked.chosen === null")
        expect(page.locator("#selection")).to_be_hidden()
        expect(columns).to_have_count(0)

    def test_a_place_on_the_orbit_marks_the_states_of_its_phase(self, page: Page) -> None:
        box = plot(page, "orbit")
        page.mouse.move(box["x"] + 20, box["y"] + 30)
        page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 30)
        page.wait_for_function("() => !!hmmrnnLinked.hovered")
        marked = np.array(page.evaluate("Array.from(hmmrnnLinked.hovered)"), dtype=bool)
        points, _, _ = moments(page)
        scale = np.array(linked(page, "moments.scale"))
        turn = np.arctan2(points[..., 1] / scale[1], points[..., 0] / scale[0]) % (2 * np.pi)
        bins = np.floor(turn / (2 * np.pi) * 48).astype(int).ravel()
        assert len(set(bins[marked])) == 1
        assert marked.sum() == np.sum(bins == bins[marked][0]) > 0

    def test_a_click_on_a_state_takes_the_played_run_there(self, page: Page) -> None:
        x, y = pixel_of(page, "state-space", 2, 40)
        shown: dict[str, int] = {}

        def point() -> None:
            point_at_state(page, x, y)
            # The mark is there at once. Plotly, which tells of clicks, may still be at a place on the way.
            page.wait_for_function(AGREED)
            shown.update(linked(page, "shown"))

        click_told(page, "state-space", x, y, point)
        page.wait_for_function("(run) => window.hmmrnnTimeline.run === run", arg=shown["run"])
        assert page.evaluate("hmmrnnTimeline.step") == shown["step"]
        expect(page.get_by_label("Run that is played", exact=True)).to_have_value(str(shown["run"] + 1))


class TestTime:
    def test_keys_and_buttons_go_along_the_run(self, page: Page) -> None:
        step = lambda: page.evaluate("hmmrnnTimeline.step")  # noqa: E731
        page.locator("h1").click()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert step() == 3
        page.keyboard.press("ArrowLeft")
        assert step() == 2
        page.get_by_role("button", name="One step on").click()
        assert step() == 3
        strip(page).press("End")
        assert step() == 150
        expect(strip(page)).to_have_attribute("aria-valuenow", "150")
        strip(page).press("Home")
        assert step() == 1

    def test_the_next_switch_is_the_next_change_of_the_output(self, page: Page) -> None:
        _, output, _ = moments(page)
        switches = (np.flatnonzero(np.diff(output[0])) + 2).tolist()
        assert len(switches) >= 2
        found = []
        for _ in switches:
            page.get_by_role("button", name="Next switch").click()
            found.append(page.evaluate("hmmrnnTimeline.step"))
        assert found == switches
        page.get_by_role("button", name="Next switch").click()
        expect(page.locator(".timeline-words")).to_have_text("Run 1 has no later switch.")
        page.locator("h1").click()
        page.keyboard.press("p")
        assert page.evaluate("hmmrnnTimeline.step") == switches[-2]

    def test_playing_moves_on_at_the_speed_that_is_chosen_and_waits_when_told(self, page: Page) -> None:
        before = address(page), changes(page)
        page.get_by_label("Speed of playing").select_option("100")
        page.locator("h1").click()
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Play the run")).to_have_text("Pause")
        page.wait_for_function("() => hmmrnnTimeline.step > 30")
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Play the run")).to_have_text("Play")
        step = page.evaluate("hmmrnnTimeline.step")
        for _ in range(2):
            await_frame(page)
        assert page.evaluate("hmmrnnTimeline.step") == step == linked(page, "shown.step")
        # What was played is no change of the scenario.
        assert (address(page), changes(page)) == before

    def test_keys_mean_nothing_while_one_types(self, page: Page) -> None:
        page.locator("#seed").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("n")
        assert page.evaluate("hmmrnnTimeline.step") == 1


class TestSelection:
    @pytest.mark.parametrize("tool", ["Box Select", "Lasso Select"])
    def test_states_in_the_plane_restrict_the_views_and_rank_the_neurons(
        self, page: Page, server: str, tool: str
    ) -> None:
        box = plot(page, "state-space")
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.locator(f'#state-space [data-title="{tool}"]').click()
        corners = [(0.02, 0.02), (0.45, 0.03), (0.44, 0.97), (0.03, 0.95)]
        path = [corners[0], corners[2]] if tool.startswith("Box") else [*corners, corners[0]]
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]
        page.mouse.move(*at[0])
        page.mouse.down()
        for place in at[1:]:
            page.mouse.move(*place, steps=4)
        page.mouse.up()
        page.wait_for_function("() => location.search.includes('area=')")
        chosen = np.array(page.evaluate("Array.from(hmmrnnLinked.chosen)"), dtype=bool)
        points, _, probabilities = moments(page)
        assert 0 < chosen.sum() < chosen.size
        expect(page.locator("#selection strong")).to_have_text(f"{chosen.sum():,} of {chosen.size:,} states")
        # The server takes the same states, and names the neurons that differ.
        sent = page.request.get(f"{server}/contrast{address(page)}").json()
        assert (sent["n_inside"], sent["n_outside"]) == (chosen.sum(), (~chosen).sum())
        strongest = int(np.argmax(np.abs(np.array(sent["effect"], dtype=float))))
        first = page.locator("#neuron-table .ag-pinned-left-cols-container .ag-row[row-index='0']")
        expect(first).to_have_attribute("row-id", str(strongest))
        expect(page.locator("#neuron-table .ag-header-cell", has_text="Inside |d|")).to_be_visible()
        self.check_orbit(page, points, probabilities, chosen)
        # What is not selected stands behind a veil, what is does not; in the other plane too.
        inside, outside = np.flatnonzero(chosen)[0], np.flatnonzero(~chosen)[-1]
        for view in ("state-space", "region-map"):
            for index, veiled in ((inside, False), (outside, True)):
                place = pixel_of(page, view, int(index) // 150, int(index) % 150 + 1)
                expect_ink(page, view, place, within=(0.5, 1) if veiled else (0, 0.5))
        page.locator("h1").click()
        page.keyboard.press("Escape")
        expect(page.locator("#selection")).to_be_hidden()
        expect(page.locator("#neuron-table .ag-header-cell", has_text="Inside |d|")).to_have_count(0)
        page.locator("#undo").click()
        page.wait_for_function("() => location.search.includes('area=')")
        # Plotly remembers what was selected, and tells of it again when a tool is chosen.
        page.get_by_role("button", name="Let go of the selection").click()
        for other in ("Pan", tool, "Zoom"):
            page.mouse.move(box["x"] + 5, box["y"] + 5)
            page.locator(f'#state-space .modebar-btn[data-title="{other}"]').click()
            page.evaluate("() => new Promise((drawn) => setTimeout(drawn, 0))")
        with changing(page):
            page.locator("#new-noise").click()
        assert scenario(page).area is None

    def check_orbit(self, page: Page, points: Any, probabilities: Any, chosen: Any) -> None:
        """The medians along the orbit are those of the selected states alone."""
        scale = np.array(linked(page, "moments.scale"))
        turn = np.arctan2(points[..., 1] / scale[1], points[..., 0] / scale[0]).ravel() % (2 * np.pi)
        bins = np.floor(turn / (2 * np.pi) * 48).astype(int)
        flat = probabilities.reshape(-1, probabilities.shape[-1])
        for k, median in enumerate(linked(page, "moments.medians(hmmrnnLinked.chosen)")):
            inside = chosen & (bins == k)
            assert (median is None) == (not inside.any())
            if median is not None:
                np.testing.assert_allclose(median, np.median(flat[inside], axis=0), rtol=1e-6)

    def test_a_stretch_of_time_is_brushed_and_is_in_the_link(self, page: Page) -> None:
        box = strip(page).bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 12, steps=5)
        page.mouse.up()
        page.wait_for_function("() => location.search.includes('span=')")
        span = scenario(page).span
        assert span is not None
        assert (abs(span[0] - 31) <= 1, abs(span[1] - 76) <= 1) == (True, True)
        chosen = np.array(page.evaluate("Array.from(hmmrnnLinked.chosen)")).reshape(4, 150)
        assert np.flatnonzero(chosen[2]).tolist() == list(range(span[0] - 1, span[1]))
        page.reload()
        settle(page)
        page.wait_for_function("() => window.hmmrnnLinked && !!hmmrnnLinked.chosen")
        assert scenario(page).span == span
        page.get_by_role("button", name="Let go of the selection").click()
        expect(page.locator("#selection")).to_be_hidden()
        assert scenario(page).span is None

    def test_the_keyboard_selects_with_shift(self, page: Page) -> None:
        strip(page).press("ArrowRight")
        for _ in range(3):
            strip(page).press("Shift+ArrowRight")
        assert scenario(page).span == (2, 5)


class TestNeuron:
    def test_a_neuron_is_looked_at_from_the_table_and_from_the_connectivity(self, page: Page) -> None:
        row = page.locator("#neuron-table .ag-pinned-left-cols-container .ag-row[row-index='1']")
        neuron = int(row.get_attribute("row-id") or "")
        row.locator('[col-id="neuron"]').click()
        page.wait_for_function("() => location.search.includes('picked=')")
        assert scenario(page).picked == neuron
        assert scenario(page).interventions == ()
        expect(page.locator("#picked h2")).to_have_text(f"Neuron {neuron}")
        with changing(page):
            page.locator("#picked").get_by_role("button", name="Colour by").click()
        assert (scenario(page).colour, scenario(page).neuron) == ("neuron", neuron)
        with changing(page):
            page.locator("#picked").get_by_role("button", name="Silence").click()
        assert [item.neurons for item in scenario(page).interventions] == [(neuron,)]
        expect(page.locator("#picked").get_by_role("button", name="Bring back")).to_be_visible()
        page.locator("#picked").get_by_role("button", name="Let go").click()
        expect(page.locator("#picked")).to_be_hidden()
        assert scenario(page).picked is None

    def test_shift_click_looks_at_a_neuron_and_lights_its_row_and_column(self, page: Page) -> None:
        cell = cells(page)[0]
        page.keyboard.down("Shift")
        cell.click(page)
        page.keyboard.up("Shift")
        page.wait_for_function("() => location.search.includes('picked=')")
        assert (scenario(page).picked, scenario(page).interventions) == (cell.neuron, ())
        inked = page.evaluate(
            """() => {
                const glass = document.querySelector("#connectivity canvas.glass");
                const { data } = window.copyOf(glass).getImageData(0, 0, glass.width, glass.height);
                return data.reduce((sum, value, i) => sum + (i % 4 === 3 && value > 0), 0);
            }"""
        )
        assert inked > 200


class TestAxes:
    def test_a_zoom_holds_in_both_planes_is_in_the_link_and_can_be_undone(self, page: Page) -> None:
        ranges = lambda: np.array(  # noqa: E731
            page.evaluate(
                "['state-space', 'region-map'].map((view) => Array.from("
                "document.querySelector(`#${view} .js-plotly-plot`)._fullLayout.xaxis.range))"
            )
        )
        before = ranges()
        box = plot(page, "state-space")
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.wheel(0, -300)
        page.wait_for_function("() => location.search.includes('camera=')")
        camera = scenario(page).camera
        assert camera is not None
        np.testing.assert_allclose(ranges(), [camera[:2]] * 2, atol=1e-3)
        assert camera[1] - camera[0] < np.ptp(before[0])
        link = page.url
        page.locator("#undo").click()
        page.wait_for_function("() => !location.search.includes('camera=')")
        np.testing.assert_allclose(ranges(), before, atol=1e-3)
        open_linked(page, link)
        np.testing.assert_allclose(ranges(), [camera[:2]] * 2, atol=1e-3)

    def test_a_turned_space_is_in_the_link_and_can_be_turned_back(self, page: Page) -> None:
        put(page, dimensions=3)
        camera = lambda: page.evaluate(  # noqa: E731
            "(({ x, y, z }) => [x, y, z])(document.querySelector('#state-space .js-plotly-plot')"
            "._fullLayout.scene._scene.getCamera().eye)"
        )
        first = camera()
        box = page.locator("#state-space").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 10, steps=6)
        page.mouse.up()
        page.wait_for_function("() => location.search.includes('camera=')")
        turned = scenario(page).camera
        assert turned is not None
        np.testing.assert_allclose(turned[:3], camera(), atol=1e-3)
        assert not np.allclose(turned[:3], first, atol=0.05)
        page.locator("#undo").click()
        page.wait_for_function("() => !location.search.includes('camera=')")
        np.testing.assert_allclose(camera(), first, atol=1e-3)
        page.locator("#redo").click()
        page.wait_for_function("() => location.search.includes('camera=')")
        np.testing.assert_allclose(camera(), turned[:3], atol=1e-3)
