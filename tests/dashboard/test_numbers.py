"""The numbers: the values of both networks with their errors, of which the page writes the table."""

from dataclasses import replace

import numpy as np

from hmmrnn.dashboard.pages.interventions.numbers import describe
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Against
from hmmrnn.server.services import resolve
from tests.dashboard.page import B, T, fast

pytest_plugins = ["tests.fixtures_dashboard"]


def test_both_networks_stand_beside_each_other_and_the_scenario_is_named(intact, touched):
    *_, values = fast(touched)
    assert (values["of"], values["kept"]) == (touched.drawn.to_query(), False)
    for side, scenario in {"before": intact, "now": touched}.items():
        summary, found = queries.summary_of(resolve(scenario)), values[side]
        one = summary.switching
        assert found["switches"] == [one.switches_per_1000, one.switches_per_1000_se]
        for name, value, error in (
            ("leave", one.leave_rate, one.leave_rate_se),
            ("time", 100 * one.time_share, 100 * one.time_share_se),
        ):
            pairs = [pair or [np.nan, np.nan] for pair in found[name]]
            np.testing.assert_array_equal(np.array(pairs, dtype=float), np.stack([value, error], axis=-1))
        assert found["transition-error"] == [summary.transition_error, None]
        assert found["steps"] == B * (T - 1)


def test_what_was_kept_as_a_is_said(touched):
    *_, values = fast(replace(touched, interventions=(), against=Against(touched.interventions, 0.5)))
    before = queries.summary_of(resolve(replace(touched, sigma=0.5))).switching
    assert values["kept"]
    assert values["before"]["switches"] == [before.switches_per_1000, before.switches_per_1000_se]


def test_outputs_that_are_equally_likely_are_said(intact):
    summary = queries.summary_of(resolve(intact))
    assert describe(summary, has_target=False)["tied"] == 0
    tied = summary.probabilities.copy()
    tied[0], tied[1, :10] = 1 / tied.shape[-1], np.nan
    found = describe(replace(summary, probabilities=tied), has_target=False)
    assert found["tied"] == 100 * T / (B * T - 10)


def test_of_an_output_that_is_not_visited_there_is_no_rate(intact):
    summary = queries.summary_of(resolve(intact))
    gone = replace(summary.switching, leave_rate=np.array([0.1, np.nan, 0.1]), time_share=np.array([0.5, 0, 0.5]))
    found = describe(replace(summary, switching=gone), has_target=False)
    assert found["leave"][1] is None
    assert found["time"][1][0] == 0
    assert "transition-error" not in found, "without a target there is no error to show"


def test_a_single_run_has_values_without_an_error(intact):
    alone = describe(queries.summary_of(resolve(replace(intact, trajectories=1))), has_target=True)
    assert [alone["switches"][1], *(error for _, error in alone["leave"])] == [None] * 4
