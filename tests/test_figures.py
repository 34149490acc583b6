"""Figures show the numbers they were given, in the theme's colours, with an axis title wherever there is an axis."""

import ast
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.colors import sequential

import hmmrnn
from hmmrnn.decoding import Decoding
from hmmrnn.fidelity import LAGS, Fidelity
from hmmrnn.figures.activity import activity
from hmmrnn.figures.connectivity import MAX_INPUT_COLUMNS, block_lines, connectivity, marks
from hmmrnn.figures.fidelity import Verdict
from hmmrnn.figures.fidelity import fidelity as fidelity_figure
from hmmrnn.figures.orbit import orbit
from hmmrnn.figures.panels import FOOT, Panel, Row, columns, stacked
from hmmrnn.figures.region_map import REGION_COLOURS, region_map
from hmmrnn.figures.spectrum import spectrum
from hmmrnn.figures.state_space import Colouring, plane_range, state_space
from hmmrnn.figures.theme import DARK, GRAPH_CONFIG, LIGHT, REGION_LABELS, REGION_SYMBOLS, THEMES, Theme
from hmmrnn.hmm import HMM
from hmmrnn.landscape import Landscape, survey
from hmmrnn.matching import Matching
from hmmrnn.motion import Motion, observe
from hmmrnn.network import Intervention, Network, intervene
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, Populations
from hmmrnn.regions import REGIONS
from hmmrnn.simulation import draw_noise, respond
from hmmrnn.statespace import Plane, fit_plane
from tests.networks import planted_switch, random_network

B, T = 4, 120
FIGURES = Path(hmmrnn.__file__).parent / "figures"
NUMERICS = {path.stem for path in Path(hmmrnn.__file__).parent.glob("*.py")} | {"experiments"}


@pytest.fixture(scope="module")
def network() -> Network:
    ring = [(0, 1), (1, 2), (2, 0)]
    return planted_switch(n_outputs=3, pairs=ring, hold=4, integrators=6, kick=2, echoes=1, idle=2).network


@pytest.fixture(scope="module")
def noise(network):
    return draw_noise(network.n_inputs, T, B, 1.0, 5)


@pytest.fixture(scope="module")
def plane(network, noise) -> Plane:
    return fit_plane(respond(network, noise, 1.0, 5))


@pytest.fixture(scope="module")
def intact(network, plane, noise) -> Motion:
    return observe(network, plane, noise, 1.0, 5, None)


@pytest.fixture(scope="module")
def now(network, plane, noise) -> Motion:
    return observe(intervene(network, Intervention((0, 1, 2))), plane, noise, 1.0, 5, None)


@pytest.fixture(scope="module")
def landscape(network, plane, noise) -> Landscape:
    return survey(network, plane, respond(network, noise, 1.0, 5), seed=5)


@pytest.fixture(scope="module")
def twelve() -> Network:
    return random_network(n=12, m=5, o=3)


@pytest.fixture(scope="module")
def roles() -> Populations:
    """Two kick groups, two integrating populations and the rest, of twelve neurons."""
    role = np.array([CONTROL, KICK, INTEGRATING, CONTROL, KICK, KICK, INTEGRATING, *[CONTROL] * 5])
    output = np.array([-1, 0, 0, -1, 2, 2, 2, *[-1] * 5])
    return Populations(role, output, np.array([1, 4, 5, 2, 6, 0, 3, 7, 8, 9, 10, 11]))


def verdict_of(n_outputs: int, n_states: int, seed: int) -> Verdict:
    """A verdict with numbers that are all different, and some that are missing."""
    rng = np.random.default_rng(seed)
    # What was measured comes from the seed; the HMM is the same for all.
    exact = np.random.default_rng(99)
    shapes = {"marginal": (n_outputs,), "transitions": (n_outputs, n_outputs), "agreement": (len(LAGS),)}
    by_region, by_output = (n_states, len(REGIONS)), (n_outputs, n_states)
    judged = Fidelity(
        transition_error=0.1, marginal_error=0.1, volatility_ratio=1.0, lag_error=0.1, log_likelihood_gap=0.1,
        log_likelihood=-rng.random(), target_log_likelihood=-exact.random(),
        volatility=rng.random(), volatility_se=0.01, log_likelihood_se=0.02, target_log_likelihood_se=0.03,
        log_likelihood_gap_se=0.04, diverged=0, trajectories=8, steps=1234, seed=0,
        target_volatility=exact.random(),
        **{name: rng.random(shape) for name, shape in shapes.items()},
        **{f"{name}_se": 0.01 * rng.random(shape) for name, shape in shapes.items()},
        **{f"target_{name}": exact.random(shape) for name, shape in shapes.items()},
    )  # fmt: skip
    judged.transitions[-1] = judged.transitions_se[-1] = np.nan
    matched = Matching(
        distance=5 + rng.random(), distance_se=0.1, floor=5 + exact.random(), floor_se=0.2, excess=0.0, excess_se=0.1,
        distances=rng.random(7), floors=rng.random(7), size=12, length=34, diverged=0, seed=0,
    )  # fmt: skip
    counts = rng.integers(1, 9999, by_region)
    counts[:, REGIONS.index("unassigned")] = 0
    decoded = Decoding(
        states=np.zeros((2, 2), int), impossible=0,
        region_given_state=rng.random(by_region), region_given_state_se=rng.random(by_region), region_counts=counts,
        state_given_output=rng.random(by_output), state_given_output_se=0.01 * rng.random(by_output),
        output_counts=rng.integers(1, 9999, by_output),
    )  # fmt: skip
    return Verdict(judged, matched, decoded)


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return verdict_of(3, 4, seed=1)


