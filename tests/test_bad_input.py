"""The server answers bad input in words, soon, and touches no file that is not its own.

The number of cases is HMMRNN_CASES, their seed HMMRNN_SEED; `make faults` asks for many more than `make test`.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from hmmrnn.dashboard import chapters
from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.view import FAST, SLOW, TASK
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Intervention
from hmmrnn.server import questions
from hmmrnn.server.auth import users
from tests.bad_input import ASTRAY, CASES, SEED, Files, answered
from tests.programs import noted
from tests.wire import question

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_bad_input"]

# Of a hundred cases, so many are questions, addresses and forms of the sign-in page.
SHARES = {"questions": 60, "addresses": 35, "sign-in": 5}
# Addresses of the server that take something else than questions in JSON.
NO_QUESTIONS = {"/_dash-update-component", "/files", "/session"}


def of_seed(cases: int) -> Any:
    """So many examples, the same ones for each seed."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    limits = settings(max_examples=cases, derandomize=False, database=None, deadline=None, suppress_health_check=checks)
    return lambda test: seed(SEED)(limits(test))


# ---- junk ----

NUMBERS = (
    *(0, -1, 1, 2, 3, 11, 12, 50, 51, 2**31, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e-320, 1e308, math.inf, math.nan),
)
WORDS = (
    *("", " ", "linear-2", "anonymous", "growing", "mislabelled", "nowhere", "LINEAR-2", "0", "-1", "1e999", "nan"),
    *("null", "light", "dark", "unit", "train", "cancel", "explore", "0123456789ab", "0-1"),
    *("a\x00b", "\ud83d\ude00", "ß" * 300),
    *(f"../../{ASTRAY}", f"/etc/{ASTRAY}", f"..\\{ASTRAY}", f"%2e%2e%2f{ASTRAY}", f"{ASTRAY}\x00.safetensors"),
    *("<script>alert(1)</script>", "{{7*7}}", "'; DROP TABLE kv; --", "__class__", "x" * 5000, "\r\nX-Injected: 1"),
)
plain = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(WORDS)
plain |= st.integers() | st.floats() | st.text(max_size=20)
HEADERS = ("Cookie", "X-Request-ID", "If-None-Match", "Range", "Accept-Encoding")
names = st.sampled_from(WORDS[:6]) | st.text(max_size=8)
junk = st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner), max_leaves=12)


@st.composite
def spoilt(draw: st.DrawFn, good: Any) -> Any:
    """A value as a page sends it, with one to three of its parts replaced, left out, doubled or added."""
    found = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        found = _spoilt_once(draw, found)
    return found


