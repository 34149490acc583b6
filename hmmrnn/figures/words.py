"""Numbers in words, for captions, keys and hover texts."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def say_ordinal(place: int) -> str:
    """Write a place in an order, counted from 1: "third", from the eleventh on "number 11"."""
    return _ORDINALS[place - 1] if place <= len(_ORDINALS) else f"number {place:,}"


def say_count(count: int, noun: str) -> str:
    """Write a count and what is counted: "1 run", "1,000 runs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
