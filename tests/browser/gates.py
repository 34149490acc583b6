"""Answers on their way: which are asked for, and how a test holds them back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Request, Route

from tests.browser.pages import READY_MS, await_frame

Wanted = Callable[[Request], bool]


def asks_fast(request: Request) -> bool:
    return _asks_views(request, settled=False)


def asks_landscape(request: Request) -> bool:
    return _asks_views(request, settled=True) and "region-map" in request.post_data_json["views"]


def asks_kick(request: Request) -> bool:
    return request.url.endswith("/kick-groups")


def _asks_views(request: Request, settled: bool) -> bool:
    return request.url.endswith("/views") and request.post_data_json["settled"] is settled


def as_if_not_searched(page: Page) -> None:
    """Open the page as the first user of a network finds it: its kick neurons are not known."""

    def forget(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(r'("kick":)\{.*?\}(?=,"view")', r"\1null", answer.text())
        route.fulfill(response=answer, body=body)

    page.route(re.compile(r"/bench\b|/start\b"), forget)


def without_search(page: Page) -> None:
    """Let the search for kick neurons never end: in a network that no other test looks at, it takes long."""
    page.route("**/kick-groups", lambda route: route.fulfill(json={"key": "", "words": "Searching for kick neurons…"}))


class Gate:
    """Holds the answers to questions of one kind until it is opened.

    Attributes:
        held: those that have been asked and answered, and not let through.
    """

    def __init__(self, page: Page, wanted: Wanted) -> None:
        self.page, self.wanted = page, wanted
        self.held: list[tuple[Route, Any]] = []
        self.closed = True
        page.route(re.compile("/(views|kick-groups|tasks)$"), self._meet)

    def _meet(self, route: Route) -> None:
        if not (self.closed and self.wanted(route.request)):
            return route.fallback()
        answer = route.fetch()
        # Meanwhile it may have been opened; then nothing lets through what is held. Of a slow answer only the last part
        # is held: before it the page asks again and again.
        if not self.closed or answer.json().get("computing"):
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
