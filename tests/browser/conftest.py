"""A server with its workers, and a browser whose console and requests are recorded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect

from hmmrnn.tasks.queue import Queues
from hmmrnn.tasks.store import EXPERIMENT, LEFT_AT, RECENT, RECORD, Store
from tests.browser.pages import READY_MS, SMALL, open_page, settle_known
from tests.programs import PATIENCE_SECONDS, ending_with_tests, eventually, free_port

# A browser test that fails is run once more in a new tab; the summary names it, as one to look into.
SECOND_TRIES = 1
_FAILED = pytest.StashKey[bool]()

# A busy machine is slow, and what comes late is no fault.
expect.set_options(timeout=READY_MS)

ROOT = Path(__file__).resolve().parents[2]
# The last one: a tab of the same server is opened by the process that has read the page's scripts before.
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--process-per-site"),
]
Motion = Literal["no-preference", "reduce"]
FAILED_REQUEST = re.compile("Failed to load resource|the server did not respond")
# Chrome's own remarks on software rendering; they say nothing about the page.
RENDERING_REMARK = re.compile(r"GPU stall due to ReadPixels|WebGL.*(fallback|deprecat)", re.IGNORECASE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder their second try."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=SECOND_TRIES))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on each test whether it has failed, for the fixtures that end after it."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@dataclass
class Watch:
    """What a page wrote to its console and requested."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.console.append(f"page error: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not RENDERING_REMARK.search(message.text):
            self.console.append(f"{message.type}: {message.text}")

    def elsewhere(self) -> set[str]:
        """The addresses that were requested of any machine."""
        return {url for url in self.requests if not url.startswith(("data:", "blob:"))}


class Server:
    """A server on a free port, which can be stopped and started again under the same address.

    Attributes:
        cache: the folder of its answers. data: the folder of what is trained and opened.
        options: further words of its command. environment: further variables, by their names.
    """

    def __init__(self, cache: Path, data: Path, *options: str, **environment: str) -> None:
        self.cache, self.data, self.options, self.environment = cache, data, options, environment
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = cache / f"server-{self.port}.log"
        self.store = Store(Queues(data / "queue.db"))

    def start(self) -> None:
        folders = {"HMMRNN_CACHE": str(self.cache), "HMMRNN_DATA": str(self.data)}
        command = [sys.executable, "-m", "hmmrnn", "serve", "--port", str(self.port), "--workers", "2", "--no-open"]
        command += self.options
        environment = {**os.environ, **folders, **self.environment}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, preexec_fn=ending_with_tests()
            )
        self.wait_until_healthy()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)

    def leave_experiments(self) -> None:
        """Give up what is still computed for pages that no test looks at any more."""
        begun = self.store.entry(EXPERIMENT, "all").get(RECENT) or []
        for id in self.store.get_many(EXPERIMENT, begun, RECORD):
            self.store.entry(EXPERIMENT, id).put(LEFT_AT, self.store.now())

    def wait_until_healthy(self) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, f"the server ended: {self.log.read_text()}"
            return healthy(self.url)

        eventually(answers)


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE_SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def chromium_path() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or pytest.fail(
        "no chromium on this machine: run `make test`, which installs it, or install it by hand"
    )


def headless_path() -> str:
    """Chromium without a window, which takes less time, or with one where that is missing."""
    return shutil.which("chromium-headless-shell") or chromium_path()


# ---- servers ----

# They end, as the browsers do, with the last test of this folder: a page that is open keeps workers busy.


@pytest.fixture(scope="session")
def cache(common: Path) -> Path:
    """The folder that all servers of a run of the tests keep their answers in: none is computed twice."""
    folder = common / "answers"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what is trained and opened on the server of this process, empty at first."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="package")
def running(cache: Path, data: Path) -> Iterator[Server]:
    """The server of this process."""
    started = Server(cache, data)
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="package")
def server(running: Server) -> str:
    """The address of the server of this process."""
    return running.url


# ---- browsers ----


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(executable_path=headless_path(), args=CHROMIUM_FLAGS) as running:
        yield running


@dataclass(frozen=True)
class Look:
    """How the pages of a test are opened: with the live view or without it, which moves only if motion is allowed."""

    motion: Motion = "reduce"
    live_view: bool = False

    @classmethod
    def of(cls, request: pytest.FixtureRequest) -> Look:
        """The look that the mark `live_view` of a test or module asks for."""
        mark = request.node.get_closest_marker("live_view")
        if mark is None:
            return cls()
        return cls("no-preference" if mark.kwargs.get("running") else "reduce", True)

    def on(self, opened: Page | BrowserContext) -> None:
        """Let pages open or close the live view before their own scripts run, whatever other files have left."""
        how = "removeItem('hmmrnn-live')" if self.live_view else "setItem('hmmrnn-live', 'closed')"
        opened.add_init_script(f"if (location.protocol === 'http:') window.localStorage.{how};")
        if isinstance(opened, Page):
            opened.emulate_media(reduced_motion=self.motion)


@pytest.fixture
def viewer(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[[], BrowserContext]]:
    """Makes the browser of another user, which shares nothing with the others but the server."""
    look = Look.of(request)
    contexts: list[BrowserContext] = []

    def arrive() -> BrowserContext:
        contexts.append(new_context(browser, look))
        return contexts[-1]

    yield arrive
    for context in contexts:
        context.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="package")
