"""What a sweep is and how far it is, without a worker: the tests play its part."""

from __future__ import annotations

import csv
import io
import json

import pytest

from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.model.checkpoint import load, save
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, sweep_runner, sweeps, trainings
from hmmrnn.tasks.store import HEARTBEAT, PROGRESS, TaskState
from hmmrnn.tasks.sweep_runner import SweepRunner
from hmmrnn.tasks.sweeps import COLUMNS, PLANNED, Sweep
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import FIDELITY_NUMBERS, train
from tests.sweeps import HALF_WAY, done, failed, small_sweep, taken

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture(autouse=True)
def world(empty_world):
    return empty_world


@pytest.fixture
def at_once(monkeypatch) -> None:
    """What looks lost is taken for lost at once."""
    monkeypatch.setattr(sweep_runner, "LOST_FOR_SECONDS", -1.0)


def states(sweep: Sweep) -> list[str]:
    return [row.state for row in services().sweeps.table_now(sweep)]


def viewers_training() -> str:
    config = TrainingConfig.preset("linear-3", n_neurons=8, n_inputs=4, batch=16, length=6, steps=3)
    return services().trainings.submit(config)


class TestGrid:
    def test_that_of_the_paper(self) -> None:
        paper = Sweep(name="paper")
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
        training = small_sweep(recipe="paper", changes={"clip": 0.5, "steps": 4}, seeds=(7,)).trainings[3]
        same = TrainingConfig.preset("cyclic", "paper", n_neurons=6, n_inputs=3, seed=7, steps=4, clip=0.5)
        assert training.config.to_dict() == same.to_dict()
        assert training.id == trainings.id_of(same)
        assert services().trainings.submit(same) == training.id

    @pytest.mark.parametrize(("changes", "sentence"), [
        ({"name": "../etc"}, "name: must be of at most 40 letters, digits and dashes, no dash first; got '../etc'"),
        ({"name": ""}, "name: must be of at most 40 letters"),
        ({"name": "a" * 41}, "name: must be of at most 40 letters"),
        ({"families": ("linear-9",)}, "families: must be of linear-2, .*; got 'linear-9'"),
        ({"families": ()}, "families: tuple should have at least 1 item"),
        ({"seeds": (1, 1)}, r"seeds: values must be different from each other; got \(1, 1\)"),
        ({"neurons": (0,)}, "neurons: input should be greater than or equal to 1; got 0"),
        ({"inputs": (1.5,)}, "inputs: input should be a valid integer; got 1.5"),
        ({"seeds": (-1,)}, "seeds: input should be greater than or equal to 0; got -1"),
        ({"colour": "red"}, "colour: extra inputs are not permitted; got 'red'"),
        ({"seeds": tuple(range(600))}, "a sweep has at most 2,000 trainings; got 2,400; split it in two"),
        ({"recipe": "slow"}, "recipe must be one of fast, paper; got 'slow'"),
        ({"changes": {"clip": -1.0}}, "clip must be > 0; got -1"),
        ({"changes": {"carry": 1}}, "carry must be of type bool; got 1"),
        ({"changes": {"colour": "red"}}, "a training has an hmm and may have"),
    ])  # fmt: skip
    def test_what_is_none_is_refused(self, changes, sentence) -> None:
        with pytest.raises(ValueError, match=sentence):
            sweeps.read_sweep({**small_sweep().model_dump(), **changes})


class TestFile:
    def test_what_was_kept_is_found(self) -> None:
        sweep = small_sweep()
        assert services().sweeps.find("small") is None
        services().sweeps.keep(sweep)
        assert services().sweeps.find("small") == sweep
        assert services().sweeps.listing() == (sweep,)
        before = (services().data.sweeps / "small.json").stat().st_mtime_ns
        services().sweeps.keep(small_sweep())
        assert (services().data.sweeps / "small.json").stat().st_mtime_ns == before
        assert [path.name for path in services().data.sweeps.iterdir()] == ["small.json"]

    def test_another_of_the_same_name_is_refused(self) -> None:
        services().sweeps.keep(small_sweep())
        with pytest.raises(ValueError, match=r"is there with other seeds \(0\); give this one another --name"):
            services().sweeps.keep(small_sweep(seeds=(0, 1)))
        with pytest.raises(ValueError, match=r"other changes \(batch=8, length=10, steps=4\)"):
            services().sweeps.keep(small_sweep(changes={"batch": 8}))
        assert services().sweeps.find("small") == small_sweep()

    @pytest.mark.parametrize("content", ["{", "[]", '{"name": "bad", "seed": 1}', '{"name": "bad", "seeds": 3}'])
    def test_a_damaged_one_is_said_and_hides_no_other(self, caplog, content) -> None:
        services().sweeps.keep(small_sweep())
        (services().data.sweeps / "bad.json").write_text(content)
        with pytest.raises(ValueError, match=r"the sweep bad cannot be read \(.*\); remove bad.json and start it anew"):
            services().sweeps.find("bad")
        assert [sweep.name for sweep in services().sweeps.listing()] == ["small"]
        assert "the sweep bad cannot be read" in caplog.text

    @pytest.mark.parametrize("name", ["../small", "small.json", "*", "", "small/../small"])
    def test_a_name_is_looked_up_and_never_a_path(self, name) -> None:
        services().sweeps.keep(small_sweep())
        assert services().sweeps.find(name) is None


