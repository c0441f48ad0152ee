"""What clients say in JSON events: every event, and what is refused. Frames are made by Python's own `json`."""

import json

from vectors import ANYTHING

A, B = "alice", "bob"
ID, OTHER = "000001o0000000000110", "000001o0000000000210"
ALIAS = "1_17_bob_alice_1763652000000.txt"
AT = "2025-11-20T15:20:00.123Z"
PLACE = {"latitude": 52.5, "longitude": 13.25}
# EV-ERR-1, for developers; programs do not read it.
SENTENCE = ANYTHING
# The name by which an event is refused (EV-ERR-2).
NAMED = {**dict.fromkeys(("send", "edit", "delete", "group", "react", "user"), "client_id"),
         **dict.fromkeys(("history", "conversation", "conversations", "status", "profile", "address_book", "devices",
                          "blocked"), "id")}  # fmt: skip


def client(name, say, answer=None, user=A, **more):
    if "c-1" in json.dumps(say):
        # One name is one message (EV-SEND-1), and all are said to one server.
        say, answer = json.loads(json.dumps([say, answer]).replace('"c-1"', f'"{name}"'))
    made = dict(name=name, direction="client-to-server", user=user, say=say, **more)
    return made if answer is None else dict(made, answer=answer)


def raw(name, data, *rest, **more):
    """Bytes that `json` would not write so."""
    made = bad(name, None, *rest, **more) if rest and isinstance(rest[0], str) else client(name, None, *rest, **more)
    del made["say"]
    return dict(made, data=data)


def fault(word, request=None):
    """What the server says to a frame that says nothing: EV-ERR-2."""
    said = dict(type="error", code=word.upper(), message=SENTENCE)
    return dict(said, request=request) if request else said


def refused(word, request, **more):
    """EV-ERR-1."""
    return dict(dict(type="refused", request=request, code=word.upper(), message=SENTENCE), **more)


def request_of(event):
    """What an answer calls the event."""
    if NAMED.get(event) == "id":
        return "query"
    return "edit" if event == "delete" else event


def bad(name, say, error, note, answer=None, **more):
    """`error` is the word and the event; where the event has a name the answer is a refusal by it."""
    word, event = error.split()
    if answer is None:
        inside = say if say else {}
        inside = inside["payload"] if isinstance(inside.get("payload"), dict) else inside
        key = NAMED.get(event)
        own = inside.get(key) if key else None
        if isinstance(own, str) and 1 <= len(own.encode()) <= 128 and more.get("signed_in") != "no":
            answer = [refused("too_large" if word == "too_long" else word, request_of(event), **{key: own})]
        else:
            answer = [fault(word, None if event == "-" else event)]
    return client(name, say, answer, error=error, note=note, **more)


def declined(name, say, word, answer, **more):
    """A frame that can be read, and that the server refuses for what it knows."""
    return client(name, say, [answer], error=f"{word} {say['type']}", **more)


def send(**more):
    """What is given as None is left out."""
    made = dict(dict(type="send", client_id="c-1", to=B, content="hello"), **more)
    return {key: value for key, value in made.items() if value is not None}


def sent(conversation="d:alice:bob", kind="text", **more):
    """EV-ACK-1."""
    made = dict(type="sent", client_id="c-1", message_id=ANYTHING, conversation_id=conversation, seq=ANYTHING, sender_user_id=A,
                sender_device_id="events", message_type=kind, offset=ANYTHING, status="sent", created_at=ANYTHING)  # fmt: skip
    made.update(more)
    return [{key: value for key, value in made.items() if value is not None}]


def group(action, **more):
    return dict(type="group", client_id="g-1", group_id="friends", action=action, **more)


def user(action, **more):
    return dict(type="user", client_id="u-1", action=action, **more)


def done(request, **more):
    return [dict(type="done", request=request, **more)]


def ask(event, **more):
    return dict(type=event, id="q-1", **more)


def answer(**more):
    return [dict(type="answer", id="q-1", **more)]


def content(**more):
    return dict(message_type=more.pop("kind"), content=None, body=more)


def attachment(kind, **more):
    return dict(url=f"https://files.example/{kind}", kind=kind, **more)


WELCOMED = [dict(type="welcome", epoch=ANYTHING, resume_from=ANYTHING, first=ANYTHING, head=ANYTHING, window=256,
                 heartbeat_ms=ANYTHING, server_time=ANYTHING, connection_id=ANYTHING, dedup_days=7, features=ANYTHING)]  # fmt: skip
