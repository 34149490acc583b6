"""Panels in rows: their places, notes and shapes."""

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.figures.panels import FOOT, Panel, Row, find_stretches, split_columns, stack_rows
from hmmrnn.figures.theme import LIGHT


class TestPanels:
    def drawn(self, **more) -> go.Figure:
        notes = [{"text": "plain"}, {"text": "beside", "xref": "domain", "yref": "axis"}]
        rows = [
            Row([Panel([go.Scatter(y=[1])], {}, {}, notes=notes)], split_columns(1, 0), 100),
            Row([Panel([go.Scatter(y=[1])], {}, {}, notes=notes)], split_columns(1, 0, 0.25), 60, foot=10),
        ]
        return stack_rows(rows, LIGHT, **more)

    def test_a_note_says_itself_what_its_place_is_a_share_of(self):
        notes = self.drawn().layout.annotations
        assert [(note.text, note.xref, note.yref) for note in notes] == [
            ("plain", "x", "y domain"), ("beside", "x domain", "y"),
            ("plain", "x2", "y2 domain"), ("beside", "x2 domain", "y2"),
        ]  # fmt: skip

    def test_the_room_below_a_row_is_as_high_as_it_says(self):
        layout = self.drawn().layout
        inner = layout.height - layout.margin.t
        assert inner == 100 + FOOT + 60 + 10
        assert (layout.yaxis.domain[0] - layout.yaxis2.domain[1]) * inner == pytest.approx(FOOT)
        assert layout.yaxis2.domain[0] * inner == pytest.approx(10)
        assert np.ptp(layout.yaxis.domain) * inner == pytest.approx(100)
        assert np.ptp(layout.yaxis2.domain) * inner == pytest.approx(60)

    @pytest.mark.parametrize("labels", [0, 0.25])
    def test_columns_fill_the_width_that_labels_leave(self, labels):
        edges = split_columns(3, 0.1, labels)
        assert (edges[0][0], edges[-1][1]) == pytest.approx((labels, 1))
        assert np.ptp([right - left for left, right in edges]) == pytest.approx(0)
        assert [edges[i + 1][0] - edges[i][1] for i in range(2)] == pytest.approx([0.1, 0.1])

    @pytest.mark.parametrize("still", [False, True])
    def test_the_mouse_moves_the_axes_of_a_still_figure_no_more(self, still):
        layout = self.drawn(still=still).layout
        axes = layout.xaxis, layout.xaxis2, layout.yaxis, layout.yaxis2
        assert {axis.fixedrange for axis in axes} == {True if still else None}

    def test_a_heading_that_is_wider_than_its_panel_ends_within_the_figure(self):
        long = "log loss of joints; <b>×</b> lowest, ○ target"
        panels = [Panel([], {}, {}, heading) for heading in (long, "short", long)]
        figure = stack_rows([Row(panels, split_columns(3, 0.1), 100)], LIGHT)
        assert [(note.x, note.xanchor) for note in figure.layout.annotations] == [
            (0.5, "center"), (0.5, "center"), (1, "right"),
        ]  # fmt: skip

    def test_the_page_learns_which_panels_are_planes_and_which_are_along_neurons(self):
        panels = [Panel([], {}, {}, of=of) for of in ("", "plane", "neurons", "plane")]
        figure = stack_rows([Row(panels, split_columns(4, 0.02), 100)], LIGHT, meta={"order": [1]})
        planes = [["xaxis2", "yaxis2"], ["xaxis4", "yaxis4"]]
        assert figure.layout.meta == {"plane": planes, "neurons": [["xaxis3", "yaxis3"]], "order": [1]}
        assert stack_rows([Row([Panel([], {}, {})], split_columns(1, 0), 100)], LIGHT).layout.meta is None

    def test_the_page_learns_the_neurons_of_the_groups_in_a_matrix(self):
        panel = Panel([], {}, {}, of="groups", members=[(0, 2), (1,)])
        figure = stack_rows([Row([panel], split_columns(1, 0), 100)], LIGHT)
        assert figure.layout.meta == {"groups": [["xaxis", "yaxis", [[0, 2], [1]]]]}

    def test_other_parts_of_the_layout_are_passed_on(self):
        assert self.drawn(bargap=0.5).layout.bargap == 0.5

    @pytest.mark.parametrize(("where", "expected"), [
        ([0, 0, 0, 0], []), ([1, 1, 1, 1], [(0, 6)]), ([1, 0, 0, 1], [(0, 0.5), (4.5, 6)]),
        ([0, 1, 1, 0], [(0.5, 4.5)]),
    ])  # fmt: skip
    def test_stretches_reach_half_way_to_the_next(self, where, expected):
        assert find_stretches(np.array(where, bool), np.array([0.0, 1.0, 3.0, 6.0])) == expected
