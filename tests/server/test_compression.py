"""Scripts of packages are compressed once; all other answers each time, and none is answered with another one."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from flask_compress import flask_compress

from hmmrnn.server import compression

SCRIPT = f"{compression.SCRIPTS}plotly/plotly.min.js"
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is compressed, each time."""
    found: list[bytes] = []
    compress = flask_compress._compress_data

    def noted(app: Flask, data: bytes, algorithm: str) -> bytes:
        found.append(data)
        return compress(app, data, algorithm)

    monkeypatch.setattr(flask_compress, "_compress_data", noted)
    return found


@pytest.fixture
def client() -> FlaskClient:
    server = Flask("test")
    compression.register(server)

    def answer(path: str) -> Response:
        text = f"{path} {request.query_string.decode()} ".encode() * 100
        return Response(text[:600] if "Range" in request.headers else text, mimetype="text/javascript")

    server.add_url_rule("/<path:path>", "answer", answer)
    return server.test_client()


def test_a_script_is_compressed_once(client: FlaskClient, compressed: list[bytes]) -> None:
    bodies = [client.get(SCRIPT, headers=GZIP).data for _ in range(5)]
    assert len(compressed) == 1
    assert {gzip.decompress(body) for body in bodies} == {compressed[0]}
    assert client.get(SCRIPT).data == compressed[0], "and not at all where it is not wanted so"
    assert gzip.decompress(client.get(f"{SCRIPT}?v=2", headers=GZIP).data) != compressed[0]


def test_other_answers_are_compressed_each_time(client: FlaskClient, compressed: list[bytes]) -> None:
    for query in ("a", "b"):
        assert gzip.decompress(client.get(f"/page?{query}", headers=GZIP).data) == compressed[-1]
    client.get("/page?b", headers=GZIP)
    assert len(compressed) == 3


def test_a_part_of_a_script_is_never_taken_for_the_whole(client: FlaskClient) -> None:
    part = gzip.decompress(client.get(SCRIPT, headers={**GZIP, "Range": "bytes=0-599"}).data)
    whole = gzip.decompress(client.get(SCRIPT, headers=GZIP).data)
    assert len(part) == 600 < len(whole)


def test_there_is_a_bound_on_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_BYTES", 100)
    scripts = compression._Scripts()
    scripts.set("gzip;/a", bytes(60))
    scripts.set("gzip;/b", bytes(60))
    assert scripts.get("gzip;/a") == bytes(60)
    assert scripts.get("gzip;/b") is None
