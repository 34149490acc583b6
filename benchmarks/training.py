"""Time until a network passes the fidelity gate, for every family by the recipe `fast`, and of a step of `paper`."""

from __future__ import annotations

import time
from dataclasses import replace

from benchmarks.figures import Measurement
from hmmrnn.model.hmm import PRESETS
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import fit, judged

# A step of the published recipe takes seconds, and all are alike; the first one also warms up.
PAPER_STEPS = 3


def figure_name(family: str) -> str:
    """Name of the figure that belongs to an HMM family."""
    return f"train_{family.replace('-', '_')}_s"


def training_figures(_repeats: int, families: tuple[str, ...] = tuple(PRESETS)) -> list[Measurement]:
    """Train each family once, judge it, and time a few steps of the published recipe before it."""
    return [_family(family) for family in families]


def paper_figures(repeats: int) -> list[Measurement]:
    """Measure one step of the published recipe at batch 4096 on linear-2, and one of `fast` beside it."""
    paper, fast = (TrainingConfig.preset("linear-2", recipe, threads=2) for recipe in ("paper", "fast"))
    samples = tuple(seconds_per_step(paper) for _ in range(repeats))
    beside = tuple(seconds_per_step(fast) for _ in range(repeats))
    return [Measurement("paper_step_s", samples, "a step of `fast` on the same HMM, with as many threads", beside)]


def seconds_per_step(config: TrainingConfig) -> float:
    """Mean time of the steps after the first."""
    seconds: list[float] = []
    steps = iter(range(PAPER_STEPS + 2))
    fit(config, lambda progress: seconds.append(progress.seconds), lambda: next(steps) > PAPER_STEPS)
    return (seconds[-1] - seconds[0]) / (len(seconds) - 1)


def _family(family: str) -> Measurement:
    config = TrainingConfig.preset(family)
    # The published recipe may use what cores there are; its results do not depend on it beyond rounding.
    paper = replace(TrainingConfig.preset(family, "paper"), threads=2)
    whole_run = paper.steps * seconds_per_step(paper)
    began = time.perf_counter()
    fitted = fit(config)
    taken = time.perf_counter() - began
    verdict = judged(config, fitted).fidelity
    passed = "passes the gate" if verdict.passes else f"fails the gate: {'; '.join(verdict.failures)}"
    return Measurement(
        figure_name(family),
        (taken,),
        f"the published recipe's {paper.steps:,} steps at the pace of {PAPER_STEPS} of them, two threads",
        (whole_run,),
        note=f"seed {config.seed}, {config.steps} steps, {config.threads} thread: {passed}",
    )
