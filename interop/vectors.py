"""Reads the vectors of docs/protocol/vectors. The format is stated in the README there."""

import base64
import itertools
import json
import pathlib

import msgpack

FOLDER = pathlib.Path(__file__).parent.parent / "docs/protocol/vectors"
ANYTHING = {"$any": True}
STEP = ("as", "method", "path", "headers", "body", "text", "status", "answer_headers", "answer", "events", "rules", "note")
IN_JSON = ("meaning", "answer", "opens", "server", "headers", "body", "status", "answer_headers", "events")


def fields(text):
    """`key: value` lines to a dict."""
    return dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in text.splitlines())


def unhex(text):
    """Words of hex; `61*3` is `616161`."""
    words = (word.partition("*") for word in text.split())
    return b"".join(bytes.fromhex(digits) * int(times or 1) for digits, _, times in words)


def parsed(text):
    made = fields(text)
    for key in IN_JSON:
        if key in made:
            made[key] = json.loads(made[key])
    if "hex" in made:
        made["bytes"] = unhex(made["hex"])
    return made


def load(dialect):
    """All cases of a dialect by name."""
    files = sorted((FOLDER / dialect).glob("*.txt"))
    cases = {file.stem: parsed(file.read_text()) for file in files}
    assert all(name == case["name"] and dialect == case["dialect"] for name, case in cases.items())
    return cases


def transcripts(folder="transcripts"):
    """Name to events: frames, and how connections begin and end, in order."""
    made = {}
    for file in sorted((FOLDER / folder).glob("*.txt")):
        head, *events = file.read_text().split("\n\n")
        assert fields(head)["name"] == file.stem
        made[file.stem] = [parsed(event) for event in events if event]
    return made


def stories():
    """Name to what the story is about and to its requests with their answers, in order."""
    made = {}
    for file in sorted((FOLDER / "http").glob("*.txt")):
        head, *steps = map(parsed, file.read_text().split("\n\n"))
        assert head["name"] == file.stem and head["dialect"] == "http"
        made[file.stem] = head, steps
    return made


def native(value):
    """A value in the notation for msgpack, as the msgpack package packs it."""
    if isinstance(value, list):
        return [native(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((rule, inner),) = value.items()
    if rule == "$bin":
        return unhex(inner)
    if rule == "$str":
        text, times = inner
        return text * times
    if rule == "$map":
        return {key: native(item) for key, item in inner.items()}
    if rule == "$ext":
        number, data = inner
        return msgpack.ExtType(number, unhex(data))
    if rule == "$list":
        item, times = inner
        return [native(item)] * times
    assert rule == "$nested", rule
    made = None
    for _ in range(inner):
        made = [made]
    return made


def hexed(data):
    """What `unhex` reads; a byte that repeats more than 64 times is written once."""
    runs = ((byte, len(list(run))) for byte, run in itertools.groupby(data))
    words, plain = [], ""
    for byte, times in runs:
        if times <= 64:
            plain += f"{byte:02x}" * times
        else:
            words += [plain, f"{byte:02x}*{times}"] if plain else [f"{byte:02x}*{times}"]
            plain = ""
    return " ".join([*words, plain] if plain else words)


def fits(stated, said):
    """Whether a frame says what is stated: in an object the fields that are named, `{"$any": true}` is anything."""
    if stated == ANYTHING:
        return True
    if isinstance(stated, dict) and isinstance(said, dict):
        return all(key in said and fits(value, said[key]) for key, value in stated.items())
    if isinstance(stated, list) and isinstance(said, list):
        return len(stated) == len(said) and all(map(fits, stated, said))
    return stated == said and type(stated) is type(said)


def base64_of(data):
    """Bytes, as the JSON mapping of protobuf writes them."""
    return base64.b64encode(data).decode()


def written_out(value):
    """A meaning in JSON, `{"$str": ..}` and `{"$list": ..}` written out."""
    if isinstance(value, dict):
        if set(value) == {"$str"}:
            text, times = value["$str"]
            return text * times
        if set(value) == {"$list"}:
            item, times = value["$list"]
            return [written_out(item)] * times
        return {key: written_out(item) for key, item in value.items()}
    return [written_out(item) for item in value] if isinstance(value, list) else value


def resolved(value):
    """A meaning in the JSON mapping, `{"$bin": ..}` written out."""
    if isinstance(value, dict):
        if set(value) == {"$bin"}:
            return base64_of(unhex(value["$bin"]))
        return {key: resolved(item) for key, item in value.items()}
    return [resolved(item) for item in value] if isinstance(value, list) else value
