"""What is a figure of speed? Its samples, those of something familiar beside it, and whether the aim was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmrnn.hmm import PRESETS

# With fewer samples, the 95th percentile would be little but the largest of them.
MIN_SAMPLES_FOR_P95 = 20


@dataclass(frozen=True)
class Aim:
    """What a figure should stay below.

    Attributes:
        below: in the unit of the figure.
        statistic: of the samples: "median" or "p95".
    """

    below: float
    statistic: str = "median"


@dataclass(frozen=True)
class Definition:
    """What is measured.

    Attributes:
        name: of the figure, with its unit at the end.
        unit: of its values.
        meaning: what happens between start and end, for a reader who has seen the dashboard.
        aim: what it should stay below; None if there is no aim.
    """

    name: str
    unit: str
    meaning: str
    aim: Aim | None = None


@dataclass(frozen=True)
class Measurement:
    """What was measured.

    Attributes:
        name: of the figure.
        samples: one value per repetition.
        baseline: what was measured beside it, in words.
        baseline_samples: its values, in the same unit; none if there is nothing to compare with.
        note: what a reader of the median should know besides; None if there is nothing.
    """

    name: str
    samples: tuple[float, ...]
    baseline: str
    baseline_samples: tuple[float, ...] = ()
    note: str | None = None


FIGURES = {
    definition.name: definition
    for definition in (
        Definition(
            "click_to_drawn_ms",
            "ms",
            "From letting go of the mouse on a cell of the connectivity to the last of the two fast views, state space "
            "and orbit, being drawn with the new network. Real mouse clicks in a browser window of 1440 x 900, in turn "
            "silencing a neuron that was never silenced before and bringing it back, each after the slow answers to "
            "the one before it have arrived. The intact network's answer is in the cache.",
            Aim(200, "p95"),
        ),
        Definition(
            "click_server_part_ms",
            "ms",
            "The part of the same clicks between the browser's question for the fast views and the end of the answer: "
            "simulation, figures, and the way through the local network.",
            Aim(60),
        ),
        Definition(
            "web_memory_mb",
            "MB",
            "Resident memory (RSS, in 10^6 bytes) of the larger of the two web processes, after those clicks.",
            Aim(200),
        ),
        Definition(
            "cold_start_to_first_figure_s",
            "s",
            "From starting `python -m hmmrnn serve` with an empty cache to the state space being drawn in a browser "
            "that is running already and opens the page as soon as the server answers. Python's compiled files and "
            "the operating system's file cache are warm.",
            Aim(3),
        ),
        Definition(
            "residency_s",
            "s",
            "Residency time and region of 5,000 states that the shipped network visits, 20 noise realisations of up to "
            "60 steps each, on as many threads as there are cores.",
            Aim(3),
        ),
        Definition(
            "kick_detection_s",
            "s",
            "Finding the kick neurons of the shipped network and comparing each group with 200 random ones as large, "
            "on as many threads as there are cores. The dashboard does this once per network and keeps the answer.",
            Aim(20),
        ),
        Definition(
            "gain_sweep_s",
            "s",
            "Gain sweeps of three populations of the shipped network (the kick group of its first output, the neurons "
            "that integrate noise for it, the control population): 21 gains each, with 16 runs of 1,600 steps and the "
            "eigenvalues at 160 states for each gain, on one thread.",
            Aim(15),
        ),
        Definition(
            "paper_step_s",
            "s",
            "One optimizer step of the published recipe on linear-2: batch 4096, 100 symbols, two threads.",
        ),
        *(
            Definition(
                f"train_{family.replace('-', '_')}_s",
                "s",
                f"Training a network of 150 neurons to be {family} by the recipe `fast`, first to last step; "
                "the verdict of the gate is in the note, and the time of judging is not counted.",
                Aim(300),
            )
            for family in PRESETS
        ),
    )
}


def median(samples: Sequence[float]) -> float | None:
    """The middle sample; None if there is none."""
    return float(np.median(samples)) if len(samples) else None


def p95(samples: Sequence[float]) -> float | None:
    """The 95th percentile, between samples by linear interpolation; None if there are fewer than 20 samples."""
    return float(np.quantile(samples, 0.95)) if len(samples) >= MIN_SAMPLES_FOR_P95 else None


def record(measurement: Measurement, circumstances: dict[str, Any]) -> dict[str, Any]:
    """A figure as it is printed and written: plain values, ready for JSON.

    Args:
        measurement: of a figure that has a definition.
        circumstances: what else is to be kept: the machine, its load, the date.
    """
    definition = FIGURES[measurement.name]
    found = {"median": median(measurement.samples), "p95": p95(measurement.samples)}
    baseline = median(measurement.baseline_samples)
    return {
        "name": definition.name,
        "unit": definition.unit,
        **{name: _rounded(value) for name, value in found.items()},
        "n": len(measurement.samples),
        "baseline": measurement.baseline,
        "baseline_median": _rounded(baseline),
        "ratio": _rounded(found["median"] / baseline) if found["median"] is not None and baseline else None,
        "aim": aim_text(definition),
        "meets_aim": _meets(definition.aim, found),
        "note": measurement.note,
        **circumstances,
    }


def aim_text(definition: Definition) -> str | None:
    """The aim in words; None if there is none."""
    if definition.aim is None:
        return None
    return f"{definition.aim.statistic} under {definition.aim.below:g} {definition.unit}"


def _meets(aim: Aim | None, found: dict[str, float | None]) -> bool | None:
    value = None if aim is None else found[aim.statistic]
    return None if aim is None or value is None else value < aim.below


def _rounded(value: float | None) -> float | None:
    # Four digits are more than any of this is good for.
    return None if value is None else float(f"{value:.4g}")
