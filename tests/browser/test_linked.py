"""The views as one instrument: a moment in all of them, time that is played, selections, a neuron that is picked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.linked import (
    EYE,
    choose_tool,
    chosen_states,
    drag_in_plane,
    expect_eye,
    expect_ranges,
    linked,
    pixel_of,
    plot,
    point_at_state,
    step,
    strip,
)
from tests.browser.pages import (
    COPY_OF,
    address,
    await_frame,
    box_of,
    cells,
    changing_address,
    click,
    click_heard,
    expect_ink,
    figure_data,
    figure_layout,
    put,
    scenario,
    settle,
    trace_names,
    wait_until,
)

pytestmark = pytest.mark.browser

LINKED = "() => window.hmmrnnLinked && !!window.hmmrnnLinked.moments"

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
        return new Promise((deliver) => {
            window.late = async () => {
                const answer = await send(...args);
                document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
                deliver(answer);
            };
        });
    };
}"""


@pytest.fixture
def page(page: Page) -> Page:
    """The page with its moments; what is played stands at the first of them, wherever the test before left it."""
    wait_until(page, SORTED)
    wait_until(page, LINKED)
    page.evaluate("hmmrnnTimeline.goTo({ run: 0, step: 1 })")
    return page


class TestMoment:
    @pytest.mark.parametrize("field", [{"start": "random"}, {"input": [0.5]}], ids=["start", "input"])
    def test_moments_are_of_the_runs_that_are_shown(self, page: Page, field: dict[str, Any]) -> None:
        before = linked(page, "moments.at({ run: 0, step: 1 }).place")
        put(page, **field)
        wait_until(page, LINKED)
        assert linked(page, "moments.at({ run: 0, step: 1 }).place") != before

    def test_a_moment_that_is_pointed_at_is_marked_in_every_view_without_asking_the_server(self, page: Page) -> None:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        # Run 2 in the middle: not where the played run stands.
        x, y = pixel_of(page, "state-space", 1, 70)
        marked = page.evaluate(
            """([clientX, clientY]) => {
                const under = document.elementFromPoint(clientX, clientY);
                under.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY, bubbles: true }));
                return { ...hmmrnnLinked.shown };
            }""",
            [x, y],
        )
        assert marked == {"run": 1, "step": 70}, "the mark does not wait for the label"
        point_at_state(page, x, y)
        assert linked(page, "shown") == marked
        there = linked(page, f"moments.at({json.dumps(marked)})")
        for view in ("state-space", "region-map"):
            expect_ink(page, view, pixel_of(page, view, 1, 70), within=(1, 1))
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
        expect(words).to_contain_text(f"step 70: output {there['output']}, p {there['probability']:.2f}")
        assert asked == []
        page.mouse.move(5, 5)
        expect(words).to_contain_text("step 1:")
        assert linked(page, "shown") == {"run": 0, "step": 1}

    def test_a_place_on_the_orbit_marks_the_states_of_its_phase(self, page: Page) -> None:
        box = plot(page, "orbit")
        page.mouse.move(box["x"] + 20, box["y"] + 30)
        page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 30)
        wait_until(page, "() => !!hmmrnnLinked.hovered")
        marked = page.evaluate(
            """() => {
                const { hovered, moments } = hmmrnnLinked;
                const [at] = document.querySelector("#orbit .js-plotly-plot")._hoverdata;
                return [Array.from(hovered), Array.from(moments.atPhase(at.x))];
            }"""
        )
        assert marked[0] == marked[1]
        assert 0 < sum(marked[0]) < len(marked[0])

    def test_a_click_on_a_state_takes_the_played_run_there(self, page: Page) -> None:
        x, y = pixel_of(page, "state-space", 2, 40)
        shown: dict[str, int] = {}

        def point() -> None:
            point_at_state(page, x, y)
            # The mark is there at once. Plotly, which tells of clicks, may still be at a place on the way.
            wait_until(page, AGREED)
            shown.update(linked(page, "shown"))

        click_heard(page, "state-space", x, y, point)
        wait_until(page, "(run) => window.hmmrnnTimeline.run === run", arg=shown["run"])
        assert step(page) == shown["step"]
        expect(page.get_by_label("Run that is played", exact=True)).to_have_value(str(shown["run"] + 1))

    def test_in_three_dimensions_a_press_that_turns_the_plot_is_no_click(self, page: Page) -> None:
        put(page, dimensions=3)
        played = "() => ({ run: hmmrnnTimeline.run, step: hmmrnnTimeline.step })"
        before = page.evaluate(played)

        def point() -> tuple[float, float]:
            """Come to the first state along the middle of the plot."""
            box = box_of(page.locator("#state-space"))
            for share in np.linspace(0.3, 0.7, 81):
                x, y = box["x"] + share * box["width"], box["y"] + box["height"] / 2
                page.mouse.move(x, y)
                for _ in range(3):
                    await_frame(page)
                if linked(page, "shown") not in (None, page.evaluate(played)):
                    return x, y
            raise AssertionError("no state is found in the middle of the plot")

        x, y = point()
        page.mouse.down()
        page.mouse.move(x + 60, y + 10, steps=6)
        page.mouse.up()
        wait_until(page, "() => location.search.includes('camera=')")
        assert page.evaluate(played) == before
        point()
        clicked = linked(page, "shown")
        page.mouse.down()
        page.mouse.up()
        wait_until(page, f"moment => JSON.stringify(({played})()) === JSON.stringify(moment)", arg=clicked)
        # What was pointed at in space is forgotten in the plane: a press beside all states is no click on it.
        page.evaluate("hmmrnnTimeline.goTo({ run: 0, step: 1 })")
        point()
        put(page, dimensions=2)
        box = plot(page, "state-space")
        page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3)
        await_frame(page)
        assert page.evaluate(played) == before


