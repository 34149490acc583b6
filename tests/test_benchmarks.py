"""The benchmarks' arithmetic and their page, on made-up numbers: no time that is taken here means anything."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

import benchmarks.__main__ as command
from benchmarks.figures import FIGURES, Aim, Measurement, median, p95, record
from benchmarks.interactions import play_growth
from benchmarks.live_clicks import frame_figure
from benchmarks.live_engine import engine_page, laps_of
from benchmarks.live_view import COUNTS_PER_TURN, growth_figure, turns
from benchmarks.machine import Memory, parse_memory
from benchmarks.performance_page import COLUMNS, performance_page
from tests.browser.conftest import CHROMIUM_FLAGS, chromium_path

MACHINE = {"cpu": "Made-up | 3000", "cores": 4, "python": "3.11.0", "platform": "Linux", "chromium": "Chromium 1"}
CIRCUMSTANCES = {"machine": MACHINE, "load": {"before": 0.25, "after": 1.5}, "date": "2026-01-02T03:04:05+00:00"}
FORTY = tuple(float(i) for i in range(1, 41))
KEYS = ("name", "unit", "median", "p95", "n", "baseline", "baseline_median", "ratio", "aims", "note")
KEYS += ("machine", "load", "date")


def click(samples: tuple[float, ...] = FORTY, **more) -> Measurement:
    return Measurement("click_to_drawn_ms", samples, "a redraw", **{"baseline_samples": (10.0, 5.0, 6.0), **more})


def pace(steps: float, products: float) -> Measurement:
    return Measurement("live_steps_per_s_150", (steps,), "bare products", (products,))


def recorded(measurement: Measurement, **more) -> dict:
    return record(measurement, {**CIRCUMSTANCES, **more})


def table(page: str) -> list[list[str]]:
    """Cells of every row but the line under the head."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert cells[1] == ["---"] * len(COLUMNS)
    return [cells[0], *cells[2:]]


class TestStatistics:
    def test_median_of_an_even_number_is_in_the_middle_and_of_none_there_is_none(self) -> None:
        assert median((4.0, 1.0, 3.0, 2.0)) == 2.5
        assert median(()) is None

    def test_p95_lies_between_the_samples_around_it(self) -> None:
        # Position 0.95 * 39 = 37.05 of the sorted samples, counted from zero.
        assert p95(FORTY[::-1]) == pytest.approx(38.05)

    def test_a_few_samples_have_no_p95(self) -> None:
        assert p95(FORTY[:19]) is None
        assert p95(FORTY[:20]) == pytest.approx(19.05)


class TestRecord:
    def test_has_every_key_and_survives_json(self) -> None:
        found = recorded(click(note="odd"))
        assert tuple(found) == KEYS
        assert json.loads(json.dumps(found, allow_nan=False)) == found

    def test_compares_medians(self) -> None:
        found = recorded(click())
        assert (found["median"], found["baseline_median"]) == (20.5, 6.0)
        assert found["ratio"] == pytest.approx(20.5 / 6, rel=1e-3)
        assert found["n"] == 40
        assert [recorded(click((value,)))["median"] for value in (123.456789, 0.0123456)] == [123.5, 0.01235]

    def test_without_a_baseline_there_is_no_ratio(self) -> None:
        found = recorded(Measurement("paper_step_s", (9.0, 11.0), "not measured"))
        assert found["median"] == 10
        assert [found[key] for key in ("baseline_median", "ratio", "aims", "note")] == [None, None, {}, None]
        assert found["baseline"] == "not measured"

    @pytest.mark.parametrize(("slowest", "met"), [(99.0, True), (100.0, False), (5000.0, False)])
    def test_a_click_has_an_aim_for_the_median_and_one_for_its_slow_end(self, slowest: float, met: bool) -> None:
        found = recorded(click((1.0,) * 21 + (slowest,) * 19))
        assert found["p95"] == slowest
        assert found["aims"] == {"median under 60 ms": True, "p95 under 100 ms": met}

    def test_an_aim_for_the_slow_end_is_not_judged_by_a_few_samples(self) -> None:
        assert recorded(click((1.0, 2.0)))["aims"] == {"median under 60 ms": True, "p95 under 100 ms": None}

    def test_the_other_aims_are_for_the_median(self) -> None:
        answers = Measurement("live_click_to_frame_ms", (1.0, 32.0, 900.0), "another", (1.0,))
        assert recorded(answers)["aims"] == {"median under 33 ms": True}

    @pytest.mark.parametrize(("steps", "met"), [(7.0, True), (71.0, True), (6.9999, False)])
    def test_an_aim_for_the_ratio_is_reached_or_not_before_it_is_rounded(self, steps: float, met: bool) -> None:
        assert recorded(pace(steps, 10.0))["aims"] == {"ratio at least 0.7": met}

    def test_an_aim_for_the_ratio_needs_something_beside_it(self) -> None:
        found = recorded(Measurement("live_steps_per_s_150", (7.0,), "nothing"))
        assert found["aims"] == {"ratio at least 0.7": None}

    @pytest.mark.parametrize(("rate", "met"), [(57.9, False), (58.0, True), (60.0, True)])
    def test_a_rate_should_reach_its_aim(self, rate: float, met: bool) -> None:
        found = recorded(Measurement("live_frames_per_s_50", (1.0, rate, 100.0), "an empty loop"))
        assert found["aims"] == {"median at least 58 frames/s": met}


