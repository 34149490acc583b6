"""What the tests of files bring: how it is sent, checked and looked at."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from flask.testing import FlaskClient
from safetensors.numpy import save_file
from werkzeug.test import TestResponse

from hmmrnn.model.metadata import mark_of
from hmmrnn.model.network import Network
from hmmrnn.server.services import services
from hmmrnn.tasks import queue

OWN_PAGE = {"X-Requested-With": "test"}
WEIGHTS = ("W_hh", "W_ih", "W_out", "b_h", "b_out")
# Who brought what the client sends.
MINE = {"brought_by": mark_of("at 127.0.0.1")}
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 119000\n"
# A PNG of one pixel begins like this.
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)


def send(client: FlaskClient, name: str, data: bytes) -> TestResponse:
    return client.post("/files", query_string={"name": name}, data=data, headers=OWN_PAGE)


def stream(
    client: FlaskClient, name: str, body: io.RawIOBase, length: int | None, terminated: bool = True
) -> TestResponse:
    """Send what comes out of a stream.

    Args:
        length: what the request says of its length; in chunks if None.
        terminated: whether the server sees to the end of the stream itself, as gunicorn does.
    """
    said = {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": str(length)}
    flag = {"wsgi.input_terminated": True} if terminated else {}
    overrides = {"wsgi.input": body, **said, **flag}
    return client.post("/files", query_string={"name": name}, headers=OWN_PAGE, environ_overrides=overrides)


def work() -> int:
    """Do everything that waits, as a worker does; returns how much that was."""
    done = 0
    for lane in services().queues.lanes(queue.SHORT_TASKS):
        while (task := lane.dequeue()) is not None:
            lane.execute(task)
            done += 1
    return done


def opened(client: FlaskClient, name: str, data: bytes) -> dict[str, Any]:
    """Send a file, have it checked, and return what has become of it."""
    sent = send(client, name, data)
    assert sent.status_code == 202, sent.text
    work()
    assert incoming() == []
    return client.get(f"/files/{sent.json['file']}").json


def refusal(client: FlaskClient, name: str, data: bytes) -> str:
    """The sentence with which a file is refused; nothing of it may stay."""
    found = opened(client, name, data)
    assert set(found) == {"state", "sentence"}
    assert found["state"] == "refused"
    assert services().models.entries() == ()
    assert found["sentence"].startswith(name)
    assert found["sentence"].endswith(".")
    assert found["sentence"].count("\n") == 0
    assert str(services().data.path) not in found["sentence"]
    return found["sentence"]


def incoming() -> list[str]:
    return [path.name for path in services().data.incoming.iterdir()]


def tensors(network: Network, bias: bool = False) -> dict[str, np.ndarray]:
    named = {"rnn.weight_ih_l0": network.W_ih, "rnn.weight_hh_l0": network.W_hh, "fc.weight": network.W_out}
    if bias:
        named |= {"rnn.bias_ih_l0": 0.25 * network.b_h, "rnn.bias_hh_l0": 0.75 * network.b_h, "fc.bias": network.b_out}
    return {name: np.ascontiguousarray(array) for name, array in named.items()}


def pth(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def state(network: Network, bias: bool = False, prefix: str = "") -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": torch.tensor(array) for name, array in tensors(network, bias).items()}


def safetensors(arrays: dict[str, np.ndarray], tmp_path: Path, **metadata: str) -> bytes:
    path = tmp_path / "made.safetensors"
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata or None)
    return path.read_bytes()


def equal(one: Network, two: Network) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in WEIGHTS)
