"""The page of own data without a browser: a table is kept, fitted, trained and compared, step by step."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from plotly.utils import PlotlyJSONEncoder

from hmmrnn import HMM
from hmmrnn.dashboard.pages.data import ids
from hmmrnn.dashboard.pages.data.data import item_of
from hmmrnn.dashboard.pages.data.data_watch import read_table, run_command, watch_data
from hmmrnn.model.checkpoint import save
from hmmrnn.model.sequences import read_sequences
from hmmrnn.server.services import services
from hmmrnn.shipped import ASSETS
from hmmrnn.tasks import data_fits, trainings
from hmmrnn.tasks.store import EXPERIMENT, LEFT_AT, TaskState
from hmmrnn.tasks.task import Task
from hmmrnn.training.baum_welch import fit_hmm
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

KNOWN = HMM([[0.9, 0.1], [0.2, 0.8]], [[0.95, 0.05], [0.1, 0.9]])
TEXT = "\n".join(",".join("ab"[o] for o in one) for one in KNOWN.sample(22, 40, 0)[0])

# What assets/pages/behaviour.csv is drawn from.
BEHAVIOURS = ("rest", "walk", "turn", "groom")
EXAMPLE = HMM(
    [[0.9, 0.08, 0.02], [0.1, 0.85, 0.05], [0.05, 0.15, 0.8]],
    [[0.85, 0.1, 0.05, 0.0], [0.1, 0.8, 0.05, 0.05], [0.0, 0.1, 0.1, 0.8]],
)


@pytest.fixture(scope="module")
def fit():
    return fit_hmm(read_sequences(TEXT), 2, starts=1, folds=2)


@pytest.fixture(autouse=True)
def world(empty_world):
    return empty_world


def opened(most_states: int = 2, neurons: int = 8, steps: int = 3) -> str:
    table = read_table({"name": "flies.csv", "text": TEXT, "symbols": "", "sequence": ""})["table"]
    return f"{table}.{most_states}.0.{neurons}.{steps}"


def ask(of: str, **how: bool) -> dict:
    """An answer as the page gets it, as every property by the id of its component; and in how long to ask again."""
    answer = json.loads(json.dumps(watch_data({"of": of, "theme": "dark", "seen": {}, **how}), cls=PlotlyJSONEncoder))
    drawn = {id: props for part in answer["parts"].values() for id, props in part["updates"]}
    return {**drawn, "again": answer["again"]}


def worked(name: str, result: object) -> None:
    """What a worker does with the one experiment of a name that waits."""
    (waiting,) = [args for args in services().store.queues.waiting("experiment") if args[2] == name]
    task = Task(services().store, EXPERIMENT, waiting[0])
    task.put_result(result)
    task.move(TaskState.DONE)


def test_a_table_is_guided_from_its_file_to_a_compared_network(fit):
    of = opened()
    first = ask(of)
    assert "22 sequences of 40 symbols" in json.dumps(first[ids.DATA_READ])
    assert "No worker is running" in first[ids.DATA_FIT_STATE]["children"]
    assert first[ids.DATA_TRAIN]["disabled"]
    assert first["again"] == 1
    with pytest.raises(ValueError, match="not fitted yet"):
        run_command({"command": "train", "of": of})

    worked(data_fits.FIT, fit)
    then = ask(of)
    assert "2 states: the fewest" in then[ids.DATA_FIT_STATE]["children"]
    assert "to 1" in json.dumps(then[ids.DATA_HMM])
    assert not then[ids.DATA_TRAIN]["disabled"]
    assert then[ids.DATA_TRAIN_STATE]["children"] == "Not begun."
    # The HMM alone is compared first.
    question = next(args[3] for args in services().store.queues.waiting("experiment") if args[2] == data_fits.COMPARE)
    worked(data_fits.COMPARE, services().data_fits.compute(data_fits.COMPARE, question, lambda share: None))
    alone = ask(of)
    assert "The network follows" in alone[ids.DATA_COMPARE_STATE]["children"]
    assert alone["again"] is None

    job = run_command({"command": "train", "of": of})["job"]
    assert services().trainings.look_at(job).config.n_neurons == 8
    waiting = ask(of)
    assert waiting[ids.DATA_TRAIN]["disabled"]
    assert waiting[ids.DATA_TRAINING]["href"] == f"/train/{job}"
    assert waiting["again"] == 1
    name = trainings.network_name(services().trainings.look_at(job))
    save(
        replace(random_network(8, 4, 2), metadata={"family": "custom"}),
        services().data.networks / f"{name}.safetensors",
    )
    services().trainings.task_of(job).move(TaskState.DONE, model=name)
    done = ask(of)
    assert not done[ids.DATA_EXPLORE]["disabled"]
    assert done[ids.DATA_EXPLORE]["data-job"] == job
    question = next(args[3] for args in services().store.queues.waiting("experiment") if args[3].network == name)
    compared = services().data_fits.compute(data_fits.COMPARE, question, lambda share: None)
    assert compared.network is not None
    assert compared.data.symbols == 22 * 40


def test_after_a_cancelled_training_it_is_gone_on_with_or_another_begun(fit):
    of = opened()
    ask(of)
    worked(data_fits.FIT, fit)
    job = run_command({"command": "train", "of": of})["job"]
    services().trainings.cancel(job)
    stopped = ask(of)
    assert "Cancelled" in stopped[ids.DATA_TRAIN_STATE]["children"]
    assert not stopped[ids.DATA_TRAIN]["disabled"]
    assert run_command({"command": "train", "of": of.replace(".8.3", ".9.3")})["job"] != job
    assert run_command({"command": "train", "of": of})["job"] == job
    assert services().trainings.look_at(job).state is TaskState.WAITING
    assert ask(of)[ids.DATA_TRAIN]["disabled"]


def test_another_number_of_states_is_another_hmm_and_another_training(fit):
    table = opened().split(".")[0]
    ask(f"{table}.2.1.8.3")
    worked(data_fits.FIT, fit)
    shown = ask(f"{table}.2.1.8.3")
    assert "Shown: 1" in shown[ids.DATA_FIT_STATE]["children"]
    pressed = [one["props"] for one in shown[ids.DATA_CHOICE]["children"] if one["props"]["aria-pressed"] == "true"]
    assert [one["data-states"] for one in pressed] == ["1"]


def test_a_fit_is_cancelled_and_begun_again(fit):
    of = opened()
    assert ask(of)[ids.DATA_FIT_CANCEL] == {"hidden": False, "children": "Cancel"}
    (waiting,) = services().store.queues.waiting("experiment")
    assert run_command({"command": "cancel-fit", "of": of}) == {}
    assert services().store.entry(EXPERIMENT, waiting[0]).get(LEFT_AT) is not None
    stopped = ask(of, cancelled=True)
    assert "Cancelled: the HMMs are not fitted" in stopped[ids.DATA_FIT_STATE]["children"]
    assert stopped[ids.DATA_FIT_CANCEL] == {"hidden": False, "children": "Fit"}
    assert stopped["again"] is None
    assert ask(of)["again"] == 1
    # What was fitted all the same is shown, once a page has fetched it.
    worked(data_fits.FIT, fit)
    assert ask(of)[ids.DATA_FIT_CANCEL]["hidden"]
    assert ask(of, cancelled=True)[ids.DATA_FIT_CANCEL]["hidden"]


@pytest.mark.parametrize("of", ["", "x", "0123456789abcdef.2.0.0.0", "0123456789abcdef.99.0.0.0", "../../etc.1.1.1.1"])
def test_what_is_no_table_leads_back(of):
    assert "open its file again" in watch_data({"of": of, "theme": "light", "seen": {}})["unknown"]


def test_a_table_that_cannot_be_read_is_not_kept():
    with pytest.raises(ValueError, match="at least 2 different symbols"):
        read_table({"name": "bad.csv", "text": "a\na", "symbols": "", "sequence": ""})
    assert list(services().data.tables.iterdir()) == []


def test_old_tables_make_room(monkeypatch):
    monkeypatch.setattr(data_fits, "MOST_TABLES", 2)
    for number in range(4):
        read_table({"name": f"{number}.csv", "text": TEXT, "symbols": "", "sequence": ""})
    assert len(list(services().data.tables.iterdir())) == 2


def test_sizes_out_of_range_are_refused(fit):
    item = item_of(f"{opened().split('.')[0]}.2.0.600.0")
    with pytest.raises(ValueError, match="N must be from 2 to 512; got 600"):
        item.config(fit.best.hmm)


def test_the_example_is_a_sample_of_the_hmm_that_its_page_names():
    table = read_sequences((ASSETS / "pages" / "behaviour.csv").read_text(encoding="utf-8"))
    symbols, _ = EXAMPLE.sample(40, 60, seed=0)
    wanted = [[BEHAVIOURS[symbol] for symbol in one] for one in symbols]
    assert [[table.alphabet[symbol] for symbol in one] for one in table.symbols] == wanted
