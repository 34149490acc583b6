"""Programs that live and end together: real processes, started by a supervisor in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hmmrnn import supervisor

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 20.0
SUPERVISE = """
import json, os, sys
from hmmrnn import supervisor
supervisor.SHORT_LIFE_SECONDS = supervisor.PAUSE_SECONDS = float(sys.argv[3])
supervisor.GRACE_SECONDS = 1.0
programs = [supervisor.Program(name, command, os.environ) for name, command in json.loads(sys.argv[1])]
sys.exit(supervisor.supervise(programs, leading=sys.argv[2] == "leading"))
"""
# Each says in a file of its name that it is there, line by line: its process number.
STAYS = "open({path!r}, 'a').write(f'{{__import__(\"os\").getpid()}}\\n'); __import__('time').sleep(600)"
IS_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAYS
ENDS = "open({path!r}, 'a').write(f'{{__import__(\"os\").getpid()}}\\n'); raise SystemExit({status})"
HAS_A_CHILD = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    " open({path!r}, 'a').write(f'{{child.pid}}\\n'); child.wait()"
)


def supervise(
    tmp_path: Path, programs: dict[str, str], *, leading: bool = False, pause: float = 0.2, **values: object
) -> subprocess.Popen[str]:
    commands = [
        (name, [sys.executable, "-c", code.format(path=str(tmp_path / name), **values)])
        for name, code in programs.items()
    ]
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, json.dumps(commands), "leading" if leading else "equal", str(pause)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def told(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be buried counts as ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_end_when_it_is_told_to(tmp_path, number) -> None:
    process = supervise(tmp_path, {"one": STAYS, "two": STAYS})
    eventually(lambda: told(tmp_path / "one") and told(tmp_path / "two"))
    process.send_signal(number)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert all(gone(pid) for name in ("one", "two") for pid in told(tmp_path / name))
    process.communicate()


def test_one_that_does_not_listen_is_killed_with_what_it_started(tmp_path) -> None:
    process = supervise(tmp_path, {"deaf": IS_DEAF, "parent": HAS_A_CHILD})
    eventually(lambda: told(tmp_path / "deaf") and told(tmp_path / "parent"))
    process.terminate()
    process.wait(PATIENCE_SECONDS)
    for name in ("deaf", "parent"):
        (pid,) = told(tmp_path / name)
        eventually(lambda pid=pid: gone(pid))
    process.communicate()


def test_all_end_when_it_is_killed(tmp_path) -> None:
    process = supervise(tmp_path, {"one": STAYS})
    eventually(lambda: told(tmp_path / "one"))
    process.kill()
    process.communicate()
    (pid,) = told(tmp_path / "one")
    eventually(lambda: gone(pid))


def test_one_that_is_killed_is_started_again(tmp_path) -> None:
    process = supervise(tmp_path, {"one": STAYS}, pause=0.0)
    eventually(lambda: len(told(tmp_path / "one")) == 1)
    os.kill(told(tmp_path / "one")[0], signal.SIGKILL)
    eventually(lambda: len(told(tmp_path / "one")) == 2)
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert "one ended with status -9 and is started again" in err


def test_one_that_ends_at_once_is_started_again_after_a_pause(tmp_path) -> None:
    pause = 0.5
    process = supervise(tmp_path, {"one": ENDS}, pause=pause, status=3)
    eventually(lambda: told(tmp_path / "one"))
    began = time.monotonic()
    eventually(lambda: len(told(tmp_path / "one")) >= 3)
    # Two pauses lie between the first start and the third.
    assert time.monotonic() - began > 1.5 * pause
    process.terminate()
    process.communicate(timeout=PATIENCE_SECONDS)


def test_the_leading_one_takes_the_others_with_it(tmp_path) -> None:
    process = supervise(tmp_path, {"lead": ENDS, "other": STAYS}, leading=True, status=7)
    assert process.wait(PATIENCE_SECONDS) == 7
    assert all(gone(pid) for pid in told(tmp_path / "other"))
    process.communicate()


def test_handlers_are_given_back(tmp_path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    program = supervisor.Program("lead", [sys.executable, "-c", ""], os.environ)
    assert supervisor.supervise([program], leading=True) == 0
    assert signal.getsignal(signal.SIGTERM) is before
