"""What the golden frames of the original router and its clients do not show of the msgpack dialect."""

from vectors import ANYTHING

A, B, TEAM = "acme_alice", "acme_bob", "acme_team"
TEXT_ID = "1_17_acme_bob_acme_alice_1763652000000.txt"
TEAM_ID = "0_17_acme_team_acme_alice_1763652000000.txt"
TALK_ID = "1_3_acme_bob_acme_alice_1763652000000_3120ms.opus"
LONG_ID = "000001o0000000000110"
UNDEFINED = {"$ext": [0, "00"]}
NOW = 1763652000000


def client(name, say, answer=(), user=A, **more):
    return dict(name=name, direction="client-to-server", user=user, say=say, answer=list(answer), **more)


def written(name, hex, meaning, answer, **more):
    """Bytes that no encoder writes."""
    made = client(name, None, answer, hex=hex, meaning=meaning, **more)
    del made["say"]
    return made


def bad(name, say, error, note, answer=(), user=A, **more):
    made = client(name, say, answer, user, error=error, note=note, **more)
    if isinstance(say, str):  # hex
        made["hex"] = made.pop("say")
    return made


def server(name, say, note=None, user=A):
    made = dict(name=name, direction="server-to-client", user=user, say=say)
    return dict(made, note=note) if note else made


def acked(kind, to=B, channel=1, user=A):
    return [[channel, kind, user, to, ANYTHING, "Acknowledged"]]


def started(payload, to=B, channel=1, user=A):
    return [[channel, 6, user, to, payload]]