PONG = [dict(type="pong", id="p-1", timestamp=ANYTHING)]
PING = dict(type="ping", id="p-1")
STRANGER = dict(signed_in="no")
STICKER = dict(attachments=[attachment("sticker")])
NOBODY_SUCH = "no_such_message"

FRAMES = [
    # EV-FRAME-1, EV-FRAME-2
    client("ping", PING, PONG),
    client("ping_without_id", dict(type="ping"), [dict(type="pong", timestamp=ANYTHING)]),
    client("ping_in_a_payload", dict(type="ping", payload=dict(id="p-1")), PONG),
    client("ping_with_more", dict(PING, x=[1, {"y": None}], z="…"), PONG, note="fields that are not known are skipped"),
    client("ping_with_null", dict(PING, sender_user_id=None), PONG, note="null is as good as nothing"),
    client("ping_as_oneself", dict(PING, sender_user_id=A), PONG, note="EV-ID-2"),
    raw("ping_with_spaces", b' {\n\t"type" : "ping" ,\r\n "id" : "p-1" } \n', PONG),
    raw("ping_with_escapes", rb'{"t\u0079pe":"p\u0069ng","id":"p\u002d1"}', PONG, note="in names, too"),
    raw("ping_twice_named", b'{"type":"ping","id":"p-1","id":"p-2","type":"bye"}', PONG, note="the first counts"),
    client("ping_of_an_emoji", dict(PING, id="🏓"), [dict(type="pong", id="🏓", timestamp=ANYTHING)]),
    raw("bad_empty", b"", "malformed -", "no object"),
    raw("bad_no_object", b"[]", "malformed -", "an object is asked for"),
    raw("bad_text", b'"ping"', "malformed -", "an object is asked for"),
    raw("bad_number", b"1", "malformed -", "an object is asked for"),
    raw("bad_cut_off", b'{"type":"ping","id":"p-', "malformed -", "it has no end"),
    raw("bad_two_objects", b'{"type":"ping"}{"type":"ping"}', "malformed -", "one object a frame"),
    raw("bad_two_lines", b'{"type":"ping"}\n{"type":"ping"}', "malformed -", "one object a frame"),
    raw("bad_single_quotes", b"{'type':'ping'}", "malformed -", "that is not JSON"),
    raw("bad_comma_at_the_end", b'{"type":"ping",}', "malformed -", "that is not JSON"),
    raw("bad_byte_order_mark", b'\xef\xbb\xbf{"type":"ping"}', "malformed -", "RFC 8259: there is none"),
    raw("bad_not_utf8", b'{"type":"ping","id":"\xff"}', "malformed -", "UTF-8 is asked for"),
    raw("bad_half_a_surrogate", rb'{"type":"ping","id":"\ud83d"}', "field ping", "half a character"),
    raw("bad_control_character", b'{"type":"ping","id":"\x01"}', "malformed -", "JSON asks to escape it"),
    raw("bad_nan", b'{"type":"ack","offset":NaN}', "malformed -", "what Python's json writes for it is not JSON"),
    raw("bad_deep", b'{"type":"ping","x":' + b"[" * 5_000, "malformed -", "and it costs no depth"),
    bad("bad_no_type", dict(id="p-1"), "malformed -", "of what type?"),
    bad("bad_type_number", dict(type=23), "malformed -", "a type is a text"),
    bad("bad_type_null", dict(type=None), "malformed -", "of what type?"),
    bad("bad_type_in_capitals", dict(type="PING"), "unknown -", "names are as they are written"),
    bad("bad_type_unknown", dict(type="dance"), "unknown -", "no event of this name"),
    bad("bad_type_empty", dict(type=""), "unknown -", "no event of this name"),
    bad("bad_type_of_servers", dict(type="new_message"), "unknown -", "a word of servers"),
    client("bad_frame_over_512_kib", dict(PING, x={"$str": ["x", 524_288]}), [fault("too_long"), dict(type="bye", reason="too_long")],
           closes=1009, error="too_long -",
           note="the connection is closed"),
    # EV-ID-2
    bad("bad_ping_as_another", dict(PING, sender_user_id=B), "not_yourself ping", "nobody speaks as another",
        [fault("not_yourself", "ping")]),
    bad("bad_send_as_another", send(sender_user_id=B), "not_yourself send", "nobody speaks as another"),
    bad("bad_history_as_another", ask("history", to=B, sender_user_id=B), "not_yourself history", "nobody speaks as another"),
    bad("bad_sender_number", dict(PING, sender_user_id=7), "field ping", "names are texts"),
]  # fmt: skip

