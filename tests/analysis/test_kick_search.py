"""The search for a kick group against the full search, on leave rates that are written down."""

import numpy as np
import pytest

from hmmrnn.analysis import kick_search
from tests.networks import random_network
from tests.scripted_rates import Scripted


class TestSearch:
    def test_the_strongest_join_until_the_output_is_hardly_left(self):
        bench = Scripted(random_network(n=8), {5: 0.2, 2: 0.3, 7: 0.6, 1: 0.9})
        # 0.2 * 0.3 = 0.06 is enough, and no single neuron or other pair is.
        assert kick_search.grow_group(bench, None, range(8), 0.0, "unit") == (5, 2)

    def test_the_lazy_search_chooses_what_the_full_one_would(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            leaves = dict(enumerate(rng.uniform(0.4, 0.9, 10)))
            group: list[int] = []
            while np.prod([leaves[i] for i in group]) > kick_search.SEARCHED_RATIO:
                group.append(min(set(leaves) - set(group), key=leaves.__getitem__))
            assert kick_search.grow_group(
                Scripted(random_network(n=10), leaves), None, range(10), 0.0, "unit"
            ) == tuple(group)

    def test_no_more_than_twelve_neurons_are_taken(self):
        bench = Scripted(random_network(n=20), dict.fromkeys(range(20), 0.9))
        assert len(kick_search.grow_group(bench, None, range(20), 0.0, "unit")) == kick_search.MAX_GROUP

    def test_neurons_without_the_profile_are_no_candidates_and_the_strongest_come_first(self):
        scores = np.zeros(60)
        scores[10:] = np.arange(50)
        assert kick_search.strongest(scores) == list(range(59, 59 - kick_search.CANDIDATES, -1))
        assert kick_search.strongest(np.array([0.0, 2.0, 0.0, 3.0])) == [3, 1]

    def test_a_member_that_later_ones_made_idle_is_dropped(self):
        class Redundant(Scripted):
            def left(self, neurons):
                # Neuron 0 alone does most; 1 and 2 together do all of it, and 0 adds nothing to them.
                have = set(neurons)
                if {1, 2} <= have:
                    return 0.05
                return {(True, True): 0.3, (True, False): 0.4}.get((0 in have, bool(have & {1, 2})), 0.8 if have else 1)

        assert set(kick_search.grow_group(Redundant(random_network(n=3), {}), None, range(3), 0.0, "unit")) == {1, 2}

    def test_without_candidates_the_group_is_empty(self):
        assert kick_search.grow_group(Scripted(random_network(n=4), {}), None, [], 0.0, "unit") == ()

    @pytest.mark.parametrize(("visited", "expected"), [([0, 2], [(None, 1.0)]), ([0, 1, 2], [(1, 0.75), (2, 0.25)])])
    def test_an_exit_is_a_pair_only_where_more_than_two_outputs_are_visited(self, visited, expected):
        assert kick_search.find_destinations(np.array([100, 15, 5]), 0, visited) == expected

    def test_destinations_that_take_less_than_a_tenth_of_the_exits_are_left_out(self):
        assert kick_search.find_destinations(np.array([100, 95, 5, 0]), 0, [0, 1, 2, 3]) == [(1, 0.95)]
        assert kick_search.find_destinations(np.array([100, 0, 0]), 0, [0, 1, 2]) == []
