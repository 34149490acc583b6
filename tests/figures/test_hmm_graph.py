"""An HMM as a graph: every transition an arrow, every state a circle of its emission's colour."""

import re

import numpy as np
import pytest

from hmmrnn.analysis.hmm_graph import MIN_PROBABILITY, describe_graph
from hmmrnn.figures.hmm_graph import MOST_DRAWN, draw_hmm_graph
from hmmrnn.figures.theme import LIGHT, THEMES
from hmmrnn.model.hmm import HMM, PRESETS
from tests.analysis.test_hmm_graph import random_hmm
from tests.figures.inspection import named

HMMS = {**{name: HMM.preset(name) for name in PRESETS}, **{f"random-{o}": random_hmm(o + 3, o) for o in (2, 5)}}


def arrows(figure):
    """Each arrow, by the states that it joins."""
    found = {}
    for trace in figure.data:
        if trace.name != "states":
            numbers = [int(number) for number in re.findall(r"\d+", trace.name)]
            found[numbers[0], numbers[-1]] = trace
    return found


def centres(figure) -> np.ndarray:
    return np.array([[(one.x0 + one.x1) / 2, (one.y0 + one.y1) / 2] for one in figure.layout.shapes])


@pytest.mark.parametrize("name", HMMS)
def test_each_transition_is_an_arrow_with_its_probability(name):
    hmm = HMMS[name]
    graph = describe_graph(hmm)
    figure = draw_hmm_graph(graph, LIGHT)
    drawn, at = arrows(figure), centres(figure)
    assert set(drawn) == set(zip(graph.start, graph.end, strict=True))
    for (i, j), trace in drawn.items():
        assert f"probability per step {hmm.A[i, j]:.4g}" in trace.hovertemplate
        path = np.array([trace.x, trace.y]).T
        # It begins and ends at the edges of its states, which have radius 1.
        assert np.linalg.norm(path[0] - at[i]) == pytest.approx(1, abs=0.01)
        assert np.linalg.norm(path[-1] - at[j]) == pytest.approx(1, abs=0.01)
    written = sorted(
        float(note.text) for note in figure.layout.annotations if "state" not in note.text and "b" not in note.text
    )
    assert written == sorted(float(f"{p:.2g}") for p in graph.probability)


@pytest.mark.parametrize("name", HMMS)
def test_an_arrow_is_wider_the_likelier_it_is(name):
    graph = describe_graph(HMMS[name])
    drawn = arrows(draw_hmm_graph(graph, LIGHT))
    widths = np.array([drawn[pair].line.width for pair in zip(graph.start, graph.end, strict=True)])
    assert (np.diff(widths[np.argsort(graph.probability)]) >= 0).all()
    assert len(set(widths)) == len(set(graph.probability)) > 1


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("name", HMMS)
def test_a_state_has_the_colour_and_the_words_of_its_likeliest_emission(name, theme):
    hmm = HMMS[name]
    figure = draw_hmm_graph(describe_graph(hmm), theme)
    best = hmm.B.argmax(axis=1)
    assert [circle.line.color for circle in figure.layout.shapes] == [theme.colour_of(int(o)) for o in best]
    if hmm.n_states <= 4:
        for state, text in enumerate(named(figure, "states").text):
            assert f"emits {best[state]}<br>{100 * hmm.B[state].max():.0f} %" in text
    for state, text in enumerate(named(figure, "states").customdata):
        assert text.startswith(f"state {state}<br>emission 0: {hmm.B[state, 0]:.3g}")


def test_chains_stand_on_a_line_and_others_on_a_circle():
    line = centres(draw_hmm_graph(describe_graph(HMM.preset("linear-5")), LIGHT))
    assert (line[:, 1] == 0).all()
    assert (np.diff(line[:, 0]) > 2).all()
    ring = centres(draw_hmm_graph(describe_graph(HMM.preset("cyclic")), LIGHT))
    radius = np.linalg.norm(ring - ring.mean(axis=0), axis=1)
    np.testing.assert_allclose(radius, radius[0])


@pytest.mark.parametrize("name", HMMS)
def test_no_two_states_touch_and_all_are_inside(name):
    figure = draw_hmm_graph(describe_graph(HMMS[name]), LIGHT)
    at, layout = centres(figure), figure.layout
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1) + 9 * np.eye(len(at))
    assert apart.min() > 2.2
    for axis, values in ((layout.xaxis, at[:, 0]), (layout.yaxis, at[:, 1])):
        assert axis.range[0] <= values.min() - 1
        assert values.max() + 1 <= axis.range[1]


def test_more_states_than_a_graph_can_show_are_two_matrices():
    hmm = random_hmm(MOST_DRAWN + 1, 3)
    transitions, emissions = draw_hmm_graph(describe_graph(hmm), LIGHT).data
    np.testing.assert_allclose(transitions.z, np.where(hmm.A < MIN_PROBABILITY, 0, hmm.A))
    np.testing.assert_allclose(emissions.z, hmm.B)
    assert len(draw_hmm_graph(describe_graph(random_hmm(MOST_DRAWN, 3)), LIGHT).data) > 2
