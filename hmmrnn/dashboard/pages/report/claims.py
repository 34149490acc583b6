"""Claims: each claim of the paper with its verdict on this network."""

from typing import Any

from dash import html

from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import CLAIMS, EXPERIMENTS, Claims
from hmmrnn.explorer.explored import Explored
from hmmrnn.report.claims import Claim
from hmmrnn.report.reference import name_quantity, write_mean


def content(_explored: Explored, judged: Claims) -> Any:
    """One row a claim, which opens to its sentences: the published number, the network's, the verdict, our test."""
    titles = ("Claim of the paper", "Published", "Here", "Verdict", "Our test")
    head = html.Thead(html.Tr([html.Th(title, scope="col") for title in titles]))
    return html.Table([head, html.Tbody([_row(claim) for claim in judged.claims])], className="claims")


def _row(claim: Claim) -> Any:
    summary = html.Summary([f"{claim.text}: ", html.Small(name_quantity(claim.key))])
    said = [html.P(claim.sentence), html.P(f"Our test: {claim.evidence}")]
    return html.Tr(
        [
            html.Th(html.Details([summary, *said]), scope="row"),
            html.Td(write_mean((claim.published, claim.spread))),
            html.Td(write_mean((claim.here, claim.here_error))),
            *(html.Td(word, className="verdict", **{"data-verdict": word}) for word in (claim.verdict, claim.test)),
        ]
    )


def _inside() -> Any:
    return html.Div(id=CLAIMS)


VIEW = View(
    id=CLAIMS,
    title="Claims",
    help="The claims of the paper on the network as it is now, with its constant input if it has one, under noise of "
    "sigma 1. The verdict compares a number with the published one, by the paper's own procedure; our test asks the "
    "same with held-out noise, nulls and thresholds. The report has the figures.",
    kind=TASK,
    compute=EXPERIMENTS[CLAIMS].compute,
    content=content,
    inside=_inside,
    tall=True,
)
