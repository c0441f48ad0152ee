"""The layout of the deployed server, spoken by the protobuf project's own code."""

import base64
import json
import subprocess
import time

import pytest
from websockets.exceptions import InvalidStatus

from deployed import DELIVERED, FORWARDED, PATH, PLAYED, READ, REFUSAL, RESPONSE, RESUME, SENT, SIGNAL
from deployed import Deployed, identity, pb
from inbox import dial
from scheme import READ as S_READ
from scheme import Scheme, now_ms, sender
from server import Server
from walkie import DELIVERED as W_DELIVERED
from walkie import READ as W_READ
from walkie import Walkie


@pytest.fixture(scope="module")
async def signed(tmp_path_factory):
    """A server that has the key of somebody's backend, and that backend's private key."""
    folder = tmp_path_factory.mktemp("deployed")
    private, public = folder / "private.pem", folder / "public.pem"
    make = ["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    subprocess.run([*make, "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    made = await Server(folder / "data", folder / "log", "--deployed-key", str(public), auth="jwt").start()
    yield made, private
    assert await made.terminate() == 0, made.trouble()


def token(key, user, life=3600, **changed):
    """As the backends make them."""
    now = int(time.time())
    claims = {"eid": user, "device_id": "phone", "jti": f"j-{user}", "type": "access", "aud": "Joken", "iss": "Joken"}
    claims |= {"iat": now, "nbf": now, "exp": now + life, **changed}
    # The token library has RSA only with another one that is in C; openssl is on every machine with a server on it.
    claims = {name: value for name, value in claims.items() if value is not None}
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    sign = ["openssl", "dgst", "-sha256", "-sign", key]
    return f"{signed}.{base64url(subprocess.run(sign, input=signed.encode(), capture_output=True, check=True).stdout)}"


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# MISSION B11
async def test_a_token_of_the_backend_and_the_headers_of_the_answer(signed, names):
    (server, key), (alice, bob) = signed, names("alice", "bob")
    for prefix in ("", "Bearer "):
        headers = {"token": prefix + token(key, alice)}
        socket = await dial(server.url(PATH), additional_headers=headers)
        told = socket.response.headers
        assert (told["x-status"], told["x-connection"], told["x-message"]) == ("101", "connected", "Successful")
        assert told["x-ip"] == "127.0.0.1" and int(told["x-port"]) == socket.local_address[1]
        assert told["x-host"] == server.address and told["x-user_agent"] and int(told["x-connection_time"]) > 0
        await socket.close()
    async with (
        await Deployed.connect(server, alice, token=token(key, alice)) as a,
        await Deployed.connect(server, bob, token=token(key, bob)) as b,
    ):
        await a.send(bob, b'{"text":"signed"}')
        message = await b.message()
        assert sender(message).connection_resource_id == "phone"


# MISSION B11
@pytest.mark.parametrize("changed", [{"type": "refresh"}, {"iss": "x"}, {"exp": 1}, {"jti": None}, {"nbf": 9999999999}])
async def test_a_token_that_is_no_good_is_refused_without_details(signed, names, changed):
    (server, key), (alice,) = signed, names("alice")
    with pytest.raises(InvalidStatus) as refused:
        await dial(server.url(PATH), additional_headers={"token": token(key, alice, **changed)})
    answer = refused.value.response
    assert (answer.status_code, answer.body) == (401, b"")
    told = answer.headers
    assert (told["x-status"], told["x-connection"], told["x-message"]) == ("400", "dis_connected", "Invalid token")


# MISSION B11
async def test_three_dialects_in_one_conversation(server, names):
    """Alice has the deployed app; bob a bimip.v1 phone, a walkie-talkie and, later, the deployed app, too."""
    alice, bob = names("alice", "bob")
    async with (
        await Deployed.connect(server, alice) as a,
        await Scheme.connect(server, bob) as phone,
        await Walkie.connect(server, bob) as radio,
    ):
        ack = await a.send(bob, b'{"text":"to all of you"}')
        assert ack.signal_offset == "1"
        message = await phone.message()
        assert message.payload == b'{"text":"to all of you"}' and message.conversation_seq == 1
        assert message.encryption_type == "none" and sender(message).eid == alice
        text = await radio.receive(alice)
        assert text["text"] == "to all of you"

        await phone.dispose(message.user_offset)
        told = await a.receipt(DELIVERED, bob, ack.id)
        assert (told.signal_offset, told.user_offset) == ("1", "1")
        await radio.read(alice, text["message_id"])
        await a.receipt(READ, bob, ack.id)

        # And back: from the radio, and from the phone.
        spoken = await radio.text(alice, "over")
        heard = await a.message()
        assert json.loads(heard.payload)["text"] == "over"
        assert (heard.signal_offset, heard.user_offset, heard.status) == ("2", "2", SENT)
        assert (heard.to.eid, heard.to.connection_resource_id) == (alice, "phone")
        answer = await a.about(heard, DELIVERED)
        assert (answer.type, answer.HasField("error"), answer.error) == (RESPONSE, True, "")
        await radio.receipt(W_DELIVERED, alice, spoken)
        await a.about(heard, READ)
        await radio.receipt(W_READ, alice, spoken)

        posted = await phone.send(alice, b'{"text":"from v1"}')
        heard = await a.message()
        assert (heard.id, heard.signal_offset) == (posted.id, "3")
        await a.about(heard, READ)
        event = await phone.take(
            lambda frame: (frame.signal.signal_id, frame.signal.status) == (posted.signal_id, S_READ), "receipt"
        )
        assert (sender(event.signal).eid, event.signal.id) == (alice, posted.id)
    async with await Deployed.connect(server, bob, device="new") as b:
        assert [(await b.message()).signal_offset for _ in range(3)] == ["1", "2", "3"]


# MISSION B11
async def test_what_is_committed_stays_so_over_a_restart(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Deployed.connect(own_server, alice) as a:
        for number in range(4):
            await a.send(bob, b"%d" % number)
    async with await Deployed.connect(own_server, bob) as b:
        messages = [await b.message() for _ in range(4)]
        for index in (0, 1, 3):  # the third is missing
            assert (await b.about(messages[index], DELIVERED)).type == RESPONSE
    await own_server.restart()
    async with await Deployed.connect(own_server, bob) as b:
        assert [(await b.message()).payload for _ in range(2)] == [b"2", b"3"]
        # A message of an earlier session is known by its place.
        assert (await b.about(messages[0], READ)).type == RESPONSE
        assert (await b.about(messages[0], FORWARDED)).type == RESPONSE
        assert (await b.about(messages[0], PLAYED)).type == RESPONSE
        messages[0].signal_offset = messages[0].user_offset = "99"
        answer = await b.about(messages[0], READ)
        assert (answer.type, answer.error) == (REFUSAL, "no such message for this user")
    async with await Deployed.connect(own_server, alice) as a:
        told = [(await a.take(lambda frame: frame.route == SIGNAL, "receipt")).signal.status for _ in range(6)]
        assert sorted(told) == [DELIVERED] * 3 + [READ, FORWARDED, PLAYED]


# MISSION B11
async def test_the_same_id_is_another_message_at_another_time_or_to_somebody_else(server, names):
    alice, bob, carol = names("alice", "bob", "carol")
    async with await Deployed.connect(server, alice) as a:
        first = await a.send(bob, b"1", id="1", timestamp=1000)
        assert await a.send(bob, b"1", id="1", timestamp=1000) == first
        assert (await a.send(bob, b"2", id="1", timestamp=1001)).signal_offset == "2"
        assert (await a.send(carol, b"3", id="1", timestamp=1000)).signal_offset == "1"
        await a.post(bob, b"4", id="1", timestamp=1000)
        refused = await a.refused()
        assert refused.id == "1"
        assert json.loads(refused.payload) == {"error": "this client id was used for another message"}


# MISSION B11
@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("type", {"type": 7}),
        ("status", {"status": 2}),
        ("timestamp", {"timestamp": -5}),
        ("payload", {"payload": b"no json"}),
        ("encryption_type", {"encryption_type": ""}),
    ],
)
async def test_a_draft_that_breaks_a_rule_hears_which(server, names, field, changed):
    alice, bob = names("alice", "bob")
    async with await Deployed.connect(server, alice) as a:
        await a.post(bob, **{"payload": b"{}", **changed})
        refused = await a.refused()
        assert (refused.type, refused.status) == (3, 3)
        assert json.loads(refused.payload)["error"].startswith(f"Field '{field}' \u2192 ")
        await a.send(bob, b"{}")


