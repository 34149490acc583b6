"""The list of networks: page by page, searched, and changed by who may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hmmrnn import save
from hmmrnn.dashboard import networks
from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.components import picker
from hmmrnn.dashboard.components.picker import describe_network, model_choices
from hmmrnn.dashboard.networks import ROWS, answer_networks, change_network
from hmmrnn.model.metadata import BROUGHT_BY, mark_of
from hmmrnn.server.services import services
from hmmrnn.server.uploads import OPENED_SHA256
from hmmrnn.storage.model_registry import MORE
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]


def bring(name: str, **metadata: str) -> None:
    """Put a network where those that were opened lie."""
    save(replace(random_network(), metadata=metadata), services().data.networks / f"{name}.safetensors")


def names(text: str = "", page: int = 0) -> list[str]:
    return [row["name"] for row in answer_networks({"text": text, "page": page})["rows"]]


def test_pages_hold_all_of_them_once(empty_world):
    for i in range(ROWS + 3):
        bring(f"net-{i:03}")
    found = answer_networks({"text": "", "page": 0})
    assert (found["count"], found["pages"], len(found["rows"])) == (ROWS + 3, 2, ROWS)
    assert names() + names(page=1) == [f"net-{i:03}" for i in range(ROWS + 3)]
    assert names(page=7) == []


def test_they_are_found_by_name_and_size(empty_world):
    bring("one", family="cyclic")
    bring("two")
    assert names("CYCL") == ["one"]
    assert names("n = 16") == ["one", "two"]
    assert names("three") == []


def test_a_page_is_sent_the_first_ones_and_the_one_that_is_open(empty_world, monkeypatch):
    monkeypatch.setattr(picker, "MOST", 2)
    for name in ("a", "b", "c", "d"):
        bring(name)
    assert [choice["value"] for choice in model_choices("d")] == ["a", "b", "d"]
    assert [choice["value"] for choice in describe_network("c")["choices"]] == ["a", "b", "c"]


def test_further_networks_are_listed_and_opened_but_not_offered(empty_world):
    bring("own")
    more = empty_world.models / MORE
    more.mkdir(parents=True)
    save(replace(random_network(), metadata={"family": "cyclic"}), more / "cyclic-seed-1.safetensors")
    assert [choice["value"] for choice in model_choices()] == ["own"]
    assert names() == ["own", "cyclic-seed-1"]
    assert describe_network("own")["choices"] is None
    # Once it is open, the picker has it.
    assert [choice["value"] for choice in describe_network("cyclic-seed-1")["choices"]] == ["own", "cyclic-seed-1"]
    assert [row["changeable"] for row in answer_networks({"text": "", "page": 0})["rows"]] == [True, False]


class TestChanges:
    def test_without_users_everybody_may(self, empty_world):
        bring("one", **{BROUGHT_BY: mark_of("another")})
        client = create_app().server.test_client()
        renamed = client.post("/networks/change", json={"command": "rename", "model": "one", "name": "two"})
        assert [choice["value"] for choice in renamed.json["choices"]] == ["two"]
        assert client.post("/networks/change", json={"command": "remove", "model": "two"}).json == {"choices": []}
        assert (
            client.post("/networks/change", json={"command": "remove", "model": "two"})
            .json["refused"]
            .startswith("There is no network 'two'")
        )

    def test_the_panel_lists_renames_and_removes(self, empty_world):
        save(random_network(), empty_world.models / "shipped.safetensors")
        bring("one")
        bring("two")
        client = create_app().server.test_client()

        def listed(text: str = "") -> dict[str, bool]:
            found = client.post("/networks", json={"text": text, "page": 0}).json
            assert found["count"] == len(found["rows"])
            return {row["name"]: row["changeable"] for row in found["rows"]}

        def changed(**asked: str) -> str:
            return client.post("/networks/change", json=asked).json.get("refused", "")

        assert listed() == {"one": True, "shipped": False, "two": True}
        assert changed(command="rename", model="one", name="first") == ""
        assert listed() == {"first": True, "shipped": False, "two": True}
        assert changed(command="rename", model="two", name="first").startswith("There is a network first already")
        assert changed(command="rename", model="two", name="../two").startswith("A network is called by at most 100")
        assert "stays there" in changed(command="rename", model="shipped", name="mine")
        assert "stays there" in changed(command="remove", model="shipped")
        assert changed(command="remove", model="two") == ""
        assert listed() == {"first": True, "shipped": False}
        assert listed("firs") == {"first": True}
        assert client.post("/network", json={"model": "one"}).json["refused"].startswith("There is no network 'one'")

    def test_with_users_each_may_change_what_they_have_brought(self, empty_world, monkeypatch, tmp_path):
        monkeypatch.setattr(
            services(), "settings", services().settings.model_copy(update={"users": tmp_path / "users"})
        )
        monkeypatch.setattr(networks, "identify_owner", lambda: "user ann")
        bring("hers", **{BROUGHT_BY: mark_of("user ann")})
        bring("his", **{BROUGHT_BY: mark_of("user bob")})
        bring("old")
        rows = {row["name"]: row["changeable"] for row in answer_networks({"text": "", "page": 0})["rows"]}
        assert rows == {"hers": True, "his": False, "old": True}
        with pytest.raises(ValueError, match="his was brought by another user, who alone can rename or remove it"):
            change_network({"command": "remove", "model": "his"})
        change_network({"command": "remove", "model": "hers"})
        assert names() == ["his", "old"]


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"fidelity_passes": "true"}, "matches its HMM"),
        ({"fidelity_passes": "true", OPENED_SHA256: "0" * 64}, "matches its HMM, says its file"),
        ({"fidelity_passes": "false", OPENED_SHA256: "0" * 64}, "does not match its HMM, says its file"),
        ({OPENED_SHA256: "0" * 64}, "fidelity not measured"),
    ],
)
def test_what_an_uploaded_file_says_of_its_fidelity_is_its_own_claim(empty_world, metadata, words):
    bring("net", **metadata)
    assert describe_network("net")["fidelity"] == words
