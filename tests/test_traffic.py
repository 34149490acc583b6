"""Has every request a number that is answered, logged and shown; and does the log keep to itself what was typed?"""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from hmmrnn.dashboard import counters, ids, logs, queries, traffic, work
from hmmrnn.dashboard.application import create_app
from hmmrnn.dashboard.scenario import Scenario
from tests.test_application import ask

pytest_plugins = ["tests.fixtures_dashboard"]

MADE = re.compile(r"[0-9a-f]{16}")


@pytest.fixture
def client(dashboard) -> FlaskClient:
    return create_app().server.test_client()


class Log:
    """What a process with our configuration writes."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def told(self) -> list[dict]:
        return [json.loads(line) for line in self.lines()]

    def answered(self) -> dict:
        """The line of the one request."""
        (line,) = [line for line in self.told() if line["event"] == "answered"]
        return line


@pytest.fixture(params=[logs.JSON])
def log(request, monkeypatch) -> Iterator[Log]:
    monkeypatch.setenv(logs.VARIABLE, request.param)
    made, root = Log(), logging.getLogger()
    kept = root.handlers[:], root.level
    (configured,) = (logs.configuration()["formatters"].values(),)
    formatter = logging.config.DictConfigurator({}).configure_formatter(next(iter(configured)))
    handler = logging.StreamHandler(made.stream)
    handler.setFormatter(formatter)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield made
    root.handlers[:], root.level = kept


class TestNumber:
    @pytest.mark.parametrize("given", ["a1b2c3d4", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "x" * 64])
    def test_that_of_a_proxy_is_kept(self, client, given):
        assert client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given

    @pytest.mark.parametrize("given", ["", "short", "x" * 65, "with space", "ümläuts-0", "a1b2c3d4;drop"])
    def test_anything_else_is_replaced(self, client, given):
        answered = client.get("/healthz", headers={"X-Request-ID": given}).headers.getlist("X-Request-ID")
        assert len(answered) == 1
        assert MADE.fullmatch(answered[0])

    def test_no_two_requests_share_one(self, client):
        assert len({client.get("/healthz").headers["X-Request-ID"] for _ in range(20)}) == 20

    def test_it_stands_in_the_sentence_of_what_fails_and_in_every_line_about_it(self, client, log, monkeypatch):
        def broken(scenario):
            raise RuntimeError("the reason")

        monkeypatch.setattr(queries, "motion_of", broken)
        answer = ask(client, "numbers.children", {"scenario": Scenario("linear-2").to_dict(), "theme": "light"})
        number = answer.headers["X-Request-ID"]
        sentence = answer.get_json()["sideUpdate"][ids.NOTICE_TEXT]["children"]
        assert f"its log says why (request {number})" in sentence
        told = [line for line in log.told() if line["request"] == number]
        assert [line["event"] for line in told] == ["a callback failed", "answered"]
        assert "RuntimeError: the reason" in told[0]["exception"]


class TestLines:
    def test_one_says_who_asked_for_what_and_how_long_it_took(self, client, log):
        answer = ask(
            client, "numbers.children", {"scenario": Scenario("linear-2", steps=100).to_dict(), "theme": "light"}
        )
        line = log.answered() if len(log.lines()) == 1 else log.told()[-1]
        assert line["request"] == answer.headers["X-Request-ID"]
        assert (line["method"], line["path"], line["status"]) == ("POST", "/_dash-update-component", 200)
        assert (line["query"], line["level"], line["logger"]) == ("state-space", "info", "hmmrnn.dashboard.traffic")
        assert 0 < line["ms"] < 60_000
        assert line["timestamp"].endswith("Z")

    @pytest.mark.parametrize("path", ["/live?model=linear-2&seed=4711", "/report?model=secret", "/train/4711?x=secret"])
    def test_none_holds_what_stands_behind_the_question_mark(self, client, log, path):
        client.get(path)
        assert log.answered()["path"] == path.partition("?")[0]
        assert not [line for line in log.lines() if "secret" in line or "seed=" in line]

    def test_none_holds_a_header_or_a_body(self, client, log):
        client.set_cookie("session", "cookie-secret")
        headers = {"Authorization": "Bearer header-secret", "X-Requested-With": "x"}
        client.post("/files?name=name-secret.pth", data=b"body-secret" * 10, headers=headers)
        client.post("/session", data=b"body-secret")
        assert len(log.lines()) >= 2
        assert not [line for line in log.lines() if "secret" in line]

    def test_nobody_writes_a_line_of_his_own(self, client, log):
        client.get('/train/%0a{"event":"forged"}%1b[31m')
        assert log.answered()["path"].startswith("/train/%0A")
        assert len(log.lines()) == 1

    @pytest.mark.parametrize("log", [logs.READABLE], indirect=True)
    def test_they_are_readable_where_nobody_asks_for_json(self, client, log):
        answer = client.get("/healthz")
        (line,) = log.lines()
        assert f"request={answer.headers['X-Request-ID']}" in line
        assert "status=200" in line
        assert "path=/healthz" in line
        assert "\x1b" not in line

    @pytest.mark.parametrize("log", [logs.READABLE], indirect=True)
    def test_a_trace_shows_no_values(self, log):
        def failing(password):
            raise RuntimeError("the reason")

        try:
            failing("hidden-value")
        except RuntimeError:
            logging.getLogger("hmmrnn").exception("it failed")
        assert "RuntimeError: the reason" in log.stream.getvalue()
        assert "hidden-value" not in log.stream.getvalue().replace('failing("hidden-value")', "")

    def test_another_kind_is_refused(self, monkeypatch):
        monkeypatch.setenv(logs.VARIABLE, "yaml")
        with pytest.raises(ValueError, match="HMMRNN_LOG must be text or json; got 'yaml'"):
            logs.configuration()

    def test_gunicorns_own_log_of_requests_is_silent(self, log):
        logging.config.dictConfig({**logs.configuration(), "incremental": False, "root": {}})
        assert not logging.getLogger("gunicorn.access").isEnabledFor(logging.INFO)
        assert not logging.getLogger("gunicorn.access").handlers


class TestWorker:
    def test_a_line_about_an_inquiry_says_which(self, empty_world, log):
        work.inquire("0123456789abcdef01234567", 1, "noise", Scenario("gone"), "asker")
        logging.getLogger("hmmrnn").info("said by a module that knows of no inquiry")
        assert log.told()[-1]["inquiry"] == "0123456789abcdef01234567"

    def test_a_line_about_a_training_says_which(self, empty_world, log):
        with pytest.raises(ValueError, match="there is no training"):
            work.run_training("0123456789ab")
        logging.getLogger("hmmrnn").error("the queue says that a task failed")
        for line in log.told():
            assert (line["job"], "inquiry" in line) == ("0123456789ab", False)


class TestCounting:
    def counted(self, endpoint: str, status: int) -> float:
        return counters.REQUESTS.labels(endpoint, str(status))._value.get()

    def test_addresses_that_are_made_up_count_as_one(self, client):
        before = self.counted("/<path:path>", 200)
        for i in range(5):
            assert client.get(f"/train/{i}").status_code == 200
        assert self.counted("/<path:path>", 200) == before + 5
        assert client.post("/train/6").status_code == 405
        assert self.counted(traffic.NOWHERE, 405) >= 1

    def test_questions_that_are_made_up_count_as_one(self, client, monkeypatch):
        named = []
        monkeypatch.setattr(counters, "answered", lambda *seen: named.append(seen[2]))
        client.application.config["PROPAGATE_EXCEPTIONS"] = False
        for output in ("made.up", "..x.y...z.w..", 5, None):
            client.post("/_dash-update-component", json={"output": output, "inputs": [], "changedPropIds": []})
        assert set(named) == {traffic.NOWHERE}
