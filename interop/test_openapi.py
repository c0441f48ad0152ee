"""The API against the document that the server has of it, by schemathesis: requests that the document allows are taken, others
are refused, and every answer is one that it says."""

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from inbox import PATIENCE
from server import Server

HERE = Path(__file__).parent
EXAMPLES = 4


# MISSION A8
# HT-DOC-1, HT-ERR-1, HT-ERR-2, HT-BODY-1, HT-BODY-2, HT-AUTH-1
@pytest.mark.timeout(300)
async def test_the_server_does_what_its_document_says(tmp_path):
    server = Server(tmp_path / "data", tmp_path / "log", "--open-registration", "--call-rate", "0", auth="accounts")
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url("/api/v1", "http"), timeout=PATIENCE) as ask:
            made = await ask.post("/auth/register", json={"user": "ann", "password": "correct horse battery"})
            token = made.json()["token"]
        arguments = ["--config-file", HERE / "schemathesis.toml", "run", server.url("/api/v1/openapi.json", "http")]
        arguments += ["--header", f"Authorization: Bearer {token}", "--checks", "all"]
        arguments += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)]
        # These would end the session that everything is asked in, last, and wait.
        for path in ("auth/logout", "events", "sync"):
            arguments += ["--exclude-path", f"/api/v1/{path}"]
        arguments += ["--warnings", "off", "--no-color"]
        environment = os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
        run = await asyncio.create_subprocess_exec(
            Path(sys.executable).parent / "st",
            *arguments,
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await run.communicate()
        assert run.returncode == 0, said.decode(errors="replace")[-20_000:]
        assert await server.terminate() == 0, server.trouble()
    finally:
        await server.stop()
