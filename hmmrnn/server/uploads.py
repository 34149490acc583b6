"""Uploads of networks: received by a web process, checked by a worker, and kept under the hash of their content.

    POST /files?name=lin2.pth   the bytes of the file          -> 202 {"file": digest}
                &mapping=JSON   what cannot be read from its tensors
                &preview=1      only run it for some steps, so that a wrong mapping is seen before it is kept
    GET  /files/<digest>        -> {"state": "checking" | "ready" | "refused" | "preview", "model", "choices",
                                    "sentence", "asked", "preview"}

`asked`, of a file that could be read in several ways: its tensors with their shapes, and a mapping that would do.

The web process only counts the bytes and writes them down. A worker has them read in a process of its own
(sandboxed_import). An accepted network is kept with the others, where every web process finds it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import IO, Any

from filelock import FileLock
from flask import Flask, Request, jsonify, request
from flask.typing import ResponseReturnValue
from limits.storage import Storage
from werkzeug.utils import secure_filename

from hmmrnn.analysis.preview import preview_network
from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load, read_metadata, save
from hmmrnn.model.metadata import BROUGHT_BY, mark_of
from hmmrnn.model.network import Network
from hmmrnn.model.opening.formats import is_safetensors
from hmmrnn.server.auth.requester import identify_requester
from hmmrnn.storage.model_registry import ModelRegistry
from hmmrnn.storage.paths import DataFolder, NotWrittenError, writing
from hmmrnn.storage.sandboxed_import import MIB, Limits, convert
from hmmrnn.tasks.queue import CHECK, SHORT_TASKS, QueueGoneError
from hmmrnn.tasks.store import CHECKED, FILE, LOST_AFTER_SECONDS, RECENT, Entry, FileRecord, Store
from hmmrnn.tasks.task import name_and_address

logger = logging.getLogger(__name__)

MAX_BYTES = 20_000_000
MAX_INCOMING = 50
MAX_MAPPING = 4000
# One requester may fill so large a part of the room that there is: one of so many.
SHARES = 4
# From one address so large a part within a day, and so many of the files that wait, whatever its browsers are called.
ADDRESS_SHARES, MAX_INCOMING_ADDRESS, DAY_SECONDS = 2, 20, 24 * 3600
PIECE_BYTES = 64 * 1024
# So many files are known by what has become of them.
REMEMBERED = 500
# Every page reads the metadata of every network.
MAX_METADATA = 64 * 1024
# Numbers of two bytes are stored in four.
LIMITS = Limits(seconds=40, memory=2048 * MIB, stored=64 * MIB)
# A file that is not checked by then was left by a process that has ended.
ABANDONED_SECONDS = 3600.0

CHECKING, READY, REFUSED, PREVIEW = "checking", "ready", "refused", "preview"
OPENED_AS, OPENED_SHA256 = "opened_as", "opened_sha256"
DIGEST = re.compile(r"[0-9a-f]{64}")

# Characters of the hash in a network's name; more of them only if another network has the first ones too.
_HASH_LENGTHS = (8, 16, 32)
_MAX_STEM, _MAX_NAME = 60, 120
_ENDINGS = r"(\.weights)?\.(ckpt|h5|json|keras|mat|npz|pt|pth|safetensors)$"

# From the name of a network to all that a page offers beside it.
Choices = Callable[[str], list[dict[str, str]]]
Convert = Callable[..., None]


class _UploadError(ValueError):
    """An upload that is refused, with the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def register(server: Flask, uploads: Uploads, choices: Choices) -> None:
    """Let a server receive files."""

    def receive() -> ResponseReturnValue:
        name = shown_name(request.args.get("name", ""))
        try:
            mapping = _mapping(request.args.get("mapping", ""))
            only_preview = bool(mapping) and request.args.get("preview") == "1"
            return jsonify(file=uploads.receive(request, name, mapping, only_preview)), 202
        except _UploadError as error:
            return jsonify(state=REFUSED, sentence=str(error)), error.status
        except (NotWrittenError, QueueGoneError) as error:
            return jsonify(state=REFUSED, sentence=f"{name} cannot be received now: {error}.")

    def look_at(digest: str) -> ResponseReturnValue:
        if not DIGEST.fullmatch(digest):
            return jsonify(state=REFUSED, sentence="A file is named by the 64 hexadecimal digits of its hash."), 404
        try:
            found = uploads.outcome(digest)
        except QueueGoneError as error:
            found = {"state": CHECKING, "sentence": f"Not known now: {error}."}
        if found["state"] == READY:
            found["choices"] = choices(found["model"])
        return jsonify(found), {"Cache-Control": "no-store"}

    server.add_url_rule("/files", "take_file", receive, methods=["POST"])
    server.add_url_rule("/files/<digest>", "look_at_file", look_at)


