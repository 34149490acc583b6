"""Whatever is sent to the server: it answers in words, soon, and touches no file that is none of its own.

The number of cases is HMMRNN_CASES, their seed HMMRNN_SEED; `make faults` asks for many more than `make test`.
"""

from __future__ import annotations

import copy
import io
import json
import logging
import math
import os
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest
import torch
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from hmmrnn import load, save
from hmmrnn.dashboard import door, files, folders, queue, stores, users
from hmmrnn.dashboard.application import create_app
from hmmrnn.dashboard.callbacks import network
from hmmrnn.dashboard.conversion import Limits, convert
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.hmm import HMM
from hmmrnn.network import Intervention
from tests.networks import random_network
from tests.programs import noted
from tests.wire import payload

pytest_plugins = ["tests.fixtures_dashboard"]

CASES = int(os.environ.get("HMMRNN_CASES", "1500"))
SEED = int(os.environ.get("HMMRNN_SEED", "0"))
# Of a hundred cases, so many are callbacks, addresses and forms of the sign-in page.
SHARES = {"callbacks": 60, "addresses": 35, "sign-in": 5}
FILES = max(40, CASES // 24)
HANGS_SECONDS = 5.0
# Part of every path that leads astray: no file with this in its name may ever be opened.
ASTRAY = "led-astray"
TRACES = ("Traceback (most recent call last)", 'File "/')
OPENED_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGING = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")


def of_seed(cases: int) -> Any:
    """So many examples, the same ones for each seed."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    limits = settings(max_examples=cases, derandomize=False, database=None, deadline=None, suppress_health_check=checks)
    return lambda test: seed(SEED)(limits(test))


# ---- junk ----

NUMBERS = (
    0,
    -1,
    1,
    2,
    3,
    11,
    12,
    50,
    51,
    2**31,
    2**63,
    -(2**70),
    10**400,
    0.5,
    -0.0,
    1e-320,
    1e308,
    math.inf,
    math.nan,
)
WORDS = (
    *("", " ", "linear-2", "anonymous", "growing", "mislabelled", "nowhere", "LINEAR-2", "0", "-1", "1e999", "nan"),
    *(
        "null",
        "light",
        "dark",
        "unit",
        "train",
        "cancel",
        "explore",
        "0123456789ab",
        "0-1",
        "a\x00b",
        "\ud83d\ude00",
        "ß" * 300,
    ),
    *(f"../../{ASTRAY}", f"/etc/{ASTRAY}", f"..\\{ASTRAY}", f"%2e%2e%2f{ASTRAY}", f"{ASTRAY}\x00.safetensors"),
    *("<script>alert(1)</script>", "{{7*7}}", "'; DROP TABLE kv; --", "__class__", "x" * 5000, "\r\nX-Injected: 1"),
)
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(WORDS),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
HEADERS = ("Cookie", "X-Request-ID", "If-None-Match", "Range", "Accept-Encoding", "Content-Type")
junk = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS[:6]) | st.text(max_size=8), inner)
    ),
    max_leaves=12,
)


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


@st.composite
def spoilt(draw: st.DrawFn, good: Any) -> Any:
    """A value as a page sends it, with one to three of its parts replaced, left out, doubled or added."""
    found = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        found = _spoilt_once(draw, found)
    return found


def _spoilt_once(draw: st.DrawFn, found: Any) -> Any:
    parts = list(_parts(found))
    if not parts:
        return draw(junk)
    holder, key = draw(st.sampled_from(parts))
    how = draw(st.sampled_from(("replaced", "replaced", "left out", "added", "doubled")))
    if how == "replaced":
        holder[key] = draw(junk)
    elif how == "left out":
        del holder[key]
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(WORDS) | st.text(max_size=8))] = draw(junk)
    elif how == "doubled":
        holder += holder[: 50 // len(holder)]
    else:
        holder.insert(draw(st.integers(0, len(holder))), draw(junk))
    return found


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place within a value, as the list or mapping and the key in it."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _parts(value[key])


# ---- what a page sends ----

LINK = Scenario(
    "linear-2",
    steps=60,
    trajectories=2,
    interventions=(Intervention((3,)), Intervention((5, 6), 0.5, "recurrent")),
    pair=(0, 1),
    area=(0.0, 0.0, 4.0, 0.0, 4.0, 4.0),
    span=(5, 40),
    picked=2,
)
PARAMETERS = [list(pair) for pair in (part.split("=") for part in LINK.to_query().split("&"))]


def page_values() -> dict[str, Any]:
    """What a page sends as the value of each component that a callback of the server reads."""
    scenario = Scenario("linear-2", steps=60, trajectories=2, interventions=LINK.interventions).to_dict()
    form = {"states": 2, "outputs": 3, "recipe": "fast", "neurons": 8, "inputs": 4, "seed": 1, "steps": 3}
    hmm = HMM.preset("linear-2").to_dict()
    form |= {"A": hmm["A"], "B": hmm["B"], "family": "linear-2"}
    inquiry = {"scenario": scenario, "turn": 1, "leave": ["0" * 24], "wanted": True, "anew": True}
    watching = {"turn": 1, "theme": "dark", "seen": {"list": 1}}
    sweep = {**watching, "sweep": "", "measure": "transition_error", "across": "N"}
    return {
        **dict.fromkeys(("scenario", "settled", "intervention-list"), scenario),
        **dict.fromkeys((f"{view}-asked" for view in ("activity", "readout", "spectrum", "fidelity")), scenario),
        **dict.fromkeys(
            (f"{view}-asked" for view in ("kick-proof", "gain-sweep", "noise", "emergence", "report")), inquiry
        ),
        **{"theme": "light", "kick": network.kick_store("linear-2"), "link-in": f"?{LINK.to_query()}"},
        **{"open-model": "linear-2", "connectivity-answered": "linear-2"},
        **{"search-model": {"model": "linear-2", "turn": 1, "leave": []}, "train-form": form},
        **{"wish": {"turn": 1, "do": "cancel", "of": "0123456789ab"}, "job-asked": {**watching, "job": ""}},
        "sweep-asked": sweep,
    }


# ---- what must hold ----


@dataclass
class Files:
    """What this process opens and changes while it is watched.

    Attributes:
        own: folders that it may write to.
        faults: what it did that it must not.
    """

    own: tuple[Path, ...]
    faults: list[str] = field(default_factory=list)
    watching: bool = False

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit hook, which can never be taken away again."""
        if not self.watching or event not in ("open", "sqlite3.connect", "os.listdir", "os.scandir", *CHANGING):
            return
        # A file that is open already has a number and no path.
        named = args[:2] if event in CHANGING else args[:1]
        paths = [str(os.fsdecode(arg)) for arg in named if isinstance(arg, str | bytes | os.PathLike)]
        writes = event in CHANGING or (event == "open" and bool(args[2] & OPENED_TO_WRITE))
        for path in paths:
            inside = any(Path(os.path.abspath(path)).is_relative_to(folder) for folder in self.own)
            if ASTRAY in path or (writes and not inside and not path.endswith((".pyc", os.devnull))):
                self.faults.append(f"{event} {path}")

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.watching = True
        try:
            yield
        finally:
            self.watching = False
        assert self.faults == []


@pytest.fixture(scope="module")
def hearing() -> list[Files]:
    """Whoever hears of files now; the hook itself stays for good."""
    heard: list[Files] = []
    sys.addaudithook(lambda event, args: heard[0].hear(event, args) if heard else None)
    return heard


@pytest.fixture
def touched(dashboard, tmp_path, monkeypatch, hearing: list[Files]) -> Iterator[Files]:
    """The dashboard over its shelf, with the files watched that it opens."""
    monkeypatch.setattr(queue, "errand", _no_worker)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    watch = Files((stores.folder(), folders.data(), temporary))
    hearing.append(watch)
    yield watch
    hearing.clear()


def _no_worker(*_: Any) -> None:
    raise queue.NoWorkerError("no worker is running; start one with python -m hmmrnn worker")


def answered(client: FlaskClient, touched: Files, caplog: pytest.LogCaptureFixture, **asked: Any) -> TestResponse:
    """Ask, and see to it that the answer is one that anybody may be given."""
    caplog.clear()
    began = time.monotonic()
    with touched.watched():
        answer = client.open(**asked)
    text = answer.get_data().decode("utf-8", "replace")
    seconds = time.monotonic() - began
    answer.close()
    told = f"{asked.get('method')} {asked.get('path')} {str(asked.get('data'))[:2000]}: {answer.status} {text[:300]}"
    assert answer.status_code < 500 or answer.status_code == 503, told
    assert seconds < HANGS_SECONDS, f"{seconds:.1f} s: {told}"
    assert not any(trace in text for trace in TRACES), told
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not faults, f"{told}\n{faults[0].getMessage()}: {faults[0].exc_info and faults[0].exc_info[1]!r}"
    return answer


def asked_of(client: FlaskClient, touched: Files, caplog: pytest.LogCaptureFixture, body: bytes) -> TestResponse:
    """What is answered to a question of the page."""
    sent = {"data": body, "content_type": "application/json"}
    return answered(client, touched, caplog, method="POST", path="/_dash-update-component", **sent)


class TestCallbacks:
    def test_whatever_a_page_sends_is_answered(self, touched: Files, caplog: pytest.LogCaptureFixture) -> None:
        client = create_app().server.test_client()
        known = [item for item in client.get("/_dash-dependencies").get_json() if not item["clientside_function"]]
        assert len(known) >= 24
        good = [payload(callback, page_values()) for callback in known]
        for body in good:
            # The control: as a page sends it, it is answered; and what takes long has been computed before.
            assert client.post("/_dash-update-component", json=body).status_code in (200, 204)

        statuses: list[int] = []

        @of_seed(CASES * SHARES["callbacks"] // 100)
        @given(st.data())
        def ask(data: st.DataObject) -> None:
            body = copy.deepcopy(data.draw(st.sampled_from(good)))
            if data.draw(st.integers(0, 4)):
                wire = data.draw(st.sampled_from([*body["inputs"], *body["state"]]))
                wire["value"] = data.draw(st.one_of(spoilt(wire["value"]), spoilt(wire["value"]), junk))
            else:
                body = data.draw(spoilt(body))
            sent = json.dumps(body)
            statuses.append(asked_of(client, touched, caplog, sent.encode()).status_code)

        ask()
        # Not all is turned away at the door: what gets past it must be judged where it is used.
        assert statuses.count(200) > len(statuses) // 5
        noted("callbacks: answered, refused at the door", [statuses.count(200), statuses.count(400)])

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"5", b"null", b'"text"', b"\xff\xfe", b'{"output": null}', b'{"output": ["a"]}', b"{}"],
    )
    def test_what_is_no_question_is_refused(
        self, touched: Files, caplog: pytest.LogCaptureFixture, body: bytes
    ) -> None:
        client = create_app().server.test_client()
        assert asked_of(client, touched, caplog, body).status_code == 400

    @pytest.mark.parametrize("depth", [100, 900, 5000, 200_000])
    def test_nesting_without_end(self, touched: Files, caplog: pytest.LogCaptureFixture, depth: int) -> None:
        client = create_app().server.test_client()
        deep = b"[" * depth + b"]" * depth
        for body in (deep, b'{"output": "opened.data", "inputs": ' + deep + b"}"):
            assert asked_of(client, touched, caplog, body).status_code == 400
        sent = {"data": deep, "headers": {"X-Requested-With": "test"}}
        assert "refused" in answered(client, touched, caplog, method="POST", path="/session", **sent).get_json()

    def test_more_than_any_page_asks(self, touched: Files, caplog: pytest.LogCaptureFixture) -> None:
        client = create_app().server.test_client()
        body = b'{"output": "' + b"x" * door.MAX_BYTES + b'"}'
        answer = asked_of(client, touched, caplog, body)
        assert answer.status_code == 413
        assert answer.get_json()["refused"].startswith("A question must have at most 4,000,000 bytes; got more")


