"""The vectors of docs/protocol/vectors: decoded with libraries that are not ours, compared with what they are said to
mean, and what clients say is said to the real server."""

import collections

import bimip_pb2 as pb
import msgpack
import pytest
from google.protobuf import descriptor_pb2, json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

import make_vectors
import vectors
from scheme import EVENT, MESSAGE, SIGNAL, Scheme
from server import Server
from inbox import dial
from walkie import Walkie

CASES = {dialect: vectors.load(dialect) for dialect in ("voiceping", "bimip.v1", "deployed")}
FAULTS = {"malformed", "too_long", "unknown", "mismatched", "missing", "field", "out_of_place", "unsupported", "not_yourself",
          "refused", "not_member", "no_such_message", "conflict", "too_large"}  # fmt: skip
DEPTH = 32


def every(dialect, wanted=lambda case: True):
    return pytest.mark.parametrize("name", [name for name, case in CASES[dialect].items() if wanted(case)])


def test_every_case_says_all_that_it_should():
    for dialect, cases in CASES.items():
        for name, case in cases.items():
            assert case["direction"] in ("client-to-server", "server-to-client"), name
            assert case["source"] and "bytes" in case, name
            assert "meaning" in case or "error" in case, name
            assert "error" not in case or case["error"].split()[0] in FAULTS, name
            assert dialect == "deployed" or case["user"], name
            assert set(case) <= {*make_vectors.ORDER, "layout", "bytes"}, name
    count = {dialect: len(cases) for dialect, cases in CASES.items()}
    assert count["voiceping"] >= 230 and count["bimip.v1"] >= 260 and count["deployed"] == 34, count


def test_what_is_made_here_is_fresh():
    for path, text in make_vectors.files().items():
        assert path.read_text() == text, f"{path} is stale: run `cargo xtask interop --vectors`"


# -- msgpack


def depth(value):
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


def strict(data):
    """What VP-FRAME-2 lets through, by the msgpack package: one array of 3 to 6 elements, no more and no less."""
    frame = msgpack.unpackb(data, raw=False, strict_map_key=False, ext_hook=ext)
    if not isinstance(frame, list) or not 3 <= len(frame) <= 6:
        raise ValueError("not a frame")
    channel, kind = frame[:2]
    if channel not in (0, 1) or isinstance(channel, bool) or type(kind) is not int:
        raise ValueError("no channel or no kind")
    if any(depth(slot) > DEPTH for slot in frame):
        raise ValueError("too deep")
    free = kind in (15, 16)
    if not free and not is_id(frame[2]):
        raise ValueError("from")
    if 0 <= kind <= 27 and kind not in (4, 5, 19, 25) and (len(frame) < 4 or not is_id(frame[3]) or frame[3] == 0):
        raise ValueError("to")
    if len(frame) == 6 and not free and not (frame[4] in (None, UNDEFINED) or isinstance(frame[4], str)):
        raise ValueError("label")
    return frame


def is_id(slot):
    return isinstance(slot, str) or type(slot) is int and 0 <= slot < 2**31


UNDEFINED = msgpack.ExtType(0, b"\0")


def ext(number, data):
    if number == 0 and (data == b"\0" or len(data) == 8):
        return msgpack.ExtType(number, data)
    raise ValueError("an extension that is none of ours")


def unpack(data):
    return msgpack.unpackb(data, raw=False, strict_map_key=False)


# VP-FRAME-1 VP-FRAME-2
@every("voiceping")
def test_msgpack_reads_what_is_stated(name):
    case = CASES["voiceping"][name]
    if case.get("error", "").startswith("malformed"):
        with pytest.raises(Exception):  # noqa: B017 -- whatever the library calls it
            strict(case["bytes"])
    elif case.get("error", "").startswith("too_long"):
        payload = strict(case["bytes"])[-1]
        assert len(case["bytes"]) > 256 * 1024 or len(payload) > 4096
    else:
        strict(case["bytes"])
    if "meaning" in case:
        assert unpack(case["bytes"]) == vectors.native(case["meaning"])
        packed = msgpack.packb(vectors.native(case["meaning"]), use_bin_type=True)
        assert packed == case["bytes"] or name == "start_wide_integers"


