"""The numbers of two real web processes count everything that was done, once, whichever process did it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hmmrnn.dashboard.app import create_app
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.server import metrics_folder
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, store
from hmmrnn.training.config import TrainingConfig
from tests.networks import random_network
from tests.programs import PATIENCE_SECONDS, children, eventually, free_port, start_program
from tests.wire import FAST_VIEWS, question

pytest_plugins = ["tests.fixtures_dashboard"]

ROOT = Path(__file__).resolve().parents[2]
ASKED = 40
FAST = 'hmmrnn_query_seconds_count{query="views"}'

Numbers = dict[str, float]


@dataclass
class Answer:
    """What a server has answered, as Flask's own client tells it."""

    status_code: int
    data: bytes

    def get_json(self) -> Any:
        return json.loads(self.data)


class Web:
    """Two web processes of our own, asked as Flask's client asks."""

    def __init__(self, log: Path) -> None:
        self.port, self.log = free_port(), log

    def start(self) -> None:
        command = [sys.executable, "-m", "hmmrnn", "serve", "--port", str(self.port), "--workers", "2", "--no-worker"]
        environment = {**os.environ, "HMMRNN_LOG": "json"}
        with self.log.open("a") as log:
            self.process = start_program(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        eventually(self.both_are_there)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)

    def get(self, path: str) -> Answer:
        return self._asked(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))

    def post(self, path: str, **content: Any) -> Answer:
        body, headers = json.dumps(content["json"]).encode(), {"Content-Type": "application/json"}
        return self._asked(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers))

    def _asked(self, request: urllib.request.Request) -> Answer:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return Answer(answer.status, answer.read())

    def both_are_there(self) -> bool:
        try:
            return self.numbers()["hmmrnn_up"] == 2
        except OSError:
            return False

    def pids(self) -> list[int]:
        """The web processes, the oldest first."""
        return sorted(number for server in children(self.process.pid) for number in children(server))

    def told(self) -> list[dict[str, Any]]:
        """What has been logged; each line must be JSON, those of gunicorn too."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def numbers(self) -> Numbers:
        return samples(self.get("/metrics").data.decode())


def samples(text: str) -> Numbers:
    """Every sample, by its name and labels as Prometheus writes them."""
    found = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            shown = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
            found[f"{name}{{{shown}}}" if shown else name] = value
    return found


def grown(after: Numbers, before: Numbers, kind: str) -> Numbers:
    """By how much the samples of a kind have grown, those that have."""
    return {
        name.removeprefix(kind): value - before.get(name, 0)
        for name, value in after.items()
        if name.startswith(kind) and value != before.get(name, 0)
    }


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    # At the top it would be imported before it is registered as a plugin.
    from tests.fixtures_dashboard import empty_world_in

    with pytest.MonkeyPatch.context() as patch:
        for world in empty_world_in(tmp_path_factory.mktemp("world"), patch):
            save(random_network(12, 4, 3), world.models / "net.safetensors")
            made = Web(world.data.parent / "log")
            try:
                made.start()
                yield made
            finally:
                made.stop()


def test_every_request_is_counted_once_whichever_process_answers(web: Web) -> None:
    before = web.numbers()
    for _ in range(ASKED):
        assert web.get("/healthz").status_code == 200
    for path in ("/train/a", "/train/b"):
        assert web.get(path).status_code == 200
    after = web.numbers()
    # The numbers are asked for themselves: those of the first answer are in the second.
    assert grown(after, before, "hmmrnn_requests_total") == {
        '{endpoint="healthz",status="200"}': ASKED,
        '{endpoint="/<path:path>",status="200"}': 2,
        '{endpoint="metrics",status="200"}': 1,
    }
    assert grown(after, before, "hmmrnn_query_seconds_count") == {'{query="healthz"}': ASKED, '{query="metrics"}': 1}
    assert grown(after, before, "hmmrnn_query_seconds_bucket")['{le="+Inf",query="healthz"}'] == ASKED
    logged = [line for line in web.told() if line.get("path") == "/healthz"]
    assert len({line["request"] for line in logged}) == len(logged) == ASKED


def test_hits_and_misses_of_the_cache_are_counted(web: Web) -> None:
    asked = question(Scenario("net", steps=60, trajectories=2), *FAST_VIEWS)
    before = web.numbers()
    assert "updates" in web.post("/views", json=asked).get_json()
    first = web.numbers()
    assert "updates" in web.post("/views", json=asked).get_json()
    second = web.numbers()
    assert first[FAST] - before.get(FAST, 0) == second[FAST] - first[FAST] == 1
    looks = "hmmrnn_cache_lookups_total"
    new, known = grown(first, before, looks), grown(second, first, looks)
    assert new['{function="summary_of",result="miss"}'] == 1
    assert {name for name in known if "miss" in name} == set()
    looked = sum(value for name, value in new.items() if '"summary_of"' in name)
    assert known['{function="summary_of",result="hit"}'] == looked


def test_queues_trainings_and_parts(web: Web) -> None:
    before = web.numbers()
    assert before['hmmrnn_queue_length{queue="trainings"}'] == before['hmmrnn_trainings{state="waiting"}'] == 0
    small = [TrainingConfig.preset("linear-2", seed=seed, steps=3, n_neurons=10, n_inputs=5) for seed in range(3)]
    ids = [services().trainings.submit(config) for config in small]
    services().trainings.cancel(ids[0])
    after = web.numbers()
    assert after['hmmrnn_queue_length{queue="trainings"}'] == 3
    assert after['hmmrnn_trainings{state="waiting"}'] == 2
    assert after['hmmrnn_trainings{state="cancelled"}'] == 1
    assert after['hmmrnn_part_well{part="cache"}'] == after['hmmrnn_part_well{part="queue"}'] == 1
    assert after['hmmrnn_part_well{part="worker-trainings"}'] == 0


def test_a_killed_process_is_gone_from_the_numbers_and_its_counts_stay(web: Web) -> None:
    for _ in range(ASKED):
        web.get("/healthz")
    before = web.numbers()
    killed, other = web.pids()
    memory = sorted(before[f'hmmrnn_resident_memory_bytes{{process="{i}"}}'] for i in (1, 2))
    assert memory == pytest.approx(sorted(map(resident, (killed, other))), rel=0.1)
    assert all(0 < before[f'hmmrnn_uptime_seconds{{process="{i}"}}'] < 10 * PATIENCE_SECONDS for i in (1, 2))
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: web.both_are_there() and killed not in web.pids())
    after = web.numbers()
    assert [line for line in web.told() if str(killed) in line["event"] and line["logger"] == "gunicorn.error"]
    assert other in web.pids()
    text = web.get("/metrics").data.decode()
    assert not [word for word in (str(other), str(killed), socket.gethostname()) if f'"{word}' in text]
    name = 'hmmrnn_requests_total{endpoint="healthz",status="200"}'
    assert after[name] == before[name] >= ASKED

    web.stop()
    web.start()
    assert web.numbers().get(name, 0) == 0, "a server that is started anew begins from nothing"


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_memory_of_a_worker_is_shown_as_long_as_it_reports_it(empty_world, monkeypatch) -> None:
    client = create_app().server.test_client()

    def told() -> Numbers:
        found = samples(client.get("/metrics").text)
        return {name: value for name, value in found.items() if name.startswith("hmmrnn_worker_resident")}

    assert told() == {}
    services().store.report_memory(queue.TRAININGS, "one:7", 3e8)
    services().store.report_memory(queue.TRAININGS, "other:7", 2e8)
    services().store.report_memory(queue.SHORT_TASKS, "one:8", 1e8)
    name = "hmmrnn_worker_resident_memory_bytes"
    assert told() == {
        f'{name}{{queue="trainings",worker="1"}}': 3e8,
        f'{name}{{queue="trainings",worker="2"}}': 2e8,
        f'{name}{{queue="short-tasks",worker="1"}}': 1e8,
    }
    later = time.time() + store.LOST_AFTER_SECONDS
    monkeypatch.setattr(store.Store, "now", lambda _store: later)
    services().store.report_memory(queue.TRAININGS, "other:7", 4e8)
    assert told() == {f'{name}{{queue="trainings",worker="1"}}': 4e8}


def test_one_process_by_itself_counts_the_same(client) -> None:
    before = samples(client.get("/metrics").text)
    for _ in range(3):
        client.get("/healthz")
    after = samples(client.get("/metrics").text)
    name = 'hmmrnn_requests_total{endpoint="healthz",status="200"}'
    assert after[name] - before.get(name, 0) == 3
    memory = after['hmmrnn_resident_memory_bytes{process="1"}']
    assert memory == pytest.approx(resident(os.getpid()), rel=0.1)


def test_no_label_holds_what_a_viewer_typed(client) -> None:
    typed = "typed-by-a-viewer"
    client.get(f"/train/{typed}?model={typed}")
    client.get(f"/live?model={typed}", headers={"X-Request-ID": typed})
    client.post("/_dash-update-component", json={"output": typed})
    client.post(f"/{typed}")
    assert typed not in client.get("/metrics").text


def test_servers_on_several_addresses_keep_their_numbers_apart(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(metrics_folder.VARIABLE, "")
    one, other = (metrics_folder.begin(tmp_path, (host, 8050)) for host in ("127.0.0.1", "::1"))
    assert one != other
    (one / "left").touch()
    assert metrics_folder.begin(tmp_path, ("127.0.0.1", 8050)) == one
    assert not list(one.iterdir())
    assert metrics_folder.folder() == one