def addresses(rules: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A request of an address of the server, with junk in its path, link, headers and body."""
    word = st.one_of(st.sampled_from(WORDS), st.text(max_size=30), st.just("0" * 64), st.just("linear-2"))
    links = st.one_of(spoilt(PARAMETERS), spoilt(PARAMETERS), st.just(PARAMETERS), st.lists(st.lists(word)))

    @st.composite
    def request(draw: st.DrawFn) -> dict[str, Any]:
        rule = draw(st.sampled_from(rules))
        path = "".join(part if not dynamic else draw(word) or "x" for dynamic, part in rule._trace).partition("|")[2]
        usual = sorted(set(rule.methods) - {"HEAD", "OPTIONS"})
        method = draw(st.sampled_from([*usual * 4, "HEAD", "OPTIONS", "POST", "PUT", "DELETE"]))
        headers = {"X-Requested-With": "test"} if draw(st.booleans()) else {}
        for name in draw(
            st.lists(st.sampled_from(("Cookie", "X-Request-ID", "If-None-Match", "Range", "Accept-Encoding")))
        ):
            headers[name] = quote(draw(word), safe=" =,;/", errors="replace")
        body = draw(st.one_of(st.binary(max_size=200), junk.map(lambda value: json.dumps(value).encode())))
        sends = {"data": body} if method in ("POST", "PUT") else {}
        return {"method": method, "path": quoted(path), "query_string": query(draw(links)), "headers": headers, **sends}

    return request()


def quoted(path: str) -> str:
    return quote(path, safe="/%", errors="replace")


def query(link: Any) -> str:
    """A link of names and values, whatever these are, as it is sent."""
    pairs = [item if isinstance(item, list) and len(item) == 2 else [item, item] for item in link]
    return urlencode([(written(name), written(value)) for name, value in pairs], errors="replace")


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class TestAddresses:
    def test_whatever_is_asked_for_is_answered(self, touched: Files, caplog: pytest.LogCaptureFixture) -> None:
        app = create_app()
        client = app.server.test_client()
        rules = list(app.server.url_map.iter_rules())
        own = ("/moments", "/contrast", "/run.npz", "/run.npz/check", "/code", "/live", "/live/backdrop", "/live/page")
        for path in own:
            # The control, and what takes long has been computed before.
            found = answered(client, touched, caplog, method="GET", path=path, query_string=LINK.to_query())
            assert found.status_code == 200

        @of_seed(CASES * SHARES["addresses"] // 100)
        @given(addresses(rules))
        def ask(asked: dict[str, Any]) -> None:
            answered(client, touched, caplog, **asked)

        ask()


class TestSignIn:
    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        users.add(tmp_path / "users", "ada", "correct horse")
        monkeypatch.setenv(users.VARIABLE, str(tmp_path / "users"))

    @pytest.mark.usefixtures("file")
    def test_whoever_is_not_signed_in_gets_nothing(self, touched: Files, caplog: pytest.LogCaptureFixture) -> None:
        app = create_app()
        client = app.server.test_client()
        rules = list(app.server.url_map.iter_rules())
        opened = ("/healthz", "/readyz", "/metrics", "/sign-in", "/sign-out", "/assets/sign-in/")
        form = st.dictionaries(
            st.sampled_from(("name", "password", "csrf_token", "next")) | st.text(max_size=5), st.text()
        )

        @of_seed(CASES * SHARES["sign-in"] // 100)
        @given(addresses(rules), form)
        def ask(asked: dict[str, Any], filled: dict[str, str]) -> None:
            if asked["path"] == "/sign-in" and asked["method"] == "POST":
                asked["data"] = filled
            answer = answered(client, touched, caplog, **asked)
            if not asked["path"].startswith(opened):
                assert answer.status_code in (302, 401, 404, 405, 308), answer.status

        ask()


# ---- files ----


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
    """Files that were networks, sent and checked as a worker does it, every one or every fourth in its own process."""

    @pytest.fixture
    def client(self, touched: Files, tmp_path: Path) -> FlaskClient:
        return create_app().server.test_client()

    @pytest.mark.parametrize("kind", ["safetensors", "pth"])
    def test_each_is_a_network_or_refused_in_a_sentence(
        self,
        client: FlaskClient,
        touched: Files,
        caplog: pytest.LogCaptureFixture,
        tmp_path: Path,
        monkeypatch,
        kind: str,
    ) -> None:
        chance = random.Random(f"{kind} {SEED}")
        good = safetensors_bytes(tmp_path) if kind == "safetensors" else torch_bytes()
        deeper = damaged_header if kind == "safetensors" else damaged_within
        with monkeypatch.context() as patch:
            for number in range(FILES // 2):
                # A process of its own for each takes a second or two.
                patch.setattr(files, "convert", convert if CASES > 5000 or number % 4 == 0 else read_here)
                data = (deeper if chance.random() < 0.5 else damaged)(good, chance)
                self.judged(client, touched, caplog, f"net {number}.{kind}", data)

    def judged(
        self, client: FlaskClient, touched: Files, caplog: pytest.LogCaptureFixture, name: str, data: bytes
    ) -> None:
        sent = answered(
            client, touched, caplog, method="POST", path="/files", query_string={"name": name}, data=data,
            headers={"X-Requested-With": "test"},
        )  # fmt: skip
        began = time.monotonic()
        errands = queue.queue(queue.ERRANDS)
        while (task := errands.dequeue()) is not None:
            errands.execute(task)
        assert time.monotonic() - began < files.LIMITS.seconds + HANGS_SECONDS
        assert list(folders.incoming().iterdir()) == []
        found = files.outcome(sent.get_json()["file"])
        if found["state"] == files.REFUSED:
            assert found["sentence"].startswith(name)
            assert "could not be read within" not in found["sentence"], f"{found} {data[:300]!r}"
            assert str(folders.data()) not in found["sentence"]
            assert not any(trace in found["sentence"] for trace in TRACES)
        for path in folders.networks().glob("*.safetensors"):
            network = load(path)
            assert all(np.isfinite(array).all() for array in (network.W_hh, network.W_ih, network.W_out))
            path.unlink()


def read_here(source: Path, destination: Path, _: Limits) -> None:
    save(load(source), destination)
