"""Write the lock of the image: the pins of requirements.txt with the hashes of all their files, but torch.

python -m scripts.lock PIP_COMPILE      the program of pip-tools, which asks the package index for the hashes

torch comes from an index of its own, whose files are others than those of the usual index under the same version.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE, LOCK = ROOT / "requirements.txt", ROOT / "requirements-image.txt"
ELSEWHERE = "torch"
HEAD = "# Written by scripts/lock.py from requirements.txt: all files that pip may take, by their hashes.\n"
OPTIONS = ("--quiet", "--generate-hashes", "--allow-unsafe", "--no-annotate", "--no-header", "--strip-extras")
PLAIN = ("--no-emit-index-url", "--no-emit-find-links", "--unsafe-package", ELSEWHERE)
_BLOCK = re.compile(r"^([A-Za-z0-9._-]+)==.*(?:\n    --hash=.*)+", re.MULTILINE)


def normalised(name: str) -> str:
    """The name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(requirements: str) -> set[str]:
    """The packages that a file pins, but torch."""
    return {normalised(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", requirements, re.MULTILINE)} - {ELSEWHERE}


def lock(compiled: str, wanted: set[str]) -> str:
    """The blocks of the wanted packages.

    Raises:
        ValueError: one is missing.
    """
    blocks = {normalised(found[1]): found[0] for found in _BLOCK.finditer(compiled)}
    if missing := wanted - set(blocks):
        raise ValueError(f"no hashes were found of {', '.join(sorted(missing))}")
    return HEAD + "".join(f"{blocks[name]}\n" for name in sorted(wanted))


def main(program: str) -> None:
    """Ask for the hashes and write the lock."""
    requirements = SOURCE.read_text(encoding="utf-8")
    plain = "\n".join(line for line in requirements.splitlines() if not line.startswith("--"))
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "requirements.in", Path(folder) / "lock.txt"
        given.write_text(plain, encoding="utf-8")
        subprocess.run([program, *OPTIONS, *PLAIN, "--output-file", str(found), str(given)], check=True)
        LOCK.write_text(lock(found.read_text(encoding="utf-8"), pinned(requirements)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
