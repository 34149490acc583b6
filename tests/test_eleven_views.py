"""The page of the lenses is made of numbers that were measured, and says where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hmmrnn.lenses.catalog import LENSES
from scripts import eleven_views
from scripts.eleven_views import NOTHING, page

FOUND = {
    "facts linear-2 0": {
        "hidden": 1e-18,
        "asymmetry": 0.001,
        "asymmetry_se": 0.0002,
        "asymmetry_null": 0.0015,
        "largest": 0.0004,
        "switch_rate": [0.03, 0.03, 0.03],
        "switch_rate_se": [0.001, 0.001, 0.001],
        "same": [1.0, 1.0, 1.0],
        "with_bias": [0.01, 0.02, 0.03],
        "with_bias_se": [0.001, 0.001, 0.001],
    },
    "current linear-2 0": {
        "area_rate": -2.0,
        "area_rate_se": 0.04,
        "area_rate_null": 0.02,
        "entropy_production": 1.5,
        "entropy_production_se": 0.03,
        "entropy_production_null": 0.001,
    },
    "memory linear-2 0": {
        "accuracy": {"1": 0.99, "5": 0.94},
        "accuracy_se": {"1": 0.001, "5": 0.003},
        "accuracy_null": {"1": 0.5, "5": 0.51},
        "bayes": {"1": 0.94, "5": 0.787},
    },
    "timescales linear-2 0": {
        "lyapunov": [-0.14, -0.2],
        "lyapunov_se": [0.004, 0.003],
        "lyapunov_null": [-0.12, -0.23],
    },
    "effects linear-2 0": {
        "strongest": [[124, "2->0", 0.044]],
        "strongest_se": [0.004],
        "strongest_null": [0.013],
    },
}


def test_numbers_stand_with_error_and_null() -> None:
    text = page(FOUND, ["linear-2"], 1, "2026-01-01")
    assert (
        "| linear-2 | 0.0000 | 0.001 ± 0.0002 (null 0.0015) | 0.0004 | -50.0 (null 0.5) | 1.5 ± 0.03 (null 0.001) |"
        in text
    )
    assert "| linear-2 | 0.03 ± 0.001 | 0.03 ± 0.001 | 0.03 ± 0.001 | 100.00 % | 0.01 ± 0.001 |" in text
    assert "| network | accuracy 5 | bayes 5 |" in text
    assert "| linear-2 | 0.94 ± 0.003 (null 0.51) | 0.787 |" in text
    assert "| linear-2 | -0.14 ± 0.004 (null -0.12) | -0.2 ± 0.003 (null -0.23) |" in text
    assert "124 2->0: 0.044 ± 0.004 (null 0.013)" in text
    assert all(f"## {lens.title}\n" in text for lens in LENSES)


def test_what_is_found_is_counted() -> None:
    text = page(FOUND, ["linear-2"], 1, "2026-01-01")
    assert "In 1 of 1 networks activity tells the output 5 steps back better" in text
    assert "in 94% to 94% of the steps beside 79% to 79%" in text
    assert "In 1 of 1 runs under the same noise come together" in text
    assert "the belief is decoded" not in text


def test_what_was_not_measured_is_said() -> None:
    text = page(FOUND, ["linear-2", "cyclic"], 1, "2026-01-01")
    assert f"| cyclic | {NOTHING} | {NOTHING} |" in text


def test_several_seeds_give_their_mean_and_its_error() -> None:
    more = {key.replace(" 0", f" {seed}"): value for key, value in FOUND.items() for seed in range(3)}
    rates = [-2.0, -2.1, -2.3]
    for seed, rate in enumerate(rates):
        more[f"current linear-2 {seed}"] = {**FOUND["current linear-2 0"], "area_rate": rate}
    text = page(more, ["linear-2"], 3, "2026-01-01")
    error = np.std(rates, ddof=1) / np.sqrt(3)
    assert f"| linear-2 | {np.mean(rates):.3g} ± {error:.1g} (null 0.02) |" in text


def test_numbers_that_are_kept_are_not_measured_anew(tmp_path, monkeypatch) -> None:
    keep = tmp_path / "kept.json"
    keep.write_text(json.dumps(FOUND))
    monkeypatch.setattr(eleven_views, "PAGE", eleven_views.ROOT / "docs" / "pages" / "none.md")
    written = {}
    monkeypatch.setattr(
        type(eleven_views.PAGE), "write_text", lambda path, text, **_: written.update({path.name: text})
    )

    def refuse(*_: object) -> None:
        pytest.fail("measured anew")

    monkeypatch.setattr(eleven_views, "measure", refuse)
    lenses = ["current", "memory", "timescales", "effects"]
    assert eleven_views.main(["linear-2", "--lens", *lenses, "--keep", str(keep)]) == 0
    assert "-50.0 (null 0.5)" in written["none.md"]
