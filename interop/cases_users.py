"""What users keep, in both directions: route 20, and the asks 5 to 8 of route 18."""

from cases_scheme import A, B, NOW, PHONE, SENTENCES, TABLET, answered, bad, client, query, server

BLOCKED = "this user takes no messages from you"


def user(**more):
    """A client's; what is given as None is left out."""
    made = dict(dict(type=1, id="u-1", **{"from": PHONE}), **more)
    return dict(route=20, user={key: value for key, value in made.items() if value is not None})


def changed(offset, prev, action, **more):
    """A row."""
    row = dict(type=4, action=action, **{"from": dict(TABLET, eid=A)}, user_offset=str(offset), prev_offset=prev, server_time=NOW)
    return user(**dict(row, **more))


def done(offset, **more):
    return [{"route": "20", "user": dict(dict(type=2, id="u-1", user_offset=str(offset)), **more)}]


def found(ask, **more):
    said = answered(ask, [], **more)
    del said["query"]["rows"]
    return said


CLIENT = [
    # BM-USR-1, BM-USR-2: of a user who keeps nothing yet.
    client("user_profile", user(action=1, name="Ann", about="out sailing", avatar="https://example.org/ann.png"), done(1, edition=1)),
    client("user_profile_in_part", user(action=1, about="out sailing"), done(1, edition=1)),
    client("user_profile_to_nothing", user(action=1, name="", about="", avatar=""), done(0), note="nothing changes"),
    client("user_save", user(action=2, user=B, name="Bobby"), done(1)),
    client("user_save_without_name", user(action=2, user=B), done(1)),
    client("user_forget", user(action=3, user=B), done(0), note="nothing changes"),
    client("user_block", user(action=4, user=B), done(1)),
    client("user_unblock", user(action=5, user=B), done(0), note="nothing changes"),
    client("user_remove_device", user(action=6, device="lost"), done(1)),
    client("user_block_oneself", user(action=4, user=A),
           [{"route": "20", "user": dict(type=3, id="u-1", code=422, error="the field user is missing or not valid")}]),
    bad("bad_user_without_id", user(action=4, user=B, id=""), "field 20", "whose answer?"),
    bad("bad_user_without_action", user(user=B), "field 20", "what about them?"),
    bad("bad_user_action_7", user(action=7, user=B), "field 20", "what about them?"),
    bad("bad_user_block_nobody", user(action=4), "field 20", "whom?"),
    bad("bad_user_save_with_a_path", user(action=2, user="a/b"), "field 20", "not a user's name (DM-ID-1)"),
    bad("bad_user_remove_no_device", user(action=6), "field 20", "which device?"),
    bad("bad_user_type_2", user(type=2, action=4, user=B), "field 20", "a server's word"),
    # BM-QRY-5
    *(client(name, query(**say), [dict(found(say["ask"]), route="18")]) for name, say in [
        ("query_profile", dict(ask=5, to=dict(eid="zoe"))),
        ("query_address_book", dict(ask=6, limit=50)),
        ("query_address_book_after", dict(ask=6, after_id="zoe")),
        ("query_devices", dict(ask=7)),
        ("query_blocked", dict(ask=8, after_id="zoe", limit=1)),
    ]),
    bad("bad_query_profile_of_nobody", query(ask=5), "field 18", "whose?"),
    bad("bad_query_address_book_after_a_path", query(ask=6, after_id="a/b"), "field 18", "not a user's name (DM-ID-1)"),
]  # fmt: skip

SERVER = [
    server("user_changed", dict(route=20, user=dict(type=2, id="u-1", edition=3, user_offset="9")), "BM-USR-2"),
    server("user_refused", dict(route=20, user=dict(type=3, id="u-1", code=471, error=SENTENCES["full"])), "BM-USR-2"),
    server("user_refused_for_now", dict(route=20, user=dict(type=3, id="u-1", code=503, error=SENTENCES["unavailable"],
                                                           retry_after_ms=1000)), "BM-USR-2"),
    server("deliver_profile", changed(9, 8, 1, name="Ann", about="", avatar="https://example.org/ann.png", edition=3), "BM-USR-3"),
    server("deliver_saved", changed(9, 8, 2, user=B, name="Bobby"), "BM-USR-3"),
    server("deliver_forgotten", changed(9, 8, 3, user=B), "BM-USR-3"),
    server("deliver_blocked", changed(9, 8, 4, user=B, edition=3), "BM-USR-3"),
    server("deliver_unblocked", changed(9, 8, 5, user=B), "BM-USR-3"),
    server("deliver_device_removed", changed(9, 8, 6, device="lost"), "BM-USR-3"),
    server("message_to_who_blocks", dict(route=7, signal=dict(id="c-1", status=1, to=PHONE, type=3, error=BLOCKED, code=445)), "BM-ERR-1"),
    server("query_answered_profile", found(5, users=[dict(eid=B, name="Bob", about="hi", edition=2, last_seen=str(NOW))]), "BM-QRY-5"),
    server("query_answered_no_profile", found(5), "BM-QRY-5"),
    server("query_answered_address_book", found(6, users=[dict(eid=B, name="Bobby"), dict(eid="carl")], more=True), "BM-QRY-5"),
    server("query_answered_devices", found(7, devices=[dict(device="phone", first_seen=str(NOW), last_seen=str(NOW + 5), cursor="7",
                                                            push=True), dict(device="radio", first_seen=str(NOW), last_seen=str(NOW),
                                                                             logged_out=str(NOW))]), "BM-QRY-5"),
    server("query_answered_blocked", found(8, users=[dict(eid=B)]), "BM-QRY-5"),
    *(dict(server(f"bad_{name}", say, note), error=error) for name, say, error, note in [
        ("server_user_asked", user(action=4, user=B), "field 20", "a word of clients"),
        ("user_row_without_offset", changed(9, 8, 4, user=B, user_offset=None), "field 20", "a row has a place"),
        ("user_row_without_device", changed(9, 8, 4, user=B, **{"from": {"eid": A}}), "field 20", "a row has a device"),
        ("user_row_without_user", changed(9, 8, 4), "field 20", "a row says whom"),
        ("query_answered_two_profiles", found(5, users=[dict(eid=A), dict(eid=B)]), "field 18", "one was asked for"),
    ]),
]  # fmt: skip

CASES = [*CLIENT, *SERVER]
