"""Report: the whole argument about the network as it is now, as one file."""

from __future__ import annotations

from typing import Any

from dash import html

from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import EXPERIMENTS, REPORT, identify
from hmmrnn.explorer.explored import Explored


def content(explored: Explored, _report: str) -> Any:
    """Links to a report that is written."""
    address = f"/report?{identify(REPORT, explored)[0].to_query()}"
    name = f"hmmrnn-{explored.name}.html"
    return [
        html.A("Open the report", href=address, target="_blank", className="report-link"),
        html.A("Save it as a file", href=address, download=name, className="report-link"),
        html.P("One page, with every figure; it opens without this server and without a network."),
    ]


def _inside() -> Any:
    return html.Div(id=REPORT, className="report-links")


VIEW = View(
    id=REPORT,
    title="Report",
    help="The whole argument about the network as it is now, on one page: fidelity, fixed point, orbit, regions, noise "
    "sensitivity, kick neurons, connectivity, interventions, emergence, readout. Each of the paper's claims is "
    "judged by numbers, with its thresholds and seeds. The page is one file that opens without a server.",
    kind=TASK,
    compute=EXPERIMENTS[REPORT].compute,
    content=content,
    inside=_inside,
)
