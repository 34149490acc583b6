"""What a sweep is and how far it is, without a worker: the tests play its part."""

from __future__ import annotations

import csv
import io
import json

import pytest

from hmmrnn.checkpoint import load, save
from hmmrnn.dashboard import folders, jobs, queue, sweeps
from hmmrnn.dashboard.sweeps import COLUMNS, PLANNED, Pursuit, Sweep
from hmmrnn.fidelity import fidelity
from hmmrnn.recipe import TrainingConfig
from hmmrnn.training import FIDELITY_NUMBERS, train
from tests.sweeps import TOLD, done, failed, small_sweep, taken

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture(autouse=True)
def world(empty_world):
    return empty_world


@pytest.fixture
def at_once(monkeypatch) -> None:
    """What looks lost is taken for lost at once."""
    monkeypatch.setattr(sweeps, "LOST_FOR_SECONDS", -1.0)


def states(sweep: Sweep) -> list[str]:
    return [row.state for row in sweeps.table_now(sweep)]


def viewers_training() -> str:
    return jobs.submit(TrainingConfig.preset("linear-3", n_neurons=8, n_inputs=4, batch=16, length=6, steps=3))


class TestGrid:
    def test_that_of_the_paper(self) -> None:
        paper = Sweep("paper")
        found = {(t.config.hmm.name, t.config.n_neurons, t.config.n_inputs, t.config.seed) for t in paper.trainings}
        assert found == {
            (f"linear-{states}", n, m, seed)
            for states in (2, 3, 4, 5)
            for n in (50, 150, 200)
            for m in (1, 10, 100, 200)
            for seed in (0, 1, 2)
        }
        assert len(paper.trainings) == paper.count == 144
        # The whole grid is seen before any of it is repeated.
        assert {training.config.seed for training in paper.trainings[:48]} == {0}

    def test_each_training_is_that_of_the_train_command_with_its_settings(self) -> None:
        training = small_sweep(recipe="paper", changes=(("clip", 0.5), ("steps", 4)), seeds=(7,)).trainings[3]
        same = TrainingConfig.preset("cyclic", "paper", n_neurons=6, n_inputs=3, seed=7, steps=4, clip=0.5)
        assert training.config.to_dict() == same.to_dict()
        assert training.id == jobs.id_of(same)
        assert jobs.submit(same) == training.id

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"name": "../etc"}, "a sweep's name must be of at most 40 letters, digits and dashes"),
            ({"name": ""}, "a sweep's name must be"),
            ({"name": "a" * 41}, "a sweep's name must be"),
            ({"families": ("linear-9",)}, "families must be of linear-2, .*; got 'linear-9'"),
            ({"families": ()}, "families must have at least one value; got none"),
            ({"seeds": (1, 1)}, "seeds must be different from each other; got 1, 1"),
            ({"neurons": (0,)}, "neurons must be whole numbers from 1 to 2048; got 0"),
            ({"inputs": (1.5,)}, "inputs must be whole numbers from 1 to 2048; got 1.5"),
            ({"seeds": (-1,)}, "seeds must be whole numbers from 0 to 2147483647; got -1"),
            ({"seeds": tuple(range(600))}, "a sweep has at most 2,000 trainings; got 2,400; split it in two"),
            ({"recipe": "slow"}, "recipe must be one of fast, paper; got 'slow'"),
            ({"changes": (("clip", -1.0),)}, "clip must be > 0; got -1"),
            ({"changes": (("carry", 1),)}, "carry must be of type bool; got 1"),
            ({"changes": (("colour", "red"),)}, "a training has an hmm and may have"),
        ],
    )
    def test_what_is_none_is_refused(self, changes, sentence) -> None:
        with pytest.raises(ValueError, match=sentence):
            small_sweep(**changes)


class TestFile:
    def test_what_was_kept_is_found(self) -> None:
        sweep = small_sweep()
        assert sweeps.find("small") is None
        sweeps.keep(sweep)
        assert sweeps.find("small") == sweep
        assert sweeps.listing() == (sweep,)
        before = (folders.sweeps() / "small.json").stat().st_mtime_ns
        sweeps.keep(small_sweep())
        assert (folders.sweeps() / "small.json").stat().st_mtime_ns == before
        assert [path.name for path in folders.sweeps().iterdir()] == ["small.json"]

    def test_another_of_the_same_name_is_refused(self) -> None:
        sweeps.keep(small_sweep())
        with pytest.raises(ValueError, match=r"is there with other seeds \(0\); give this one another --name"):
            sweeps.keep(small_sweep(seeds=(0, 1)))
        with pytest.raises(ValueError, match=r"other changes \(batch=8, length=10, steps=4\)"):
            sweeps.keep(small_sweep(changes=(("batch", 8),)))
        assert sweeps.find("small") == small_sweep()

    @pytest.mark.parametrize("content", ["{", "[]", '{"name": "bad", "seed": 1}', '{"name": "bad", "seeds": 3}'])
    def test_a_damaged_one_is_said_and_hides_no_other(self, caplog, content) -> None:
        sweeps.keep(small_sweep())
        (folders.sweeps() / "bad.json").write_text(content)
        with pytest.raises(ValueError, match=r"the sweep bad cannot be read \(.*\); remove bad.json and start it anew"):
            sweeps.find("bad")
        assert [sweep.name for sweep in sweeps.listing()] == ["small"]
        assert "the sweep bad cannot be read" in caplog.text

    @pytest.mark.parametrize("name", ["../small", "small.json", "*", "", "small/../small"])
    def test_a_name_is_looked_up_and_never_a_path(self, name) -> None:
        sweeps.keep(small_sweep())
        assert sweeps.find(name) is None