CASES = [
    # Talks (VP-TALK-1, VP-TALK-2, VP-FRAME-3).
    client("start_with_label", [1, 1, A, B, "mine", NOW], [[1, 6, A, B, "mine", NOW]],
           note="the label of six elements comes back, and names nothing"),
    client("start_with_nil_label", [1, 1, A, B, None, NOW], started(NOW)),
    client("start_with_undefined_label", [1, 1, A, B, UNDEFINED, NOW], started(NOW)),
    client("start_nil", [1, 1, A, B, None], started("Acknowledged")),
    client("start_undefined", [1, 1, A, B, UNDEFINED], started("Acknowledged")),
    client("start_zero", [1, 1, A, B, 0], started("Acknowledged")),
    client("start_false", [1, 1, A, B, False], started("Acknowledged")),
    client("start_empty_text", [1, 1, A, B, ""], started("Acknowledged")),
    client("start_bytes", [1, 1, A, B, {"$bin": "00ff"}], started({"$bin": "00ff"})),
    client("start_text", [1, 1, A, B, "hello"], started("hello")),
    client("start_map", [1, 1, A, B, {"$map": {"a": 1}}], started({"$map": {"a": 1}})),
    client("start_date", [1, 1, A, B, {"$ext": [0, "0000019aa1d9d900"]}], started({"$ext": [0, "0000019aa1d9d900"]}),
           note="type 0 with eight bytes: a date in milliseconds"),
    client("start_to_oneself", [1, 1, A, A, NOW], started(NOW, to=A)),
    client("start_integer_ids", [1, 1, 1, 2, NOW], started(NOW, to=2, user=1), user=1),
    written("start_wide_integers", "95ce00000001cd0001aa61636d655f616c696365a861636d655f626f62cf0000019aa1d9d900",
            [1, 1, A, B, NOW], started(NOW), note="integers need not be in their smallest form"),
    client("start_group_integer_ids", [0, 1, 1, 18, 5], started("5", to=18, channel=0, user=1), user=1,
           note="on the group channel the payload comes back as text"),
    client("stop_with_label", [1, 2, A, B, "mine", None], acked(7)),
    client("stop_group", [0, 2, A, TEAM], acked(7, TEAM, 0), note="a talk that nobody began is acknowledged all the same"),
    client("audio_text", [1, 3, A, B, "not bytes"], note="relayed as it came"),
    client("audio_4096_bytes", [1, 3, A, B, {"$bin": "5a*4096"}]),
    # Messages (VP-TEXT-1).
    client("text_bytes", [1, 17, A, B, {"$bin": "68656c6c6f"}], acked(22), note="bytes that are UTF-8 are text"),
    client("text_bytes_json", [1, 17, A, B, {"$bin": "7b2274657874223a2268227d"}], acked(22)),
    client("text_bytes_not_utf8", [1, 17, A, B, {"$bin": "ff00"}], acked(22)),
    client("text_number", [1, 17, A, B, 42], acked(22)),
    client("text_true", [1, 17, A, B, True], acked(22)),
    client("text_float", [1, 17, A, B, 1.5], acked(22)),
    client("text_list", [1, 17, A, B, [1, "two"]], acked(22), note="the JSON text of the list"),
    client("text_with_label", [1, 17, A, B, "mine", "six"], acked(22)),
    client("text_to_oneself", [1, 17, A, A, "note"], acked(22, to=A)),
    client("text_integer_ids", [1, 17, 1, 2, "seven"], acked(22, to=2, user=1), user=1),
    client("text_group", [0, 17, A, TEAM, "to all"], acked(22, TEAM, 0)),
    client("text_nested_32", [1, 17, A, B, {"$nested": 32}], acked(22), note="as deep as a payload may be"),
    client("image_private_bytes", [1, 18, A, B, {"$bin": "89504e47"}], acked(22)),
    client("image_private_json", [1, 18, A, B, '{"url":"https://host/a.png"}'], acked(22)),
    client("interactive_bytes", [1, 23, A, B, {"$bin": "7b2271223a317d"}], acked(24)),
    client("interactive_text", [1, 23, A, B, "plain"], acked(24)),
    client("interactive_group", [0, 23, A, TEAM, '{"q":1}'], acked(24, TEAM, 0)),
    # Receipts (VP-RECEIPT-1): no answer to the reader.
    client("delivered_one", [1, 20, B, A, TEXT_ID], user=B),
    client("delivered_long_id", [1, 20, B, A, LONG_ID], user=B, note="the id of 20 characters that bimip.v1 shows"),
    client("delivered_many", [1, 20, B, A, f'["{TEXT_ID}","{TALK_ID}"]'], user=B),
    client("delivered_many_bytes", [1, 20, B, A, {"$bin": f'["{TEXT_ID}"]'.encode().hex()}], user=B),
    client("delivered_in_slot_4", [1, 20, B, A, TEXT_ID, None], user=B),
    client("delivered_none", [1, 20, B, A, "[]"], user=B),
    client("delivered_256", [1, 20, B, A, "[" + ",".join([f'"{TEXT_ID}"'] * 256) + "]"], user=B),
    client("delivered_group", [0, 20, B, TEAM, TEAM_ID], user=B),
    client("read_in_slot_4", [1, 21, B, A, TEXT_ID, None], user=B),
    client("read_group", [0, 21, B, TEAM, TEAM_ID], user=B),
    # Groups (VP-GROUP-1).
    client("join_5elem", [0, 15, A, TEAM, "ignored"]),
    client("join_6elem", [0, 15, A, TEAM, "ignored", {"$bin": "00"}]),
    client("join_group_nil_sender", [0, 15, None, TEAM]),
    client("join_group_undefined_sender", [0, 15, UNDEFINED, TEAM]),
    client("join_group_other_sender", [0, 15, "somebody", TEAM], note="no claim is compared: the user of the connection joins"),
    client("join_group_map_sender", [0, 15, {"$map": {"a": [1]}}, TEAM]),
    client("leave_group_nested_sender", [0, 16, [[], {"$map": {}}], TEAM]),
    client("leave_group_num", [0, 16, 1, 18], user=1),
    client("leave_twice", [0, 16, A, "a group nobody is in"]),
    # The rest.
    client("connection_without_token", [0, 4, A, None], note="takes the push token back"),
    client("connection_zero", [0, 4, 0, None, "token"], note="integer 0 claims nobody here"),
    client("connection_bytes", [0, 4, A, None, {"$bin": "00ff"}]),
    client("connection_test_nil", [1, 25, A, 0, None], [[1, 26, 0, A, None]]),
    client("connection_test_3elem", [1, 25, A], [[1, 26, 0, A, None]]),
    client("connection_test_bytes", [1, 25, A, None, {"$bin": "01"}], [[1, 26, 0, A, {"$bin": "01"}]]),
    client("connection_test_zero", [1, 25, 0, 0, 7], [[1, 26, 0, A, 7]]),
    client("connection_test_integer_id", [1, 25, 1, 0, 7], [[1, 26, 0, 1, 7]], user=1),
    # Refused, readable: the connection lives on and nothing is said (VP-FRAME-2, VP-ID-1, VP-ID-3, VP-TEXT-2).
    bad("bad_from_somebody_else", [1, 17, B, A, "x"], "not_yourself 17", "from is not the user of the connection"),
    bad("bad_from_zero", [1, 17, 0, B, "x"], "not_yourself 17", "0 claims nobody in kinds 4, 5, 19 and 25 alone"),
    bad("bad_from_nil", [1, 17, None, B, "x"], "malformed 0", "no id"),
    bad("bad_from_float", [1, 17, 1.5, B, "x"], "malformed 0", "no id"),
    bad("bad_from_negative", [1, 17, -1, B, "x"], "malformed 0", "ids are 0 to 2147483647"),
    bad("bad_from_too_large", [1, 17, 2147483648, B, "x"], "malformed 0", "ids are 0 to 2147483647"),
    bad("bad_from_bytes", [1, 17, {"$bin": "61"}, B, "x"], "malformed 0", "no id"),
    bad("bad_from_empty", [1, 17, "", B, "x"], "field 17", "no user id"),
    bad("bad_to_nil", [1, 17, A, None, "x"], "malformed 0", "to is needed here"),
    bad("bad_to_zero", [1, 17, A, 0, "x"], "malformed 0", "to is needed here"),
    bad("bad_to_missing", [1, 1, A], "malformed 0", "to is needed here"),
    bad("bad_to_path", [1, 17, A, "../" + B, "x"], "field 17", "no user id"),
    bad("bad_to_empty", [1, 17, A, "", "x"], "field 17", "no user id"),
    bad("bad_to_map", [1, 17, A, {"$map": {}}, "x"], "malformed 0", "no id"),
    bad("bad_kind_text", [1, "17", A, B, "x"], "malformed 0", "a kind is an integer"),
    bad("bad_kind_negative", [1, -1, A, B, "x"], "unknown 4294967295", "an integer, and no kind: skipped and counted"),
    bad("bad_kind_28", [1, 28, A, B, "x"], "unknown 28", "all kinds up to 27 are named"),
    bad("bad_kind_large", [1, 4294967295, A, B, "x"], "unknown 4294967295", "skipped and counted"),
    bad("bad_channel_text", ["1", 17, A, B, "x"], "malformed 0", "a channel is 0 or 1"),
    bad("bad_channel_nil", [None, 17, A, B, "x"], "malformed 0", "a channel is 0 or 1"),
    bad("bad_seven_elements", [1, 17, A, B, "mine", "x", "one too many"], "malformed 0", "3 to 6 elements are a frame"),
    bad("bad_no_elements", [], "malformed 0", "3 to 6 elements are a frame"),
    bad("bad_label_number", [1, 1, A, B, 7, NOW], "malformed 0", "a label is a string, nil or undefined"),
    bad("bad_text_absent", [1, 17, A, B], "field 17", "an absent payload"),
    bad("bad_text_undefined", [1, 17, A, B, UNDEFINED], "field 17", "undefined is nil"),
    bad("bad_text_map_with_bytes", [1, 17, A, B, {"$map": {"a": {"$bin": "00"}}}], "field 17", "bytes have no JSON"),
    bad("bad_text_nested_33", [1, 17, A, B, {"$nested": 33}], "malformed 0", "too deep"),
    bad("bad_text_ext_of_another_type", [1, 17, A, B, {"$ext": [1, "00"]}], "malformed 0", "only undefined and dates"),
    bad("bad_text_ext_of_another_length", [1, 17, A, B, {"$ext": [0, "0000"]}], "malformed 0", "only undefined and dates"),
    bad("bad_text_too_long", [1, 17, A, B, {"$str": ["a", 262144]}], "too_long 0", "over 256 KiB: the connection is closed",
        closes=1009),
    bad("bad_audio_absent", [1, 3, A, B], "field 3", "audio without sound"),
    bad("bad_audio_nil", [1, 3, A, B, None], "field 3", "audio without sound"),
    bad("bad_audio_4097_bytes", [1, 3, A, B, {"$bin": "5a*4097"}], "too_long 0", "dropped and counted"),
    bad("bad_delivered_no_id", [1, 20, B, A, "no message id"], "field 20", "one unreadable name refuses the frame", user=B),
    bad("bad_delivered_one_no_id", [1, 20, B, A, f'["{TEXT_ID}","x"]'], "field 20", "one unreadable name refuses all", user=B),
    bad("bad_delivered_path", [1, 20, B, A, "1_17_../a_b_1.txt"], "field 20", "a name with `..` is no message id", user=B),
    bad("bad_delivered_257", [1, 20, B, A, "[" + ",".join([f'"{TEXT_ID}"'] * 257) + "]"], "field 20", "at most 256",
        user=B),
    bad("bad_read_many", [1, 21, B, A, f'["{TEXT_ID}"]'], "field 21", "READ names one message", user=B),
    bad("bad_read_nil", [1, 21, B, A, None], "field 21", "which message?", user=B),
    bad("bad_join_without_group", [0, 15, A], "malformed 0", "no group in slot 3"),
    bad("bad_join_nil_group", [0, 15, A, None], "malformed 0", "no group in slot 3"),
    bad("bad_join_private", [1, 15, A, B], "unsupported 15", "between two there is nothing to join"),
    bad("bad_leave_private", [1, 16, A, B], "unsupported 16", "between two there is nothing to leave"),
    bad("bad_connection_number", [0, 4, A, None, 7], "field 4", "a push token is a string or bytes"),
    bad("bad_not_utf8", "950111aa61636d655f616c696365a861636d655f626f62a2ff00", "malformed 0", "a string that is not UTF-8"),
    bad("bad_text_cut_off", "950111aa61636d655f616c696365a861636d655f626f62a568656c6c", "malformed 0", "one byte is missing"),
    bad("bad_two_frames", "930004aa61636d655f616c696365930004aa61636d655f616c696365", "malformed 0", "one frame per message"),
    bad("bad_endless_map", "950111aa61636d655f616c696365a861636d655f626f62dfffffffff", "malformed 0",
        "a claimed length never reserves memory"),
    *(bad(f"unsupported_{name}", [1, kind, A, B, "x"], f"unsupported {kind}", "read and refused")
      for kind, name in [(0, "kind_0"), (5, "status"), (10, "kind_10"), (11, "kind_11"), (12, "kind_12"), (13, "kind_13"),
                         (14, "kind_14"), (19, "offline")]),
    *(bad(f"server_word_{kind}", [1, kind, A, B, "x"], f"unsupported {kind}", "a word of servers")
      for kind in (6, 7, 8, 9, 22, 24, 26, 27)),
    # Refused by what the server knows (VP-GROUP-2).
    bad("text_stranger", [0, 17, A, "strangers", "psst"], "not_member 17", "not in that group",
        [[0, 27, A, "strangers", "Unauthorized Group"]]),
    bad("start_stranger", [0, 1, A, "strangers", NOW], "not_member 1", "not in that group",
        [[0, 27, A, "strangers", "Unauthorized Group"], [0, 8, A, "strangers", "Ack Failed"]]),
    # What a server writes.
    server("start_relay", [1, 1, A, B, NOW], user=B),
    server("start_relay_with_label", [1, 1, A, B, "mine", NOW], user=B),
    server("start_relay_nil", [1, 1, A, B, None], "an absent, nil or undefined payload is relayed as nil", B),
    server("start_relay_group", [0, 1, A, TEAM, NOW], user=B),
    server("start_relay_integer_ids", [1, 1, 1, 2, NOW], user=2),
    server("audio_relay", [1, 3, A, B, {"$bin": "00ff10"}], user=B),
    server("audio_relay_with_label", [1, 3, A, B, "mine", {"$bin": "00ff10"}], user=B),
    server("audio_relay_group", [0, 3, A, TEAM, {"$bin": "00ff10"}], user=B),
    server("start_ack_with_label", [1, 6, A, B, "mine", NOW]),
    server("start_ack_bytes", [1, 6, A, B, {"$bin": "00ff"}]),
    server("start_ack_integer_ids", [1, 6, 1, 2, NOW], user=1),
    server("start_failed_private", [1, 8, A, B, "Ack Failed"]),
    server("start_failed_busy_integer_ids", [0, 8, 1, 18, "Busy"], user=1),
    server("unauthorized_group_integer_ids", [0, 27, 1, 18, "Unauthorized Group"], user=1),
    server("stop_ack_integer_ids", [1, 7, 1, 2, "1_3_2_1_1763652000000_3120ms.opus", "Acknowledged"], user=1),
    server("stop_forward", [1, 2, A, B, f'{{"message_id":"{TALK_ID}","duration":3120}}'], "message_id first (VP-TALK-4)", B),
    server("stop_forward_group", [0, 2, A, TEAM,
                                  '{"message_id":"0_3_acme_team_acme_alice_1763652000000_3120ms.opus","duration":3120}'],
           user=B),
    server("text_ack_group", [0, 22, A, TEAM, TEAM_ID, "Acknowledged"]),
    server("text_ack_integer_ids", [1, 22, 1, 2, "1_17_2_1_1763652000000.txt", "Acknowledged"], user=1),
    server("interactive_ack", [1, 24, A, B, "1_23_acme_bob_acme_alice_1763652000000.txt", "Acknowledged"]),
    server("image_ack", [1, 22, A, B, "1_18_acme_bob_acme_alice_1763652000000.txt", "Acknowledged"]),
    server("text_forward_group", [0, 17, A, TEAM, f'{{"message_id":"{TEAM_ID}","text":"to all"}}'], user=B),
    server("text_forward_keys", [1, 17, A, B, f'{{"message_id":"{TEXT_ID}","price":1.10,"big":12345678901234567890123,"a":[null]}}'],
           "values are unchanged to the digit (VP-TEXT-3)", B),
    server("text_forward_encrypted", [1, 17, A, B, f'{{"message_id":"{TEXT_ID}","text":"[encrypted message]"}}'], "VP-TEXT-4", B),
    server("image_forward_bytes", [1, 18, A, B, "1_18_acme_bob_acme_alice_1763652000000.txt", {"$bin": "89504e47"}],
           "six elements, the id in slot 4 (VP-IMAGE-1)", B),
    server("image_forward_json", [1, 18, A, B,
                                  '{"message_id":"1_18_acme_bob_acme_alice_1763652000000.txt","url":"https://host/a.png"}'],
           user=B),
    server("interactive_forward_group", [0, 23, A, TEAM,
                                         '{"message_id":"0_23_acme_team_acme_alice_1763652000000.txt","text":"\\"{\\\\\\"q\\\\\\":1}\\""}'],
           "an object is written as a JSON string (VP-TEXT-5)", B),
    server("delivered_receipt", [1, 20, B, A, TEXT_ID], "reader, then author (VP-RECEIPT-2)"),
    server("read_receipt", [1, 21, B, A, TEXT_ID]),
    server("delivered_receipt_group", [0, 20, B, A, TEAM_ID], "the author stands in slot 3, and the id names the group"),
    server("read_receipt_integer_ids", [1, 21, 2, 1, "1_17_2_1_1763652000000.txt"], user=1),
    server("connection_ack", [1, 26, 0, A, "ping-1"], "from is the integer 0 (VP-ID-2)"),
    server("connection_ack_nil", [1, 26, 0, A, None]),
    server("connection_ack_number", [1, 26, 0, A, NOW]),
    server("connection_ack_integer_id", [1, 26, 0, 1, {"$bin": "00"}], user=1),
    server("login_duplicated_integer_id", [1, 9, 0, 1, "userId 1 has logged in from another deviceId devZ"], user=1),
]  # fmt: skip