SESSION = [
    # EV-AUTH-1, EV-WELCOME-1
    client("auth", dict(type="auth", token=A), WELCOMED, **STRANGER),
    client("auth_of_a_device", dict(type="auth", token=A, device_id="tablet"), WELCOMED, **STRANGER),
    client("auth_as_oneself", dict(type="auth", token=A, user_id=A), WELCOMED, **STRANGER),
    client("auth_in_a_payload", dict(type="auth", payload=dict(token=A, device_id="web")), WELCOMED, **STRANGER),
    client("auth_again", dict(type="auth", token=A), [dict(type="token", task="validate")], note="the token is looked at, as by token"),
    bad("bad_auth_without_token", dict(type="auth"), "field auth", "who is it?", **STRANGER),
    bad("bad_auth_token_number", dict(type="auth", token=7), "field auth", "a token is a text", **STRANGER),
    bad("bad_auth_device_empty", dict(type="auth", token=A, device_id=""), "field auth", "DM-ID-1", **STRANGER),
    bad("bad_auth_as_another", dict(type="auth", token=A, user_id=B), "refused auth", "SI-WHO-1",
        [dict(type="bye", reason="refused")], closes=1008, **STRANGER),
    bad("bad_send_before_auth", send(), "out_of_place send", "EV-AUTH-1: a way in is still open", **STRANGER),
    # EV-STORE-1, EV-BYE-1
    client("ack_nothing", dict(type="ack", offset=0), [dict(type="acked", offset=ANYTHING)]),
    client("bye", dict(type="bye"), [dict(type="bye", reason="bye")], closes=1000),
    *(bad(f"bad_ack_{name}", dict(type="ack", offset=offset), "field ack", "an offset is a whole number")
      for name, offset in [("null", None), ("text", "1"), ("negative", -1), ("fraction", 1.5), ("too_large", 2**64), ("list", [1])]),
    # EV-ACCOUNT-1, of names for tokens (SI-TOKEN-3)
    client("token_validate", dict(type="token", task="validate", token=A), [dict(type="token", task="validate")]),
    client("token_refresh", dict(type="token", task="refresh", token=A), [dict(type="token", task="refresh", token=A)]),
    declined("token_revoke", dict(type="token", task="revoke", token=A), "unsupported", refused("unsupported", "token")),
    bad("bad_token_task", dict(type="token", task="burn", token=A), "field token", "what of it?"),
    bad("bad_token_of_nothing", dict(type="token", task="validate"), "field token", "which?"),
    client("push_token", dict(type="push_token", id="t-1", service="fcm", token="abc"), done("push_token", id="t-1", registered=True)),
    client("push_token_of_bytes", dict(type="push_token", service="apns", token_base64="/wA="), done("push_token", registered=True)),
    client("push_token_taken_back", dict(type="push_token", id="t-1", service="fcm"), done("push_token", id="t-1", registered=False)),
    bad("bad_push_token_base64", dict(type="push_token", service="apns", token_base64="/w"), "field push_token", "EV-SEND-2"),
    bad("bad_push_token_of_more_than_4_kib", dict(type="push_token", token={"$str": ["x", 4_097]}), "field push_token", "too long"),
    client("visibility_on", dict(type="visibility", id="v-1", visible=True), [dict(type="visibility", id="v-1", visible=True)]),
    bad("bad_visibility_of_nothing", dict(type="visibility"), "field visibility", "seen or not?"),
    bad("bad_visibility_number", dict(type="visibility", visible=1), "field visibility", "true or false"),
    client("logout_device", dict(type="logout", scope="device", device_id="lost"),
           done("logout", scope="device", device_id="lost")),
    client("logout_session", dict(type="logout", scope="session"), [dict(type="bye", reason="logged_out")], closes=1000),
    bad("bad_logout_scope", dict(type="logout", scope="everybody"), "field logout", "whom?"),
    bad("bad_logout_without_scope", dict(type="logout"), "field logout", "whom?"),
]  # fmt: skip

