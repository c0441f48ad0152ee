"""The API over HTTP by a client that is not ours (httpx): the stories that an app lives through."""

import asyncio
import json

import httpx
import pytest
import websockets

from inbox import PATIENCE
from server import Server

PASSWORD = "correct horse battery staple"


def person(server, token, http2=False, **headers):
    """Somebody who asks; headers are written with `_` for `-`."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.AsyncClient(
        base_url=server.url("/api/v1", "http"), headers=headers, timeout=PATIENCE, http2=http2, http1=not http2
    )


@pytest.fixture
async def accounts(tmp_path):
    made = await Server(tmp_path / "data", tmp_path / "log", "--open-registration", auth="accounts").start()
    yield made
    await made.stop()


def good(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def refused(answer):
    body = answer.json()
    assert set(body) == {"code", "message", "details", "request_id"}, body
    assert answer.headers["X-Request-ID"] == body["request_id"]
    return answer.status_code, body["code"]


# MISSION E1
# MISSION A8
# HT-SEND-1, HT-KEY-1, HT-MSG-1
async def test_a_message_is_sent_once_under_its_key(server, names):
    alice, bob = names("alice", "bob")
    low, high = sorted([alice, bob])
    body = {
        "conversation_id": f"d:{low}:{high}",
        "content": "look here",
        "message_type": "image",
        "mentions": [{"user_id": bob, "offset": 0, "length": 4}],
    }
    async with person(server, alice, Idempotency_Key="k1") as ask:
        sent = good(await ask.post("/messages", json=body), 201)
        assert good(await ask.post("/messages", json=body), 201) == sent
        assert refused(await ask.post("/messages", json=body | {"content": "else"})) == (409, "CONFLICT")
        assert sent["status"] == "sent" and sent["mentions"] == body["mentions"]
    url = server.url("/ws")
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {bob}"}) as socket:
        async with asyncio.timeout(PATIENCE):
            while '"new_message"' not in (frame := await socket.recv()):
                pass
    assert sent["id"] in frame


# MISSION E2
# MISSION A3
# HT-HIST-1, HT-HIST-2, HT-MSG-2
async def test_history_is_read_in_pages_both_ways(server, names):
    alice, bob = names("alice", "bob")
    low, high = sorted([alice, bob])
    async with person(server, alice) as ask:
        ids = []
        for number in range(7):
            sent = await ask.post("/messages", json={"to": bob, "content": str(number)})
            ids.append(good(sent, 201)["id"])
        path = f"/messages/d:{low}:{high}"

        async def page(**query):
            answer = good(await ask.get(path, params=query))
            return [message["content"] for message in answer["messages"]], answer["has_more"]

        assert await page(limit=3) == (["6", "5", "4"], True)
        assert await page(limit=3, before_id=ids[4]) == (["3", "2", "1"], True)
        assert await page(limit=3, before_id=ids[1]) == (["0"], False)
        assert await page(limit=3, after_id=ids[0]) == (["3", "2", "1"], True)
        assert await page(limit=3, after_id=ids[3]) == (["6", "5", "4"], False)
        assert await page(after_id=ids[6]) == ([], False)
        bare = await ask.get(server.url(path, "http"))
        assert len(good(bare)["messages"]) == 7
        chat = good(await ask.get(server.url(f"/v1.0/messages/{bob}?limit=2", "http")))
        assert [it["messageText"] for it in chat["messages"][0]["payload"]] == ["6", "5"] and chat["has_more"]


# MISSION E12
# HT-SEND-1, HT-HIST-1, HT-ID-2, HT-ERR-1
@pytest.mark.parametrize("base", ["/api/v1/messages", "/messages"])
async def test_lines_of_curl(server, names, base):
    alice, bob = names("alice", "bob")
    low, high = sorted([alice, bob])

    async def curl(*arguments, token=alice):
        arguments += ("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json")
        run = await asyncio.create_subprocess_exec("curl", "-sS", *arguments, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(run.communicate(), PATIENCE)
        assert run.returncode == 0
        return json.loads(out)

    url = server.url(base, "http")
    body = {"conversation_id": f"d:{low}:{high}", "content": "Hello, @bob", "message_type": "text"}
    body["mentions"] = [{"user_id": bob, "offset": 7, "length": 4}]
    sent = await curl("-X", "POST", url, "-d", json.dumps(body))
    assert (sent["content"], sent["sender_user_id"], sent["status"]) == ("Hello, @bob", alice, "sent")
    reply = {"conversation_id": f"d:{low}:{high}", "content": "hi", "reply_to_id": sent["id"]}
    assert (await curl("-X", "POST", url, "-d", json.dumps(reply), token=bob))["reply_to_id"] == sent["id"]
    page = await curl(f"{url}/d:{low}:{high}?limit=1")
    assert ([it["content"] for it in page["messages"]], page["has_more"]) == (["hi"], True)
    page = await curl(f"{url}/d:{low}:{high}?limit=1&before_id={page['messages'][0]['id']}")
    assert (page["messages"][0]["mentions"], page["has_more"]) == (body["mentions"], False)
    stranger = await curl("-X", "POST", url, "-d", json.dumps(body), token="eve")
    assert stranger["code"] == "NOT_MEMBER"


# MISSION M6
# HT-REV-1, HT-REV-2, HT-RCT-1, HT-READ-1, HT-STAT-1
async def test_what_becomes_of_a_message(server, names):
    alice, bob = names("alice", "bob")
    async with person(server, alice) as hers, person(server, bob) as his:
        sent = good(await hers.post("/messages", json={"to": bob, "content": "frist"}), 201)
        path = f"/messages/{sent['id']}"
        status = good(await hers.get(f"{path}/status"))
        assert (status["status"], status["recipients"][0]["reason"]) == ("pending", "never_connected")
        edited = good(await hers.put(path, json={"content": "first"}))
        assert (edited["content"], edited["is_edited"], edited["edition"]) == ("first", True, 1)
        assert refused(await his.put(path, json={"content": "his"})) == (404, "NO_SUCH_MESSAGE")
        reaction = good(await his.put(f"{path}/reactions/👍"))
        assert (reaction["emoji"], reaction["count"]) == ("👍", 1)
        assert good(await his.delete(f"{path}/reactions/👍"))["count"] == 0
        assert good(await his.post("/messages/read", json={"message_ids": [sent["id"]]}))["marked_count"] == 1
        status = good(await hers.get(f"{path}/status"))
        assert status["status"] == "read" and status["recipients"][0]["read_at"]
        assert good(await hers.delete(path))["deleted"]
        assert refused(await hers.patch(path, json={"content": "again"})) == (410, "DELETED")


# MISSION M6
# MISSION M3
# HT-CONV-1, HT-CONV-3, HT-GRP-1, HT-GRP-2, HT-GRP-3
async def test_groups_have_roles_and_conversations_a_list(server, names):
    alice, bob, carol, dave = names("alice", "bob", "carol", "dave")
    async with person(server, alice) as hers, person(server, bob) as his, person(server, dave) as daves:
        new = {"conversation_type": "group", "participant_ids": [bob, carol], "title": "Team"}
        made = good(await hers.post("/conversations", json=new), 201)
        group = f"/groups/{made['id'].removeprefix('g:')}"
        assert good(await his.get(group))["role"] == "member"
        assert refused(await his.post(f"{group}/members", json={"user_ids": [dave]})) == (403, "ROLE")
        good(await hers.put(f"{group}/members/{bob}", json={"role": "admin"}))
        good(await his.post(f"{group}/members", json={"user_ids": [dave]}))
        roles = {it["user_id"]: it["role"] for it in good(await daves.get(f"{group}/members"))["members"]}
        assert roles == {alice: "owner", bob: "admin", carol: "member", dave: "member"}
        good(await daves.post("/messages", json={"conversation_id": made["id"], "content": "hi"}), 201)
        listed = good(await hers.get("/conversations", params={"limit": 1}))["conversations"][0]
        assert (listed["id"], listed["unread_count"]) == (made["id"], 1)
        good(await his.put(f"{group}/bans/{dave}"))
        assert refused(await daves.get(group)) == (403, "NOT_MEMBER")
        assert good(await hers.patch(group, json={"title": "The team"}))["title"] == "The team"
        good(await hers.delete(group))
        assert refused(await his.get(group)) == (403, "NOT_MEMBER")


# MISSION A12
# HT-USR-1, HT-USR-3, HT-USR-4, HT-DEV-1, HT-DEV-2, HT-LIVE-2, HT-LIVE-3
async def test_what_a_user_keeps(server, names):
    alice, bob = names("alice", "bob")
    async with person(server, alice, X_Device_ID="phone") as hers, person(server, bob) as his:
        assert good(await hers.patch("/profile", json={"name": "Alice"}))["name"] == "Alice"
        assert refused(await his.get(f"/users/{alice}")) == (404, "NOT_FOUND")
        assert good(await hers.put(f"/contacts/{bob}", json={"name": "Bobby"}))["name"] == "Bobby"
        assert good(await his.get(f"/users/{alice}"))["name"] == "Alice"
        assert good(await hers.get("/contacts"))["contacts"] == [{"user_id": bob, "name": "Bobby"}]
        good(await hers.put(f"/blocks/{bob}"), 204)
        assert good(await hers.get("/blocks"))["blocked"] == [bob]
        assert refused(await his.post("/messages", json={"to": alice, "content": "?"})) == (403, "BLOCKED")
        good(await hers.delete(f"/blocks/{bob}"), 204)
        assert good(await hers.put("/devices/phone/push_token", json={"token": "t"})) == {"registered": True}
        assert "devices" in good(await hers.get("/devices"))
        good(await hers.put("/presence", json={"status": "dnd", "ttl_s": 30}), 204)
        assert good(await hers.put("/visibility", json={"visible": False})) == {"visible": False}


# MISSION A12
# HT-AUTH-1, HT-AUTH-2, HT-AUTH-3
async def test_tokens_are_given_made_newer_and_taken_back(accounts):
    async with person(accounts, None) as ask:
        who = {"user": "ann", "password": PASSWORD}
        good(await ask.post("/auth/register", json=who), 201)
        token = good(await ask.post("/auth/login", json=who))["token"]
        assert refused(await ask.post("/auth/login", json=who | {"password": "guessed it"})) == (401, "BAD_CREDENTIALS")
        answer = await ask.get("/profile")
        assert refused(answer) == (401, "UNAUTHENTICATED") and answer.headers["WWW-Authenticate"] == "Bearer"
    async with person(accounts, token) as ask:
        newer = good(await ask.post("/auth/refresh", json={"token": token}))["token"]
        assert newer != token
        assert refused(await ask.post("/auth/refresh", json={"token": "none"})) == (401, "BAD_TOKEN")
        good(await ask.post("/auth/logout", json={"scope": "session"}), 204)
        assert refused(await ask.get("/profile")) == (401, "UNAUTHENTICATED")
    async with person(accounts, newer) as ask:
        good(await ask.get("/profile"))


# MISSION A8
# HT-AUTH-1, HT-AUTH-3
async def test_who_logs_the_account_out_is_let_in_no_more(tmp_path):
    server = await Server(tmp_path / "data", tmp_path / "log", auth="jwt").start()
    try:
        async with person(server, await server.token("ann")) as ask:
            good(await ask.get("/profile"))
            good(await ask.post("/auth/logout", json={"scope": "account"}), 204)
            assert refused(await ask.get("/profile")) == (401, "UNAUTHENTICATED")
    finally:
        await server.stop()


# MISSION A8
# HT-REQ-1, HT-REQ-2, HT-ETAG-1, HT-ETAG-2, HT-CORS-1, HT-ID-3
async def test_http_is_spoken_as_it_is_written(server, names):
    (alice,) = names("alice")
    async with person(server, alice, http2=True) as ask:
        first = await ask.get("/profile", headers={"X-Request-ID": "mine"})
        assert (first.http_version, first.headers["X-Request-ID"]) == ("HTTP/2", "mine")
        again = await ask.get("/profile", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        document = await ask.get("/openapi.json")
        assert (document.headers["Content-Encoding"], document.json()["openapi"]) == ("gzip", "3.1.0")
        assert (await ask.head("/profile")).headers["ETag"] == first.headers["ETag"]
        wrong = await ask.put("/conversations", json={})
        assert refused(wrong) == (405, "METHOD_NOT_ALLOWED")
        assert wrong.headers["Allow"] == (await ask.options("/conversations")).headers["Allow"] == "GET, HEAD, OPTIONS, POST"
        asks = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
        allowed = await ask.options("/messages", headers=asks)
        assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert refused(await ask.get("/nowhere")) == (404, "NOT_FOUND")


# MISSION A8
# HT-RATE-1, HT-RATE-2
async def test_who_asks_too_often_waits(tmp_path):
    server = await Server(tmp_path / "data", tmp_path / "log", "--call-rate", "1", "--call-burst", "3").start()
    try:
        async with person(server, "ann") as ask:
            left = [(await ask.get("/profile")).headers["X-RateLimit-Remaining"] for _ in range(3)]
            assert left == ["2", "1", "0"]
            limited = await ask.get("/profile")
            assert refused(limited) == (429, "RATE_LIMITED") and limited.headers["Retry-After"] == "1"
    finally:
        await server.stop()