def window(browser: Browser, server: str) -> Iterator[BrowserContext]:
    """The browser window of one user, who has been here before: scripts come from the browser's cache."""
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
def nothing_begun(running: Server) -> Iterator[None]:
    """Nothing that a test has begun is computed after it: a report would keep a core busy for minutes."""
    yield
    running.leave_experiments()


@pytest.fixture
def fresh(window: BrowserContext, watch: Watch, nothing_begun: None, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A new tab, whose console must stay empty."""
    forget_visits(window)
    opened = window.new_page()
    Look.of(request).on(opened)
    watch.on(opened)
    yield opened
    opened.close()
    assert watch.console == []


class Tab:
    """The tab that the tests of a module, or of all modules, use one after another.

    Attributes:
        page: None until a test has opened it. start: the scenario that it opens with. watch: of its console.
    """

    def __init__(self, window: BrowserContext, url: str, look: Look) -> None:
        self.window, self.url, self.look = window, url, look
        self.page: Page | None = None
        self.start: dict[str, object] = {}
        self.watch = Watch()

    def open(self) -> Page:
        forget_visits(self.window)
        self.page, self.watch = self.window.new_page(), Watch()
        self.look.on(self.page)
        self.watch.on(self.page)
        open_page(self.page, self.url)
        self.start = dict(self.page.evaluate("() => window.dash_clientside.hmmrnn.store.present"))
        return self.page

    def as_found(self) -> Page:
        """The page with the scenario that it opens with; opened anew where a test has left more than that behind."""
        if self.page is None or not self.page.evaluate(_AS_FOUND):
            self.close()
            return self.open()
        self.page.mouse.move(0, 0)
        if self.page.evaluate(_PUT_BACK, self.start):
            settle_known(self.page)
        return self.page

    def close(self) -> None:
        if self.page is not None:
            self.page.close()
        self.page = None


@pytest.fixture(scope="package")
def common_tab(window: BrowserContext, server: str) -> Tab:
    """The tab of all modules without a live view."""
    return Tab(window, server + SMALL, Look())


@pytest.fixture(scope="module")
def tab(window: BrowserContext, server: str, common_tab: Tab, request: pytest.FixtureRequest) -> Iterator[Tab]:
    look = Look.of(request)
    kept = common_tab if look == Look() else Tab(window, server + SMALL, look)
    yield kept
    # A live view that runs would take its time from the next modules.
    if kept is not common_tab:
        kept.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, tab: Tab, nothing_begun: None) -> Iterator[Page]:
    """The page with the scenario that it opens with, in the tab that the earlier tests have used.

    To open the page takes longer than most of what is done with it. A test gets the tab of the one before it if that
    one has passed and left nothing open: then only the scenario is put back, as one more change. A test of the first
    change of a history, or of what is kept for the next visit, takes `fresh`.
    """
    opened = tab.as_found()
    yield opened
    opened.unroute_all(behavior="ignoreErrors")
    if request.node.stash.get(_FAILED, False):
        tab.close()
    else:
        # Where the page shows no experiment, it asks for none.
        opened.evaluate("() => window.dash_clientside?.hmmrnn?.go('/bench')")
    written, tab.watch.console[:] = tab.watch.console[:], []
    assert written == []


@pytest.fixture
def failing_requests(page: Page, tab: Tab) -> Iterator[None]:
    """Allow reports of failed requests in the console of this test."""
    yield
    tab.watch.console[:] = [line for line in tab.watch.console if not FAILED_REQUEST.search(line)]


@pytest.fixture
def stoppable(running: Server, failing_requests: None) -> Iterator[Server]:
    """The server of this process, for a test that stops it; it runs again afterwards."""
    yield running
    if running.process.poll() is not None:
        running.start()


# Whether nothing is open, written or switched that a new page would not have; one that is elsewhere comes back.
_AS_FOUND = """() => {
    const { hmmrnn } = window.dash_clientside;
    if (!hmmrnn || !hmmrnn.store || !hmmrnn.store.present) return false;
    hmmrnn.go("/bench");
    document.querySelector(".main").scrollTop = 0;
    const { present, scheme } = document.documentElement.dataset;
    const seen = (element) => element.checkVisibility();
    return !present && scheme === "light" && document.getElementById("notice").hidden
        && !Array.from(document.querySelectorAll("[role=dialog], .tour")).some(seen);
}"""
_PUT_BACK = """(start) => {
    const { store, link } = window.dash_clientside.hmmrnn;
    const moved = link(store.present) !== link(start);
    if (moved) store.change(start);
    return moved;
}"""


def forget_visits(window: BrowserContext) -> None:
    """Remove what a test that failed has kept for the next visit, such as the dark scheme."""
    window.pages[0].evaluate("localStorage.clear()")


def new_context(browser: Browser, look: Look | None = None) -> BrowserContext:
    """A browser window with nothing kept from earlier visits; with a look, that of all of its pages."""
    motion = look.motion if look else "no-preference"
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion=motion)
    context.set_default_timeout(READY_MS)
    if look:
        look.on(context)
    return context
