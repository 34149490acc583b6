"""Answers that come with the package: the slow ones about the shipped networks, computed when the package is made.

Each is a file named by a hash of its question: what was computed, in which version, of which content, about what. So an
answer is found for the same network under another name, and for no other network; and an edit of the code that leaves
the results as they are leaves the answers valid. A change of the results needs another version.
"""

import hashlib
import logging
from collections.abc import Collection
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from hmmrnn.storage.result_files import UnreadableResultError, read_result, write_result

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """Key of a shipped answer: it stays the same when the code around the query is edited."""

    name: str  # of the query or experiment
    version: int  # of what it computes
    content: str  # hash of the files that it depends on: the network, or its training as well
    about: str  # the part of the scenario that it depends on, as a link, and its other arguments

    @property
    def file(self) -> str:
        """The name of the file that holds the answer."""
        digest = hashlib.sha256(repr(astuple(self)).encode()).hexdigest()
        return f"{self.name.strip('_')}-{digest[:32]}.npz"


class ShippedAnswers:
    """The answers in a folder, which need not exist, and which is only read while the dashboard runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, question: Question) -> tuple[Any] | None:
        """The answer to a question, in a tuple; None if there is none that can be read."""
        path = self.folder / question.file
        try:
            return (read_result(path.read_bytes()),)
        except FileNotFoundError:
            return None
        except (OSError, UnreadableResultError) as error:
            logger.warning("the shipped answer %s cannot be read and is computed anew: %s", path.name, error)
            return None

    def put(self, question: Question, answer: Any) -> int:
        """Write the answer to a question; returns the number of bytes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data, path = write_result(answer), self.folder / question.file
        unfinished = path.with_suffix(".partial")
        unfinished.write_bytes(data)
        unfinished.replace(path)
        return len(data)

    def remove_others(self, wanted: Collection[Question]) -> list[str]:
        """Remove all files but the answers to some questions; returns their names."""
        names = {question.file for question in wanted}
        others = [path for path in sorted(self.folder.glob("*")) if path.name not in names]
        for path in others:
            path.unlink()
        return [path.name for path in others]
