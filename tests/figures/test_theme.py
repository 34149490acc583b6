"""Every figure has the colours, the letters and the axis titles of the theme, and computes nothing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from plotly.colors import sequential

import hmmrnn
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION
from hmmrnn.figures.theme import DARK, GRAPH_CONFIG, LIGHT, REGION_LABELS, REGION_SYMBOLS
from hmmrnn.shipped import ASSETS
from tests.figures.inspection import axes_of


class TestNothingIsComputed:
    """Results in, figures out: the modules of figures import types and constants of the analyses, and no functions."""

    def test_only_types_and_constants_are_imported(self):
        found = [
            (path.name, node.module, item.name)
            for path, node in nodes()
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hmmrnn.")
            for item in node.names
        ]
        from_elsewhere = [one for one in found if not one[1].startswith("hmmrnn.figures.")]
        assert {module.split(".")[1] for _, module, _ in from_elsewhere} <= {
            "model",
            "training",
            "analysis",
            "lenses",
            "comparison",
            "report",
        }
        assert [one for one in from_elsewhere if not one[2][0].isupper()] == []

    def test_no_matrix_is_solved_and_no_random_number_is_drawn(self):
        numerics = {"linalg", "random", "fft", "matmul", "einsum", "dot"}
        assert [path.name for path, node in nodes() if isinstance(node, ast.Attribute) and node.attr in numerics] == []
        assert [path.name for path, node in nodes() if isinstance(node, ast.MatMult)] == []


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    """Every node of the source of every module of figures."""
    for path in sorted((Path(hmmrnn.__file__).parent / "figures").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


class TestPalette:
    @pytest.mark.parametrize("name", ["style.css", "sign-in/sign-in.css"])
    @pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
    def test_the_style_sheets_have_the_colours_of_the_theme(self, name, theme):
        blocks = re.findall(r":root[^{]*\{([^}]*)\}", (ASSETS / name).read_text(encoding="utf-8"))
        block = blocks[("light", "dark").index(theme.name)]
        written = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
        expected = {"panel": theme.ground, "text": theme.text, "muted": theme.muted, "accent": theme.accent}
        assert {key: written[key] for key in expected} == expected
        assert written["focus"] == theme.focus

    def test_a_page_has_each_colour_once_as_a_variable(self):
        written = re.findall(r"--([a-z]+): (#[0-9a-f]{6});", DARK.css_variables())
        assert dict(written)["text"] == DARK.text
        assert len(dict(written)) == len(written) == 8

    def test_after_the_last_output_the_colours_come_again(self):
        assert LIGHT.colour_of(len(LIGHT.outputs)) == LIGHT.colour_of(0) != LIGHT.colour_of(1)


# What is left of linear red, green and blue to readers without red, green or blue cones: Machado, Oliveira and
# Fernandes (2009), A physiologically-based model for simulation of color vision deficiency, severity 1.0.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Björn Ottosson (2020), A perceptual color space for image processing (Oklab).
CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
OPPONENT = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def seen(colours, blindness):
    """Oklab coordinates times 100, as readers with a colour blindness see them: about 2 can just be told apart."""
    channels = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    cones = np.clip(linear @ np.transpose(BLINDNESS[blindness]), 0, None) @ np.transpose(CONES)
    return 100 * np.cbrt(cones) @ np.transpose(OPPONENT)


def nearest(some, others, blindness):
    """The smallest distance of a colour to another one."""
    apart = np.linalg.norm(seen(some, blindness)[:, None] - seen(others, blindness), axis=-1)
    return apart[apart > 0].min() if some is others else apart.min()


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
class TestThreePalettes:
    """Outputs, regions and signs: for as many outputs as the paper's families have."""

    def test_outputs_are_told_apart(self, theme, blindness):
        few = theme.outputs[:4]
        assert nearest(few, few, blindness) >= (15 if blindness == "none" else 5)

    def test_regions_are_told_apart(self, theme, blindness):
        regions = [theme.regions[name] for name in (CLUSTER, KICK_ZONE, TRANSITION)]
        assert nearest(regions, regions, blindness) >= (19 if blindness == "none" else 15)

    def test_signs_are_told_apart_and_from_the_ground(self, theme, blindness):
        below, middle, above = (theme.diverging[place][1] for place in (0, 2, 4))
        assert nearest([below], [above], blindness) >= (30 if blindness == "none" else 20)
        assert nearest([below, above], [middle], blindness) >= 30
        assert nearest([middle], [theme.ground], blindness) <= 4

    def test_no_palette_has_a_colour_of_another(self, theme, blindness):
        regions = [theme.regions[name] for name in (CLUSTER, KICK_ZONE, TRANSITION)]
        signs = [theme.diverging[0][1], theme.diverging[-1][1]]
        pairs = [(theme.outputs[:4], signs), (theme.outputs[:4], regions), (regions, signs)]
        assert min(nearest(*pair, blindness) for pair in pairs) >= (12 if blindness == "none" else 6)


NOTED = {"connectivity", "fidelity", "fidelity beside intact", "spectrum along the orbit", "kick neurons"}


class TestLook:
    def test_every_axis_that_has_numbers_has_a_title(self, themed):
        for name, figure in themed[1].items():
            numbered = {axis: own for axis, own in axes_of(figure).items() if own.get("showticklabels") is not False}
            bare = [axis for axis, own in numbered.items() if not own.get("title", {}).get("text")]
            # Where there is no room at the axis, a note on the figure says what it shows.
            assert not bare or name in NOTED, f"{bare} of {name} without a title"
            assert len(bare) <= len(figure.layout.annotations)

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
