"""JSON events on /ws with clients of Python's own json: browsers among themselves, and with clients of the other dialects."""

import asyncio
import json

import pytest

from events import Events
from inbox import dial
from scheme import DELIVERED as S_DELIVERED
from scheme import READ as S_READ
from scheme import Scheme, sender
from walkie import DELIVERED, GROUP, READ, TEXT, TEXT_ACK, USER_ADD, Walkie

KIB_512 = 512 * 1024


async def receipt(client, word, sent, reader):
    """The next receipt of this kind, which must be about this message and by this reader."""
    event = await client.get(f"message_{word}")
    assert (event["message_id"], event["reader_id"]) == (sent["message_id"], reader), event
    assert event["client_id"] == sent["client_id"] and event[f"{word}_at"].endswith("Z"), event
    return event


# MISSION E3
# EV-ACK-1 EV-ROW-1 EV-RCP-1 EV-STORE-2
@pytest.mark.parametrize("by", ["frame", "headers", "bearer", "subprotocols"])
async def test_two_browsers_chat(server, names, by):
    alice, bob = names("alice", "bob")
    async with await Events.connect(server, alice, "web", by) as a, await Events.connect(server, bob, "web", by) as b:
        for sender_, reader in (a, b), (b, a):
            sent = await sender_.send(reader.user, "hello 👋🏽 \n\u0001\"")
            row = await reader.message()
            message = row["message"]
            assert (message["id"], message["client_id"]) == (sent["message_id"], sent["client_id"])
            assert (message["content"], message["message_type"]) == ("hello 👋🏽 \n\u0001\"", "text")
            assert (message["sender_user_id"], message["sender_device_id"]) == (sender_.user, "web")
            assert (message["conversation_id"], message["seq"]) == (sent["conversation_id"], sent["seq"])
            await receipt(sender_, "delivered", sent, reader.user)
            await reader.read(sent["message_id"], "2025-11-20T15:20:05.000Z")
            await receipt(sender_, "read", sent, reader.user)
        assert await a.rest() == [] and await b.rest() == []


# MISSION E3
# EV-MARK-1 EV-TIME-1
@pytest.mark.parametrize("read_at", ["2025-11-20T15:20:05.000Z", "2025-11-20T17:20:05+02:00", 1763652005000, None, "yesterday"])
async def test_a_receipt_is_stamped_by_the_server_whatever_it_says(server, names, read_at):
    alice, bob = names("alice", "bob")
    async with await Events.connect(server, alice) as a, await Events.connect(server, bob) as b:
        sent = await a.send(bob, "when?")
        await b.message()
        await b.read(sent["message_id"], read_at)
        read = await receipt(a, "read", sent, bob)
        assert read["read_at"] >= sent["created_at"] > "2026"
        # Once is enough.
        await b.read(sent["message_id"], read_at)
        await a.get("message_delivered")
        assert await a.rest() == []


# MISSION E3
# EV-FRAME-1
async def test_fields_may_stand_in_a_payload(server, names):
    alice, bob = names("alice", "bob")
    async with await Events.connect(server, bob) as b:
        a = Events(await dial(server.url("/ws")), alice)
        await a.say("auth", payload=dict(token=alice, device_id="nested"))
        await a.get("welcome")
        await a.say("send", payload=dict(client_id="n-1", to=bob, content="in a payload"))
        sent = await a.answer("n-1")
        message = (await b.message())["message"]
        assert (message["content"], message["sender_device_id"]) == ("in a payload", "nested")
        await b.say("read_receipt", payload=dict(message_id=sent["message_id"], read_at=1763652005000))
        await receipt(a, "read", sent, bob)
        await a.hang_up()


# MISSION E3
# EV-AUTH-1 SI-WHO-2 EV-BYE-1
async def test_a_device_is_what_it_says_it_is_or_one_for_each_user(server, names):
    alice, bob = names("alice", "bob")
    async with await Events.connect(server, bob) as b:
        ways = [(dict(device="by header", by="headers"), "by header"), (dict(device="by frame", by="frame"), "by frame"),
                (dict(device="by protocol", by="subprotocols"), "by protocol"), (dict(by="bearer"), "events"),
                (dict(by="headers", headers={"device_id": "by the other"}), "by the other"), (dict(by="frame"), "events")]  # fmt: skip
        clients = []
        for way, device in ways:
            client = await Events.connect(server, alice, **way)
            sent = await client.send(bob, device)
            assert sent["sender_device_id"] == device
            assert (await b.message())["message"]["sender_device_id"] == device
            clients.append(client)
        # Two that name none are one device, of which the newest wins.
        first, last = clients[3], clients[5]
        assert await first.get("bye") == dict(type="bye", reason="replaced")
        await first.closed()
        assert last.welcome["resume_from"] > 0, "it goes on where the other was"
        # The others are devices of their own, and have what was sent on each.
        for client in (*clients[:3], clients[4], last):
            await client.fence()
            assert not client.ended
            await client.hang_up()


