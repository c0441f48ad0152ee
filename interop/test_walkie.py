"""The msgpack dialect at its edges: sign-in, odd frames, ids as numbers, clients of the first days."""

import asyncio
import urllib.request

import msgpack
import pytest
from websockets.exceptions import InvalidStatus

from inbox import dial
from walkie import (
    AUDIO,
    CONNECTION,
    CONNECTION_ACK,
    CONNECTION_TEST,
    DELIVERED,
    DUPLICATE,
    GROUP,
    OFFLINE,
    PRIVATE,
    READ,
    START,
    START_ACK,
    STATUS,
    STOP,
    STOP_ACK,
    TEXT,
    TEXT_ACK,
    Walkie,
    comes_to_rest,
    parts,
)

BAD = {
    "nil": "c1",
    "map code": "80",
    "length without elements": "9501",
    "empty": "",
    "types as text": "92a178a179",
    "unknown channel": "950201a161a16201",
    "unknown type": "950163a161a162a17a",
    "endless array": "ddffffffff",
    "endless payload": "950101a161dbffffffff",
    "trailing byte": "950101a161a16201ff",
}


# MISSION V9
async def test_bad_frames_are_passed_over(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        for frame in BAD.values():
            await a.raw(bytes.fromhex(frame))
        await a.say(PRIVATE, TEXT, alice, bob, None)
        for frame in await a.rest():
            assert frame[1] == TEXT_ACK, f"no more than an ack of the empty text: {frame}"
        for frame in await b.rest():
            assert frame[1] == TEXT, f"no more than an empty text: {frame}"
        message = await a.text(bob, "still here")
        assert await b.receive(alice) == {"message_id": message, "text": "still here"}


# MISSION V9
async def test_every_type_is_survived_in_every_shape(server, names):
    alice, bob = names("alice", "bob")
    for kind in range(28):
        async with await Walkie.connect(server, alice) as a:
            for channel in (GROUP, PRIVATE):
                for rest in ([], [bob], [bob, None], [bob, "x"], [bob, "id", b"x"]):
                    await a.say(channel, kind, alice, *rest)
            await a.rest()


# MISSION V1 V9
@pytest.mark.parametrize("payload", [1763652000000, 7, "text", b"\x00\x01", None])
async def test_a_connection_test_is_echoed(server, names, payload):
    (alice,) = names("alice")
    async with await Walkie.connect(server, alice) as a:
        for channel in (PRIVATE, GROUP):
            await a.say(channel, CONNECTION_TEST, alice, 0, payload)
            assert await a.get(CONNECTION_ACK) == [PRIVATE, CONNECTION_ACK, 0, alice, payload]


# VP-ID-2
# MISSION V1
async def test_ids_are_echoed_in_the_form_the_client_writes(server, names):
    (name,) = names("n")
    number = 1_000_000 + int("".join(c for c in name if c.isdigit()))
    other = number + 1_000_000
    async with (
        await Walkie.connect(server, str(number), at_once=True) as a,
        await Walkie.connect(server, str(other), at_once=True) as b,
    ):
        await b.say(PRIVATE, CONNECTION_TEST, other, 0, 1)
        assert await b.get(CONNECTION_ACK) == [PRIVATE, CONNECTION_ACK, 0, other, 1]
        await a.say(PRIVATE, START, number, other, 1)
        assert await a.get(START_ACK) == [PRIVATE, START_ACK, number, other, 1]
        assert await b.get(START) == [PRIVATE, START, number, other, 1]
        await a.say(PRIVATE, STOP, number, other)
        stop = await a.get(STOP_ACK)
        assert stop[2:4] == [number, other] and parts(stop[4])[2] == f"{other}_{number}"
        await a.say(PRIVATE, TEXT, number, other, "seven")
        ack = await a.get(TEXT_ACK)
        assert ack[2:4] == [number, other]
        text = await b.get(TEXT)
        assert text[2:4] == [number, other]
        await b.say(PRIVATE, DELIVERED, other, number, ack[4])
        assert await a.get(DELIVERED) == [PRIVATE, DELIVERED, other, number, ack[4]]


# MISSION V1 V9
async def test_the_first_frames_of_the_android_app_are_harmless(server, names):
    alice, bob = names("alice", "bob")
    headers = {"VoicePingToken": alice, "DeviceId": "/data/user/0:a/b::c" * 8}
    for _ in range(2):
        async with (
            await Walkie.connect(server, alice, at_once=True, additional_headers=headers) as a,
            await Walkie.connect(server, bob) as b,
        ):
            await a.say(GROUP, CONNECTION, alice)
            await a.say(PRIVATE, START, alice, "00000", 1763652000000)
            for frame in await a.rest():
                assert frame == [PRIVATE, START_ACK, alice, "00000", 1763652000000]
            await a.say(GROUP, STATUS, alice, 0, 1)
            await a.say(PRIVATE, OFFLINE, alice, None, None)
            await a.say(GROUP, CONNECTION, alice, None, "push token")
            assert await a.rest() == []
            message = await a.talk(bob)
            await b.take(lambda frame, id=message: frame[1] == STOP and id in frame[4], "the talk")


# DM-SES-1 VP-ID-3
# MISSION V1
async def test_nobody_speaks_as_another(server, names):
    alice, bob, carol = names("alice", "bob", "carol")
    async with (
        await Walkie.connect(server, alice) as a,
        await Walkie.connect(server, bob) as b,
        await Walkie.connect(server, carol) as c,
    ):
        message = await c.text(bob, "from carol herself")
        await b.receive(carol)
        for kind, payload in ((START, 1), (AUDIO, b"x"), (STOP, None), (TEXT, "not carol"), (READ, message)):
            await a.say(PRIVATE, kind, carol, bob, payload)
        assert [frame for frame in await a.rest() if frame[1] in (START_ACK, STOP_ACK, TEXT_ACK)] == []
        assert await b.rest() == [] and await c.rest() == []
        mine = await a.text(bob, "as myself")
        assert (await b.receive(alice))["text"] == "as myself"
    for user in (bob, carol):  # nothing was kept either
        await comes_to_rest(server, user, known=[message, mine])


# SI-WAY-1
# MISSION V10
@pytest.mark.parametrize(
    "headers",
    [
        ("token", "device_id"),
        ("voicepingtoken", "deviceid"),
        ("VoicePingToken", "DeviceId"),
        ("TOKEN", "DEVICE_ID"),
    ],
)
async def test_sign_in_by_headers(server, names, headers):
    (alice,) = names("alice")
    options = {"additional_headers": dict(zip(headers, (alice, "phone"), strict=True))}
    async with await Walkie.connect(server, alice, **options) as a:
        await a.talk(alice)


# SI-WAY-2
# MISSION V10
async def test_sign_in_by_subprotocols_selects_the_first(server, names):
    (alice,) = names("alice")
    async with await Walkie.connect(
        server, alice, additional_headers=None, subprotocols=[alice, "phone"]
    ) as a:
        assert a.socket.subprotocol == alice
        await a.talk(alice)


# MISSION V10
async def test_no_token_no_connection(server):
    with pytest.raises(InvalidStatus) as refused:
        await dial(server.url("/"))
    assert refused.value.response.status_code == 401


# MISSION V5
async def test_ids_that_are_paths_are_refused(server, names):
    alice, bob = names("alice", "bob")
    for name in ("a/b", "..", "a/../b"):
        with pytest.raises(InvalidStatus) as refused:
            await Walkie.connect(server, name)
        assert refused.value.response.status_code == 401
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        for name in ("../" + bob, "..", "a/b"):
            await a.say(PRIVATE, TEXT, alice, name, "x")
            await a.say(PRIVATE, START, alice, name, 1)
        assert await a.rest() == []
        assert await a.text(bob, "fine")
        assert (await b.receive(alice))["text"] == "fine"


# SI-VP-1 VP-BYE-1
# MISSION V10
async def test_the_newest_connection_wins(server, names):
    alice, bob = names("alice", "bob")
    old = await Walkie.connect(server, alice, device="one")
    new = await Walkie.connect(server, alice, device="one")
    assert await old.closed()
    assert old.frames == [], "the same device is closed without a word"
    newest = await Walkie.connect(server, alice, device="two")
    frame = await new.get(DUPLICATE)
    assert frame[:4] == [PRIVATE, DUPLICATE, 0, alice] and isinstance(frame[4], str), frame
    await new.closed()
    async with newest, await Walkie.connect(server, bob) as b:
        assert await newest.rest() == []
        message = await b.text(alice, "to the newest")
        assert (await newest.receive(bob))["message_id"] == message


async def test_a_browser_sees_the_banner(server):
    def get():
        with urllib.request.urlopen(server.url("/", scheme="http"), timeout=10) as answer:
            return answer.status, answer.read().decode()

    status, body = await asyncio.to_thread(get)
    assert status == 200 and body.startswith("Welcome to VoicePing"), body


# MISSION V9
async def test_frames_before_and_after_a_frame_of_another_length(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        await a.say(PRIVATE, TEXT, alice, bob, "own id", "six")
        ack = await a.get(TEXT_ACK)
        assert ack[4] != "own id" and parts(ack[4])
        assert await b.receive(alice) == {"message_id": ack[4], "text": "six"}
        await a.say(PRIVATE, TEXT)
        await a.say(PRIVATE, TEXT, alice, bob, "id", "payload", "one too many")
        await a.raw(msgpack.packb([PRIVATE, TEXT, 1.5, bob, "x"]))
        assert await a.rest() == [] and await b.rest() == []
