"""A network file is chosen or dropped and opens in every view; a file that is no network leaves the page as it was.

What the server says of each kind of file is tested in tests/server/uploads/test_contents.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from playwright.sync_api import FileChooser, Page, Route, expect

from tests.browser.pages import (
    address,
    changing,
    figure_layout,
    scenario,
    settle_known,
    silenced,
    tick,
    touched,
    traces,
)
from tests.networks import network_of_cell, planted_switch

pytestmark = pytest.mark.browser

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 119000\n"
# The events of files that are dragged over the page and dropped; a script cannot drag real ones.
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


def drag(page: Page, kind: str, files: Sequence[tuple[str, str | int]]) -> bool:
    """Files, as name and content or size, over the middle of the page; returns whether the page takes them."""
    return bool(page.evaluate(_DRAG, [kind, [list(file) for file in files]]))


@pytest.mark.usefixtures("failing_requests")
def test_a_network_is_opened_by_keyboard_and_by_dropping_it(page: Page, tmp_path: Path) -> None:
    network = planted_switch(hold=3, integrators=4, kick=3, echoes=1, idle=1).network
    path = tmp_path / "my net (2).pth"
    tensors = {
        "rnn.weight_ih_l0": network.W_ih,
        "rnn.weight_hh_l0": network.W_hh,
        "rnn.bias_ih_l0": network.b_h,
        "rnn.bias_hh_l0": 0 * network.b_h,
        "fc.weight": network.W_out,
        "fc.bias": network.b_out,
    }
    torch.save({"model_state_dict": {name: torch.tensor(array) for name, array in tensors.items()}}, path)
    before, sign = address(page), page.locator("#file-progress")
    failed: list[str] = []

    def fail_twice(route: Route) -> None:
        if len(failed) < 2:
            failed.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(r"/files/[0-9a-f]{64}$"), fail_twice)
    page.locator("#open-file").focus()
    with changing(page):
        file_dialog(page, lambda: page.keyboard.press("Enter")).set_files(path)
        expect(sign).to_contain_text("my net (2).pth")
    expect(sign).to_be_hidden()
    assert len(failed) == 2, "a server that is gone for a moment does not lose the file"
    settle_known(page)
    name = scenario(page).model
    assert re.fullmatch(r"my_net_2-[0-9a-f]{8}", name)
    expect(page.locator("#model")).to_have_value(re.compile(name))
    expect(page.locator("#notice")).to_be_hidden()
    assert len(figure_layout(page, "connectivity")["meta"]["order"]) == network.n_neurons

    with changing(page):
        page.locator("#undo").click()
    assert address(page) == before
    overlay = page.locator("#file-drop")
    assert not drag(page, "dragover", [])
    expect(overlay).to_be_hidden()
    assert drag(page, "dragover", [("net.pth", "")])
    expect(overlay).to_contain_text("Drop a file of a network to open it")
    expect(overlay).to_be_visible()
    drag(page, "dragleave", [("net.pth", "")])
    expect(overlay).to_be_hidden()
    with changing(page):
        drag(page, "drop", [(path.name, path.read_bytes().decode("latin-1"))])
    assert scenario(page).model == name


def test_a_file_that_is_no_network_says_why_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    shown = address(page), traces(page, "state-space")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/files?" in request.url else None)
    notice = page.locator("#notice-text")
    pointer = tmp_path / "pointer.pth"
    pointer.write_bytes(LFS_POINTER)
    for times in (1, 2):
        file_dialog(page, page.locator("#open-file").click).set_files(pointer)
        expect(notice).to_contain_text("pointer.pth is a Git LFS pointer")
        expect(page.locator("#file-progress")).to_be_hidden()
        page.get_by_role("button", name="Dismiss").click()
        expect(page.locator("#notice")).to_be_hidden()
        assert len(sent) == times, "the same file twice is two requests"
    drag(page, "drop", [("large.pth", 20_000_001)])
    expect(notice).to_contain_text("large.pth has 20,000,001 bytes; expected at most 20,000,000 (20 MB)")
    assert len(sent) == 2, "a file that is too large is not sent"
    drag(page, "drop", [("notes.txt", "dear diary"), ("large.pth", 20_000_001)])
    expect(notice).to_contain_text("notes.txt is a text file, not a network")
    expect(notice).to_contain_text("Of 2 files, only the first is opened: notes.txt.")
    assert (address(page), traces(page, "state-space")) == shown
    page.get_by_role("button", name="Dismiss").click()


def test_a_nested_tanh_checkpoint_is_opened_by_mapping_and_ablated(page: Page, tmp_path: Path) -> None:
    network = network_of_cell("tanh", n=10, m=2, alpha=0.3, bias=False)
    path = tmp_path / "task.pt"
    inside = {"wrec": 8 * network.W_hh, "wi": network.W_ih.T, "wo": network.W_out.T}
    torch.save({"epoch": 7, "model": {name: torch.tensor(array) for name, array in inside.items()}}, path)
    file_dialog(page, page.locator("#open-file").click).set_files(path)
    dialog, preview = page.locator("#file-mapping"), page.locator(".mapping-preview figcaption")
    expect(dialog.get_by_role("listitem")).to_contain_text(["wi (2, 10)", "wo (10, 3)", "wrec (10, 10)"])
    dialog.get_by_label("leak").select_option("rate")
    dialog.get_by_label("alpha = dt / tau").fill("0.3")
    dialog.get_by_label("cell").select_option("relu")
    expect(preview).to_contain_text("That is far more than a trained network has")
    dialog.get_by_label("cell").select_option("tanh")
    expect(preview).to_contain_text(
        re.compile(r"tanh network, alpha = 0.3.*largest activity (1|0\.\d+) within 100 steps;")
    )
    with changing(page):
        dialog.get_by_role("button", name="Open").click()
    assert scenario(page).model.startswith("task-")
    assert len(figure_layout(page, "connectivity")["meta"]["order"]) == 10
    with changing(page):
        tick(page, 5).check()
    assert touched(page) == [silenced(5)]
