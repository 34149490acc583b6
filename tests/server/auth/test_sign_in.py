"""Sign-in: every address but a few needs a session, and none is got by guessing, by an old session or by a trick."""

from __future__ import annotations

import io
import json
import logging
import re
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from plotly.utils import PlotlyJSONEncoder
from werkzeug.security import generate_password_hash

from hmmrnn.dashboard.app import create_app
from hmmrnn.server.auth import requester, sign_in
from hmmrnn.server.services import services
from hmmrnn.storage.redis import RedisServer
from hmmrnn.storage.signing import read_secret
from tests.programs import at_once

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

PASSWORD, OTHER = "correct horse", "battery staple"
OPEN = {"/healthz": 200, "/readyz": 503, "/metrics": 200, "/sign-in": 200, sign_in.STYLE: 200}
LINK = "/?model=linear-2&ablate=13,22&sigma=1.0&seed=0"
PAGE = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


def list_users(path: Path, **passwords: str) -> None:
    """Write a file of users, with hashes that take a fraction of the time."""
    lines = [f"{name}:{generate_password_hash(given, method='scrypt:1024:8:1')}\n" for name, given in passwords.items()]
    path.write_text("".join(lines))


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A file with two users."""
    list_users(tmp_path / "users", ada=PASSWORD, bob=OTHER)
    return tmp_path / "users"


def server_of(listed: Path, redis: RedisServer | None = None) -> Flask:
    """A web process with a page of its own that only users may see."""
    server = Flask("test")
    sign_in.register(server, listed, listed.with_name("secret.key"), redis)
    server.add_url_rule(
        "/_dash-layout", "layout", lambda: json.dumps(sign_in.account(), cls=PlotlyJSONEncoder, separators=(",", ":"))
    )
    server.add_url_rule("/", "page", lambda: "the page")
    server.add_url_rule("/train", "train", lambda: "the page")
    return server


@pytest.fixture
def client(listed: Path) -> FlaskClient:
    return server_of(listed).test_client()


def token(client: FlaskClient, path: str = "/sign-in") -> str:
    found = TOKEN.search(client.get(path, headers=PAGE).text)
    assert found
    return found[1]


def try_to(client: FlaskClient, name: str, password: str, then: str = "", **headers: str):
    """The response to the form, filled in."""
    path = "/sign-in" + (f"?next={then}" if then else "")
    form = {"name": name, "password": password, "csrf_token": token(client, path)}
    return client.post(path, data=form, headers={**PAGE, **headers})


def session_cookie(response) -> str:
    (found,) = (one for one in response.headers.getlist("Set-Cookie") if one.startswith(f"{sign_in.COOKIE}="))
    return found


def signed_in(client: FlaskClient) -> bool:
    return client.get("/_dash-layout").status_code == 200


class TestDashboard:
    """The whole application, built once."""

    def test_every_address_but_a_few_needs_a_session(self, empty_world, listed, monkeypatch):
        monkeypatch.setenv("HMMRNN_USERS", str(listed))
        client = create_app().server.test_client()
        rules = {rule.rule for rule in client.application.url_map.iter_rules() if "GET" in rule.methods}
        for rule in rules - set(OPEN):
            answer = client.get(re.sub("<[^>]+>", "x", rule))
            assert answer.status_code == 401, rule
            assert answer.get_json()["refused"] == "You are signed out; sign in again."
        for path, status in OPEN.items():
            answer = client.get(path)
            answer.close()
            assert answer.status_code == status, path
        for path in ("/_dash-update-component", "/files?name=x.pth", "/session", "/x"):
            headers = {"Content-Type": "application/json", "X-Requested-With": "x"}
            assert client.post(path, data=b"{}", headers=headers).status_code == 401
        assert not list(services().data.incoming.iterdir())
        assert try_to(client, "ada", PASSWORD).status_code == 302
        assert "signed in as ada" in client.get("/_dash-layout").text

    def test_without_a_file_of_users_everything_is_open(self, app):
        client = app.server.test_client()
        assert signed_in(client)
        client.get("/")
        assert client.get_cookie(sign_in.COOKIE) is None
        assert "/sign-out" not in client.get("/_dash-layout").text


class TestVisit:
    def test_a_link_leads_to_the_form_and_from_there_to_that_very_link(self, client):
        led = client.get(LINK, headers=PAGE)
        assert led.status_code == 302
        address = urlsplit(led.headers["Location"])
        assert (address.path, parse_qs(address.query)["next"]) == ("/sign-in", [LINK])
        form = {"name": "ada", "password": PASSWORD, "csrf_token": token(client, led.headers["Location"])}
        back = client.post(led.headers["Location"], data=form)
        assert (back.status_code, back.headers["Location"]) == (302, LINK)
        assert client.get(LINK).status_code == 200

    def test_so_it_does_in_an_older_browser(self, client):
        assert client.get("/train", headers={"Accept": PAGE["Accept"]}).status_code == 302


class TestSigningIn:
    @pytest.mark.parametrize(
        ("name", "password"), [("ada", OTHER), ("nobody", PASSWORD), ("ada", ""), ("", ""), ("ADA", PASSWORD)]
    )
    def test_all_that_is_wrong_gets_the_same_sentence(self, client, name, password):
        answer = try_to(client, name, password)
        assert answer.status_code == 200
        assert sign_in.WRONG in answer.text
        assert not signed_in(client)

    def test_the_cookie_is_for_the_server_alone(self, client):
        cookie = session_cookie(try_to(client, "ada", PASSWORD))
        assert cookie.startswith(f"{sign_in.COOKIE}=")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert signed_in(client)

    @pytest.mark.parametrize("secured", [{"X-Forwarded-Proto": "https"}, {"X-Forwarded-Proto": "https, http"}])
    def test_behind_a_proxy_that_speaks_https_it_is_for_https_alone(self, client, secured):
        cookies = try_to(client, "ada", PASSWORD, **secured).headers.getlist("Set-Cookie")
        assert all("Secure" in cookie.split("; ") for cookie in cookies)

    def test_a_form_of_another_site_is_not_taken(self, client):
        answer = client.post("/sign-in", data={"name": "ada", "password": PASSWORD})
        assert sign_in.OLD in answer.text
        assert client.post("/sign-in", data={"name": "ada", "password": PASSWORD, "csrf_token": "x"}).status_code == 200
        assert not signed_in(client)

    def test_neither_name_nor_password_is_logged(self, client, caplog):
        caplog.set_level(logging.DEBUG)
        try_to(client, "secret-typed-as-name", "secret-password")
        try_to(client, "ada", PASSWORD, then="/secret-next")
        assert "a sign-in failed" in caplog.messages
        logged = " ".join(str(vars(record)) for record in caplog.records)
        assert "secret" not in logged
        assert PASSWORD not in logged

    def test_after_some_failures_one_must_wait_unless_the_password_is_right(self, client, monkeypatch):
        monkeypatch.setattr(sign_in, "PAUSE_SECONDS", 0.0)
        said = [try_to(client, "ada", "wrong password") for _ in range(11)]
        assert [answer.status_code for answer in said] == [200] * 10 + [429]
        assert sign_in.TOO_MANY in said[-1].text
        monkeypatch.setattr(sign_in, "WAIT_SECONDS", 0.0)
        with sign_in._one_by_one:
            assert try_to(client, "ada", PASSWORD).status_code == 429, "one by one"
        assert not signed_in(client)
        another = client.application.test_client()
        assert try_to(another, "bob", OTHER).status_code == 302, "another one can"
        assert try_to(client, "ada", PASSWORD).status_code == 302
        assert signed_in(client)

    def test_a_right_password_waits_for_those_before_it_and_a_few_do(self, client, monkeypatch):
        monkeypatch.setattr(sign_in, "PAUSE_SECONDS", 0.0)
        for _ in range(11):
            try_to(client, "ada", "wrong password")
        with ThreadPoolExecutor(1) as threads:
            with sign_in._one_by_one:
                answer = threads.submit(try_to, client, "ada", PASSWORD)
                with pytest.raises(TimeoutError):
                    answer.result(timeout=0.2)
            assert answer.result().status_code == 302
        monkeypatch.setattr(sign_in, "_waiting", threading.BoundedSemaphore(1))
        with sign_in._waiting:
            stranger = client.application.test_client()
            assert try_to(stranger, "ada", PASSWORD).status_code == 429, "too many wait"

    @pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
    def test_nothing_large_is_read_or_written(self, client, path, monkeypatch):
        monkeypatch.setattr("werkzeug.formparser.default_stream_factory", lambda *_args, **_more: pytest.fail("kept"))
        form = {"name": "ada", "file": (io.BytesIO(bytes(100_000)), "large")}
        answer = client.post(path, data=form, content_type="multipart/form-data")
        assert answer.status_code in (302, 413)
        assert not signed_in(client)

    def test_signing_in_does_not_count_as_a_failure(self, client):
        for _ in range(12):
            assert try_to(client.application.test_client(), "ada", PASSWORD).status_code == 302

    def test_attempts_at_several_servers_count_together_in_redis(self, listed, redis_url, monkeypatch):
        monkeypatch.setattr(sign_in, "PAUSE_SECONDS", 0.0)
        RedisServer(redis_url).client().flushdb()
        one, other = (server_of(listed, RedisServer(redis_url)).test_client() for _ in range(2))
        for i in range(10):
            assert try_to((one, other)[i % 2], "ada", "wrong password").status_code == 200
        assert [try_to(client, "ada", "wrong password").status_code for client in (one, other)] == [429, 429]

    def test_attempts_at_several_processes_count_together_without_redis(self, listed, monkeypatch):
        monkeypatch.setattr(sign_in, "PAUSE_SECONDS", 0.0)
        one, other = (server_of(listed).test_client() for _ in range(2))
        for i in range(10):
            assert try_to((one, other)[i % 2], "ada", "wrong password").status_code == 200
        assert [try_to(client, "ada", "wrong password").status_code for client in (one, other)] == [429, 429]
        assert try_to(other, "ada", PASSWORD).status_code == 302, "a right password is right"

    def test_a_browser_that_has_signed_in_before_is_not_slowed_down_by_others(self, client, monkeypatch):
        monkeypatch.setattr(sign_in, "PAUSE_SECONDS", 0.0)
        assert try_to(client, "ada", PASSWORD).status_code == 302
        client.post("/sign-out")
        stranger = client.application.test_client()
        for name in ("ada", "ben", "cid", "dan", "eve", "fay", "gus"):
            for _ in range(10):
                try_to(stranger, name, "wrong password")
        monkeypatch.setattr(sign_in, "WAIT_SECONDS", 0.0)
        with sign_in._one_by_one:
            assert try_to(stranger, "ada", PASSWORD).status_code == 429
            assert try_to(client, "bob", OTHER).status_code == 429, "it is known for one user alone"
            assert try_to(client, "ada", PASSWORD).status_code == 302
        client.post("/sign-out")
        said = [try_to(client, "ada", "wrong password").status_code for _ in range(11)]
        assert said == [200] * 10 + [429], "its own failures count"

    def test_a_file_of_counters_that_cannot_be_used_keeps_nobody_out(self, listed):
        listed.with_name("counters.db").write_bytes(b"no database" * 1000)
        assert try_to(server_of(listed).test_client(), "ada", PASSWORD).status_code == 302

    def test_without_its_redis_one_can_still_sign_in(self, listed):
        client = server_of(listed, RedisServer("redis://127.0.0.1:1/0")).test_client()
        assert try_to(client, "ada", PASSWORD).status_code == 302


class TestNext:
    @pytest.mark.parametrize("path", ["/", LINK, "/train/0123456789ab", "/?model=größe", "/report?model=a//b"])
    def test_our_own_paths_are_gone_on_to(self, path):
        assert sign_in.own_path(path) == path

    @pytest.mark.parametrize(
        "path",
        ["", "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
         "javascript:alert(1)", "evil.example", "/\n/evil.example", "/\t/evil.example", "http:/evil.example"],
    )  # fmt: skip
    def test_others_are_not(self, path):
        assert sign_in.own_path(path) == "/"

    @given(st.text(alphabet="/\\:.?#@ehtp\t\n", max_size=12))
    def test_no_text_leads_to_another_server(self, text):
        found = sign_in.own_path(text)
        assert found.startswith("/")
        assert not found.startswith(("//", "/\\"))
        assert not re.search(r"[\\\s]", found)


class TestSessions:
    def test_another_password_ends_the_sessions_of_that_user_and_no_others(self, client, listed):
        bobs, bob = client.application.test_client(), listed.read_text().splitlines(True)[1]
        assert try_to(client, "ada", PASSWORD).status_code == try_to(bobs, "bob", OTHER).status_code == 302
        list_users(listed, ada="another password")
        listed.write_text(listed.read_text() + bob)
        assert not signed_in(client)
        assert signed_in(bobs)
        assert try_to(client, "ada", "another password").status_code == 302
        assert signed_in(client)

    def test_a_copy_of_the_cookie_is_good_for_nothing_after_sign_out(self, client, listed):
        try_to(client, "ada", PASSWORD)
        copy, elsewhere = client.application.test_client(), server_of(listed).test_client()
        for thief in (copy, elsewhere):
            thief.set_cookie(sign_in.COOKIE, client.get_cookie(sign_in.COOKIE).value)
            assert signed_in(thief)
        assert client.post("/sign-out").status_code == 302
        assert not any(map(signed_in, (client, copy, elsewhere)))

    def test_it_ends_after_some_hours(self, client, monkeypatch):
        try_to(client, "ada", PASSWORD)
        now = time.time()
        for hours, still in ((sign_in.SESSION_HOURS - 1, True), (sign_in.SESSION_HOURS + 1, False)):
            monkeypatch.setattr(time, "time", lambda hours=hours: now + hours * 3600)
            assert signed_in(client) is still

    def test_who_is_taken_out_of_the_file_is_out(self, client, listed):
        assert try_to(client, "ada", PASSWORD).status_code == 302
        listed.write_text("".join(line for line in listed.read_text().splitlines(True) if line.startswith("bob:")))
        assert not signed_in(client)

    def test_a_damaged_file_lets_no_user_in_and_is_logged(self, client, listed, caplog):
        assert try_to(client, "ada", PASSWORD).status_code == 302
        listed.write_text("ada:plain-text-password\n")
        assert not signed_in(client)
        assert f"line 1 of {listed} is not of the form name:hash" in caplog.text
        assert "plain-text-password" not in caplog.text
        assert try_to(client, "ada", PASSWORD).status_code == 200

    def test_signing_out_ends_it_unless_another_site_asks(self, client):
        try_to(client, "ada", PASSWORD)
        layout = client.get("/_dash-layout").text
        assert "Sign out" in layout
        assert "signed in as ada" in layout
        for site in ("cross-site", "same-site"):
            assert client.post("/sign-out", headers={"Sec-Fetch-Site": site}).status_code == 302
            assert signed_in(client), site
        assert client.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 302
        assert not signed_in(client)

    def test_what_waits_is_counted_for_the_user_in_every_browser(self, client):
        another, bobs = client.application.test_client(), client.application.test_client()
        for browser, name, password in ((client, "ada", PASSWORD), (another, "ada", PASSWORD), (bobs, "bob", OTHER)):
            try_to(browser, name, password)
            with browser:
                assert browser.get("/", headers=PAGE).status_code == 200
                assert requester.identify_requester() == f"user {name}"

    def test_every_process_knows_the_sessions_of_the_others(self, client, listed):
        try_to(client, "ada", PASSWORD)
        cookie = client.get_cookie(sign_in.COOKIE)
        other = server_of(listed).test_client()
        other.set_cookie(sign_in.COOKIE, cookie.value)
        assert signed_in(other)
        other.set_cookie(sign_in.COOKIE, cookie.value[:-2] + "xx")
        assert not signed_in(other)

    def test_the_key_is_private_and_the_same_for_processes_that_begin_at_once(self, tmp_path):
        path = tmp_path / "secret.key"
        found = at_once(*[lambda: read_secret(path)] * 8)
        assert set(found) == {path.read_bytes()}
        assert len(found[0]) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.write_bytes(b"short")
        with pytest.raises(ValueError, match=r"must hold 32 bytes; got 5: delete it; all users sign in again"):
            read_secret(path)
