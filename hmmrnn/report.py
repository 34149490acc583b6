"""How is it told? One page in the order of the paper's argument, that opens without a server or a network.

Every figure stands below the claims that it bears on, each with the sentence that was computed from the same numbers.
Last, the network runs in the page. Figures and what draws them are compressed; the browser unpacks them.
"""

from __future__ import annotations

import base64
import gzip
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

import hmmrnn
from hmmrnn.backdrop import backdrop
from hmmrnn.claims import claims
from hmmrnn.exits import MEASURED_STEPS, RUNS
from hmmrnn.experiments.emergence import STEPS as EMERGENCE_STEPS
from hmmrnn.experiments.emergence import TRAJECTORIES as EMERGENCE_RUNS
from hmmrnn.fidelity import MAX_LAG_ERROR, MAX_MARGINAL_ERROR, MAX_TRANSITION_ERROR, MAX_VOLATILITY_DEVIATION
from hmmrnn.figures.activity import PopulationTrace, activity
from hmmrnn.figures.connectivity import connectivity
from hmmrnn.figures.emergence import emergence as emergence_figure
from hmmrnn.figures.fidelity import Verdict
from hmmrnn.figures.fidelity import fidelity as fidelity_figure
from hmmrnn.figures.gains import gains as gains_figure
from hmmrnn.figures.kick import block_table
from hmmrnn.figures.kick import kick as kick_figure
from hmmrnn.figures.noise import noise as noise_figure
from hmmrnn.figures.orbit import orbit
from hmmrnn.figures.readout import readout
from hmmrnn.figures.region_map import region_map
from hmmrnn.figures.sensitivity import sensitivity as sensitivity_figure
from hmmrnn.figures.spectrum import spectrum
from hmmrnn.figures.state_space import Colouring, plane_range, state_space
from hmmrnn.figures.theme import GRAPH_CONFIG, LIGHT
from hmmrnn.findings import SHOWN_RUNS, SHOWN_STEPS, STARTS, Findings
from hmmrnn.kick import CONTROLS, MAX_CONTROL_SHARE, MAX_GROUP, MAX_LEAVE_RATE_RATIO, MIN_TIME_SHARE
from hmmrnn.landscape import regions_along_orbit
from hmmrnn.live import PAGES, live_parts, live_payload
from hmmrnn.regions import CLUSTER_MIN_PROBABILITY, KICK_ZONE_UP_TO, TRANSITION_BELOW
from hmmrnn.stability import CRITICAL_MAX_REAL, CRITICAL_MIN_IMAGINARY
from hmmrnn.summary import fidelity_summary, kick_group_summary

SECTIONS = {
    "fidelity": "Is it the HMM?",
    "fixed-point": "Without noise",
    "orbit": "The orbit",
    "regions": "Slow and fast regions",
    "sensitivity": "Where noise matters",
    "kick": "Kick neurons",
    "connectivity": "Connectivity",
    "interventions": "Interventions",
    "emergence": "How it emerges in training",
    "readout": "Readout and activity",
}
HEIGHT = 420
# The part of plotly.js that knows two axes, from its publishers (MIT): a third of the whole. See `make plotly`.
PLOTLY = Path(__file__).with_name("templates") / "plotly-cartesian.min.js.gz"


@dataclass(frozen=True, eq=False)
class Illustration:
    """A figure of the report: what is drawn, and the line below it that says of what and how many."""

    figure: go.Figure
    caption: str


def report(found: Findings, name: str) -> str:
    """The page, as HTML.

    Args:
        found: everything that is known of the network.
        name: what the network is called.
    """
    judged = claims(found)
    drawn = dict(_drawn(found))
    sections = [
        {
            "key": key,
            "title": title,
            "claims": [claim for claim in judged if claim.section == key],
            "figures": [_embedded(one, f"{key}-{i}") for i, one in enumerate(drawn.get(key, ()))],
        }
        for key, title in SECTIONS.items()
    ]
    return PAGES.get_template("report.html").render(
        name=name,
        network=found.network,
        seed=found.seed,
        claims=judged,
        sections=sections,
        thresholds=thresholds(),
        versions={"hmmrnn": hmmrnn.__version__, "numpy": np.__version__, "python": platform.python_version()},
        plotly=base64.b64encode(PLOTLY.read_bytes()).decode("ascii"),
        live=_live(found, name),
    )


