"""Settings: read from the environment once, checked, and passed on to processes that are started."""

from pathlib import Path

import pytest

from hmmrnn.server.settings import Settings
from hmmrnn.shipped import MODELS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_variables_it_serves_the_shipped_networks_to_this_machine(home: Path) -> None:
    found = Settings.from_environment({})
    assert (found.host, found.port, found.models) == ("127.0.0.1", 8050, MODELS)
    assert (found.redis_url, found.users, found.log, found.trainings) == (None, None, "text", 1)
    # On Linux, where users of earlier versions have their networks.
    assert found.data == home / ".local" / "share" / "hmmrnn"
    assert found.cache == home / ".cache"


def test_the_folders_of_the_desktop_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    found = Settings.from_environment({})
    assert (found.data, found.cache) == (home / "data" / "hmmrnn", home / "cache")


def test_an_empty_variable_counts_as_not_set() -> None:
    variables = [f"HMMRNN_{field.upper()}" for field in Settings.model_fields]
    assert Settings.from_environment(dict.fromkeys(variables, "")) == Settings.from_environment({})


def test_folders_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = Settings.from_environment({"HMMRNN_MODELS": "models", "HMMRNN_DATA": "data", "HMMRNN_CACHE": "cache"})
    assert (found.models, found.data, found.cache) == (tmp_path / "models", tmp_path / "data", tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HMMRNN_PORT", "http", "HMMRNN_PORT must be a whole number from 1 to 65535; got 'http'"),
        ("HMMRNN_PORT", "65536", "HMMRNN_PORT must be a whole number from 1 to 65535; got '65536'"),
        *(
            ("HMMRNN_CACHE_MB", text, f"HMMRNN_CACHE_MB must be a whole number of megabytes from 1; got '{text}'")
            for text in ("0", "-5", "1e3", "1_000", " 8", "8.0", "lots", "١٢")
        ),
        ("HMMRNN_TRAININGS", "0", "HMMRNN_TRAININGS must be a whole number from 1; got '0'"),
        ("HMMRNN_LOG", "yaml", "HMMRNN_LOG must be text or json; got 'yaml'"),
        ("HMMRNN_REDIS_URL", "http://host", "HMMRNN_REDIS_URL must be like redis://host:6379/0; got another form"),
        (
            "HMMRNN_REDIS_URL",
            "redis://:secret@host:x",
            "HMMRNN_REDIS_URL must be like redis://host:6379/0; got another",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_a_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as found:
        Settings.from_environment({name: value})
    assert "secret" not in str(found.value)


def test_a_process_that_is_started_with_its_variables_has_the_same_settings(tmp_path: Path) -> None:
    given = Settings(
        host="::1", port=80, models=tmp_path, data=tmp_path / "d", cache_mb=3, redis_url="redis://host", log="json"
    )
    assert Settings.from_environment(given.to_environment()) == given
