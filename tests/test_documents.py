"""README, citation and documentation: links resolve, Python runs, thresholds and variables are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
import yaml

import hmmrnn
from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.explorer.queries import kick_neurons_of
from hmmrnn.model.network import Network
from hmmrnn.report.verdicts import describe_thresholds
from hmmrnn.server.settings import Settings, variable
from scripts import tutorial
from tests.shipped import resolve_shipped

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "pages"
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(PAGES.rglob("*.md"))]
# A page for each of the packages, whose reference is made from its docstrings.
PACKAGES = sorted(path.parent.name for path in (ROOT / "hmmrnn").glob("*/__init__.py"))
FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
# Paths of the repository in code style or in a command; NAME and {step} stand for any.
NAMED_PATH = re.compile(
    r"(?<![\w/.~-])(?:docs|hmmrnn|tests|scripts|benchmarks|assets|models)/[\w./-]*[\w/](?![\w-]*[{-])"
)
README = DOCUMENTS[0].read_text(encoding="utf-8")
# A run that a user has downloaded.
NEEDS_A_DOWNLOAD = "hmmrnn-linear-2-run.npz"


def python_blocks() -> Iterator[pytest.param]:
    seen = set()
    for path in DOCUMENTS:
        if path != tutorial.PAGE:
            for number, block in enumerate(FENCED.finditer(path.read_text(encoding="utf-8"))):
                code = block["code"]
                if block["language"] == "python" and NEEDS_A_DOWNLOAD not in code and code not in seen:
                    seen.add(code)
                    yield pytest.param(code, id=f"{path.relative_to(ROOT)}:{number}")


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_the_readme_is_short() -> None:
    assert len(README.encode()) <= 6000


@pytest.fixture
def known_kick_neurons(tmp_path: Path) -> KickNeurons:
    """Those of the shipped linear-2 are not sought again."""
    return kick_neurons_of(resolve_shipped(tmp_path, "linear-2"))


@pytest.mark.slow
@pytest.mark.parametrize("code", list(python_blocks()))
def test_python_in_documents_runs(code: str, known_kick_neurons: KickNeurons, monkeypatch: pytest.MonkeyPatch) -> None:
    def detect(network: Network, seed: int) -> KickNeurons:
        assert (network.metadata["family"], network.n_neurons, seed) == ("linear-2", 150, 0)
        return known_kick_neurons

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(hmmrnn, "detect_kick_neurons", detect)
    exec(compile(code, "<document>", "exec"), {})


def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    targets = {link["target"].partition("#")[0] for link in LINK.finditer(text)}
    missing = [t for t in targets if t and "://" not in t and not (document.parent / t).is_file()]
    assert not missing


def test_every_path_that_is_named_exists(document: Path) -> None:
    named = set(NAMED_PATH.findall(document.read_text(encoding="utf-8")))
    missing = [path for path in named if not (ROOT / path.replace("NAME", "cyclic")).exists() and path != "docs/site"]
    assert not missing


def test_the_documented_variables_are_those_of_the_settings() -> None:
    documented = re.findall(
        r"^\| `(HMMRNN_\w+)` \|", (PAGES / "operations.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert documented == [variable(name) for name in Settings.model_fields]


def test_the_documented_thresholds_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| ([^|]+) \| (.*) \|$", (PAGES / "science.md").read_text(encoding="utf-8"), re.MULTILINE)
    meaning = {term: text.replace("\\|", "|") for term, text in rows}
    assert {term: meaning.get(term) for term in describe_thresholds()} == describe_thresholds()


def test_the_reference_has_a_page_for_each_package() -> None:
    config = (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    for package in PACKAGES:
        page = PAGES / "reference" / f"{package}.md"
        assert f"::: hmmrnn.{package}\n" in page.read_text(encoding="utf-8")
        assert f"reference/{package}.md" in config


@pytest.mark.parametrize("name", ["analysis", "comparison", "model", "model.opening"])
def test_a_package_lists_all_its_modules(name: str) -> None:
    package = import_module(f"hmmrnn.{name}")
    rows = [line for line in (package.__doc__ or "").splitlines() if line.startswith("|")]
    listed = [module for row in rows for module in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(module.name for module in iter_modules(package.__path__))


def test_the_reference_lists_every_public_name() -> None:
    page = (PAGES / "reference" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"\[`(\w+)`\]\[hmmrnn\.", page)
    assert sorted(listed) == sorted(set(hmmrnn.__all__) - {"__version__"})


def test_the_citation_has_what_the_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == hmmrnn.__version__
    assert citation["license"] == "MIT"
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert [author["family-names"] for author in paper["authors"]] == ["Torre", "Viscione", "Pompe", "Grewe", "Mante"]


def test_the_site_loads_nothing_from_another_host() -> None:
    config = (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in config
    assert not re.findall(r"^\s*-?\s*(?:extra_javascript|extra_css|https?:)", config, re.MULTILINE)