MESSAGES = [
    # EV-SEND-1, EV-ACK-1
    client("send", send(), sent()),
    client("send_in_a_payload", dict(type="send", payload=dict(client_id="c-1", to=B, content="nested")),
           sent()),
    client("send_without_client_id", send(client_id=None), sent(client_id=None), note="stored as often as it is sent"),
    client("send_client_id_128_bytes", send(client_id="c" * 128), sent(client_id="c" * 128)),
    client("send_to_oneself", send(to=A), sent("d:alice:alice")),
    client("send_conversation", send(to=None, conversation_id="d:alice:bob"), sent()),
    client("send_conversation_and_to", send(conversation_id="d:alice:bob"), sent()),
    client("send_group", send(to=None, conversation_id="g:team"), sent("g:team")),
    client("send_group_encoded", send(to=None, conversation_id="g:%C3%BCnit%207"), sent("g:%C3%BCnit%207")),
    client("send_group_by_its_id", send(to=None, conversation_id="team"), sent("g:team"), note="a text without d: or g: is a group"),
    client("send_client_time", send(client_time=AT), sent(), note="EV-TIME-1"),
    client("send_client_time_elsewhere", send(client_time="2025-11-20T17:20:00.1239+02:00"), sent()),
    client("send_client_time_ms", send(client_time=1763652000123), sent()),
    client("send_notification", send(message_type="notification"), sent(kind="notification")),
    # EV-SEND-2
    client("send_empty", send(content=""), sent()),
    client("send_emoji", send(content="👋🏽 Grüße"), sent(), note="Python writes it as two escapes"),
    client("send_null_character", send(content="a\x00b"), sent()),
    client("send_data", send(content=None, data={"text": "hi", "n": 12345678901234567890, "a": [None]}), sent()),
    client("send_image_data", send(message_type="image", content=None, data={"url": "https://host/a.png"}), sent(kind="image")),
    client("send_interactive", send(message_type="interactive", content=None, data={"q": 1}), sent(kind="interactive")),
    client("send_bytes", send(content=None, payload="AP8="), sent()),
    client("send_no_bytes", send(content=None, payload=""), sent()),
    client("send_sealed", send(content=None, payload="AP8=", encryption=dict(type="mls", encrypted="header", signature="s")), sent()),
    client("send_largest", send(content={"$str": ["x", 520_192]}), sent(), note="508 KiB"),
    bad("bad_send_over_508_kib", send(content={"$str": ["x", 520_193]}), "too_long send", "with a name, so it is refused by it"),
    bad("bad_send_seal_over_508_kib", send(content={"$str": ["x", 520_000]}, encryption=dict(type="mls", encrypted="x" * 193)),
        "too_long send", "all of it together"),
    bad("bad_send_without_body", send(content=None), "field send", "what?"),
    bad("bad_send_content_number", send(content=7), "field send", "a text"),
    bad("bad_send_data_list", send(content=None, data=[1]), "field send", "an object"),
    bad("bad_send_payload_no_base64", send(content=None, payload="AP8"), "field send", "padding is asked for"),
    bad("bad_send_payload_url_base64", send(content=None, payload="_-8="), "field send", "RFC 4648, section 4"),
    bad("bad_send_encryption_text", send(encryption="mls"), "field send", "an object"),
    bad("bad_send_to_nobody", send(to=None), "field send", "whom?"),
    bad("bad_send_to_empty", send(to=""), "field send", "DM-ID-1"),
    bad("bad_send_to_a_path", send(to="a/b"), "field send", "DM-ID-1"),
    bad("bad_send_to_number", send(to=7), "field send", "names are texts"),
    bad("bad_send_conversation_of_others", send(to=None, conversation_id="d:bob:carl"), "field send", "one's own only"),
    bad("bad_send_conversation_unordered", send(to=None, conversation_id="d:bob:alice"), "field send", "the lower comes first"),
    bad("bad_send_conversation_of_one", send(to=None, conversation_id="d:bob"), "field send", "of two"),
    bad("bad_send_conversation_with_another", send(to="carl", conversation_id="d:alice:bob"), "field send", "both say the same"),
    bad("bad_send_group_and_user", send(conversation_id="g:team"), "field send", "a group is no user"),
    bad("bad_send_without_name", send(client_id=None, content=None), "field send", "what has no name is an error"),
    bad("bad_send_client_id_empty", send(client_id=""), "field send", "1 to 128 bytes"),
    bad("bad_send_client_id_129_bytes", send(client_id="c" * 129), "field send", "1 to 128 bytes"),
    bad("bad_send_client_id_number", send(client_id=1), "field send", "a text"),
    bad("bad_send_message_type", send(message_type="dance"), "field send", "no such type"),
    bad("bad_send_voice", send(message_type="voice"), "field send", "only the end of a talk makes one"),
    bad("bad_send_client_time", send(client_time="noon"), "field send", "EV-TIME-1"),
    bad("bad_send_client_time_without_zone", send(client_time="2025-11-20T15:20:00"), "field send", "EV-TIME-1"),
    bad("bad_send_client_time_that_is_none", send(client_time="2025-02-29T00:00:00Z"), "field send", "no such day"),
    declined("send_stranger", send(to=None, conversation_id="g:strangers"), "not_member",
             refused("not_member", "send", client_id="c-1")),
    # EV-KIND-1
    client("send_kind_text", send(**content(kind="text", text="hi @bob", mentions=[dict(user_id=B, offset=3, length=4)])), sent()),
    client("send_kind_image", send(**content(kind="image", attachments=[attachment("image", name="cat.jpg", size=48211)])),
           sent(kind="image")),
    client("send_kind_video", send(**content(kind="video", attachments=[attachment("video", mime="video/mp4")])), sent(kind="video")),
    client("send_kind_audio", send(**content(kind="audio", attachments=[attachment("file")])), sent(kind="audio")),
    client("send_kind_voice_note", send(**content(kind="voice_note", attachments=[attachment("voice", duration_ms=3_120)])),
           sent(kind="voice_note")),
    client("send_kind_circle_video", send(**content(kind="circle_video", attachments=[attachment("circle_video")])),
           sent(kind="circle_video")),
    client("send_kind_sticker", send(**content(kind="sticker", **STICKER)), sent(kind="sticker")),
    client("send_kind_reply", send(**content(kind="text", text="yes", reply_to=ID)), sent(), note="CT-REPLY-1: nobody looks for it"),
    client("send_kind_beside_a_seal", send(content=None, body=dict(text="hi", mood=7), encryption=dict(type="mls")), sent(),
           note="CT-KIND-2: nobody looks at it"),
    client("send_kind_sealed", send(message_type="video", content=None, payload="AP8=", encryption=dict(type="mls")),
           sent(kind="video")),
    bad("bad_kind_video_of_text", send(message_type="video"), "field send", "nothing but content"),
    bad("bad_kind_sticker_with_text", send(**content(kind="sticker", text="x", **STICKER)), "field send", "CT-KIND-1"),
    bad("bad_kind_image_of_a_file", send(**content(kind="image", attachments=[attachment("file")])), "field send", "CT-KIND-1"),
    bad("bad_kind_url", send(**content(kind="image", attachments=[dict(url="ftp://x/y", kind="image")])), "field send", "CT-ATT-2"),
    bad("bad_kind_mention_outside", send(**content(kind="text", text="hi", mentions=[dict(user_id=B, offset=1, length=2)])),
        "field send", "CT-MENTION-1"),
    bad("bad_kind_body_text", send(content=None, body="hi"), "field send", "an object"),
    # EV-REV-1
    declined("edit_of_no_message", dict(type="edit", client_id="e-1", message_id=ID, content="new"), NOBODY_SUCH,
             refused(NOBODY_SUCH, "edit", client_id="e-1")),
    declined("delete_of_no_message", dict(type="delete", client_id="e-1", message_id=ALIAS), NOBODY_SUCH,
             refused(NOBODY_SUCH, "edit", client_id="e-1"), note="EV-ID-1"),
    bad("bad_edit_without_message", dict(type="edit", client_id="e-1", content="new"), "field edit", "which?"),
    bad("bad_edit_of_a_path", dict(type="edit", client_id="e-1", message_id="../1", content="new"), "field edit", "no id"),
    bad("bad_edit_without_body", dict(type="edit", client_id="e-1", message_id=ID), "field edit", "to what?"),
    bad("bad_edit_without_name", dict(type="edit", message_id=ID, content="new"), "field edit", "whose answer?"),
    bad("bad_delete_without_message", dict(type="delete", client_id="e-1"), "field delete", "which?"),
    bad("bad_delete_without_name", dict(type="delete", message_id=ID), "field delete", "whose answer?"),
    # EV-MARK-1
    declined("read_receipt", dict(type="read_receipt", message_id=ID, read_at=AT), NOBODY_SUCH,
             refused(NOBODY_SUCH, "mark", message_id=ID, status="read")),
    declined("read_receipt_ms", dict(type="read_receipt", message_id=ID, read_at=1763652000123), NOBODY_SUCH,
             refused(NOBODY_SUCH, "mark", message_id=ID, status="read")),
    declined("read_receipt_at_nonsense", dict(type="read_receipt", message_id=ID, read_at={"when": "now"}), NOBODY_SUCH,
             refused(NOBODY_SUCH, "mark", message_id=ID, status="read"), note="read_at is not looked at"),
    declined("read_receipt_alias", dict(type="read_receipt", message_id=ALIAS), NOBODY_SUCH,
             refused(NOBODY_SUCH, "mark", message_id=ALIAS, status="read")),
    *(declined(f"mark_{status}", dict(type="mark", message_id=ID, status=status), NOBODY_SUCH,
               refused(NOBODY_SUCH, "mark", message_id=ID, status=status)) for status in ("read", "played", "forwarded")),
    bad("bad_read_receipt", dict(type="read_receipt"), "field read_receipt", "which?"),
    bad("bad_mark_sent", dict(type="mark", message_id=ID, status="sent"), "field mark", "the server says that"),
    bad("bad_mark_without_status", dict(type="mark", message_id=ID), "field mark", "what about it?"),
    declined("mark_delivered", dict(type="mark", message_id=ID, status="delivered"), NOBODY_SUCH,
             refused(NOBODY_SUCH, "mark", message_id=ID, status="delivered")),
    declined("delivered_one", dict(type="delivered", message_id=ID), NOBODY_SUCH,
             refused(NOBODY_SUCH, "mark", message_id=ID, status="delivered")),
    client("delivered_several", dict(type="delivered", message_ids=[ID, OTHER, ALIAS]),
           done("delivered", message_ids=[ID, OTHER, ALIAS]), note="what one did not get is passed over"),
    client("delivered_256", dict(type="delivered", message_ids={"$list": [ID, 256]}), done("delivered", message_ids=ANYTHING)),
    bad("bad_delivered_257", dict(type="delivered", message_ids={"$list": [ID, 257]}), "field delivered", "at most 256"),
    bad("bad_delivered_256_and_one", dict(type="delivered", message_id=ID, message_ids={"$list": [ID, 256]}), "field delivered",
        "at most 256"),
    bad("bad_delivered_nothing", dict(type="delivered"), "field delivered", "which?"),
    bad("bad_delivered_none", dict(type="delivered", message_ids=[]), "field delivered", "which?"),
    bad("bad_delivered_one_no_id", dict(type="delivered", message_ids=[ID, "x"]), "field delivered", "one refuses all"),
    bad("bad_delivered_text", dict(type="delivered", message_ids=ID), "field delivered", "a list"),
    # EV-RCT-1
    declined("react", dict(type="react", client_id="r-1", message_id=ID, emoji="👍"), NOBODY_SUCH,
             refused(NOBODY_SUCH, "react", client_id="r-1")),
    declined("react_taken_back", dict(type="react", client_id="r-1", message_id=ID, emoji=":party_parrot:", on=False), NOBODY_SUCH,
             refused(NOBODY_SUCH, "react", client_id="r-1")),
    bad("bad_react_without_emoji", dict(type="react", client_id="r-1", message_id=ID), "field react", "with what?"),
    bad("bad_react_with_65_bytes", dict(type="react", client_id="r-1", message_id=ID, emoji="x" * 65), "field react", "too long"),
    bad("bad_react_with_a_control_character", dict(type="react", client_id="r-1", message_id=ID, emoji="a\nb"), "field react", "DM-RCT-1"),
    bad("bad_react_on_text", dict(type="react", client_id="r-1", message_id=ID, emoji="👍", on="yes"), "field react", "true or false"),
    bad("bad_react_without_message", dict(type="react", client_id="r-1", emoji="👍"), "field react", "to what?"),
    bad("bad_react_without_name", dict(type="react", message_id=ID, emoji="👍"), "field react", "whose answer?"),
]  # fmt: skip

