"""Tokens, log-outs and push in bimip.v1, and questions that are answered in order. Part of `BimipClient`."""

import asyncio
import uuid

from names import now_ms
from proto import pb, scheme

REFRESH, REVOKE, VALIDATE = 1, 2, 3
DEVICE, SESSION, ACCOUNT = 1, 2, 3


class Account:
    async def _ask(self, route, id, frame, timeout):
        future = asyncio.get_running_loop().create_future()
        self._asked.setdefault(route, []).append((id, future))
        await self.send_frame(frame)
        return await asyncio.wait_for(future, timeout)

    def _answer(self, route, id, answer):
        """The question of that id; without ids (routes 5 and 12) the oldest."""
        asked = self._asked.get(route, [])
        at = next((i for i, (name, _) in enumerate(asked) if name == id), None)
        if at is not None:
            future = asked.pop(at)[1]
            if not future.done():
                future.set_result(answer)

    def _refuse(self, route, why):
        """BM-ERR-2: an ErrorMessage names the route alone, so the oldest question of that route is meant."""
        asked = self._asked.get(route)
        if asked:
            future = asked.pop(0)[1]
            if not future.done():
                future.set_exception(why)

    def _drop_questions(self):
        for asked in self._asked.values():
            for _, future in asked:
                if not future.done():
                    future.set_exception(ConnectionError(self.goodbye or "closed"))
                    future.exception()
        self._asked = {}

    def _on_account(self, kind, frame):
        if kind == "token_authority":
            self._answer(5, None, frame.token_authority)
        elif kind == "push_notification":
            self._answer(8, frame.push_notification.id, frame.push_notification)
        else:
            return False
        return True

    # -- tokens (BM-TOKEN-*)

    async def _token(self, task, token, timeout):
        token = self.token if token is None else token
        return await self._ask(
            5, None, scheme("token_authority", type=1, task=task, token=token, timestamp=now_ms()), timeout
        )

    async def refresh(self, token=None, timeout=30):
        """The new token is the one that this client comes back with."""
        answer = await self._token(REFRESH, token, timeout)
        if token is None or token == self.token:
            self.token = answer.token
        return answer

    async def revoke(self, token=None, timeout=30):
        return await self._token(REVOKE, token, timeout)

    async def validate(self, token=None, timeout=30):
        return await self._token(VALIDATE, token, timeout)

    async def log_out(self, scope=DEVICE, device=None, timeout=30):
        """BM-LOGOUT-1: another device is answered; where this session ends, with ConnectionError("logged_out")."""
        to = pb.Identity(connection_resource_id=device) if device is not None else None
        return await self._ask(
            12, None, scheme("logout", type=1, status=4, scope=scope, to=to, timestamp=now_ms()), timeout
        )

    # -- push (BM-PUSH-*)

    async def register_push(self, service, token, timeout=30):
        id = uuid.uuid4().hex
        return await self._ask(
            8,
            id,
            scheme("push_notification", id=id, type=service, payload=token, timestamp=now_ms()),
            timeout,
        )

    async def push(self, to, payload, id=None, timeout=60):
        """BM-PUSH-2: a draft like any other."""
        id = id or uuid.uuid4().hex
        frame = scheme("push_notification", id=id, to={"eid": to}, payload=payload, timestamp=now_ms())
        return await asyncio.wait_for(await self._post(id, frame.SerializeToString()), timeout)
