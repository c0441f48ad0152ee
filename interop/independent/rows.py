"""The mailbox as a device sees it: the welcome, the row rule, disposing. Part of `BimipClient`."""

import asyncio
import re

from names import now_ms
from proto import DecodeError, scheme

DISPOSE_ROWS, DISPOSE_AFTER = 32, 0.020  # DM-WIN-2


def offset_of(text):
    """BM-FRAME-3: canonical decimals; 0 for "not there"."""
    if text in ("", "0"):
        return 0
    if not re.fullmatch(r"[1-9][0-9]{0,19}", text):
        raise DecodeError(f"offset {text!r}")
    return int(text)


class Rows:
    async def _on_welcome(self, w):
        self.welcome, self._welcomed = w, True
        seen = self.store.seen
        if w.epoch != self.store.epoch:
            if self.store.epoch:
                self.events.put_nowait(("epoch", (self.store.epoch, w.epoch)))
            seen = w.resume_from  # forget all offsets
        elif seen + 1 < w.first:
            self.events.put_nowait(("gap", (seen + 1, w.first - 1)))
            seen = max(w.first - 1, w.resume_from)
        seen = max(seen, w.resume_from)  # DM-SES-2: rows that this device caused
        self.store.position(w.epoch, seen)
        self.disposed = w.resume_from
        self.events.put_nowait(("welcome", w))
        if seen > w.resume_from:  # stored before the cut, not disposed of
            self._undisposed += 1
            self._dispose_soon()
        self.ready.set()
        if not self.pipeline:
            await self._resend()

    async def _on_row(self, frames, last):
        try:
            offset = offset_of(last.user_offset)
        except DecodeError:
            offset = 0
        if not offset:
            self.events.put_nowait(("bad", frames))
            return
        seen = self.store.seen
        if offset <= seen:  # DM-ROW-1: a repeat. It is stored, so it is disposed of again.
            self.events.put_nowait(("repeat", frames))
        elif last.prev_offset > seen:
            self.events.put_nowait(("missing", (seen, last.prev_offset, offset)))
            self.conn.abort()
            return
        else:
            self.store.row(offset, [f.SerializeToString() for f in frames])
            self.rows.append(frames)
            self.events.put_nowait(("row", frames))
        self._undisposed += 1
        if self.auto_dispose:
            if self._undisposed >= DISPOSE_ROWS:
                await self._dispose_now()
            else:
                self._dispose_soon()

    # -- disposing -------------------------------------------------------------------------------------------

    def _stop_disposing(self):
        if self._dispose_task:
            self._dispose_task.cancel()
            self._dispose_task = None

    def _dispose_soon(self):
        if not self.auto_dispose or (self._dispose_task and not self._dispose_task.done()):
            return

        async def later():
            await asyncio.sleep(DISPOSE_AFTER)
            self._dispose_task = None
            try:
                await self._dispose_now()
            except (ConnectionError, RuntimeError):
                pass

        self._dispose_task = asyncio.create_task(later())

    async def _dispose_now(self):
        self._stop_disposing()
        self._undisposed = 0
        await self._dispose_frame(self.store.seen)

    async def _dispose_frame(self, offset):
        future = asyncio.get_running_loop().create_future()
        self._disposes.append(future)
        await self.send_frame(scheme("signal", type=1, status=2, user_offset=str(offset), timestamp=now_ms()))
        return future

    async def dispose(self, offset=None, timeout=30):
        """By hand; the answer is where the cursor stands."""
        return await asyncio.wait_for(
            await self._dispose_frame(self.store.seen if offset is None else offset), timeout
        )

    # -- for programs that look on

    def messages(self):
        return [f.message for row in self.rows for f in row if f.WhichOneof("payload") == "message"]

    def receipts(self):
        return [f.signal for row in self.rows for f in row if f.WhichOneof("payload") == "signal"]
