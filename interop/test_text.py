"""Texts, as many shapes as clients send."""

import json
import time

import pytest

from walkie import DELIVERED, PRIVATE, READ, TEXT, TEXT_ACK, Walkie, parts

TEXTS = {
    "plain": ("hello", {"text": "hello"}),
    "plain bin": (b"hello", {"text": "hello"}),
    "unicode": ("Grüße 👋🏽 мир", {"text": "Grüße 👋🏽 мир"}),
    "unicode bin": ("日本".encode(), {"text": "日本"}),
    "json": ('{"text":"hello"}', {"text": "hello"}),
    "json bin": (b'{"text":"hello"}', {"text": "hello"}),
    "json with its own id": ('{"message_id":"mine","text":"hello"}', {"text": "hello"}),
    "json with a nil id": ('{"message_id":null,"text":"hello"}', {"text": "hello"}),
    "json with more keys": (
        json.dumps({"a": [1, {"b": None}], "text": "ü", "message_id": "x", "big": 2**63, "message": "id"}),
        {"a": [1, {"b": None}], "text": "ü", "big": 2**63, "message": "id"},
    ),
    "json with escapes": ('{"text":"a\\n\\u00fc\\"","k\\u0041":1}', {"text": 'a\nü"', "kA": 1}),
    "json without text": ('{"url":"https://host/a_b"}', {"url": "https://host/a_b"}),
    "looks like json": ("{hello", {"text": "{hello"}),
    "a json string": ('"hello"', None),
    "a json number": ("42", None),
    "long": ("x" * 70_000, {"text": "x" * 70_000}),
}


# MISSION V1 V4
@pytest.mark.parametrize("name", TEXTS)
async def test_a_text_arrives_with_the_id_of_the_server(server, names, name):
    payload, expected = TEXTS[name]
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        before = time.time_ns() // 1_000_000
        message = await a.text(bob, payload)
        channel, kind, between, stamped, duration, ending = parts(message)
        assert (channel, kind, between, duration, ending) == (1, 17, f"{bob}_{alice}", None, "txt")
        assert before - 1 <= stamped <= time.time_ns() // 1_000_000 + 1
        received = await b.receive(alice)
        assert received.pop("message_id") == message
        if expected is None:  # JSON, but no object: it is the text, as it was written
            expected = {"text": payload}
        assert received == expected
        assert await a.rest() == [] and await b.rest() == []


# MISSION V4
async def test_numbers_in_json_are_not_rewritten(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        await a.text(bob, '{"text":"t","price":1.10,"long":123456789012345678901234567890}')
        frame = await b.get(TEXT)
        assert '"price":1.10' in frame[4] and '"long":123456789012345678901234567890' in frame[4]


# MISSION V1 V4
async def test_a_text_to_oneself(server, names):
    (alice,) = names("alice")
    async with await Walkie.connect(server, alice) as a:
        message = await a.text(alice, "note")
        assert await a.receive(alice) == {"message_id": message, "text": "note"}
        assert await a.rest() == []


# DM-ORD-1 DM-ORD-2 VP-MSGID-1
# MISSION V5
async def test_ids_differ_within_one_millisecond_and_keep_the_order(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        acked = await a.texts(bob, [str(number) for number in range(200)])
        received = [await b.receive(alice) for _ in range(200)]
        assert len(set(acked)) == 200
        assert [text["message_id"] for text in received] == acked
        assert [text["text"] for text in received] == [str(number) for number in range(200)]
        stamps = [parts(message)[3] for message in acked]
        assert stamps == sorted(stamps)


# DM-DUP-4 DM-SES-3
# MISSION V4
async def test_no_text_of_a_flood_is_passed_over_in_silence(server, names):
    """The dialect has no word for "busy": a server that cannot keep up reads more slowly."""
    alice, bob, count = *names("alice", "bob"), 3000
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        acked = await a.texts(bob, [str(number) for number in range(count)], window=count)
        received = [await b.receive(alice) for _ in range(count)]
        assert [text["message_id"] for text in received] == acked
        assert [text["text"] for text in received] == [str(number) for number in range(count)]


# MISSION V4
async def test_a_client_may_send_at_once_all_that_it_kept(server, names):
    """It knows no welcome to wait for. Often, since the moment between upgrade and welcome is short."""
    (bob,) = names("bob")
    for _ in range(40):
        (alice,) = names("alice")
        async with await Walkie.connect(server, alice, at_once=True) as a:
            for number in range(200):
                await a.say(PRIVATE, TEXT, alice, bob, str(number))
            acked = [(await a.get(TEXT_ACK))[4] for _ in range(200)]
            assert len(set(acked)) == 200


# MISSION V3
async def test_receipts_for_several_texts_in_one_frame(server, names):
    alice, bob = names("alice", "bob")
    async with await Walkie.connect(server, alice) as a, await Walkie.connect(server, bob) as b:
        messages = [await a.text(bob, f"text {number}") for number in range(3)]
        for message in messages:
            assert (await b.receive(alice))["message_id"] == message
        await b.delivered(alice, json.dumps(messages))
        for message in messages:
            await a.receipt(DELIVERED, bob, message)
        for message in reversed(messages):
            await b.read(alice, message)
            await a.receipt(READ, bob, message)
        await b.delivered(alice, messages[0])
        await b.read(alice, messages[0])
        assert await b.rest() == []
        assert await a.rest() == [], "a receipt is told once"


# MISSION V3
async def test_a_receipt_for_a_message_of_others_reaches_nobody(server, names):
    alice, bob, carol = names("alice", "bob", "carol")
    async with (
        await Walkie.connect(server, alice) as a,
        await Walkie.connect(server, bob) as b,
        await Walkie.connect(server, carol) as c,
    ):
        message = await a.text(bob, "for bob")
        await c.delivered(alice, message)
        await c.read(alice, message)
        await c.read(alice, "1_17_nobody_nothing_1.txt")
        await c.read(alice, "../../etc/passwd")
        assert await c.rest() == []
        assert await a.rest() == []
        assert (await b.receive(alice))["text"] == "for bob"
