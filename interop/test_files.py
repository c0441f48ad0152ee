"""The sound of talks and the texts of messages, fetched over HTTP as a player and a browser would."""

import asyncio
import json
import struct
import urllib.error
import urllib.parse
import urllib.request

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.frames import Opcode

from scheme import Scheme
from server import Server
from walkie import AUDIO, GROUP, PRIVATE, START, STOP, START_ACK, STOP_ACK, USER_ADD, Walkie, parts

PIECES = (b"\x48one", b"\x48" + bytes(range(256)) * 3, b"\x48three")


async def fetch(server, path, method="GET", **headers):
    """`(status, headers, body)`, whatever the status is."""

    def ask():
        request = urllib.request.Request(server.url(path, "http"), method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read()

    return await asyncio.to_thread(ask)


def crc(page):
    """The checksum of Ogg: 0x04c11db7, from the top, without reflection."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def packets(ogg):
    """The packets of a file, read from RFC 3533; every page is checked."""
    found, rest, flags = [], b"", []
    while ogg:
        magic, version, flag, _granule, _serial, number, checksum, count = struct.unpack("<4sBBqIIIB", ogg[:27])
        assert (magic, version, number) == (b"OggS", 0, len(flags)), ogg[:27]
        laces = ogg[27 : 27 + count]
        end = 27 + count + sum(laces)
        assert crc(ogg[:22] + bytes(4) + ogg[26:end]) == checksum
        at = 27 + count
        for lace in laces:
            rest += ogg[at : at + lace]
            at += lace
            if lace < 255:
                found.append(rest)
                rest = b""
        flags.append(flag)
        ogg = ogg[end:]
    assert flags[0] == 2 and flags[-1] & 4 and rest == b"", flags
    return found


# MISSION V6 V7
# VP-FILE-3
async def test_a_talk_is_fetched_by_both_sides_and_nobody_else(own_server, names):
    """VP-FILE-1 to VP-FILE-4. What was acknowledged is there after a kill."""
    alice, bob, carol = names("alice", "bob", "carol")
    async with await Walkie.connect(own_server, alice) as a:
        talk = await a.talk(bob, packets=PIECES)
    await own_server.kill()
    await own_server.start()
    path = "/files/audio/" + urllib.parse.quote(talk, safe="")
    status, headers, body = await fetch(own_server, path, token=bob)
    assert (status, headers["content-type"]) == (200, "audio/ogg")
    assert headers["x-content-type-options"] == "nosniff" and int(headers["content-length"]) == len(body)
    head, tags, *sound = packets(body)
    assert struct.unpack("<8sBBHIhB", head) == (b"OpusHead", 1, 1, 312, 16000, 0, 0)
    assert tags[:8] == b"OpusTags" and sound == list(PIECES)
    for headers in ({"token": alice}, {"VoicePingToken": alice}, {"Authorization": f"Bearer {bob}"}):
        assert (await fetch(own_server, path, **headers))[2] == body
    assert (await fetch(own_server, f"{path}?token={urllib.parse.quote(bob)}"))[2] == body
    status, headers, part = await fetch(own_server, path, token=bob, Range="bytes=-10")
    assert (status, part) == (206, body[-10:])
    assert headers["content-range"] == f"bytes {len(body) - 10}-{len(body) - 1}/{len(body)}"
    assert (await fetch(own_server, path, method="HEAD", token=bob))[2] == b""

    foreign = await fetch(own_server, path, token=carol)
    for other in (talk.replace("_3_", "_3_x"), "x", "..%2Fobjects", talk + ".opus"):
        missing = await fetch(own_server, "/files/audio/" + other, token=bob)
        assert (missing[0], missing[2]) == (foreign[0], foreign[2]) == (404, b"Not Found"), other
    assert (await fetch(own_server, path.replace("audio", "text"), token=bob))[0] == 404
    assert (await fetch(own_server, path))[0] == 401
    assert (await fetch(own_server, path, method="POST", token=bob))[0] == 405
    log = own_server.log.read_text()
    assert "token=" not in log and path not in log


# MISSION V6 V8
async def test_a_group_talk_is_fetched_by_who_was_there(server, names):
    alice, bob, carol, team = names("alice", "bob", "carol", "team")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        for client in (a, b):
            await client.say(GROUP, USER_ADD, client.user, team)
            await client.fence()
        await a.say(GROUP, START, alice, team, 7)
        assert (await a.get(START_ACK))[4] == "7"
        for piece in PIECES:
            await a.say(GROUP, AUDIO, alice, team, piece)
        await a.say(GROUP, STOP, alice, team)
        talk = (await a.get(STOP_ACK))[4]
        assert json.loads((await b.get(STOP))[4])["message_id"] == talk
        async with await Walkie.connect(server, carol) as c:
            await c.say(GROUP, USER_ADD, carol, team)
            await c.fence()
    answers = [await fetch(server, f"/files/audio/{talk}", token=user) for user in (alice, bob, carol)]
    assert [status for status, _, _ in answers] == [200, 200, 404], "Carol came later"
    assert packets(answers[1][2])[2:] == list(PIECES)


# MISSION V6 B7
async def test_elsewhere_a_talk_says_where_its_sound_is(server, names):
    """BM-BODY-1."""
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        talk = await a.talk(bob, packets=PIECES)
        voice = json.loads((message := await b.message()).payload)
        assert voice == {"kind": "voice", "duration_ms": parts(talk)[4], "uri": f"/files/audio/{talk}"}
        assert packets((await fetch(server, voice["uri"], token=bob))[2])[2:] == list(PIECES)
        by_id = await fetch(server, f"/files/audio/{message.signal_id}", token=bob)
        assert by_id[0] == 200
        # A talk in which nothing was said has no sound.
        await a.talk(bob, packets=())
        assert set(json.loads((await b.message()).payload)) == {"kind", "duration_ms"}


# MISSION V6
async def test_texts_are_fetched_as_they_were_sent(server, names):
    """VP-FILE-5."""
    alice, bob, carol = names("alice", "bob", "carol")
    texts = {"caf\u00e9 <b>": "text/plain; charset=utf-8", '{"text":"t","n":1.50}': "application/json"}
    async with await Walkie.connect(server, alice) as a:
        for text, kind in texts.items():
            path = "/files/text/" + await a.text(bob, text)
            for user in (alice, bob):
                status, headers, body = await fetch(server, path, token=user)
                assert (status, headers["content-type"], body.decode()) == (200, kind, text)
                assert headers["x-content-type-options"] == "nosniff"
            assert (await fetch(server, path, token=carol))[0] == 404
            assert (await fetch(server, path.replace("text", "audio"), token=bob))[0] == 404


# MISSION V6 V7
@pytest.mark.parametrize("replays", [True, False])
async def test_a_missed_talk_is_played_again_or_told_of(tmp_path, names, replays):
    """VP-REPLAY-1, VP-REPLAY-2."""
    flags = ["--voiceping-replay", "talk" if replays else "stop"]
    server = await Server(tmp_path / "data", tmp_path / "log", *flags).start()
    alice, bob = names("alice", "bob")
    try:
        async with await Walkie.connect(server, alice) as a:
            talk = await a.talk(bob, packets=PIECES)
            text = await a.text(bob, "and a text")
        await server.restart()
        async with await Walkie.connect(server, bob) as b:
            assert json.loads((await b.get(17))[4])["message_id"] == text
            *before, stop = b.frames
            assert stop[1] == STOP and json.loads(stop[4])["message_id"] == talk
            duration = json.loads(stop[4])["duration"]
            began = parts(talk)[3] - duration
            start = [PRIVATE, START, alice, bob, began]
            audio = [[PRIVATE, AUDIO, alice, bob, piece] for piece in PIECES]
            assert before == ([start, *audio] if replays else [])
            b.frames.clear()
            # What is heard live comes once.
            async with await Walkie.connect(server, alice) as a:
                await a.talk(bob, packets=PIECES)
            await b.get(STOP)
            assert [frame[1] for frame in b.frames] == [START, AUDIO, AUDIO, AUDIO]
    finally:
        await server.stop()


class Pinged(ClientConnection):
    """Notes the payloads of pings."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.pings = []

    def process_event(self, event):
        if getattr(event, "opcode", None) is Opcode.PING:
            self.pings.append(bytes(event.data))
        super().process_event(event)


# MISSION V6 V10
async def test_pings_say_whose_they_are(server, names):
    """VP-PING-2."""
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(
        server, bob, create_connection=Pinged
    ) as b:
        for number in range(3):
            await a.text(bob, f"text {number}")
            await b.receive(alice)
            await b.fence()
        assert set(b.socket.pings) == {f"voiceping:{bob}".encode()}
    # They were answered, so nothing comes again; a cursor may wait a moment.
    for _ in range(100):
        async with await Walkie.connect(server, bob) as b:
            if await b.rest() == []:
                return
    raise AssertionError("what arrived comes again and again")


async def test_the_banner_and_what_is_not_there(server):
    """What monitoring of the original looks for."""
    status, _, banner = await fetch(server, "/")
    assert status == 200 and banner.startswith(b"Welcome to VoicePing Router ")
    assert (await fetch(server, "/nothing"))[0] == 404
    assert (await fetch(server, "/", method="POST"))[0] == 403
    assert (await fetch(server, "/files/audio/"))[0] == 404
