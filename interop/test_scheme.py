"""The protobuf dialect: sign-in, welcome, ping, routes, refusals."""

import bimip_pb2 as pb
import pytest

from inbox import dial
from scheme import (
    ERROR,
    LOGOUT,
    MESSAGE,
    PING,
    SENT,
    SIGNAL,
    Scheme,
    base64url,
    identity,
    now_ms,
    sender,
)


# MISSION B1
@pytest.mark.parametrize("by", ["headers", "bearer", "subprotocols", "frame"])
async def test_every_way_to_sign_in_is_welcomed(server, names, by):
    (alice,) = names("alice")
    async with await Scheme.connect(server, alice, by=by) as a:
        welcome = a.welcome
        assert welcome.epoch > 0
        assert welcome.resume_from == 0 and welcome.head == 0
        assert welcome.window > 0 and welcome.heartbeat_ms > 0
        assert abs(welcome.server_time - now_ms()) < 60_000
        assert welcome.connection_id and welcome.dedup_days >= 7
        if by == "subprotocols":
            assert a.socket.subprotocol == "bimip.v1"
        assert (await a.send(alice, b"to myself")).user_offset == "1"


# BM-WELCOME-1 DM-SES-2
# MISSION B1 B4
async def test_the_welcome_tells_where_the_device_stands(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(own_server, alice) as a:
        for number in range(3):
            await a.send(bob, bytes([number]))
        epoch, connection = a.welcome.epoch, a.welcome.connection_id
    async with await Scheme.connect(own_server, bob) as b:
        assert (b.welcome.epoch, b.welcome.resume_from, b.welcome.head) == (epoch, 0, 3)
        assert b.welcome.first <= 1 and b.welcome.connection_id != connection
        await b.message()
        assert (await b.message()).user_offset == "2"
        await b.dispose(2)
    await own_server.restart()
    async with await Scheme.connect(own_server, bob, seen=2) as b:
        assert (b.welcome.epoch, b.welcome.resume_from, b.welcome.head) == (epoch, 2, 3)
        assert (await b.message()).payload == b"\x02"


# MISSION B1
async def test_who_is_refused_at_the_door(server, names):
    alice, bob = names("alice", "bob")
    for token in (bob, ""):  # a token of somebody else, no token
        client = Scheme(await dial(server.url("/bimip")), alice, "phone", None)
        part = pb.TokenAuthority(to=identity(alice, "phone"), token=token, type=1, task=3)
        await client.say(5, token_authority=part)
        await client.closed()
        assert all(frame.route != 16 for frame in client.frames), client.frames


# MISSION B1
async def test_a_frame_before_the_sign_in_is_not_obeyed(server, names):
    alice, bob = names("alice", "bob")
    client = Scheme(await dial(server.url("/bimip")), alice, "phone", None)
    await client.post(bob, b"too early")
    part = pb.TokenAuthority(to=identity(alice, "phone"), token=alice, type=1, task=3)
    await client.say(5, token_authority=part)
    await client.take(lambda frame: frame.route == 16, "welcome")
    assert all(frame.route != SIGNAL or frame.signal.type != 2 for frame in await client.rest())
    await client.hang_up()
    async with await Scheme.connect(server, bob) as b:
        assert b.welcome.head == 0


# MISSION B1
# BM-PING-1
async def test_a_ping_is_answered(server, names):
    (alice,) = names("alice")
    async with await Scheme.connect(server, alice) as a:
        pong = await a.ping("p-1")
        assert (pong.type, pong.id, sender(pong).eid) == (2, "p-1", alice)


BROKEN = {
    "route of another payload": lambda: pb.MessageScheme(route=SIGNAL, ping_pong=pb.PingPong(id="p", type=1)),
    "unknown route": lambda: pb.MessageScheme(route=99),
    "negative route": lambda: pb.MessageScheme(route=-1, ping_pong=pb.PingPong(id="p", type=1)),
    "no route": lambda: pb.MessageScheme(ping_pong=pb.PingPong(id="p", type=1)),
    "no payload": lambda: pb.MessageScheme(route=PING),
    "empty": lambda: pb.MessageScheme(),
    "no protobuf": lambda: b"\xff\xff\xff\xff",
    "a tag cut off": lambda: b"\x08\x06\x32\x7f\x0a",
}


# MISSION B1
@pytest.mark.parametrize("name", BROKEN)
async def test_a_wrong_frame_is_answered_and_the_connection_lives(server, names, name):
    frame = BROKEN[name]()
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        await a.raw(frame if isinstance(frame, bytes) else frame.SerializeToString())
        error = await a.error()
        assert error.code > 0 and error.details, error
        assert await a.rest() == []
        ack = await a.send(bob, b"still here")
        assert (await b.message()).signal_id == ack.signal_id


# MISSION B1
async def test_fields_of_a_later_version_are_passed_over(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        made = pb.Message(id="later", to=identity(bob), type=1, timestamp=1, payload=b"x", status=SENT)
        sender(made).CopyFrom(identity(alice, a.device))
        inside = made.SerializeToString() + b"\xfa\x7f\x03new"  # field 2047
        frame = b"\x08\x06\x32" + bytes([len(inside)]) + inside + b"\xf8\x7f\x01"
        await a.raw(frame)
        await a.acknowledged("later")
        assert (await b.message()).payload == b"x"


# BM-ID-1 DM-SES-1
# MISSION B2
async def test_nobody_sends_as_another(server, names):
    alice, bob, carol = names("alice", "bob", "carol")
    async with (
        await Scheme.connect(server, alice) as a,
        await Scheme.connect(server, bob) as b,
        await Scheme.connect(server, carol) as c,
    ):
        id = await a.post(bob, b"as carol", claim=carol)
        await a.refused(id)
        assert await a.rest() == [] and await b.rest() == [] and await c.rest() == []
        await a.send(bob, b"as myself")
        assert sender(await b.message()).eid == alice
    async with await Scheme.connect(server, carol, device="other") as c:
        assert c.welcome.head == 0, "nothing was stored"


# BM-SEND-1 BM-DELIVER-1 DM-BOX-4
# MISSION B2 B7
async def test_a_message_arrives_untouched(server, names):
    alice, bob = names("alice", "bob")
    payload = bytes(range(256)) * 40
    async with await Scheme.connect(server, alice) as a, await Scheme.connect(server, bob, device="b/ü") as b:
        fields = {"encryption_type": "aes-256", "encrypted": "e" * 300, "signature": "s"}
        made = pb.Message(
            id="c-1",
            to=identity(bob, "elsewhere"),
            type=1,
            timestamp=1234567890123,
            payload=payload,
            status=SENT,
            signal_id="mine",
            signal_offset="99",
            user_offset="98",
            **fields,
        )
        sender(made).CopyFrom(identity(alice, a.device))
        await a.say(MESSAGE, message=made)
        ack = await a.acknowledged("c-1")
        assert ack.status == SENT and ack.signal_id != "mine" and ack.user_offset == "1"
        message = await b.message()
        assert message.payload == payload
        assert {name: getattr(message, name) for name in fields} == fields
        assert message.timestamp == 1234567890123, "the client's own clock, untouched"
        assert (message.id, message.type, message.status) == ("c-1", 1, SENT)
        assert sender(message).eid == alice and sender(message).connection_resource_id == a.device
        assert message.to.eid == bob
        assert (message.signal_id, message.signal_offset) == (ack.signal_id, ack.signal_offset)
        assert message.user_offset == "1" and message.prev_offset == 0
        assert message.conversation and message.conversation_seq == 1
        assert abs(message.server_time - now_ms()) < 60_000
        # The other kind of message goes the same way.
        push = pb.Message(id="c-2", to=identity(bob), type=2, timestamp=1, payload=b"push", status=SENT)
        sender(push).CopyFrom(identity(alice, a.device))
        await a.say(MESSAGE, message=push)
        again = await a.acknowledged("c-2")
        assert int(again.signal_offset) > int(ack.signal_offset) and again.user_offset == "2"
        message = await b.message()
        assert (message.type, message.payload, message.conversation_seq) == (2, b"push", 2)


# BM-BYE-1
# MISSION E10
async def test_a_goodbye_when_the_server_ends(own_server, names):
    (alice,) = names("alice")
    a = await Scheme.connect(own_server, alice)
    idle = await Scheme.connect(own_server, alice, device="idle")
    await a.send(alice, b"the last one")
    assert await own_server.terminate() == 0, own_server.trouble()
    for client in (a, idle):
        assert await client.closed() == 1001
        goodbyes = [frame for frame in client.frames if frame.route in (LOGOUT, ERROR)]
        assert len(goodbyes) == 1, client.frames


# MISSION B1
async def test_subprotocols_carry_any_text(server, names):
    (alice,) = names("älice +:")
    async with await Scheme.connect(server, alice, device="phone ☎", by="subprotocols") as a:
        assert "=" not in base64url(alice)
        await a.ping("x")