@pytest.fixture(scope="module")
def untouched() -> Verdict:
    return verdict_of(3, 4, seed=0)


def every_figure(theme: Theme, twelve, intact, now, landscape, roles, verdict) -> dict[str, go.Figure]:
    """Each figure once or more, with everything on it that it can have."""
    hmm = HMM.preset("linear-2")
    values = Colouring("speed (plane units per step)", now.speed)
    strip = np.resize(np.array([*REGIONS, ""]), len(now.profile.counts))
    return {
        "state space": state_space(now, intact, Colouring("output"), theme, np.ones((1, 3)), np.ones((2, 4, 3))),
        "state space by value": state_space(now, intact, values, theme),
        "orbit": orbit(now.profile, intact.profile, hmm, theme, strip),
        "connectivity": connectivity(twelve, roles, theme),
        "spectrum": spectrum(landscape, theme),
        "fidelity": fidelity_figure(verdict, None, theme),
        "fidelity beside intact": fidelity_figure(verdict, verdict, theme),
        "activity": activity(np.ones((T, 2)), now.output[0], (3, 4), (0, 2), theme),
        **{f"region map by {c}": region_map(landscape, c, theme, [-1, 1], [-1, 1]) for c in REGION_COLOURS},
    }


@pytest.fixture(scope="module", params=list(THEMES))
def themed(request, twelve, intact, now, landscape, roles, verdict) -> tuple[Theme, dict[str, go.Figure]]:
    theme = THEMES[request.param]
    return theme, every_figure(theme, twelve, intact, now, landscape, roles, verdict)


def named(figure: go.Figure, name: str):
    found = [trace for trace in figure.data if trace.name == name]
    assert len(found) == 1, f"{name!r} among {[trace.name for trace in figure.data]}"
    return found[0]


def names(figure: go.Figure) -> list[str]:
    return [trace.name for trace in figure.data]


def axes_of(figure: go.Figure) -> dict[str, dict]:
    """The axes that a trace uses and that are seen, by name, as Plotly would draw them."""
    layout = figure.to_plotly_json()["layout"]
    used = set()
    for trace in figure.data:
        for axis in ("x", "y"):
            used.add(f"{axis}axis{(getattr(trace, f'{axis}axis') or axis)[1:]}")
    return {name: layout.get(name, {}) for name in sorted(used) if layout.get(name, {}).get("visible", True)}


class TestNothingIsComputed:
    """Results in, figures out: a figure's module knows result types and constants, and nothing that computes them."""

    @pytest.mark.parametrize("path", sorted(FIGURES.glob("*.py")), ids=lambda path: path.stem)
    def test_only_types_and_constants_are_imported(self, path):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not [item.name for item in node.names if item.name.split(".")[0] == "hmmrnn"]
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "hmmrnn":
                assert node.level == 0
                inside = node.module.split(".")
                if inside[1:2] == ["figures"]:
                    continue
                assert inside[1] in NUMERICS
                for item in node.names:
                    assert item.name[0].isupper(), f"{path.name} imports {item.name} from {node.module}"

    @pytest.mark.parametrize("path", sorted(FIGURES.glob("*.py")), ids=lambda path: path.stem)
    def test_no_matrix_is_solved_and_no_number_is_drawn(self, path):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("linalg", "random", "fft", "matmul", "einsum", "dot")
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult))


