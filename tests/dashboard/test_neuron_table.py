"""The neuron table: a row for each neuron with its role, scores and weights."""

import json

import numpy as np
import pytest

from hmmrnn.analysis.populations import KICK
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.pages.kick_neurons import neuron_table
from hmmrnn.explorer import queries
from tests.dashboard.page import plain, show

pytest_plugins = ["tests.fixtures_dashboard"]


def test_a_row_for_each_neuron_with_its_own_values(dashboard, intact, kick):
    shown = show(neuron_table.VIEW, intact)
    rows, columns = (shown[f"{ids.NEURON_TABLE} {name}"] for name in ("rowData", "columnDefs"))
    network, found, roles = (
        dashboard.switch.network,
        queries.kick_neurons_of(plain()),
        queries.populations_of(plain()),
    )
    assert [row["neuron"] for row in rows] == roles.order.tolist()
    for row in rows:
        i = row["neuron"]
        assert row["silenced"] is False
        assert row["recurrent"] == pytest.approx(np.sqrt((network.W_hh[i] ** 2).sum()), abs=1e-4)
        assert row["input"] == pytest.approx(np.sqrt((network.W_ih[i] ** 2).sum()), abs=1e-4)
        assert row["out2"] == pytest.approx(network.W_out[2, i], abs=1e-4)
        group = next(group for group in found.groups if (group.output, group.to) == (1, 2))
        assert row["score1-2"] == pytest.approx(group.scores[i], abs=1e-4)
        alone = group.single_ratios[i]
        assert row["alone1-2"] == (pytest.approx(alone, abs=1e-4) if np.isfinite(alone) else None)
        assert row["transition0"] == pytest.approx(found.transition[0, i], abs=1e-4)
        assert row["role"].startswith("kick" if roles.role[i] == KICK else str(roles.role[i]))
    fields = {column["field"] for column in columns if not column.get("hide")}
    assert all(fields <= set(row) for row in rows)
    assert len({column["headerName"] for column in columns}) == len(columns)


def test_without_known_roles_the_table_can_be_used(dashboard):
    shown = show(neuron_table.VIEW, plain(model="growing", steps=60).scenario)
    rows, columns = (shown[f"{ids.NEURON_TABLE} {name}"] for name in ("rowData", "columnDefs"))
    assert [row["neuron"] for row in rows] == list(range(4))
    assert {row["role"] for row in rows} == {""}
    assert not [column for column in columns if column["field"].startswith("score")]


def test_the_table_can_be_sent(intact, kick):
    shown = show(neuron_table.VIEW, intact)
    assert json.loads(json.dumps(shown)) == shown
