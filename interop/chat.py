"""A client of the chat dialect, over the json and websockets packages."""

import base64
import itertools
import json

from inbox import Inbox, dial

PATH = "/chat?encoding=text"


class Chat(Inbox):
    """One socket. Every frame becomes its entities; each says whether it came as missed, and those beside messages are
    kept as they are."""

    _names = itertools.count(1)

    def __init__(self, socket, user):
        self.user = user
        self.welcome = None
        super().__init__(socket)

    @classmethod
    async def connect(cls, server, user, device=None, by="frame", path=PATH, has=None):
        """With `has`, its word counts from the start: it has stored all up to there."""
        options = {}
        if by == "bearer":
            options["additional_headers"] = {"Authorization": f"Bearer {user}", "X-Device-ID": device or "chat"}
        elif by == "token":
            options["additional_headers"] = {"token": user}
        elif by == "subprotocol":
            coded = base64.urlsafe_b64encode(user.encode()).decode().rstrip("=")
            options["subprotocols"] = ["bimip.chat", f"token.{coded}"]
        client = cls(await dial(server.url(path), **options), user)
        if by == "frame":
            named = {} if device is None else {"device_id": device}
            await client.say({"type": "auth", "token": user, **named})
        if has is not None:
            await client.say({"ack": has})
        client.welcome = await client.beside("welcome")
        return client

    def decode(self, data):
        assert isinstance(data, str), f"a binary frame: {data!r}"
        frame = json.loads(data)
        if "messages" in frame:
            assert set(frame) == {"messages"}, frame
            return [{**entity, "missed": True} for part in frame["messages"] for entity in part["payload"]]
        if "payload" in frame:
            assert set(frame) == {"connection_id", "payload"}, frame
            assert frame["connection_id"] == self.welcome["connection_id"], frame
            return frame["payload"]
        if frame.get("type") == "welcome":
            self.welcome = frame
        return frame

    async def say(self, frame):
        await self.socket.send(json.dumps(frame))

    async def entities(self, *entities):
        await self.say({"connection_id": self.welcome["connection_id"], "payload": list(entities)})

    async def beside(self, kind):
        """The next frame of this type, beside messages."""
        return await self.take(lambda frame: isinstance(frame, dict) and frame.get("type") == kind, kind)

    async def entity(self, wanted, what):
        """The next entity that is wanted, of a frame that has no other."""
        frame = await self.take(lambda frame: isinstance(frame, list) and any(map(wanted, frame)), what)
        assert len(frame) == 1, frame
        return frame[0]

    async def answer(self, name):
        """The answer to what was said by a name."""
        wanted = lambda it: it.get("messageId") == name and "by" not in it and "messageText" not in it
        return await self.entity(wanted, f"answer to {name}")

    def new_name(self):
        return f"c-{next(self._names)}"

    async def send(self, text, to=None, group=None, **fields):
        """Sends a message and waits until it is stored."""
        name = self.new_name()
        where = {"groupId": group} if group else {"receiverId": to}
        await self.entities({"messageId": name, "messageText": text, **where, **fields})
        stored = await self.answer(name)
        assert stored.get("receivedServer") is True and "error" not in stored, stored
        assert stored["senderId"] == self.user and len(stored["id"]) == 20, stored
        return stored

    async def revise(self, id, text=None, **fields):
        """Edits a message, or deletes it where no text is given; returns the answer."""
        name = self.new_name()
        what = {"deleted": True} if text is None else {"edited": True, "messageText": text}
        await self.entities({"messageId": name, "id": id, **what, **fields})
        return await self.answer(name)

    async def message(self):
        """The next message."""
        is_message = lambda it: "messageText" in it and not it.get("edited") and not it.get("deleted")
        return await self.entity(is_message, "message")

    async def revision(self):
        """The next edit or deletion."""
        return await self.entity(lambda it: it.get("edited") or it.get("deleted"), "revision")

    async def receipt(self, by, read=False):
        """The next receipt of somebody."""
        wanted = lambda it: it.get("by") == by and it["delivered"] and it["read"] == read
        return await self.entity(wanted, f"receipt of {by}")

    async def mark(self, id, **mark):
        """Says that a message was delivered or read, and waits for the answer."""
        await self.entities({"messageId": id, **mark})
        return await self.answer(id)

    async def stored(self, offset):
        """All up to here is stored by this device; returns where the cursor stands."""
        await self.say({"ack": offset})
        return (await self.take(lambda frame: "ack" in frame, f"answer to ack {offset}"))["ack"]

    async def fence(self):
        """Asks for an answer and waits for it: what was said before has been heard, and what came is here."""
        mark = f"fence {next(self._names)}"
        await self.say({"type": "ping", "id": mark})
        await self.take(lambda frame: isinstance(frame, dict) and frame.get("id") == mark, "pong")

    async def rest(self):
        """All that came and was not taken, up to now."""
        await self.fence()
        rest, self.frames = self.frames, []
        return rest
