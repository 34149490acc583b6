"""Numbers in words, for captions, keys and hover texts."""


def say_count(count: int, noun: str) -> str:
    """Write a count and what is counted: "1 run", "1,000 runs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