class TestAim:
    @pytest.mark.parametrize("limits", [{}, {"below": 1.0, "at_least": 0.0}])
    def test_has_one_limit(self, limits: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r"one of below and at_least; got below=(None|1.0), at_least=(None|0.0)"):
            Aim(**limits)

    def test_is_for_a_statistic_that_exists(self) -> None:
        with pytest.raises(ValueError, match="statistic must be one of median, p95, ratio; got 'mean'"):
            Aim(1, "mean")

    @pytest.mark.parametrize(("aim", "words"), [
        (Aim(200, "p95"), "p95 under 200 ms"), (Aim(at_least=0), "median at least 0 ms"),
        (Aim(2, "ratio"), "ratio under 2"),
    ])  # fmt: skip
    def test_a_ratio_has_no_unit(self, aim: Aim, words: str) -> None:
        assert aim.text("ms") == words

    def test_what_lies_on_the_limit_is_not_below_it(self) -> None:
        assert [Aim(0).is_met(value) for value in (-1, 0, 1)] == [True, False, False]
        assert [Aim(at_least=0).is_met(value) for value in (-1, 0, 1)] == [False, True, True]


class TestLive:
    laps = ((20.0, 8.0), (24.0, 16.0), (22.0, 10.0))

    def test_every_click_has_a_frame(self) -> None:
        found = frame_figure(self.laps)
        assert found.samples == (20, 24, 22)
        assert found.baseline_samples == (8, 16, 10)

    @pytest.mark.parametrize("counts", [1, 4, 5, 6, 20])
    def test_frames_are_counted_in_turns_that_add_up(self, counts: int) -> None:
        assert sum(turns(counts)) == counts
        assert set(turns(counts)[:-1]) <= {COUNTS_PER_TURN}
        assert 0 < turns(counts)[-1] <= COUNTS_PER_TURN

    def test_memory_is_compared_with_what_was_there_before(self) -> None:
        found = recorded(growth_figure(Memory(400, 300), Memory(409, 304.5), 9, 12345))
        assert (found["median"], found["baseline_median"], [*found["aims"].values()]) == (9, 400, [True])
        assert "10 minutes and 12,345 steps" in found["note"]
        assert "(USS): 4.5 MB more" in found["note"]
        assert recorded(growth_figure(Memory(400, 300), Memory(390, 300), 9, 1))["median"] == -10
        played = recorded(play_growth(Memory(400, 300), Memory(430, 304.5), 9))
        assert (played["median"], played["baseline_median"], [*played["aims"].values()]) == (30, 400, [False])
        assert "after 10 minutes" in played["note"]
        assert "(USS): 4.5 MB more" in played["note"]

    @pytest.mark.browser
    def test_the_engine_is_timed_beside_bare_products(self, playwright: Playwright) -> None:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        found = laps_of(engine_page(browser), neurons=30, laps=3, milliseconds=2)
        browser.close()
        assert [len(found[name]) for name in ("steps", "products")] == [3, 3]
        assert min(*found["steps"], *found["products"]) > 0
        # Neither silent nor saturated.
        assert 0.1 < found["active"] < 0.9


class TestMemory:
    def test_reads_what_linux_writes(self) -> None:
        smaps = "5581-7fff ---p 00000000 00:00 0   [rollup]\nRss:  2000 kB\nPss:  9 kB\nPss_Dirty:  8 kB\n"
        smaps += "Shared_Clean:  300 kB\nPrivate_Clean:  400 kB\nPrivate_Dirty:  600 kB\n"
        found = parse_memory(smaps)
        assert found.rss == pytest.approx(2.048)
        assert found.uss == pytest.approx(1.024)


