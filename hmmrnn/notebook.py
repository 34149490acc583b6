"""How does one get the same numbers without the page? As a script, or the cell of a notebook, that asks the package.

What is written uses only public names. It gives the coordinates in the plane, the orbit and the leave rates that a page
shows for the same network, noise and interventions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from hmmrnn.network import Intervention

WIDTH = 100


@dataclass(frozen=True)
class Shown:
    """What a page shows of a network, as far as numbers follow from it.

    Attributes:
        name: of the network.
        file: its file, as seen from where the script is run.
        link: that opens the page, without the question mark.
        sigma, seed, steps, trajectories: of the noise, as for `simulate`.
        interventions: in the order in which they were made.
        reference: the interventions of what it is compared with; none for the intact network.
        reference_sigma: sigma of that.
        pair: the outputs whose states are drawn, in the plane of their stretches; None for all.
        judged: whether the network has a known HMM that it is judged by.
    """

    name: str
    file: str
    link: str
    sigma: float
    seed: int
    steps: int
    trajectories: int
    interventions: tuple[Intervention, ...]
    reference: tuple[Intervention, ...]
    reference_sigma: float
    pair: tuple[int, int] | None = None
    judged: bool = False


@dataclass(frozen=True)
class Fitted:
    """The runs that a page fits its planes to.

    Attributes:
        runs, steps, transient: of the plane of all states: the first steps are left out.
        pair_runs, pair_steps, pair_rounds, pair_states: of the plane of a pair: rounds of so many runs, each with the
            next seed, until there are so many states.
    """

    runs: int
    steps: int
    transient: int
    pair_runs: int
    pair_steps: int
    pair_rounds: int
    pair_states: int


def python_of(shown: Shown, fitted: Fitted) -> str:
    """The Python that gives what is shown.

    Args:
        shown: network, noise and interventions.
        fitted: what the plane is fitted to.

    Returns:
        a script that prints the leave rates. Its results are `points` (B, T, C) and `orbit` of the network as it is
        now, and, in pairs of what it is compared with and now, `rates`; `errors` too if the network is judged.
    """
    parts = (
        _head(shown),
        _network(shown),
        _pair_plane(fitted, shown.pair) if shown.pair else _plane(fitted),
        _runs(shown),
        _points(shown.pair),
        _rates(),
        _error() if shown.judged else "",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(shown: Shown) -> str:
    statespace = ["emission_along_orbit", "orbit_phase", *(["pair_stretches"] if shown.pair else [])]
    touched = bool(shown.interventions or shown.reference)
    names = ["fit_plane", "load", "simulate"]
    if touched:
        names = ["Intervention", "fit_plane", "intervene", "load", "simulate"]
    lines = [
        f'"""{shown.name} in numbers, as the page shows it.',
        "",
        f"/?{shown.link}",
        '"""',
        "",
        "import numpy as np",
        "",
        f"from hmmrnn import {', '.join(names)}",
        *(
            ["from hmmrnn.fidelity import emission_transitions, joint_symbols, transition_error"]
            if shown.judged
            else []
        ),
        *(["from hmmrnn.provenance import target"] if shown.judged else []),
        f"from hmmrnn.statespace import {', '.join(statespace)}",
        "from hmmrnn.switching import switching",
    ]
    return "\n".join(lines)


def _network(shown: Shown) -> str:
    lines = [
        "# Where the file of the network lies.",
        f'intact = load("{shown.file}")',
        "# What it is compared with, and what it is now.",
        f"reference = {_intervened(shown.reference)}",
        f"network = {_intervened(shown.interventions)}",
    ]
    return "\n".join(lines)


def _intervened(interventions: tuple[Intervention, ...]) -> str:
    made = [f"    {_intervention(item)}," for item in interventions]
    return "\n".join(["intervene(", "    intact,", *made, ")"]) if made else "intact"


def _intervention(item: Intervention) -> str:
    rest = f'mu={item.mu!r}, target="{item.target}"'
    line = f"Intervention(neurons={_tuple(item.neurons)}, {rest})"
    if len(line) <= WIDTH:
        return line
    indent = " " * 12
    neurons = fill(f"{', '.join(map(str, item.neurons))},", WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f"Intervention(\n        neurons=(\n{neurons}\n        ),\n        {rest},\n    )"


def _tuple(numbers: Sequence[int]) -> str:
    return repr(tuple(int(i) for i in numbers))


def _plane(fitted: Fitted) -> str:
    return f"""\
# The plane is that of the intact network, whatever is done to it, so that runs can be compared.
long = simulate(intact, steps={fitted.steps}, trajectories={fitted.runs}, seed=0)
settled = long.h[:, {fitted.transient}:][long.valid[:, {fitted.transient}:]]
plane = fit_plane(settled if len(settled) > 1 else long)"""


def _pair_plane(fitted: Fitted, pair: tuple[int, int]) -> str:
    return f"""\
# The plane is that of the intact network's long stretches with outputs {pair[0]} and {pair[1]} only.
pair = {_tuple(pair)}
found = []
for seed in range({fitted.pair_rounds}):
    long = simulate(intact, steps={fitted.pair_steps}, trajectories={fitted.pair_runs}, seed=seed)
    output = np.where(long.valid, long.output, -1)[:, {fitted.transient}:]
    found.append(long.h[:, {fitted.transient}:][pair_stretches(output, pair)])
    if sum(map(len, found)) >= {fitted.pair_states}:
        break
plane = fit_plane(np.concatenate(found))"""


def _runs(shown: Shown) -> str:
    return f"""\
# The same noise for both.
window = {{"steps": {shown.steps}, "trajectories": {shown.trajectories}, "seed": {shown.seed}}}
before = simulate(reference, sigma={float(shown.reference_sigma)!r}, **window)
now = simulate(network, sigma={float(shown.sigma)!r}, **window)"""


def _points(pair: tuple[int, int] | None) -> str:
    drawn = "now.valid & np.isin(now.output, pair)" if pair else "now.valid"
    return f"""\
# What is drawn: PC1, PC2 and PC3 of each step of each run, and the emission along the orbit.
drawn = {drawn}
points = np.where(drawn[..., None], plane.project(np.where(drawn[..., None], now.h, 0.0)), np.nan)
orbit = emission_along_orbit(orbit_phase(points[drawn], plane), now.probabilities[drawn])"""


def _rates() -> str:
    return """\
rates = [switching(run.output, network.n_outputs, run.valid) for run in (before, now)]
print("leave rate, per step  compared       now")
for output in range(network.n_outputs):
    one, other = (found.leave_rate[output] for found in rates)
    print(f"{f'out of {output}':<20}{one:>10.4f}{other:>10.4f}")"""


def _error() -> str:
    return """\
hmm = target(intact.metadata, intact.n_outputs)
errors = []
for run in (before, now):
    whole = run.diverged_at < 0
    if whole.any():
        transitions, _ = emission_transitions(joint_symbols(run.probabilities[whole], 1))
    errors.append(transition_error(transitions, hmm) if whole.any() else np.nan)
print(f"{'transition error':<20}{errors[0]:>10.3f}{errors[1]:>10.3f}")"""
