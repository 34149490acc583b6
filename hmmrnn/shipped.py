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
# The networks in it: one for each family of the paper by the recipe `fast`, and one by the paper's own recipe.
SHELF = ("linear-2", "linear-3", "linear-4", "linear-5", "fully-connected", "cyclic", "linear-2-paper")
# Further networks, among them those of the families by `fast` with other seeds, FAMILY-seed-1 and so on.
FURTHER = MODELS / "more"


def list_seeds() -> tuple[str, ...]:
    """The names of the further networks that differ from those on the shelf in their seed alone."""
    return tuple(sorted(path.stem for path in FURTHER.glob("*-seed-*.safetensors")))
