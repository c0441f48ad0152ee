"""The chat dialect: every frame of both directions, and what is refused. Frames are made by Python's own `json`."""

import json

from vectors import ANYTHING

A, B = "alice", "bob"
ID = "000001o0000000000110"
AT = "2025-11-20T15:20:00.123Z"
URL = "https://files.example/1.jpg"


def client(name, say, answer=(), **more):
    """What a client says; in the place of `c-1` the name of the case, since one name is one message (CH-ID-1)."""
    if "c-1" in json.dumps(say):
        say, answer = json.loads(json.dumps([say, answer]).replace('"c-1"', f'"{name}"'))
    return dict(name=name, direction="client-to-server", user=A, say=say, answer=list(answer), **more)


def raw(name, data, error, answer, **more):
    """Bytes that `json` would not write so."""
    return dict(name=name, direction="client-to-server", user=A, data=data, error=error, answer=answer, **more)


def says(*entities, **more):
    return dict(connection_id="18", payload=list(entities), **more)


def told(*entities):
    return dict(connection_id=ANYTHING, payload=list(entities))


def draft(**more):
    """What is given as None is left out."""
    made = dict(dict(receiverId=B, messageId="c-1", messageText="hello"), **more)
    return {key: value for key, value in made.items() if value is not None}


def stored(**more):
    """CH-ACK-1."""
    made = dict(senderId=A, receiverId=B, messageId="c-1", id=ANYTHING, timestamp=ANYTHING, receivedServer=True, delivered=False,
                read=False, seq=ANYTHING, kind="text", offset=ANYTHING, senderDeviceId="chat")  # fmt: skip
    made.update(more)
    return [told({key: value for key, value in made.items() if value is not None})]


def refused(request, code, name="c-1"):
    """CH-ERR-1."""
    named = {} if name is None else dict(messageId=name)
    return told(dict(named, error=dict(request=request, code=code, message=ANYTHING)))


def bad(name, entity, code="FIELD", request="send", named=True, **more):
    """An entity that is refused, by its name where it has one that can be read (CH-ERR-2)."""
    say = says(entity)
    return client(name, say, [refused(request, code, "c-1" if named else None)], error=f"{code.lower()} {request}", **more)


def fault(name, say, code, request=None, **more):
    """A frame that breaks a rule as a whole (CH-ERR-3)."""
    said = dict(type="error", code=code, message=ANYTHING, **({"request": request} if request else {}))
    error = f"{code.lower()} {request or '-'}"
    if isinstance(say, bytes):
        return raw(name, say, error, [said], **more)
    return client(name, say, [said], error=error, **more)


SENT = [
    client("send", says(draft()), stored()),
    client("send_all_fields", says(draft(senderId=A, timestamp=AT, attachment=False, attachmentURI=[], receivedServer=False,
        delivered=False, read=False, groupId="", id="", more=7)), stored(), note="an empty id and a flag that is false are nothing"),
    client("send_time_ms", says(draft(timestamp=1763652000123)), stored()),
    client("send_group", says(draft(receiverId=None, groupId="team")), stored(receiverId=None, groupId="team")),
    client("send_to_oneself", says(draft(receiverId=A)), stored(receiverId=A)),
    client("send_without_name", says(draft(messageId=None)), stored(messageId=None)),
    client("send_without_connection", dict(payload=[draft()]), stored()),
    client("send_wrong_connection", dict(connection_id="another", payload=[draft()]), stored(), note="who speaks is known"),
    client("send_image", says(draft(attachmentURI=URL)), stored(kind="image")),
    client("send_images", says(draft(attachment=True, attachmentURI=[URL, URL])), stored(kind="image")),
    client("send_image_alone", says(draft(messageText=None, attachmentURI=URL)), stored(kind="image")),
    client("send_video", says(draft(attachmentURI="https://files.example/1.mp4?x=1.jpg")), stored(kind="video")),
    client("send_sound", says(draft(attachmentURI="https://files.example/1.ogg")), stored(kind="audio")),
    client("send_file", says(draft(attachmentURI="https://files.example/1.pdf")), stored()),
    client("send_several_kinds", says(draft(attachmentURI=[URL, "https://files.example/1.mp4"])), stored()),
    client("send_two", says(draft(), draft(messageId="second", messageText="again")), stored() + stored(messageId="second")),
    client("send_one_good", says(draft(receiverId=None), draft(messageId="good")),
        [refused("send", "FIELD"), *stored(messageId="good")], error="field send"),
    client("ping", dict(type="ping", id="p-1"), [dict(type="pong", id="p-1", timestamp=ANYTHING)]),
    client("ack_nothing", dict(ack=0), [dict(ack=ANYTHING)]),
    client("typing", dict(type="typing", receiverId=B)),
    client("typing_no_more", dict(type="typing", receiverId=B, isTyping=False)),
    client("typing_in_a_group", dict(type="typing", groupId="team", isTyping=True)),
    client("bye", dict(type="bye"), [dict(type="bye", reason="bye")], closes=1000),
    client("auth_again", dict(type="auth", token=A), note="as the device that it is"),
]  # fmt: skip

