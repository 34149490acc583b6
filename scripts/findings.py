"""Judge the claims of the paper on every shipped network and write docs/pages/findings.md (`make findings`)."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION, region_shares
from hmmrnn.explorer.experiments import findings_of
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.report.claims import Claim, judge_claims
from hmmrnn.report.findings import Findings
from hmmrnn.report.judge_dynamics import format_intercept
from hmmrnn.report.verdicts import CLEARLY, describe_thresholds
from hmmrnn.shipped import ANSWERS, SHELF
from hmmrnn.storage.shipped_answers import ShippedAnswers
from scripts.answers import explorer_in

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pages" / "findings.md"
SEED = 0

OPENING = """# What the shipped networks show

Made by `make findings` on {today}, from the files in `models/`, with seed {seed} for every run. Each claim of the paper
(Torre et al., NeurIPS 2025, arXiv 2510.25674) is judged by numbers of the network alone; the sentences below the tables
are those of `python -m hmmrnn analyse NETWORK --out DIR`, which writes the same with figures for any network. Kick
groups and sweeps are the [answers that are shipped](operations.md#shipped-answers); all else was computed then.

The first table compares numbers with those in the paper's figures, by the paper's own procedures. *As published*:
within the published spread, or within {clearly:g} standard errors. *Absent*: within {clearly:g} standard
errors of no effect. *Weaker*, *stronger*, *opposite*: the effect is smaller, larger, or on the other side. The second
table holds this project's own tests, with nulls, held-out noise and thresholds: those of the paper where it gives one,
our own otherwise. ± is one standard error, beside a published number its spread.
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.findings", description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(SHELF), help="names of shipped networks (all)")
    names = parser.parse_args(argv).networks
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        explorer = explorer_in(Path(folder), ShippedAnswers(ANSWERS))
        for name in names:
            sys.stderr.write(f"{name} ...\n")
            found[name] = findings_of(explorer.resolve(Scenario(name, seed=SEED)))
    PAGE.write_text(page(found, date.today().isoformat()), encoding="utf-8")
    sys.stderr.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    return 0


def page(found: dict[str, Findings], today: str) -> str:
    """The whole page, in Markdown."""
    judged = {name: judge_claims(one) for name, one in found.items()}
    parts = [
        OPENING.format(today=today, seed=SEED, clearly=CLEARLY),
        "## Beside the published numbers\n",
        _table(["claim", *judged], _rows(judged, "verdict")),
        "## By our own tests\n",
        _table(["claim", *judged], _rows(judged, "test")),
        "## Kick groups\n",
        _kick_groups(found),
        "Ratio: leave rate with the group silenced over intact, on noise that the search did not see. Percentile: of "
        "200 random groups of the same size, how many go as low. Agreement: overlap of the groups of two seeds, mean "
        "over five. Another way: what else closes the exit, where no small group was found.\n",
        "## Dynamics\n",
        _dynamics(found),
        "## Thresholds\n",
        _table(["term", "meaning"], [[term, text.replace("|", "\\|")] for term, text in describe_thresholds().items()]),
        *(part for name, these in judged.items() for part in _sentences(name, these)),
    ]
    return "\n".join(parts)


def _rows(judged: dict[str, tuple[Claim, ...]], word: str) -> list[list[str]]:
    texts = [claim.text for claim in next(iter(judged.values()))]
    return [[text, *(getattr(these[i], word) for these in judged.values())] for i, text in enumerate(texts)]


def _kick_groups(found: dict[str, Findings]) -> str:
    header = [
        "network",
        "exit",
        "neurons",
        "ratio",
        "random: median, 1 %",
        "percentile",
        "necessary",
        "agreement",
        "another way",
    ]
    rows = []
    for name, one in found.items():
        if one.dynamics is None:
            continue
        agreement = one.dynamics.mechanism.agreement
        overlap = dict(zip(agreement.exits, agreement.overlap, strict=True))
        for group in one.dynamics.mechanism.kick.groups:
            null = group.control_ratios
            closes = [p for p in group.alternatives if p.proven]
            rows.append(
                [
                    name,
                    group.exit_name,
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
        there = one.dynamics
        if there is None:
            rows.append([name, *["diverges"] * (len(header) - 1)])
            continue
        region, at = there.survey.residency.region, there.survey.spectra_at
        shares = region_shares(region)
        unstable = there.survey.spectra.unstable
        means = [unstable[region[at] == kind].mean() if (region[at] == kind).any() else np.nan for kind in shown]
        cycles = there.circling.switches / 2
        rows.append(
            [
                name,
                f"{100 * there.plane.explained_variance_ratio[:2].sum():.0f} %",
                f"{abs(there.circling.turns) / cycles:.2f}" if cycles else "no switch",
                ", ".join(f"{100 * shares[kind]:.1f} %" for kind in REGIONS),
                ", ".join(f"{mean:.2f}" if np.isfinite(mean) else "n/a" for mean in means),
                f"{there.noise.slope:.3g} ± {there.noise.slope_se:.2g}, {format_intercept(there.noise)}; "
                f"R² {there.noise.r_squared:.4f}",
            ]
        )
    return _table(header, rows)


def _sentences(name: str, these: tuple[Claim, ...]) -> list[str]:
    lines = [
        f"- {claim.text}: **{claim.verdict}**. {claim.sentence} Our test: **{claim.test}**. "
        + claim.evidence.replace("\n", "<br>")
        for claim in these
    ]
    return [f"## {name}\n", "\n".join(lines) + "\n"]


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
