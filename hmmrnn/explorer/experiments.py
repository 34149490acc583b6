"""Experiments: the analyses of a scenario that take so long that a worker computes them.

An experiment has a subject: the scenario without all that the answer does not depend on, so that a change of window or
colour computes nothing anew. It is known by its id, which is that of the view that shows it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.analysis.emergence import Emergence, trace_emergence
from hmmrnn.analysis.formation import Formation, choose_snapshots, trace_formation
from hmmrnn.analysis.gain_sweep import GainSweep, sweep_gains
from hmmrnn.analysis.kick_effects import KickEffects, measure_effects
from hmmrnn.analysis.kick_neurons import Agreement, KickNeurons, compare_seeds
from hmmrnn.analysis.leave_rate_theory import LeaveRateTheory, predict_leave_rates
from hmmrnn.analysis.noise_sensitivity import NoiseSensitivity, sensitivity_of_survey
from hmmrnn.analysis.noise_sweep import NoiseSweep, sweep_noise
from hmmrnn.analysis.numerics import ProgressCallback, no_progress, progress_part
from hmmrnn.analysis.populations import choose_swept_populations
from hmmrnn.analysis.published.ablation import Ablations, ablate
from hmmrnn.analysis.published.groups import published_groups
from hmmrnn.explorer import lens_answers, queries
from hmmrnn.explorer.explored import Explored, Explorer
from hmmrnn.explorer.scenario import Scenario, say_input
from hmmrnn.explorer.shipped_question import ask_shipped
from hmmrnn.lenses.catalog import Lens
from hmmrnn.model.checkpoint import load
from hmmrnn.model.metadata import series_there, snapshot_files
from hmmrnn.report.claims import Claim, judge_claims
from hmmrnn.report.findings import Findings, KnownParts, gather_findings
from hmmrnn.report.formation import is_own_training, say_whose_training
from hmmrnn.storage.shipped_answers import Question

KICK, KICK_PROOF, GAIN_SWEEP, NOISE = "kick", "kick-proof", "gain-sweep", "noise"
EMERGENCE, FORMATION, REPORT, CLAIMS = "emergence", "formation", "report", "claims"
LEAVE_RATE_THEORY, ABLATION = "leave-rate-theory", "ablation"


@dataclass(frozen=True)
class Experiment:
    """How an experiment is identified and computed."""

    subject: Callable[[Scenario], Scenario]  # from a scenario to the part of it that the answer depends on
    files: Callable[[Explored], str]  # from that to the hash of the files that the answer depends on
    compute: Callable[[Explored, ProgressCallback], Any]  # the answer, in a worker
    # Of the answers, if those about the shipped networks come with the package. Raise it whenever a change anywhere in
    # the code changes the answers, and run `make answers`.
    version: int | None = None


@dataclass(frozen=True, eq=False)
class KickEvidence:
    """The kick neurons of an intact network, how far other seeds find the same, and what silencing them does."""

    found: KickNeurons
    agreement: Agreement
    effects: KickEffects


@dataclass(frozen=True, eq=False)
class NoiseEffects:
    """What noise does to a network."""

    sweep: NoiseSweep  # radius, intervals and occupancy against sigma
    # Spread from clusters and transitions; None if the network as it is now visits neither.
    sensitivity: NoiseSensitivity | None
    resonance: GainSweep | None  # all kick neurons' recurrent gain; None for a network without any


@dataclass(frozen=True)
class Claims:
    """The paper's claims with their verdicts on a network, in the order of the argument."""

    claims: tuple[Claim, ...]


def compute(explorer: Explorer, experiment: str, subject: Scenario, on_progress: ProgressCallback) -> Any:
    """Compute an experiment in this process.

    Raises:
        ValueError: the network has nothing that could be computed.
    """
    return EXPERIMENTS[experiment].compute(explorer.resolve(subject), on_progress)


def identify(experiment: str, explored: Explored) -> tuple[Scenario, str]:
    """The subject of an experiment, and the hash of the files that its answer depends on.

    Raises:
        ValueError: files are missing, and the sentence says which; or the input is a sequence.
    """
    one = EXPERIMENTS[experiment]
    subject = one.subject(explored.scenario)
    if not subject.is_steady:
        queries.check_steady(explored, "experiments, lenses and reports")
    return subject, one.files(explored.at(subject))


def shipped_question(experiment: str, subject: Scenario, files: str) -> Question | None:
    """What `identify` returns, as shipped answers know it; None where none is shipped."""
    one = EXPERIMENTS.get(experiment)
    if one is None or one.version is None:
        return None
    return ask_shipped(experiment, one.version, files, subject)


# ---- subjects ----


def _network_and_noise(scenario: Scenario) -> Scenario:
    """The network as it is now, its plane, sigma and seed."""
    plain = Scenario(scenario.model)
    return replace(scenario.simulated, steps=plain.steps, trajectories=plain.trajectories, start=plain.start)


