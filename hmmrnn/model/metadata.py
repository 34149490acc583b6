"""Metadata of a network: its target HMM, by name or in full, and the training whose snapshots lie beside it.

A family of the paper is named (`family`); any other HMM is written out as JSON (`hmm`), so that the network can be
judged by its own target wherever the file is opened.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from hmmrnn.model.hmm import HMM, MAX_NAME, PRESETS

FAMILY, FULL, BROUGHT_BY, RECIPE, NOTE = "family", "hmm", "brought_by", "recipe", "note"
# How the names of what was measured of the fidelity begin.
MEASURED = "fidelity_"
# Beside the networks; holds a folder of snapshots for each training: FAMILY-RECIPE-normal-start if its runs began at
# h_0 ~ N(0, 1), FAMILY-RECIPE-seed-SEED, FAMILY-RECIPE or FAMILY.
FOLDER = "emergence"
MAX_REASON = MAX_NOTE = 300
# What a network may be called: a name that a link can hold, and that is never a path.
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def hmm_metadata(hmm: HMM) -> dict[str, str]:
    """Metadata of a network that name its target, or hold it in full."""
    if hmm.name in PRESETS:
        return {FAMILY: hmm.name}
    return {FAMILY: hmm.name, FULL: json.dumps(hmm.to_dict())}


def without_verdict(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a network without its target, and without what was measured of how well it emulates that."""
    return {
        name: value for name, value in metadata.items() if name not in (FAMILY, FULL) and not name.startswith(MEASURED)
    }


def target(metadata: Mapping[str, str], n_outputs: int) -> HMM:
    """The HMM that a network with these metadata was trained to emulate.

    Raises:
        ValueError: the metadata name no known HMM, or one with another number of outputs.
    """
    hmm = _named(metadata)
    if hmm.n_outputs != n_outputs:
        raise ValueError(f"{hmm.name} has {hmm.n_outputs} outputs and the network {n_outputs}")
    return hmm


def known_target(metadata: Mapping[str, str], n_outputs: int) -> tuple[HMM | None, str]:
    """The target HMM of a network, or None and the sentence that says why it is not known."""
    try:
        return target(metadata, n_outputs), ""
    except ValueError as error:
        return None, str(error)


def _named(metadata: Mapping[str, str]) -> HMM:
    family = metadata.get(FAMILY)
    if family in PRESETS:
        return HMM.preset(family)
    if FULL in metadata:
        try:
            values = json.loads(metadata[FULL])
            # Files of before have the name beside the HMM.
            older = isinstance(values, dict) and family and len(family) <= MAX_NAME and family.isprintable()
            return HMM.from_dict({"name": family, **values} if older else values)
        except (ValueError, OverflowError, RecursionError) as error:
            # The file may come from anywhere: its JSON may be nested too deeply, or hold numbers beyond a float.
            raise ValueError(f"the metadata hold an HMM that cannot be used: {str(error)[:MAX_REASON]}") from error
    if family is None:
        raise ValueError("the metadata names no HMM family")
    raise ValueError(f"the metadata names the HMM family {family!r}, which is no preset")


def snapshot_files(models: Path, metadata: Mapping[str, str]) -> list[Path]:
    """The snapshots of a training like that of a network, in their order; none if there are none.

    The training most like its own comes first: by the same recipe with the same start or seed, by the same recipe, of
    the same family.
    """
    family, recipe = metadata.get(FAMILY, ""), metadata.get(RECIPE, "")
    own = "normal-start" if metadata.get("normal_start") == str(True) else f"seed-{metadata.get('seed', '')}"
    for name in (f"{family}-{recipe}-{own}", f"{family}-{recipe}", family):
        # The metadata may come from anywhere: they become part of a path, so they must be a plain name.
        found = sorted((models / FOLDER / name).glob("*.safetensors")) if family and MODEL_NAME.fullmatch(name) else []
        if found:
            return found
    return []


def series_there(models: Path) -> list[str]:
    """The trainings that have snapshots, by the names of their folders."""
    return sorted(path.name for path in (models / FOLDER).glob("*") if path.is_dir())


def note_of(metadata: Mapping[str, str]) -> str:
    """What the maker of a network wrote about it, at most 300 characters; empty if nothing."""
    return metadata.get(NOTE, "")[:MAX_NOTE]


def mark_of(requester: str) -> str:
    """What stands for the requester of a network in its file, which others may read; empty for none."""
    return hashlib.sha256(f"hmmrnn {requester}".encode()).hexdigest()[:16] if requester else ""
