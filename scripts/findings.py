"""Judge the claims of the paper on every shipped network and write docs/pages/findings.md (`make findings`)."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.analysis.formation import SIZES, Formation
from hmmrnn.analysis.noise_sweep import NoiseSweep
from hmmrnn.analysis.orbit import Plane, run_for_plane
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION, region_shares
from hmmrnn.analysis.state_survey import StateSurvey
from hmmrnn.explorer.experiments import CLAIMS, FORMATION, KICK_PROOF, NOISE, KickEvidence
from hmmrnn.explorer.explored import Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.hmm import PRESETS
from hmmrnn.report.claims import Claim
from hmmrnn.report.findings import Circling, measure_circling
from hmmrnn.report.formation import describe_formation
from hmmrnn.report.judge_dynamics import format_intercept
from hmmrnn.report.reference import write_mean
from hmmrnn.report.verdicts import CLEARLY, REPRODUCED, describe_thresholds
from hmmrnn.shipped import ANSWERS, SHELF, list_further_trainings, list_seeds
from hmmrnn.storage.shipped_answers import ShippedAnswers
from scripts.answers import answers_of, explorer_in
from scripts.seeds_table import Claims, recipe_rows, test_rows, verdict_rows

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pages" / "findings.md"
SEED = 0

OPENING = """# What the shipped networks show

