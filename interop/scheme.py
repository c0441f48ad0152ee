"""A client of bimip.v1 over the protobuf and websockets packages; `bimip_pb2` is generated from the published schema
by the protobuf project's own compiler."""

import base64
import itertools
import time

import bimip_pb2 as pb

from inbox import Inbox, Line, dial

AWARENESS, PING, VISIBILITY, TOKEN, MESSAGE, SIGNAL, PUSH, LOCATION, BODY, ERROR, LOGOUT = range(2, 13)
WELCOME, REVISION, QUERY, GROUP, USER, REACTION = 16, 17, 18, 19, 20, 21
REQUEST, RESPONSE, REFUSAL, EVENT = 1, 2, 3, 4
SENT, DELIVERED, READ, FORWARDED, PLAYED = 1, 2, 3, 4, 5
EDIT, DELETE = 1, 2
MESSAGE_STATUS = 4
PROFILE, SAVE, FORGET, BLOCK, UNBLOCK, REMOVE_DEVICE = range(1, 7)
ASK_PROFILE, ASK_ADDRESS_BOOK, ASK_DEVICES, ASK_BLOCKED = range(5, 9)
SET, TAKE_BACK = 1, 2
CREATE, CHANGE, REMOVE_GROUP, ADD, REMOVE, ROLE, BAN, UNBAN, JOIN, LEAVE = range(1, 11)
TYPING, RECORDING, PAUSED, CANCELLED, RESUMED, CALLING, DECLINED = range(6, 13)
ONLINE, OFFLINE, AWAY, BUSY = range(1, 5)
REFRESH, REVOKE, VALIDATE = 1, 2, 3


def identity(user, device=None):
    made = pb.Identity(eid=user)
    if device is not None:
        made.connection_resource_id = device
    return made


def sender(part):
    """`from` is a word of the language."""
    return getattr(part, "from")


def now_ms():
    return time.time_ns() // 1_000_000


