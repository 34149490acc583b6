"""Roles of tensors: which of those in a file are W_hh, W_ih, W_out and the biases, whatever they are called.

What fits in one way is read at once, and `Reading.words` says how. What could be read in several ways is refused with
all tensors, their shapes, and a mapping that works when it is copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hmmrnn.model.cells import CELLS, LEAKS, RATE
from hmmrnn.model.opening.conventions import recognise
from hmmrnn.model.opening.mapping_terms import Shape, TermError, names_of, shape_of
from hmmrnn.model.opening.reading import (
    ALPHA,
    CELL,
    LEAK,
    MATRICES,
    ROLES,
    SETTINGS,
    STACKED,
    AmbiguousError,
    Candidate,
    Reading,
    ReadingError,
    listed,
)

ACTIVATION_NAMES = (
    "cell",
    "nonlinearity",
    "activation",
    "act",
    "phi",
    "activation_function",
    "rnn_type",
    "hidden_activation",
)
# Of these, those that name a function and never a kind of layer.
FUNCTIONS = frozenset(ACTIVATION_NAMES) - {"cell", "rnn_type"}
UNKNOWN, MOST_SAID = "unknown", 40
SAID = {
    **{name: name for name in CELLS},
    **{"rnn_relu": "relu", "rnn_tanh": "tanh", "identity": "linear", "rectifier": "relu"},
}


def read_roles(
    shapes: Mapping[str, Shape],
    settings: Mapping[str, Any] | None = None,
    mapping: Mapping[str, Any] | None = None,
    asks: bool = False,
    masks: Mapping[str, str] | None = None,
) -> Reading:
    """Find the roles of the tensors of a file.

    Args:
        shapes: of the tensors, by name.
        settings: numbers and words beside them.
        mapping: what is said of them: a term for a role, and cell, alpha and leak.
        asks: whether the activation must be said, and is not taken as the paper's.
        masks: kinds of tensors whose values are those of a mask, by name.

    Raises:
        AmbiguousError: they could be read in several ways.
        ReadingError: they are no network that can be shown, or the mapping does not fit them.
    """
    said = _checked(mapping or {}, shapes)
    stated = {**_stated(settings or {}), **{key: said[key] for key in SETTINGS if key in said}}
    named = {role: term for role, term in said.items() if role in ROLES}
    if set(MATRICES) <= set(named):
        found = Candidate(dict(named), notes=["as the mapping says"])
    else:
        found = _with_named(recognise(shapes, masks), named, shapes)
    if ALPHA not in said and ALPHA in stated and found.leakless and stated[ALPHA] != 1:
        _doubt_leak(found, stated)
    _check_blocks(found, shapes, said.get(CELL))
    return _decided(found, shapes, stated, asks and not named)


def _with_named(found: Candidate, named: Mapping[str, str], shapes: Mapping[str, Shape]) -> Candidate:
    """What was recognised, with the roles that a mapping names in place of its own."""
    used = set[str]().union(*(names_of(term, shapes) for term in named.values()))
    readout = names_of(found.terms["W_out"], shapes)
    if "W_out" in named and readout != (others := names_of(named["W_out"], shapes)):
        # The bias of a readout goes with it.
        found.terms.pop("b_out", None)
        beside = [bias for name in others if (bias := f"{name.removesuffix('weight')}bias") in shapes]
        found.terms.update(zip(["b_out"], beside, strict=False))
        found.left_out |= dict.fromkeys(readout, "another readout")
    found.terms |= named
    found.left_out = {name: why for name, why in found.left_out.items() if name not in used}
    found.must_be_ones = [name for name in found.must_be_ones if name not in used]
    found.asked = {question: roles for question, roles in found.asked.items() if not roles or not roles <= set(named)}
    return found


def _doubt_leak(found: Candidate, stated: dict[str, Any]) -> None:
    """A layer of torch has no leak: alpha beside it is not this layer's, or a loop around it leaks."""
    said = f"alpha = {stated.pop(ALPHA):g} is said beside it"
    if found.cell in STACKED:
        found.notes.append(f"{said}, which a {found.cell.upper()} does not have")
        return
    found.asked[f"{said}, and a layer of torch has no leak: alpha = 1 is without"] = frozenset()
    found.leaky = True
    stated[ALPHA] = 1.0


# ---- what is said ----


