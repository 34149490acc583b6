"""Python code that computes the numbers of a scenario, for a script or a notebook.

It uses only public names, and gives the coordinates in the plane, the orbit and the leave rates that the page shows for
the same network, noise and interventions.
"""

from dataclasses import dataclass
from textwrap import fill

from jinja2 import Environment, PackageLoader, StrictUndefined

from hmmrnn.model.network import Intervention

WIDTH = 100


@dataclass(frozen=True)
class Shown:
    """The part of a scenario that its numbers depend on."""

    name: str  # of the network
    shipped: bool  # whether its file comes with the package
    link: str  # the query of the page's address
    # sigma, seed, steps, trajectories: of the noise, as for `simulate`.
    sigma: float
    seed: int
    steps: int
    trajectories: int
    interventions: tuple[Intervention, ...]  # in the order in which they were made
    # The interventions of the network it is compared with; none for the intact network.
    reference: tuple[Intervention, ...]
    reference_sigma: float  # sigma of that network
    # The outputs whose states are drawn, in the plane of their stretches; None for all.
    pair: tuple[int, int] | None = None
    judged: bool = False  # whether the network has a known HMM
    input: tuple[float, ...] | None = None  # a constant input
    table: str | None = None  # the name under which a table of inputs is kept; None without one
    steady: bool = True  # whether that table is a constant
    start: str = "zero"  # where runs begin: "zero", "learned" or "random"


def write_python(shown: Shown) -> str:
    """Write the Python that gives the numbers of a scenario, and prints the leave rates.

    Its results are `points` (B, T, C) and `orbit` of the network as it is now, and, for the network it is compared with
    and for now, `rates`; `errors` too if the HMM is known.
    """
    return _PAGES.get_template("notebook.py.jinja").render(shown=shown)


def _intervened(interventions: tuple[Intervention, ...]) -> str:
    made = [f"    {_intervention(item)}," for item in interventions]
    return "\n".join(["intervene(", "    intact,", *made, ")"]) if made else "intact"


def _intervention(item: Intervention) -> str:
    rest = f'mu={item.mu!r}, target="{item.target}"'
    line = f"Intervention(neurons={item.neurons}, {rest})"
    if len(line) <= WIDTH:
        return line
    indent = " " * 12
    neurons = fill(f"{', '.join(map(str, item.neurons))},", WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f"Intervention(\n        neurons=(\n{neurons}\n        ),\n        {rest},\n    )"


_PAGES = Environment(
    loader=PackageLoader("hmmrnn.explorer"), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
)
_PAGES.filters |= {"intervened": _intervened, "repr": repr}
