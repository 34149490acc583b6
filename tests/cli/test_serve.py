"""The serve command: a real server, its browser, and what it refuses."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from hmmrnn.cli import serve
from hmmrnn.server import web
from hmmrnn.server.settings import Settings
from tests.cli.shell import ROOT, refusal
from tests.programs import PATIENCE_SECONDS, free_port, start_program

APP = """
import json, os

def create(settings):
    def server(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        told = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
        return [json.dumps({**told, "models": str(settings.models), "folder": os.getcwd()}).encode()]
    return server
"""


class TestServe:
    @pytest.fixture
    def root(self, tmp_path) -> Path:
        """A stand-in for the repository, with an app that starts at once and answers everything."""
        (tmp_path / "app.py").write_text(APP)
        (tmp_path / "models").mkdir()
        return tmp_path

    def start(self, root: Path, *argv: str, **environment: str) -> subprocess.Popen[str]:
        code = (
            "import sys, app, hmmrnn.cli.serve as serve; from hmmrnn import cli; serve.create = app.create;"
            "sys.exit(cli.main())"
        )
        told = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "3", "HMMRNN_DATA": str(root / "data")}
        env = {**os.environ, **told, **environment}
        env.pop("OPENBLAS_NUM_THREADS", None)
        command, pipes = (
            [sys.executable, "-c", code, "serve", *argv],
            {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
        )
        return start_program(command, cwd=root, text=True, env=env, **pipes)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_serves_until_told_to_stop(self, root, number, monkeypatch) -> None:
        port = free_port()
        opened: list[str] = []
        monkeypatch.setattr(serve.webbrowser, "open", lambda url: bool(opened.append(url)) or True)
        started = self.start(root, "--port", str(port), "--models", str(root / "models"))
        with ExitStack() as slow, started as process:
            url = f"http://127.0.0.1:{port}/"
            try:
                assert serve.open_when_healthy(url, os.getppid(), patience=PATIENCE_SECONDS)
                assert opened == [url]
                # Clients that never send the rest hold up nobody, and not the end either.
                for _ in range(40):
                    slow.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(b"GET / HTTP/1.1\r\n")
                with serve.urllib.request.urlopen(url) as answer:
                    told = json.load(answer)
            finally:
                process.send_signal(number)
                out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert out == f"serving {url} on 127.0.0.1:{port}; Ctrl-C stops it\n"
        # On a busy machine a worker that is still importing is ended the hard way, and gunicorn says so.
        assert all("was sent SIGKILL" in line for line in err.splitlines())
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "3"}
        assert told == {**threads, "models": str(root / "models"), "folder": str(root)}
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))

    @pytest.mark.parametrize("command", ["serve", "worker"])
    def test_a_data_folder_that_cannot_be_written_to_is_said(self, capsys, tmp_path, monkeypatch, command) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("HMMRNN_DATA", str(tmp_path / "file"))
        argv = ["serve", "--port", str(free_port())] if command == "serve" else ["worker"]
        assert "cannot be written to (File exists); name another with HMMRNN_DATA" in refusal(capsys, *argv)

    def test_opens_the_browser(self, root) -> None:
        os.mkfifo(root / "opened")
        browser = root / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {root}/opened\n')
        browser.chmod(0o700)
        port = free_port()
        opened = os.open(root / "opened", os.O_RDONLY | os.O_NONBLOCK)
        argv = ("--open", "--port", str(port), "--models", str(root / "models"))
        with self.start(root, *argv, BROWSER=f"{browser} %s") as process:
            try:
                ready, _, _ = select.select([opened], [], [], PATIENCE_SECONDS)
                assert ready
                assert os.read(opened, 100).decode() == f"http://127.0.0.1:{port}/\n"
            finally:
                os.close(opened)
                process.terminate()
                process.communicate(timeout=PATIENCE_SECONDS)

    def test_port_in_use(self, capsys, root) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            sentence = refusal(capsys, "serve", "--port", port, "--models", root)
        assert f"port {port} on 127.0.0.1 is in use" in sentence

    def test_host_that_is_not_ours(self, capsys, root) -> None:
        # 192.0.2.0/24 is set aside for documentation: no machine has such an address.
        sentence = refusal(capsys, "serve", "--host", "192.0.2.1", "--models", root)
        assert "cannot listen on 192.0.2.1:8050" in sentence

    def test_no_folder_of_networks(self, capsys, root, monkeypatch) -> None:
        monkeypatch.setenv("HMMRNN_MODELS", str(root / "nowhere"))
        assert f"networks {root}/nowhere does not exist; name another with --models" in refusal(capsys, "serve")

    def test_gives_up_on_a_server_that_never_answers(self, monkeypatch) -> None:
        monkeypatch.setattr(serve.webbrowser, "open", lambda url: pytest.fail("opened a page that is not served"))
        assert not serve.open_when_healthy(f"http://127.0.0.1:{free_port()}/", os.getppid(), patience=0.2)

    def test_gives_up_without_the_server(self, monkeypatch) -> None:
        monkeypatch.setattr(serve, "_healthy", lambda url: pytest.fail("asked for a server that is gone"))
        assert not serve.open_when_healthy("http://127.0.0.1:1/", os.getpid())

    @pytest.mark.parametrize(("host", "bind", "url"), [
        ("127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:80/"), ("0.0.0.0", "0.0.0.0:80", "http://127.0.0.1:80/"),
        ("::1", "[::1]:80", "http://[::1]:80/"), ("::", "[::]:80", "http://[::1]:80/"),
        ("lab.example", "lab.example:80", "http://lab.example:80/"),
    ])  # fmt: skip
    def test_addresses(self, host, bind, url) -> None:
        assert web.options(Settings(host=host, port=80), workers=2)["bind"] == bind
        assert serve._url(host, 80) == url
