"""The beginning and the end of sessions."""

import asyncio
import struct

import pytest
import voiceping
from bimip import WAYS, BimipClient, Refusal
from proto import pb, scheme
from serving import Server
from store import Store
from transport import Refused, TcpTransport, WsTransport
from world import OPEN, bimip, eq, vping


# SI-WAY-2, SI-WAY-3, SI-WAY-4, BM-BYE-2, SI-NO-1, SI-WHO-1
async def test_every_way_in(s):
    for way in WAYS:
        c = await bimip(s, "ann", "w-" + way, way=way, tcp=way == "tcp", reconnect=False)
        eq((await c.ping()).__getattr__("from").connection_resource_id, "w-" + way)
        if way != "tcp":
            eq(c.conn.protocol, "bimip.v1")
        await c.close()
        eq(c.goodbye, "bye")
        eq(c.close_code, None if way == "tcp" else 1000)
    for way in voiceping.WAYS:
        v = await vping(s, "ann", way=way)
        eq((await v.test("x")).to, "ann")
        if way == "subprotocol":
            eq(v.conn.protocol, "ann")
        await v.close()
    for url in (s.vp, s.bm):
        try:
            await WsTransport.open(url, {"token": "a/b"}, ["bimip.v1"] if "bimip" in url else [])
            assert 0
        except Refused as e:
            eq(e.status, 401)
    try:
        await bimip(s, "ann", way="frame", eid="zoe")
        assert 0
    except Refusal as e:
        eq((e.code, e.error), (401, "refused"))


# DM-SES-4, BM-BYE-1
async def test_replaced(s):
    a = await bimip(s, "ann", "a1")
    await bimip(s, "ann", "a1", tcp=True)
    await asyncio.wait_for(a.ended.wait(), 10)
    eq((a.goodbye, str(a.dead)), ("replaced", "replaced"))


# DM-SES-3, SI-WAY-4
async def test_pipelined(s):
    """Speaks before it is welcomed."""
    a = BimipClient("ann", "a1", ws=s.bm, way="frame", pipeline=True)
    OPEN.append(a)
    f = await a.post("bob", b"early", id="e1")
    await a.start()
    assert (await asyncio.wait_for(f, 10)).signal_id
    b = await bimip(s, "bob", "b1", tcp=True)
    await b.until(lambda: len(b.messages()) == 1)


# DM-SES-2
async def test_own_rows(s):
    """A cursor beyond seen has passed over rows that this device caused."""
    a, b = await bimip(s, "ann", "a1", reconnect=True), await bimip(s, "bob", "b1")
    for _ in range(3):
        await b.send("ann", b"x")
    await a.until(lambda: a.disposed == 3)
    for _ in range(5):
        await a.send("bob", b"own")
    await a.close(say=False)
    store = a.store
    a = await bimip(s, "ann", "a1", store=store)
    await b.send("ann", b"y")
    await a.until(lambda: len(a.messages()) == 1)
    assert not [e for e in a.events._queue if e[0] in ("missing", "gap")], a.events._queue


# BM-WELCOME-1
async def test_new_epoch(s, tmp_path):
    """Another store: what was known by offset is void."""
    path = tmp_path / "bob"
    b = await bimip(s, "bob", "b1", store=Store(path))
    a = await bimip(s, "ann", "a1")
    for _ in range(3):
        await a.send("bob", b"old")
    await b.until(lambda: b.disposed == 3)
    epoch = b.store.epoch
    await b.close()
    fresh = Server(tmp_path / "fresh", "--storage", "memory")
    try:
        b = await bimip(fresh, "bob", "b1", store=Store(path))
        assert b.store.epoch != epoch and b.store.seen == 0
        a2 = await bimip(fresh, "ann", "a1")
        await a2.send("bob", b"new")
        await b.until(lambda: len(b.messages()) == 1)
        await b.close()
    finally:
        fresh.stop()


# DM-SES-8, BM-BYE-1
@pytest.mark.kept
async def test_going_away(s):
    """1001; the client comes back by itself."""
    a, v = await bimip(s, "ann", "a1", backoff=0.2), await vping(s, "bob")
    s.term()
    await a.until(lambda: ("goodbye", "going_away") in a.events._queue)
    f = await a.post("bob", b"while it was away")
    s.start()
    assert (await asyncio.wait_for(f, 30)).signal_id
    await v.until(lambda: v.messages, 30)


# DM-SES-6
async def test_strikes(s):
    a = await bimip(s, "ann", "a1", reconnect=False)
    for _ in range(19):
        await a.send_frame(b"\xff")
    await a.ping()
    await a.send_frame(b"\xff")
    await asyncio.wait_for(a.ended.wait(), 10)
    eq((a.goodbye, a.close_code), ("strikes", 1008))


# DM-ORD-3, DM-ACK-4
async def test_goodbye_after_drafts(s):
    """What was said before the goodbye is answered before it."""
    for n in range(5):
        a = await bimip(s, f"ann{n}", "a1", reconnect=False)
        acked = []
        a._subs.append(lambda f, _: acked.append(f.signal.id) if f.signal.type == 2 else None)
        for i in range(5):
            await a.send_frame(
                scheme("message", id=f"m{i}", to={"eid": "bob"}, type=1, status=1, payload=b"p")
            )
        await a.send_frame(scheme("logout", type=1, status=4, scope=0))
        await asyncio.wait_for(a.ended.wait(), 20)
        other = await bimip(s, f"ann{n}", "a2")
        eq((a.goodbye, other.welcome.head, len(acked)), ("bye", 5, 5))


# TC-FRAME-1, TC-FRAME-2, TC-END-1
async def test_tcp_frames(s):
    for size, signed in ((4097, False), (512 * 1024 + 1, True)):
        t = await TcpTransport.open(*s.tcp)
        if signed:
            await t.send(scheme("token_authority", type=1, task=3, token="ann").SerializeToString())
            eq(pb.MessageScheme.FromString(await t.recv()).WhichOneof("payload"), "welcome")
            await t.send(b"")
            eq(pb.MessageScheme.FromString(await t.recv()).error.code, 400)
        await t.send_raw(struct.pack(">I", size))
        eq(pb.MessageScheme.FromString(await t.recv()).error.code, 413)
        eq(pb.MessageScheme.FromString(await t.recv()).logout.details, "too_long")
        eq(await t.recv(), None)
        await t.close()
