"""What servers say in JSON events: every event, and what no client should take. Frames are made by Python's own `json`."""

from cases_events import A, ALIAS, AT, B, ID, OTHER, PLACE, STICKER, attachment

ROW = dict(offset=9, prev_offset=8)
LONG = {"$str": ["x", 512]}


def server(name, say, note=None, user=A, **more):
    made = dict(name=name, direction="server-to-client", user=user, say=say, **more)
    return dict(made, note=note) if note else made


def bad(name, say, note, error="field -"):
    return server(name, say, note, error=error)


def without(event, *keys):
    return {key: value for key, value in event.items() if key not in keys}


def message(**more):
    """EV-MSG-1; what is given as None is left out."""
    made = dict(id=ID, conversation_id="d:alice:bob", seq=5, sender_user_id=B, sender_device_id="phone", client_id="c-1",
                message_type="text", content="hello", status="sent", created_at=AT)  # fmt: skip
    made.update(more)
    return {key: value for key, value in made.items() if value is not None}


def told(**more):
    return dict(type="new_message", message=message(**more), **ROW)


def sent(**more):
    made = dict(type="sent", client_id="c-1", message_id=ID, conversation_id="d:alice:bob", seq=5, sender_user_id=A,
                sender_device_id="phone", message_type="text", offset=6, status="sent", created_at=AT)  # fmt: skip
    made.update(more)
    return {key: value for key, value in made.items() if value is not None}


def done(request, **more):
    return dict(type="done", request=request, **more)


def refused(request, code, sentence, **more):
    return dict(type="refused", request=request, **more, code=code, message=sentence)


def receipt(word, **more):
    return dict({"type": f"message_{word}", "reader_id": B, "device_id": "tablet", f"{word}_at": AT, "message_id": ID}, **more)


def revised(kind, **more):
    return dict(type=f"message_{kind}", message_id=ID, message_client_id="c-1", conversation_id="d:alice:bob", seq=5, edition=3, user_id=B,
                device_id="tablet", client_id="e-1", timestamp=AT, **ROW, **more)  # fmt: skip


def reacted(**more):
    return dict(dict(type="message_reaction", message_id=ID, conversation_id="d:alice:bob", seq=5, emoji="👍", on=True, edition=3,
                     count=2, user_id=B, device_id="tablet", client_id="r-1", timestamp=AT, **ROW), **more)  # fmt: skip


def changed(action, users=(), **more):
    return dict(type="group", group_id="team", action=action, users=list(users), **more, edition=4, user_id=B, device_id="tablet",
                client_id="g-1", title="The team", about="", open=True, post="admins", members=3, timestamp=AT, **ROW)  # fmt: skip


def kept(action, edition=0, **more):
    return dict(type="user", action=action, **more, by=dict(user_id=A, device_id="tablet"), client_id="u-1", edition=edition,
                timestamp=AT, **ROW)  # fmt: skip


def answer(**more):
    return dict(type="answer", id="q-1", **more)


def found(**more):
    return message(**dict(dict(marks=[]), **more))


def state(**more):
    return dict(id="d:alice:bob", last_message=found(), message_count=8, read_seq=3, unread_count=2, unread_exact=True,
                unread_deleted=[4], **more)  # fmt: skip


def progress(**more):
    made = dict(message_id=ID, client_id="c-1", conversation_id="d:alice:bob", seq=5, sender_user_id=A, sender_device_id="phone",
                created_at=AT, status="sent", counts=dict(recipients=1, delivered=0, read=0, exact=True), recipients=[])  # fmt: skip
    return dict(made, **more)


WELCOME = dict(type="welcome", epoch=2077998525, resume_from=3, first=1, head=4, window=256, heartbeat_ms=60000, server_time=AT,
               connection_id="12", dedup_days=7,
               features=["dispose", "receipts", "notifications", "presence", "tokens", "push", "revisions", "queries", "groups",
                         "users", "reactions", "kinds", "status"])  # fmt: skip
BUSY = "busy, try again"

