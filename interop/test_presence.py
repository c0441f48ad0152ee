"""Presence, live signals, positions, visibility, batches and push registrations of bimip.v1."""

import bimip_pb2 as pb
import pytest

from scheme import (
    AWAY,
    BODY,
    BUSY,
    CALLING,
    EVENT,
    LOCATION,
    MESSAGE,
    OFFLINE,
    ONLINE,
    PUSH,
    RECORDING,
    REFUSAL,
    SIGNAL,
    TYPING,
    VISIBILITY,
    Scheme,
    identity,
    is_presence,
    is_signal,
    presences,
    sender,
)
from walkie import GROUP, USER_ADD, Walkie


async def acquainted(a, b):
    """Two who have written to each other."""
    ack = await a.send(b.user, b"hello")
    row = await b.message()
    assert row.signal_id == ack.signal_id
    await b.dispose(int(row.user_offset))
    await a.event(2)


# MISSION B8
async def test_contacts_see_each_other_come_and_go(server, names):
    # BM-AWARE-2, BM-AWARE-3, BM-AWARE-4, DM-PRS-1, DM-PRS-2
    alice, bob, carol = names("alice", "bob", "carol")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, carol) as c:
        async with await Scheme.connect(server, bob) as b:
            assert await a.watched() == [] and await b.watched() == [], "strangers"
            await acquainted(a, b)
            for one, other in (a, bob), (b, alice):
                met = presences(await one.take(is_presence, "presence"))[0]
                assert (sender(met).eid, met.status) == (other, ONLINE)
            await a.aware(AWAY, ttl=90, location_sharing=1, latitude=52.5, longitude=13.4)
            told = presences(await b.take(is_presence, "presence"))[0]
            assert (sender(told).eid, told.type, told.status) == (alice, 2, AWAY)
            assert (told.location_sharing, told.latitude, told.longitude, told.ttl) == (1, 52.5, 13.4, 90)
            await a.aware(BUSY, location_sharing=2, latitude=52.5, longitude=13.4)
            told = presences(await b.take(is_presence, "presence"))[0]
            assert (told.status, told.location_sharing, told.latitude, told.longitude) == (BUSY, 2, 0.0, 0.0)
        gone = presences(await a.take(is_presence, "presence"))[0]
        assert (sender(gone).eid, gone.status) == (bob, OFFLINE)
        async with await Scheme.connect(server, bob) as b:
            around = await b.take(lambda frame: frame.route == BODY, "those who are here")
            assert [(sender(it).eid, it.status) for it in presences(around)] == [(alice, BUSY)]
            back = presences(await a.take(is_presence, "presence"))[0]
            assert (sender(back).eid, back.status) == (bob, ONLINE)
        # A walkie-talkie is somebody's presence, too.
        presences(await a.take(is_presence, "presence"))
        async with await Walkie.connect(server, bob):
            back = presences(await a.take(is_presence, "presence"))[0]
            assert (sender(back).eid, back.status) == (bob, ONLINE)
        assert await c.watched() == [], "a stranger is told nothing"


# MISSION B6 B8
async def test_live_signals_reach_whom_they_are_for_and_are_no_rows(server, names):
    # BM-LIVE-1, BM-LOC-1, DM-PRS-3, DM-PRS-5
    alice, bob, team = names("alice", "bob", "team")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        id = await a.live(CALLING, to=bob)
        told = await b.take(lambda frame: is_signal(frame, EVENT), "signal")
        assert (told.signal.id, told.signal.status, sender(told.signal).eid) == (id, CALLING, alice)
        assert (told.signal.user_offset, told.signal.signal_id, told.signal.prev_offset) == ("", "", 0)
        await a.aware(RECORDING, to=bob)
        await a.ping(a.new_id())
        assert (await b.watched())[-1] == (alice, RECORDING)
        part = pb.LocationStream(to=identity(bob), latitude=52.5, longitude=13.4, altitude=34.0)
        await a.say(LOCATION, location_stream=part)
        place = (await b.take(lambda frame: frame.route == LOCATION, "position")).location_stream
        assert (sender(place).eid, place.latitude, place.longitude, place.altitude) == (alice, 52.5, 13.4, 34.0)
        # In a group: its members alone.
        conversation = f"g:{team}"
        refused = await a.live(TYPING, conversation=conversation)
        frame = await a.take(lambda frame: is_signal(frame, REFUSAL), "refusal")
        assert (frame.signal.id, frame.signal.code, frame.signal.status) == (refused, 442, 0)
        for user in (alice, bob):
            async with await Walkie.connect(server, user) as walkie:
                await walkie.say(GROUP, USER_ADD, user, team)
                await walkie.fence()
        id = await a.live(TYPING, conversation=conversation)
        told = await b.take(lambda frame: is_signal(frame, EVENT), "signal")
        assert (told.signal.id, told.signal.conversation, told.signal.to.eid) == (id, conversation, team)
    async with await Scheme.connect(server, bob, seen=0) as b:
        assert await b.rest() == [], "nothing of it is stored"


