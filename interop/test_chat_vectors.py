"""The vectors of the chat dialect: read with Python's own json, and what clients say is said to the real server."""

import collections
import json

import pytest

import make_vectors
import vectors
from chat import Chat
from inbox import Inbox, dial
from server import Server
from test_event_vectors import Replay, is_text
from test_vectors import FAULTS
from walkie import GROUP, USER_ADD, Walkie

CASES = vectors.load("chat")
CONVERSATIONS = vectors.transcripts("chat_conversations")
BY_CLIENTS = "client-to-server"


def every(wanted=lambda case: True):
    return pytest.mark.parametrize("name", [name for name, case in CASES.items() if wanted(case)])


def said_by_clients(case):
    return case["direction"] == BY_CLIENTS


def strict(data):
    """One JSON object (CH-FRAME-1), by Python's own json; of two fields of one name the first counts (CH-FRAME-2)."""
    frame = json.loads(data.decode(), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    if not isinstance(frame, dict):
        raise ValueError("no object")
    return frame


def test_every_case_says_all_that_it_should():
    for name, case in CASES.items():
        assert case["direction"] in (BY_CLIENTS, "server-to-client") and case["user"] and case["source"], name
        assert "meaning" in case or case["error"].startswith("malformed"), name
        assert "error" not in case or case["error"].split()[0] in FAULTS, name
        assert not said_by_clients(case) or "answer" in case, name
        assert set(case) <= {*make_vectors.ORDER, "bytes"}, name
    count = collections.Counter(case["direction"] for case in CASES.values())
    assert count[BY_CLIENTS] >= 58 and count["server-to-client"] >= 30, count


# MISSION A4
# CH-FRAME-1 CH-FRAME-2
@every()
def test_json_reads_what_is_stated(name):
    case = CASES[name]
    if "meaning" in case:
        assert strict(case["bytes"]) == vectors.written_out(case["meaning"])
    else:
        with pytest.raises(ValueError):
            strict(case["bytes"])


# -- against the real server


@pytest.fixture(scope="module")
async def host(tmp_path_factory):
    """A server whose users are those of the vectors."""
    folder = tmp_path_factory.mktemp("chat")
    made = await Server(folder / "data", folder / "log").start()
    for user in ("alice", "bob"):
        async with await Walkie.connect(made, user) as client:
            await client.say(GROUP, USER_ADD, user, "team")
            await client.fence()
    yield made
    assert made.process.returncode is None, made.trouble(b"the server is gone")
    assert await made.terminate() == 0, made.trouble()


def payload(frame):
    """The entities of an answer, or a frame beside messages."""
    return frame["payload"] if "payload" in frame else frame


def exactly(stated, said):
    """What is stated and no more."""
    if stated == vectors.ANYTHING:
        return True
    if isinstance(stated, dict) and isinstance(said, dict):
        return set(stated) == set(said) and all(exactly(stated[key], said[key]) for key in stated)
    if isinstance(stated, list) and isinstance(said, list):
        return len(stated) == len(said) and all(map(exactly, stated, said))
    return stated == said and type(stated) is type(said)


def is_answer(frame):
    """No row of the mailbox, which comes when it comes."""
    return not (isinstance(frame, list) and any("prevOffset" in it for it in frame))


# MISSION A4
# CH-FRAME-1 CH-FRAME-3 CH-CONN-1 CH-ID-1 CH-ID-2 CH-TO-1 CH-TIME-1 CH-SEND-1 CH-SEND-2 CH-ATT-1 CH-ATT-2 CH-ACK-1 CH-ACK-2 CH-ERR-1 CH-ERR-2 CH-ERR-3
@every(said_by_clients)
async def test_the_server_answers_as_stated(host, name):
    case = CASES[name]
    async with await Chat.connect(host, case["user"], by="bearer") as client:
        await client.rest()
        await client.socket.send(case["bytes"].decode() if is_text(case["bytes"]) else case["bytes"])
        for answer in map(payload, case["answer"]):
            said = await client.take(is_answer, f"{answer}")
            assert exactly(answer, said), (answer, said)
        if "closes" in case:
            assert await client.closed() == int(case["closes"])
            return
        assert [frame for frame in await client.rest() if is_answer(frame)] == []
        await client.send("still here", case["user"])



# MISSION A4
# CH-AUTH-1 CH-ROW-1 CH-ROW-2
async def test_frames_of_vectors_are_heard(own_server):
    """A frame of the vectors, as it stands, and what it is on the other side: the same fields, missed and not."""
    bytes_of = lambda name: CASES[name]["bytes"].decode()
    async with await Chat.connect(own_server, "alice", by="bearer") as alice:
        await alice.socket.send(bytes_of("send"))
        assert exactly(CASES["send"]["answer"][0]["payload"], await alice.take(is_answer, "an answer"))
        socket = await dial(own_server.url("/chat?encoding=text"), additional_headers={"token": "bob"})
        bob = Chat(socket, "bob")
        welcome = await bob.beside("welcome")
        assert set(welcome) == set(CASES["welcome"]["meaning"])
        missed = (await bob.take(lambda frame: isinstance(frame, list), "what was missed"))[0]
        stated = CASES["message_missed"]["meaning"]["messages"][0]["payload"][0]
        assert set(missed) == {*stated, "missed"} and missed["messageText"] == stated["messageText"]
        await alice.socket.send(bytes_of("send_image"))
        heard = (await bob.take(lambda frame: isinstance(frame, list), "an image"))[0]
        stated = CASES["message_with_an_image"]["meaning"]["payload"][0]
        assert set(heard) == set(stated) and heard["attachmentURI"] == stated["attachmentURI"]
        await bob.mark(heard["messageId"], read=True)
        told = await alice.receipt("bob", read=True)
        assert set(told) == set(CASES["receipt_read"]["meaning"]["payload"][0])
        await alice.revise(heard["id"], "look", attachmentURI=heard["attachmentURI"])
        assert set(await bob.revision()) == set(CASES["edited"]["meaning"]["payload"][0])
        await alice.revise(heard["id"])
        assert set(await bob.revision()) == set(CASES["deleted"]["meaning"]["payload"][0])
        await alice.socket.send(bytes_of("typing"))
        assert set(await bob.beside("typing")) == set(CASES["heard_typing"]["meaning"])
        await bob.hang_up()


class Plain(Inbox):
    """Frames as they come."""

    def __init__(self, socket, user):
        self.user = user
        super().__init__(socket)

    def decode(self, data):
        assert isinstance(data, str), f"a binary frame: {data!r}"
        return json.loads(data)

    async def raw(self, frame):
        await self.socket.send(frame)

    async def next(self):
        return await self.take(lambda frame: True)

    async def rest(self):
        """All that came and was not taken, up to now."""
        await self.raw(json.dumps(dict(type="ping", id="fence")))
        await self.take(lambda frame: frame.get("id") == "fence", "pong")
        return self.frames


# MISSION A4
# CH-AUTH-1 CH-WELCOME-1 CH-PING-1 CH-BYE-1 CH-ACK-1 CH-ACK-2 CH-ERR-1 CH-ERR-2 CH-MSG-1 CH-ATT-2 CH-ROW-1 CH-ROW-2 CH-STORE-1 CH-STORE-2
# CH-RCP-1 CH-RCP-2 CH-REV-1 CH-REV-2 CH-LIVE-1
@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_conversation_is_as_it_was(own_server, name):
    replay = Replay(own_server, "/chat?encoding=text", Plain)
    for event in CONVERSATIONS[name]:
        if "meaning" in event:
            assert strict(event["bytes"]) == event["meaning"]
        await replay.step(event)
    for who, client in replay.clients.items():
        if not client.ended:
            assert await client.rest() == [], f"more was said to {who}"
            await client.hang_up()
