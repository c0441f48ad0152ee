"""Reactions and the kinds of messages over the protobuf dialect, and what push-to-talk clients see of them."""

import json

import bimip_pb2 as pb

from scheme import DELETE, REACTION, REFUSAL, RESPONSE, SET, TAKE_BACK, Scheme, sender
from walkie import Walkie


def counts(row):
    return [(it.emoji, it.count, it.mine, list(it.users)) for it in row.reactions]


# DM-RCT-1, DM-RCT-2, DM-RCT-6, BM-RCT-1, BM-RCT-2, BM-RCT-3, BM-RCT-4
# MISSION M3 A1
async def test_a_reaction_reaches_every_device_in_its_turn(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Scheme.connect(server, alice, device="one") as one,
        await Scheme.connect(server, alice, device="two") as two,
        await Scheme.connect(server, bob) as b,
    ):
        assert "reactions" in one.welcome.features and "kinds" in one.welcome.features
        ack = await one.send(bob, b"hello")
        for client in (two, b):
            await client.message()
        answer = await b.react(ack.signal_id, "👍")
        assert (answer.type, answer.edition, answer.count, answer.user_offset) == (RESPONSE, 1, 1, "2")
        for client in (one, two):
            row = await client.reaction()
            assert (row.signal_id, row.message_id, row.emoji, row.action) == (ack.signal_id, ack.id, "👍", SET)
            assert (row.edition, row.count, row.user_offset, row.conversation_seq) == (1, 1, "2", 1)
            assert row.conversation == f"d:{alice}:{bob}" and sender(row).eid == bob
        assert (await one.react(ack.signal_id, "👍")).count == 2
        assert (await two.reaction()).count == (await b.reaction()).count == 2
        for client, other, mine in ((one, bob, True), (b, alice, True)):
            (row,) = await client.history(other)
            assert counts(row) == [("👍", 2, mine, [bob, alice])] and row.reaction_edition == 2
        answer = await b.react(ack.signal_id, "👍", TAKE_BACK)
        assert (answer.edition, answer.count) == (3, 1)
        assert (await one.reaction()).action == TAKE_BACK
        (row,) = await b.history(alice)
        assert counts(row) == [("👍", 1, False, [alice])]


# DM-RCT-1, DM-RCT-3
async def test_a_stranger_learns_nothing_and_a_repeat_gets_the_first_answer(server, names):
    alice, bob, carol = names("alice", "bob", "carol")
    async with (
        await Scheme.connect(server, alice) as a,
        await Scheme.connect(server, bob) as b,
        await Scheme.connect(server, carol) as c,
    ):
        ack = await a.send(bob, b"for bob")
        await b.message()
        refused = await c.react(ack.signal_id, "👍")
        assert (refused.type, refused.code) == (REFUSAL, 404)
        first = await b.react(ack.signal_id, "👍", id="x-1")
        assert (await b.react(ack.signal_id, "👍", id="x-1")) == first
        assert (await b.react(ack.signal_id, "👎", id="x-1")).code == 409
        nothing = await b.react(ack.signal_id, "👍")
        assert (nothing.type, nothing.edition, nothing.user_offset) == (RESPONSE, 1, "0")
        assert (await a.reaction()).emoji == "👍"
        assert await a.rest() == []


# DM-RCT-5
async def test_what_was_deleted_takes_its_reactions_along_also_after_a_restart(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(own_server, alice) as a, await Scheme.connect(own_server, bob, device="one") as b:
        ack = await a.send(bob, b"secret")
        await b.react(ack.signal_id, ":secret:")
        await a.revise(ack.signal_id)
        assert (await b.react(ack.signal_id, "👍")).code == 410
    await own_server.restart()
    async with await Scheme.connect(own_server, bob, device="two") as b:
        rows = [await b.revision() for _ in range(3)]
        assert [row.action for row in rows] == [DELETE] * 3
        (row,) = await b.history(alice)
        assert (row.deleted, counts(row), row.reaction_edition) == (True, [], 0)


# DM-RCT-7
async def test_a_walkie_is_not_held_up_by_reactions(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Walkie.connect(server, bob) as walkie:
        ack = await a.send(bob, b"first")
        await a.react(ack.signal_id, "👍")
        await a.send(bob, b"second")
        for text in ("first", "second"):
            assert (await walkie.receive(alice))["text"] == text


# BM-RCT-1
async def test_what_cannot_be_read_is_refused_by_its_name(server, names):
    (alice,) = names("alice")
    async with await Scheme.connect(server, alice) as a:
        await a.say(REACTION, reaction=pb.Reaction(type=1, id="x-1", action=1))
        wanted = lambda frame: frame.route == REACTION and frame.reaction.id == "x-1"
        refused = (await a.take(wanted, "a refusal")).reaction
        assert (refused.type, refused.code) == (REFUSAL, 422)


# BM-KIND-1, BM-KIND-2, CT-SHOW-1, DM-REV-7
# MISSION M1
async def test_a_message_says_its_kind_and_keeps_it(server, names):
    alice, bob, carl = names("alice", "bob", "carl")
    async with (
        await Scheme.connect(server, alice) as a,
        await Scheme.connect(server, bob) as b,
        await Walkie.connect(server, carl) as walkie,
    ):
        sticker = json.dumps({"attachments": [{"url": "https://x/1.webp", "kind": "sticker"}], "pack": "cats"}).encode()
        await a.send(carl, sticker, kind=7)
        shown = await walkie.receive(alice)
        assert shown["text"] == "[sticker] https://x/1.webp" and shown["pack"] == "cats"
        ack = await a.send(bob, b'{"text": "helo"}', kind=1)
        row = await b.message()
        assert (row.kind, row.payload) == (1, b'{"text": "helo"}')
        assert (await a.revise(ack.signal_id, b'{"text": "hello"}')).code == 422
        assert (await a.revise(ack.signal_id, sticker, kind=7)).code == 422
        assert (await a.revise(ack.signal_id, b'{"text": "hello"}', kind=1)).edition == 1
        assert (await b.revision()).kind == 1
        (row,) = await b.history(alice)
        assert (row.message.kind, row.message.payload) == (1, b'{"text": "hello"}')
