"""The page of the lenses is made of numbers that were measured, and says where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hmmrnn.lenses.catalog import LENSES
from hmmrnn.model.checkpoint import load
from scripts import eleven_views
from scripts.eleven_views import NOTHING, page

FOUND = {
    "facts linear-2": {
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
    "current linear-2": {
        "area_rate": -2.0,
        "area_rate_se": 0.04,
        "area_rate_null": 0.02,
        "entropy_production": 1.5,
        "entropy_production_se": 0.03,
        "entropy_production_null": 0.001,
    },
    "memory linear-2": {
        "accuracy": {"1": 0.99, "5": 0.94},
        "accuracy_se": {"1": 0.001, "5": 0.003},
        "accuracy_null": {"1": 0.5, "5": 0.51},
        "bayes": {"1": 0.94, "5": 0.787},
    },
    "timescales linear-2": {
        "lyapunov": [-0.14, -0.2],
        "lyapunov_se": [0.004, 0.003],
        "lyapunov_null": [-0.12, -0.23],
    },
    "effects linear-2": {
        "strongest": [[124, "2->0", 0.044]],
        "strongest_se": [0.004],
        "strongest_null": [0.013],
    },
}


def test_numbers_stand_with_error_and_null() -> None:
    text = page(FOUND, {"linear-2": ["linear-2"]}, "2026-01-01")
    assert (
        "| linear-2 | 0.0000 | 0.001 ± 0.0002 (null 0.0015) | 0.0004 | 50 (null 0.5) | 1.5 ± 0.03 (null 0.001) |"
        in text
    )
    assert "| linear-2 | 0.03 ± 0.001 | 0.03 ± 0.001 | 0.03 ± 0.001 | 100.00 % | 0.01 ± 0.001 |" in text
    assert "| networks | accuracy 5 | bayes 5 |" in text
    assert "| linear-2 | 0.94 ± 0.003 (null 0.51) | 0.787 |" in text
    assert "| linear-2 | -0.14 ± 0.004 (null -0.12) | -0.2 ± 0.003 (null -0.23) |" in text
    assert "124 2->0: 0.044 ± 0.004 (null 0.013)" in text
    assert all(f"## {lens.title}\n" in text for lens in LENSES)


def test_what_is_found_is_counted() -> None:
    text = page(FOUND, {"linear-2": ["linear-2"]}, "2026-01-01")
    assert "In 1 of 1 networks activity tells the output 5 steps back better" in text
    assert "in 94% to 94% of the steps beside 79% to 79%" in text
    assert "In 1 of 1 runs under the same noise come together" in text
    assert "the belief is decoded" not in text


def test_what_was_not_measured_is_said() -> None:
    text = page(FOUND, {"linear-2": ["linear-2"], "cyclic": ["cyclic"]}, "2026-01-01")
    assert f"| cyclic | {NOTHING} | {NOTHING} |" in text


def test_several_networks_give_their_mean_and_its_spread() -> None:
    rates = {"linear-2": -2.0, "linear-2-seed-1": -2.1, "linear-2-seed-2": -2.3}
    more = {key.replace("linear-2", name): value for key, value in FOUND.items() for name in rates}
    for name, rate in rates.items():
        more[f"current {name}"] = {**FOUND["current linear-2"], "area_rate": rate}
    text = page(more, {"linear-2": list(rates)}, "2026-01-01")
    values = list(rates.values())
    spread, z_spread = np.std(values, ddof=1), np.std(np.array(values) / 0.04, ddof=1)
    assert f"| linear-2 | {-np.mean(values):.3g} ± {spread:.1g} (null 0.02) |" in text
    assert f"| {-np.mean(values) / 0.04:.3g} ± {z_spread:.1g} (null 0.5) |" in text
    assert "is above its null in 3 of 3 networks,\nand the asymmetry of the emissions in 0 of 3" in text
    assert "In 3 of 3 networks activity tells" in text
    assert "124 2->0: 0.044 ± 0.004 (null 0.013)" in text


def test_a_network_without_a_number_is_left_out_of_the_mean() -> None:
    found = {"memory linear-2": FOUND["memory linear-2"], "memory linear-2-seed-1": {"refused": "no switches"}}
    text = page(found, {"linear-2": ["linear-2", "linear-2-seed-1"]}, "2026-01-01")
    assert "| linear-2 | 0.94 ± 0.003 (null 0.51) | 0.787 |" in text


def test_the_networks_of_a_family_differ_in_their_seed_alone() -> None:
    names = eleven_views.members("linear-2")
    assert names[0] == "linear-2"
    assert len(names) > 2
    made = [load(eleven_views.file_of(name)).metadata for name in names]
    assert {(one["family"], one["recipe"]) for one in made} == {("linear-2", "fast")}
    assert len({one["seed"] for one in made}) == len(names)


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
    monkeypatch.setattr(eleven_views, "members", lambda family: (family,))
    lenses = ["current", "memory", "timescales", "effects"]
    assert eleven_views.main(["linear-2", "--lens", *lenses, "--keep", str(keep)]) == 0
    assert "50 (null 0.5)" in written["none.md"]
