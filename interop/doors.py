"""One person at each door, with the same words for all: what the matrix of dialects is tried with.

`said` is the name of a message as its sender has it, `heard` the name as a reader has it: ids of the server, or what
push-to-talk clients call it.
"""

import asyncio
import contextlib
import json

import grpc
import httpx

import message_pb2 as pb
import message_pb2_grpc
import scheme
import walkie
from chat import Chat
from events import Events
from inbox import PATIENCE
from scheme import Scheme
from walkie import Walkie

PICTURE = "https://pictures.example/1.jpg"
CONTENT = {"attachments": [{"url": PICTURE, "kind": "image"}]}


class Radio:
    """VoicePing."""

    def __init__(self, client):
        self.client = client

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server, user):
        async with await Walkie.connect(server, user) as client:
            yield cls(client)

    async def text(self, to, text):
        return await self.client.text(to, text)

    async def voice(self, to):
        return await self.client.talk(to)

    async def delivered(self, sender, heard):
        await self.client.delivered(sender, heard)

    async def read(self, sender, heard):
        await self.client.read(sender, heard)

    async def hears_text(self, sender, text):
        frame = await self.client.receive(sender)
        assert frame["text"] == text, frame
        return frame["message_id"]

    async def hears_voice(self, sender):
        return (await self.client.receive(sender, walkie.STOP))["message_id"]

    async def hears_media(self, sender):
        kinds = (walkie.TEXT, walkie.IMAGE)
        frame = await self.client.take(lambda frame: frame[1] in kinds, "a picture")
        shown = json.loads(frame[4])
        assert PICTURE in shown["text"], shown
        return shown["message_id"]

    async def hears_edit(self, sender, heard, text):
        frame = await self.client.receive(sender)
        assert frame["text"] == f"[edited] {text}" and frame["edited_message_id"] == heard, frame

    async def hears_receipt(self, status, by, said):
        kind = {"delivered": walkie.DELIVERED, "read": walkie.READ}[status]
        await self.client.receipt(kind, by, said)

    async def rest(self):
        return [frame[1] for frame in await self.client.rest()]


class Phone:
    """bimip.v1."""

    def __init__(self, client):
        self.client, self.rows = client, {}

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server, user):
        async with await Scheme.connect(server, user) as client:
            yield cls(client)

    async def text(self, to, text):
        return (await self.client.send(to, json.dumps({"text": text}).encode())).signal_id

    async def media(self, to):
        return (await self.client.send(to, json.dumps(CONTENT).encode(), kind=2)).signal_id

    async def edit(self, said, text):
        answer = await self.client.revise(said, json.dumps({"text": text}).encode())
        assert answer.type == scheme.RESPONSE, answer

    async def delete(self, said):
        assert (await self.client.revise(said)).type == scheme.RESPONSE

    async def delivered(self, _, heard):
        await self.client.dispose(self.rows[heard])

    async def read(self, _, heard):
        await self.client.mark(heard, scheme.READ)

    async def _message(self, sender):
        message = await self.client.message()
        assert scheme.sender(message).eid == sender, message
        self.rows[message.signal_id] = message.user_offset
        return message

    async def hears_text(self, sender, text):
        message = await self._message(sender)
        try:
            said = json.loads(message.payload)["text"]
        except ValueError:
            said = message.payload.decode()
        assert said == text, message
        return message.signal_id

    async def hears_voice(self, sender):
        message = await self._message(sender)
        voice = json.loads(message.payload)
        assert message.kind == 8 and voice["kind"] == "voice" and "/files/audio/" in voice["uri"], message
        return message.signal_id

    async def hears_media(self, sender):
        message = await self._message(sender)
        assert json.loads(message.payload)["attachments"][0]["url"] == PICTURE and message.kind == 2, message
        return message.signal_id

    async def _revision(self, heard, action):
        wanted = lambda frame: frame.route == scheme.REVISION and frame.revision.type == scheme.EVENT
        row = (await self.client.take(wanted, "a revision")).revision
        assert (row.signal_id, row.action) == (heard, action), row
        return row

    async def hears_edit(self, _, heard, text):
        row = await self._revision(heard, scheme.EDIT)
        assert text in row.payload.decode(), row

    async def hears_deletion(self, _, heard):
        await self._revision(heard, scheme.DELETE)

    async def hears_receipt(self, status, by, said):
        event = await self.client.event({"delivered": scheme.DELIVERED, "read": scheme.READ}[status])
        assert (event.signal_id, scheme.sender(event).eid) == (said, by), event

    async def rest(self):
        return [frame for frame in self.client.frames if scheme.is_row(frame)]


