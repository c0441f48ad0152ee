"""Signed tokens, made by a library that is not ours; and raw TCP."""

import asyncio
import os
import time

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from scheme import ERROR, LOGOUT, WELCOME, Scheme
from server import Server
from walkie import Walkie

SECRET = "awesome secret of a backend, long enough for every algorithm that is tried"


@pytest.fixture(scope="module")
async def signed(tmp_path_factory):
    """A server that takes signed tokens, with a secret that a backend has, too."""
    folder = tmp_path_factory.mktemp("signed")
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    flags = ["--jwt-hs256-key", str(secret)]
    made = await Server(folder / "data", folder / "log", *flags, auth="jwt").start()
    yield made
    assert await made.terminate() == 0, made.trouble()


def legacy(user, secret=SECRET, algorithm="HS256", life=3600, **claims):
    """As push-to-talk backends make them."""
    return jwt.encode({"uid": user, "exp": int(time.time()) + life, **claims}, secret, algorithm=algorithm)


def token(user, secret=SECRET, life=3600, **claims):
    claims = {"iss": "bimip", "aud": "bimip", "sub": user, "exp": int(time.time()) + life, **claims}
    return jwt.encode(claims, secret, algorithm="HS256")


async def refused(connecting):
    with pytest.raises(InvalidStatus) as refused:
        await connecting
    assert refused.value.response.status_code == 401


# MISSION V10 E9
@pytest.mark.parametrize("by", ["token", "VoicePingToken", "Authorization", "subprotocol"])
async def test_a_token_of_a_backend_lets_a_walkie_in(signed, names, by):
    alice, bob = names("alice", "bob")
    for user in (alice, bob):
        made = legacy(user, channelIds=["crew"])
        if by == "subprotocol":
            options = {"additional_headers": None, "subprotocols": [made, "phone"]}
        else:
            options = {"additional_headers": {by: f"Bearer {made}" if by == "Authorization" else made}}
        async with await Walkie.connect(signed, user, **options) as walkie:
            await walkie.text(user, "to myself")


# MISSION V10 E9
async def test_numbered_users_of_old_claims(signed, names):
    number = 7_000_000 + int("".join(c for c in names("n")[0] if c.isdigit()))
    for claim in ("uid", "userId", "user_id", "sub"):
        # The library itself wants `sub` to be text.
        value = str(number) if claim == "sub" else number
        made = jwt.encode({claim: value, "exp": int(time.time()) + 60}, SECRET, algorithm="HS256")
        headers = {"token": made, "device_id": "phone"}
        async with await Walkie.connect(signed, str(number), additional_headers=headers) as walkie:
            await walkie.fence()


# SI-WAY-4
# MISSION E9
@pytest.mark.parametrize("by", ["headers", "bearer", "subprotocols", "frame", "tcp"])
async def test_every_way_to_sign_in_takes_a_token(signed, names, by):
    (alice,) = names("alice")
    async with await Scheme.connect(signed, alice, by=by, token=token(alice)) as a:
        assert (await a.send(alice, b"to myself")).user_offset == "1"


# MISSION E9
async def test_who_is_refused(signed, names):
    (alice,) = names("alice")
    bad = {
        "a name": alice,
        "another secret": token(alice, secret="another secret of somebody else altogether"),
        "no algorithm": jwt.encode({"uid": alice, "exp": int(time.time()) + 60}, None, algorithm="none"),
        "another algorithm": legacy(alice, algorithm="HS512"),
        "expired": legacy(alice, life=-1),
        "not yet": legacy(alice, nbf=int(time.time()) + 600),
        "no end": jwt.encode({"uid": alice}, SECRET, algorithm="HS256"),
        "no user": jwt.encode({"exp": int(time.time()) + 60}, SECRET, algorithm="HS256"),
        "another audience": token(alice, aud="other"),
        "another issuer": token(alice, iss="other"),
    }
    for made in bad.values():
        await refused(Walkie.connect(signed, alice, additional_headers={"token": made}))
        await refused(Scheme.connect(signed, alice, token=made))
    # A token of a backend is good for its own apps, not for everybody's.
    await refused(Scheme.connect(signed, alice, token=legacy(alice)))
    for by in ("frame", "tcp"):
        with pytest.raises(AssertionError, match="without welcome") as ended:
            await Scheme.connect(signed, alice, by=by, token=bad["another secret"])
        assert "refused" in str(ended.value)


