"""The address of a Redis."""

import pytest

from hmmrnn.storage.redis import RedisServer


@pytest.mark.parametrize(("url", "place"), [
    ("redis://:secret@host:6380/0", "host:6380"), ("redis://user:secret@host/0", "host:6379"),
    ("unix://:secret@/run/redis.sock", "the socket /run/redis.sock"),
])  # fmt: skip
def test_its_place_holds_no_password(url: str, place: str) -> None:
    assert RedisServer(url).place == place


@pytest.mark.parametrize("url", ["localhost", "http://localhost", "redis://localhost:port"])
def test_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the sentence is that of the library
        RedisServer(url)


def test_after_a_failure_it_is_avoided_for_some_seconds() -> None:
    redis = RedisServer("redis://host")
    assert redis.usable
    redis.avoid(ConnectionError("refused"))
    assert not redis.usable
    at_once = RedisServer("redis://host", avoided_seconds=0.0)
    at_once.avoid(ConnectionError("refused"))
    assert at_once.usable
