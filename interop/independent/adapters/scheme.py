"""The suite's bimip.v1 client, on top of `bimip.BimipClient`, which applies the welcome and the row rule."""

import asyncio

from bimip import BimipClient
from inbox import PATIENCE, Inbox, Line, dial
from names import now_ms
from proto import pb
from rows import DISPOSE_ROWS
from rows import offset_of as decimal
from transport import b64url as base64url

AWARENESS, PING, VISIBILITY, TOKEN, MESSAGE, SIGNAL, PUSH, LOCATION, BODY, ERROR, LOGOUT = range(2, 13)
WELCOME = 16
REQUEST, RESPONSE, REFUSAL, EVENT = 1, 2, 3, 4
SENT, DELIVERED, READ, FORWARDED, PLAYED = 1, 2, 3, 4, 5
TYPING, RECORDING, PAUSED, CANCELLED, RESUMED, CALLING, DECLINED = range(6, 13)
ONLINE, OFFLINE, AWAY, BUSY = range(1, 5)
REFRESH, REVOKE, VALIDATE = 1, 2, 3


def identity(user, device=None):
    return pb.Identity(eid=user, connection_resource_id=device)


def sender(part):
    return getattr(part, "from")


def is_signal(frame, type):
    return frame.route == SIGNAL and frame.signal.type == type


def is_row(frame):
    return frame.route == MESSAGE or is_signal(frame, EVENT) and frame.signal.user_offset != ""


def is_presence(frame):
    return frame.route in (AWARENESS, BODY)


def presences(frame):
    return [frame.awareness] if frame.route == AWARENESS else frame.body.awareness_list


def offset_of(frame):
    return decimal((frame.message if frame.route == MESSAGE else frame.signal).user_offset)


class Device(BimipClient):
    """The library's client on a connection that is open already; what it reads goes to an inbox."""

    def __init__(self, inbox, user, device, seen, **more):
        super().__init__(user, device, ws="given", reconnect=False, dispose=False, **more)
        self.inbox, self.known = inbox, seen
        self._subs.append(self._put)

    async def _open(self):
        return self.inbox.socket

    async def _run(self):
        try:
            await super()._run()
        finally:
            self.inbox.over()

    def _put(self, frame, _):
        if frame.route == PING and frame.ping_pong.id == "hb":
            return
        part = is_signal(frame, EVENT) and frame.signal.status < TYPING
        if frame.route != MESSAGE and not part:  # rows and their parts go the way of the row rule
            self.inbox.put(frame)

    async def _on_welcome(self, w):
        self.store.epoch = w.epoch  # the test says what this device has seen, if anything
        self.store.seen = w.resume_from if self.known is None else self.known
        await super()._on_welcome(w)

    async def _on_row(self, frames, last):
        before = len(self.rows)
        seen = self.store.seen
        await super()._on_row(frames, last)
        if len(self.rows) > before:
            for frame in frames:
                self.inbox.put(frame)
        elif last.prev_offset > seen:
            self.inbox.trouble = f"row rule: prev {last.prev_offset}, seen {seen}, {last}"


