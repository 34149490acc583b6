"""Figures of six lenses: what is drawn is what was measured, axes have titles, and the intact network stands below."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.figures.lenses.belief_states import draw_belief
from hmmrnn.figures.lenses.causal_effects import draw_effects
from hmmrnn.figures.lenses.hmm_recovery import draw_recovered
from hmmrnn.figures.lenses.sparse_recordings import draw_sparse
from hmmrnn.figures.lenses.time_scales import draw_time_scales
from hmmrnn.figures.lenses.transition_memory import draw_memory
from hmmrnn.figures.theme import DARK, LIGHT
from hmmrnn.lenses.belief_states import Belief
from hmmrnn.lenses.causal_effects import Effects
from hmmrnn.lenses.hmm_recovery import Recovered, exact_joints, joint_landscape
from hmmrnn.lenses.sparse_recordings import SparseRecordings
from hmmrnn.lenses.time_scales import TimeScales
from hmmrnn.lenses.transition_memory import Memory, graph_of
from hmmrnn.model.hmm import HMM
from tests.figures.inspection import axes_of, contrast, named
from tests.gain_sweeps import texts

N, EXITS = 8, ("0->2", "2->0")


def some(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).random(shape)


def remembered() -> Memory:
    by_lag = {
        name: dict(zip(("1", "5"), some(2, seed=place).tolist(), strict=True)) for place, name in enumerate("abcdef")
    }
    graph = graph_of(np.random.default_rng(0).choice([0, 1, 9], size=(6, 80)))
    return Memory(*by_lag.values(), graph=graph, note="", seed=0)


def recovery() -> Recovered:
    hmm = HMM.preset("linear-3")
    numbers = dict.fromkeys(("transition_error", "emission_error"), 0.01)
    numbers |= {f"{name}{end}": 0.001 for name in tuple(numbers) for end in ("_se", "_null")}
    return Recovered(
        **numbers,
        states_by_bic=4,
        states_by_bic_null=3,
        A=some(3, 3),
        A_se=some(3, 3),
        B=some(3, 3),
        B_se=some(3, 3),
        target_A=hmm.A,
        target_B=hmm.B,
        transition_error_joints=0.02,
        states=np.arange(1, 5),
        bic=some(4, 2),
        held_out=-some(4, 2),
        lengths=np.array([500, 2000]),
        error_by_length=some(2, 2),
        error_by_length_se=some(2, 2) / 10,
        rates=np.linspace(0.4, 2.0, 25),
        contrasts=np.linspace(0.5, 1.1, 25),
        landscape=joint_landscape(hmm, exact_joints(hmm.A, hmm.B)),
        emissions=1000,
        seed=0,
    )


def held() -> Belief:
    by_region = some(4, 2)
    by_region[2] = np.nan
    return Belief(
        *np.arange(10) / 10,
        regions=REGIONS,
        by_region=by_region,
        by_region_se=by_region / 10,
        region_counts=np.array([90, 30, 0, 25]),
        offset=np.arange(-3, 4),
        around_switch=some(7, 2),
        around_switch_se=some(7, 2) / 10,
        switches=123,
        seed=0,
    )


def scales() -> TimeScales:
    exponents = -np.sort(some(5))
    leading = np.array([7.0, np.inf, np.nan, 3.0])
    return TimeScales(
        lyapunov=np.array([*exponents[:4], -np.inf]),
        lyapunov_se=some(5) / 10,
        lyapunov_null=exponents - 0.1,
        time_scale=-1 / exponents,
        regions=REGIONS,
        leading=leading,
        leading_se=some(4) / 10,
        near_one=some(4),
        near_one_se=some(4) / 10,
        near_one_null=some(4),
        gate_time_scale=np.full((4, N), np.nan),
        magnitude=-np.sort(-some(6, N)),
        magnitude_region=np.array([REGIONS[0]] * 3 + [REGIONS[1]] * 2 + [REGIONS[3]]),
        seed=0,
    )


def caused() -> Effects:
    square, pulse = some(N, N), some(2, N, N)
    return Effects(
        strongest=((3, "0->2", 0.5),),
        strongest_se=(0.01,),
        strongest_null=(0.4,),
        exits=EXITS,
        leave_rate=some(2),
        leave_rate_se=some(2) / 10,
        effect=some(N, 2) - 0.5,
        effect_se=some(N, 2) / 10,
        band=np.array([0.2, 0.3]),
        total=square,
        total_se=square / 10,
        direct=square.T,
        direct_se=square / 10,
        lags=np.array([1, 2]),
        pulse=pulse,
        pulse_se=pulse / 10,
        critical_pairs=1.0,
        critical_pairs_effect=some(N),
        critical_pairs_effect_se=some(N),
        seed=0,
    )


def taught(groups: bool = True) -> SparseRecordings:
    shares = ("0.1", "0.3")
    measures = {
        name: dict(zip(shares, some(2, seed=place).tolist(), strict=True)) for place, name in enumerate("abcdef")
    }
    rates = {key: tuple(some(2, seed=place).tolist()) for place, key in enumerate((*shares, "outputs", "teacher"))}
    return SparseRecordings(
        *measures.values(),
        leave_rate=rates,
        leave_rate_se=rates,
        group_ratio={"kick 0": {"teacher": 0.1, "0.1": 0.8, "0.3": 0.4}} if groups else {},
        recorded={"0.1": (0,), "0.3": (0, 1)},
        never=np.arange(4, N),
        students=(),
        note="",
        seed=0,
    )


DRAWN = {
    "memory": (draw_memory, remembered),
    "recovered": (draw_recovered, recovery),
    "belief": (draw_belief, held),
    "timescales": (draw_time_scales, scales),
    "effects": (draw_effects, caused),
    "sparse": (draw_sparse, taught),
}


@pytest.fixture(params=DRAWN)
def drawn(request):
    return DRAWN[request.param]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_every_axis_has_a_title_and_text_is_legible(drawn, theme) -> None:
    draw, make = drawn
    figure = draw(make(), None, theme)
    bare = [name for name, axis in axes_of(figure).items() if not axis["title"]["text"]]
    # Names of rows, and the second of two panels with the same axis, say what they are by themselves.
    assert len(bare) <= 1
    assert figure.layout.paper_bgcolor == theme.ground
    assert contrast(figure.layout.font.color, theme.ground) > 7
    assert figure.layout.height > 200


def test_the_intact_network_is_drawn_beside(drawn) -> None:
    draw, make = drawn
    alone, both = draw(make(), None, LIGHT), draw(make(), make(), LIGHT)
    assert both.layout.height >= alone.layout.height
    assert len(both.data) > len(alone.data)
    said = " ".join([*texts(both), *(trace.name or "" for trace in both.data)])
    assert "intact" in said
    go.Figure(both.to_dict())


def test_memory_is_its_numbers() -> None:
    seen = remembered()
    figure = draw_memory(seen, None, LIGHT)
    curve = named(figure, "activity")
    assert list(curve.x) == ["1", "5"]
    np.testing.assert_array_equal(curve.y, list(seen.accuracy.values()))
    np.testing.assert_array_equal(curve.error_y.array, list(seen.accuracy_se.values()))
    (cells,) = (trace for trace in figure.data if trace.type == "heatmap")
    np.testing.assert_allclose(cells.z, 100 * seen.graph.probability)


def test_a_region_that_was_not_seen_has_no_point() -> None:
    figure = draw_belief(held(), None, LIGHT)
    of_regions = [trace for trace in figure.data if trace.mode == "markers"]
    assert all(len(trace.x) == 3 for trace in of_regions)


def test_a_direction_that_is_lost_has_no_point() -> None:
    figure = draw_time_scales(scales(), None, LIGHT)
    curve = named(figure, "network")
    assert np.isnan(curve.y[-1])
    assert np.isfinite(curve.y[:-1]).all()


def test_effects_beyond_the_band_are_told_apart() -> None:
    seen = caused()
    figure = draw_effects(seen, None, LIGHT)
    beyond = [trace for trace in figure.data if trace.name == "beyond the band"]
    for place, trace in enumerate(beyond):
        expected = np.flatnonzero(np.abs(seen.effect[:, place]) > seen.band[place])
        np.testing.assert_array_equal(trace.x, expected)
        assert trace.marker.color == LIGHT.accent
    pairs = named(figure, "pairs")
    to, source = np.transpose(pairs.customdata)
    np.testing.assert_array_equal(pairs.y, seen.total[to, source])
    assert (to != source).all()


def test_without_groups_the_figure_says_so() -> None:
    assert "no group was given to silence" in texts(draw_sparse(taught(groups=False), None, LIGHT))
    assert "groups silenced, matched neuron by neuron" in texts(draw_sparse(taught(), None, LIGHT))
