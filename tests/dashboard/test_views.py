"""The list of views: a view that is added to it is on the page, in its configuration, and answers."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.dashboard import chapters, configuration, ids
from hmmrnn.dashboard.answers import open_link
from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.view import FAST, OWN, TASK, View
from hmmrnn.explorer import experiments, queries
from hmmrnn.figures.theme import THEMES
from hmmrnn.report.html import SECTIONS
from hmmrnn.server.services import resolve
from tests.dashboard.page import named, question, show
from tests.dashboard.test_app import component_ids

pytest_plugins = ["tests.fixtures_dashboard"]


# ---- the recipe, followed once: a figure, a file with one View, and a line in the list ----


def draw_histogram(values, theme):
    """The figure: it would be in hmmrnn/figures/."""
    figure = go.Figure(go.Histogram(x=values, name="speed", marker_color=theme.accent))
    return figure.update_layout(xaxis_title="speed", yaxis_title="steps", paper_bgcolor=theme.ground)


def compute(explored):
    """Speeds of all steps of a scenario."""
    speed = queries.summary_of(explored).speed
    return speed[np.isfinite(speed)]


TOY = View(
    id="speed-histogram",
    title="Speed",
    help="How many steps are how fast.",
    kind=FAST,
    compute=compute,
    figures=lambda explored, speed, theme: (draw_histogram(speed, theme),),
    caption=lambda explored, speed, theme: f"{len(speed):,} steps",
)


@pytest.fixture
def with_toy(dashboard, monkeypatch):
    """The application with the view added to a chapter."""
    dynamics = next(one for one in chapters.CHAPTERS if one.id == "dynamics")
    more = replace(dynamics, views=(*dynamics.views, (TOY, chapters.HALF)))
    monkeypatch.setattr(chapters, "CHAPTERS", tuple(more if one is dynamics else one for one in chapters.CHAPTERS))
    return create_app()


class TestToy:
    def test_it_is_in_the_layout_with_its_help_and_a_place_for_its_graph(self, with_toy):
        layout = with_toy.server.test_client().get("/_dash-layout").get_json()
        assert {ids.body(TOY.id), ids.card(TOY.id), ids.caption(TOY.id)} <= component_ids(layout)
        assert TOY.help in json.dumps(layout)

    def test_it_is_in_the_configuration_that_stands_in_the_page(self, with_toy):
        found = in_page(with_toy, ids.CONFIGURATION)
        (view,) = [view for view in found["views"] if view["id"] == TOY.id]
        assert (view["title"], view["kind"], view["of"]) == ("Speed", "fast", "scenario")
        (chapter,) = [chapter for chapter in found["chapters"] if TOY.id in chapter["views"]]
        assert (chapter["path"], chapter["widths"][-1]) == ("/dynamics", "half")

    def test_it_answers_over_the_wire_with_its_body(self, with_toy, intact):
        asked = question(intact, TOY.id, theme="dark", fresh=[TOY.id])
        found = with_toy.server.test_client().post("/views", json=asked).get_json()
        updates = dict(found["updates"])
        assert updates[ids.caption(TOY.id)]["children"] == f"{len(compute(resolve(intact))):,} steps"
        (graph,) = updates[ids.body(TOY.id)]["children"]
        assert (graph["type"], graph["props"]["id"]) == ("Graph", TOY.id)
        assert graph["props"]["figure"]["layout"]["paper_bgcolor"] == THEMES["dark"].ground

    def test_its_figure_shows_what_it_computes(self, with_toy, intact):
        figure = show(TOY, intact, "dark")[TOY.id]
        np.testing.assert_array_equal(named(figure, "speed").x, compute(resolve(intact)))

    def test_a_link_enlarges_it(self, with_toy):
        data = with_toy.server.test_client().get(f"/link?large={TOY.id}").get_json()
        assert (data["message"], data["scenario"]["large"]) == ("", TOY.id)


def in_page(app, id: str) -> dict:
    """JSON that stands in the page."""
    page = app.server.test_client().get("/bench?model=linear-2").get_data(as_text=True)
    (text,) = re.findall(rf'<script type="application/json" id="{id}">(.*?)</script>', page)
    return json.loads(text)


# ---- the list ----


def test_every_view_has_its_own_id_and_says_what_it_shows():
    every = list(chapters.views_by_id().values())
    counts = Counter(graph for view in every for graph in (view.graph_ids or (view.id,)))
    assert set(counts.values()) == {1}
    assert all(view.title for view in every)
    assert all(view.help for view in every if view.kind != OWN and view.id != ids.NUMBERS)


def test_every_chapter_has_an_address_a_claim_and_views():
    found = chapters.CHAPTERS
    assert len({one.id for one in found}) == len({one.path for one in found}) == len(found)
    assert all(one.path == f"/{one.id}" and one.views and one.claim.endswith(".") for one in found)
    assert {section for one in found for section in one.sections} <= set(SECTIONS)


def test_every_task_is_an_experiment_that_a_worker_computes_by_its_id():
    tasks = [view for view in chapters.shown_views() if view.kind == TASK]
    assert {view.id for view in tasks} < set(experiments.EXPERIMENTS)
    for view in tasks:
        assert view.compute is experiments.EXPERIMENTS[view.id].compute


def test_the_first_scenario_stands_in_the_page(dashboard):
    assert in_page(create_app(), ids.FIRST) == json.loads(json.dumps(open_link("?model=linear-2")))


def test_the_configuration_names_every_id_once_and_every_address(dashboard):
    app = create_app()
    found = configuration.configuration(app)
    assert json.loads(json.dumps(found)) == found
    assert len(set(found["ids"].values())) == len(found["ids"])
    assert found["addresses"]["moments"] == "/moments"
    assert not [address for address in found["addresses"].values() if address.startswith("/_dash")]
    assert {field["control"] for field in found["fields"].values()} <= set(found["ids"].values())


@pytest.mark.parametrize("folder", ["core", "panels", "pages", "live", "linking"])
def test_no_script_types_an_id_that_the_configuration_names(dashboard, folder):
    from hmmrnn.shipped import ASSETS

    names = set(configuration.configuration(create_app())["ids"].values())
    text = "".join(path.read_text(encoding="utf-8") for path in (ASSETS / folder).glob("*.mjs"))
    typed = set(re.findall(r'\b(?:set|setIf|byId|getElementById|getApi)\(\s*"([a-z-]+)"', text))
    # What stands in the page holds the configuration itself.
    assert (typed & names) - {ids.CONFIGURATION, ids.FIRST} == set()
