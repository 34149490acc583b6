"""A real server with two workers, and a real browser whose console and requests are watched."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect

from tests.browser.pages import READY_MS, SMALL, open_page, settle_known

# A busy machine is slow, and what comes late is no fault.
expect.set_options(timeout=READY_MS)

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A tab of the same server is opened by the process that has read the page's scripts before.
    "--process-per-site",
]
HEALTHY_WITHIN_S = 60
# The search for the kick neurons of the network that a page opens by itself.
SEARCH = "from hmmrnn.dashboard import queries; queries.kick_of('linear-2')"
Motion = Literal["no-preference", "reduce"]
# Beside test_live*: here the live view is open, as a new viewer finds it.
WITH_LIVE_VIEW = ("test_interventions.py", "test_page.py")
# Chrome's own remarks on software rendering; they say nothing about the page.
RENDERING_REMARK = re.compile(r"GPU stall due to ReadPixels|WebGL.*(fallback|deprecat)", re.IGNORECASE)


@dataclass
class Watch:
    """What a page said and asked for."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.console.append(f"page error: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not RENDERING_REMARK.search(message.text):
            self.console.append(f"{message.type}: {message.text}")


class Server:
    """A server of its own on a free port, which can be stopped and started again under the same address.

    Attributes:
        cache: the folder of its answers; data: the folder of what is trained and opened.
    """

    def __init__(self, cache: Path, data: Path) -> None:
        self.cache, self.data = cache, data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = cache / f"server-{self.port}.log"

    def start(self) -> None:
        environment = {**os.environ, "HMMRNN_CACHE": str(self.cache), "HMMRNN_DATA": str(self.data)}
        command = [sys.executable, "-m", "hmmrnn", "serve", "--port", str(self.port), "--workers", "2", "--no-open"]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self._wait_until_healthy()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + HEALTHY_WITHIN_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the server ended: {self.log.read_text()}"
            if healthy(self.url):
                return
            time.sleep(0.05)
        raise AssertionError(f"the server did not answer within {HEALTHY_WITHIN_S} s: {self.log.read_text()}")


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium_path() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("no chromium on this machine: run `make test`, which installs it, or install it by hand")
    return found


def headless_path() -> str:
    """Chromium without a window, which takes an eighth less of a machine's time; or, where that is not, with one."""
    return shutil.which("chromium-headless-shell") or chromium_path()