class TestTime:
    def test_keys_and_buttons_go_along_the_run(self, page: Page) -> None:
        page.locator("h1").click()
        for key, there in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
            page.keyboard.press(key)
            assert step(page) == there
        page.get_by_role("button", name="One step on").click()
        assert step(page) == 3
        strip(page).press("End")
        assert step(page) == 150
        expect(strip(page)).to_have_attribute("aria-valuenow", "150")
        switch = page.get_by_role("button", name="Next switch")
        switch.click()
        expect(page.locator(".timeline-words")).to_have_text("Run 1 has no later switch.")
        strip(page).press("Home")
        switch.click()
        first = step(page)
        assert first == linked(page, "moments.switchFrom({ run: 0, step: 1 }, 1)") > 1
        switch.click()
        assert step(page) > first
        page.locator("h1").click()
        page.keyboard.press("p")
        assert step(page) == first
        page.locator("#seed").focus()
        for key in ("ArrowRight", "n"):
            page.keyboard.press(key)
        assert step(page) == first, "keys mean nothing while one types"

    def test_playing_moves_on_at_the_speed_that_is_chosen_and_waits_when_told(self, page: Page) -> None:
        before = address(page)
        play = page.get_by_role("button", name="Play the run")
        page.get_by_label("Speed of playing").select_option("100")
        page.locator("h1").click()
        page.keyboard.press("Space")
        expect(play).to_have_text("Pause")
        wait_until(page, "() => hmmrnnTimeline.step > 30")
        page.keyboard.press("Space")
        expect(play).to_have_text("Play")
        there = step(page)
        for _ in range(2):
            await_frame(page)
        assert step(page) == there == linked(page, "shown.step")
        assert address(page) == before, "what was played is no change of the scenario"


