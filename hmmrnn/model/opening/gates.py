"""Gates that lie in tensors of their own, or with the input in one: put below each other under the names of torch.

    Flax        GRU ir iz in, hr hz hn      LSTM ii if ig io, hi hf hg ho      SimpleCell i, h; kernels are (from, to)
    Equinox     weight_ih weight_hh bias, and bias_n of a GRU
    TensorFlow 1, Haiku    one LSTM kernel on [x, h], in the order i g f o, with 1 added to the forget gate
    own scripts U_r U_z U_h beside W_r W_z W_h, or U_i U_f U_c U_o

Source: the names and equations of flax.linen, equinox.nn, haiku and tf.nn.rnn_cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from hmmrnn.model.opening.mapping_terms import Shape
from hmmrnn.model.opening.reading import ReadingError
from hmmrnn.model.opening.unwrapping import Terms, each

_FLAX = {"": ("",), "gru": ("r", "z", "n"), "lstm": ("i", "f", "g", "o")}
_PART = re.compile(r"(?P<module>.*[./])?(?P<gate>[ih][rznifgo]?)[./](?P<kind>kernel|bias)")
# What a matrix on input and state is called where one of a feed-forward network is not.
_NEURON = re.compile(r"(?i)i2h|in(put)?_?(to|2)_?hidden|rnn|cell|recur|(^|[._])(xh|hx)([._]|$)")
# Letters of the gates of own scripts, in the order of torch.
_LETTERS = (("r", "zu", "nhcg"), ("i", "f", "cg", "o"))


class Together(NamedTuple):
    """What was put together: questions about it, and how it was read."""

    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def put_gates_together(terms: Terms) -> Together:
    """Replace the tensors of gates by whole ones under the names of torch.

    Raises:
        ReadingError: they are gates of a cell that is none of torch's.
    """
    for attempt in (_flax, _equinox, _joint, _separate):
        found: Together | None = attempt(terms)
        if found is not None:
            return found
    return Together()


def _add_layer(terms: Terms, prefix: str, recurrent: str, entering: str, n: int, m: int, blocks: int) -> None:
    terms[f"{prefix}weight_hh_l0"] = (recurrent, (blocks * n, n))
    terms[f"{prefix}weight_ih_l0"] = (entering, (blocks * n, m))


def _add_biases(terms: Terms, prefix: str, entering: str, recurrent: str, rows: int) -> None:
    terms[f"{prefix}bias_ih_l0"], terms[f"{prefix}bias_hh_l0"] = (entering, (rows,)), (recurrent, (rows,))


def _stack(terms: Iterable[str]) -> str:
    parts = list(terms)
    return parts[0] if len(parts) == 1 else f"stack({', '.join(parts)})"


# ---- Flax and Equinox ----


def _flax(terms: Terms) -> Together | None:
    """One cell of Flax; every kernel is (from, to), that of a readout too."""
    found = {name: part for name in terms if (part := _PART.fullmatch(name))}
    modules = {part["module"] or "" for part in found.values()}
    cells = [(module, kind) for module in modules for kind in _FLAX if _is_cell(terms, module, kind)]
    if len(cells) != 1:
        return None
    (module, kind), gates = cells[0], _FLAX[cells[0][1]]
    sign = "/" if "/" in next(iter(found)) else "."
    kernels = {side: [f"{module}{side}{gate}{sign}kernel" for gate in gates] for side in "ih"}
    m, n = terms[kernels["i"][0]][1]
    rows = n * len(gates)
    biases = {side: [f"{module}{side}{gate}{sign}bias" for gate in gates] for side in "ih"}
    stacked = {side: _stack(each(terms[name][0], ".T") for name in names) for side, names in kernels.items()}
    vectors = {
        side: _stack(terms[name][0] if name in terms else f"zeros({n})" for name in names)
        for side, names in biases.items()
    }
    for name in (*kernels["i"], *kernels["h"], *biases["i"], *biases["h"]):
        terms.pop(name, None)
    prefix = f"{module}rnn."
    _add_layer(terms, prefix, stacked["h"], stacked["i"], n, m, len(gates))
    _add_biases(terms, prefix, vectors["i"], vectors["h"], rows)
    _turn_kernels(terms)
    return Together(
        notes=(f"{ {'': 'a SimpleCell', 'gru': 'a GRU', 'lstm': 'an LSTM'}[kind] } of Flax, its kernels turned",)
    )


def _is_cell(terms: Terms, module: str, kind: str) -> bool:
    names = [f"{module}{side}{gate}" for gate in _FLAX[kind] for side in "ih"]
    shapes = [terms[part][1] for name in names for sign in "./" if (part := f"{name}{sign}kernel") in terms]
    return len(shapes) == len(names) and all(len(shape) == 2 and shape[1] == shapes[0][1] for shape in shapes)


def _turn_kernels(terms: Terms) -> None:
    """Other layers of a program whose kernels are (from, to), as torch has them."""
    for name in [name for name in terms if name.endswith(("kernel", "/bias"))]:
        term, shape = terms.pop(name)
        plain = name.replace("/", ".")
        if len(shape) == 2:
            terms[f"{plain.removesuffix('kernel')}weight"] = (each(term, ".T"), shape[::-1])
        else:
            terms[plain] = (term, shape)


def _equinox(terms: Terms) -> Together | None:
    """A cell of Equinox, whose one bias enters, and whose bias_n lies inside the reset gate."""
    for name in list(terms):
        prefix = name.removesuffix("weight_hh")
        if name == prefix or f"{prefix}bias" not in terms or f"{prefix}bias_ih" in terms:
            continue
        (rows, n), bias = terms[name][1], terms.pop(f"{prefix}bias")
        inside = terms.pop(f"{prefix}bias_n", None)
        recurrent = f"stack(zeros({rows - n}), {inside[0]})" if inside else f"zeros({rows})"
        terms[f"{prefix}bias_ih"], terms[f"{prefix}bias_hh"] = bias, (recurrent, (rows,))
        return Together(notes=("a cell of Equinox",))
    return None


# ---- input and state in one matrix ----


def _joint(terms: Terms) -> Together | None:
    """One matrix on [x, h]: of an LSTM of TensorFlow 1 or Haiku, or of a neuron."""
    matrices = terms.matrices()
    whole = any(shape[0] == shape[1] for _, shape in matrices.values()) or any("weight_hh" in name for name in terms)
    if whole or len(matrices) != 2 or "i2o.weight" in terms:
        return None
    for name, (term, shape) in matrices.items():
        for turned in (False, True):
            rows, columns = shape[::-1] if turned else shape
            sizes = {size for other, (_, its) in matrices.items() if other != name for size in its}
            for blocks in (4, 1):
                n = rows // blocks
                fits = rows % blocks == 0 and n in sizes and columns > n and _has_bias(terms, name, rows)
                if fits and (blocks == 4 or _NEURON.search(name)):
                    return _split_joint(terms, name, each(term, ".T") if turned else term, (rows, columns), blocks)
    return None


def _bias_of(name: str) -> list[str]:
    return [re.sub(rf"{end}$", other, name) for end, other in (("weight", "bias"), ("kernel", "bias"), ("w", "b"))]


def _has_bias(terms: Terms, name: str, rows: int) -> bool:
    return any(bias != name and bias in terms and terms[bias][1] == (rows,) for bias in _bias_of(name))


def _split_joint(terms: Terms, name: str, term: str, shape: Shape, blocks: int) -> Together:
    (rows, columns), n = shape, shape[0] // blocks
    m = columns - n
    bias = next(bias for bias in _bias_of(name) if bias != name and bias in terms)
    vector = terms.pop(bias)[0]
    del terms[name]
    turned = term.endswith(".T")
    if blocks == 4 and turned:
        order = (f"[:{n}]", f"[{2 * n}:{3 * n}]", f"[{n}:{2 * n}]", f"[{3 * n}:]")
        whole, vector = (_stack(f"{part}{at}" for at in order) for part in (term, vector))
        vector = f"{vector} + stack(zeros({n}), ones({n}), zeros({2 * n}))"
    else:
        whole = term
    _add_layer(terms, "", f"{whole}[:, {m}:]", f"{whole}[:, :{m}]", n, m, blocks)
    _add_biases(terms, "", vector, f"zeros({rows})", rows)
    if turned:
        _turn_kernels(terms)
    said = f"{name} sees the {m} inputs and the {n} neurons together, and may have either first"
    if blocks == 4:
        ordered = (
            "i, g, f, o with 1 added to f, as TensorFlow 1 and Haiku have it" if turned else "i, f, g, o, as in torch"
        )
        said += f"; its gates are taken in the order {ordered}"
    return Together(questions=(said,))


# ---- gates of own scripts ----


def _separate(terms: Terms) -> Together | None:
    """Gates in matrices whose names differ in their last letter."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for name in terms:
        stem, _, end = name.partition(".") if name.endswith((".weight", ".bias")) else (name, "", "")
        if stem:
            groups.setdefault((stem[:-1], end), {})[stem[-1].lower()] = name
    for letters in _LETTERS:
        whole = {key: names for key, group in groups.items() if (names := _in_order(group, letters))}
        recurrent = [key for key, names in whole.items() if _same(terms, names, square=True)]
        if not recurrent:
            continue
        n = terms[whole[recurrent[0]][0]][1][0]
        entering = [
            key
            for key, names in whole.items()
            if key not in recurrent and _same(terms, names) and n in _first(terms, names)
        ]
        if len(recurrent) == len(entering) == 1:
            vectors = [names for names in whole.values() if {terms[name][1] for name in names} == {(n,)}]
            return _stacked_gates(terms, whole[recurrent[0]], whole[entering[0]], vectors, n)
    _refuse_resets_before(terms)
    return None