# MISSION B8
async def test_of_a_hidden_user_nothing_leaves(own_server, names):
    # BM-VIS-1, BM-VIS-2, DM-PRS-4
    alice, bob = names("alice", "bob")
    server = own_server
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        other = await Scheme.connect(server, alice, device="tablet")
        await acquainted(a, b)
        await b.watched()
        answer = await a.show(False)
        assert (answer.type, sender(answer).eid) == (2, alice)
        told = await other.take(lambda frame: frame.route == VISIBILITY, "visibility")
        assert told.awareness_visibility.type == 2
        await a.aware(AWAY)
        await a.aware(TYPING, to=bob)
        await a.live(TYPING, to=bob)
        await a.say(LOCATION, location_stream=pb.LocationStream(to=identity(bob), latitude=1.0))
        await other.hang_up()
        await a.rest()
        assert await b.watched() == [] and await b.rest() == []
        await a.live(CALLING, to=bob)
        call = await b.take(lambda frame: is_signal(frame, EVENT), "a call, which is no presence")
        assert call.signal.status == CALLING
    # It outlives the server, and holds for every dialect.
    await server.terminate()
    await server.start()
    async with await Scheme.connect(server, bob, seen=None) as b:
        async with await Walkie.connect(server, alice):
            assert await b.watched() == []
        async with await Scheme.connect(server, alice) as a:
            told = await a.take(lambda frame: frame.route == VISIBILITY, "visibility at sign-in")
            assert told.awareness_visibility.type == 2
            assert await b.watched() == []
            assert (await a.show(False)).type == 2, "asking again is answered again"
            assert (await a.show(True)).type == 1
            back = presences(await b.take(is_presence, "presence"))[0]
            assert (sender(back).eid, back.status) == (alice, ONLINE)
        gone = presences(await b.take(is_presence, "presence"))[0]
        assert (sender(gone).eid, gone.status) == (alice, OFFLINE)


# MISSION B1
async def test_a_batch_is_its_parts(server, names):
    # BM-BATCH-1
    alice, bob = names("alice", "bob")

    def part(id, **fields):
        return pb.Message(id=id, to=identity(bob), type=1, status=1, payload=id.encode(), **fields)

    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        many = [part(f"m{number}") for number in range(100)]
        await a.say(BODY, body=pb.Body(route=MESSAGE, message=many))
        for message in many:
            await a.acknowledged(message.id)
        assert [(await b.message()).payload for _ in many] == [message.payload for message in many]
        await a.say(BODY, body=pb.Body(route=MESSAGE, message=[part("good"), part("")]))
        error = await a.error()
        assert (error.code, error.error_origin) == (422, MESSAGE)
        await a.say(BODY, body=pb.Body(route=SIGNAL))
        error = await a.error()
        assert (error.code, error.error_origin) == (422, BODY)
        assert await b.rest() == [] and await a.rest() == [], "nothing of it is carried out"


# MISSION B1 B7
async def test_push_registrations_and_notifications(server, names):
    # BM-PUSH-1, BM-PUSH-2
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        for payload, word in ((b"token", "registered"), (b"token", "registered"), (b"", "removed")):
            await a.say(PUSH, push_notification=pb.PushNotification(id="p", type="fcm", payload=payload))
            answer = (await a.take(lambda frame: frame.route == PUSH, "answer")).push_notification
            assert (answer.id, answer.type, answer.payload) == ("p", word, b"")
        note = pb.PushNotification(id="n", to=identity(bob), payload=b"wake up", timestamp=5)
        await a.say(PUSH, push_notification=note)
        await a.acknowledged("n")
        row = await b.message()
        assert (row.type, row.payload, row.timestamp, row.id) == (2, b"wake up", 5, "n")


# MISSION B1
@pytest.mark.parametrize(
    "route, part, code, field",
    [
        ("awareness", pb.Awareness(type=1, status=12), 422, "status"),
        ("awareness", pb.Awareness(type=1, status=TYPING), 422, "to.eid"),
        ("awareness", pb.Awareness(type=1, status=1, location_sharing=1, latitude=91.0), 422, "latitude"),
        ("awareness", pb.Awareness(type=1, status=1, ttl=100_000), 422, "ttl"),
        ("awareness_visibility", pb.AwarenessVisibility(type=3), 422, "type"),
        ("location_stream", pb.LocationStream(latitude=1.0), 422, "to.eid"),
        ("push_notification", pb.PushNotification(type="x" * 5_000), 422, "payload"),
        ("token_authority", pb.TokenAuthority(type=1, task=1), 422, "token"),
        ("logout", pb.Logout(type=1, scope=9), 422, "scope"),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_name(server, names, route, part, code, field):
    # BM-ERR-1, BM-AWARE-1, BM-LOC-1
    (alice,) = names("alice")
    async with await Scheme.connect(server, alice) as a:
        number = pb.MessageScheme.DESCRIPTOR.fields_by_name[route].number
        await a.say(number, **{route: part})
        error = await a.error()
        assert (error.code, error.error_origin) == (code, number) and field in error.details, error
        assert await a.rest() == [], "and the connection lives on"