class TestSelection:
    def test_s_selects_the_states_around_the_moment_and_then_some_more(self, page: Page) -> None:
        columns = page.locator("#neuron-table .ag-header-cell", has_text="Cohen's d")
        page.locator("h1").click()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        here = linked(page, "moments.index(hmmrnnTimeline.moment)")
        seen = [np.zeros(1, dtype=bool)]
        for _ in range(3):
            before = address(page)
            page.keyboard.press("s")
            wait_until(page, "before => location.search !== before && !!hmmrnnLinked.chosen", arg=before)
            seen.append(chosen_states(page))
            assert seen[-1][here]
            assert seen[-1].sum() > 0
            assert (seen[-1] >= seen[-2]).all(), "each time some more"
        expect(columns).to_be_visible()
        # A comparison that comes when nothing is selected any more leaves no columns.
        page.evaluate(LATE)
        page.keyboard.press("s")
        wait_until(page, "() => window.late")
        page.evaluate("window.late()")
        wait_until(page, "() => hmmrnnLinked.chosen === null")
        expect(page.locator("#selection")).to_be_hidden()
        expect(columns).to_have_count(0)

    @pytest.mark.parametrize("tool", ["Box Select", "Lasso Select"])
    def test_states_in_the_plane_restrict_the_views_and_rank_the_neurons(
        self, page: Page, server: str, tool: str
    ) -> None:
        corners = [(0.02, 0.02), (0.45, 0.03), (0.44, 0.97), (0.03, 0.95)]
        with changing_address(page):
            drag_in_plane(page, tool, corners[::2] if tool.startswith("Box") else [*corners, corners[0]])
        chosen = chosen_states(page)
        assert 0 < chosen.sum() < chosen.size
        expect(page.locator("#selection strong")).to_have_text(f"{chosen.sum():,} of {chosen.size:,} states")
        # The server takes the same states, and names the neurons that differ.
        sent = page.request.get(f"{server}/contrast{address(page)}").json()
        assert (sent["n_inside"], sent["n_outside"]) == (chosen.sum(), (~chosen).sum())
        strongest = int(np.argmax(np.abs(np.array(sent["effect"], dtype=float))))
        first = page.locator("#neuron-table .ag-pinned-left-cols-container .ag-row[row-index='0']")
        expect(first).to_have_attribute("row-id", str(strongest))
        columns = page.locator("#neuron-table .ag-header-cell", has_text="Cohen's d")
        expect(columns).to_be_visible()
        # What is not selected stands behind a veil, what is does not; in the other plane too.
        inside, outside = np.flatnonzero(chosen)[0], np.flatnonzero(~chosen)[-1]
        for view in ("state-space", "region-map"):
            for index, veiled in ((inside, False), (outside, True)):
                place = pixel_of(page, view, int(index) // 150, int(index) % 150 + 1)
                expect_ink(page, view, place, within=(0.5, 1) if veiled else (0, 0.5))
        page.locator("h1").click()
        page.keyboard.press("Escape")
        expect(page.locator("#selection")).to_be_hidden()
        expect(columns).to_have_count(0)
        page.locator("#undo").click()
        wait_until(page, "() => location.search.includes('area=')")
        # Plotly remembers what was selected, and tells of it again when a tool is chosen.
        page.get_by_role("button", name="Clear the selection").click()
        for other in ("Pan", tool, "Zoom"):
            choose_tool(page, other)
            page.evaluate("() => new Promise((drawn) => setTimeout(drawn, 0))")
        click(page.locator("#new-noise"))
        assert scenario(page).area is None

    def test_each_selection_takes_the_place_of_the_one_before(self, page: Page) -> None:
        areas = []
        for tool, low, high in (("Lasso", 0.2, 0.5), ("Box", 0.4, 0.8), ("Lasso", 0.3, 0.7), ("Box", 0.2, 0.6)):
            corners = [(low, low), (high, low), (high, high), (low, high)]
            before = page.evaluate("location.search")
            path = corners[::2] if tool == "Box" else [*corners, corners[0]]
            drag_in_plane(page, f"{tool} Select", path)
            wait_until(page, "before => location.search !== before", arg=before)
            areas.append(scenario(page).area)
        assert None not in areas
        assert len(set(areas)) == 4

    def test_a_stretch_of_time_is_brushed_by_keyboard_and_mouse_and_is_in_the_link(self, page: Page) -> None:
        strip(page).press("ArrowRight")
        for _ in range(3):
            strip(page).press("Shift+ArrowRight")
        assert scenario(page).span == (2, 5)
        box = box_of(strip(page))
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 12, steps=5)
        page.mouse.up()
        wait_until(page, "() => !location.search.includes('span=2-5')")
        span = scenario(page).span
        assert span == (pytest.approx(31, abs=1), pytest.approx(76, abs=1))
        assert span is not None
        assert np.flatnonzero(chosen_states(page)[300:450]).tolist() == list(range(span[0] - 1, span[1]))
        page.reload()
        settle(page)
        wait_until(page, "() => window.hmmrnnLinked && !!hmmrnnLinked.chosen")
        assert scenario(page).span == span
        page.get_by_role("button", name="Clear the selection").click()
        expect(page.locator("#selection")).to_be_hidden()
        assert scenario(page).span is None


