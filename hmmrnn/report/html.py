"""The report on a network: one HTML page in the order of the paper's argument, which opens without a server.

Each figure is below the claims that it bears on, and each claim has a sentence computed from the same numbers. At the
end the network runs in the page. The figures and the part of Plotly that draws them are compressed; the browser
unpacks them.
"""

import base64
import gzip
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

import hmmrnn
from hmmrnn.analysis.decoding import Decoding
from hmmrnn.analysis.emergence import STEPS as EMERGENCE_STEPS
from hmmrnn.analysis.emergence import TRAJECTORIES as EMERGENCE_RUNS
from hmmrnn.analysis.kick_neurons import CONTROLS
from hmmrnn.analysis.noise_sensitivity import NoiseSensitivity
from hmmrnn.analysis.occupancy_grid import build_occupancy_grid
from hmmrnn.analysis.state_survey import regions_along_orbit
from hmmrnn.figures.ablation import describe_ablations, draw_ablations
from hmmrnn.figures.activity import PopulationTrace, draw_activity
from hmmrnn.figures.connectivity import draw_connectivity
from hmmrnn.figures.emergence import draw_emergence
from hmmrnn.figures.fidelity import Verdict, draw_fidelity
from hmmrnn.figures.formation import draw_formation
from hmmrnn.figures.gain_sweep import draw_gain_sweeps
from hmmrnn.figures.jacobian_spectrum import draw_jacobian_spectrum
from hmmrnn.figures.kick_neurons import draw_block_weights, draw_kick_neurons, name_population
from hmmrnn.figures.leave_rate_theory import describe_prediction, draw_leave_rate_theory
from hmmrnn.figures.noise_sensitivity import draw_noise_sensitivity
from hmmrnn.figures.noise_sweep import draw_noise_sweep
from hmmrnn.figures.orbit import draw_orbit
from hmmrnn.figures.readout import draw_readout
from hmmrnn.figures.region_map import draw_region_map
from hmmrnn.figures.state_space import Colouring, draw_state_space, plane_range
from hmmrnn.figures.theme import GRAPH_CONFIG, LIGHT
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Network
from hmmrnn.report.claims import judge_claims
from hmmrnn.report.findings import SHOWN_RUNS, SHOWN_STEPS, Dynamics, Findings, Judged, Mechanism
from hmmrnn.report.formation import describe_formation
from hmmrnn.report.lens_numbers import LensRow
from hmmrnn.report.live_page import PAGES, build_live_payload, fill_live_parts
from hmmrnn.report.reference import name_quantity, published_ablation, published_formation, write_mean
from hmmrnn.report.summary import summarise_fidelity, summarise_kick_group, summarise_sizes
from hmmrnn.report.verdicts import describe_thresholds, list_neurons

SECTIONS = {
    "fidelity": "Fidelity to the HMM",
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
# Pixels of a line of text in a figure.
TEXT_WIDTH = 820
# The part of plotly.js that knows two axes, from its publishers (MIT): a third of the whole. See `make plotly`.
PLOTLY = Path(__file__).with_name("templates") / "plotly-cartesian.min.js.gz"


@dataclass(frozen=True, eq=False)
class Illustration:
    """A figure of the report, and the line below it with its runs, states and seeds."""

    figure: go.Figure
    caption: str


def write_report(found: Findings, name: str, lenses: Sequence[LensRow] = ()) -> str:
    """The page, as HTML; with the numbers of the lenses if the network was looked at through them."""
    judged = judge_claims(found)
    drawn = dict(_draw(found))
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
        colours=LIGHT.css_variables(),
        network=found.network,
        seed=found.seed,
        claims=judged,
        write_mean=write_mean,
        name_quantity=name_quantity,
        sections=sections,
        lenses=lenses,
        thresholds=describe_thresholds(),
        versions={"hmmrnn": hmmrnn.__version__, "numpy": np.__version__, "python": platform.python_version()},
        plotly=base64.b64encode(PLOTLY.read_bytes()).decode("ascii"),
        live=_live(found, name),
    )


