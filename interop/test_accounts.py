"""Accounts of the server's own: passwords over HTTP, and the tokens at the doors, by a client that knows neither."""

import asyncio
import json
import os
import urllib.error
import urllib.request
from datetime import datetime, timezone

import jwt
import pytest
import websockets

from inbox import PATIENCE
from server import Server

PASSWORD = "correct horse battery staple"


@pytest.fixture
async def accounts(tmp_path):
    made = await Server(tmp_path / "data", tmp_path / "log", "--open-registration", auth="accounts").start()
    yield made
    await made.stop()


async def post(server, path, **body):
    """Status, headers and JSON of an answer."""

    def ask():
        request = urllib.request.Request(
            server.url(f"/api/v1/auth/{path}", "http"),
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, json.load(answer)

    return await asyncio.to_thread(ask)


async def knock(server, token, path="/bimip"):
    return await websockets.connect(
        server.url(path), additional_headers={"token": token, "device_id": "phone"}, open_timeout=PATIENCE
    )


async def is_shut(server, token):
    try:
        wire = await knock(server, token)
    except websockets.InvalidStatus as answer:
        assert answer.response.status_code == 401
        return True
    await wire.close()
    return False


# MISSION A12
# SI-ACC-1, SI-ACC-3, SI-ACC-9
async def test_a_password_becomes_a_token_for_every_door(accounts):
    status, _, made = await post(accounts, "register", user="ann", password=PASSWORD)
    assert status == 201 and set(made) == {"token", "expires_at", "refresh_until"}
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert claims["sub"] == "ann"
    expires = datetime.strptime(made["expires_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert expires.timestamp() == claims["exp"]
    status, headers, again = await post(accounts, "login", user="ann", password=PASSWORD)
    assert status == 200 and headers["Cache-Control"] == "no-store"
    for token in (made["token"], again["token"]):
        for path in ("/", "/bimip"):
            await (await knock(accounts, token, path)).close()

    status, headers, no = await post(accounts, "login", user="ann", password="guessed")
    assert status == 401 and set(no) == {"code", "message", "details", "request_id"}
    assert no["code"] == "BAD_CREDENTIALS" and headers["X-Request-Id"] == no["request_id"]
    status, _, unknown = await post(accounts, "login", user="nobody", password="guessed")
    assert (status, unknown["code"], unknown["message"]) == (401, no["code"], no["message"])


# MISSION A12
# SI-ACC-6, SI-ACC-7
async def test_another_password_ends_the_sessions_and_outlasts_a_restart(accounts):
    _, _, old = await post(accounts, "register", user="ann", password=PASSWORD)
    wire = await knock(accounts, old["token"])
    status, _, new = await post(accounts, "password", user="ann", password=PASSWORD, new_password="a newer one")
    assert status == 200
    assert await is_shut(accounts, old["token"])
    with pytest.raises(websockets.ConnectionClosed) as closed:
        async with asyncio.timeout(PATIENCE):
            while True:
                await wire.recv()
    assert closed.value.rcvd.code == 4401
    await accounts.kill()
    await accounts.start()
    assert await is_shut(accounts, old["token"])
    await (await knock(accounts, new["token"])).close()
    assert (await post(accounts, "login", user="ann", password=PASSWORD))[0] == 401
    assert (await post(accounts, "login", user="ann", password="a newer one"))[0] == 200


# MISSION A12
# SI-ACC-6, SI-ACC-8
async def test_an_operator_disables_an_account_while_the_server_runs(accounts):
    _, _, made = await post(accounts, "register", user="ann", password=PASSWORD)
    wire = await knock(accounts, made["token"])
    command = await asyncio.create_subprocess_exec(
        os.environ["BIMIP_SERVER"], "account", "disable", "--user", "ann", "--data", str(accounts.data)
    )
    assert await asyncio.wait_for(command.wait(), PATIENCE) == 0
    assert await is_shut(accounts, made["token"])
    with pytest.raises(websockets.ConnectionClosed):
        async with asyncio.timeout(PATIENCE):
            while True:
                await wire.recv()
    assert (await post(accounts, "login", user="ann", password=PASSWORD))[0] == 401


# SI-ACC-5
async def test_guessing_is_told_when_to_try_again(accounts):
    for _ in range(10):
        status, headers, answer = await post(accounts, "login", user="ann", password="guessed")
        if status == 429:
            break
    assert (status, answer["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(headers["Retry-After"]) <= 30
