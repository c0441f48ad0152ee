"""Every route of bimip.v1 in both directions, and what is refused."""

import base64

from vectors import ANYTHING

A, B = "alice", "bob"
PHONE = {"eid": A, "connection_resource_id": "phone"}
TABLET = {"eid": B, "connection_resource_id": "tablet"}
NOW = 1763652000000
ID = "000001o0000000000110"
ALIAS = "1_17_bob_alice_1763652000000.txt"
HELLO, TALK = "aGVsbG8=", "eyJraW5kIjoidm9pY2UiLCJkdXJhdGlvbl9tcyI6MzEyMH0="
PING = dict(route=3, ping_pong=dict(id="p-1", type=1, timestamp=NOW, **{"from": PHONE}))
# BM-ERR-1
CODES = dict(malformed=400, refused=401, not_yourself=403, unknown=404, out_of_place=405, too_long=413, mismatched=421,
             field=422, missing=428, unsupported=501)  # fmt: skip
REFUSALS = dict(not_yourself=403, no_such_message=404, conflict=409, too_large=413, busy=429, not_member=442, full=471,
                unsupported=501, unavailable=503)  # fmt: skip

# For developers; programs do not read them (BM-ERR-1).
SENTENCES = dict(not_yourself="from is not the signed-in user", no_such_message="no such message for this user",
                 conflict="this client id was used for another message", too_large="the message is too large",
                 busy="busy, try again", not_member="not a member of this group", full="no room for another member",
                 unsupported="not supported", unavailable="unavailable, try again")  # fmt: skip


def client(name, say, answer=None, user=A, **more):
    made = dict(name=name, direction="client-to-server", user=user, say=say, **more)
    return made if answer is None else dict(made, answer=answer)


def fault(word, origin, **more):
    """What the server says to a frame that is none."""
    said = dict(code=CODES[word], **({"error_origin": origin} if origin else {}))
    return {"route": "11", "error": dict(said, **more)}


def named(say):
    """What a frame calls itself, if that can be read: then its refusal says so (BM-FRAME-2)."""
    if isinstance(say, str) or say.get("route") not in (6, 7, 17, 18, 19, 20, 21):
        return None
    part = say.get({6: "message", 7: "signal", 17: "revision", 18: "query", 19: "group", 20: "user", 21: "reaction"}[say["route"]], {})
    return part.get("id") if 1 <= len(part.get("id", "").encode()) <= 128 else None


def bad(name, say, error, note, answer=None, **more):
    """`error` is the word and the route; the answer follows from the table of BM-ERR-1."""
    word, origin = error.split()
    id = named(say)
    if answer is None and id and more.get("signed_in") != "no":
        refusal = dict(type=3, code=CODES[word], error=ANYTHING, id=id)
        word_of = {17: "revision", 18: "query", 19: "group", 20: "user", 21: "reaction"}
        route = say.get("route") if say.get("route") in word_of else 7
        answer = [{"route": str(route), word_of.get(route, "signal"): refusal}]
    made = client(name, say, [fault(word, int(origin))] if answer is None else answer, error=error, note=note, **more)
    if isinstance(say, str):
        made["hex"] = made.pop("say")
    return made


def refused(name, say, word, status=1, id=None, **more):
    """A frame that can be read, and that the server refuses by a Signal of type 3."""
    stated = {} if status is None else dict(status=status)
    signal = dict(type=3, **stated, code=REFUSALS[word], error=ANYTHING, **({"id": id} if id else {}))
    return client(name, say, [{"route": "7", "signal": signal}], error=f"{word} {say['route']}", **more)


def server(name, say, note=None, user=A):
    made = dict(name=name, direction="server-to-client", user=user, say=say)
    return dict(made, note=note) if note else made


def draft(id, to=B, **more):
    """A draft; what is given as None is left out."""
    made = dict(id=id, to={"eid": to}, type=1, timestamp=NOW, payload=HELLO, status=1, **{"from": PHONE})
    made.update(more)
    return dict(route=6, message={key: value for key, value in made.items() if value is not None})


def acked(id):
    return [{"route": "7", "signal": dict(id=id, type=2, status=1, signal_id=ANYTHING, signal_offset=ANYTHING,
                                          user_offset=ANYTHING, timestamp=ANYTHING, to=ANYTHING, **{"from": PHONE})}]  # fmt: skip


def word(status, **more):
    return dict(route=7, signal=dict(dict(type=1, status=status, timestamp=NOW, **{"from": PHONE}), **more))


def noted(status, **more):
    return [{"route": "7", "signal": dict(type=2, status=status, **more)}]


def row(offset, prev, **more):
    made = dict(id="c-1", signal_id=ID, to={"eid": B}, type=1, timestamp=NOW, payload=HELLO, status=1, signal_offset="66",
                user_offset=str(offset), conversation="d:alice:bob", conversation_seq=3, prev_offset=prev,
                server_time=NOW + 5, **{"from": PHONE})  # fmt: skip
    made.update(more)
    return dict(route=6, message={key: value for key, value in made.items() if value is not None})


def event(status, **more):
    return dict(route=7, signal=dict(dict(id="c-1", status=status, timestamp=NOW, to=PHONE, type=4, signal_id=ID,
                                          **{"from": TABLET}), **more))  # fmt: skip


def refusal(status, name, id=None, signal_id=None, retry=None):
    made = dict(status=status, to=PHONE, type=3, error=SENTENCES[name], code=REFUSALS[name])
    for key, value in (("id", id), ("signal_id", signal_id), ("retry_after_ms", retry)):
        if value:
            made[key] = value
    return dict(route=7, signal=made)


def revision(**more):
    """A client's; what is given as None is left out."""
    made = dict(dict(type=1, id="e-1", signal_id=ID, action=1, payload=HELLO, **{"from": PHONE}), **more)
    return dict(route=17, revision={key: value for key, value in made.items() if value is not None})


def reaction(**more):
    """A client's; what is given as None is left out."""
    made = dict(dict(type=1, id="x-1", signal_id=ID, action=1, emoji="👍", **{"from": PHONE}), **more)
    return dict(route=21, reaction={key: value for key, value in made.items() if value is not None})


def reacted(offset, prev, **more):
    """A row."""
    row = dict(type=4, **{"from": TABLET}, edition=7, count=2, conversation="d:alice:bob", conversation_seq=3,
               user_offset=str(offset), prev_offset=prev, message_id="c-1", server_time=NOW)  # fmt: skip
    return reaction(**dict(row, **more))


def content(text):
    """A payload that is JSON."""
    return base64.b64encode(text.encode()).decode()


def query(**more):
    """A client's question; what is given as None is left out."""
    made = dict(dict(type=1, id="q-1", **{"from": PHONE}), **more)
    return dict(route=18, query={key: value for key, value in made.items() if value is not None})


