"""What no JSON Schema can say of our ids and bodies, for schemathesis: lengths in bytes, and parts that belong together."""

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode


def _bytes(most, alphabet):
    return st.text(alphabet, min_size=1, max_size=most).filter(lambda it: len(it.encode()) <= most)


# Without what has no UTF-8; ids also without what they may not hold.
_ANY = st.characters(exclude_categories=["Cs"])
_PLAIN = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/.")
_CONVERSATION = st.from_regex("[a-z0-9]{1,20}", fullmatch=True).map("g:{}".format)

schemathesis.openapi.format("bimip-id", _bytes(64, _PLAIN))
schemathesis.openapi.format("bimip-name", _bytes(64, _ANY))
schemathesis.openapi.format("bimip-emoji", _bytes(64, _PLAIN))
schemathesis.openapi.format("bimip-conversation", _CONVERSATION)

# A message has one body; the ones that a kind does not have are left out.
_BODIES = ["content", "body", "data", "payload"]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes sense of what is right part by part; what has to be refused is left as it is."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if case.query and "before_id" in case.query:
        case.query.pop("after_id", None)
    if isinstance(case.body, dict):
        _mend(case.body)


def _mend(body):
    if body.get("conversation_id") is not None:
        body.pop("to", None)
    if body.get("conversation_type") == "direct":
        del body["participant_ids"][1:]
    if body.get("content") is not None:
        for other in [*_BODIES[1:], "encryption"]:
            body.pop(other, None)
        # What is there has to be a part of the text, and a sticker is no text.
        body.pop("mentions", None)
        if body.get("message_type") in ("voice_note", "circle_video", "sticker"):
            body["message_type"] = "text"
    elif any(body.get(name) is not None for name in _BODIES):
        for name in ("mentions", "reply_to_id"):
            body.pop(name, None)
        body["message_type"] = "text"
        if body.get("payload") is not None or body.get("data") is not None:
            body.pop("body", None)
        elif body.get("body") is not None:
            body["body"] = {"text": "hello"}