class Browser:
    """JSON events on a web socket; what is heard on streams and by polls is the same."""

    def __init__(self, client):
        self.client = client

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server, user):
        async with await Events.connect(server, user) as client:
            yield cls(client)

    async def text(self, to, text):
        return (await self.client.send(to, text))["message_id"]

    async def media(self, to):
        answer = await self.client.command("send", to=to, message_type="image", body=CONTENT)
        assert answer["type"] == "sent", answer
        return answer["message_id"]

    async def edit(self, said, text):
        answer = await self.client.command("edit", message_id=said, content=text)
        assert answer["type"] == "done", answer

    async def delete(self, said):
        answer = await self.client.command("delete", message_id=said)
        assert answer["type"] == "done", answer

    async def delivered(self, _, heard):
        await self.client.say("delivered", message_id=heard)

    async def read(self, _, heard):
        await self.client.read(heard, "2026-01-01T00:00:00Z")

    async def event(self, kind):
        return await self.client.get(kind)

    async def _message(self, sender):
        message = (await self.event("new_message"))["message"]
        assert message["sender_user_id"] == sender, message
        return message

    async def hears_text(self, sender, text):
        message = await self._message(sender)
        assert message["content"] == text, message
        return message["id"]

    async def hears_voice(self, sender):
        message = await self._message(sender)
        assert message["message_type"] == "voice" and "/files/audio/" in message["url"], message
        return message["id"]

    async def hears_media(self, sender):
        message = await self._message(sender)
        assert message["body"]["attachments"][0]["url"] == PICTURE, message
        assert message["message_type"] == "image" and PICTURE in message["content"], message
        return message["id"]

    async def hears_edit(self, _, heard, text):
        event = await self.event("message_edited")
        assert (event["message_id"], event["content"]) == (heard, text), event

    async def hears_deletion(self, _, heard):
        assert (await self.event("message_deleted"))["message_id"] == heard

    async def hears_receipt(self, status, by, said):
        event = await self.event(f"message_{status}")
        assert (event["message_id"], event["reader_id"]) == (said, by), event

    async def rest(self):
        return [event["type"] for event in await self.client.rest()]


class Messenger:
    """The chat dialect."""

    def __init__(self, client):
        self.client = client

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server, user):
        async with await Chat.connect(server, user) as client:
            yield cls(client)

    async def text(self, to, text):
        return (await self.client.send(text, to))["id"]

    async def media(self, to):
        return (await self.client.send("", to, attachment=True, attachmentURI=PICTURE))["id"]

    async def edit(self, said, text):
        assert "error" not in await self.client.revise(said, text)

    async def delete(self, said):
        assert "error" not in await self.client.revise(said)

    async def delivered(self, _, heard):
        assert "error" not in await self.client.mark(heard, delivered=True)

    async def read(self, _, heard):
        assert "error" not in await self.client.mark(heard, read=True)

    async def _message(self, sender):
        entity = await self.client.message()
        assert entity["senderId"] == sender, entity
        return entity

    async def hears_text(self, sender, text):
        entity = await self._message(sender)
        assert entity["messageText"] == text, entity
        return entity["id"]

    async def hears_voice(self, sender):
        entity = await self._message(sender)
        assert entity["attachment"] and "/files/audio/" in entity["attachmentURI"][0], entity
        return entity["id"]

    async def hears_media(self, sender):
        entity = await self._message(sender)
        assert entity["attachment"] and entity["attachmentURI"] == [PICTURE], entity
        return entity["id"]

    async def hears_edit(self, _, heard, text):
        entity = await self.client.revision()
        assert (entity["id"], entity["messageText"], entity["edited"]) == (heard, text, True), entity

    async def hears_deletion(self, _, heard):
        entity = await self.client.revision()
        assert (entity["id"], entity["deleted"]) == (heard, True), entity

    async def hears_receipt(self, status, by, said):
        entity = await self.client.receipt(by, read=status == "read")
        assert entity["id"] == said, entity

    async def rest(self):
        return [frame for frame in await self.client.rest() if isinstance(frame, list)]