def numbers(found: Findings) -> dict[str, Any]:
    """The numbers of the report in plain values."""
    groups = found.kick.groups if found.kick else ()
    return {
        "sizes": {
            "neurons": found.network.n_neurons,
            "inputs": found.network.n_inputs,
            "outputs": found.network.n_outputs,
            "biased": found.network.has_bias,
        },
        "provenance": dict(found.network.metadata),
        "seed": found.seed,
        "claims": [asdict(claim) for claim in claims(found)],
        "fidelity": fidelity_summary(found.judged.fidelity) if found.judged else None,
        "kick_groups": [kick_group_summary(group) for group in groups],
        "not_visited": list(found.kick.not_visited) if found.kick else [],
        "thresholds": thresholds(),
    }


def thresholds() -> dict[str, str]:
    """Every threshold that a verdict or a label depends on, in words."""
    return {
        "fidelity gate": (
            f"transition error at most {MAX_TRANSITION_ERROR}, marginal error at most "
            f"{MAX_MARGINAL_ERROR}, volatility within {100 * MAX_VOLATILITY_DEVIATION:.0f} %, "
            f"lag error at most {MAX_LAG_ERROR}, no run diverged"
        ),
        "transition": f"residency time below {TRANSITION_BELOW} steps",
        "kick zone": f"residency time from {TRANSITION_BELOW} to {KICK_ZONE_UP_TO} steps",
        "cluster": (
            f"residency time above {KICK_ZONE_UP_TO} steps and largest emission probability above "
            f"{CLUSTER_MIN_PROBABILITY}"
        ),
        "unstable": "eigenvalue of the noise-free Jacobian with |λ| > 1",
        "critical pair": (
            f"complex pair with |Re m| < {CRITICAL_MAX_REAL} and Im m > {CRITICAL_MIN_IMAGINARY}, m = (λ - 1) / (λ + 1)"
        ),
        "output visited": f"at least {100 * MIN_TIME_SHARE:g} % of the steps",
        "kick group proven": (
            f"leave rate at most {MAX_LEAVE_RATE_RATIO} of intact, and at most {100 * MAX_CONTROL_SHARE:g} % "
            f"of {CONTROLS} random groups as low; at most {MAX_GROUP} neurons"
        ),
        "leave rates": f"{RUNS} runs of {MEASURED_STEPS} steps from states with the output, paired noise",
    }


def _embedded(one: Illustration, key: str) -> dict[str, Any]:
    plain = json.loads(one.figure.to_json())
    for trace in plain["data"]:
        # A browser keeps some sixteen WebGL contexts alive, and a page of many figures would lose the first ones.
        trace["type"] = {"scattergl": "scatter"}.get(trace["type"], trace["type"])
    return {
        "key": key,
        "caption": one.caption,
        "height": one.figure.layout.height or HEIGHT,
        "packed": compressed(json.dumps({**plain, "config": GRAPH_CONFIG}, separators=(",", ":"))),
    }


def compressed(text: str) -> str:
    """The base64 of a gzip of a text: what a page unpacks with a `DecompressionStream`."""
    # Without the time of day in it, the same findings give the same page.
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def _live(found: Findings, name: str) -> dict[str, str] | None:
    """The network as it runs in the page; None without a plane to look at it in."""
    if found.plane is None:
        return None
    assert found.motion is not None
    assert found.landscape is not None
    visited, there = found.motion.points, found.landscape
    behind = backdrop(visited, there.points, there.residency.region)
    payload = live_payload(found.network, found.plane, name, visited, behind, found.kick, {"seed": found.seed})
    return live_parts(payload, LIGHT.name)


def _drawn(found: Findings) -> Iterator[tuple[str, list[Illustration]]]:
    """The figures of each section that there is something to draw for."""
    if found.judged:
        verdict = Verdict(found.judged.fidelity, found.judged.matching, found.decoding)
        judged = found.judged.fidelity
        runs = f"{judged.trajectories} runs of {judged.steps:,} steps from h = 0, seed {judged.seed}"
        yield "fidelity", [Illustration(fidelity_figure(verdict, None, LIGHT), f"{runs}. Bars: one standard error.")]
    if found.plane is not None:
        yield from _dynamics(found)
        yield from _mechanism(found)
    if found.emergence:
        caption = (
            f"{len(found.emergence.steps_done)} snapshots, each in {EMERGENCE_RUNS} runs of {EMERGENCE_STEPS} steps, "
            f"seed {found.seed}. Drag the slider to see the states of each snapshot in its own plane."
        )
        yield "emergence", [Illustration(emergence_figure(found.emergence, LIGHT), caption)]