class TestTable:
    def test_the_rows_say_what_headers_and_jobs_say(self) -> None:
        sweep = small_sweep()
        first, second, third, fourth = sweep.trainings
        for training in (first, second, third):
            jobs.submit(training.config)
        model = done(first)
        failed(second)
        taken(third.id)
        queue.put(f"progress:{third.id}", {**TOLD, "step": 1})
        rows = sweeps.table_now(sweep)
        assert [row.state for row in rows] == [jobs.DONE, jobs.FAILED, jobs.RUNNING, PLANNED]
        assert [row.share for row in rows] == [1.0, 0.5, 0.25, 0.0]
        assert [row.passes for row in rows] == [True, None, None, None]
        assert rows[0].measures == dict(zip(FIDELITY_NUMBERS, (0.0213, 0.005, 1.04, None, 0.25), strict=True))
        assert sweeps.counts(rows) == {
            **{"done": 1, "running": 1, "waiting": 0, "planned": 1, "failed": 1, "lost": 0, "cancelled": 0},
            "passes": 1,
        }

        header, *lines = csv.reader(io.StringIO(sweeps.csv_text(sweep, rows)))
        assert header == list(COLUMNS)
        assert lines == [
            ["linear-2", "6", "1", "0", "fast", "done", first.id, model, "0.0213", "0.005", "1.04", "", "0.25"]
            + ["true", "3", "12.0", "2.5", ""],
            ["linear-2", "6", "3", "0", "fast", "failed", second.id, *[""] * 7]
            + ["2", "7.25", "5.5", "training diverged at step 3: the loss is nan"],
            ["cyclic", "6", "1", "0", "fast", "running", third.id, *[""] * 11],
            ["cyclic", "6", "3", "0", "fast", "planned", fourth.id, *[""] * 11],
        ]

    def test_a_network_whose_runs_diverge_has_no_measures_and_fails(self) -> None:
        sweep = small_sweep()
        jobs.submit(sweep.trainings[0].config)
        done(sweep.trainings[0], **{f"fidelity_{name}": "nan" for name in FIDELITY_NUMBERS}, fidelity_passes="false")
        row = sweeps.table_now(sweep)[0]
        assert (row.state, row.passes, row.reason) == (jobs.DONE, False, "long runs of the network diverge")
        assert row.measures == dict.fromkeys(FIDELITY_NUMBERS)
        assert ",,,,,,false,3,12.0,2.5,long runs of the network diverge\n" in sweeps.csv_text(sweep, [row])

    def test_a_network_that_is_gone_is_said(self) -> None:
        sweep = small_sweep()
        jobs.submit(sweep.trainings[0].config)
        (folders.networks() / f"{done(sweep.trainings[0])}.safetensors").unlink()
        row = sweeps.table_now(sweep)[0]
        assert (row.state, row.passes, row.measures) == (jobs.DONE, None, None)
        assert row.reason == "its network is no longer in the data folder, or is damaged"

    def test_the_smallest_of_the_paper_is_trained_stored_and_judged(self) -> None:
        sweep = Sweep("one", ("linear-2",), (50,), (1,), (0,), changes=(("batch", 8), ("steps", 2)))
        (training,) = sweep.trainings
        result = train(training.config)
        jobs.submit(training.config)
        name = jobs.network_name(jobs.look_at(training.id))
        save(result.network, folders.networks() / f"{name}.safetensors")
        jobs.set_state(training.id, jobs.DONE, model=name)
        found = sweeps.table_now(Sweep("one", ("linear-2",), (50,), (1,), (0,), changes=(("batch", 8), ("steps", 2))))[
            0
        ]
        network = load(folders.networks() / f"{name}.safetensors")
        assert (network.n_neurons, network.n_inputs) == (50, 1)
        judged = fidelity(network, training.config.hmm)
        assert found.measures == {key: pytest.approx(getattr(judged, key), abs=5e-5) for key in FIDELITY_NUMBERS}
        assert found.passes is judged.passes


