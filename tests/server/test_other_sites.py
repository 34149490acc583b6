"""What a page of another site gets from this server in a visitor's browser: nothing but visits."""

from __future__ import annotations

import socket

import pytest
from flask import Flask, request

from hmmrnn.server import other_sites
from hmmrnn.server.settings import Settings

VISIT = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PICTURE = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
FRAME = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@pytest.fixture
def settings() -> Settings:
    return Settings(hosts="lab.example, .group.example")


@pytest.fixture
def client(settings):
    server = Flask("tests")
    other_sites.register(server, settings)
    for path in ("/", "/healthz"):
        server.add_url_rule(path, path[1:] or "page", lambda: "answered", methods=["GET", "POST"])
    return server.test_client()


def asked(client, method="GET", host="localhost:8050", path="/"):
    return client.open(path, method=method, headers={"Host": host})


@pytest.mark.parametrize("host", [
    "localhost", "localhost:8050", "app.localhost:8050", "127.0.0.1:8050", "192.168.1.20:8050", "[::1]:8050",
    f"{socket.gethostname()}:8050", f"{socket.gethostname().partition('.')[0]}.local:8050",
    "lab.example", "LAB.example:8050", "rnn.group.example",
])  # fmt: skip
def test_names_of_this_server_are_answered(client, host) -> None:
    assert asked(client, host=host).status_code == 200


@pytest.mark.parametrize("host", [
    "evil.example:8050", "127.0.0.1.evil.example", "localhost.evil.example", "notlab.example",
    f"{socket.gethostname()}.evil.example", "x" * 500, "]:1",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_names_are_refused_in_a_sentence_that_says_what_to_do(client, host, method) -> None:
    answer = asked(client, method, host)
    assert answer.status_code == 421
    assert "HMMRNN_HOSTS" in answer.text
    assert len(answer.text) < 600


def test_programs_that_watch_the_server_use_any_name(client) -> None:
    assert asked(client, host="web:8050", path="/healthz").status_code == 200


@pytest.mark.parametrize(("method", "headers", "status"), [
    # As browsers say it on https and on this machine.
    ("GET", {"Sec-Fetch-Site": "cross-site", **VISIT}, 200),
    ("GET", {"Sec-Fetch-Site": "none", **VISIT}, 200),
    ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
    ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "http://rewritten.example"}, 200),
    ("GET", {"Sec-Fetch-Site": "cross-site", **PICTURE}, 403),
    ("GET", {"Sec-Fetch-Site": "same-site", **PICTURE}, 403),
    ("GET", {"Sec-Fetch-Site": "cross-site", **FRAME}, 403),
    ("POST", {"Sec-Fetch-Site": "cross-site", **VISIT}, 403),
    ("POST", {"Sec-Fetch-Site": "same-site", **VISIT}, 403),
    # As they say it elsewhere.
    ("POST", {"Origin": "http://localhost:8050"}, 200),
    ("POST", {"Origin": "https://lab.example"}, 200),
    ("POST", {"Origin": "http://localhost:3000"}, 403),
    ("POST", {"Origin": "null"}, 403),
    ("GET", {"Referer": "http://localhost:8050/dynamics"}, 200),
    ("GET", {"Referer": "http://evil.example/", "Accept": "text/html,*/*;q=0.8"}, 200),
    ("GET", {"Referer": "http://evil.example/", "Accept": "image/avif,image/*;q=0.8"}, 403),
    # A program, not a browser.
    ("POST", {}, 200),
])  # fmt: skip
def test_who_asks(client, method, headers, status) -> None:
    answer = client.open("/", method=method, headers={"Host": "localhost:8050", **headers})
    assert answer.status_code == status
    assert status == 200 or "another site" in answer.text


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.9"), (1, "10.0.0.2"), (2, "10.0.0.1")])
def test_only_so_many_proxies_are_believed(proxies, address) -> None:
    server = Flask("tests")
    other_sites.register(server, Settings(proxies=proxies))
    server.add_url_rule("/", "page", lambda: str(request.remote_addr))
    headers = {"X-Forwarded-For": "10.0.0.1, 10.0.0.2"}
    answer = server.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert answer.text == address
