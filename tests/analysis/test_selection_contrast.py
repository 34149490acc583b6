"""Neurons inside a selection of moments against outside: by hand, with a planted difference, and the polygon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmrnn.analysis.selection_contrast import contrast_selection, within


class TestContrast:
    def test_it_is_what_a_naive_loop_finds(self):
        rng = np.random.default_rng(0)
        z, selected, valid = rng.normal(size=(3, 50, 7)), rng.random((3, 50)) < 0.2, rng.random((3, 50)) < 0.9
        found = contrast_selection(z, selected, valid)
        for i in range(7):
            inside = [z[b, t, i] for b in range(3) for t in range(50) if selected[b, t] and valid[b, t]]
            outside = [z[b, t, i] for b in range(3) for t in range(50) if not selected[b, t] and valid[b, t]]
            pooled = np.sqrt((np.var(inside) + np.var(outside)) / 2)
            assert found.effect[i] == pytest.approx((np.mean(inside) - np.mean(outside)) / pooled)
            assert (found.n_inside, found.n_outside) == (len(inside), len(outside))
            assert found.inside[i] == pytest.approx(np.mean(inside))
            assert found.outside[i] == pytest.approx(np.mean(outside))

    def test_a_planted_difference_stands_out_by_its_size(self):
        rng = np.random.default_rng(1)
        z, selected = rng.normal(size=(4, 2000, 5)), np.zeros((4, 2000), dtype=bool)
        selected[:, 500:900] = True
        z[..., 3][selected] += 2.0
        effect = contrast_selection(z, selected).effect
        assert np.argmax(np.abs(effect)) == 3
        assert effect[3] == pytest.approx(2.0, abs=0.1)
        assert np.abs(np.delete(effect, 3)).max() < 0.15

    def test_a_neuron_that_never_varies_has_no_effect_and_one_that_only_jumps_has_an_infinite_one(self):
        z, selected = np.zeros((1, 10, 2)), np.arange(10)[None] < 4
        z[0, :4, 1] = -1.0
        np.testing.assert_array_equal(contrast_selection(z, selected).effect, [0.0, -np.inf])

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_a_selection_of_nothing_or_of_everything_is_refused(self, share):
        with pytest.raises(ValueError, match=f"this one holds {int(10 * share)} of 10"):
            contrast_selection(np.ones((1, 10, 2)), np.full((1, 10), bool(share)))

    def test_another_shape_is_refused(self):
        with pytest.raises(ValueError, match=r"must have the shape \(B, T\) of pre_activation \(1, 10, 2\)"):
            contrast_selection(np.ones((1, 10, 2)), np.ones((1, 9), dtype=bool))


class TestWithin:
    @given(st.floats(-2, 2), st.floats(-2, 2))
    def test_a_box_holds_what_lies_between_its_ends(self, x, y):
        corners = [(-1.0, -0.5), (1.0, -0.5), (1.0, 0.5), (-1.0, 0.5)]
        if min(abs(abs(x) - 1), abs(abs(y) - 0.5)) > 1e-9:
            assert bool(within((x, y), corners)) == (abs(x) < 1 and abs(y) < 0.5)

    @given(st.floats(0, 2 * np.pi), st.floats(0, 2))
    def test_a_ring_of_corners_holds_what_is_near_its_middle(self, angle, radius):
        turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        corners = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
        if not np.cos(np.pi / 48) <= radius <= 1:
            assert bool(within((radius * np.cos(angle), radius * np.sin(angle)), corners)) == (radius < 1)

    def test_a_notch_is_outside_and_what_is_not_drawn_lies_nowhere(self):
        corners = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
        points = [[[1.0, 1.0], [2.0, 3.0]], [[np.nan, np.nan], [3.8, 3.0]]]
        np.testing.assert_array_equal(within(points, corners), [[True, False], [False, True]])
