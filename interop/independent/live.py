"""What is live in bimip.v1: presence, typing and calls, positions, being hidden. Part of `BimipClient`."""

import time
import uuid

from names import group_conversation, now_ms
from proto import pb, scheme

ONLINE, OFFLINE, AWAY, BUSY, DO_NOT_DISTURB = 1, 2, 3, 4, 5
TYPING, RECORDING, FORWARDED, DELIVERED, READ, RESUMED = 6, 7, 8, 9, 10, 11
CALLING, DECLINED = 11, 12  # of signals


class Live:
    def _watch(self):
        self.around = {}  # user -> (status, when it runs out or None, the frame)
        self.hidden = False

    def _nobody(self):
        self.around = {}  # what is live holds for this session

    def status_of(self, user):
        """BM-AWARE-3: whose presence is not seen is offline."""
        status, until, _ = self.around.get(user, (OFFLINE, None, None))
        return OFFLINE if until is not None and time.monotonic() > until else status

    def _on_live(self, kind, frame):
        if kind == "awareness":
            self._on_presence(frame.awareness)
        elif kind == "body":
            for presence in frame.body.awareness_list:
                self._on_presence(presence)
        elif kind == "location_stream":
            self.events.put_nowait(("position", frame.location_stream))
        elif kind == "awareness_visibility":
            v = frame.awareness_visibility
            self.hidden = v.type == 2
            self._answer(4, v.id, v)
            self.events.put_nowait(("hidden", self.hidden))
        else:
            return False
        return True

    def _on_presence(self, p):
        who = getattr(p, "from").eid
        if p.status <= DO_NOT_DISTURB and who != self.user:
            until = time.monotonic() + p.ttl if p.ttl else None
            self.around[who] = (p.status, until, p)
        self.events.put_nowait(("presence", p))

    # -- what a program says: not answered, save by a refusal

    async def aware(self, status, to=None, ttl=0, place=None, **more):
        p = pb.Awareness(id=uuid.uuid4().hex, type=1, status=status, ttl=ttl, timestamp=now_ms(), **more)
        if to is not None:
            p.to.eid = to
        if place is not None:
            p.location_sharing, (p.latitude, p.longitude) = 1, place
        await self.send_frame(scheme("awareness", p))
        return p.id

    async def live(self, status, to=None, group=None, id=None):
        s = pb.Signal(id=id or uuid.uuid4().hex, type=1, status=status, timestamp=now_ms())
        if to is not None:
            s.to.eid = to
        if group is not None:
            s.conversation = group_conversation(group)
        await self.send_frame(scheme("signal", s))
        return s.id

    async def position(self, to, latitude, longitude, altitude=None, id=None):
        await self.send_frame(
            scheme(
                "location_stream",
                id=id or uuid.uuid4().hex,
                to={"eid": to},
                latitude=latitude,
                longitude=longitude,
                altitude=altitude,
                timestamp=now_ms(),
            )
        )

    async def hide(self, hidden=True, timeout=30):
        """BM-VIS-1: durable when this returns, and of the user."""
        id = uuid.uuid4().hex
        return await self._ask(
            4, id, scheme("awareness_visibility", id=id, type=2 if hidden else 1, timestamp=now_ms()), timeout
        )