class Scheme(Inbox):
    def __init__(self, socket, user, device, seen, way="given", token=None):
        super().__init__(socket)
        self.user, self.device, self._n = user, device, 0
        self.client = Device(self, user, device, seen, way=way, token=token)
        self.client._task = asyncio.create_task(self.client._run())

    @classmethod
    async def connect(cls, server, user, device="phone", by="headers", seen=None, token=None):
        token = user if token is None else token
        url, way = server.url("/bimip"), "given"
        if by == "headers":
            socket = await dial(url, {"token": token, "device_id": device}, ["bimip.v1"])
        elif by == "bearer":
            socket = await dial(url, {"Authorization": f"Bearer {token}", "device_id": device}, ["bimip.v1"])
        elif by == "subprotocols":
            socket = await dial(
                url, None, ["bimip.v1", "token." + base64url(token), "device." + base64url(device)]
            )
        elif by == "frame":
            socket, way = await dial(url, None, ["bimip.v1"]), "frame"
        elif by == "tcp":
            socket, way = await Line.open(server.tcp), "frame"
        else:
            raise ValueError(by)
        made = cls(socket, user, device, seen, way, token)
        frame = await made.take(lambda frame: frame.route == WELCOME, "welcome")
        assert made.welcome is frame.welcome
        return made

    @property
    def welcome(self):
        return self.client.welcome

    @property
    def seen(self):
        return self.client.store.seen

    async def say(self, route, **payload):
        await self.raw(pb.MessageScheme(route=route, **payload).SerializeToString())

    async def raw(self, data):
        await self.socket.send(data)

    def new_id(self):
        self._n += 1
        return f"{self.device}-{now_ms()}-{self._n}"

    async def post(self, to, payload, id=None, claim=None, **fields):
        id = id or self.new_id()
        m = pb.Message(
            id=id, to=identity(to), type=1, status=SENT, timestamp=now_ms(), payload=payload, **fields
        )
        sender(m).CopyFrom(identity(claim or self.user, self.device))
        await self.say(MESSAGE, message=m)
        return id

    async def send(self, to, payload, id=None, **fields):
        return await self.acknowledged(await self.post(to, payload, id, **fields))

    async def acknowledged(self, id, **options):
        frame = await self.take(
            lambda f: is_signal(f, RESPONSE) and f.signal.id == id, f"ack of {id}", **options
        )
        assert frame.signal.status == SENT and frame.signal.signal_id and frame.signal.user_offset, frame
        return frame.signal

    async def refused(self, id):
        frame = await self.take(lambda f: is_signal(f, REFUSAL) and f.signal.id == id, f"refusal of {id}")
        assert frame.signal.code, frame
        return frame.signal

    async def message(self):
        return (await self.take(lambda f: f.route == MESSAGE, "message")).message

    async def event(self, status):
        return (
            await self.take(lambda f: is_signal(f, EVENT) and f.signal.status == status, f"event {status}")
        ).signal

    async def dispose(self, offset):
        await self.say(
            SIGNAL,
            signal=pb.Signal(type=REQUEST, status=DELIVERED, user_offset=str(offset), timestamp=now_ms()),
        )
        frame = await self.take(
            lambda f: (
                is_signal(f, RESPONSE)
                and f.signal.status == DELIVERED
                and f.signal.user_offset
                and not f.signal.signal_id
            ),
            "answer to a dispose",
        )
        return frame.signal

    async def mark(self, signal_id, status):
        await self.say(
            SIGNAL, signal=pb.Signal(type=REQUEST, status=status, signal_id=signal_id, timestamp=now_ms())
        )
        frame = await self.take(
            lambda f: (
                f.route == SIGNAL
                and f.signal.type in (RESPONSE, REFUSAL)
                and f.signal.signal_id == signal_id
                and f.signal.status == status
            ),
            "answer to a mark",
        )
        assert frame.signal.type == RESPONSE, frame
        return frame.signal

    async def ping(self, id):
        await self.say(PING, ping_pong=pb.PingPong(id=id, type=1, timestamp=now_ms()))
        return (await self.take(lambda f: f.route == PING and f.ping_pong.id == id, "pong")).ping_pong

    async def rest(self):
        """Presences stay."""
        await self.ping(self.new_id())
        rest = [frame for frame in self.frames if not is_presence(frame)]
        self.frames = [frame for frame in self.frames if is_presence(frame)]
        return rest

    async def aware(self, status, to=None, claim=None, **fields):
        p = pb.Awareness(id=self.new_id(), type=REQUEST, status=status, timestamp=now_ms(), **fields)
        if to is not None:
            p.to.eid = to
        sender(p).CopyFrom(identity(claim or self.user, self.device))
        await self.say(AWARENESS, awareness=p)

    async def live(self, status, to=None, conversation=""):
        s = pb.Signal(id=self.new_id(), type=REQUEST, status=status, conversation=conversation)
        if to is not None:
            s.to.eid = to
        await self.say(SIGNAL, signal=s)
        return s.id

    async def watched(self):
        await self.ping(self.new_id())
        told = [
            (sender(p).eid, p.status) for frame in self.frames if is_presence(frame) for p in presences(frame)
        ]
        self.frames = [frame for frame in self.frames if not is_presence(frame)]
        return told

    async def show(self, visible):
        return await self.client.hide(not visible, timeout=PATIENCE)

    async def error(self):
        return (await self.take(lambda f: f.route == ERROR, "error")).error

    async def mailbox(self, until):
        rows, at, undisposed = [], 0, 0
        while at < until:
            frame = await self.take(is_row, f"row after {at}")
            rows.append(frame)
            if offset := offset_of(frame):
                at, undisposed = offset, undisposed + 1
                if undisposed >= DISPOSE_ROWS or at >= until:
                    await self.dispose(at)
                    undisposed = 0
        return rows

    async def hang_up(self):
        """BM-BYE-2: goodbye first; the server closes."""
        if not self.client.ended.is_set() and self.welcome is not None:
            try:
                await self.say(LOGOUT, logout=pb.Logout(type=1, status=4, scope=0, timestamp=now_ms()))
                await asyncio.wait_for(self.client.ended.wait(), PATIENCE)
            except (ConnectionError, asyncio.TimeoutError, RuntimeError):
                pass
        await self.socket.close()
        await asyncio.wait_for(self.client.ended.wait(), PATIENCE)