class Scheme(Inbox):
    """One socket of one device. `seen` is what the device has stored, by the rule for clients: a row is taken when
    prev_offset <= seen < user_offset."""

    _ids = itertools.count(1)

    def __init__(self, socket, user, device, seen):
        self.user, self.device, self.seen = user, device, seen
        self.welcome = None
        self._row = None
        super().__init__(socket)

    @classmethod
    async def connect(cls, server, user, device="phone", by="headers", seen=None, token=None):
        token = user if token is None else token
        options, client = {}, None
        if by == "headers":
            options["additional_headers"] = {"token": token, "device_id": device}
        elif by == "bearer":
            options["additional_headers"] = {"Authorization": f"Bearer {token}", "device_id": device}
        elif by == "subprotocols":
            options["subprotocols"] = ["bimip.v1", f"token.{base64url(token)}", f"device.{base64url(device)}"]
        wire = Line.open(server.tcp) if by == "tcp" else dial(server.url("/bimip"), **options)
        client = cls(await wire, user, device, seen)
        if by in ("frame", "tcp"):
            part = pb.TokenAuthority(to=identity(user, device), token=token, type=REQUEST, task=VALIDATE)
            await client.say(TOKEN, token_authority=part)
        frame = await client.take(lambda frame: frame.route == WELCOME, "welcome")
        client.welcome = frame.welcome
        return client

    def decode(self, data):
        assert isinstance(data, bytes), f"a text frame: {data!r}"
        frame = pb.MessageScheme.FromString(data)
        kind = frame.WhichOneof("payload")
        assert kind and frame.route == pb.MessageScheme.DESCRIPTOR.fields_by_name[kind].number, frame
        if kind == "welcome" and self.seen is None:
            self.seen = frame.welcome.resume_from
        row = getattr(frame, kind) if kind in ("message", "signal", "revision", "group", "user", "reaction") else None
        if row is not None and is_row(frame):
            self._follow(row)
        return frame

    def _follow(self, row):
        """Each row must follow the one before it: a hole would be a lost message."""
        offset = int(row.user_offset)
        key = (offset, row.prev_offset)
        if key == self._row:  # one row may be told in several frames
            return
        assert row.prev_offset < offset, row
        assert row.prev_offset <= self.seen, f"a gap after {self.seen}: {row}"
        self._row, self.seen = key, max(self.seen, offset)

    async def say(self, route, **payload):
        await self.socket.send(pb.MessageScheme(route=route, **payload).SerializeToString())

    async def raw(self, data):
        await self.socket.send(data)

    def new_id(self):
        return f"{self.device}-{next(self._ids)}"

    async def post(self, to, payload, id=None, claim=None, **fields):
        """Sends a message and does not wait; returns its client id."""
        id = id or self.new_id()
        made = pb.Message(
            id=id, to=identity(to), type=1, timestamp=now_ms(), payload=payload, status=SENT, **fields
        )
        sender(made).CopyFrom(identity(claim or self.user, self.device))
        await self.say(MESSAGE, message=made)
        return id

    async def send(self, to, payload, id=None, **fields):
        """Sends a message; returns its acknowledgement."""
        return await self.acknowledged(await self.post(to, payload, id, **fields))

    async def acknowledged(self, id, **options):
        frame = await self.take(
            lambda frame: is_signal(frame, RESPONSE) and frame.signal.id == id, f"ack of {id}", **options
        )
        ack = frame.signal
        assert ack.status in (SENT, DELIVERED, READ), ack
        assert ack.signal_id and int(ack.signal_offset) > 0 and int(ack.user_offset) > 0, ack
        return ack

    async def refused(self, id):
        frame = await self.take(
            lambda frame: is_signal(frame, REFUSAL) and frame.signal.id == id, f"refusal of {id}"
        )
        assert frame.signal.code > 0 and frame.signal.error, frame
        return frame.signal

    async def message(self):
        """The next message row."""
        return (await self.take(lambda frame: frame.route == MESSAGE, "message")).message

    async def event(self, status):
        """The next receipt row of a status."""
        wanted = lambda frame: is_signal(frame, EVENT) and frame.signal.status == status
        return (await self.take(wanted, f"event of status {status}")).signal

    async def dispose(self, offset):
        """All up to `offset` is stored by this device; returns the answer."""
        id = self.new_id()
        part = pb.Signal(id=id, type=REQUEST, status=DELIVERED, user_offset=str(offset), timestamp=now_ms())
        await self.say(SIGNAL, signal=part)
        wanted = lambda frame: is_signal(frame, RESPONSE) and frame.signal.status == DELIVERED
        return (await self.take(wanted, f"answer to the disposal of {offset}")).signal

    async def revise(self, signal_id, payload=None, id=None, **fields):
        """Edits a message, or deletes it where no payload is given; returns the answer."""
        action = DELETE if payload is None else EDIT
        id = id or self.new_id()
        part = pb.Revision(type=REQUEST, id=id, signal_id=signal_id, action=action, payload=payload or b"", **fields)
        await self.say(REVISION, revision=part)
        wanted = lambda frame: frame.route == REVISION and frame.revision.type != EVENT and frame.revision.id == id
        return (await self.take(wanted, f"answer to the revision {id}")).revision

    async def react(self, signal_id, emoji, action=SET, id=None):
        """Reacts to a message, or takes it back; returns the answer."""
        id = id or self.new_id()
        part = pb.Reaction(type=REQUEST, id=id, signal_id=signal_id, action=action, emoji=emoji)
        await self.say(REACTION, reaction=part)
        wanted = lambda frame: frame.route == REACTION and frame.reaction.type != EVENT and frame.reaction.id == id
        return (await self.take(wanted, f"answer to the reaction {id}")).reaction

    async def reaction(self):
        """The next row that is a reaction."""
        wanted = lambda frame: frame.route == REACTION and frame.reaction.type == EVENT
        return (await self.take(wanted, "a reaction")).reaction

    async def history(self, user):
        """The newest messages with somebody."""
        part = pb.Query(type=REQUEST, id=self.new_id(), ask=1, to=identity(user))
        await self.say(QUERY, query=part)
        wanted = lambda frame: frame.route == QUERY and frame.query.id == part.id
        return (await self.take(wanted, "history")).query.rows

    async def group(self, name, action, id=None, **fields):
        """Asks something about a group; returns the answer."""
        moves = action in (JOIN, LEAVE)
        id = "" if moves else id or self.new_id()
        await self.say(GROUP, group=pb.Group(type=REQUEST, id=id, group=name, action=action, **fields))
        mine = lambda it: it.type != EVENT and (it.group == name if moves else it.id == id)
        return (await self.take(lambda frame: frame.route == GROUP and mine(frame.group), "answer about a group")).group

    async def status(self, signal_id, **fields):
        """How far a message got; returns the answer."""
        id = self.new_id()
        await self.say(QUERY, query=pb.Query(type=REQUEST, id=id, ask=MESSAGE_STATUS, signal_id=signal_id, **fields))
        wanted = lambda frame: frame.route == QUERY and frame.query.id == id
        answer = (await self.take(wanted, f"how far {signal_id} got")).query
        assert (answer.type, answer.ask) == (RESPONSE, MESSAGE_STATUS), answer
        return answer

    async def keep(self, action, id=None, **fields):
        """Changes what its user keeps; returns the answer."""
        id = id or self.new_id()
        await self.say(USER, user=pb.User(type=REQUEST, id=id, action=action, **fields))
        wanted = lambda frame: frame.route == USER and frame.user.type != EVENT and frame.user.id == id
        return (await self.take(wanted, f"answer to {id}")).user

    async def kept(self):
        """The next row that is a change of what its user keeps."""
        wanted = lambda frame: frame.route == USER and frame.user.type == EVENT
        return (await self.take(wanted, "a change of what the user keeps")).user

    async def ask(self, ask, to=None, **fields):
        """Asks what is stored; returns the answer."""
        part = pb.Query(type=REQUEST, id=self.new_id(), ask=ask, **fields)
        if to is not None:
            part.to.CopyFrom(identity(to))
        await self.say(QUERY, query=part)
        return (await self.take(lambda frame: frame.route == QUERY and frame.query.id == part.id, "an answer")).query

    async def change(self):
        """The next row that is a change of a group."""
        wanted = lambda frame: frame.route == GROUP and frame.group.type == EVENT
        return (await self.take(wanted, "a change of a group")).group

    async def revision(self):
        """The next row that is a revision."""
        wanted = lambda frame: frame.route == REVISION and frame.revision.type == EVENT
        return (await self.take(wanted, "a revision")).revision

    async def mark(self, signal_id, status):
        """Read, played or forwarded; returns the answer."""
        part = pb.Signal(
            id=self.new_id(), type=REQUEST, status=status, signal_id=signal_id, timestamp=now_ms()
        )
        await self.say(SIGNAL, signal=part)
        wanted = lambda frame: is_signal(frame, RESPONSE) and frame.signal.status == status
        answer = (await self.take(wanted, f"answer to mark {status}")).signal
        assert answer.signal_id == signal_id, answer
        return answer

    async def ping(self, id):
        part = pb.PingPong(id=id, type=1, timestamp=now_ms())
        sender(part).CopyFrom(identity(self.user, self.device))
        await self.say(PING, ping_pong=part)
        return (
            await self.take(lambda frame: frame.route == PING and frame.ping_pong.id == id, "pong")
        ).ping_pong

    async def rest(self):
        """All that came and was not taken, up to now: what the server answers next comes after it. Who came and went
        meanwhile is told beside everything else, and stays."""
        await self.ping(self.new_id())
        rest = [frame for frame in self.frames if not is_presence(frame)]
        self.frames = [frame for frame in self.frames if is_presence(frame)]
        return rest

    async def aware(self, status, to=None, claim=None, **fields):
        """Says what its user is doing."""
        part = pb.Awareness(id=self.new_id(), type=REQUEST, status=status, timestamp=now_ms(), **fields)
        if to is not None:
            part.to.CopyFrom(identity(to))
        sender(part).CopyFrom(identity(claim or self.user, self.device))
        await self.say(AWARENESS, awareness=part)

    async def live(self, status, to=None, conversation=""):
        """Says what its user does in a conversation; returns the id."""
        part = pb.Signal(id=self.new_id(), type=REQUEST, status=status, conversation=conversation)
        if to is not None:
            part.to.CopyFrom(identity(to))
        await self.say(SIGNAL, signal=part)
        return part.id

    async def watched(self):
        """`(user, status)` of everybody it was told of, up to now."""
        await self.ping(self.new_id())
        told = [it for frame in self.frames for it in presences(frame)]
        self.frames = [frame for frame in self.frames if not is_presence(frame)]
        return [(sender(it).eid, it.status) for it in told]

    async def show(self, visible):
        """Shows or hides its user, for all of the user's devices; returns the answer."""
        part = pb.AwarenessVisibility(id=self.new_id(), type=1 if visible else 2)
        await self.say(VISIBILITY, awareness_visibility=part)
        wanted = lambda frame: frame.route == VISIBILITY and frame.awareness_visibility.id == part.id
        return (await self.take(wanted, "answer about visibility")).awareness_visibility

    async def error(self):
        return (await self.take(lambda frame: frame.route == ERROR, "error")).error

    async def mailbox(self, until):
        """All rows up to the offset `until`, disposed of on the way; returns the frames."""
        rows = []
        while not rows or offset_of(rows[-1]) < until:
            rows.append(await self.take(is_row, f"row, at {self.seen} of {until}"))
            if len(rows) % 50 == 0:
                await self.dispose(offset_of(rows[-1]))
        await self.dispose(until)
        return rows


def presences(frame):
    """The presences that a frame tells of."""
    return [frame.awareness] if frame.route == AWARENESS else frame.body.awareness_list


def is_presence(frame):
    return frame.route in (AWARENESS, BODY)


def is_signal(frame, type):
    return frame.route == SIGNAL and frame.signal.type == type


def is_row(frame):
    """A message, or a receipt with a place in the mailbox; live signals have none."""
    if frame.route == GROUP:
        return frame.group.type == EVENT
    if frame.route == REACTION:
        return frame.reaction.type == EVENT
    if frame.route == REVISION:
        return frame.revision.type == EVENT
    if frame.route == USER:
        return frame.user.type == EVENT
    return frame.route == MESSAGE or is_signal(frame, EVENT) and frame.signal.user_offset != ""


def offset_of(frame):
    return int(getattr(frame, frame.WhichOneof("payload")).user_offset)


def base64url(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
