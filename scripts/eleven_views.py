"""Look at shipped networks through every lens, test two facts, write docs/pages/eleven-views.md (`make views`)."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.lenses.catalog import LENSES, Lens, headline
from hmmrnn.lenses.two_facts import SIGMAS, hidden_entropy_production, noise_scaling, reversibility
from hmmrnn.model.checkpoint import load
from hmmrnn.model.hmm import PRESETS
from hmmrnn.model.metadata import target
from hmmrnn.model.network import Network, few_threads
from hmmrnn.shipped import MODELS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pages" / "eleven-views.md"
FACTS = "facts"
# Of a number that is measured of several things, those with these keys; of others, so many.
CHOSEN = {"accuracy": ("5",), "naive": ("5",), "bayes": ("5",)}
MOST = 4
# A row of the table is about one of several things, and these say of which.
FOLLOWED = 3

OPENING = """# Eleven views of one mechanism

Made by `make views` on {today}, from the files in `models/`, with seed {seeds} for all noise. Each section is one lens:
the central analysis of a neighbouring paper, on the same networks ([reference](reference/lenses.md)).
`hmmrnn lens NAME NETWORK` prints the same numbers for any network. ± is one standard error over runs{spread}; *null*
is what the same measure gives where there is nothing to find, and each lens says how it is made. "{nothing}" stands
where there is none: an exit that is not taken, a network that diverges, a lens that was not looked through.
"""
NOTHING = "no number"
# Standard errors by which a difference counts as clear.
CLEARLY = 2.0

FACT_ONE = """## An irreversible machine emulates a reversible process

The six target HMMs look the same forwards and backwards: the entropy production of their hidden states is 0, so that
all joint probabilities of emissions over lags are symmetric. *Asymmetry* is the length of all differences
J(i, j) - J(j, i) of the network's emissions over five lags; its null has half of the runs reversed in time. The state
in the plane is another matter. The z-score of its circulation is the area rate in the plane over its standard error;
where several orbits lie in the plane, their circulations may cancel, and the entropy production still tells the
direction of time.
"""
FACT_TWO = """## There is no weak-noise regime

Without bias the networks are positively homogeneous: noise that is scaled scales the whole run, and the outputs stay
as they are. Leave rates, regions and barriers in nats are the same at any sigma, so there is no regime of rare
switches (Kramers): a barrier is no energy over a temperature, and does not by itself set a leave rate. The contrast
is the same network with a bias of its own, whose switches change with the noise. Switches are per step.
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.eleven_views", description=__doc__)
    parser.add_argument(
        "networks", nargs="*", default=list(PRESETS), help="names of shipped networks (those of the paper)"
    )
    parser.add_argument("--lens", nargs="*", default=[lens.id for lens in LENSES], help="which lenses (all)")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of the noise for each network, from 0 (1)")
    parser.add_argument("--keep", type=Path, help="JSON file of numbers: those in it are not measured anew")
    args = parser.parse_args(argv)
    kept = json.loads(args.keep.read_text(encoding="utf-8")) if args.keep and args.keep.exists() else {}
    wanted = product(range(args.seeds), (FACTS, *args.lens), args.networks)
    for seed, what, name in wanted:
        key = f"{what} {name} {seed}"
        if key not in kept:
            sys.stderr.write(f"{key} ...\n")
            kept[key] = measure(load(MODELS / f"{name}.safetensors"), what, seed)
            if args.keep:
                args.keep.write_text(json.dumps(kept), encoding="utf-8")
    PAGE.write_text(page(kept, args.networks, args.seeds, date.today().isoformat()), encoding="utf-8")
    sys.stderr.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    return 0


def measure(network: Network, what: str, seed: int) -> dict[str, Any]:
    """The headline of a lens, or what the two facts say of a network, as plain values."""
    with few_threads(network):
        if what != FACTS:
            (lens,) = (lens for lens in LENSES if lens.id == what)
            try:
                return headline(lens, lens.look(network, seed))
            except ValueError as error:
                return {"refused": str(error)}
        found = {**_plain(reversibility(network, seed)), **_plain(noise_scaling(network, seed))}
        return {**found, "hidden": hidden_entropy_production(target(network.metadata, network.n_outputs))}


