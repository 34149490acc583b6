"""What a page needs to run a network: its arrays bit by bit, the plane in cells, one script of several modules."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hmmrnn
from hmmrnn.analysis.occupancy_grid import build_occupancy_grid, visit_states
from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.analysis.regions import CLUSTER, REGIONS, TRANSITION
from hmmrnn.figures.theme import DARK, LIGHT, REGION_LABELS
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from hmmrnn.report import live_page as live
from hmmrnn.report.live_page import build_live_payload, describe_kick_groups, describe_network, describe_occupancy
from hmmrnn.shipped import ASSETS
from tests.networks import kick_group, random_network

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20


def array(given: dict) -> np.ndarray:
    """What a page makes of a packed array, by other means."""
    kinds = {"f4": "<f4", "f8": "<f8", "i1": "i1"}
    flat = np.frombuffer(base64.b64decode(given["bdata"], validate=True), dtype=kinds[given["dtype"]])
    return flat.reshape(given["shape"])


def single(network: Network) -> Network:
    """The network as it would be read from a file in single precision."""
    arrays = {key: getattr(network, key).astype(np.float32) for key in ("W_hh", "W_ih", "W_out", "b_h", "b_out")}
    return Network(**arrays)


def plane_of(network: Network) -> Plane:
    return fit_plane(simulate(network, 50, 2))


@pytest.fixture(scope="module")
def network() -> Network:
    return single(random_network(12, 4, 3, bias=True))


@pytest.fixture(scope="module")
def plane(network) -> Plane:
    return plane_of(network)


class TestPacked:
    @pytest.mark.parametrize("kind", ["f4", "f8", "i1"])
    def test_round_trip_bit_by_bit(self, kind):
        values = np.random.default_rng(0).integers(-128, 128, size=(3, 5)).astype({"i1": "i1"}.get(kind, kind))
        given = live.pack_array(values[:, ::-1], kind)
        assert given["dtype"] == kind
        assert array(given).tobytes() == np.ascontiguousarray(values[:, ::-1]).tobytes()
        assert given["shape"] == [3, 5]

    def test_another_kind_is_refused(self):
        with pytest.raises(ValueError, match="kind must be one of f4, f8, i1; got 'f2'"):
            live.pack_array(np.zeros(2), "f2")


class TestNetwork:
    def test_weights_of_single_precision_are_sent_in_single_precision_bit_by_bit(self, network, plane):
        sent = describe_network(network, plane, "net", [[0.0, 0.0]])
        assert (sent["name"], sent["neurons"], sent["inputs"], sent["outputs"]) == ("net", 12, 4, 3)
        for key in ("W_hh", "W_ih", "W_out", "b_h", "b_out"):
            assert sent["weights"][key]["dtype"] == "f4"
            received = array(sent["weights"][key]).astype(np.float64)
            assert received.tobytes() == getattr(network, key).tobytes()

    @pytest.mark.parametrize("value", [0.1, 1e300])
    def test_one_value_that_single_precision_cannot_hold_makes_all_weights_double(self, network, plane, value):
        b_out = network.b_out.copy()
        b_out[1] = value
        odd = replace(network, b_out=b_out)
        sent = describe_network(odd, plane, "net", [[0.0, 0.0]])["weights"]
        assert {one["dtype"] for one in sent.values()} == {"f8"}
        assert all(array(sent[key]).tobytes() == getattr(odd, key).tobytes() for key in sent)

    def test_the_plane_is_that_of_the_figures(self, network, plane):
        sent = describe_network(network, plane, "net", [[0.0, 0.0]])["plane"]
        h = np.random.default_rng(1).random((7, 12))
        coordinates = (h - array(sent["mean"])) @ array(sent["components"]).T
        np.testing.assert_allclose(coordinates, plane.project(h)[:, :2], rtol=0, atol=1e-12)
        assert sent["scale"] == plane.scale[:2].tolist()

    def test_the_range_is_of_the_finite_points(self, network, plane):
        visited = [[[0.0, 2.0, 9.0], [np.nan, 0.0, 0.0]], [[-1.5, 4.0, 9.0], [np.inf, -50.0, 0.0]]]
        assert describe_network(network, plane, "net", visited)["plane"]["range"] == [[-1.5, 0.0], [2.0, 4.0]]

    def test_without_a_finite_point_there_is_a_range_all_the_same(self, network, plane):
        nothing = np.full((3, 2), np.nan)
        assert describe_network(network, plane, "net", nothing)["plane"]["range"] == [[-1, 1], [-1, 1]]
        # Nor may a range be empty: a picture divides by its length.
        assert describe_network(network, plane, "net", [[2.0, 3.0]])["plane"]["range"] == [[1, 3], [2, 4]]

    def test_colours_and_labels_are_those_of_the_figures(self, network, plane):
        sent = describe_network(network, plane, "net", [[0.0, 0.0]])
        for theme in (LIGHT, DARK):
            given = sent["themes"][theme.name]
            assert set(given) == {"ground", "text", "muted", "grid", "ghost", "accent", "outputs", "regions"}
            assert (given["ground"], given["outputs"]) == (theme.ground, list(theme.outputs))
            assert given["regions"] == theme.regions
        assert sent["region_labels"] == REGION_LABELS

    def test_a_plane_of_one_direction_is_refused(self, network):
        line = fit_plane(simulate(network, 50, 2), n_components=1)
        with pytest.raises(ValueError, match=r"plane must have at least 2 directions of .* got 1 of"):
            describe_network(network, line, "net", [[0.0, 0.0]])

    def test_bad_input(self, network, plane):
        with pytest.raises(ValueError, match=r"plane must have at least 2 directions of 12 neurons, .* of 16"):
            describe_network(network, plane_of(random_network()), "net", [[0.0, 0.0]])
        for visited in ([0.0, 0.0], [[0.0], [1.0]]):
            with pytest.raises(ValueError, match="visited must have two coordinates or more"):
                describe_network(network, plane, "net", visited)


class TestBackdrop:
    def test_plain_values(self):
        visited = np.random.default_rng(0).normal(size=(200, 2))
        found = build_occupancy_grid(visited, visited[:3], [CLUSTER, TRANSITION, CLUSTER])
        sent = json.loads(json.dumps(describe_occupancy(found), allow_nan=False))
        assert (sent["cells"], sent["states"], sent["regions"]) == (48, 200, list(REGIONS))
        assert (sent["x"], sent["y"]) == (found.x.tolist(), found.y.tolist())
        assert array(sent["share"]).tobytes() == found.share.tobytes()
        assert array(sent["region"]).tobytes() == found.region.tobytes()

    def test_a_network_that_diverges_still_gives_a_payload(self):
        grows = Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4))
        found = visit_states(grows)
        payload = build_live_payload(grows, found.plane, "grows", found.visited, found.grid)
        json.dumps(payload, allow_nan=False)
        assert np.isfinite(payload["plane"]["range"]).all()


class TestGroups:
    def test_those_with_neurons_are_named_as_on_the_page(self):
        groups = (kick_group(0, (3, 5)), kick_group(1, ()), kick_group(2, (4,), proven=False, to=1))
        assert describe_kick_groups(SimpleNamespace(groups=groups)) == [
            {"output": 0, "to": None, "neurons": [3, 5], "name": "kick neurons for leaving 0", "proven": True},
            {"output": 2, "to": 1, "neurons": [4], "name": "kick neurons for 2 → 1", "proven": False},
        ]
        assert [group.name for group in groups[1:]] == ["kick neurons for leaving 1", "kick neurons for 2 → 1"]


class TestPayload:
    def test_what_is_not_given(self, network, plane):
        payload = build_live_payload(network, plane, "net", [[0.0, 0.0]])
        assert (payload["backdrop"], payload["groups"]) == (None, None)
        assert payload["scenario"] == {"sigma": 1.0, "seed": 0, "interventions": []}
        assert payload["version"] == hmmrnn.__version__
        assert payload["weights"] == describe_network(network, plane, "net", [[0.0, 0.0]])["weights"]

    def test_what_is_given(self, network, plane):
        behind = build_occupancy_grid([[0.0, 0.0]], [[0.0, 0.0]], [CLUSTER])
        kick = SimpleNamespace(groups=(kick_group(0, (3, 5)), kick_group(1, ())))
        silenced = {"neurons": [3], "mu": 0.0, "target": "unit"}
        begins = {"seed": 7, "interventions": [silenced]}
        payload = build_live_payload(network, plane, "net", [[0.0, 0.0]], behind, kick, begins)
        assert payload["backdrop"] == describe_occupancy(behind)
        assert payload["groups"] == describe_kick_groups(kick)
        assert payload["scenario"] == {"sigma": 1.0, "seed": 7, "interventions": [silenced]}

    def test_another_part_of_a_scenario_is_refused(self, network, plane):
        with pytest.raises(ValueError, match="a scenario may have sigma, seed, interventions, start; got steps"):
            build_live_payload(network, plane, "net", [[0.0, 0.0]], scenario={"steps": 5})

    @pytest.mark.parametrize("outputs", [2, 8])
    def test_any_number_of_outputs(self, outputs):
        many = random_network(9, 3, outputs)
        payload = build_live_payload(many, plane_of(many), "net", [[0.0, 0.0]])
        assert array(payload["weights"]["W_out"]).shape == (outputs, 9)
        assert len(payload["themes"]["dark"]["outputs"]) >= outputs


IMPORT_A = 'import { a } from "./b.mjs";\n'


class TestJoined:
    def write(self, folder: Path, **modules: str) -> Path:
        for name, text in modules.items():
            (folder / f"{name}.mjs").write_text(text)
        return folder / "top.mjs"

    def test_each_module_once_behind_what_it_imports(self, tmp_path):
        top = self.write(
            tmp_path,
            top='import {\n  left,\n  Both,\n} from "./left.mjs";\nimport { right } from "./right.mjs";\nleft();\n',
            left='import { base } from "./base.mjs";\nexport function left() { return base; }\nexport class Both {}\n',
            right='import "./base.mjs";\nexport let right = 1;\n',
            base="export const base = 1;\nexport async function later() {}\n",
        )
        text = live.join_modules(top)
        order = [text.index(part) for part in ("const base", "function left", "let right", "left();")]
        assert order == sorted(order)
        assert [text.count(part) for part in ("const base", "class Both", "let right")] == [1, 1, 1]
        assert not re.search(r"^\s*(import|export)\b", text, re.MULTILINE)

    @pytest.mark.parametrize(
        ("modules", "sentence"),
        [
            (
                {"top": f"{IMPORT_A}const line = 1;\n", "b": "export const a = 1;\nfunction line() {}\n"},
                "top-level names of b.mjs, top.mjs must differ; got line more than once",
            ),
            (
                {"top": IMPORT_A.replace("a }", "a as c }"), "b": "export const a = 1;\n"},
                "must import names as they are",
            ),
            ({"top": 'import three from "three";\n'}, "top.mjs must import from files .*; got 'import three from"),
            ({"top": "export default 1;\n"}, "must import from files and export declarations; got 'export default"),
            (
                {"top": 'import { b } from "./b.mjs";\nexport const a = 1;\n', "b": 'import { a } from "./top.mjs";\n'},
                "must not import each other in a circle; got top.mjs b.mjs top.mjs",
            ),
            ({"top": "const end = '</SCRIPT>';\n"}, "top.mjs must not contain </script"),
            ({"top": "const comment = '<!-- ';\n"}, "top.mjs must not contain </script or <!--"),
        ],
    )
    def test_what_cannot_be_joined_is_refused(self, tmp_path, modules, sentence):
        with pytest.raises(ValueError, match=sentence):
            live.join_modules(self.write(tmp_path, **modules))


class TestPage:
    @pytest.fixture(scope="class")
    @classmethod
    def written(cls) -> str:
        shipped = load(ROOT / "models" / "linear-2.safetensors")
        found = visit_states(shipped)
        begins = {"sigma": 0.5, "seed": 3, "interventions": [{"neurons": [1], "mu": 0.0, "target": "unit"}]}
        payload = build_live_payload(shipped, found.plane, "a </script> & b", found.visited, found.grid, None, begins)
        return live.write_live_page(payload)

    def element(self, page: str, opening: str) -> str:
        return re.search(re.escape(opening) + r"(.*?)</script>", page, re.DOTALL)[1]

    def test_the_payload_comes_back_as_it_was(self, written):
        payload = json.loads(self.element(written, '<script type="application/json" id="hmmrnn-live-data">'))
        shipped = load(ROOT / "models" / "linear-2.safetensors")
        assert payload["name"] == "a </script> & b"
        assert array(payload["weights"]["W_hh"]).astype(float).tobytes() == shipped.W_hh.tobytes()
        assert payload["scenario"]["interventions"][0]["neurons"] == [1]

    def test_worker_and_view_are_in_it_without_modules(self, written):
        worker = self.element(written, '<script type="text/plain" id="hmmrnn-live-worker">')
        script = self.element(written, '<script type="module">')
        assert worker == live.join_modules(ASSETS / "live" / "worker.mjs")
        assert "class State" in worker
        assert script.rstrip().endswith('openSaved(document.getElementById("live"));')
        assert "function openSaved" in script
        assert not re.search(r"^(import|export)\b", worker + script, re.MULTILINE)
        assert (ASSETS / "live.css").read_text() in written
        assert '<div id="live" class="live"></div>' in written

    def test_the_page_in_docs_is_what_would_be_written_now(self, written):
        kept = (ROOT / "docs" / "pages" / "live.html").read_text(encoding="utf-8")
        data = '<script type="application/json" id="hmmrnn-live-data">'
        assert json.loads(self.element(kept, data))["name"] == "linear-2"
        for opening in ("<style>", '<script type="text/plain" id="hmmrnn-live-worker">', '<script type="module">'):
            closing = "</style>" if opening == "<style>" else "</script>"
            parts = [page.split(opening)[-1].split(closing)[0] for page in (kept, written)]
            assert parts[0] == parts[1], "docs/pages/live.html is of an older state: run `make live`"

    def test_it_says_what_it_is(self, written):
        assert written.startswith('<!doctype html>\n<html lang="en">')
        assert "<title>a &lt;/script&gt; &amp; b, live</title>" in written
        assert "<h1>a &lt;/script&gt; &amp; b</h1>" in written
        assert "prefers-color-scheme: dark" in written

    def test_it_asks_no_server(self, written):
        plain = re.sub(r'"bdata":"[^"]*"', "", written)
        assert not re.search(r"(src|href)=\"(?!data:)", plain)
        assert not re.search(r"https?:|//[a-z]+\.|url\(|@import|\bfetch\(", plain)

    def test_it_is_small(self, written):
        assert len(written.encode()) < 2 * MIB

    def test_in_a_page_of_one_scheme_it_has_that(self, network, plane):
        payload = build_live_payload(network, plane, "net", [[0.0, 0.0]])
        part = live.PAGES.get_template("live_part.html").render(live=live.fill_live_parts(payload, "light"))
        assert '<div id="live" class="live" data-scheme="light"></div>' in part

    def test_a_style_sheet_that_would_end_itself_is_refused(self, network, plane, tmp_path, monkeypatch):
        monkeypatch.setattr(live, "ASSETS", tmp_path)
        (tmp_path / "live.css").write_text("/* </style> */")
        with pytest.raises(ValueError, match=r"live\.css must not contain </style"):
            live.write_live_page(build_live_payload(network, plane, "net", [[0.0, 0.0]]))
