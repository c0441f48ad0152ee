"""How far a message got, and why no further, over the protobuf dialect."""

from scheme import JOIN, READ, Scheme, now_ms
from walkie import Walkie

# Words, reasons and states of the schema.
PENDING, SENT, DELIVERED, HAS_READ = range(4)
DELETED, LEFT_GROUP, NOT_FILLED, NEVER_CONNECTED, UNTOLD = range(1, 6)
ACKNOWLEDGED, WRITTEN, NEXT, WINDOW_FULL, NO_WORDS, LOGGED_OUT, OFFLINE, ELSEWHERE, UNKNOWN = range(1, 10)


def states(recipient):
    return {device.connection_resource_id: device.state for device in recipient.devices}


# DM-STAT-1, DM-STAT-2, DM-STAT-4, BM-QRY-4
# MISSION A1 E4
async def test_a_message_to_somebody_who_is_away(server, names):
    alice, bob = names("alice", "bob")
    began = now_ms()
    async with await Scheme.connect(server, alice) as a:
        ack = await a.send(bob, b"are you there?")
        answer = await a.status(ack.signal_id)
        status, (it,) = answer.status, answer.recipients
        assert (status.signal_id, status.id, status.status, status.conversation_seq) == (ack.signal_id, ack.id, PENDING, 1)
        assert began <= status.server_time <= now_ms()
        assert (it.user, it.status, it.reason, len(it.devices)) == (bob, PENDING, NEVER_CONNECTED, 0)

        async with await Scheme.connect(server, bob) as b:
            row = await b.message()
            (it,) = (await a.status(ack.signal_id)).recipients
            (phone,) = it.devices
            assert (it.status, it.reason, phone.state) == (SENT, 0, WRITTEN)
            assert began <= phone.connected_at <= phone.at <= now_ms()
            await b.dispose(int(row.user_offset))
            had = now_ms()
            (it,) = (await a.status(ack.signal_id)).recipients
            assert (it.status, it.marks, states(it)) == (DELIVERED, 1, {"phone": ACKNOWLEDGED})
            assert phone.at <= it.delivered_at <= had and it.read_at == 0
            await b.mark(ack.signal_id, READ)
            answer = await a.status(ack.signal_id)
            (read,) = answer.recipients
            assert (read.status, read.marks, read.delivered_at) == (HAS_READ, 3, it.delivered_at)
            assert it.delivered_at <= read.read_at <= now_ms()
            status = answer.status
            assert (status.status, status.recipients, status.delivered, status.read) == (HAS_READ, 1, 1, 1)
            assert (status.first_delivered_at, status.first_read_at) == (it.delivered_at, read.read_at)
            # He is told of himself, and where it is in his mailbox.
            (own,) = (await b.status(ack.signal_id)).recipients
            assert (own.user, own.status, own.user_offset, read.user_offset) == (bob, HAS_READ, 1, 0)

        gone = await a.send(bob, b"gone?")
        (it,) = (await a.status(gone.signal_id)).recipients
        (phone,) = it.devices
        assert (it.status, it.reason, phone.state) == (PENDING, 0, OFFLINE)
        assert read.read_at <= phone.at <= now_ms()


# DM-STAT-2
async def test_times_outlive_a_restart(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(own_server, alice) as a, await Scheme.connect(own_server, bob) as b:
        ack = await a.send(bob, b"kept")
        await b.message()
        await b.dispose(1)
        await b.mark(ack.signal_id, READ)
        before = await a.status(ack.signal_id)
        assert 0 < before.recipients[0].delivered_at <= before.recipients[0].read_at
    await own_server.kill()
    await own_server.start()
    async with await Scheme.connect(own_server, alice) as a:
        after = await a.status(ack.signal_id)
        assert after.status == before.status
        for part in ("marks", "delivered_at", "read_at"):
            assert getattr(after.recipients[0], part) == getattr(before.recipients[0], part)


# DM-STAT-3, DM-STAT-6
# MISSION A1
async def test_a_group_is_counted(server, names):
    alice, bob, carl, eve, team = names("alice", "bob", "carl", "eve", "team")
    async with (
        await Scheme.connect(server, alice) as a,
        await Scheme.connect(server, bob) as b,
        await Scheme.connect(server, carl) as c,
        await Scheme.connect(server, eve) as e,
    ):
        for client in (a, b, c):
            await client.group(team, JOIN)
        ack = await a.send(team, b"all of you", conversation=f"g:{team}")
        for client in (b, c):
            await client.message()
        await b.dispose(1)
        answer = await a.status(ack.signal_id)
        status = answer.status
        assert (status.recipients, status.delivered, status.read, status.at_least, status.status) == (2, 1, 0, False, SENT)
        assert {it.user: it.status for it in answer.recipients} == {bob: DELIVERED, carl: SENT}
        first = await a.status(ack.signal_id, limit=1)
        second = await a.status(ack.signal_id, limit=1, after_user=first.recipients[0].user)
        assert (first.more, second.more, len(second.recipients)) == (True, False, 1)
        assert {it.recipients[0].user for it in (first, second)} == {bob, carl}
        (own,) = (await c.status(ack.signal_id)).recipients
        assert own.user == carl
        # A stranger hears of it what they hear of nothing.
        strange, nothing = await e.status(ack.signal_id), await e.status("0" * 20)
        for answer in (strange, nothing):
            answer.id = ""
        assert strange == nothing and not strange.HasField("status") and not strange.recipients
        await e.group(team, JOIN)
        assert not (await e.status(ack.signal_id)).HasField("status")


# DM-STAT-1, BM-QRY-4: a message is known by its msgpack name too, and a walkie-talkie is a device like any other.
async def test_a_message_to_a_walkie_talkie(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a:
        ack = await a.send(bob, b'{"text": "over"}')
        async with await Walkie.connect(server, bob) as b:
            received = await b.receive(alice)
            (it,) = (await a.status(ack.signal_id)).recipients
            assert it.status in (SENT, DELIVERED) and len(it.devices) == 1
            name = received["message_id"]
        answer = await a.status(name)
        assert answer.status.signal_id == ack.signal_id