def _checked(mapping: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """The mapping with b_h as b_hh, once every part of it can be understood."""
    said = {("b_hh" if key == "b_h" else key): value for key, value in mapping.items()}
    unknown = [key for key in said if key not in (*ROLES, *SETTINGS)]
    if unknown:
        raise ReadingError(
            f"cannot be read so: a mapping may have {', '.join((*ROLES, 'b_h', *SETTINGS))}; got {unknown[0]!r}"
        )
    for role in ROLES:
        if role in said:
            said[role] = str(said[role])
            try:
                names_of(said[role], shapes)
            except TermError as error:
                raise ReadingError(f"cannot be read so: {role}: {error}; it has {listed(shapes)}") from error
    if said.get(CELL, "relu") not in CELLS:
        raise ReadingError(f"cannot be read so: cell must be one of {', '.join(CELLS)}; got {said[CELL]!r}")
    if said.get(LEAK, RATE) not in LEAKS:
        raise ReadingError(f"cannot be read so: leak must be one of {', '.join(LEAKS)}; got {said[LEAK]!r}")
    if ALPHA in said:
        said[ALPHA] = _number(said[ALPHA])
    return said


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 < number <= 1:
        raise ReadingError(f"cannot be read so: alpha = dt / tau must be above 0 and at most 1; got {value!r}")
    return number


def _stated(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the settings of a file say of its cell; the outermost of several counts."""
    by_name: dict[str, Any] = {}
    for path, value in sorted(settings.items(), key=lambda item: item[0].count(".")):
        by_name.setdefault(path.rpartition(".")[2].lower(), value)
    found: dict[str, Any] = {}
    for name in ACTIVATION_NAMES:
        # torch.nn.functional.relu, jax.nn.tanh, ReLU()
        word = str(by_name.get(name, "")).lower().rpartition(".")[2].removesuffix("()")
        if SAID.get(word) and CELL not in found:
            found[CELL] = SAID[word]
        elif name in FUNCTIONS and word and UNKNOWN not in found:
            found[UNKNOWN] = f"{name} = {str(by_name[name])[:MOST_SAID]!r}"
    alpha = by_name.get("alpha")
    if alpha is None and all(isinstance(by_name.get(name), (int, float)) for name in ("dt", "tau")):
        alpha = by_name["dt"] / by_name["tau"] if by_name["tau"] else None
    if isinstance(alpha, (int, float)) and 0 < alpha <= 1:
        found[ALPHA] = float(alpha)
    if by_name.get(LEAK) in LEAKS:
        found[LEAK] = by_name[LEAK]
    return found


# ---- the decision ----


def _check_blocks(found: Candidate, shapes: Mapping[str, Shape], said: str | None) -> None:
    """Raise ReadingError unless the cell that a mapping says has as many blocks of rows as the recurrent weights."""
    told = found.cell if found.cell in STACKED else _cell_by_shape(found, shapes)
    weights = found.terms["W_hh"]
    if said is None or said == told:
        return
    if told is not None:
        name = "an LSTM" if told == "lstm" else "a GRU"
        raise ReadingError(
            f"cannot be read so: the mapping says cell = {said!r}, and its recurrent weights {weights} have the "
            f"{len(STACKED[told])} blocks of rows of {name}; leave cell out, or say {told!r}"
        )
    if said in STACKED and len(set(shape_of(weights, shapes))) == 1:
        raise ReadingError(
            f"cannot be read so: the mapping says cell = {said!r}, whose recurrent weights have {len(STACKED[said])} "
            f"blocks of N rows, and {weights} is square; say relu, tanh or linear, or put its gates below each other "
            f"with stack({', '.join('abcd'[: len(STACKED[said])])})"
        )


def _decided(found: Candidate, shapes: Mapping[str, Shape], stated: Mapping[str, Any], asks: bool) -> Reading:
    cell, asked = stated.get(CELL) or found.cell, list(found.asked)
    if UNKNOWN in stated and cell is None:
        asked.append(
            f"it says {stated[UNKNOWN]}, which is none of {', '.join(CELLS)}: if that is the activation of its "
            "recurrent layer it cannot be shown, and if not, say the cell"
        )
    if found.cell in STACKED and cell != found.cell:
        cell = found.cell
    cell = cell or _cell_by_shape(found, shapes)
    if cell in STACKED and (stated.get(ALPHA, 1.0), stated.get(LEAK, RATE)) != (1.0, RATE):
        raise ReadingError(f"cannot be read so: the gates of {cell.upper()} stand for a leak; say no alpha and no leak")
    must_say = cell is None and UNKNOWN not in stated and (asks or not found.own_names)
    if must_say:
        asked.append("its tensors do not say its activation")
    if found.leaky and ALPHA not in stated:
        asked.append(
            "nor its alpha = dt / tau, with how the leak enters" if must_say else "its tensors do not say alpha"
        )
    if asked:
        leak = {ALPHA: stated.get(ALPHA, 0.1), LEAK: stated.get(LEAK, found.leak)} if found.leaky else {}
        proposal = {**found.terms, CELL: cell or found.guess, **leak}
        raise AmbiguousError(", ".join([*found.notes, *asked]), shapes, proposal)
    return Reading(
        terms=found.terms,
        cell=cell or "relu",
        alpha=stated.get(ALPHA, 1.0),
        leak=stated.get(LEAK, found.leak),
        left_out=found.left_out,
        assumed=cell is None,
        must_be_ones=tuple(found.must_be_ones),
        notes=tuple(found.notes),
    )


def _cell_by_shape(found: Candidate, shapes: Mapping[str, Shape]) -> str | None:
    """The gated cell that the shape of the recurrent weights tells; None without gates."""
    try:
        rows, columns = (*shape_of(found.terms["W_hh"], shapes), 0, 0)[:2]
    except TermError as error:
        raise ReadingError(f"cannot be read so: W_hh: {error}") from error
    return {3: "gru", 4: "lstm"}.get(rows // columns if columns else 0)
