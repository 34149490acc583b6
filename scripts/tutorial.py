"""Run the cells of the tutorial, write their output into the page, and make a notebook of it (`make tutorial`).

Cells are the blocks of Python in docs/pages/tutorial.md. A block of text right below one holds what it prints.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pages" / "tutorial.md"
NOTEBOOK = PAGE.with_suffix(".ipynb")
CELL = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n^```text\n(?P<output>.*?)^```\n)?", re.DOTALL | re.MULTILINE)
# The page shows one of two pictures, the notebook the light one.
DARK_PICTURE = re.compile(r"^!\[[^\]]*\]\([^)]*#only-dark\)\n", re.MULTILINE)
FIND_ROOT = """import os
from pathlib import Path

# Paths are those of the clone.
os.chdir(next(folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "models").is_dir()))
"""


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    printed = iter(run_cells(page))
    page = CELL.sub(lambda cell: _cell(cell["code"], next(printed)), page)
    PAGE.write_text(page, encoding="utf-8")
    NOTEBOOK.write_text(notebook(page), encoding="utf-8")
    return 0


def run_cells(page: str) -> list[str]:
    """Run the cells of a page in one namespace, from the root of the repository; what each one prints."""
    namespace: dict[str, Any] = {}
    printed = []
    with contextlib.chdir(ROOT):
        for number, cell in enumerate(CELL.finditer(page), start=1):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(cell["code"], f"<cell {number} of the tutorial>", "exec"), namespace)
            printed.append(out.getvalue())
    return printed


def shown_output(page: str) -> list[str]:
    """What the page says that each of its cells prints."""
    return [cell["output"] or "" for cell in CELL.finditer(page)]


def notebook(page: str) -> str:
    """The page as a notebook in JSON: its cells without outputs, and the text between them."""
    cells, end = [_notebook_cell("code", FIND_ROOT)], 0
    for cell in CELL.finditer(page):
        cells += [_notebook_cell("markdown", page[end : cell.start()]), _notebook_cell("code", cell["code"])]
        end = cell.end()
    cells.append(_notebook_cell("markdown", page[end:]))
    for number, made in enumerate(cells):
        made["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(code: str, output: str) -> str:
    return f"```python\n{code}```\n" + (f"\n```text\n{output}```\n" if output else "")


def _notebook_cell(kind: str, source: str) -> dict[str, Any]:
    lines = DARK_PICTURE.sub("", source).replace("#only-light", "").strip().splitlines(keepends=True)
    own: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": lines, **own}


if __name__ == "__main__":
    sys.exit(main())
