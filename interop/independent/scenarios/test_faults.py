"""What is refused, and in which words."""

import asyncio

from bimip import Refusal
from vpcodec import pack
from world import bimip, eq, vping


# BM-FRAME-1, BM-FRAME-2, BM-ERR-1
async def test_faults(s):
    """The connection lives on; every draft has an answer."""
    a = await bimip(s, "ann", "a1")
    for data, code, origin in (
        (b"", 400, 0),
        (b"\xff", 400, 0),
        (b"\x08\x06", 428, 6),
        (b"\x08\x07\x32\x00", 421, 7),
        (b"\x08\x63", 404, 99),
        (b"\x08\x0b\x5a\x00", 501, 11),
        (b"\x08\x10\x82\x01\x00", 501, 16),
    ):
        n = len(a.faults)
        await a.send_frame(data)
        await a.until(lambda: len(a.faults) > n)
        eq((a.faults[-1].code, a.faults[-1].error_origin), (code, origin))
    futures = [await a.post("bob", b"1"), await a.post("bob", b"2", timestamp=-1), await a.post("bob", b"3")]
    assert (await futures[0]).signal_id and (await futures[2]).signal_id
    try:
        await asyncio.wait_for(futures[1], 5)
        assert 0
    except Refusal as e:
        eq(e.code, 422)
    eq(a.store.drafts(), [])
    await a.ping()


# DM-ACK-3, BM-FRAME-2, BM-ACK-2
async def test_refusals_name_the_draft(s):
    """Also where a field cannot be read."""
    a = await bimip(s, "ann", "a1")
    seen = []
    a._subs.append(lambda f, d: seen.append(f))
    await a.post("bob", b"2", id="named", timestamp=-1)
    await a.until(lambda: [f for f in seen if f.route in (7, 11)])
    eq([(f.route, f.signal.id, f.signal.code) for f in seen if f.route in (7, 11)], [(7, "named", 422)])


# VP-KIND-1, VP-TALK-3
async def test_stop_to_a_strange_group(s):
    """8 answers a START and nothing else."""
    a = await vping(s, "ann")
    await a.send([0, 2, "ann", "strangers"])
    await a.test()
    await a.until(lambda: a.unauthorized)
    await a.test()
    eq([f.kind for f in a.frames if f.kind == 8], [])


# VP-FRAME-2, VP-ID-1, VP-ID-3
async def test_radio_bad_frames(s):
    """Refused, and the connection lives on."""
    a, b = await vping(s, "ann"), await vping(s, "bob")
    for data in (
        b"",
        b"\x95\x01",
        pack([1, 17]),
        pack([1, 17, "ann", "bob", "x"]) + b"\0",
        b"\x95\x01\x11\xa3ann\xa3bob\xa1\xff",
        pack([1, "x", "ann", "bob", "x"]),
        pack([1, 17, "zoe", "bob", "x"]),
        pack([1, 17, "ann", 2**31, "x"]),
        pack([2, 17, "ann", "bob", "x"]),
        pack([1, 99, "ann", "bob", "x"]),
        pack([1, 11, "ann", "bob", "x"]),
        bytes.fromhex("9501 11 a3616e6e a3626f62") + b"\x91" * 33 + b"\xc0",
        bytes.fromhex("9501 11 a3616e6e a3626f62 dfffffffff"),
        bytes.fromhex("950111a3616e6ea3626f62d405ff"),
    ):
        await a.send_raw(data)
    await a.test()
    await a.text("bob", "alive")
    await b.until(lambda: b.messages)
    eq([m.text for m in b.messages], ["alive"])