@pytest.mark.parametrize("name", vectors.transcripts())
def test_msgpack_reads_the_transcripts(name):
    for event in vectors.transcripts()[name]:
        if "bytes" in event:
            assert strict(event["bytes"]) == vectors.native(event["meaning"])
        else:
            assert event["who"] and event["closed"]


# -- protobuf


def mapped(frame):
    return json_format.MessageToDict(frame, preserving_proto_field_name=True)


def outline(data):
    """Route and tags of payloads, by hand: numbers, and what is skipped."""
    route, tags, at = 0, [], 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            assert shift < 70

    while at < len(data):
        key = number()
        if key & 7 == 0:
            value = number()
            route = value if key >> 3 == 1 else route
        else:
            assert key & 7 == 2, "no other wire type stands in these frames"
            length = number()
            tags.append(key >> 3)
            at += length
            assert at <= len(data)
    return route, [tag for tag in tags if 2 <= tag <= 12 or tag in (16, 17, 18, 19, 20, 21)]


# BM-FRAME-1 BM-FRAME-2
@every("bimip.v1")
def test_protobuf_reads_what_is_stated(name):
    case = CASES["bimip.v1"][name]
    fault = case.get("error", "").split(" ")[0]
    if fault == "malformed":
        # An empty frame is one in which nothing is set. A field of another wire type is passed over by some libraries.
        if name not in ("bad_empty_frame", "bad_wire_type_inside", "bad_wire_type_of_route"):
            with pytest.raises(DecodeError):
                pb.MessageScheme.FromString(case["bytes"])
        return
    route, tags = outline(case["bytes"])
    served = {*range(2, 13), 16, 17, 18, 19, 20, 21}
    assert (route not in served) == (fault == "unknown")
    if fault != "unknown":
        assert (tags == []) == (fault == "missing")
        assert (tags not in ([], [route])) == (fault == "mismatched")
    if "meaning" in case:
        frame = pb.MessageScheme.FromString(case["bytes"])
        assert mapped(frame) == vectors.resolved(case["meaning"])
        made = json_format.ParseDict(vectors.resolved(case["meaning"]), pb.MessageScheme())
        assert made.SerializeToString() == case["bytes"] or name == "message_unknown_field"


# -- the frames of the deployed server


def deployed_message():
    """The one payload of the deployed layout that bimip.v1 lays out anew."""
    kinds = descriptor_pb2.FieldDescriptorProto
    rows = [("id", 1, kinds.TYPE_STRING), ("signal_offset", 2, kinds.TYPE_STRING), ("user_offset", 3, kinds.TYPE_STRING),
            ("from", 4, "Identity"), ("to", 5, "Identity"), ("type", 6, kinds.TYPE_INT32), ("timestamp", 7, kinds.TYPE_INT64),
            ("payload", 8, kinds.TYPE_BYTES), ("encryption_type", 9, kinds.TYPE_STRING), ("encrypted", 10, kinds.TYPE_STRING),
            ("signature", 11, kinds.TYPE_STRING), ("status", 12, kinds.TYPE_INT32)]  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="deployed.proto", package="deployed", syntax="proto3")
    tables = {
        "Identity": [("eid", 1, kinds.TYPE_STRING), ("connection_resource_id", 2, kinds.TYPE_STRING)],
        "Message": rows,
        "MessageScheme": [("route", 1, kinds.TYPE_INT64), ("message", 6, "Message")],
    }
    for name, fields in tables.items():
        made = file.message_type.add(name=name)
        for field, number, kind in fields:
            part = made.field.add(name=field, number=number, label=kinds.LABEL_OPTIONAL)
            if isinstance(kind, str):
                part.type, part.type_name = kinds.TYPE_MESSAGE, f".deployed.{kind}"
            else:
                part.type = kind
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("deployed.MessageScheme"))


