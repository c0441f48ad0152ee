"""What came over a socket: taken by what it is, in the order it came, within a time limit."""

import asyncio
import struct

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

# How long a test waits for something that must come. Generous: it is only spent when something is wrong.
PATIENCE = 10.0


async def dial(url, **options):
    """A WebSocket of the `websockets` package that pings nobody and minds no proxy settings."""
    options.setdefault("ping_interval", None)
    return await connect(url, proxy=None, max_size=None, **options)


class Line:
    """Raw TCP with the length of each frame before it, with as much of a WebSocket's interface as an inbox needs."""

    close_code = None

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, address):
        host, port = address.rsplit(":", 1)
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, frame):
        self.writer.write(struct.pack(">I", len(frame)) + frame)
        await self.writer.drain()

    async def __aiter__(self):
        while True:
            try:
                (length,) = struct.unpack(">I", await self.reader.readexactly(4))
                yield await self.reader.readexactly(length)
            except asyncio.IncompleteReadError as end:
                assert not end.partial, f"the stream ends in the middle of a frame: {end.partial!r}"
                return

    async def close(self):
        await self.wait_closed()

    async def wait_closed(self):
        """Ends this side, too: TCP does not do that by itself."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass


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