class TestLook:
    def test_every_axis_has_a_title(self, themed):
        for name, figure in themed[1].items():
            bare = [axis for axis, layout in axes_of(figure).items() if not layout.get("title", {}).get("text")]
            # Where there is no room at the axis, a note on the figure says what it shows.
            assert len(bare) <= len(figure.layout.annotations), f"{bare} of {name} without a title"

    def test_every_colour_bar_has_a_title(self, themed):
        for name, figure in themed[1].items():
            for trace in figure.data:
                bar = trace.colorbar if trace.type == "heatmap" and trace.showscale else None
                if trace.type == "scattergl" and trace.marker.colorscale is not None:
                    bar = trace.marker.colorbar
                if bar is not None:
                    assert bar.title.text, f"a colour bar of {name} has no title"

    @pytest.mark.parametrize(
        ("figure", "axis", "unit"),
        [
            ("orbit", "xaxis", "(degrees)"), ("orbit", "yaxis2", "%"), ("activity", "xaxis", "(steps)"),
            ("fidelity", "xaxis2", "(steps)"), ("fidelity", "xaxis3", "(per step)"), ("fidelity", "xaxis4", "(nats/"),
            ("state space", "xaxis", "of h"),
        ],
    )  # fmt: skip
    def test_what_has_a_unit_says_it(self, themed, figure, axis, unit):
        assert unit in axes_of(themed[1][figure])[axis]["title"]["text"]

    def test_values_on_colour_bars_say_theirs(self, themed):
        figures = themed[1]
        assert figures["region map by residency"].data[0].marker.colorbar.title.text == "residency time (steps)"
        assert "per step" in figures["state space by value"].data[-2].marker.colorbar.title.text

    def test_letters_can_be_read_on_a_projector(self, themed):
        for figure in themed[1].values():
            layout = figure.to_plotly_json()["layout"]
            assert layout["font"]["size"] >= 14
            for axis in axes_of(figure).values():
                assert axis["title"]["font"]["size"] >= 14
                assert axis["tickfont"]["size"] >= 14

    def test_all_colours_are_those_of_the_theme(self, themed):
        theme, figures = themed
        solid = {
            theme.ground, theme.text, theme.muted, theme.grid, theme.ghost, theme.accent,
            *theme.outputs, *theme.regions.values(), *(colour for _, colour in theme.diverging),
        }  # fmt: skip
        # A colour scale that the theme knows by name is written out by Plotly.
        known = solid | {colour.lower() for colour in sequential.Cividis}
        channels = {tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in solid}
        for name, figure in figures.items():
            text = figure.to_json()
            assert set(re.findall(r'"(#[0-9a-fA-F]{3,8})"', text)) <= known, name
            for red, green, blue, opacity in re.findall(r"rgba?\((\d+), ?(\d+), ?(\d+)(?:, ?([\d.]+))?\)", text):
                assert opacity == "0" or (int(red), int(green), int(blue)) in channels, name
            assert not re.findall(r'"[a-z]*color":"(?!#|rgba?\()', text), name

    def test_the_ground_is_that_of_the_page(self, themed):
        theme, figures = themed
        for figure in figures.values():
            assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == theme.ground
            assert figure.layout.font.color == theme.text

    def test_at_most_eight_outputs_have_a_colour_of_their_own(self):
        for theme in (LIGHT, DARK):
            assert len(set(theme.outputs)) >= 8
            assert set(theme.regions) == set(REGIONS)
        assert len(set(REGION_SYMBOLS.values())) == len(REGION_LABELS) == len(REGIONS)

    def test_nothing_is_sent_anywhere(self):
        assert GRAPH_CONFIG["showSendToCloud"] is False
        assert GRAPH_CONFIG["plotlyServerURL"] == ""

    def test_a_redraw_keeps_zoom_and_pan(self, themed):
        assert {figure.layout.uirevision for figure in themed[1].values()} == {"keep"}