@pytest.fixture(scope="session")
def cache(common: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all servers of a run of the tests keep their answers in, with the dearest one in it already."""
    # What one process of several has asked for, the others need not compute again; and what all would ask for at once
    # is asked for by the first.
    folder = common / "answers"
    folder.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        nothing = tmp_path_factory.mktemp("nothing")
        environment = {**os.environ, "HMMRNN_CACHE": str(folder), "HMMRNN_DATA": str(nothing)}
        subprocess.run([sys.executable, "-c", SEARCH], cwd=ROOT, env=environment, check=True)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what is trained and opened on the common server, empty at first."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def server(cache: Path, data: Path) -> Iterator[str]:
    """The address of a freshly started server with its workers."""
    running = Server(cache, data)
    running.start()
    yield running.url
    running.stop()


@pytest.fixture
def own_server(cache: Path, tmp_path: Path) -> Iterator[Server]:
    """A server that the test may stop, with a data folder of its own."""
    running = Server(cache, tmp_path / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=headless_path(), args=CHROMIUM_FLAGS)
    yield running
    running.close()


@pytest.fixture
def motion(request: pytest.FixtureRequest) -> Motion:
    """Only where the live view is what is looked at does it run by itself: drawn without a GPU it takes a core."""
    return "no-preference" if request.path.name.startswith("test_live") else "reduce"


@pytest.fixture
def wish(request: pytest.FixtureRequest) -> str:
    """What a viewer has wished of the live view before, as a script: it is closed where something else is looked at."""
    name = request.path.name
    opened = name in WITH_LIVE_VIEW or name.startswith("test_live")
    # Other files close it in the same window.
    how = "removeItem('hmmrnn-live')" if opened else "setItem('hmmrnn-live', 'closed')"
    return f"if (location.protocol === 'http:') window.localStorage.{how};"


@pytest.fixture
def viewer(browser: Browser, motion: Motion, wish: str) -> Iterator[Callable[[], BrowserContext]]:
    """Someone with a browser of his own: nothing is shared with other viewers but the server."""
    contexts: list[BrowserContext] = []

    def arrive() -> BrowserContext:
        contexts.append(new_context(browser, motion))
        contexts[-1].add_init_script(wish)
        return contexts[-1]

    yield arrive
    for context in contexts:
        context.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="session")
def window(browser: Browser, server: str) -> Iterator[BrowserContext]:
    """The browser window of one viewer, who has been here before: scripts come from his browser's cache."""
    opened = new_context(browser)
    # A tab that stays open keeps the process, and with it what that knows of the scripts.
    opened.new_page().goto(f"{server}/healthz")
    yield opened
    opened.close()


@pytest.fixture
def clipboard(window: BrowserContext) -> Iterator[None]:
    """The right to read the clipboard, for as long as a test takes."""
    window.grant_permissions(["clipboard-read", "clipboard-write"])
    yield
    window.clear_permissions()


@pytest.fixture
def page(fresh: Page) -> Page:
    """A new tab, unless a file of tests says otherwise."""
    return fresh


@pytest.fixture
def fresh(window: BrowserContext, watch: Watch, motion: Motion, wish: str) -> Iterator[Page]:
    """A new tab that must have nothing to complain of in its console, whatever a test does with it."""
    opened = window.new_page()
    opened.emulate_media(reduced_motion=motion)
    opened.add_init_script(wish)
    watch.on(opened)
    yield opened
    opened.close()
    assert watch.console == []


@dataclass
class Tab:
    """A tab that several tests use one after another; `page` is None until one has opened it."""

    page: Page | None = None
    start: dict[str, object] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)

    def open(self, window: BrowserContext, server: str, wish: str) -> Page:
        self.page, self.watch = window.new_page(), Watch()
        self.page.emulate_media(reduced_motion="reduce")
        self.page.add_init_script(wish)
        self.watch.on(self.page)
        open_page(self.page, server + SMALL)
        self.start = dict(self.page.evaluate("() => window.dash_clientside.hmmrnn.present()"))
        return self.page

    def close(self) -> None:
        if self.page is not None:
            self.page.close()
        self.page = None


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    kept = Tab()
    yield kept
    kept.close()


@pytest.fixture
def started(request: pytest.FixtureRequest, tab: Tab, window: BrowserContext, server: str, wish: str) -> Iterator[Page]:
    """The page as it is found at first, in a tab that earlier tests of the same file may have used.

    To open the page takes longer than most of what is done with it. A test gets the tab of the one before it if that
    one has passed and left the page as it can be found: then only the scenario is put back, as one more change. What
    looks at the first change of a history, or at what is kept for the next visit, takes `fresh`.
    """
    page = tab.page
    if page is not None and page.evaluate(_AS_FOUND):
        page.mouse.move(0, 0)
        if page.evaluate(_PUT_BACK, tab.start):
            settle_known(page)
    else:
        tab.close()
        page = tab.open(window, server, wish)
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        tab.close()
    said, tab.watch.console[:] = tab.watch.console[:], []
    assert said == []


# Whether nothing is open, said or switched that a new page would not have.
_AS_FOUND = """() => {
    const { page, tabs, present, scheme } = document.documentElement.dataset;
    const seen = (element) => element.checkVisibility();
    return page === "views" && !tabs && !present && scheme === "light" && document.getElementById("notice").hidden
        && !Array.from(document.querySelectorAll("[role=dialog], .tour")).some(seen);
}"""
_PUT_BACK = """(start) => {
    const { hmmrnn } = window.dash_clientside;
    const moved = hmmrnn.address(hmmrnn.present()) !== hmmrnn.address(start);
    if (moved) hmmrnn.apply(start);
    return moved;
}"""


def new_context(browser: Browser, motion: Motion = "no-preference") -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion=motion)
    context.set_default_timeout(READY_MS)
    return context
