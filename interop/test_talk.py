"""Private talks, live."""

import json
import time

from walkie import AUDIO, DELIVERED, PRIVATE, READ, START, START_ACK, STOP, STOP_ACK, Walkie, parts


# MISSION V1 V2 V3 V5 V7
async def test_a_talk_from_start_to_the_receipts(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        began = time.time_ns() // 1_000_000
        stamp = 1763652000000
        await a.say(PRIVATE, START, alice, bob, stamp)
        assert await a.get(START_ACK) == [PRIVATE, START_ACK, alice, bob, stamp]
        assert await b.get(START) == [PRIVATE, START, alice, bob, stamp]

        packets = [bytes([number] * 40) for number in range(8)]
        for packet in packets:
            await a.say(PRIVATE, AUDIO, alice, bob, packet)
        for packet in packets:
            assert await b.get(AUDIO) == [PRIVATE, AUDIO, alice, bob, packet]

        await a.say(PRIVATE, STOP, alice, bob)
        ack = await a.get(STOP_ACK)
        ended = time.time_ns() // 1_000_000
        assert len(ack) == 6, ack
        assert ack[:4] == [PRIVATE, STOP_ACK, alice, bob] and ack[5] == "Acknowledged", ack
        channel, kind, between, stamped, duration, ending = parts(ack[4])
        assert (channel, kind, between, ending) == (1, 3, f"{bob}_{alice}", "opus")
        assert began - 1 <= stamped <= ended + 1
        assert 0 <= duration <= ended - began + 1

        heard = await b.receive(alice, kind=STOP)
        assert heard == {"message_id": ack[4], "duration": duration}

        await b.delivered(alice, ack[4])
        await a.receipt(DELIVERED, bob, ack[4])
        await b.read(alice, ack[4])
        await a.receipt(READ, bob, ack[4])
        assert await a.rest() == [] and await b.rest() == []


# MISSION V2
async def test_a_stop_without_a_start_is_answered_and_goes_nowhere(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        for ending in ([], [None]):
            await a.say(PRIVATE, STOP, alice, bob, *ending)
            ack = await a.get(STOP_ACK)
            assert (
                ack[:4] == [PRIVATE, STOP_ACK, alice, bob] and len(ack) == 6 and ack[5] == "Acknowledged"
            ), ack
            assert parts(ack[4])[1:3] == (3, f"{bob}_{alice}")
        assert await a.rest() == [] and await b.rest() == []
    async with await Walkie.connect(server, bob) as b:
        assert await b.rest() == [], "nothing was kept either"


# MISSION V7
async def test_private_talks_are_never_busy_and_cross(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        for client, other in ((a, bob), (b, alice)):
            await client.say(PRIVATE, START, client.user, other, 1)
            assert await client.get(START_ACK) == [PRIVATE, START_ACK, client.user, other, 1]
        for client, other in ((a, bob), (b, alice)):
            await client.say(PRIVATE, AUDIO, client.user, other, b"both")
            await client.say(PRIVATE, STOP, client.user, other)
        for client, other in ((a, bob), (b, alice)):
            assert await client.get(AUDIO) == [PRIVATE, AUDIO, other, client.user, b"both"]
            assert (await client.receive(other, kind=STOP))["message_id"] != (await client.get(STOP_ACK))[4]


# MISSION V1 V7
async def test_payloads_of_a_live_talk_keep_their_type(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        for payload in (7, 2**40, "begin", b"\x00\xff"):
            await a.say(PRIVATE, START, alice, bob, payload)
            assert await a.get(START_ACK) == [PRIVATE, START_ACK, alice, bob, payload]
            assert await b.get(START) == [PRIVATE, START, alice, bob, payload]
        await a.say(PRIVATE, AUDIO, alice, bob, "a string stays a string")
        assert await b.get(AUDIO) == [PRIVATE, AUDIO, alice, bob, "a string stays a string"]


# MISSION V1 V2
async def test_talking_to_oneself(server, names):
    (alice,) = names("alice")
    async with await Walkie.connect(server, alice) as a:
        await a.say(PRIVATE, START, alice, alice, 5)
        assert await a.get(START_ACK) == [PRIVATE, START_ACK, alice, alice, 5]
        assert await a.get(START) == [PRIVATE, START, alice, alice, 5]
        await a.say(PRIVATE, AUDIO, alice, alice, b"echo")
        assert await a.get(AUDIO) == [PRIVATE, AUDIO, alice, alice, b"echo"]
        await a.say(PRIVATE, STOP, alice, alice)
        message = (await a.get(STOP_ACK))[4]
        assert json.loads((await a.get(STOP))[4])["message_id"] == message
        assert await a.rest() == []
