"""Group talk on one server that lives through all of it, signed in by name or by token."""

import asyncio
import json
import os
import time

import pytest

from server import Server
from walkie import (
    AUDIO,
    DELIVERED,
    GROUP,
    READ,
    START,
    START_ACK,
    START_FAILED,
    STOP,
    STOP_ACK,
    TEXT,
    TEXT_ACK,
    UNAUTHORIZED_GROUP,
    USER_ADD,
    USER_REMOVE,
    Walkie,
    parts,
)

FLOOR_IDLE, MAX_TALK = 0.3, 1.0


@pytest.fixture(scope="session", params=["open", "jwt"])
async def station(request, tmp_path_factory):
    """A server with short times; every scenario runs on it three times, and it never starts anew."""
    folder = tmp_path_factory.mktemp(f"station-{request.param}")
    times = ["--floor-idle", f"{FLOOR_IDLE * 1000:.0f}ms", "--max-talk", f"{MAX_TALK * 1000:.0f}ms"]
    made = await Server(folder / "data", folder / "log", *times, auth=request.param).start()
    yield made
    assert made.process.returncode is None, made.trouble(b"the server is gone")
    assert await made.terminate() == 0, made.trouble()


again = pytest.mark.parametrize("round", range(3))


async def enter(server, group, *users):
    """Connects and joins; a join has no answer, so a fence says when it is through."""
    clients = []
    for user in users:
        client = await Walkie.connect(server, user, token=await server.token(user))
        await client.say(GROUP, USER_ADD, user, group)
        await client.fence()
        clients.append(client)
    return clients


async def leave(*clients):
    for client in clients:
        await client.hang_up()


# MISSION V7 V8
@again
async def test_a_group_talk_reaches_every_member(station, names, round):
    alice, bob, carol, team = names("alice", "bob", "carol", "team")
    a, b, c = await enter(station, team, alice, bob, carol)
    stamp = 1763652000000
    await a.say(GROUP, START, alice, team, stamp)
    # The answer to a group's start is a string, what the others hear is as it came.
    assert await a.get(START_ACK) == [GROUP, START_ACK, alice, team, str(stamp)]
    await a.say(GROUP, AUDIO, alice, team, b"\x01\x02")
    await a.say(GROUP, STOP, alice, team)
    ack = await a.get(STOP_ACK)
    assert ack[:4] == [GROUP, STOP_ACK, alice, team] and ack[5:] == ["Acknowledged"], ack
    assert parts(ack[4])[:3] == (0, 3, f"{team}_{alice}")
    for member in (b, c):
        assert await member.get(START) == [GROUP, START, alice, team, stamp]
        assert await member.get(AUDIO) == [GROUP, AUDIO, alice, team, b"\x01\x02"]
        stop = await member.get(STOP)
        assert stop[:4] == [GROUP, STOP, alice, team] and len(stop) == 5, stop
        assert json.loads(stop[4]) == {"message_id": ack[4], "duration": parts(ack[4])[4]}
    await b.say(GROUP, DELIVERED, bob, team, ack[4])
    assert await a.get(DELIVERED) == [GROUP, DELIVERED, bob, alice, ack[4]]
    await c.say(GROUP, READ, carol, alice, ack[4])
    assert await a.get(READ) == [GROUP, READ, carol, alice, ack[4]]
    for client in (a, b, c):
        assert await client.rest() == [], "nobody hears anything else, least of all oneself"
    await leave(a, b, c)