class TestPursuit:
    def test_few_wait_at_a_time_and_a_viewers_training_goes_before_the_next_one(self) -> None:
        sweep = small_sweep()
        first, second, third, fourth = (training.id for training in sweep.trainings)
        pursuit = Pursuit(sweep, retry=False)
        assert pursuit.go_on()
        assert queue.waiting("train") == [(first,), (second,)]
        assert pursuit.go_on()
        assert len(queue.waiting("train")) == 2
        viewers = viewers_training()
        taken(first)
        assert pursuit.go_on()
        assert queue.waiting("train") == [(second,), (viewers,)], "nothing more while two wait"
        taken(second)
        pursuit.go_on()
        assert queue.waiting("train") == [(viewers,), (third,)]
        taken(viewers)
        pursuit.go_on()
        assert queue.waiting("train") == [(third,), (fourth,)]

    def test_it_is_over_when_all_have_ended(self) -> None:
        sweep = small_sweep()
        pursuit = Pursuit(sweep, retry=False)
        for training in sweep.trainings[:-1]:
            jobs.submit(training.config)
            done(training)
        assert pursuit.go_on()
        taken(sweep.trainings[-1].id)
        assert pursuit.go_on(), "one runs"
        failed(sweep.trainings[-1])
        assert not pursuit.go_on()
        assert [row.state for row in pursuit.rows] == [jobs.DONE] * 3 + [jobs.FAILED]

    def test_what_was_cancelled_before_is_gone_on_with_and_what_is_cancelled_meanwhile_is_not(self) -> None:
        sweep = small_sweep(families=("linear-2",))
        first, second = (training.id for training in sweep.trainings)
        jobs.submit(sweep.trainings[0].config)
        jobs.cancel(first)
        pursuit = Pursuit(sweep, retry=False)
        assert pursuit.go_on()
        assert states(sweep) == [jobs.WAITING, jobs.WAITING]
        for job_id in (first, second):
            jobs.cancel(job_id)
        assert not pursuit.go_on()
        assert states(sweep) == [jobs.CANCELLED, jobs.CANCELLED]

    @pytest.mark.parametrize("retry", [False, True])
    def test_what_has_failed_is_gone_on_with_only_if_that_is_wished(self, retry) -> None:
        sweep = small_sweep(families=("linear-2",), inputs=(1,))
        jobs.submit(sweep.trainings[0].config)
        taken(sweep.trainings[0].id)
        failed(sweep.trainings[0])
        pursuit = Pursuit(sweep, retry)
        assert pursuit.go_on() is retry
        assert states(sweep) == [jobs.WAITING if retry else jobs.FAILED]
        taken(sweep.trainings[0].id)
        failed(sweep.trainings[0])
        assert not pursuit.go_on(), "once is enough"

    def test_what_is_lost_again_and_again_is_left(self, at_once) -> None:
        sweep = small_sweep(families=("linear-2",), inputs=(1,))
        pursuit, (training,) = Pursuit(sweep, retry=False), sweep.trainings
        assert pursuit.go_on()
        for _ in range(sweeps.ATTEMPTS):
            taken(training.id)
            queue.discard(f"beat:job:{training.id}")
            assert states(sweep) == [jobs.LOST]
            assert pursuit.go_on()
            assert states(sweep) == [jobs.WAITING]
        taken(training.id)
        queue.discard(f"beat:job:{training.id}")
        assert not pursuit.go_on()

    def test_what_looks_lost_for_a_moment_is_not_asked_for_again(self) -> None:
        sweep = small_sweep(families=("linear-2",), inputs=(1,))
        pursuit, (training,) = Pursuit(sweep, retry=False), sweep.trainings
        pursuit.go_on()
        taken(training.id)
        queue.discard(f"beat:job:{training.id}")
        assert pursuit.go_on()
        assert queue.waiting("train") == []

    def test_withdrawn_it_stops_and_nothing_of_it_waits(self) -> None:
        sweep = small_sweep()
        sweeps.keep(sweep)
        pursuit = Pursuit(sweep, retry=False)
        pursuit.go_on()
        viewers = viewers_training()
        assert sweeps.withdraw(sweep) == 2
        assert states(sweep) == [jobs.CANCELLED, jobs.CANCELLED, PLANNED, PLANNED]
        assert jobs.look_at(viewers).state == jobs.WAITING
        assert not pursuit.go_on()
        assert Pursuit(sweep, retry=False).go_on(), "whoever starts it again wants it again"

    def test_one_command_at_a_time(self, monkeypatch) -> None:
        sweep = small_sweep()
        with sweeps.hold(sweep):
            with pytest.raises(ValueError, match="the sweep small is being run by another command; leave it to that"):
                sweeps.hold(sweep)
            monkeypatch.setattr(sweeps, "NOTICED_WITHIN_SECONDS", 0.1)
            with pytest.raises(ValueError, match=r"has not stopped within 0\.1 seconds; end it with Ctrl-C"):
                sweeps.withdraw(sweep)
        sweeps.hold(sweep).release()

    def test_whether_somebody_asks_for_the_rest_is_known(self) -> None:
        assert not sweeps.pursued("small")
        Pursuit(small_sweep(), retry=False).go_on()
        assert sweeps.pursued("small")


def test_a_sweep_is_plain_json() -> None:
    sweep = small_sweep()
    assert Sweep.from_dict(json.loads(json.dumps(sweep.to_dict()))) == sweep
