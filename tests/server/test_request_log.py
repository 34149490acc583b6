"""Every request has a number that is answered, logged and shown; the log holds nothing that a user typed."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
from collections.abc import Iterator

import pytest

from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server import request_log
from hmmrnn.server.services import services
from hmmrnn.storage import logs, metrics
from hmmrnn.tasks.experiments import run_experiment
from hmmrnn.tasks.training_run import run_training
from tests.wire import FAST_VIEWS, question

pytest_plugins = ["tests.fixtures_dashboard"]

MADE = re.compile(r"[0-9a-f]{16}")


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


@pytest.fixture(params=["json"])
def log(request) -> Iterator[Log]:
    made, root = Log(), logging.getLogger()
    kept = root.handlers[:], root.level
    (configured,) = logs.configuration(request.param)["formatters"].values()
    formatter = logging.config.DictConfigurator({}).configure_formatter(configured)
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

        monkeypatch.setattr(queries, "summary_of", broken)
        answer = client.post("/views", json=question(Scenario("linear-2"), *FAST_VIEWS))
        number = answer.headers["X-Request-ID"]
        assert answer.status_code == 500
        assert f"its log says why (request {number})" in answer.get_json()["refused"]
        told = [line for line in log.told() if line["request"] == number]
        assert [line["event"] for line in told] == ["a question failed", "answered"]
        assert "RuntimeError: the reason" in told[0]["exception"]


class TestLines:
    def test_one_says_who_asked_for_what_and_how_long_it_took(self, client, log):
        answer = client.post("/views", json=question(Scenario("linear-2", steps=100), *FAST_VIEWS))
        line = log.answered() if len(log.lines()) == 1 else log.told()[-1]
        assert line["request"] == answer.headers["X-Request-ID"]
        assert (line["method"], line["path"], line["status"]) == ("POST", "/views", 200)
        assert (line["query"], line["level"], line["logger"]) == ("views", "info", "hmmrnn.server.request_log")
        assert 0 < line["ms"] < 60_000
        assert line["timestamp"].endswith("Z")

    @pytest.mark.parametrize(("asked", "path"), [
        ("/live?model=linear-2&seed=4711", "/live"), ("/report?model=secret", "/report"),
        ("/train/secret?x=secret", "/<path:path>"), ("/files/secret", "/files/<digest>"),
    ])  # fmt: skip
    def test_of_an_address_they_say_only_which_it_is(self, client, log, asked, path):
        client.get(asked)
        assert log.answered()["path"] == path
        assert not [line for line in log.lines() if "secret" in line or "seed=" in line]

    def test_a_method_that_is_made_up_is_not_in_them(self, client, log):
        client.open("/healthz", method="SECRET")
        assert log.answered()["method"] == "OTHER"

    @pytest.mark.parametrize("log", ["text", "json"], indirect=True)
    def test_nothing_can_look_like_another_line_or_fill_the_disk(self, log):
        forged = "\n2026-11-30T00:00:00Z [info] signed in\x1b[31m\x85\u2028\u202e\udcff" + "x" * 4_000_000
        logger, root = logging.getLogger("hmmrnn"), logging.getLogger()
        # Pytest's own copy of the log could not be sent to the process that gathers the results.
        root.handlers[:] = [handler for handler in root.handlers if getattr(handler, "stream", None) is log.stream]
        logger.warning("%s", forged, extra={"name_of_it": forged})
        try:
            raise ValueError(forged)
        except ValueError:
            logger.exception("it failed")
        written = log.stream.getvalue()
        assert len(written) < 10_000
        assert all(char.isprintable() or char == "\n" for char in written)
        assert not [line for line in written.splitlines() if line.startswith("2026-11-30T00:00:00Z")]

    def test_none_holds_a_header_or_a_body(self, client, log):
        client.set_cookie("session", "cookie-secret")
        headers = {"Authorization": "Bearer header-secret", "X-Requested-With": "x"}
        client.post("/files?name=name-secret.pth", data=b"body-secret" * 10, headers=headers)
        client.post("/session", data=b"body-secret")
        refused = client.post("/network", json="question-secret")
        assert "question-secret" in refused.get_json()["refused"]
        assert len(log.lines()) >= 3
        assert not [line for line in log.lines() if "secret" in line]

    def test_a_path_cannot_forge_a_line(self, client, log):
        client.get('/train/%0a{"event":"forged"}%1b[31m')
        assert "forged" not in json.dumps(log.answered())
        assert len(log.lines()) == 1

    @pytest.mark.parametrize("log", ["text"], indirect=True)
    def test_they_are_readable_where_json_is_not_asked_for(self, client, log):
        answer = client.get("/healthz")
        (line,) = log.lines()
        assert f"request={answer.headers['X-Request-ID']}" in line
        assert "status=200" in line
        assert "path=/healthz" in line
        assert "\x1b" not in line

    @pytest.mark.parametrize("log", ["text"], indirect=True)
    def test_a_trace_shows_no_values(self, log):
        def failing(password):
            raise RuntimeError("the reason")

        try:
            failing("hidden-value")
        except RuntimeError:
            logging.getLogger("hmmrnn").exception("it failed")
        assert "RuntimeError: the reason" in log.stream.getvalue()
        assert "hidden-value" not in log.stream.getvalue().replace('failing("hidden-value")', "")

    @pytest.mark.parametrize(("kind", "paths"), [("text", ["nowhere"]), ("json", ["/healthz", "nowhere"])])
    def test_in_a_terminal_only_requests_that_fail_have_one(self, client, log, kind, paths):
        logging.config.dictConfig({"version": 1, "incremental": True, "loggers": logs.configuration(kind)["loggers"]})
        try:
            client.get("/healthz")
            client.post("/no-page")
        finally:
            request_log.logger.setLevel(logging.NOTSET)
        assert [line["path"] for line in log.told() if line["event"] == "answered"] == paths

    def test_gunicorns_own_log_of_requests_is_silent(self, log):
        logging.config.dictConfig({**logs.configuration("json"), "incremental": False, "root": {}})
        assert not logging.getLogger("gunicorn.access").isEnabledFor(logging.INFO)
        assert not logging.getLogger("gunicorn.access").handlers


class TestWorker:
    def test_a_line_about_an_experiment_says_which(self, empty_world, log):
        run_experiment(services().store, {}, "0123456789abcdef01234567", 1, "noise", Scenario("gone"))
        logging.getLogger("hmmrnn").info("said by a module that knows of no experiment")
        assert log.told()[-1]["experiment"] == "0123456789abcdef01234567"

    def test_a_line_about_a_training_says_which(self, empty_world, log):
        with pytest.raises(ValueError, match="there is no training"):
            run_training(services().trainings, "0123456789ab")
        logging.getLogger("hmmrnn").error("the queue says that a task failed")
        for line in log.told():
            assert (line["training"], "experiment" in line) == ("0123456789ab", False)


class TestCounting:
    def counted(self, endpoint: str, status: int) -> float:
        return metrics.REQUESTS.labels(endpoint, str(status))._value.get()

    def test_addresses_that_are_made_up_count_as_one(self, client):
        before = self.counted("/<path:path>", 200)
        for i in range(5):
            assert client.get(f"/train/{i}").status_code == 200
        assert self.counted("/<path:path>", 200) == before + 5
        assert client.post("/train/6").status_code == 405
        assert self.counted(request_log.NOWHERE, 405) >= 1

    def test_questions_that_are_made_up_count_as_one(self, client, monkeypatch):
        named = []
        monkeypatch.setattr(metrics, "count_request", lambda *seen: named.append(seen[2]))
        for output in ("made.up", "..x.y...z.w..", 5, None):
            client.post("/_dash-update-component", json={"output": output, "inputs": [], "changedPropIds": []})
        assert set(named) == {request_log.NOWHERE}

    def test_questions_count_by_their_address_whatever_is_asked(self, client, monkeypatch):
        named = []
        monkeypatch.setattr(metrics, "count_request", lambda *seen: named.append(seen[2]))
        for asked in ({"model": "made-up"}, {"model": "linear-2"}, {"output": "made.up"}, 5):
            client.post("/network", json=asked)
        assert named == ["network"] * 4
