"""Draw the figures of the tutorial from one shipped network, in light and in dark (`make tutorial`).

The numbers are those of the report (`hmmrnn analyse`), drawn by the project's own figure functions and saved as WebP by
a headless Chromium: docs/pages/images/tutorial/NAME-light.webp and NAME-dark.webp.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from playwright.sync_api import Page, sync_playwright
from plotly.offline import get_plotlyjs

from hmmrnn.analysis.state_survey import regions_along_orbit
from hmmrnn.figures.activity import draw_activity
from hmmrnn.figures.connectivity import draw_connectivity
from hmmrnn.figures.emergence import draw_emergence
from hmmrnn.figures.fidelity import Verdict, draw_fidelity
from hmmrnn.figures.gain_sweep import draw_gain_sweeps
from hmmrnn.figures.kick_neurons import draw_kick_neurons
from hmmrnn.figures.orbit import draw_orbit
from hmmrnn.figures.region_map import draw_region_map
from hmmrnn.figures.state_space import Colouring, draw_state_space, plane_range
from hmmrnn.figures.theme import THEMES, Theme
from hmmrnn.model.checkpoint import load
from hmmrnn.model.metadata import snapshot_files
from hmmrnn.report.findings import Findings, gather_findings
from tests.browser.conftest import CHROMIUM_FLAGS, chromium_path

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "pages" / "images" / "tutorial"
NETWORK, SEED = "linear-2", 0
WIDTH, HEIGHT, PIXELS_PER_POINT = 860, 420, 1.6
SAVE = """async ({data, layout, size}) => {
    const holder = document.body.appendChild(document.createElement("div"));
    const image = await Plotly.toImage({data, layout}, size);
    holder.remove();
    return image;
}"""


def main() -> int:
    """Compute the findings once, draw each figure in both themes and save it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    network = load(ROOT / "models" / f"{NETWORK}.safetensors")
    series = [load(path) for path in snapshot_files(ROOT / "models", network.metadata)]
    found = gather_findings(network, SEED, series)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.add_script_tag(content=get_plotlyjs())
        for theme in THEMES.values():
            for name, figure in tutorial_figures(found, theme):
                path = IMAGES / f"{name}-{theme.name}.webp"
                path.write_bytes(_saved(page, figure))
                logger.info("%s: %.0f kB", path.relative_to(ROOT), path.stat().st_size / 1000)
        browser.close()
    return 0


def tutorial_figures(found: Findings, theme: Theme) -> Iterator[tuple[str, go.Figure]]:
    """Name and figure of each step of the argument, in its order."""
    assert found.judged
    assert found.dynamics
    there, mechanism = found.dynamics, found.dynamics.mechanism
    by_output = Colouring("output")
    stretch = [plane_range([there.summary], axis) for axis in (0, 1)]
    rest = there.plane.project(there.ends.points)
    strip = regions_along_orbit(there.survey, there.plane, len(there.summary.profile.counts))
    neurons, outputs = zip(*((i, group.output) for group in mechanism.kick.groups for i in group.neurons), strict=True)
    traces = there.run.pre_activation[0][:, list(neurons)]
    yield "emulation", draw_fidelity(Verdict(found.judged.fidelity, found.judged.matching), None, theme)
    yield "dynamics", draw_state_space(there.summary, None, by_output, theme, rest, there.without_noise)
    yield "orbit", draw_orbit(there.summary.profile, None, found.judged.hmm, theme, strip)
    yield "regions", draw_region_map(there.survey, "region", theme, *stretch)
    yield "kick-neurons", draw_kick_neurons(mechanism.kick, mechanism.agreement, theme)
    yield "activity", draw_activity(traces, there.run.output[0], neurons, outputs, theme)
    yield "silenced", draw_state_space(mechanism.silenced[-1][1], there.summary, by_output, theme)
    yield "gain-sweep", draw_gain_sweeps({swept.name: sweep for swept, sweep in mechanism.gains.items()}, theme)
    yield "connectivity", draw_connectivity(found.network, mechanism.populations, theme)
    if found.emergence:
        yield "emergence", draw_emergence(found.emergence, theme)


def _saved(page: Page, figure: go.Figure) -> bytes:
    plain: dict[str, Any] = json.loads(figure.to_json())
    size = {"format": "webp", "width": WIDTH, "height": figure.layout.height or HEIGHT, "scale": PIXELS_PER_POINT}
    for trace in plain["data"]:
        # Pictures need no graphics card, and a headless browser has none.
        trace["type"] = {"scattergl": "scatter"}.get(trace["type"], trace["type"])
    image: str = page.evaluate(SAVE, {"data": plain["data"], "layout": plain["layout"], "size": size})
    return base64.b64decode(image.partition(",")[2])


if __name__ == "__main__":
    sys.exit(main())
