"""Which snapshots show how a network came to be? Those of a training of its family, beside the networks themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = "emergence"
# A stranger's file can say anything of itself: what it calls its family must be a plain name.
_FAMILY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def snapshot_files(models: Path, metadata: Mapping[str, str]) -> list[Path]:
    """The snapshots of a training of the family that a network names, in their order; none if there are none.

    Args:
        models: the folder of the networks, which may hold emergence/<family>/*.safetensors.
        metadata: of the network, of which `family` is used.
    """
    family = metadata.get("family", "")
    return sorted((models / FOLDER / family).glob("*.safetensors")) if _FAMILY.fullmatch(family) else []


def series_there(models: Path) -> list[str]:
    """The families whose training can be looked at."""
    return sorted(path.name for path in (models / FOLDER).glob("*") if path.is_dir())