def _spoilt_once(draw: st.DrawFn, found: Any) -> Any:
    parts = list(_parts(found))
    if not parts:
        return draw(junk)
    holder, key = draw(st.sampled_from(parts))
    how = draw(st.sampled_from(("replaced", "replaced", "left out", "added", "doubled")))
    if how == "replaced":
        holder[key] = draw(junk)
    elif how == "left out":
        del holder[key]
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(WORDS) | st.text(max_size=8))] = draw(junk)
    elif how == "doubled":
        holder += holder[: 50 // len(holder)]
    else:
        holder.insert(draw(st.integers(0, len(holder))), draw(junk))
    return found


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place within a value, as the list or mapping and the key in it."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _parts(value[key])


# ---- what a page sends ----

ITEMS = (Intervention((3,)), Intervention((5, 6), 0.5, "recurrent"))
SELECTED = {"pair": (0, 1), "area": (0.0, 0.0, 4.0, 0.0, 4.0, 4.0), "span": (5, 40), "picked": 2}
LINK = Scenario("linear-2", steps=60, trajectories=2, interventions=ITEMS, **SELECTED)
PARAMETERS = [list(pair) for pair in (part.split("=") for part in LINK.to_query().split("&"))]


# What the page asks at one address: its path and the body.
Question = tuple[str, dict[str, Any]]


def page_questions(training: str) -> list[Question]:
    """A question of every kind that a page asks; `training` is the id of one that is there."""
    scenario = Scenario("linear-2", steps=60, trajectories=2, interventions=LINK.interventions)
    of_kind = {
        kind: [view for view in chapters.views_by_id().values() if view.kind == kind] for kind in (FAST, SLOW, TASK)
    }
    fast = [view.id for view in of_kind[FAST]]
    refined = [view.id for view in of_kind[FAST] if view.refine is not None]
    slow = [[view.id] for view in of_kind[SLOW]]
    views = [
        question(scenario, *fast, fresh=fast[:2]),
        *(question(scenario, *names, fresh=names, settled=True) for names in (*slow, refined)),
    ]
    asked = {"scenario": scenario.to_dict(), "theme": "dark", "leave": ["0" * 24], "wanted": True, "again": True}
    watching = {"theme": "dark", "seen": {"list": 1}}
    sweep = {**watching, "sweep": "", "measure": "transition_error", "across": "N"}
    compared = {"of": "linear-2,linear-3", "seed": 0, "sigma": 1.0}
    found: list[Question] = [
        *(("/views", body) for body in views),
        *(("/tasks", {**asked, "view": view.id, "fresh": False}) for view in of_kind[TASK]),
        ("/network", {"model": "linear-2"}),
        ("/parts", {"model": "linear-2", "pair": [0, 2]}),
        ("/parts", {"model": "linear-2", "pair": None, "input": [0.5], "sequence": None}),
        ("/inputs", {"model": "anonymous", "name": "pulses.csv", "text": "0.5,0,0,1\n1,0,0,0"}),
        ("/networks", {"text": "linear", "page": 0}),
        ("/networks/change", {"command": "rename", "model": "linear-2", "name": "chain"}),
        ("/kick-groups", {"model": "linear-2", "input": None, "sequence": None, "leave": ["0" * 24]}),
        ("/claims", {"model": "linear-2", "sections": ["kick"]}),
        ("/watch/training", {**watching, "job": training}),
        ("/watch/sweep", sweep),
        ("/train/check", training_form()),
        ("/train/command", {"command": "train", "of": training_form()}),
        *(("/train/command", {"command": command, "of": training}) for command in ("cancel", "resume", "explore")),
        ("/train/paste", {"matrix": "A", "text": "0.9, 0.1\n0.1, 0.9"}),
        ("/data/read", {"name": "days.csv", "text": "symbol\na\nb\na\nb\n", "symbols": "symbol", "sequence": ""}),
        *(("/data/command", {"command": command, "of": "?table=0"}) for command in ("train", "cancel-fit")),
        ("/watch/data", {**watching, "of": "?table=0", "cancelled": True}),
        ("/compare/choices", {"text": "linear"}),
        ("/compare/cancel", compared),
        ("/watch/compare", {**watching, **compared, "pair": "r2", "wanted": True, "again": False}),
    ]
    # Sent as JSON, so that spoiling finds lists where a page has them.
    return [(path, json.loads(json.dumps(body))) for path, body in found]


def training_form() -> dict[str, Any]:
    hmm = HMM.preset("linear-2").to_dict()
    sizes = {"recipe": "fast", "neurons": 8, "inputs": 4, "seed": 1, "steps": 3}
    return {"A": hmm["A"], "B": hmm["B"], "family": "linear-2", **sizes}


# ---- what must hold ----


def asked_of(
    client: FlaskClient, touched: Files, caplog: pytest.LogCaptureFixture, path: str, body: bytes
) -> TestResponse:
    """What is answered to a question of the page: something, or a sentence that says why not."""
    sent = {"data": body, "content_type": "application/json"}
    answer = answered(client, touched, caplog, method="POST", path=path, **sent)
    told = f"{path} {body[:2000]!r}: {answer.status} {answer.text[:300]}"
    assert answer.status_code in (200, 400, 413), told
    refused = answer.get_json().get("refused")
    assert answer.status_code == 200 or refused, told
    assert refused is None or (refused.endswith(".") and refused[0] == refused[0].upper() and len(refused) > 10), told
    return answer


class TestQuestions:
    def test_everything_that_a_page_asks_is_answered(self, app, client, touched: Files, caplog) -> None:
        job = client.post("/train/command", json={"command": "train", "of": training_form()}).get_json()["job"]
        good = page_questions(job)
        rules = app.server.url_map.iter_rules()
        asking = {rule.rule for rule in rules if "POST" in rule.methods and "GET" not in rule.methods} - NO_QUESTIONS
        assert {path for path, _ in good} == asking, "each address has a question here"
        # The control: as a page sends it, it is answered; and what takes long has been computed before.
        controls = [client.post(path, json=body) for path, body in good]
        assert [answer.status_code for answer in controls] == [200] * len(good)
        assert sum("refused" in answer.get_json() for answer in controls) <= 5, (
            "no shipped network is renamed, nothing resumed, and no HMM is trained or left that is not fitted"
        )

        found = {"answered": 0, "refused": 0, "refused at the door": 0}

        @of_seed(CASES * SHARES["questions"] // 100)
        @given(st.data())
        def ask(data: st.DataObject) -> None:
            path, body = copy.deepcopy(data.draw(st.sampled_from(good)))
            if data.draw(st.integers(0, 4)):
                name = data.draw(st.sampled_from(sorted(body)))
                body[name] = data.draw(st.one_of(spoilt(body[name]), spoilt(body[name]), junk))
            else:
                body = data.draw(spoilt(body))
            answer = asked_of(client, touched, caplog, path, json.dumps(body).encode())
            at_door = answer.status_code != 200
            refused = "refused" in answer.get_json()
            found["refused at the door" if at_door else "refused" if refused else "answered"] += 1

        ask()
        # Not all is turned away at the door: what gets past it must be judged where it is used.
        assert found["answered"] > sum(found.values()) // 30, found
        assert found["refused"] > sum(found.values()) // 20, found
        noted("questions: answered, refused, refused at the door", list(found.values()))

    @pytest.mark.parametrize("path", ["/views", "/tasks", "/train/command"])
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"5", b"null", b'"text"', b"\xff\xfe", b'{"scenario": null}', b'{"command": ["a"]}', b"{}"],
    )
    def test_what_is_no_question_is_refused(self, client, touched: Files, caplog, path: str, body: bytes) -> None:
        assert asked_of(client, touched, caplog, path, body).status_code == 400

    @pytest.mark.parametrize("depth", [100, 900, 5000, 200_000])
    def test_nesting_without_end(self, client, touched: Files, caplog, depth: int) -> None:
        deep = b"[" * depth + b"]" * depth
        for path, body in (("/views", deep), ("/network", b'{"model": ' + deep + b"}")):
            too_long = len(body) > questions.MAX_BYTES
            assert asked_of(client, touched, caplog, path, body).status_code == (413 if too_long else 400)
        sent = {"data": deep, "headers": {"X-Requested-With": "test"}}
        assert "refused" in answered(client, touched, caplog, method="POST", path="/session", **sent).get_json()

    def test_more_than_any_page_asks(self, client, touched: Files, caplog) -> None:
        body = b'{"model": "' + b"x" * questions.MAX_BYTES + b'"}'
        answer = asked_of(client, touched, caplog, "/network", body)
        assert answer.status_code == 413
        assert answer.get_json()["refused"].startswith(
            f"A question must have at most {questions.MAX_BYTES:,} bytes; got more"
        )

    def test_dash_itself_is_asked_nothing(self, client, touched: Files, caplog) -> None:
        for body in (b"{}", b'{"output": "numbers.children"}', b"["):
            assert asked_of(client, touched, caplog, "/_dash-update-component", body).status_code == 400