# MISSION E3
# EV-AUTH-1
async def test_a_device_of_the_headers_goes_with_a_token_of_theirs(server, names):
    (alice,) = names("alice")
    async with await Events.connect(server, alice, headers={"X-Device-ID": "header"}) as a:
        assert (await a.send(alice, "who am I?"))["sender_device_id"] == "events"


# MISSION E3 X1
# EV-ROW-1 EV-RCP-1 EV-MARK-1
async def test_a_browser_a_walkie_and_a_phone_in_one_group(server, names):
    alice, bob, carol, team = names("alice", "bob", "carol", "team")
    async with (
        await Events.connect(server, alice) as a,
        await Walkie.connect(server, bob) as b,
        await Scheme.connect(server, carol) as c,
    ):
        await b.say(GROUP, USER_ADD, bob, team)
        await b.fence()
        for user in (alice, carol):
            async with await Walkie.connect(server, user) as walkie:
                await walkie.say(GROUP, USER_ADD, user, team)
                await walkie.fence()

        sent = await a.send(f"g:{team}", "from the browser")
        text = await b.get(TEXT)
        assert text[:4] == [GROUP, TEXT, alice, team]
        heard = json.loads(text[4])
        assert heard["text"] == "from the browser"
        row = await c.message()
        assert row.signal_id == sent["message_id"] and json.loads(row.payload) == {"text": "from the browser"}
        await b.say(GROUP, DELIVERED, bob, team, heard["message_id"])
        await receipt(a, "delivered", sent, bob)
        await c.dispose(row.user_offset)
        await receipt(a, "delivered", sent, carol)
        await b.say(GROUP, READ, bob, team, heard["message_id"])
        await receipt(a, "read", sent, bob)
        await c.mark(row.signal_id, S_READ)
        await receipt(a, "read", sent, carol)

        await b.say(GROUP, TEXT, bob, team, "from the walkie")
        said = (await b.get(TEXT_ACK))[4]
        message = (await a.message())["message"]
        assert (message["content"], message["conversation_id"], message["sender_user_id"]) == ("from the walkie", f"g:{team}", bob)
        row = await c.message()
        assert row.signal_id == message["id"]
        await a.read(message["id"], 1763652005000)
        await c.dispose(row.user_offset)
        await c.mark(row.signal_id, S_READ)
        for kind in (DELIVERED, READ):
            told = [await b.get(kind) for _ in range(2)]
            assert sorted(told) == [[GROUP, kind, reader, bob, said] for reader in (alice, carol)], told

        ack = await c.send(team, b'{"text":"from the phone"}', conversation=f"g:{team}")
        message = (await a.message())["message"]
        assert (message["id"], message["content"]) == (ack.signal_id, "from the phone")
        heard = json.loads((await b.get(TEXT))[4])
        await a.read(message["id"], "2025-11-20T15:20:05.000Z")
        await b.say(GROUP, DELIVERED, bob, team, heard["message_id"])
        await b.say(GROUP, READ, bob, team, heard["message_id"])
        for status in (S_DELIVERED, S_READ):
            told = [await c.event(status) for _ in range(2)]
            assert {(sender(it).eid, it.signal_id, it.id) for it in told} == {(reader, ack.signal_id, ack.id) for reader in (alice, bob)}


