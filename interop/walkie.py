"""A push-to-talk client of the msgpack dialect, over the msgpack and websockets packages."""

import itertools
import json
import re

import msgpack

from inbox import Inbox, dial

GROUP, PRIVATE = 0, 1
START, STOP, AUDIO, CONNECTION, STATUS, START_ACK, STOP_ACK, START_FAILED, DUPLICATE = range(1, 10)
USER_ADD, USER_REMOVE, TEXT, IMAGE, OFFLINE, DELIVERED, READ, TEXT_ACK = range(15, 23)
CONNECTION_TEST, CONNECTION_ACK, UNAUTHORIZED_GROUP = 25, 26, 27

ID = re.compile(r"^(\d+)_(\d+)_(.+)_(\d+)(?:_(\d+)ms)?\.(opus|txt)$")


class Walkie(Inbox):
    """One socket. Frames are lists, as they are on the wire."""

    def __init__(self, socket, user):
        super().__init__(socket)
        self.user = user
        self._fences = itertools.count(1)

    @classmethod
    async def connect(cls, server, user, device="phone", at_once=False, token=None, **options):
        """Live voice is for those who are there: unless it wants to speak at once, it first asks whether it is."""
        options.setdefault("additional_headers", {"token": token or user, "device_id": device})
        client = cls(await dial(server.url("/"), **options), user)
        if not at_once:
            await client.fence()
        return client

    def decode(self, data):
        assert isinstance(data, bytes), f"a text frame: {data!r}"
        frame = msgpack.unpackb(data, raw=False, strict_map_key=False)
        assert isinstance(frame, list) and len(frame) in (5, 6), frame
        return frame

    async def say(self, *slots):
        await self.socket.send(msgpack.packb(list(slots), use_bin_type=True))

    async def raw(self, data):
        await self.socket.send(data)

    async def get(self, kind, **options):
        """The next frame of this type; frames of other types stay."""
        return await self.take(lambda frame: frame[1] == kind, f"frame of type {kind}", **options)

    async def fence(self):
        """Asks for an answer and waits for it: what was said before has been heard, and what came is here."""
        mark = f"fence {next(self._fences)}"
        await self.say(PRIVATE, CONNECTION_TEST, self.user, self.user, mark)
        await self.take(lambda frame: frame[1] == CONNECTION_ACK and frame[4] == mark, "answer to a test")

    async def rest(self):
        """All that came and was not taken, up to now."""
        await self.fence()
        rest, self.frames = self.frames, []
        return rest

    async def text(self, to, payload):
        """Sends a private text; returns the id that the server gave it."""
        await self.say(PRIVATE, TEXT, self.user, to, payload)
        ack = await self.get(TEXT_ACK)
        assert ack[:4] == [PRIVATE, TEXT_ACK, self.user, to] and ack[5:] == ["Acknowledged"], ack
        return ack[4]

    async def texts(self, to, payloads, window=32):
        """Sends many texts, a few ahead of their acknowledgements; returns the ids."""
        ids = []
        for number, payload in enumerate(payloads):
            if number - len(ids) == window:
                ids.append((await self.get(TEXT_ACK))[4])
            await self.say(PRIVATE, TEXT, self.user, to, payload)
        while len(ids) < len(payloads):
            ids.append((await self.get(TEXT_ACK))[4])
        return ids

    async def talk(self, to, packets=(b"\x01\x02", b"\x03\x04")):
        """A whole private talk; returns its id."""
        await self.say(PRIVATE, START, self.user, to, 1763652000000)
        assert await self.get(START_ACK) == [PRIVATE, START_ACK, self.user, to, 1763652000000]
        for packet in packets:
            await self.say(PRIVATE, AUDIO, self.user, to, packet)
        await self.say(PRIVATE, STOP, self.user, to)
        ack = await self.get(STOP_ACK)
        assert ack[:4] == [PRIVATE, STOP_ACK, self.user, to] and ack[5:] == ["Acknowledged"], ack
        return ack[4]

    async def receive(self, sender, kind=TEXT):
        """The JSON of the next text (or STOP) from somebody."""
        frame = await self.get(kind)
        assert frame[:4] == [PRIVATE, kind, sender, self.user] and len(frame) == 5, frame
        assert isinstance(frame[4], str), frame
        return json.loads(frame[4])

    async def delivered(self, sender, message):
        await self.say(PRIVATE, DELIVERED, self.user, sender, message)

    async def read(self, sender, message):
        await self.say(PRIVATE, READ, self.user, sender, message)

    async def receipt(self, kind, reader, message):
        """The next receipt of a kind, which must be this one."""
        frame = await self.get(kind)
        assert frame == [PRIVATE, kind, reader, self.user, message], frame


async def comes_to_rest(server, user, known):
    """Signs in again and again until nothing comes. The dialect has no word for "stored": the cursor moves when a
    transport ping is answered, and a commit of cursors may wait a moment for a message. Until it is through, what
    came before may come again, and nothing else."""
    for _ in range(100):
        async with await Walkie.connect(server, user) as client:
            repeated = [frame[4] for frame in await client.rest()]
            if not repeated:
                return
            strange = [payload for payload in repeated if not any(message in payload for message in known)]
            assert strange == [], strange
    raise AssertionError(f"{repeated} comes again and again")


def parts(message):
    """`(channel, type, to and from, time, duration, ending)` of a message id."""
    match = ID.match(message)
    assert match, f"{message!r} is not a message id"
    channel, kind, between, time, duration, ending = match.groups()
    return int(channel), int(kind), between, int(time), duration and int(duration), ending
