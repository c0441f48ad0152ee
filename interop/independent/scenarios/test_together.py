"""Groups, and both dialects with each other."""

import json

import pytest
from bimip import Refusal
from drafts import READ
from voiceping import Busy, Failed, NotInGroup
from vpcodec import GROUP
from world import bimip, eq, vping


# BM-GROUP-1, BM-GROUP-2, VP-GROUP-1, VP-GROUP-2, VP-GROUP-3, DM-GRP-2, DM-GRP-3, DM-GRP-5, DM-GRP-6, DM-TLK-6
@pytest.mark.kept
async def test_groups(s):
    a, b = await vping(s, "ann"), await vping(s, "bob")
    c = await bimip(s, "ann", "c1")
    try:
        await a.text("t é:m", "x", channel=GROUP)
        assert 0
    except NotInGroup:
        pass
    try:
        await a.talk_start("t é:m", channel=GROUP)
        assert 0
    except Failed:
        pass
    await a.join("t é:m")
    await b.join("t é:m")
    await b.join("t é:m")
    await a.text("t é:m", "hello", channel=GROUP)
    await b.until(lambda: b.messages)
    await c.until(lambda: c.messages())
    m = c.messages()[0]
    eq((m.conversation, m.to.eid, m.payload), ("g:t%20%C3%A9%3Am", "t é:m", b'{"text":"hello"}'))
    ack = await c.send(group="t é:m", payload=b"from c", id="gc")
    eq(ack.to.eid, "t é:m")
    await b.until(lambda: len(b.messages) == 2)
    await a.until(lambda: len(a.messages) == 1)  # a frame from oneself
    eq((a.messages[0].sender, a.messages[0].to, a.messages[0].channel), ("ann", "t é:m", 0))
    await b.mark_read(b.messages[1])
    await c.until(lambda: any(r.status == 3 and r.id == "gc" for r in c.receipts()))
    await a.until(lambda: any((f.channel, f.kind, f.to) == (0, 21, "ann") for f in a.got))
    await a.talk_start("t é:m", channel=GROUP)
    try:
        await b.talk_start("t é:m", channel=GROUP)
        assert 0
    except Busy:
        pass
    await a.talk_stop("t é:m", channel=GROUP)
    await b.talk_start("t é:m", channel=GROUP)
    await b.talk_stop("t é:m", channel=GROUP)
    await b.leave("t é:m")
    try:
        await b.text("t é:m", "x", channel=GROUP)
        assert 0
    except NotInGroup:
        pass
    s.kill()
    s.start()
    await c.until(lambda: c.ready.is_set(), 30)
    assert (await c.send(group="t é:m", payload=b"after restart")).signal_id
    try:
        await c.send(group="nobody", payload=b"x")
        assert 0
    except Refusal as e:
        eq(e.code, 442)
    for more in (
        {"conversation": "x"},
        {"conversation": "g:a b"},
        {"conversation": "d:bob:ann"},
        {"conversation": "g:other"},
    ):
        try:
            await c.send("bob", b"x", timeout=10, **more)
            assert 0
        except Refusal as e:
            eq(e.code, 422)
    eq((await c.send("bob", b"x", conversation="d:ann:bob")).status, 1)


# VP-RECEIPT-1, VP-RECEIPT-2, DM-BAR-2, BM-MARK-1
async def test_cross_receipts(s):
    """A bimip.v1 author with a VoicePing reader, and back; a message has two names."""
    a, b = await bimip(s, "ann", "a1"), await vping(s, "bob", receipts=False)
    acks = [await a.send("bob", f"m{i}".encode()) for i in range(3)]
    await b.until(lambda: len(b.messages) == 3)
    await b.test()
    await a.ping()
    eq(a.receipts(), [])  # DM-BAR-2: a barrier makes no receipt
    ids = [m.id for m in b.messages]
    await b.send([1, 20, "bob", "ann", json.dumps([ids[0], acks[1].signal_id])])
    await b.send([1, 21, "bob", "nobody", acks[2].signal_id, None])
    await a.until(lambda: len(a.receipts()) >= 3)
    eq(
        {(r.signal_id, r.status) for r in a.receipts()},
        {(acks[0].signal_id, 2), (acks[1].signal_id, 2), (acks[2].signal_id, 3)},
    )
    ack = await b.text("ann", "back")
    await a.until(lambda: a.messages())
    await b.until(lambda: len(b.got) == 1)
    await a.mark(ack.label, READ)  # by its msgpack name (BM-MARK-1)
    await b.until(lambda: len(b.got) == 2)
    eq([(f.kind, f.payload) for f in b.got], [(20, ack.label), (21, ack.label)])