# MISSION B11
async def test_other_layouts_resume_heartbeat_and_logout(server, names):
    alice, bob = names("alice", "bob")
    async with await Deployed.connect(server, alice) as a:
        older = "0806327a0a01311201351a160a0c6140646f6d61696e2e636f6d120661616161613222160a0c6240646f6d61696e2e636f6d12"
        older += "0662626262623128013080d8c08aa5333a317b2274657874223a2248656c6c6f2066726f6d2042494d495020f09f918b222c2261"
        older += "74746163686d656e7473223a5b5d7d42046e6f6e655801"
        await a.raw(bytes.fromhex(older))
        assert "/bimip" in json.loads((await a.refused()).payload)["error"]

        made = pb.Signal(id="r", status=RESUME, type=1, timestamp=now_ms(), to=identity(bob, ""))
        sender(made).CopyFrom(identity(alice, "phone"))
        await a.say(SIGNAL, signal=made)
        answer = (await a.signal(RESPONSE, RESUME)).signal
        assert (answer.id, answer.to.eid) == ("r", bob)

        made = pb.Signal(id="x", status=READ, type=1, signal_offset="1", to=identity(bob))
        sender(made).CopyFrom(identity(bob, "phone"))
        await a.say(SIGNAL, signal=made)
        answer = (await a.signal(REFUSAL, 0)).signal
        assert answer.error == "from is not the signed-in user"

        pong = await a.ping()
        assert (pong.type, sender(pong).eid) == (2, alice)
        answer = await a.log_out()
        assert (answer.type, answer.status, answer.to.eid) == (2, 1, alice)
        assert await a.closed() == 1000


# MISSION B11
async def test_a_copy_goes_to_the_other_device(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Deployed.connect(server, alice) as a,
        await Deployed.connect(server, alice, device="desk") as desk,
        await Deployed.connect(server, bob) as b,
    ):
        ack = await a.send(bob, b'{"text":"hi"}')
        copy = await desk.message()
        assert (copy.id, sender(copy).connection_resource_id, copy.to.eid) == (ack.id, "phone", bob)
        assert (await desk.about(copy, SENT)).type == RESPONSE
        message = await b.message()
        await b.about(message, READ)
        for device in (a, desk):
            await device.receipt(READ, bob, ack.id)
    async with await Deployed.connect(server, alice, device="desk") as desk:
        assert [frame for frame in await desk.rest() if frame.WhichOneof("payload") == "message"] == []