REFUSED = [
    bad("bad_to_nobody", draft(receiverId=None)),
    bad("bad_to_two", draft(groupId="team")),
    bad("bad_receiver_path", draft(receiverId="a/b")),
    bad("bad_says_nothing", draft(messageText=None)),
    bad("bad_text_number", draft(messageText=7)),
    bad("bad_attachment_without", draft(attachment=True)),
    bad("bad_address_of_17", draft(attachmentURI={"$list": [URL, 17]})),
    bad("bad_address", draft(attachmentURI="files.example/1.jpg")),
    bad("bad_address_number", draft(attachmentURI=7)),
    bad("bad_time", draft(timestamp="yesterday")),
    bad("bad_name_number", draft(messageId=7), named=False),
    bad("bad_name_of_129_bytes", draft(messageId={"$str": ["x", 129]}), named=False),
    bad("bad_sender", draft(senderId=B), "NOT_YOURSELF"),
    bad("bad_group_of_others", draft(receiverId=None, groupId="strangers"), "NOT_MEMBER"),
    bad("bad_read_of_no_id", dict(messageId="c-1", read=True), request="read_receipt"),
    bad("bad_delivered_of_no_id", dict(messageId="c-1", delivered=True), request="delivered"),
    client("bad_read_of_no_message", says(dict(messageId=ID, read=True)), [told(dict(messageId=ID, delivered=True, read=True,
        error=dict(request="read_receipt", code="NO_SUCH_MESSAGE", message=ANYTHING)))], error="no_such_message read_receipt"),
    bad("bad_edit_of_no_message", dict(id=ID, messageId="c-1", edited=True, messageText="x"), "NO_SUCH_MESSAGE", "edit"),
    bad("bad_edit_without_id", dict(messageId="c-1", edited=True, messageText="x"), request="edit"),
    bad("bad_edit_of_nothing", dict(id=ID, messageId="c-1", edited=True), request="edit"),
    bad("bad_delete_of_no_message", dict(id=ID, messageId="c-1", deleted=True), "NO_SUCH_MESSAGE", "edit"),
    bad("bad_delete_without_id", dict(messageId="c-1", deleted=True), request="edit"),
    client("bad_frame_over_512_kib", dict(type="ping", x={"$str": ["x", 524_288]}), [dict(type="error", code="TOO_LONG",
        message=ANYTHING), dict(type="bye", reason="too_long")], error="too_long -", closes=1009),
    fault("bad_empty", b"", "MALFORMED"),
    fault("bad_list", b"[]", "MALFORMED"),
    fault("bad_cut_off", b'{"payload":[{"receiverId":"bob"', "MALFORMED"),
    fault("bad_not_utf8", b'{"payload":"\xff"}', "MALFORMED"),
    fault("bad_no_word", {}, "FIELD", "send"),
    fault("bad_type", dict(type="dance"), "UNKNOWN"),
    fault("bad_payload_object", dict(payload={}), "FIELD", "send"),
    fault("bad_payload_none", dict(payload=[]), "FIELD", "send"),
    fault("bad_payload_of_129", dict(payload={"$list": [{"receiverId": B}, 129]}), "FIELD", "send"),
    client("bad_entity_number", says(7), [told(dict(error=dict(request="send", code="FIELD", message=ANYTHING)))],
        error="field send"),
    fault("bad_ack_text", dict(ack="1"), "FIELD", "ack"),
    fault("bad_ack_negative", dict(ack=-1), "FIELD", "ack"),
    fault("bad_typing_to_nobody", dict(type="typing"), "FIELD", "typing"),
    fault("bad_typing_text", dict(type="typing", receiverId=B, isTyping="yes"), "FIELD", "typing"),
]  # fmt: skip

CLIENT = SENT + REFUSED


# -- what servers say


def server(name, say, **more):
    return dict(name=name, direction="server-to-client", user=A, say=say, **more)


def row(*entities):
    """What comes at its place in the mailbox."""
    return dict(connection_id="18", payload=list(entities))


