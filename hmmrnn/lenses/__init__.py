"""Lenses: the central analyses of neighbouring papers on recurrent dynamics, carried over to these networks.

    from hmmrnn import lenses
    seen = lenses.current(network, seed=0)
    seen.area_rate, seen.area_rate_se, seen.area_rate_null

A lens is one public function of a network and a seed, which returns a frozen `Result`. An intervened network is just
another network, so every lens follows interventions. What all lenses keep to:

- The module is named after what it analyses (`drift_diffusion.py`), the function after the lens (`current`): a function
  never shares the name of its module. The list in `catalog.py` joins the two; nothing is imported before it is used.
- The signature is `name(network, seed=0, *, on_progress=no_progress)`. Between seed and on_progress may stand `plane`,
  the plane of the intact network that everything is seen in, and `groups`, the names of groups with their neurons; the
  entry in the catalog says which of them the lens takes. Both are optional. The HMM is that of the metadata:
  `target_of`.
- An estimate `x` stands beside its standard error `x_se`, over runs, and its null or floor `x_null` where there is one.
  The same names are the keys of `hmmrnn lens NAME NETWORK --json`. A field with a value for each of several things is a
  mapping, with keys as in JSON ("0->2").
- Runs come from `settled_runs` (`runs.py`), which refuses a network that diverges in one sentence. Only whole runs are
  independent, so only they are resampled or counted.
- Modules import NumPy at their top, and SciPy, scikit-learn or hmmlearn within the function that needs them: the web
  process reads results, and imports the module of each, but none of these.
- A lens takes at most 15 seconds for a network of 150 neurons, and reports progress about once a second.
- Its figure is a function of (now, intact or None, theme) in `hmmrnn/figures/lenses`; its card a file of a few lines in
  `hmmrnn/dashboard/pages/lenses`, made by `lens_view`, and a line in the chapter *Lenses* of `chapters.py`, in the
  order of the catalog. Numbers, help and paper come from the catalog.

What lies beside the lenses:

| module | holds |
| --- | --- |
| `catalog` | the list of lenses |
| `runs` | the runs that lenses look at |
| `cross_validation` | regressions judged on runs that they have not seen |
| `behaviour` | how networks behave under the same noise |
| `made_networks` | the networks that two of the lenses make |
| `switch_paths` | the ways between outputs that the state space shows |
| `reversal_and_scaling` | time reversal of the emissions, and switching under scaled noise |
"""

from typing import TYPE_CHECKING, Any

from hmmrnn.lenses.catalog import LENSES, Lens, headline, lens_named

if TYPE_CHECKING:
    from hmmrnn.lenses.belief_states import belief
    from hmmrnn.lenses.causal_effects import effects
    from hmmrnn.lenses.drift_diffusion import current
    from hmmrnn.lenses.group_messages import messages
    from hmmrnn.lenses.hmm_recovery import recovered
    from hmmrnn.lenses.potential_barriers import potential
    from hmmrnn.lenses.rank_truncation import rank
    from hmmrnn.lenses.sparse_recordings import sparse
    from hmmrnn.lenses.time_scales import timescales
    from hmmrnn.lenses.transition_memory import memory
    from hmmrnn.lenses.weight_halves import halves

__all__ = [
    "LENSES",
    "Lens",
    "belief",
    "current",
    "effects",
    "halves",
    "headline",
    "lens_named",
    "memory",
    "messages",
    "potential",
    "rank",
    "recovered",
    "sparse",
    "timescales",
]


def __getattr__(name: str) -> Any:
    """Import the function of a lens when it is first used."""
    for lens in LENSES:
        if lens.id == name:
            globals()[name] = lens.function
            return lens.function
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
