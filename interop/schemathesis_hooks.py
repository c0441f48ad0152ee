"""What no JSON Schema can say of our bodies and ids, for schemathesis: lengths in bytes, and parts that belong together."""

import schemathesis
from hypothesis import strategies as st


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


def _is_positive(context):
    return True


@schemathesis.hook
def map_query(context, query):
    """A page goes one way."""
    if query and "before_id" in query and "after_id" in query:
        query = {name: value for name, value in query.items() if name != "after_id"}
    return query
