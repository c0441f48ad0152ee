"""Several devices of one user: copies, cursors, disposal, marks."""

import bimip_pb2 as pb
import pytest

from scheme import DELIVERED, EVENT, FORWARDED, MESSAGE, PLAYED, READ, Scheme, is_row, is_signal, sender


# DM-CUR-5
# MISSION B4 B5
async def test_the_other_device_gets_a_copy(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Scheme.connect(server, alice, device="one") as one,
        await Scheme.connect(server, alice, device="two") as two,
        await Scheme.connect(server, bob) as b,
    ):
        first = await one.send(bob, b"first")
        copy = await two.message()
        assert (copy.payload, copy.signal_id, copy.user_offset) == (
            b"first",
            first.signal_id,
            first.user_offset,
        )
        assert (
            sender(copy).eid == alice and sender(copy).connection_resource_id == "one" and copy.to.eid == bob
        )
        assert (await b.message()).signal_id == first.signal_id
        assert await one.rest() == [], "not to the device that wrote it"

        second = await two.send(bob, b"second")
        copy = await one.message()
        assert (copy.signal_id, copy.user_offset) == (second.signal_id, second.user_offset)
        assert await two.rest() == []
        assert (await b.message()).signal_id == second.signal_id

        third = await b.send(alice, b"third")
        for client in (one, two):
            message = await client.message()
            assert (message.signal_id, message.user_offset) == (third.signal_id, "3")
        assert (first.user_offset, second.user_offset, third.user_offset) == ("1", "2", "3")
        assert int(first.signal_offset) < int(second.signal_offset) < int(third.signal_offset)


# MISSION B4
async def test_each_device_has_its_own_cursor(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, bob) as b:
        for number in range(6):
            await b.send(alice, bytes([number]))
    async with await Scheme.connect(server, alice, device="one") as one:
        rows = [await one.message() for _ in range(6)]
        assert [int(row.user_offset) for row in rows] == [1, 2, 3, 4, 5, 6]
        assert [row.prev_offset for row in rows] == [0, 1, 2, 3, 4, 5]
        await one.dispose(4)
    async with await Scheme.connect(server, alice, device="two") as two:
        assert two.welcome.resume_from == 0
        assert [(await two.message()).payload for _ in range(6)] == [bytes([number]) for number in range(6)]
    async with await Scheme.connect(server, alice, device="one", seen=4) as one:
        assert one.welcome.resume_from == 4
        assert [int((await one.message()).user_offset) for _ in range(2)] == [5, 6]
        assert await one.rest() == []


# DM-CUR-3
# MISSION B4
async def test_disposal_is_idempotent_and_never_goes_back(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, bob) as b:
        for number in range(4):
            await b.send(alice, bytes([number]))
        async with await Scheme.connect(server, alice) as a:
            for _ in range(4):
                await a.message()
            for offset in (3, 3, 1, 2, 3):
                await a.dispose(offset)
            assert await a.rest() == []
        # Told once each, in order.
        events = [await b.event(DELIVERED) for _ in range(3)]
        assert [event.signal_id for event in events] == sorted({event.signal_id for event in events})
        assert [frame for frame in await b.rest() if is_row(frame)] == []
        async with await Scheme.connect(server, alice, seen=3) as a:
            assert a.welcome.resume_from == 3
            assert (await a.message()).payload == b"\x03"
            await a.dispose(4_000_000)  # beyond what was sent: as far as was sent
            assert await a.rest() == []
        assert (await b.event(DELIVERED)).signal_id
        async with await Scheme.connect(server, alice, seen=4) as a:
            assert a.welcome.resume_from == 4
            await b.send(alice, b"next")
            assert (await a.message()).payload == b"next"


# DM-CUR-4
# MISSION B4
async def test_what_was_not_disposed_of_comes_again(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, bob) as b:
        ack = await b.send(alice, b"again")
        for _ in range(3):
            a = await Scheme.connect(server, alice)
            assert (await a.message()).signal_id == ack.signal_id
            await a.cut()
        assert [frame for frame in await b.rest() if is_signal(frame, EVENT)] == [], (
            "not delivered before disposal"
        )


