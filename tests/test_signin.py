"""Is everything closed to who has not signed in, and does nobody get in by guessing, an old session, or a trick?"""

from __future__ import annotations

import logging
import os
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from hmmrnn import cli
from hmmrnn.dashboard import folders, signin, users, viewers
from hmmrnn.dashboard.application import create_app
from tests.programs import free_port

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

ROOT = Path(__file__).resolve().parents[1]
PASSWORD, OTHER = "correct horse", "battery staple"
OPEN = {"/healthz": 200, "/readyz": 503, "/metrics": 200, "/sign-in": 200, signin.STYLE: 200}
LINK = "/?model=linear-2&ablate=13,22&sigma=1.0&seed=0"
PAGE = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@pytest.fixture
def listed(empty_world, tmp_path, monkeypatch) -> Path:
    """A file with two users."""
    path = tmp_path / "users"
    users.add(path, "ada", PASSWORD)
    users.add(path, "bob", OTHER)
    monkeypatch.setenv(users.VARIABLE, str(path))
    return path


@pytest.fixture
def client(listed) -> FlaskClient:
    return create_app().server.test_client()


def token(client: FlaskClient, path: str = "/sign-in") -> str:
    found = TOKEN.search(client.get(path, headers=PAGE).text)
    assert found
    return found[1]


def try_to(client: FlaskClient, name: str, password: str, then: str = "", **headers: str):
    """What the server says to a form that has been filled in."""
    path = "/sign-in" + (f"?next={then}" if then else "")
    form = {"name": name, "password": password, "csrf_token": token(client, path)}
    return client.post(path, data=form, headers={**PAGE, **headers})


def signed_in(client: FlaskClient) -> bool:
    return client.get("/_dash-layout").status_code == 200


class TestClosed:
    def test_every_address_but_a_few(self, client):
        rules = {rule.rule for rule in client.application.url_map.iter_rules() if "GET" in rule.methods}
        for rule in rules - set(OPEN):
            answer = client.get(re.sub("<[^>]+>", "x", rule))
            assert answer.status_code == 401, rule
            assert answer.get_json()["refused"] == "You are signed out; sign in again."

    def test_those_few_are_open(self, client):
        for path, status in OPEN.items():
            answer = client.get(path)
            answer.close()
            assert answer.status_code == status, path

    @pytest.mark.parametrize("path", ["/_dash-update-component", "/files?name=x.pth", "/session", "/x"])
    def test_nothing_is_taken(self, client, path):
        answer = client.post(path, data=b"{}", headers={"Content-Type": "application/json", "X-Requested-With": "x"})
        assert answer.status_code == 401
        assert not list(folders.incoming().iterdir())

    def test_who_goes_to_a_link_is_led_to_the_form_and_from_there_to_that_very_link(self, client):
        led = client.get(LINK, headers=PAGE)
        assert led.status_code == 302
        address = urlsplit(led.headers["Location"])
        assert (address.path, parse_qs(address.query)["next"]) == ("/sign-in", [LINK])
        form = {"name": "ada", "password": PASSWORD, "csrf_token": token(client, led.headers["Location"])}
        back = client.post(led.headers["Location"], data=form)
        assert (back.status_code, back.headers["Location"]) == (302, LINK)
        assert client.get(LINK).status_code == 200

    def test_an_older_browser_is_led_there_too(self, client):
        assert client.get("/train", headers={"Accept": PAGE["Accept"]}).status_code == 302

    def test_without_a_file_of_users_everything_is_open(self, empty_world, monkeypatch):
        monkeypatch.delenv(users.VARIABLE, raising=False)
        client = create_app().server.test_client()
        assert signed_in(client)
        client.get("/")
        assert client.get_cookie(signin.COOKIE) is None
        assert "/sign-out" not in client.get("/_dash-layout").text


