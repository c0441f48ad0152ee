"""Push tokens and notifications; several messages in one frame."""

import asyncio

import pytest
from bimip import Refusal
from names import now_ms
from proto import pb, scheme
from world import bimip, eq, vping


# BM-PUSH-1
async def test_push_tokens(s):
    """4 KiB with the service's name."""
    a = await bimip(s, "ann")
    for token, word in (
        (b"t" * 64, "registered"),
        (b"u" * 64, "registered"),
        (b"", "removed"),
        (b"", "removed"),
    ):
        answer = await a.register_push("fcm", token)
        eq((answer.type, answer.payload), (word, b""))
    answer = await a.register_push("fcm", b"x" * (4096 - 3))
    eq(answer.type, "registered")
    for service, token in (("fcm", b"x" * 4094), ("fcm" * 1400, b"x")):
        with pytest.raises(Refusal) as e:
            await a.register_push(service, token)
        eq((e.value.code, e.value.frame.error_origin), (422, 8))
    await a.ping()


# BM-PUSH-2, BM-SEND-1
async def test_notifications(s):
    """A draft of type 2, under its id; conflicts and resends as ever."""
    a, b, v = await bimip(s, "ann"), await bimip(s, "bob"), await vping(s, "bob")
    ack = await a.push("bob", b"come", id="n1")
    eq(await a.push("bob", b"come", id="n1"), ack)
    with pytest.raises(Refusal) as e:
        await a.push("bob", b"go", id="n1")
    eq(e.value.code, 409)
    await b.until(lambda: b.messages())
    m = b.messages()[0]
    eq((m.id, m.type, m.payload, m.signal_id), ("n1", 2, b"come", ack.signal_id))
    await v.until(lambda: v.messages)
    eq((v.messages[0].kind, v.messages[0].text), (17, "come"))


# BM-BATCH-1
async def test_batches(s):
    """Each part has its own answer, in order."""
    a, b = await bimip(s, "ann"), await bimip(s, "bob")
    order = []
    a._subs.append(
        lambda f, _: order.append(f.signal.id) if f.signal.type in (2, 3) and f.signal.id else None
    )
    drafts = [("bob", f"{i}".encode(), {"id": f"p{i}"}) for i in range(256)]
    drafts[7] = ("bob", b"7", {"id": "p7", "timestamp": -1})
    drafts[9] = (None, b"9", {"id": "p9", "group": "strangers"})
    answers = await asyncio.gather(*await a.post_all(drafts), return_exceptions=True)
    eq([(i, x.code) for i, x in enumerate(answers) if isinstance(x, Refusal)], [(7, 422), (9, 442)])
    await b.until(lambda: len(b.messages()) == 254)
    eq([m.id for m in b.messages()], [f"p{i}" for i in range(256) if i not in (7, 9)])
    eq([id for id in order if id not in ("p7", "p9")], [f"p{i}" for i in range(256) if i not in (7, 9)])


# BM-BATCH-1
async def test_refused_batches(s):
    """Too many, another route, parts of another route, a part without an id: none of it."""
    a, b = await bimip(s, "ann"), await bimip(s, "bob")
    part = pb.Message(id="x", to={"eid": "bob"}, type=1, status=1, payload=b"x", timestamp=now_ms())
    nameless = pb.Message(to={"eid": "bob"}, type=1, status=1, payload=b"x")
    here = pb.Awareness(type=1, status=3)
    for origin, body in (
        (10, {"route": 6, "message": [part] * 257}),
        (10, {"route": 7}),
        (10, {"route": 2, "message": [part]}),
        (10, {"route": 6, "message": [part], "awareness_list": [here]}),
        (6, {"route": 6, "message": [part, nameless]}),
        (2, {"route": 2, "awareness_list": [here, pb.Awareness(type=1, status=12)]}),
    ):
        n = len(a.faults)
        await a.send_frame(scheme("body", pb.Body(**body)))
        await a.until(lambda: len(a.faults) > n)
        eq((a.faults[-1].code, a.faults[-1].error_origin, list(body)), (422, origin, list(body)))
    await a.send("bob", b"last")
    await b.until(lambda: b.messages())
    eq([m.payload for m in b.messages()], [b"last"])


# BM-BATCH-1
async def test_batches_of_presences(s):
    """Presences, too."""
    a, b = await bimip(s, "ann"), await bimip(s, "bob")
    await a.send("bob", b"hello")
    seen = []
    b._subs.append(lambda f, _: seen.append(f.awareness.status) if f.route == 2 else None)
    await a.send_frame(
        scheme(
            "body",
            pb.Body(
                route=2,
                awareness_list=[
                    pb.Awareness(type=1, status=6, to={"eid": "bob"}),
                    pb.Awareness(type=1, status=4),
                ],
            ),
        )
    )
    await b.until(lambda: b.status_of("ann") == 4)
    assert 6 in seen