SESSION = [
    server("welcome", WELCOME, "EV-WELCOME-1"),
    server("welcome_of_a_later_server", dict(WELCOME, connection_id="18446744073709551615", telepathy=True), "more is passed over"),
    server("acked", dict(type="acked", offset=7), "EV-STORE-1"),
    server("acked_large", dict(type="acked", offset=2**64 - 1), "whole numbers of 64 bits"),
    server("pong", dict(type="pong", id="p-1", timestamp=AT), "EV-PING-1"),
    server("pong_without_id", dict(type="pong", timestamp=AT)),
    server("pong_after_9999", dict(type="pong", timestamp=253402300800000), "EV-TIME-1"),
    *(server(f"bye_{reason}", dict(type="bye", reason=reason), "EV-BYE-1")
      for reason in ("bye", "refused", "sign_in_timeout", "replaced", "expired", "revoked", "logged_out", "too_long", "strikes", "idle",
                     "slow", "unavailable", "going_away")),
    server("bye_replaced_by", dict(type="bye", reason="replaced", device_id="tablet")),
    server("bye_of_a_later_server", dict(type="bye", reason="bored"), "a goodbye all the same"),
    server("token_valid", dict(type="token", task="validate", expires_at=AT), "EV-ACCOUNT-1"),
    server("token_refreshed", dict(type="token", task="refresh", token="new", expires_at=AT)),
    server("token_revoked", dict(type="token", task="revoke")),
    server("visibility_off", dict(type="visibility", id="v-1", visible=False)),
    server("visibility_elsewhere", dict(type="visibility", visible=True)),
    server("error", dict(type="error", request="ack", code="FIELD", message="offset is missing or not valid"), "EV-ERR-2"),
    server("error_malformed", dict(type="error", code="MALFORMED", message="not a frame: type")),
    server("error_unknown", dict(type="error", code="UNKNOWN", message="there is no event of this type")),
    *(server(f"error_{word}", dict(type="error", code=word.upper(), message=word))
      for word in ("refused", "not_yourself", "out_of_place", "too_long", "unsupported")),
    server("error_of_a_later_server", dict(type="error", code="TELEPATHY", message="")),
]  # fmt: skip

ANSWERS = [
    server("sent", sent(), "EV-ACK-1"),
    server("sent_without_client_id", sent(client_id=None)),
    server("sent_to_a_group", sent(conversation_id="g:%C3%BCnit%207", message_type="image")),
    server("done_edit", done("edit", client_id="e-1", edition=2, offset=9), "EV-DONE-1"),
    server("done_group", done("group", client_id="g-1", edition=2, offset=9)),
    server("done_user", done("user", client_id="u-1", edition=2, offset=9)),
    server("done_react", done("react", client_id="r-1", edition=2, offset=9, count=7)),
    server("done_mark", done("mark", message_id=ID, status="read")),
    server("done_mark_by_alias", done("mark", message_id=ALIAS, status="played")),
    server("done_delivered", done("delivered", message_ids=[ID, ALIAS])),
    server("done_join", done("join", group_id="team")),
    server("done_leave", done("leave", group_id="team")),
    server("done_push_token", done("push_token", id="t-1", registered=True)),
    server("done_logout", done("logout", scope="device", device_id="lost")),
    server("done_logout_account", done("logout", scope="account")),
    *(server(f"refused_{code.lower()}", refused("send", code, sentence, client_id="c-1"), "EV-ERR-1") for code, sentence in [
        ("FIELD", "the field  is missing or not valid"), ("NOT_YOURSELF", "from is not the signed-in user"),
        ("NO_SUCH_MESSAGE", "no such message for this user"), ("CONFLICT", "this client id was used for another message"),
        ("DELETED", "the message is deleted"), ("TOO_LARGE", "the message is too large"),
        ("NOT_MEMBER", "not a member of this group"), ("ROLE", "your role in this group does not allow it"),
        ("TAKEN", "the name of the group is taken"), ("FULL", "no room for another member"),
        ("BAD_TOKEN", "the token is not valid"), ("BLOCKED", "this user takes no messages from you"),
        ("BUSY", BUSY), ("UNAVAILABLE", "unavailable, try again"), ("UNSUPPORTED", "not supported")]),
    server("refused_for_now", dict(refused("send", "BUSY", BUSY, client_id="c-1"), retry_after_ms=1000)),
    server("refused_without_name", refused("send", "BUSY", BUSY)),
    *(server(f"refused_{request}", refused(request, "BUSY", BUSY, client_id="c-1")) for request in ("edit", "group", "react", "user")),
    server("refused_query", refused("query", "BUSY", BUSY, id="q-1")),
    server("refused_mark", refused("mark", "NO_SUCH_MESSAGE", "no such message for this user", message_id=ID, status="read")),
    server("refused_join", refused("join", "NOT_MEMBER", "not a member of this group", group_id="team")),
    server("refused_token", refused("token", "BAD_TOKEN", "the token is not valid")),
    server("refused_signal", refused("signal", "NOT_MEMBER", "not a member of this group", id="s-1")),
    server("refused_of_a_later_server", refused("send", "TELEPATHY", "not today", client_id="c-1"), "read as UNSUPPORTED"),
]  # fmt: skip

