"""gRPC by a client that is not ours (grpcio), with stubs from the published schema."""

import asyncio
import contextlib
import json

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

import message_pb2 as pb
import message_pb2_grpc
from inbox import PATIENCE, dial


@contextlib.asynccontextmanager
async def channel(server, **options):
    async with grpc.aio.insecure_channel(server.address, options=list(options.items())) as made:
        yield made


def metadata(token, device=None):
    pairs = [("authorization", f"Bearer {token}")]
    return pairs + ([("x-device-id", device)] if device else [])


class Person:
    def __init__(self, made, token, device=None):
        self.stub = message_pb2_grpc.MessageServiceStub(made)
        self.options = {"metadata": metadata(token, device)}

    async def send(self, **fields):
        request = pb.SendMessageRequest(**fields)
        return (await self.stub.SendMessage(request, timeout=PATIENCE, **self.options)).message

    async def get(self, **fields):
        return await self.stub.GetMessages(pb.GetMessagesRequest(**fields), timeout=PATIENCE, **self.options)

    async def commit(self, offset):
        request = pb.CommitOffsetRequest(offset=offset)
        return (await self.stub.CommitOffset(request, timeout=PATIENCE, **self.options)).offset

    async def stream(self, **fields):
        call = self.stub.StreamMessages(pb.StreamMessagesRequest(**fields), **self.options)
        first = await asyncio.wait_for(call.read(), PATIENCE)
        assert first.type == "welcome" and json.loads(first.json)["window"] > 0
        return call


async def event(call, wanted):
    """The next event of a kind."""
    while True:
        heard = await asyncio.wait_for(call.read(), PATIENCE)
        assert heard is not grpc.aio.EOF, f"it ended before {wanted}"
        if heard.type == wanted:
            return heard


async def refused(awaited):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await awaited
    trailing = dict(error.value.trailing_metadata())
    return error.value.code(), trailing.get("bimip-code"), trailing


def direct(one, other):
    low, high = sorted([one, other])
    return f"d:{low}:{high}"


# MISSION E7
# GR-SEND-1, GR-MSG-1, GR-HIST-1
async def test_messages_are_sent_and_found(server, names):
    alice, bob = names("alice", "bob")
    async with channel(server) as made:
        ann, bert = Person(made, alice), Person(made, bob)
        mentions = [pb.Mention(user_id=bob, offset=0, length=5)]
        sent = await ann.send(
            conversation_id=direct(alice, bob),
            sender_user_id=alice,
            content="hello",
            message_type="text",
            mentions=mentions,
            client_id="c-1",
        )
        assert len(sent.id) == 20 and sent.status == "sent" and sent.seq == 1
        assert sent.sender_user_id == alice and sent.sender_device_id == "grpc"
        assert list(sent.mentions) == mentions and sent.created_at > 1_600_000_000_000
        again = await ann.send(
            conversation_id=direct(alice, bob), content="hello", mentions=mentions, client_id="c-1"
        )
        assert again == sent, "the first result stands"
        code, word, _ = await refused(ann.send(to=bob, content="else", client_id="c-1"))
        assert (code, word) == (grpc.StatusCode.ALREADY_EXISTS, "CONFLICT")

        answer = await bert.send(conversation_id=direct(bob, alice), content="hi", reply_to_id=sent.id)
        assert answer.reply_to_id == sent.id
        await ann.send(to=bob, payload=b"\x00\xff", encryption=pb.Encryption(type="aes"))
        page = await bert.get(conversation_id=direct(alice, bob), limit=2)
        assert [it.seq for it in page.messages] == [3, 2] and page.has_more
        assert page.messages[0].payload == b"\x00\xff" and page.messages[0].encryption.type == "aes"
        rest = await bert.get(conversation_id=direct(alice, bob), limit=2, before_id=page.messages[1].id)
        assert [it.content for it in rest.messages] == ["hello"] and not rest.has_more


