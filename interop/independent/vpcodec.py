"""VoicePing frames: msgpack by u-msgpack-python, with the two extensions of VP-FRAME-2."""

import io
import struct

import umsgpack

(STATUS0, START, STOP, AUDIO, CONNECTION, STATUS, START_ACK, STOP_ACK, START_FAILED, LOGIN_DUPLICATED) = (
    range(10)
)
USER_ADD, USER_REMOVE, TEXT, IMAGE, OFFLINE, DELIVERED, READ, TEXT_ACK, INTERACTIVE, INTERACTIVE_ACK = range(
    15, 25
)
CONNECTION_TEST, CONNECTION_ACK, UNAUTHORIZED_GROUP = 25, 26, 27
GROUP, PRIVATE = 0, 1
ABSENT = object()


class Undefined:
    def __repr__(self):
        return "undefined"


UNDEFINED = Undefined()
UNDEFINED_EXT = umsgpack.Ext(0, b"\0")


class Malformed(ValueError):
    pass


class Frame:
    def __init__(self, channel, kind, sender, to=ABSENT, payload=ABSENT, label=ABSENT, size=0, raw=b""):
        self.channel, self.kind, self.sender, self.to = channel, kind, sender, to
        self.payload, self.label, self.size, self.raw = payload, label, size, raw

    def __repr__(self):
        return repr(
            [
                x
                for x in (self.channel, self.kind, self.sender, self.to, self.label, self.payload)
                if x is not ABSENT
            ]
        )


def date(ms):
    return umsgpack.Ext(0, struct.pack(">q", ms))


def pack(values):
    """u-msgpack takes the smallest form of integers and lengths, and doubles."""
    return umsgpack.packb(
        values, force_float_precision="double", ext_handlers={Undefined: lambda _: UNDEFINED_EXT}
    )


def unpack(data):
    stream = io.BytesIO(data)
    try:
        value = umsgpack.unpack(stream)
    except (umsgpack.UnpackException, RecursionError) as e:
        raise Malformed(str(e) or type(e).__name__) from None
    if stream.tell() != len(data):
        raise Malformed("followed by other bytes")
    return value


def plain(value):
    if isinstance(value, umsgpack.Ext) and value.type == 0 and value.data == b"\0":
        return None
    return value


def read(data):
    value = unpack(data)
    if not isinstance(value, list) or not 3 <= len(value) <= 6:
        raise Malformed("no frame")
    f = Frame(value[0], value[1], plain(value[2]), size=len(value), raw=data)
    if len(value) > 3:
        f.to = plain(value[3])
    if len(value) > 4:
        f.payload = plain(value[-1])
    if len(value) == 6:
        f.label = plain(value[4])
    return f