ROWS = [
    server("new_message", told(), "EV-ROW-1, EV-MSG-1, EV-BODY-1"),
    server("new_message_of_a_walkie", told(client_id=None, sender_device_id="voiceping")),
    server("new_message_in_a_group", told(conversation_id="g:team")),
    server("new_message_to_oneself", told(conversation_id="d:alice:alice", sender_user_id=A)),
    server("new_message_client_time", told(client_time=AT)),
    server("new_message_escaped", told(content="\"quoted\" \\ \n\t\x01 ü 👍")),
    server("new_message_data", told(content="hi", data={"text": "hi", "n": 12345678901234567890})),
    server("new_message_data_without_text", told(content="", data={"q": 1}, message_type="interactive")),
    server("new_message_notification", told(content="wake up", message_type="notification")),
    server("new_message_voice", told(message_type="voice", content="", duration_ms=3120,
                                     url="/files/audio/1_3_alice_bob_1763652000123_3120ms.opus"), "EV-BODY-2"),
    server("new_message_voice_without_sound", told(message_type="voice", content="", duration_ms=3120)),
    server("new_message_sealed", told(content="[encrypted message]", payload="AP8=",
                                      encryption=dict(type="mls", encrypted="header", signature="")), "EV-BODY-3"),
    server("new_message_of_no_text", told(content="[message in a form this client cannot show]", payload="/w==")),
    server("new_message_too_long", told(content="[message too long for this client]")),
    *(server(f"new_message_{kind}", told(message_type=kind, content=shown, body=body), "EV-KIND-1") for kind, shown, body in [
        ("image", "[image] https://files.example/image", dict(attachments=[attachment("image")])),
        ("video", "look", dict(text="look", attachments=[attachment("video")])),
        ("audio", "[file] https://files.example/file", dict(attachments=[attachment("file")])),
        ("voice_note", "[voice] https://files.example/voice", dict(attachments=[attachment("voice", duration_ms=3120)])),
        ("circle_video", "[circle_video] https://files.example/circle_video", dict(attachments=[attachment("circle_video")])),
        ("sticker", "[sticker] https://files.example/sticker", STICKER)]),
    server("new_message_of_a_later_kind", told(message_type="hologram"), "read as a text"),
    *(server(f"message_{word}", receipt(word, client_id="c-1", **ROW), "EV-RCP-1")
      for word in ("delivered", "read", "played", "forwarded")),
    server("message_read_by_alias", dict(receipt("read", **ROW), message_id=ALIAS)),
    server("message_read_part", receipt("read"), "not the last of its row"),
    server("message_edited", revised("edited", message_type="text", content="new"), "EV-REV-2"),
    server("message_edited_content", revised("edited", message_type="sticker", content="[sticker] https://files.example/sticker",
                                             body=STICKER)),
    server("message_edited_sealed", revised("edited", message_type="text", content="[encrypted message]", payload="AP8=",
                                            encryption=dict(type="mls", encrypted="", signature=""))),
    server("message_edited_by_alias", dict(without(revised("edited", message_type="text", content="new"), "message_client_id"),
                                           message_id=ALIAS), "EV-ID-1"),
    server("message_deleted", revised("deleted")),
    server("message_reaction", reacted(), "EV-RCT-2"),
    server("message_reaction_taken_back", reacted(on=False, count=0, message_client_id="c-1")),
    server("heard_group_create", changed("create", [A, B]), "EV-GRP-3"),
    *(server(f"heard_group_{action}", changed(action, users)) for action, users in [
        ("edit", []), ("delete", []), ("add", [A, "carl"]), ("remove", [A]), ("ban", [A]), ("unban", [A]), ("join", []), ("leave", [])]),
    server("heard_group_leave_to_an_heir", changed("leave", [A])),
    server("heard_group_role", changed("role", [A], role="owner")),
    server("user_profile_changed", kept("profile", 3, name="Ann", about="", avatar="https://example.org/ann.png"), "EV-USR-2"),
    server("user_saved", kept("save", user_id=B, name="Bobby")),
    server("user_forgotten", kept("forget", user_id=B)),
    server("user_blocked", kept("block", user_id=B)),
    server("user_unblocked", kept("unblock", user_id=B)),
    server("user_device_removed", kept("remove_device", device_id="lost")),
]  # fmt: skip

