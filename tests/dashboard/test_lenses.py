"""The chapter of the lenses: each is computed by a worker, drawn beside the intact network, and says its numbers."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hmmrnn import lenses
from hmmrnn.dashboard import chapters, ids
from hmmrnn.dashboard.pages.lenses import current
from hmmrnn.dashboard.pages.lenses.lens_view import say_numbers
from hmmrnn.explorer import lens_answers, queries
from hmmrnn.explorer.lens_answers import LensAnswer, look_through
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import resolve
from tests.dashboard.page import task, updates, work_off

pytest_plugins = ["tests.fixtures_dashboard"]

VIEWS = [view for chapter in chapters.CHAPTERS if chapter.id == "lenses" for view, _ in chapter.views]


def test_every_lens_has_a_view_with_its_help_and_paper() -> None:
    assert [view.id for view in VIEWS] == [lens_answers.experiment_of(lens) for lens in lenses.LENSES]
    for view, lens in zip(VIEWS, lenses.LENSES, strict=True):
        assert view.title == lens.title
        assert view.help == f"{lens.help} After: {lens.paper}."


def test_the_cards_of_lenses_that_make_networks_offer_them() -> None:
    made = {part.to_plotly_json()["props"]["data-make"]: part for view in VIEWS for part in view.controls()}
    assert set(made) == {"halves", "rank", "sparse", "recovered"}
    offered = json.loads(made["sparse"].to_plotly_json()["props"]["data-students"])
    assert offered == [["0.1", "10% of the neurons"], ["0.3", "30% of the neurons"], ["outputs", "outputs alone"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_lens_is_drawn_beside_the_intact_network(touched, theme) -> None:
    view = current.VIEW
    if task(view, touched, theme)["unfinished"]:
        work_off()
    shown = updates(task(view, touched, theme))
    caption = shown[ids.caption(view.id)]["children"]
    assert caption.startswith("area rate ")
    assert caption.count(", intact ") == 2
    assert "64 runs of 1,000 steps, seed 3" in caption
    assert "intact: probability current" in [note.text for note in shown[view.id]["figure"].layout.annotations]
    # Nothing but network, noise, interventions and pair changes what is seen.
    assert not task(view, replace(touched, steps=100, trajectories=2), theme)["unfinished"]
    assert task(view, replace(touched, sigma=2.0), theme)["unfinished"]
    assert task(view, replace(touched, seed=4), theme)["unfinished"]


def test_the_intact_network_is_looked_at_once(intact, touched, monkeypatch) -> None:
    looked = []

    def look(lens, network, seed, plane, groups, on_progress):
        looked.append((lens.id, seed, plane is not None, groups))
        return network

    monkeypatch.setattr(lenses.Lens, "look", look)
    # What other tests have asked for is known.
    assert look_through(resolve(replace(intact, seed=91)), "current").intact is None
    found = look_through(resolve(replace(touched, seed=91)), "current")
    assert looked == [("current", 91, True, None)] * 2
    assert found.now.W_hh.sum() != found.intact.W_hh.sum()
    look_through(resolve(replace(touched, seed=91, interventions=(Intervention((0,)),))), "current")
    assert len(looked) == 3


def test_ways_between_outputs_are_drawn_over_the_planes_of_a_lens_if_they_are_asked_for(intact, touched) -> None:
    for scenario, planes in ((intact, 2), (touched, 4)):
        task(current.VIEW, scenario)
        with suppress(StopIteration):
            work_off()
        found = [queries.switch_paths_of(resolve(one)) for one in {scenario.intact: 0, scenario: 0}]
        drawn = {}
        for wanted in (False, True):
            shown = updates(task(current.VIEW, replace(scenario, paths=wanted)))[current.VIEW.id]["figure"]
            drawn[wanted] = [trace for trace in shown.data if (trace.name or "").startswith("way ")]
        assert drawn[False] == []
        assert len(drawn[True]) == sum(len(paths.paths) for paths in found) * 2
        assert planes == 2 * len(found)


def test_what_grows_says_so(intact) -> None:
    growing = replace(intact, model="growing")
    task(current.VIEW, growing)
    work_off()
    shown = updates(task(current.VIEW, growing))
    assert "grows without bound" in shown[ids.state(current.VIEW.id)]["children"]


def test_the_caption_says_each_number() -> None:
    many = {str(k): k for k in range(9)}
    seen = SimpleNamespace(rate=0.5, rate_se=0.01, rate_null=0.0, of={"0->1": 2.0}, many=many, curve=[1.0, 2.0])
    lens = lenses.Lens("a", "A", "P", "H", "m:a", ("rate", "of", "many", "curve"))
    assert list(say_numbers(lens, LensAnswer(seen, None))) == ["rate 0.5 ± 0.01 (null 0)", "of 0 → 1 2"]
    beside = list(say_numbers(lens, LensAnswer(seen, seen)))
    assert beside[0] == "rate 0.5 ± 0.01 (null 0), intact 0.5 ± 0.01 (null 0)"


def test_a_lens_sees_the_noise_of_the_scenario(intact) -> None:
    explored = resolve(replace(intact, sigma=0.5))
    seen = look_through(explored, "current").now
    quieter = replace(explored.network, W_ih=0.5 * explored.network.W_ih)
    alone = lenses.current(quieter, seed=intact.seed, plane=queries.plane_of(explored))
    assert seen.area_rate == alone.area_rate != look_through(resolve(intact), "current").now.area_rate
    with pytest.raises(ValueError, match="sigma must be above 0"):
        look_through(resolve(replace(intact, sigma=0.0)), "current")
    caption = current.VIEW.caption(explored, LensAnswer(seen, None), None)
    assert caption.endswith("; sigma 0.5")
