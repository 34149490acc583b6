"""Networks by the names and shapes of their tensors: those of torch, of leaky and low-rank scripts, and of own scripts.

Source: the names and shapes of torch, of the PsychRNN and neurogym tutorials, and of Dubreuil et al. (2022).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hmmrnn.model.cells import CURRENT
from hmmrnn.model.opening.beside import fold_beside, name_extra
from hmmrnn.model.opening.gates import put_gates_together
from hmmrnn.model.opening.hints import MASK, MEMORY, SCALE, START, hint
from hmmrnn.model.opening.leaky_scripts import full_rank_script, low_rank_script
from hmmrnn.model.opening.mapping_terms import Shape, shape_of
from hmmrnn.model.opening.products import take_product
from hmmrnn.model.opening.reading import CELL, AmbiguousError, Candidate, ReadingError, listed
from hmmrnn.model.opening.signs_and_masks import fold_masks, take_masks
from hmmrnn.model.opening.unwrapping import Terms, each, int_size, there, whole_tensors

WHOLE = "save the whole network"
ONLY = "here a network has one recurrent layer in one direction and one linear readout"
BY_BLOCKS = {1: "relu", 3: "gru", 4: "lstm"}
# Names that mean something in this project's own convention: (to, from), ReLU.
OWN = frozenset(("W_hh", "W_ih", "W_out", "b_h", "b_out"))

_RECURRENT = re.compile(r"(?P<prefix>(?:.*[._/])?)weight_hh(?P<layer>_l(?P<number>\d+))?(?P<reverse>_reverse)?")
_ATTENTION = re.compile(r"(?i)(^|[._])(self_?attn|attn|attention|multihead_attn|c_attn)([._]|$)|in_proj_weight$")


def recognise(shapes: Mapping[str, Shape], masks: Mapping[str, str] | None = None) -> Candidate:
    """What the names and shapes of tensors let one think; the values of masks tell their kinds.

    Raises:
        AmbiguousError: they could be read in several ways.
        ReadingError: they are no network that can be shown.
    """
    if attention := next((name for name in shapes if _ATTENTION.search(name)), None):
        raise ReadingError(
            f"is a network with attention ({attention}), such as a Transformer, and cannot be shown: {ONLY}"
        )
    terms, left = whole_tensors(shapes)
    taken = take_masks(terms, masks or {})
    gates = put_gates_together(terms)
    for attempt in (_torch_layers, low_rank_script, full_rank_script, _concatenated, _own_or_hinted):
        found: Candidate | None = attempt(terms)
        if found is not None:
            found.left_out |= left
            found.asked |= dict.fromkeys(gates.questions, frozenset({"W_hh"}))
            found.notes += gates.notes
            found.own_names &= not gates.notes
            fold_masks(found, taken, terms)
            return found
    if not terms:
        raise ReadingError(
            "has no tensors; expected W_hh (N, N), W_ih (N, M) and W_out (O, N), or the names of torch; save its state "
            "dict with torch.save(model.state_dict(), path)"
        )
    raise ReadingError(
        f"{_without_recurrence(shapes)}: none of its tensors is a square matrix of recurrent weights, (N, N); found "
        f"{listed(shapes)}; expected rnn.weight_ih_l0 (N, M), rnn.weight_hh_l0 (N, N) and fc.weight (O, N), under any "
        "names"
    )


def _without_recurrence(shapes: Mapping[str, Shape]) -> str:
    """What a network without a recurrent layer is."""
    if deep := next((f"{name} {tuple(shape)}" for name, shape in shapes.items() if len(shape) > 2), None):
        return f"is a convolutional network ({deep}), or one of other layers, and has no recurrent layer"
    chain = [shape for shape in shapes.values() if len(shape) == 2]
    feeds = len(chain) > 1 and all(first[0] == second[1] for first, second in pairwise(chain))
    return (
        "is a feed-forward network, whose layers feed each other, and has no recurrent layer"
        if feeds
        else ("has no recurrent layer")
    )


def _torch_layers(terms: Terms) -> Candidate | None:
    """One layer of torch.nn.RNN, GRU, LSTM or their cells, and a linear readout."""
    layers = {name: layer for name in terms if (layer := _RECURRENT.fullmatch(name))}
    if not layers and (inputs := [name for name in terms if re.search(r"(^|[._/])weight_ih(_l\d+)?$", name)]):
        missing = inputs[0].replace("weight_ih", "weight_hh")
        raise ReadingError(f"has no tensor {missing}; expected it with shape (N, N), found {there(terms)}; {WHOLE}")
    if not layers:
        return None
    name, layer = next(iter(layers.items()))
    _check_projected(terms)
    rows, n, kind = _kind_of_layer(name, terms[name][1])
    _check_single(kind, layers)
    prefix, end = layer["prefix"], layer["layer"] or ""
    own = {role: f"{prefix}{part}{end}" for role, part in _TORCH_PARTS.items()}
    if own["W_ih"] not in terms:
        raise ReadingError(
            f"has no tensor {own['W_ih']}; expected it with shape (N, M), {name} (N, N) and a readout (O, N), found "
            f"{there(terms)}; {WHOLE}"
        )
    found = Candidate(
        {"W_hh": terms[name][0], "W_ih": terms[own["W_ih"]][0]}, cell=kind if rows != n else None, leakless=True
    )
    for role in ("b_ih", "b_hh"):
        if own[role] in terms:
            found.terms[role] = terms[own[role]][0]
    if len(found.terms) == 3:
        present, absent = (own[role] for role in (("b_ih", "b_hh") if "b_ih" in found.terms else ("b_hh", "b_ih")))
        raise ReadingError(f"has {present} but no {absent}; expected both or neither; save the whole network")
    taken = {name, *own.values()}
    _add_readout(found, terms, taken, n, _columns_of(terms[own["W_ih"]][1]))
    _leave_out(found, terms, taken, n)
    return found


_TORCH_PARTS = {"W_ih": "weight_ih", "W_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh"}


def _kind_of_layer(name: str, shape: Shape) -> tuple[int, int, str]:
    if len(shape) != 2 or not shape[0] or not shape[1] or shape[0] % shape[1] or shape[0] // shape[1] not in BY_BLOCKS:
        raise ReadingError(
            f": {name} has shape {shape}; expected two equal sizes (N, N), or (3 N, N) of a GRU or (4 N, N) of an "
            f"LSTM; save its state dict with torch.save(model.state_dict(), path)"
        )
    return shape[0], shape[1], BY_BLOCKS[shape[0] // shape[1]]


def _check_projected(terms: Terms) -> None:
    projected = [name for name in terms if re.search(r"weight_hr(_l\d+)?$", name)]
    if projected:
        raise ReadingError(f"is an LSTM with a projection ({projected[0]}), and cannot be shown: {ONLY}")


def _check_single(kind: str, layers: Mapping[str, re.Match[str]]) -> None:
    """Name what has more than one recurrent layer for what it is."""
    words = {"relu": "an RNN", "gru": "a GRU", "lstm": "an LSTM"}[kind]
    prefixes = {found["prefix"] for found in layers.values()}
    if any(found["reverse"] for found in layers.values()):
        raise ReadingError(f"is {words} in both directions, and cannot be shown: {ONLY}")
    if len(prefixes) > 1:
        raise ReadingError(
            f"has {len(prefixes)} recurrent layers ({', '.join(layers)}), and cannot be shown: {ONLY}; if they are "
            f"networks beside each other, say which tensors are those of one, as W_hh={next(iter(layers))} with its "
            "W_ih, biases and W_out"
        )
    if len(layers) > 1:
        many = {2: "two", 3: "three", 4: "four"}.get(len(layers), str(len(layers)))
        extra = list(layers)[1]
        raise ReadingError(
            f"is {words} of {many} layers, and cannot be shown: it has a tensor {extra} that such a network does not; "
            f"{ONLY}"
        )


def _columns_of(shape: Shape) -> int:
    return shape[1] if len(shape) > 1 else 0


def _add_readout(found: Candidate, terms: Terms, taken: set[str], n: int, m: int) -> None:
    """The one other matrix with N columns; with N + M, its readout sees the input."""
    others = {name: item for name, item in terms.matrices().items() if name not in taken and not MASK.search(name)}
    fitting = [name for name, (_, shape) in others.items() if shape[1] == n]
    seeing = [name for name, (_, shape) in others.items() if shape[1] == n + m]
    transposed = [name for name, (_, shape) in others.items() if shape[0] == n and shape[1] != n]
    if not fitting and seeing:
        _add_seeing(found, terms, taken, seeing[0], n)
        return
    if not fitting and len(transposed) == 1:
        found.terms["W_out"] = each(terms[transposed[0]][0], ".T")
        taken.add(transposed[0])
        _add_output_bias(found, terms, taken, transposed[0])
        return
    if not fitting:
        wrong = [
            f"{name} has shape {shape}; expected (O, {n})" for name, (_, shape) in terms.items() if name == "fc.weight"
        ]
        if wrong:
            raise ReadingError(f": {wrong[0]} with N = {n} as in the recurrent weights; save the whole network")
        raise ReadingError(
            f"has no tensor fc.weight; expected a readout (O, N) with N = {n} columns under any name, found "
            f"{there(terms)}; save the network with its readout"
        )
    readout = next((name for name in fitting if name == "fc.weight"), fitting[0])
    if len(fitting) > 1 and len([name for name in fitting if hint(name) == "W_out"]) == 1:
        readout = next(name for name in fitting if hint(name) == "W_out")
    elif len(fitting) > 1:
        found.asked[f"its readout may be {' or '.join(fitting)}{_behind(others, fitting, n)}"] = frozenset({"W_out"})
    found.terms["W_out"] = terms[readout][0]
    taken.add(readout)
    _add_output_bias(found, terms, taken, readout)
    for name in fitting:
        if name != readout and found.asked:
            taken.update((name, f"{name.removesuffix('weight')}bias"))
            found.left_out[name] = "another readout"


def _behind(others: Mapping[str, tuple[str, Shape]], fitting: list[str], n: int) -> str:
    """That one of two readouts may lie behind the other, which is square."""
    square = [name for name in fitting if others[name][1][0] == n]
    last = [name for name in fitting if name not in square]
    if len(square) != 1 or not last:
        return ""
    term = f"{others[last[0]][0]} @ {others[square[0]][0]}"
    return f", or both, {last[0]} behind {square[0]}: W_out={term} if nothing such as a ReLU lies between"


def _add_output_bias(found: Candidate, terms: Terms, taken: set[str], readout: str) -> None:
    ends = {"weight": "bias", "kernel": "bias", "w": "b"}
    bias = next((f"{readout.removesuffix(end)}{other}" for end, other in ends.items() if readout.endswith(end)), "")
    if bias not in terms:
        outputs = (shape_of(found.terms["W_out"], terms.stored)[0],)
        hinted = (name for name, (_, shape) in terms.items() if hint(name) == "b_out" and shape == outputs)
        bias = next((name for name in hinted if name not in taken), "")
    if bias in terms:
        found.terms["b_out"] = terms[bias][0]
        taken.add(bias)


def _add_seeing(found: Candidate, terms: Terms, taken: set[str], readout: str, n: int) -> None:
    term = terms[readout][0]
    found.terms |= {"W_out": each(term, f"[:, :{n}]"), "W_skip": each(term, f"[:, {n}:]")}
    taken.add(readout)
    _add_output_bias(found, terms, taken, readout)
    question = (
        f"its readout {readout} sees the input as well, and may have it before or behind the {n} columns of activity"
    )
    found.asked[question] = frozenset({"W_out", "W_skip"})


def _leave_out(found: Candidate, terms: Terms, taken: set[str], n: int) -> None:
    """What is no part of the network: learned starts, masks, layers beside it; anything else is one tensor too many."""
    for name, (term, shape) in terms.items():
        if name in taken:
            continue
        if START.search(name) and int_size(shape) == n and "h0" not in found.terms:
            found.terms["h0"] = term
            taken.add(name)
        elif (START.search(name) or MEMORY.search(name)) and int_size(shape) in (n, 2 * n):
            found.left_out[term] = "a start, of which h0 (N,) alone is kept"
            taken.add(name)
        elif MASK.search(name) or SCALE.search(name):
            found.left_out[term] = "all its values are 1"
            found.must_be_ones.append(term)
            taken.add(name)
    fold_beside(found, terms, taken)
    for name in terms:
        if name not in taken:
            raise name_extra(found, terms, name)


def _concatenated(terms: Terms) -> Candidate | None:
    """One linear layer i2h on [x, h], and one i2o: the readout sees the state before the step."""
    if "i2h.weight" not in terms or "i2o.weight" not in terms:
        return None
    n, width = terms["i2h.weight"][1]
    if width <= n or terms["i2o.weight"][1][1] != width:
        return None
    raise ReadingError(
        f"is one linear layer i2h on the input and the state together, ({n}, {width - n} + {n}), whose readout i2o "
        f"sees the state before the step and not after it: such a network cannot be shown. Train one whose readout "
        f"sees the new one; if yours does, give torch.nn.RNN({width - n}, {n}) and torch.nn.Linear({n}, O) its weights"
    )


# ---- any other names ----


def _own_or_hinted(terms: Terms) -> Candidate | None:
    question = take_product(terms)
    found = _by_names(terms)
    if found is not None and question:
        found.asked[question] = frozenset({"W_hh"})
    return found


def _by_names(terms: Terms) -> Candidate | None:
    matrices = terms.matrices()
    squares = [name for name, (_, shape) in matrices.items() if shape[0] == shape[1]]
    hinted = [terms.recurrent] if terms.recurrent else [name for name in squares if hint(name) == "W_hh"]
    if not squares or (len(squares) > 1 and len(hinted) != 1):
        return _by_size(terms, squares)
    recurrent = hinted[0] if len(hinted) == 1 else squares[0]
    n = matrices[recurrent][1][0]
    others = {name: shape for name, (_, shape) in matrices.items() if name != recurrent and n in shape}
    if len(others) < 2:
        _ask_of_excitatory(terms, matrices, recurrent, n)
        raise ReadingError(
            f"has recurrent weights {recurrent} ({n}, {n}), and beside them {', '.join(others) or 'no other matrix'}; "
            f"expected input weights ({n}, M) and a readout (O, {n}); found {there(terms)}; save the whole network"
        )
    roles = _split(others)
    if roles is None:
        raise AmbiguousError(
            f"it is not certain which of {', '.join(others) or 'no other matrices'} is the input and which the readout"
            + (
                ""
                if hinted
                else f", nor whether {recurrent} is recurrent at all, which in a feed-forward network it is not"
            ),
            terms.stored,
            _guess(terms, recurrent, others, n),
        )
    return _hinted_candidate(terms, recurrent, roles, n)


def _ask_of_excitatory(terms: Terms, matrices: Mapping[str, tuple[str, Shape]], recurrent: str, n: int) -> None:
    """Ask about a readout of fewer neurons than there are, as networks of excitatory and inhibitory neurons have it."""
    entering = [name for name, (_, shape) in matrices.items() if name != recurrent and shape[0] == n]
    leaving = [name for name, (_, shape) in matrices.items() if hint(name) == "W_out" and shape[1] < n]
    if len(entering) != 1 or len(leaving) != 1:
        return
    read = matrices[leaving[0]][1][1]
    found = {
        "W_hh": f"abs({terms[recurrent][0]}) * signs({read}, {n - read}) * offdiagonal({n})",
        "W_ih": terms[entering[0]][0],
        "W_out": f"{terms[leaving[0]][0]} @ eye({read}, {n})",
    }
    biases = {"W_hh": "b_hh", "W_ih": "b_ih", "W_out": "b_out"}
    for role, name in (("W_hh", recurrent), ("W_ih", entering[0]), ("W_out", leaving[0])):
        if (bias := f"{name.removesuffix('weight')}bias") in terms:
            found[biases[role]] = terms[bias][0]
    raise AmbiguousError(
        f"its readout {leaving[0]} reads {read} of {n} neurons, as that of the excitatory ones in networks under "
        "Dale's law, whose W_hh has the sign of the sending neuron and no diagonal: leave out what yours does not have",
        terms.stored,
        {**found, CELL: "relu", "alpha": 0.1, "leak": CURRENT},
    )


def _by_size(terms: Terms, squares: list[str]) -> Candidate | None:
    """Several square matrices, and no name that tells: ask."""
    if not squares:
        return None
    n = terms[squares[0]][1][0]
    others = {name: shape for name, (_, shape) in terms.matrices().items() if name != squares[0] and n in shape}
    raise AmbiguousError(
        f"several of its matrices are square ({', '.join(squares)})",
        terms.stored,
        _guess(terms, squares[0], others, n),
    )


def _split(others: Mapping[str, Shape]) -> tuple[str, str] | None:
    """The names of input and readout among matrices with N on one side; None if names and shapes do not tell."""
    hints = {role: [name for name in others if hint(name) == role] for role in ("W_ih", "W_out")}
    if all(len(names) == 1 for names in hints.values()):
        return hints["W_ih"][0], hints["W_out"][0]
    if len(others) == 2 and sum(map(len, hints.values())) == 1:
        (known,) = [name for names in hints.values() for name in names]
        (other,) = [name for name in others if name != known]
        return (known, other) if hints["W_ih"] else (other, known)
    return None


def _guess(terms: Terms, recurrent: str, others: Mapping[str, Shape], n: int) -> dict[str, Any]:
    """A mapping that works: the first matrix with N rows enters, the first other one is read out."""
    names = list(others)
    entering = next((name for name in names if hint(name) == "W_ih"), None)
    entering = entering or next((name for name in names if others[name][0] == n), names[0] if names else recurrent)
    leaving = next((name for name in names if name != entering and hint(name) == "W_out"), None)
    leaving = leaving or next((name for name in names if name != entering), entering)
    shape_in, shape_out = terms[entering][1], terms[leaving][1]
    return {
        "W_hh": terms[recurrent][0],
        "W_ih": each(terms[entering][0], "" if shape_in[0] == n else ".T"),
        "W_out": each(terms[leaving][0], "" if shape_out[1] == n else ".T"),
        CELL: "tanh",
    }


def _hinted_candidate(terms: Terms, recurrent: str, roles: tuple[str, str], n: int) -> Candidate:
    entering, leaving = roles
    shape_in, shape_out = terms[entering][1], terms[leaving][1]
    # Where a script has x @ W_ih, it has h @ W_hh and h @ W_out too.
    turned = [shape[axis] == n and shape[1 - axis] != n for shape, axis in ((shape_in, 1), (shape_out, 0))]
    straight = [shape[axis] == n and shape[1 - axis] != n for shape, axis in ((shape_in, 0), (shape_out, 1))]
    found = Candidate({}, own_names={recurrent, entering, leaving} <= OWN)
    if any(turned) and any(straight):
        found.asked[f"{entering} and {leaving} do not agree on rows and columns"] = frozenset()
    elif not any(turned) and not any(straight) and not found.own_names:
        found.asked["all its matrices are square, so they may be (to, from) or (from, to)"] = frozenset()
    end = ".T" if any(turned) and not any(straight) else ""
    found.notes = ["its matrices are (from, to), and turned"] if end else []
    found.terms = {
        "W_hh": terms.turned(recurrent) if end else terms[recurrent][0],
        "W_ih": each(terms[entering][0], ".T" if turned[0] else ""),
        "W_out": each(terms[leaving][0], ".T" if turned[1] else ""),
    }
    bare = r"(^|[._/])(h2h|i2h|input2h|x2h|in2h)\b"
    found.leaky = bool(re.search(r"h2h", recurrent)) and bool(re.search(bare, entering))
    taken = {recurrent, entering, leaving}
    _add_hinted_biases(found, terms, taken, n, terms[leaving][1][1 if turned[1] else 0])
    _leave_out(found, terms, taken, n)
    return found


def _add_hinted_biases(found: Candidate, terms: Terms, taken: set[str], n: int, o: int) -> None:
    sizes = {"b_ih": n, "b_hh": n, "b_out": o}
    for name, (term, shape) in terms.items():
        role = hint(name)
        if name not in taken and role in sizes and role not in found.terms and int_size(shape) == sizes[role]:
            found.terms[role] = term
            taken.add(name)
