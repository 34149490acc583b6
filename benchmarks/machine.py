"""The machine that figures are measured on, how busy it is, and the memory of its processes."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.browser.conftest import chromium_path

BYTES_PER_KB, BYTES_PER_MB = 1024, 1e6


@dataclass(frozen=True)
class Memory:
    """What a process holds, in MB of 10^6 bytes.

    Attributes:
        rss: all of its pages that are in memory.
        uss: those that it shares with no other process.
    """

    rss: float
    uss: float


def machine() -> dict[str, str | int]:
    """Processor, cores, Python, platform and browser."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "chromium": _chromium_version(),
    }


def load() -> float:
    """Processes that ran or waited to run, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


def memory(pid: int | str) -> Memory:
    """Memory of a process of this machine, by its number or "self"; Linux only."""
    return parse_memory(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))


def parse_memory(smaps: str) -> Memory:
    """Read the sum over a process's mappings, as Linux writes it to smaps_rollup."""
    kilobytes = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", smaps, flags=re.MULTILINE)}
    own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return Memory(kilobytes["Rss"] * BYTES_PER_KB / BYTES_PER_MB, own * BYTES_PER_KB / BYTES_PER_MB)


def children(pid: int) -> list[int]:
    """Numbers of the processes that a process has started; Linux only."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*:\s*(.+)$", information.read_text(), re.MULTILINE) if information.exists() else None
    )
    return found[1] if found else platform.processor() or platform.machine()


def _chromium_version() -> str:
    answer = subprocess.run([chromium_path(), "--version"], capture_output=True, text=True, check=True).stdout
    return answer.strip()