class TestStateSpace:
    def test_states_are_drawn_by_output_where_they_are(self, now):
        figure = state_space(now, None, Colouring("output"), LIGHT)
        for output in np.unique(now.output):
            trace, there = named(figure, f"output {output}"), now.output == output
            np.testing.assert_array_equal(np.stack([trace.x, trace.y], axis=-1), now.points[there][:, :2])
            np.testing.assert_array_equal(trace.customdata, np.argwhere(there) + [0, 1])
            assert trace.marker.color == LIGHT.outputs[output]

    def test_the_path_is_the_first_run(self, now):
        trace = named(state_space(now, None, Colouring("output"), LIGHT), "run 1")
        np.testing.assert_array_equal(np.stack([trace.x, trace.y], axis=-1), now.points[0, :, :2])

    def test_the_ghost_is_the_intact_run_and_only_there_if_something_is_touched(self, now, intact):
        assert "intact" not in names(state_space(now, None, Colouring("output"), LIGHT))
        figure = state_space(now, intact, Colouring("output"), LIGHT)
        ghost = named(figure, "intact")
        np.testing.assert_array_equal(np.stack([ghost.x, ghost.y], axis=-1), intact.points.reshape(-1, 3)[:, :2])
        assert ghost.marker.color == LIGHT.ghost
        # Drawn first, so that it lies behind.
        assert figure.data[0].name == "intact"

    def test_values_colour_the_states_that_they_belong_to(self, now):
        figure = state_space(now, None, Colouring("speed (plane units per step)", now.speed), LIGHT)
        trace = named(figure, "speed (plane units per step)")
        np.testing.assert_array_equal(trace.marker.color, now.speed.ravel())
        np.testing.assert_array_equal(trace.x, now.points[..., 0].ravel())
        assert trace.marker.cmin is None

    def test_values_with_a_sign_have_a_scale_that_is_centred_on_zero(self, now):
        values = np.linspace(-1, 3, B * T).reshape(B, T)
        trace = named(state_space(now, None, Colouring("value", values), LIGHT), "value")
        assert trace.marker.cmin == -trace.marker.cmax < 0
        assert [colour for _, colour in trace.marker.colorscale] == [colour for _, colour in LIGHT.diverging]

    def test_states_without_a_value_are_not_drawn(self, now):
        values = np.full((B, T), np.nan)
        values[1, 4], values[3, 0] = 2.0, 5.0
        trace = named(state_space(now, None, Colouring("value", values), LIGHT), "value")
        np.testing.assert_array_equal(trace.marker.color, [2.0, 5.0])
        np.testing.assert_array_equal(trace.customdata, [[1, 5], [3, 1]])

    def test_regions_have_their_colour_and_their_symbol(self, now):
        region = np.full((B, T), "", dtype="<U10")
        region[0, :3] = REGIONS[:3]
        figure = state_space(now, None, Colouring("region", region=region), DARK)
        for step, name in enumerate(REGIONS[:3]):
            trace = named(figure, REGION_LABELS[name])
            np.testing.assert_array_equal(trace.x, now.points[0, step : step + 1, 0])
            assert (trace.marker.color, trace.marker.symbol) == (DARK.regions[name], REGION_SYMBOLS[name])
        assert REGION_LABELS[REGIONS[3]] not in names(figure)

    def test_what_comes_after_a_divergence_is_not_drawn(self, now):
        points = now.points.copy()
        points[:, 50:] = np.nan
        cut = replace(now, points=points)
        figure = state_space(cut, cut, Colouring("output"), LIGHT)
        drawn = sum(len(trace.x) for trace in figure.data if trace.name.startswith("output"))
        assert drawn == len(named(figure, "intact").x) == 50 * B
        assert np.isfinite(figure.layout.xaxis.range).all()

    def test_fixed_points_and_runs_without_noise_are_drawn_where_they_are(self, now):
        rest, paths = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.arange(24.0).reshape(2, 4, 3)
        figure = state_space(now, None, Colouring("output"), LIGHT, rest, paths)
        star, decay = named(figure, "fixed point"), named(figure, "without noise")
        np.testing.assert_array_equal(np.stack([star.x, star.y], axis=-1), rest[:, :2])
        np.testing.assert_array_equal(decay.x, [0, 3, 6, 9, np.nan, 12, 15, 18, 21, np.nan])
        bare = state_space(now, None, Colouring("output"), LIGHT, np.empty((0, 3)), None)
        assert not {"fixed point", "without noise"} & set(names(bare))

    def test_the_window_holds_both_networks(self, now, intact):
        both = np.concatenate([now.points, intact.points])
        for axis in (0, 1):
            low, high = plane_range([now, intact], axis)
            assert low < both[..., axis].min() < both[..., axis].max() < high
            assert plane_range([now, None], axis)[1] <= high
        figure = state_space(now, intact, Colouring("output"), LIGHT)
        assert list(figure.layout.xaxis.range) == plane_range([now, intact], 0)

    def test_a_network_at_rest_has_a_window_all_the_same(self, now):
        low, high = plane_range([replace(now, points=np.zeros_like(now.points))], 0)
        assert low < 0 < high
        assert plane_range([replace(now, points=np.full_like(now.points, np.nan))], 0) is None