def collect_numbers(found: Findings) -> dict[str, Any]:
    """The numbers of the report in plain values."""
    kick = found.dynamics.mechanism.kick if found.dynamics else None
    return {
        "sizes": summarise_sizes(found.network),
        "provenance": dict(found.network.metadata),
        "seed": found.seed,
        "claims": [asdict(claim) for claim in judge_claims(found)],
        "fidelity": summarise_fidelity(found.judged.fidelity) if found.judged else None,
        "kick_groups": [summarise_kick_group(group) for group in kick.groups] if kick else [],
        "not_visited": list(kick.not_visited) if kick else [],
        "thresholds": describe_thresholds(),
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
        "packed": compress(json.dumps({**plain, "config": GRAPH_CONFIG}, separators=(",", ":"))),
    }


def compress(text: str) -> str:
    """The base64 of a gzip of a text: what a page unpacks with a `DecompressionStream`."""
    # Without the time of day in it, the same findings give the same page.
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def _live(found: Findings, name: str) -> dict[str, str] | None:
    """The network as it runs in the page; None without a plane to show it in, or without an engine that steps it."""
    there = found.dynamics
    if there is None or not found.network.is_plain_relu:
        return None
    visited, survey, kick = there.summary.points, there.survey, there.mechanism.kick
    behind = build_occupancy_grid(visited, survey.points, survey.residency.region)
    payload = build_live_payload(found.network, there.plane, name, visited, behind, kick, {"seed": found.seed})
    return fill_live_parts(payload, LIGHT.name)


def _draw(found: Findings) -> Iterator[tuple[str, list[Illustration]]]:
    """The figures of each section that has something to draw."""
    there = found.dynamics
    if found.judged:
        yield "fidelity", [_fidelity(found.judged, there.decoding if there else None)]
    if there:
        shown = f"{SHOWN_RUNS} runs of {SHOWN_STEPS} steps, sigma 1, seed {found.seed}"
        yield "fixed-point", [_fixed_point(there, shown)]
        yield "orbit", _orbit(there, found.judged.hmm if found.judged else None, shown)
        yield "regions", _regions(there)
        yield "sensitivity", _sensitivity(there.sensitivity)
        yield "kick", _kick_neurons(there.mechanism)
        yield "connectivity", _connectivity(found.network, there.mechanism)
        yield "interventions", _interventions(there, shown)
        yield "readout", [Illustration(draw_readout(there.readout, LIGHT), "Angles in degrees."), *_activity(there)]
    if found.emergence or found.formation:
        yield "emergence", [*_emergence(found), *_formation(found)]


def _emergence(found: Findings) -> list[Illustration]:
    if found.emergence is None:
        return []
    caption = (
        f"{found.training} {len(found.emergence.steps_done)} snapshots, each in {EMERGENCE_RUNS} runs of "
        f"{EMERGENCE_STEPS} steps, seed {found.seed}. Drag the slider to see the states of each snapshot "
        "in its own plane."
    )
    return [Illustration(draw_emergence(found.emergence, LIGHT), caption)]


def _formation(found: Findings) -> list[Illustration]:
    if found.formation is None:
        return []
    published = published_formation(found.judged.hmm.name if found.judged else None)
    caption = f"{found.training} {describe_formation(found.formation)} Dotted: published. Seed {found.formation.seed}."
    return [Illustration(draw_formation(found.formation, published, LIGHT), caption)]


def _fidelity(judged: Judged, decoding: Decoding | None) -> Illustration:
    figure = draw_fidelity(Verdict(judged.fidelity, judged.matching, decoding), None, LIGHT)
    f = judged.fidelity
    runs = f"{f.trajectories} runs of {f.steps:,} steps from h = 0, seed {f.seed}"
    return Illustration(figure, f"{runs}. Bars: one standard error.")


def _fixed_point(there: Dynamics, shown: str) -> Illustration:
    points = there.plane.project(there.ends.points)
    figure = draw_state_space(there.summary, None, Colouring("output"), LIGHT, points, there.without_noise)
    caption = f"{shown}; lines: {len(there.without_noise)} runs without noise from visited states."
    return Illustration(figure, caption)


def _orbit(there: Dynamics, hmm: HMM | None, shown: str) -> list[Illustration]:
    profile, swept = there.summary.profile, there.noise
    strip = regions_along_orbit(there.survey, there.plane, len(profile.counts))
    sizes = (
        f"{swept.trajectories} runs of {swept.steps:,} steps at each sigma, the same noise scaled, seed {swept.seed}"
    )
    return [
        Illustration(
            draw_orbit(profile, None, hmm, LIGHT, strip),
            f"{shown}: median and quartiles in {len(profile.counts)} bins of phase. "
            "Strip: the commonest region of each bin, in the colours of the region map.",
        ),
        Illustration(draw_noise_sweep(swept, there.mechanism.resonance, LIGHT), f"{sizes}. Bars: one standard error."),
    ]


