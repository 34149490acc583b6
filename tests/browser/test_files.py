"""Can anybody open a network of his own, and does everything else go on when it is none?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from playwright.sync_api import BrowserContext, FileChooser, Locator, Page, Request, Route, expect

from hmmrnn.network import Network
from tests.browser.pages import (
    READY_MS,
    SMALL,
    address,
    changing,
    figure_layout,
    open_page,
    picture,
    scenario,
    settle,
    traces,
)
from tests.networks import planted_switch

pytestmark = pytest.mark.browser

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 119000\n"

# What the browser does with files that are dragged over the page and dropped; a script cannot drag real ones.
_DRAG = """([kind, files]) => {
    const data = new DataTransfer();
    files.forEach(([name, content]) => data.items.add(new File(
        [typeof content === "number" ? new Uint8Array(content) : Uint8Array.from(content, (c) => c.charCodeAt(0))],
        name)));
    const target = document.elementFromPoint(700, 400);
    const event = new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
    target.dispatchEvent(event);
    return event.defaultPrevented;
}"""


@pytest.fixture(scope="module")
def own_network() -> Network:
    """A small network that switches between two outputs."""
    return planted_switch(hold=3, integrators=4, kick=3, echoes=1, idle=1).network


@pytest.fixture(scope="module")
def own_file(own_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as somebody's training script left it."""
    path = tmp_path_factory.mktemp("files") / "my net (2).pth"
    tensors = {
        "rnn.weight_ih_l0": own_network.W_ih,
        "rnn.weight_hh_l0": own_network.W_hh,
        "rnn.bias_ih_l0": own_network.b_h,
        "rnn.bias_hh_l0": 0 * own_network.b_h,
        "fc.weight": own_network.W_out,
        "fc.bias": own_network.b_out,
    }
    torch.save({"model_state_dict": {name: torch.tensor(array) for name, array in tensors.items()}}, path)
    return path


def file_dialog(page: Page, act: Callable[[], None]) -> FileChooser:
    """The dialog that is opened by an act."""
    # Playwright takes dialogs over from a moment after it is first asked to; a key pressed before opens a real one.
    page.on("filechooser", _leave_open)
    page.evaluate("null")
    with page.expect_file_chooser() as dialog:
        act()
    page.remove_listener("filechooser", _leave_open)
    return dialog.value


def _leave_open(_: FileChooser) -> None:
    pass


def choose_file(page: Page, path: Path) -> None:
    """By the button, as a hand does it."""
    file_dialog(page, page.locator("#open-file").click).set_files(path)


def drag(page: Page, kind: str, files: Sequence[tuple[str, str | int]]) -> bool:
    """Files, as name and content or size, over the middle of the page; returns whether the page takes them."""
    return bool(page.evaluate(_DRAG, [kind, [list(file) for file in files]]))


def notice(page: Page) -> Locator:
    return page.locator("#notice-text")


def sign(page: Page) -> Locator:
    return page.locator("#file-progress")


def files_sent(page: Page) -> list[str]:
    """Addresses that files are sent to from now on."""
    sent: list[str] = []

    def see(request: Request) -> None:
        if request.method == "POST" and "/files" in request.url:
            sent.append(request.url)

    page.on("request", see)
    return sent


def test_a_network_of_ones_own_is_seen_in_every_view_by_everyone_with_the_link(
    page: Page, server: str, viewer: Callable[[], BrowserContext], own_file: Path, own_network: Network
) -> None:
    page.goto(server + SMALL)
    settle(page)
    with changing(page):
        choose_file(page, own_file)
        expect(sign(page)).to_contain_text("my net (2).pth")
    expect(sign(page)).to_be_hidden()
    name = scenario(page).model
    assert re.fullmatch(r"my-net-2-[0-9a-f]{8}", name)
    expect(page.locator("#model")).to_have_value(re.compile(name))
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#connectivity-caption")).to_contain_text("by role", timeout=READY_MS)
    expect(page.locator("#neuron-table .ag-row").first).to_be_visible()
    assert len(figure_layout(page, "connectivity")["meta"]["order"]) == own_network.n_neurons
    shown = picture(page)
    open_page(page, page.url)
    assert picture(page) == shown
    other = viewer().new_page()
    open_page(other, page.url)
    assert picture(other) == shown


def test_what_is_no_network_says_why_and_what_was_open_stays(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(server + SMALL)
    settle(page)
    query, drawn, sent = address(page), traces(page, "state-space"), files_sent(page)
    pointer = tmp_path / "pointer.pth"
    pointer.write_bytes(LFS_POINTER)
    for _ in range(2):
        # The same file twice is two requests to open it.
        choose_file(page, pointer)
        expect(notice(page)).to_contain_text("pointer.pth is a Git LFS pointer")
        expect(sign(page)).to_be_hidden()
        page.get_by_role("button", name="Dismiss").click()
        expect(page.locator("#notice")).to_be_hidden()
    assert len(sent) == 2
    drag(page, "drop", [("large.pth", 20_000_001)])
    expect(notice(page)).to_contain_text("large.pth has 20,000,001 bytes; expected at most 20,000,000 (20 MB)")
    assert len(sent) == 2
    drag(page, "drop", [("notes.txt", "dear diary"), ("large.pth", 20_000_001)])
    expect(notice(page)).to_contain_text("notes.txt is a text file, not a network")
    expect(notice(page)).to_contain_text("Of 2 files, only the first is opened: notes.txt.")
    assert (address(page), traces(page, "state-space")) == (query, drawn)


def test_files_can_be_dropped_anywhere_and_the_keyboard_can_choose_them(
    server: str, viewer: Callable[[], BrowserContext], own_file: Path
) -> None:
    page = viewer().new_page()
    page.goto(server + SMALL)
    settle(page)
    before = address(page)
    overlay = page.locator("#file-drop")
    expect(overlay).to_be_hidden()
    assert drag(page, "dragover", [("net.pth", "")])
    expect(overlay).to_be_visible()
    expect(overlay).to_have_text("Drop a .pth or .safetensors to open it")
    drag(page, "dragleave", [("net.pth", "")])
    expect(overlay).to_be_hidden()
    assert not drag(page, "dragover", [])
    expect(overlay).to_be_hidden()
    page.locator("#open-file").focus()
    dialog = file_dialog(page, lambda: page.keyboard.press("Enter"))
    # A server that is gone for a moment does not lose the file.
    failed: list[str] = []

    def fail_twice(route: Route) -> None:
        if len(failed) < 2:
            failed.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(r"/files/[0-9a-f]{64}$"), fail_twice)
    with changing(page):
        dialog.set_files(own_file)
    assert len(failed) == 2
    assert scenario(page).model.startswith("my-net-2-")
    with changing(page):
        page.locator("#undo").click()
    assert address(page) == before
    with changing(page):
        drag(page, "drop", [(own_file.name, own_file.read_bytes().decode("latin-1"))])
    assert scenario(page).model.startswith("my-net-2-")