class TestPage:
    records = (
        recorded(click((1.0,) * 20 + (5000.0,) * 20, note="silencing 4, bringing back 5")),
        recorded(Measurement("residency_s", (2.5, 2.0, 2.25), "a loop | on 25", (20.0, 25.0, 22.5))),
        recorded(Measurement("paper_step_s", (9.0, 11.0), "not measured"), date="2026-01-02T04:00:00+00:00"),
    )

    def test_one_row_for_each_figure(self) -> None:
        head, clicks, resident, step = table(performance_page(self.records))
        assert head == list(COLUMNS)
        assert clicks[:4] == ["`click_to_drawn_ms`", "2,500 ms", "5,000 ms", "40"]
        assert clicks[6:8] == ["median under 60 ms, p95 under 100 ms", "0.25, 1.50"]
        assert clicks[8] == "**Aim missed**: median under 60 ms, p95 under 100 ms; silencing 4, bringing back 5"
        assert resident[1:6] == ["2.25 s", "", "3", "22.5 s: a loop \\| on 25", "0.10 x"]
        assert resident[6:] == ["median under 3 s", "0.25, 1.50", "Aim met"]
        assert step[1:] == ["10.0 s", "", "2", "not measured", "", "none", "0.25, 1.50", "No aim set"]

    def test_an_aim_that_is_to_be_reached_is_said_so(self) -> None:
        assert table(performance_page([recorded(pace(12000, 20000))]))[1][1:] == [
            *("12,000 steps/s", "", "1", "20,000 steps/s: bare products", "0.60 x", "ratio at least 0.7", "0.25, 1.50"),
            "**Aim missed**",
        ]

    def test_says_when_and_on_what(self) -> None:
        page = performance_page(self.records)
        assert "2026-01-02T03:04:05+00:00 to 2026-01-02T04:00:00+00:00" in page
        assert all(str(fact) in page for fact in MACHINE.values())

    def test_figures_of_another_machine_are_named_with_it(self) -> None:
        other = recorded(Measurement("kick_detection_s", (9.0,), "x"), machine={**MACHINE, "cpu": "Another"})
        page = performance_page([*self.records, other])
        first, second = page.index("Made-up"), page.index("Another")
        named = page.index("- Of `click_to_drawn_ms`, `residency_s`, `paper_step_s`:")
        assert named < first < page.index("- Of `kick_detection_s`:") < second
        assert "- Of " not in performance_page(self.records)

    def test_says_what_each_figure_means_and_how_to_repeat_it(self) -> None:
        page = performance_page(self.records)
        assert all(FIGURES[item["name"]].meaning in page for item in self.records)
        assert "make bench" in page
        assert "python -m benchmarks --write docs/pages/performance.md" in page

    def test_names_the_figures_that_are_missing(self) -> None:
        assert "Not measured in this run: web_memory_mb, cold" in performance_page(self.records)
        every = [recorded(Measurement(name, (1.0,), "x")) for name in FIGURES]
        assert "Not measured" not in performance_page(every)

    @pytest.mark.parametrize(("before", "words"), [(2.0, "was quiet"), (2.1, "upper bound")])
    def test_says_whether_the_machine_was_quiet(self, before: float, words: str) -> None:
        busy = recorded(click(), load={"before": before, "after": 9.0})
        assert words in performance_page([busy])

    def test_an_aim_that_a_few_samples_cannot_judge_is_neither_met_nor_missed(self) -> None:
        assert table(performance_page([recorded(click((1.0, 2.0)))]))[1][-1] == "Not judged: too few samples"

    def test_no_figure_no_page(self) -> None:
        with pytest.raises(ValueError, match="at least one figure"):
            performance_page([])


class TestCommand:
    @pytest.fixture(autouse=True)
    def made_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def bench(names: tuple[str, ...], repeats: int) -> command.Bench:
            def measure(n: int) -> list[Measurement]:
                return [Measurement(name, (7.0,) * n, "made up", (2.0,)) for name in names]

            return command.Bench(names, measure, repeats)

        benches = tuple(bench(item.names, item.repeats) for item in command.BENCHES)
        monkeypatch.setattr(command, "BENCHES", benches)
        monkeypatch.setattr(command, "machine", lambda: MACHINE)

    def test_prints_one_line_for_each_figure(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main([]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert sorted(line["name"] for line in lines) == sorted(FIGURES)
        assert {tuple(line) for line in lines} == {KEYS}
        assert {line["n"] for line in lines if line["name"].startswith("click_to")} == {40}

    def test_prints_only_what_is_asked_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        command.main(["--only", "kick_detection_s", "web_memory_mb", "--repeats", "3"])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(line["name"], line["n"]) for line in lines] == [("web_memory_mb", 3), ("kick_detection_s", 3)]

    def test_a_missed_aim_is_no_failure_and_is_written_down(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        assert command.main(["--only", "residency_s", "--write", str(page)]) == 0
        assert table(page.read_text(encoding="utf-8"))[1][-1] == "**Aim missed**"

    def test_an_unknown_figure_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            command.main(["--only", "beauty"])
        assert "beauty" in capsys.readouterr().err

    def test_a_page_that_cannot_be_written_is_refused_before_anything_is_measured(self, tmp_path, capsys):
        with pytest.raises(SystemExit):
            command.main(["--write", str(tmp_path / "nowhere" / "page.md")])
        captured = capsys.readouterr()
        assert "does not exist" in captured.err
        assert captured.out == ""


def test_every_figure_is_measured_by_one_bench() -> None:
    assert sorted(name for bench in command.BENCHES for name in bench.names) == sorted(FIGURES)
