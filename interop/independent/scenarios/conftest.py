import asyncio

import pytest
from bimip import BimipClient
from serving import Server
from world import OPEN, signed


async def end(server):
    closing = [c.close(say=False) if isinstance(c, BimipClient) else c.close() for c in OPEN]
    await asyncio.gather(*closing, return_exceptions=True)
    OPEN.clear()
    server.stop()


def storage(request):
    """In files where the test ends the server and starts it again, else in memory, which is there at once."""
    return () if request.node.get_closest_marker("kept") else ("--storage", "memory")


@pytest.fixture
async def s(request, tmp_path):
    """A server of one's own."""
    server = Server(tmp_path / "data", *storage(request))
    yield server
    await end(server)


@pytest.fixture
async def jwt_server(request, tmp_path):
    """One that wants signed tokens (`world.token`)."""
    server = Server(tmp_path / "data", *signed(tmp_path), *storage(request))
    yield server
    await end(server)


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "kept: the server's storage is in files, for tests that end it and start it again"
    )
