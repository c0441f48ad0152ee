"""Presence, live signals, positions and being hidden: what is told to whoever is there, and never stored."""

import time

import pytest
from live import (
    AWAY,
    BUSY,
    CALLING,
    DECLINED,
    DO_NOT_DISTURB,
    OFFLINE,
    ONLINE,
    READ,
    RECORDING,
    RESUMED,
    TYPING,
)
from proto import scheme
from world import bimip, eq, vping


def told(client, kind):
    return [thing for what, thing in client.events._queue if what == kind]


def statuses(client, user):
    return [p.status for p in told(client, "presence") if getattr(p, "from").eid == user]


async def friends(s, *users):
    """They share conversations: each has written to the next (DM-PRS-1), before they come."""
    for one, other in zip(users, users[1:]):
        client = await bimip(s, one, "before")
        await client.send(other, b"hello")
        await client.close()
    clients = [await bimip(s, user) for user in users]
    for client in clients:
        await client.until(
            lambda: all(client.status_of(user) == ONLINE for user in users if user != client.user)
        )
    return clients


# BM-AWARE-2, BM-AWARE-3, BM-AWARE-4, DM-PRS-1, DM-PRS-2
async def test_who_comes_and_goes(s):
    """Told to contacts and nobody else; the last connection counts, of any dialect."""
    a, b, z = *await friends(s, "ann", "bob"), await bimip(s, "zoe")
    await b.close()
    await a.until(lambda: a.status_of("bob") == OFFLINE and OFFLINE in statuses(a, "bob"))
    v = await vping(s, "bob")
    await a.until(lambda: a.status_of("bob") == ONLINE)
    p = a.around["bob"][2]
    eq((p.type, p.status, p.location_sharing, p.latitude), (2, ONLINE, 2, 0.0))
    assert 0 < p.ttl <= 120 and abs(p.timestamp - time.time() * 1000) < 60_000
    b = await bimip(s, "bob", "b1")
    await b.until(lambda: b.status_of("ann") == ONLINE)  # in one Body, after the welcome
    n = len(statuses(a, "bob"))
    await v.close()
    await b.aware(AWAY)
    await a.until(lambda: a.status_of("bob") == AWAY)
    assert OFFLINE not in statuses(a, "bob")[n:]
    await b.close()
    await a.until(lambda: a.status_of("bob") == OFFLINE)
    eq(told(z, "presence"), [])


# DM-PRS-1, DM-PRS-2
async def test_contacts_that_are_made_while_both_are_here(s):
    """Two who have just met see each other, and what the other one says of themselves."""
    a, b = await bimip(s, "ann"), await bimip(s, "bob")
    await a.send("bob", b"hello")
    await b.until(lambda: b.status_of("ann") == ONLINE)
    await a.until(lambda: a.status_of("bob") == ONLINE)
    await a.aware(AWAY)
    await b.until(lambda: b.status_of("ann") == AWAY, 3)


# BM-AWARE-1, BM-AWARE-2, BM-AWARE-4
async def test_what_a_client_says(s):
    """1 to 5 to contacts, with a place or without; the ttl runs out."""
    a, b = await friends(s, "ann", "bob")
    for status in (AWAY, BUSY, DO_NOT_DISTURB, OFFLINE, ONLINE):
        await a.aware(status, ttl=0)
        await b.until(lambda: b.status_of("ann") == status)
    await a.aware(AWAY, place=(12.5, -3.25), ttl=100)
    await b.until(lambda: b.status_of("ann") == AWAY)
    p = b.around["ann"][2]
    eq(
        (p.location_sharing, p.latitude, p.longitude, getattr(p, "from").connection_resource_id),
        (1, 12.5, -3.25, "d1"),
    )
    assert 0 < p.ttl <= 100
    await a.aware(BUSY, latitude=5.0, longitude=5.0)  # not shared
    await b.until(lambda: b.status_of("ann") == BUSY)
    p = b.around["ann"][2]
    eq((p.location_sharing, p.latitude, p.longitude), (2, 0.0, 0.0))
    await a.aware(AWAY, ttl=1)
    await b.until(lambda: statuses(b, "ann")[-2:] == [AWAY, ONLINE], 10)


# BM-AWARE-1, BM-LOC-1, BM-ERR-2
async def test_refused_presences(s):
    """An ErrorMessage with the route; the connection lives on."""
    a, b = await friends(s, "ann", "bob")
    for status, more in (
        (12, {}),
        (0, {}),
        (13, {}),
        (TYPING, {}),
        (ONLINE, {"ttl": 86_401}),
        (ONLINE, {"ttl": -1}),
        (ONLINE, {"place": (90.5, 0.0)}),
        (ONLINE, {"place": (0.0, 181.0)}),
        (ONLINE, {"place": (float("nan"), 0.0)}),
    ):
        n = len(a.faults)
        await a.aware(status, **more)
        await a.until(lambda: len(a.faults) > n)
        eq((a.faults[-1].code, a.faults[-1].error_origin, status, more), (422, 2, status, more))
    n = len(a.faults)
    await a.position("bob", 91.0, 0.0)
    await a.until(lambda: len(a.faults) > n)
    eq((a.faults[-1].code, a.faults[-1].error_origin), (422, 9))
    n = len(a.faults)
    await a.send_frame(scheme("awareness", {"type": 1, "status": 1, "from": {"eid": "bob"}}))
    await a.until(lambda: len(a.faults) > n)
    eq((a.faults[-1].code, a.faults[-1].error_origin), (403, 2))
    await a.ping()


