"""Networks side by side in figures: what is drawn is what was found, and each matrix stands beside its null."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.comparison.side_by_side import PAIRS as MEASURED
from hmmrnn.comparison.side_by_side import compare_networks
from hmmrnn.figures.side_by_side import PAIRS, draw_map, draw_orbits, draw_pairs
from hmmrnn.figures.theme import DARK, LIGHT
from tests.networks import random_network


@pytest.fixture(scope="module")
def found():
    return compare_networks({f"network {seed}": random_network(n=8, m=3, o=2, seed=seed) for seed in range(3)})


def test_each_pair_is_drawn_beside_its_null_in_the_same_colours(found):
    for name in PAIRS:
        figure = draw_pairs(found, name, LIGHT)
        measured, null = figure.data
        np.testing.assert_array_equal(measured.z, found.pairs[name].astype(np.float32))
        np.testing.assert_array_equal(null.z, found.pairs[f"{name}_null"].astype(np.float32))
        assert (measured.zmin, measured.zmax) == (null.zmin, null.zmax)
        assert list(measured.y) == ["1 network 0", "2 network 1", "3 network 2"]
    assert {name for name in MEASURED if not name.endswith(("_se", "_null"))} == set(PAIRS)
    said = draw_pairs(found, "r2", LIGHT).data[0].text[0][1]
    assert said == f"1 network 0<br>2 network 1<br>{found.pairs['r2'][0, 1]:.3g} ± {found.pairs['r2_se'][0, 1]:.2g}"


def test_map_and_orbits_have_one_mark_and_one_closed_curve_for_each(found):
    marks = draw_map(found, DARK).data
    np.testing.assert_allclose([[mark.x[0], mark.y[0]] for mark in marks], found.place)
    left, right = min(marks, key=lambda mark: mark.x[0]), max(marks, key=lambda mark: mark.x[0])
    assert (left.textposition.split()[1], right.textposition.split()[1]) == ("right", "left"), "names lead inwards"
    curves = draw_orbits(found, DARK).data
    assert len(curves) == 3
    for curve, orbit in zip(curves, found.orbits, strict=True):
        np.testing.assert_allclose(np.stack([curve.x, curve.y], axis=1)[:-1], orbit)
        assert (curve.x[0], curve.y[0]) == (curve.x[-1], curve.y[-1])
    assert [mark.marker.color for mark in marks] == [curve.line.color for curve in curves]
