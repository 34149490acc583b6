"""Files that hold no network: sentences that say what they are, and what to do."""

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
NPY, ARRAYS = b"\x93NUMPY", "np.savez(path, W_hh=..., W_ih=..., W_out=..., cell='tanh')"
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
    """What a zip archive is that holds files of networks, or something else that is known; None if it holds neither."""
    listed = list(names)
    known = next((said for mark, said in _ARCHIVES.items() if any(f"/{mark}" in f"/{name}" for name in listed)), None)
    if known:
        return known
    found = [name for name in listed if name.lower().endswith(NETWORKS) and not name.startswith("__MACOSX")]
    if not found:
        return None
    some = ", ".join(found[:MOST_NAMED]) + (", …" if len(found) > MOST_NAMED else "")
    if len(found) == 1:
        return f"is a zip archive with the file {some}; unpack it, and open that file"
    return f"is a zip archive of {len(found)} networks ({some}); unpack it, and open one of them"


def name_bytes(head: bytes, name: str) -> str | None:
    """What a file is that is no text, by its first bytes and by its name; None if it is not known."""
    if _PICKLE.match(head):
        return (
            "is a Python pickle, which can hold code and was not opened; expected a state dict; save it in Python with "
            f"torch.save(pickle.load(open({name!r}, 'rb')), 'net.pth'), or arrays of NumPy with {ARRAYS}"
        )
    if head.startswith(NPY):
        return (
            f"is a NumPy .npy file, not a network: it holds one array; save those of one with {ARRAYS}, and a dict of "
            f"arrays with np.savez('net.npz', **np.load({name!r}, allow_pickle=True).item())"
        )
    said = next((said for magic, said in MAGIC.items() if head.startswith(magic)), None)
    said = said or next((said for end, said in _ENDINGS.items() if name.lower().endswith(end)), None)
    if said is None and head[:1] == b"\x08" and any(maker in head for maker in (b"onnx", b"pytorch")):
        said = _ONNX
    if said is None and head[257:262] == b"ustar":
        said = _UNPACK.format("a tar archive")
    if said is None and re.match(rb"[\x80-\x8f].params|\x81\xa6params", head):
        said = _MSGPACK
    return said


_UNPACK = "is {}; unpack it, and open the file of the network in it"
_SAVE = "save the network in its program, with torch.save(model.state_dict(), 'net.pth') or model.save('net.keras')"
_ONNX = f"is an ONNX file, in which a network is a list of operations; {_SAVE}"
_TENSORFLOW = (
    "is a part of a TensorFlow {}; load it in its program, and save it with model.save_weights('net.weights.h5')"
)
_MSGPACK = (
    "is a msgpack file of Flax; save its parameters with "
    "np.savez('net.npz', **flax.traverse_util.flatten_dict(params, sep='/'))"
)
_R_DATA = (
    "is a compressed file, of R or of another program; unpack it with gunzip, or write the matrices in R with "
    "jsonlite::write_json(list(W_hh=W_hh, W_ih=W_ih, W_out=W_out), 'net.json', digits=NA)"
)
_PICKLE = re.compile(rb"(\x80[\x02-\x05]|\(d|\(l|c[A-Za-z_][\w.]*\n\w+\n)")
MAGIC = {
    b"\x89PNG": "is a PNG picture, not a network; choose another file",
    b"\xff\xd8\xff": "is a JPEG picture, not a network; choose another file",
    b"GIF8": "is a GIF picture, not a network; choose another file",
    b"%PDF": "is a PDF document, not a network; choose another file",
    b"\x1f\x8b": _R_DATA,
    b"7z\xbc\xaf": _UNPACK.format("a 7z archive"),
    b"Rar!": _UNPACK.format("a RAR archive"),
    b"\xfd7zXZ": _UNPACK.format("an xz archive"),
    b"BZh": _UNPACK.format("a bzip2 archive"),
    b"\x28\xb5\x2f\xfd": _UNPACK.format("a Zstandard archive"),
    b"GGUF": f"is a GGUF file of a language model, not a recurrent network; {_SAVE}",
    b"PAR1": "is a Parquet table, not a network; save it as CSV if it holds sequences, and open it on the page Data",
    b"\xd0\xcf\x11\xe0": "is a document of an older Office, not a network; choose another file",
    b"\x7fELF": "is a program, not a network; choose another file",
}
_ENDINGS = {
    ".onnx": _ONNX,
    ".msgpack": _MSGPACK,
    ".tflite": f"is a TensorFlow Lite file; {_SAVE}",
    ".pb": _TENSORFLOW.format("SavedModel"),
    ".index": _TENSORFLOW.format("checkpoint"),
    ".data-00000-of-00001": _TENSORFLOW.format("checkpoint"),
    ".mlmodel": f"is a Core ML file; {_SAVE}",
}
_ARCHIVES = {
    "xl/workbook.xml": "is an Excel workbook, not a network; save the sheet as CSV if it holds sequences, and open "
    "it on the page Data",
    "word/document.xml": "is a Word document, not a network; choose another file",
    "archive_format": "is a program of torch.export; save its weights with "
    "torch.save(torch.export.load(path).state_dict, 'net.pth')",
    "saved_model.pb": "is an archive of a TensorFlow SavedModel; load it in its program, and save it with "
    "model.save_weights('net.weights.h5')",
}


def name_folder(names: Iterable[str]) -> str:
    """What a folder is, by the names in it."""
    listed = sorted(names)
    if "saved_model.pb" in listed:
        return (
            "is a folder of a TensorFlow SavedModel; load it in its program, and save it with model.save('net.keras')"
        )
    found = [name for name in listed if name.lower().endswith(NETWORKS)]
    inside = f", such as {', '.join(found[:MOST_NAMED])}" if found else ""
    return f"is a folder; expected the file of a network; name a file in it{inside}"