LIVE = [
    server("heard_typing", dict(type="typing", is_typing=True, user_id=B, device_id="tablet", conversation_id="d:alice:bob",
                                timestamp=AT), "EV-LIVE-1"),
    server("heard_typing_no_more", dict(type="typing", is_typing=False, user_id=B, device_id="tablet", conversation_id="g:team")),
    *(server(f"heard_signal_{act}", dict(type="signal", act=act, user_id=B, device_id="tablet", conversation_id="d:alice:bob",
                                         id="s-1", timestamp=AT))
      for act in ("recording", "paused", "resumed", "calling", "declined")),
    *(server(f"heard_presence_{status}", dict(type="presence", user_id=B, device_id="tablet", status=status), "EV-LIVE-2")
      for status in ("online", "offline", "away", "busy", "dnd", "recording", "resumed")),
    server("heard_presence_with_all", dict(type="presence", user_id=B, device_id="tablet", id="a-1", to=A, status="typing",
                                           location=dict(PLACE, altitude=34.5), ttl_s=90, timestamp=AT)),
    server("around", dict(type="around", presences=[dict(user_id=B, device_id="tablet", status="online"),
                                                    dict(user_id="carl", device_id="web", status="away", ttl_s=60)])),
    server("around_nobody", dict(type="around", presences=[])),
    server("heard_location", dict(type="location", user_id=B, device_id="tablet", to=A, location=PLACE, timestamp=AT), "EV-LIVE-3"),
]  # fmt: skip

FOUND = [
    server("answer_history", answer(messages=[found(), found(id=OTHER, seq=6, edition=2, marks=["delivered", "read"])],
                                    has_more=True), "EV-QRY-2"),
    server("answer_history_deleted", answer(messages=[found(content="", deleted=True, edition=1)], has_more=False)),
    server("answer_history_reactions", answer(messages=[found(reaction_edition=3, reactions=[
        dict(emoji="👍", count=2, mine=True, users=[A, B]), dict(emoji=":party_parrot:", count=1, mine=False, users=["carl"])])],
        has_more=False), "EV-RCT-3"),
    server("answer_history_empty", answer(messages=[], has_more=False)),
    server("answer_conversations", answer(conversations=[state()], has_more=False)),
    server("answer_conversations_none", answer(conversations=[], has_more=False)),
    server("answer_status", answer(status=progress(
        status="sent", counts=dict(recipients=3, delivered=2, read=1, exact=True, first_delivered_at=AT, first_read_at=AT),
        recipients=[
            dict(user_id=B, status="read", marks=["delivered", "read"], delivered_at=AT, read_at=AT, offset=9, devices=[],
                 more_devices=False),
            dict(user_id="carl", status="delivered", marks=["delivered"], delivered_at=AT),
            dict(user_id="dora", status="sent", marks=[], reason="not_filled", devices=[
                dict(device_id="a", state="acknowledged"), dict(device_id="b", state="sent", at=AT, connected_at=AT),
                dict(device_id="c", state="next", rows_before=2, connected_at=AT),
                dict(device_id="d", state="window_full", rows_before=300, connected_at=AT), dict(device_id="e", state="no_words"),
                dict(device_id="f", state="logged_out", at=AT), dict(device_id="g", state="offline", at=AT),
                dict(device_id="h", state="elsewhere"), dict(device_id="i", state="unknown")], more_devices=True)]),
        has_more=False), "EV-STAT-2"),
    *(server(f"answer_status_{reason}", answer(status=progress(
        status="pending", recipients=[dict(user_id=B, status="pending", marks=[], reason=reason)]), has_more=True))
      for reason in ("left_group", "never_connected", "untold")),
    server("answer_no_status", answer(status={})),
    server("answer_profile", answer(profile=dict(user_id=B, edition=2, name="Bob", about="hi", avatar="", last_seen=AT)), "EV-USR-3"),
    server("answer_no_profile", answer(profile={})),
    server("answer_address_book", answer(address_book=[dict(user_id=B, name="Bobby"), dict(user_id="carl", name="")], has_more=True)),
    server("answer_devices", answer(devices=[
        dict(device_id="phone", first_seen=AT, last_seen=AT, cursor=7, push=True),
        dict(device_id="radio", first_seen=AT, last_seen=AT, cursor=0, push=False, logged_out_before=AT)])),
    server("answer_blocked", answer(blocked=[B, "carl"], has_more=False)),
]  # fmt: skip