# MISSION V7
@again
async def test_the_floor_is_busy_for_others(station, names, round):
    alice, bob, team = names("alice", "bob", "team")
    a, b = await enter(station, team, alice, bob)
    await a.say(GROUP, START, alice, team, 1)
    await a.get(START_ACK)
    await b.get(START)
    await b.say(GROUP, START, bob, team, 2)
    assert await b.get(START_FAILED) == [GROUP, START_FAILED, bob, team, "Busy"]
    # Only the holder is heard, and only the holder's stop counts.
    await b.say(GROUP, AUDIO, bob, team, b"unheard")
    await b.say(GROUP, STOP, bob, team)
    assert len(await b.get(STOP_ACK)) == 6
    await b.say(GROUP, START, bob, team, 3)
    assert (await b.get(START_FAILED))[4] == "Busy"
    assert await a.rest() == []
    await a.say(GROUP, STOP, alice, team)
    await a.get(STOP_ACK)
    await b.get(STOP)
    await b.say(GROUP, START, bob, team, 4)
    assert await b.get(START_ACK) == [GROUP, START_ACK, bob, team, "4"]
    assert await a.get(START) == [GROUP, START, bob, team, 4]
    await leave(a, b)


# DM-TLK-7
# MISSION V7
@again
async def test_a_silent_holder_loses_the_floor_to_the_next_who_asks(station, names, round):
    alice, bob, carol, team = names("alice", "bob", "carol", "team")
    a, b, c = await enter(station, team, alice, bob, carol)
    await a.say(GROUP, START, alice, team, 1)
    await a.get(START_ACK)
    await c.get(START)
    began, answer, refused = time.monotonic(), None, 0
    while answer is None or answer[1] == START_FAILED:
        refused += answer is not None
        await b.say(GROUP, START, bob, team, 2)
        answer = await b.take(lambda frame: frame[1] in (START_ACK, START_FAILED), "answer to a start")
    waited = time.monotonic() - began
    assert refused > 0 and FLOOR_IDLE - 0.05 <= waited < FLOOR_IDLE + 5
    # The first thing that anybody hears of it is the new talker.
    assert await c.get(START) == [GROUP, START, bob, team, 2]
    assert await a.get(START) == [GROUP, START, bob, team, 2]
    assert await a.rest() == [] and await c.rest() == []
    await a.say(GROUP, AUDIO, alice, team, b"unheard")
    await b.say(GROUP, AUDIO, bob, team, b"heard")
    assert await c.get(AUDIO) == [GROUP, AUDIO, bob, team, b"heard"]
    await leave(a, b, c)


# DM-TLK-4
# MISSION V7
@again
async def test_a_talk_ends_at_its_greatest_length(station, names, round):
    alice, bob, team = names("alice", "bob", "team")
    a, b = await enter(station, team, alice, bob)
    await a.say(GROUP, START, alice, team, 1)
    await a.get(START_ACK)
    ended = asyncio.create_task(a.get(STOP_ACK))
    while not ended.done():
        await a.say(GROUP, AUDIO, alice, team, b"on and on")
        await a.fence()
    ack = await ended
    assert parts(ack[4])[4] == MAX_TALK * 1000
    stop = await b.get(STOP)
    assert json.loads(stop[4]) == {"message_id": ack[4], "duration": MAX_TALK * 1000}
    await b.rest()
    await a.say(GROUP, AUDIO, alice, team, b"unheard")
    await a.fence()
    assert await b.rest() == []
    await b.say(GROUP, START, bob, team, 2)
    assert (await b.get(START_ACK))[4] == "2"
    # Late, and harmless: it ends nothing.
    await a.say(GROUP, STOP, alice, team)
    assert len(await a.get(STOP_ACK)) == 6
    await a.say(GROUP, START, alice, team, 3)
    assert (await a.get(START_FAILED))[4] == "Busy"
    await leave(a, b)


# MISSION V7
@again
async def test_a_holder_who_is_gone_frees_the_floor(station, names, round):
    alice, bob, team = names("alice", "bob", "team")
    a, b = await enter(station, team, alice, bob)
    await a.say(GROUP, START, alice, team, 1)
    await a.get(START_ACK)
    await a.say(GROUP, AUDIO, alice, team, b"so far")
    await b.get(AUDIO)
    await b.get(START)
    await a.cut()
    # What was said until then is a message like any other.
    assert "message_id" in json.loads((await b.get(STOP))[4])
    await b.say(GROUP, START, bob, team, 2)
    assert (await b.get(START_ACK))[4] == "2"
    # One who has said nothing leaves nothing behind.
    await b.cut()
    (a,) = await enter(station, team, alice)
    await a.say(GROUP, START, alice, team, 3)
    assert (await a.get(START_ACK))[4] == "3"
    assert [frame[1] for frame in await a.rest()] == []
    await leave(a)


