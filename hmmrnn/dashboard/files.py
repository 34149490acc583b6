"""How does anybody's own network get onto the shelf? Sent, checked by a worker, and kept under the hash of its content.

    POST /files?name=lin2.pth   the bytes of the file          -> 202 {"file": digest}
    GET  /files/<digest>        -> {"state": "checking" | "ready" | "refused", "model", "choices", "sentence"}

The web process only counts the bytes and writes them down. Whether they are a network is found out by a worker, in a
process of its own (conversion.py). What passes lies with the other networks, where every web process finds it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import IO, Any

from filelock import FileLock
from flask import Flask, Request, jsonify, request
from flask.typing import ResponseReturnValue

from hmmrnn.checkpoint import CheckpointError, load, read_metadata, save
from hmmrnn.dashboard import folders, queue
from hmmrnn.dashboard.conversion import MIB, Limits, convert

MAX_BYTES = 20_000_000
MAX_INCOMING = 50
PIECE_BYTES = 64 * 1024
# Every page reads the metadata of every network.
MAX_METADATA = 64 * 1024
# Numbers of two bytes are stored in four.
LIMITS = Limits(seconds=40, memory=2048 * MIB, stored=64 * MIB)
# Whatever is not finished by then was left by a process that is gone.
LEFT_AFTER_SECONDS = 3600.0

CHECKING, READY, REFUSED = "checking", "ready", "refused"
OPENED_AS, OPENED_SHA256 = "opened_as", "opened_sha256"
DIGEST = re.compile(r"[0-9a-f]{64}")

# Characters of the hash in a network's name; more of them only if another network has the first ones too.
_HASH_LENGTHS = (8, 16, 32)
_MAX_STEM, _MAX_NAME = 60, 120

Choices = Callable[[], list[dict[str, str]]]


class _UploadError(ValueError):
    """Bytes that are not taken, with the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


# ---- in the web process ----


def register(server: Flask, choices: Choices) -> None:
    """Let a server take files.

    Args:
        server: the web application, before its first request.
        choices: returns the networks to open as the picker lists them.
    """

    def take() -> ResponseReturnValue:
        name = shown_name(request.args.get("name", ""))
        try:
            return jsonify(file=_taken(request, name)), 202
        except _UploadError as error:
            return jsonify(state=REFUSED, sentence=str(error)), error.status
        except (folders.NotWrittenError, queue.QueueGoneError) as error:
            return jsonify(state=REFUSED, sentence=f"{name} cannot be taken now: {error}.")

    def look(digest: str) -> ResponseReturnValue:
        if not DIGEST.fullmatch(digest):
            return jsonify(state=REFUSED, sentence="A file is asked for by the 64 hexadecimal digits of its hash."), 404
        try:
            found = outcome(digest)
        except queue.QueueGoneError as error:
            found = {"state": CHECKING, "sentence": f"Not known now: {error}."}
        if found["state"] == READY:
            found["choices"] = choices()
        return jsonify(found), {"Cache-Control": "no-store"}

    server.add_url_rule("/files", "take_file", take, methods=["POST"])
    server.add_url_rule("/files/<digest>", "look_at_file", look)


def shown_name(given: str) -> str:
    """What a file is called in sentences: its own name without folders, and fit to be read."""
    last = re.split(r"[/\\]", given)[-1]
    text = "".join(char if char.isprintable() else "?" for char in last).strip() or "unnamed"
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME // 2]}…{text[-_MAX_NAME // 2 :]}"


def outcome(digest: str) -> dict[str, Any]:
    """What has become of a file: its state, and the name of the network or the sentence that says why there is none."""
    stored = _stored(digest)
    if stored is not None:
        return {"state": READY, "model": stored.stem}
    kept = queue.look_up(_key(digest))
    if kept is None:
        return {"state": REFUSED, "sentence": "This file is not here; open it again."}
    if kept["state"] == REFUSED:
        return {"state": REFUSED, "sentence": kept["sentence"]}
    name = kept["name"]
    if not queue.present(queue.ERRANDS):
        return {"state": CHECKING, "sentence": f"No worker is running: {name} is kept and is checked when one is back."}
    overdue = queue.now() - kept["since"] > LIMITS.seconds + queue.LOST_AFTER_SECONDS
    if overdue and digest not in {waits for waits, _ in queue.waiting("check")}:
        return {"state": REFUSED, "sentence": f"The check of {name} was broken off; open it again."}
    return {"state": CHECKING}


def _taken(sent: Request, name: str) -> str:
    """Write down what is being sent, and have it checked; returns the hash of the content."""
    # A page of another site can send a form here, in the name of whoever visits it; but it cannot add a header of its
    # own without asking this server first, which never allows it.
    if "X-Requested-With" not in sent.headers:
        raise _UploadError(403, "The header X-Requested-With is missing; open the file from the dashboard's own page.")
    _check_size(name, sent.content_length or 0)
    _sweep()
    with folders.writing(), _partial() as (file, path):
        digest = _written(sent, name, file)
        if _stored(digest) is None:
            _put_checking(digest, name)
            path.replace(folders.incoming() / digest)
            # Also where it was refused before: that may have been its name, or a machine too busy to read it in time.
            queue.send("check", digest, name)
    return digest