def _mapping(given: str) -> str:
    """The mapping of a request, as JSON of words and numbers by name; empty for none."""
    if not given:
        return ""
    try:
        found = json.loads(given)
    except (ValueError, RecursionError):
        found = None
    plain = isinstance(found, dict) and all(isinstance(item, str | int | float) for item in found.values())
    if not plain or len(given) > MAX_MAPPING:
        raise _UploadError(400, "A mapping is a JSON object of terms by their roles; open the file again.")
    return json.dumps(found, sort_keys=True)


def shown_name(given: str) -> str:
    """The name of a file in sentences: without folders and without characters that cannot be shown."""
    last = re.split(r"[/\\]", given)[-1]
    text = "".join(char if char.isprintable() else "?" for char in last).strip() or "unnamed"
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME // 2]}…{text[-_MAX_NAME // 2 :]}"


class Uploads:
    """Uploaded files: received in a web process, checked in a worker.

    The networks of the server may hold `quota` bytes together, and those that one requester has brought a quarter.
    """

    def __init__(
        self,
        store: Store,
        data: DataFolder,
        models: ModelRegistry,
        quota: int,
        counters: Storage,
        convert: Convert = convert,
    ) -> None:
        self.store, self.data, self.models, self.quota, self.counters = store, data, models, quota, counters
        self._convert = convert

    # ---- in a web process ----

    def receive(self, sent: Request, name: str, mapping: str = "", only_preview: bool = False) -> str:
        """Write down the body of a request and have it checked; returns the hash of the content and its mapping."""
        # A page of another site can send a form here with the session of a visitor; but it cannot add a header of its
        # own without asking this server first, which never allows it.
        if "X-Requested-With" not in sent.headers:
            raise _UploadError(403, "The header X-Requested-With is missing; open the file in the dashboard.")
        _check_size(name, sent.content_length or 0)
        owner, address = name_and_address(identify_requester())
        brought_by = mark_of(owner)
        self._check_quota(name, brought_by)
        self._check_address(name, address)
        self._make_room(address)
        with writing(), self._partial() as (file, path):
            digest = _copy_body(sent, name, file)
            if mapping:
                # Read in another way it is another network.
                what = f"{PREVIEW} of " if only_preview else ""
                digest = hashlib.sha256(f"{what}{digest} {mapping}".encode()).hexdigest()
            if self._network_of(digest) is None:
                self._note_checking(digest, name)
                self._forget_old(digest)
                path.replace(self.data.incoming / digest)
                # A file that was refused before is checked again: its name or a slow machine may have been the reason.
                self._count(address, (self.data.incoming / digest).stat().st_size)
                quick = _is_quick(self.data.incoming / digest)
                more = [mapping, *([PREVIEW] if only_preview else [])] if mapping else []
                self.store.queues.send(CHECK, digest, name, brought_by, address, *more, quick=quick)
        return digest

    def _check_quota(self, name: str, brought_by: str) -> None:
        """Refuse a file if the networks that are there have all the room that they may have."""
        own = [item for item in self.models.entries() if self.models.is_own(item)]
        for words, most, found in (
            ("the networks of this server", self.quota, own),
            (
                "the networks that you have brought",
                self.quota // SHARES,
                [item for item in own if item.header.metadata.get(BROUGHT_BY) == brought_by],
            ),
        ):
            held = sum(item.size for item in found)
            if held >= most:
                raise _UploadError(
                    507,
                    f"{name} cannot be kept: {words} take {held / 1e6:,.0f} MB, and may take {most / 1e6:,.0f} MB; "
                    "remove some of them under Networks.",
                )

    def _check_address(self, name: str, address: str) -> None:
        """Refuse a file if as much has come from its address within a day as may."""
        most = self.quota // ADDRESS_SHARES
        try:
            sent = self.counters.get(_counter(address)) if address else 0
        except self.counters.base_exceptions as error:
            logger.warning("uploads are not counted: %s", error)
            return
        if sent >= most:
            raise _UploadError(
                429,
                f"{name} cannot be taken: files of {sent / 1e6:,.0f} MB have come from your address within a day, and "
                f"{most / 1e6:,.0f} MB may; try again tomorrow.",
            )

    def _count(self, address: str, size: int) -> None:
        """Count a file for its address; a user has none."""
        if address:
            with suppress(*_classes(self.counters.base_exceptions)):
                self.counters.incr(_counter(address), DAY_SECONDS, size)

    def outcome(self, digest: str) -> dict[str, Any]:
        """The state of a file, with the name of its network or the sentence that says why there is none."""
        network = self._network_of(digest)
        if network is not None:
            return {"state": READY, "model": network.stem}
        record = self._entry(digest).get(CHECKED)
        if record is None:
            return {"state": REFUSED, "sentence": "This file is not here; open it again."}
        if record.state == PREVIEW:
            return {"state": PREVIEW, "preview": json.loads(record.asked)}
        if record.state == REFUSED:
            asked = {"asked": json.loads(record.asked)} if record.asked else {}
            return {"state": REFUSED, "sentence": record.sentence, **asked}
        name = record.name
        if not self.store.worker_present(SHORT_TASKS):
            sentence = f"No worker is running: {name} is kept, and checked when one is back."
            return {"state": CHECKING, "sentence": sentence}
        overdue = self.store.now() - record.since > LIMITS.seconds + LOST_AFTER_SECONDS
        if overdue and digest not in self._waiting():
            return {"state": REFUSED, "sentence": f"The check of {name} was broken off; open it again."}
        return {"state": CHECKING}

    def _waiting(self) -> dict[str, str]:
        """The addresses of the files that wait, by their hashes."""
        # Of an older version there is none.
        return {digest: more[2] if len(more) > 2 else "" for digest, *more in self.store.queues.waiting(CHECK)}

    def _make_room(self, address: str) -> None:
        """Remove abandoned files, and refuse another file if too many wait, or too many of its address."""
        waiting = self._waiting()
        for path in self.data.incoming.iterdir():
            if path.name not in waiting and _age(path) > ABANDONED_SECONDS:
                rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        there = len(list(self.data.incoming.iterdir()))
        if there >= MAX_INCOMING:
            raise _UploadError(503, f"{there} files wait to be checked, and no more may; try again later.")
        own = list(waiting.values()).count(address)
        if address and own >= MAX_INCOMING_ADDRESS:
            raise _UploadError(
                503, f"{own} files of your address wait to be checked, and no more may; try again later."
            )

    @contextmanager
    def _partial(self) -> Iterator[tuple[IO[bytes], Path]]:
        """A new file, which is removed at the end unless it has been given another name."""
        path = self.data.incoming / f".{secrets.token_hex(8)}.partial"
        try:
            with path.open("xb") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    # ---- in a worker ----

    def check(
        self, digest: str, name: str, brought_by: str = "", _address: str = "", mapping: str = "", what: str = ""
    ) -> None:
        """Check whether a received file is a network, and keep it with the others if it is.

        The `digest` of its content names it among the incoming files, `name` in sentences; `brought_by` is the mark of
        its requester, `mapping` JSON of what cannot be read from its tensors, and `what` says if it is only run.
        """
        with TemporaryDirectory(dir=self.data.incoming, prefix=".check-") as folder:
            # The name decides only how a damaged file is described; nothing else of it reaches the file system.
            suffix = ".safetensors" if name.lower().endswith(".safetensors") else ".pth"
            source = Path(folder) / f"{digest}{suffix}"
            try:
                # Of two tasks for one file only one finds it.
                (self.data.incoming / digest).rename(source)
            except FileNotFoundError:
                return
            self._note_checking(digest, name)
            asked = ""
            try:
                if what == PREVIEW:
                    seen = json.dumps(preview_network(self._read(source, mapping)))
                    self._entry(digest).put(CHECKED, FileRecord(state=PREVIEW, name=name, asked=seen))
                    return
                if self._network_of(digest) is None:
                    with writing():
                        self._accept(source, digest, name, brought_by, mapping)
                # From now on the network says what has become of it.
                self._entry(digest).discard(CHECKED)
                return
            except CheckpointError as error:
                if isinstance(error, MappingNeededError):
                    asked = json.dumps({"what": error.asked, "shapes": error.shapes, "proposal": error.proposal})
                words = str(error).replace(str(source), name).replace(source.name, name).rstrip(".")
            except NotWrittenError as error:
                words = f"{name} cannot be kept: {error}"
            self._entry(digest).put(CHECKED, FileRecord(state=REFUSED, sentence=f"{words}.", asked=asked))

    def _accept(self, source: Path, digest: str, name: str, brought_by: str, mapping: str) -> None:
        """Keep a network with the others, with its origin in its metadata.

        Raises:
            CheckpointError: the file is not a network.
        """
        network = self._read(source, mapping)
        length = sum(len(text) for item in network.metadata.items() for text in item)
        if length > MAX_METADATA:
            raise CheckpointError(
                f"{name} has metadata of {length:,} characters; expected at most {MAX_METADATA:,}; save it with fewer"
            )
        # The metadata of a torch file is only its name, which here was its hash.
        metadata = {key: name if text == source.name else text for key, text in network.metadata.items()}
        origin = {OPENED_AS: name, OPENED_SHA256: digest, BROUGHT_BY: brought_by}
        opened = replace(network, metadata={**metadata, **origin})
        # Two workers may have checked the same content under two names; the first one names the network.
        with FileLock(self.data.networks / ".opened.lock"):
            if self._network_of(digest) is None:
                path = self._free_path(digest, name)
                save(opened, path)

    def _read(self, source: Path, mapping: str) -> Network:
        readable = source.with_name("readable.safetensors")
        self._convert(source, readable, LIMITS, *([mapping] if mapping else []))
        return load(readable)

    def _free_path(self, digest: str, name: str) -> Path:
        """The path of a network: its name, and as few digits of its hash as no other network has."""
        stem = secure_filename(re.sub(_ENDINGS, "", name, flags=re.IGNORECASE))
        # A name begins with a letter or a digit.
        stem = stem.lstrip("._-")[:_MAX_STEM].rstrip("._-") or "network"
        paths = [self.data.networks / f"{stem}-{digest[:length]}.safetensors" for length in _HASH_LENGTHS]
        return next((path for path in paths if not path.exists()), paths[-1])

    # ---- in both ----

    def _forget_old(self, digest: str) -> None:
        """Forget what has become of files that were sent long before this one."""
        known = self._entry("all")
        recent = [digest, *(other for other in known.get(RECENT) or [] if other != digest)]
        for old in recent[REMEMBERED:]:
            self._entry(old).discard(CHECKED)
        known.put(RECENT, recent[:REMEMBERED])

    def _entry(self, digest: str) -> Entry:
        return self.store.entry(FILE, digest)

    def _note_checking(self, digest: str, name: str) -> None:
        self._entry(digest).put(CHECKED, FileRecord(state=CHECKING, name=name, since=self.store.now()))

    def _network_of(self, digest: str) -> Path | None:
        """The network that was made of a file, under whatever name; None if there is none."""
        for path in self.data.networks.glob(f"*-{digest[: _HASH_LENGTHS[0]]}*.safetensors"):
            if not path.name.startswith(".") and _opened_from(path) == digest:
                return path
        return None