class TestSigningIn:
    @pytest.mark.parametrize(
        ("name", "password"), [("ada", OTHER), ("nobody", PASSWORD), ("ada", ""), ("", ""), ("ADA", PASSWORD)]
    )
    def test_all_that_is_wrong_gets_the_same_sentence(self, client, name, password):
        answer = try_to(client, name, password)
        assert answer.status_code == 200
        assert signin.WRONG in answer.text
        assert not signed_in(client)

    def test_it_takes_as_long_for_a_name_that_is_not_there(self, listed):
        known = users.read(listed)

        def seconds(name: str) -> float:
            began = time.process_time()
            assert not users.matches(known, name, "wrong password")
            return time.process_time() - began

        times = {name: median(seconds(name) for _ in range(5)) for name in ("ada", "nobody")}
        assert times["nobody"] == pytest.approx(times["ada"], rel=0.5)

    def test_the_cookie_is_for_the_server_alone(self, client):
        cookie = try_to(client, "ada", PASSWORD).headers["Set-Cookie"]
        assert cookie.startswith(f"{signin.COOKIE}=")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert signed_in(client)

    @pytest.mark.parametrize("secured", [{"X-Forwarded-Proto": "https"}, {"X-Forwarded-Proto": "https, http"}])
    def test_behind_a_proxy_that_speaks_https_it_is_for_https_alone(self, client, secured):
        assert "Secure" in try_to(client, "ada", PASSWORD, **secured).headers["Set-Cookie"].split("; ")

    def test_a_form_of_another_site_is_not_taken(self, client):
        answer = client.post("/sign-in", data={"name": "ada", "password": PASSWORD})
        assert signin.OLD in answer.text
        assert client.post("/sign-in", data={"name": "ada", "password": PASSWORD, "csrf_token": "x"}).status_code == 200
        assert not signed_in(client)

    def test_neither_name_nor_password_is_logged(self, client, caplog):
        caplog.set_level(logging.DEBUG)
        try_to(client, "secret-typed-as-name", "secret-password")
        try_to(client, "ada", PASSWORD, then="/secret-next")
        assert "somebody could not sign in" in caplog.messages
        assert not [
            record for record in caplog.records if "secret" in str(vars(record)) or PASSWORD in str(vars(record))
        ]

    def test_after_some_failures_one_must_wait_even_with_the_right_password(self, client):
        said = [try_to(client, "ada", "wrong password") for _ in range(11)]
        assert [answer.status_code for answer in said] == [200] * 10 + [429]
        assert signin.TOO_MANY in said[-1].text
        assert try_to(client, "ada", PASSWORD).status_code == 429
        assert not signed_in(client)
        assert try_to(client, "bob", OTHER).status_code == 302, "another one can"

    def test_signing_in_does_not_count_as_a_failure(self, client):
        for _ in range(12):
            assert try_to(client.application.test_client(), "ada", PASSWORD).status_code == 302

    def test_attempts_at_several_servers_count_together_in_redis(self, listed, redis_url, monkeypatch):
        monkeypatch.setenv("HMMRNN_REDIS_URL", redis_url)
        one, other = (create_app().server.test_client() for _ in range(2))
        for i in range(10):
            assert try_to((one, other)[i % 2], "ada", "wrong password").status_code == 200
        assert [try_to(client, "ada", "wrong password").status_code for client in (one, other)] == [429, 429]

    def test_without_its_redis_one_can_still_sign_in(self, listed, monkeypatch):
        monkeypatch.setenv("HMMRNN_REDIS_URL", "redis://127.0.0.1:1/0")
        client = create_app().server.test_client()
        assert try_to(client, "ada", PASSWORD).status_code == 302


class TestNext:
    @pytest.mark.parametrize("path", ["/", LINK, "/train/0123456789ab", "/?model=größe", "/report?model=a//b"])
    def test_our_own_paths_are_gone_on_to(self, path):
        assert signin.own_path(path) == path

    @pytest.mark.parametrize(
        "path",
        ["", "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
         "javascript:alert(1)", "evil.example", "/\n/evil.example", "/\t/evil.example", "http:/evil.example"],
    )  # fmt: skip
    def test_others_are_not(self, path):
        assert signin.own_path(path) == "/"

    @given(st.text(alphabet="/\\:.?#@ehtp\t\n", max_size=12))
    def test_whatever_is_given_stays_with_us(self, text):
        found = signin.own_path(text)
        assert found.startswith("/")
        assert not found.startswith(("//", "/\\"))
        assert not re.search(r"[\\\s]", found)


