"""Does a fresh clone get what it needs, and nothing that it should not have?"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

import hmmrnn

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(
    r'(?P<name>[a-z0-9]+(?:[.-][a-z0-9]+)*)==(?P<version>[0-9][0-9a-z.]*)(?:; python_version < "[0-9.]+")?'
)
MAX_MODELS_BYTES = 25_000_000
INSTALL_FILES = (
    ".ci/run",
    ".dockerignore",
    "Dockerfile",
    "Makefile",
    "docker-compose.yml",
    "pyproject.toml",
    "requirements-dev.txt",
    "requirements.txt",
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def requirement_lines(text: str) -> list[str]:
    """Lines that name a package, without comments; pip's options are left out."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def distribution(requirement: str) -> str:
    return re.split(r"[=<>!~;\[ ]", requirement)[0]


def normalised(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct_requirements() -> set[str]:
    """What requirements.txt lists as imported by this project, above what those need."""
    direct, _, _ = read("requirements.txt").partition("# Needed by those.")
    return {normalised(distribution(line)) for line in requirement_lines(direct)}


def imported_modules() -> set[str]:
    """Top-level names that app.py and the package import, in functions too, but for the standard library."""
    found = set()
    for path in [ROOT / "app.py", *sorted((ROOT / "hmmrnn").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"app", "hmmrnn"}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly(name: str) -> None:
    lines = requirement_lines(read(name))
    assert lines
    assert [line for line in lines if not PIN.fullmatch(line)] == []


def test_no_package_is_pinned_twice() -> None:
    lines = requirement_lines(read("requirements.txt")) + requirement_lines(read("requirements-dev.txt"))
    names = [normalised(distribution(line)) for line in lines]
    assert sorted(set(names)) == sorted(names)


def test_the_pins_are_what_these_tests_run_with() -> None:
    pins = [PIN.fullmatch(line) for line in requirement_lines(read("requirements.txt")) if "python_version" not in line]
    wanted = {pin["name"]: pin["version"] for pin in pins if pin}
    # torch's version ends in its build, as in +cpu.
    assert {name: version(name).partition("+")[0] for name in wanted} == wanted


def test_each_import_is_a_direct_requirement() -> None:
    owners = packages_distributions()
    missing = {
        module
        for module in imported_modules()
        if not {normalised(name) for name in owners.get(module, [])} & direct_requirements()
    }
    assert missing == set()


def test_package_metadata_and_requirements_name_the_same_dependencies() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert {normalised(name) for name in project["dependencies"]} == direct_requirements()


def test_the_version_has_one_home() -> None:
    settings = tomllib.loads(read("pyproject.toml"))
    assert settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "hmmrnn.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", hmmrnn.__version__)


def test_imports_run_one_way() -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    result = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_the_web_process_does_without_torch() -> None:
    code = "import sys, app; print(sorted({'geomloss', 'scipy', 'sklearn', 'torch'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_shipped_networks_stay_small() -> None:
    sizes = {path.name: path.stat().st_size for path in tracked_files() if path.parent == ROOT / "models"}
    assert sum(sizes.values()) < MAX_MODELS_BYTES, sizes


def test_no_tracked_file_names_a_folder_of_one_machine() -> None:
    private = re.compile(rb"(?<![\w.])/(?:home|root|Users)/[\w.]")
    assert [path.name for path in tracked_files() if private.search(path.read_bytes())] == []


def test_nothing_that_can_be_made_anew_is_tracked() -> None:
    made = re.compile(r"(^|/)(__pycache__|\.venv|\.cache|\.[a-z]+_cache|test-results)/|\.(pyc|partial|log)$")
    assert [path for path in tracked_files() if made.search(path.relative_to(ROOT).as_posix())] == []


def test_installing_asks_no_host_but_the_cpu_build_of_torch() -> None:
    hosts = {host for name in INSTALL_FILES for host in re.findall(r"https?://([^/:\s\"']+)", read(name))}
    assert hosts - {"localhost", "127.0.0.1"} == {"download.pytorch.org"}


@pytest.mark.parametrize("target", ["run", "test", "bench", "models", "lint", "format", "screenshots", "help"])
def test_make_has_the_targets_of_the_readme(target: str) -> None:
    assert re.search(rf"^{target}:.*## ", read("Makefile"), flags=re.MULTILINE)


def test_make_without_a_target_explains_itself() -> None:
    result = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"make run", "make test"} <= {line[:15].rstrip() for line in result.stdout.splitlines()}


def test_continuous_integration_runs_the_same_commands() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").splitlines()[-2:] == ["make lint", "make test"]


class TestDockerfile:
    steps = tuple(line for line in read("Dockerfile").splitlines() if re.match(r"[A-Z]+ ", line))

    def position(self, beginning: str) -> int:
        return next(i for i, line in enumerate(self.steps) if line.startswith(beginning))

    def test_the_server_is_not_root(self) -> None:
        users = [line.split()[1] for line in self.steps if line.startswith("USER")]
        assert users
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
        assert self.position("USER") < self.position("CMD")

    def test_the_base_image_is_pinned(self) -> None:
        assert re.fullmatch(r"FROM python:3\.11\.\d+-slim-bookworm", self.steps[0])

    def test_a_change_of_code_does_not_install_again(self) -> None:
        assert self.position("RUN python -m pip install") < self.position("COPY app.py")

    def test_health_is_asked_of_the_app(self) -> None:
        health = self.steps[self.position("HEALTHCHECK")]
        assert "/healthz" in health
        assert "curl" not in health