def _plain(result: Any) -> dict[str, Any]:
    values = {field.name: getattr(result, field.name) for field in fields(result)}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


# ---- the page ----


def page(kept: Mapping[str, dict[str, Any]], networks: list[str], seeds: int, today: str) -> str:
    """The whole page, in Markdown."""
    which = "0" if seeds == 1 else f"0 to {seeds - 1}"
    spread = "" if seeds == 1 else "; numbers are means over seeds, and ± then is the standard error over seeds"
    parts = [OPENING.format(today=today, seeds=which, spread=spread, nothing=NOTHING)]
    parts += [in_short(kept, networks), fact_one(kept, networks, seeds), fact_two(kept, networks, seeds)]
    parts += [section(lens, kept, networks, seeds) for lens in LENSES]
    return "\n".join(parts)


def in_short(kept: Mapping[str, dict[str, Any]], networks: list[str]) -> str:
    """What the lenses find clearly in how many of the networks, in sentences."""

    def of(lens: str, number: str, key: str | int | None = None) -> list[float]:
        found = (_at(kept.get(f"{lens} {name} 0", {}).get(number), key) for name in networks)
        return [value for value in found if value is not None]

    def count(one: list[float], other: list[float], errors: list[float]) -> str:
        clear = [a - b > CLEARLY * e for a, b, e in zip(one, other, errors or [0.0] * len(one), strict=True)]
        return f"{sum(clear)} of {len(one)}"

    facts = [
        (
            "In {count} networks activity tells the output 5 steps back better than the HMM's hidden state does, in "
            "{low:.0%} to {high:.0%} of the steps beside {low_other:.0%} to {high_other:.0%}: they remember more than "
            "the task asks for.",
            of("memory", "accuracy", "5"),
            of("memory", "bayes", "5"),
            of("memory", "accuracy_se", "5"),
        ),
        (
            "In {count} the belief is decoded from activity better than activity from the belief, with {low:.2f} to "
            "{high:.2f} of the variance beside {low_other:.2f} to {high_other:.2f}: they hold more than the belief.",
            of("belief", "r2_belief_from_h"),
            of("belief", "r2_h_from_belief"),
            of("belief", "r2_belief_from_h_se"),
        ),
        (
            "In {count} the emissions ask for more hidden states than the target's own emissions do.",
            of("recovered", "states_by_bic"),
            of("recovered", "states_by_bic_null"),
            [],
        ),
        (
            "In {count} a student of three in ten neurons knows more of the others than a student of the outputs "
            "alone, {low:.2f} to {high:.2f} of their variance beside {low_other:.2f} to {high_other:.2f}.",
            of("sparse", "r2_unseen", "0.3"),
            of("sparse", "r2_unseen_null", "0.3"),
            of("sparse", "r2_unseen_se", "0.3"),
        ),
    ]
    lines = [
        "- "
        + text.format(
            count=count(one, other, errors), low=min(one), high=max(one), low_other=min(other), high_other=max(other)
        )
        for text, one, other, errors in facts
        if one and len(one) == len(other)
    ]
    exponents = of("timescales", "lyapunov", 0)
    if exponents:
        below = sum(exponent < 0 for exponent in exponents)
        lines.append(
            f"- In {below} of {len(exponents)} runs under the same noise come together: the largest exponents are "
            f"{min(exponents):.3f} to {max(exponents):.3f} nats per step."
        )
    return "\n".join(
        ["## In short", "", f"A difference counts where it is above {CLEARLY:g} standard errors.", "", *lines, ""]
    )


def section(lens: Lens, kept: Mapping[str, dict[str, Any]], networks: list[str], seeds: int) -> str:
    """The section of a lens: its help, and a row for each network."""
    found = {name: [kept.get(f"{lens.id} {name} {seed}", {}) for seed in range(seeds)] for name in networks}
    columns = list(dict.fromkeys(column for rows in found.values() for column in _columns(lens, rows[0])))
    rows = [[name, *(_cell(rows, column) for column in columns)] for name, rows in found.items()]
    heads = [_name(*column) for column in columns]
    return f"## {lens.title}\n\n{lens.help} After: {lens.paper}.\n\n{table(['network', *heads], rows)}"


