"""Files of networks with bytes changed, cut or put in are networks or are refused in a sentence, soon."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from flask.testing import FlaskClient

from hmmrnn import load, save
from hmmrnn.server import uploads
from hmmrnn.server.services import services
from hmmrnn.storage.sandboxed_import import Limits, convert
from hmmrnn.tasks import queue
from tests.bad_input import ASTRAY, CASES, SEED, TRACES, Files, answered
from tests.networks import random_network

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_bad_input"]

FILES = max(40, CASES // 24)


def safetensors_bytes(tmp_path: Path) -> bytes:
    path = tmp_path / "good.safetensors"
    save(random_network(12, 4, 3, bias=True), path)
    return path.read_bytes()


def torch_bytes() -> bytes:
    network, file = random_network(12, 4, 3), io.BytesIO()
    tensors = {"rnn.weight_ih_l0": network.W_ih, "rnn.weight_hh_l0": network.W_hh, "fc.weight": network.W_out}
    torch.save({name: torch.tensor(array) for name, array in tensors.items()}, file)
    return file.getvalue()


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some of them changed, cut off, put in, left out or repeated."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        at, length = chance.randrange(len(found) or 1), chance.choice((1, 1, 4, 100))
        match chance.choice(("flip", "set", "set", "cut", "insert", "remove", "repeat")):
            case "flip":
                found[at : at + 1] = bytes([found[at] ^ (1 << chance.randrange(8))]) if found else b""
            case "set":
                found[at : at + length] = chance.choice((b"\x00", b"\xff", chance.randbytes(1))) * length
            case "cut" if chance.random() < 0.2:
                del found[at:]
            case "insert":
                found[at:at] = chance.randbytes(length)
            case "remove":
                del found[at : at + length]
            case "repeat":
                found[at:at] = found[at : at + length]
    return bytes(found)


def damaged_within(data: bytes, chance: random.Random) -> bytes:
    """A torch file whose archive is whole, and one part in it damaged."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w") as target:
        names = source.namelist()
        # The pickle, mostly: the others are numbers.
        spoilt_one = chance.choice([*[name for name in names if name.endswith("data.pkl")] * 4, *names])
        for name in names:
            content = source.read(name)
            target.writestr(name, damaged(content, chance) if name == spoilt_one else content)
    return made.getvalue()


def damaged_header(data: bytes, chance: random.Random) -> bytes:
    """A safetensors file whose header is JSON, with one entry that lies."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    name = chance.choice([name for name in header if name != "__metadata__"])
    match chance.choice(("shape", "dtype", "offsets", "gone", "metadata", "name")):
        case "shape":
            header[name]["shape"] = chance.choice(([], [0, 0], [2**40, 2**40], [-1, 4], [12], [1] * 80, "12", [1.5]))
        case "dtype":
            header[name]["dtype"] = chance.choice(("F16", "BF16", "I64", "BOOL", "F8_E4M3", "X", None, 7))
        case "offsets":
            header[name]["data_offsets"] = chance.choice(([0, 0], [0, 2**62], [-8, 8], [8, 0], [1], None, ["a", "b"]))
        case "gone":
            del header[name]
        case "metadata":
            header["__metadata__"] = chance.choice(({"family": "x" * 10**6}, {"a": 1}, [], {"hmm": "{" * 9000}, "x"))
        case "name":
            header[chance.choice((f"../{ASTRAY}", "x" * 10**4, "", "fc.weight\x00"))] = header.pop(name)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


class TestDamagedFiles:
    """Files that were networks, sent and checked as a worker does it, every one or every eighth in its own process."""

    @pytest.mark.parametrize("kind", ["safetensors", "pth"])
    def test_each_is_a_network_or_refused_in_a_sentence(self, client, touched, caplog, tmp_path, monkeypatch, kind):
        chance = random.Random(f"{kind} {SEED}")
        good = safetensors_bytes(tmp_path) if kind == "safetensors" else torch_bytes()
        deeper = damaged_header if kind == "safetensors" else damaged_within
        with monkeypatch.context() as patch:
            for number in range(FILES // 2):
                # A process of its own for each takes a second or two.
                patch.setattr(services().uploads, "_convert", convert if CASES > 5000 or number % 8 == 0 else read_here)
                data = (deeper if chance.random() < 0.5 else damaged)(good, chance)
                self.judged(client, touched, caplog, f"net {number}.{kind}", data)

    def judged(self, client: FlaskClient, touched: Files, caplog, name: str, data: bytes) -> None:
        file = {"query_string": {"name": name}, "data": data, "headers": {"X-Requested-With": "test"}}
        sent = answered(client, touched, caplog, method="POST", path="/files", **file)
        for lane in services().queues.lanes(queue.SHORT_TASKS):
            while (task := lane.dequeue()) is not None:
                lane.execute(task)
        assert list(services().data.incoming.iterdir()) == []
        found = services().uploads.outcome(sent.get_json()["file"])
        if found["state"] == uploads.REFUSED:
            assert found["sentence"].startswith(name)
            assert "could not be read within" not in found["sentence"], f"{found} {data[:300]!r}"
            assert str(services().data.path) not in found["sentence"]
            assert not any(trace in found["sentence"] for trace in TRACES)
        for path in services().data.networks.glob("*.safetensors"):
            network = load(path)
            assert all(np.isfinite(array).all() for array in (network.W_hh, network.W_ih, network.W_out))
            path.unlink()


def read_here(source: Path, destination: Path, _: Limits) -> None:
    save(load(source), destination)
