"""How is a refusal worded? As one sentence, which is the error's own."""

from __future__ import annotations


def sentence(error: Exception) -> str:
    """The words of an error as one sentence."""
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