def addresses(rules: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A request of an address of the server, with junk in its path, link, headers and body."""
    word = st.one_of(st.sampled_from(WORDS), st.text(max_size=30), st.just("0" * 64), st.just("linear-2"))
    links = st.one_of(spoilt(PARAMETERS), spoilt(PARAMETERS), st.just(PARAMETERS), st.lists(st.lists(word)))

    @st.composite
    def request(draw: st.DrawFn) -> dict[str, Any]:
        rule = draw(st.sampled_from(rules))
        path = "".join(part if not dynamic else draw(word) or "x" for dynamic, part in rule._trace).partition("|")[2]
        usual = sorted(set(rule.methods) - {"HEAD", "OPTIONS"})
        method = draw(st.sampled_from([*usual * 4, "HEAD", "OPTIONS", "POST", "PUT", "DELETE"]))
        headers = {"X-Requested-With": "test"} if draw(st.booleans()) else {}
        for name in draw(st.lists(st.sampled_from(HEADERS))):
            headers[name] = quote(draw(word), safe=" =,;/", errors="replace")
        body = draw(st.one_of(st.binary(max_size=200), junk.map(lambda value: json.dumps(value).encode())))
        sends = {"data": body} if method in ("POST", "PUT") else {}
        return {"method": method, "path": quoted(path), "query_string": query(draw(links)), "headers": headers, **sends}

    return request()


def quoted(path: str) -> str:
    return quote(path, safe="/%", errors="replace")


def query(link: Any) -> str:
    """A link of names and values of any type, as it is sent."""
    pairs = [item if isinstance(item, list) and len(item) == 2 else [item, item] for item in link]
    return urlencode([(written(name), written(value)) for name, value in pairs], errors="replace")


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class TestAddresses:
    def test_every_address_is_answered(self, app, client, touched: Files, caplog) -> None:
        rules = list(app.server.url_map.iter_rules())
        own = (
            "/link",
            "/moments",
            "/contrast",
            "/run.npz",
            "/run.npz/check",
            "/code",
            "/live",
            "/live/backdrop",
            "/live/page",
        )
        for path in own:
            # The control, and what takes long has been computed before.
            found = answered(client, touched, caplog, method="GET", path=path, query_string=LINK.to_query())
            assert found.status_code == 200

        @of_seed(CASES * SHARES["addresses"] // 100)
        @given(addresses(rules))
        def ask(asked: dict[str, Any]) -> None:
            answered(client, touched, caplog, **asked)

        ask()


class TestSignIn:
    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        users.add(tmp_path / "users", "ada", "correct horse")
        monkeypatch.setenv("HMMRNN_USERS", str(tmp_path / "users"))

    @pytest.mark.usefixtures("file")
    def test_without_signing_in_nothing_is_given(self, touched: Files, caplog: pytest.LogCaptureFixture) -> None:
        app = create_app()
        client = app.server.test_client()
        rules = list(app.server.url_map.iter_rules())
        opened = ("/healthz", "/readyz", "/metrics", "/sign-in", "/sign-out", "/assets/sign-in/")
        fields = st.sampled_from(("name", "password", "csrf_token", "next")) | st.text(max_size=5)
        form = st.dictionaries(fields, st.text())

        @of_seed(CASES * SHARES["sign-in"] // 100)
        @given(addresses(rules), form)
        def ask(asked: dict[str, Any], filled: dict[str, str]) -> None:
            if asked["path"] == "/sign-in" and asked["method"] == "POST":
                asked["data"] = filled
            answer = answered(client, touched, caplog, **asked)
            if not asked["path"].startswith(opened):
                assert answer.status_code in (302, 401, 404, 405, 308), answer.status

        ask()


# ---- files ----
