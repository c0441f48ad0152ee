"""The vectors of JSON events: read with Python's own json, and what clients say is said to the real server; whole
conversations, too."""

import collections
import json
import re

import pytest

import make_vectors
import vectors
from events import BESIDE, Events
from inbox import dial
from server import Server
from test_vectors import FAULTS
from walkie import GROUP, USER_ADD, Walkie

CASES = vectors.load("events")
CONVERSATIONS = vectors.transcripts("conversations")
BY_CLIENTS = "client-to-server"
# What a message is called, here and in chat.
NAMES = ("message_id", "id", "messageId")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def every(wanted=lambda case: True):
    return pytest.mark.parametrize("name", [name for name, case in CASES.items() if wanted(case)])


def said_by_clients(case):
    return case["direction"] == BY_CLIENTS


def outlives(case):
    """What it changes outlives who said it."""
    return said_by_clients(case) and case["name"].startswith(("group_", "user_"))


def strict(data):
    """One JSON object with a type (EV-FRAME-1), by Python's own json, told that NaN is none."""

    def none(word):
        raise ValueError(word)

    # Of two fields of one name the first counts.
    first = lambda pairs: dict(reversed(pairs))
    event = json.loads(data.decode(), parse_constant=none, object_pairs_hook=first)
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise ValueError("no event")
    return event


def test_every_case_says_all_that_it_should():
    for name, case in CASES.items():
        assert case["direction"] in (BY_CLIENTS, "server-to-client") and case["user"] and case["source"], name
        assert "meaning" in case or "error" in case or "answer" in case, name
        assert "error" not in case or case["error"].split()[0] in FAULTS, name
        assert not said_by_clients(case) or "answer" in case, name
        assert set(case) <= {*make_vectors.ORDER, "bytes"}, name
    count = collections.Counter(case["direction"] for case in CASES.values())
    assert count[BY_CLIENTS] >= 250 and count["server-to-client"] >= 180, count


# MISSION E3
# EV-FRAME-1 EV-FRAME-2
@every()
def test_json_reads_what_is_stated(name):
    case = CASES[name]
    if case.get("error", "").startswith("malformed"):
        with pytest.raises((ValueError, RecursionError)):
            strict(case["bytes"])
    elif "meaning" in case:
        assert strict(case["bytes"]) == vectors.written_out(case["meaning"])
    else:
        strict(case["bytes"])


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_json_reads_the_conversations(name):
    for event in CONVERSATIONS[name]:
        if "meaning" in event:
            assert strict(event["bytes"]) == event["meaning"]
        elif "bytes" in event:
            with pytest.raises(ValueError):
                strict(event["bytes"])
        else:
            assert event["who"] and ("opens" in event or int(event["closed"]))


def test_every_event_is_in_a_vector():
    """All that docs/protocol/events.md names, in the directions that they have."""
    page = (vectors.FOLDER.parent / "events.md").read_text()
    seen = collections.defaultdict(set)
    for case in CASES.values():
        if "meaning" in case and "error" not in case:
            seen[case["direction"]].add(case["meaning"]["type"])
    asked, told = seen[BY_CLIENTS], seen["server-to-client"]
    # Of what is about a message that is not there the refusal is the answer.
    asked |= {case["error"].split()[1] for case in CASES.values() if said_by_clients(case) and "error" in case} - {"-"}
    assert (len(asked), len(told)) == (31, 26), (asked, told)
    assert all(f"`{event}`" in page for event in {*asked, *told}), [it for it in {*asked, *told} if f"`{it}`" not in page]


# -- against the real server


@pytest.fixture(scope="module")
async def host(tmp_path_factory):
    """A server whose users are those of the vectors."""
    folder = tmp_path_factory.mktemp("events")
    made = await Server(folder / "data", folder / "log").start()
    for user, group in [("alice", "team"), ("bob", "team"), ("alice", "ünit 7"), ("bob", "ünit 7")]:
        async with await Walkie.connect(made, user) as client:
            await client.say(GROUP, USER_ADD, user, group)
            await client.fence()
    yield made
    assert made.process.returncode is None, made.trouble(b"the server is gone")
    assert await made.terminate() == 0, made.trouble()


def is_answer(event):
    """No row of the mailbox, which comes when it comes; nor what is told beside."""
    return "prev_offset" not in event and event["type"] not in BESIDE and not event["type"].startswith("message_")


