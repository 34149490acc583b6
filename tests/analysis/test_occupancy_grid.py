"""What lies behind the runs: the plane in cells, and a network that is looked at without further questions."""

import numpy as np
import pytest

from hmmrnn.analysis import occupancy_grid as module
from hmmrnn.analysis import orbit
from hmmrnn.analysis.occupancy_grid import build_occupancy_grid, visit_states
from hmmrnn.analysis.orbit import fit_plane
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION, UNASSIGNED, residency
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate


def by_hand(visited, points, region, cells):
    """Shares and labels, point by point and cell by cell, from the extents that were chosen."""

    def made(x, y):
        share = np.zeros((cells, cells))
        votes = np.zeros((cells, cells, len(REGIONS)))

        def cell(point):
            column = int((point[0] - x[0]) / (x[1] - x[0]) * cells)
            row = int((point[1] - y[0]) / (y[1] - y[0]) * cells)
            return min(row, cells - 1), min(column, cells - 1)

        finite = [point for point in visited if np.isfinite(point).all()]
        for point in finite:
            share[cell(point)] += 1 / len(finite)
        for point, name in zip(points, region, strict=True):
            votes[cell(point)][REGIONS.index(name)] += 1
        label = np.full((cells, cells), -1)
        for row in range(cells):
            for column in range(cells):
                if votes[row, column].any():
                    label[row, column] = list(votes[row, column]).index(max(votes[row, column]))
                elif share[row, column]:
                    middle = (x[0] + (column + 0.5) * (x[1] - x[0]) / cells, y[0] + (row + 0.5) * (y[1] - y[0]) / cells)
                    apart = [
                        ((p[0] - middle[0]) / (x[1] - x[0])) ** 2 + ((p[1] - middle[1]) / (y[1] - y[0])) ** 2
                        for p in points
                    ]
                    label[row, column] = REGIONS.index(region[apart.index(min(apart))])
        return share, label

    return made


class TestBackdrop:
    @pytest.fixture(scope="class")
    @classmethod
    def cloud(cls):
        rng = np.random.default_rng(3)
        visited = rng.normal(size=(600, 3)) * [6.0, 1.5, 1.0]
        visited[::50, 1] = np.nan
        points = rng.normal(size=(40, 3)) * [6.0, 1.5, 1.0]
        return visited, points, rng.choice(REGIONS, size=40)

    @pytest.mark.parametrize("cells", [1, 7, 48])
    def test_against_a_loop_over_points_and_cells(self, cloud, cells):
        visited, points, region = cloud
        found = build_occupancy_grid(visited, points, region, cells)
        share, label = by_hand(visited[:, :2], points[:, :2], list(region), cells)(found.x, found.y)
        np.testing.assert_allclose(found.share, share, rtol=1e-6)
        np.testing.assert_array_equal(found.region, label)
        assert (found.share.dtype, found.region.dtype) == (np.float32, np.int8)
        assert found.states == 600 - 12

    def test_every_visited_cell_has_a_label_and_no_other_is_made_up(self, cloud):
        visited, points, region = cloud
        found = build_occupancy_grid(visited, points, region)
        assert (found.region[found.share > 0] >= 0).all()
        assert np.count_nonzero((found.region >= 0) & (found.share == 0)) <= len(points)
        assert (found.region == -1).any()

    def test_all_finite_points_are_within_the_extent_and_the_shares_are_of_all(self, cloud):
        visited, points, region = cloud
        found = build_occupancy_grid(visited, points, region)
        inside = np.concatenate([visited[np.isfinite(visited).all(axis=1)], points])
        for extent, axis in ((found.x, 0), (found.y, 1)):
            assert extent[0] < inside[:, axis].min()
            assert extent[1] > inside[:, axis].max()
        assert found.share.sum(dtype=float) == pytest.approx(1, abs=1e-6)
        assert not found.share.flags.writeable

    def test_rows_run_along_y_from_low_to_high(self):
        found = build_occupancy_grid(
            [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]], [KICK_ZONE, TRANSITION], 2
        )
        np.testing.assert_allclose(found.share, [[1 / 3, 0], [1 / 3, 1 / 3]])
        assert found.region[0].tolist() == [REGIONS.index(KICK_ZONE), -1]
        assert found.region[1, 1] == REGIONS.index(TRANSITION)

    def test_states_of_one_place_and_of_no_label(self):
        found = build_occupancy_grid([[2.0, 3.0]], np.empty((0, 2)), [], 3)
        assert found.share[1, 1] == 1
        assert (found.region == -1).all()

    @pytest.mark.parametrize(("args", "sentence"), [
        (([[0, 0]], [[0, 0]], [CLUSTER, CLUSTER]), r"region must have shape \(1,\), one label for each point"),
        (([[0, 0]], [[0, 0]], ["slow"]), "region must hold labels of cluster, kick_zone, .*; got 'slow'"),
        (([[0, 0]], [[0, 0]], [UNASSIGNED], 0), "cells must be >= 1; got 0"),
        (([[np.nan, 0]], [[0, 0]], [CLUSTER]), "visited must hold at least one finite point; got none"),
        (([[0, 0]], [0, 0], [CLUSTER]), r"points must have two coordinates or more, .*; got shape \(2,\)"),
    ])  # fmt: skip
    def test_bad_input(self, args, sentence):
        with pytest.raises(ValueError, match=sentence):
            build_occupancy_grid(*args)


class TestExplore:
    def test_states_labels_and_plane_are_those_of_the_analyses(self, planted, monkeypatch):
        monkeypatch.setattr(orbit, "PLANE_STEPS", 300)
        monkeypatch.setattr(module, "SAMPLED_STATES", 100)
        found = visit_states(planted.network, seed=2)
        run = simulate(planted.network, 300, orbit.PLANE_RUNS, seed=2)
        states = run.h[:, orbit.PLANE_TRANSIENT :].reshape(-1, planted.network.n_neurons)
        np.testing.assert_allclose(found.visited, found.plane.project(states))
        np.testing.assert_array_equal(found.plane.components, fit_plane(states).components)
        some = np.random.default_rng(2).permutation(len(states))[: module.SAMPLED_STATES]
        label = residency(planted.network, states[some], seed=2).region
        again = build_occupancy_grid(found.visited, found.visited[some], label)
        np.testing.assert_array_equal(found.grid.region, again.region)
        assert found.grid.states == len(states)

    def test_a_network_without_a_plane_is_refused(self):
        with pytest.raises(ValueError, match="a plane takes at least 2 neurons; got a network of 1"):
            visit_states(Network([[0.5]], [[1.0]], [[1.0], [-1.0]]))
