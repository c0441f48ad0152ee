"""What the interop suite waits with, on top of transport.py (aiohttp, asyncio) instead of `websockets`."""

import asyncio

from transport import Refused, TcpTransport, WsTransport
from websockets.exceptions import InvalidStatus  # a shim of ours: the suite's tests name this exception

PATIENCE = 10.0


async def dial(url, additional_headers=None, subprotocols=None, **_):
    try:
        transport = await WsTransport.open(url, dict(additional_headers or {}), tuple(subprotocols or ()))
    except Refused as e:
        raise InvalidStatus(e.status) from None
    transport.subprotocol = transport.protocol
    return transport


class Line:
    """Raw TCP."""

    @classmethod
    async def open(cls, address):
        host, port = address.rsplit(":", 1)
        return await TcpTransport.open(host, int(port))


class Inbox:
    """Frames that came and were not taken. Subclasses start a client of the library and give it `self.put`."""

    def __init__(self, socket):
        self.socket, self.frames, self.trouble = socket, [], None
        self._news = asyncio.Event()
        self._over = False

    def put(self, frame):
        self.frames.append(frame)
        self._news.set()

    def over(self):
        self._over = True
        self._news.set()

    async def take(self, wanted, what="a frame", patience=PATIENCE):
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while True:
            assert self.trouble is None, self.trouble
            for i, frame in enumerate(self.frames):
                if wanted(frame):
                    return self.frames.pop(i)
            assert not self._over, f"closed ({self.close_code}) without {what}; there was {self.frames}"
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.001, end - loop.time()))
            except asyncio.TimeoutError:
                raise AssertionError(f"no {what} within {patience} s; there was {self.frames}") from None

    async def closed(self, patience=PATIENCE):
        await asyncio.wait_for(self.client.ended.wait(), patience)
        return self.close_code

    @property
    def close_code(self):
        return self.socket.close_code

    def _all(self):
        frames, self.frames = self.frames, []
        return frames

    async def cut(self):
        self.socket.abort()
        await asyncio.wait_for(self.client.ended.wait(), PATIENCE)

    async def hang_up(self):
        await self.socket.close()
        await asyncio.wait_for(self.client.ended.wait(), PATIENCE)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.hang_up()
