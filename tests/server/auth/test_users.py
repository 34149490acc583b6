"""The file of users: read, checked, and changed one line at a time."""

from __future__ import annotations

import os
import re
import stat
from functools import partial
from pathlib import Path

import pytest

from hmmrnn.server.auth import users
from tests.programs import at_once

PASSWORD, OTHER = "correct horse", "battery staple"


@pytest.mark.parametrize(("content", "words"), [
    (None, "cannot be read (No such file or directory)"), (b"", "lists no user"), (b"\n\n", "lists no user"),
    (b"ada", "line 1 of"), (b"ada:secret", "line 1 of"), (b"\nada:scrypt:1:1:1$x$y\n", "line 2 of"),
    (b"\xff\xfe", "is not text"),
])  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_the_remedy(tmp_path: Path, content: bytes | None, words: str):
    if content is not None:
        (tmp_path / "users").write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(words)) as found:
        users.read(tmp_path / "users")
    assert "write its lines with python -m hmmrnn user NAME" in str(found.value)
    assert "secret" not in str(found.value)


def test_a_user_is_added_and_their_password_changed_and_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "users"
    assert not users.add(path, "ada", PASSWORD)
    assert not users.add(path, "bob", OTHER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text().splitlines()
    assert users.add(path, "ada", "another password")
    after = path.read_text().splitlines()
    assert [line.partition(":")[0] for line in after] == ["ada", "bob"]
    assert (after[0] == before[0], after[1] == before[1]) == (False, True)
    known = users.read(path)
    assert users.matches(known, "ada", "another password")
    assert users.matches(known, "bob", OTHER)
    assert not users.matches(known, "ada", PASSWORD)
    assert PASSWORD not in path.read_text()


@pytest.mark.parametrize(("name", "password", "words"), [
    ("a:b", PASSWORD, "a name must be 1 to 64 letters, digits or . _ @ -"),
    ("eve", "short", "a password must have at least 8 characters; got 5"),
])  # fmt: skip
def test_a_name_or_password_of_another_form_is_refused(tmp_path: Path, name: str, password: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        users.add(tmp_path / "users", name, password)
    assert not (tmp_path / "users").exists()


def test_an_unknown_name_takes_as_long_as_a_known_one(monkeypatch) -> None:
    checked: list[str] = []
    monkeypatch.setattr(users, "check_password_hash", lambda hashed, _password: bool(checked.append(hashed)) or True)
    assert users.matches({"ada": "hash"}, "ada", PASSWORD)
    assert not users.matches({"ada": "hash"}, "nobody", PASSWORD)
    assert checked == ["hash", "hash"]


def test_users_that_are_added_at_once_are_all_listed(tmp_path: Path) -> None:
    names = [f"user{i}" for i in range(3)]
    at_once(*(partial(users.add, tmp_path / "users", name, PASSWORD) for name in names))
    assert set(users.read(tmp_path / "users")) == set(names)


def test_the_file_keeps_who_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "users"
    users.add(path, "ada", PASSWORD)
    path.chmod(0o640)
    users.add(path, "bob", OTHER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another account")
def test_the_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "users"
    users.add(path, "ada", PASSWORD)
    os.chown(path, 10001, 10002)
    users.add(path, "bob", OTHER)
    assert (path.stat().st_uid, path.stat().st_gid) == (10001, 10002)