def message(**more):
    """CH-MSG-1."""
    made = dict(senderId=B, receiverId=A, messageId=ID, id=ID, timestamp=AT, messageText="hello", attachment=False, attachmentURI=[],
                receivedServer=True, delivered=False, read=False, seq=5, kind="text", senderDeviceId="chat", clientMessageId="b-1",
                offset=9, prevOffset=8)  # fmt: skip
    made.update(more)
    return {key: value for key, value in made.items() if value is not None}


def receipt(**more):
    """CH-RCP-2."""
    made = dict(messageId="c-1", id=ID, receiverId=B, by=B, byDeviceId="chat", receivedServer=True, delivered=True, read=False,
                timestamp=AT, offset=9, prevOffset=8)  # fmt: skip
    made.update(more)
    return {key: value for key, value in made.items() if value is not None}


def revision(**more):
    """CH-REV-2."""
    made = message(clientMessageId="b-2", revisionId="000001o0000000000310", edition=1, delivered=None, read=None)
    made.update(more)
    return {key: value for key, value in made.items() if value is not None}


FEATURES = ["dispose", "receipts", "notifications", "presence", "tokens", "push", "revisions", "queries", "groups", "users",
            "reactions", "kinds", "status"]  # fmt: skip
WELCOME = dict(type="welcome", epoch=2077998525, resume_from=3, first=1, head=8, window=256, heartbeat_ms=25000, server_time=AT,
               connection_id="18", dedup_days=7, features=FEATURES)  # fmt: skip

TOLD = [
    server("welcome", WELCOME),
    server("pong", dict(type="pong", id="p-1", timestamp=AT)),
    server("acked", dict(ack=9)),
    *(server(f"bye_{reason}", dict(type="bye", reason=reason)) for reason in ("bye", "refused", "replaced", "expired", "too_long")),
    server("error", dict(type="error", code="MALFORMED", message="not a frame")),
    server("stored", row(dict(senderId=A, receiverId=B, messageId="c-1", id=ID, timestamp=AT, receivedServer=True, delivered=False,
        read=False, seq=5, kind="text", senderDeviceId="chat", offset=9))),
    server("stored_in_a_group", row(dict(senderId=A, groupId="team", messageId="c-1", id=ID, timestamp=AT, receivedServer=True,
        delivered=False, read=False, seq=5, kind="image", senderDeviceId="chat", offset=9))),
    server("refused", row(dict(messageId="c-1", error=dict(request="send", code="NOT_MEMBER", message="not a member of this group")))),
    server("refused_for_now", row(dict(messageId="c-1", error=dict(request="send", code="BUSY", message="busy, try again",
        retry_after_ms=2000)))),
    server("message", row(message())),
    server("message_of_a_group", row(message(receiverId=None, groupId="team"))),
    server("message_without_client_name", row(message(clientMessageId=None))),
    server("message_with_client_time", row(message(clientTimestamp="2025-11-20T15:19:59.000Z"))),
    server("message_with_an_image", row(message(kind="image", attachment=True, attachmentURI=[URL]))),
    server("message_missed", dict(messages=[dict(payload=[message(offset=8, prevOffset=7)])])),
    server("receipt_delivered", row(receipt())),
    server("receipt_read", row(receipt(read=True))),
    server("receipt_of_two", row(receipt(), receipt(messageId="c-2", id="000001o0000000000210"))),
    server("edited", row(revision(edited=True, messageText="hello!"))),
    server("deleted", row(revision(deleted=True, messageText="", kind=None))),
    server("marked", row(dict(messageId=ID, receivedServer=True, delivered=True, read=True))),
    server("heard_typing", dict(type="typing", isTyping=True, senderId=B, senderDeviceId="chat", receiverId=A, timestamp=AT)),
    server("heard_typing_no_more", dict(type="typing", isTyping=False, senderId=B, senderDeviceId="chat", groupId="team", timestamp=AT)),
]  # fmt: skip

NOT_TO_BE_TAKEN = [
    server("bad_message_without_id", row(message(id=None, messageId=None)), error="field -"),
    server("bad_message_without_sender", row(message(senderId=None)), error="field -"),
    server("bad_message_without_place", row(message(seq=None)), error="field -"),
    server("bad_message_time", row(message(timestamp="yesterday")), error="field -"),
    server("bad_receipt_without_reader", row(receipt(by=None)), error="field -"),
    server("bad_welcome_without_epoch", {key: it for key, it in WELCOME.items() if key != "epoch"}, error="field -"),
    server("bad_ack_told", dict(ack="9"), error="field -"),
]  # fmt: skip

SERVER = TOLD + NOT_TO_BE_TAKEN