BAD = [
    bad("bad_told_nothing", dict(type="sent"), "of what?"),
    bad("bad_told_unknown", dict(type="send", to=B, content="x"), "a word of clients", "unknown -"),
    bad("bad_told_no_type", dict(offset=1), "of what type?", "malformed -"),
    bad("bad_welcome_epoch", dict(WELCOME, epoch=2**32), "32 bits"),
    bad("bad_welcome_without_head", without(WELCOME, "head"), "up to where?"),
    bad("bad_sent_without_offset", without(sent(), "offset"), "where is it?"),
    bad("bad_sent_between_others", sent(conversation_id="d:bob:carl"), "the sender is one of them"),
    bad("bad_row_without_offset", without(told(), "offset"), "a row has a place"),
    bad("bad_row_without_prev_offset", without(told(), "prev_offset"), "behind which?"),
    bad("bad_row_without_message", dict(type="new_message", **ROW), "what?"),
    bad("bad_row_message_text", dict(type="new_message", message="hello", **ROW), "an object"),
    bad("bad_row_without_content", told(content=None), "EV-BODY-1: it is always there"),
    bad("bad_row_time", told(created_at="yesterday"), "EV-TIME-1"),
    bad("bad_row_payload", told(payload="AP8"), "no Base64"),
    bad("bad_told_read_without_time", without(receipt("read", **ROW), "read_at"), "when?"),
    bad("bad_told_read_without_reader", without(receipt("read", **ROW), "reader_id"), "by whom?"),
    bad("bad_edited_without_message", without(revised("edited", content="x"), "message_id", "message_client_id"), "which?"),
    bad("bad_edited_without_content", revised("edited"), "to what?"),
    bad("bad_reaction_without_on", without(reacted(), "on"), "set or taken back?"),
    bad("bad_group_told_action", changed("explode"), "no such action"),
    bad("bad_group_told_role", changed("role", [A]), "which?"),
    bad("bad_group_told_ban_two", changed("ban", [A, B]), "one at a time"),
    bad("bad_user_told_by_nobody", without(kept("block", user_id=B), "by"), "by whom?"),
    bad("bad_around_text", dict(type="around", presences="nobody"), "a list"),
    bad("bad_around_65", dict(type="around", presences={"$list": [dict(user_id=B, device_id="web", status="online"), 65]}), "at most 64"),
    bad("bad_heard_typing_between_others", dict(type="typing", user_id=B, device_id="web", conversation_id="d:alice:carl"),
        "whoever types is one of them"),
    bad("bad_heard_presence_of_nobody", dict(type="presence", status="online"), "whose?"),
    bad("bad_done_unknown", done("dance"), "of what?"),
    bad("bad_done_ping", done("ping"), "a pong answers it"),
    bad("bad_refused_without_code", without(refused("send", "", "", client_id="c-1"), "code"), "why?"),
    bad("bad_answer_without_id", without(answer(messages=[]), "id"), "to what?"),
    bad("bad_answer_101_messages", answer(messages={"$list": [found(), 101]}), "at most 100"),
    bad("bad_answer_257_reactions", answer(messages={"$list": [found(reactions={"$list": [dict(emoji="x", count=1), 29]}), 9]}),
        "at most 256"),
    bad("bad_answer_33_reactions", answer(messages=[found(reactions={"$list": [dict(emoji="x", count=1), 33]})]), "at most 32"),
    bad("bad_answer_marks", answer(messages=[found(marks=["sent"])]), "no such mark"),
    bad("bad_bye_without_reason", dict(type="bye"), "why?"),
]  # fmt: skip

SERVER = [*SESSION, *ANSWERS, *ROWS, *LIVE, *FOUND, *BAD]
