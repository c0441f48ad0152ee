"""Connections that carry whole frames: WebSocket (aiohttp) and raw TCP (TC-FRAME-1)."""

import asyncio
import base64
import struct

import aiohttp

MAX_FRAME = 512 * 1024


class Refused(Exception):
    """The upgrade was answered by something else than 101."""

    def __init__(self, status, body=""):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


def b64url(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class WsTransport:
    """aiohttp answers transport pings when frames are read, in their order: that is the barrier of DM-BAR-1."""

    def __init__(self, session, ws, owns):
        self._session, self._ws, self._owns = session, ws, owns
        self.close_code = None
        self.reason = ""
        self.protocol = ws.protocol

    @classmethod
    async def open(cls, url, headers=None, protocols=(), timeout=60, session=None, **more):
        owns = session is None
        session = session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout))
        try:
            ws = await session.ws_connect(
                url,
                headers=headers or {},
                protocols=tuple(protocols),
                max_msg_size=0,
                heartbeat=None,
                autoclose=True,
                compress=0,
                **more,
            )
        except aiohttp.WSServerHandshakeError as e:
            if owns:
                await session.close()
            raise Refused(e.status, e.message) from None
        except BaseException:
            if owns:
                await session.close()
            raise
        return cls(session, ws, owns)

    async def send(self, data):
        await self._ws.send_bytes(data)

    async def send_text(self, text):
        await self._ws.send_str(text)

    async def ping(self, data=b""):
        await self._ws.ping(data)

    async def recv(self):
        """A frame, or None at the end of the connection."""
        while True:
            msg = await self._ws.receive()
            if msg.type == aiohttp.WSMsgType.BINARY:
                return msg.data
            if msg.type == aiohttp.WSMsgType.TEXT:
                continue  # no dialect here speaks text
            if msg.type in (
                aiohttp.WSMsgType.CLOSE,
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.CLOSING,
                aiohttp.WSMsgType.ERROR,
            ):
                if self.close_code is None:
                    # aiohttp forgets the code that came when it cannot answer any more.
                    self.close_code = (
                        msg.data or 1005 if msg.type == aiohttp.WSMsgType.CLOSE else self._ws.close_code
                    )
                    self.reason = msg.extra or ""
                await self._finish()
                return None

    async def _finish(self):
        if self._owns and not self._session.closed:
            await self._session.close()

    async def close(self, code=1000):
        await self._ws.close(code=code)
        if self.close_code is None:
            self.close_code = self._ws.close_code
        await self._finish()

    def abort(self):
        """Cuts the connection without a word, as a lost network does."""
        conn = self._ws._response.connection if self._ws._response else None
        if conn and conn.transport:
            conn.transport.abort()


class TcpTransport:
    close_code = None
    reason = ""
    protocol = None

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, host, port):
        return cls(*await asyncio.open_connection(host, port))

    async def send(self, data):
        self.writer.write(struct.pack(">I", len(data)) + data)
        await self.writer.drain()

    async def send_raw(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def recv(self):
        try:
            (size,) = struct.unpack(">I", await self.reader.readexactly(4))
            if size > MAX_FRAME:
                raise ConnectionError(f"a frame of {size} bytes")
            return await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            return None  # TC-FRAME-3: the part is dropped

    async def close(self, code=1000):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, OSError):
            pass

    def abort(self):
        self.writer.transport.abort()
