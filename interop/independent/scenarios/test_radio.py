"""VoicePing."""

import asyncio
import json

import pytest
from transport import WsTransport
from vpcodec import IMAGE, INTERACTIVE, UNDEFINED
from world import bimip, comes_to_rest, eq, vping


# VP-TEXT-1, VP-TEXT-2, VP-TEXT-3, VP-TEXT-5, VP-IMAGE-1, VP-ACK-1, VP-RECEIPT-2
async def test_texts(s):
    a, b = await vping(s, "ann"), await vping(s, "bob")
    await a.text("bob", '{"z":1.10,"message_id":"mine","a":[1,2]}')
    await a.text("bob", "plain")
    for nothing in (None, UNDEFINED):
        await a.send([1, 17, "ann", "bob", nothing])
    await a.send([1, 17, "ann", "bob"])
    await a.text("bob", b"\xff\xd8", kind=IMAGE)
    await a.text("bob", '{"do":1}', kind=INTERACTIVE)
    await b.until(lambda: len(b.messages) == 4)
    one, two, three, four = b.messages
    eq(one.frame.payload, '{"message_id":"%s","z":1.10,"a":[1,2]}' % one.id)
    eq(two.json, {"message_id": two.id, "text": "plain"})
    eq((three.image, three.frame.size), (b"\xff\xd8", 6))
    eq(four.inner, {"do": 1})
    await a.until(lambda: len(a.got) == 4)
    await b.mark_read(two)
    await a.until(lambda: len(a.got) == 5)
    g = a.got[-1]
    eq((g.channel, g.kind, g.sender, g.to, g.payload), (1, 21, "bob", "ann", two.id))


# VP-ID-2
async def test_ids(s):
    a, b = await vping(s, "7"), await vping(s, "8", ids="int")
    await a.text("8", "x")
    await b.test()
    await a.text(8, "y")
    await b.until(lambda: len(b.messages) == 2)
    eq([type(b.messages[1].frame.sender), type(b.messages[1].frame.to)], [int, int])
    assert all(isinstance(f.to, str) for f in a.frames)


# VP-TALK-1, VP-TALK-2, VP-TALK-3, VP-TALK-4, VP-AUDIO-1, DM-TLK-1, DM-TLK-2, DM-TLK-3, DM-TLK-5
async def test_talk(s):
    a, b = await vping(s, "ann"), await vping(s, "bob")
    eq((await a.talk_start("bob", {"k": [1]}, label="L")).payload, {"k": [1]})
    await a.audio("bob", b"a" * 4096)
    await a.audio("bob", b"b" * 4097)
    ack = await a.talk_stop("bob")
    await b.until(lambda: b.messages)
    eq(
        [(f.kind, f.label if f.size == 6 else None, f.payload) for f in b.talk],
        [(1, "L", {"k": [1]}), (3, None, b"a" * 4096)],
    )
    eq(b.messages[0].id, ack.label)
    eq(f"_{b.messages[0].json['duration']}ms.opus", "_" + ack.label.rsplit("_", 1)[1])
    eq((await a.talk_start("bob")).payload, "Acknowledged")
    await a.talk_stop("bob")
    await a.talk_stop("bob")
    await b.until(lambda: len(b.messages) == 2)
    c = await bimip(s, "bob", "c1")
    await c.until(lambda: len(c.messages()) == 2)
    body = json.loads(c.messages()[0].payload)
    eq((body["kind"], body["duration_ms"]), ("voice", b.messages[0].json["duration"]))


# DM-BAR-1, DM-CUR-2, DM-CUR-4
@pytest.mark.kept
async def test_backlog(s):
    """What came before is not sent again."""
    a = await bimip(s, "ann", "a1")
    await asyncio.gather(*[await a.post("bob", str(i).encode()) for i in range(700)])
    b = await vping(s, "bob", receipts=False)
    await b.until(lambda: len(b.messages) == 700)
    eq([m.text for m in b.messages], [str(i) for i in range(700)])
    await b.close()
    await comes_to_rest(s, "bob")
    s.term()
    s.start()
    b = await vping(s, "bob", receipts=False)
    await b.test()
    eq(b.messages, [])


# SI-VP-1, VP-BYE-1
async def test_sessions(s):
    a = await vping(s, "ann", "phone")
    b = await vping(s, "ann", "tablet")
    await asyncio.wait_for(a.ended.wait(), 10)
    eq(a.replaced, "userId ann has logged in from another deviceId tablet")
    await b.test()


# DM-BAR-1, DM-WIN-1
async def test_without_pongs(s):
    """No pong, no cursor."""
    a = await bimip(s, "ann", "a1")
    await asyncio.gather(*[await a.post("bob", str(i).encode()) for i in range(300)])
    for _ in range(2):
        t = await WsTransport.open(s.vp, {"token": "bob"}, autoping=False)
        n = pings = 0
        try:
            while True:
                msg = await asyncio.wait_for(t._ws.receive(), 1)
                n, pings = n + (msg.type.name == "BINARY"), pings + (msg.type.name == "PING")
        except asyncio.TimeoutError:
            pass
        eq((n, pings), (256, 1))
        await t.close()
