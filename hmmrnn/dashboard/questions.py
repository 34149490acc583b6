"""Which questions take so long that a worker answers them? The experiments, each of a scenario.

A question is about its subject: the scenario without all that the answer does not depend on, so that a change of window
or colour asks nothing anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hmmrnn.checkpoint import load
from hmmrnn.dashboard import catalog, ids, inquiries, queries, viewers
from hmmrnn.dashboard.inquiries import Inquiry
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.experiments.emergence import Emergence, emergence
from hmmrnn.experiments.gains import GainSweep, gain_sweep
from hmmrnn.experiments.noise import NoiseSweep, noise_sweep
from hmmrnn.experiments.sensitivity import NoiseSensitivity, noise_sensitivity
from hmmrnn.experiments.swept import swept_populations
from hmmrnn.kick import Agreement, KickNeurons, agreement
from hmmrnn.network import Network
from hmmrnn.progress import Tell, part_of
from hmmrnn.regions import CLUSTER, TRANSITION
from hmmrnn.series import series_there, snapshot_files
from hmmrnn.simulation import respond


@dataclass(frozen=True, eq=False)
class KickProof:
    """The kick neurons of an intact network, and how far searches with other noise find the same."""

    found: KickNeurons
    agreement: Agreement


@dataclass(frozen=True, eq=False)
class NoiseAnswer:
    """What noise does to a network.

    Attributes:
        sweep: radius, intervals and occupancy against sigma.
        sensitivity: spread from clusters and transitions; None if the network as it is now visits neither.
        resonance: all kick neurons' recurrent gain; None for a network without any.
    """

    sweep: NoiseSweep
    sensitivity: NoiseSensitivity | None
    resonance: GainSweep | None


def ask(question: str, scenario: Scenario, anew: bool = False) -> Inquiry:
    """Ask a worker a question about a scenario, or take the answer from the cache.

    Args:
        question: a key of `QUESTIONS`.
        scenario: what the page shows.
        anew: whether to try again what has failed.

    Raises:
        ValueError: the network has nothing that could be asked about.
    """
    asked = QUESTIONS[question]
    subject = asked.subject(scenario)
    return inquiries.ask(question, subject, asked.content(subject), anew, viewers.asker())


def subject_of(question: str, scenario: Scenario) -> Scenario:
    """The scenario without all that the answer to a question does not depend on."""
    return QUESTIONS[question].subject(scenario)


def answered(question: str, scenario: Scenario) -> Any:
    """The answer to a question that has been asked and answered; None otherwise.

    Raises:
        ValueError: there is no such network.
    """
    asked = QUESTIONS[question]
    subject = asked.subject(scenario)
    return inquiries.answered(question, subject, asked.content(subject))


def answer(question: str, subject: Scenario, tell: Tell) -> Any:
    """Answer a question in this process.

    Args:
        question: a key of `QUESTIONS`.
        subject: what it is about.
        tell: told the share that is done; may raise to stop.
    """
    return QUESTIONS[question].answer(subject, tell)


# ---- what each is about ----


def _noise_of(scenario: Scenario) -> Scenario:
    """The network as it is now, its plane, sigma and seed."""
    return replace(scenario.motion, steps=Scenario.steps, trajectories=Scenario.trajectories)


def _network_now(scenario: Scenario) -> Scenario:
    """The network as it is now, and the seed."""
    return Scenario(scenario.model, seed=scenario.seed, interventions=scenario.motion.interventions)


def _intact_network(scenario: Scenario) -> Scenario:
    return Scenario(scenario.model)


def _training(scenario: Scenario) -> Scenario:
    """The training that the network is of, under the noise of the scenario."""
    return Scenario(scenario.model, sigma=scenario.sigma, seed=scenario.seed)


def _network_file(subject: Scenario) -> str:
    return catalog.entry(subject.model).fingerprint


def _series_files(subject: Scenario) -> str:
    return _digest(_series(subject.model))


def _all_files(subject: Scenario) -> str:
    """The network, and the snapshots of its training if there are any."""
    return _digest([catalog.entry(subject.model).path, *_snapshots(subject.model)])


def _digest(paths: list[Path]) -> str:
    return hashlib.sha256(" ".join(catalog.digest(path) for path in paths).encode()).hexdigest()


def _snapshots(model: str) -> list[Path]:
    return snapshot_files(catalog.models_folder(), catalog.entry(model).header.metadata)


def _series(model: str) -> list[Path]:
    """The snapshots of the training of a network's family, in their order.

    Raises:
        ValueError: there are none.
    """
    found = _snapshots(model)
    if not found:
        there = ", ".join(series_there(catalog.models_folder())) or "none"
        raise ValueError(
            f"there are no snapshots of a training of this network's family; there are of the families {there}"
        )
    return found


# ---- the answers ----


def _kick(subject: Scenario, tell: Tell) -> None:
    """The search alone; what it finds is where everybody looks for it, in the cache."""
    queries.kick_of(subject.model, tell)


def _kick_proof(subject: Scenario, tell: Tell) -> KickProof:
    found = queries.kick_of(subject.model, part_of(tell, 0.0, 0.3))
    return KickProof(found, agreement(catalog.network(subject.model), tell=part_of(tell, 0.3, 1.0)))


def _gain_sweeps(subject: Scenario, tell: Tell) -> dict[str, GainSweep]:
    network, plane = queries.network_of(subject), queries.plane_of_scenario(subject)
    kick = queries.kick_of(subject.model, part_of(tell, 0.0, 0.2))
    found = swept_populations(kick, queries.populations_of(subject.model))
    if not found:
        raise ValueError("this network has no kick neurons whose gain could be changed")
    sweeps = {}
    for done, one in enumerate(found):
        part = part_of(tell, 0.2 + 0.8 * done / len(found), 0.2 + 0.8 * (done + 1) / len(found))
        sweeps[one.name] = gain_sweep(
            network, one.neurons, one.target, plane, sigma=subject.sigma, seed=subject.seed, tell=part
        )
    return sweeps


def _noise(subject: Scenario, tell: Tell) -> NoiseAnswer:
    network, plane = queries.network_of(subject), queries.plane_of_scenario(subject)
    kick = queries.kick_of(subject.model, part_of(tell, 0.0, 0.1))
    sweep = noise_sweep(network, plane, seed=subject.seed, tell=part_of(tell, 0.1, 0.5))
    sensitivity = _sensitivity(subject, network, part_of(tell, 0.5, 0.6))
    members = tuple(dict.fromkeys(i for group in kick.groups for i in group.neurons))
    resonance = None
    if members:
        last = part_of(tell, 0.6, 1.0)
        resonance = gain_sweep(network, members, "recurrent", plane, sigma=subject.sigma, seed=subject.seed, tell=last)
    return NoiseAnswer(sweep, sensitivity, resonance)


def _sensitivity(subject: Scenario, network: Network, tell: Tell) -> NoiseSensitivity | None:
    landscape = queries.landscape_of(subject)
    region = landscape.residency.region
    if not ((region == CLUSTER) | (region == TRANSITION)).any():
        return None
    run = respond(network, queries.noise_of(subject), subject.sigma, subject.seed)
    states = run.h[tuple(landscape.at.T)]
    return noise_sensitivity(network, states, region, sigma=subject.sigma, seed=subject.seed, tell=tell)


def _emergence(subject: Scenario, tell: Tell) -> Emergence:
    series = [load(path) for path in _series(subject.model)]
    return emergence(series, sigma=subject.sigma, seed=subject.seed, tell=tell)


def _report(subject: Scenario, tell: Tell) -> str:
    # Only a worker writes reports, and only then needs what they are written with.
    from hmmrnn.findings import findings
    from hmmrnn.report import report

    series = [load(path) for path in _snapshots(subject.model)]
    return report(findings(queries.network_of(subject), subject.seed, series, tell), _title(subject))


def _title(subject: Scenario) -> str:
    """The network's name, and what was done to it."""
    done = [
        f"{item.target} gain {item.mu:g} of neurons {', '.join(map(str, item.neurons))}"
        for item in subject.interventions
    ]
    return "; ".join([subject.model, *done])


@dataclass(frozen=True)
class _Question:
    """How a question is answered.

    Attributes:
        subject: from a scenario to what the question is about.
        content: from that to the hash of the files that the answer depends on.
        answer: from the subject to the answer, in a worker.
    """

    subject: Callable[[Scenario], Scenario]
    content: Callable[[Scenario], str]
    answer: Callable[[Scenario, Tell], Any]


QUESTIONS = {
    ids.KICK: _Question(_intact_network, _network_file, _kick),
    ids.KICK_PROOF: _Question(_intact_network, _network_file, _kick_proof),
    ids.GAIN_SWEEP: _Question(_noise_of, _network_file, _gain_sweeps),
    ids.NOISE: _Question(_noise_of, _network_file, _noise),
    ids.REPORT: _Question(_network_now, _all_files, _report),
    ids.EMERGENCE: _Question(_training, _series_files, _emergence),
}