def _in_order(group: dict[str, str], letters: tuple[str, ...]) -> list[str]:
    found = [next((group[letter] for letter in some if letter in group), "") for some in letters]
    return found if all(found) and len(set(found)) == len(found) == len(group) else []


def _same(terms: Terms, names: list[str], square: bool = False) -> bool:
    shapes = {terms[name][1] for name in names}
    shape = next(iter(shapes))
    return len(shapes) == 1 and len(shape) == 2 and (shape[0] == shape[1]) == square


def _first(terms: Terms, names: list[str]) -> Shape:
    return terms[names[0]][1]


def _stacked_gates(terms: Terms, back: list[str], entering: list[str], vectors: list[list[str]], n: int) -> Together:
    shape = _first(terms, entering)
    end, m = ("", shape[1]) if shape[0] == n else (".T", shape[0])
    recurrent, given = (
        _stack(each(terms[name][0], end) if end else terms[name][0] for name in names) for names in (back, entering)
    )
    biases = [_stack(terms[name][0] for name in names) for names in vectors[:2]]
    for name in (*back, *entering, *(name for names in vectors[:2] for name in names)):
        del terms[name]
    _add_layer(terms, "", recurrent, given, n, m, len(back))
    if biases:
        rows = n * len(back)
        _add_biases(terms, "", biases[0], biases[1] if len(biases) == 2 else f"zeros({rows})", rows)
    if len(back) == 4:
        return Together(questions=(f"its gates i, f, g, o are taken to be {', '.join(back)}",))
    return Together(
        questions=(
            f"its gates r, z, n are taken to be {', '.join(back)}, with h' = (1 - z) n + z h and r behind the "
            "recurrent weights, as torch has them: where z is the other way round, take neg(..) of it; where "
            "r acts on h before the weights, it cannot be shown",
        )
    )


def _refuse_resets_before(terms: Terms) -> None:
    for name in terms:
        before = name.removesuffix("w_h")
        if before != name and f"{before}w_i" in terms and "gru" in before.lower():
            raise ReadingError(
                f"is a GRU of Haiku ({name}), whose reset gate acts before the recurrent weights: such a cell cannot "
                "be stepped here; train one of torch, Keras or Flax"
            )