# MISSION E7
# GR-ERR-1, GR-AUTH-1, GR-AUTH-2
async def test_what_is_refused_has_a_code_and_a_word(server, names):
    alice, bob, eve = names("alice", "bob", "eve")
    async with channel(server) as made:
        ann, codes = Person(made, alice), grpc.StatusCode
        nobody = message_pb2_grpc.MessageServiceStub(made)
        for call in (nobody.SendMessage(pb.SendMessageRequest()), nobody.CommitOffset(pb.CommitOffsetRequest())):
            assert (await refused(call))[:2] == (codes.UNAUTHENTICATED, "UNAUTHENTICATED")
        code, _, _ = await refused(nobody.StreamMessages(pb.StreamMessagesRequest()).read())
        assert code == codes.UNAUTHENTICATED
        other = await refused(ann.send(to=bob, content="x", sender_user_id=eve))
        assert other[:2] == (codes.PERMISSION_DENIED, "NOT_YOURSELF")
        other = await refused(ann.stub.StreamMessages(pb.StreamMessagesRequest(user_id=bob), **ann.options).read())
        assert other[:2] == (codes.PERMISSION_DENIED, "NOT_YOURSELF")
        code, word, trailing = await refused(ann.send(to=bob))
        assert (code, word, trailing["bimip-field"]) == (codes.INVALID_ARGUMENT, "FIELD", "content")
        code, word, trailing = await refused(ann.get(conversation_id=direct(alice, bob), limit=101))
        assert (code, trailing["bimip-field"]) == (codes.INVALID_ARGUMENT, "limit")
        # Of others' conversations, what is there and what is not look alike.
        theirs = await refused(ann.get(conversation_id=direct(bob, eve)))
        assert theirs[0] == codes.PERMISSION_DENIED
        assert (await refused(ann.send(conversation_id="g:nowhere", content="x")))[:2] == (
            codes.PERMISSION_DENIED,
            "NOT_MEMBER",
        )
        assert (await refused(ann.commit(1)))[:2] == (codes.FAILED_PRECONDITION, "NO_STREAM")
        unknown = made.unary_unary("/message.MessageService/Nothing")
        assert (await refused(unknown(b"")))[0] == codes.UNIMPLEMENTED
        unknown = made.unary_unary("/other.Service/Nothing")
        assert (await refused(unknown(b"")))[0] == codes.UNIMPLEMENTED


# MISSION E7
# GR-STRM-1, GR-EVT-1
async def test_a_stream_says_what_happens(server, names):
    alice, bob = names("alice", "bob")
    async with channel(server) as made:
        ann, bert = Person(made, alice), Person(made, bob)
        hears, sees = await bert.stream(user_id=bob), await ann.stream()
        sent = await ann.send(to=bob, content="hello")
        new = await event(hears, "new_message")
        assert (new.message, new.offset, new.at) == (sent, 1, sent.created_at)
        told = await event(sees, "message_delivered")
        assert (told.message.id, told.message.status, told.user_id) == (sent.id, "delivered", bob)

        # The rest in the words of another door.
        web = await dial(server.url("/ws"), additional_headers={"Authorization": f"Bearer {alice}"})
        await web.send(json.dumps({"type": "typing", "to": bob}))
        typing = await event(hears, "typing")
        assert (typing.user_id, typing.offset, typing.conversation_id) == (alice, 0, direct(alice, bob))
        for said in (
            {"type": "edit", "client_id": "e", "message_id": sent.id, "content": "better"},
            {"type": "react", "client_id": "r", "message_id": sent.id, "emoji": "+1"},
            {"type": "delete", "client_id": "d", "message_id": sent.id},
        ):
            await web.send(json.dumps(said))
        edited = await event(hears, "message_edited")
        assert (edited.message.id, edited.message.content, edited.message.edition) == (sent.id, "better", 1)
        assert json.loads((await event(hears, "message_reaction")).json)["emoji"] == "+1"
        deleted = await event(hears, "message_deleted")
        assert deleted.message.id == sent.id and deleted.message.deleted and deleted.message.content == ""
        await web.close()
        hears.cancel(), sees.cancel()


