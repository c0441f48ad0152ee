"""The interop suite's push-to-talk client, as an adapter of `voiceping.VoicePing`."""

import asyncio
import json
import re
import uuid

from inbox import PATIENCE, Inbox, dial
from voiceping import VoicePing
from vpcodec import pack, plain, unpack

GROUP, PRIVATE = 0, 1
START, STOP, AUDIO, CONNECTION, STATUS, START_ACK, STOP_ACK, START_FAILED, DUPLICATE = range(1, 10)
USER_ADD, USER_REMOVE, TEXT, IMAGE, OFFLINE, DELIVERED, READ, TEXT_ACK = range(15, 23)
CONNECTION_TEST, CONNECTION_ACK, UNAUTHORIZED_GROUP = 25, 26, 27
ID = re.compile(r"^(\d+)_(\d+)_(.+)_(\d+)(?:_(\d+)ms)?\.(opus|txt)$")


class Radio(VoicePing):
    def __init__(self, inbox, user):
        super().__init__(user, None, receipts=False, reconnect=False)
        self.inbox = inbox

    async def _open(self):
        return self.inbox.socket

    async def _frame(self, data):
        await super()._frame(data)
        self.inbox.put([plain(slot) for slot in unpack(data)])

    async def _run(self):
        try:
            await super()._run()
        finally:
            self.inbox.over()


class Walkie(Inbox):
    def __init__(self, socket, user):
        super().__init__(socket)
        self.user = user
        self.client = Radio(self, user)
        self.client._task = asyncio.create_task(self.client._run())

    @classmethod
    async def connect(cls, server, user, device="phone", at_once=False, token=None, **options):
        if "additional_headers" not in options:
            options["additional_headers"] = {"token": user if token is None else token, "device_id": device}
        made = cls(await dial(server.url("/"), **options), user)
        if not at_once:
            await made.fence()
        return made

    async def say(self, *slots):
        await self.raw(pack(list(slots)))

    async def raw(self, data):
        await self.socket.send(data)

    async def get(self, kind, **options):
        return await self.take(lambda frame: frame[1] == kind, f"frame of kind {kind}", **options)

    async def fence(self):
        mark = uuid.uuid4().hex
        await self.say(PRIVATE, CONNECTION_TEST, self.user, 0, mark)
        await self.take(lambda frame: frame[1] == CONNECTION_ACK and frame[4] == mark, "fence")

    async def rest(self):
        await self.fence()
        return self._all()

    async def text(self, to, payload):
        await self.say(PRIVATE, TEXT, self.user, to, payload)
        return (await self._acked(TEXT_ACK, to))[4]

    async def _acked(self, kind, to):
        frame = await self.get(kind)
        assert frame[:4] == [PRIVATE, kind, self.user, to] and frame[5:] == ["Acknowledged"], frame
        return frame

    async def texts(self, to, payloads, window=32):
        ids, payloads = [], list(payloads)
        for number, payload in enumerate(payloads):
            if number >= window:
                ids.append((await self._acked(TEXT_ACK, to))[4])
            await self.say(PRIVATE, TEXT, self.user, to, payload)
        while len(ids) < len(payloads):
            ids.append((await self._acked(TEXT_ACK, to))[4])
        return ids

    async def talk(self, to, packets=(b"\x01\x02", b"\x03\x04")):
        await self.say(PRIVATE, START, self.user, to, None)
        await self.get(START_ACK)
        for packet in packets:
            await self.say(PRIVATE, AUDIO, self.user, to, packet)
        await self.say(PRIVATE, STOP, self.user, to)
        return (await self._acked(STOP_ACK, to))[4]

    async def receive(self, sender, kind=TEXT):
        frame = await self.take(lambda f: f[1] == kind and f[2] == sender, f"kind {kind} from {sender}")
        return json.loads(frame[4])

    async def delivered(self, sender, message):
        await self.say(PRIVATE, DELIVERED, self.user, sender, message)

    async def read(self, sender, message):
        await self.say(PRIVATE, READ, self.user, sender, message)

    async def receipt(self, kind, reader, message):
        frame = await self.get(kind)
        assert frame == [PRIVATE, kind, reader, self.user, message], frame


async def comes_to_rest(server, user, known):
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while True:
        client = await Walkie.connect(server, user)
        came = await client.rest()
        await client.hang_up()
        for frame in came:
            assert any(id in str(frame) for id in known), frame
        if not came:
            return
        assert loop.time() < end, f"still comes: {came}"
        await asyncio.sleep(0.05)


def parts(message):
    channel, kind, between, time, duration, ending = ID.match(message).groups()
    return int(channel), int(kind), between, int(time), None if duration is None else int(duration), ending
