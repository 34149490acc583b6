"""Whole tensors under plain names, out of what torch keeps for pruned, normalised, compiled and averaged layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hmmrnn.model.opening.mapping_terms import Shape
from hmmrnn.model.opening.reading import ReadingError, listed

_COUNTER = re.compile(r"(?i)(n_averaged|num_batches_tracked|num_updates|step|steps|epoch|decay|version|iteration)$")
_NORMED = re.compile(r"(?P<prefix>(?:.*\.)?)parametrizations\.(?P<name>[^.]+)\.original(?P<part>[01]?)$")


# Numbers that scripts keep with their weights: the step and time constant of a leaky network, and its noise.
_BESIDE = re.compile(r"(?i)(^|[._])(alpha|dt|tau|sigma|noise|noise_std)$")


def is_number(name: str, shape: Shape) -> bool:
    """Whether a tensor is a number beside the weights."""
    return int_size(shape) == 1 and _BESIDE.search(name) is not None


class Terms(dict[str, tuple[str, Shape]]):
    """Whole tensors by their names without wrappers: the term that makes each, and its shape.

    Attributes:
        stored: the shapes of the tensors as they are stored.
        recurrent: the name of recurrent weights that are a product of others.
    """

    def __init__(self, items: Mapping[str, tuple[str, Shape]] | None = None, stored: Mapping[str, Shape] | None = None):
        super().__init__(items or {})
        self.stored: dict[str, Shape] = dict(stored or {})
        self.recurrent = ""
        self._turned: dict[str, str] = {}

    def add_recurrent(self, term: str, turned: str, n: int) -> None:
        """Add recurrent weights (N, N) that a term makes, and what makes them turned."""
        self[term], self.recurrent, self._turned[term] = (term, (n, n)), term, turned

    def turned(self, name: str) -> str:
        """The term of a whole tensor turned."""
        return self._turned.get(name) or each(self[name][0], ".T")

    def matrices(self) -> dict[str, tuple[str, Shape]]:
        """Those with two dimensions."""
        return {name: item for name, item in self.items() if len(item[1]) == 2}


def whole_tensors(shapes: Mapping[str, Shape]) -> tuple[Terms, dict[str, str]]:
    """Put pruned and normalised weights together, and leave counters out, which are returned with what they are.

    Raises:
        ReadingError: a weight cannot be told from what is stored of it.
    """
    terms, left = Terms(stored=shapes), dict[str, str]()
    for name, shape in shapes.items():
        plain = _unwrapped(name)
        if _COUNTER.search(name) and int_size(shape) == 1:
            left[name] = "a counter"
        elif is_number(name, shape):
            left[name] = "a number beside the weights"
        elif found := _NORMED.fullmatch(plain):
            _add_normed(terms, shapes, name, plain, found)
        elif name.endswith("_orig") and f"{name.removesuffix('orig')}mask" in shapes:
            terms[plain.removesuffix("_orig")] = (f"{name} * {name.removesuffix('orig')}mask", tuple(shape))
        elif name.endswith("_mask") and f"{name.removesuffix('mask')}orig" in shapes:
            continue
        elif name.endswith("_v") and f"{name.removesuffix('v')}g" in shapes:
            terms[plain.removesuffix("_v")] = (f"norm({name.removesuffix('v')}g, {name})", tuple(shape))
        elif name.endswith("_g") and f"{name.removesuffix('g')}v" in shapes:
            continue
        elif name.endswith("_orig"):
            raise ReadingError(
                f"has {name}, a weight under spectral normalisation; call torch.nn.utils.remove_spectral_norm(module, "
                f"{plain.rpartition('.')[2].removesuffix('_orig')!r}) first, and save the state dict again"
            )
        else:
            terms[plain] = (name, tuple(shape))
    return terms, left


def _add_normed(terms: Terms, shapes: Mapping[str, Shape], name: str, plain: str, found: re.Match[str]) -> None:
    other = f"{name[:-1]}1"
    if found["part"] == "0" and other in shapes:
        terms[f"{found['prefix']}{found['name']}"] = (f"norm({name}, {other})", tuple(shapes[other]))
    elif found["part"] != "1":
        raise ReadingError(
            f"has {name}, a weight under a parametrization that its numbers do not tell; call "
            f"torch.nn.utils.parametrize.remove_parametrizations(module, {found['name']!r}) first, and save the state "
            f"dict again"
        )


def _unwrapped(name: str) -> str:
    """A name without what DataParallel, torch.compile and averaging put into it."""
    return ".".join(part for part in name.split(".") if part not in ("_orig_mod", "module", "_fsdp_wrapped_module"))


def each(term: str, end: str) -> str:
    """The term of a whole tensor with `.T` or a slice behind each of its factors."""
    return " * ".join(f"{factor}{end}" for factor in term.split(" * "))


def int_size(shape: Iterable[int]) -> int:
    """The number of values of a shape."""
    size = 1
    for part in shape:
        size *= part
    return size


def there(terms: Terms) -> str:
    """The tensors with their shapes, as a sentence lists them."""
    return listed({name: shape for name, (_, shape) in terms.items()})