def test_a_neuron_is_looked_at_from_the_table_and_from_the_connectivity(page: Page) -> None:
    panel = page.locator("#picked")
    cell = cells(page)[0]
    page.keyboard.down("Shift")
    cell.click(page)
    page.keyboard.up("Shift")
    wait_until(page, "() => location.search.includes('picked=')")
    assert (scenario(page).picked, scenario(page).interventions) == (cell.neuron, ())
    # Its row and its column are lit.
    wait_until(
        page,
        f"""() => {{
            const glass = document.querySelector("#connectivity canvas.glass");
            const {{ data }} = ({COPY_OF})(glass).getImageData(0, 0, glass.width, glass.height);
            return data.reduce((sum, value, i) => sum + (i % 4 === 3 && value > 0), 0) > 200;
        }}""",
    )
    panel.get_by_role("button", name="Clear").click()
    expect(panel).to_be_hidden()
    assert scenario(page).picked is None

    row = page.locator("#neuron-table .ag-pinned-left-cols-container .ag-row[row-index='1']")
    neuron = int(row.get_attribute("row-id") or "")
    row.locator('[col-id="neuron"]').click()
    wait_until(page, "() => location.search.includes('picked=')")
    assert (scenario(page).picked, scenario(page).interventions) == (neuron, ())
    expect(panel.locator("h2")).to_have_text(f"Neuron {neuron}")
    click(panel.get_by_role("button", name="Colour by"))
    assert (scenario(page).colour, scenario(page).neuron) == ("neuron", neuron)
    click(panel.get_by_role("button", name="Silence"))
    assert [item.neurons for item in scenario(page).interventions] == [(neuron,)]
    expect(panel.get_by_role("button", name="Bring back")).to_be_visible()


class TestAxes:
    def test_a_zoom_holds_in_both_planes_is_in_the_link_and_can_be_undone(self, page: Page) -> None:
        before = figure_layout(page, "state-space")["xaxis"]["range"]
        box = plot(page, "state-space")
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.wheel(0, -300)
        wait_until(page, "() => location.search.includes('camera=')")
        camera = scenario(page).camera
        assert camera is not None
        expect_ranges(page, camera[:2])
        assert camera[1] - camera[0] < np.ptp(before)
        page.reload()
        settle(page)
        wait_until(page, LINKED)
        expect_ranges(page, camera[:2])
        page.locator("#undo").click()
        wait_until(page, "() => !location.search.includes('camera=')")
        expect_ranges(page, before)

    def test_a_turned_space_is_in_the_link_can_be_turned_back_and_stays_when_the_network_changes(
        self, page: Page
    ) -> None:
        click(page.locator("#dimensions").get_by_text("3-D"))
        assert scenario(page).dimensions == 3
        shown = {trace["type"] for trace in figure_data(page, "state-space") if trace["name"].startswith("output")}
        assert shown == {"scatter3d"}
        first = page.evaluate(EYE)
        box = box_of(page.locator("#state-space"))
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 10, steps=6)
        page.mouse.up()
        wait_until(page, "() => location.search.includes('camera=')")
        turned = scenario(page).camera
        assert turned is not None
        expect_eye(page, turned[:3])
        assert not np.allclose(turned[:3], first, atol=0.05)
        page.locator("#undo").click()
        wait_until(page, "() => !location.search.includes('camera=')")
        expect_eye(page, first)
        page.locator("#redo").click()
        wait_until(page, "() => location.search.includes('camera=')")
        expect_eye(page, turned[:3])
        cells(page)[0].toggle(page)
        assert "intact" in trace_names(page, "state-space")
        expect_eye(page, turned[:3])
