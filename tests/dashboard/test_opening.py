"""What a page brings along when it is opened: layout, first answers, scripts, and files that a browser keeps."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from hmmrnn.dashboard import ids, opening
from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.opening import place_of
from hmmrnn.model.checkpoint import save
from hmmrnn.shipped import ASSETS
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

TABLES = "/dash_ag_grid.v"
OVER = (("train", "training-form"), ("sweep", "sweep-start"), ("data", "data-steps"))


@pytest.fixture
def client(dashboard) -> FlaskClient:
    return create_app().server.test_client()


def page_at(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


def brought(page: str, id: str) -> Any:
    """What a page brings along under an id."""
    (text,) = re.findall(rf'<script type="application/json" id="{id}">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def scripts(page: str) -> list[str]:
    return re.findall(r'<script src="([^"]+)">', page)


@pytest.mark.parametrize(("path", "query", "view", "opened"), [
    ("/", "", None, "start"), ("/", "?seed=1", None, "start"), ("/", "?model=linear-2", None, "bench"),
    ("/", "?model=linear-2", "gain-sweep", "interventions"), ("/regions", "?model=linear-2", "orbit", "regions"),
    ("/nowhere", "", None, "start"), ("/train", "", None, "train"), ("/train/0123", "", None, "train"),
    ("/sweep/paper", "?model=linear-2", None, "sweep"),
])  # fmt: skip
def test_an_address_opens_what_the_page_opens(path, query, view, opened):
    place = place_of(path, query.lstrip("?"), view)
    assert (place.chapter.id if place.chapter else place.page) == opened


@pytest.mark.parametrize("path", ["/", "/bench", "/emulation?model=linear-2&seed=2", "/bench?large=orbit", "/train"])
def test_the_first_questions_come_with_their_answers(client, path):
    found = brought(page_at(client, path), ids.ANSWERS)
    assert [one["path"] for one in found] == {
        "/train": ["/network"], "/emulation?model=linear-2&seed=2": ["/network", "/views", "/claims"],
    }.get(path, ["/network", "/views"])  # fmt: skip
    for one in found:
        assert client.post(one["path"], json=one["question"]).get_json() == one["answer"]
        assert "refused" not in one["answer"]


def test_the_first_figures_are_those_of_the_open_chapter(client):
    for path, views in (
        ("/", [ids.STATE_SPACE, ids.NUMBERS]),
        ("/bench", [ids.STATE_SPACE, ids.ORBIT, ids.NUMBERS]),
        ("/bench?large=orbit", [ids.ORBIT, ids.NUMBERS]),
    ):
        _, of_views = brought(page_at(client, path), ids.ANSWERS)
        assert [
            view for view in of_views["question"]["views"] if view in (ids.STATE_SPACE, ids.ORBIT, ids.NUMBERS)
        ] == views
        assert of_views["question"]["fresh"] == of_views["question"]["views"][:-1]


def test_a_page_that_is_opened_again_is_of_what_is_there_now(empty_world):
    client = create_app().server.test_client()
    for seed, path in ((1, "first"), (2, "second")):
        save(random_network(8, 4, 3, seed=seed), empty_world.models / f"{path}.safetensors")
    before = page_at(client, "/bench?model=first")
    assert brought(page_at(client, "/bench?model=first"), ids.ANSWERS) == brought(before, ids.ANSWERS)
    save(random_network(8, 4, 3, seed=3), empty_world.models / "first.safetensors")
    save(random_network(8, 4, 3, seed=4), empty_world.models / "third.safetensors")
    after = page_at(client, "/bench?model=first")
    assert brought(after, ids.ANSWERS)[1] != brought(before, ids.ANSWERS)[1], "another network of the same name"
    assert ["third" in json.dumps(brought(page, ids.LAYOUT)) for page in (before, after)] == [False, True]
    (found,) = [one for one in brought(after, ids.ANSWERS) if one["path"] == "/views"]
    assert client.post("/views", json=found["question"]).get_json() == found["answer"]


def test_figures_come_in_the_colours_that_the_browser_showed_last(client):
    for scheme in ("dark", "light"):
        client.set_cookie(opening.SCHEME_COOKIE, scheme)
        assert brought(page_at(client, "/bench"), ids.ANSWERS)[1]["question"]["theme"] == scheme
    client.set_cookie(opening.SCHEME_COOKIE, "<pink>")
    assert [one["path"] for one in brought(page_at(client, "/bench"), ids.ANSWERS)] == ["/network"]


def test_a_layout_holds_what_is_open_and_the_rest_comes_when_it_is_opened(client):
    whole = client.get("/_dash-layout").get_json()
    for path, there in (("/bench", set()), ("/train/0123", {"train"}), ("/sweep", {"sweep"}), ("/data", {"data"})):
        layout = json.dumps(brought(page_at(client, path), ids.LAYOUT))
        assert {page for page, part in OVER if part in layout} == there
        assert len(layout) < len(json.dumps(whole))
    for page, part in OVER:
        assert part in client.get(f"/pages/{page}").get_data(as_text=True)
    assert brought(page_at(client, "/"), ids.WIRES) == client.get("/_dash-dependencies").get_json()


def test_scripts_of_tables_come_only_where_there_is_one(client):
    with_tables = {path: any(TABLES in source for source in scripts(page_at(client, path))) for path in
                   ("/", "/bench", "/kick-neurons", "/train", "/sweep")}  # fmt: skip
    assert with_tables == {"/": False, "/bench": True, "/kick-neurons": True, "/train": False, "/sweep": True}
    later = brought(page_at(client, "/"), ids.CONFIGURATION)["scripts"]["tables"]
    assert TABLES in later
    assert later in scripts(page_at(client, "/bench"))


def test_a_browser_keeps_every_file_until_it_changes(client, monkeypatch, tmp_path):
    page = page_at(client, "/bench")
    named = re.findall(r'(?:src|href)="(/[^"]+)"', page.split("<body>")[0]) + scripts(page)
    assert len(named) > 40
    for path in named:
        with client.get(path) as answer:
            assert answer.status_code == 200, path
            assert int(re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])[1]) >= 31536000, path
    folder = re.search(r"(/assets/[0-9a-f]+)/main.js", page)[1]
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "start.mjs").write_text("export {};")
    monkeypatch.setattr(opening, "ASSETS", tmp_path)
    assert folder not in page_at(create_app().server.test_client(), "/bench")


def test_the_style_sheet_holds_all_of_them(client):
    (path,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page_at(client, "/"))
    served = client.get(path)
    assert served.mimetype == "text/css"
    for file in ASSETS.glob("*.css"):
        assert file.read_text(encoding="utf-8") in served.get_data(as_text=True)


def test_the_page_asks_at_once_for_every_module_that_it_begins_with(client):
    asked = re.findall(r'<link rel="modulepreload" href="/assets/[0-9a-f]+/([^"]+)">', page_at(client, "/"))
    assert {"core/start.mjs", "core/store.mjs", "panels/silence.mjs"} <= set(asked)
    assert len(asked) == len(set(asked)) == len(opening.started_modules())
    # What is loaded later is not asked for at once.
    assert not [path for path in asked if path.startswith(("live/", "pages/"))]