class TestOrbit:
    def test_medians_quartiles_and_occupancy_are_those_of_the_profile(self, now):
        figure, profile = orbit(now.profile, None, None, LIGHT), now.profile
        degrees, there = np.degrees(profile.phase_centers), profile.counts > 0
        for output in range(3):
            median = named(figure, f"output {output}")
            np.testing.assert_array_equal(median.x, degrees[there])
            np.testing.assert_array_equal(median.y, profile.median[there, output])
            band = figure.data[2 * output]
            upper, lower = profile.upper_quartile[there, output], profile.lower_quartile[there, output]
            np.testing.assert_array_equal(band.y, np.concatenate([upper, lower[::-1]]))
        bars = named(figure, "occupancy")
        np.testing.assert_allclose(bars.y, 100 * profile.occupancy)
        np.testing.assert_allclose(np.sum(bars.y), 100)

    def test_the_intact_profile_is_there_only_beside_an_intervention(self, now, intact):
        alone, beside = orbit(now.profile, None, None, LIGHT), orbit(now.profile, intact.profile, None, LIGHT)
        assert "intact" not in names(alone)
        np.testing.assert_allclose(named(beside, "intact").y, 100 * intact.profile.occupancy)
        dashed = [trace for trace in beside.data if trace.type == "scatter" and trace.line.dash == "dash"]
        for output, trace in enumerate(dashed):
            np.testing.assert_array_equal(trace.y, intact.profile.median[:, output])
        assert len(dashed) == 3
        assert len(beside.data) == len(alone.data) + 4

    def test_the_rows_of_the_hmm_are_reference_lines(self, now):
        hmm = HMM.preset("linear-3")
        levels = sorted(shape.y0 for shape in orbit(now.profile, None, hmm, LIGHT).layout.shapes)
        np.testing.assert_allclose(levels, np.unique(hmm.B.round(6)))
        assert not orbit(now.profile, None, None, LIGHT).layout.shapes

    def test_the_strip_has_the_colour_of_each_region_and_gaps_where_none_is_known(self, now):
        known = np.resize(np.array([*REGIONS, ""]), len(now.profile.counts))
        strip = named(orbit(now.profile, None, None, LIGHT, known), "region")
        expected = [REGIONS.index(name) if name else np.nan for name in known]
        np.testing.assert_array_equal(strip.z[0], expected)
        for index, name in enumerate(REGIONS):
            at = (index + 0.5) / len(REGIONS)
            below = max(edge for edge, _ in strip.colorscale if edge <= at)
            assert [colour for edge, colour in strip.colorscale if edge == below][-1] == LIGHT.regions[name]
        assert "region" not in names(orbit(now.profile, None, None, LIGHT))


class TestConnectivity:
    def test_weights_stand_in_the_order_of_the_populations(self, twelve, roles):
        figure = connectivity(twelve, roles, LIGHT)
        recurrent, inputs, readout = figure.data
        for row, to in enumerate(roles.order):
            for column, source in enumerate(roles.order):
                assert recurrent.z[row][column] == np.float32(twelve.W_hh[to, source])
            assert readout.z[1][row] == np.float32(twelve.W_out[1, to])
        expected = twelve.W_ih[np.ix_(roles.order, strongest(twelve))].astype(np.float32)
        np.testing.assert_array_equal(inputs.z, expected)

    def test_labels_say_neuron_and_role_and_what_a_click_needs_is_there(self, twelve, roles):
        figure = connectivity(twelve, roles, LIGHT)
        labels = list(figure.data[0].y)
        assert labels[:3] == ["neuron 1 (kick, output 0)", "neuron 4 (kick, output 2)", "neuron 5 (kick, output 2)"]
        assert labels[3] == "neuron 2 (integrating, output 0)"
        assert labels[5] == "neuron 0 (control)"
        assert figure.layout.meta["labels"] == labels
        assert figure.layout.meta["order"] == roles.order.tolist()
        assert len(set(labels)) == 12
        assert list(figure.data[0].x) == list(figure.data[2].x) == labels
        assert list(figure.data[1].y) == labels
        assert list(figure.data[2].y) == ["output 0", "output 1", "output 2"]

    def test_without_roles_it_is_the_order_of_the_index(self, twelve):
        figure = connectivity(twelve, None, LIGHT)
        assert figure.layout.meta["order"] == list(range(12))
        assert figure.data[0].y[7] == "neuron 7"
        assert not figure.layout.shapes

    def test_of_many_inputs_the_strongest_are_shown(self):
        many = random_network(n=6, m=70, o=2)
        shown = connectivity(many, None, LIGHT).data[1]
        assert list(shown.x) == [f"input {i}" for i in strongest(many)[:MAX_INPUT_COLUMNS]]

    def test_zero_weight_has_the_middle_colour(self, twelve, roles):
        for trace in connectivity(twelve, roles, LIGHT).data:
            assert trace.zmin == -trace.zmax < 0

    def test_a_network_without_weights_has_a_scale_all_the_same(self):
        nothing = Network(np.zeros((3, 3)), np.zeros((3, 2)), np.zeros((2, 3)))
        for trace in connectivity(nothing, None, LIGHT).data:
            assert trace.zmin < 0 < trace.zmax

    def test_lines_lie_between_the_populations(self, roles):
        lines = block_lines(roles.order, roles, LIGHT)
        # Kick 0, kick 2, integrating 0, integrating 2, control: after positions 0, 2, 3 and 4.
        assert sorted({line["y0"] for line in lines if line["yref"] == "y"}) == [0.5, 2.5, 3.5, 4.5]
        assert sorted({line["x0"] for line in lines if line["xref"] == "x"}) == [0.5, 2.5, 3.5, 4.5]

    def test_touched_neurons_are_marked_as_rows_and_columns(self, roles):
        # Neurons 4 and 5 stand at positions 1 and 2, neuron 11 at 11.
        shapes = marks(roles.order, {4, 5, 11}, roles, LIGHT)[len(block_lines(roles.order, roles, LIGHT)) :]
        rows = [(s["y0"], s["y1"]) for s in shapes if s["yref"] == "y"]
        columns = [(s["x0"], s["x1"]) for s in shapes if s["xref"] == "x"]
        assert sorted(rows) == [(0.5, 2.5), (0.5, 2.5), (10.5, 11.5), (10.5, 11.5)]
        assert sorted(columns) == [(0.5, 2.5), (0.5, 2.5), (10.5, 11.5), (10.5, 11.5)]
        assert {s["line"]["color"] for s in shapes} == {LIGHT.accent}

    def test_marks_lie_on_axes_that_are_there(self, twelve, roles):
        layout = connectivity(twelve, roles, LIGHT).to_plotly_json()["layout"]
        for shape in marks(roles.order, {0, 3}, roles, LIGHT):
            for ref in (shape["xref"], shape["yref"]):
                letter = ref.split()[0]
                assert f"{letter[0]}axis{letter[1:]}" in layout

    def test_nothing_touched_marks_nothing(self, roles):
        assert marks(roles.order, set(), roles, LIGHT) == block_lines(roles.order, roles, LIGHT)
        assert marks(np.arange(12), {99}, None, LIGHT) == []


