"""Tokens of those who are signed in, and logging out; tokens are made and read by a library that is not ours."""

import time

import bimip_pb2 as pb
import jwt
import pytest
from websockets.exceptions import InvalidStatus

from inbox import dial
from scheme import ERROR, LOGOUT, REFRESH, REQUEST, RESPONSE, REVOKE, TOKEN, VALIDATE, Scheme, identity
from server import Server
from walkie import Walkie

SECRET = "a secret of an issuer, long enough for every algorithm that is tried"
DEVICE, SESSION, ACCOUNT = 1, 2, 3
BAD_TOKEN = 498


@pytest.fixture
async def signed(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    flags = ["--jwt-hs256-key", str(tmp_path / "secret")]
    made = await Server(tmp_path / "data", tmp_path / "log", *flags, auth="jwt").start()
    yield made
    await made.stop()


def token(user, jti, ago=60, life=3600, **claims):
    now = int(time.time())
    claims = {"iss": "bimip", "aud": "bimip", "sub": user, "jti": jti, "iat": now - ago, "exp": now + life, **claims}
    return jwt.encode(claims, SECRET, algorithm="HS256")


async def ask(client, task, token):
    """The answer about a token, or the code of its refusal."""
    await client.say(TOKEN, token_authority=pb.TokenAuthority(token=token, type=REQUEST, task=task))
    frame = await client.take(lambda frame: frame.route in (TOKEN, ERROR), "answer about a token")
    if frame.route == ERROR:
        assert frame.error.error_origin == TOKEN, frame
        return frame.error.code
    assert (frame.token_authority.type, frame.token_authority.task) == (RESPONSE, task), frame
    return frame.token_authority


async def log_out(client, scope, device=None):
    await client.say(LOGOUT, logout=pb.Logout(to=identity(client.user, device), type=REQUEST, status=4, scope=scope))


async def ended(client, word, code):
    goodbye = await client.take(lambda frame: frame.route == LOGOUT, "goodbye")
    assert (goodbye.logout.type, goodbye.logout.status, goodbye.logout.details) == (RESPONSE, 1, word), goodbye
    assert await client.closed() == code


async def refused(connecting):
    with pytest.raises(InvalidStatus) as refused:
        await connecting
    assert refused.value.response.status_code == 401


async def shut(server, user, token):
    """No door lets it in."""
    await refused(Scheme.connect(server, user, token=token))
    await refused(dial(server.url("/"), additional_headers={"token": token}))
    for by in ("frame", "tcp"):
        with pytest.raises(AssertionError, match="without welcome") as ended:
            await Scheme.connect(server, user, by=by, token=token)
        assert "refused" in str(ended.value)


# BM-TOKEN-1, SI-REFRESH-1, SI-REFRESH-2
# MISSION B9
async def test_a_newer_token_is_one_that_others_can_read(signed, names):
    (alice,) = names("alice")
    old = token(alice, "old", ago=600, life=60, device="phone", groups=["crew"], channelIds=["drivers"])
    async with await Scheme.connect(signed, alice, token=old) as a:
        answer = await ask(a, REFRESH, old)
        claims = jwt.decode(answer.token, SECRET, algorithms=["HS256"], audience="bimip", issuer="bimip")
        before = jwt.decode(old, SECRET, algorithms=["HS256"], audience="bimip", issuer="bimip")
        assert (claims["sub"], claims["device"], claims["groups"]) == (alice, "phone", ["crew", "drivers"])
        assert claims["exp"] - claims["iat"] == 660 and answer.expires == claims["exp"] * 1000
        assert claims["auth_time"] == before["iat"] < claims["iat"] <= time.time()
        assert claims["jti"] not in ("", "old")
        assert (await ask(a, VALIDATE, answer.token)).expires == answer.expires
        assert await ask(a, VALIDATE, token(alice, "another's", device="desk")) == BAD_TOKEN
    for good in (old, answer.token):
        async with await Scheme.connect(signed, alice, by="tcp", token=good) as a:
            await a.send(alice, b"to myself")


# BM-TOKEN-3, SI-REVOKE-1, SI-REVOKE-2
# MISSION B9
async def test_a_revoked_token_is_refused_everywhere_and_after_a_restart(signed, names):
    alice, bob = names("alice", "bob")
    stolen = token(alice, "stolen")
    thieves = [await Scheme.connect(signed, alice, token=stolen)]
    thieves.append(await Scheme.connect(signed, alice, device="line", by="tcp", token=stolen))
    radio = await Walkie.connect(signed, alice, token=stolen)
    async with await Scheme.connect(signed, bob, token=token(bob, "bob's")) as b:
        assert await ask(b, REVOKE, stolen) == BAD_TOKEN
    async with await Scheme.connect(signed, alice, device="desk", token=token(alice, "mine")) as a:
        answer = await ask(a, REVOKE, stolen)
        assert (answer.token, answer.expires) == ("", 0)
        for thief, code in zip(thieves, (4401, None), strict=True):
            await ended(thief, "revoked", code)
        assert await radio.closed() == 4401
        await shut(signed, alice, stolen)
        assert await ask(a, REFRESH, stolen) == BAD_TOKEN
        await a.send(alice, b"still here")
    await signed.restart()
    await shut(signed, alice, stolen)
    assert stolen not in signed.log.read_text()


# BM-LOGOUT-1, BM-LOGOUT-2, SI-END-3
# MISSION B9
async def test_a_device_a_session_and_an_account_are_logged_out(signed, names):
    alice, bob = names("alice", "bob")
    old = token(alice, "old")
    phone = await Scheme.connect(signed, alice, token=old)
    desk = await Scheme.connect(signed, alice, device="desk", token=token(alice, "desk's"))
    other = await Scheme.connect(signed, bob, token=token(bob, "bob's"))
    await log_out(desk, DEVICE, "phone")
    await ended(phone, "logged_out", 1000)
    answer = (await desk.take(lambda frame: frame.route == LOGOUT, "answer")).logout
    assert (answer.type, answer.status, answer.scope) == (RESPONSE, 3, DEVICE), answer
    assert answer.to.connection_resource_id == "phone"
    await refused(Scheme.connect(signed, alice, token=old))

    # Dates of tokens are whole seconds; a server's clock may be a little behind that of who makes tokens.
    phone = await Scheme.connect(signed, alice, token=token(alice, "new", ago=-2))
    await log_out(phone, SESSION)
    await ended(phone, "logged_out", 1000)
    await refused(Scheme.connect(signed, alice, token=token(alice, "new", ago=-2)))

    await refused(Walkie.connect(signed, alice, device="phone", token=old))
    radio = await Walkie.connect(signed, alice, device="radio", token=old)
    await log_out(desk, ACCOUNT)
    await ended(desk, "logged_out", 1000)
    assert await radio.closed() == 1000
    await signed.restart()
    await shut(signed, alice, old)
    async with await Scheme.connect(signed, alice, token=token(alice, "newest", ago=-3)) as a:
        await a.send(alice, b"back again")
    async with await Scheme.connect(signed, bob, token=token(bob, "bob's")) as b:
        await b.ping("b")


# SI-TOKEN-3
# MISSION B9
async def test_names_are_no_tokens(server, names):
    (alice,) = names("alice")
    async with await Scheme.connect(server, alice) as a:
        assert (await ask(a, REFRESH, alice)).token == alice
        assert await ask(a, REVOKE, alice) == 501
        assert await ask(a, VALIDATE, alice + "x") == BAD_TOKEN
