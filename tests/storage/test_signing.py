"""What is signed is good for its key and its place alone."""

import pytest

from hmmrnn.storage.signing import ForeignError, Signer, derived

SECRET = b"s" * 32


@pytest.mark.parametrize("data", [b"", b"data", bytes(100_000)])
def test_what_was_signed_comes_back(data: bytes) -> None:
    assert Signer(SECRET).check(Signer(SECRET).sign(data, "here"), "here") == data


@pytest.mark.parametrize("change", [
    lambda signed: b"", lambda signed: signed[:-1], lambda signed: signed + b"x",
    lambda signed: signed[:40] + b"X" + signed[41:], lambda signed: bytes(32) + signed[32:],
])  # fmt: skip
def test_what_was_changed_is_refused(change) -> None:
    with pytest.raises(ForeignError):
        Signer(SECRET).check(change(Signer(SECRET).sign(b"much that was signed")))


@pytest.mark.parametrize(("key", "place"), [(SECRET, "there"), (derived(SECRET, "another"), "here")])
def test_another_key_or_place_is_refused(key, place) -> None:
    with pytest.raises(ForeignError):
        Signer(key).check(Signer(SECRET).sign(b"data", "here"), place)
