"""The two dialects talk to each other."""

import json

import pytest

from scheme import DELIVERED as S_DELIVERED
from scheme import READ as S_READ
from scheme import Scheme, sender
from walkie import DELIVERED, READ, Walkie, parts


# MISSION V3 B7
async def test_from_the_walkie_to_protobuf_and_the_receipts_back(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        text = await a.text(bob, '{"text":"grüß dich","k":1}')
        message = await b.message()
        assert sender(message).eid == alice and message.to.eid == bob and message.type == 1
        assert json.loads(message.payload)["text"] == "grüß dich"
        await b.dispose(message.user_offset)
        await a.receipt(DELIVERED, bob, text)
        await b.mark(message.signal_id, S_READ)
        await a.receipt(READ, bob, text)

        plain = await a.text(bob, "plain")
        message = await b.message()
        assert json.loads(message.payload) == {"text": "plain"}
        await b.mark(message.signal_id, S_READ)
        await a.receipt(READ, bob, plain)


# MISSION V3 B7
@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"text":"from json","other":[1]}', "from json"),
        ("nur Text ✓".encode(), "nur Text ✓"),
        (b'{"message_id":"mine","text":"id inside"}', "id inside"),
    ],
)
async def test_from_protobuf_to_the_walkie_and_the_receipts_back(server, names, payload, expected):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        ack = await a.send(bob, payload)
        text = await b.receive(alice)
        assert text["text"] == expected
        assert parts(text["message_id"])[:3] == (1, 17, f"{bob}_{alice}")
        await b.delivered(alice, text["message_id"])
        event = await a.event(S_DELIVERED)
        assert (event.signal_id, event.id, sender(event).eid) == (ack.signal_id, ack.id, bob)
        await b.read(alice, text["message_id"])
        event = await a.event(S_READ)
        assert (event.signal_id, event.id, sender(event).eid) == (ack.signal_id, ack.id, bob)


# MISSION V3
async def test_receipts_cross_over_when_the_sender_was_away(server, names):
    alice, bob = names("alice", "bob")
    a = await Walkie.connect(server, alice)
    text = await a.text(bob, "bye")
    await a.hang_up()
    async with await Scheme.connect(server, bob) as b:
        message = await b.message()
        await b.dispose(message.user_offset)
        await b.mark(message.signal_id, S_READ)
        reply = await b.send(alice, b'{"text":"too late"}')
    async with await Walkie.connect(server, alice) as a:
        await a.receipt(DELIVERED, bob, text)
        await a.receipt(READ, bob, text)
        answer = await a.receive(bob)
        await a.delivered(bob, answer["message_id"])
        await a.read(bob, answer["message_id"])
        assert await a.rest() == []
    async with await Scheme.connect(server, bob) as b:
        event = await b.event(S_DELIVERED)
        assert (event.signal_id, event.id) == (reply.signal_id, reply.id)
        assert (await b.event(S_READ)).signal_id == reply.signal_id


# DM-TLK-2 BM-BODY-1
# MISSION V2 B7
async def test_a_talk_is_a_voice_message_elsewhere(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        talk = await a.talk(bob)
        message = await b.message()
        voice = json.loads(message.payload)
        assert voice["kind"] == "voice" and voice["duration_ms"] == parts(talk)[4]
        await b.dispose(message.user_offset)
        await a.receipt(DELIVERED, bob, talk)
        await b.mark(message.signal_id, S_READ)
        await a.receipt(READ, bob, talk)


# MISSION B5
async def test_one_user_with_both_dialects(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Walkie.connect(server, alice) as phone,
        await Scheme.connect(server, alice, device="desk") as desk,
        await Walkie.connect(server, bob) as b,
    ):
        text = await phone.text(bob, "from the phone")
        copy = await desk.message()
        assert sender(copy).eid == alice and json.loads(copy.payload)["text"] == "from the phone"
        assert (await b.receive(alice))["message_id"] == text
        await desk.send(bob, b"from the desk")
        answer = await b.receive(alice)
        assert answer["text"] == "from the desk"
        await b.read(alice, text)
        await phone.receipt(READ, bob, text)
        assert (await desk.event(S_READ)).signal_id == copy.signal_id
        back = await b.text(alice, "to both")
        assert (await phone.receive(bob))["message_id"] == back
        assert json.loads((await desk.message()).payload)["text"] == "to both"


# DM-BOX-4 VP-TEXT-4 BM-BODY-1
# MISSION B7
async def test_what_is_encrypted_stays_so(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        await a.send(bob, b'{"text":"SECRET"}', encryption_type="aes", encrypted="yes")
        await a.send(bob, b"\xff\xfe\x00")
        await a.send(bob, b"after it")
        frames = []
        while not frames or "after it" not in frames[-1][4]:
            frames.append(await b.get(17))
        assert not any("SECRET" in frame[4] for frame in frames)
