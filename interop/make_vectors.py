"""Makes those files of docs/protocol/vectors that no original encoder wrote, with the msgpack and protobuf packages and
Python's own json: `cargo xtask interop --vectors`. Files of other sources are left alone. The cases are in `cases_*.py`.
"""

import json
import sys

import bimip_pb2 as pb
import msgpack
from google.protobuf import json_format

import cases_chat
import cases_chat_conversations
import cases_conversations
import cases_events
import cases_events_told
import cases_scheme
import cases_users
import cases_walkie
from vectors import FOLDER, fields, hexed, native, resolved, written_out

SOURCE = {
    "voiceping": "interop/make_vectors.py, the Python package msgpack",
    "bimip.v1": "interop/make_vectors.py, the Python package protobuf",
    "events": "interop/make_vectors.py, json of Python",
    "chat": "interop/make_vectors.py, json of Python",
}
ORDER = [
    "name", "dialect", "direction", "user", "signed_in", "after", "hex", "meaning", "error", "answer", "closes", "note",
    "source",
]  # fmt: skip


def meaning_of(dialect, said):
    """The frame of a case and its meaning in the notation of the files."""
    if dialect == "voiceping":
        return msgpack.packb(native(said), use_bin_type=True), said
    if dialect in ("events", "chat"):
        return json.dumps(written_out(said)).encode(), said
    frame = json_format.ParseDict(resolved(said), pb.MessageScheme())
    # The mapping writes 64-bit numbers as text, and leaves out what is zero.
    meaning = json_format.MessageToDict(frame, preserving_proto_field_name=True)
    if "payload" in said.get("message", {}):
        meaning["message"]["payload"] = said["message"]["payload"]
    return frame.SerializeToString(), meaning


def text_of(dialect, case):
    case = dict(case, dialect=dialect, source=SOURCE[dialect])
    if "data" in case:
        case["hex"] = hexed(case.pop("data"))
    if "say" in case:
        data, case["meaning"] = meaning_of(dialect, case.pop("say"))
        case["hex"] = hexed(data + case.pop("behind", b""))
    for key in ("meaning", "answer"):
        if key in case:
            case[key] = json.dumps(case[key], ensure_ascii=False)
    assert set(case) <= set(ORDER), case
    return "".join(f"{key}: {case[key]}".rstrip() + "\n" for key in ORDER if key in case)


def files():
    """Path to text of all files that are made here."""
    made = {}
    tables = {
        "voiceping": cases_walkie.CASES,
        "bimip.v1": cases_scheme.CASES + cases_users.CASES,
        "events": cases_events.CLIENT + cases_events_told.SERVER,
        "chat": cases_chat.CLIENT + cases_chat.SERVER,
    }
    for dialect, cases in tables.items():
        for case in cases:
            path = FOLDER / dialect / f"{case['name']}.txt"
            assert path not in made, f"two cases are called {case['name']}"
            made[path] = text_of(dialect, case)
    for name, blocks in cases_conversations.CONVERSATIONS.items():
        made[FOLDER / "conversations" / f"{name}.txt"] = conversation("events", name, *blocks)
    for name, blocks in cases_chat_conversations.CONVERSATIONS.items():
        made[FOLDER / "chat_conversations" / f"{name}.txt"] = conversation("chat", name, *blocks)
    return made


def conversation(dialect, name, note, events):
    """A file of several blocks: what the conversation is about, and each frame in its turn."""
    head = dict(name=name, dialect=dialect, note=note, source=SOURCE[dialect])
    blocks = ["".join(f"{key}: {value}\n" for key, value in head.items())]
    for event in events:
        event = dict(event)
        if "meaning" in event:
            # As its writer writes it: a client as Python does by default, the server without spaces.
            tight = event["direction"] == "server-to-client"
            style = dict(separators=(",", ":"), ensure_ascii=False) if tight else {}
            event["hex"] = hexed(json.dumps(event["meaning"], **style).encode())
        if "text" in event:
            event["hex"] = hexed(event.pop("text").encode())
        for key in ("meaning", "opens"):
            if key in event:
                event[key] = json.dumps(event[key], ensure_ascii=False)
        order = ("who", "opens", "direction", "hex", "meaning", "closed")
        blocks.append("".join(f"{key}: {event[key]}\n" for key in order if key in event))
    return "\n".join(blocks)


def ours(path):
    return fields(path.read_text().split("\n\n")[0])["source"] in SOURCE.values()


def main():
    made = files()
    for path in FOLDER.glob("*/*.txt"):
        if path.parent.name != "transcripts" and path not in made and ours(path):
            path.unlink()
    for path, text in made.items():
        assert not path.exists() or ours(path), f"{path} was made by an original encoder"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    print(f"{len(made)} files in {FOLDER}")


if __name__ == "__main__":
    sys.exit(main())
