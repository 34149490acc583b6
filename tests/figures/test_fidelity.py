"""The fidelity's figure shows the network's statistics beside its HMM's, with errors, or the reason why not."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from hmmrnn.analysis.fidelity import LAGS
from hmmrnn.figures.fidelity import Verdict, draw_fidelity
from hmmrnn.figures.theme import LIGHT
from tests.figures.inspection import contrast, named, names
from tests.figures.results import verdict_of


class TestFidelity:
    def both(self, verdict, untouched) -> dict[str, tuple[go.Figure, dict[str, Verdict]]]:
        return {
            "alone": (draw_fidelity(verdict, None, LIGHT), {"network": verdict}),
            "beside intact": (draw_fidelity(verdict, untouched, LIGHT), {"intact": untouched, "now": verdict}),
        }

    @pytest.fixture(params=["alone", "beside intact"])
    def drawn(self, request, verdict, untouched) -> tuple[go.Figure, dict[str, Verdict]]:
        return self.both(verdict, untouched)[request.param]

    def heat(self, figure: go.Figure, name: str, nth: int = 0):
        return [trace for trace in figure.data if trace.type == "heatmap" and trace.name == name][nth]

    def test_shares_and_agreement_stand_beside_the_exact_ones(self, drawn):
        figure, known = drawn
        exact = next(iter(known.values())).fidelity
        for kind, statistic in (("share", "marginal"), ("P(same symbol at lag)", "agreement")):
            own = named(figure, f"{kind}, HMM")
            np.testing.assert_array_equal(own.y, getattr(exact, f"target_{statistic}"))
            assert not own.error_y.visible
            for name, one in known.items():
                trace = named(figure, f"{kind}, {name}")
                np.testing.assert_array_equal(trace.y, getattr(one.fidelity, statistic))
                np.testing.assert_array_equal(trace.error_y.array, getattr(one.fidelity, f"{statistic}_se"))
                assert trace.error_y.visible
        assert list(named(figure, "share, HMM").x) == ["0", "1", "2"]
        assert list(named(figure, "P(same symbol at lag), HMM").x) == list(LAGS)

    def test_single_numbers_stand_beside_their_references_with_errors(self, drawn):
        figure, known = drawn
        first = next(iter(known.values()))
        expected = {
            "symbol switch rate (per step)": [(first.fidelity.target_volatility, 0.0)]
            + [(one.fidelity.volatility, 0.01) for one in known.values()],
            "log-likelihood (nats/symbol)": [(first.fidelity.target_log_likelihood, 0.03)]
            + [(one.fidelity.log_likelihood, 0.02) for one in known.values()],
            "matched distance": [(first.matching.floor, 0.2)]
            + [(one.matching.distance, 0.1) for one in known.values()],
        }
        for name, pairs in expected.items():
            trace = named(figure, name)
            assert list(trace.y) == ["HMM", *known]
            np.testing.assert_array_equal(np.stack([trace.x, trace.error_x.array], axis=1), pairs)
            digits = 2 if name == "matched distance" else 3
            assert list(trace.text) == [f"{value:.{digits}f}".replace("-", "−") for value, _ in pairs]
        assert "7 batches of 12 sequences of 34 steps" in named(figure, "matched distance").hovertemplate
        assert "8 runs of 1,234 steps" in named(figure, "symbol switch rate (per step)").hovertemplate

    def test_transitions_and_their_distance_from_the_hmm_are_percentages(self, drawn):
        figure, known = drawn
        target = next(iter(known.values())).fidelity.target_transitions
        np.testing.assert_array_equal(self.heat(figure, "HMM (exact)").z, 100 * target)
        for name, one in known.items():
            np.testing.assert_array_equal(self.heat(figure, name).z, 100 * one.fidelity.transitions)
            away = self.heat(figure, f"{name} − HMM")
            np.testing.assert_array_equal(away.z, 100 * (one.fidelity.transitions - target))
            # White is no difference.
            assert away.zmin == -away.zmax
            assert away.zmax >= np.nanmax(np.abs(away.z))

    def test_numbers_and_their_errors_are_written_into_the_cells(self, verdict):
        figure = draw_fidelity(verdict, None, LIGHT)
        heat, away = self.heat(figure, "network"), self.heat(figure, "network − HMM")
        judged = verdict.fidelity
        for i in range(2):
            for j in range(3):
                error = f"±{100 * judged.transitions_se[i, j]:.1f}"
                assert heat.text[i][j] == f"{heat.z[i, j]:.1f}<br>{error}"
                digits = 0 if abs(away.z[i, j]) >= 9.95 else 1
                assert away.text[i][j] == f"{away.z[i, j]:+.{digits}f}<br>{error}".replace("-", "−")
                exactly = f"{100 * judged.transitions[i, j]:.2f} ± {100 * judged.transitions_se[i, j]:.2f} %"
                assert heat.customdata[i][j] == exactly
        # The last symbol was never seen.
        assert list(heat.text[2]) == [""] * 3
        assert list(heat.customdata[2]) == ["never seen"] * 3
        assert self.heat(figure, "HMM (exact)").text[0][0] == f"{100 * judged.target_transitions[0, 0]:.1f}"

    def test_a_difference_that_rounds_to_nothing_has_no_sign(self, verdict):
        almost = replace(verdict.fidelity, transitions=verdict.fidelity.target_transitions - 1e-5)
        away = self.heat(draw_fidelity(replace(verdict, fidelity=almost), None, LIGHT), "network − HMM")
        assert away.text[0][0].startswith("0.0<br>")
        # And is not painted as if it were large.
        assert away.zmax == 5

    def test_hidden_states_are_columns_beside_regions_that_were_seen_and_outputs(self, drawn):
        figure, known = drawn
        for name, one in known.items():
            alone = len(known) == 1
            regions = self.heat(figure, "P(region | state), %" if alone else name, 0 if alone else 1)
            outputs = self.heat(figure, "P(state | output), %" if alone else name, 0 if alone else 2)
            assert list(regions.x) == list(outputs.x) == ["0", "1", "2", "3"]
            assert list(regions.y) == ["cluster", "kick zone", "transition"]
            assert list(outputs.y) == ["0", "1", "2"]
            np.testing.assert_array_equal(regions.z, 100 * one.decoding.region_given_state.T[:3])
            np.testing.assert_array_equal(outputs.z, 100 * one.decoding.state_given_output)
            assert regions.customdata[1][2].endswith(f"<br>{one.decoding.region_counts[2, 1]:,} steps")
            assert outputs.customdata[1][2].endswith(f"<br>{one.decoding.output_counts[1, 2]:,} steps")

    def test_answers_that_are_not_known_are_left_out(self, verdict, untouched):
        quick = Verdict(verdict.fidelity)
        for intact in (None, untouched):
            figure = draw_fidelity(quick, intact, LIGHT)
            assert "matched distance" not in names(figure)
            assert figure.layout.height < draw_fidelity(verdict, intact, LIGHT).layout.height
        assert not [name for name in names(draw_fidelity(quick, None, LIGHT)) if "state" in name]

    def test_what_cannot_be_drawn_is_said(self, verdict):
        gone = replace(verdict.fidelity, log_likelihood=-np.inf, log_likelihood_se=np.nan, volatility=np.nan)
        figure = draw_fidelity(replace(verdict, fidelity=gone), None, LIGHT)
        said = {note.xref: (note.text, note.y) for note in figure.layout.annotations if note.y == "network"}
        assert said == {"x3 domain": ("none", "network"), "x4 domain": ("−∞", "network")}
        assert np.isnan(named(figure, "log-likelihood (nats/symbol)").x[1])

    def test_a_network_without_any_whole_run_is_drawn_empty(self, verdict):
        lost = {
            name: np.full_like(value, np.nan) if isinstance(value, np.ndarray) else np.nan
            for name, value in vars(verdict.fidelity).items()
            if "target" not in name and name not in ("diverged", "trajectories", "steps", "seed")
        }
        figure = draw_fidelity(Verdict(replace(verdict.fidelity, **lost)), None, LIGHT)
        assert np.isnan(self.heat(figure, "network").z).all()

    @pytest.mark.parametrize("n_outputs", [2, 5, 6, 8])
    @pytest.mark.parametrize("n_states", [1, 12])
    def test_it_holds_as_many_outputs_and_states_as_an_hmm_has(self, n_outputs, n_states):
        one, other = (verdict_of(n_outputs, n_states, seed) for seed in (0, 1))
        for intact in (None, other):
            figure = draw_fidelity(one, intact, LIGHT)
            assert self.heat(figure, "HMM (exact)").z.shape == (n_outputs, n_outputs)
            written = self.heat(figure, "HMM (exact)").text is not None
            # On the narrowest page a cell of five columns would be narrower than two digits.
            assert written == (n_outputs <= 5)
            headings = " ".join(note.text for note in figure.layout.annotations)
            assert ("− HMM (±" in headings) != written

    def test_panels_do_not_overlap(self, drawn):
        figure = drawn[0]
        layout = figure.to_plotly_json()["layout"]
        rows: dict[tuple[float, float], list[list[float]]] = {}
        for axis, own in layout.items():
            if axis.startswith("xaxis"):
                rows.setdefault(tuple(layout[f"yaxis{axis[5:]}"]["domain"]), []).append(own["domain"])
        tops = sorted(rows)
        assert all(below[1] < above[0] for below, above in pairwise(tops))
        for domains in rows.values():
            assert all(one[1] < two[0] for one, two in pairwise(domains))
            assert min(domains)[0] >= 0
            assert max(domains)[1] <= 1 + 1e-9

    def test_the_wheel_and_the_mouse_move_nothing(self, drawn):
        figure = drawn[0]
        axes = [own for name, own in figure.to_plotly_json()["layout"].items() if name[1:5] == "axis"]
        assert all(axis["fixedrange"] for axis in axes)
        assert figure.layout.dragmode is False

    def test_the_key_names_what_is_drawn_in_its_colour(self, drawn):
        figure, known = drawn
        key = figure.layout.annotations[[note.text[0] for note in figure.layout.annotations].index("□")].text
        colours = {"intact": LIGHT.ghost}
        for name in known:
            assert f'<span style="color:{colours.get(name, LIGHT.text)}">■</span> {name}' in key
            assert named(figure, f"share, {name}").marker.color == colours.get(name, LIGHT.text)
        assert not figure.layout.showlegend

    def test_letters_in_cells_and_notes_can_be_read_as_well(self, themed):
        theme, figures = themed
        for name in ("fidelity", "fidelity beside intact"):
            assert all(note.font.size >= 14 for note in figures[name].layout.annotations)
            for trace in figures[name].data:
                if trace.type == "heatmap":
                    assert trace.textfont.size >= 14
                    background = [colour for _, colour in trace.colorscale]
                    assert not trace.text or min(contrast(theme.text, colour) for colour in background) >= 4.5