# MISSION E3
# EV-STORE-2 EV-STORE-1
async def test_without_a_word_what_arrived_is_stored(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Events.connect(own_server, alice) as a:
        b = await Events.connect(own_server, bob)
        for text in ("one", "two"):
            sent = await a.send(bob, text)
            assert (await b.message())["message"]["content"] == text
            await receipt(a, "delivered", sent, bob)
        await b.cut()
        await a.send(bob, "three")
    await own_server.restart()
    async with await Events.connect(own_server, bob) as b:
        assert (await b.message())["message"]["content"] == "three", "and not what was before it"
        assert await b.rest() == []


# MISSION E3
# EV-STORE-1 EV-STORE-2
async def test_with_its_first_word_only_what_was_said_is_stored(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Events.connect(own_server, alice) as a:
        b = await Events.connect(own_server, bob)
        assert await b.ack(b.welcome["resume_from"]) == 0
        sents = [await a.send(bob, text) for text in ("one", "two", "three")]
        rows = [await b.message() for _ in sents]
        assert await b.ack(rows[0]["offset"]) == rows[0]["offset"]
        await receipt(a, "delivered", sents[0], bob)
        await b.fence()
        assert await a.rest() == [], "of the others nothing was said"
        await b.cut()
        await own_server.restart()
        async with await Events.connect(own_server, bob) as b:
            assert b.welcome["resume_from"] == rows[0]["offset"]
            again = [await b.message() for _ in rows[1:]]
            assert again == rows[1:], "the same rows at the same places"
            assert await b.ack(again[-1]["offset"]) == again[-1]["offset"]
            assert await b.ack(rows[0]["offset"]) == again[-1]["offset"], "a cursor never goes back"
    async with await Events.connect(own_server, alice) as a:
        for sent in sents[1:]:
            await receipt(a, "delivered", sent, bob)
    async with await Events.connect(own_server, bob) as b:
        assert await b.rest() == []


# MISSION E3
# DM-WIN-1
async def test_a_slow_reader_loses_nothing(server, names):
    alice, bob = names("alice", "bob")
    count, text = 160, "x" * 40_000
    async with await Events.connect(server, alice) as a:
        # Nobody reads this socket until everything was said; what its library reads ahead is two frames.
        slow = await dial(server.url("/ws"), max_queue=1)
        await slow.send(json.dumps(dict(type="auth", token=bob)))
        assert json.loads(await slow.recv())["type"] == "welcome"
        posted = [await a.post(bob, f"{number} {text}") for number in range(count)]
        for name in posted:
            assert (await a.answer(name))["type"] == "sent"
        heard, offset = [], 0
        while len(heard) < count:
            event = json.loads(await asyncio.wait_for(slow.recv(), 10))
            if event["type"] == "new_message":
                assert event["prev_offset"] <= offset < event["offset"], "a gap"
                offset = event["offset"]
                heard.append(event["message"]["client_id"])
        assert heard == posted
        for name in posted:
            assert (await a.get("message_delivered"))["client_id"] == name
        await slow.close()


# MISSION E3
# EV-ERR-1 EV-ERR-2
async def test_refusals_name_what_they_are_about(server, names):
    alice, bob, team = names("alice", "bob", "team")
    nobody = "000001o0000000000110"
    asked = {
        "stranger": ("send", dict(conversation_id=f"g:{team}", content="x"), "NOT_MEMBER"),
        "bodiless": ("send", dict(to=bob), "FIELD"),
        "large": ("send", dict(to=bob, content="x" * (KIB_512 - 4_095)), "TOO_LARGE"),
        "spoofed": ("send", dict(to=bob, content="x", sender_user_id=bob), "NOT_YOURSELF"),
        "edited": ("edit", dict(message_id=nobody, content="x"), "NO_SUCH_MESSAGE"),
        "deleted": ("delete", dict(message_id=nobody), "NO_SUCH_MESSAGE"),
        "reacted": ("react", dict(message_id=nobody, emoji="👍"), "NO_SUCH_MESSAGE"),
        "grouped": ("group", dict(group_id=team, action="delete"), "NOT_MEMBER"),
        "kept": ("user", dict(action="block", user_id=alice), "FIELD"),
    }
    async with await Events.connect(server, alice) as a:
        for name, (kind, fields, _) in asked.items():
            await a.say(kind, client_id=name, **fields)
        for name, (kind, _, code) in asked.items():
            answer = await a.answer(name)
            request = "edit" if kind == "delete" else kind
            assert (answer["type"], answer["request"], answer["code"]) == ("refused", request, code), answer
            assert answer["message"], "a sentence for a developer"
        answer = await a.ask("history")
        assert (answer["type"], answer["request"], answer["code"]) == ("refused", "query", "FIELD")
        assert await a.rest() == []
        await a.send(bob, "still here")


# MISSION E3
# EV-ERR-2 DM-SES-6
async def test_what_is_no_event_is_answered_and_the_connection_lives_on(server, names):
    (alice,) = names("alice")
    async with await Events.connect(server, alice) as a:
        for text, code in [
            ("", "MALFORMED"), ("hello", "MALFORMED"), ("{", "MALFORMED"), ("[]", "MALFORMED"), ('{"type":7}', "MALFORMED"),
            ('{"type":"ping"}{"type":"ping"}', "MALFORMED"), ('{"type":"telepathy","to":"you"}', "UNKNOWN"),
            ('{"type":"ack"}', "FIELD"), ('{"type":"typing"}', "FIELD"),
        ]:  # fmt: skip
            await a.raw(text)
            error = await a.get("error")
            assert error["code"] == code and error["message"], (text, error)
        assert await a.rest() == []
        # As bytes it is as good.
        await a.raw(b'{"type":"ping","id":"bytes"}')
        assert (await a.get("pong"))["id"] == "bytes"
        for _ in range(20):
            await a.raw("no event")
        assert (await a.get("bye"))["reason"] == "strikes"
        assert await a.closed() == 1008


# MISSION E3
# EV-FRAME-1 EV-BODY-3
async def test_a_frame_has_up_to_512_kib(server, names):
    alice, bob = names("alice", "bob")
    async with await Events.connect(server, alice) as a, await Events.connect(server, bob) as b:
        ping = json.dumps(dict(type="ping", id="p", x=""))
        await a.raw(ping.replace('""', f'"{"x" * (KIB_512 - len(ping))}"'))
        assert (await a.get("pong"))["id"] == "p"
        text = "x" * (KIB_512 - 9 * 1024)
        await a.send(bob, text)
        assert (await b.message())["message"]["content"] == text
        # In JSON each of these takes six characters, and so would the event of its reader.
        await a.send(bob, "\u0001" * (KIB_512 // 8))
        assert len((await b.message())["message"]["content"]) == KIB_512 // 8
        async with await Scheme.connect(server, alice, device="phone") as phone:
            await phone.send(bob, json.dumps({"text": "\u0001" * (KIB_512 // 8)}, ensure_ascii=True).encode())
            message = (await b.message())["message"]
            assert (message["content"], "data" in message) == ("[message too long for this client]", False)
        await a.raw(ping.replace('""', f'"{"x" * (KIB_512 - len(ping) + 1)}"'))
        assert (await a.get("error"))["code"] == "TOO_LONG"
        assert (await a.get("bye"))["reason"] == "too_long"
        assert await a.closed() == 1009


# MISSION E3
# EV-FRAME-2
async def test_what_comes_at_once_comes_in_frames_of_its_own(server, names):
    alice, bob = names("alice", "bob")
    async with await Events.connect(server, alice) as a, await Events.connect(server, bob) as b:
        posted = [await a.post(bob, f"{number}") for number in range(200)]
        for name in posted:
            assert (await a.answer(name))["type"] == "sent"
        # The client reads one object of each frame and fails over what is behind it.
        assert [(await b.message())["message"]["client_id"] for _ in posted] == posted


# MISSION E3
# EV-LIVE-1
async def test_typing_is_heard_by_those_who_are_here_and_kept_for_nobody(server, names):
    alice, bob, team = names("alice", "bob", "team")
    async with await Events.connect(server, alice) as a, await Events.connect(server, bob) as b:
        answer = await a.command("group", group_id=team, action="create", users=[bob])
        assert answer["type"] == "done", answer
        sent = await a.send(bob, "hello")
        for target in (dict(to=bob), dict(conversation_id=sent["conversation_id"]), dict(conversation_id=f"g:{team}")):
            for is_typing in (True, False):
                await a.say("typing", is_typing=is_typing, **target)
                typing = await b.get("typing")
                where = target.get("conversation_id", sent["conversation_id"])
                assert (typing["user_id"], typing["conversation_id"], typing["is_typing"]) == (alice, where, is_typing)
        await a.say("typing", to=bob)
        assert (await b.get("typing"))["is_typing"] is True, "that is what is meant"
        await b.hang_up()
        async with await Events.connect(server, bob) as b:
            assert [event for event in await b.rest() if event["type"] == "typing"] == []


# MISSION E3
# EV-PING-1
async def test_pings_of_both_kinds(server, names):
    (alice,) = names("alice")
    async with await Events.connect(server, alice, origin="https://messenger.example") as a:
        for id in ("1", "🏓", "x" * 1_000):
            await a.say("ping", id=id)
            pong = await a.get("pong")
            assert pong["id"] == id and pong["timestamp"].endswith("Z")
        await a.say("ping")
        assert set(await a.get("pong")) == {"type", "timestamp"}
        # And those of the WebSocket itself, in both directions: the server's come once in `heartbeat_ms`.
        await asyncio.wait_for(await a.socket.ping(b"below"), 10)
        assert 0 < a.welcome["heartbeat_ms"] <= 54_000


# MISSION E3
# EV-REV-2 EV-RCT-2 EV-QRY-2
async def test_edits_reactions_and_history_among_dialects(server, names):
    alice, bob = names("alice", "bob")
    async with await Events.connect(server, alice) as a, await Scheme.connect(server, bob) as b:
        sent = await a.send(bob, "helo")
        row = await b.message()
        done = await a.command("edit", message_id=sent["message_id"], content="hello")
        assert (done["type"], done["edition"]) == ("done", 1)
        assert (await b.revision()).signal_id == row.signal_id
        await b.react(row.signal_id, "👍")
        reaction = await a.get("message_reaction")
        assert (reaction["message_id"], reaction["emoji"], reaction["on"], reaction["count"]) == (sent["message_id"], "👍", True, 1)
        answer = await a.ask("history", to=bob)
        (found,) = answer["messages"]
        assert (found["content"], found["edition"]) == ("hello", 1)
        assert [(it["emoji"], it["users"]) for it in found["reactions"]] == [("👍", [bob])]
        done = await a.command("delete", message_id=sent["message_id"])
        assert (done["type"], done["edition"]) == ("done", 2)
        deleted = await b.revision()
        assert (deleted.signal_id, deleted.payload) == (row.signal_id, b"")