def strongest(network: Network) -> np.ndarray:
    return np.argsort(-np.abs(network.W_ih).sum(axis=0), kind="stable")


class TestRegionMap:
    def test_each_region_has_its_states_colour_and_symbol(self, landscape):
        figure = region_map(landscape, "region", LIGHT, None, None)
        there = set(landscape.residency.region)
        for name in REGIONS:
            assert (REGION_LABELS[name] in names(figure)) == (name in there)
            if name in there:
                trace, inside = named(figure, REGION_LABELS[name]), landscape.residency.region == name
                np.testing.assert_array_equal(trace.x, landscape.points[inside, 0])
                np.testing.assert_array_equal(trace.y, landscape.points[inside, 1])
                np.testing.assert_allclose(trace.customdata[:, 2], landscape.residency.time[inside], rtol=1e-6)
                np.testing.assert_array_equal(trace.customdata[:, :2], landscape.at[inside] + [0, 1])
                assert (trace.marker.color, trace.marker.symbol) == (LIGHT.regions[name], REGION_SYMBOLS[name])
        assert len(there) >= 3

    @pytest.mark.parametrize(("colour", "name"), [("residency", "time"), ("sign_changes", "sign_changes")])
    def test_values_are_those_of_the_states(self, landscape, colour, name):
        trace = region_map(landscape, colour, LIGHT, None, None).data[0]
        np.testing.assert_allclose(trace.marker.color, getattr(landscape.residency, name), rtol=1e-6)
        np.testing.assert_allclose(trace.x, landscape.points[:, 0], rtol=1e-6)
        np.testing.assert_array_equal(trace.customdata, landscape.at + [0, 1])

    def test_unstable_directions_are_shown_where_a_spectrum_was_taken(self, landscape):
        trace = region_map(landscape, "unstable", LIGHT, None, None).data[0]
        np.testing.assert_array_equal(trace.marker.color, landscape.spectra.unstable)
        np.testing.assert_allclose(trace.x, landscape.points[landscape.spectra_at, 0], rtol=1e-6)

    def test_arrows_lead_from_each_cell_along_its_mean_step(self, landscape):
        arrows, drift = named(region_map(landscape, "region", LIGHT, None, None), "mean step"), landscape.drift
        x, y = np.reshape(arrows.x, (-1, 3)), np.reshape(arrows.y, (-1, 3))
        np.testing.assert_allclose(np.stack([x[:, 0], y[:, 0]], axis=-1), drift.centers, rtol=1e-5, atol=1e-5)
        ends = drift.centers + drift.displacement
        np.testing.assert_allclose(np.stack([x[:, 1], y[:, 1]], axis=-1), ends, rtol=1e-5, atol=1e-5)
        assert np.isnan(x[:, 2]).all()

    def test_it_shows_the_same_stretch_as_the_state_space(self, landscape, now):
        figure = region_map(landscape, "region", LIGHT, plane_range([now], 0), plane_range([now], 1))
        assert list(figure.layout.xaxis.range) == plane_range([now], 0)
        assert list(figure.layout.yaxis.range) == plane_range([now], 1)


