"""The Python of "Copy as Python" runs as it is, in any folder, and gives the numbers that the page shows."""

import ast
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.explorer import queries
from hmmrnn.explorer.notebook import WIDTH, Shown, write_python
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.network import Intervention
from hmmrnn.server.api.downloads import code_of
from hmmrnn.server.services import resolve, services
from tests.services import rebuild_services

pytest_plugins = ["tests.fixtures_dashboard"]

SHORT = "steps=150&trajectories=4"
LINKS = [
    f"model=linear-2&{SHORT}",
    f"model=linear-2&{SHORT}&ablate=3,40&gain=5,6:0.5:recurrent&gain=6:1.25:input&sigma=1.5&seed=7",
    f"model=linear-3&{SHORT}&gain=0,1,2:0.0:unit&seed=3",
    f"model=cyclic&{SHORT}&gain=9:1.7:recurrent&a_ablate=4&a_gain=9:0.25:input&a_sigma=0.5",
    f"model=linear-4&{SHORT}&gain={','.join(map(str, range(0, 150, 3)))}:0.9:unit",
    f"model=linear-2&{SHORT}&ablate=3&sigma=0.5&input=0.1&start=random",
]


@pytest.fixture
def shipped(dashboard, monkeypatch, tmp_path):
    """The dashboard with the shipped networks, and a working directory that has none of them."""
    monkeypatch.delenv("HMMRNN_MODELS")
    monkeypatch.chdir(tmp_path)
    rebuild_services()


def results(scenario: Scenario) -> dict:
    names: dict = {}
    exec(code_of(resolve(scenario)), names)
    return names


def expect_same(found: dict, scenario: Scenario) -> None:
    now, reference = queries.summary_of(resolve(scenario)), queries.summary_of(resolve(scenario.reference))
    np.testing.assert_array_equal(found["points"].astype(np.float32), now.points)
    for name in ("median", "lower_quartile", "upper_quartile", "occupancy"):
        np.testing.assert_array_equal(getattr(found["orbit"], name), getattr(now.profile, name))
    for rates, motion in zip(found["rates"], (reference, now), strict=True):
        np.testing.assert_array_equal(rates.leave_rate, motion.switching.leave_rate)
        np.testing.assert_array_equal(rates.time_share, motion.switching.time_share)
        assert rates.switches_per_1000 == motion.switching.switches_per_1000
    np.testing.assert_array_equal(found["errors"], [reference.transition_error, now.transition_error])


class TestItRuns:
    @pytest.mark.parametrize("link", LINKS)
    def test_and_gives_what_the_page_shows(self, shipped, link):
        scenario = Scenario.from_query(link, "")
        expect_same(results(scenario), scenario)

    def test_under_a_table_of_inputs(self, shipped):
        rows = np.random.default_rng(0).normal(size=(20, 100)).round(2)
        table, _ = services().inputs.keep("\n".join(",".join(map(str, row)) for row in rows))
        Path(f"{table}.csv").write_bytes((services().data.inputs / f"{table}.csv").read_bytes())
        scenario = Scenario.from_query(f"model=linear-2&{SHORT}&ablate=3&sequence={table}", "")
        expect_same(results(scenario), scenario)

    def test_in_the_plane_of_two_outputs(self, shipped):
        scenario = Scenario.from_query(f"model=fully-connected&{SHORT}&pair=0-1&ablate=2", "")
        found = results(scenario)
        expect_same(found, scenario)
        left_out = ~np.isin(queries.summary_of(resolve(scenario)).output, (0, 1))
        assert left_out.any()
        assert np.isnan(found["points"][left_out]).all()

    def test_of_a_network_that_diverges(self, dashboard, monkeypatch):
        monkeypatch.chdir(dashboard.models)
        scenario = Scenario("growing", steps=100, trajectories=2)
        found = results(scenario)
        assert (found["now"].diverged_at >= 0).all()
        expect_same(found, scenario)

    def test_of_a_network_without_a_known_hmm(self, dashboard, monkeypatch):
        monkeypatch.chdir(dashboard.models)
        scenario = Scenario("anonymous", steps=60, trajectories=2, interventions=(Intervention((3,)),))
        found = results(scenario)
        assert "errors" not in found
        np.testing.assert_array_equal(found["points"].astype(np.float32), queries.summary_of(resolve(scenario)).points)

    def test_and_prints_the_leave_rates(self, shipped, capsys):
        scenario = Scenario.from_query(LINKS[1], "")
        results(scenario)
        printed = capsys.readouterr().out.splitlines()
        rates = (queries.summary_of(resolve(s)).switching.leave_rate[0] for s in (scenario.reference, scenario))
        assert printed[1].split() == ["out", "of", "0", *(f"{rate:.4f}" for rate in rates)]


class TestText:
    def written(self, *interventions: Intervention, reference: tuple[Intervention, ...] = ()) -> str:
        return write_python(Shown("net", False, "model=net", 1.0, 0, 100, 2, interventions, reference, 1.0))

    def test_only_public_names_of_the_package_are_used(self, shipped):
        for link in LINKS:
            tree = ast.parse(code_of(resolve(Scenario.from_query(link, ""))))
            imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
            modules = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports}
            assert {module.split(".")[0] for module in modules} == {"numpy", "hmmrnn"}
            used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            assert not {name for name in used | {a.name for n in imports for a in n.names} if name.startswith("_")}

    def test_what_is_imported_is_used(self):
        for text in (self.written(), self.written(Intervention((1,))), self.written(reference=(Intervention((1,)),))):
            tree = ast.parse(text)
            imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
            assert imported <= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    def test_long_lists_of_neurons_are_broken_into_lines(self):
        text = self.written(Intervention(tuple(range(200)), 0.5, "input"))
        assert max(map(len, text.splitlines())) <= WIDTH
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and len(node.keywords) == 3]
        (call,) = [node for node in calls if ast.unparse(node.func) == "Intervention"]
        values = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        assert values == {"neurons": tuple(range(200)), "mu": 0.5, "target": "input"}

    def test_a_shipped_network_is_read_from_the_package(self, shipped):
        assert 'load(MODELS / "linear-2.safetensors")' in code_of(resolve(Scenario("linear-2")))

    def test_any_other_network_is_read_from_the_working_directory(self, dashboard):
        assert 'load("anonymous.safetensors")' in code_of(resolve(Scenario("anonymous", steps=50)))