class TestSessions:
    def test_another_password_ends_the_sessions_of_that_user_and_no_others(self, client, listed):
        bobs = client.application.test_client()
        assert try_to(client, "ada", PASSWORD).status_code == try_to(bobs, "bob", OTHER).status_code == 302
        users.add(listed, "ada", "another password")
        assert not signed_in(client)
        assert signed_in(bobs)
        assert try_to(client, "ada", "another password").status_code == 302
        assert signed_in(client)

    def test_who_is_taken_out_of_the_file_is_out(self, client, listed):
        assert try_to(client, "ada", PASSWORD).status_code == 302
        listed.write_text("".join(line for line in listed.read_text().splitlines(True) if line.startswith("bob:")))
        assert not signed_in(client)

    def test_a_file_that_is_damaged_lets_in_nobody_and_says_so(self, client, listed, caplog):
        assert try_to(client, "ada", PASSWORD).status_code == 302
        listed.write_text("ada:plain-text-password\n")
        assert not signed_in(client)
        assert f"line 1 of {listed} is no name:hash" in caplog.text
        assert "plain-text-password" not in caplog.text
        assert try_to(client, "ada", PASSWORD).status_code == 200

    def test_signing_out_ends_it_and_takes_the_pages_own_button(self, client):
        try_to(client, "ada", PASSWORD)
        layout = client.get("/_dash-layout").text
        assert "Sign out" in layout
        assert "signed in as ada" in layout
        assert client.post("/sign-out").status_code == 302
        assert signed_in(client), "without the token of the page nothing happens"
        given = re.search(r'"name":"csrf_token"[^}]*"value":"([^"]+)"', layout) or re.search(
            r'"value":"([^"]+)"[^}]*"name":"csrf_token"', layout
        )
        assert given
        assert client.post("/sign-out", data={"csrf_token": given[1]}).status_code == 302
        assert not signed_in(client)

    def test_what_waits_is_counted_for_the_user_in_whatever_browser(self, client):
        another, bobs = client.application.test_client(), client.application.test_client()
        for browser, name, password in ((client, "ada", PASSWORD), (another, "ada", PASSWORD), (bobs, "bob", OTHER)):
            try_to(browser, name, password)
            with browser:
                assert browser.get("/", headers=PAGE).status_code == 200
                assert viewers.asker() == f"user {name}"

    def test_every_process_knows_the_sessions_of_the_others(self, client):
        try_to(client, "ada", PASSWORD)
        cookie = client.get_cookie(signin.COOKIE)
        other = create_app().server.test_client()
        other.set_cookie(signin.COOKIE, cookie.value)
        assert signed_in(other)
        other.set_cookie(signin.COOKIE, cookie.value[:-2] + "xx")
        assert not signed_in(other)

    def test_the_key_is_private_and_many_who_begin_at_once_agree(self, empty_world):
        found, begin = [], threading.Barrier(8)

        def ask() -> None:
            begin.wait(timeout=30)
            found.append(signin.secret())

        asking = [threading.Thread(target=ask) for _ in range(8)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(timeout=30)
        assert len(found) == 8
        assert len(set(found)) == 1
        assert len(found[0]) == 32
        path = folders.data() / "secret.key"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.write_bytes(b"short")
        with pytest.raises(ValueError, match=r"secret.key must hold 32 bytes; got 5: delete it, and all sign in again"):
            signin.secret()


class TestFile:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "cannot be read (No such file or directory)"),
            ("", "holds nobody"),
            ("\n\n", "holds nobody"),
            ("ada", "line 1 of"),
            ("ada:secret", "line 1 of"),
            ("\nada:scrypt:1:1:1$x$y\n", "line 2 of"),
            (b"\xff\xfe", "is no text"),
        ],
    )
    @pytest.mark.parametrize("start", ["serve", "app"])
    def test_one_that_is_not_as_it_should_be_stops_the_start(
        self, empty_world, tmp_path, monkeypatch, capsys, content, words, start
    ):
        path = tmp_path / "users"
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setenv(users.VARIABLE, str(path))
        if start == "app":
            with pytest.raises(ValueError, match=re.escape(words)) as caught:
                create_app()
            said = str(caught.value)
        else:
            assert cli.main(["serve", "--port", str(free_port())]) == 2
            said = capsys.readouterr().err
        assert "write its lines with python -m hmmrnn user NAME" in said
        assert "secret" not in said

    def test_the_command_makes_it_and_changes_one_line(self, tmp_path):
        path = tmp_path / "users"

        def run(*arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
            environment = {**os.environ, users.VARIABLE: str(path)}
            command = [sys.executable, "-m", "hmmrnn", "user", *arguments]
            return subprocess.run(
                command, cwd=ROOT, env=environment, input=f"{password}\n", capture_output=True, text=True, check=False
            )

        first = run("ada")
        assert (first.returncode, first.stdout) == (0, "")
        assert first.stderr == f"ada can sign in; {path} holds who can\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert run("bob", password=OTHER).returncode == 0
        before = path.read_text().splitlines()
        again = run("ada", password="another password")
        assert again.stderr == f"ada has another password, and must sign in again; {path} holds who can\n"
        after = path.read_text().splitlines()
        assert [line.partition(":")[0] for line in after] == ["ada", "bob"]
        assert (after[0] == before[0], after[1] == before[1]) == (False, True)
        known = users.read(path)
        assert users.matches(known, "ada", "another password")
        assert users.matches(known, "bob", OTHER)
        assert PASSWORD not in path.read_text()

        for name, password, words in (
            ("a:b", PASSWORD, "a name must be 1 to 64 letters, digits or . _ @ -"),
            ("eve", "short", "a password must have at least 8 characters; got 5"),
        ):
            refused = run(name, password=password)
            assert refused.returncode == 2
            assert words in refused.stderr
            assert len(refused.stderr.splitlines()) == 1
        assert path.read_text().splitlines() == after

    def test_a_terminal_is_asked_twice(self, tmp_path, monkeypatch, capsys):
        path, typed = tmp_path / "users", iter([PASSWORD, OTHER, PASSWORD, PASSWORD])
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(cli.user, "getpass", lambda _prompt: next(typed))
        assert cli.main(["user", "ada", "--users", str(path)]) == 2
        assert "the two passwords differ; nothing has changed" in capsys.readouterr().err
        assert not path.exists()
        assert cli.main(["user", "ada", "--users", str(path)]) == 0
        assert users.matches(users.read(path), "ada", PASSWORD)

    def test_two_that_are_added_at_once_are_both_there(self, tmp_path):
        path = tmp_path / "users"
        adding = [threading.Thread(target=users.add, args=(path, f"user{i}", PASSWORD)) for i in range(4)]
        for thread in adding:
            thread.start()
        for thread in adding:
            thread.join(timeout=60)
        assert set(users.read(path)) == {f"user{i}" for i in range(4)}

    def test_without_a_file_to_write_it_says_so(self, monkeypatch, capsys):
        monkeypatch.delenv(users.VARIABLE, raising=False)
        assert cli.main(["user", "ada"]) == 2
        assert "no file of users is named; set HMMRNN_USERS, or give --users FILE" in capsys.readouterr().err


class TestWarning:
    @pytest.mark.parametrize(
        ("host", "warned"),
        [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True)],
    )
    def test_whoever_lets_in_others_without_users_is_told(self, monkeypatch, caplog, host, warned):
        monkeypatch.delenv(users.VARIABLE, raising=False)
        cli.serve._check_users(host)
        sentence = f"everybody who can reach {host} can use the dashboard"
        assert (sentence in caplog.text) == warned
        assert len(caplog.records) == warned

    def test_with_users_nobody_is(self, listed, caplog):
        cli.serve._check_users("0.0.0.0")
        assert not caplog.records
