"""Tokens that are refreshed, revoked and validated; log-outs. Tokens are made a while ago: dates are in seconds."""

import asyncio
import time

import pytest
from account import ACCOUNT, DEVICE, SESSION
from bimip import Refusal
from transport import Refused
from voiceping import VoicePing
from world import OPEN, bimip, eq, token

STRANGE = (Refused, Refusal)


async def outside(s, token, user="ann", device="d9"):
    """This token opens no session, at no door."""
    for more in ({}, {"way": "frame"}, {"tcp": True}):
        with pytest.raises(STRANGE):
            await bimip(s, user, device, token=token, reconnect=False, **more)
    with pytest.raises(STRANGE):
        v = VoicePing(user, s.vp, device, token=token, reconnect=False)
        OPEN.append(v)
        await v.start()


@pytest.fixture
async def tokens(jwt_server):
    """BM-TOKEN-1 lets a server answer 501 where its tokens cannot be refreshed or revoked."""
    a = await bimip(jwt_server, "nobody", token=token("nobody"))
    try:
        await a.refresh()
    except Refusal as e:
        eq((e.code, e.frame.error_origin), (501, 5))
        pytest.skip("this server's tokens cannot be refreshed or revoked")
    return jwt_server


async def let_in(s, device, patience=10):
    """With a token that was made just now, once the second of the log-out is over."""
    end = time.monotonic() + patience
    while True:
        try:
            return await bimip(s, "ann", device, token=token("ann", 60, age=0), reconnect=False)
        except STRANGE:
            assert time.monotonic() < end


async def over(client, word):
    await asyncio.wait_for(client.ended.wait(), 20)
    eq((client.goodbye, str(client.dead)), (word, word))


# BM-TOKEN-1, BM-TOKEN-2
async def test_validate(tokens):
    """When it runs out; the session lives until then."""
    s, short = tokens, token("ann", 3)
    a = await bimip(s, "ann", token=short, reconnect=False)
    control = await bimip(s, "ann", "d2", token=short, reconnect=False)
    longer = token("ann", 300)
    answer = await a.validate(longer)
    eq((answer.type, answer.task), (2, 3))
    assert abs(answer.expires / 1000 - time.time() - 300) < 10, answer
    for bad in (token("bob"), token("ann", -5), "junk"):
        with pytest.raises(Refusal) as e:
            await a.validate(bad)
        eq((e.value.code, e.value.frame.error_origin), (498, 5))
    await over(control, "expired")
    await a.ping()


# BM-TOKEN-1, BM-TOKEN-2
async def test_refresh(tokens):
    """The newer one lasts longer, and the session with it; the older one stays good."""
    s = tokens
    old = token("ann", 3, age=60)
    a = await bimip(s, "ann", token=old, reconnect=False)
    answer = await a.refresh()
    eq((answer.type, answer.task), (2, 1))
    assert answer.token and answer.token != old and answer.expires > time.time() * 1000 + 30_000, answer
    control = await bimip(s, "ann", "d2", token=old, reconnect=False)  # stays good
    await bimip(s, "ann", "d3", token=answer.token, reconnect=False)
    await over(control, "expired")
    await a.ping()


# BM-TOKEN-3, BM-BYE-3
@pytest.mark.kept
async def test_revoke(tokens):
    """Every session that came with it, at every door, and after a restart."""
    s = tokens
    bad, good = token("ann", 60, jti="lost"), token("ann", 61)
    a, lost = await bimip(s, "ann", "d1", token=good), await bimip(s, "ann", "d2", token=bad)
    line = await bimip(s, "ann", "d3", tcp=True, token=bad)
    answer = await a.revoke(bad)
    eq((answer.type, answer.task), (2, 2))
    await over(lost, "revoked")
    await over(line, "revoked")
    eq(lost.close_code, 4401)
    await outside(s, bad)
    s.kill()
    s.start()
    await outside(s, bad)
    await a.until(lambda: a.ready.is_set())
    answer = await a.revoke()  # its own: the answer, then the end
    eq(answer.task, 2)
    await over(a, "revoked")


# BM-LOGOUT-1, BM-LOGOUT-2
async def test_log_out_a_device(tokens):
    """Another one, then this one."""
    s = tokens
    old = token("ann", 60)
    a, b = await bimip(s, "ann", "d1", token=old), await bimip(s, "ann", "d2", token=old)
    answer = await a.log_out(DEVICE, "d2")
    eq((answer.type, answer.status, answer.scope, answer.to.connection_resource_id), (2, 3, 1, "d2"))
    await over(b, "logged_out")
    with pytest.raises(STRANGE):
        await bimip(s, "ann", "d2", token=old, reconnect=False)
    c = await bimip(s, "ann", "d3", token=old)  # another device: still good
    b = await let_in(s, "d2")
    with pytest.raises(ConnectionError, match="logged_out"):
        await c.log_out(DEVICE)
    await over(c, "logged_out")
    await a.ping()
    await b.ping()


# BM-LOGOUT-1
async def test_log_out_this_session(tokens):
    """Scope 2: the session and the token it came with."""
    s = tokens
    mine, other = token("ann", 60), token("ann", 61)
    a, b = await bimip(s, "ann", "d1", token=mine), await bimip(s, "ann", "d2", token=other)
    with pytest.raises(ConnectionError, match="logged_out"):
        await a.log_out(SESSION)
    await over(a, "logged_out")
    await outside(s, mine)
    await b.ping()


# BM-LOGOUT-1, DM-ACC-1
async def test_log_out_everywhere(tokens):
    """Scope 3: all sessions, and all tokens made up to now."""
    s = tokens
    old, bobs = token("ann", 60), token("bob", 60)
    a, b = await bimip(s, "ann", "d1", token=old), await bimip(s, "ann", "d2", token=old)
    other = await bimip(s, "bob", token=bobs)
    with pytest.raises(ConnectionError, match="logged_out"):
        await a.log_out(ACCOUNT)
    await over(a, "logged_out")
    await over(b, "logged_out")
    await outside(s, old)
    await outside(s, token("ann", 62))  # made before, too
    await let_in(s, "d1")
    await other.ping()


# BM-TOKEN-1, BM-BYE-2
async def test_tokens_of_an_open_server(s):
    """Nothing is revoked there: 501. A goodbye revokes nothing either."""
    a = await bimip(s, "ann")
    with pytest.raises(Refusal) as e:
        await a.revoke()
    eq((e.value.code, e.value.frame.error_origin), (501, 5))
    await a.close()
    eq(a.goodbye, "bye")
    await bimip(s, "ann")


# BM-LOGOUT-1
async def test_log_out_of_an_open_server(s):
    """Sessions end there, too."""
    a, b = await bimip(s, "ann", "d1"), await bimip(s, "ann", "d2")
    answer = await a.log_out(DEVICE, "d2")
    eq((answer.status, answer.to.connection_resource_id), (3, "d2"))
    await over(b, "logged_out")