# MISSION E3
# EV-FRAME-1 EV-ACK-1 EV-DONE-1 EV-ERR-1 EV-ERR-2 EV-ID-2 EV-TO-1 EV-SEND-1 EV-SEND-2 EV-KIND-1 EV-QRY-1
@every(lambda case: said_by_clients(case) and not outlives(case))
async def test_the_server_answers_as_stated(host, name):
    await answers_as_stated(host, CASES[name])


# MISSION E3
# EV-GRP-1 EV-USR-1
@every(outlives)
async def test_the_server_keeps_what_is_said_as_stated(own_server, name):
    """Each with a server of its own."""
    await answers_as_stated(own_server, CASES[name])


async def answers_as_stated(host, case):
    stranger = case.get("signed_in") == "no"
    if stranger:
        client = Events(await dial(host.url("/ws")), case["user"])
    else:
        client = await Events.connect(host, case["user"], by="headers")
        await client.rest()
    await client.raw(case["bytes"].decode() if is_text(case["bytes"]) else case["bytes"])
    for answer in case["answer"]:
        event = await client.take(is_answer, f"{answer}")
        assert vectors.fits(answer, event), (answer, event)
        assert set(event) == set(answer), "no more and no less than is stated"
    if "closes" in case:
        assert await client.closed() == int(case["closes"])
        assert [event for event in client.frames if is_answer(event)] == []
        return
    if stranger and "error" in case:  # a way in is still open
        await client.say("auth", token=case["user"])
        await client.get("welcome")
    assert [event for event in await client.rest() if is_answer(event)] == []
    await client.send(case["user"], "still here")
    await client.hang_up()


def is_text(data):
    """What is not UTF-8 goes as a binary message, which is as good."""
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False


class Replay:
    """Says a conversation again. What the server made up is another thing each time, and the same wherever it stands."""

    def __init__(self, server, path="/ws", client=Events):
        self.server, self.path, self.client = server, path, client
        self.clients, self.now = {}, {}

    async def step(self, event):
        who = event["who"]
        if "opens" in event:
            socket = await dial(self.server.url(self.path), additional_headers=event["opens"])
            self.clients[who] = self.client(socket, who)
        elif "closed" in event:
            assert await self.clients[who].closed() == int(event["closed"])
        elif event["direction"] == BY_CLIENTS:
            meaning = event.get("meaning")
            frame = event["bytes"].decode() if meaning is None else json.dumps(self.today(meaning))
            await self.clients[who].raw(frame)
        else:
            said = await self.clients[who].next()
            self.same(event["meaning"], said, event["meaning"].get("type"))

    def today(self, value):
        """What a client says, with the names of today."""
        if isinstance(value, dict):
            return {key: self.today(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.today(item) for item in value]
        return self.now.get(value, value) if isinstance(value, str) else value

    def same(self, stated, said, key):
        if isinstance(stated, dict):
            assert isinstance(said, dict) and set(stated) == set(said), (key, stated, said)
            for name in stated:
                self.same(stated[name], said[name], name)
        elif isinstance(stated, list):
            assert isinstance(said, list) and len(stated) == len(said), (key, stated, said)
            for one, other in zip(stated, said):
                self.same(one, other, key)
        elif key == "epoch":
            assert type(said) is int
        elif isinstance(stated, str) and TIME.fullmatch(stated):
            assert TIME.fullmatch(said), (key, said)
            if key == "created_at":
                self.bound(stated, said)
        elif key in NAMES and len(stated) == 20:
            self.bound(stated, said)
        else:
            assert stated == said and type(stated) is type(said), (key, stated, said)

    def bound(self, stated, said):
        assert self.now.setdefault(stated, said) == said, (stated, said, self.now)


# MISSION E3
# EV-AUTH-1 EV-WELCOME-1 EV-STORE-1 EV-STORE-2 EV-BYE-1 EV-ROW-1 EV-RCP-1 EV-MARK-1 EV-REV-2 EV-RCT-2 EV-GRP-3 EV-USR-2
# EV-QRY-2 EV-STAT-2 EV-LIVE-1 EV-LIVE-3
@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_conversation_is_as_it_was(own_server, name):
    replay = Replay(own_server)
    for event in CONVERSATIONS[name]:
        await replay.step(event)
    for who, client in replay.clients.items():
        if not client.ended:
            assert await client.rest() == [], f"more was said to {who}"
            await client.hang_up()
