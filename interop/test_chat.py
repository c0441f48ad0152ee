"""The chat dialect: clients that know messages and nothing else, with one another and with the other dialects."""

import json
import re

import pytest
from websockets.exceptions import InvalidStatus

from chat import Chat
from inbox import dial
from scheme import READ as READ_EVENT, Scheme
from walkie import DELIVERED, GROUP, READ, TEXT, TEXT_ACK, USER_ADD, Walkie

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
# What every entity of a message has.
SHAPE = {"senderId", "messageId", "timestamp", "attachment", "attachmentURI", "messageText"}
SHAPE |= {"receivedServer", "delivered", "read"}


# CH-FRAME-1 CH-CONN-1 CH-ACK-1 CH-MSG-1 CH-TIME-1 CH-RCP-1 CH-RCP-2 CH-LIVE-1
# MISSION A4
async def test_two_clients_chat(server, names):
    alice, bob = names("alice", "bob")
    async with await Chat.connect(server, alice) as a, await Chat.connect(server, bob) as b:
        assert a.welcome["connection_id"] != b.welcome["connection_id"]
        stored = await a.send("hello", bob, timestamp=1763652000000)
        assert stored["seq"] == 1 and TIME.match(stored["timestamp"])
        heard = await b.message()
        assert SHAPE <= set(heard) and heard["receiverId"] == bob and "groupId" not in heard
        assert (heard["senderId"], heard["id"], heard["messageText"]) == (alice, stored["id"], "hello")
        assert (heard["attachment"], heard["attachmentURI"]) == (False, [])
        assert heard["clientTimestamp"] == "2025-11-20T15:20:00.000Z"

        # By the name that came, and by the name of the field that a client may prefer.
        assert (await b.mark(heard["messageId"], delivered=True))["receivedServer"] is True
        told = await a.receipt(bob)
        assert (told["messageId"], told["id"]) == (stored["messageId"], stored["id"])
        await b.entities({"messageId": "mine", "id": heard["id"], "read": True})
        told = await a.receipt(bob, read=True)
        assert (told["messageId"], told["receiverId"]) == (stored["messageId"], bob) and TIME.match(told["timestamp"])

        await b.say({"type": "typing", "receiverId": alice})
        typing = await a.beside("typing")
        assert (typing["senderId"], typing["isTyping"]) == (bob, True)
        await b.say({"type": "ping", "id": "p"})
        assert (await b.beside("pong"))["id"] == "p"


# CH-AUTH-1 CH-WELCOME-1
# MISSION A4
@pytest.mark.parametrize("by", ["frame", "bearer", "token", "subprotocol"])
async def test_every_way_to_sign_in(server, names, by):
    (alice,) = names("alice")
    async with await Chat.connect(server, alice, by=by) as a:
        assert a.welcome["connection_id"] and a.welcome["head"] == 0
        if by == "subprotocol":
            assert a.socket.subprotocol == "bimip.chat"
        assert (await a.send("note", alice))["senderId"] == alice


# CH-DOOR-1
# MISSION A4
async def test_other_encodings_are_refused(server, names):
    (alice,) = names("alice")
    for query in ["?encoding=json", "?encoding=protobuf", "?encoding="]:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.url("/chat" + query), additional_headers={"token": alice})
        assert refused.value.response.status_code == 400
        assert b"encoding=text" in refused.value.response.body
    async with await Chat.connect(server, alice, path="/chat"):
        pass


