"""What users keep, over the protobuf dialect: profiles, address books, blocks, devices, and when they were seen."""

from scheme import (
    ASK_ADDRESS_BOOK,
    ASK_BLOCKED,
    ASK_DEVICES,
    ASK_PROFILE,
    AWAY,
    BLOCK,
    CALLING,
    FORGET,
    OFFLINE,
    PROFILE,
    REFUSAL,
    REMOVE_DEVICE,
    RESPONSE,
    SAVE,
    TYPING,
    UNBLOCK,
    Scheme,
    presences,
    sender,
)
from server import Server
from walkie import AUDIO, PRIVATE, START, START_ACK, STOP, TEXT, TEXT_ACK, Walkie


# BM-USR-1, BM-USR-2, BM-USR-3, BM-QRY-5, BM-WELCOME-2
# DM-USR-1, DM-USR-2, DM-USR-3
# MISSION A12
async def test_a_profile_is_told_to_the_own_devices_and_shown_to_those_who_know_the_user(server, names):
    alice, bob, carol = names("alice", "bob", "carol")
    async with (
        await Scheme.connect(server, alice, device="one") as one,
        await Scheme.connect(server, alice, device="two") as two,
        await Scheme.connect(server, bob) as b,
        await Scheme.connect(server, carol) as c,
    ):
        assert "users" in one.welcome.features
        answer = await one.keep(PROFILE, name="Alice", about="out sailing", avatar="https://example.org/a.png", id="u-1")
        assert (answer.type, answer.edition, answer.user_offset) == (RESPONSE, 1, "1")
        row = await two.kept()
        assert (row.action, row.name, row.about, row.avatar, row.edition) == (
            PROFILE, "Alice", "out sailing", "https://example.org/a.png", 1,
        )  # fmt: skip
        assert (row.id, sender(row).connection_resource_id, row.user_offset, row.prev_offset) == ("u-1", "one", "1", 0)
        assert (await two.keep(PROFILE, about="")).edition == 2
        row = await one.kept()
        assert (row.name, row.about, row.edition) == ("Alice", "", 2), "a row has all of it"
        again = await one.keep(PROFILE, name="Alice", about="out sailing", avatar="https://example.org/a.png", id="u-1")
        assert again == answer, "a repeat gets the first answer"
        assert (await one.keep(PROFILE, name="Alicia", id="u-1")).code == 409
        await one.send(bob, b"hello")
        await b.message()
        (seen,) = (await b.ask(ASK_PROFILE, to=alice)).users
        assert (seen.eid, seen.name, seen.edition) == (alice, "Alice", 2)
        for stranger, of in ((c, alice), (c, "nobody-" + alice)):
            answer = await stranger.ask(ASK_PROFILE, to=of)
            assert answer.type == RESPONSE and not answer.users, "there or not, it is the same answer"
        too_long = await one.keep(PROFILE, name="x" * 256)
        assert (too_long.type, too_long.code) == (REFUSAL, 422)


# DM-USR-4, BM-QRY-5
# MISSION A12
async def test_an_address_book_is_its_owners_and_outlives_a_restart(own_server, names):
    alice, bob = names("alice", "bob")
    async with await Scheme.connect(own_server, alice) as a:
        for number in (3, 1, 2):
            assert (await a.keep(SAVE, user=f"{bob}-{number}", name=f"B{number}")).type == RESPONSE
        assert (await a.keep(FORGET, user=f"{bob}-3")).user_offset == "4"
        assert (await a.keep(FORGET, user=f"{bob}-3")).user_offset == "0", "there is nothing to change"
    await own_server.restart()
    async with await Scheme.connect(own_server, alice) as a, await Scheme.connect(own_server, bob) as b:
        first = await a.ask(ASK_ADDRESS_BOOK, limit=1)
        assert ([(it.eid, it.name) for it in first.users], first.more) == ([(f"{bob}-1", "B1")], True)
        rest = await a.ask(ASK_ADDRESS_BOOK, after_id=f"{bob}-1")
        assert ([(it.eid, it.name) for it in rest.users], rest.more) == ([(f"{bob}-2", "B2")], False)
        assert not (await b.ask(ASK_ADDRESS_BOOK)).users