def group(**more):
    """A client's; what is given as None is left out."""
    made = dict(dict(type=1, id="g-1", group="team", **{"from": PHONE}), **more)
    return dict(route=19, group={key: value for key, value in made.items() if value is not None})


def changed(offset, prev, action, **more):
    """A row."""
    row = dict(type=4, action=action, **{"from": TABLET}, title="Team", about="", open=False, post=1, edition=2, members=3,
               user_offset=str(offset), prev_offset=prev, server_time=NOW)  # fmt: skip
    return group(**dict(row, **more))


def found(**more):
    """A message as history has it."""
    message = row(0, None)["message"]
    del message["user_offset"]
    if "payload" in more:
        message["payload"] = more.pop("payload")
    made = {key: value for key, value in message.items() if value is not None}
    return dict(dict(message=made), **more)


def answered(ask, rows, **more):
    return dict(route=18, query=dict(dict(type=2, id="q-1", ask=ask, rows=rows), **more))


def progress(**more):
    """How far a message got."""
    return dict(dict(signal_id=ID, id="c-1", **{"from": PHONE}, to=dict(eid="team"), conversation="g:team", conversation_seq=3,
                     server_time=NOW), **more)  # fmt: skip


def reached(device, state, **more):
    return dict(dict(connection_resource_id=device, state=state), **more)


def revised(offset, prev, **more):
    """A row."""
    row = dict(type=4, **{"from": TABLET}, edition=1, conversation="d:alice:bob", conversation_seq=3, user_offset=str(offset),
               prev_offset=prev, message_id="c-1", server_time=NOW)  # fmt: skip
    return revision(**dict(row, **more))


def token(**more):
    return dict(route=5, token_authority=dict(dict(to=PHONE, token=A, type=1, task=3, timestamp=NOW), **more))


def logout(**more):
    return dict(route=12, logout=dict(dict(to=PHONE, type=1, status=4, timestamp=NOW, scope=1), **more))


WELCOMED = [{"route": "16", "welcome": dict(epoch=ANYTHING, connection_id=ANYTHING, window=256, dedup_days=ANYTHING)}]
GOODBYE = [{"route": "12", "logout": dict(type=2, status=1, scope=2, details="bye")}]
NOT_IN = [fault("refused", 5, details="refused")]
BEFORE = dict(signed_in="no")
HUGE_BYTES = 508 * 1024 + 1


def sized(bytes):
    """A payload of so many bytes."""
    return {"$bin": f"00*{bytes}"}


