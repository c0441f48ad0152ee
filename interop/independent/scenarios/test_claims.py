"""Signed tokens."""

import asyncio
import time

from bimip import WAYS, Refusal
from store import Store
from transport import Refused
from voiceping import VoicePing
from world import OPEN, bimip, eq, jwt


# SI-END-1, SI-END-2, DM-GRP-4
async def test_claims(jwt_server):
    """Another token, and the session goes on."""
    s = jwt_server
    now = int(time.time())
    good = {"iss": "bimip", "aud": "bimip", "sub": "ann", "exp": now + 60}
    for way in WAYS:
        c = await bimip(s, "ann", "d", way=way, tcp=way == "tcp", token=jwt(**good), reconnect=False)
        await c.close()
    for claims in (
        {**good, "device": "other"},
        {**good, "exp": now + 25 * 3600},
        {**good, "exp": now + 9.5},
        {"uid": "ann", "exp": now + 9},
        {**good, "exp": now},
        {**good, "nbf": now + 20},
        {**good, "aud": "x"},
    ):
        for way in ("token", "tcp"):
            try:
                await bimip(s, "ann", "d", way=way, tcp=way == "tcp", token=jwt(**claims), reconnect=False)
                assert 0, claims
            except (Refused, Refusal):
                pass
    v = VoicePing(0, s.vp, token=jwt(uid=7, exp=now + 60), ids="int", reconnect=False)
    OPEN.append(v)
    await v.start()
    eq(str((await v.test()).to), "7")
    end = int(time.time()) + 3
    store = Store()
    a = await bimip(
        s, "ann", "a1", token=jwt(**{**good, "exp": end, "groups": ["g"], "channelIds": [9]}), store=store
    )
    eq([(await a.send(group=g, payload=b"x")).to.eid for g in ("g", "9")], ["g", "9"])
    await asyncio.wait_for(a.ended.wait(), 10)
    eq((a.goodbye, a.close_code), ("expired", 4401))
    a = await bimip(s, "ann", "a1", token=jwt(**good), store=store)
    await a.send("bob", b"on")
