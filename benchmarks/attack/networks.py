"""Networks that declare more than they hold, and so many of them that every list is long."""

from __future__ import annotations

import io
import json
import time
from statistics import median

import torch

from benchmarks.attack.offered import SMALL, noise_driven
from benchmarks.attack.questions import views
from benchmarks.attack.trial import PATIENCE_SECONDS, Outcome, Trial, Victim
from hmmrnn import save

CLICKS = 7
# A click may take so many times as long with many networks as with few; most of this is for a busy machine.
MOST_RATIO, MOST_SECONDS = 5.0, 1.0


def _declared(victim: Victim, scale: int) -> Outcome:
    inputs = 10_000 * scale
    tensors = {
        "rnn.weight_hh_l0": torch.zeros(150, 150),
        "rnn.weight_ih_l0": torch.zeros(1).expand(150, inputs),
        "fc.weight": torch.zeros(3, 150),
    }
    file = io.BytesIO()
    torch.save(tensors, file)
    body, before = file.getvalue(), _kept(victim)
    sent = victim.send("/files?name=declared.pth", body, X_Requested_With="attack")
    said = _decided(victim, json.loads(sent.body)["file"])
    seen = f"{said['state']}: {said.get('sentence', '')} {_kept(victim) - before:,} bytes kept"
    held = said["state"] == "refused" and _kept(victim) == before
    return Outcome(
        f"a file of {len(body):,} bytes whose weights have strides of 0 and declare M = {inputs:,}", seen, held
    )


def _kept(victim: Victim) -> int:
    return sum(path.stat().st_size for path in (victim.server.data / "networks").glob("*.safetensors"))


def _decided(victim: Victim, digest: str) -> dict[str, str]:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found: dict[str, str] = json.loads(victim.get(f"/files/{digest}").body)
        if found["state"] != "checking":
            return found
        time.sleep(0.1)
    return {"state": "not decided"}


def _many(victim: Victim, scale: int) -> Outcome:
    count, folder = 1000 * scale, victim.server.data / "networks"
    question = views({"model": SMALL}, ["orbit"])
    victim.ask("/views", question)
    few = median(victim.ask("/views", question).seconds for _ in range(CLICKS))
    save(noise_driven(4, 1, 2), folder / "many-0.safetensors")
    data = (folder / "many-0.safetensors").read_bytes()
    for i in range(1, count):
        (folder / f"many-{i}.safetensors").write_bytes(data)
    # The list is read once by each web process.
    for _ in range(4):
        victim.ask("/networks", {"text": "", "page": 0})
    many = median(victim.ask("/views", question).seconds for _ in range(CLICKS))
    listed = victim.ask("/networks", {"text": "many", "page": 3})
    for path in folder.glob("many-*"):
        path.unlink()
    seen = (
        f"a cached view: {1000 * few:.0f} ms with 3 networks, {1000 * many:.0f} ms then; a page of the list: "
        f"{1000 * listed.seconds:.0f} ms, {len(listed.body):,} bytes"
    )
    held = many < max(MOST_RATIO * few, MOST_SECONDS) and len(listed.body) < 50_000
    return Outcome(f"{count:,} small networks", seen, held)


TRIALS = (
    Trial("Declared sizes", "60 MB on disk, and 12 GB asked for when it was opened", _declared),
    Trial("Many networks", "a cached view took 0.9 s with 4,000, and 8 s with 5,000", _many),
)
