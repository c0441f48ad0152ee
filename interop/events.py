"""A client of JSON events, over the websockets package and Python's own json: what a script of somebody else would be."""

import base64
import itertools
import json

from inbox import Inbox, dial

# What is told beside everything else, whenever it happens.
BESIDE = ("presence", "around")


class Events(Inbox):
    """One socket. Events are dicts, as they are on the wire."""

    _ids = itertools.count(1)

    def __init__(self, socket, user):
        super().__init__(socket)
        self.user = user
        self.welcome = None

    @classmethod
    async def connect(cls, server, user, device=None, by="frame", token=None, headers=(), **options):
        """Signs in and waits for the welcome; without a device it names none."""
        token = user if token is None else token
        headers = dict(headers)
        if by == "headers":
            headers["token"] = token
        elif by == "bearer":
            headers["Authorization"] = f"Bearer {token}"
        elif by == "subprotocols":
            named = [f"device.{base64url(device)}"] if device else []
            options["subprotocols"] = ["bimip.events", f"token.{base64url(token)}", *named]
        if by in ("headers", "bearer") and device:
            headers["X-Device-ID"] = device
        client = cls(await dial(server.url("/ws"), additional_headers=headers, **options), user)
        if by == "frame":
            named = dict(device_id=device) if device else {}
            await client.say("auth", token=token, **named)
        client.welcome = await client.get("welcome")
        return client

    def decode(self, data):
        assert isinstance(data, str), f"a binary frame: {data!r}"
        event = json.loads(data)
        assert isinstance(event, dict) and isinstance(event["type"], str), event
        return event

    async def say(self, kind, **fields):
        await self.socket.send(json.dumps(dict(fields, type=kind)))

    async def raw(self, data):
        await self.socket.send(data)

    def new_id(self):
        return f"c-{next(self._ids)}"

    async def get(self, kind, **options):
        """The next event of this type; events of other types stay."""
        return await self.take(lambda event: event["type"] == kind, kind, **options)

    async def next(self):
        """The next event, whatever it is; who is there is told beside."""
        return await self.take(lambda event: event["type"] not in BESIDE, "event")

    async def answer(self, name):
        """What is answered to the question, command or draft of this name."""

        def about(event):
            named = event["type"] in ("sent", "done", "refused") and event.get("client_id") == name
            return named or event["type"] in ("answer", "refused") and event.get("id") == name

        return await self.take(about, f"answer to {name}")

    async def post(self, to, content, client_id=None, **fields):
        """Sends a text and does not wait; returns its name."""
        name = client_id or self.new_id()
        target = dict(conversation_id=to) if ":" in to else dict(to=to)
        await self.say("send", client_id=name, **target, content=content, **fields)
        return name

    async def send(self, to, content, **fields):
        """Sends a text; returns its acknowledgement."""
        answer = await self.answer(await self.post(to, content, **fields))
        assert answer["type"] == "sent" and answer["status"] == "sent", answer
        return answer

    async def message(self):
        """The next row that is a message."""
        return await self.get("new_message")

    async def ask(self, kind, **fields):
        name = self.new_id()
        await self.say(kind, id=name, **fields)
        return await self.answer(name)

    async def command(self, kind, **fields):
        name = self.new_id()
        await self.say(kind, client_id=name, **fields)
        return await self.answer(name)

    async def ack(self, offset):
        """All up to `offset` is stored by this device; returns where the cursor stands."""
        await self.say("ack", offset=offset)
        return (await self.get("acked"))["offset"]

    async def read(self, message_id, read_at):
        await self.say("read_receipt", message_id=message_id, read_at=read_at)
        answer = await self.take(lambda event: event.get("request") == "mark", "answer to a mark")
        assert answer == dict(type="done", request="mark", message_id=message_id, status="read"), answer

    async def fence(self):
        """Asks for an answer and waits for it: what was said before has been heard, and what came is here."""
        mark = f"fence {next(self._ids)}"
        await self.say("ping", id=mark)
        await self.take(lambda event: event["type"] == "pong" and event.get("id") == mark, "pong")

    async def rest(self):
        """All that came and was not taken, up to now; who came and went stays."""
        await self.fence()
        rest = [event for event in self.frames if event["type"] not in BESIDE]
        self.frames = [event for event in self.frames if event["type"] in BESIDE]
        return rest


def base64url(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