def _check_size(name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise _UploadError(
            413,
            f"{name} has more than {MAX_BYTES:,} bytes ({MAX_BYTES // 10**6} MB); "
            f"save the state dict of the network alone.",
        )


def _sweep() -> None:
    """Make sure that there is room, after throwing away what nobody will finish."""
    waiting = {digest for digest, _ in queue.waiting("check")}
    for path in folders.incoming().iterdir():
        if path.name not in waiting and _age(path) > LEFT_AFTER_SECONDS:
            rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    there = len(list(folders.incoming().iterdir()))
    if there >= MAX_INCOMING:
        raise _UploadError(503, f"{there} files wait to be checked, which is as many as may; try again later.")


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        # A worker has just taken it.
        return 0.0


@contextmanager
def _partial() -> Iterator[tuple[IO[bytes], Path]]:
    """A new file among the incoming ones, of which nothing is left unless it is given another name."""
    path = folders.incoming() / f".{secrets.token_hex(8)}.partial"
    try:
        with path.open("xb") as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def _written(sent: Request, name: str, file: IO[bytes]) -> str:
    """Copy the body of a request piece by piece; returns its hash."""
    digest, size = hashlib.sha256(), 0
    while piece := _next_piece(sent, name):
        size += len(piece)
        _check_size(name, size)
        digest.update(piece)
        file.write(piece)
    if sent.content_length not in (None, size):
        raise _cut(name)
    file.flush()
    return digest.hexdigest()


def _next_piece(sent: Request, name: str) -> bytes:
    try:
        return sent.stream.read(PIECE_BYTES)
    except OSError as error:
        raise _cut(name) from error


def _cut(name: str) -> _UploadError:
    return _UploadError(400, f"{name} did not arrive whole; open it again.")


# ---- in the worker ----


def check(digest: str, name: str) -> None:
    """Find out whether a file that was sent is a network, and put it on the shelf if it is.

    Args:
        digest: hash of its content, under which it lies among the incoming files.
        name: what whoever sent it calls it.
    """
    with TemporaryDirectory(dir=folders.incoming(), prefix=".check-") as own:
        # The name decides only how a damaged file is spoken of; nothing else of it reaches the file system.
        suffix = ".safetensors" if name.lower().endswith(".safetensors") else ".pth"
        source = Path(own) / f"{digest}{suffix}"
        try:
            # Taken away, so that of two tasks for one file only one has something to do.
            (folders.incoming() / digest).rename(source)
        except FileNotFoundError:
            return
        _put_checking(digest, name)
        try:
            if _stored(digest) is None:
                with folders.writing():
                    _store(source, digest, name)
        except CheckpointError as error:
            words = str(error).replace(str(source), name).replace(source.name, name).rstrip(".")
            queue.put(_key(digest), {"state": REFUSED, "sentence": f"{words}."})
        except folders.NotWrittenError as error:
            queue.put(_key(digest), {"state": REFUSED, "sentence": f"{name} cannot be kept: {error}."})


def _store(source: Path, digest: str, name: str) -> None:
    """Put a network on the shelf, with where it comes from among its metadata.

    Raises:
        CheckpointError: the file is not a network.
    """
    readable = source.with_name("readable.safetensors")
    convert(source, readable, LIMITS)
    network = load(readable)
    length = sum(len(text) for item in network.metadata.items() for text in item)
    if length > MAX_METADATA:
        raise CheckpointError(
            f"{name} has metadata of {length:,} characters; expected at most {MAX_METADATA:,}; save it with fewer"
        )
    # A torch file says no more of itself than what it is called, and here it was called by its hash.
    said = {key: name if text == source.name else text for key, text in network.metadata.items()}
    opened = replace(network, metadata={**said, OPENED_AS: name, OPENED_SHA256: digest})
    # Two workers may have checked the same content under two names; the first one names the network.
    with FileLock(folders.networks() / ".opened.lock"):
        if _stored(digest) is None:
            save(opened, _free_path(digest, name))


def _free_path(digest: str, name: str) -> Path:
    """Where to keep the network of a file: under its name, and the first digits of its hash that no other has."""
    plain = unicodedata.normalize("NFKD", re.sub(r"\.(pth|pt|safetensors)$", "", name, flags=re.IGNORECASE))
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain.encode("ascii", "ignore").decode())
    stem = re.sub(r"^[^A-Za-z0-9]+", "", stem)[:_MAX_STEM].rstrip("._-") or "network"
    paths = [folders.networks() / f"{stem}-{digest[:length]}.safetensors" for length in _HASH_LENGTHS]
    return next((path for path in paths if not path.exists()), paths[-1])


# ---- what both know ----


def _key(digest: str) -> str:
    return f"file:{digest}"


def _put_checking(digest: str, name: str) -> None:
    queue.put(_key(digest), {"state": CHECKING, "name": name, "since": queue.now()})


def _stored(digest: str) -> Path | None:
    """The network that was made of a file, whatever that was called; None if there is none."""
    for path in folders.networks().glob(f"*-{digest[: _HASH_LENGTHS[0]]}*.safetensors"):
        if not path.name.startswith(".") and _opened_from(path) == digest:
            return path
    return None


def _opened_from(path: Path) -> str | None:
    try:
        return read_metadata(path).metadata.get(OPENED_SHA256)
    except CheckpointError:
        # Not one of ours, or just being removed by hand.
        return None
