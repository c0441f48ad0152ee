"""What waits for those who are away: messages and receipts, also over a restart of the server."""

from scheme import DELIVERED as S_DELIVERED
from scheme import READ as S_READ
from scheme import Scheme, sender
from walkie import (
    AUDIO,
    DELIVERED,
    PRIVATE,
    READ,
    START,
    START_ACK,
    STOP,
    STOP_ACK,
    Walkie,
    comes_to_rest,
)


# MISSION V6 V3
async def test_a_text_and_a_talk_wait_for_the_receiver(own_server, names):
    for restarted in (False, True):
        alice, bob = names("alice", "bob")
        async with await Walkie.connect(own_server, alice) as a:
            text = await a.text(bob, "while you were away")
            talk = await a.talk(bob)
        if restarted:
            await own_server.restart()
        async with await Walkie.connect(own_server, bob) as b:
            assert await b.receive(alice) == {"message_id": text, "text": "while you were away"}
            missed = await b.receive(alice, kind=STOP)
            assert missed["message_id"] == talk and missed["duration"] >= 0
            assert await b.rest() == [], "one STOP stands for the whole talk"
            await b.delivered(alice, text)
            await b.read(alice, talk)
            assert await b.rest() == []
        if restarted:
            await own_server.restart()
        async with await Walkie.connect(own_server, alice) as a:
            await a.receipt(DELIVERED, bob, text)
            await a.receipt(READ, bob, talk)
            assert [frame for frame in await a.rest() if frame[4] != talk] == []
        for user in (alice, bob):
            await comes_to_rest(own_server, user, known=[text, talk])


# MISSION B4 B6
async def test_rows_wait_for_a_device(own_server, names):
    for restarted in (False, True):
        alice, bob = names("alice", "bob")
        async with await Scheme.connect(own_server, alice) as a:
            acks = [await a.send(bob, f"{number}".encode()) for number in range(5)]
        if restarted:
            await own_server.restart()
        async with await Scheme.connect(own_server, bob) as b:
            for number, ack in enumerate(acks):
                message = await b.message()
                assert (message.payload, message.signal_id) == (f"{number}".encode(), ack.signal_id)
                assert sender(message).eid == alice and message.to.eid == bob
            await b.dispose(message.user_offset)
            await b.mark(acks[0].signal_id, S_READ)
        if restarted:
            await own_server.restart()
        async with await Scheme.connect(own_server, alice, seen=a.seen) as a:
            for ack in acks:
                event = await a.event(S_DELIVERED)
                assert (event.signal_id, event.id, sender(event).eid) == (ack.signal_id, ack.id, bob)
            event = await a.event(S_READ)
            assert (event.signal_id, event.id, sender(event).eid) == (acks[0].signal_id, acks[0].id, bob)
            await a.dispose(event.user_offset)
            assert await a.rest() == []
        async with await Scheme.connect(own_server, bob, seen=b.seen) as b:
            assert all(frame.route != 6 for frame in await b.rest()), (
                "what was disposed of does not come again"
            )


# MISSION V7
async def test_a_talk_that_is_cut_off_leaves_the_line_free(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, bob) as b:
        a = await Walkie.connect(server, alice)
        await a.say(PRIVATE, START, alice, bob, 1)
        await a.get(START_ACK)
        await a.say(PRIVATE, AUDIO, alice, bob, b"x")
        await b.get(AUDIO)
        await a.cut()
        async with await Walkie.connect(server, alice) as a:
            await a.say(PRIVATE, START, alice, bob, 2)
            assert await a.get(START_ACK) == [PRIVATE, START_ACK, alice, bob, 2]
            await a.say(PRIVATE, STOP, alice, bob)
            stop = await a.get(STOP_ACK)
            wanted = lambda frame: frame[1] == STOP and stop[4] in str(frame[4])
            assert await b.take(wanted, "the second talk")


# DM-WIN-1
# MISSION V6
async def test_a_backlog_longer_than_the_window(server, names):
    alice, bob, count = *names("alice", "bob"), 700
    async with await Walkie.connect(server, alice) as a:
        ids = await a.texts(bob, [str(number) for number in range(count)])
    async with await Walkie.connect(server, bob) as b:
        received = [await b.receive(alice) for _ in range(count)]
        assert [text["message_id"] for text in received] == ids
        assert await b.rest() == []
    await comes_to_rest(server, bob, known=ids)
