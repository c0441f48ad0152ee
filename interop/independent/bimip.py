"""A client of bimip.v1, over WebSocket and raw TCP. Written from docs/protocol alone."""

import asyncio
import time
import uuid

from account import Account
from drafts import Drafts, Refusal
from live import Live
from names import now_ms
from proto import DecodeError, pb, scheme
from rows import Rows, offset_of
from store import Store
from transport import Refused, TcpTransport, WsTransport, b64url

FOR_GOOD = {"bye", "replaced", "expired", "revoked", "logged_out", "refused"}  # BM-BYE-3
WAYS = ("token", "token-bearer", "authorization", "subprotocol", "frame", "tcp")


class Goodbye(Exception):
    pass


class BimipClient(Rows, Drafts, Live, Account):
    """One device. Keeps itself connected until `close`, a goodbye that ends it, or a refused sign-in.

    events: asyncio.Queue of (kind, thing): "row" (list of frames), "welcome", "repeat", "gap", "epoch", "missing",
    "goodbye", "fault", "closed", "answer", "presence", "live", "position", "hidden", "refused".
    """

    def __init__(
        self,
        user,
        device,
        *,
        ws=None,
        tcp=None,
        way="token",
        token=None,
        eid=None,
        store=None,
        reconnect=True,
        dispose=True,
        backoff=0.2,
        pipeline=False,
        headers=None,
    ):
        self.user, self.device = user, device
        self.ws, self.tcp, self.way = ws, tcp, ("tcp" if ws is None else way)
        self.token = token if token is not None else user
        self.eid, self.store = eid, store or Store()
        self.reconnect, self.auto_dispose, self.backoff = reconnect, dispose, backoff
        self.pipeline, self.headers = pipeline, dict(headers or {})
        self.conn = None
        self.welcome = None
        self.rows = []  # [frames of the row], in the order they were taken
        self.events = asyncio.Queue()
        self.faults = []
        self.goodbye = None
        self.close_code = None
        self.disposed = 0  # where the server says that the cursor stands
        self.stopped = False
        self.dead = None  # why this client does not come back
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self._waiting = {}  # draft id -> future
        self._marks = {}  # id -> (signal_id, status, future), in the order they were said
        self._asked = {}  # route -> [(id, future)]: questions about other things
        self._disposes = []
        self._pings = {}
        self._parts = []  # receipts of a row whose last has not come
        self._undisposed = 0
        self._dispose_task = None
        self._retries = set()
        self._last_sent = 0.0
        self._task = None
        self._subs = []
        self._watch()

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self, timeout=60):
        self._task = asyncio.create_task(self._run())
        waits = [asyncio.create_task(self.ready.wait()), asyncio.create_task(self.ended.wait())]
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for w in waits:
            w.cancel()
        if not self.ready.is_set():
            raise self.dead or TimeoutError("no welcome")
        return self

    async def close(self, say=True, timeout=20):
        """BM-BYE-2, then the server closes; or without a word."""
        self.stopped = True
        self._stop_disposing()
        if self.conn is not None:
            try:
                if say and self.ready.is_set():
                    if self.auto_dispose and self._undisposed:
                        await self._dispose_now()
                    await self.send_frame(scheme("logout", type=1, status=4, scope=0, timestamp=now_ms()))
                    await asyncio.wait_for(self.ended.wait(), timeout)
            except (ConnectionError, asyncio.TimeoutError, RuntimeError):
                pass
            if self.conn is not None:
                await self.conn.close()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for task in list(self._retries):
            task.cancel()

    def cut(self):
        """A lost network."""
        if self.conn:
            self.conn.abort()

    async def _open(self):
        if self.way == "tcp":
            return await TcpTransport.open(*self.tcp)
        headers, protocols = dict(self.headers), ["bimip.v1"]
        if self.way == "token":
            headers["token"] = self.token
        elif self.way == "token-bearer":
            headers["token"] = "Bearer " + self.token
        elif self.way == "authorization":
            headers["Authorization"] = "Bearer " + self.token
        elif self.way == "subprotocol":
            protocols.append("token." + b64url(self.token))
            if self.device:
                protocols.append("device." + b64url(self.device))
        if self.way in ("token", "token-bearer", "authorization") and self.device:
            headers["device_id"] = self.device
        return await WsTransport.open(self.ws, headers, protocols)

    async def _run(self):
        delay = self.backoff
        try:
            while not self.stopped:
                goodbye = None
                try:
                    goodbye = await self._session()
                    if self.ready.is_set():
                        delay = self.backoff
                except Refused as e:
                    if e.status < 500:  # 401: another try with this token would not help
                        self.dead = e
                        return
                except Refusal as e:
                    self.dead = e
                    return
                except (ConnectionError, OSError, asyncio.TimeoutError) as e:
                    self.last_error = e
                self.events.put_nowait(("closed", self.close_code))
                if goodbye in FOR_GOOD:
                    self.dead = Goodbye(goodbye)  # another token is the caller's matter
                    return
                if not self.reconnect or self.stopped:
                    return
                self.ready.clear()
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5)
        except Exception as e:  # a bug in this client must not look like a quiet server
            import traceback

            traceback.print_exc()
            self.dead = e
        finally:
            self.ready.clear()
            self.ended.set()
            for future in [
                *self._waiting.values(),
                *[f for _, _, f in self._marks.values()],
                *self._disposes,
                *self._pings.values(),
                *[f for asked in self._asked.values() for _, f in asked],
            ]:
                if not future.done():
                    future.set_exception(self.dead or Goodbye("closed"))
                    future.exception()

    async def _session(self):
        self.conn = conn = await self._open()
        self._parts, self._undisposed, self.goodbye, self.close_code = [], 0, None, None
        self._welcomed = False
        beat = None
        try:
            if self.way in ("tcp", "frame"):
                to = {"connection_resource_id": self.device or None}
                if self.eid is not None:
                    to["eid"] = self.eid
                await self.send_frame(
                    scheme("token_authority", type=1, task=3, token=self.token, to=to, timestamp=now_ms())
                )
            if self.pipeline:
                await self._resend()
            if self.way == "tcp":
                beat = asyncio.create_task(self._heartbeat())
            while True:
                data = await conn.recv()
                if data is None:
                    return self.goodbye
                await self._frame(data)
        finally:
            self.close_code = conn.close_code
            self.conn = None
            self.ready.clear()
            if beat:
                beat.cancel()
            self._stop_disposing()
            for future in self._disposes:
                future.cancel()
            self._disposes = []
            for future in self._pings.values():
                future.cancel()
            self._pings = {}
            self._drop_questions()
            self._nobody()
            await conn.close()

    async def _heartbeat(self):
        """TC-LIVE-1: where there is no transport ping (BM-PING-1)."""
        while True:
            every = (self.welcome.heartbeat_ms if self.welcome else 0) / 1000 or 30
            wait = self._last_sent + every * 0.8 - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            try:
                await self.send_frame(scheme("ping_pong", type=1, id="hb", timestamp=now_ms()))
            except (ConnectionError, RuntimeError):
                return

    async def send_frame(self, frame):
        if self.conn is None:
            raise ConnectionError("not connected")
        data = frame if isinstance(frame, (bytes, bytearray)) else frame.SerializeToString()
        self._last_sent = time.monotonic()
        await self.conn.send(bytes(data))

    # -- what comes ------------------------------------------------------------------------------------------

    async def _frame(self, data):
        try:
            frame = pb.MessageScheme.FromString(data)
        except DecodeError as e:
            self.events.put_nowait(("bad", (data, e)))
            return
        kind = frame.WhichOneof("payload")
        for sub in self._subs:
            sub(frame, data)
        if kind is None or pb.MessageScheme._fields[kind].number != frame.route:
            self.events.put_nowait(("unknown", frame))
        elif kind == "welcome":
            await self._on_welcome(frame.welcome)
        elif kind == "error":
            self._on_fault(frame.error)
        elif kind == "logout":
            if frame.logout.status == 3:  # BM-LOGOUT-2: another device is logged out, this one is not
                self._answer(12, None, frame.logout)
            else:
                self.goodbye = frame.logout.details or "?"
                self.events.put_nowait(("goodbye", self.goodbye))
        elif kind == "ping_pong":
            future = self._pings.pop(frame.ping_pong.id, None)
            if future and not future.done():
                future.set_result(frame.ping_pong)
        elif kind == "message":
            await self._on_row([frame], frame.message)
        elif kind == "signal":
            await self._on_signal(frame)
        elif not self._on_live(kind, frame) and not self._on_account(kind, frame):
            self.events.put_nowait(("unknown", frame))

    async def _on_signal(self, frame):
        s = frame.signal
        if s.type == 4 and s.status >= 6:  # BM-LIVE-1: no row
            self.events.put_nowait(("live", s))
        elif s.type == 4:  # BM-DELIVER-2
            self._parts.append(frame)
            if s.user_offset:
                parts, self._parts = self._parts, []
                await self._on_row(parts, s)
        elif s.type == 2 and s.status == 2 and s.user_offset and not s.signal_id:
            self.disposed = max(self.disposed, offset_of(s.user_offset))
            if self._disposes:
                future = self._disposes.pop(0)
                if not future.done():
                    future.set_result(offset_of(s.user_offset))
        elif s.type in (2, 3) and s.status <= 1 and s.id and self.store.draft_of(s.id):
            self._on_draft_answer(s)
        elif s.type in (2, 3) and (s.id in self._marks or s.signal_id):
            self._on_mark_answer(s)
        elif s.type == 3 and s.id:  # of a live signal, or of a draft that was answered before
            self.events.put_nowait(("refused", s))
        else:
            self.events.put_nowait(("answer", frame))

    def _on_fault(self, error):
        self.faults.append(error)
        self.events.put_nowait(("fault", error))
        if error.code == 401:
            raise Refusal(401, error.details, error.retry_after_ms, error)
        self._refuse(error.error_origin, Refusal(error.code, error.details, error.retry_after_ms, error))

    async def ping(self, timeout=30):
        id = uuid.uuid4().hex
        future = self._pings[id] = asyncio.get_running_loop().create_future()
        await self.send_frame(scheme("ping_pong", type=1, id=id, timestamp=now_ms()))
        return await asyncio.wait_for(future, timeout)

    # -- for programs that look on ---------------------------------------------------------------------------

    async def until(self, what, timeout=60):
        end = time.monotonic() + timeout
        while not what():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.user}/{self.device}: not in {timeout} s")
            await asyncio.sleep(0.02)
