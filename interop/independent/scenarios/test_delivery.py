"""Messages, cursors and receipts in bimip.v1."""

import asyncio

import pytest
from bimip import Refusal
from drafts import DELIVERED, FORWARDED, PLAYED, READ
from store import Store
from world import bimip, eq


# DM-BOX-3, DM-CUR-1, DM-CUR-2, DM-CUR-5, DM-RCP-1, DM-RCP-2, DM-RCP-3, DM-RCP-5, DM-ORD-1
async def test_two_devices(s):
    """One mailbox, a cursor each; receipts only rise, and the reader's other devices are told."""
    a1, a2 = await bimip(s, "ann", "a1"), await bimip(s, "ann", "a2", tcp=True)
    b1 = await bimip(s, "bob", "b1")
    acks = [await a1.send("bob", f"m{i}".encode()) for i in range(5)]
    await b1.until(lambda: len(b1.messages()) == 5)
    await a2.until(lambda: len(a2.messages()) == 5)
    eq([m.signal_id for m in b1.messages()], [x.signal_id for x in acks])
    eq([m.conversation_seq for m in b1.messages()], [1, 2, 3, 4, 5])
    eq([m.conversation_seq for m in a2.messages()], [1, 2, 3, 4, 5])
    eq([m.user_offset for m in a2.messages()], [x.user_offset for x in acks])
    assert not a1.messages()
    await a1.until(lambda: len(a1.receipts()) == 5)
    eq({(r.status, r.id) for r in a1.receipts()}, {(2, x.id) for x in acks})
    for status in (READ, READ, DELIVERED, PLAYED, PLAYED, FORWARDED):
        await b1.mark(acks[0].signal_id, status)
    await a1.until(lambda: len(a1.receipts()) == 8)
    await (await bimip(s, "cat")).send("ann", b"last")
    await a1.until(lambda: a1.messages())
    eq([r.status for r in a1.receipts()[5:]], [3, 5, 4])
    assert not b1.receipts()
    b2 = await bimip(s, "bob", "b2")
    await b2.until(lambda: len(b2.rows) == 8)
    eq([r.status for r in b2.receipts()], [3, 5, 4])
    for mark in ("0" * 20, (await b1.send("cat", b"x")).signal_id):  # DM-RCP-4: alike
        try:
            await a1.mark(mark)
            assert 0
        except Refusal as e:
            eq(e.code, 404)


# DM-DUP-1, DM-DUP-2
async def test_names(s):
    """A draft's id is of its device; the sender's own words pass."""
    a, b = await bimip(s, "ann", "a1"), await bimip(s, "bob", "b1")
    first = await a.send(
        "bob", b"\0\xff", id="n1", encryption_type="x", encrypted="key", signature="sig", timestamp=5, type=2
    )
    again = await a.send(
        "bob", b"\0\xff", id="n1", encryption_type="x", encrypted="key", signature="sig", timestamp=5, type=2
    )
    eq(first, again)
    try:
        await a.send("bob", b"other", id="n1")
        assert 0
    except Refusal as e:
        eq(e.code, 409)
    other = await bimip(s, "ann", "a2")
    assert (await other.send("bob", b"other", id="n1")).signal_id != first.signal_id
    await b.until(lambda: len(b.messages()) == 2)
    m = b.messages()[0]
    eq(
        (m.id, m.payload, m.encryption_type, m.encrypted, m.signature, m.timestamp, m.type),
        ("n1", b"\0\xff", "x", "key", "sig", 5, 2),
    )


# BM-DISPOSE-1, DM-CUR-3
async def test_dispose_answers(s):
    """Less is answered with where the cursor stands, more with what was sent."""
    a, b = await bimip(s, "ann", "a1"), await bimip(s, "bob", "b1", dispose=False)
    for i in range(3):
        await a.send("bob", b"x")
    await b.until(lambda: len(b.rows) == 3)
    eq(await b.dispose(2), 2)
    eq(await b.dispose(99), 3)
    eq(await b.dispose(1), 3)


# DM-WIN-1, DM-WIN-2
async def test_window(s):
    """256 rows and 1 MiB in flight, more when half is free."""
    a, b = await bimip(s, "ann", "a1"), await bimip(s, "bob", "b1", dispose=False)
    futures = [await a.post("bob", b"x") for _ in range(600)]
    await asyncio.gather(*futures)
    await b.until(lambda: len(b.rows) >= 256)
    await b.ping()
    eq(len(b.rows), 256)
    await b.dispose(200)
    await b.until(lambda: len(b.rows) == 456)
    await b.dispose()
    await b.until(lambda: len(b.rows) == 600)
    await b.dispose()
    c = await bimip(s, "cat", "c1", dispose=False)
    for i in range(4):
        await a.send("cat", b"y" * 400_000)
    await c.ping()
    eq(len(c.rows), 2)
    await c.dispose()
    await c.until(lambda: len(c.rows) == 4)


# DM-ACK-1, DM-DUP-1, DM-CUR-4, DM-BOX-2
@pytest.mark.kept
async def test_kill_nine(s, tmp_path):
    """Over kill -9: nothing acknowledged is lost, nothing is twice."""
    path = tmp_path / "bob"
    b = await bimip(s, "bob", "b1", store=Store(path), backoff=0.1)
    a = await bimip(s, "ann", "a1", backoff=0.1)
    futures = []
    for round in range(4):
        for i in range(60):
            futures.append(await a.post("bob", f"{round}.{i}".encode()))
            if i == 40:
                await asyncio.sleep(0.02 * round)
                s.kill()
        s.start()
        await a.until(lambda: a.ready.is_set(), 30)
    acks = await asyncio.wait_for(asyncio.gather(*futures), 60)
    await b.until(lambda: len(b.messages()) == 240, 30)
    await b.ping()
    eq(len(b.messages()), 240)
    eq([m.payload for m in b.messages()], [f"{r}.{i}".encode() for r in range(4) for i in range(60)])
    eq([m.conversation_seq for m in b.messages()], list(range(1, 241)))
    eq({m.signal_id for m in b.messages()}, {x.signal_id for x in acks})
    await a.until(lambda: len({r.signal_id for r in a.receipts()}) == 240, 30)
    offsets = [o for o, _, _ in b.store.rows()]
    eq(offsets, sorted(set(offsets)))
    epoch = b.store.epoch
    await b.close()
    b = await bimip(s, "bob", "b1", store=Store(path))  # the program started again
    eq((b.store.epoch, b.welcome.resume_from), (epoch, b.store.seen))
    await b.ping()
    eq(b.rows, [])
    first = await a.send("bob", b"0.0", id=acks[0].id)
    eq((first.signal_id, first.user_offset), (acks[0].signal_id, acks[0].user_offset))


# DM-CUR-4, DM-ROW-1
async def test_cut_receiver(s):
    """Rows come again after cuts, and are taken once."""
    a, b = await bimip(s, "ann", "a1"), await bimip(s, "bob", "b1", backoff=0.05)
    futures = []
    for i in range(300):
        futures.append(await a.post("bob", str(i).encode()))
        if i % 60 == 30:
            await asyncio.sleep(0.05)
            b.cut()
            a.cut()
            await a.until(lambda: a.ready.is_set())
    await asyncio.gather(*futures)
    await b.until(lambda: len(b.messages()) == 300)
    eq([m.payload for m in b.messages()], [str(i).encode() for i in range(300)])
    assert not [e for e in b.events._queue if e[0] in ("missing", "gap")]
