"""The services of an application, built once from its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from hmmrnn.dashboard.app import create_app
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.server.services import EXTENSION, Services, resolve, services
from hmmrnn.server.settings import Settings
from tests.networks import random_network


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "models").mkdir()
    save(random_network(12, 4, 3), tmp_path / "models" / "net.safetensors")
    return Settings(models=tmp_path / "models", data=tmp_path / "data", cache=tmp_path / "cache")


def test_they_keep_all_files_in_the_folders_of_the_settings(settings: Settings, tmp_path: Path) -> None:
    built = Services(settings)
    assert built.data.path == tmp_path / "data"
    assert built.answers.folder == tmp_path / "cache" / "hmmrnn"
    assert [item.name for item in built.models.entries()] == ["net"]
    assert built.trainings.listing() == ()
    assert built.redis is None


def test_an_application_is_built_from_its_settings_alone(settings: Settings, monkeypatch) -> None:
    for name in settings.to_environment():
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HMMRNN_CACHE_MB", "not read")
    app = create_app(settings)
    assert app.server.test_client().get("/healthz").get_json()["networks"] == 1
    with app.server.app_context():
        assert services() is app.server.extensions[EXTENSION]
        assert resolve(Scenario("net")).network.n_neurons == 12
        with pytest.raises(ValueError, match="there is no network 'gone' here; it may have been renamed or removed"):
            resolve(Scenario("gone"))


def test_without_settings_it_is_built_from_the_environment(settings: Settings, monkeypatch) -> None:
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    assert create_app().server.extensions[EXTENSION].settings == settings


def test_two_applications_share_nothing(settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(update={"models": tmp_path, "data": tmp_path / "other", "cache": tmp_path / "other"})
    one, two = (create_app(each).server.test_client() for each in (settings, other))
    assert [client.get("/healthz").get_json()["networks"] for client in (one, two)] == [1, 0]