LIVE = [
    # EV-LIVE-1
    client("typing", dict(type="typing", to=B), []),
    client("typing_in_a_conversation", dict(type="typing", conversation_id="d:alice:bob", is_typing=True), []),
    client("typing_in_a_group", dict(type="typing", conversation_id="g:team", is_typing=True), []),
    client("typing_no_more", dict(type="typing", to=B, is_typing=False), []),
    *(client(f"signal_{act}", dict(type="signal", id="s-1", to=B, act=act, timestamp=AT), [])
      for act in ("typing", "recording", "paused", "cancelled", "resumed", "calling", "declined")),
    declined("typing_to_strangers", dict(type="typing", conversation_id="g:strangers"), "not_member", refused("not_member", "typing")),
    bad("bad_typing_to_nobody", dict(type="typing", is_typing=True), "field typing", "to whom?"),
    bad("bad_typing_number", dict(type="typing", to=B, is_typing=1), "field typing", "true or false"),
    bad("bad_signal_act", dict(type="signal", to=B, act="dancing"), "field signal", "no such act"),
    bad("bad_signal_without_act", dict(type="signal", to=B), "field signal", "what?"),
    # EV-LIVE-2
    *(client(f"presence_{status}", dict(type="presence", status=status), [])
      for status in ("online", "offline", "away", "busy", "dnd")),
    client("presence_with_all", dict(type="presence", id="a-1", status="away", ttl_s=90, location=dict(PLACE, altitude=34.5),
                                     timestamp=AT), []),
    client("presence_typing", dict(type="presence", status="typing", to=B), []),
    bad("bad_presence_status", dict(type="presence", status="gone"), "field presence", "no such status"),
    bad("bad_presence_of_nothing", dict(type="presence"), "field presence", "what?"),
    bad("bad_presence_ttl", dict(type="presence", status="away", ttl_s=86_401), "field presence", "at most a day"),
    bad("bad_presence_ttl_negative", dict(type="presence", status="away", ttl_s=-1), "field presence", "BM-AWARE-1"),
    bad("bad_presence_off_earth", dict(type="presence", status="away", location=dict(latitude=91, longitude=0)), "field presence",
        "BM-AWARE-1"),
    # EV-LIVE-3
    client("location", dict(type="location", to=B, location=PLACE), []),
    client("location_high", dict(type="location", id="l-1", to=B, location=dict(PLACE, altitude=-2.25), timestamp=1763652000123), []),
    bad("bad_location_of_nothing", dict(type="location", to=B), "field location", "where?"),
    bad("bad_location_half", dict(type="location", to=B, location=dict(latitude=1)), "field location", "and how far east?"),
    bad("bad_location_off_earth", dict(type="location", to=B, location=dict(latitude=1, longitude=180.5)), "field location", "BM-LOC-1"),
    bad("bad_location_to_nobody", dict(type="location", location=PLACE), "field location", "to whom?"),
]  # fmt: skip

