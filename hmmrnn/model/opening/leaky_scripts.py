"""Networks of the published leaky scripts: of full rank (wi, wrec, wo), and of low rank (wi, m, n, wo).

    h' = h + alpha (-h + W_hh r + W_ih x),  r = tanh(h + b),  read out by W_out r
    full rank  W_hh = wrec         W_out = (wo so)^T
    low rank   W_hh = m n^T / N    W_out = (wo so)^T / N

Source: the names, shapes and scales of the code of Dubreuil et al. (2022) and of Valente et al. (2022).
"""

from __future__ import annotations

from hmmrnn.model.cells import CURRENT
from hmmrnn.model.opening.hints import SCALE, START
from hmmrnn.model.opening.reading import Candidate, ReadingError
from hmmrnn.model.opening.unwrapping import Terms, each

_LOW, _FULL = ("m", "n", "wi", "wo"), ("wi", "wrec", "wo")


def low_rank_script(terms: Terms) -> Candidate | None:
    """The low-rank networks: wi (M, N), m (N, R), n (N, R), wo (N, O), also below one name."""
    prefix = _prefix(terms, _LOW)
    if prefix is None:
        return None
    own = _below(terms, prefix)
    m, n, wi, wo = (own[name][1] for name in _LOW)
    if m != n or len(m) != 2 or len(wi) != 2 or wi[1] != m[0] or wo[0] != m[0]:
        return None
    if " * " in own["n"][0]:
        raise ReadingError(
            "has n of a network of low rank in two parts; call torch.nn.utils.prune.remove(module, 'n') first, and "
            "save the state dict again"
        )
    found = _candidate(own, m[0])
    product = f"{own['m'][0]} @ {own['n'][0]}.T"
    found.terms["W_hh"] = f"{product} / {m[0]}"
    plain = found.terms["W_out"]
    found.terms["W_out"] += f" / {m[0]}"
    found.notes = [
        f"a network of low rank {m[1]}, W_hh = m n^T / N and W_out over N, as published (if yours are not over N, say "
        f"W_hh={product} and W_out={plain})"
    ]
    return found


def full_rank_script(terms: Terms) -> Candidate | None:
    """The full-rank networks: wi (M, N), wrec (N, N), wo (N, O), also below one name."""
    prefix = _prefix(terms, _FULL)
    if prefix is None:
        return None
    own = _below(terms, prefix)
    shape = own["wrec"][1]
    if len(shape) != 2 or shape[0] != shape[1]:
        return None
    found = _candidate(own, shape[0])
    found.terms["W_hh"] = own["wrec"][0]
    found.notes = ["a leaky network (wi, wrec, wo)"]
    return found


def _prefix(terms: Terms, names: tuple[str, ...]) -> str | None:
    """What stands before all these names: nothing, or the name of a module."""
    before = [name.removesuffix(names[0]) for name in terms if name == names[0] or name.endswith(f".{names[0]}")]
    return next((prefix for prefix in before if all(f"{prefix}{name}" in terms for name in names)), None)


def _below(terms: Terms, prefix: str) -> Terms:
    return Terms({name.removeprefix(prefix): item for name, item in terms.items() if name.startswith(prefix)})


def _candidate(own: Terms, n: int) -> Candidate:
    """What both have: inputs and outputs with their scales, a bias inside the activation, and a learned start."""
    (wi, shape_in), (wo, shape_out) = own["wi"], own["wo"]
    entering = each(wi, ".T") if shape_in[0] != n or shape_in[1] == n else wi
    leaving = each(wo, ".T") if shape_out[0] == n else wo
    taken = {"wi", "wo", "wrec", "m", "n", "b"}
    if "si" in own and own["si"][1] == (shape_in[0] if entering != wi else shape_in[1],):
        entering, taken = f"{entering} * {own['si'][0]}", taken | {"si"}
    if "so" in own and own["so"][1] == (shape_out[1] if leaving != wo else shape_out[0],):
        leaving, taken = f"{leaving} * {own['so'][0]}.T", taken | {"so"}
    found = Candidate({"W_hh": "", "W_ih": entering, "W_out": leaving}, leaky=True, leak=CURRENT, own_names=False)
    if "b" in own:
        found.terms["b_hh"] = own["b"][0]
    for name, (term, shape) in own.items():
        if name not in taken and START.search(name):
            found.terms["h0"] = term
        elif name not in taken and SCALE.search(name):
            found.left_out[term] = "all its values are 1"
            found.must_be_ones.append(term)
        elif name not in taken:
            found.left_out[term] = f"not a part of a leaky network ({shape})"
    return found
