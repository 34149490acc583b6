"""The captions of lenses say their numbers with errors and nulls, and what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hmmrnn.dashboard.pages.lenses import belief, effects, memory, recovered, sparse, timescales
from tests.figures.lenses.test_curves import caused, held, recovery, remembered, scales, taught


def test_captions_say_numbers_and_what_is_missing() -> None:
    seen = replace(
        remembered(), **{name: {"5": 0.5, "10": 0.25} for name in ("accuracy", "accuracy_se", "accuracy_null")}
    )
    seen = replace(seen, naive={"5": 0.4, "10": 0.3}, bayes={"5": 0.7, "10": 0.6}, note="No Bayes limit.")
    said = memory.words(seen)
    assert "output 5 steps back: 0.500" in said
    assert "0.700 from the HMM's hidden state" in said
    assert said.endswith("No Bayes limit.")
    assert recovered.words(recovery()) == "1,000 emissions, seed 0"
    assert belief.words(held()) == "123 switches, 145 states with a region, seed 0"
    assert "cluster 7.0, kick zone none (it grows), unassigned 3.0" in timescales.words(scales())
    gated = replace(scales(), gate_time_scale=np.array([[2.0, 4.0, 9.0], *[[np.nan] * 3] * 3]))
    assert "of the gate that keeps the state, median over neurons: cluster 4.0; seed" in timescales.words(gated)
    assert "gate" not in timescales.words(scales())
    assert effects.words(caused()).startswith("neuron 3 on 0 → 2 +0.500 ± 0.01 (band 0.400); ")
    assert sparse.words(replace(taught(), note="No group.")).endswith("seed 0; No group.")