CLIENT = [
    # Route 5 (BM-AUTH-1).
    client("sign_in", token(), WELCOMED, **BEFORE),
    client("sign_in_without_user", token(to=dict(connection_resource_id="phone")), WELCOMED, **BEFORE),
    client("sign_in_without_device", token(to=None), WELCOMED, note="the device is then `default`", **BEFORE),
    bad("bad_sign_in_as_another", token(to=TABLET), "refused 5", "the token is for alice", NOT_IN, closes=1008, **BEFORE),
    bad("bad_sign_in_without_token", token(token=""), "refused 5", "no token", NOT_IN, closes=1008, **BEFORE),
    bad("bad_sign_in_type", token(type=2), "field 5", "a client's frame is a request", **BEFORE),
    bad("bad_sign_in_task", token(task=9), "field 5", "no such task", **BEFORE),
    bad("bad_message_before_sign_in", draft("early"), "out_of_place 6", "nobody is signed in", **BEFORE),
    bad("bad_ping_before_sign_in", PING, "out_of_place 3", "nobody is signed in", **BEFORE),
    # Route 3.
    client("ping", PING, [{"route": "3", "ping_pong": dict(id="p-1", type=2, timestamp=ANYTHING, **{"from": PHONE})}]),
    client("ping_bare", dict(route=3, ping_pong=dict(type=1)), [{"route": "3", "ping_pong": dict(type=2)}]),
    bad("bad_pong", dict(route=3, ping_pong=dict(id="p-1", type=2)), "field 3", "pongs are the server's"),
    bad("bad_ping_type", dict(route=3, ping_pong=dict(id="p-1")), "field 3", "0 is not there"),
    bad("bad_ping_of_another", dict(route=3, ping_pong=dict(id="p-1", type=1, **{"from": TABLET})), "not_yourself 3",
        "from is not the signed-in user (BM-ID-1)"),
    # Route 6 (BM-SEND-1, BM-ACK-1).
    client("message", draft("c-1"), acked("c-1")),
    client("message_again", draft("c-1"), acked("c-1"), after="message", note="the same id is the same message (DM-DUP-1)"),
    refused("message_conflict", draft("c-1", payload="b3RoZXI="), "conflict", id="c-1", after="message_again",
            note="the same id with another content (DM-DUP-2)"),
    client("message_bare", draft("c-2", status=None, timestamp=None, **{"from": None}), acked("c-2"),
           note="status 0 is 1; who says nothing about who speaks claims nothing"),
    client("message_without_payload", draft("c-3", payload=None), acked("c-3")),
    client("message_notification", draft("c-4", type=2), acked("c-4")),
    client("message_sealed", draft("c-5", payload="/wA=", encryption_type="aes-256", encrypted="iv", signature="sig"),
           acked("c-5")),
    client("message_to_oneself", draft("c-6", to=A), acked("c-6")),
    client("message_to_a_device", draft("c-7", to=None) | {"message": dict(draft("c-7")["message"], to=TABLET)}, acked("c-7"),
           note="the device is a hint, and ignored"),
    client("message_offsets_are_ignored", draft("c-8", signal_id="mine", signal_offset="99", user_offset="007"), acked("c-8")),
    client("message_direct_conversation", draft("c-9", conversation="d:alice:bob"), acked("c-9"), note="BM-GROUP-1"),
    client("message_group", draft("c-10", to="", conversation="g:team"), acked("c-10"), note="BM-GROUP-1"),
    client("message_group_named_twice", draft("c-11", to="team", conversation="g:team"), acked("c-11")),
    client("message_group_encoded", draft("c-12", to="ünit 7", conversation="g:%C3%BCnit%207"), acked("c-12"),
           note="percent-encoded in `conversation`, not in `to`"),
    client("message_id_of_128_bytes", draft("i" * 128), acked("i" * 128)),
    client("message_of_508_kib", draft("c-13", payload=sized(HUGE_BYTES - 1)), acked("c-13")),
    refused("message_of_more_than_508_kib", draft("c-14", payload=sized(HUGE_BYTES)), "too_large", id="c-14"),
    refused("message_of_another", draft("c-15", **{"from": TABLET}), "not_yourself", id="c-15", note="BM-ID-1"),
    refused("message_stranger", draft("c-16", to="", conversation="g:strangers"), "not_member", id="c-16", note="DM-GRP-5"),
    client("message_unknown_field", draft("c-17"), acked("c-17"), behind=b"\xf8\x7f\x01",
           note="field 2047 of a later version is skipped (BM-FRAME-1)"),
    bad("bad_message_seal_over_508_kib", draft("c-18", payload=sized(HUGE_BYTES - 1), signature="s"), "too_long 0",
        "payload and seal together"),
    bad("bad_message_without_id", draft(""), "field 6", "a draft has an id"),
    bad("bad_message_id_of_129_bytes", draft("i" * 129), "field 6", "1 to 128 bytes"),
    bad("bad_message_without_to", draft("c-19", to=None), "field 6", "to whom?"),
    bad("bad_message_to_nobody", draft("c-20", to=""), "field 6", "to whom?"),
    bad("bad_message_type_0", draft("c-21", type=None), "field 6", "1 or 2"),
    bad("bad_message_type_3", draft("c-22", type=3), "field 6", "1 or 2"),
    bad("bad_message_before_1970", draft("c-23", timestamp=-1), "field 6", "timestamp"),
    bad("bad_message_status_13", draft("c-24", status=13), "field 6", "no such status"),
    bad("bad_message_status_negative", draft("c-25", status=-1), "field 6", "no such status"),
    bad("bad_message_from_unreadable", draft("c-26", **{"from": {"eid": "a/b"}}), "field 6", "no user id",
        [fault("field", 6)]),
    bad("bad_message_conversation", draft("c-27", conversation="x"), "field 6", "cannot be read (BM-GROUP-1)"),
    bad("bad_message_conversation_lower_case", draft("c-28", to="", conversation="g:%c3%bc"), "field 6", "upper-case hexadecimal"),
    bad("bad_message_conversation_not_encoded", draft("c-29", to="", conversation="g:a b"), "field 6", "not percent-encoded"),
    bad("bad_message_conversation_of_others", draft("c-30", conversation="d:bob:carol"), "field 6", "alice is not in it"),
    bad("bad_message_conversation_with_another", draft("c-31", to="carol", conversation="d:alice:bob"), "field 6",
        "`to` disagrees"),
    bad("bad_message_group_and_another", draft("c-32", conversation="g:team"), "field 6", "`to` disagrees"),
    bad("bad_message_group_without_name", draft("c-33", to="", conversation="g:"), "field 6", "no group"),
    # Route 7 (BM-DISPOSE-1, BM-MARK-1, BM-MARK-3).
    client("dispose", word(2, user_offset="3"), noted(2), note="answered with where the cursor stands, beyond what was sent or not"),
    client("dispose_zero", word(2, user_offset="0"), noted(2)),
    refused("mark_read", word(3, signal_id=ID), "no_such_message", status=3, note="a store without this message"),
    refused("mark_forwarded", word(4, signal_id=ID), "no_such_message", status=4, note="a store without this message"),
    refused("mark_played", word(5, signal_id=ID), "no_such_message", status=5, note="a store without this message"),
    refused("mark_delivered", word(2, signal_id=ID), "no_such_message", status=2, note="a store without this message"),
    refused("mark_read_by_msgpack_name", word(3, signal_id=ALIAS), "no_such_message", status=3,
            note="a store without this message"),
    refused("mark_read_as_message", dict(route=6, message=dict(status=3, signal_id=ID)), "no_such_message", status=3,
            note="never a new message (BM-MARK-3)"),
    refused("mark_of_another", word(3, signal_id=ID, **{"from": TABLET}), "not_yourself", status=3, note="BM-ID-1"),
    bad("bad_dispose_leading_zero", word(2, user_offset="007"), "field 7", "canonical decimals (BM-FRAME-3)"),
    bad("bad_dispose_plus", word(2, user_offset="+7"), "field 7", "canonical decimals (BM-FRAME-3)"),
    bad("bad_dispose_minus", word(2, user_offset="-1"), "field 7", "canonical decimals (BM-FRAME-3)"),
    bad("bad_dispose_space", word(2, user_offset=" 7"), "field 7", "canonical decimals (BM-FRAME-3)"),
    bad("bad_dispose_hexadecimal", word(2, user_offset="0x7"), "field 7", "canonical decimals (BM-FRAME-3)"),
    bad("bad_dispose_too_large", word(2, user_offset="18446744073709551616"), "field 7", "2⁶⁴"),
    bad("bad_dispose_of_nothing", word(2), "field 7", "neither a row nor a message"),
    bad("bad_mark_without_message", word(3), "field 7", "of which message?"),
    bad("bad_mark_of_no_message", word(3, signal_id="no message id"), "field 7", "of which message?"),
    bad("bad_mark_path", word(3, signal_id="1_17_../a_b_1.txt"), "field 7", "of which message?"),
    bad("bad_signal_status_0", word(0, signal_id=ID), "field 7", "no status"),
    bad("bad_signal_status_1", word(1, signal_id=ID), "field 7", "a client does not say sent"),
    bad("bad_signal_status_13", word(13, signal_id=ID), "field 7", "no such status"),
    bad("bad_signal_type_0", word(3, signal_id=ID, type=0), "field 7", "a client's signal is a request"),
    bad("bad_signal_event", word(3, signal_id=ID, type=4), "field 7", "a client's signal is a request"),
    bad("bad_signal_type_2", word(3, signal_id=ID, type=2), "field 7", "a client's signal is a request"),
    # Route 12 (BM-BYE-2).
    client("logout", logout(scope=0), GOODBYE, closes=1000),
    client("logout_bare", dict(route=12, logout=dict(type=1)), GOODBYE, closes=1000),
    bad("bad_logout_type_2", logout(type=2), "field 12", "results are the server's"),
    bad("bad_logout_scope_4", logout(scope=4), "field 12", "no such scope"),
    bad("bad_logout_of_another", logout(to=TABLET), "not_yourself 12", "to is not the signed-in user (BM-ID-1)"),
    # Routes of the server.
    bad("bad_error_from_a_client", dict(route=11, error=dict(code=400)), "unsupported 11", "a word of servers"),
    bad("bad_welcome_from_a_client", dict(route=16, welcome=dict(epoch=1)), "unsupported 16", "a word of servers"),
    # The envelope (BM-FRAME-1).
    bad("bad_empty_frame", "", "malformed 0", "no frame"),
    bad("bad_not_protobuf", "ffffffff", "malformed 0", "no tag"),
    bad("bad_payload_cut_off", "0803 1a7f 0a03 70", "malformed 0", "the payload is longer than the frame"),
    bad("bad_inside_cut_off", "0803 1a02 0a05", "malformed 0", "a field is longer than the payload"),
    bad("bad_not_utf8", "0803 1a05 0a01ff 1801", "malformed 0", "text that is not UTF-8"),
    bad("bad_wire_type_of_route", "0a0103 1a02 1801", "malformed 0", "the route is no number"),
    bad("bad_wire_type_inside", "0803 1a03 1a0101", "malformed 0", "`type` is no number"),
    bad("bad_nested_groups", "0803 1a02 1801" + " fb7f" * 200 + " fc7f" * 200, "malformed 0", "groups of a later version, too deep"),
    bad("bad_endless_varint", "08 ffffffffffffffffffff7f", "malformed 0", "a number of more than 64 bits"),
    bad("bad_no_route", dict(ping_pong=dict(type=1)), "unknown 0", "route 0"),
    bad("bad_route_1", dict(PING, route=1), "unknown 1", "no such route"),
    bad("bad_route_13", dict(PING, route=13), "unknown 13", "reserved"),
    bad("bad_route_30", dict(PING, route=30), "unknown 30", "no such route"),
    bad("bad_route_99", dict(route=99), "unknown 99", "no such route"),
    bad("bad_route_negative", dict(PING, route=-1), "unknown 0", "no such route, and no number for the answer"),
    bad("bad_route_of_another_payload", dict(PING, route=7), "mismatched 7", "route 7, payload 3"),
    bad("bad_two_payloads", "0803 1a021801 3a021001", "mismatched 3", "payloads 3 and 7"),
    *(bad(f"bad_route_{route}_without_payload", dict(route=route), f"missing {route}", "a route without its payload")
      for route in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 19)),
    bad("bad_frame_over_512_kib", "0803 1a021801 fa7f828020 00*524290", "too_long 0", "the connection is closed",
        [fault("too_long", 0), {"route": "12", "logout": dict(type=2, details="too_long")}], closes=1009),
]  # fmt: skip

