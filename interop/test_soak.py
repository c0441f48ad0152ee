"""All push-to-talk scenarios in random order, with fresh users, many at a time, on servers that live through all of it.

BIMIP_SOAK_SECONDS says for how long, BIMIP_SOAK_SEED for the same choices again; the seed is printed. How far each
scenario is when the others speak does not come again.
"""

import asyncio
import collections
import itertools
import json
import os
import random
import time
import urllib.request

import jwt
import pytest

from inbox import PATIENCE
from radio import Node, Radio
from server import Server
from walkie import (
    AUDIO,
    CONNECTION_ACK,
    CONNECTION_TEST,
    DELIVERED,
    GROUP,
    IMAGE,
    PRIVATE,
    READ,
    START,
    START_ACK,
    START_FAILED,
    STOP,
    STOP_ACK,
    TEXT,
    TEXT_ACK,
    USER_ADD,
    Walkie,
    parts,
)

SECONDS = float(os.environ.get("BIMIP_SOAK_SECONDS", "20"))
WORKERS = 12
FLOOR_IDLE, MAX_TALK = 0.3, 1.0
SECRET = "a secret of a backend, long enough for every algorithm that is tried"

_numbers = itertools.count(1)


class Station:
    """A server, and what was asked of it."""

    def __init__(self, auth, server):
        self.auth, self.server = auth, server
        self.connects = self.acks = 0

    def token(self, user):
        if self.auth == "open":
            return str(user)
        return jwt.encode({"uid": user, "exp": int(time.time()) + 3600}, SECRET, algorithm="HS256")

    def health(self):
        with urllib.request.urlopen(self.server.url("/health", scheme="http"), timeout=PATIENCE) as answer:
            assert answer.status == 200
            return json.load(answer)

    def files(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))


class Ground:
    """One run of a scenario: who takes part, in which form of ids, with which clients, on which server."""

    def __init__(self, rng, stations, node):
        self.rng, self.node = rng, node
        self.station = rng.choice(stations)
        self.ids = rng.choice(["text", "number"])
        self.kind = rng.choice(["python", "node"])
        self.clients = []
        # User to (kind, what it is about) to the frame: what comes again must be the same, its id included.
        self.got = collections.defaultdict(dict)

    def names(self, *people):
        if self.ids == "number":
            return [next(_numbers) + 1_000_000 for _ in people]
        return [f"soak_{person}_{next(_numbers)}" for person in people]

    async def connect(self, user):
        self.station.connects += 1
        token = self.station.token(user)
        # A receiver may be of another make than the talker.
        if (self.kind == "node") != (self.rng.random() < 0.25):
            client = await Radio.over(self.node, self.station.server, user, token)
        else:
            client = await Walkie.connect(self.station.server, user, token=token)
        self.clients.append(client)
        return client

    async def enter(self, team, *users):
        clients = [await self.connect(user) for user in users]
        for client in clients:
            await client.say(GROUP, USER_ADD, client.user, team)
            await client.fence()
        return clients

    async def ack(self, client, kind, **options):
        self.station.acks += 1
        return await client.get(kind, **options)

    def receive(self, user, frame, about):
        """Notes a message; the same words come with the same id, however often. Only the form of ids may differ: it
        is that of the client, from when it has spoken (VP-ID-2)."""
        frame = [*frame[:2], *map(str, frame[2:4]), *frame[4:]]
        known = self.got[user].setdefault((frame[1], about), frame)
        assert known == frame, f"it came again as another: {known} {frame}"

    async def leave(self):
        for client in self.clients:
            if not client.ended:
                await client.hang_up()


def words(rng):
    return f"{rng.getrandbits(64):016x}"


def sound(rng):
    return [bytes(rng.getrandbits(8) for _ in range(rng.randint(1, 60))) for _ in range(rng.randint(1, 5))]