def json_format_numbers(meaning):
    """Where that listing has `status` as 64 bits, its mapping is text."""
    payload = meaning.get("message")
    if payload and isinstance(payload.get("status"), str):
        return {**meaning, "message": {**payload, "status": int(payload["status"])}}
    return meaning


@every("deployed")
def test_protobuf_reads_the_deployed_frames(name):
    case = CASES["deployed"][name]
    route, tags = outline(case["bytes"])
    (payload,) = set(case["meaning"]) - {"route"}
    assert str(route) == str(case["meaning"]["route"]) and len(tags) == 1
    if case["layout"] not in ("deployed", "bimip.v1"):
        return  # another layout, of which only the envelope is known here
    shape = deployed_message() if (payload, case["layout"]) == ("message", "deployed") else pb.MessageScheme
    frame = shape.FromString(case["bytes"])
    said = mapped(frame)
    if payload == "ping_pong" and "to" in case["meaning"][payload]:
        said[payload]["to"] = said[payload].pop("from")  # the same field by another name
    assert said == json_format_numbers(case["meaning"])
    assert frame.SerializeToString() == case["bytes"]


# -- against the real server


@pytest.fixture(scope="module")
async def host(tmp_path_factory):
    """A server whose users are those of the vectors: one message on it, and nothing else, is not of a vector."""
    folder = tmp_path_factory.mktemp("vectors")
    made = await Server(folder / "data", folder / "log").start()
    for user, group in [("acme_alice", "acme_team"), ("acme_bob", "acme_team"), ("1", "18"), ("2", "18"), ("alice", "team"),
                        ("bob", "team"), ("alice", "ünit 7"), ("bob", "ünit 7")]:  # fmt: skip
        async with await Walkie.connect(made, user) as client:
            await client.say(0, 15, user, group)
            await client.fence()
    yield made
    assert made.process.returncode is None, made.trouble(b"the server is gone")
    assert await made.terminate() == 0, made.trouble()


said_by_clients = lambda case: case["direction"] == "client-to-server"


async def join(client, meaning):
    """On the group channel a member speaks."""
    if meaning[0] == 0 and meaning[1] in (1, 2, 3, 17, 18, 23) and meaning[3] != "strangers":
        await client.say(0, 15, meaning[2], meaning[3])


ROWS = {1, 2, 3, 17, 18, 20, 21, 23}


class Ear(Walkie):
    """A client that says who it is as the frames of its case do."""

    def __init__(self, socket, user):
        super().__init__(socket, user)
        self.id = int(user) if user.isdigit() else user

    async def fence(self):
        mark = f"fence {next(self._fences)}"
        await self.say(1, 25, self.id, 0, mark)
        await self.take(lambda frame: frame[1] == 26 and frame[4] == mark, "answer to a test")

    async def answer(self):
        return await self.take(lambda frame: frame[1] not in ROWS, "answer")


def stated(slots):
    return [slot if slot == vectors.ANYTHING else vectors.native(slot) for slot in slots]


# MISSION V1 V9
# VP-FRAME-2 VP-FRAME-4 VP-ACK-1 VP-TALK-2 VP-ID-2
@every("voiceping", said_by_clients)
async def test_the_server_answers_msgpack_as_stated(host, name):
    case = CASES["voiceping"][name]
    client = await Ear.connect(host, case["user"], at_once=True)
    if "meaning" in case and "error" not in case:
        await join(client, case["meaning"])
    await client.fence()
    client.frames.clear()
    await client.raw(case["bytes"])
    if "closes" in case:
        assert await client.closed() == int(case["closes"])
        return
    for slots in case["answer"]:
        said = await client.answer()
        assert vectors.fits(stated(slots), said), (slots, said)
    # Whatever it was, the connection lives on, and no more was said to it.
    await client.say(1, 17, client.id, client.id, "still here")
    ack = await client.answer()
    assert ack[:4] == [1, 22, client.id, client.id], ack
    await client.fence()
    assert [frame for frame in client.frames if frame[1] not in ROWS] == []
    await client.hang_up()