def aware(**more):
    return dict(route=2, awareness=dict(dict(id="a-1", type=1, status=1, timestamp=NOW, **{"from": PHONE}), **more))


def live(status, **more):
    made = dict(dict(id="s-1", status=status, timestamp=NOW, to={"eid": B}, type=1, **{"from": PHONE}), **more)
    return dict(route=7, signal={key: value for key, value in made.items() if value is not None})


def place(**more):
    made = dict(dict(id="l-1", to={"eid": B}, latitude=6.5, longitude=3.25, timestamp=NOW, **{"from": PHONE}), **more)
    return dict(route=9, location_stream=made)


def push(**more):
    return dict(route=8, push_notification=dict(dict(id="n-1", timestamp=NOW, **{"from": PHONE}), **more))


def visibility(type, **more):
    return dict(route=4, awareness_visibility=dict(dict(id="v-1", type=type, timestamp=NOW, **{"from": PHONE}), **more))


def body(route, **more):
    return dict(route=10, body=dict(route=route, timestamp=NOW, **more))


LOGGED_OUT = [{"route": "12", "logout": dict(type=2, status=1, scope=2, details="logged_out")}]
LIVE = [(6, "typing"), (7, "recording"), (8, "paused"), (9, "cancelled"), (10, "resumed"), (11, "calling"), (12, "declined")]