# MISSION E7
# GR-COM-1, GR-STRM-2
async def test_what_http_took_counts_until_the_first_commit(server, names):
    alice, bob = names("alice", "bob")
    async with channel(server) as made:
        ann, bert = Person(made, alice), Person(made, bob, "desk")
        sees = await ann.stream()
        hears = await bert.stream()
        await ann.send(to=bob, content="one")
        await event(hears, "new_message")
        await event(sees, "message_delivered")
        assert await bert.commit(1) == 1
        await ann.send(to=bob, content="two")
        assert (await event(hears, "new_message")).offset == 2
        hears.cancel()
        # Not committed: it comes again. From the start its word counts alone.
        hears = await bert.stream(commits=True)
        assert (await event(hears, "new_message")).message.content == "two"
        hears.cancel()
        hears = await bert.stream(commits=True)
        assert (await event(hears, "new_message")).message.content == "two"
        assert await bert.commit(99) == 2, "no further than what it was given"
        await event(sees, "message_delivered")
        hears.cancel()
        hears = await bert.stream()
        await ann.send(to=bob, content="three")
        assert (await event(hears, "new_message")).message.content == "three"
        hears.cancel(), sees.cancel()


# MISSION E7
# GR-STRM-3
async def test_a_slow_reader_loses_nothing(server, names):
    alice, bob = names("alice", "bob")
    text = "x" * 5_000
    async with channel(server) as made, channel(server, **{"grpc.http2.lookahead_bytes": 1024}) as slow:
        ann, bert = Person(made, alice), Person(slow, bob)
        hears = await bert.stream(commits=True)
        for number in range(100):
            await ann.send(to=bob, content=f"{number} {text}")
        heard = []
        while len(heard) < 100:
            new = await event(hears, "new_message")
            heard.append(int(new.message.content.split()[0]))
            if len(heard) % 20 == 0:
                await bert.commit(new.offset)
        assert heard == list(range(100))
        hears.cancel()


# GR-STRM-4
async def test_the_newest_stream_of_a_device_is_the_one(server, names):
    (bob,) = names("bob")
    async with channel(server) as made:
        bert = Person(made, bob)
        first, second = await bert.stream(), await bert.stream()
        bye = await event(first, "bye")
        assert json.loads(bye.json)["reason"] == "replaced"
        code, word, _ = await refused(first.read())
        assert (code, word) == (grpc.StatusCode.ABORTED, "REPLACED")
        second.cancel()


# GR-HLTH-1
async def test_health_and_reflection(own_server):
    async with channel(own_server) as made:
        health = health_pb2_grpc.HealthStub(made)
        for service in ("", "message.MessageService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        code, _, _ = await refused(health.Check(health_pb2.HealthCheckRequest(service="x")))
        assert code == grpc.StatusCode.NOT_FOUND

        # The messages of v1 are those of v1alpha; only the service has another name.
        asks = made.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )

        async def requests():
            yield reflection_pb2.ServerReflectionRequest(list_services="")
            yield reflection_pb2.ServerReflectionRequest(file_containing_symbol="message.MessageService")

        answers = [answer async for answer in asks(requests(), timeout=PATIENCE)]
        names = {it.name for it in answers[0].list_services_response.service}
        assert {"message.MessageService", "grpc.health.v1.Health"} <= names
        (file,) = answers[1].file_descriptor_response.file_descriptor_proto
        described = FileDescriptorProto.FromString(file)
        methods = [method.name for method in described.service[0].method]
        assert methods == ["SendMessage", "GetMessages", "StreamMessages", "CommitOffset"]

        watch = health.Watch(health_pb2.HealthCheckRequest())
        first = await asyncio.wait_for(watch.read(), PATIENCE)
        assert first.status == health_pb2.HealthCheckResponse.SERVING
        bert = Person(made, "bob")
        hears = await bert.stream()
        ends = asyncio.create_task(own_server.terminate())
        last = await asyncio.wait_for(watch.read(), PATIENCE)
        assert last.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert json.loads((await event(hears, "bye")).json)["reason"] == "going_away"
        assert (await refused(hears.read()))[0] == grpc.StatusCode.UNAVAILABLE
        watch.cancel()
        assert await ends == 0
