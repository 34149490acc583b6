"""How is a refusal worded? As one sentence, which is the error's own."""

from __future__ import annotations


def sentence(error: Exception | str) -> str:
    """The words of an error, or of a reason, as one sentence."""
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
