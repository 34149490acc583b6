"""Look at every shipped network in every way there is, and write what was found: python -m docs.findings."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

import numpy as np

from hmmrnn.checkpoint import load
from hmmrnn.claims import CLEARLY, Claim, claims, intercept_text
from hmmrnn.figures.kick import exit_label
from hmmrnn.findings import Findings, findings
from hmmrnn.hmm import PRESETS
from hmmrnn.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION, region_shares
from hmmrnn.report import thresholds
from hmmrnn.series import snapshot_files

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "findings.md"
SEED = 0

OPENING = """# What the shipped networks show

Made by `make findings` on {today}, from the files in `models/`, with seed {seed} for every run. Each claim of the paper
(Torre et al., NeurIPS 2025, arXiv 2510.25674) is judged by numbers of the network alone; the sentences below the tables
are those of `python -m hmmrnn analyse NETWORK --out DIR`, which writes the same with figures for any network.

"Reproduced", "differs" and "not reproduced" are verdicts by thresholds: those of the paper where it gives one, this
project's own otherwise. One number is above another if it is by {clearly:g} standard errors or more. ± is one standard
error.
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.findings", description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(PRESETS), help="names of shipped networks (all)")
    names = parser.parse_args(argv).networks
    found = {}
    for name in names:
        sys.stderr.write(f"{name} ...\n")
        network = load(ROOT / "models" / f"{name}.safetensors")
        series = [load(path) for path in snapshot_files(ROOT / "models", network.metadata)]
        found[name] = findings(network, SEED, series)
    PAGE.write_text(page(found, date.today().isoformat()), encoding="utf-8")
    sys.stderr.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    return 0


def page(found: dict[str, Findings], today: str) -> str:
    """The whole page, in Markdown."""
    judged = {name: claims(one) for name, one in found.items()}
    parts = [
        OPENING.format(today=today, seed=SEED, clearly=CLEARLY),
        "## Claims\n",
        _verdicts(judged),
        "## Kick groups\n",
        _kick_groups(found),
        "Ratio: leave rate with the group silenced over intact, on noise that the search did not see. Percentile: of "
        "200 random groups of the same size, how many go as low. Agreement: overlap of the groups of two seeds, mean "
        "over five. Another way: what else closes the exit, where silencing is not proven.\n",
        "## Dynamics\n",
        _dynamics(found),
        "## Thresholds\n",
        _table(["term", "meaning"], [[term, text.replace("|", "\\|")] for term, text in thresholds().items()]),
        *(part for name, these in judged.items() for part in _sentences(name, these)),
    ]
    return "\n".join(parts)


def _verdicts(judged: dict[str, tuple[Claim, ...]]) -> str:
    any_of_them = next(iter(judged.values()))
    rows = [
        [claim.text, *(these[position].verdict for these in judged.values())]
        for position, claim in enumerate(any_of_them)
    ]
    return _table(["claim", *judged], rows)


def _kick_groups(found: dict[str, Findings]) -> str:
    header = [
        "network",
        "exit",
        "neurons",
        "ratio",
        "random: median, 1 %",
        "percentile",
        "proven",
        "agreement",
        "another way",
    ]
    rows = []
    for name, one in found.items():
        for group in one.kick.groups if one.kick else ():
            null = group.control_ratios
            overlap = dict(zip(one.agreement.exits, one.agreement.overlap, strict=True)) if one.agreement else {}
            closes = [p for p in group.pictures if p.proven]
            rows.append(
                [
                    name,
                    exit_label(group.output, group.to),
                    str(len(group.neurons)),
                    f"{group.leave_rate_ratio:.2f}" if group.neurons else "no profile",
                    f"{np.median(null):.2f}, {np.quantile(null, 0.01):.2f}" if len(null) else "n/a",
                    f"{group.percentile:.1f} %" if len(null) else "n/a",
                    "yes" if group.proven else "no",
                    f"{overlap.get((group.output, group.to), np.nan):.2f}",
                    "; ".join(f"{p.kind} ({len(p.intervention.neurons)}): {p.leave_rate_ratio:.2f}" for p in closes)
                    or ("" if group.proven else "none found"),
                ]
            )
    return _table(header, rows)


def _dynamics(found: dict[str, Findings]) -> str:
    shown = (CLUSTER, KICK_ZONE, TRANSITION)
    header = ["network", "variance in PC1, PC2", "turns per two switches", "cluster, kick zone, transition, unassigned"]
    header += ["unstable eigenvalues (same order)", "radius against sigma: slope, intercept"]
    rows = []
    for name, one in found.items():
        if one.plane is None or one.landscape is None or one.noise is None or one.circling is None:
            rows.append([name, *["diverges"] * (len(header) - 1)])
            continue
        region, at = one.landscape.residency.region, one.landscape.spectra_at
        shares = region_shares(region)
        unstable = one.landscape.spectra.unstable
        means = [unstable[region[at] == kind].mean() if (region[at] == kind).any() else np.nan for kind in shown]
        cycles = one.circling.switches / 2
        rows.append(
            [
                name,
                f"{100 * one.plane.explained_variance_ratio[:2].sum():.0f} %",
                f"{abs(one.circling.turns) / cycles:.2f}" if cycles else "no switch",
                ", ".join(f"{100 * shares[kind]:.1f} %" for kind in REGIONS),
                ", ".join(f"{mean:.2f}" if np.isfinite(mean) else "n/a" for mean in means),
                f"{one.noise.slope:.3g} ± {one.noise.slope_se:.2g}, {intercept_text(one.noise)}; "
                f"R² {one.noise.r_squared:.4f}",
            ]
        )
    return _table(header, rows)


def _sentences(name: str, these: tuple[Claim, ...]) -> list[str]:
    lines = [f"- {claim.text}: **{claim.verdict}**. {_in_one_line(claim.sentence)}" for claim in these]
    return [f"## {name}\n", "\n".join(lines) + "\n"]


def _in_one_line(sentence: str) -> str:
    return sentence.replace("\n", "<br>")


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
