"""Drafts and marks, their answers and their resends. Part of `BimipClient`."""

import asyncio
import uuid

from names import group_conversation, now_ms
from proto import pb, scheme

SENT, DELIVERED, READ, FORWARDED, PLAYED = 1, 2, 3, 4, 5


class Refusal(Exception):
    """`Signal` type 3, or the `ErrorMessage` that answered something."""

    def __init__(self, code, error="", retry_after_ms=0, frame=None):
        super().__init__(f"{code} {error}")
        self.code, self.error, self.retry_after_ms, self.frame = code, error, retry_after_ms, frame


class Drafts:
    async def _resend(self):
        """Drafts without an answer, under the same id and in their order (DM-DUP-1); so are marks."""
        for _, data in self.store.drafts():
            await self.send_frame(data)
        for id, (signal_id, status, _) in list(self._marks.items()):
            await self._send_mark(id, signal_id, status)

    def _on_draft_answer(self, s):
        if s.type == 3 and self._may_retry(s):  # the same draft under the same id, later
            self._later(s.retry_after_ms, self._again, self.store.draft_of(s.id))
            self.events.put_nowait(("later", s))
            return
        self.store.settled(s.id)
        future = self._waiting.pop(s.id, None)
        if future and not future.done():
            if s.type == 2:
                future.set_result(s)
            else:
                future.set_exception(Refusal(s.code, s.error, s.retry_after_ms, s))
        else:
            self.events.put_nowait(("answer", s))

    @staticmethod
    def _may_retry(s):
        return s.retry_after_ms > 0 or s.code >= 500 and s.code != 501

    def _later(self, ms, what, *args):
        async def run():
            await asyncio.sleep(max(ms, 100) / 1000)
            try:
                await what(*args)
            except (ConnectionError, RuntimeError):
                pass  # it goes out again after the next welcome

        task = asyncio.create_task(run())
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)

    async def _again(self, data):
        await self.send_frame(data)

    def _on_mark_answer(self, s):
        """By the `id` where it comes back, else the oldest of the kind (BM-MARK-2)."""
        same = [
            id for id, (name, status, _) in self._marks.items() if (name, status) == (s.signal_id, s.status)
        ]
        id = s.id if s.id in self._marks else same[0] if same else None
        if id is None:
            self.events.put_nowait(("answer", s))
            return
        if s.type == 3 and self._may_retry(s):
            self._later(s.retry_after_ms, self._send_mark, id, *self._marks[id][:2])
            return
        future = self._marks.pop(id)[2]
        if not future.done():
            if s.type == 2:
                future.set_result(s)
            else:
                future.set_exception(Refusal(s.code, s.error, s.retry_after_ms, s))

    # -- what a program says ---------------------------------------------------------------------------------

    @staticmethod
    def _draft(to=None, payload=b"", *, group=None, id=None, type=1, **more):
        m = pb.Message(id=id or uuid.uuid4().hex, type=type, status=1, payload=payload, timestamp=now_ms())
        if to is not None:
            m.to.eid = to
        if group is not None:
            m.conversation = group_conversation(group)
        for name, value in more.items():
            setattr(m, name, value)
        return m, scheme("message", m).SerializeToString()

    def _keep(self, id, data):
        self.store.draft(id, data)
        return self._waiting.setdefault(id, asyncio.get_running_loop().create_future())

    async def _post(self, id, data):
        future = self._keep(id, data)
        if self.conn is not None and (self.ready.is_set() or self.pipeline):
            try:
                await self.send_frame(data)
            except (ConnectionError, RuntimeError):
                pass
        return future

    async def post(self, to=None, payload=b"", **more):
        """A draft; the future has the acknowledgement, or a Refusal. It survives reconnects under its id."""
        m, data = self._draft(to, payload, **more)
        return await self._post(m.id, data)

    async def send(self, to=None, payload=b"", timeout=60, **more):
        return await asyncio.wait_for(await self.post(to, payload, **more), timeout)

    async def post_all(self, drafts):
        """BM-BATCH-1: [(to, payload, fields)] in one frame; a future for each, and each is resent by itself."""
        parts, futures = [], []
        for to, payload, fields in drafts:
            m, data = self._draft(to, payload, **fields)
            parts.append(m)
            futures.append(self._keep(m.id, data))
        await self.send_frame(scheme("body", pb.Body(route=6, message=parts, timestamp=now_ms())))
        return futures

    async def _send_mark(self, id, signal_id, status):
        await self.send_frame(
            scheme("signal", id=id, type=1, status=status, signal_id=signal_id, timestamp=now_ms())
        )

    async def mark(self, signal_id, status=READ, timeout=60):
        id, future = uuid.uuid4().hex, asyncio.get_running_loop().create_future()
        self._marks[id] = (signal_id, status, future)
        try:
            await self._send_mark(id, signal_id, status)
        except ConnectionError:
            pass
        return await asyncio.wait_for(future, timeout)
