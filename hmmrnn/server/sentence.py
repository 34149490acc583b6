"""The wording of a refusal: one sentence, which is the error's own."""

# An error may repeat what was sent, which has no end of its own.
MAX_LENGTH = 1000


def sentence(error: Exception | str) -> str:
    """The words of an error, or of a reason, as one sentence, cut where they have no end."""
    text = shorten(error)
    return f"{text[:1].upper()}{text[1:]}."


def shorten(error: Exception | str) -> str:
    """The words of an error, or of a reason, without the full stop, cut where they have no end."""
    text = str(error).rstrip(".")
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"