# Presence and what else is live (BM-AWARE-1, BM-LIVE-1, BM-LOC-1, BM-VIS-1) is not answered, save visibility.
LIVE_AND_ACCOUNT = [
    *(client(f"awareness_{name}", aware(status=status), [])
      for status, name in enumerate(("online", "offline", "away", "busy", "do_not_disturb"), 1)),
    *(client(f"awareness_{name}", aware(status=status, to={"eid": B}), [])
      for status, name in enumerate(("typing", "recording", "forwarded", "delivered", "read", "resumed"), 6)),
    client("awareness_ttl", aware(status=3, ttl=86400), []),
    client("awareness_location", aware(location_sharing=1, latitude=6.5, longitude=-3.25), []),
    client("awareness_location_not_shared", aware(location_sharing=2, latitude=999.0), [], note="a place counts only where it is shared"),
    bad("bad_awareness_sent", aware(status=12), "field 2", "the server says that"),
    bad("bad_awareness_status_0", aware(status=0), "field 2", "no status"),
    bad("bad_awareness_typing_to_nobody", aware(status=6), "field 2", "to whom?"),
    bad("bad_awareness_type_2", aware(type=2), "field 2", "a client's presence is type 1"),
    bad("bad_awareness_ttl_negative", aware(ttl=-1), "field 2", "0 to 86 400 seconds"),
    bad("bad_awareness_ttl_of_more_than_a_day", aware(ttl=86401), "field 2", "0 to 86 400 seconds"),
    bad("bad_awareness_off_earth", aware(location_sharing=1, latitude=91.0), "field 2", "no such place"),
    bad("bad_awareness_of_another", aware(**{"from": TABLET}), "not_yourself 2", "BM-ID-1"),
    *(client(f"signal_{name}", live(status), []) for status, name in LIVE),
    client("signal_typing_in_a_group", live(6, to=None, conversation="g:team"), []),
    refused("signal_stranger", live(6, to=None, conversation="g:strangers"), "not_member", status=None, id="s-1", note="BM-LIVE-1"),
    bad("bad_signal_typing_to_nobody", live(6, to=None), "field 7", "to whom?"),
    client("location", place(), []),
    client("location_altitude", place(altitude=0.0), [], note="an altitude of 0 is on the wire: the field is optional"),
    bad("bad_location_off_earth", place(longitude=181.0), "field 9", "no such place"),
    bad("bad_location_to_nobody", place(to={"eid": ""}), "field 9", "to whom?"),
    client("visibility_off", visibility(2), [{"route": "4", "awareness_visibility": dict(id="v-1", type=2)}]),
    client("visibility_on", visibility(1), [{"route": "4", "awareness_visibility": dict(id="v-1", type=1)}], after="visibility_off"),
    bad("bad_visibility_type_3", visibility(3), "field 4", "1 or 2"),
    # Several at once (BM-BATCH-1).
    client("body_of_messages", body(6, message=[draft("b-1")["message"], draft("b-2")["message"]]), acked("b-1") + acked("b-2")),
    client("body_of_presences", body(2, awareness_list=[aware()["awareness"], aware(status=3)["awareness"]]), []),
    bad("bad_body_with_a_bad_part", body(6, message=[draft("b-3")["message"], draft("")["message"]]), "field 6",
        "none of it is carried out"),
    bad("bad_body_of_other_parts", body(6, awareness_list=[aware()["awareness"]]), "field 10", "the parts are not of the route"),
    bad("bad_body_of_signals", body(7), "field 10", "messages and presences only"),
    # Push (BM-PUSH-1, BM-PUSH-2).
    client("push_register", push(type="fcm", payload=HELLO), [{"route": "8", "push_notification": dict(id="n-1", type="registered")}]),
    client("push_remove", push(type="fcm"), [{"route": "8", "push_notification": dict(id="n-1", type="removed")}], after="push_register"),
    client("push_to_another", push(id="n-2", to={"eid": B}, payload=HELLO), acked("n-2"), note="a message of type 2"),
    bad("bad_push_to_another_with_a_service", push(to={"eid": B}, type="fcm", payload=HELLO), "field 8", "`type` is empty"),
    bad("bad_push_of_more_than_4_kib", push(type="fcm", payload={"$bin": "00*4096"}), "field 8", "service and token together"),
    # Tokens (BM-TOKEN-1): on a server where the token is the name, so that it is good for ever and cannot be revoked.
    client("token_refresh", token(task=1), [{"route": "5", "token_authority": dict(type=2, task=1, token=A)}]),
    client("token_validate", token(task=3), [{"route": "5", "token_authority": dict(type=2, task=3)}]),
    bad("token_revoke", token(task=2), "unsupported 5", "names cannot be revoked"),
    bad("bad_token_refresh_of_nothing", token(task=1, token=""), "field 5", "which token?"),
    # Questions (BM-QRY-1, BM-QRY-2): about conversations in which nobody wrote.
    *(client(name, say, [{"route": "18", "query": dict(type=2, id="q-1", ask=ask)}])
      for name, say, ask in [
        ("query_history", query(ask=1, to=dict(eid="zoe"), limit=50), 1),
        ("query_history_before", query(ask=1, conversation="g:team", before=8), 1),
        ("query_history_after", query(ask=1, to=dict(eid="zoe"), after=0), 1),
        ("query_conversation", query(ask=2, to=dict(eid="zoe")), 3),
        ("query_conversations", query(ask=3, before_id=ID, limit=20), 3),
    ]),
    *(client(name, say, [{"route": "18", "query": dict(type=2, id="q-1", ask=4)}], note="of a message that nobody wrote")
      for name, say in [
        ("query_status", query(ask=4, signal_id=ID)),
        ("query_status_next_page", query(ask=4, signal_id=ID, after_user="carl", limit=20)),
        ("query_status_by_msgpack_name", query(ask=4, signal_id="1_17_bob_alice_1763652000000.txt")),
    ]),
    bad("bad_query_ask_99", query(ask=99), "field 18", "what?"),
    bad("bad_query_status_of_nothing", query(ask=4), "field 18", "which message?"),
    bad("bad_query_two_ends", query(ask=1, to=dict(eid="bob"), before=8, after=3), "field 18", "before or after?"),
    bad("bad_query_of_nobody", query(ask=1), "field 18", "which conversation?"),
    bad("bad_query_without_id", query(id=None, ask=1, to=dict(eid="bob")), "field 18", "whose answer?"),
    # Revisions (BM-REV-1, BM-REV-2): of a message that nobody wrote.
    *(client(name, say, [{"route": "17", "revision": dict(type=3, id="e-1", code=404, error=SENTENCES["no_such_message"])}])
      for name, say in [
        ("revise_edit", revision()),
        ("revise_edit_sealed", revision(encryption_type="olm", encrypted="1", signature="s")),
        ("revise_edit_to_nothing", revision(payload=None)),
        ("revise_delete", revision(action=2, payload=None)),
        ("revise_by_alias", revision(signal_id=ALIAS)),
    ]),
    # Reactions (BM-RCT-1, BM-RCT-2): to a message that nobody wrote.
    *(client(name, say, [{"route": "21", "reaction": dict(type=3, id="x-1", code=404, error=SENTENCES["no_such_message"])}])
      for name, say in [
        ("react", reaction()),
        ("react_with_a_shortcode", reaction(emoji=":party_parrot:")),
        ("react_by_alias", reaction(signal_id=ALIAS)),
        ("react_taken_back", reaction(action=2)),
        ("react_with_64_bytes", reaction(emoji="e" * 64)),
    ]),
    bad("bad_react_without_id", reaction(id=""), "field 21", "whose answer?"),
    bad("bad_react_to_no_message", reaction(signal_id=""), "field 21", "to which message?"),
    bad("bad_react_without_action", reaction(action=None), "field 21", "set or taken back?"),
    bad("bad_react_action_3", reaction(action=3), "field 21", "set or taken back?"),
    bad("bad_react_without_emoji", reaction(emoji=None), "field 21", "with what?"),
    bad("bad_react_with_65_bytes", reaction(emoji="e" * 65), "field 21", "1 to 64 bytes"),
    bad("bad_react_with_a_control_character", reaction(emoji="a\nb"), "field 21", "no control characters"),
    bad("bad_react_type_2", reaction(type=2), "field 21", "a server's word"),
    # Kinds (BM-KIND-1, CT-JSON-1).
    *(client(f"kind_{name}", draft(f"k-{kind}", kind=kind, payload=content(json)), acked(f"k-{kind}"))
      for kind, name, json in [
        (1, "text", '{"text":"hello @bob","mentions":[{"user_id":"bob","offset":6,"length":4}],"reply_to":"%s"}' % ID),
        (2, "image", '{"attachments":[{"url":"https://files.example/1.jpg","kind":"image","mime":"image/jpeg","size":9}]}'),
        (3, "video", '{"text":"look","attachments":[{"url":"/files/2","kind":"video","duration_ms":1200}]}'),
        (4, "audio", '{"attachments":[{"url":"/files/3","kind":"file","name":"song.ogg"}]}'),
        (5, "voice", '{"attachments":[{"url":"/files/4","kind":"voice","duration_ms":3120}]}'),
        (6, "circle_video", '{"attachments":[{"url":"/files/5","kind":"circle_video"}]}'),
        (7, "sticker", '{"attachments":[{"url":"/files/6","kind":"sticker"}],"pack":"cats"}'),
    ]),
    client("kind_sealed", draft("k-8", kind=7, payload="/wA=", encryption_type="mls"), acked("k-8"),
           note="what is encrypted is not looked at"),
    bad("bad_kind_of_no_json", draft("k-9", kind=1), "field 6", "the payload is `hello`"),
    bad("bad_kind_without_text", draft("k-10", kind=1, payload=content("{}")), "field 6", "a text says something"),
    bad("bad_kind_sticker_with_text", draft("k-11", kind=7, payload=content('{"text":"x","attachments":[{"url":"/s","kind":"sticker"}]}')),
        "field 6", "a sticker stands alone"),
    bad("bad_kind_image_of_a_file", draft("k-12", kind=2, payload=content('{"attachments":[{"url":"/s","kind":"file"}]}')),
        "field 6", "a file is no image"),
    bad("bad_kind_mention_outside", draft("k-13", kind=1, payload=content('{"text":"x","mentions":[{"user_id":"bob","offset":0,"length":2}]}')),
        "field 6", "the text has one code point"),
    bad("bad_kind_url", draft("k-14", kind=2, payload=content('{"attachments":[{"url":"javascript:x","kind":"image"}]}')),
        "field 6", "nothing that is fetched"),
    bad("bad_kind_8", draft("k-15", kind=8, payload=content('{"text":"x"}')), "field 6", "only the server makes talks"),
    bad("bad_kind_99", draft("k-16", kind=99, payload=content('{"text":"x"}')), "field 6", "no such kind"),
    bad("bad_kind_of_a_notification", draft("k-17", kind=1, type=2, payload=content('{"text":"x"}')), "field 6", "it has none"),
    client("revise_edit_of_a_kind", revision(kind=1, payload=content('{"text":"hi"}')),
           [{"route": "17", "revision": dict(type=3, id="e-1", code=404, error=SENTENCES["no_such_message"])}]),
    bad("bad_revise_of_a_kind", revision(kind=7, payload=content('{"text":"hi"}')), "field 17", "no sticker"),
    bad("bad_revise_delete_with_kind", revision(action=2, payload=None, kind=1), "field 17", "a deletion says nothing"),
    # Groups (BM-GRP-1, BM-GRP-2, BM-GRP-4): of one that does not exist.
    *(client(name, group(**say), [{"route": "19", "group": dict(type=3, id="g-1", code=442, error=SENTENCES["not_member"])}])
      for name, say in [
        ("group_edit", dict(action=2, title="Team", about="all of us", open=True, post=2)),
        ("group_edit_nothing", dict(action=2)),
        ("group_edit_title_to_nothing", dict(action=2, title="")),
        ("group_delete", dict(action=3)),
        ("group_add", dict(action=4, users=[B, "carl"])),
        ("group_remove", dict(action=5, users=[B])),
        ("group_role", dict(action=6, users=[B], role=2)),
        ("group_ban", dict(action=7, users=[B])),
        ("group_unban", dict(action=8, users=[B])),
    ]),
    client("group_create", group(action=1, title="Team", about="all of us", open=True, post=2, users=[B, "carl"]),
           [{"route": "19", "group": dict(type=2, id="g-1", edition=1, user_offset="1")}]),
    client("group_join", group(action=9, id=None), [{"route": "19", "group": dict(type=2, group="team", action=9)}]),
    client("group_leave", group(action=10, id=None), [{"route": "19", "group": dict(type=2, group="team", action=10)}]),
    bad("bad_group_without_id", group(action=3, id=""), "field 19", "whose answer?"),
    bad("bad_group_without_name", group(action=3, group=""), "field 19", "which group?"),
    bad("bad_group_with_a_path", group(action=3, group="a/b"), "field 19", "not a group's name (DM-ID-1)"),
    bad("bad_group_without_action", group(action=None), "field 19", "what about it?"),
    bad("bad_group_action_11", group(action=11), "field 19", "what about it?"),
    bad("bad_group_post_3", group(action=2, post=3), "field 19", "who may post?"),
    bad("bad_group_remove_nobody", group(action=5), "field 19", "whom?"),
    bad("bad_group_remove_two", group(action=5, users=[B, "carl"]), "field 19", "whom?"),
    bad("bad_group_role_0", group(action=6, users=[B]), "field 19", "which role?"),
    bad("bad_group_type_2", group(type=2, action=3), "field 19", "a server's word"),
    bad("bad_revise_without_id", revision(id=""), "field 17", "whose answer?"),
    bad("bad_revise_of_no_message", revision(signal_id=""), "field 17", "which message?"),
    bad("bad_revise_without_action", revision(action=None), "field 17", "edit or delete?"),
    bad("bad_revise_action_3", revision(action=3), "field 17", "edit or delete?"),
    bad("bad_revise_delete_with_payload", revision(action=2), "field 17", "a deletion says nothing"),
    bad("bad_revise_delete_with_seal", revision(action=2, payload=None, signature="s"), "field 17", "a deletion says nothing"),
    bad("bad_revise_type_2", revision(type=2), "field 17", "a server's word"),
    # Logging out (BM-LOGOUT-1, BM-LOGOUT-2).
    client("logout_device", logout(), LOGGED_OUT, closes=1000),
    client("logout_this_device", logout(to=dict(eid=A)), LOGGED_OUT, closes=1000),
    client("logout_session", logout(scope=2), LOGGED_OUT, closes=1000),
    client("logout_account", logout(scope=3), LOGGED_OUT, closes=1000),
    client("logout_another_device", logout(to=dict(eid=A, connection_resource_id="lost")),
           [{"route": "12", "logout": dict(type=2, status=3, scope=1, to=dict(eid=A, connection_resource_id="lost"))}]),
]  # fmt: skip

