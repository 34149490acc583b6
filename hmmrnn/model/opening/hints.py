"""What the words in a tensor's name hint at: its role, a learned start, a mask.

Source: the names of torch, of Flax and Haiku, of the PsychRNN and neurogym tutorials, and of own scripts.
"""

from __future__ import annotations

import re

# Words that a tensor's name may be made of, by its role; those of own scripts and of the common tutorials.
HINTS = {
    role: frozenset(words.split())
    for role, words in {
        "W_hh": "whh wrec wr rec recurrent h2h hh j whidden wrecurrent wrnn hiddentohidden",
        "W_ih": "wih win wi input2h i2h x2h in2h ih winput in input inputweights inp wx wxh inputtohidden",
        "W_out": "wout wo out output readout fc decoder h2o woutput linear wy why h2output head",
        "b_ih": "bih bin bi",
        "b_hh": "bh bhh brec b brecurrent bias",
        "b_out": "bout bo boutput by",
    }.items()
}
START = re.compile(r"(?i)(^|[._])(h_?0|h_?init|init(ial)?_(h|hidden|state)|hidden_?0|h0s?)$")
MEMORY = re.compile(r"(?i)(^|[._])c_?0$")
MASK = re.compile(r"(?i)mask")
SCALE = re.compile(r"(?i)^(.*\.)?(si|so)$")
# Words that say of what kind a tensor is, and not which.
_KINDS = ("weight", "kernel", "bias", "data", "w", "b", "")


def hint(name: str) -> str | None:
    """The role that a name hints at, from its last telling part."""
    whole = re.split(r"[./]", name)
    parts = [part for place, part in enumerate(whole) if part not in _KINDS or (part in ("w", "b") and place == 0)]
    is_bias = name.endswith("bias") or (len(whole) > 1 and whole[-1] == "b")
    for part in reversed(parts):
        word = re.sub(r"[^a-z0-9]", "", part.lower())
        for role, words in HINTS.items():
            if word in words and (not role.startswith("b") or is_bias or not word.startswith("w")):
                return {"W_hh": "b_hh", "W_ih": "b_ih", "W_out": "b_out"}.get(role, role) if is_bias else role
    return "b_hh" if whole[-1] == "b" else None