class TestSpectrum:
    def test_eigenvalues_are_those_of_the_states_of_each_region(self, landscape):
        figure = spectrum(landscape, LIGHT)
        region = landscape.residency.region[landscape.spectra_at]
        for name in np.unique(region):
            count = np.count_nonzero(region == name)
            trace = named(figure, f"{REGION_LABELS[name]} ({count} states)")
            values = landscape.spectra.eigenvalues[region == name].ravel()
            values = values[np.abs(values) > 1e-9]
            np.testing.assert_array_equal(trace.x, values.real.astype(np.float32))
            np.testing.assert_array_equal(trace.y, values.imag.astype(np.float32))

    def test_the_unit_circle_is_a_circle_on_equal_axes(self, landscape):
        figure = spectrum(landscape, LIGHT)
        circle = named(figure, "|λ| = 1")
        np.testing.assert_allclose(np.hypot(circle.x, circle.y), 1)
        assert figure.layout.yaxis.scaleanchor == "x"
        assert figure.layout.yaxis.scaleratio == 1


class TestFidelity:
    def both(self, verdict, untouched) -> dict[str, tuple[go.Figure, dict[str, Verdict]]]:
        return {
            "alone": (fidelity_figure(verdict, None, LIGHT), {"network": verdict}),
            "beside intact": (fidelity_figure(verdict, untouched, LIGHT), {"intact": untouched, "now": verdict}),
        }

    @pytest.fixture(params=["alone", "beside intact"])
    def drawn(self, request, verdict, untouched) -> tuple[go.Figure, dict[str, Verdict]]:
        return self.both(verdict, untouched)[request.param]

    def heat(self, figure: go.Figure, name: str, nth: int = 0):
        return [trace for trace in figure.data if trace.type == "heatmap" and trace.name == name][nth]

    def test_shares_and_agreement_stand_beside_the_exact_ones(self, drawn):
        figure, known = drawn
        exact = next(iter(known.values())).fidelity
        for kind, statistic in (("share", "marginal"), ("agreement", "agreement")):
            own = named(figure, f"{kind}, HMM")
            np.testing.assert_array_equal(own.y, getattr(exact, f"target_{statistic}"))
            assert not own.error_y.visible
            for name, one in known.items():
                trace = named(figure, f"{kind}, {name}")
                np.testing.assert_array_equal(trace.y, getattr(one.fidelity, statistic))
                np.testing.assert_array_equal(trace.error_y.array, getattr(one.fidelity, f"{statistic}_se"))
                assert trace.error_y.visible
        assert list(named(figure, "share, HMM").x) == ["0", "1", "2"]
        assert list(named(figure, "agreement, HMM").x) == list(LAGS)

    def test_single_numbers_stand_beside_their_references_with_errors(self, drawn):
        figure, known = drawn
        first = next(iter(known.values()))
        expected = {
            "volatility (per step)": [(first.fidelity.target_volatility, 0.0)]
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
        assert "8 runs of 1,234 steps" in named(figure, "volatility (per step)").hovertemplate

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
        figure = fidelity_figure(verdict, None, LIGHT)
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
        away = self.heat(fidelity_figure(replace(verdict, fidelity=almost), None, LIGHT), "network − HMM")
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
            figure = fidelity_figure(quick, intact, LIGHT)
            assert "matched distance" not in names(figure)
            assert figure.layout.height < fidelity_figure(verdict, intact, LIGHT).layout.height
        assert not [name for name in names(fidelity_figure(quick, None, LIGHT)) if "state" in name]

    def test_what_cannot_be_drawn_is_said(self, verdict):
        gone = replace(verdict.fidelity, log_likelihood=-np.inf, log_likelihood_se=np.nan, volatility=np.nan)
        figure = fidelity_figure(replace(verdict, fidelity=gone), None, LIGHT)
        said = {note.xref: (note.text, note.y) for note in figure.layout.annotations if note.y == "network"}
        assert said == {"x3 domain": ("none", "network"), "x4 domain": ("−∞", "network")}
        assert np.isnan(named(figure, "log-likelihood (nats/symbol)").x[1])

    def test_a_network_without_any_whole_run_is_drawn_empty(self, verdict):
        lost = {
            name: np.full_like(value, np.nan) if isinstance(value, np.ndarray) else np.nan
            for name, value in vars(verdict.fidelity).items()
            if "target" not in name and name not in ("diverged", "trajectories", "steps", "seed")
        }
        figure = fidelity_figure(Verdict(replace(verdict.fidelity, **lost)), None, LIGHT)
        assert np.isnan(self.heat(figure, "network").z).all()

    @pytest.mark.parametrize("n_outputs", range(2, 9))
    @pytest.mark.parametrize("n_states", [1, 2, 5, 12])
    def test_it_holds_as_many_outputs_and_states_as_an_hmm_has(self, n_outputs, n_states):
        one, other = (verdict_of(n_outputs, n_states, seed) for seed in (0, 1))
        for intact in (None, other):
            figure = fidelity_figure(one, intact, LIGHT)
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
            assert f'<span style="color:{colours.get(name, LIGHT.outputs[0])}">■</span> {name}' in key
            assert named(figure, f"share, {name}").marker.color == colours.get(name, LIGHT.outputs[0])
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


def contrast(one: str, other: str) -> float:
    """Ratio of two colours' relative luminance, as WCAG 2 defines it."""
    lights = []
    for colour in (one, other):
        channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(lights) + 0.05) / (min(lights) + 0.05)