# CH-ROW-1 CH-ROW-2 CH-STORE-1 CH-STORE-2
# MISSION A4
async def test_what_was_missed_comes_as_such_and_outlives_a_restart(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Chat.connect(own_server, alice) as a:
        for text in ("one", "two", "three"):
            await a.send(text, bob)
    await own_server.restart()
    async with await Chat.connect(own_server, bob, has=0) as b:
        assert (await b.take(lambda frame: "ack" in frame, "answer to the first ack"))["ack"] == 0
        for offset, text in enumerate(("one", "two", "three"), 1):
            row = await b.message()
            assert (row["missed"], row["messageText"], row["offset"]) == (True, text, offset)
        assert await b.stored(2) == 2
        async with await Chat.connect(own_server, alice) as a:
            await a.send("four", bob)
            row = await b.message()
            assert "missed" not in row and row["messageText"] == "four"
    async with await Chat.connect(own_server, bob) as b:
        assert b.welcome["resume_from"] == 2
        assert [(await b.message())["messageText"] for _ in range(2)] == ["three", "four"]
        # Whoever says nothing of offsets is moved on by what arrived.
        await b.rest()
    async with await Chat.connect(own_server, bob) as b:
        await b.fence()


# CH-SEND-1 CH-ERR-1 CH-ERR-2 CH-ID-2
# MISSION A4
async def test_one_bad_message_does_not_take_the_others_with_it(server, names):
    alice, bob, eve = names("alice", "bob", "eve")
    async with await Chat.connect(server, alice) as a, await Chat.connect(server, bob) as b:
        good = {"messageId": "good", "receiverId": bob, "messageText": "hello", "senderId": alice}
        bad = {
            "nowhere": ({"messageText": "x"}, "FIELD"),
            "both": ({"messageText": "x", "receiverId": bob, "groupId": "g"}, "FIELD"),
            "empty": ({"receiverId": bob}, "FIELD"),
            "eve's": ({"receiverId": bob, "messageText": "x", "senderId": eve}, "NOT_YOURSELF"),
            "strangers": ({"groupId": "strangers", "messageText": "x"}, "NOT_MEMBER"),
            "attached": ({"receiverId": bob, "attachment": True}, "FIELD"),
            "late": ({"receiverId": bob, "messageText": "x", "timestamp": "late"}, "FIELD"),
            "unknown": ({"id": "1_17_nobody_nothing_1.txt", "read": True}, "NO_SUCH_MESSAGE"),
        }
        await a.entities(good, 7, *({"messageId": name, **it} for name, (it, _) in bad.items()), good)
        for name, (it, code) in bad.items():
            refused = await a.answer(it.get("id", name))
            assert refused["error"]["code"] == code and refused["error"]["message"], refused
        nameless = await a.entity(lambda it: "messageId" not in it, "refusal without a name")
        assert nameless["error"]["code"] == "FIELD"
        # The same again is the same message.
        assert (await a.answer("good"))["id"] == (await a.answer("good"))["id"]
        await a.entities({**good, "messageText": "something else"})
        assert (await a.answer("good"))["error"]["code"] == "CONFLICT"
        assert (await b.message())["messageText"] == "hello"
        assert await b.rest() == []


# CH-ERR-3
# MISSION A4
async def test_hostile_frames_are_answered_and_the_connection_lives(server, names):
    (alice,) = names("alice")
    async with await Chat.connect(server, alice) as a:
        for text in ["", "[]", "{", "\0", '{"payload":[]}', '{"payload":{}}', '{"ack":-1}', '{"type":"dance"}', "{}"]:
            await a.socket.send(text)
            assert (await a.beside("error"))["code"] in ("MALFORMED", "FIELD", "UNKNOWN"), text
        await a.socket.send(json.dumps({"payload": [{"messageId": "n", "receiverId": alice, "messageText": "still"}]}).encode())
        assert (await a.answer("n"))["receivedServer"] is True


# CH-SEND-2 CH-ATT-1 CH-ATT-2 CH-MSG-2
# MISSION A4 X1
async def test_what_is_attached_is_seen_by_every_dialect(server, names):
    alice, bob = names("alice", "bob")
    cat = "https://files.example/cat.jpg"
    async with (
        await Chat.connect(server, alice) as a,
        await Chat.connect(server, bob) as b,
        await Scheme.connect(server, bob) as phone,
        await Walkie.connect(server, bob, device="radio") as walkie,
    ):
        for text, uri in [("my cat", cat), ("", [cat])]:
            assert (await a.send(text, bob, attachment=True, attachmentURI=uri))["kind"] == "image"
            heard = await b.message()
            assert (heard["messageText"], heard["attachment"], heard["attachmentURI"]) == (text, True, [cat])
            row = await phone.message()
            content = json.loads(row.payload)
            assert row.kind == 2 and content["attachments"] == [{"url": cat, "kind": "image"}]
            shown = json.loads((await walkie.take(lambda frame: frame[1] in (TEXT, 18), "image"))[4])
            assert shown["text"] == (text or f"[image] {cat}")


# CH-MSG-2 CH-ID-1 CH-RCP-1 CH-RCP-2
# MISSION A4 X1
async def test_a_walkie_a_phone_and_a_chat_client_share_a_conversation(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Chat.connect(server, alice) as a,
        await Walkie.connect(server, bob, device="radio") as walkie,
        await Scheme.connect(server, bob) as phone,
    ):
        stored = await a.send("hello", bob)
        radio = await walkie.receive(alice)
        assert radio["text"] == "hello"
        row = await phone.message()
        assert row.signal_id == stored["id"] and json.loads(row.payload) == {"text": "hello"}
        await phone.dispose(row.user_offset)
        await a.receipt(bob)
        await walkie.read(alice, radio["message_id"])
        assert (await a.receipt(bob, read=True))["messageId"] == stored["messageId"]

        # To the chat client, and its word back; by the name that walkie-talkies know, too.
        alias = await walkie.text(alice, "roger")
        heard = await a.message()
        assert (heard["messageText"], heard["senderId"]) == ("roger", bob)
        assert (await a.mark(heard["id"], delivered=True))["receivedServer"] is True
        await walkie.receipt(DELIVERED, alice, alias)
        assert (await a.mark(alias, read=True))["receivedServer"] is True
        await walkie.receipt(READ, alice, alias)

        ack = await phone.send(alice, b'{"text":"from the phone"}')
        heard = await a.message()
        assert (heard["messageText"], heard["id"]) == ("from the phone", ack.signal_id)
        await a.mark(heard["id"], read=True)
        # It heard what was read before, too.
        while (await phone.event(READ_EVENT)).signal_id != ack.signal_id:
            pass

        talk = await walkie.talk(alice)
        heard = await a.message()
        assert heard["attachment"] is True and heard["attachmentURI"] == [f"/files/audio/{talk}"]
        assert heard["kind"] == "voice" and heard["durationMs"] >= 0


# CH-REV-1 CH-REV-2
# MISSION A4
async def test_edits_and_deletions_reach_every_device(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Chat.connect(server, alice) as a,
        await Chat.connect(server, alice, device="tablet") as tablet,
        await Chat.connect(server, bob) as b,
        await Scheme.connect(server, bob) as phone,
    ):
        stored = await a.send("helo", bob)
        for client in (tablet, b):
            assert (await client.message())["id"] == stored["id"]
        await phone.message()
        assert (await a.revise(stored["id"], "hello"))["edition"] == 1
        for client in (tablet, b):
            edited = await client.revision()
            assert (edited["edited"], edited["id"], edited["messageText"]) == (True, stored["id"], "hello")
            assert (edited["receiverId"], edited["seq"], edited["clientMessageId"]) == (bob, 1, stored["messageId"])
        assert json.loads((await phone.revision()).payload) == {"text": "hello"}
        assert (await b.revise(stored["id"], "not yours"))["error"]["code"] == "NO_SUCH_MESSAGE"
        assert (await tablet.revise(stored["id"]))["edition"] == 2
        for client in (a, b):
            deleted = await client.revision()
            assert (deleted["deleted"], deleted["id"], deleted["messageText"]) == (True, stored["id"], "")
        assert (await a.revise(stored["id"], "late"))["error"]["code"] == "DELETED"

        # A phone's edit, and one of what has something attached.
        ack = await phone.send(alice, b"helo")
        await a.message()
        await phone.revise(ack.signal_id, b"hello")
        assert (await a.revision())["messageText"] == "hello"
        picture = await a.send("cat", bob, attachmentURI="https://h/cat.png")
        assert (await a.revise(picture["id"], "my cat"))["error"]["request"] == "edit"
        assert (await a.revise(picture["id"], "my cat", attachmentURI="https://h/cat.png"))["edition"] == 1


# CH-TO-1
# MISSION A4
async def test_a_group(server, names):
    alice, bob = names("alice", "bob")
    (team,) = names("team")
    async with await Walkie.connect(server, alice, device="radio") as radio, await Walkie.connect(server, bob) as walkie:
        for client, user in ((radio, alice), (walkie, bob)):
            await client.say(GROUP, USER_ADD, user, team)
            await client.fence()
        async with await Chat.connect(server, alice) as a:
            stored = await a.send("hello all", group=team)
            assert stored["groupId"] == team and "receiverId" not in stored
            heard = await walkie.get(TEXT)
            assert heard[0] == GROUP and json.loads(heard[4])["text"] == "hello all"
            await walkie.say(GROUP, TEXT, bob, team, "roger")
            await walkie.get(TEXT_ACK)
            heard = await a.message()
            assert (heard["groupId"], heard["messageText"]) == (team, "roger") and "receiverId" not in heard


# CH-BYE-1 CH-PING-1
# MISSION A4
async def test_the_newest_session_wins_and_a_goodbye_is_answered(server, names):
    (alice,) = names("alice")
    async with await Chat.connect(server, alice) as first, await Chat.connect(server, alice) as second:
        assert (await first.beside("bye"))["reason"] == "replaced"
        await first.closed()
        await second.send("note", alice)
        await second.say({"type": "bye"})
        assert (await second.beside("bye"))["reason"] == "bye"
        assert await second.closed() == 1000
