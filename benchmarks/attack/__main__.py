"""Attack a server of this machine, and write what was sent, found and seen into a page.

python -m benchmarks.attack [--only WORDS] [--short] [--write docs/pages/security.md]

One JSON line for each trial. The status is 1 if the server did not hold in any of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.attack import TRIALS
from benchmarks.attack.trial import LONG, Outcome, Trial, attacked
from benchmarks.load import with_section
from benchmarks.machine import load, machine

TITLE = "Attacks"
FELL = ": **did not hold**"
HEAD = "| trial | sent | before the defence | now |\n| --- | --- | --- | --- |"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the trials, print one JSON line for each, and write the section of the page if it is asked for."""
    args = _parser().parse_args(argv)
    chosen = [trial for trial in TRIALS if args.only.lower() in trial.name.lower()]
    outcomes = []
    for trial in chosen:
        # A server of its own for each: none gets by because another one has stopped what it would have met.
        with attacked() as victim:
            outcomes.append(trial.run(victim, 1 if args.short else LONG))
        sys.stdout.write(json.dumps({"name": trial.name, **asdict(outcomes[-1])}) + "\n")
        sys.stdout.flush()
    if args.write:
        text = section(chosen, outcomes)
        args.write.write_text(with_section(args.write.read_text(encoding="utf-8"), TITLE, text), encoding="utf-8")
    return int(not all(outcome.held for outcome in outcomes))


def section(trials: Sequence[Trial], outcomes: Sequence[Outcome]) -> str:
    """The section of the page."""
    on = machine()
    rows = [
        f"| {trial.name} | {outcome.sent} | {trial.found} | {outcome.seen}{FELL if not outcome.held else ''} |"
        for trial, outcome in zip(trials, outcomes, strict=True)
    ]
    words = (
        f"Written by `make attack`; `make test` sends a tenth of each. On {on['cpu']}, {on['cores']} cores, "
        f"{on['platform']}, Python {on['python']}; two web processes, on the same machine. Load after: {load():.2f}. "
        f"{datetime.now(UTC).isoformat(timespec='seconds')}."
    )
    return "\n".join([words, "", HEAD, *rows])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.attack", description="Attack a server of this machine.", allow_abbrev=False
    )
    parser.add_argument("--only", default="", metavar="WORDS", help="only trials whose name has these words")
    parser.add_argument("--short", action="store_true", help="as small as in make test")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page whose section is replaced")
    return parser


if __name__ == "__main__":
    sys.exit(main())
