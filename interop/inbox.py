"""What came over a socket: taken by what it is, in the order it came, within a time limit."""

import asyncio

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

# How long a test waits for something that must come. Generous: it is only spent when something is wrong.
PATIENCE = 10.0


async def dial(url, **options):
    """A WebSocket of the `websockets` package that pings nobody and minds no proxy settings."""
    options.setdefault("ping_interval", None)
    return await connect(url, proxy=None, max_size=None, **options)


class Inbox:
    """Reads a socket in the background; subclasses say how a frame is decoded."""

    def __init__(self, socket):
        self.socket = socket
        self.frames = []
        self.ended = False
        self.failure = None
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    def decode(self, data):
        raise NotImplementedError

    async def _read(self):
        try:
            async for data in self.socket:
                frame = self.decode(data)
                async with self._changed:
                    self.frames.append(frame)
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        except Exception as error:  # noqa: BLE001 -- a frame that cannot be decoded is a finding, not a hang
            self.failure = error
        async with self._changed:
            self.ended = True
            self._changed.notify_all()

    async def take(self, wanted, what="a frame", patience=PATIENCE):
        """Removes and returns the first frame that is wanted, waiting for it if need be."""

        def found():
            return self.failure or self.ended or any(wanted(frame) for frame in self.frames)

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(found), patience)
            except TimeoutError:
                raise AssertionError(f"no {what} within {patience} s; there is {self.frames!r}") from None
            if self.failure:
                raise self.failure
            for index, frame in enumerate(self.frames):
                if wanted(frame):
                    return self.frames.pop(index)
        raise AssertionError(
            f"the connection ended ({self.close_code}) without {what}; there is {self.frames!r}"
        )

    async def closed(self, patience=PATIENCE):
        """Waits for the end; returns the close code that the other side sent."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.ended), patience)
        if self.failure:
            raise self.failure
        await self.socket.wait_closed()
        return self.close_code

    @property
    def close_code(self):
        return self.socket.close_code

    async def hang_up(self):
        await self.socket.close()
        await self._reader

    async def cut(self):
        """As when the radio goes: no goodbye."""
        self.socket.transport.abort()
        await self._reader

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.hang_up()
