"""Write the data folder that tests/compatibility/test_old_data.py opens. Made once, with the code of commit 817106a.

git worktree add /tmp/old 817106a
cd /tmp/old && PYTHONPATH=. python .../tests/compatibility/make_data.py .../tests/compatibility/data-817106a

The folder then holds what HMMRNN_DATA held, in `data`; users.txt, which HMMRNN_USERS named; a session as the page saved
it; and in expected.json what the code that wrote all this said of it.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1]).resolve()
DATA = FOLDER / "data"
os.environ.update(HMMRNN_DATA=str(DATA), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from hmmrnn.dashboard.scenario import Against, Scenario  # noqa: E402

from hmmrnn import Intervention, Network, TrainingConfig, save  # noqa: E402
from hmmrnn.dashboard import catalog, files, folders, jobs, queue, sweeps, users, work  # noqa: E402
from tests.networks import random_network  # noqa: E402

SMALL = {"n_neurons": 8, "n_inputs": 4, "batch": 16, "length": 20}
STOP_AT = 4


def training(seed: int, steps: int) -> str:
    """Ask for a small training; returns its id."""
    return jobs.submit(TrainingConfig.preset("linear-2", seed=seed, steps=steps, **SMALL))


def worked(job_id: str) -> None:
    """Take a training out of its queue and train it, as a worker does."""
    item = queue.queue(queue.TRAININGS).dequeue()
    assert item.args == (job_id,), item
    work.run_training(job_id)


def at_step(step: int, act: Any) -> None:
    """Have the next training do something at one of its steps."""
    tell = work._Reporter.__call__

    def told(self: Any, progress: Any) -> None:
        tell(self, progress)
        if progress.step == step:
            self.tell()
            act()

    work._Reporter.__call__ = told


def lose(job_id: str) -> None:
    """Train in a process that keeps its state at one step and is gone at the next, as when it is killed."""
    from hmmrnn import training as trainer

    trainer.KEEP_EVERY_SECONDS = 0.0
    at_step(STOP_AT, lambda: os._exit(9))
    worked(job_id)


def make_trainings() -> dict[str, str]:
    """Trainings in all states that outlive their worker, by what has become of them."""
    tell = work._Reporter.__call__
    ids = {"done": training(0, 6)}
    worked(ids["done"])
    ids["lost"] = training(1, 12)
    gone = multiprocessing.get_context("spawn").Process(target=lose, args=(ids["lost"],))
    gone.start()
    gone.join()
    assert gone.exitcode == 9, gone.exitcode
    ids["cancelled"] = training(2, 12)
    at_step(STOP_AT, lambda: jobs.cancel(ids["cancelled"]))
    worked(ids["cancelled"])
    work._Reporter.__call__ = tell
    ids["failed"] = training(3, 12)
    at_step(STOP_AT, lambda: (_ for _ in ()).throw(FloatingPointError("the loss is not finite at step 4")))
    worked(ids["failed"])
    work._Reporter.__call__ = tell
    return ids


def make_sweep() -> sweeps.Sweep:
    """A sweep of which two trainings are done, one of them asked for before, and two are planned."""
    changes = (("batch", 16), ("length", 20), ("steps", 6))
    sweep = sweeps.Sweep("small-grid", ("linear-2", "linear-3"), (8,), (4,), (0, 1), changes=changes)
    sweeps.keep(sweep)
    jobs.submit(sweep.trainings[0].config)
    worked(jobs.submit(sweep.trainings[1].config))
    return sweep


def open_file() -> str:
    """Open a network from a file that a user has sent; returns its name."""
    source = FOLDER / "mine.safetensors"
    save(random_network(10, 3, 2, bias=True), source)
    content = source.read_bytes()
    source.unlink()
    digest = hashlib.sha256(content).hexdigest()
    (folders.incoming() / digest).write_bytes(content)
    files.check(digest, "mine.safetensors")
    return str(files.outcome(digest)["model"])


def scenarios(trained: str) -> list[Scenario]:
    """Scenarios that use every part of a link."""
    cut = Intervention((1, 3), 0.0)
    half = Intervention((2,), 0.5, "recurrent")
    return [
        Scenario("linear-2"),
        Scenario("linear-2", interventions=(Intervention((13,), 0.0), Intervention((22,), 0.0)), sigma=0.5, seed=7),
        Scenario(trained, interventions=(cut, half, Intervention((0,), 1.5, "input")), steps=200, trajectories=4),
        Scenario("linear-3", pair=(0, 2), dimensions=3, camera=(1.25, 1.25, 1.25, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
        Scenario("linear-2", tab="kick-proof", map="residency", without_noise=True, colour="neuron", neuron=5),
        Scenario(
            "linear-2", area=(-1.0, 0.0, 1.5, 0.0, 1.0, 2.25), span=(20, 80), picked=4, camera=(-3.0, 3.0, -2.0, 2.0)
        ),
        Scenario("linear-2", interventions=(cut,), against=Against((half,), 2.0), beside=True, tab="gain-sweep"),
    ]


def session(scenarios: list[Scenario]) -> dict[str, Any]:
    """A session as the page saves it."""
    links = [f"?{scenario.to_query()}" for scenario in scenarios]
    kept = {"past": links[2:], "present": links[1], "future": links[:1]}
    return {"format": "hmmrnn-session", "version": 1, "saved": "2026-01-02T03:04:05.000Z", **kept}


def said_of(job: jobs.Job) -> dict[str, Any]:
    """What is known of a training, in plain values."""
    names = ("state", "asked_at", "reason", "model", "asker", "progress")
    return {
        **{name: getattr(job, name) for name in names},
        "config": job.config.to_dict(),
        "losses": jobs.losses(job.id),
    }


def plain(network: Network) -> dict[str, Any]:
    """A network in plain values, its weights by their sum of squares."""
    weights = {name: float((getattr(network, name) ** 2).sum()) for name in ("W_hh", "W_ih", "W_out", "b_h", "b_out")}
    return {
        "sizes": [network.n_neurons, network.n_inputs, network.n_outputs],
        **weights,
        "metadata": dict(network.metadata),
    }


def main() -> None:
    """Make all of it, and write down what this code says of it."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    DATA.mkdir(parents=True)
    ids, sweep, opened = make_trainings(), make_sweep(), open_file()
    snapshot = jobs.explore(ids["cancelled"])
    ids["waiting"] = training(4, 6)
    users.add(FOLDER / "users.txt", "ada", "correct horse battery")
    done = jobs.look_at(ids["done"]).model
    shown = scenarios(done)
    (FOLDER / "session.json").write_text(json.dumps(session(shown), indent=1) + "\n")
    kept = [path.stem for path in sorted(folders.networks().glob("*.safetensors"))]
    rows = sweeps.table_now(sweep)
    expected = {
        "trainings": {name: {"id": id, **said_of(jobs.look_at(id))} for name, id in ids.items()},
        "networks": {name: plain(catalog.network(name)) for name in kept},
        "opened": opened,
        "snapshot": snapshot,
        "sweep": {"name": sweep.name, "counts": sweeps.counts(rows), "csv": sweeps.csv_text(sweep, rows)},
        "links": [{"query": item.to_query(), "scenario": item.to_dict()} for item in shown],
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    tidy()


def tidy() -> None:
    """Leave only what a server leaves that was ended, in as little room as it takes."""
    for path in FOLDER.rglob("*.lock"):
        path.unlink()
    for name in queue.QUEUES:
        queue.queue(name).storage.close()
    database = sqlite3.connect(DATA / "queue.db")
    database.execute("PRAGMA journal_mode=DELETE")
    database.execute("VACUUM")
    database.close()


if __name__ == "__main__":
    main()
