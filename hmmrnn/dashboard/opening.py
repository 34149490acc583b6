"""The first load of the page: layout and first answers come with it, so that its first figures need no further request.

The HTML holds as JSON the configuration, what the link says, the layout of what is open, the functions that Dash calls,
and the answers to the first questions that the page asks (assets/core/net.mjs, assets/core/dash.mjs). Scripts come in
the order in which they are used; those of tables only where there is one. Files of this package have addresses that
change with their content, so that a browser keeps them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from dash import Dash
from dash.fingerprint import build_fingerprint
from flask import Flask, Response, request, send_from_directory
from plotly.io.json import to_json_plotly

from hmmrnn.dashboard import answers, ids
from hmmrnn.dashboard.chapters import CHAPTERS, Chapter
from hmmrnn.dashboard.components.picker import describe_network
from hmmrnn.dashboard.configuration import configuration
from hmmrnn.dashboard.pages.interventions import numbers
from hmmrnn.dashboard.pages.kick_neurons import neuron_table
from hmmrnn.dashboard.view import FAST, Json
from hmmrnn.figures.theme import THEMES
from hmmrnn.server.services import services
from hmmrnn.shipped import ASSETS

# The colours that the browser showed last; see assets/core/start.mjs.
SCHEME_COOKIE = "hmmrnn-scheme"
KEEP = "max-age=31536000, immutable"
# Of layouts and of first pictures, the newest.
MOST_KEPT = 16
# Of Dash's scripts, its own tables, which no page here has; and those that some have.
UNUSED, TABLES = "/dash_table/", ("dash_ag_grid", "dash_ag_grid.min.js")
_IMPORTED = re.compile(r'^import [^;]*?"(\.{1,2}/[^"]+)";', re.MULTILINE)
_SCRIPT = re.compile(r'<script src="([^"]+)"></script>')
# Where what belongs to a request stands in the page.
_BROUGHT = "<!-- brought -->"


class Place(NamedTuple):
    """What an address opens: a chapter, or a page of trainings, sweeps, own data or comparisons."""

    chapter: Chapter | None
    page: str = ""


def place_of(path: str, query: str = "", view: str | None = None) -> Place:
    """What an address opens, as assets/core/opening.mjs and router.mjs read it.

    Args:
        path: of the address.
        query: behind it: a scenario without a chapter opens the bench,
        view: or the chapter of the view that an older link names.
    """
    first = path.split("/")[1]
    if first in ("train", "sweep", "data", "compare"):
        return Place(None, first)
    by_path = {one.path: one for one in CHAPTERS}
    if path == "/" and "model" in parse_qs(query):
        of_view = [one for one in CHAPTERS if view in {shown.id for shown, _ in one.views}]
        return Place(of_view[0] if of_view else by_path["/bench"])
    return Place(by_path.get(f"/{first}", CHAPTERS[0]))


def prepare(app: Dash, layout: Callable[[Place], Any], subject: Callable[[], str]) -> None:
    """Have the page of an application bring along what it needs first.

    Args:
        app: the application, with all its addresses.
        layout: of the page, as far as it is needed where it opens.
        subject: what the layout of a chapter is made of, beside the place: equal for equal layouts.
    """
    files = _serve_files(app.server)
    later = {"plotly": _suite("plotly", "package_data/plotly.min.js"), "tables": _suite(*TABLES)}
    fixed = _element(ids.CONFIGURATION, _text({**configuration(app), "scripts": later}))
    # All at once: a browser that finds one import behind the other would ask a dozen times in a row.
    links = [
        f'<link rel="preload" as="script" href="{later["plotly"]}">',
        f'<link rel="icon" href="{files}/icon.svg">',
        f'<link rel="stylesheet" href="{files}.css">',
        *(f'<link rel="modulepreload" href="{files}/{name}">' for name in started_modules()),
    ]
    app.index_string = app.index_string.replace("<body>", f"<body>{fixed}{_BROUGHT}")
    app.index_string = app.index_string.replace("{%css%}", f"{{%css%}}{''.join(links)}").replace("{%favicon%}", "")
    app.renderer = "window.dash_clientside.hmmrnn.ready.then(() => { new DashRenderer(); });"
    plain = app.interpolate_index
    # Most users open the same page.
    of_chapter = lru_cache(MOST_KEPT)(lambda place, _subject: _text(layout(place)))
    first_views = lru_cache(MOST_KEPT)(_first_views)

    def interpolate_index(**parts: str) -> str:
        query = request.query_string.decode("utf-8", "replace")
        read = answers.open_link(query)
        place = place_of(request.path, query, read["view"])
        brought = {
            ids.FIRST: _text(read),
            ids.LAYOUT: _text(layout(place)) if place.page else of_chapter(place, subject()),
            ids.WIRES: _text(app.dependencies().get_json()),
            ids.ANSWERS: first_answers(read, place, request.cookies.get(SCHEME_COOKIE, "light"), first_views),
        }
        elements = "".join(_element(id, text) for id, text in brought.items())
        scripts = [*_used(parts["scripts"], place), f"{files}/main.js"]
        parts["scripts"] = "".join(f'<script src="{source}"></script>' for source in scripts)
        return plain(**parts).replace(_BROUGHT, elements)

    app.interpolate_index = interpolate_index


# ---- what is asked first ----


def first_answers(read: Json, place: Place, theme: str, first_views: Callable[[str, str], str]) -> str:
    """The first questions of a page with their answers: what the header says, the fast views, and the claims.

    Args:
        read: what its link says.
        place: what it opens.
        theme: "light" or "dark"; in another one it asks again.
        first_views: `_first_views`, which may keep what it gives.

    Returns:
        a list in JSON.
    """
    if read["scenario"] is None:
        return "[]"
    model = read["scenario"]["model"]
    found = [lambda: _answered("/network", {"model": model}, lambda asked: describe_network(asked["model"]))]
    if place.chapter is not None and theme in THEMES:
        wanted = _fast_views(read, place.chapter)
        # All but the numbers have no body yet.
        fresh = [view for view in wanted if view != numbers.VIEW.id]
        views = {"scenario": read["scenario"], "views": wanted, "theme": theme, "settled": False, "fresh": fresh}
        of = json.dumps([services().models.entry(model).fingerprint, read["kick"]])
        found.append(lambda: first_views(json.dumps({**views, "few": True}), of))
    if place.chapter is not None and place.chapter.sections:
        claims = {"model": model, "sections": list(place.chapter.sections)}
        found.append(lambda: _answered("/claims", claims, answers.answer_claims))
    return f"[{','.join(_without_refused(found))}]"


def _first_views(question: str, _of: str) -> str:
    """The question for the fast views with its answer, for the network and the kick groups that it is of."""
    return _answered("/views", json.loads(question), answers.answer_views)


def _answered(path: str, question: Json, answer: Callable[[Json], Json]) -> str:
    return _text({"path": path, "question": question, "answer": answer(question)})


def _without_refused(found: Iterable[Callable[[], str]]) -> Iterator[str]:
    for answered in found:
        # What is refused the page asks again, and says why.
        with suppress(ValueError):
            yield answered()


def _fast_views(read: Json, chapter: Chapter) -> list[str]:
    """The views that are asked for at once; see `due` in assets/core/requests.mjs."""
    shown = [view for view, _ in chapter.views]
    enlarged = [view for view in shown if view.id == read["scenario"]["large"]]
    fast = [view for view in (*(enlarged or shown), numbers.VIEW) if view.kind == FAST]
    return [view.id for view in fast if read["kick"] is not None or not view.needs_kick_neurons]


# ---- scripts and other files ----


def started_modules() -> list[str]:
    """The modules that a page begins with, by their paths in assets: core/start.mjs, and all that it imports."""
    found: list[str] = []
    waiting = [ASSETS / "core" / "start.mjs"]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(ASSETS).as_posix()
        if name not in found:
            found.append(name)
            imported = _IMPORTED.findall(path.read_text(encoding="utf-8"))
            waiting += [(path.parent / other).resolve() for other in imported]
    return found


def _serve_files(server: Flask) -> str:
    """Serve the files of assets at addresses that change with their content, and all style sheets as one.

    Returns:
        the address of the folder; that of the style sheet is the same with .css behind it.
    """
    files = sorted(path for path in ASSETS.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:16]
    style = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ASSETS.glob("*.css")))

    def kept(response: Response) -> Response:
        response.headers["Cache-Control"] = KEEP
        return response

    address = f"/assets/{digest}"
    server.add_url_rule(f"{address}/<path:name>", "_file", lambda name: kept(send_from_directory(ASSETS, name)))
    server.add_url_rule(f"{address}.css", "_style", lambda: kept(Response(style, mimetype="text/css")))
    return address


def _suite(package: str, file: str) -> str:
    """The address of a script of a package, which changes with its version."""
    found = import_module(package)
    time = int((Path(found.__path__[0]) / file).stat().st_mtime)
    return f"/_dash-component-suites/{package}/{build_fingerprint(file, found.__version__, time)}"


def _used(scripts: str, place: Place) -> list[str]:
    """The addresses of the scripts to load, of those that Dash names.

    What draws figures is loaded with the page, and not when the first of them is laid out; tables only where there is
    one.
    """
    named = [source for source in _SCRIPT.findall(scripts) if UNUSED not in source]
    kept = [source for source in named if f"/{TABLES[0]}/" not in source or _has_table(place)]
    return [*kept, _suite("dash", "dcc/async-graph.js")]


def _has_table(place: Place) -> bool:
    shown = place.chapter.views if place.chapter else ()
    return place.page in ("sweep", "compare") or any(view is neuron_table.VIEW for view, _ in shown)


def _element(id: str, text: str) -> str:
    # "<" could end the element.
    safe = text.replace("<", "\\u003c")
    return f'<script type="application/json" id="{id}">{safe}</script>'


def _text(content: Any) -> str:
    return str(to_json_plotly(content))