GROUPS = [
    # EV-GRP-1: on a server where there is none of that name yet.
    client("group_create", group("create", title="Friends", about="of old", open=True, post="admins", users=[B]),
           done("group", client_id="g-1", edition=1, offset=1)),
    client("group_create_of_one", group("create"), done("group", client_id="g-1", edition=1, offset=1)),
    *(declined(f"group_{name}", group(**say), "not_member", refused("not_member", "group", client_id="g-1"))
      for name, say in [("edit", dict(action="edit", title="New")), ("delete", dict(action="delete")),
                        ("add", dict(action="add", users=[B, "carl"])), ("remove", dict(action="remove", users=[B])),
                        ("role", dict(action="role", users=[B], role="admin")), ("ban", dict(action="ban", users=[B])),
                        ("unban", dict(action="unban", users=[B]))]),
    bad("bad_group_action", group("explode"), "field group", "no such action"),
    bad("bad_group_without_action", dict(type="group", client_id="g-1", group_id="friends"), "field group", "what about it?"),
    bad("bad_group_without_id", dict(type="group", client_id="g-1", action="create"), "field group", "which?"),
    bad("bad_group_id_path", dict(type="group", client_id="g-1", group_id="a/b", action="create"), "field group", "DM-ID-1"),
    bad("bad_group_without_name", dict(type="group", group_id="friends", action="create"), "field group", "whose answer?"),
    bad("bad_group_post", group("create", post="owners"), "field group", "no such rule"),
    bad("bad_group_ban_nobody", group("ban", users=[]), "field group", "whom?"),
    bad("bad_group_ban_two", group("ban", users=[B, "carl"]), "field group", "one at a time"),
    bad("bad_group_role", group("role", users=[B], role="king"), "field group", "no such role"),
    bad("bad_group_users_text", group("add", users=B), "field group", "a list"),
    bad("bad_group_add_257", group("add", users={"$list": [B, 257]}), "field group", "at most 256"),
    # EV-GRP-2
    client("join", dict(type="join", group_id="team"), done("join", group_id="team")),
    client("leave", dict(type="leave", group_id="nobody is in it"), done("leave", group_id="nobody is in it")),
    bad("bad_join_nothing", dict(type="join"), "field join", "which?"),
    bad("bad_leave_a_path", dict(type="leave", group_id="../x"), "field leave", "DM-ID-1"),
]  # fmt: skip

