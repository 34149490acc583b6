"""Time until a network passes the fidelity gate, for every family by the recipe `fast`, and of a step of `paper`."""

from __future__ import annotations

import time
from dataclasses import replace

from benchmarks.figures import Measurement
from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.model.hmm import PRESETS
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import Progress, fit

# A step of the published recipe takes seconds, and all are alike; the first one also warms up.
PAPER_STEPS = 3
# The gate is looked at after so many steps, and after so many more.
LOOK_FROM, LOOK_EVERY = 100, 20


def figure_name(family: str) -> str:
    """Name of the figure that belongs to an HMM family."""
    return f"train_{family.replace('-', '_')}_s"


def training_figures(_repeats: int, families: tuple[str, ...] = tuple(PRESETS)) -> list[Measurement]:
    """Train each family until it passes the gate, and time a few steps of the published recipe before it."""
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


def until_gate(config: TrainingConfig) -> tuple[int, float, bool]:
    """Steps and seconds of a training until it passes the gate, and whether it does; judging is not counted."""
    step, seconds, passes, began = 0, 0.0, False, time.perf_counter()

    def look(progress: Progress) -> None:
        nonlocal step, seconds, passes, began
        step, seconds = progress.step, seconds + time.perf_counter() - began
        if (step >= LOOK_FROM and step % LOOK_EVERY == 0) or step == config.steps:
            passes = measure_fidelity(progress.network(), config.hmm).passes
        began = time.perf_counter()

    fit(config, look, lambda: passes)
    return step, seconds, passes


def _family(family: str) -> Measurement:
    config = TrainingConfig.preset(family)
    # The published recipe may use what cores there are; its results do not depend on it beyond rounding.
    paper = replace(TrainingConfig.preset(family, "paper"), threads=2)
    whole_run = paper.steps * seconds_per_step(paper)
    step, seconds, passes = until_gate(config)
    verdict = "passes" if passes else "fails"
    return Measurement(
        figure_name(family),
        (seconds,),
        f"the published recipe's {paper.steps:,} steps at the pace of {PAPER_STEPS} of them, two threads",
        (whole_run,),
        note=f"seed {config.seed}, {config.threads} thread: {verdict} the gate after step {step} of {config.steps}, "
        f"judged every {LOOK_EVERY} steps",
    )
