"""Views that a worker computes, from the first request to the figure."""

import re
from dataclasses import replace
from functools import partial

import pytest

from hmmrnn.analysis import kick_neurons
from hmmrnn.dashboard import ids, work
from hmmrnn.dashboard.components import task_line
from hmmrnn.dashboard.pages.dynamics import noise
from hmmrnn.dashboard.pages.emergence import emergence, formation
from hmmrnn.dashboard.pages.interventions import ablation, gain_sweep
from hmmrnn.dashboard.pages.kick_neurons import evidence, leave_rate_theory
from hmmrnn.dashboard.pages.report import claims, report
from hmmrnn.dashboard.view import View
from hmmrnn.explorer import experiments as kinds
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.figures.theme import THEMES
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Intervention
from hmmrnn.report.claims import Claim
from hmmrnn.report.reference import name_quantity
from hmmrnn.server.services import resolve, services
from hmmrnn.tasks import experiments, queue, store
from hmmrnn.tasks.experiments import Experiment
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import Task
from tests.dashboard.page import task, text, updates, work_off
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

JUDGED = (
    Claim(
        "kick",
        "kick",
        "It switches",
        40.0,
        2.0,
        31.0,
        1.5,
        "weaker",
        "Fewer than published.",
        "reproduced",
        "31 ± 1.5.",
    ),
)


def expect_line(view: View, response: dict, words: str, running: bool, cancel: bool, compute: bool) -> None:
    shown = updates(response)
    assert shown[ids.task(view.id)] == {"hidden": False}
    assert shown[ids.state(view.id)]["children"] == words
    assert shown[ids.progress(view.id)]["hidden"] is not running
    assert shown[ids.cancel(view.id)] == {"hidden": not cancel}
    offered = shown[ids.compute(view.id)]
    assert offered["hidden"] is not compute
    assert re.fullmatch(r"Compute \(about \d+ (s|minutes)\)", offered["children"])


def test_it_waits_runs_and_is_drawn(intact, monkeypatch):
    # However long it takes here, no time is said.
    monkeypatch.setattr(task_line, "KNOWN_FROM", 1.0)
    services().store.entry(store.WORKER, queue.EXPERIMENTS).beat()
    view = gain_sweep.VIEW
    waiting = task(view, intact)
    assert waiting["unfinished"]
    about = work.about("gain-sweep", resolve(intact))
    assert about.startswith("about ")
    words = f"waiting for the worker; it takes {about}"
    expect_line(view, waiting, words, running=False, cancel=True, compute=False)
    assert view.id not in updates(waiting)
    key, attempt, name, subject = services().queues.queue(queue.EXPERIMENTS, quick=True).dequeue().args
    begun = Task(services().store, store.EXPERIMENT, key)
    assert experiments.begin(begun, attempt)
    experiments.reporter(begun)(0.25)
    running = task(view, intact)
    expect_line(view, running, f"computing: 25 %, {about} in all", running=True, cancel=True, compute=False)
    assert updates(running)[ids.progress(view.id)]["value"] == "0.250"
    experiments.finish(begun, kinds.compute(services().explorer, name, subject, lambda share: None))
    done = task(view, intact)
    shown = updates(done)
    assert (done["key"], done["unfinished"]) == (key, False)
    assert shown[ids.task(view.id)] == {"hidden": True}
    assert shown[ids.caption(view.id)]["children"].startswith("21 gains of ")
    figure = shown[view.id]["figure"]
    assert shown[view.id]["style"]["--height"] == f"{figure.layout.height}px"
    assert shown[view.id]["className"] == "graph wide"
    dark = updates(task(view, intact, "dark"))[view.id]["figure"]
    assert dark.layout.paper_bgcolor == THEMES["dark"].ground
    assert len(dark.data) == len(figure.data)


def test_without_a_worker_it_says_so(intact):
    words = "No worker is running; start one with python -m hmmrnn worker."
    expect_line(noise.VIEW, task(noise.VIEW, intact), words, running=False, cancel=True, compute=False)