class TestPanels:
    def drawn(self, **more) -> go.Figure:
        notes = [{"text": "plain"}, {"text": "beside", "xref": "domain", "yref": "axis"}]
        rows = [
            Row([Panel([go.Scatter(y=[1])], {}, {}, notes=notes)], columns(1, 0), 100),
            Row([Panel([go.Scatter(y=[1])], {}, {}, notes=notes)], columns(1, 0, 0.25), 60, foot=10),
        ]
        return stacked(rows, LIGHT, **more)

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

    def test_columns_leave_room_for_labels(self):
        edges = columns(3, 0.1, 0.25)
        assert (edges[0][0], edges[-1][1]) == pytest.approx((0.25, 1))
        assert np.ptp([right - left for left, right in edges]) == pytest.approx(0)
        assert [edges[i + 1][0] - edges[i][1] for i in range(2)] == pytest.approx([0.1, 0.1])

    @pytest.mark.parametrize("still", [False, True])
    def test_the_mouse_moves_the_axes_of_a_still_figure_no_more(self, still):
        layout = self.drawn(still=still).layout
        axes = layout.xaxis, layout.xaxis2, layout.yaxis, layout.yaxis2
        assert {axis.fixedrange for axis in axes} == {True if still else None}

    def test_other_parts_of_the_layout_are_passed_on(self):
        assert self.drawn(bargap=0.5).layout.bargap == 0.5


class TestActivity:
    def test_each_neuron_has_its_line_in_the_colour_of_its_output(self):
        values = np.arange(12.0).reshape(4, 3)
        figure = activity(values, np.array([0, 0, 1, 0]), (7, 8, 9), (0, 2, 2), LIGHT)
        for column, (neuron, group) in enumerate(((7, 0), (8, 2), (9, 2))):
            trace = figure.data[column]
            np.testing.assert_array_equal(trace.x, [1, 2, 3, 4])
            np.testing.assert_array_equal(trace.y, values[:, column])
            assert f"neuron {neuron}" in trace.hovertemplate
            assert trace.name == f"kick neurons of output {group}"
            assert trace.line.color == LIGHT.outputs[group]
        assert [trace.showlegend for trace in figure.data] == [True, True, False]

    def test_the_background_is_the_output_at_each_step(self):
        figure = activity(np.zeros((6, 1)), np.array([0, 0, 1, 1, 1, 2]), (0,), (0,), LIGHT)
        stretches = [(s.x0, s.x1, s.fillcolor) for s in figure.layout.shapes if s.type == "rect"]
        assert stretches == [
            (0.5, 2.5, LIGHT.outputs[0]),
            (2.5, 5.5, LIGHT.outputs[1]),
            (5.5, 6.5, LIGHT.outputs[2]),
        ]

    def test_no_output_is_shown_after_a_divergence(self):
        values = np.zeros((6, 1))
        values[4:] = np.nan
        figure = activity(values, np.array([0, 0, 1, 1, 0, 0]), (0,), (0,), LIGHT)
        assert max(s.x1 for s in figure.layout.shapes if s.type == "rect") == 4.5
