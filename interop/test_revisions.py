"""Edits and deletions over the protobuf dialect, and what the other dialects see of them."""

import bimip_pb2 as pb

from scheme import DELETE, EDIT, REFUSAL, RESPONSE, REVISION, Scheme, sender
from walkie import Walkie


# DM-REV-1, DM-REV-2, DM-REV-3, BM-REV-1, BM-REV-2, BM-REV-3
# MISSION M3
async def test_an_edit_reaches_every_device_in_its_turn(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Scheme.connect(server, alice, device="one") as one,
        await Scheme.connect(server, alice, device="two") as two,
        await Scheme.connect(server, bob) as b,
    ):
        ack = await one.send(bob, b"helo")
        for client in (two, b):
            await client.message()
        answer = await one.revise(ack.signal_id, b"hello", encryption_type="none", signature="s")
        assert (answer.type, answer.edition, answer.user_offset) == (RESPONSE, 1, "2")
        for client in (two, b):
            row = await client.revision()
            assert (row.signal_id, row.message_id, row.payload, row.signature) == (ack.signal_id, ack.id, b"hello", "s")
            assert (row.action, row.edition, row.user_offset, row.prev_offset) == (EDIT, 1, "2", 1)
            assert (row.conversation, row.conversation_seq) == (f"d:{alice}:{bob}", 1)
            assert sender(row).eid == alice and sender(row).connection_resource_id == "one"
        assert (await two.revise(ack.signal_id, b"hello!")).edition == 2
        assert (await b.revision()).payload == b"hello!"
        assert (await one.revision()).edition == 2
        assert (await two.revise(ack.signal_id)).edition == 3
        row = await b.revision()
        assert (row.action, row.payload, row.edition) == (DELETE, b"", 3)
        late = await one.revise(ack.signal_id, b"late")
        assert (late.type, late.code, late.error) == (REFUSAL, 410, "the message is deleted")


# DM-REV-1, DM-REV-4
async def test_only_the_author_may_and_a_repeat_gets_the_first_answer(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        ack = await a.send(bob, b"mine")
        await b.message()
        refused = await b.revise(ack.signal_id, b"yours")
        assert (refused.type, refused.code) == (REFUSAL, 404)
        first = await a.revise(ack.signal_id, b"still mine", id="e-1")
        assert (await a.revise(ack.signal_id, b"still mine", id="e-1")) == first
        assert (await a.revise(ack.signal_id, b"something else", id="e-1")).code == 409
        assert (await a.revise(ack.signal_id, b"by its draft", id=ack.id)).code == 409
        assert (await b.revision()).payload == b"still mine"
        assert await b.rest() == []


# DM-REV-5
async def test_what_was_deleted_reaches_nobody_who_was_away_also_after_a_restart(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(own_server, alice) as a:
        await a.send(bob, b"kept")
        ack = await a.send(bob, b"secret")
        await a.revise(ack.signal_id)
    for _ in range(2):
        async with await Scheme.connect(own_server, bob) as b:
            assert (await b.message()).payload == b"kept"
            place, turn = await b.revision(), await b.revision()
            assert (place.user_offset, turn.user_offset, place.action) == ("2", "3", DELETE)
            assert place.signal_id == turn.signal_id == ack.signal_id
        await own_server.restart()


# DM-REV-6
# VP-TEXT-7
async def test_a_walkie_is_not_held_up_by_what_it_has_no_words_for(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Walkie.connect(server, bob) as walkie:
        ack = await a.send(bob, b"first")
        await a.revise(ack.signal_id, b"1st")
        await a.revise(ack.signal_id)
        await a.send(bob, b"second")
        first, edit, second = [await walkie.receive(alice) for _ in range(3)]
        assert (first["text"], second["text"]) == ("first", "second")
        assert (edit["text"], edit["edited_message_id"]) == ("[edited] 1st", first["message_id"])


# BM-REV-1
async def test_what_cannot_be_read_is_refused_by_its_name(server, names):
    (alice,) = names("alice")
    async with await Scheme.connect(server, alice) as a:
        await a.say(REVISION, revision=pb.Revision(type=1, id="e-1", action=1))
        wanted = lambda frame: frame.route == REVISION and frame.revision.id == "e-1"
        refused = (await a.take(wanted, "a refusal")).revision
        assert (refused.type, refused.code) == (REFUSAL, 422)
