"""The page of performance figures: a table, the machine, what each figure means, and how to repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.figures import FIGURES

COLUMNS = ("Figure", "Median", "95th percentile", "n", "Measured beside it", "Ratio", "Aim", "Load", "Remarks")
COMMAND = "python -m benchmarks --write docs/pages/performance.md"
# Above this share of the cores, something else was running when the measurement began.
QUIET_LOAD_PER_CORE = 0.5
BOUNDS = "time as an upper bound and every rate as a lower one"

Json = dict[str, Any]


def performance_page(records: Sequence[Json]) -> str:
    """Render figures as a page of Markdown.

    Args:
        records: of one run, as `figures.record` makes them.

    Raises:
        ValueError: there are none.
    """
    if not records:
        raise ValueError("there must be at least one figure to write; got none")
    return "\n".join(
        [
            "# Performance",
            "",
            f"Written by `{COMMAND}`; change the benchmarks, not this page.",
            "",
            *_circumstances(records),
            "",
            *_table(records),
            "",
            *_how_to_read(),
            "",
            "## What each figure means",
            "",
            *(f"- `{item['name']}`: {FIGURES[item['name']].meaning}" for item in records),
            "",
            *_how_to_repeat(),
            "",
        ]
    )


def _circumstances(records: Sequence[Json]) -> list[str]:
    runs = _by_machine(records)
    missing = [name for name in FIGURES if name not in {item["name"] for item in records}]
    lines = [line for run in runs for line in _circumstances_of(run, alone=len(runs) == 1)]
    return [*lines, *([f"- Not measured in this run: {', '.join(missing)}"] if missing else [])]


def _by_machine(records: Sequence[Json]) -> list[list[Json]]:
    """Records of one machine together, in the order in which the machines come first."""
    found: dict[str, list[Json]] = {}
    for item in records:
        found.setdefault(repr(sorted(item["machine"].items())), []).append(item)
    return list(found.values())


def _circumstances_of(run: Sequence[Json], alone: bool) -> list[str]:
    machine, load = run[0]["machine"], run[0]["load"]["before"]
    busy = load > QUIET_LOAD_PER_CORE * machine["cores"]
    remark = f"something else was running, so read every {BOUNDS}" if busy else "the machine was quiet"
    dates, names = sorted(item["date"] for item in run), [f"`{item['name']}`" for item in run]
    return [
        *([] if alone else [f"- Of {', '.join(names)}:"]),
        f"- Date: {dates[0]} to {dates[-1]}",
        f"- Machine: {machine['cpu']}, {machine['cores']} cores; {machine['platform']}",
        f"- Software: Python {machine['python']}; {machine['chromium']}",
        f"- Load before the first figure: {load:.2f} on {machine['cores']} cores: {remark}",
    ]


def _table(records: Sequence[Json]) -> list[str]:
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(_row(item) for item in records)]
    return ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows]


def _row(item: Json) -> tuple[str, ...]:
    unit, load = item["unit"], item["load"]
    return (
        f"`{item['name']}`",
        _value(item["median"], unit),
        _value(item["p95"], unit),
        str(item["n"]),
        _beside(item),
        "" if item["ratio"] is None else f"{_digits(item['ratio'])} x",
        ", ".join(item["aims"]) or "none",
        f"{load['before']:.2f}, {load['after']:.2f}",
        _remarks(item),
    )


def _beside(item: Json) -> str:
    if item["baseline_median"] is None:
        return str(item["baseline"])
    return f"{_value(item['baseline_median'], item['unit'])}: {item['baseline']}"


def _remarks(item: Json) -> str:
    return "; ".join([_verdict(item["aims"]), *([item["note"]] if item["note"] else [])])


def _verdict(aims: dict[str, bool | None]) -> str:
    missed = [text for text, met in aims.items() if met is False]
    if missed:
        return "**Aim missed**" if len(aims) == 1 else f"**Aim missed**: {', '.join(missed)}"
    if not aims:
        return "No aim set"
    return "Not judged: too few samples" if None in aims.values() else "Aim met"


def _value(value: float | None, unit: str) -> str:
    return "" if value is None else f"{_digits(value)} {unit}"


def _digits(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _how_to_read() -> list[str]:
    return [
        "The baseline is measured in the same run, in turn with the figure, so that what slows the machine down for",
        "a while slows both. Ratio: the figure's median over the baseline's. Load: processes that ran or waited,",
        "averaged over the last minute, before and after; from the second measurement on it holds the benchmark's own.",
    ]


def _how_to_repeat() -> list[str]:
    return [
        "## Repeat it",
        "",
        "    make bench",
        "",
        "prints one JSON line per figure. To replace this page, on a machine that does nothing else:",
        "",
        f"    {COMMAND}",
        "",
        "Linux only: memory is read from /proc.",
    ]
