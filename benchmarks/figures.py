"""Figures of speed and memory: samples, those of a familiar baseline beside them, and whether the aims are met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmrnn.model.hmm import PRESETS

# With fewer samples, the 95th percentile would be little but the largest of them.
MIN_SAMPLES_FOR_P95 = 20
# Neurons of the networks whose pace is measured, and runs of the live view whose frames are counted.
LIVE_SIZES = (50, 150, 500, 1000, 2000)
LIVE_RUNS = (1, 50, 200)
# Runs of the window whose clicks are timed: the last is the largest that a page may ask for.
COST_RUNS = (1, 10, 64)
LIVE_OUTPUTS = 3
# The lenses that are timed, and networks that are compared. The lens of sparse recordings trains, and is left out.
LENSES = (
    "current",
    "messages",
    "potential",
    "halves",
    "rank",
    "memory",
    "recovered",
    "belief",
    "timescales",
    "effects",
)
COMPARED = 6
MANY = 30
STATISTICS = ("median", "p95", "ratio")


@dataclass(frozen=True)
class Aim:
    """What a figure should stay below, or what it should reach: one of the two.

    Attributes:
        below: what the statistic should stay below, in the unit of the figure; a ratio has none.
        statistic: "median" or "p95" of the samples, or "ratio" of their median to that of what is measured beside them.
        at_least: what the statistic should reach.

    Raises:
        ValueError: both limits are given, or none; or there is no such statistic.
    """

    below: float | None = None
    statistic: str = "median"
    at_least: float | None = None

    def __post_init__(self) -> None:
        if (self.below is None) == (self.at_least is None):
            raise ValueError(
                f"an aim must be one of below and at_least; got below={self.below}, at_least={self.at_least}"
            )
        if self.statistic not in STATISTICS:
            raise ValueError(f"statistic must be one of {', '.join(STATISTICS)}; got {self.statistic!r}")

    def is_met(self, value: float) -> bool:
        """Whether the statistic is on the right side of the limit."""
        if self.below is not None:
            return value < self.below
        return self.at_least is not None and value >= self.at_least

    def text(self, unit: str) -> str:
        """The aim in words, such as "p95 under 200 ms" or "ratio at least 0.7"."""
        limit = f"at least {self.at_least:g}" if self.below is None else f"under {self.below:g}"
        return f"{self.statistic} {limit}" + ("" if self.statistic == "ratio" else f" {unit}")


@dataclass(frozen=True)
class Definition:
    """What is measured.

    Attributes:
        name: of the figure, with its unit in it.
        unit: of its values.
        meaning: what happens between start and end, for a reader who has seen the dashboard.
        aims: what it should stay below or reach; none if nothing is aimed at.
    """

    name: str
    unit: str
    meaning: str
    aims: tuple[Aim, ...] = ()


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


def inputs_of(neurons: int) -> int:
    """Noise inputs of a random network of so many neurons: as many for each as in the published networks."""
    return round(2 * neurons / 3)


def _counted(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


FIGURES = {
    definition.name: definition
    for definition in (
        Definition(
            "click_to_drawn_ms",
            "ms",
            "From letting go of the mouse on a cell of the connectivity to the last of the two fast views, state space "
            "and orbit, being drawn with the new network. Real mouse clicks in a browser window of 1440 x 900, in turn "
            "silencing a neuron that was never silenced before and bringing it back, each after the slow answers to "
            "the one before it have arrived.",
            (Aim(60), Aim(100, "p95")),
        ),
        Definition(
            "web_memory_mb",
            "MB",
            "Resident memory (RSS, in 10^6 bytes) of the larger of the two web processes, after those clicks.",
            (Aim(200),),
        ),
        Definition(
            "cold_start_to_first_figure_s",
            "s",
            "From starting `python -m hmmrnn serve` with an empty cache to the state space being drawn in a browser "
            "that is running already and opens the page as soon as the server answers. Python's compiled files and "
            "the operating system's file cache are warm.",
            (Aim(3), Aim(4, "ratio")),
        ),
        Definition(
            "first_figure_s",
            "s",
            "From the request for the first page of a warm server to the state space being drawn, in a browser that "
            "was never there before.",
            (Aim(1.5), Aim(2, "ratio")),
        ),
        Definition(
            "residency_s",
            "s",
            "Residency time and region of 5,000 states that the shipped network visits, 20 noise realisations of up to "
            "60 steps each, on as many threads as there are cores.",
            (Aim(3),),
        ),
        Definition(
            "kick_detection_s",
            "s",
            "Finding the kick neurons of the shipped network and comparing each group with 200 random ones as large, "
            "on as many threads as there are cores. The dashboard does this once per network and keeps the answer.",
            (Aim(20),),
        ),
        Definition(
            "gain_sweep_s",
            "s",
            "Gain sweeps of three populations of the shipped network (the kick group of its first output, the neurons "
            "that integrate noise for it, the control population): 21 gains each, with 16 runs of 1,600 steps and the "
            "eigenvalues at 160 states for each gain, on one thread.",
            (Aim(15),),
        ),
        *(
            Definition(
                f"lens_{name}_s",
                "s",
                f"The lens {name} on the shipped network, on one thread of BLAS.",
                (Aim(15),),
            )
            for name in LENSES
        ),
        Definition(
            "compare_s",
            "s",
            f"{COMPARED} networks of 150 neurons side by side, without a search for their kick neurons.",
            (Aim(36),),
        ),
        Definition(
            "compare_many_s",
            "s",
            f"{MANY} networks of 150 neurons side by side, with a search for the kick neurons of each, on as many "
            "threads as there are cores.",
            (Aim(180),),
        ),
        *(
            Definition(
                f"live_steps_per_s_{neurons}",
                "steps/s",
                f"Steps per second of one run in the engine of the live view, noise, readout and emission included: a "
                f"random network of {neurons:,} neurons, {inputs_of(neurons):,} inputs and {LIVE_OUTPUTS} outputs, in "
                "a worker of a page. What is measured beside it holds the recurrent weights alone.",
                (Aim(at_least=0.7, statistic="ratio"),),
            )
            for neurons in LIVE_SIZES
        ),
        *(
            Definition(
                f"live_frames_per_s_{runs}",
                "frames/s",
                f"Frames that the live view draws per second, with {_counted(runs)} of the shipped network at 20 steps "
                "per second, in the dashboard in a browser window of 1440 x 900. Nothing else happens in the page. "
                "Each sample is the mean over about one second.",
                # The clock of a screen of 60 Hz: what ends just after a second counts for the next one.
                (Aim(at_least=58),) if runs == 50 else (),
            )
            for runs in LIVE_RUNS
        ),
        Definition(
            "live_click_to_frame_ms",
            "ms",
            "From letting go of the mouse on the button that silences a kick group to the first frame of the live view "
            "with a step of the changed network in it being drawn. Real mouse clicks in a browser window of 1440 x "
            "900, in turn silencing the group and bringing it back, while 10 runs take 20 steps per second each, "
            "each click after the slow answers to the one before it have arrived.",
            (Aim(33),),
        ),
        Definition(
            "live_memory_growth_mb",
            "MB",
            "By how much the resident memory (RSS, in 10^6 bytes) of the process in which the browser keeps the page, "
            "the live view's worker included, is larger after ten minutes than after one, while 50 runs go as fast as "
            "they can. Each of the two is the median of ten readings within ten seconds, after the page and its "
            "workers were made to collect their garbage.",
            (Aim(10),),
        ),
        Definition(
            "hover_link_ms",
            "ms",
            "From the mouse moving onto a state in the state space to the frame after the same moment was marked in "
            "all views, in the page alone. Plotly itself looks for what is under the mouse no more than 20 times a "
            "second.",
            (Aim(50),),
        ),
        Definition(
            "scrub_step_ms",
            "ms",
            "From pressing the right arrow on the strip of time to the frame after the next moment was marked in all "
            "views.",
            (Aim(50),),
        ),
        Definition(
            "slider_updates_per_s",
            "1/s",
            "In how many frames the state space showed another sigma while its slider was dragged to and fro for three "
            "seconds with 50 moves a second, over 60 values.",
            (Aim(at_least=20),),
        ),
        Definition(
            "rapid_clicks_lost",
            "",
            "How often, of so many rounds, the page showed another state than the last one after 199 clicks on a group "
            "button, as fast as a browser's robot clicks, and one more: address, figure and list are compared.",
            (Aim(1),),
        ),
        Definition(
            "play_memory_growth_mb",
            "MB",
            "By how much the resident memory (RSS, in 10^6 bytes) of the process in which the browser keeps the page "
            "is larger after ten minutes of playing at 200 steps a second than after one, the live view closed; read "
            "as for the live view.",
            (Aim(10),),
        ),
        *(
            Definition(
                f"click_server_ms_{neurons}",
                "ms",
                f"The server's answer to a click on a neuron that was never silenced before, in a random network of "
                f"{neurons:,} neurons with 10 runs of 400 steps: asked and read without a page.",
                (Aim(400 if neurons > 500 else 200),),
            )
            for neurons in LIVE_SIZES
        ),
        *(
            Definition(
                f"click_server_ms_{runs}_runs",
                "ms",
                f"The same for the shipped network with {runs:,} run{'s' if runs > 1 else ''} of 500 steps.",
                (Aim(200),),
            )
            for runs in COST_RUNS
        ),
        Definition(
            "clicks_per_s_per_core",
            "1/s",
            "How many such clicks on the shipped network, each of a neuron that was not silenced before, are answered "
            "per second and core while four viewers ask as fast as they can, on the same machine.",
        ),
        Definition(
            "worker_memory_mb",
            "MB",
            "Resident memory (RSS, in 10^6 bytes) of the largest of the three workers when nothing was asked of them.",
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
                f"Training a network of 150 neurons to be {family} by the recipe `fast` until it passes the gate; "
                "the time of judging is not counted.",
                (Aim(120), Aim(0.01, "ratio")),
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
    ratio = found["median"] / baseline if found["median"] is not None and baseline else None
    return {
        "name": definition.name,
        "unit": definition.unit,
        **{name: _rounded(value) for name, value in found.items()},
        "n": len(measurement.samples),
        "baseline": measurement.baseline,
        "baseline_median": _rounded(baseline),
        "ratio": _rounded(ratio),
        "aims": _judged(definition, {**found, "ratio": ratio}),
        "note": measurement.note,
        **circumstances,
    }


def _judged(definition: Definition, found: dict[str, float | None]) -> dict[str, bool | None]:
    """Each aim in words, and whether it is met; None where its statistic is not known."""
    values = {aim: found[aim.statistic] for aim in definition.aims}
    return {aim.text(definition.unit): None if value is None else aim.is_met(value) for aim, value in values.items()}


def _rounded(value: float | None) -> float | None:
    # Four digits are more than any of this is good for.
    return None if value is None else float(f"{value:.4g}")
