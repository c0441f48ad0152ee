"""What no JSON Schema can say of our bodies and ids, for schemathesis: lengths in bytes, and parts that belong together."""

import schemathesis
from hypothesis import strategies as st


def _bytes(most, alphabet):
    text = st.text(alphabet, min_size=1, max_size=most)
    return text.filter(lambda it: len(it.encode()) <= most)


# Without what has no UTF-8; ids also without what they may not hold.
_ANY = st.characters(exclude_categories=["Cs"])
_PLAIN = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/.")
_ID = _bytes(64, _PLAIN)

schemathesis.openapi.format("bimip-id", _ID)
schemathesis.openapi.format("bimip-name", _bytes(64, _ANY))
schemathesis.openapi.format("bimip-emoji", _bytes(64, _PLAIN))
schemathesis.openapi.format("bimip-conversation", st.builds("g:{}".format, st.from_regex("[a-z0-9]{1,20}", fullmatch=True)))


@schemathesis.hook
def map_body(context, body):
    """A mention is a part of the text; a message has one body, of its kind; a log-out would end the run."""
    if not isinstance(body, dict):
        return body
    return body