def _under_noise(scenario: Scenario) -> Scenario:
    """The network as it is now, sigma and seed, whatever plane it is seen in."""
    return replace(_network_and_noise(scenario), pair=None)


def _network_now(scenario: Scenario) -> Scenario:
    """The network as it is now, and the seed."""
    return scenario.alone(seed=scenario.seed, interventions=scenario.simulated.interventions)


def _intact_network(scenario: Scenario) -> Scenario:
    """The network under its constant input; a sequence is left out, as kick neurons are sought without it."""
    return scenario.alone() if scenario.is_steady else Scenario(scenario.model)


def _training(scenario: Scenario) -> Scenario:
    """The training that the network is of, under the noise of the scenario."""
    return Scenario(scenario.model, sigma=scenario.sigma, seed=scenario.seed)


# ---- files ----


def _network_file(explored: Explored) -> str:
    return explored.fingerprint


def _series_files(explored: Explored) -> str:
    return _digest(explored, _series(explored), "")


def _all_files(explored: Explored) -> str:
    """The network, and the snapshots of its training if there are any."""
    return _digest(explored, _snapshots(explored), explored.fingerprint)


def _digest(explored: Explored, paths: list[Path], more: str) -> str:
    return hashlib.sha256(" ".join([more, *map(explored.models.digest, paths)]).encode()).hexdigest()


def _snapshots(explored: Explored) -> list[Path]:
    return snapshot_files(explored.models.models, explored.network.metadata)


def whose_training(explored: Explored) -> str:
    """Whose training the snapshots are of, in a sentence; empty where there are none."""
    series = [load(path) for path in _snapshots(explored)]
    return say_whose_training(explored.network, series) if series else ""


def has_own_training(explored: Explored) -> bool:
    """Whether the snapshots are of the network's own training."""
    return is_own_training(explored.network, [load(path) for path in _snapshots(explored)])


def _series(explored: Explored) -> list[Path]:
    """The snapshots of the training of a network's family, in their order.

    Raises:
        ValueError: there are none.
    """
    found = _snapshots(explored)
    if not found:
        there = ", ".join(series_there(explored.models.models)) or "none"
        raise ValueError(
            f"there are no snapshots of a training of this network's family; there are snapshots of {there}"
        )
    return found


# ---- answers ----


def _search(explored: Explored, on_progress: ProgressCallback) -> None:
    """The search for kick neurons alone; what it finds is in the cache, where every query looks for it."""
    queries.kick_neurons_of(explored, on_progress=on_progress)


def _kick_proof(explored: Explored, on_progress: ProgressCallback) -> KickEvidence:
    found = queries.kick_neurons_of(explored, on_progress=progress_part(on_progress, 0.0, 0.3))
    agreement = compare_seeds(explored.network, on_progress=progress_part(on_progress, 0.3, 0.8))
    effects = measure_effects(explored.network, found, on_progress=progress_part(on_progress, 0.8, 1.0))
    return KickEvidence(found, agreement, effects)


def _gain_sweeps(explored: Explored, on_progress: ProgressCallback) -> dict[str, GainSweep]:
    plane, of = queries.plane_of(explored), explored.scenario
    kick = queries.kick_neurons_of(explored, on_progress=progress_part(on_progress, 0.0, 0.2))
    found = choose_swept_populations(kick, queries.populations_of(explored))
    if not found:
        raise ValueError("this network has no kick neurons whose gain could be changed")
    parts = (progress_part(on_progress, *ends) for ends in pairwise(np.linspace(0.2, 1.0, len(found) + 1)))
    around: dict[str, Any] = {"sigma": of.sigma, "seed": of.seed}
    return {
        one.name: sweep_gains(explored.now, one.neurons, one.target, plane, **around, on_progress=part)
        for one, part in zip(found, parts, strict=True)
    }


def _leave_rate_theory(explored: Explored, on_progress: ProgressCallback) -> LeaveRateTheory:
    kick, of = queries.kick_neurons_of(explored, on_progress=progress_part(on_progress, 0.0, 0.5)), explored.scenario
    last = progress_part(on_progress, 0.5, 1.0)
    return predict_leave_rates(explored.now, kick, of.seed, of.sigma, on_progress=last)


def _ablation(explored: Explored, on_progress: ProgressCallback) -> Ablations:
    kick = queries.kick_neurons_of(explored, on_progress=progress_part(on_progress, 0.0, 0.2))
    groups = published_groups(explored.network, kick)
    if groups is None:
        raise ValueError(
            "this network has no two outputs with three candidate kick neurons each, which the paper's ablation scales"
        )
    last = progress_part(on_progress, 0.2, 1.0)
    return ablate(explored.now, groups, queries.plane_of(explored), explored.scenario.seed, last)


