"""The tutorial's cells print what the page says, and the notebook is the page."""

from __future__ import annotations

import json

import pytest

from scripts import tutorial

PAGE = tutorial.PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_cells_print_what_the_page_shows() -> None:
    assert tutorial.run_cells(PAGE) == tutorial.shown_output(PAGE), "run `make tutorial`"


def test_the_notebook_is_the_page_without_outputs() -> None:
    kept = tutorial.NOTEBOOK.read_text(encoding="utf-8")
    assert kept == tutorial.notebook(PAGE), "run `make tutorial`"
    code = [cell for cell in json.loads(kept)["cells"] if cell["cell_type"] == "code"]
    assert len(code) == len(tutorial.shown_output(PAGE)) + 1  # the first one finds the root of the clone
    assert not any(cell["outputs"] for cell in code)


def test_a_cell_without_output_and_a_changed_output_are_seen() -> None:
    page = "Text.\n\n```python\nx = 1\n```\n\n```python\nprint(x + 1)\n```\n\n```text\n3\n```\n"
    assert tutorial.run_cells(page) == ["", "2\n"]
    assert tutorial.shown_output(page) == ["", "3\n"]