async def private_talk(ground):
    alice, bob = ground.names("alice", "bob")
    a, b = await ground.connect(alice), await ground.connect(bob)
    at, packets = ground.rng.getrandbits(40) + 1, sound(ground.rng)
    await a.say(PRIVATE, START, alice, bob, at)
    assert await a.get(START_ACK) == [PRIVATE, START_ACK, alice, bob, at]
    assert (await b.get(START))[:2] == [PRIVATE, START]
    for packet in packets:
        await a.say(PRIVATE, AUDIO, alice, bob, packet)
    await a.say(PRIVATE, STOP, alice, bob)
    ack = await ground.ack(a, STOP_ACK)
    channel, kind, between, _, duration, ending = parts(ack[4])
    assert (channel, kind, between, ending) == (1, 3, f"{bob}_{alice}", "opus") and duration is not None
    assert [(await b.get(AUDIO))[4] for _ in packets] == packets
    told = json.loads((await b.get(STOP))[4])
    assert told == {"message_id": ack[4], "duration": duration}
    await b.say(PRIVATE, DELIVERED, bob, alice, ack[4])
    assert await a.get(DELIVERED) == [PRIVATE, DELIVERED, bob, alice, ack[4]]


async def group_talk(ground):
    alice, bob, carol, team = ground.names("alice", "bob", "carol", "team")
    a, b, c = await ground.enter(team, alice, bob, carol)
    packets = sound(ground.rng)
    await a.say(GROUP, START, alice, team, 7)
    assert await a.get(START_ACK) == [GROUP, START_ACK, alice, team, "7"]
    for packet in packets:
        await a.say(GROUP, AUDIO, alice, team, packet)
    await a.say(GROUP, STOP, alice, team)
    ack = await ground.ack(a, STOP_ACK)
    for client in (b, c):
        assert (await client.get(START))[:4] == [GROUP, START, alice, team]
        assert [(await client.get(AUDIO))[4] for _ in packets] == packets
        assert json.loads((await client.get(STOP))[4])["message_id"] == ack[4]


async def talk_to_oneself(ground):
    (alice,) = ground.names("alice")
    a = await ground.connect(alice)
    await a.say(PRIVATE, START, alice, alice, 1)
    await a.get(START_ACK)
    assert await a.get(START) == [PRIVATE, START, alice, alice, 1]
    await a.say(PRIVATE, AUDIO, alice, alice, b"echo")
    assert (await a.get(AUDIO))[4] == b"echo"
    await a.say(PRIVATE, STOP, alice, alice)
    ack = await ground.ack(a, STOP_ACK)
    assert json.loads((await a.get(STOP))[4])["message_id"] == ack[4]


async def busy(ground):
    alice, bob, team = ground.names("alice", "bob", "team")
    a, b = await ground.enter(team, alice, bob)
    await a.say(GROUP, START, alice, team, 1)
    await a.get(START_ACK)
    # Asked while the talker is heard: within the silence that would free the floor, however slow the machine is.
    began = time.monotonic()
    await a.say(GROUP, AUDIO, alice, team, b"on")
    await a.fence()
    await b.say(GROUP, START, bob, team, 2)
    answer = await b.take(lambda frame: frame[1] in (START_ACK, START_FAILED), "answer to a start")
    if time.monotonic() - began < FLOOR_IDLE:
        assert answer == [GROUP, START_FAILED, bob, team, "Busy"]
    await a.say(GROUP, STOP, alice, team)
    await ground.ack(a, STOP_ACK)
    if answer[1] == START_FAILED:
        await b.say(GROUP, START, bob, team, 3)
        assert (await b.get(START_ACK))[4] == "3"


async def idle_takeover(ground):
    alice, bob, team = ground.names("alice", "bob", "team")
    a, b = await ground.enter(team, alice, bob)
    began = time.monotonic()
    await a.say(GROUP, START, alice, team, 1)
    await a.get(START_ACK)
    answer = None
    while answer is None or answer[1] == START_FAILED:
        await b.say(GROUP, START, bob, team, 2)
        answer = await b.take(lambda frame: frame[1] in (START_ACK, START_FAILED), "answer to a start")
    assert FLOOR_IDLE - 0.05 <= time.monotonic() - began < PATIENCE
    assert await a.get(START) == [GROUP, START, bob, team, 2]
    await b.say(GROUP, AUDIO, bob, team, b"mine")
    assert (await a.get(AUDIO))[4] == b"mine"
    await b.say(GROUP, STOP, bob, team)
    ack = await ground.ack(b, STOP_ACK)
    assert json.loads((await a.get(STOP))[4])["message_id"] == ack[4]