def _columns(lens: Lens, numbers: Mapping[str, Any]) -> Iterator[tuple[str, str | int | None]]:
    """Name and key of each number that the page shows."""
    for name in lens.numbers:
        value = numbers.get(name)
        if isinstance(value, Mapping):
            keys = [key for key in CHOSEN.get(name, ()) if key in value] or list(value)[:MOST]
            yield from ((name, key) for key in keys)
        elif isinstance(value, list):
            yield from ((name, place) for place in range(min(FOLLOWED, len(value))))
        elif value is not None:
            yield name, None


def _name(name: str, key: str | int | None) -> str:
    words = name.replace("_", " ").replace("r2 ", "R² ")
    return words if key is None else f"{words} {key + 1 if isinstance(key, int) else key}"


def _cell(rows: list[dict[str, Any]], column: tuple[str, str | int | None]) -> str:
    """A number with error and null, of one seed or over several."""
    name, key = column
    values, errors, nulls = ([_at(row.get(f"{name}{end}"), key) for row in rows] for end in ("", "_se", "_null"))
    if values[0] is None:
        return NOTHING
    if isinstance(values[0], list):
        value, error, null = values[0], errors[0], nulls[0]
        *about, size = value
        return " ".join(map(str, about)) + ": " + _said(size, error, null)
    if len(values) > 1 and all(isinstance(value, (int, float)) for value in values):
        spread = float(np.std(values, ddof=1) / np.sqrt(len(values)))
        known = [null for null in nulls if null is not None]
        return _said(float(np.mean(values)), spread, float(np.mean(known)) if known else None)
    return _said(values[0], errors[0], nulls[0])


def _at(value: Any, key: str | int | None) -> Any:
    if key is None:
        return value
    if isinstance(value, Mapping):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None


def _said(value: float, error: float | None, null: float | None) -> str:
    if math.isnan(value):
        return NOTHING
    text = f"{value:.3g}" + ("" if error is None or math.isnan(error) else f" ± {error:.1g}")
    return text if null is None else f"{text} (null {null:.2g})"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fact_one(kept: Mapping[str, dict[str, Any]], networks: list[str], seeds: int) -> str:
    """Symmetric emissions, and circulation in the plane."""
    rows = []
    for name in networks:
        found = kept.get(f"{FACTS} {name} 0")
        if found is None:
            continue
        current = kept.get(f"current {name} 0", {})
        emitted = _said(found["asymmetry"], found["asymmetry_se"], found["asymmetry_null"])
        turning = NOTHING
        if current.get("area_rate_se"):
            turning = f"{current['area_rate'] / current['area_rate_se']:.1f}"
            turning += f" (null {current['area_rate_null'] / current['area_rate_se']:.1f})"
        produced = "entropy_production"
        bound = (
            _said(*(current[f"{produced}{end}"] for end in ("", "_se", "_null"))) if produced in current else NOTHING
        )
        rows.append([name, f"{max(0.0, found['hidden']):.4f}", emitted, f"{found['largest']:.1g}", turning, bound])
    heads = ["network", "HMM's entropy production", "asymmetry of emissions", "largest difference of two joints"]
    heads += ["z-score of the circulation", "entropy production in the plane (nats per step)"]
    return f"{FACT_ONE}\n{table(heads, rows)}"


def fact_two(kept: Mapping[str, dict[str, Any]], networks: list[str], seeds: int) -> str:
    """The same outputs under noise of any strength, unless there is a bias."""
    rows = []
    for name in networks:
        found = kept.get(f"{FACTS} {name} 0")
        if found is not None:
            rates = [_said(*pair, None) for pair in zip(found["switch_rate"], found["switch_rate_se"], strict=True)]
            biased = [_said(*pair, None) for pair in zip(found["with_bias"], found["with_bias_se"], strict=True)]
            rows.append([name, *rates, f"{100 * min(found['same']):.2f} %", *biased])
    heads = ["network", *(f"sigma {sigma:g}" for sigma in SIGMAS), "steps with the same output"]
    return f"{FACT_TWO}\n{table([*heads, *(f'with a bias, sigma {sigma:g}' for sigma in SIGMAS)], rows)}"


if __name__ == "__main__":
    sys.exit(main())
