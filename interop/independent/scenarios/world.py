"""What scenarios are written with."""

import hashlib
import hmac
import json
import os
import time

from bimip import BimipClient
from transport import b64url
from voiceping import VoicePing

OPEN = []
KEY = "an-independent-secret-of-more-than-32-bytes"


async def bimip(s, user, device="d1", tcp=False, **more):
    c = BimipClient(user, device, ws=None if tcp else s.bm, tcp=s.tcp, **more)
    OPEN.append(c)
    return await c.start()


async def vping(s, user, device=None, **more):
    c = VoicePing(user, s.vp, device, **more)
    OPEN.append(c)
    return await c.start()


async def comes_to_rest(s, user, patience=30, **more):
    """Signs in until nothing comes: a pong moves the cursor (DM-BAR-1), but no word says that it has moved."""
    end = time.monotonic() + patience
    while True:
        v = await vping(s, user, receipts=False, **more)
        await v.test()
        await v.close()
        if not v.messages:
            return
        assert time.monotonic() < end, v.messages


def eq(a, b):
    assert a == b, f"{a!r} != {b!r}"


def jwt(**claims):
    body = b64url('{"alg":"HS256"}') + "." + b64url(json.dumps(claims))
    return body + "." + b64url(hmac.new(KEY.encode(), body.encode(), hashlib.sha256).digest())


def token(user, life=60, age=5, **claims):
    """A token that was made `age` seconds ago."""
    now = int(time.time())
    return jwt(iss="bimip", aud="bimip", sub=user, iat=now - age, exp=now + life, **claims)


def signed(data):
    """Arguments of a server that wants signed tokens."""
    path = os.path.join(data, "secret")
    with open(path, "w") as f:
        f.write(KEY + "\n")
    os.chmod(path, 0o600)
    return "--auth", "jwt", "--jwt-hs256-key", path
