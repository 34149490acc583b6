"""What a fresh clone and an installed package bring along, and what they leave out."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
import venv
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path

import pytest
import torch
import yaml

import hmmrnn
from hmmrnn.model.checkpoint import save
from hmmrnn.shipped import SHELF
from scripts.lock import lock
from tests.networks import random_network
from tests.programs import PATIENCE_SECONDS, ROOT, answers, eventually, free_port, start_program

PIN = re.compile(
    r'(?P<name>[a-z0-9]+(?:[.-][a-z0-9]+)*)==(?P<version>[0-9][0-9a-z.]*)(?:; python_version < "[0-9.]+")?'
)
MAX_MODELS_BYTES = 25_000_000
INSTALL_FILES = (".ci/run", ".dockerignore", "Dockerfile", "Makefile", "docker-compose.yml", "pyproject.toml")
INSTALL_FILES += ("requirements-dev.txt", "requirements-image.txt")
INSTALL_FILES += ("requirements-torch.txt", "requirements.txt")


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


def test_the_image_installs_the_same_pins_each_by_the_hashes_of_its_files() -> None:
    locked = dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", read("requirements-image.txt"), re.MULTILINE))
    pins = [PIN.match(line) for line in requirement_lines(read("requirements.txt"))]
    wanted = {normalised(pin["name"]): pin["version"] for pin in pins if pin}
    torch = wanted.pop("torch")
    assert locked == wanted
    assert requirement_lines(read("requirements-torch.txt")) == [f"torch=={torch}"]
    assert lock(read("requirements-image.txt"), set(locked)) == read("requirements-image.txt")


def test_a_package_without_hashes_is_not_locked() -> None:
    with pytest.raises(ValueError, match="no hashes were found of plain"):
        lock("plain==1.0\nother==2.0 \\\n    --hash=sha256:00\n", {"plain", "other"})


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
    # What only one option of one command needs is neither pinned nor installed by `make`.
    kinds = {kind: names for kind, names in project["optional-dependencies"].items() if kind != "similarity"}
    extras = [name for names in kinds.values() for name in names]
    named = {normalised(name) for name in [*project["dependencies"], *extras] if distribution(name) != "hmmrnn"}
    assert named == direct_requirements()


def test_the_version_has_one_home() -> None:
    settings = tomllib.loads(read("pyproject.toml"))
    assert settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["hatch"]["version"] == {"path": "hmmrnn/__init__.py"}
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", hmmrnn.__version__)


def needed_by(names: list[str]) -> set[str]:
    """The distributions with these names, and all that they need."""
    found: set[str] = set()
    waiting = [normalised(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [normalised(distribution(need)) for need in requires(name) or [] if ";" not in need]
    return found


class TestBarePackage:
    """What is to be had without the extras: the analyses, with NumPy and SciPy."""

    def run(self, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run Python code in a process that finds no other distributions than those that the package always needs."""
        there = needed_by(tomllib.loads(read("pyproject.toml"))["project"]["dependencies"])
        installed = packages_distributions().items()
        missing = {module for module, owners in installed if not there & set(map(normalised, owners))} - {"hmmrnn"}
        guard = (
            "import sys\n"
            "class Missing:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name.partition('.')[0] in {missing!r}: raise ModuleNotFoundError(name, name=name)\n"
            "sys.meta_path.insert(0, Missing())\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", guard + code]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    @pytest.mark.slow
    def test_it_analyses_a_network(self, tmp_path: Path) -> None:
        save(random_network(10, 3, 3), tmp_path / "small.safetensors")
        code = "from hmmrnn.cli import main; sys.exit(main(['analyse', 'small.safetensors', '--progress', 'none']))"
        done = self.run(code, tmp_path)
        assert done.returncode == 0, done.stderr
        assert {"fixed_point", "kick_groups", "regions"} <= json.loads(done.stdout).keys()

    def test_it_has_every_name_of_the_package(self, tmp_path: Path) -> None:
        code = (
            "import hmmrnn.shipped; from hmmrnn import *\n"
            "HMM.preset('linear-2').sample(2, 10, seed=0)\n"
            "network = load(hmmrnn.shipped.MODELS / 'linear-2.safetensors')\n"
            "silenced = intervene(network, Intervention((3, 5), 0.0))\n"
            "print(simulate(silenced, steps=5).output.shape, TrainingConfig.preset('linear-2').n_neurons)\n"
        )
        done = self.run(code, tmp_path)
        assert done.stdout == "(1, 5) 150\n", done.stderr

    @pytest.mark.parametrize(("argv", "extra"), [
        (["serve"], "server"), (["sweep", "--name", "small"], "all"),
        (["train", "--preset", "linear-2", "--out", "net.safetensors", "--progress", "none"], "train"),
    ])  # fmt: skip
    def test_a_command_says_which_extra_it_needs(self, argv: list[str], extra: str, tmp_path: Path) -> None:
        done = self.run(f"from hmmrnn.cli import main; sys.exit(main({argv!r}))", tmp_path)
        sentence = rf"python -m hmmrnn {argv[0]} needs \S+; install it with pip install 'hmmrnn\[{extra}\]'\n"
        assert re.fullmatch(sentence, done.stderr), done.stderr
        assert done.returncode == 2

    def test_the_view_in_a_notebook_says_which_extra_it_needs(self, tmp_path: Path) -> None:
        code = "from hmmrnn import explore, load; from hmmrnn.shipped import MODELS; "
        done = self.run(f"{code} explore(load(MODELS / 'linear-2.safetensors'))", tmp_path)
        assert "ImportError: explore needs anywidget: pip install 'hmmrnn[notebook]'" in done.stderr

    def test_a_file_of_torch_is_not_read_without_it(self, tmp_path: Path) -> None:
        torch.save({"rnn.weight_hh_l0": torch.zeros(2, 2)}, tmp_path / "net.pth")
        done = self.run("from hmmrnn import load; load('net.pth')", tmp_path)
        assert "net.pth is a file of torch, which is not installed here; pip install 'hmmrnn[train]'" in done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment with the wheel, which borrows its dependencies from the present one."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("hmmrnn-*.whl")
    venv.create(folder / "venv", with_pip=False)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    install = [*pip, "--python", folder / "venv/bin/python", "install", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    return folder / "venv"


@pytest.mark.slow
class TestWheel:
    """A wheel, built from this repository and installed in an environment of its own."""

    def test_it_brings_every_file_of_the_page_and_every_network(self, environment: Path) -> None:
        (package,) = environment.glob("lib/python*/site-packages/hmmrnn")
        folders = {"assets": package / "assets", "models": package / "models", "hmmrnn": package}
        tracked = [path.relative_to(ROOT).parts for path in tracked_files()]
        wanted = [folders[top].joinpath(*rest) for top, *rest in tracked if top in folders]
        assert [path for path in wanted if not path.is_file()] == []

    def test_it_serves_the_networks_and_the_page_from_any_folder(self, environment: Path, tmp_path: Path) -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HMMRNN_", "PYTHON"))}
        own = {"HMMRNN_DATA": "data", "HMMRNN_CACHE": "cache"}
        command = [environment / "bin/hmmrnn", "serve", "--port", str(port), "--workers", "1", "--no-worker"]
        with start_program(command, cwd=tmp_path, env={**inherited, **own}) as server:
            try:
                eventually(lambda: server.poll() is not None or answers(port))
                assert json.loads(fetch(f"{url}/healthz"))["status"] == "ok"
                networks = set(re.findall(r'"([\w-]+)(?: \([\w-]+\))?: N = \d+', fetch(f"{url}/_dash-layout")))
                scripts = re.findall(r'src="(/assets/[^"]+)"', fetch(f"{url}/"))
                assert all(fetch(url + script) for script in scripts)
            finally:
                server.terminate()
        assert networks == set(SHELF)
        assert scripts
        assert (tmp_path / "data").is_dir()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        text: str = answer.read().decode()
        return text


def test_imports_run_one_way() -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    result = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_the_web_process_does_without_torch() -> None:
    heavy = {"geomloss", "hmmlearn", "pandas", "scipy", "sklearn", "torch"}
    code = f"import sys, app; assert app.server is app.app.server; print(sorted({heavy} & set(sys.modules)))"
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


@pytest.mark.parametrize("target", ["run", "test", "unit", "coverage", "bench", "docs", "lint", "format", "help"])
def test_make_has_the_targets_of_the_readme(target: str) -> None:
    assert re.search(rf"^{target}:.*## ", read("Makefile"), flags=re.MULTILINE)


def test_make_without_a_target_explains_itself() -> None:
    result = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"make run", "make test"} <= {line[:15].rstrip() for line in result.stdout.splitlines()}