class TestTable:
    def test_the_rows_say_what_headers_and_jobs_say(self) -> None:
        sweep = small_sweep()
        first, second, third, fourth = sweep.trainings
        for training in (first, second, third):
            services().trainings.submit(training.config)
        model = done(first)
        failed(second)
        taken(third.id)
        services().trainings.task_of(third.id).put(PROGRESS, HALF_WAY.model_copy(update={"step": 1}))
        rows = services().sweeps.table_now(sweep)
        assert [row.state for row in rows] == [TaskState.DONE, TaskState.FAILED, TaskState.RUNNING, PLANNED]
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
        services().trainings.submit(sweep.trainings[0].config)
        done(sweep.trainings[0], **{f"fidelity_{name}": "nan" for name in FIDELITY_NUMBERS}, fidelity_passes="false")
        row = services().sweeps.table_now(sweep)[0]
        assert (row.state, row.passes, row.reason) == (TaskState.DONE, False, "long runs of the network diverge")
        assert row.measures == dict.fromkeys(FIDELITY_NUMBERS)
        assert ",,,,,,false,3,12.0,2.5,long runs of the network diverge\n" in sweeps.csv_text(sweep, [row])

    def test_a_network_that_is_gone_is_said(self) -> None:
        sweep = small_sweep()
        services().trainings.submit(sweep.trainings[0].config)
        (services().data.networks / f"{done(sweep.trainings[0])}.safetensors").unlink()
        row = services().sweeps.table_now(sweep)[0]
        assert (row.state, row.passes, row.measures) == (TaskState.DONE, None, None)
        assert row.reason == "its network is no longer in the data folder, or is damaged"

    def test_the_smallest_of_the_paper_is_trained_stored_and_judged(self) -> None:
        sweep = small_sweep(families=("linear-2",), neurons=(50,), inputs=(1,), changes={"batch": 8, "steps": 2})
        (training,) = sweep.trainings
        result = train(training.config)
        services().trainings.submit(training.config)
        name = trainings.network_name(services().trainings.look_at(training.id))
        save(result.network, services().data.networks / f"{name}.safetensors")
        services().trainings.task_of(training.id).move(TaskState.DONE, model=name)
        (found,) = services().sweeps.table_now(sweep)
        network = load(services().data.networks / f"{name}.safetensors")
        assert (network.n_neurons, network.n_inputs) == (50, 1)
        judged = measure_fidelity(network, training.config.hmm)
        assert found.measures == {key: pytest.approx(getattr(judged, key), abs=5e-5) for key in FIDELITY_NUMBERS}
        assert found.passes is judged.passes


