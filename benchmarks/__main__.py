"""Run the benchmarks: one JSON line per figure on stdout, progress on stderr; a missed aim is no failure.

python -m benchmarks [--only NAME ...] [--write docs/pages/performance.md]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.clicks import click_figures
from benchmarks.costs import capacity_figures, run_figures, size_figures
from benchmarks.engine import kick_figures, residency_figures
from benchmarks.experiments import gain_sweep_figures
from benchmarks.figures import COST_RUNS, FIGURES, LENSES, LIVE_RUNS, LIVE_SIZES, Measurement, record
from benchmarks.interactions import drag_figures, link_figures, play_memory_figures, rapid_figures
from benchmarks.lenses import comparison_figures, lens_figures, search_figures
from benchmarks.live_clicks import live_click_figures
from benchmarks.live_engine import live_engine_figures
from benchmarks.live_view import live_frames_figures, live_memory_figures
from benchmarks.machine import load, machine
from benchmarks.performance_page import performance_page
from benchmarks.startup import opening_figures, startup_figures
from benchmarks.training import figure_name, paper_figures, training_figures
from hmmrnn.model.hmm import PRESETS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bench:
    """Figures that are measured together.

    Attributes:
        names: of the figures.
        measure: takes the number of repetitions.
        repeats: how often, if nothing else is asked for.
    """

    names: tuple[str, ...]
    measure: Callable[[int], list[Measurement]]
    repeats: int


BENCHES = (
    Bench(("click_to_drawn_ms", "web_memory_mb"), click_figures, 40),
    Bench(("cold_start_to_first_figure_s",), startup_figures, 3),
    Bench(("first_figure_s",), opening_figures, 10),
    Bench(("residency_s",), residency_figures, 3),
    Bench(("kick_detection_s",), kick_figures, 2),
    Bench(("gain_sweep_s",), gain_sweep_figures, 2),
    Bench(tuple(f"lens_{name}_s" for name in LENSES), lens_figures, 2),
    Bench(("compare_s",), comparison_figures, 2),
    Bench(("compare_many_s",), search_figures, 1),
    Bench(tuple(f"live_steps_per_s_{neurons}" for neurons in LIVE_SIZES), live_engine_figures, 40),
    Bench(tuple(f"live_frames_per_s_{runs}" for runs in LIVE_RUNS), live_frames_figures, 20),
    Bench(("live_click_to_frame_ms",), live_click_figures, 40),
    Bench(("live_memory_growth_mb",), live_memory_figures, 9),
    Bench(("hover_link_ms", "scrub_step_ms"), link_figures, 40),
    Bench(("slider_updates_per_s",), drag_figures, 3),
    Bench(("rapid_clicks_lost",), rapid_figures, 3),
    Bench(("play_memory_growth_mb",), play_memory_figures, 9),
    Bench(tuple(f"click_server_ms_{neurons}" for neurons in LIVE_SIZES), size_figures, 20),
    Bench(tuple(f"click_server_ms_{runs}_runs" for runs in COST_RUNS), run_figures, 20),
    Bench(("clicks_per_s_per_core", "worker_memory_mb"), capacity_figures, 3),
    Bench(("paper_step_s",), paper_figures, 3),
    *(Bench((figure_name(family),), partial(training_figures, families=(family,)), 1) for family in PRESETS),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write the page if it is asked for."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    measured_on = machine()
    records = []
    for bench in BENCHES:
        wanted = [name for name in bench.names if name in args.only]
        if not wanted:
            continue
        logger.info("measuring %s", ", ".join(wanted))
        before = load()
        measurements = bench.measure(args.repeats or bench.repeats)
        circumstances = {
            "machine": measured_on,
            "load": {"before": before, "after": load()},
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        for measurement in measurements:
            if measurement.name in wanted:
                records.append(record(measurement, circumstances))
                sys.stdout.write(json.dumps(records[-1], allow_nan=False) + "\n")
                sys.stdout.flush()
    if args.write:
        args.write.write_text(performance_page(records), encoding="utf-8")
        logger.info("wrote %s", args.write)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the dashboard's speed and memory: one JSON line per figure. A missed aim is no failure.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(FIGURES), default=list(FIGURES), metavar="NAME", help=", ".join(FIGURES)
    )
    parser.add_argument(
        "--write", type=_writable, metavar="FILE", help="also render the figures as a page, replacing it"
    )
    # For trying the benchmarks out: with few repetitions the figures mean little.
    parser.add_argument("--repeats", type=int, help=argparse.SUPPRESS)
    return parser


def _writable(name: str) -> Path:
    path = Path(name)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {path.parent} does not exist; make it first")
    return path


if __name__ == "__main__":
    sys.exit(main())