async def maximum_duration(ground):
    alice, bob, team = ground.names("alice", "bob", "team")
    in_group = ground.rng.random() < 0.5
    a, b = await ground.enter(team, alice, bob)
    channel, to = (GROUP, team) if in_group else (PRIVATE, bob)
    await a.say(channel, START, alice, to, 1)
    await a.get(START_ACK)
    while not any(frame[1] == STOP_ACK for frame in a.frames):
        await a.say(channel, AUDIO, alice, to, b"on and on")
        await a.fence()
    ack = await ground.ack(a, STOP_ACK)
    assert parts(ack[4])[4] == MAX_TALK * 1000
    assert json.loads((await b.get(STOP))[4]) == {"message_id": ack[4], "duration": MAX_TALK * 1000}
    await b.rest()
    await a.say(channel, AUDIO, alice, to, b"unheard")
    await a.fence()
    assert await b.rest() == []


async def text(ground):
    alice, bob, team = ground.names("alice", "bob", "team")
    in_group = ground.rng.random() < 0.5
    a, b = await ground.enter(team, alice, bob)
    channel, to = (GROUP, team) if in_group else (PRIVATE, bob)
    sent = [words(ground.rng) for _ in range(ground.rng.randint(1, 20))]
    for said in sent:
        payload = ground.rng.choice([said, said.encode(), json.dumps({"text": said, "message_id": "mine"})])
        await a.say(channel, TEXT, alice, to, payload)
    ids = [(await ground.ack(a, TEXT_ACK))[4] for _ in sent]
    assert len(set(ids)) == len(ids)
    for said, id in zip(sent, ids, strict=True):
        frame = await b.get(TEXT)
        assert frame[:4] == [channel, TEXT, alice, to] and json.loads(frame[4]) == {"message_id": id, "text": said}


async def image(ground):
    alice, bob = ground.names("alice", "bob")
    a, b = await ground.connect(alice), await ground.connect(bob)
    data = b"\x89PNG" + ground.rng.randbytes(ground.rng.randint(1, 20_000))
    await a.say(PRIVATE, IMAGE, alice, bob, data)
    ack = await ground.ack(a, TEXT_ACK)
    assert await b.get(IMAGE) == [PRIVATE, IMAGE, alice, bob, ack[4], data]


async def receipts(ground):
    alice, bob = ground.names("alice", "bob")
    a, b = await ground.connect(alice), await ground.connect(bob)
    ids = []
    for _ in range(ground.rng.randint(1, 6)):
        await a.say(PRIVATE, TEXT, alice, bob, words(ground.rng))
        ids.append((await ground.ack(a, TEXT_ACK))[4])
        await b.get(TEXT)
    await b.say(PRIVATE, DELIVERED, bob, alice, json.dumps(ids) if len(ids) > 1 else ids[0])
    assert {(await a.get(DELIVERED))[4] for _ in ids} == set(ids)
    read = ground.rng.choice(ids)
    for _ in range(2):  # said twice, told once
        await b.say(PRIVATE, READ, bob, alice, read)
    assert await a.get(READ) == [PRIVATE, READ, bob, alice, read]
    await b.fence()
    assert await a.rest() == []


async def connection_test(ground):
    (alice,) = ground.names("alice")
    a = await ground.connect(alice)
    for payload in (ground.rng.getrandbits(50), words(ground.rng), None, b"\x00\xff"):
        await a.say(PRIVATE, CONNECTION_TEST, alice, 0, payload)
        assert await a.get(CONNECTION_ACK) == [PRIVATE, CONNECTION_ACK, 0, alice, payload]


async def redelivery(ground):
    """Somebody whose connection is cut again and again gets everything, and nothing of it under another id."""
    alice, bob = ground.names("alice", "bob")
    a = await ground.connect(alice)
    sent, ids = [], {}
    for _ in range(ground.rng.randint(2, 4)):
        for _ in range(ground.rng.randint(1, 8)):
            said = words(ground.rng)
            sent.append(said)
            await a.say(PRIVATE, TEXT, alice, bob, said)
            ids[said] = (await ground.ack(a, TEXT_ACK))[4]
        b = await ground.connect(bob)
        if ground.rng.random() < 0.5:
            note(ground, bob, await b.take(lambda frame: True, "a text"))
        await b.cut()
        for frame in b.frames:
            note(ground, bob, frame)
    b = await ground.connect(bob)
    while {about for _, about in ground.got[bob]} < set(sent):
        note(ground, bob, await b.get(TEXT))
    for frame in await b.rest():
        note(ground, bob, frame)
    assert {about: json.loads(frame[4])["message_id"] for (_, about), frame in ground.got[bob].items()} == ids