def told(**more):
    return dict(dict(type=2, status=1, location_sharing=2, timestamp=NOW, **{"from": TABLET}), **more)


WELCOME = dict(epoch=3000000001, resume_from=4, head=9, window=256, heartbeat_ms=54000, server_time=NOW,
               connection_id="17", features=["dispose", "receipts", "notifications", "presence", "tokens", "push", "revisions", "queries", "groups", "users", "reactions", "kinds", "status"], first=1, dedup_days=7)  # fmt: skip

SERVER = [
    server("welcome", dict(route=16, welcome=WELCOME), "first frame of a session (BM-WELCOME-1)"),
    server("welcome_new_mailbox", dict(route=16, welcome=dict(WELCOME, resume_from=0, head=0, first=1))),
    server("pong", dict(route=3, ping_pong=dict(id="p-1", type=2, timestamp=NOW, **{"from": PHONE}))),
    server("ack", dict(route=7, signal=dict(id="c-1", signal_offset="66", user_offset="5", status=1, timestamp=NOW, to={"eid": B},
                                            type=2, signal_id=ID, **{"from": PHONE})), "BM-ACK-1"),
    server("ack_group", dict(route=7, signal=dict(id="c-1", signal_offset="66", user_offset="5", status=1, timestamp=NOW,
                                                  to={"eid": "team"}, type=2, signal_id=ID, **{"from": PHONE})), "BM-GROUP-2"),
    *(server(f"refused_{name}", refusal(1, name, id="c-1"), "BM-ACK-2")
      for name in ("not_yourself", "conflict", "too_large", "not_member", "full", "unsupported")),
    *(server(f"refused_{name}", refusal(1, name, id="c-1", retry=1000), "trying again may help (BM-ACK-2)")
      for name in ("busy", "unavailable")),
    # Rows (BM-DELIVER-1).
    server("deliver", row(9, 8), user=B),
    server("deliver_first", row(1, 0, conversation_seq=1), user=B),
    server("deliver_after_a_gap", row(12, 9), "rows 10 and 11 are of this device itself: prev_offset says so", B),
    server("deliver_notification", row(9, 8, type=2), user=B),
    server("deliver_sealed", row(9, 8, payload="/wA=", encryption_type="aes-256", encrypted="iv", signature="sig"), user=B),
    server("deliver_to_oneself", row(9, 8, to={"eid": A}, conversation="d:alice:alice")),
    server("deliver_to_another_device", row(9, 8), "alice's other devices see what she sent"),
    server("deliver_group", row(9, 8, to={"eid": "team"}, conversation="g:team"), "BM-GROUP-2", B),
    server("deliver_group_encoded", row(9, 8, to={"eid": "ünit 7"}, conversation="g:%C3%BCnit%207"), "BM-GROUP-2", B),
    server("deliver_without_client_id", row(9, 8, id=None, timestamp=NOW + 5, payload="eyJ0ZXh0IjoiaGVsbG8ifQ=="),
           "a text of a msgpack client (BM-BODY-1); the time is the server's", B),
    server("deliver_recorded_talk", row(9, 8, id=None, timestamp=NOW + 5, payload=TALK), "BM-BODY-1", B),
    server("deliver_large_numbers", row(2**64 - 1, 2**64 - 2, conversation_seq=2**53 + 1), "numbers beyond 2⁵³", B),
    # Receipts (BM-DELIVER-2).
    *(server(f"event_{name}", event(status, user_offset="10", prev_offset=9))
      for status, name in [(2, "delivered"), (3, "read"), (4, "forwarded"), (5, "played")]),
    server("event_part", event(2), "a part of a row: the last frame of the row has its place (BM-DELIVER-2)"),
    server("event_of_msgpack_reader", event(2, id="", user_offset="10", prev_offset=9, signal_id=ALIAS),
           "by the msgpack name, where nothing else is known"),
    # Answers to words about messages.
    server("disposed", dict(route=7, signal=dict(user_offset="3", status=2, to=PHONE, type=2)), "BM-DISPOSE-1"),
    *(server(f"marked_{name}", dict(route=7, signal=dict(status=status, to=PHONE, type=2, signal_id=ID)), "BM-MARK-2")
      for status, name in [(2, "delivered"), (3, "read"), (4, "forwarded"), (5, "played")]),
    server("mark_refused", refusal(3, "no_such_message", signal_id=ID), "BM-MARK-2"),
    server("mark_refused_for_now", refusal(3, "unavailable", signal_id=ID, retry=1000), "BM-MARK-2"),
    # Errors (BM-ERR-1) and goodbyes (BM-BYE-1).
    *(server(f"error_{code}", dict(route=11, error=dict(code=code, error_origin=6, details=name)))
      for name, code in CODES.items() if name not in ("refused", "malformed", "too_long")),
    *(server(f"error_{CODES[name]}", dict(route=11, error=dict(code=CODES[name], details=name))) for name in ("malformed", "too_long")),
    server("error_of_a_later_server", dict(route=11, error=dict(code=599, error_origin=6, details="?")),
           "an unknown code is read by its class"),
    *(server(f"sign_in_{details}", dict(route=11, error=dict(code=401, error_origin=5, details=details)))
      for details in ("refused", "sign_in_timeout")),
    *(server(f"bye_{details}", dict(route=12, logout=dict(to=PHONE, type=2, status=1, details=details, scope=2)))
      for details in ("bye", "replaced", "expired", "too_long", "strikes", "idle", "slow", "going_away", "unavailable",
                      "revoked", "logged_out")),
    server("bye_of_a_later_server", dict(route=12, logout=dict(to=PHONE, type=2, status=1, details="moved", scope=2)),
           "an unknown word is a goodbye all the same"),
    # What is live, and the account.
    server("presence", dict(route=2, awareness=told(status=3, ttl=120)), "BM-AWARE-2"),
    server("presence_with_location", dict(route=2, awareness=told(location_sharing=1, latitude=6.5, longitude=-3.25, ttl=120))),
    server("presence_offline", dict(route=2, awareness=told(status=2))),
    server("presences", dict(route=10, body=dict(route=2, awareness_list=[told(ttl=120), told(status=4)])), "BM-AWARE-3"),
    *(server(f"live_{name}", dict(route=7, signal=dict(id="s-1", status=status, timestamp=NOW, to={"eid": A}, type=4,
                                                       **{"from": TABLET}))) for status, name in LIVE),
    server("live_typing_in_a_group", dict(route=7, signal=dict(status=6, timestamp=NOW, to={"eid": "team"}, type=4,
                                                               conversation="g:team", **{"from": TABLET})), "BM-LIVE-1"),
    server("position", dict(route=9, location_stream=dict(id="l-1", to={"eid": A}, latitude=6.5, longitude=3.25, altitude=0.0,
                                                          timestamp=NOW, **{"from": TABLET})), "BM-LOC-1"),
    *(server(f"visible_{name}", dict(route=4, awareness_visibility=dict(id="v-1", type=type, **{"from": PHONE})), "BM-VIS-1")
      for type, name in [(1, "on"), (2, "off")]),
    server("token_refreshed", dict(route=5, token_authority=dict(to=PHONE, token="new", type=2, task=1, expires=NOW)), "BM-TOKEN-1"),
    server("token_revoked", dict(route=5, token_authority=dict(to=PHONE, type=2, task=2, expires=NOW)), "BM-TOKEN-1"),
    server("token_valid", dict(route=5, token_authority=dict(to=PHONE, type=2, task=3, expires=NOW)), "BM-TOKEN-1"),
    server("token_not_valid", dict(route=11, error=dict(code=498, error_origin=5, details="the token is not valid")), "BM-ERR-2"),
    *(server(f"push_{word}", dict(route=8, push_notification=dict(id="n-1", to=PHONE, type=word)), "BM-PUSH-1")
      for word in ("registered", "removed")),
    server("revised", dict(route=17, revision=dict(type=2, id="e-1", edition=2, user_offset="9")), "BM-REV-2"),
    server("revision_refused", dict(route=17, revision=dict(type=3, id="e-1", code=410, error="the message is deleted")), "BM-REV-2"),
    server("revision_refused_for_now", dict(route=17, revision=dict(type=3, id="e-1", code=503, error="unavailable, try again",
                                                                     retry_after_ms=1000)), "BM-REV-2"),
    server("query_answered", answered(1, [found(marks=3), found(edition=2, payload=HELLO), found(deleted=True, payload=None, edition=1)],
                                      more=True), "BM-QRY-2: as they are now"),
    server("query_answered_with_reactions", answered(1, [found(reaction_edition=7, reactions=[
        dict(emoji="👍", count=12, mine=True, users=[A, B]), dict(emoji=":tada:", count=1)])]), "BM-RCT-4"),
    server("query_answered_with_nothing", answered(1, []), "BM-QRY-2"),
    server("query_answered_conversations", answered(3, [found(messages=9, read=2, unread=6, unread_deleted=[3])]), "BM-QRY-2"),
    server("query_answered_status", answered(4, [], status=progress(status=1, recipients=3, delivered=1, first_delivered_at=NOW),
           recipients=[
        dict(user=B, status=2, marks=1, delivered_at=NOW, devices=[
            reached("pc", 7, at=NOW), reached("phone", 1, connected_at=NOW), reached("tablet", 2, at=NOW, connected_at=NOW)]),
        dict(user="carl", status=0, devices=[reached("old", 6, at=NOW), reached("phone", 4, rows_before=300, connected_at=NOW)]),
        dict(user="dora", reason=4),
    ], more=True), "BM-QRY-4"),
    server("query_answered_status_of_nothing", answered(4, []), "BM-QRY-4"),
    server("query_answered_status_untold", answered(4, [], status=progress(recipients=1, deleted=True),
           recipients=[dict(user=B, reason=1, untold=True)]), "BM-QRY-4"),
    server("query_refused", dict(route=18, query=dict(type=3, id="q-1", code=REFUSALS["busy"], error=SENTENCES["busy"],
                                                      retry_after_ms=1000)), "BM-QRY-3"),
    server("reacted", dict(route=21, reaction=dict(type=2, id="x-1", edition=7, count=2, user_offset="9")), "BM-RCT-2"),
    server("reaction_refused", dict(route=21, reaction=dict(type=3, id="x-1", code=410, error="the message is deleted")), "BM-RCT-2"),
    server("reaction_refused_for_now", dict(route=21, reaction=dict(type=3, id="x-1", code=503, error="unavailable, try again",
                                                                     retry_after_ms=1000)), "BM-RCT-2"),
    server("deliver_reaction", reacted(9, 8), "BM-RCT-3"),
    server("deliver_reaction_taken_back", reacted(9, 8, action=2, count=None), "BM-RCT-3"),
    server("deliver_reaction_of_a_group", reacted(9, 8, conversation="g:team", message_id=None), "BM-RCT-3"),
    *(server(f"deliver_kind_{kind}", row(9, 8, kind=kind, payload=content(json)), "BM-KIND-2")
      for kind, json in [(1, '{"text":"hello"}'), (7, '{"attachments":[{"url":"/files/6","kind":"sticker"}]}')]),
    server("deliver_edit_of_a_kind", revised(9, 8, kind=1, payload=content('{"text":"hi"}')), "BM-KIND-2"),
    server("group_changed", dict(route=19, group=dict(type=2, id="g-1", edition=7, user_offset="9")), "BM-GRP-2"),
    server("group_refused", dict(route=19, group=dict(type=3, id="g-1", code=443, error="your role in this group does not allow it")),
           "BM-GRP-2"),
    server("group_refused_for_now", dict(route=19, group=dict(type=3, id="g-1", code=503, error="unavailable, try again",
                                                               retry_after_ms=1000)), "BM-GRP-2"),
    server("group_joined", dict(route=19, group=dict(type=2, group="team", action=9)), "BM-GRP-4"),
    server("group_barred", dict(route=19, group=dict(type=3, group="team", code=442, error=SENTENCES["not_member"])), "BM-GRP-4"),
    server("deliver_group_created", changed(9, 8, 1, edition=1, users=[A, "carl"], open=True, post=2), "BM-GRP-3"),
    server("deliver_group_edited", changed(9, 8, 2, about="all of us"), "BM-GRP-3"),
    server("deliver_group_deleted", changed(9, 8, 3, members=0), "BM-GRP-3"),
    server("deliver_group_removed", changed(9, 8, 5, users=[A]), "BM-GRP-3"),
    server("deliver_group_role", changed(9, 8, 6, users=[A], role=3), "BM-GRP-3"),
    server("deliver_group_joined", changed(9, 8, 9, id=None), "BM-GRP-3"),
    server("deliver_group_left", changed(9, 8, 10, id=None, users=[A]), "BM-GRP-3"),
    server("deliver_edit", revised(9, 8), "BM-REV-3"),
    server("deliver_edit_of_a_group", revised(9, 8, conversation="g:team", edition=7, message_id=None, encryption_type="olm"),
           "BM-REV-3"),
    server("deliver_deletion", revised(9, 8, action=2, payload=None, edition=2), "BM-REV-3"),
    server("logged_out_another", dict(route=12, logout=dict(to=dict(eid=A, connection_resource_id="lost"), type=2, status=3, scope=1)),
           "BM-LOGOUT-2"),
    # What a client refuses to read.
    *(dict(server(f"bad_{name}", say, note), error=error) for name, say, error, note in [
        ("deliver_without_signal_id", row(9, 8, signal_id=None), "field 6", "a row has an id"),
        ("deliver_without_conversation", row(9, 8, conversation=None), "field 6", "a row has a conversation"),
        ("deliver_offset_leading_zero", row(9, 8, user_offset="09"), "field 6", "BM-FRAME-3"),
        ("deliver_without_offset", row(9, 8, user_offset=None), "field 6", "a row has a place"),
        ("deliver_without_device", row(9, 8, **{"from": {"eid": A}}), "field 6", "a row has the sending device"),
        ("ack_without_signal_id", dict(route=7, signal=dict(id="c-1", user_offset="5", status=1, timestamp=NOW, to={"eid": B},
                                                            type=2, **{"from": PHONE})), "field 7", "an ack has an id"),
        ("server_ping", dict(route=3, ping_pong=dict(id="p-1", type=1)), "field 3", "a server does not ping in this way"),
        ("server_mismatch", dict(route=6, ping_pong=dict(id="p-1", type=2)), "mismatched 6", "BM-FRAME-1"),
        ("server_sign_in", token(), "field 5", "a word of clients"),
        ("server_group_asked", group(action=3), "field 19", "a word of clients"),
        ("group_row_without_offset", changed(9, 8, 2, user_offset=None), "field 19", "a row has a place"),
        ("group_row_without_post", changed(9, 8, 2, post=None), "field 19", "a row says what holds"),
        ("group_row_without_device", changed(9, 8, 2, **{"from": {"eid": B}}), "field 19", "a row has a device"),
        ("server_revision_asked", revision(), "field 17", "a word of clients"),
        ("server_reaction_asked", reaction(), "field 21", "a word of clients"),
        ("reaction_row_without_offset", reacted(9, 8, user_offset=None), "field 21", "a row has a place"),
        ("reaction_row_without_conversation", reacted(9, 8, conversation=None), "field 21", "a row has a conversation"),
        ("reaction_row_without_device", reacted(9, 8, **{"from": {"eid": B}}), "field 21", "a row has a device"),
        ("reaction_row_without_emoji", reacted(9, 8, emoji=None), "field 21", "with what?"),
        ("reactions_of_nobody", answered(1, [found(reactions=[dict(emoji="x")])]), "field 18", "somebody reacted"),
        ("revision_row_without_offset", revised(9, 8, user_offset=None), "field 17", "a row has a place"),
        ("revision_row_without_conversation", revised(9, 8, conversation=None), "field 17", "a row has a conversation"),
        ("revision_row_without_device", revised(9, 8, **{"from": {"eid": B}}), "field 17", "a row has a device"),
    ]),
]  # fmt: skip

CASES = [*CLIENT, *LIVE_AND_ACCOUNT, *SERVER]
