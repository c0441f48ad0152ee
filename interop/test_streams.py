"""Server-sent events and long polls, by clients that are not ours: httpx, and the EventSource of Node."""

import asyncio
import json
import os
import pathlib

import httpx
import pytest

from inbox import PATIENCE, dial

# A line of a stream that says nothing comes at least so often (ST-SSE-4).
HEARTBEAT_S = 20


class Stream:
    """The events of a stream, as the format of server-sent events says."""

    def __init__(self, answer):
        self.answer, self.lines = answer, answer.aiter_lines()
        self.last_id, self.retry_ms, self.comments = None, None, 0

    async def event(self, patience=PATIENCE):
        """The next event: its id and what it says; `None` when the stream has ended."""
        return await asyncio.wait_for(self._event(), patience)

    async def _event(self):
        data = []
        async for line in self.lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if line == "":
                if data:
                    return json.loads("\n".join(data))
            elif name == "":
                self.comments += 1
            elif name == "data":
                data.append(value)
            elif name == "id":
                self.last_id = value
            elif name == "retry":
                self.retry_ms = int(value)
            else:
                raise AssertionError(f"a field that onmessage would miss: {line!r}")
        return None

    async def of_type(self, wanted):
        while (event := await self.event()) is not None:
            if event["type"] == wanted:
                return event
        raise AssertionError(f"the stream ended before {wanted}")


