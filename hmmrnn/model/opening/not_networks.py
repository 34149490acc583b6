"""Files that hold no network, named for what they are: predicates of sentences, with advice that works."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hmmrnn.model.hmm import HMM, NAMES
from hmmrnn.model.inputs import read_inputs
from hmmrnn.model.sequences import read_sequences

# The endings of files of networks.
NETWORKS = (".pth", ".pt", ".ckpt", ".safetensors", ".npz", ".h5", ".keras", ".mat")
MOST_NAMED = 5
_PROGRAM = re.compile(r"^\s*(import \w+|from [\w.]+ import |def \w+\(|class \w+[:(])", re.MULTILINE)


def name_json(tree: Any, file: str) -> str | None:
    """What JSON is that is no network; None where it may be one."""
    if not isinstance(tree, Mapping):
        return None
    if "nbformat" in tree and "cells" in tree:
        return (
            "is a Jupyter notebook, not a network; save the network from within it, with "
            "torch.save(model.state_dict(), 'net.pth'), and open net.pth"
        )
    if tree.get("format") == "hmmrnn-session":
        return "is a saved session of this page, not a network; open it in the panel Share, under Session"
    arrays = {name for name, value in tree.items() if isinstance(value, list | Mapping)}
    if arrays <= set(NAMES) and {NAMES[name] for name in arrays} >= {"A", "B"}:
        return _name_hmm(tree, file)
    return None


def _name_hmm(tree: Mapping[str, Any], file: str) -> str:
    try:
        hmm = HMM.from_dict(tree)
    except (ValueError, TypeError) as error:
        return f"is meant to be an HMM, not a network, and is none: {error}"
    states, symbols = (
        f"{n} {what}{'s' * (n != 1)}" for n, what in ((hmm.n_states, "state"), (hmm.n_outputs, "symbol"))
    )
    return (
        f"is an HMM of {states} and {symbols}, not a network; train one that emulates it: "
        f"paste its text as your own HMM on the page Train, or run hmmrnn train --hmm {file}"
    )


def name_text(text: str, file: str) -> str:
    """What a text is."""
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if start.startswith(("<!doctype html", "<html")):
        return "is a web page, not the file that it shows; download the file itself, at GitHub with Raw"
    if _PROGRAM.search(text):
        return (
            "is a Python program, not a network; run it, save the network with torch.save(model.state_dict(), "
            "'net.pth'), and open net.pth"
        )
    return _name_table(text, file) or (
        "is a text file, not a network; expected a .safetensors file or a state dict written by torch.save; choose "
        "another file"
    )


def _name_table(text: str, file: str) -> str | None:
    lines = text.strip().splitlines()
    if len(lines) < 2 or not any(sign in lines[0] + lines[1] for sign in ",;\t"):
        return None
    try:
        found = read_sequences(text)
        return (
            f"is a table of {len(found.symbols):,} sequences of {found.n_outputs} symbols, not a network; open it on "
            f"the page Data, or run hmmrnn fit {file}"
        )
    except ValueError:
        # It may hold something else.
        pass
    try:
        rows, columns = read_inputs(text).shape
    except ValueError:
        return None
    return (
        f"is a table of {rows:,} x {columns:,} numbers, not a network; as inputs of a network, open it under Input and "
        f"start; weights can be opened as .npz with the names W_hh, W_ih and W_out"
    )


def name_archive(names: Iterable[str]) -> str | None:
    """What a zip archive is that holds files of networks; None if it holds none."""
    found = [name for name in names if name.lower().endswith(NETWORKS) and not name.startswith("__MACOSX")]
    if not found:
        return None
    some = ", ".join(found[:MOST_NAMED]) + (", …" if len(found) > MOST_NAMED else "")
    if len(found) == 1:
        return f"is a zip archive with the file {some}; unpack it, and open that file"
    return f"is a zip archive of {len(found)} networks ({some}); unpack it, and open one of them"