def _dynamics(found: Findings) -> Iterator[tuple[str, list[Illustration]]]:
    plane, motion, landscape, ends = found.plane, found.motion, found.landscape, found.ends
    assert plane is not None
    assert motion is not None
    assert landscape is not None
    assert ends is not None
    assert found.noise is not None
    runs = f"{SHOWN_RUNS} runs of {SHOWN_STEPS} steps, sigma 1, seed {found.seed}"
    rest = plane.project(ends.distinct()[0])
    space = state_space(motion, None, Colouring("output"), LIGHT, rest, found.without_noise)
    yield (
        "fixed-point",
        [Illustration(space, f"{runs}; lines: runs without noise from {STARTS} visited states (some).")],
    )
    strip = regions_along_orbit(landscape, plane, len(motion.profile.counts))
    around = orbit(motion.profile, None, found.judged.hmm if found.judged else None, LIGHT, strip)
    swept = found.noise
    sizes = (
        f"{swept.trajectories} runs of {swept.steps:,} steps at each sigma, the same noise scaled, seed {swept.seed}"
    )
    yield (
        "orbit",
        [
            Illustration(around, f"{runs}: median and quartiles in {len(motion.profile.counts)} bins of phase."),
            Illustration(noise_figure(swept, found.resonance, LIGHT), f"{sizes}. Bars: one standard error."),
        ],
    )
    stretch = [plane_range([motion], axis) for axis in (0, 1)]
    sample = f"{len(landscape.points):,} of {landscape.available:,} states, {landscape.residency.rollouts} realisations"
    yield (
        "regions",
        [
            Illustration(region_map(landscape, "region", LIGHT, *stretch), f"{sample} of up to 60 steps each."),
            Illustration(
                spectrum(landscape, LIGHT, found.along),
                f"Spectra at {len(landscape.spectra_at)} states by region, and along the orbit.",
            ),
        ],
    )
    if found.sensitivity:
        s = found.sensitivity
        caption = (
            f"{s.counts[0]} cluster and {s.counts[1]} transition states, {s.rollouts} rollouts each, seed {s.seed}. "
            "Gamma is the share of noise that is a rollout's own."
        )
        yield "sensitivity", [Illustration(sensitivity_figure(s, LIGHT), caption)]


def _mechanism(found: Findings) -> Iterator[tuple[str, list[Illustration]]]:
    assert found.kick is not None
    assert found.weights is not None
    assert found.readout is not None
    seeds = ", ".join(map(str, found.agreement.seeds)) if found.agreement else ""
    caption = f"Leave rates as ratios to intact; {CONTROLS} random groups of the same size; seeds {seeds}."
    yield "kick", [Illustration(kick_figure(found.kick, None, found.agreement, LIGHT), caption)]
    n = found.network.n_neurons
    yield (
        "connectivity",
        [
            Illustration(connectivity(found.network, found.roles, LIGHT), f"All {n} neurons, ordered by role."),
            Illustration(block_table(found.weights, LIGHT), "From column to row; own weights of neurons left out."),
        ],
    )
    yield "interventions", _interventions(found)
    yield "readout", [Illustration(readout(found.readout, LIGHT), "Angles in degrees."), *_traces(found)]


def _interventions(found: Findings) -> list[Illustration]:
    drawn = [
        Illustration(
            state_space(now, found.motion, Colouring("output"), LIGHT),
            f"Kick group of {group.name} silenced (neurons {', '.join(map(str, group.neurons))}); grey: intact, "
            f"under the same noise. {SHOWN_RUNS} runs of {SHOWN_STEPS} steps, seed {found.seed}.",
        )
        for group, now in found.silenced
    ]
    if found.gains:
        any_of_them = next(iter(found.gains.values()))
        sizes = f"{any_of_them.trajectories} runs of {any_of_them.steps:,} steps at each of {len(any_of_them.mu)} gains"
        sweeps = {one.name: sweep for one, sweep in found.gains.items()}
        drawn.append(Illustration(gains_figure(sweeps, LIGHT), f"{sizes}, the same noise, seed {any_of_them.seed}."))
    return drawn


def _traces(found: Findings) -> list[Illustration]:
    """Pre-activation of the kick neurons, and the mean of each population, through the first run."""
    run, kicks, roles = found.run, found.kick, found.roles
    assert run is not None
    assert kicks is not None
    assert roles is not None
    members = {i: group.output for group in reversed(kicks.groups) for i in group.neurons}
    if not members:
        return []
    pre_activation = run.pre_activation[0]
    neurons = tuple(sorted(members, key=lambda i: (members[i], i)))
    means = [
        PopulationTrace(
            f"{role} {output}", output, run.pre_activation[0][:, list(roles.members(role, output))].mean(axis=1)
        )
        for role, output in roles.blocks()
        if output >= 0
    ]
    outputs = tuple(members[i] for i in neurons)
    figure = activity(pre_activation[:, list(neurons)], run.output[0], neurons, outputs, LIGHT, populations=means)
    caption = f"{len(neurons)} kick neurons and the mean of {len(means)} populations, run 1, background: output."
    return [Illustration(figure, caption)]