def person(server, token, http2=False, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    limits = httpx.Timeout(PATIENCE, read=70)
    return httpx.AsyncClient(
        base_url=server.url("/api/v1", "http"), headers=headers, timeout=limits, http2=http2, http1=not http2
    )


class open_stream:
    """`async with open_stream(client, …) as stream:`; leaving it cuts the connection."""

    def __init__(self, client, last=None, path="/events", **params):
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        self.asked = client.stream("GET", path, headers=headers, params=params)

    async def __aenter__(self):
        answer = await self.asked.__aenter__()
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store" and "content-encoding" not in answer.headers
        # Kept, or whoever does not name it would have it closed by the garbage collector.
        self.stream = stream = Stream(answer)
        stream.welcome = await stream.event()
        assert stream.welcome["type"] == "welcome" and stream.last_id is None and stream.retry_ms > 0
        return stream

    async def __aexit__(self, *why):
        await self.asked.__aexit__(*why)


async def talker(server, user):
    socket = await dial(server.url("/ws"), additional_headers={"Authorization": f"Bearer {user}"})
    assert json.loads(await socket.recv())["type"] == "welcome"
    return socket


async def send(socket, to, texts):
    """Sends, and waits until all of it is stored."""
    for text in texts:
        await socket.send(json.dumps({"type": "send", "client_id": text, "to": to, "content": text}))
    waits = set(texts)
    while waits:
        event = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        if event["type"] == "sent":
            waits.discard(event["client_id"])


async def receipts(socket, count):
    """The client ids of the next receipts, by what they say."""
    heard = []
    while len(heard) < count:
        event = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        if event["type"].startswith("message_"):
            heard.append((event["type"], event.get("client_id")))
    return heard


# MISSION E8
# ST-SSE-1, ST-SSE-2, ST-SSE-3
@pytest.mark.parametrize("http2", [False, True])
async def test_a_stream_is_cut_and_comes_back(server, names, http2):
    alice, bob = names("alice", "bob")
    talk = await talker(server, alice)
    async with person(server, bob, http2) as ask:
        async with open_stream(ask) as stream:
            await send(talk, bob, ["one", "two"])
            first, second = await stream.of_type("new_message"), await stream.of_type("new_message")
            assert [it["message"]["content"] for it in (first, second)] == ["one", "two"]
            assert (first["offset"], stream.last_id) == (1, "2")
        # It comes back with the first only: that one is delivered, and the other comes again.
        async with open_stream(ask, last=1) as stream:
            assert (await stream.of_type("new_message"))["message"]["content"] == "two"
            assert await receipts(talk, 1) == [("message_delivered", "one")]
            assert stream.answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        async with open_stream(ask, last=2) as stream:
            assert await receipts(talk, 1) == [("message_delivered", "two")]
            await send(talk, bob, ["three"])
            assert (await stream.of_type("new_message"))["offset"] == 3
        # By the query, where no header can be set.
    async with person(server, None) as ask:
        async with open_stream(ask, token=bob, last_event_id=3, device_id="stream"):
            assert await receipts(talk, 1) == [("message_delivered", "three")]
        nobody = await ask.get("/events")
        assert (nobody.status_code, nobody.json()["code"]) == (401, "UNAUTHENTICATED")
        wrong = await ask.get("/events", params={"token": bob, "last_event_id": "-1"})
        assert (wrong.status_code, wrong.json()["details"]["field"]) == (400, "last_event_id")
    await talk.close()


# MISSION E8
# ST-SSE-5
async def test_a_thousand_missed_messages_come_once_and_in_order(server, names):
    alice, bob = names("alice", "bob")
    talk = await talker(server, alice)
    texts = [f"m{number}" for number in range(1000)]
    for start in range(0, 1000, 100):
        await send(talk, bob, texts[start : start + 100])
    await talk.close()
    heard, last, times = [], None, 0
    async with person(server, bob) as ask:
        while len(heard) < 1000:
            times += 1
            async with open_stream(ask, last=last) as stream:
                while len(heard) < 1000 and (event := await stream.event()) is not None:
                    if event["type"] == "new_message":
                        heard.append(event["message"]["content"])
                    elif event["type"] == "bye":
                        assert event["reason"] == "come_back"
                last = stream.last_id
    assert heard == texts and 1 < times < 20


# MISSION E8
# ST-ACK-1
async def test_what_is_stored_is_said_meanwhile(server, names):
    alice, bob = names("alice", "bob")
    talk = await talker(server, alice)
    async with person(server, bob) as ask:
        refused = await ask.post("/ack", json={"offset": 1})
        assert (refused.status_code, refused.json()["code"]) == (409, "NO_STREAM")
        async with open_stream(ask) as stream:
            await send(talk, bob, ["one", "two"])
            await stream.of_type("new_message"), await stream.of_type("new_message")
            stored = await ask.post("/ack", json={"offset": 1})
            assert (stored.status_code, stored.json()) == (200, {"offset": 1})
            assert await receipts(talk, 1) == [("message_delivered", "one")]
            beyond = await ask.post("/ack", json={"offset": 99})
            assert beyond.json() == {"offset": 2}
            other = await ask.post("/ack", json={"offset": 2}, headers={"X-Device-ID": "other"})
            assert other.json()["code"] == "NO_STREAM"
            wrong = await ask.post("/ack", json={"offset": "1"})
            assert (wrong.status_code, wrong.json()["details"]["field"]) == (400, "offset")
    await talk.close()


# ST-SSE-6
async def test_the_newest_stream_of_a_device_is_the_one(server, names):
    (bob,) = names("bob")
    async with person(server, bob) as ask, person(server, bob) as again:
        async with open_stream(ask) as first, open_stream(again) as second:
            bye = await first.of_type("bye")
            assert bye["reason"] == "replaced" and first.retry_ms >= 60_000
            assert await first.event() is None
            async with person(server, bob, X_Device_ID="tablet") as other, open_stream(other):
                talk = await talker(server, bob)
                await send(talk, bob, ["to myself"])
                assert (await second.of_type("new_message"))["message"]["content"] == "to myself"
                await talk.close()


# ST-SSE-4
@pytest.mark.timeout(HEARTBEAT_S + 30)
async def test_a_quiet_stream_shows_that_it_lives(server, names):
    (bob,) = names("bob")
    async with person(server, bob) as ask, open_stream(ask) as stream:
        with pytest.raises(TimeoutError):
            await stream.event(patience=HEARTBEAT_S)
        assert stream.comments >= 1


# ST-LIVE-1
async def test_live_events_are_on_the_stream(server, names):
    alice, bob = names("alice", "bob")
    talk = await talker(server, alice)
    async with person(server, bob) as ask, open_stream(ask) as stream:
        await send(talk, bob, ["hello"])
        await talk.send(json.dumps({"type": "typing", "to": bob}))
        typing = await stream.of_type("typing")
        assert (typing["user_id"], typing["is_typing"]) == (alice, True)
        assert stream.last_id == "1", "what is live has no id"
    await talk.close()


# MISSION E8
# ST-SYNC-1, ST-SYNC-2, ST-SYNC-3
async def test_a_poll_answers_at_once_or_waits(server, names):
    alice, bob = names("alice", "bob")
    talk = await talker(server, alice)
    async with person(server, bob) as ask:
        empty = (await ask.get("/sync", params={"timeout": 0})).json()
        assert empty["events"] == [] and not empty["has_more"] and empty["next"] == 0
        await send(talk, bob, ["one", "two", "three"])
        first = (await ask.get("/sync", params={"limit": 2})).json()
        assert [it["message"]["content"] for it in first["events"]] == ["one", "two"]
        assert (first["since"], first["next"], first["head"], first["has_more"]) == (0, 2, 3, True)
        # Said again without a word of it, it comes again.
        assert (await ask.get("/sync", params={"limit": 2})).json()["events"] == first["events"]
        second = (await ask.get("/sync", params={"since": first["next"]})).json()
        assert [it["offset"] for it in second["events"]] == [3] and not second["has_more"]
        assert await receipts(talk, 2) == [("message_delivered", "one"), ("message_delivered", "two")]
        waits = asyncio.create_task(ask.get("/sync", params={"since": second["next"], "timeout": 30}))
        assert await receipts(talk, 1) == [("message_delivered", "three")]
        await send(talk, bob, ["four"])
        third = (await asyncio.wait_for(waits, PATIENCE)).json()
        assert [it["message"]["content"] for it in third["events"]] == ["four"]
        # Of another mailbox it says nothing.
        stale = {"since": third["next"], "epoch": third["epoch"] ^ 1, "timeout": 0}
        assert (await ask.get("/sync", params=stale | {"timeout": 5})).json()["next"] == 4
        assert (await ask.get("/sync", params={"since": 99, "timeout": 5})).json()["next"] == 4
        mine = {"since": third["next"], "epoch": third["epoch"], "timeout": 0}
        assert (await ask.get("/sync", params=mine)).json()["events"] == []
        for wrong in ({"timeout": 61}, {"limit": 0}, {"since": "x"}, {"since": "1", "timeout": "1.5"}):
            assert (await ask.get("/sync", params=wrong)).status_code == 400, wrong
    await talk.close()


# ST-SYNC-4
async def test_a_second_poll_ends_the_first(server, names):
    (bob,) = names("bob")
    async with person(server, bob) as ask:
        first = asyncio.create_task(ask.get("/sync"))
        # Whichever of them begins first, the last one stays.
        while True:
            second = await ask.get("/sync", params={"timeout": 0})
            assert second.status_code in (200, 409), second.text
            if first.done():
                break
        answer = await first
        assert (answer.status_code, answer.json()["code"]) == (409, "REPLACED")


SCRIPT = pathlib.Path(__file__).parent / "node/stream.js"


# MISSION E8
# ST-SSE-1, ST-SSE-5
async def test_an_event_source_of_node_comes_back_by_itself(server, names):
    alice, bob = names("alice", "bob")
    talk = await talker(server, alice)
    texts = [f"m{number}" for number in range(600)]
    for start in range(0, 600, 100):
        await send(talk, bob, texts[start : start + 100])
    url = server.url(f"/api/v1/events?token={bob}", "http")
    process = await asyncio.create_subprocess_exec(
        *["node", str(SCRIPT), url],
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_PATH": os.environ["BIMIP_NODE_MODULES"]},
    )
    try:
        heard, returns = [], 0
        while len(heard) < 600:
            said = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
            if said["type"] == "new_message":
                heard.append(said["content"])
                assert said["id"] == str(len(heard))
            returns += said["type"] == "error"
            assert not said.get("closed"), "it gave up"
        assert heard == texts and returns >= 1
    finally:
        process.kill()
        await process.wait()
    await talk.close()