def _regions(there: Dynamics) -> list[Illustration]:
    survey = there.survey
    ranges = [plane_range([there.summary], axis) for axis in (0, 1)]
    sample = f"{len(survey.points):,} of {survey.available:,} states, {survey.residency.rollouts} realisations"
    return [
        Illustration(draw_region_map(survey, "region", LIGHT, *ranges), f"{sample} of up to 60 steps each."),
        Illustration(
            draw_jacobian_spectrum(survey, LIGHT, there.along),
            f"Spectra at {len(survey.spectra_at)} states by region, and along the orbit.",
        ),
    ]


def _sensitivity(found: NoiseSensitivity | None) -> list[Illustration]:
    if found is None:
        return []
    caption = (
        f"{found.counts[0]} cluster and {found.counts[1]} transition states, {found.rollouts} rollouts each, seed "
        f"{found.seed}. Gamma is the share of the noise that is a rollout's own."
    )
    return [Illustration(draw_noise_sensitivity(found, LIGHT), caption)]


def _kick_neurons(found: Mechanism) -> list[Illustration]:
    seeds = ", ".join(map(str, found.agreement.seeds))
    caption = f"Leave rates as ratios to intact; {CONTROLS} random groups of the same size; seeds {seeds}."
    drawn = [Illustration(draw_kick_neurons(found.kick, found.agreement, LIGHT, TEXT_WIDTH), caption)]
    if found.theory is not None:
        caption = f"Where the leave rate comes from: {describe_prediction(found.theory)}."
        drawn.append(Illustration(draw_leave_rate_theory(found.theory, LIGHT, TEXT_WIDTH), caption))
    return drawn


def _connectivity(network: Network, found: Mechanism) -> list[Illustration]:
    caption = f"All {network.n_neurons} neurons, ordered by role."
    return [
        Illustration(draw_connectivity(network, found.populations, LIGHT), caption),
        Illustration(draw_block_weights(found.weights, LIGHT), "From column to row; own weights of neurons left out."),
    ]


def _interventions(there: Dynamics, shown: str) -> list[Illustration]:
    drawn = [
        Illustration(
            draw_state_space(silenced, there.summary, Colouring("output"), LIGHT),
            f"{group.name.capitalize()} silenced ({list_neurons(group.neurons)}); grey: intact, under the same noise. "
            f"{shown}.",
        )
        for group, silenced in there.mechanism.silenced
    ]
    sweeps = {population.name: sweep for population, sweep in there.mechanism.gains.items()}
    if sweeps:
        one = next(iter(sweeps.values()))
        sizes = f"{one.trajectories} runs of {one.steps:,} steps at each of {len(one.mu)} gains"
        drawn.append(Illustration(draw_gain_sweeps(sweeps, LIGHT), f"{sizes}, the same noise, seed {one.seed}."))
    if ablations := there.procedures.ablations:
        words = f"The paper's ablations beside its curves. {describe_ablations(ablations)}."
        drawn.append(Illustration(draw_ablations(ablations, published_ablation(), LIGHT), words))
    return drawn


def _activity(there: Dynamics) -> list[Illustration]:
    """Pre-activation of the kick neurons, and the mean of each population, through the first run."""
    outputs = {i: group.output for group in reversed(there.mechanism.kick.groups) for i in group.neurons}
    if not outputs:
        return []
    neurons = tuple(sorted(outputs, key=lambda i: (outputs[i], i)))
    traces, populations = there.run.pre_activation[0], there.mechanism.populations
    means = [
        PopulationTrace(
            name_population(role, output), output, traces[:, list(populations.members(role, output))].mean(axis=1)
        )
        for role, output in populations.blocks()
        if output >= 0
    ]
    figure = draw_activity(
        traces[:, list(neurons)],
        there.run.output[0],
        neurons,
        tuple(outputs[i] for i in neurons),
        LIGHT,
        populations=means,
    )
    caption = f"{len(neurons)} kick neurons and the mean of {len(means)} populations, run 1; background: output."
    return [Illustration(figure, caption)]