# BM-MARK-2 DM-RCP-3 DM-RCP-5
# MISSION B6
@pytest.mark.parametrize("status", [READ, PLAYED, FORWARDED])
async def test_a_mark_is_answered_told_and_synced(server, names, status):
    alice, bob = names("alice", "bob")
    async with (
        await Scheme.connect(server, alice, device="one") as one,
        await Scheme.connect(server, alice, device="two") as two,
        await Scheme.connect(server, bob, device="one") as b1,
        await Scheme.connect(server, bob, device="two") as b2,
    ):
        ack = await one.send(bob, b"read me")
        row = await b1.message()
        await b2.message()
        await b1.dispose(row.user_offset)
        await b1.mark(ack.signal_id, status)
        for client in (one, two, b2):  # the sender's devices and the reader's other one
            event = await client.event(status)
            assert (event.signal_id, sender(event).eid) == (ack.signal_id, bob), event
            assert int(event.user_offset) > 0
            if client is not b2:
                assert event.id == ack.id
        assert not any(is_signal(frame, EVENT) and frame.signal.status == status for frame in await b1.rest())
        # Again, and from the other device: answered, told to nobody.
        await b1.mark(ack.signal_id, status)
        await b2.mark(ack.signal_id, status)
        await b2.rest()
        for client in (one, two, b1):
            again = [frame for frame in await client.rest() if is_signal(frame, EVENT)]
            assert [event.signal.status for event in again if event.signal.status != DELIVERED] == []


# MISSION B6
async def test_read_implies_delivered_and_statuses_only_rise(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        ack = await a.send(bob, b"x")
        row = await b.message()
        await b.mark(ack.signal_id, READ)
        await a.event(READ)
        await b.dispose(row.user_offset)
        await b.rest()
        later = [frame.signal.status for frame in await a.rest() if is_signal(frame, EVENT)]
        assert later in ([], [DELIVERED]) and later.count(READ) == 0, "never read, then delivered"
        assert later == [], "read implies delivered: nothing more is told"


# DM-RCP-4 BM-MARK-2
# MISSION B6
async def test_a_mark_on_a_message_of_others_is_refused(server, names):
    alice, bob, carol = names("alice", "bob", "carol")
    async with (
        await Scheme.connect(server, alice) as a,
        await Scheme.connect(server, bob) as b,
        await Scheme.connect(server, carol) as c,
    ):
        ack = await a.send(bob, b"not for carol")
        await b.message()
        for number, signal_id in enumerate((ack.signal_id, "00000000000000000000", "nonsense")):
            await c.say(
                7, signal=pb.Signal(id=f"m{number}", type=1, status=READ, signal_id=signal_id, timestamp=1)
            )
            frame = await c.take(lambda frame: is_signal(frame, 3) or frame.route == 11, "a refusal")
            assert frame.route == 11 or frame.signal.code > 0
        assert await c.rest() == [] and await a.rest() == []


# DM-SES-4
# MISSION B4 B5
async def test_the_same_device_twice_the_newest_wins(server, names):
    alice, bob = names("alice", "bob")
    old = await Scheme.connect(server, alice)
    new = await Scheme.connect(server, alice)
    await old.closed()
    async with new, await Scheme.connect(server, bob) as b:
        await b.send(alice, b"for the newest")
        assert (await new.message()).payload == b"for the newest"


# MISSION B4 B5
async def test_a_long_mailbox_comes_whole_and_in_order(server, names):
    alice, bob = names("alice", "bob")
    count = 600
    async with await Scheme.connect(server, alice) as a:
        for number in range(count):
            await a.post(bob, number.to_bytes(2), id=f"n{number}")
        acks = [await a.acknowledged(f"n{number}") for number in range(count)]
    assert [int(ack.user_offset) for ack in acks] == list(range(1, count + 1))
    async with (
        await Scheme.connect(server, bob) as b,
        await Scheme.connect(server, alice, device="two") as two,
    ):
        for client in (b, two):
            rows = await client.mailbox(count)
            messages = [row.message for row in rows if row.route == MESSAGE]
            assert [message.payload for message in messages] == [
                number.to_bytes(2) for number in range(count)
            ]
            assert [message.signal_id for message in messages] == [ack.signal_id for ack in acks]
