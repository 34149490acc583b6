"""The command that adds users, and the warning of a server that needs none."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from hmmrnn import cli
from hmmrnn.cli import user as user_command
from hmmrnn.cli.serve import warn_if_open
from hmmrnn.dashboard.app import create_app
from hmmrnn.server.auth import users
from hmmrnn.server.settings import Settings

PASSWORD, OTHER = "correct horse", "battery staple"


def run(monkeypatch, capsys, *arguments: str, password: str = PASSWORD) -> tuple[int, str]:
    """Exit status and messages of the command, with a password on its input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    status = cli.main(["user", *arguments])
    found = capsys.readouterr()
    assert found.out == ""
    return status, found.err


def test_it_adds_a_user_and_changes_a_password(tmp_path: Path, monkeypatch, capsys, caplog) -> None:
    caplog.set_level("INFO")
    path = tmp_path / "users"
    monkeypatch.setenv("HMMRNN_USERS", str(path))
    assert run(monkeypatch, capsys, "ada")[0] == 0
    assert run(monkeypatch, capsys, "ada", password=OTHER)[0] == 0
    assert caplog.messages == [
        f"ada can sign in; {path} lists all users",
        f"ada has a new password and must sign in again; {path} lists all users",
    ]
    assert users.matches(users.read(path), "ada", OTHER)


def test_a_bad_name_is_refused_in_one_line(tmp_path: Path, monkeypatch, capsys) -> None:
    status, message = run(monkeypatch, capsys, "a:b", "--users", str(tmp_path / "users"))
    assert (status, len(message.splitlines())) == (2, 1)
    assert "a name must be 1 to 64 letters, digits or . _ @ -" in message


def test_on_a_terminal_the_password_is_typed_twice(tmp_path: Path, monkeypatch, capsys) -> None:
    path, typed = tmp_path / "users", iter([PASSWORD, OTHER, PASSWORD, PASSWORD])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(user_command, "getpass", lambda _prompt: next(typed))
    assert cli.main(["user", "ada", "--users", str(path)]) == 2
    assert "the two passwords differ; nothing was changed" in capsys.readouterr().err
    assert not path.exists()
    assert cli.main(["user", "ada", "--users", str(path)]) == 0
    assert users.matches(users.read(path), "ada", PASSWORD)


def test_without_a_file_to_write_it_says_so(monkeypatch, capsys) -> None:
    monkeypatch.delenv("HMMRNN_USERS", raising=False)
    assert cli.main(["user", "ada"]) == 2
    assert "no file of users is named; set HMMRNN_USERS, or give --users FILE" in capsys.readouterr().err


class TestServe:
    def test_a_file_that_cannot_be_used_stops_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="cannot be read"):
            create_app(Settings(users=tmp_path / "users", cache=tmp_path / "cache", data=tmp_path / "data"))

    @pytest.mark.parametrize(
        ("host", "warned"),
        [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True)],
    )
    def test_a_server_that_other_machines_reach_without_users_warns(self, caplog, host, warned) -> None:
        warn_if_open(Settings(host=host))
        assert (f"every machine that reaches {host} can use the dashboard" in caplog.text) == warned
        assert len(caplog.records) == warned

    def test_with_users_it_does_not(self, tmp_path: Path, caplog) -> None:
        users.add(tmp_path / "users", "ada", PASSWORD)
        warn_if_open(Settings(host="0.0.0.0", users=tmp_path / "users"))
        assert not caplog.records
