"""The real server, as a process of its own."""

import asyncio
import os
import signal

from inbox import PATIENCE


class Server:
    """One data folder; the process over it may come and go."""

    def __init__(self, data, log, *flags, auth="open"):
        """`flags` come behind the usual ones; the last of a kind counts."""
        self.data, self.log, self.auth, self.flags = data, log, auth, flags
        self.process = None
        self.address = None
        self.tcp = None

    async def start(self):
        arguments = ["--listen", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data", str(self.data)]
        arguments += ["--auth", self.auth, *self.flags]
        with open(self.log, "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                os.environ["BIMIP_SERVER"], *arguments, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        words = line.decode().split()
        assert words[:2] == ["listening", "on"] and words[2].startswith("http://127.0.0.1:"), self.trouble(
            line
        )
        self.address = words[2].removeprefix("http://").rstrip("/")
        assert words[3] == "tcp", self.trouble(line)
        self.tcp = words[4]
        return self

    async def token(self, user):
        """What a user signs in with: the name itself, or a token that the server's own command makes while it runs."""
        if self.auth == "open":
            return user
        made = await asyncio.create_subprocess_exec(
            os.environ["BIMIP_SERVER"],
            *["token", "--data", str(self.data), "--user", user],
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(made.communicate(), PATIENCE)
        assert made.returncode == 0, self.trouble(out)
        return out.decode().strip()

    def url(self, path, scheme="ws"):
        return f"{scheme}://{self.address}{path}"

    async def terminate(self):
        """Asks it to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 20)

    async def kill(self):
        """kill -9: nothing is written any more."""
        self.process.kill()
        await self.process.wait()

    async def restart(self):
        assert await self.terminate() == 0, self.trouble()
        await self.start()

    async def stop(self):
        if self.process and self.process.returncode is None:
            await self.kill()

    def trouble(self, line=b""):
        return f"{line!r}; the server's log ends with:\n{self.log.read_text()[-2000:]}"
