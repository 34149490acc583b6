"""The page of a sweep without a browser: what is said, what is drawn, and that nothing is sent twice."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.utils import PlotlyJSONEncoder

from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.ids import MODEL, NOTICE, NOTICE_TEXT
from hmmrnn.dashboard.pages.compare.compare import question_of
from hmmrnn.dashboard.pages.train import ids, sweep_watch
from hmmrnn.dashboard.pages.train import sweep as sweep_page
from hmmrnn.dashboard.pages.train.sweep import GATES, TITLES, columns, measure_of, settings_words, sweep_list
from hmmrnn.dashboard.pages.train.sweep_watch import OFTEN, SELDOM, link_to_comparison, results, watch_sweep
from hmmrnn.figures.sweep import ENDED, MISSING
from hmmrnn.figures.theme import THEMES
from hmmrnn.model.checkpoint import read_metadata
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, store, sweeps
from hmmrnn.tasks.store import PROGRESS
from hmmrnn.tasks.sweep_runner import SweepRunner
from hmmrnn.tasks.sweeps import Sweep
from hmmrnn.training.trainer import FIDELITY_NUMBERS
from tests.dashboard.page import text
from tests.sweeps import HALF_WAY, done, failed, small_sweep, taken

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture(autouse=True)
def world(empty_world):
    return empty_world


@pytest.fixture
def sweep() -> Sweep:
    """Four trainings: done, failed, running at a quarter, and not requested yet."""
    made = small_sweep()
    services().sweeps.keep(made)
    for training in made.trainings[:3]:
        services().trainings.submit(training.config)
    done(made.trainings[0])
    failed(made.trainings[1])
    taken(made.trainings[2].id)
    services().trainings.task_of(made.trainings[2].id).put(PROGRESS, HALF_WAY.model_copy(update={"step": 1}))
    return made


def question(name: str = "small", **changes: object) -> dict:
    first = {"measure": "transition_error", "across": "n_inputs", "theme": "light", "seen": {}}
    return {"sweep": name, **first, **changes}


def asked(name: str = "small", **changes: object) -> dict:
    """The answer as it goes to the page: through JSON."""
    return json.loads(json.dumps(watch_sweep(question(name, **changes)), cls=PlotlyJSONEncoder))


def drawn(answer: dict) -> dict[str, dict]:
    """What each component gets; of a table, all blocks that have come."""
    found: dict[str, dict] = {}
    for part in answer["parts"].values():
        for id, props in part["updates"]:
            block = props.get("rowData")
            found[id] = {"rowData": found.get(id, {"rowData": []})["rowData"] + block["items"]} if block else props
    return found


def seen(answer: dict) -> dict:
    return {name: part["stamp"] for name, part in answer["parts"].items()}


def figure_of(answer: dict) -> go.Figure:
    return go.Figure(drawn(answer)[ids.SWEEP_FIGURE]["figure"])


class TestWatching:
    def test_the_first_answer_has_all_parts(self, sweep) -> None:
        answer = asked()
        assert answer["again"] == OFTEN
        assert set(answer["parts"]) == {"list", "networks", "head", "rows-0", "figure"}
        told = drawn(answer)
        assert told[ids.SWEEP_TITLE]["children"] == "Sweep small: 4 trainings"
        assert told[ids.SWEEP_SETTINGS]["children"] == (
            "linear-2, cyclic; N = 6; M = 1, 3; seed 0; fast recipe with batch = 8, length = 10, steps = 4"
        )
        assert told[ids.SWEEP_STATE]["children"] == (
            "1 of 4 done, 1 of them within the gate; 1 running; 1 not requested yet; 1 failed. "
            "The rest is not requested now: python -m hmmrnn sweep --name small goes on with it."
        )
        assert float(told[ids.SWEEP_PROGRESS]["value"]) == 0.5
        assert told[ids.SWEEP_CSV]["href"] == "/sweep/small/results.csv"
        # One network alone is not compared.
        assert told[ids.SWEEP_COMPARE]["hidden"]
        assert told[MODEL]["data"][0]["value"] == services().sweeps.table_now(sweep)[0].model

    def test_its_networks_are_compared_by_a_link_as_many_as_can_be(self) -> None:
        rows = [SimpleNamespace(model=name) for name in ("a-1", "", "b-2")]
        link = link_to_comparison(rows)
        assert link == {"href": "/compare/a-1,b-2", "children": "Compare its networks (2)", "hidden": False}
        assert question_of(link["href"].removeprefix("/compare/"), 0).items == ("a-1", "b-2")
        many = link_to_comparison([SimpleNamespace(model=f"n-{i}") for i in range(70)])
        assert len(question_of(many["href"].removeprefix("/compare/"), 0).items) == 60
        assert many["children"] == "Compare its first 60 networks"

    def test_the_table_has_every_training(self, sweep) -> None:
        rows = drawn(asked())[ids.SWEEP_TABLE]["rowData"]
        first, second, third, _ = sweep.trainings
        assert [row["id"] for row in rows] == [training.id for training in sweep.trainings]
        assert [row["state"] for row in rows] == ["done", "failed", "running, 25 %", "not requested yet"]
        assert [row["training"] for row in rows] == [first.id, second.id, third.id, ""]
        assert [row["gate"] for row in rows] == ["✓ passes", "", "", ""]
        assert [row["reason"] for row in rows][1] == "training diverged at step 3: the loss is nan"
        header = read_metadata(services().data.networks / f"{rows[0]['model']}.safetensors").metadata
        for name in set(FIDELITY_NUMBERS) - {"lag_error"}:
            assert rows[0][name] == float(header[f"fidelity_{name}"])
        assert rows[0]["lag_error"] is None
        fields = {column["field"] for column in columns()}
        assert fields <= set(rows[0])

    @pytest.mark.parametrize("theme", list(THEMES))
    def test_the_figure_is_of_the_measure_that_is_asked_for(self, sweep, theme) -> None:
        for measure, expected in (("volatility_ratio", 1.04), ("log_likelihood_gap", 0.25)):
            figure = figure_of(asked(measure=measure, theme=theme))
            values = [trace for trace in figure.data if trace.name == "N = 6" and trace.x]
            assert [list(trace.y) for trace in values] == [[expected]]
            assert figure.layout.yaxis.title.text == TITLES[measure]
            assert figure.layout.paper_bgcolor == THEMES[theme].ground
        assert figure.layout.xaxis.title.text == "M (noise inputs)"
        assert figure_of(asked(across="n_neurons")).layout.xaxis.title.text == "N (recurrent units)"

    def test_what_is_not_there_yet_is_shown_as_such(self, sweep) -> None:
        figure = figure_of(asked())
        counts = {name: sum(len(trace.x) for trace in figure.data if trace.name == name) for name in (MISSING, ENDED)}
        assert counts == {MISSING: 2, ENDED: 1}
        words = " ".join(text for trace in figure.data for text in trace.text or ())
        for said in ("running", "not requested yet", "failed: training diverged at step 3: the loss is nan"):
            assert said in words
        assert "transition error: 0.0213<br>passes the gate" in words
        # What is done and yet has no value is not waited for.
        lag = figure_of(asked(measure="lag_error"))
        assert sum(len(trace.x) for trace in lag.data if trace.name == ENDED) == 2
        assert "lag error: cannot be measured: its runs diverge" in " ".join(t for d in lag.data for t in d.text or ())

    def test_what_has_not_changed_is_not_sent_again(self, sweep) -> None:
        first = asked()
        assert asked(seen=seen(first))["parts"] == {}
        services().trainings.task_of(sweep.trainings[2].id).put(PROGRESS, HALF_WAY.model_copy(update={"step": 3}))
        changed = asked(seen=seen(first))
        assert set(changed["parts"]) == {"rows-0"}
        assert drawn(changed)[ids.SWEEP_TABLE]["rowData"][2]["state"] == "running, 75 %"
        assert set(asked(seen=seen(first) | seen(changed), theme="dark")["parts"]) == {"figure"}

    def test_of_a_large_table_the_block_that_has_changed_is_sent(self, monkeypatch) -> None:
        monkeypatch.setattr(sweep_watch, "BLOCK_ROWS", 3)
        made = small_sweep(inputs=tuple(range(1, 6)))
        services().sweeps.keep(made)
        services().trainings.submit(made.trainings[4].config)
        first = asked()
        assert [name for name in first["parts"] if name.startswith("rows")] == ["rows-0", "rows-1", "rows-2", "rows-3"]
        assert [row["id"] for row in drawn(first)[ids.SWEEP_TABLE]["rowData"]] == [one.id for one in made.trainings]
        taken(made.trainings[4].id)
        changed = asked(seen=seen(first))["parts"]
        assert {name for name in changed if name.startswith("rows")} == {"rows-1"}
        assert changed["rows-1"]["updates"][0][1]["rowData"]["of"] == 4

    def test_while_the_queue_is_away_it_says_so_and_then_takes_it_back(self, sweep, monkeypatch) -> None:
        first = asked()

        def gone(*_):
            raise queue.QueueGoneError("Redis does not answer; trainings wait")

        with monkeypatch.context() as without_queue:
            without_queue.setattr(store.Entry, "get", gone)
            away = asked(seen=seen(first))
        assert drawn(away) == {
            NOTICE_TEXT: {"children": "Redis does not answer; trainings wait."},
            NOTICE: {"hidden": False},
        }
        assert "unknown" not in away, "the sweep is still there"
        back = asked(seen=seen(first) | seen(away))
        assert drawn(back)[NOTICE] == {"hidden": True}
        assert set(back["parts"]) == {"away"}
        assert asked(seen=seen(first) | seen(back))["parts"] == {}

    def test_with_nothing_under_way_it_is_asked_seldom_but_still(self, sweep) -> None:
        done(sweep.trainings[2])
        assert asked()["again"] == SELDOM

    def test_who_requests_the_rest_and_a_missing_worker_are_said(self, sweep) -> None:
        SweepRunner(services().sweeps, sweep, retry=False).advance()
        said = drawn(asked())[ids.SWEEP_STATE]["children"]
        assert "not requested now" not in said
        assert said.endswith("1 waiting; 1 failed. No worker is running now.")
        services().store.entry(store.WORKER, queue.TRAININGS).beat()
        assert drawn(asked())[ids.SWEEP_STATE]["children"].endswith("1 failed.")

    def test_the_list_is_there_without_a_sweep(self, sweep) -> None:
        answer = watch_sweep(question(""))
        assert set(answer["parts"]) == {"list", "networks"}
        (entry,) = dict(answer["parts"]["list"]["updates"])[ids.SWEEP_LIST]["children"]
        assert text(entry) == "small1 of 4 done, 1 running"
        assert entry.children.href == "/sweep/small"
        (entry,) = dict(watch_sweep(question())["parts"]["list"]["updates"])[ids.SWEEP_LIST]["children"]
        assert getattr(entry.children, "aria-current") == "page"

    def test_an_unknown_sweep_is_said(self, sweep) -> None:
        for name in ("other", "../small", "small.json"):
            answer = watch_sweep(question(name))
            assert answer["unknown"].startswith(f"There is no sweep {name!r}")
            assert "parts" not in answer

    @pytest.mark.parametrize(("changes", "sentence"), [
        ({"measure": "beauty"}, "a sweep is shown by one of transition_error, .*; got 'beauty'"),
        ({"across": "seed"}, "a sweep is shown against n_neurons or n_inputs; got 'seed'"),
    ])  # fmt: skip
    def test_what_cannot_be_drawn_is_refused(self, sweep, changes, sentence) -> None:
        with pytest.raises(ValueError, match=sentence):
            watch_sweep(question(**changes))


class TestResults:
    def test_the_file_is_the_table(self, sweep) -> None:
        answer = results("small")
        assert answer.mimetype == "text/csv"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="small.csv"'
        lines = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
        assert [line["state"] for line in lines] == ["done", "failed", "running", "planned"]
        assert answer.get_data(as_text=True) == sweeps.csv_text(sweep, services().sweeps.table_now(sweep))

    def test_it_is_fetched_beside_the_page_and_an_unknown_one_is_not_found(self, sweep) -> None:
        with create_app().server.test_client() as client:
            assert client.get("/sweep/small/results.csv").status_code == 200
            missing = client.get("/sweep/%2E%2E%2Fsmall/results.csv")
            assert (missing.status_code, missing.mimetype) in ((404, "text/plain"), (200, "text/html"))
            other = client.get("/sweep/other/results.csv")
            assert other.status_code == 404
            assert other.get_data(as_text=True).startswith("There is no sweep 'other'")


class TestWords:
    def test_no_sweep(self) -> None:
        assert text(sweep_list([], "")) == "None yet."

    def test_a_sweep_that_is_done_says_no_more(self) -> None:
        found = {**dict.fromkeys(sweeps.STATES, 0), "done": 4, "passes": 3}
        said = sweep_page.state_words(small_sweep(), found, pursued=False, worker=False)
        assert said == "4 of 4 done, 3 of them within the gate."

    def test_the_settings_of_the_paper(self) -> None:
        said = settings_words(Sweep(name="paper"))
        assert said == (
            "linear-2, linear-3, linear-4, linear-5; N = 50, 150, 200; M = 1, 10, 100, 200; seed 0, 1, 2; fast recipe"
        )

    def test_every_measure_can_be_drawn(self) -> None:
        assert set(TITLES) == set(FIDELITY_NUMBERS)
        for name in FIDELITY_NUMBERS:
            assert measure_of(name).gate == GATES[name]

    def test_the_page_says_how_a_sweep_is_begun(self) -> None:
        said = " ".join(text(sweep_page.layout()).split())
        assert "python -m hmmrnn sweep --name paper --workers 2 --out paper.csv" in said
        assert "144 trainings" in said


def test_a_table_of_the_paper_is_a_stamp_and_no_more_when_nothing_happens() -> None:
    """An open page polls every two seconds: an answer without news must be small."""
    services().sweeps.keep(Sweep(name="paper"))
    first = asked("paper")
    again = json.dumps(asked("paper", seen=seen(first)))
    assert len(drawn(first)[ids.SWEEP_TABLE]["rowData"]) == 144
    assert len(again) < 100
    assert np.isclose(json.loads(again)["again"], SELDOM)
