"""Sparse recordings: what a student, trained on a teacher's outputs and on some of its neurons, knows of the others.

    r2_unseen(m / N)     R^2 of the activity of neurons that were not recorded, by a ridge regression on the student's
                         activity under the same noise, left-out runs
    agreement            share of the steps at which student and teacher give the same output
    matched              each neuron that was not recorded, with the student's neuron that it correlates with best, each
                         once; a group is silenced in the teacher and, neuron by neuron, in the student

Floor: a student that was given the outputs alone (lambda = 0). Its activity is a fading memory of the same noise, and
so tells much of any other network by itself; only what lies above it comes from the recording.

Source: "performance and intrinsic dynamics" and data-constrained networks (Perich et al., 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import TRANSIENT, ProgressCallback, mean_and_error, no_progress, progress_part
from hmmrnn.analysis.switching import count_switches
from hmmrnn.lenses.catalog import Groups
from hmmrnn.lenses.cross_validation import explained, predict_by_ridge
from hmmrnn.lenses.runs import check_bounded
from hmmrnn.model.network import Floats, Intervention, Network, Result, intervene
from hmmrnn.model.simulation import Trajectory, draw_noise, respond
from hmmrnn.training.students import StudentConfig, train_students

SHARES = (0.1, 0.3)
# The student that is given no neuron.
OUTPUTS = "outputs"
RUNS, STEPS = 24, 300
# Of the neurons, those that no student is given; unseen by all, so that all are judged by the same.
NEVER_RECORDED = 0.5


@dataclass(frozen=True, eq=False)
class SparseRecordings(Result):
    """What students know of neurons that were not recorded, by the share m / N of those that were."""

    r2_unseen: dict[str, float]  # share of the variance of the neurons that no student was given
    r2_unseen_se: dict[str, float]  # its standard error over runs
    r2_unseen_null: dict[str, float]  # of the student that was given outputs alone
    agreement: dict[str, float]  # share of the steps with the teacher's output
    agreement_se: dict[str, float]  # its standard error over runs
    agreement_null: dict[str, float]  # of the student that was given outputs alone
    # leave_rate, leave_rate_se: (O,) of each student, by share, per step; the teacher's under "teacher", and those of
    # the student that was given outputs alone under "outputs".
    leave_rate: dict[str, tuple[float, ...]]
    leave_rate_se: dict[str, tuple[float, ...]]
    # By group, then share: switches with the matched neurons silenced over intact; "teacher" for the group itself.
    group_ratio: dict[str, dict[str, float]]
    recorded: dict[str, tuple[int, ...]]  # teacher's neurons that each student was given
    never: NDArray[np.int64]  # teacher's neurons that no student was given
    students: tuple[Network, ...]  # the students by share, last the one that was given outputs alone
    note: str  # what is missing, and why; empty if nothing is
    seed: int  # of the choice of neurons, the training and the noise


def sparse(
    network: Network,
    seed: int = 0,
    *,
    groups: Groups | None = None,
    on_progress: ProgressCallback = no_progress,
) -> SparseRecordings:
    """Train students on a teacher's outputs and some of its neurons, and test what they know of the others.

    Args:
        groups: groups of the teacher's neurons that are silenced in both; none if None.

    Raises:
        ValueError: the network diverges, is silent, or has fewer than 6 neurons; or its students diverge.
        ImportError: torch is not installed.
    """
    try:
        return train_and_compare(network, SHARES, StudentConfig(seed=seed), groups or {}, on_progress)
    except FloatingPointError as error:
        raise ValueError(
            f"the students of this network cannot be trained: {error}; another seed gives them other weights to begin "
            "with, and train_and_compare in Python takes a lower learning rate"
        ) from error


def train_and_compare(
    network: Network,
    shares: Sequence[float],
    config: StudentConfig,
    groups: Groups,
    on_progress: ProgressCallback = no_progress,
) -> SparseRecordings:
    """Do as the lens does, with other shares and another training.

    Args:
        shares: m / N of each student, at most a half; "0.1" is its key in the result.
        config: settings of the training; its seed is also that of the choice of neurons and of the noise.

    Raises:
        ValueError: a share records no neuron or more than a half of them, or the network diverges or is silent.
        ImportError: torch is not installed.
    """
    seed = config.seed
    noise = draw_noise(network.n_inputs, TRANSIENT + STEPS, RUNS, 1.0, seed + 1)
    teacher = respond(network, noise, 1.0, seed + 1)
    check_bounded(teacher)
    recorded, never = choose_recorded(network, shares, seed)
    lambdas = [config.weight] * len(shares) + [0.0]
    students = train_students(network, [*recorded, ()], lambdas, config, progress_part(on_progress, 0.0, 0.8))
    seen = [_compare(teacher, respond(one, noise, 1.0, seed + 1), never) for one in students]
    keys = [f"{share:g}" for share in shares]
    floor = seen[-1]
    rates = {**dict(zip([*keys, OUTPUTS], seen, strict=True)), "teacher": _compare(teacher, teacher, never)}
    on_progress(0.9)
    return SparseRecordings(
        r2_unseen={key: one.r2 for key, one in zip(keys, seen, strict=False)},
        r2_unseen_se={key: one.r2_se for key, one in zip(keys, seen, strict=False)},
        r2_unseen_null=dict.fromkeys(keys, floor.r2),
        agreement={key: one.agreement for key, one in zip(keys, seen, strict=False)},
        agreement_se={key: one.agreement_se for key, one in zip(keys, seen, strict=False)},
        agreement_null=dict.fromkeys(keys, floor.agreement),
        leave_rate={key: one.leave_rate for key, one in rates.items()},
        leave_rate_se={key: one.leave_rate_se for key, one in rates.items()},
        group_ratio=_silence_groups(network, teacher, list(zip(keys, students, recorded, strict=False)), groups, noise),
        recorded=dict(zip(keys, recorded, strict=True)),
        never=never,
        students=tuple(students),
        note="" if groups else "No group is silenced: none was given.",
        seed=seed,
    )


def choose_recorded(
    network: Network, shares: Sequence[float], seed: int
) -> tuple[list[tuple[int, ...]], NDArray[np.int64]]:
    """Neurons that each student is given, the smaller sets within the larger, and those that none is given.

    Raises:
        ValueError: there is no share, or one records no neuron or more than a half.
    """
    n = network.n_neurons
    order = np.random.default_rng([seed, n, 7]).permutation(n)
    most = n - int(np.ceil(NEVER_RECORDED * n))
    counts = [round(share * n) for share in shares]
    if not counts or min(shares) <= 0:
        raise ValueError(f"each student must be given a share of the neurons above 0; got {list(shares)}")
    if min(counts) < 1:
        raise ValueError(
            f"a student is given {100 * min(shares):g} % of the neurons, which is not one of {n}; this takes a network "
            f"of {int(0.5 / min(shares)) + 1} neurons or more"
        )
    if max(counts) > most:
        raise ValueError(
            f"a student may be given at most half of the neurons, as the others judge it; got {max(counts)} of {n}"
        )
    return [tuple(order[:count].tolist()) for count in counts], np.sort(order[most:])


def match_neurons(teacher: Floats, student: Floats, recorded: Sequence[int]) -> NDArray[np.int64]:
    """The student's neuron (N,) for each of the teacher's, from activity (B, T, N) of both under the same noise.

    Recorded neurons have the student's first places; the others are matched one to one, for the largest sum of
    correlations.
    """
    from scipy.optimize import linear_sum_assignment

    n = teacher.shape[-1]
    flat = [part.reshape(-1, n) for part in (teacher, student)]
    z = [(part - part.mean(axis=0)) / np.maximum(part.std(axis=0), np.finfo(float).tiny) for part in flat]
    others = np.setdiff1d(np.arange(n), recorded)
    alike = (z[0][:, others].T @ z[1][:, len(recorded) :]) / len(z[0])
    rows, columns = linear_sum_assignment(-alike)
    match = np.empty(n, dtype=np.int64)
    match[list(recorded)] = np.arange(len(recorded))
    match[others[rows]] = columns + len(recorded)
    return match


@dataclass(frozen=True)
class _Seen:
    """A student beside its teacher."""

    r2: float
    r2_se: float
    agreement: float
    agreement_se: float
    leave_rate: tuple[float, ...]
    leave_rate_se: tuple[float, ...]


def _compare(teacher: Trajectory, student: Trajectory, never: NDArray[np.int64]) -> _Seen:
    after = np.s_[:, TRANSIENT:]
    switching = count_switches(student.output[after], student.logits.shape[-1], student.valid[after])
    rates = (tuple(switching.leave_rate.tolist()), tuple(switching.leave_rate_se.tolist()))
    if student.diverged:
        nan = float("nan")
        return _Seen(nan, nan, nan, nan, *rates)
    wanted = teacher.h[after][..., never]
    r2 = explained(wanted, predict_by_ridge(student.h[after], wanted))
    same = mean_and_error((teacher.output[after] == student.output[after]).mean(axis=1))
    return _Seen(*r2, float(same[0]), float(same[1]), *rates)


def _silence_groups(
    network: Network,
    teacher: Trajectory,
    students: Sequence[tuple[str, Network, Sequence[int]]],
    groups: Groups,
    noise: Floats,
) -> dict[str, dict[str, float]]:
    """Switches with each group silenced over intact, in the teacher and in each student, by its share."""
    found = {name: {"teacher": _left(network, teacher, neurons, noise)} for name, neurons in groups.items()}
    for key, student, recorded in students if groups else ():
        run = respond(student, noise, 1.0, 0)
        match = match_neurons(teacher.h[:, TRANSIENT:], run.h[:, TRANSIENT:], recorded)
        for name, neurons in groups.items():
            found[name][key] = _left(student, run, match[list(neurons)].tolist(), noise)
    return found


def _left(network: Network, intact: Trajectory, neurons: Sequence[int], noise: Floats) -> float:
    silenced = respond(intervene(network, Intervention(tuple(neurons))), noise, 1.0, 0)
    rates = [
        count_switches(run.output[:, TRANSIENT:], network.n_outputs, run.valid[:, TRANSIENT:]).switches_per_1000
        for run in (silenced, intact)
    ]
    return rates[0] / rates[1] if rates[1] else float("nan")