def test_cancelled_it_says_so_and_is_given_up(intact, monkeypatch):
    monkeypatch.setattr(experiments, "GIVEN_UP_AFTER_SECONDS", 0.0)
    key = task(noise.VIEW, intact)["key"]
    response = task(noise.VIEW, intact, leave=[key], wanted=False)
    words = "Cancelled: what is shown now has not been computed."
    expect_line(noise.VIEW, response, words, running=False, cancel=False, compute=True)
    assert not response["unfinished"]
    assert updates(response)["noise"]["figure"]["data"] == []
    # Without a figure there is room for the words alone.
    assert updates(response)["noise"]["className"].endswith(" none")
    key, attempt, *_ = services().queues.queue(queue.EXPERIMENTS, quick=True).dequeue().args
    assert not experiments.begin(Task(services().store, store.EXPERIMENT, key), attempt)
    assert task(noise.VIEW, intact, again=True)["unfinished"]


def test_what_cannot_be_computed_says_why_and_shows_no_other_scenarios_figure(intact):
    growing = replace(intact, model="growing")
    task(noise.VIEW, growing)
    work_off()
    shown = updates(task(noise.VIEW, growing))
    assert "diverge" in shown[ids.state("noise")]["children"]
    assert shown["noise"]["figure"]["data"] == shown[noise.SENSITIVITY]["figure"]["data"] == []
    assert shown[ids.caption("noise")]["children"] == ""
    # To repeat it puts it into the queue once more.
    assert task(noise.VIEW, growing, again=True)["unfinished"]


def test_a_family_without_snapshots_says_so_at_once_and_offers_no_button_that_would_do_nothing(intact):
    words = "There are no snapshots of a training of this network's family; there are snapshots of none."
    expect_line(emergence.VIEW, task(emergence.VIEW, intact), words, running=False, cancel=False, compute=False)


def test_where_too_many_wait_it_can_be_requested_again(intact, monkeypatch):
    def full(*_):
        raise ValueError("at most 8 experiments may wait")

    monkeypatch.setattr(services().experiments, "ask", full)
    line = task(noise.VIEW, intact)
    expect_line(noise.VIEW, line, "At most 8 experiments may wait.", running=False, cancel=False, compute=True)


def test_emergence_is_of_the_snapshots_beside_the_network(empty_world):
    folder = empty_world.models / "emergence" / "linear-2"
    folder.mkdir(parents=True)
    save(replace(random_network(), metadata={"family": "linear-2"}), empty_world.models / "net.safetensors")
    for step in (1, 20, 300):
        network = random_network(seed=step)
        about = {"steps_done": str(step), "family": "linear-2", "seed": "7"}
        save(replace(network, metadata=about), folder / f"step-{step:05d}.safetensors")
    scenario = Scenario("net", seed=2)
    before = task(emergence.VIEW, scenario)["key"]
    work_off()
    caption = updates(task(emergence.VIEW, scenario))[ids.caption("emergence")]["children"]
    whose = "Another training for linear-2 (seed 7): of this network's own training there are no snapshots. "
    assert caption.startswith(f"{whose}3 snapshots, steps 1 to 300: no bifurcation")
    assert "seed 2" in caption
    touched = replace(scenario, interventions=(Intervention((3,)),))
    assert task(emergence.VIEW, touched)["key"] == before
    # Another snapshot makes another experiment.
    save(replace(random_network(), metadata={"steps_done": "400"}), folder / "step-00400.safetensors")
    assert task(emergence.VIEW, scenario)["key"] != before
    # A snapshot that is opened itself is of its own training.
    save(replace(random_network(seed=20), metadata={"family": "linear-2"}), empty_world.models / "own.safetensors")
    task(emergence.VIEW, Scenario("own"))
    work_off()
    work_off()
    own = updates(task(emergence.VIEW, Scenario("own")))[ids.caption("emergence")]["children"]
    assert own.startswith("This network's own training. 4 snapshots")


def test_formation_is_of_the_same_snapshots_whatever_the_noise(empty_world, monkeypatch):
    monkeypatch.setattr("hmmrnn.analysis.formation.LEAVE_STEPS", 20)
    monkeypatch.setattr("hmmrnn.analysis.formation.CONTROLS", 2)
    folder = empty_world.models / "emergence" / "linear-2-paper"
    folder.mkdir(parents=True)
    about = {"family": "linear-2", "recipe": "paper"}
    save(replace(random_network(), metadata=about), empty_world.models / "net.safetensors")
    for step in (1, 20):
        network = random_network(seed=step)
        save(replace(network, metadata={"steps_done": str(step)}), folder / f"step-{step:05d}.safetensors")
    before = task(formation.VIEW, Scenario("net", seed=2))["key"]
    work_off()
    response = task(formation.VIEW, Scenario("net", seed=3, interventions=(Intervention((3,)),)))
    assert response["key"] == before
    shown = updates(response)
    caption = shown[ids.caption("formation")]["children"]
    assert caption.startswith("Another training for this HMM")
    assert "2 snapshots; leave rates of 48 runs" in caption
    assert "kept and matching their HMM: no snapshot" in caption
    assert shown["formation"]["figure"].data


