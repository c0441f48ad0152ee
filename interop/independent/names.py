"""Names on the wire, and the clock."""

import time
import urllib.parse


def now_ms():
    return int(time.time() * 1000)


def percent(text):
    return urllib.parse.quote(text.encode(), safe="-._~")  # letters and digits are always safe


def group_conversation(group):
    return "g:" + percent(group)


def private_conversation(one, other):
    """DM-ID-2: the smaller bytes first."""
    return "d:" + ":".join(percent(id) for id in sorted((one, other), key=str.encode))
