"""Look at all shipped networks through every lens, test two facts, write docs/pages/eleven-views.md (`make views`)."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.lenses.catalog import LENSES, Lens, headline
from hmmrnn.lenses.reversal_and_scaling import SIGMAS, hidden_entropy_production, noise_scaling, reversibility
from hmmrnn.model.checkpoint import load
from hmmrnn.model.hmm import PRESETS
from hmmrnn.model.metadata import target
from hmmrnn.model.network import Network, few_threads
from hmmrnn.shipped import FURTHER, MODELS, list_seeds

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pages" / "eleven-views.md"
FACTS = "facts"
# Of a number that is measured of several things, those with these keys; of others, so many.
CHOSEN = {"accuracy": ("5",), "naive": ("5",), "bayes": ("5",)}
MOST = 4
# Which way a state turns in its plane depends on the signs of the plane's axes: over networks its size counts.
SIZES = ("area_rate",)
# A row of the table is about one of several things, and these say of which.
FOLLOWED = 3

OPENING = """# Eleven views of one mechanism

Made by `make views` on {today}, from the files in `models/`: {count} networks, of each family those that differ in
their seed alone. The noise has seed 0. Each section is one lens: the central analysis of a neighbouring paper, on the
same networks ([reference](reference/lenses.md)). `hmmrnn lens NAME NETWORK` prints the same numbers for any network.
± is one standard deviation over the networks of a family; of a number that is known of one network alone, its standard
error over runs. *null* is what the same measure gives where there is nothing to find, and each lens says how it is
made. "{nothing}" stands where there is none: an exit that is not taken, a network that diverges, a lens that was not
looked through. Where the networks have one neuron each to name, it is that of seed 0; of the area rate, whose sign is
that of the plane's axes, the size counts.
"""
NOTHING = "no number"
# Standard errors by which a difference counts as clear.
CLEARLY = 2.0

FACT_ONE = """## An irreversible machine emulates a reversible process

The six target HMMs look the same forwards and backwards: the entropy production of their hidden states is 0, so that
all joint probabilities of emissions over lags are symmetric. *Asymmetry* is the length of all differences
J(i, j) - J(j, i) of the network's emissions over five lags; its null has half of the runs reversed in time. The state
in the plane is another matter. The z-score of its circulation is the area rate in the plane over its standard error,
without its sign, which is that of the plane's axes; where several orbits lie in the plane, their circulations may
cancel, and the entropy production still tells the direction of time.

By more than {clearly:g} standard errors, the entropy production in the plane is above its null in {turning} networks,
and the asymmetry of the emissions in {emitted}.
"""
FACT_TWO = """## There is no weak-noise regime

