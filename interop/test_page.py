"""The script of a messenger's page, as a guide prints it, against the real server."""

import re

import pytest

from events import Events
from page import Page, web_sockets

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


# MISSION E3 E12
# EV-AUTH-1 EV-FRAME-1 EV-ROW-1 EV-RCP-1 EV-MARK-1 EV-LIVE-1 EV-TIME-1
@pytest.mark.parametrize("whose", web_sockets())
async def test_the_script_of_a_guide_runs_as_it_is(server, names, whose):
    alice, bob = names("alice", "bob")
    page = await Page.open(server, bob, whose)
    assert await page.shows("status") == "online"
    async with await Events.connect(server, alice) as a:
        sent = await a.send(bob, "hello <b>you</b> ✓")
        assert await page.shows("messages") == f"{alice}: hello <b>you</b> ✓"
        assert await page.shows("typing") == "", "who has written types no more"
        read = await a.get("message_read")
        assert (read["message_id"], read["reader_id"], read["device_id"]) == (sent["message_id"], bob, "events")

        conversation = sent["conversation_id"]
        await a.say("typing", conversation_id=conversation, is_typing=True)
        assert await page.shows("typing") == f"{alice} is typing in {conversation}"
        page.later(9_999)
        page.call("sendTyping", conversation, True)
        typing = await a.get("typing")
        assert (typing["user_id"], typing["conversation_id"], typing["is_typing"]) == (bob, conversation, True)
        page.later(1)
        assert await page.shows("typing") == "", "it was not said again"

        page.call("sendMessage", alice, "and you?")
        answer = (await a.message())["message"]
        assert (answer["content"], answer["sender_user_id"]) == ("and you?", bob)
        await a.read(answer["id"], 1763652000123)
        about = rf"{answer['id']} (delivered to|read by) {alice} at {TIME}"
        # The two receipts come in this order.
        for word in ("delivered to", "read by"):
            shown = await page.shows("status")
            assert re.fullmatch(about, shown) and word in shown, shown

        page.call("sendMessage", "", "to nobody")
        assert (await page.shows("status")).startswith("FIELD: ")
    await page.close()


# MISSION E3 E12
# EV-BYE-1
@pytest.mark.parametrize("whose", web_sockets())
async def test_a_page_hears_what_it_missed_and_the_end(own_server, names, whose):
    alice, bob = names("alice", "bob")
    async with await Events.connect(own_server, alice) as a:
        sent = [await a.send(bob, text) for text in ("one", "two")]
        page = await Page.open(own_server, bob, whose)
        assert [await page.shows("messages") for _ in range(2)] == [f"{alice}: one", f"{alice}: two"]
        # The page marks both as read; a mark said to a server that is ending would be refused, and shown.
        for message in sent:
            assert (await a.get("message_read"))["message_id"] == message["message_id"]
    assert await own_server.terminate() == 0, own_server.trouble()
    assert await page.shows("status") == "offline"
    await page.close()