QUESTIONS = [
    # EV-QRY-1, EV-QRY-2
    client("history", ask("history", to="zoe"), answer(messages=[], has_more=False)),
    client("history_before", ask("history", conversation_id="d:alice:zoe", before=9, limit=50), answer(messages=[], has_more=False)),
    client("history_after", ask("history", to="zoe", after=3), answer(messages=[], has_more=False)),
    client("history_of_strangers", ask("history", conversation_id="g:strangers"), answer(messages=[], has_more=False),
           note="who is not in a group finds nothing"),
    client("conversation", ask("conversation", to="zoe"), answer(conversations=[], has_more=False)),
    client("conversations", ask("conversations"), answer(conversations=[], has_more=False), user="xenia"),
    client("conversations_before", ask("conversations", before_id=ID, limit=2), answer(conversations=[], has_more=False), user="yan"),
    client("conversations_after", ask("conversations", after_id=ID), answer(conversations=[], has_more=False), user="yves"),
    bad("bad_history_of_nobody", ask("history"), "field history", "of whom?"),
    bad("bad_history_both_ends", ask("history", to=B, before=9, after=3), "field history", "from where?"),
    bad("bad_history_limit_text", ask("history", to=B, limit="50"), "field history", "a number"),
    bad("bad_history_before_time", ask("history", to=B, before=AT), "field history", "a seq"),
    bad("bad_history_without_id", dict(type="history", to=B), "field history", "whose answer?"),
    bad("bad_conversations_before_alias", ask("conversations", before_id=ALIAS), "field conversations", "the server's id"),
    bad("bad_conversation_of_nobody", ask("conversation"), "field conversation", "which?"),
    # EV-STAT-1
    client("status", ask("status", message_id=ID), answer(status={})),
    client("status_after", ask("status", message_id=ALIAS, after_user=B, limit=5), answer(status={})),
    bad("bad_status_of_nothing", ask("status"), "field status", "of which?"),
    # EV-USR-3
    client("profile", ask("profile", user_id="zoe"), answer(profile={})),
    client("address_book", ask("address_book", limit=50), answer(address_book=[], has_more=False)),
    client("address_book_after", ask("address_book", after_user=B), answer(address_book=[], has_more=False)),
    client("blocked", ask("blocked", after_user=B, limit=1), answer(blocked=[], has_more=False)),
    client("devices", ask("devices"), answer(devices=ANYTHING)),
    bad("bad_profile_of_nobody", ask("profile"), "field profile", "whose?"),
    bad("bad_address_book_after_a_path", ask("address_book", after_user="a/b"), "field address_book", "DM-ID-1"),
    bad("bad_blocked_after_a_number", ask("blocked", after_user=1), "field blocked", "names are texts"),
    bad("bad_devices_without_id", dict(type="devices"), "field devices", "whose answer?"),
]  # fmt: skip