Without bias the networks are positively homogeneous: noise that is scaled scales the whole run, and the outputs stay
as they are. Leave rates, regions and barriers in nats are the same at any sigma, so there is no regime of rare
switches (Kramers): a barrier is no energy over a temperature, and does not by itself set a leave rate. The contrast
is the same network with a bias of its own, whose switches change with the noise. Switches are per step.
"""


Numbers = Mapping[str, Any]
# The numbers of each lens and network, by "lens network".
Kept = Mapping[str, Numbers]
# The names of the networks of each family.
Families = Mapping[str, Sequence[str]]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.eleven_views", description=__doc__)
    parser.add_argument("families", nargs="*", default=list(PRESETS), help="families of networks (those of the paper)")
    parser.add_argument("--lens", nargs="*", default=[lens.id for lens in LENSES], help="which lenses (all)")
    parser.add_argument("--keep", type=Path, help="JSON file of numbers: those in it are not measured anew")
    args = parser.parse_args(argv)
    kept = json.loads(args.keep.read_text(encoding="utf-8")) if args.keep and args.keep.exists() else {}
    families = {family: members(family) for family in args.families}
    for name in (name for names in families.values() for name in names):
        for what in (FACTS, *args.lens):
            if (key := f"{what} {name}") in kept:
                continue
            sys.stderr.write(f"{key} ...\n")
            kept[key] = measure(load(file_of(name)), what)
            if args.keep:
                args.keep.write_text(json.dumps(kept), encoding="utf-8")
    PAGE.write_text(page(kept, families, date.today().isoformat()), encoding="utf-8")
    sys.stderr.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    return 0


def members(family: str) -> tuple[str, ...]:
    """The shipped network of a family, and those that differ from it in their seed alone."""
    return (family, *(name for name in list_seeds() if name.rsplit("-seed-", 1)[0] == family))


def file_of(name: str) -> Path:
    """The file of a shipped network."""
    return (FURTHER if name in list_seeds() else MODELS) / f"{name}.safetensors"


def measure(network: Network, what: str, seed: int = 0) -> dict[str, Any]:
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


def page(kept: Kept, families: Families, today: str) -> str:
    """The whole page, in Markdown."""
    networks = [name for names in families.values() for name in names]
    parts = [OPENING.format(today=today, count=len(networks), nothing=NOTHING)]
    parts += [in_short(kept, networks), fact_one(kept, families), fact_two(kept, families)]
    parts += [section(lens, kept, families) for lens in LENSES]
    return "\n".join(parts)


def in_short(kept: Kept, networks: Sequence[str]) -> str:
    """What the lenses find clearly in how many of the networks, in sentences."""

    def of(lens: str, number: str, key: str | int | None = None) -> list[float]:
        found = (_at(kept.get(f"{lens} {name}", {}).get(number), key) for name in networks)
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


def section(lens: Lens, kept: Kept, families: Families) -> str:
    """The section of a lens: its help, and a row for each family."""
    found = {family: [kept.get(f"{lens.id} {name}", {}) for name in names] for family, names in families.items()}
    columns = list(dict.fromkeys(column for rows in found.values() for column in _columns(lens, rows[0])))
    rows = [[family, *(_cell(rows, *column) for column in columns)] for family, rows in found.items()]
    heads = [_name(*column) for column in columns]
    return f"## {lens.title}\n\n{lens.help} After: {lens.paper}.\n\n{table(['networks', *heads], rows)}"


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


def _cell(rows: Sequence[Numbers], name: str, key: str | int | None = None) -> str:
    """A number of the networks of a family, with its spread and its null."""
    found = [[_at(row.get(f"{name}{end}"), key) for end in ("", "_se", "_null")] for row in rows]
    value, error, null = found[0]
    if len(rows) > 1 and name in SIZES:
        found = [[None if number is None else abs(number) for number in one] for one in found]
    if isinstance(value, list):
        *about, size = value
        return " ".join(map(str, about)) + ": " + _said(size, error, null)
    return _over_networks([one for one in found if one[0] is not None and not math.isnan(one[0])])


def _over_networks(found: Sequence[Sequence[Any]]) -> str:
    """Mean and standard deviation of [number, standard error, null]; of one network as it is."""
    if not found:
        return NOTHING
    if len(found) == 1:
        return _said(*found[0])
    values = [value for value, *_ in found]
    nulls = [null for *_, null in found if null is not None]
    return _said(float(np.mean(values)), float(np.std(values, ddof=1)), float(np.mean(nulls)) if nulls else None)


def _at(value: Any, key: str | int | None) -> Any:
    if key is None:
        return value
    if isinstance(value, Mapping):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None


def _said(value: float, error: float | None, null: float | None) -> str:
    if math.isnan(value):
        return NOTHING
    text = f"{value:.3g}" + ("" if error is None or math.isnan(error) else f" ± {float(f'{error:.1g}'):g}")
    return text if null is None else f"{text} (null {null:.2g})"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fact_one(kept: Kept, families: Families) -> str:
    """Symmetric emissions, and circulation in the plane."""
    rows = []
    for family, names in families.items():
        facts = [kept[f"{FACTS} {name}"] for name in names if f"{FACTS} {name}" in kept]
        currents = [kept.get(f"current {name}", {}) for name in names]
        if not facts:
            continue
        turning = [
            [abs(one["area_rate"] / one["area_rate_se"]), None, abs(one["area_rate_null"] / one["area_rate_se"])]
            for one in currents
            if one.get("area_rate_se")
        ]
        hidden = f"{max(0.0, facts[0]['hidden']):.4f}"
        emitted, largest = _cell(facts, "asymmetry"), f"{max(one['largest'] for one in facts):.1g}"
        rows.append([family, hidden, emitted, largest, _over_networks(turning), _cell(currents, "entropy_production")])
    heads = ["networks", "HMM's entropy production", "asymmetry of emissions", "largest difference of two joints"]
    heads += ["size of the z-score of the circulation", "entropy production in the plane (nats per step)"]
    networks = [name for names in families.values() for name in names]
    counts = {
        "turning": _clear(kept, networks, "current", "entropy_production"),
        "emitted": _clear(kept, networks, FACTS, "asymmetry"),
    }
    return f"{FACT_ONE.format(clearly=CLEARLY, **counts)}\n{table(heads, rows)}"


def _clear(kept: Kept, networks: Sequence[str], lens: str, number: str) -> str:
    """In how many networks a number lies clearly above its null."""
    found = [one for name in networks if number in (one := kept.get(f"{lens} {name}", {}))]
    clear = [one[number] - one[f"{number}_null"] > CLEARLY * one[f"{number}_se"] for one in found]
    return f"{sum(clear)} of {len(clear)}"


def fact_two(kept: Kept, families: Families) -> str:
    """The same outputs under noise of any strength, unless there is a bias."""
    rows = []
    for family, names in families.items():
        facts = [kept[f"{FACTS} {name}"] for name in names if f"{FACTS} {name}" in kept]
        if facts:
            rates, biased = (
                [_cell(facts, name, i) for i in range(len(SIGMAS))] for name in ("switch_rate", "with_bias")
            )
            rows.append([family, *rates, f"{100 * min(min(one['same']) for one in facts):.2f} %", *biased])
    heads = ["networks", *(f"sigma {sigma:g}" for sigma in SIGMAS), "steps with the same output, at least"]
    return f"{FACT_TWO}\n{table([*heads, *(f'with a bias, sigma {sigma:g}' for sigma in SIGMAS)], rows)}"


if __name__ == "__main__":
    sys.exit(main())
