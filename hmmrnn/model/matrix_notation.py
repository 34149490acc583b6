r"""Matrices in the notations of LaTeX, R, Julia, YAML, HTML and printed tables, as plain rows of numbers.

    0.9 & 0.1 \\ 0.2 & 0.8            \begin{pmatrix} .. \end{pmatrix}, tabular with rules and labels, \frac{1}{5}
    matrix(c(0.9, 0.2, 0.1, 0.8), 2)  rbind(..), cbind(..), structure(.., dim = ..), [1] before a vector
    - - 0.9                           lists of YAML;  <td>0.9</td>;  | 0.9 | 0.1 | with rules of any kind

Nothing of the text is run.
"""

from __future__ import annotations

import re

# What stands for other signs, in this order.
_SIGNS = (
    (r"\A\s*[A-Za-z_]\w*\s*(?:=|<-)(?!=)", ""),
    (r"[\u2212\u2010-\u2013]", "-"),
    # Remarks of R, Stan and YAML, and kinds of columns below a header.
    (r"(?m)(?:^|(?<=[ \t]))#[^\n]*", ""),
    (r"(?m)^[^\n\w]*(?:\b(?:dbl|f64|f32|num)\b[^\n\w]+)+$", ""),
    # What Julia, polars and psql write above and below a matrix; the dot of Julia where a sparse matrix has nothing.
    (r"(?m)^[ \t]*\d+×\d+ .*:$|^[ \t]*\d+-element .*:$|^shape: \(.*\)$|^\(\d+ rows?\)$", ""),
    (r"(?<=\s)⋅(?=\s|$)", "0"),
)
_LATEX = (
    (r"\\begin\{tabular\w?\}(\{[^{}]*\})*|\\begin\{array\}(\{[^{}]*\})?|\\begin\{[^{}]*\}", " "),
    (r"\\end\{[^{}]*\}[ \t]*[,.;]?", " "),
    (r"\\(hline|toprule|midrule|bottomrule|q?quad|displaystyle|left|right)\b[()\[\].]?|\\c(mid|)line\{[^{}]*\}", " "),
    (r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2"),
    (r"\\%", "%"),
    (r"\\\\(\[[^\]]*\])?", "\n"),
    (r"\$|\\[,;!]", ""),
    (r"(?<![ \t])[ \t]*&", "\t"),
)
_HTML = ((r"(?i)</t[dh]>", "\t"), (r"(?i)</tr>", "\n"), (r"<[^<>]*>", ""))
_BRACKETS = (
    (r"\{", "["),
    (r"\}", "]"),
    # How NumPy writes a number in a list of Python; exponents of Mathematica and Fortran, and floats of C.
    (r"(?:np\.|numpy\.)?float\d+\(([^()]*)\)", r"\1"),
    (r"(?<=[\d.])(?:\*\^|[dD](?=[-+]?\d))(?=[-+]?\d)", "e"),
    (r"(?<=\d)f(?=\s*[,\]])", ""),
    # Errors of estimates.
    (r"(?<=\d)[ \t]*(?:±|\+/-)[ \t]*[\d.]+", ""),
    (r"(?<=\d)[ \t]+\([\d.]+\)", ""),
    # Rules of tables, and the lines between their cells.
    (r"(?m)^[ \t]*[|┌├╞└╔╠╚+][ \t:|+=─═┬┼╪┴┐┤╡┘-]*$\n?|^[ \t]*[-=][-= +]*$\n?", ""),
    (r"(?m)^[ \t]*[|│](?: *-{3} *[|┆│])+$\n?", ""),
    (r"(?m)^[ \t]*[|│]|[|│][ \t]*$", ""),
    (r"[|│┆]", ","),
    # Labels of rows and columns in R.
    (r"\[,\d+\]", " column "),
    (r"\[\d+,\]", " row "),
    (r"(?<![ \t])[ \t]+%", "%"),
    (r"(?<=[\d.])[ \t]*//?[ \t]*(?=[\d.])", "/"),
)
_LIST_ITEM = re.compile(r"[ \t]*((?:-[ \t]*)+)([-+.\d][^\s]*)?[ \t]*")
_R_CALL = re.compile(r"\b(matrix|structure|rbind|cbind|array)\s*\(")
_R_VECTOR = re.compile(r"\bc\(([^()]*)\)")
_R_INDEX = re.compile(r"(?m)^[ \t]*\[\d+\][ \t]+(?=[-.\d])")


def plain_notation(text: str) -> str:
    """The text with brackets, commas and lines in place of what other programs write around numbers."""
    text = _replaced(tidy(text), _SIGNS)
    if "\\" in text or "&" in text:
        text = tidy(_replaced(text, _LATEX))
    if re.search(r"(?i)</t[dhr]>", text):
        text = tidy(_replaced(text, _HTML))
    text = _of_r(text)
    text = _of_yaml(text)
    text = _replaced(text, _BRACKETS)
    if "[" not in text and re.search(r"\(\s*\(?\s*[-+.\d]", text):
        text = re.sub(r"\w*\(", "[", text).replace(")", "]")
    return _without_lone_words(text)


def tidy(text: str) -> str:
    """The text without blanks at the ends of lines, and without long runs of blanks and of empty lines.

    A pattern would try each of these runs from each of their signs.
    """
    text = re.sub(r"[^\S\n\t]", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [re.sub(r"[ \t]{20,}", "  ", line.rstrip(" \t")) for line in text.split("\n")]
    return "\n".join(line for i, line in enumerate(lines) if line or (i and lines[i - 1]))


def _replaced(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for pattern, plain in pairs:
        text = re.sub(pattern, plain, text)
    return text


def _of_r(text: str) -> str:
    """A call of R that makes a matrix, as rows in brackets; a printed vector as one line."""
    if _R_INDEX.search(text):
        return _R_INDEX.sub("", text).strip().replace("\n", " ")
    call = _R_CALL.search(text)
    vectors = [found.group(1) for found in _R_VECTOR.finditer(text)]
    if call is None or not vectors:
        return text
    kind = call.group(1)
    if kind in ("rbind", "cbind"):
        rows = [[cell.strip() for cell in vector.split(",")] for vector in vectors]
        return _listed(
            rows if kind == "rbind" or len({*map(len, rows)}) > 1 else [list(row) for row in zip(*rows, strict=True)]
        )
    cells = [cell.strip() for cell in vectors[0].split(",")]
    rest = _R_VECTOR.sub("", text, count=1) if kind != "structure" else text
    by_row = re.search(r"byrow\s*=\s*T", rest) is not None
    return _folded(cells, _rows_in_r(rest, kind, vectors, len(cells)), by_row)


def _rows_in_r(rest: str, kind: str, vectors: list[str], size: int) -> int:
    """The number of rows that a call says."""
    if kind in ("structure", "array") and len(vectors) > 1:
        return int(re.sub(r"\D", "", vectors[1].split(",")[0]) or 0)
    if found := re.search(r"nrow\s*=\s*(\d+)", rest):
        return int(found.group(1))
    if found := re.search(r"ncol\s*=\s*(\d+)", rest):
        return size // max(1, int(found.group(1)))
    found = re.search(r"matrix\s*\(\s*,\s*(\d+)", rest)
    return int(found.group(1)) if found else 1


def _folded(cells: list[str], rows: int, by_row: bool) -> str:
    """Numbers in the rows of a matrix that R fills by columns, or by rows."""
    if rows < 1 or len(cells) % rows:
        return _listed([cells])
    width = len(cells) // rows
    if by_row:
        return _listed([cells[i * width : (i + 1) * width] for i in range(rows)])
    return _listed([cells[i::rows] for i in range(rows)])


def _listed(rows: list[list[str]]) -> str:
    return "[" + ", ".join(f"[{', '.join(row)}]" for row in rows) + "]"


def _of_yaml(text: str) -> str:
    """A list of lists with a number on each line, as rows in brackets."""
    lines = [line for line in text.split("\n") if line.strip()]
    items = [_LIST_ITEM.fullmatch(line) for line in lines]
    if (
        not lines
        or not all(items)
        or not any(item and item.group(1).strip() and " " in line for item, line in zip(items, lines, strict=True))
    ):
        return text
    rows: list[list[str]] = []
    for item in items:
        dashes, number = item.groups() if item else ("", None)
        if dashes.count("-") > 1 or number is None or not rows:
            rows.append([])
        if number is not None:
            rows[-1].append(number)
    return _listed([row for row in rows if row])


def _without_lone_words(text: str) -> str:
    """The text without lines of one word, as R writes the name of the columns above them, if numbers are left."""
    lines = text.split("\n")
    kept = [line for line in lines if not re.fullmatch(r"\s*[A-Za-z_]\w*\s*", line)]
    return "\n".join(kept) if any(re.search(r"\d", line) for line in kept) and "[" not in text else text
