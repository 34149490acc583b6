"""What the tests share: reproducible examples for hypothesis, the planted networks, and who runs what."""

import pytest
from hypothesis import settings

from hmmrnn.network import Network
from tests.networks import PlantedSwitch, no_kick_network, planted_switch

# The same examples on every machine; a deadline would make a busy machine fail.
settings.register_profile("suite", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("suite")


# First, because the groups are read in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run all browser tests, one after another, and others the rest, file by file."""
    for item in items:
        in_browser = item.get_closest_marker("browser") is not None
        item.add_marker(pytest.mark.xdist_group("browser" if in_browser else item.path.stem))


@pytest.fixture(scope="session")
def planted() -> PlantedSwitch:
    """Two outputs, each left by a planted group of three kick neurons."""
    return planted_switch()


@pytest.fixture(scope="session")
def planted_ring() -> PlantedSwitch:
    """Three outputs that follow each other 0, 1, 2, 0, each left by a planted group of three kick neurons."""
    return planted_switch(n_outputs=3, pairs=[(0, 1), (1, 2), (2, 0)])


@pytest.fixture(scope="session")
def no_kick() -> Network:
    """Two outputs that switch, and no small group that is responsible for it."""
    return no_kick_network()
