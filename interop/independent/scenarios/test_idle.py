"""Silence. Four minutes long, so only where `BIMIP_IDLE` is set."""

import asyncio
import os
import time

import pytest
from proto import pb, scheme
from transport import TcpTransport, WsTransport
from world import bimip, eq


# TC-LIVE-1, DM-SES-7, BM-PING-1
@pytest.mark.timeout(320)
@pytest.mark.skipif("BIMIP_IDLE" not in os.environ, reason="takes four minutes; set BIMIP_IDLE=1")
async def test_idle(s):
    """A silent line is let go after 240 s; one that gives signs of life and a WebSocket that answers pings stay."""
    silent = await TcpTransport.open(*s.tcp)
    await silent.send(scheme("token_authority", type=1, task=3, token="ann").SerializeToString())
    alive = await bimip(s, "bob", tcp=True)
    web = await WsTransport.open(s.bm, {"token": "cat"}, ["bimip.v1"])
    await silent.recv()
    began = time.monotonic()
    reads = [asyncio.create_task(web.recv()) for _ in range(2)]  # reading answers pings
    eq(pb.MessageScheme.FromString(await silent.recv()).logout.details, "idle")
    assert 235 < time.monotonic() - began < 250
    assert alive.ready.is_set() and alive.goodbye is None and web.close_code is None
    for read in reads:
        read.cancel()
