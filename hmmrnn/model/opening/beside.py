"""Layers beside the recurrent layer and its readout: folded into the weights where possible, reported where not.

    encoder       x -> E x + e                 W_ih E,  b_ih + W_ih e
    embedding     symbol -> its row of E       W_ih E^T
    second readout  y -> V y + v               V W_out,  v + V b_out
    batch normalisation, trained  h -> s (h - m) + c,  s = g / sqrt(v + eps)

All are asked about: a file does not say what lies between its layers. Layer normalisation depends on the activity at
each step, so that no weights can stand for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hmmrnn.model.opening.mapping_terms import Shape, shape_of
from hmmrnn.model.opening.reading import Candidate, ReadingError
from hmmrnn.model.opening.unwrapping import Terms

_NORM = re.compile(r"(?i)(layer|group|rms|instance)_?norm|(^|[._/])(ln|norm)(_?\w{1,3})?$|normali[sz]ation")
_IN, _OUT = re.compile(r"(?i)enc|embed|in_?proj|^in|pre"), re.compile(r"(?i)dec|out|head|read|fc|proj|post")
_TAU = re.compile(r"(?i)(^|[._/])(tau|taus|alpha|leak|decay|time_?const\w*)$")
_SUM = re.compile(r" ([+-]) ")

Parts = Mapping[str, str]  # the tensors of a module, by their last names


def fold_beside(found: Candidate, terms: Terms, taken: set[str]) -> None:
    """Fold the layers beside a network into its weights, with a question on each, and mark their tensors as taken.

    Raises:
        ReadingError: a layer is one for which no weights can stand.
    """
    folded = True
    while folded:
        modules = _modules(terms, taken)
        folded = False
        for module, parts in modules.items():
            if _fold(found, terms, module, parts):
                taken.update(parts.values())
                folded = True
                break


def name_extra(found: Candidate, terms: Terms, name: str) -> ReadingError:
    """The error of a tensor that is no part of such a network."""
    term, shape = terms[name]
    rest = f"To leave it out, say which tensors count: mapping={found.terms!r}"
    if len(shape) > 2:
        return ReadingError(
            f"has a convolution or another layer of {len(shape)} dimensions beside its recurrent layer ({term} {shape})"
            f" and cannot be shown with it; its inputs can be what that layer gives. {rest}"
        )
    if _TAU.search(name) and len(shape) == 1:
        return ReadingError(
            f"has a time constant for each neuron ({term} {shape}), and cannot be shown: here alpha = dt / tau is one "
            f"number. {rest}, and an alpha"
        )
    return ReadingError(
        f"has a tensor {term} that such a network does not ({shape}); expected one recurrent layer and one "
        f"linear readout. {rest}"
    )


def _modules(terms: Terms, taken: set[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name in terms:
        if name not in taken:
            module, _, part = name.rpartition(".")
            found.setdefault(module or name, {})[part] = name
    return found


def _fold(found: Candidate, terms: Terms, module: str, parts: Parts) -> bool:
    """Fold one module in; whether it could be."""
    weight = terms.get(parts.get("weight", ""), ("", ()))[1]
    if {"running_mean", "running_var"} <= set(parts):
        return _fold_batch_norm(found, terms, module, parts)
    if len(weight) == 1 or ({*parts} <= {"gamma", "beta", "scale", "bias"} and _NORM.search(module)):
        return _fold_layer_norm(found, terms, module, parts)
    if len(weight) != 2:
        return False
    (_, m), (o, _) = (shape_of(found.terms[role], terms.stored) for role in ("W_ih", "W_out"))
    if "embed" in module.lower() or ("bias" not in parts and weight[1] == m and weight[0] != m and weight[1] != o):
        return _fold_embedding(found, terms, parts, weight) if weight[1] == m else False
    before = weight[0] == m and (weight[1] != o or (_IN.search(module) is not None and not _OUT.search(module)))
    if before:
        return _fold_encoder(found, terms, module, parts, weight)
    return _fold_readout(found, terms, module, parts, weight) if weight[1] == o else False


def _fold_embedding(found: Candidate, terms: Terms, parts: Parts, shape: Shape) -> bool:
    term = terms[parts["weight"]][0]
    found.terms["W_ih"] += f" @ {term}.T"
    found.asked[
        f"it has a tensor {term} that such a network does not: an embedding of its {shape[0]} symbols, each of which "
        "is taken as an input"
    ] = frozenset({"W_ih"})
    return True


def _fold_encoder(found: Candidate, terms: Terms, module: str, parts: Parts, shape: Shape) -> bool:
    term, old = terms[parts["weight"]][0], found.terms["W_ih"]
    if _gap(terms, module, 1):
        found.left_out |= {terms[name][0]: "a layer before the inputs" for name in parts.values()}
        found.asked[
            f"before its recurrent layer lies {module} {shape}, and behind that something without weights, such as a "
            f"ReLU: its inputs are taken as what comes then; if that is nothing, say W_ih={old} @ {term}"
        ] = frozenset({"W_ih"})
        return True
    if "bias" in parts:
        found.terms["b_ih"] = _sum(found.terms.get("b_ih"), f"{old} @ {terms[parts['bias']][0]}")
    found.terms["W_ih"] = f"{old} @ {term}"
    found.asked[
        f"it has a layer {module} {shape} before its recurrent layer, which is folded into the input weights; if a "
        f"ReLU or the like lies between, it cannot be: say W_ih={old}, and its inputs are what {module} gives"
    ] = frozenset({"W_ih"})
    return True


def _fold_readout(found: Candidate, terms: Terms, module: str, parts: Parts, shape: Shape) -> bool:
    term, old = terms[parts["weight"]][0], found.terms["W_out"]
    if _gap(terms, module, -1):
        found.left_out |= {terms[name][0]: "a layer behind the outputs" for name in parts.values()}
        found.asked[
            f"behind its readout lies a second layer {module} {shape}, and between them something without weights, "
            f"such as a ReLU: its outputs are taken as those of the first; if that is nothing, say W_out={term} @ {old}"
        ] = frozenset({"W_out"})
        return True
    if "b_out" in found.terms:
        found.terms["b_out"] = _times(term, found.terms["b_out"])
    if "bias" in parts:
        found.terms["b_out"] = _sum(terms[parts["bias"]][0], found.terms.get("b_out"))
    found.terms["W_out"] = f"{term} @ {old}"
    found.asked[
        f"it has a second readout layer {module} {shape}, which is folded into the first one; if a ReLU or the like "
        f"lies between, it cannot be: say W_out={old}, and its outputs are those of the first"
    ] = frozenset({"W_out"})
    return True


def _fold_batch_norm(found: Candidate, terms: Terms, module: str, parts: Parts) -> bool:
    mean, variance = (terms[parts[part]][0] for part in ("running_mean", "running_var"))
    gain = terms[parts["weight"]][0] if "weight" in parts else "1"
    eps = "1e-03" if "batch_normalization" in module else "1e-05"
    scale = f"bn_scale({gain}, {variance}, {eps})"
    size = terms[parts["running_mean"]][1]
    (_, m), (_, n) = (shape_of(found.terms[role], terms.stored) for role in ("W_ih", "W_out"))
    if size not in ((m,), (n,)):
        return False
    role, bias, where = ("W_out", "b_out", "its activity and its readout")
    if size == (m,) and (m != n or _IN.search(module)):
        role, bias, where = ("W_ih", "b_ih", "its inputs and its recurrent layer")
    old = found.terms[role]
    shift = f"{old} * {scale} @ {mean}"
    base = _sum(found.terms.get(bias), f"{old} @ {terms[parts['bias']][0]}" if "bias" in parts else None)
    found.terms[bias] = f"{base or f'zeros({shape_of(old, terms.stored)[0]})'} - {shift}"
    found.terms[role] = f"{old} * {scale}"
    found.asked[
        f"it has a batch normalisation {module} {size}, which is folded in as it is after training (model.eval()), "
        f"between {where}; within the recurrent layer it cannot be"
    ] = frozenset({role})
    return True


def _fold_layer_norm(found: Candidate, terms: Terms, module: str, parts: Parts) -> bool:
    size = terms[next(iter(parts.values()))][1]
    (_, m), (_, n) = (shape_of(found.terms[role], terms.stored) for role in ("W_ih", "W_out"))
    if size != (m,) or m == n:
        if len(size) == 1 and size[0] % n == 0:
            raise ReadingError(
                f"has a layer normalisation {module} {size}, which depends on the activity at each step, and cannot be "
                "shown: no weights can stand for it; train the network without it"
            )
        return False
    gain = next((terms[parts[part]][0] for part in ("weight", "gamma", "scale") if part in parts), None)
    shift = next((terms[parts[part]][0] for part in ("bias", "beta") if part in parts), None)
    old = found.terms["W_ih"]
    if shift:
        found.terms["b_ih"] = _sum(found.terms.get("b_ih"), f"{old} @ {shift}")
    found.terms["W_ih"] = f"{old} * {gain}" if gain else old
    found.asked[
        f"its inputs pass through a layer normalisation {module} {size}: its gains are folded in, and inputs are those "
        "after it, with mean 0 and variance 1 over their channels"
    ] = frozenset({"W_ih"})
    return True


def _gap(terms: Terms, module: str, step: int) -> bool:
    """Whether a numbered layer is not next to the following (step 1) or the preceding one (-1) of its module."""
    before, _, number = module.rpartition(".")
    if not number.isdecimal():
        return False
    below = [
        name.removeprefix(f"{before}." if before else "").partition(".")[0] for name in terms if name.startswith(before)
    ]
    others = [int(other) for other in below if other.isdecimal() and step * (int(other) - int(number)) > 0]
    return bool(others) and min(abs(other - int(number)) for other in others) > 1


def _sum(*parts: str | None) -> str:
    return " + ".join(part for part in parts if part)


def _times(matrix: str, term: str) -> str:
    """A matrix times a sum of terms."""
    first, *rest = _SUM.split(term)
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return f"{matrix} @ {first}" + "".join(f" {sign} {matrix} @ {part}" for sign, part in pairs)
