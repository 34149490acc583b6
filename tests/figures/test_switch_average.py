"""Switch-triggered averages as a figure: a panel for each exit, with what was averaged."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.populations import INTEGRATING, KICK
from hmmrnn.analysis.switch_average import Averaged, SwitchAverage
from hmmrnn.figures.switch_average import draw_switch_average
from hmmrnn.figures.theme import DARK, LIGHT
from tests.figures.inspection import axes_of

STEPS = np.arange(-30, 16)


def averages(n_outputs: int) -> SwitchAverage:
    """Every exit, a kick group for each of them, and an integrating population for each output."""
    exits = tuple((a, b) for a in range(n_outputs) for b in range(n_outputs) if a != b)
    kicks = [Averaged(KICK, a, b if n_outputs > 2 else None, (a, b)) for a, b in exits]
    populations = (*kicks, *(Averaged(INTEGRATING, a, None, (7,)) for a in range(n_outputs)))
    rng = np.random.default_rng(0)
    shape = (len(exits), len(STEPS), len(populations))
    crossing = rng.integers(-9, 3, (shape[0], shape[2])).astype(float)
    crossing[:, -1] = np.nan
    return SwitchAverage(
        populations, exits, STEPS, rng.normal(size=shape), rng.random(shape), rng.normal(size=shape), crossing,
        100 + np.arange(len(exits)), np.full(len(exits), 90), 3, {},
    )  # fmt: skip


def panel(figure, e: int):
    """The traces of one panel, by name."""
    axis = "x" if e == 0 else f"x{e + 1}"
    return {trace.name: trace for trace in figure.data if (trace.xaxis or "x") == axis}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("n_outputs", [2, 3, 5])
def test_each_exit_has_a_panel_with_every_population(n_outputs, theme):
    found = averages(n_outputs)
    figure = draw_switch_average(found, theme)
    text = [note.text for note in figure.layout.annotations]
    for e, (a, b) in enumerate(found.exits):
        traces = panel(figure, e)
        assert f"{a} → {b}, {found.counts[e]} switches" in text
        for p, one in enumerate(found.populations):
            name = f"integrating {one.output}" if one.role == INTEGRATING else f"kick group {one.output}"
            name += f" → {one.to}" if one.to is not None else ""
            np.testing.assert_allclose(traces[name].y, found.mean[e, :, p], atol=1e-4)
            np.testing.assert_allclose(traces[f"random moments, {name}"].y, found.null[e, :, p], atol=1e-4)
            assert traces[f"random moments, {name}"].line.color == theme.ghost
            assert traces[name].line.color == theme.colour_of(one.output)
            edge = np.array(traces[f"standard error, {name}"].y)
            upper, lower = edge[: len(STEPS)], edge[len(STEPS) :][::-1]
            np.testing.assert_allclose((upper - lower) / 2, found.se[e, :, p], atol=1e-4)
            if np.isnan(found.crossing[e, p]):
                assert f"crossing, {name}" not in traces
            else:
                assert traces[f"crossing, {name}"].x[0] == found.crossing[e, p]
            own = one.role == KICK and one.output == a and one.to in (None, b)
            assert (traces[name].line.width == 3) == own


def test_every_axis_is_named_with_its_unit_and_step_0_is_marked():
    figure = draw_switch_average(averages(3), LIGHT)
    axes = axes_of(figure)
    assert len(axes) == 12
    for name, axis in axes.items():
        assert axis["title"]["text"] == ("steps from the switch" if name[0] == "x" else "pre-activation (a.u.)")
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0, 0)] * 6


def test_kick_groups_of_one_output_have_lines_of_their_own_and_the_key_shows_them():
    figure = draw_switch_average(averages(3), LIGHT)
    traces = panel(figure, 0)
    assert traces["kick group 0 → 1"].line.dash != traces["kick group 0 → 2"].line.dash
    assert traces["integrating 0"].line.dash not in (traces[f"kick group 0 → {b}"].line.dash for b in (1, 2))
    key = " ".join(note.text for note in figure.layout.annotations)
    assert all(name in key for name in traces if "," not in name)


def test_a_single_switch_has_no_band():
    found = averages(2)
    alone = replace(found, se=np.full(found.se.shape, np.nan))
    assert [trace for trace in draw_switch_average(found, LIGHT).data if "standard error" in trace.name]
    assert not [trace for trace in draw_switch_average(alone, LIGHT).data if "standard error" in trace.name]


def test_without_exits_there_is_a_sentence_and_no_axis():
    found = averages(2)
    none = replace(found, exits=(), mean=found.mean[:0], se=found.se[:0], null=found.null[:0], counts=found.counts[:0])
    figure = draw_switch_average(none, DARK)
    assert [note.text for note in figure.layout.annotations] == ["No exit is taken often enough to average."]
    assert not figure.data
    assert (figure.layout.xaxis.visible, figure.layout.yaxis.visible) == (False, False)