# DM-BLK-1, DM-BLK-2, BM-ERR-1
# MISSION B8
async def test_a_blocked_user_is_refused_and_neither_sees_the_other(server, names):
    alice, bob = names("alice", "bob")
    async with (
        await Scheme.connect(server, alice) as a,
        await Scheme.connect(server, bob) as b,
        await Walkie.connect(server, bob) as radio,
        await Walkie.connect(server, alice) as listener,
    ):
        await a.send(bob, b"hello")
        await b.message()
        await radio.get(TEXT)
        assert (await a.keep(BLOCK, user=bob)).type == RESPONSE
        assert [it.eid for it in (await a.ask(ASK_BLOCKED)).users] == [bob]
        await a.watched(), await b.watched()
        refused = await b.refused(await b.post(alice, b"let me in"))
        assert (refused.code, refused.error) == (445, "this user takes no messages from you")
        # VoicePing has no word for it.
        await radio.say(PRIVATE, TEXT, bob, alice, {"text": "let me in"})
        await radio.say(PRIVATE, START, bob, alice, 1)
        await radio.get(START_ACK)
        await radio.say(PRIVATE, AUDIO, bob, alice, b"\x01")
        await radio.say(PRIVATE, STOP, bob, alice)
        await radio.fence()
        assert not any(frame[1] == TEXT_ACK for frame in radio.frames)
        # Live words: typing neither way, calls not to who blocks.
        await b.live(TYPING, to=alice), await b.live(CALLING, to=alice), await a.live(TYPING, to=bob)
        await b.ping("p"), await a.ping("p")
        await b.aware(AWAY), await b.ping("q")
        assert await a.rest() == [] and await b.rest() == []
        assert (await a.watched(), await b.watched()) == ([], [])
        await listener.fence()
        assert not [frame for frame in listener.frames if frame[1] in (START, AUDIO, STOP, TEXT)]
        assert not (await b.ask(ASK_PROFILE, to=alice)).users
        assert (await a.keep(UNBLOCK, user=bob)).type == RESPONSE
        await b.send(alice, b"thank you")
        assert (await a.message()).payload == b"thank you"
        assert await told_of(a, bob) == AWAY, "as he is now"


# DM-USR-5, BM-QRY-5
# MISSION A12
async def test_a_device_that_is_removed_is_logged_out(own_server, names):
    alice, bob = names("alice", "bob")
    for device in ("one", "lost"):
        await (await Scheme.connect(own_server, alice, device=device)).hang_up()
    # A server that ends has written down who was seen.
    await own_server.restart()
    async with await Scheme.connect(own_server, alice, device="one") as one:
        lost = await Scheme.connect(own_server, alice, device="lost")
        by_name = {it.device: it for it in (await one.ask(ASK_DEVICES)).devices}
        assert set(by_name) == {"one", "lost"} and not by_name["lost"].push and not by_name["lost"].logged_out
        assert 0 < by_name["one"].first_seen <= by_name["one"].last_seen
        assert (await one.keep(REMOVE_DEVICE, device="lost")).type == RESPONSE
        await lost.closed()
        assert [it.device for it in (await one.ask(ASK_DEVICES)).devices] == ["one"]
        async with await Scheme.connect(own_server, bob) as b:
            assert "one" not in [it.device for it in (await b.ask(ASK_DEVICES)).devices], "each sees their own"


# DM-USR-6, DM-SES-7
# MISSION A7
async def test_when_somebody_was_seen_outlives_a_restart_and_silence_ends_by_dialect(tmp_path, names):
    alice, bob = names("alice", "bob")
    times = ["--bimip-idle", "1s", "--voiceping-idle", "60s"]
    server = await Server(tmp_path / "data", tmp_path / "log", *times).start()
    try:
        async with await Scheme.connect(server, alice) as a:
            await a.send(bob, b"hello")
            b = await Scheme.connect(server, bob, by="tcp")
            assert b.welcome.heartbeat_ms <= 1000 // 3
            while await told_of(a, bob) != OFFLINE:
                pass
        await server.restart()
        async with await Scheme.connect(server, alice) as a:
            (seen,) = (await a.ask(ASK_PROFILE, to=bob)).users
            assert seen.last_seen > 1763652000000
    finally:
        await server.terminate()


async def told_of(client, user):
    """The next status of a user."""
    frame = await client.take(lambda frame: any(sender(it).eid == user for it in presences(frame)), f"a word of {user}")
    return next(it.status for it in presences(frame) if sender(it).eid == user)