USERS = [
    # EV-USR-1: of a user who keeps nothing yet.
    client("user_profile", user("profile", name="Ann", about="out sailing", avatar="https://example.org/ann.png"),
           done("user", client_id="u-1", edition=1, offset=1)),
    client("user_profile_in_part", user("profile", about="out sailing"), done("user", client_id="u-1", edition=1, offset=1)),
    client("user_save", user("save", user_id=B, name="Bobby"), done("user", client_id="u-1", edition=0, offset=1)),
    client("user_forget", user("forget", user_id=B), done("user", client_id="u-1", edition=0, offset=0), note="nothing changes"),
    client("user_block", user("block", user_id=B), done("user", client_id="u-1", edition=0, offset=1)),
    client("user_unblock", user("unblock", user_id=B), done("user", client_id="u-1", edition=0, offset=0), note="nothing changes"),
    client("user_remove_device", user("remove_device", device_id="lost"), done("user", client_id="u-1", edition=0, offset=1)),
    client("user_block_oneself", user("block", user_id=A), [refused("field", "user", client_id="u-1")]),
    bad("bad_user_action", user("sing"), "field user", "no such action"),
    bad("bad_user_without_action", dict(type="user", client_id="u-1"), "field user", "what about them?"),
    bad("bad_user_block_nobody", user("block"), "field user", "whom?"),
    bad("bad_user_remove_no_device", user("remove_device"), "field user", "which?"),
    bad("bad_user_without_name", dict(type="user", action="block", user_id=B), "field user", "whose answer?"),
]  # fmt: skip

CLIENT = [*FRAMES, *SESSION, *MESSAGES, *LIVE, *GROUPS, *QUESTIONS, *USERS]