def is_answer(frame):
    return frame.route != MESSAGE and not (frame.route == SIGNAL and frame.signal.type == EVENT)


def chain(case):
    """The case behind all that has to be said before it."""
    before = chain(CASES["bimip.v1"][case["after"]]) if "after" in case else []
    return [*before, case]


def is_of_groups(case):
    return said_by_clients(case) and case["name"].startswith("group_")


def is_of_users(case):
    return said_by_clients(case) and case["name"].startswith("user_")


# MISSION B1
# BM-AUTH-1 BM-ID-1 BM-SEND-1 BM-ACK-1 BM-ACK-2 BM-FRAME-2 BM-FRAME-3 BM-ERR-1 BM-BYE-2 BM-MARK-2 BM-GROUP-1
@every("bimip.v1", lambda case: said_by_clients(case) and not is_of_groups(case) and not is_of_users(case))
async def test_the_server_answers_protobuf_as_stated(host, name):
    await answers_as_stated(host, CASES["bimip.v1"][name])


# MISSION M3
# BM-GRP-1 BM-GRP-2
@every("bimip.v1", is_of_groups)
async def test_the_server_manages_groups_as_stated(own_server, name):
    """Each with a server of its own: what a group is outlives who said it."""
    await answers_as_stated(own_server, CASES["bimip.v1"][name])


# MISSION A12
# BM-USR-1 BM-USR-2
@every("bimip.v1", is_of_users)
async def test_the_server_keeps_what_users_say_as_stated(own_server, name):
    """Likewise: what a user keeps outlives who said it."""
    await answers_as_stated(own_server, CASES["bimip.v1"][name])


async def answers_as_stated(host, case):
    signed_in = case.get("signed_in") != "no"
    if signed_in:
        client = await Scheme.connect(host, case["user"])
        await client.rest()
    else:
        client = Scheme(await dial(host.url("/bimip")), case["user"], "phone", None)
    for step in chain(case):
        await client.raw(step["bytes"])
        for answer in step["answer"]:
            frame = await client.take(is_answer, f"answer to {step['name']}")
            assert vectors.fits(answer, mapped(frame)), (answer, mapped(frame))
    if "closes" in case:
        assert await client.closed() == int(case["closes"])
        assert [frame for frame in client.frames if is_answer(frame)] == []
        return
    if not signed_in and "error" in case:  # a way in is still open
        await client.raw(CASES["bimip.v1"]["sign_in"]["bytes"])
        await client.take(lambda frame: frame.route == 16, "welcome")
    assert [frame for frame in await client.rest() if is_answer(frame)] == []
    await client.send(case["user"], b"still here")
    await client.hang_up()


def test_every_word_of_the_dialect_is_in_a_vector():
    """All kinds and routes in the directions that they have, all statuses, codes and goodbyes."""
    kinds = collections.defaultdict(set)
    for case in CASES["voiceping"].values():
        if "meaning" in case and case["meaning"]:
            kinds[case["direction"]].add(case["meaning"][1])
    assert kinds["client-to-server"] >= set(range(28))
    assert kinds["server-to-client"] >= {1, 2, 3, 6, 7, 8, 9, 17, 18, 20, 21, 22, 23, 24, 26, 27}
    routes = collections.defaultdict(set)
    for case in CASES["bimip.v1"].values():
        if "meaning" in case:
            frame = pb.MessageScheme.FromString(case["bytes"])
            routes[case["direction"]].add((frame.WhichOneof("payload"), getattr(frame, "signal").type))
    asked = {payload for payload, _ in routes["client-to-server"]}
    assert asked >= {field.name for field in pb.MessageScheme.DESCRIPTOR.oneofs[0].fields}
    told = routes["server-to-client"]
    assert {payload for payload, _ in told} == asked - {None}, "every route in both directions"
    assert told >= {("signal", 2), ("signal", 3), ("signal", 4)}
