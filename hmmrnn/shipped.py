"""The folders that come with the package: `assets`, the scripts and styles of the page, and `models`, its networks.

Within `models`, `emergence` holds snapshots of trainings, and `answers` what takes long to compute of the networks.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    """The folder within an installed package; in a clone of the repository it lies beside the package."""
    installed = PACKAGE / name
    return installed if installed.is_dir() else PACKAGE.parent / name


ASSETS = _folder("assets")
MODELS = _folder("models")
ANSWERS = MODELS / "answers"
FAMILIES = ("linear-2", "linear-3", "linear-4", "linear-5", "fully-connected", "cyclic")
# The networks in it: one for each family of the paper by the recipe `fast`, and one by the paper's own recipe.
SHELF = (*FAMILIES, "linear-2-paper")
# Further networks: the families by `fast` with other seeds, FAMILY-seed-1 and so on, and others by the paper's recipe.
FURTHER = MODELS / "more"
# Snapshots of trainings, a folder for each.
SERIES = MODELS / "emergence"


def list_further_trainings() -> tuple[str, ...]:
    """The names of the further networks of which there are snapshots under their own names."""
    return tuple(name for name in list_further() if (SERIES / name).is_dir())


def list_further() -> tuple[str, ...]:
    """The names of the further networks."""
    return tuple(sorted(path.stem for path in FURTHER.glob("*.safetensors")))


def list_seeds() -> tuple[str, ...]:
    """The names of the further networks that differ from the offered ones in their seed alone."""
    return tuple(name for name in list_further() if name.rsplit("-seed-", 1)[0] in FAMILIES)
