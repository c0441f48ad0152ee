import itertools

import pytest

from server import Server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
async def server(tmp_path_factory):
    """One server for all tests that do not end it; each test has people of its own."""
    folder = tmp_path_factory.mktemp("server")
    made = await Server(folder / "data", folder / "log").start()
    yield made
    assert made.process.returncode is None, made.trouble(b"the server is gone")
    assert await made.terminate() == 0, made.trouble()


@pytest.fixture
async def own_server(tmp_path):
    """A server that a test may end and start again."""
    made = await Server(tmp_path / "data", tmp_path / "log").start()
    yield made
    await made.stop()


@pytest.fixture
def names():
    """Ids as the apps make them, new for each test: `alice, bob = names("alice", "bob")`."""

    def make(*people):
        number = next(_numbers)
        return [f"acme_{person}{number}" for person in people]

    return make
