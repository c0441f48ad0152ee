"""The server is killed in the middle of a stream of sends; what it acknowledged is there, once, in order."""

import json

from scheme import MESSAGE, RESPONSE, Scheme, is_signal
from walkie import PRIVATE, TEXT, TEXT_ACK, Walkie

WINDOW = 32
ROUNDS = 3


class Sender:
    """Keeps up to `WINDOW` messages in flight and remembers what became of each."""

    def __init__(self, user, to):
        self.user, self.to = user, to
        self.made, self.acked = 0, {}
        self.client = None

    def body(self, number):
        return f"message {number}".encode() * (1 + number % 40)

    def unacked(self):
        return [number for number in range(self.made) if number not in self.acked]

    async def run(self, server, until_acked):
        """Sends again what is unacknowledged, then more, until so many acks came in this run."""
        client = self.client = await Scheme.connect(server, self.user, seen=0)
        waiting = self.unacked()
        for number in waiting:
            await self.post(client, number)
        goal = len(self.acked) + until_acked
        while len(self.acked) < goal:
            while len(waiting) < WINDOW:
                await self.post(client, self.made)
                waiting.append(self.made)
                self.made += 1
            frame = await client.take(lambda frame: is_signal(frame, RESPONSE), "ack")
            waiting.remove(self.note(frame.signal))

    async def post(self, client, number):
        await client.post(self.to, self.body(number), id=f"k{number}")

    def note(self, ack):
        number = int(ack.id.removeprefix("k"))
        place = (ack.signal_id, int(ack.user_offset))
        assert self.acked.setdefault(number, place) == place, f"message {number} has two places"
        return number

    async def drain(self):
        """The acks that came before the end."""
        await self.client.closed()
        for frame in self.client.frames:
            if is_signal(frame, RESPONSE):
                self.note(frame.signal)


# DM-BOX-2 DM-ACK-1 DM-CUR-4
# MISSION B3 B10
async def test_kill_in_the_middle_of_a_stream(own_server, names):
    alice, bob = names("alice", "bob")
    stream = Sender(alice, bob)
    for number in range(ROUNDS):
        await stream.run(own_server, until_acked=150 + 37 * number)
        assert stream.unacked(), "the kill has to hit messages in flight"
        await own_server.kill()
        await stream.drain()
        await own_server.start()
    before = dict(stream.acked)

    # Everything once more with the same ids: the same places, nothing doubled.
    async with await Scheme.connect(own_server, alice, seen=0) as client:
        for number in range(stream.made):
            await stream.post(client, number)
        for number in range(stream.made):
            assert stream.note(await client.acknowledged(f"k{number}")) == number
    assert before.items() <= stream.acked.items()

    expected = [stream.body(number) for number in range(stream.made)]
    for user in (alice, bob):
        async with await Scheme.connect(own_server, user, device="auditor") as auditor:
            rows = [
                row.message for row in await auditor.mailbox(auditor.welcome.head) if row.route == MESSAGE
            ]
        assert [row.payload for row in rows] == expected, f"the mailbox of {user}"
        assert [row.signal_id for row in rows] == [stream.acked[number][0] for number in range(stream.made)]
        if user == alice:
            places = [(row.signal_id, int(row.user_offset)) for row in rows]
            assert places == [stream.acked[number] for number in range(stream.made)]


# MISSION B3 V6
async def test_kill_while_walkies_write(own_server, names):
    alice, bob = names("alice", "bob")
    acked = []
    for number in range(2):
        a = await Walkie.connect(own_server, alice)
        for count in range(200 + WINDOW):
            await a.say(PRIVATE, TEXT, alice, bob, f"{number}.{count}")
            if count >= WINDOW:
                acked.append((await a.get(TEXT_ACK))[4])
        await own_server.kill()
        await a.closed()
        acked.extend(frame[4] for frame in a.frames if frame[1] == TEXT_ACK)
        await own_server.start()

    async with await Walkie.connect(own_server, bob) as b:
        received = []
        while not received or received[-1]["message_id"] != acked[-1]:
            received.append(await b.receive(alice))
        received.extend([json.loads(frame[4]) for frame in await b.rest() if frame[1] == TEXT])
    ids = [text["message_id"] for text in received]
    assert len(ids) == len(set(ids)), "each once"
    places = [ids.index(message) for message in acked]
    assert places == sorted(places), "in order"
    for number in range(2):
        counts = [
            int(text["text"].split(".")[1]) for text in received if text["text"].startswith(f"{number}.")
        ]
        assert counts == list(range(len(counts))), "without a hole"


# MISSION E10
async def test_a_graceful_end_says_goodbye_to_walkies(own_server, names):
    (alice,) = names("alice")
    a = await Walkie.connect(own_server, alice)
    await a.text(alice, "last")
    assert await own_server.terminate() == 0, own_server.trouble()
    assert await a.closed() == 1001