# DM-GRP-5 VP-GROUP-2
# MISSION V8
@again
async def test_strangers_are_told_so_and_heard_by_nobody(station, names, round):
    alice, eve, team = names("alice", "eve", "team")
    (a,) = await enter(station, team, alice)
    e = await Walkie.connect(station, eve, token=await station.token(eve))
    unauthorized = [GROUP, UNAUTHORIZED_GROUP, eve, team, "Unauthorized Group"]
    await e.say(GROUP, START, eve, team, 1)
    assert await e.get(UNAUTHORIZED_GROUP) == unauthorized
    assert await e.get(START_FAILED) == [GROUP, START_FAILED, eve, team, "Ack Failed"]
    await e.say(GROUP, AUDIO, eve, team, b"psst")
    await e.say(GROUP, TEXT, eve, team, "psst")
    assert await e.get(UNAUTHORIZED_GROUP) == unauthorized
    assert await e.rest() == [] and await a.rest() == []
    # Joining is all it takes; who leaves is a stranger again.
    await e.say(GROUP, USER_ADD, eve, team)
    await e.say(GROUP, TEXT, eve, team, "hello")
    message = (await e.get(TEXT_ACK))[4]
    assert json.loads((await a.get(TEXT))[4]) == {"message_id": message, "text": "hello"}
    await e.say(GROUP, USER_REMOVE, eve, team)
    await e.say(GROUP, TEXT, eve, team, "hello?")
    assert await e.get(UNAUTHORIZED_GROUP) == unauthorized
    assert await a.rest() == []
    await leave(a, e)


# DM-GRP-3
# MISSION V6 V8
async def test_membership_and_missed_messages_outlive_the_server(tmp_path, names):
    alice, bob, team = names("alice", "bob", "team")
    server = await Server(tmp_path / "data", tmp_path / "log").start()
    a, b = await enter(server, team, alice, bob)
    await leave(b)
    await a.say(GROUP, TEXT, alice, team, "while you were out")
    missed = (await a.get(TEXT_ACK))[4]
    await leave(a)
    await server.kill()
    await server.start()
    # Nobody joins again, and everybody is still in.
    async with await Walkie.connect(server, bob) as b, await Walkie.connect(server, alice) as a:
        assert json.loads((await b.get(TEXT))[4]) == {"message_id": missed, "text": "while you were out"}
        await a.say(GROUP, START, alice, team, 1)
        assert (await a.get(START_ACK))[4] == "1"
        assert await b.get(START) == [GROUP, START, alice, team, 1]
    assert await server.terminate() == 0, server.trouble()


# MISSION V9
@again
async def test_ids_that_are_numbers(station, names, round):
    alice, bob = 7 + round * 10, 8 + round * 10
    team = 18 + round * 10
    clients = []
    for user in (alice, bob):
        client = await Walkie.connect(station, str(user), token=await station.token(str(user)))
        await client.say(GROUP, USER_ADD, user, team)
        await client.fence()
        clients.append(client)
    a, b = clients
    await a.say(GROUP, TEXT, alice, team, '{"text":"num"}')
    ack = await a.get(TEXT_ACK)
    assert ack[:4] == [GROUP, TEXT_ACK, alice, team]
    text = await b.get(TEXT)
    assert text[:4] == [GROUP, TEXT, alice, team]
    assert json.loads(text[4]) == {"message_id": ack[4], "text": "num"}
    await leave(a, b)


def test_the_times_are_the_dialects_own_unless_said_otherwise():
    """The tests shorten them; the shipped defaults are those of the field."""
    import subprocess

    said = subprocess.run([os.environ["BIMIP_SERVER"], "--help"], capture_output=True, text=True, check=True).stdout
    assert "[default: 3s]" in said and "[default: 90s]" in said
