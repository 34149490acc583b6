"""The paper's claims on several networks of one family, which differ in their seed alone, as tables in Markdown."""

from collections.abc import Mapping, Sequence

import numpy as np

from hmmrnn.report.claims import Claim
from hmmrnn.report.published import AS_PUBLISHED
from hmmrnn.report.reference import write_mean
from hmmrnn.report.verdicts import REPRODUCED

Claims = tuple[Claim, ...]


def verdict_rows(families: Mapping[str, Sequence[Claims]]) -> list[list[str]]:
    """For each claim and family: of how many networks the number is as published, its mean, and its spread."""
    return [
        [text, *(_verdict([one[i] for one in judged]) for judged in families.values())]
        for i, text in enumerate(_texts(families))
    ]


def test_rows(families: Mapping[str, Sequence[Claims]]) -> list[list[str]]:
    """For each claim and family: of how many networks our own test reproduces it."""
    return [
        [text, *(_count([one[i].test for one in judged], REPRODUCED) for judged in families.values())]
        for i, text in enumerate(_texts(families))
    ]


def recipe_rows(fast: Sequence[Claims], paper: Claims) -> list[list[str]]:
    """For each claim: the published number, that of several networks by `fast`, and that of one by `paper`."""
    rows = []
    for i, claim in enumerate(paper):
        mean = _mean([one[i].here for one in fast])
        published = write_mean((claim.published, claim.spread))
        own = f"{write_mean((claim.here, claim.here_error))}: {claim.verdict}"
        verdicts = _count([one[i].verdict for one in fast], AS_PUBLISHED)
        rows.append([claim.text, published, f"{write_mean(mean)}: {verdicts}", own])
    return rows


def _texts(families: Mapping[str, Sequence[Claims]]) -> list[str]:
    return [claim.text for claim in next(iter(families.values()))[0]]


def _verdict(claims: Sequence[Claim]) -> str:
    mean = write_mean(_mean([claim.here for claim in claims]))
    return f"{_count([claim.verdict for claim in claims], AS_PUBLISHED)}; {mean} ({write_mean(_published(claims[0]))})"


def _published(claim: Claim) -> tuple[float, float]:
    return claim.published, claim.spread


def _count(words: Sequence[str], wanted: str) -> str:
    return f"{sum(word == wanted for word in words)} of {len(words)}"


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation over those that were measured; NaN where there are too few."""
    known = np.array([value for value in values if np.isfinite(value)])
    spread = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    return (float(known.mean()) if len(known) else float("nan")), spread