class TestRunning:
    def test_few_wait_at_a_time_and_a_viewers_training_goes_before_the_next_one(self) -> None:
        sweep = small_sweep()
        first, second, third, fourth = (training.id for training in sweep.trainings)
        runner = SweepRunner(services().sweeps, sweep, retry=False)
        assert runner.advance()
        assert services().queues.waiting(queue.TRAIN) == [(first,), (second,)]
        assert runner.advance()
        assert len(services().queues.waiting(queue.TRAIN)) == 2
        viewers = viewers_training()
        taken(first)
        assert runner.advance()
        assert services().queues.waiting(queue.TRAIN) == [(second,), (viewers,)], "nothing more while two wait"
        taken(second)
        runner.advance()
        assert services().queues.waiting(queue.TRAIN) == [(viewers,), (third,)]
        taken(viewers)
        runner.advance()
        assert services().queues.waiting(queue.TRAIN) == [(third,), (fourth,)]

    def test_it_is_over_when_all_have_ended(self) -> None:
        sweep = small_sweep()
        runner = SweepRunner(services().sweeps, sweep, retry=False)
        for training in sweep.trainings[:-1]:
            services().trainings.submit(training.config)
            done(training)
        assert runner.advance()
        taken(sweep.trainings[-1].id)
        assert runner.advance(), "one runs"
        failed(sweep.trainings[-1])
        assert not runner.advance()
        assert [row.state for row in runner.rows] == [TaskState.DONE] * 3 + [TaskState.FAILED]

    def test_what_was_cancelled_before_is_gone_on_with_and_what_is_cancelled_meanwhile_is_not(self) -> None:
        sweep = small_sweep(families=("linear-2",))
        first, second = (training.id for training in sweep.trainings)
        services().trainings.submit(sweep.trainings[0].config)
        services().trainings.cancel(first)
        runner = SweepRunner(services().sweeps, sweep, retry=False)
        assert runner.advance()
        assert states(sweep) == [TaskState.WAITING, TaskState.WAITING]
        for job_id in (first, second):
            services().trainings.cancel(job_id)
        assert not runner.advance()
        assert states(sweep) == [TaskState.CANCELLED, TaskState.CANCELLED]

    @pytest.mark.parametrize("retry", [False, True])
    def test_what_has_failed_is_gone_on_with_only_if_that_is_wished(self, retry) -> None:
        sweep = small_sweep(families=("linear-2",), inputs=(1,))
        services().trainings.submit(sweep.trainings[0].config)
        taken(sweep.trainings[0].id)
        failed(sweep.trainings[0])
        runner = SweepRunner(services().sweeps, sweep, retry)
        assert runner.advance() is retry
        assert states(sweep) == [TaskState.WAITING if retry else TaskState.FAILED]
        taken(sweep.trainings[0].id)
        failed(sweep.trainings[0])
        assert not runner.advance(), "once is enough"

    def test_what_is_lost_again_and_again_is_left(self, at_once) -> None:
        sweep = small_sweep(families=("linear-2",), inputs=(1,))
        runner, (training,) = SweepRunner(services().sweeps, sweep, retry=False), sweep.trainings
        assert runner.advance()
        for _ in range(sweep_runner.ATTEMPTS):
            taken(training.id)
            services().trainings.task_of(training.id).discard(HEARTBEAT)
            assert states(sweep) == [TaskState.LOST]
            assert runner.advance()
            assert states(sweep) == [TaskState.WAITING]
        taken(training.id)
        services().trainings.task_of(training.id).discard(HEARTBEAT)
        assert not runner.advance()

    def test_what_looks_lost_for_a_moment_is_not_asked_for_again(self) -> None:
        sweep = small_sweep(families=("linear-2",), inputs=(1,))
        runner, (training,) = SweepRunner(services().sweeps, sweep, retry=False), sweep.trainings
        runner.advance()
        taken(training.id)
        services().trainings.task_of(training.id).discard(HEARTBEAT)
        assert runner.advance()
        assert services().queues.waiting(queue.TRAIN) == []

    def test_withdrawn_it_stops_and_nothing_of_it_waits(self) -> None:
        sweep = small_sweep()
        services().sweeps.keep(sweep)
        runner = SweepRunner(services().sweeps, sweep, retry=False)
        runner.advance()
        viewers = viewers_training()
        assert sweep_runner.cancel(services().sweeps, sweep) == 2
        assert states(sweep) == [TaskState.CANCELLED, TaskState.CANCELLED, PLANNED, PLANNED]
        assert services().trainings.look_at(viewers).state == TaskState.WAITING
        assert not runner.advance()
        assert SweepRunner(services().sweeps, sweep, retry=False).advance(), "to start it again is to want it again"

    def test_one_command_at_a_time(self, monkeypatch) -> None:
        sweep = small_sweep()
        with sweep_runner.hold(services().sweeps, sweep):
            with pytest.raises(ValueError, match="the sweep small is being run by another command; leave it to that"):
                sweep_runner.hold(services().sweeps, sweep)
            monkeypatch.setattr(sweep_runner, "NOTICED_WITHIN_SECONDS", 0.1)
            with pytest.raises(ValueError, match=r"has not stopped within 0\.1 seconds; end it with Ctrl-C"):
                sweep_runner.cancel(services().sweeps, sweep)
        sweep_runner.hold(services().sweeps, sweep).release()

    def test_whether_a_command_asks_for_the_rest_is_known(self) -> None:
        assert not sweep_runner.is_run(services().sweeps, "small")
        SweepRunner(services().sweeps, small_sweep(), retry=False).advance()
        assert sweep_runner.is_run(services().sweeps, "small")


def test_a_sweep_is_plain_json() -> None:
    sweep = small_sweep()
    assert sweeps.read_sweep(json.loads(sweep.model_dump_json())) == sweep