# BM-AWARE-1
async def test_in_passing(s):
    """6 to 10 to the one they are for, 11 to one's own other devices."""
    a, b = await friends(s, "ann", "bob")
    a2 = await bimip(s, "ann", "d2")
    for status in (TYPING, RECORDING, 8, 9, READ):
        await a.aware(status, "bob")
        await b.until(lambda: statuses(b, "ann")[-1:] == [status])
    eq(b.status_of("ann"), ONLINE)
    await a.aware(RESUMED)
    await a2.until(lambda: RESUMED in statuses(a2, "ann"))
    await a.aware(TYPING, "bob")
    await b.until(lambda: statuses(b, "ann")[-1:] == [TYPING])
    assert RESUMED not in statuses(b, "ann")


# BM-LIVE-1
async def test_live_signals(s):
    """To a user and to a group; no row, no answer; 442 with the id for who is not in the group."""
    a, b = await bimip(s, "ann"), await bimip(s, "bob")
    va, vb = await vping(s, "ann"), await vping(s, "bob")
    await va.join("crew")
    await vb.join("crew")
    for status in range(6, 13):
        id = await a.live(status, "bob")
        await b.until(lambda: [x for x in told(b, "live") if x.id == id])
        x = told(b, "live")[-1]
        eq(
            (x.type, x.status, getattr(x, "from").eid, x.signal_id, x.user_offset, x.conversation),
            (4, status, "ann", "", "", ""),
        )
    id = await a.live(CALLING, group="crew")
    await b.until(lambda: [x for x in told(b, "live") if x.id == id])
    eq(told(b, "live")[-1].conversation, "g:crew")
    id = await a.live(DECLINED, group="strangers")
    await a.until(lambda: told(a, "refused"))
    x = told(a, "refused")[-1]
    eq((x.type, x.status, x.id, x.code), (3, 0, id, 442))
    head = b.welcome.head
    b2 = await bimip(s, "bob", "d2")
    eq((b2.welcome.head, b.rows, told(a, "live")), (head, [], []))


# BM-LOC-1
async def test_positions(s):
    a, b = await friends(s, "ann", "bob")
    await a.position("bob", 51.5, -0.25, 35.0, id="walk")
    await b.until(lambda: told(b, "position"))
    p = told(b, "position")[0]
    eq((p.id, p.latitude, p.longitude, p.altitude, p.to.eid), ("walk", 51.5, -0.25, 35.0, "bob"))
    eq((getattr(p, "from").eid, getattr(p, "from").connection_resource_id), ("ann", "d1"))


# BM-VIS-1, BM-VIS-2, DM-PRS-4
@pytest.mark.kept
async def test_hidden(s):
    """Durable, of the user, and nothing leaves, in any dialect."""
    a, b = await friends(s, "ann", "bob")
    a2 = await bimip(s, "ann", "d2")
    await b.until(lambda: b.status_of("ann") == ONLINE)
    v = await a.hide()
    eq((v.type, bool(v.id)), (2, True))
    await a2.until(lambda: a2.hidden)
    eq(told(a2, "hidden"), [True])
    eq((await a.hide()).type, 2)
    before = [len(told(b, kind)) for kind in ("presence", "live", "position")]
    await a.aware(BUSY)
    await a.aware(TYPING, "bob")
    await a.position("bob", 1.0, 1.0)
    await a.live(TYPING, "bob")
    await a.live(CALLING, "bob")  # a word to somebody
    await b.until(lambda: told(b, "live")[before[1] :])
    eq([x.status for x in told(b, "live")], [CALLING])
    eq([len(told(b, kind)) for kind in ("presence", "position")], before[::2])
    known = [len(told(client, "welcome")) for client in (a, b)]
    s.kill()
    s.start()
    for client, before in zip((a, b), known):
        await client.until(lambda: len(told(client, "welcome")) > before and client.ready.is_set())
    await a.until(lambda: told(a, "hidden")[-2:] == [True, True])
    await a.live(CALLING, "bob")
    await b.until(lambda: len(told(b, "live")) == 2)
    eq(b.status_of("ann"), OFFLINE)
    eq((await a.hide(False)).type, 1)
    await b.until(lambda: b.status_of("ann") == ONLINE)
