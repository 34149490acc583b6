"""Everything that a server or a worker works with, built once from its settings."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, request

from hmmrnn.explorer.explored import Explored, Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.counters import shared_counters
from hmmrnn.server.settings import Settings
from hmmrnn.server.uploads import Uploads
from hmmrnn.shipped import ANSWERS
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.input_tables import InputTables
from hmmrnn.storage.model_registry import ModelRegistry
from hmmrnn.storage.paths import COUNTERS, DataFolder
from hmmrnn.storage.redis import RedisServer
from hmmrnn.storage.shipped_answers import ShippedAnswers
from hmmrnn.storage.signing import derived, read_secret
from hmmrnn.tasks.comparisons import Comparisons
from hmmrnn.tasks.data_fits import DataFits, Tables
from hmmrnn.tasks.experiments import Experiments
from hmmrnn.tasks.queue import Queues
from hmmrnn.tasks.store import Store
from hmmrnn.tasks.sweeps import Sweeps
from hmmrnn.tasks.trainings import Trainings

EXTENSION = "hmmrnn"


class Services:
    """The storage and the tasks of one server, for a web process, a worker or a command.

    Raises:
        ValueError: a folder cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data = DataFolder(settings.data)
        self.redis = self._redis(settings.redis_url) if settings.redis_url else None
        self.answers = AnswerCache(
            settings.cache / "hmmrnn", settings.cache_mb * 2**20, self.redis, shipped=ShippedAnswers(ANSWERS)
        )
        self.models = ModelRegistry(settings.models, self.data.networks, self.answers.folder / "converted")
        self.inputs = InputTables(self.data)
        self.explorer = Explorer(self.models, self.answers, self.inputs)
        self.queues = Queues(self.data.queue, self.redis)
        self.store = Store(self.queues)
        self.trainings = Trainings(self.store, self.data)
        self.sweeps = Sweeps(self.trainings)
        self.experiments = Experiments(self.store, self.answers)
        self.data_fits = DataFits(Tables(self.data), self.experiments, self.explorer)
        self.comparisons = Comparisons(self.experiments, self.explorer)
        counters = shared_counters(self.data.path / COUNTERS, settings.redis_url)
        self.uploads = Uploads(self.store, self.data, self.models, settings.networks_mb * 2**20, counters)

    def _redis(self, url: str) -> RedisServer:
        # The machines that share a Redis share the data folder, and with it the key.
        return RedisServer(url, derived(read_secret(self.data.secret), "what is kept in Redis"))


def services() -> Services:
    """The services of the application that answers the present request."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def resolve(scenario: Scenario) -> Explored:
    """Look up the network of a scenario among those of the application.

    Raises:
        ValueError: there is no network of that name.
    """
    return services().explorer.resolve(scenario)


def explored_of(sent: Mapping[str, Any]) -> Explored:
    """The scenario that a page sends, and its network.

    Raises:
        ValueError: a field is unknown or out of range, or there is no network of that name.
    """
    return resolve(Scenario.from_dict(sent))


def explored_of_link() -> Explored:
    """The scenario of the link that is requested, and its network.

    Raises:
        ValueError: a parameter is unknown or out of range, or there is no network of that name.
    """
    return resolve(Scenario.from_query(request.query_string.decode("utf-8", "replace"), default_model=""))


def compact_json(content: dict[str, Any] | None) -> Response:
    """Answer with JSON without blanks."""
    return Response(json.dumps(content, separators=(",", ":"), allow_nan=False), mimetype="application/json")
