"""A page of a messenger in as much of a browser as it needs (`node/browser.js`), steered from here."""

import asyncio
import json
import os
import pathlib
import re
import subprocess

from inbox import PATIENCE

FOLDER = pathlib.Path(__file__).parent / "node"
VERSION = re.compile(r"v(\d+)\.")


def web_sockets():
    """Whose WebSocket there is: that of the package `ws`, and from version 20 on that of Node.js itself."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return ["ws", "own"] if int(VERSION.match(version)[1]) >= 20 else ["ws"]


class Page:
    """One page with a script that is run as it is printed."""

    def __init__(self):
        self.process = None
        self.told = asyncio.Queue()

    @classmethod
    async def open(cls, server, token, whose, script="messenger.js"):
        page = cls()
        flags = ["--experimental-websocket"] if whose == "own" else []
        page.process = await asyncio.create_subprocess_exec(
            *["node", *flags, str(FOLDER / "browser.js"), str(FOLDER / script), server.address, token, whose],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "NODE_PATH": os.environ["BIMIP_NODE_MODULES"]},
        )
        page._reader = asyncio.create_task(page._read())
        return page

    async def _read(self):
        async for line in self.process.stdout:
            self.told.put_nowait(json.loads(line))
        self.told.put_nowait({"failed": "the page is gone"})

    async def shows(self, element):
        """What this element shows next; the others are not waited for."""
        while True:
            event = await asyncio.wait_for(self.told.get(), PATIENCE)
            assert "failed" not in event, event
            if event["element"] == element:
                return event.get("append", event.get("text"))

    def order(self, **order):
        self.process.stdin.write(json.dumps(order).encode() + b"\n")

    def call(self, function, *arguments):
        self.order(call=function, arguments=arguments)

    def later(self, ms):
        """Lets the page's clock go on."""
        self.order(later_ms=ms)

    async def close(self):
        self.process.stdin.close()
        assert await asyncio.wait_for(self.process.wait(), PATIENCE) == 0
        await self._reader
