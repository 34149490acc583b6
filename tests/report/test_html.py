"""The report's parts that are packed: figures and what draws them, small and whole; and the network that runs in it."""

import base64
import gzip
import html
import json
import re

import numpy as np
import pytest
from plotly.offline import get_plotlyjs_version

from hmmrnn.analysis.occupancy_grid import build_occupancy_grid
from hmmrnn.figures.ablation import describe_ablations
from hmmrnn.model.network import Network
from hmmrnn.report.findings import gather_findings
from hmmrnn.report.html import PLOTLY, SECTIONS, compress, write_report
from hmmrnn.report.live_page import build_live_payload, describe_kick_groups

pytest_plugins = ["tests.fixtures_findings"]


PLOT = re.compile(r'<script type="text/plain" data-plot="([^"]+)">(.*?)</script>', re.DOTALL)


def unpacked(text: str) -> str:
    return gzip.decompress(base64.b64decode(text, validate=True)).decode()


@pytest.fixture(scope="module")
def written(studied) -> str:
    return write_report(studied, "planted")


@pytest.fixture(scope="module")
def diverging() -> str:
    return write_report(gather_findings(Network(1.5 * np.eye(3), np.eye(3), np.eye(2, 3)), seed=0), "grows")


class TestPacked:
    def test_a_text_comes_back_and_is_the_same_at_any_time(self):
        text = "σ </script> é" * 100
        assert unpacked(compress(text)) == text
        assert compress(text) == compress(text)
        assert gzip.decompress(base64.b64decode(compress(""))) == b""
        # Bytes 4 to 7 of a gzip are the time at which it was made.
        assert base64.b64decode(compress(text))[4:8] == bytes(4)

    def test_what_draws_the_figures_is_in_it_once_and_packed(self, written, diverging):
        library = re.search(r'<script type="text/plain" id="plotly">(.*?)</script>', written, re.DOTALL)
        code = gzip.decompress(PLOTLY.read_bytes()).decode()
        assert unpacked(library[1]) == code
        assert code[:2000] not in written

    def test_the_reports_own_plotly_is_as_new_as_that_of_the_dashboard_and_names_its_licence(self):
        head = gzip.decompress(PLOTLY.read_bytes()).decode()[:300]
        assert f"plotly.js (cartesian - minified) v{get_plotlyjs_version()}\n" in head
        assert "MIT license" in head

    def test_every_kind_of_trace_is_one_that_it_draws(self, written):
        code = gzip.decompress(PLOTLY.read_bytes()).decode()
        kinds = {trace["type"] for _, text in PLOT.findall(written) for trace in json.loads(unpacked(text))["data"]}
        assert {"scatter", "heatmap", "bar"} <= kinds
        assert [kind for kind in kinds if f'name:"{kind}"' not in code] == []

    def test_every_figure_is_json_with_no_webgl(self, written):
        drawn = PLOT.findall(written)
        assert len(drawn) >= 12
        for key, text in drawn:
            figure = json.loads(unpacked(text))
            assert figure["data"], key
            assert figure["config"]["showSendToCloud"] is False
            assert not {trace["type"] for trace in figure["data"]} & {"scattergl"}
            assert f'id="{key}"' in written

    def test_the_ablations_of_a_planted_network_are_drawn_on_the_published_curves(self, studied, written):
        found = studied.dynamics.procedures.ablations
        assert f"beside its curves. {describe_ablations(found)}." in html.unescape(written)
        figures = [json.loads(unpacked(text)) for _, text in PLOT.findall(written)]
        published = [one for one in figures if "published" in [trace.get("name") for trace in one["data"]]]
        assert len(published) == 1

    def test_it_is_half_of_what_it_would_be(self, written):
        packed = re.findall(
            r'<script type="text/plain" (?:data-plot|id="plotly")[^>]*>(.*?)</script>', written, re.DOTALL
        )
        assert sum(map(len, packed)) < 0.5 * sum(len(unpacked(text)) for text in packed)

    def test_nothing_but_what_is_packed_could_name_an_address(self, written):
        plain = re.sub(r'(<script type="text/plain"[^>]*>|"bdata":")[A-Za-z0-9+/=]*', "", written)
        assert not re.search(r"(src|href)=\"(?!#|data:)", plain)
        assert "http" not in plain


class TestLive:
    def payload(self, page: str) -> dict:
        return json.loads(re.search(r'id="hmmrnn-live-data">(.*?)</script>', page, re.DOTALL)[1])

    def test_the_network_of_the_report_runs_behind_its_other_sections(self, studied, written):
        there = studied.dynamics
        drawn, survey, kick = there.summary.points, there.survey, there.mechanism.kick
        behind = build_occupancy_grid(drawn, survey.points, survey.residency.region)
        begins = {"seed": studied.seed}
        wanted = build_live_payload(studied.network, there.plane, "planted", drawn, behind, kick, begins)
        assert self.payload(written) == wanted
        assert wanted["groups"] == describe_kick_groups(kick) != []
        at = [written.index(f'<section id="{key}">') for key in (*SECTIONS, "running", "thresholds")]
        assert at == sorted(at)

    def test_it_is_as_light_as_the_report(self, written):
        assert '<div id="live" class="live" data-scheme="light"></div>' in written

    def test_a_network_without_a_plane_is_said_to_have_none(self, diverging):
        assert "so there is no plane to show it in" in diverging
        assert "hmmrnn-live-data" not in diverging
        assert "data-plot=" not in diverging
