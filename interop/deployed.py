"""A client of the deployed server's layout over the protobuf and websockets packages; `deployed_pb2` is generated from
the published schema by the protobuf project's own compiler."""

import itertools

import deployed_pb2 as pb

from inbox import Inbox, dial
from scheme import now_ms, sender

PATH = "/application/development"
MESSAGE, SIGNAL, LOGOUT, LOGOUT_ANSWER, PING = 6, 7, 12, 14, 3
REQUEST, RESPONSE, REFUSAL = 1, 2, 3
SENT, DELIVERED, READ, FORWARDED, PLAYED, RESUME = 1, 3, 4, 5, 6, 11


def identity(user, device=None):
    made = pb.Identity(eid=user)
    if device is not None:
        made.connection_resource_id = device
    return made


class Deployed(Inbox):
    """One socket of one device, as the apps of the deployed server use it."""

    _ids = itertools.count(1)

    def __init__(self, socket, user, device):
        self.user, self.device = user, device
        super().__init__(socket)

    @classmethod
    async def connect(cls, server, user, device="phone", token=None):
        headers = {"token": token} if token else {"token": user, "device_id": device}
        return cls(await dial(server.url(PATH), additional_headers=headers), user, device)

    def decode(self, data):
        assert isinstance(data, bytes), f"a text frame: {data!r}"
        frame = pb.MessageScheme.FromString(data)
        kind = frame.WhichOneof("payload")
        tag = pb.MessageScheme.DESCRIPTOR.fields_by_name[kind].number
        assert frame.route == (LOGOUT_ANSWER if kind == "logout" else tag), frame
        assert frame.SerializeToString() == data, "the protobuf project would write it in another way"
        return frame

    async def say(self, route, **payload):
        await self.socket.send(pb.MessageScheme(route=route, **payload).SerializeToString())

    async def raw(self, data):
        await self.socket.send(data)

    def new_id(self):
        return str(next(self._ids))

    async def post(self, to, payload, id=None, timestamp=None, claim=None, **fields):
        """Sends a message and does not wait; returns its id."""
        id = id or self.new_id()
        fields = {"type": 1, "status": SENT, "encryption_type": "none", **fields}
        made = pb.Message(id=id, to=identity(to, ""), timestamp=timestamp or now_ms(), payload=payload, **fields)
        sender(made).CopyFrom(identity(claim or self.user, self.device))
        await self.say(MESSAGE, message=made)
        return id

    async def send(self, to, payload, **fields):
        """Sends a message; returns its acknowledgement."""
        id = await self.post(to, payload, **fields)
        ack = (await self.signal(RESPONSE, SENT)).signal
        assert (ack.id, sender(ack).eid, ack.to.eid) == (id, self.user, to), ack
        assert ack.signal_offset == ack.user_offset and int(ack.signal_offset) > 0, ack
        assert ack.HasField("error") and ack.error == "", ack
        return ack

    async def signal(self, type, status):
        wanted = lambda frame: (frame.route, frame.signal.type, frame.signal.status) == (SIGNAL, type, status)
        return await self.take(wanted, f"signal of type {type}, status {status}")

    async def message(self):
        """The next message."""
        wanted = lambda frame: frame.route == MESSAGE and frame.message.type != REFUSAL
        return (await self.take(wanted, "message")).message

    async def refused(self):
        """Why the last message was refused, and its id."""
        wanted = lambda frame: frame.route == MESSAGE and frame.message.type == REFUSAL
        return (await self.take(wanted, "refusal")).message

    async def about(self, message, status, id=None):
        """A word about a message that came, or that was read elsewhere; returns the answer."""
        peer = message.to.eid if sender(message).eid == self.user else sender(message).eid
        made = pb.Signal(
            id=id or message.id,
            signal_offset=message.signal_offset,
            user_offset=message.user_offset,
            status=status,
            timestamp=now_ms(),
            to=identity(peer, ""),
            type=REQUEST,
        )
        sender(made).CopyFrom(identity(self.user, self.device))
        await self.say(SIGNAL, signal=made)
        wanted = lambda frame: (
            frame.route == SIGNAL
            and (sender(frame.signal).eid, frame.signal.signal_offset, frame.signal.status)
            == (self.user, message.signal_offset, status)
        )
        return (await self.take(wanted, f"answer to status {status}")).signal

    async def receipt(self, status, reader, id):
        """The next receipt of a status, which must be of this reader about this message."""
        wanted = lambda frame: (
            frame.route == SIGNAL and frame.signal.status == status and sender(frame.signal).eid != self.user
        )
        told = (await self.take(wanted, f"receipt of status {status}")).signal
        assert (sender(told).eid, told.id, told.to.eid, told.type) == (reader, id, self.user, RESPONSE), told
        return told

    async def ping(self):
        id = f"ping {self.new_id()}"
        made = pb.PingPong(id=id, type=1, timestamp=now_ms())
        sender(made).CopyFrom(identity(self.user, self.device))
        await self.say(PING, ping_pong=made)
        wanted = lambda frame: frame.route == PING and frame.ping_pong.id == id
        return (await self.take(wanted, "pong")).ping_pong

    async def rest(self):
        """All that came and was not taken, up to now: what the server answers next comes after it."""
        await self.ping()
        rest, self.frames = self.frames, []
        return rest

    async def log_out(self):
        made = pb.Logout(to=identity(self.user, self.device), type=REQUEST, status=4, timestamp=now_ms())
        await self.say(LOGOUT, logout=made)
        return (await self.take(lambda frame: frame.route == LOGOUT_ANSWER, "answer to the logout")).logout