@pytest.mark.parametrize("theme", list(THEMES))
@pytest.mark.parametrize(("view", "words"), [
    (evidence.VIEW, "3 of 3 kick groups necessary (held-out noise), seed 0; agreement of 2 seeds"),
    (noise.VIEW, "strengths of the noise"), (gain_sweep.VIEW, "gains of"),
    (ablation.VIEW, "8 runs of 1,000 steps at each of 20 gains: with the recurrent input of the triple of output 0"),
    (leave_rate_theory.VIEW, "(3 of 3 exits); 32 runs of 1,000 steps for the prediction"),
], ids=lambda given: getattr(given, "id", ""))  # fmt: skip
def test_every_experiment_is_drawn_with_its_caption(intact, view, words, theme, monkeypatch):
    # Each further seed is a search of its own.
    monkeypatch.setattr(kinds, "compare_seeds", partial(kick_neurons.compare_seeds, seeds=(0, 1)))
    if task(view, intact, theme)["unfinished"]:
        work_off()
    shown = updates(task(view, intact, theme))
    assert words in shown[ids.caption(view.id)]["children"]
    figure = shown[view.id]["figure"].to_plotly_json()
    assert figure["data"]
    assert figure["layout"]["paper_bgcolor"] == THEMES[theme].ground


def test_a_report_is_offered_once_it_is_written(touched, monkeypatch):
    def written(scenario: Scenario) -> str | None:
        return services().experiments.known_result(kinds.REPORT, *kinds.identify(kinds.REPORT, resolve(scenario)))

    scenario = replace(touched, steps=60)
    waiting = task(report.VIEW, scenario)
    assert waiting["unfinished"]
    # Links of another report do not stay while this one is written.
    assert updates(waiting)["report"] == {"children": None}
    assert written(touched) is None
    write = replace(
        kinds.EXPERIMENTS[kinds.REPORT],
        compute=lambda explored, on_progress: f"<title>{explored.scenario.seed}</title>",
    )
    monkeypatch.setitem(kinds.EXPERIMENTS, kinds.REPORT, write)
    work_off()
    *links, _ = updates(task(report.VIEW, scenario, "dark"))["report"]["children"]
    address = f"/report?{kinds.identify(kinds.REPORT, resolve(touched))[0].to_query()}"
    assert [link.href for link in links] == [address] * 2
    assert links[1].download == f"hmmrnn-{touched.model}.html"
    assert written(replace(touched, colour="speed")) == f"<title>{touched.seed}</title>"
    assert written(touched.intact) is None


def test_claims_stand_beside_their_verdicts_and_numbers(intact, monkeypatch):
    judge = replace(kinds.EXPERIMENTS[kinds.CLAIMS], compute=lambda explored, on_progress: kinds.Claims(JUDGED))
    monkeypatch.setitem(kinds.EXPERIMENTS, kinds.CLAIMS, judge)
    assert task(claims.VIEW, intact)["unfinished"]
    work_off()
    table = updates(task(claims.VIEW, intact))["claims"]["children"]
    assert text(table) == (
        "Claim of the paperPublishedHereVerdictOur test"
        f"It switches: {name_quantity('kick')}Fewer than published.Our test: 31 ± 1.5."
        "40.0 ± 2.031.0 ± 1.5weakerreproduced"
    )


@pytest.mark.parametrize(("share", "seconds", "words"), [
    (0.01, 5.0, "computing: 1 %, about 40 s in all"), (0.5, 0.5, "computing: 50 %, about 40 s in all"),
    (0.25, 10.0, "computing: 25 %, about 30 s left"),
    (0.1, 60.0, "computing: 10 %, about 9 minutes left"),
])  # fmt: skip
def test_the_time_left_is_said_once_it_can_be_told(share, seconds, words) -> None:
    assert task_line._describe(Experiment("", TaskState.RUNNING, share, seconds), "about 40 s") == words
