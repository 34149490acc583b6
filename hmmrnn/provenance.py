"""What does a network's file say it should be? The HMM it was trained on, by name or in full.

A family of the paper is named (`family`); any other HMM is written out as JSON (`hmm`), so that whoever opens the file
can judge the network by its own target.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from hmmrnn.hmm import HMM, PRESETS

FAMILY, FULL = "family", "hmm"
MAX_REASON = 300


def hmm_metadata(hmm: HMM) -> dict[str, str]:
    """What a network's metadata say of its target."""
    if hmm.name in PRESETS:
        return {FAMILY: hmm.name}
    return {FAMILY: hmm.name, FULL: json.dumps(hmm.to_dict())}


def target(metadata: Mapping[str, str], n_outputs: int) -> HMM:
    """The HMM that a network with these metadata was trained to emulate.

    Args:
        metadata: of the network.
        n_outputs: O, of the network.

    Raises:
        ValueError: the metadata name no known HMM, or one with another number of outputs.
    """
    hmm = _named(metadata)
    if hmm.n_outputs != n_outputs:
        raise ValueError(f"{hmm.name} has {hmm.n_outputs} outputs and the network {n_outputs}")
    return hmm


def _named(metadata: Mapping[str, str]) -> HMM:
    family = metadata.get(FAMILY)
    if family in PRESETS:
        return HMM.preset(family)
    if FULL in metadata:
        try:
            return HMM.from_dict(json.loads(metadata[FULL]))
        except (ValueError, OverflowError, RecursionError) as error:
            # The file is a stranger's: its JSON may be nested without end, or hold numbers beyond all bounds.
            raise ValueError(f"the metadata hold an HMM that cannot be used: {str(error)[:MAX_REASON]}") from error
    if family is None:
        raise ValueError("the metadata names no HMM family")
    raise ValueError(f"the metadata names the HMM family {family!r}, which is no preset")