def note(ground, user, frame):
    if frame[1] == TEXT:
        ground.receive(user, frame, json.loads(frame[4])["text"])


SCENARIOS = [
    *[private_talk, group_talk, talk_to_oneself, busy, idle_takeover, maximum_duration],
    *[text, image, receipts, connection_test, redelivery],
]


async def work(worker, seed, stations, node, until, played):
    """One scenario after the other, every one of them before any comes again."""
    rng = random.Random(f"{seed} {worker}")
    while True:
        for scenario in rng.sample(SCENARIOS, len(SCENARIOS)):
            if time.monotonic() >= until:
                return
            ground = Ground(random.Random(rng.getrandbits(64)), stations, node)
            circumstances = (ground.station.auth, ground.ids, ground.kind)
            try:
                await scenario(ground)
            except BaseException as error:
                error.add_note(f"{scenario.__name__} in {circumstances}; BIMIP_SOAK_SEED={seed}")
                raise
            finally:
                await ground.leave()
            played[scenario.__name__, *circumstances] += 1


@pytest.fixture
async def stations(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    times = ["--floor-idle", f"{FLOOR_IDLE * 1000:.0f}ms", "--max-talk", f"{MAX_TALK * 1000:.0f}ms"]
    made = []
    for auth in ("open", "jwt"):
        keys = ["--jwt-hs256-key", str(secret)] if auth == "jwt" else []
        folder = tmp_path / auth
        folder.mkdir()
        server = Server(folder / "data", folder / "log", *times, *keys, auth=auth)
        made.append(Station(auth, await server.start()))
    yield made
    for station in made:
        assert station.server.process.returncode is None, station.server.trouble(b"the server is gone")
        assert await station.server.terminate() == 0, station.server.trouble()


@pytest.fixture
async def node():
    made = await Node().start()
    yield made
    await made.stop()


# MISSION V2 V3 V4 V7 V8 V9 V10
@pytest.mark.timeout(SECONDS + 60)
async def test_every_scenario_in_any_order_on_servers_that_live_through_it(stations, node):
    seed = int(os.environ.get("BIMIP_SOAK_SEED") or random.SystemRandom().randrange(2**32))
    print(f"BIMIP_SOAK_SEED={seed} BIMIP_SOAK_SECONDS={SECONDS:g}")
    before = [station.files() for station in stations]
    played = collections.Counter()
    until = time.monotonic() + SECONDS
    async with asyncio.TaskGroup() as group:
        for worker in range(WORKERS):
            group.create_task(work(worker, seed, stations, node, until, played))
    print(f"{played.total()} scenarios: {dict(sorted(played.items()))}")
    assert {key[0] for key in played} == {scenario.__name__ for scenario in SCENARIOS}
    assert len({key[1:] for key in played}) == 8, "string and integer ids, both sign-ins, both clients"
    for station, files in zip(stations, before, strict=True):
        await is_at_rest(station, files)


async def is_at_rest(station, files):
    """Nobody is connected any more, nothing was refused, and every acknowledgement is accounted for."""
    async with asyncio.timeout(PATIENCE):
        while (health := await asyncio.to_thread(station.health))["connections"]:
            pass
    counters = health["counters"]
    assert health["status"] == "ok"
    assert counters["opened"] == counters["signed_in"] == station.connects
    unwanted = [name for name in counters if name.startswith(("fault_", "door_", "token_"))]
    unwanted += ["failed", "rejected", "strikes_closed", "idle", "expired", "text_frames", "oversize_frames"]
    unwanted += ["not_encoded", "write_stalls", "sign_in_refused", "sign_in_timeouts"]
    assert {name: counters[name] for name in unwanted if counters[name]} == {}
    assert counters["floors_taken"] > 0 and counters["talks_denied"] > 0 and counters["talks_cut"] > 0
    assert counters["accepted"] == station.acks, counters
    # The files of the store come and go; a leaked socket for each connection would be hundreds.
    assert station.files() < files + 50, f"{station.files()} open files, {files} before"