def test_continuous_integration_runs_the_same_commands() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    commands = re.findall(r"^make (\w+)", script.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands == ["audit", "lint", "docs", "test"]


def test_the_compose_file_asks_the_workers_for_a_sign_of_life(tmp_path: Path) -> None:
    (code,) = re.findall(r'"-c", "(import sys; .*?)"\]', read("docker-compose.yml"))
    environment = {**os.environ, "HMMRNN_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_the_compose_file_lets_in_this_machine_alone_and_bounds_what_it_fills() -> None:
    compose = yaml.safe_load(read("docker-compose.yml"))
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["web"]
    assert services["web"]["ports"] == ["${HMMRNN_PUBLISH:-127.0.0.1}:${HMMRNN_PORT:-8050}:8050"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert services["redis"]["networks"] == services["worker"]["networks"] == ["inside"]
    for name, service in services.items():
        assert service["logging"]["options"]["max-size"], name
        assert all("size=" in folder for folder in service.get("tmpfs", ())), name


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
        assert re.fullmatch(r"ARG BASE=python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", self.steps[0])
        assert self.steps[1] == "FROM ${BASE}"

    def test_a_change_of_code_does_not_install_again(self) -> None:
        assert self.position("RUN python -m pip install") < self.position("COPY hmmrnn")

    def test_health_is_asked_of_the_app(self) -> None:
        health = self.steps[self.position("HEALTHCHECK")]
        assert "/healthz" in health
        assert "curl" not in health