class Asking(Browser):
    """HTTP: what is said by requests, and heard in two ways."""

    def __init__(self, ask):
        self.ask, self.waiting = ask, []

    @staticmethod
    def asks(server, user):
        return httpx.AsyncClient(
            base_url=server.url("/api/v1", "http"),
            headers={"Authorization": f"Bearer {user}", "X-Device-ID": "stream"},
            timeout=httpx.Timeout(PATIENCE, read=70),
        )

    async def _post(self, path, body=None, method="POST"):
        answer = await self.ask.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def text(self, to, text):
        return (await self._post("/messages", {"to": to, "content": text}))["id"]

    async def media(self, to):
        return (await self._post("/messages", {"to": to, "message_type": "image", "body": CONTENT}))["id"]

    async def edit(self, said, text):
        await self._post(f"/messages/{said}", {"content": text}, "PUT")

    async def delete(self, said):
        await self._post(f"/messages/{said}", method="DELETE")

    async def delivered(self, _, heard):
        await self._post("/messages/delivered", {"message_ids": [heard]})

    async def read(self, _, heard):
        await self._post(f"/messages/{heard}/read")

    async def more(self):
        raise NotImplementedError

    async def event(self, kind):
        """The next event of this kind; others stay."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for index, event in enumerate(self.waiting):
                    if event["type"] == kind:
                        return self.waiting.pop(index)
                self.waiting += await self.more()

    async def rest(self):
        return [event["type"] for event in self.waiting if event["type"] not in ("presence", "around")]


class Listener(Asking):
    """HTTP, with a stream of server-sent events."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server, user):
        async with cls.asks(server, user) as ask, ask.stream("GET", "/events") as answer:
            assert answer.status_code == 200
            made = cls(ask)
            made.lines = answer.aiter_lines()
            await made.event("welcome")
            yield made

    async def more(self):
        async for line in self.lines:
            if line.startswith("data: "):
                return [json.loads(line.removeprefix("data: "))]
        raise AssertionError(f"the stream ended; there is {self.waiting}")


class Poller(Asking):
    """HTTP, with long polls."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server, user):
        async with cls.asks(server, user) as ask:
            made = cls(ask)
            made.since = {}
            yield made

    async def more(self):
        answer = await self.ask.get("/sync", params=self.since | {"timeout": 5})
        assert answer.status_code == 200, answer.text
        batch = answer.json()
        self.since = {"since": batch["next"]}
        return batch["events"]


class Service:
    """gRPC."""

    def __init__(self, stub, user):
        self.stub, self.waiting, self.rows = stub, [], {}
        self.options = {"metadata": [("authorization", f"Bearer {user}")]}

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server, user):
        async with grpc.aio.insecure_channel(server.address) as channel:
            made = cls(message_pb2_grpc.MessageServiceStub(channel), user)
            made.call = made.stub.StreamMessages(pb.StreamMessagesRequest(user_id=user), **made.options)
            await made.event("welcome")
            yield made
            made.call.cancel()

    async def _send(self, **fields):
        request = pb.SendMessageRequest(**fields)
        return (await self.stub.SendMessage(request, timeout=PATIENCE, **self.options)).message.id

    async def text(self, to, text):
        return await self._send(to=to, content=text)

    async def media(self, to):
        return await self._send(to=to, message_type="image", body=json.dumps(CONTENT))

    async def delivered(self, _, heard):
        request = pb.CommitOffsetRequest(offset=self.rows[heard])
        await self.stub.CommitOffset(request, timeout=PATIENCE, **self.options)

    async def event(self, kind):
        async with asyncio.timeout(PATIENCE):
            while True:
                for index, event in enumerate(self.waiting):
                    if event.type == kind:
                        return self.waiting.pop(index)
                heard = await self.call.read()
                assert heard is not grpc.aio.EOF, f"the stream ended before {kind}"
                self.waiting.append(heard)

    async def _message(self, sender):
        event = await self.event("new_message")
        assert event.message.sender_user_id == sender, event
        self.rows[event.message.id] = event.offset
        return event.message

    async def hears_text(self, sender, text):
        message = await self._message(sender)
        assert message.content == text, message
        return message.id

    async def hears_voice(self, sender):
        message = await self._message(sender)
        assert message.message_type == "voice" and "/files/audio/" in message.url, message
        return message.id

    async def hears_media(self, sender):
        message = await self._message(sender)
        assert json.loads(message.body)["attachments"][0]["url"] == PICTURE, message
        return message.id

    async def hears_edit(self, _, heard, text):
        event = await self.event("message_edited")
        assert (event.message.id, event.message.content) == (heard, text), event

    async def hears_deletion(self, _, heard):
        assert (await self.event("message_deleted")).message.id == heard

    async def hears_receipt(self, status, by, said):
        event = await self.event(f"message_{status}")
        assert (event.message.id, event.user_id) == (said, by), event

    async def rest(self):
        return [event.type for event in self.waiting if event.type not in ("presence", "around", "heartbeat")]


DOORS = {
    "VoicePing": Radio,
    "bimip.v1": Phone,
    "/ws": Browser,
    "/chat": Messenger,
    "HTTP, stream": Listener,
    "HTTP, polls": Poller,
    "gRPC": Service,
}
