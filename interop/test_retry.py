"""The same client id again: the first result again, and nothing new."""

from scheme import MESSAGE, REFUSAL, RESPONSE, Scheme, is_signal


async def rows_of(server, user, device):
    """All that a new device of a user is given."""
    async with await Scheme.connect(server, user, device=device) as client:
        if client.welcome.head == 0:
            return []
        return await client.mailbox(client.welcome.head)


# DM-DUP-1
# MISSION B10
async def test_a_retry_gets_the_first_answer_and_stores_nothing(own_server, names):
    alice, bob = names("alice", "bob")
    a = await Scheme.connect(own_server, alice)
    ack = await a.send(bob, b"once", id="r-1")
    first = (ack.signal_id, ack.signal_offset, ack.user_offset)
    for _ in range(3):
        again = await a.send(bob, b"once", id="r-1")
        assert (again.signal_id, again.signal_offset, again.user_offset) == first
    await a.cut()
    a = await Scheme.connect(own_server, alice, seen=1)  # the same device on another connection
    again = await a.send(bob, b"once", id="r-1")
    assert (again.signal_id, again.signal_offset, again.user_offset) == first
    await own_server.restart()
    a = await Scheme.connect(own_server, alice, seen=1)
    again = await a.send(bob, b"once", id="r-1")
    assert (again.signal_id, again.signal_offset, again.user_offset) == first
    later = await a.send(bob, b"twice", id="r-2")
    assert later.signal_id != ack.signal_id and later.user_offset == "2"
    for user in (alice, bob):
        rows = await rows_of(own_server, user, "auditor")
        assert [row.message.payload for row in rows if row.route == MESSAGE] == [b"once", b"twice"]


# MISSION B10
async def test_retries_in_one_breath(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        for _ in range(20):
            await a.post(bob, b"same", id="r-1")
        acks = [await a.acknowledged("r-1") for _ in range(20)]
        assert len({(ack.signal_id, ack.user_offset) for ack in acks}) == 1
        assert (await b.message()).payload == b"same"
        assert await b.rest() == []


# DM-DUP-2
# MISSION B10
async def test_another_body_with_the_same_id_is_refused(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        await a.send(bob, b"the first", id="r-1")
        await a.post(bob, b"another", id="r-1")
        await a.refused("r-1")
        await a.post(alice, b"the first", id="r-1")
        await a.refused("r-1")
        assert (await b.message()).payload == b"the first"
        assert await b.rest() == [] and await a.rest() == []
        # The first one stands, and its own retry is still its own.
        assert (await a.send(bob, b"the first", id="r-1")).user_offset == "1"
    assert len(await rows_of(server, alice, "auditor")) == 1


# MISSION B10
async def test_an_id_belongs_to_its_device(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Scheme.connect(server, alice, device="one") as one,
        await Scheme.connect(server, alice, device="two") as two,
        await Scheme.connect(server, bob) as b,
    ):
        acks = [await client.send(bob, b"x", id="same id") for client in (one, two, b)]
        assert len({ack.signal_id for ack in acks}) == 3


# DM-ACK-3 DM-ACK-4
# MISSION B3 B10
async def test_every_message_of_a_flood_is_answered_and_what_was_refused_can_be_sent_again(server, names):
    alice, bob, count = *names("alice", "bob"), 2000
    async with await Scheme.connect(server, alice) as a:
        open_ids = {f"n{number}": str(number).encode() for number in range(count)}
        stored = {}
        while open_ids:
            for id, payload in open_ids.items():
                await a.post(bob, payload, id=id)
            for _ in range(len(open_ids)):
                answered = lambda frame: is_signal(frame, RESPONSE) or is_signal(frame, REFUSAL)
                signal = (await a.take(answered, "answer")).signal
                if signal.type == RESPONSE:
                    stored[signal.id] = signal.signal_id
                    del open_ids[signal.id]
                else:
                    assert signal.id in open_ids and signal.code == 429 and signal.retry_after_ms > 0, signal
        assert await a.rest() == []
    rows = [row.message for row in await rows_of(server, bob, "auditor")]
    assert {row.id: row.signal_id for row in rows} == stored and len(rows) == count
