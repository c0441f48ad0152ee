"""Sound and texts over HTTP, and the pings of the web socket."""

import asyncio
import json

import aiohttp
from files import fetch, ogg_packets
from transport import WsTransport
from vpcodec import IMAGE, pack, read
from world import bimip, comes_to_rest, eq, vping


# VP-FILE-1, VP-FILE-3, VP-FILE-4, BM-BODY-1
async def test_sound(s):
    """The packets as they came, by either name, with ranges."""
    a, b = await vping(s, "ann"), await bimip(s, "bob")
    pieces = [bytes([8, i]) * (20 + i) for i in range(9)]
    await a.talk_start("bob")
    for piece in pieces:
        await a.audio("bob", piece)
    ack = await a.talk_stop("bob")
    await b.until(lambda: b.messages())
    m = b.messages()[0]
    uri = json.loads(m.payload)["uri"]
    eq(uri, "/files/audio/" + ack.label)
    for by in ("header", "VoicePingToken", "authorization", "query"):
        for name, who in ((ack.label, "ann"), (ack.label, "bob"), (m.signal_id, "ann"), (m.signal_id, "bob")):
            status, headers, body = await fetch(s.http, "audio", name, who, by=by)
            eq(
                (status, headers["content-type"], headers["x-content-type-options"]),
                (200, "audio/ogg", "nosniff"),
            )
    head, tags, *packets = ogg_packets(body)
    eq((head[:8], head[9], tags[:8], packets), (b"OpusHead", 1, b"OpusTags", pieces))
    eq(int.from_bytes(head[12:16], "little"), 16_000)
    status, headers, part = await fetch(s.http, "audio", ack.label, "bob", range="bytes=10-19")
    eq((status, part, headers["content-range"]), (206, body[10:20], f"bytes 10-19/{len(body)}"))
    status, _, part = await fetch(s.http, "audio", ack.label, "bob", range="bytes=-5")
    eq((status, part), (206, body[-5:]))
    eq((await fetch(s.http, "audio", ack.label, "bob", range=f"bytes={len(body)}-"))[0], 416)
    status, headers, none = await fetch(s.http, "audio", ack.label, "bob", method="HEAD")
    eq((status, headers["content-length"], none), (200, str(len(body)), b""))


# VP-FILE-5
async def test_bodies(s):
    """As they were stored."""
    a, b = await vping(s, "ann"), await bimip(s, "bob")
    for payload, kind, content in (
        ("plain é", "text/plain; charset=utf-8", "plain é".encode()),
        ('{"z":1.10}', "application/json", b'{"z":1.10}'),
    ):
        ack = await a.text("bob", payload)
        status, headers, body = await fetch(s.http, "text", ack.label, "bob")
        eq((status, headers["content-type"], body), (200, kind, content))
    ack = await a.text("bob", b"\xff\xd8", kind=IMAGE)
    status, headers, body = await fetch(s.http, "text", ack.label, "bob")
    eq((status, headers["content-type"], body), (200, "application/octet-stream", b"\xff\xd8"))
    sent = await b.send("ann", b"\0\1")
    eq((await fetch(s.http, "text", sent.signal_id, "ann"))[2], b"\0\1")


# VP-FILE-2, VP-FILE-3
async def test_files_of_others(s):
    """All alike 404; without a token 401."""
    a = await vping(s, "ann")
    text = (await a.text("bob", "x")).label
    await a.talk_start("bob")
    await a.audio("bob", b"\x08" * 40)
    talk = (await a.talk_stop("bob")).label
    await a.talk_start("bob")
    silent = (await a.talk_stop("bob")).label
    answers = [
        await fetch(s.http, what, name, who)
        for what, name, who in (
            ("text", text, "zoe"),
            ("audio", talk, "zoe"),
            ("text", talk, "bob"),
            ("audio", text, "bob"),
            ("audio", silent, "bob"),
            ("text", "1_17_bob_ann_1.txt", "ann"),
            ("audio", "0" * 20, "ann"),
            ("text", "junk", "ann"),
            ("text", "../x", "ann"),
        )
    ]
    eq([(status, body) for status, _, body in answers], [(404, answers[0][2])] * len(answers))
    eq((await fetch(s.http, "text", text, "", by=None))[0], 401)
    eq((await fetch(s.http, "text", text, "bob"))[0], 200)


# VP-PING-2, DM-BAR-1
async def test_pings(s):
    """The body of the pings; only a pong with it moves the cursor."""
    a, user = await bimip(s, "ann"), "bob" + "é" * 80
    await a.send(user, b"one")
    for answer in (b"", b"voiceping:bob", None):
        t = await WsTransport.open(s.vp, {"token": "", "Authorization": "Bearer " + user}, autoping=False)
        rows, ping = 0, None
        while ping is None:
            msg = await asyncio.wait_for(t._ws.receive(), 20)
            rows += msg.type == aiohttp.WSMsgType.BINARY
            if msg.type == aiohttp.WSMsgType.PING:
                ping = bytes(msg.data)
        eq((rows, ping, len(ping)), (1, ("voiceping:" + "bob" + "é" * 56).encode(), 125))
        await t._ws.pong(ping if answer is None else answer)
        await t.send(pack([1, 25, user, 0, "heard"]))
        while read(await t.recv()).kind != 26:
            pass
        await t.close()
    await comes_to_rest(s, user, way="authorization")
