"""The lenses in a report: their numbers with errors and nulls, what is known of them, and what cannot be seen."""

from __future__ import annotations

import html
import re
from types import SimpleNamespace

import numpy as np
import pytest

from hmmrnn.lenses.catalog import LENSES, lens_named
from hmmrnn.model.network import Network
from hmmrnn.report import lens_numbers
from hmmrnn.report.findings import gather_findings
from hmmrnn.report.html import write_report
from hmmrnn.report.lens_numbers import LensRow, look_through_lenses

pytest_plugins = ["tests.fixtures_findings"]


@pytest.fixture
def few(monkeypatch):
    """Two quick lenses, and one that sees nothing."""
    blind = SimpleNamespace(id="blind", title="Blind", paper="none")
    blind.look = lambda *of: (_ for _ in ()).throw(ValueError("there is nothing here"))
    monkeypatch.setattr(lens_numbers, "LENSES", (lens_named("current"), lens_named("halves"), blind))


def test_each_number_stands_with_its_error_and_null(studied, few):
    shares: list[float] = []
    rows = look_through_lenses(studied, on_progress=shares.append)
    assert shares == sorted(shares)
    seen = lens_named("current").look(studied.network, studied.seed, studied.dynamics.plane)
    first = rows[0]
    assert (first.lens, first.label) == ("Drift and diffusion", "area rate")
    assert first.value == f"{seen.area_rate:.3g} ± {seen.area_rate_se:.2g}"
    assert first.null == f"{seen.area_rate_null:.3g}"
    assert {row.label for row in rows if row.lens == lens_named("halves").title} >= {"norm symmetric", "norm skew"}
    assert rows[-1] == LensRow("Blind", "none", "nothing to see", "there is nothing here", "")


def test_what_is_known_is_not_looked_at_again(studied, few, monkeypatch):
    found = lens_named("current").look(studied.network, studied.seed, studied.dynamics.plane)
    monkeypatch.setattr(lens_numbers, "LENSES", (lens_named("current"), lens_named("sparse")))
    looked = []
    rows = look_through_lenses(
        studied, lambda lens: looked.append(lens.id) or (found if lens.id == "current" else None)
    )
    # Students are trained for no report.
    assert looked == ["current", "sparse"]
    assert {row.lens for row in rows} == {"Drift and diffusion"}


def test_the_report_has_them_as_a_table(studied, few):
    rows = look_through_lenses(studied)
    written = html.unescape(write_report(studied, "planted", rows))
    (table,) = re.findall(r'<section id="lenses">.*?</section>', written, re.DOTALL)
    assert table.count("<tr>") == 1 + len(rows)
    # A lens is named once, beside its first number.
    assert table.count("Drift-Diffusion Matching") == 1
    assert all(row.value in table for row in rows)
    assert '<section id="lenses">' not in write_report(studied, "planted")


def test_a_network_that_grows_has_no_lenses():
    assert look_through_lenses(gather_findings(Network(1.5 * np.eye(3), np.eye(3), np.eye(2, 3)), seed=0)) == ()
    assert lens_numbers.TRAINS in [lens.id for lens in LENSES]
