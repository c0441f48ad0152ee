"""A client of the VoicePing dialect. Written from docs/protocol alone."""

import asyncio
import collections
import json
import time

from transport import Refused, WsTransport
from vpcodec import (
    ABSENT,
    AUDIO,
    CONNECTION,
    CONNECTION_ACK,
    CONNECTION_TEST,
    DELIVERED,
    GROUP,
    IMAGE,
    INTERACTIVE,
    INTERACTIVE_ACK,
    LOGIN_DUPLICATED,
    PRIVATE,
    READ,
    START,
    START_ACK,
    START_FAILED,
    STOP,
    STOP_ACK,
    TEXT,
    TEXT_ACK,
    UNAUTHORIZED_GROUP,
    USER_ADD,
    USER_REMOVE,
    Malformed,
    pack,
    read,
)

REPLACED_WAIT = 5  # seconds; sign-in.md, the close code "none"
WAYS = ("token", "voicepingtoken", "authorization", "subprotocol")
ACK_OF = {TEXT: TEXT_ACK, IMAGE: TEXT_ACK, INTERACTIVE: INTERACTIVE_ACK, STOP: STOP_ACK}


class NotInGroup(Exception):
    pass


class Busy(Exception):
    pass


class Failed(Exception):
    pass


class Lost(Exception):
    """The connection ended before the acknowledgement; nobody knows whether the draft is stored (VP has no names)."""


class MessageId:
    """VP-MSGID-1: channel and kind from the left, time and duration from the right."""

    def __init__(self, text):
        if "/" in text or ".." in text:
            raise ValueError(text)
        if text.endswith(".txt"):
            body, tail = text[:-4], 1
        elif text.endswith(".opus"):
            body, tail = text[:-5], 2
        else:
            raise ValueError(text)
        channel, kind, rest = body.split("_", 2)
        parts = rest.rsplit("_", tail)
        self.text, self.channel, self.kind = text, int(channel), int(kind)
        self.names, self.time = parts[0], int(parts[1])  # "to_from": cannot be split without knowing one
        self.duration = int(parts[2].removesuffix("ms")) if tail == 2 else None


class Message:
    """What a program is shown."""

    def __init__(self, frame):
        self.frame, self.channel, self.kind = frame, frame.channel, frame.kind
        self.sender, self.to = str(frame.sender), str(frame.to)
        payload, self.image, self.json = frame.payload, None, None
        if isinstance(payload, bytes) and frame.kind == IMAGE and isinstance(frame.label, str):
            self.id, self.image = frame.label, payload  # VP-IMAGE-1
            return
        if isinstance(payload, bytes):
            payload = payload.decode()
        self.json = json.loads(payload)
        self.id = self.json["message_id"]
        if frame.kind == INTERACTIVE and isinstance(self.json.get("text"), str):
            self.inner = self.json["text"]  # VP-TEXT-5: JSON in a JSON string in the text
            try:
                while isinstance(self.inner, str):
                    self.inner = json.loads(self.inner)
            except ValueError:
                self.inner = None

    @property
    def text(self):
        return self.json.get("text") if self.json else None


