"""Descriptions of fields in the reference: the comment beside a field of a class, or above it, is its docstring.

A comment that begins with several names ("a, b: ...") is of all of them.
"""

import ast
import re
from typing import Any

import griffe

NAMES = re.compile(r"(\w+(?:, \w+)+): (.*)", re.DOTALL)


class FieldComments(griffe.Extension):
    """Gives the fields of classes their comments as docstrings."""

    def __init__(self) -> None:
        self.shared: dict[str, str] = {}

    def on_attribute_instance(self, *, node: Any, attr: griffe.Attribute, agent: Any, **kwargs: Any) -> None:
        """Take the comment of a field, unless it has a docstring."""
        if not isinstance(node, ast.AnnAssign) or not isinstance(attr.parent, griffe.Class) or attr.docstring:
            return
        lines = agent.code.splitlines()
        _, _, text = lines[node.lineno - 1].partition("  # ")
        first = node.lineno - 1
        while not text and lines[first - 1].strip().startswith("# "):
            first -= 1
        text = text or " ".join(line.strip().removeprefix("# ") for line in lines[first : node.lineno - 1])
        if found := NAMES.fullmatch(text):
            text = found[2]
            self.shared.update({f"{attr.parent.path}.{name}": text for name in found[1].split(", ")})
        text = text or self.shared.get(attr.path, "")
        if text:
            sentence = f"{text[0].upper()}{text[1:].rstrip('.')}."
            attr.docstring = griffe.Docstring(sentence, lineno=node.lineno, parent=attr)
