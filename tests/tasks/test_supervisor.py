"""Programs that run and end as one: real processes, started by a supervisor in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hmmrnn.server.services import services
from hmmrnn.tasks import queue, supervisor
from tests.programs import PATIENCE_SECONDS, ROOT, descendants, eventually, free_port, gone, start_program

pytest_plugins = ["tests.fixtures_dashboard"]

SUPERVISE = """
import json, os, sys
from hmmrnn.tasks import supervisor
supervisor.SHORT_LIFE_SECONDS = supervisor.PAUSE_SECONDS = float(sys.argv[3])
supervisor.GRACE_SECONDS = 1.0
programs = [supervisor.Program(name, command, os.environ) for name, command in json.loads(sys.argv[1])]
sys.exit(supervisor.supervise(programs, leading=sys.argv[2] == "leading"))
"""
# The leading program is a function, which ends or stays.
FORK = """
import os, subprocess, sys
from functools import partial
from hmmrnn.tasks.supervisor import Program, supervise
act = partial(exec, sys.argv[1])
other = Program("other", [sys.executable, "-c", sys.argv[2]], os.environ)
sys.exit(supervise([Program("lead", act, {}), other], leading=True, head_start=float(sys.argv[3])))
"""
# Each writes its process number into the file of its name, a line each time it starts.
STAYS = "open({path!r}, 'a').write(f'{{__import__(\"os\").getpid()}}\\n'); __import__('time').sleep(600)"
IS_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAYS
ENDS = "open({path!r}, 'a').write(f'{{__import__(\"os\").getpid()}}\\n'); raise SystemExit({status})"
ENDS_AND_SAYS_WHEN = ENDS.replace('__import__("os").getpid()', '__import__("time").monotonic_ns()')
HAS_A_CHILD = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    " open({path!r}, 'a').write(f'{{child.pid}}\\n'); child.wait()"
)
# A run of tests that has started a server, with the number of the server.
TEST_RUN = """
import sys, time
from tests.programs import start_program
print(start_program([sys.executable, "-m", "hmmrnn", "serve", "--no-open", "--port", sys.argv[1]]).pid, flush=True)
time.sleep(600)
"""


def supervise(
    tmp_path: Path, programs: dict[str, str], *, leading: bool = False, pause: float = 0.2, **values: object
) -> subprocess.Popen[str]:
    codes = {name: code.format(path=str(tmp_path / name), **values) for name, code in programs.items()}
    commands = [(name, [sys.executable, "-c", code]) for name, code in codes.items()]
    arguments = [json.dumps(commands), "leading" if leading else "equal", str(pause)]
    return start_program([sys.executable, "-c", SUPERVISE, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def numbers(path: Path) -> list[int]:
    """The process numbers that a program has written."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all(tmp_path, number) -> None:
    process = supervise(tmp_path, {"one": STAYS, "two": STAYS})
    eventually(lambda: numbers(tmp_path / "one") and numbers(tmp_path / "two"))
    process.send_signal(number)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert all(gone(pid) for name in ("one", "two") for pid in numbers(tmp_path / name))
    process.communicate()


def test_one_that_ignores_the_signal_is_killed_with_what_it_has_started(tmp_path) -> None:
    process = supervise(tmp_path, {"deaf": IS_DEAF, "parent": HAS_A_CHILD})
    eventually(lambda: numbers(tmp_path / "deaf") and numbers(tmp_path / "parent"))
    process.terminate()
    process.wait(PATIENCE_SECONDS)
    for name in ("deaf", "parent"):
        (pid,) = numbers(tmp_path / name)
        eventually(lambda pid=pid: gone(pid))
    process.communicate()


def test_all_end_when_the_supervisor_is_killed(tmp_path) -> None:
    process = supervise(tmp_path, {"one": STAYS})
    eventually(lambda: numbers(tmp_path / "one"))
    process.kill()
    process.communicate()
    (pid,) = numbers(tmp_path / "one")
    eventually(lambda: gone(pid))


def test_one_that_is_killed_is_started_again(tmp_path) -> None:
    process = supervise(tmp_path, {"one": STAYS}, pause=0.0)
    eventually(lambda: len(numbers(tmp_path / "one")) == 1)
    os.kill(numbers(tmp_path / "one")[0], signal.SIGKILL)
    eventually(lambda: len(numbers(tmp_path / "one")) == 2)
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert "one ended with status -9 and is started again" in err


def test_one_that_ends_at_once_is_started_again_after_a_pause(tmp_path) -> None:
    pause = 0.5
    process = supervise(tmp_path, {"one": ENDS_AND_SAYS_WHEN}, pause=pause, status=3)
    eventually(lambda: len(numbers(tmp_path / "one")) >= 3)
    first, _, third, *_ = numbers(tmp_path / "one")
    # Two pauses lie between the first start and the third.
    assert third - first > 2e9 * pause
    process.terminate()
    process.communicate(timeout=PATIENCE_SECONDS)


def test_the_leading_one_takes_the_others_with_it(tmp_path) -> None:
    process = supervise(tmp_path, {"lead": ENDS, "other": STAYS}, leading=True, status=7)
    assert process.wait(PATIENCE_SECONDS) == 7
    assert all(gone(pid) for pid in numbers(tmp_path / "other"))
    process.communicate()


def fork(tmp_path: Path, code: str, head_start: float, **values: object) -> subprocess.Popen[str]:
    lead, other = (
        text.format(path=str(tmp_path / name), **values) for name, text in {"lead": code, "other": STAYS}.items()
    )
    command = [sys.executable, "-c", FORK, lead, other, str(head_start)]
    return start_program(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_a_function_leads_and_the_others_begin_after_its_head_start(tmp_path) -> None:
    process = fork(tmp_path, ENDS, 10 * PATIENCE_SECONDS, status=7)
    assert process.wait(PATIENCE_SECONDS) == 7
    assert numbers(tmp_path / "other") == []
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_function_ends_with_the_supervisor(tmp_path, number) -> None:
    process = fork(tmp_path, STAYS, 0.0)
    eventually(lambda: numbers(tmp_path / "lead") and numbers(tmp_path / "other"))
    process.send_signal(number)
    process.communicate(timeout=PATIENCE_SECONDS)
    for name in ("lead", "other"):
        (pid,) = numbers(tmp_path / name)
        assert pid != process.pid
        eventually(lambda pid=pid: gone(pid))


def test_handlers_are_given_back(tmp_path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    program = supervisor.Program("lead", [sys.executable, "-c", ""], os.environ)
    assert supervisor.supervise([program], leading=True) == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
@pytest.mark.parametrize("killed", ["the test run", "the server"])
def test_a_kill_leaves_no_process_of_a_server_behind(empty_world: Any, killed: str) -> None:
    run: subprocess.Popen[str] = start_program(
        [sys.executable, "-c", TEST_RUN, str(free_port())], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    server = int(run.stdout.readline())
    # Gunicorn and two web processes; for each queue a consumer, its scheduler and one to three that work.
    eventually(lambda: len(descendants(server)) >= 1 + 2 + 3 + 4 + 5)
    eventually(lambda: all(map(services().store.worker_present, queue.QUEUES)))
    family = [server, *descendants(server)]
    os.kill(run.pid if killed == "the test run" else server, signal.SIGKILL)
    eventually(lambda: all(map(gone, family)))
    run.kill()
    run.communicate()