Made by `make findings` on {today}, from the files in `models/`, with seed {seed} for every run. Each claim of the paper
(Torre et al., NeurIPS 2025, arXiv 2510.25674) is judged by numbers of the network alone; the sentences below the tables
are those of `python -m hmmrnn analyse NETWORK --out DIR`, which writes the same with figures for any network. Kick
groups, sweeps, surveys and claims are the [answers that are shipped](operations.md#shipped-answers); only the turns
of the state around its plane were computed then.

The first table compares numbers with those in the paper's figures, by the paper's own procedures. *As published*:
within the published spread, or within {clearly:g} standard errors. *Absent*: within {clearly:g} standard
errors of no effect. *Weaker*, *stronger*, *opposite*: the effect is smaller, larger, or on the other side. The second
table holds this project's own tests, with nulls, held-out noise and thresholds: those of the paper where it gives one,
our own otherwise. ± is one standard error, beside a published number its spread.
"""

FORMED = """Snapshots of trainings; of each the three and the six neurons with the highest score for leaving an
output are silenced, and the leave rate is divided by that of the snapshot as it is, under the same noise (48 runs
of 600 steps, seed 0; ± one standard error). *recurrent*: the rows of W_hh alone, as in the paper; *all*: all input;
↑: activity grows without bound. Published, on a network of two states: within +0.063 and +0.081, between -0.146 and
-0.130, 0.028 switches a step; with the recurrent input of a triple silenced, one of the two groups stops switching
(at most one of 13.9 upward switches in nine runs of nine), and the other never does. The training of `linear-2` is
by the paper's recipe at batch 1,024 while the orbit opens, those of `linear-2-paper` go on to step 2,500 (`-seed-1`:
another seed; `-normal-start`: h_0 ~ N(0, 1) as in the paper, else 0); those of `linear-3` and `fully-connected` are by
`fast`, but from torch's own initial weights.
"""

SEVERAL = """Networks of each family by the recipe `fast`, N = 150, M = 100, that differ in their seed alone; the
number in the header includes the shipped one of seed 0. The {count} others are in `models/more`, are opened
by their names (`linear-2-seed-1`), and are listed under *Networks*; {passed} of them match their HMM.
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.findings", description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(SHELF), help="names of shipped networks (all)")
    names = parser.parse_args(argv).networks
    with tempfile.TemporaryDirectory() as folder:
        known = Known(explorer_in(Path(folder), ShippedAnswers(ANSWERS)), ShippedAnswers(ANSWERS))
        shipped = {name: known.network(name) for name in names}
        seeds = {name: known.answer(name, CLAIMS) for name in list_seeds()}
        formed = {name: known.answer(name, FORMATION) for name in list_further_trainings()}
    judged = {name: one.claims for name, one in seeds.items() if one is not None}
    PAGE.write_text(page(shipped, judged, formed, date.today().isoformat()), encoding="utf-8")
    sys.stderr.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    return 0


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page says of one network."""

    claims: Claims
    evidence: KickEvidence
    formation: Formation | None  # None without snapshots of its training
    plane: Plane
    survey: StateSurvey
    circling: Circling
    noise: NoiseSweep


class Known:
    """The shipped answers about networks."""

    def __init__(self, explorer: Explorer, shipped: ShippedAnswers) -> None:
        self.explorer, self.shipped = explorer, shipped

    def answer(self, name: str, about: str) -> Any:
        """The shipped answer of a query or an experiment on a network; None without one."""
        for question, _ in answers_of(self.explorer, name):
            if question.name == about:
                answer = self.shipped.find(question)
                return answer and answer[0]
        return None

    def network(self, name: str) -> Shown:
        """Everything that is said of a network.

        Raises:
            ValueError: an answer is missing.
        """
        wanted = (CLAIMS, KICK_PROOF, "_fitted_plane", "survey_of", NOISE)
        found = [self.answer(name, about) for about in wanted]
        missing = [about for about, one in zip(wanted, found, strict=True) if one is None]
        if missing:
            raise ValueError(f"{name} has no shipped answers of {', '.join(missing)}; run make answers")
        claims, evidence, plane, survey, noise = found
        run = run_for_plane(self.explorer.resolve(Scenario(name)).network, SEED)
        formation = self.answer(name, FORMATION)
        return Shown(claims.claims, evidence, formation, plane, survey, measure_circling(run, plane), noise.sweep)


def page(shipped: dict[str, Shown], seeds: dict[str, Claims], formed: dict[str, Formation], today: str) -> str:
    """The whole page, in Markdown.

    Args:
        shipped: what is known of each shipped network.
        seeds: the claims on further networks, whose names are FAMILY-seed-NUMBER.
        formed: how the mechanism forms in further trainings.
        today: the date.
    """
    judged = {name: one.claims for name, one in shipped.items()}
    parts = [
        OPENING.format(today=today, seed=SEED, clearly=CLEARLY),
        "## Beside the published numbers\n",
        _table(["claim", *judged], _rows(judged, "verdict")),
        "## By our own tests\n",
        _table(["claim", *judged], _rows(judged, "test")),
        *_formations({**{name: one.formation for name, one in shipped.items()}, **formed}),
        *_seeds(judged, seeds),
        "## Kick groups\n",
        _kick_groups(shipped),
        "Ratio: leave rate with the group silenced over intact, on noise that the search did not see. Percentile: of "
        "200 random groups of the same size, how many go as low. Agreement: overlap of the groups of two seeds, mean "
        "over five. Another way: where no small group was found, another intervention that closes the exit, the number "
        "of its neurons, and the ratio. *noise*: the neurons that pass the noise on, without it; *feed*: the neurons "
        "that feed the exit, silenced; *excite*: the neurons that hold the output, their recurrent gain doubled.\n",
        "## Dynamics\n",
        _dynamics(shipped),
        "## Thresholds\n",
        _table(["term", "meaning"], [[term, text.replace("|", "\\|")] for term, text in describe_thresholds().items()]),
        *(part for name, these in judged.items() for part in _sentences(name, these)),
    ]
    return "\n".join(parts)


def _formations(found: dict[str, Formation | None]) -> list[str]:
    """A table for each series: the mechanism and the fidelity by optimizer steps."""
    parts = ["## How the mechanism forms\n", FORMED]
    seen: list[Formation] = []
    # The trainings that go on to their end come first.
    for name, one in sorted(found.items(), key=lambda item: -max(item[1].steps_done, default=0) if item[1] else 0):
        # Two networks may have one training.
        if one is None or any(np.array_equal(one.recurrent, other.recurrent, equal_nan=True) for other in seen):
            continue
        seen.append(one)
        header = ["step", "loss", "switches a step", "symbol switch rate / HMM's", "lag error", "gate"]
        header += [f"weights within, {o}" for o in one.outputs] + [f"between, {o}" for o in one.outputs]
        header += [f"{target}, {o}: {SIZES[0]} / {SIZES[1]}" for target in ("recurrent", "all") for o in one.outputs]
        header += ["random triples, 5 to 95 %"]
        parts += [f"### {name}\n", f"{describe_formation(one)}\n"]
        parts += [_table(header, [_formation_row(one, k) for k in range(len(one.steps_done))])]
    return parts


def _formation_row(one: Formation, k: int) -> list[str]:
    known = one.null[k][np.isfinite(one.null[k])]
    pairs = [
        *((one.recurrent, one.recurrent_se, one.recurrent_bounded, p) for p in (0, 1)),
        *((one.unit, one.unit_se, one.unit_bounded, p) for p in (0, 1)),
    ]
    return [
        f"{one.steps_done[k]:,}",
        _known(one.loss[k], ".1f"),
        _known(one.switching[k], ".3f"),
        write_mean((float(one.volatility[k]), float(one.volatility_se[k]))),
        _known(one.lag_error[k], ".3f"),
        "passes" if one.passes[k] else "fails",
        *(_known(one.within[k, p], "+.3f") for p in (0, 1)),
        *(_known(one.between[k, p], "+.3f") for p in (0, 1)),
        *(
            " / ".join(_ratio(ratio[k, p, s], error[k, p, s], bounded[k, p, s]) for s in range(len(SIZES)))
            for ratio, error, bounded, p in pairs
        ),
        f"{np.quantile(known, 0.05):.2f} to {np.quantile(known, 0.95):.2f}" if len(known) else "n/a",
    ]


def _known(value: float, digits: str) -> str:
    return f"{value:{digits}}" if np.isfinite(value) else "n/a"


def _ratio(ratio: float, error: float, bounded: bool) -> str:
    return f"{ratio:.2f} ± {error:.2f}{'' if bounded else ' ↑'}" if np.isfinite(ratio) else "n/a"


def _seeds(judged: dict[str, Claims], seeds: dict[str, Claims]) -> list[str]:
    """Tables over the networks of each family, which differ in their seed alone, and of the two recipes."""
    families = {
        family: [judged[family], *(one for name, one in seeds.items() if name.rsplit("-seed-", 1)[0] == family)]
        for family in PRESETS
        if family in judged
    }
    if not seeds:
        return []
    header = ["claim", *(f"{name} ({len(those)})" for name, those in families.items())]
    passed = sum(claims[0].test == REPRODUCED for claims in seeds.values())
    said = SEVERAL.format(count=len(seeds), passed=passed)
    parts = ["## Several seeds\n", said, "How many are as published; mean and spread (published):\n"]
    parts += [_table(header, verdict_rows(families)), "How many reproduce it by our own test:\n"]
    parts += [_table(header, test_rows(families))]
    paper = judged.get("linear-2-paper")
    if paper is not None and "linear-2" in families:
        header = ["claim", "published", f"fast ({len(families['linear-2'])} seeds)", "paper (seed 0)"]
        parts += ["## The two recipes on linear-2\n", _table(header, recipe_rows(families["linear-2"], paper))]
    return parts


def _rows(judged: dict[str, tuple[Claim, ...]], word: str) -> list[list[str]]:
    texts = [claim.text for claim in next(iter(judged.values()))]
    return [[text, *(getattr(these[i], word) for these in judged.values())] for i, text in enumerate(texts)]


def _kick_groups(shipped: dict[str, Shown]) -> str:
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
    for name, one in shipped.items():
        agreement = one.evidence.agreement
        overlap = dict(zip(agreement.exits, agreement.overlap, strict=True))
        for group in one.evidence.found.groups:
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


def _dynamics(shipped: dict[str, Shown]) -> str:
    shown = (CLUSTER, KICK_ZONE, TRANSITION)
    header = ["network", "variance in PC1, PC2", "turns per two switches", "cluster, kick zone, transition, unassigned"]
    header += ["unstable eigenvalues (same order)", "radius against sigma: slope, intercept"]
    rows = []
    for name, there in shipped.items():
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