# SI-END-1 SI-END-2
# MISSION E9
async def test_a_session_ends_with_its_token(signed, names):
    alice, bob = names("alice", "bob")
    made = token(alice, life=2)
    phone = await Scheme.connect(signed, alice, token=made)
    line = await Scheme.connect(signed, alice, device="line", by="tcp", token=made)
    walkie = await Walkie.connect(signed, bob, additional_headers={"token": legacy(bob, life=2)})
    await phone.send(alice, b"to myself")
    offset = int((await line.message()).user_offset)
    await line.dispose(offset)
    for client in (phone, line):
        goodbye = await client.take(lambda frame: frame.route == LOGOUT, "goodbye")
        assert goodbye.logout.details == "expired", goodbye
    assert await phone.closed() == 4401
    assert await line.closed() is None
    assert await walkie.closed() == 4401
    # With another token the device goes on where it was.
    async with await Scheme.connect(signed, alice, device="line", by="tcp", token=token(alice)) as line:
        assert line.welcome.resume_from == offset and await line.rest() == []


# SI-NO-2 SI-KEY-4 SI-KEY-5
# MISSION E9
async def test_the_command_makes_tokens_that_others_can_read(tmp_path, names, monkeypatch):
    monkeypatch.setenv("RUST_LOG", "debug")
    (alice,) = names("alice")
    data = tmp_path / "data"

    async def command(*flags):
        made = await asyncio.create_subprocess_exec(
            os.environ["BIMIP_SERVER"], "token", "--data", str(data), *flags, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(made.communicate(), 20)
        assert made.returncode == 0
        return out.decode().strip()

    made = await command("--user", alice, "--device", "phone", "--groups", "crew,drivers", "--ttl", "1h")
    # The text of the file is the secret, for whoever signs or checks.
    key = (data / "jwt-hs256.key").read_text().strip()
    assert (data / "jwt-hs256.key").stat().st_mode & 0o777 == 0o600
    claims = jwt.decode(made, key, algorithms=["HS256"], audience="bimip", issuer="bimip")
    assert (claims["sub"], claims["device"], claims["groups"]) == (alice, "phone", ["crew", "drivers"])
    assert claims["exp"] - claims["iat"] == 3600 and claims["auth_time"] == claims["iat"] and claims["jti"]

    server = await Server(data, tmp_path / "log", auth="jwt").start()
    try:
        async with await Scheme.connect(server, alice, by="tcp", token=made) as a:
            await a.send(alice, b"to myself")
        async with await Scheme.connect(server, alice, device="desk", token=token(alice, key)) as a:
            assert a.welcome.head == 1
        await refused(Scheme.connect(server, alice, device="desk", token=made))
        assert key not in (tmp_path / "log").read_text() and made not in (tmp_path / "log").read_text()
    finally:
        await server.stop()


# MISSION B1 B3
async def test_a_bridge_from_tcp_to_the_walkie(server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(server, alice, by="tcp") as a, await Walkie.connect(server, bob) as b:
        await a.send(bob, b"over TCP")
        assert (await b.receive(alice))["text"] == "over TCP"
        await b.text(alice, "and back")
        row = await a.message()
        assert b"and back" in row.payload
        await a.dispose(int(row.user_offset))
    async with await Scheme.connect(server, alice, by="tcp") as a:
        assert a.welcome.resume_from == int(row.user_offset)
        assert [frame for frame in await a.rest() if frame.route == WELCOME or frame.route == ERROR] == []