def _check_size(name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise _UploadError(
            413,
            f"{name} has more than {MAX_BYTES:,} bytes ({MAX_BYTES // 10**6} MB); "
            f"save the state dict of the network alone.",
        )


def _counter(address: str) -> str:
    return f"uploaded from {address}"


def _classes(found: type[Exception] | tuple[type[Exception], ...]) -> tuple[type[Exception], ...]:
    return found if isinstance(found, tuple) else (found,)


def _is_quick(path: Path) -> bool:
    """Whether a file is checked in a moment; the pickles of torch take seconds, and importing torch some more."""
    try:
        return is_safetensors(path)
    except CheckpointError:
        # A worker has just taken an equal file, or will refuse this one at once.
        return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        # A worker has just taken it.
        return 0.0


def _copy_body(sent: Request, name: str, file: IO[bytes]) -> str:
    """Copy the body of a request piece by piece; returns its hash."""
    digest, size = hashlib.sha256(), 0
    while piece := _next_piece(sent, name):
        size += len(piece)
        _check_size(name, size)
        digest.update(piece)
        file.write(piece)
    if sent.content_length not in (None, size):
        raise _incomplete(name)
    file.flush()
    return digest.hexdigest()


def _next_piece(sent: Request, name: str) -> bytes:
    try:
        return sent.stream.read(PIECE_BYTES)
    except OSError as error:
        raise _incomplete(name) from error


def _incomplete(name: str) -> _UploadError:
    return _UploadError(400, f"{name} did not arrive whole; open it again.")


def _opened_from(path: Path) -> str | None:
    try:
        return read_metadata(path).metadata.get(OPENED_SHA256)
    except CheckpointError:
        # Not a network that was opened here, or one that is just being removed.
        return None
