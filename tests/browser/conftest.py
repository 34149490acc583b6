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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
READY_MS = 60_000
# Chrome's own remarks on software rendering; they say nothing about the page.
RENDERING_REMARK = re.compile(r"GPU stall due to ReadPixels|WebGL.*(fallback|deprecat)", re.IGNORECASE)


@dataclass
class Watch:
    """What a page said and asked for."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not RENDERING_REMARK.search(message.text):
            self.console.append(f"{message.type}: {message.text}")


def chromium_path() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("no chromium on this machine: run `make test`, which installs it, or install it by hand")
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a freshly started server with an empty cache."""
    port = free_port()
    cache = tmp_path_factory.mktemp("cache")
    environment = {**os.environ, "HMMRNN_CACHE": str(cache)}
    command = [sys.executable, "-m", "hmmrnn", "serve", "--port", str(port), "--workers", "2", "--no-open"]
    log = (cache / "server.log").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(url, process, cache / "server.log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        log.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended: {log.read_text()}"
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not answer within {seconds} s: {log.read_text()}")


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
    yield running
    running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    opened.set_default_timeout(READY_MS)
    yield opened
    opened.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Page:
    """A page whose console and requests are written down."""
    opened = context.new_page()
    opened.on("console", watch.hear)
    opened.on("pageerror", lambda error: watch.console.append(f"page error: {error}"))
    opened.on("request", lambda request: watch.requests.append(request.url))
    return opened


def open_page(page: Page, url: str) -> None:
    """Open a link and wait until every view shows it, the slow ones too."""
    page.goto(url)
    settle(page)


def settle(page: Page) -> None:
    """Wait until every main view has drawn the present scenario."""
    for view in ("state-space", "region-map", "orbit", "connectivity"):
        expect(page.locator(f"#{view} .main-svg").first).to_be_visible(timeout=READY_MS)
    page.wait_for_function(
        "() => document.querySelector('#numbers table') && !document.querySelector('.view.stale')", timeout=READY_MS
    )