def _noise(explored: Explored, on_progress: ProgressCallback) -> NoiseEffects:
    plane, of = queries.plane_of(explored), explored.scenario
    kick = queries.kick_neurons_of(explored, on_progress=progress_part(on_progress, 0.0, 0.1))
    sweep = sweep_noise(explored.now, plane, seed=of.seed, on_progress=progress_part(on_progress, 0.1, 0.5))
    run, survey = queries.run_of(explored), queries.survey_of(explored)
    sensitivity = sensitivity_of_survey(explored.now, run, survey, progress_part(on_progress, 0.5, 0.6))
    if not kick.all_members:
        return NoiseEffects(sweep, sensitivity, None)
    last = progress_part(on_progress, 0.6, 1.0)
    around: dict[str, Any] = {"sigma": of.sigma, "seed": of.seed}
    resonance = sweep_gains(explored.now, kick.all_members, "recurrent", plane, **around, on_progress=last)
    return NoiseEffects(sweep, sensitivity, resonance)


def _emergence(explored: Explored, on_progress: ProgressCallback) -> Emergence:
    series = [load(path) for path in _series(explored)]
    return trace_emergence(series, sigma=explored.scenario.sigma, seed=explored.scenario.seed, on_progress=on_progress)


def _formation(explored: Explored, on_progress: ProgressCallback) -> Formation:
    files = _series(explored)
    series = [load(files[place]) for place in choose_snapshots(len(files))]
    return trace_formation(series, explored.hmm, explored.scenario.seed, on_progress)


def _report(explored: Explored, on_progress: ProgressCallback) -> str:
    # Only a worker writes reports, and only then needs what they are written with.
    from hmmrnn.report.html import write_report
    from hmmrnn.report.lens_numbers import look_through_lenses

    found = findings_of(explored, progress_part(on_progress, 0.0, 0.7))

    def known(lens: Lens) -> Any:
        return lens_answers.lens_of.known(explored, lens.id)

    return write_report(
        found, _title(explored), look_through_lenses(found, known, progress_part(on_progress, 0.7, 1.0))
    )


def _claims(explored: Explored, on_progress: ProgressCallback) -> Claims:
    return Claims(judge_claims(findings_of(explored, on_progress)))


def _look_through(lens: str, explored: Explored, on_progress: ProgressCallback) -> lens_answers.LensAnswer:
    return lens_answers.look_through(explored, lens, on_progress)


def findings_of(explored: Explored, on_progress: ProgressCallback = no_progress) -> Findings:
    """All that is found of a scenario's network as it is now; what is known of it already is not computed anew."""
    series, known = [load(path) for path in _snapshots(explored)], KnownParts(**_known_parts(explored))
    return gather_findings(explored.now, explored.scenario.seed, series, on_progress, known)


def _known_parts(explored: Explored) -> dict[str, Any]:
    """What is known of a report on an intact network under the noise of seed 0: kick neurons, and what is shipped.

    How the mechanism formed in training is known of any scenario of a network whose training is shipped.
    """

    def shipped(experiment: str) -> Any:
        found = explored.cache.look_up_shipped(shipped_question(experiment, *identify(experiment, explored)))
        return found and found[0]

    formation = shipped(FORMATION) if _snapshots(explored) else None
    if explored.scenario != Scenario(explored.scenario.model):
        return {"formation": formation}
    evidence, noise = shipped(KICK_PROOF), shipped(NOISE)
    return {
        "kick": queries.kick_neurons_of.known(explored),
        "agreement": evidence and evidence.agreement,
        "gains": shipped(GAIN_SWEEP) or {},
        "noise": noise and noise.sweep,
        "resonance": noise and noise.resonance,
        "theory": shipped(LEAVE_RATE_THEORY),
        "ablations": shipped(ABLATION),
        "emergence": shipped(EMERGENCE) if _snapshots(explored) else None,
        "formation": formation,
    }


def _title(explored: Explored) -> str:
    """The network's name, its constant input, and its interventions."""
    done = [
        f"{item.target} gain {item.mu:g} of neurons {', '.join(map(str, item.neurons))}"
        for item in explored.scenario.interventions
    ]
    constant = [] if explored.network.constant is None else [f"constant input {say_input(explored.scenario)}"]
    return "; ".join([explored.name, *constant, *done])


EXPERIMENTS = {
    KICK: Experiment(_intact_network, _network_file, _search),
    KICK_PROOF: Experiment(_intact_network, _network_file, _kick_proof, version=2),
    GAIN_SWEEP: Experiment(_network_and_noise, _network_file, _gain_sweeps, version=1),
    ABLATION: Experiment(_network_now, _network_file, _ablation, version=1),
    NOISE: Experiment(_network_and_noise, _network_file, _noise, version=1),
    LEAVE_RATE_THEORY: Experiment(_under_noise, _network_file, _leave_rate_theory, version=1),
    REPORT: Experiment(_network_now, _all_files, _report),
    CLAIMS: Experiment(_network_now, _all_files, _claims, version=2),
    EMERGENCE: Experiment(_training, _series_files, _emergence, version=1),
    **{
        view: Experiment(lens_answers.seen_by_lens, _network_file, partial(_look_through, lens))
        for view, lens in lens_answers.EXPERIMENT_IDS.items()
    },
    FORMATION: Experiment(_intact_network, _series_files, _formation, version=1),
}
