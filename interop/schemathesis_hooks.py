"""What no JSON Schema can say of our ids and bodies, for schemathesis: lengths in bytes, and parts that belong together."""

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode


def _bytes(least, most, alphabet):
    """Of so many bytes, however many characters those are."""
    return st.text(alphabet, min_size=1, max_size=most).filter(lambda it: least <= len(it.encode()) <= most)


# Without what has no UTF-8; ids also without what they may not hold.
_ANY = st.characters(exclude_categories=["Cs"])
_PLAIN = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/.")

schemathesis.openapi.format("bimip-id", _bytes(1, 64, _PLAIN))
schemathesis.openapi.format("bimip-name", _bytes(1, 64, _ANY))
schemathesis.openapi.format("bimip-emoji", _bytes(1, 64, _PLAIN))
schemathesis.openapi.format("bimip-password", _bytes(8, 64, _ANY))
schemathesis.openapi.format("bimip-conversation", st.from_regex("g:[a-z0-9]{1,20}", fullmatch=True))

# A message has one body.
_BODIES = ["content", "body", "data", "payload"]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes sense of what is right part by part; what has to be refused is left as it is."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if case.query and "before_id" in case.query:
        case.query.pop("after_id", None)
    for name, value in (case.path_parameters or {}).items():
        if isinstance(value, str) and len(value.encode()) > 256:
            case.path_parameters[name] = value[:64]
    if isinstance(case.body, dict):
        case.body = _whole(case.body)
        _mend(case.body)


def _whole(value):
    """To JSON Schema 1.0 is a whole number, to CT-JSON-2 it is not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list) else value


def _mend(body):
    if body.get("conversation_id") is not None:
        body.pop("to", None)
    if body.get("conversation_type") == "direct":
        del body["participant_ids"][1:]
    there = [name for name in _BODIES if body.get(name) is not None]
    if not there:
        return
    for other in [*there[1:], "encryption"]:
        body.pop(other, None)
    # A mention has to be a part of the text, content one of its kind, and the kind of an edit that of its message.
    body.pop("mentions", None)
    body["message_type"] = "text"
    if there[0] == "body":
        body["body"] = {"text": "hello"}