class VoicePing:
    def __init__(
        self,
        user,
        url,
        device=None,
        *,
        token=None,
        way="token",
        receipts=True,
        reconnect=True,
        backoff=0.2,
        ids=None,
        extra_headers=None,
        groups=(),
    ):
        """`ids`: how ids are written; int-like ones as integers when it is "int"."""
        self.user, self.url, self.device, self.way = str(user), url, device, way
        self.token = token if token is not None else str(user)
        self.receipts, self.reconnect, self.backoff, self.ids = receipts, reconnect, backoff, ids
        self.extra_headers = dict(extra_headers or {})
        self.groups = set(str(g) for g in groups)
        self.conn = None
        self.frames = []  # all that came
        self.messages, self.talk, self.got = [], [], []  # got: receipts
        self.by_id = {}
        self.unauthorized = []
        self.replaced = None
        self.bad = []
        self.close_code = None
        self.dead = None
        self.ready, self.ended = asyncio.Event(), asyncio.Event()
        self._drafts = collections.OrderedDict()  # (ack kind, channel, target) -> deque of futures
        self._starts = {}  # (channel, target) -> deque of futures
        self._turns = {}  # (channel, target) -> lock
        self._tests = collections.deque()
        self._deliver, self._deliver_task = [], None
        self.stopped, self._task = False, None

    # -- life

    async def start(self, timeout=60):
        self._task = asyncio.create_task(self._run())
        waits = [asyncio.create_task(self.ready.wait()), asyncio.create_task(self.ended.wait())]
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for w in waits:
            w.cancel()
        if not self.ready.is_set():
            raise self.dead or TimeoutError("not connected")
        return self

    async def _open(self):
        headers, protocols = dict(self.extra_headers), []
        name = {"token": "token", "voicepingtoken": "VoicePingToken"}.get(self.way)
        if name:
            headers[name] = self.token
        elif self.way == "authorization":
            headers["Authorization"] = "Bearer " + self.token
        elif self.way == "subprotocol":
            protocols = [self.token] + ([self.device] if self.device else [])
        if self.way != "subprotocol" and self.device:
            headers["device_id"] = self.device
        return await WsTransport.open(self.url, headers, protocols)

    async def _run(self):
        delay = self.backoff
        try:
            while not self.stopped:
                try:
                    self.conn = conn = await self._open()
                    delay = self.backoff
                    for group in self.groups:  # clients join at each start again (VP-GROUP-2)
                        await self.send([GROUP, USER_ADD, self._id(self.user), self._id(group)])
                    self.ready.set()
                    while (data := await conn.recv()) is not None:
                        await self._frame(data)
                except Refused as e:
                    if e.status < 500:
                        self.dead = e
                        return
                except (ConnectionError, OSError, asyncio.TimeoutError):
                    pass
                finally:
                    self.ready.clear()
                    if self.conn:
                        self.close_code = self.conn.close_code
                        self.protocol = self.conn.protocol
                        await self.conn.close()
                    self.conn = None
                    self._lose()
                if self.replaced is not None or self.close_code == 4401 or not self.reconnect:
                    return
                # Without a close code another connection may have taken the place; two such clients must not fight.
                await asyncio.sleep(max(delay, REPLACED_WAIT if self.close_code in (None, 1005, 1006) else 0))
                delay = min(delay * 2, 5)
        except Exception as e:
            import traceback

            traceback.print_exc()
            self.dead = e
        finally:
            self.ended.set()

    def _lose(self):
        for waiting in [*self._drafts.values(), *self._starts.values(), self._tests]:
            while waiting:
                future = waiting.popleft()
                if not future.done():
                    future.set_exception(Lost())
                    future.exception()

    async def close(self):
        self.stopped = True
        if self._deliver_task:
            await asyncio.gather(self._deliver_task, return_exceptions=True)
        if self.conn:
            await self.conn.close()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def cut(self):
        if self.conn:
            self.conn.abort()

    async def send(self, values):
        await self.send_raw(pack(values))

    async def send_raw(self, data):
        if self.conn is None:
            raise ConnectionError("not connected")
        await self.conn.send(data)

    def _id(self, id):
        text = str(id)
        if self.ids == "int" and text.isdigit() and (text == "0" or text[0] != "0") and int(text) < 2**31:
            return int(text)
        return text

    # -- what comes

    async def _frame(self, data):
        try:
            f = read(data)
        except Malformed as e:
            self.bad.append((data, e))
            return
        self.frames.append(f)
        k = f.kind
        if k in (TEXT, IMAGE, INTERACTIVE, STOP):
            if k == STOP and not isinstance(f.payload, (str, bytes)):
                return
            try:
                m = Message(f)
            except (ValueError, KeyError, TypeError) as e:
                self.bad.append((data, e))
                return
            if m.id in self.by_id:  # rows may come again after a cut
                return
            self.by_id[m.id] = m
            self.messages.append(m)
            if self.receipts and m.sender != self.user:
                self._deliver.append(m)
                if self._deliver_task is None or self._deliver_task.done():
                    self._deliver_task = asyncio.create_task(self._say_delivered())
        elif k in (START, AUDIO):
            self.talk.append(f)
        elif k in (TEXT_ACK, INTERACTIVE_ACK, STOP_ACK):
            waiting = self._drafts.get((k, f.channel, str(f.to)))
            if waiting:
                future = waiting.popleft()
                if not future.done():
                    future.set_result(f)
        elif k in (DELIVERED, READ):
            self.got.append(f)
        elif k in (START_ACK, START_FAILED):
            waiting = self._starts.get((f.channel, str(f.to)))
            if waiting:
                future = waiting.popleft()
                if not future.done():
                    if k == START_ACK:
                        future.set_result(f)
                    else:
                        future.set_exception(Busy(f) if f.payload == "Busy" else Failed(f))
                        future.exception()
        elif k == UNAUTHORIZED_GROUP:
            # "This user is not in that group": whatever waits for that group is not going to be acknowledged.
            self.unauthorized.append(f)
            for (kind, channel, to), waiting in self._drafts.items():
                if channel == GROUP and to == str(f.to):
                    while waiting:
                        future = waiting.popleft()
                        if not future.done():
                            future.set_exception(NotInGroup(f))
                            future.exception()
        elif k == LOGIN_DUPLICATED:
            self.replaced = f.payload
        elif k == CONNECTION_ACK and self._tests:
            future = self._tests.popleft()
            if not future.done():
                future.set_result(f)

    async def _say_delivered(self):
        await asyncio.sleep(0.02)
        some, self._deliver = self._deliver[:256], self._deliver[256:]
        by = {}
        for m in some:
            by.setdefault((m.channel, m.sender), []).append(m)
        try:
            for (channel, sender), ms in by.items():
                name = ms[0].id if len(ms) == 1 else json.dumps([m.id for m in ms])
                await self.send([channel, DELIVERED, self._id(self.user), self._id(sender), name])
        except ConnectionError:
            self._deliver = some + self._deliver
        if self._deliver and self.conn:
            await self._say_delivered()

    # -- what a program says

    async def post(self, kind, to, payload, channel=PRIVATE, label=ABSENT):
        future = asyncio.get_running_loop().create_future()
        key = (ACK_OF[kind], channel, str(to))
        self._drafts.setdefault(key, collections.deque()).append(future)
        tail = [payload] if label is ABSENT else [label, payload]
        await self.send([channel, kind, self._id(self.user), self._id(to), *tail])
        return future

    async def text(self, to, payload, channel=PRIVATE, timeout=60, kind=TEXT):
        """One draft to a target at a time: what is refused has no answer (VP-ACK-1)."""
        async with self._turns.setdefault((channel, str(to)), asyncio.Lock()):
            return await asyncio.wait_for(await self.post(kind, to, payload, channel), timeout)

    async def talk_start(self, to, payload=None, channel=PRIVATE, label=ABSENT, timeout=60):
        future = asyncio.get_running_loop().create_future()
        self._starts.setdefault((channel, str(to)), collections.deque()).append(future)
        tail = [payload] if label is ABSENT else [label, payload]
        await self.send([channel, START, self._id(self.user), self._id(to), *tail])
        return await asyncio.wait_for(future, timeout)

    async def audio(self, to, payload, channel=PRIVATE):
        await self.send([channel, AUDIO, self._id(self.user), self._id(to), payload])

    async def talk_stop(self, to, payload=None, channel=PRIVATE, timeout=60):
        return await asyncio.wait_for(await self.post(STOP, to, payload, channel), timeout)

    async def mark_read(self, m):
        await self.send([m.channel, READ, self._id(self.user), self._id(m.sender), m.id])

    async def join(self, group):
        """Not answered; a 27 for the group says no. The answer to a ping comes after it (DM-ORD-3)."""
        n = len(self.unauthorized)
        await self.send([GROUP, USER_ADD, self._id(self.user), self._id(group)])
        await self.test()
        if any(str(f.to) == str(group) for f in self.unauthorized[n:]):
            raise NotInGroup(group)
        self.groups.add(str(group))

    async def leave(self, group):
        await self.send([GROUP, USER_REMOVE, self._id(self.user), self._id(group)])
        self.groups.discard(str(group))
        await self.test()

    async def test(self, payload="?", timeout=60):
        future = asyncio.get_running_loop().create_future()
        self._tests.append(future)
        await self.send([PRIVATE, CONNECTION_TEST, self._id(self.user), 0, payload])
        return await asyncio.wait_for(future, timeout)

    async def register_push(self, token=None):
        await self.send([PRIVATE, CONNECTION, self._id(self.user), 0] + ([token] if token else []))

    async def until(self, what, timeout=60):
        end = time.monotonic() + timeout
        while not what():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.user}: not in {timeout} s")
            await asyncio.sleep(0.02)
