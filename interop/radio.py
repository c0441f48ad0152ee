"""A second push-to-talk client: Node.js with the encoder of the original router, steered from here (`node/radio.js`)."""

import asyncio
import itertools
import json
import os
import pathlib

from inbox import PATIENCE
from walkie import Walkie

SCRIPT = pathlib.Path(__file__).parent / "node/radio.js"


class Node:
    """One process of Node.js for any number of clients."""

    def __init__(self):
        self.process = None
        self._ids = itertools.count(1)
        self._events = {}

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *["node", str(SCRIPT)],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
            env={**os.environ, "NODE_PATH": os.environ["BIMIP_NODE_MODULES"]},
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def _read(self):
        async for line in self.process.stdout:
            event = json.loads(line)
            self._events[event["id"]].put_nowait(event)
        for events in self._events.values():
            events.put_nowait({"failed": "Node.js is gone"})

    def tell(self, id, **order):
        self.process.stdin.write(json.dumps({"id": id, **order}).encode() + b"\n")

    async def open(self, url, headers):
        id = next(self._ids)
        self._events[id] = asyncio.Queue()
        self.tell(id, connect=url, headers=headers)
        event = await asyncio.wait_for(self._events[id].get(), PATIENCE)
        assert event.get("open"), event
        return Socket(self, id, self._events[id])

    async def stop(self):
        self.process.stdin.close()
        assert await asyncio.wait_for(self.process.wait(), PATIENCE) == 0
        await self._reader


class Socket:
    """As much of a WebSocket's interface as an inbox needs; frames are lists here, encoded over there."""

    def __init__(self, node, id, events):
        self.node, self.id, self.events = node, id, events
        self.close_code = None
        self._closed = asyncio.Event()
        self.transport = self  # of which only abort() is used

    def say(self, slots):
        self.node.tell(self.id, say=[packed(slot) for slot in slots])

    async def __aiter__(self):
        while True:
            event = await self.events.get()
            assert "failed" not in event, event
            if "closed" in event:
                self.close_code = event["closed"]
                self._closed.set()
                return
            yield [unpacked(slot) for slot in event["frame"]]

    async def close(self):
        self.node.tell(self.id, close=True)
        await self.wait_closed()

    async def wait_closed(self):
        await asyncio.wait_for(self._closed.wait(), PATIENCE)

    def abort(self):
        self.node.tell(self.id, cut=True)


def packed(slot):
    return {"$bin": slot.hex()} if isinstance(slot, bytes) else slot


def unpacked(slot):
    if isinstance(slot, dict) and "$bin" in slot:
        return bytes.fromhex(slot["$bin"])
    return None if slot == {"$undefined": True} else slot


class Radio(Walkie):
    """A walkie-talkie whose frames Node.js writes and reads."""

    @classmethod
    async def over(cls, node, server, user, token, device="radio"):
        socket = await node.open(server.url("/"), {"token": token, "device_id": device})
        client = cls(socket, user)
        await client.fence()
        return client

    def decode(self, data):
        assert len(data) in (5, 6), data
        return data

    async def say(self, *slots):
        self.socket.say(slots)

    async def raw(self, data):
        raise NotImplementedError("Node.js encodes its frames itself")
