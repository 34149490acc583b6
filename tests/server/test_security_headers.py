"""What answers allow a browser to do: the page its own server, a document nothing but its own scripts."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser

import pytest

from hmmrnn.report.html import write_report
from hmmrnn.server import security_headers
from hmmrnn.tasks.experiments import Experiments

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_findings"]

DATA = ("application/json", "text/plain")


class Scripts(HTMLParser):
    """The scripts of a page: the text of those that stand in it and are run, the addresses of the others."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.handlers: list[str] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.handlers += [name for name in given if name.startswith("on")]
        self.inside = tag == "script" and "src" not in given and given.get("type") not in DATA
        if tag == "script" and "src" in given:
            self.sources.append(given["src"])
        if self.inside:
            self.texts.append("")

    def handle_endtag(self, _tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.texts[-1] += data


def policy(answer) -> dict[str, list[str]]:
    lines = answer.headers["Content-Security-Policy"].split("; ")
    return {name: sources for name, *sources in map(str.split, lines)}


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize(
    "path", ["/", "/train", "/healthz", "/_dash-layout", "/_dash-dependencies", "/report", "/nowhere"]
)
def test_every_answer_says_what_it_allows(client, path):
    given = client.get(path).headers
    assert given["X-Content-Type-Options"] == "nosniff"
    assert given["Referrer-Policy"] == "same-origin"
    assert given["Cross-Origin-Opener-Policy"] == given["Cross-Origin-Resource-Policy"] == "same-origin"
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(given["Permissions-Policy"].split(", "))
    assert "frame-ancestors 'none'" in given["Content-Security-Policy"]
    assert len(given.getlist("Content-Security-Policy")) == 1


def test_the_page_runs_scripts_of_its_own_server_and_the_one_line_that_stands_in_it(client):
    answer = client.get("/")
    scripts, allowed = Scripts(answer.text), policy(answer)
    assert len(scripts.texts) == 1
    assert allowed["script-src"] == ["'self'", "'unsafe-eval'", digest(scripts.texts[0])]
    assert not [source for source in scripts.sources if not source.startswith("/")]
    assert scripts.handlers == []


def test_the_page_asks_its_own_server_only(client):
    allowed = policy(client.get("/"))
    assert allowed["default-src"] == ["'none'"]
    assert allowed["connect-src"] == allowed["worker-src"] == allowed["form-action"] == ["'self'"]
    assert {source for name in allowed for source in allowed[name] if ":" in source} == {"data:", "blob:"}
    assert "'unsafe-inline'" not in allowed["script-src"]


@pytest.fixture(scope="module")
def written(studied) -> str:
    """The report of a small network."""
    return write_report(studied, "planted")


class TestDocuments:
    @pytest.fixture
    def shown(self, client, monkeypatch, written):
        """The answers that are documents: a report, and a saved live page."""
        monkeypatch.setattr(Experiments, "known_result", lambda *_: written)
        answers = client.get("/report?model=linear-2"), client.get("/live/page?model=linear-2")
        assert [answer.status_code for answer in answers] == [200, 200]
        return answers

    def test_they_run_the_scripts_that_the_package_puts_into_them_and_no_others(self, shown):
        document, saved = (Scripts(answer.text) for answer in shown)
        standing = {digest(text) for text in (*document.texts, *saved.texts)}
        plotly = digest(security_headers.document_scripts()[-1])
        for answer in shown:
            assert set(policy(answer)["script-src"]) == {*standing, plotly, "'wasm-unsafe-eval'"}
        assert document.sources == saved.sources == []

    def test_they_ask_no_server(self, shown):
        for answer in shown:
            allowed = policy(answer)
            assert allowed["default-src"] == allowed["form-action"] == ["'none'"]
            assert "connect-src" not in allowed
            assert allowed["worker-src"] == ["blob:"]
            assert "allow-same-origin" not in allowed["sandbox"]
            assert "'unsafe-eval'" not in allowed["script-src"]
            assert {source for name in allowed for source in allowed[name] if ":" in source} == {"data:", "blob:"}

    def test_a_script_that_got_in_by_a_file_is_not_among_those_that_may_run(self):
        assert digest("alert(1)") not in set(security_headers.document_policy()["script-src"])
