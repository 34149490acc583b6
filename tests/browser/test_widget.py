"""The widget of a notebook in a browser, with the model of Jupyter as far as it uses it."""

import json

import pytest
from playwright.sync_api import BrowserContext, expect

from hmmrnn import detect_kick_neurons, explore
from tests.browser.conftest import Watch
from tests.browser.pages import wait_until
from tests.networks import planted_switch

pytestmark = pytest.mark.browser

MODEL = """async ([esm, values]) => {
    const heard = {};
    const model = {
        values, saved: 0,
        get: (name) => values[name],
        set: (name, value) => { values[name] = value; },
        save_changes: () => { model.saved += 1; },
        on: (name, act) => { heard[name] = act; },
        off: (name) => { delete heard[name]; },
        put: (name, value) => { values[name] = value; heard[`change:${name}`](); },
    };
    const source = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
    const { default: widget } = await import(source);
    window.model = model;
    window.heard = heard;
    window.end = widget.render({ model, el: document.getElementById("cell") });
}"""


def test_what_is_done_in_the_view_and_in_python_is_done_in_both(window: BrowserContext, watch: Watch) -> None:
    network = planted_switch(hold=4, integrators=8, kick=3, echoes=1, idle=3).network
    widget = explore(network, detect_kick_neurons(network, controls=20))
    page = window.new_page()
    watch.on(page)
    page.set_content(f'<style>{widget._css}</style><div id="cell"></div>')
    values = {name: getattr(widget, name) for name in ("shared", "worker", "scenario", "selection")}
    page.evaluate(MODEL, [str(widget._esm), json.loads(json.dumps(values))])
    wait_until(page, "() => Number(document.querySelector('.live [data-step]')?.dataset.step) > 5")
    group = widget.shared["groups"][0]
    page.get_by_role("button", name=f"Silence {group['name']}").click()
    silenced = {"neurons": group["neurons"], "mu": 0, "target": "unit"}
    assert page.evaluate("() => window.model.values.scenario.interventions") == [silenced]
    assert page.evaluate("() => window.model.saved") == 1
    # The selection of the view is that of the model.
    page.get_by_label("What the pulse goes to").select_option("1")
    assert page.evaluate("() => window.model.values.selection") == widget.shared["groups"][1]["neurons"]
    page.evaluate("() => window.model.put('selection', [2])")
    expect(page.get_by_label("What the pulse goes to")).to_have_value("one")
    # And what Python sets is shown.
    page.evaluate("() => window.model.put('scenario', { sigma: 0.25, seed: 3, interventions: [] })")
    expect(page.get_by_label("Noise sigma")).to_have_value("0.25")
    expect(page.locator(".live-entry")).to_have_count(0)
    page.evaluate("() => window.end()")
    assert page.evaluate("() => Object.keys(window.heard)") == []
    page.close()
    assert watch.console == []
